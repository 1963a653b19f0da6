"""Plans made ahead of their time: all of a herd, each once, shared, dropped where others were faster, never stale."""

from collections.abc import Sequence
from typing import Any

import pytest
import redis as redis_py

import rq_scheduler.dispatcher.ahead as ahead_module
import rq_scheduler.dispatcher.passes as passes_module
import rq_scheduler.dispatcher.schedules as schedules_module
from making import HOUR, US, Told, counts_of_passes, dispatcher, move_to, now_us, waiting
from making_schedules import EVERY, job_fields, new, put, put_due, record, spec
from rq_scheduler.dispatcher import Dispatcher, Options
from rq_scheduler.dispatcher.ahead import Ahead
from rq_scheduler.model import Spec
from rq_scheduler.planning import Instant, Plan
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store
from rq_scheduler.store.due import Armed
from rq_scheduler.store.firing import Mode, ScheduleFire
from support import wait_until

HERD = 450


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids for which a plan was made."""
    ids: list[str] = []
    plan = schedules_module.plan

    def counting(id: str, *args: Any, **options: Any) -> Any:
        ids.append(id)
        return plan(id, *args, **options)

    monkeypatch.setattr(schedules_module, "plan", counting)
    return ids


def put_herd(store: Store, due: int, count: int = HERD, *, of: Spec = EVERY) -> list[str]:
    """So many schedules that are due at one moment; returns the ids of their runs, in order."""
    client = store.connection
    job = job_fields(client)
    writes = [new(client, f"s{n:04}", due, of=of, job=job) for n in range(count)]
    for first in range(0, count, 100):
        put(store, *writes[first : first + 100])
    return [run_id(write.id, due) for write in writes]


def serve(*ones: Dispatcher) -> int:
    """Passes by turns, until there is nothing to do for anybody. Returns how many runs were handed off."""
    handed_off, idle = 0, 0
    while idle < len(ones):
        for one in ones:
            result = one.dispatch_once()
            handed_off += result.handed_off
            idle = 0 if result.more_is_due else idle + 1
    return handed_off


def instant(n: int, due: int) -> Armed:
    return Armed(f"s{n}", due, "1", b"", due, None)


def fire(armed: Armed) -> ScheduleFire:
    plan = Plan((Instant(armed.nominal, armed.due),), None, None, armed.due, None)
    return ScheduleFire(armed.id, EVERY, Mode.DUE, armed, plan)


def alone(schedules: Sequence[Armed]) -> list[bool]:
    """No other dispatcher serves any."""
    return [True] * len(schedules)


def taken(ahead: Ahead, now: int) -> list[str]:
    found: list[str] = []
    while (one := ahead.next_due(now)) is not None:
        found.append(one.id)
    return found


class TestAHerd:
    def test_is_planned_before_its_time_and_not_read_again(
        self,
        redis: redis_py.Redis,
        still: Store,
        told: Told,
        planned: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(passes_module, "AHEAD", 100)
        due = still.server_time() + US
        runs = put_herd(still, due)
        one = dispatcher(redis, told, options=Options(rq_registries=False), store=still)
        counts_of_passes(one)
        assert planned == ["s0000"], "all share one plan"
        read: list[Armed] = []
        read_due = Store.read_due

        def reading(self: Store, *args: Any, **options: Any) -> Any:
            page = read_due(self, *args, **options)
            read.extend([*page.due, *page.ahead])
            return page

        monkeypatch.setattr(Store, "read_due", reading)
        move_to(redis, due)
        assert serve(one) == HERD
        assert (read, planned) == ([], ["s0000"])
        assert sorted(told.ids) == sorted(waiting(redis)) == runs

    def test_is_served_once_by_dispatchers_that_hold_the_same_plans(
        self, redis: redis_py.Redis, still: Store, told: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(passes_module, "LONGEST_PASS", 0)
        monkeypatch.setattr(ahead_module, "SIFTED", 150)
        herd = 3 * HERD
        monkeypatch.setattr(ahead_module, "MANY", herd)  # all begin at the same place
        due = still.server_time() + US
        runs = put_herd(still, due, herd)
        asked: list[int] = []
        still_armed = Store.still_armed

        def asking(self: Store, schedules: Any) -> list[bool]:
            asked.append(len(schedules))
            return still_armed(self, schedules)

        monkeypatch.setattr(Store, "still_armed", asking)
        ones = [dispatcher(redis, told, options=Options(rq_registries=False), store=still) for _ in range(3)]
        for one in ones:
            counts_of_passes(one)
        move_to(redis, due)
        assert serve(*ones) == herd
        assert sorted(told.ids) == sorted(waiting(redis)) == runs
        assert sum(asked) > 0, "they ask the index what is left"

    def test_beyond_what_is_kept_is_read_when_it_is_due(
        self, redis: redis_py.Redis, still: Store, told: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(passes_module, "AHEAD", 100)
        monkeypatch.setattr(ahead_module, "KEPT", 150)
        due = still.server_time() + US
        runs = put_herd(still, due)
        one = dispatcher(redis, told, options=Options(rq_registries=False), store=still)
        counts_of_passes(one)
        assert len(one._passes._schedules._ahead._plans) == 200, "no other page once it is full"
        move_to(redis, due)
        assert serve(one) == HERD
        assert sorted(waiting(redis)) == runs


class TestASharedPlan:
    def test_is_not_shared_by_those_with_jitter(self, redis: redis_py.Redis, store: Store, planned: list[str]) -> None:
        put_herd(store, now_us(redis) + US, 5, of=spec(jitter=1))
        dispatcher(redis).dispatch_once()
        assert len(planned) == 5

    def test_nor_by_those_defined_after_the_instant(
        self, redis: redis_py.Redis, store: Store, told: Told, planned: list[str]
    ) -> None:
        due = now_us(redis) - 20 * US
        put_herd(store, due, 3, of=spec(3600))
        redis.hset(store.keys.schedule("s0000"), "updated", due - HOUR)
        serve(dispatcher(redis, told))
        assert len(planned) == 3
        assert told.ids == [run_id("s0000", due)], "what is named before its definition never fires late"

    def test_is_made_anew_when_it_holds_no_longer(
        self, redis: redis_py.Redis, store: Store, told: Told, planned: list[str]
    ) -> None:
        nominal = put_due(store, "one", of=spec(1), ago=2_900_000)
        redis.hset(store.keys.schedule("one"), "updated", 0)
        one = dispatcher(redis, told)
        serve(one)
        wait_until(lambda: now_us(redis) > nominal + 3 * US)
        put(store, new(redis, "two", nominal, of=spec(1)))
        redis.hset(store.keys.schedule("two"), "updated", 0)
        serve(one)
        assert "two" in planned
        assert int(record(store, "two")["mark"]) >= nominal + 3 * US


class TestRoom:
    def test_is_for_so_many_plans_and_so_many_that_need_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ahead_module, "KEPT", 3)
        ahead = Ahead(alone)
        ahead.add(fire(instant(1, 7)))
        ahead.spare(instant(2, 5))
        assert not ahead.is_full(4)
        ahead.spare(instant(3, 6))
        assert ahead.is_full(5)
        assert not ahead.is_full(6), "those have been served"


class TestTheOrder:
    def test_is_that_of_the_index_and_nothing_comes_early(self) -> None:
        ahead = Ahead(alone)
        for n in range(5):
            ahead.add(fire(instant(n, n)))
        assert taken(ahead, -1) == []
        assert taken(ahead, 2) == ["s0", "s1", "s2"]
        assert taken(ahead, 2) == []
        assert taken(ahead, 9) == ["s3", "s4"]

    def test_an_earlier_plan_of_the_schedule_is_forgotten(self) -> None:
        ahead = Ahead(alone)
        ahead.add(fire(instant(1, 1)))
        ahead.add(fire(instant(1, 2)))
        assert not ahead.knows(instant(1, 1))
        assert taken(ahead, 1) == []
        assert taken(ahead, 2) == ["s1"]

    def test_one_taken_for_another_instant_is_forgotten(self) -> None:
        ahead = Ahead(alone)
        ahead.add(fire(instant(1, 1)))
        assert ahead.take(instant(1, 2)) is None
        assert taken(ahead, 9) == []

    def test_of_many_begins_anywhere_and_leaves_out_none(self) -> None:
        orders: list[list[str]] = []
        for _ in range(5):
            ahead = Ahead(alone)
            for n in range(1000):
                ahead.add(fire(instant(n, 5)))
            orders.append(taken(ahead, 5))
        assert len({order[0] for order in orders}) > 1
        assert {tuple(sorted(order)) for order in orders} == {tuple(sorted(f"s{n}" for n in range(1000)))}

    def test_where_others_serve_too_what_they_have_served_is_dropped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ahead_module, "SIFTED", 30)
        asked: list[int] = []

        def still_armed(schedules: Any) -> list[bool]:
            asked.append(len(schedules))
            return [int(armed.id[1:]) >= 75 for armed in schedules]

        ahead = Ahead(still_armed)
        for n in range(100):
            ahead.add(fire(instant(n, 5)))
        assert ahead.next_due(5) is not None
        assert asked == [], "nobody else was seen"
        ahead.contend()
        assert taken(ahead, 5) == [f"s{n}" for n in range(75, 100)]
        assert asked == [30, 30, 30, 9]
        ahead.add(fire(instant(1, 6)))
        assert taken(ahead, 6) == ["s1"], "and the next time nothing is known of others"
