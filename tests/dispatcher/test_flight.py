"""Calls that go on while others are prepared: that they do, what a fault of one does to the others, and small pools."""

import threading
from contextlib import suppress
from typing import Any

import pytest
import redis as redis_py

from making import HOUR, US, Told, dispatcher, now_us, waiting
from making_schedules import new, put, spec
from rq_scheduler.dispatcher import Options
from rq_scheduler.dispatcher.flight import ROOM, Flights
from rq_scheduler.store import Store
from support import PATIENCE

DUE = 700


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def due(redis: redis_py.Redis, store: Store) -> None:
    put(store, *(new(redis, f"s{n:03}", now_us(redis) - 1000 + n) for n in range(DUE)))


def commits(monkeypatch: pytest.MonkeyPatch, around: Any) -> None:
    """Lets `around(number, commit)` make each commit, counted from 0."""
    commit, numbers = Store.fire_schedules, iter(range(1000))

    def fire_schedules(self: Store, *args: Any, **options: Any) -> Any:
        return around(next(numbers), lambda: commit(self, *args, **options))

    monkeypatch.setattr(Store, "fire_schedules", fire_schedules)


class TestFlights:
    def test_a_call_aside_is_made_in_another_thread(self, redis: redis_py.Redis) -> None:
        assert Flights(redis).launch(threading.get_ident, aside=True)() != threading.get_ident()
        assert Flights(redis).launch(threading.get_ident, aside=False)() == threading.get_ident()

    def test_its_error_is_raised_where_the_result_is_asked_for(self, redis: redis_py.Redis) -> None:
        for aside in (True, False):
            flight = Flights(redis).launch(lambda: 1 // 0, aside=aside)
            with pytest.raises(ZeroDivisionError):
                flight()

    def test_a_pool_without_room_has_one_call_at_a_time(self, redis: redis_py.Redis) -> None:
        pool = redis_py.ConnectionPool(max_connections=ROOM - 1)
        flights = Flights(redis_py.Redis(connection_pool=pool))
        assert flights.launch(threading.get_ident, aside=True)() == threading.get_ident()

    def test_nor_has_one_that_is_to_go_alone_or_whose_client_has_one_connection(self, redis: redis_py.Redis) -> None:
        kwargs: Any = redis.connection_pool.connection_kwargs
        with redis_py.Redis(port=kwargs["port"], single_connection_client=True) as single:
            for flights in (Flights(redis, alone=True), Flights(single)):
                assert flights.launch(threading.get_ident, aside=True)() == threading.get_ident()

    def test_a_host_without_another_thread_has_one_call_at_a_time(
        self, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def start(self: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", start)
        assert Flights(redis).launch(threading.get_ident, aside=True)() == threading.get_ident()

    def test_of_a_pool_that_others_use_up_one_connection_has_to_do(self, redis: redis_py.Redis) -> None:
        flights, calls = Flights(redis), [0, 0]

        def full(number: int) -> str:
            calls[number] += 1
            if calls[number] == 1:
                raise redis_py.ConnectionError("Too many connections")
            return "made"

        first, second = (flights.launch(lambda n=n: full(n), aside=True) for n in range(2))
        assert (first(), second()) == ("made", "made")
        assert flights.launch(threading.get_ident, aside=True)() == threading.get_ident()


def test_a_fault_in_what_is_remembered_holds_up_no_schedule_that_is_due(
    redis: redis_py.Redis, store: Store, told: Told
) -> None:
    now = now_us(redis)
    put(store, *(new(redis, f"s{n}", now - 1000) for n in range(20)))
    put(store, new(redis, "p", now + HOUR, of=spec(overlap="buffer_one")))
    redis.zadd("rq:scheduler:buffered", {"p": now / US - 1})
    for key in ("rq:scheduler:buffer:p", "rq:scheduler:quarantine"):
        redis.set(key, "foreign")
    with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
        dispatcher(redis, told).dispatch_once()
    assert len(waiting(redis)) == len(told.ids) == 20


@pytest.mark.usefixtures("due")
class TestCommits:
    def test_two_are_on_their_way_at_once(
        self, redis: redis_py.Redis, told: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        both = threading.Barrier(2, timeout=PATIENCE)

        def around(number: int, commit: Any) -> Any:
            if number < 2:
                both.wait()
            return commit()

        commits(monkeypatch, around)
        assert dispatcher(redis, told).dispatch_once().handed_off == DUE
        assert sorted(told.ids) == sorted(waiting(redis))

    @pytest.mark.parametrize("fault", [redis_py.ConnectionError("reset"), OSError("unreachable"), RuntimeError("bug")])
    def test_what_was_committed_beside_a_fault_is_told(
        self, redis: redis_py.Redis, told: Told, monkeypatch: pytest.MonkeyPatch, fault: Exception
    ) -> None:
        both = threading.Barrier(2, timeout=PATIENCE)

        def around(number: int, commit: Any) -> Any:
            if number < 2:
                both.wait()
            if number == 0:
                raise fault
            return commit()

        commits(monkeypatch, around)
        one = dispatcher(redis, told)
        with pytest.raises(type(fault)):
            one.dispatch_once()
        assert sorted(told.ids) == sorted(waiting(redis)) != []
        while one.dispatch_once().more_is_due:
            pass
        assert sorted(told.ids) == sorted(waiting(redis))
        assert len(set(told.ids)) == DUE

    def test_a_small_pool_serves_all(self, redis: redis_py.Redis, told: Told) -> None:
        pool = redis_py.ConnectionPool(**redis.connection_pool.connection_kwargs, max_connections=2)
        with redis_py.Redis(connection_pool=pool) as client:
            one = dispatcher(client, told, options=Options(rq_registries=False))
            assert one.dispatch_once().handed_off == DUE
        assert sorted(told.ids) == sorted(waiting(redis))
        pool.disconnect()

    def test_a_pool_of_which_the_application_leaves_one_connection(self, redis: redis_py.Redis, told: Told) -> None:
        """A pass may end on that once, as when Redis is lost; from then on there is one call at a time."""
        pool = redis_py.ConnectionPool(**redis.connection_pool.connection_kwargs, max_connections=ROOM)
        with redis_py.Redis(connection_pool=pool) as client:
            others = [redis_py.Redis(connection_pool=pool, single_connection_client=True) for _ in range(ROOM - 1)]
            one = dispatcher(client, told, options=Options(rq_registries=False))
            with suppress(redis_py.ConnectionError):
                one.dispatch_once()
            put(Store(redis), *(new(redis, f"t{n}", now_us(redis) - 1000) for n in range(DUE)))
            while one.dispatch_once().more_is_due:
                pass
            for each in others:
                each.close()
        assert sorted(told.ids) == sorted(waiting(redis))
        assert len(set(told.ids)) == 2 * DUE
        pool.disconnect()
