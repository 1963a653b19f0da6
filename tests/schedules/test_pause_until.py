"""Pauses that end by themselves, and what pauses leave out."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from making import snapshot
from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START, after, dues
from support import wait_until

pytestmark = pytest.mark.once

ENDS = "rq:scheduler:pause_ends"


def test_a_pause_ends_by_itself(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="allow")
    paused = schedules.pause("a", "the database moves", until=after(600))
    assert (paused.paused, paused.paused_at, paused.paused_until) == (True, START, after(600))
    assert dispatcher.tick(599) == []
    assert dues(dispatcher.tick(1)) == [600]
    resumed = schedules["a"]
    assert (resumed.paused, resumed.note, resumed.paused_at, resumed.paused_until) == (False, "", None, None)
    assert dues(dispatcher.tick(60)) == [660]


def test_who_paused_and_resumed_is_in_the_record_and_the_audit(
    redis: redis_py.Redis, clock: ManualClock, scheduler: Scheduler, dispatcher: ManualDispatcher
) -> None:
    ana = Scheduler(connection=redis, actor="ana")
    scheduler.schedules.put("a", Every(60), jobs.nothing)
    assert ana.schedules.pause("a", "x" * 300, until=timedelta(days=400_000)).paused_by == "ana"
    ana.schedules.resume("a")
    ana.schedules.resume("a")
    ana.schedules.pause_all("window", everything=True)
    scheduler.schedules.resume_all(everything=True)
    told = [
        (entry.action, entry.actor, sorted(entry.details))
        for entry in scheduler.audit.read(actions=("paused", "resumed"))
    ]
    me = scheduler.actor
    assert told == [
        ("resumed", me, []),
        ("paused", "ana", ["in_bulk", "note"]),
        ("resumed", "ana", []),
        ("paused", "ana", ["note", "until"]),
    ]
    scheduler.schedules.pause("a", until=after(60))
    dispatcher.tick(60)
    assert scheduler.audit.read(limit=1)[0].details == {"ended": str(clock.now_us())}


@pytest.mark.parametrize("until", [timedelta(minutes=10), 600, "10m"])
def test_the_end_may_be_a_length_of_time_from_now(
    dispatcher: ManualDispatcher, schedules: Schedules, until: Any
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    assert schedules.pause("a", until=until).paused_until == after(600)
    assert dues(dispatcher.tick(600)) == [600]


def test_an_earlier_end_does_not_undo_a_later_pause(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    schedules.pause("a", until=after(100))
    schedules.pause("a", until=after(300))
    assert dispatcher.tick(200) == []
    assert dues(dispatcher.tick(100)) == [300]
    schedules.pause("a", until=after(400))
    schedules.resume("a")
    schedules.pause("a", "for good")
    assert dispatcher.tick(3600) == []
    assert schedules["a"].paused_until is None


def test_nor_does_one_that_was_resumed_before(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    schedules.pause("a", until=after(100))
    schedules.resume("a")
    assert dues(dispatcher.tick(60)) == [60]
    schedules.pause("a")
    # As if a dispatcher were to look all the same.
    redis.zadd(ENDS, {"a": 0})
    assert dispatcher.tick(3600) == []
    assert redis.zscore(ENDS, "a") is None


def test_the_end_stays_where_the_definition_changes(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    schedules.pause("a", until=after(100))
    schedules.put("a", Cron("* * * * *"), jobs.nothing)
    assert schedules["a"].paused_until == after(100)
    assert dues(dispatcher.tick(120)) == [120]


def test_what_is_due_after_the_end_is_late_where_nobody_served_it(at: Callable[..., Any], schedules: Schedules) -> None:
    for catchup in ("latest", "all"):
        schedules.put(catchup, Every(60), jobs.nothing, catchup=catchup, overlap="allow")
        schedules.pause(catchup, until=after(180))
    assert sorted(dues(at(after(305)))) == [180, 240, 300, 300]
    assert (schedules["latest"].missed, schedules["all"].missed) == (2, 0)


def test_a_delay_that_has_not_run_out_is_served(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    stored = schedules.put("a", Every(600), jobs.nothing, jitter="9m")
    (due,) = stored.upcoming(1)
    assert due > after(600)
    schedules.pause("a", until=after(600))
    assert [job.due for job in dispatcher.tick(due - START)] == [due]


def test_one_that_has_no_instant_left_is_finished(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, end=after(100))
    schedules.pause("a", until=after(200))
    assert dispatcher.tick(300) == []
    ended = schedules["a"]
    assert (ended.paused, ended.finished) == (False, True)


def test_the_same_pause_again_changes_nothing(redis: redis_py.Redis, schedules: Schedules) -> None:
    schedules.put("a", Every(3600), jobs.nothing)
    until = schedules["a"].created_at
    assert until is not None
    schedules.pause("a", "why", until=until + timedelta(days=1))
    before = snapshot(redis)
    schedules.pause("a", "why", until=until + timedelta(days=1))
    assert snapshot(redis) == before


def test_the_sweep_finds_an_end_that_was_lost(
    redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    schedules.pause("a", until=after(100))
    redis.delete(ENDS)
    scheduler._store.tend_schedules(0, 100)
    assert dues(dispatcher.tick(120)) == [120]


@pytest.mark.parametrize(
    ("until", "error", "named"),
    [
        (START.replace(tzinfo=None), InvalidArgument, "until="),
        (START, InvalidArgument, "has passed"),
        (0, InvalidArgument, "not in the future"),
        ("-5m", InvalidArgument, "not in the future"),
        (timedelta(days=4_000_000), InvalidArgument, "year 9999"),
        ("tomorrow", InvalidArgument, "until='tomorrow'"),
        ([], InvalidType, "until="),
    ],
)
def test_an_end_that_cannot_be_is_refused(
    redis: redis_py.Redis,
    dispatcher: ManualDispatcher,
    schedules: Schedules,
    until: Any,
    error: type[Exception],
    named: str,
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    before = snapshot(redis)
    with pytest.raises(error, match=named):
        schedules.pause("a", until=until)
    assert snapshot(redis) == before


def test_what_a_newer_version_wrote_stays_paused(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    schedules.pause("a", until=after(100))
    redis.hset("rq:scheduler:schedule:a", "spec", '{"format":2}')
    assert dispatcher.tick(200) == []
    assert schedules["a"].paused


# --- what it left out ---


def test_what_a_pause_left_out_is_told_and_backfilled(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    for id in ("a", "b", "c"):
        schedules.put(id, Every(60), jobs.nothing, tags=("night",), overlap="allow")
    assert schedules.left_out(everything=True) == []
    clock.move(10)
    schedules.pause("a")
    schedules.pause("b", until=after(200))
    dispatcher.tick(290)
    schedules.resume("a")
    found = schedules.left_out(tag="night")
    assert [(one.schedule_id, one.since, one.until, one.count, one.at_least, one.first) for one in found] == [
        ("a", after(10), after(300), 4, False, after(60)),
        ("b", after(10), after(200), 3, False, after(60)),
    ]
    assert len(schedules.backfill("a", found[0].since, found[0].until)) == 4
    assert [one.schedule_id for one in schedules.left_out(tag="night")] == ["b"]
    assert schedules.backfill_left_out(tag="night") == 3
    assert schedules.left_out(everything=True) == []
    assert schedules.backfill_left_out(everything=True) == 0


def test_a_pause_that_goes_on_has_left_out_nothing_yet(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    schedules.pause("a")
    dispatcher.tick(300)
    assert schedules.left_out(everything=True) == []


def test_much_that_was_left_out_is_counted_up_to_a_bound(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(1), jobs.nothing)
    schedules.pause("a", until=after(3600))
    dispatcher.tick(3601)
    (one,) = schedules.left_out(prefix="a")
    assert (one.count, one.at_least) == (1000, True)


def test_a_running_dispatcher_resumes_in_time(
    redis: redis_py.Redis, scheduler: Scheduler, running: Callable[..., Any]
) -> None:
    schedules = scheduler.schedules
    schedules.put("a", Every(0.2), jobs.nothing, overlap="allow")
    running()
    wait_until(lambda: schedules["a"].runs > 0)
    schedules.pause("a", until=0.5)
    assert schedules["a"].paused
    wait_until(lambda: not schedules["a"].paused)
    runs = schedules["a"].runs
    wait_until(lambda: schedules["a"].runs > runs)
