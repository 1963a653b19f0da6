"""`scheduler.events`: what happened, read and followed."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from making import now_us
from rq_scheduler import Event, Scheduler
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.store import Store
from support import wait_until

pytestmark = pytest.mark.once


@pytest.fixture
def happens(redis: redis_py.Redis) -> Callable[..., None]:
    """Has jobs of these ids go to quarantine."""

    def happens(*ids: str) -> None:
        store = Store(redis)
        for id in ids:
            Scheduler(connection=redis).enqueue_at(datetime(2026, 1, 1, tzinfo=UTC), jobs.nothing, job_id=id)
            due = store.due_of(id)
            assert due is not None
            store.quarantine(id, due, f"because of {id}")

    return happens


def test_are_read_newest_first(redis: redis_py.Redis, happens: Callable[..., None]) -> None:
    happens("a", "b")
    events = Scheduler(connection=redis).events
    b, a = events.read()
    assert (a.kind, a.id, a.details) == ("quarantined", "a", {"reason": "because of a", "queue": "default"})
    assert abs(a.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert events.read(limit=1) == [b]
    assert events.read(schedule="a") == events.read(schedule="a", kinds=["quarantined", "adopted"]) == [a]
    assert events.read(kinds="adopted") == events.read(until=a.at) == []
    assert events.read(since=a.at) == [b, a]


def test_are_followed_as_they_happen(redis: redis_py.Redis, happens: Callable[..., None]) -> None:
    happens("before")
    events, heard = Scheduler(connection=redis).events, list[Event]()
    following = events.follow(idle=60)

    def listen() -> None:
        for event in following:
            heard.append(event)
            if event.id == "last":
                return

    listener = threading.Thread(target=listen)
    listener.start()
    happens("first", "last")
    wait_until(lambda: not listener.is_alive())
    assert [event.id for event in heard] == ["first", "last"]
    assert [event.id for event in events.follow(heard[0].place, idle=0)] == ["last"]
    assert [event.id for event in events.follow("0-0", idle=0)] == ["before", "first", "last"]


def test_are_followed_through_a_connection_that_waits_for_no_answer(
    redis: redis_py.Redis, happens: Callable[..., None]
) -> None:
    """Redis waits for less time than the connection does."""
    where = redis.connection_pool.connection_kwargs
    with redis_py.Redis(host=where["host"], port=where["port"], socket_timeout=2) as client:
        assert list(Scheduler(connection=client).events.follow(idle="2s")) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"after": "yesterday"}, "after='yesterday' is no place of an entry"),
        ({"after": "5"}, "after='5' is no place"),
        ({"after": 5}, "after=5 is no place"),
        ({"idle": -1}, "idle=-1 is negative"),
        ({"idle": "soon"}, "idle='soon' is not a duration"),
    ],
)
def test_are_not_followed_from_nowhere(redis: redis_py.Redis, wrong: dict[str, Any], says: str) -> None:
    with pytest.raises((InvalidArgument, InvalidType), match=says):
        Scheduler(connection=redis).events.follow(**wrong)


def test_an_unknown_kind_is_refused(redis: redis_py.Redis) -> None:
    wrong: Any = "birthday"
    with pytest.raises(InvalidArgument, match="there is no 'birthday'; known are failing_began, "):
        Scheduler(connection=redis).events.read(kinds=wrong)
    assert now_us(redis)
