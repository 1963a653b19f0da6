"""Reading schedules: one, all, a page, what comes next, what has run. A read never writes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from making import snapshot
from rq_scheduler import AnyOf, At, Cron, Dates, Every, RRule, Schedule, Scheduler, UpcomingRun
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.errors import JobUnreadable, ScheduleNotFound
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START, Worker, after, commands, dues, offsets, outcomes, state

pytestmark = pytest.mark.once


def fill(schedules: Schedules, count: int, owner: str = "shop") -> None:
    """Schedules s00000, s00001, ...: every third is tagged "third", every second goes to the queue "even"."""
    schedules.sync(
        [
            Schedule(
                f"s{n:05d}",
                Every(3600 + n),
                jobs.nothing,
                queue_name="even" if n % 2 == 0 else "odd",
                tags=("third", "all") if n % 3 == 0 else ("all",),
            )
            for n in range(count)
        ],
        owner,
    )


# --- one ---


def test_an_unknown_id_is_a_key_error_that_says_so(schedules: Schedules) -> None:
    with pytest.raises(KeyError) as caught:
        schedules["absent"]
    assert isinstance(caught.value, ScheduleNotFound)
    assert str(caught.value).startswith("no schedule has the id 'absent'")
    assert schedules.get("absent") is None
    assert schedules.get("absent", 5) == 5
    assert "absent" not in schedules


@pytest.mark.parametrize(
    "act",
    [
        lambda schedules: schedules.update("absent", jitter=1),
        lambda schedules: schedules.pause("absent"),
        lambda schedules: schedules.resume("absent"),
        lambda schedules: schedules.run_now("absent"),
        lambda schedules: schedules.runs("absent"),
        lambda schedules: schedules.backfill("absent", START - timedelta(days=1), START),
    ],
    ids=["update", "pause", "resume", "run_now", "runs", "backfill"],
)
def test_every_call_about_an_unknown_id_says_so_and_writes_nothing(
    redis: redis_py.Redis, schedules: Schedules, act: Callable[[Schedules], Any]
) -> None:
    with pytest.raises(ScheduleNotFound, match="no schedule has the id 'absent'"):
        act(schedules)
    assert snapshot(redis) == {}


def test_the_state_of_a_new_schedule(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    stored = schedules.put("a", Every(60), jobs.nothing, note="words")
    assert (stored.next_run_at, stored.last_run_at, stored.last_status) == (after(60), None, None)
    assert (stored.paused, stored.note, stored.finished) == (False, "words", False)
    assert (stored.runs, stored.skipped, stored.missed, stored.version) == (0, 0, 0, 1)
    assert (stored.created_at, stored.updated_at) == (START, START)


def test_the_state_after_runs(dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    (run,) = dispatcher.tick(130)
    stored = schedules["a"]
    assert (stored.next_run_at, stored.last_run_at, stored.last_status) == (after(180), after(60), "queued")
    assert (stored.runs, stored.skipped) == (1, 1)
    for status in ("finished", "failed", "expired"):
        worker.end(run.id, status)
        assert schedules["a"].last_status == (None if status == "expired" else status)


def test_the_definition_is_what_was_put(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put(
        "a", Every(60), jobs.echo, args=(1,), kwargs={"x": {2}}, queue_name="q", tags=("t",), note="n", max_runs=3
    )
    definition = schedules["a"].definition
    assert (definition.func, definition.args, definition.kwargs) == ("jobs_for_tests.echo", (1,), {"x": {2}})
    assert (definition.queue_name, definition.tags, definition.note, definition.max_runs) == ("q", ("t",), "n", 3)
    assert schedules.put(definition).version == 1, "and putting it changes nothing"


def test_arguments_are_loaded_only_when_they_are_asked_for(redis: redis_py.Redis, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.echo, args=(1,))
    redis.hset("rq:scheduler:template:a", "data", b"no pickle")
    stored = schedules["a"]
    assert stored.call == "jobs_for_tests.echo(1)"
    assert [each.call for each in schedules] == [stored.call]
    with pytest.raises(JobUnreadable, match="'a': its arguments cannot be read back"):
        assert stored.definition


@pytest.mark.parametrize("kind", ["schedule", "job"])
def test_of_many_the_jobs_are_read_when_they_are_asked_for(
    redis: redis_py.Redis, scheduler: Scheduler, schedules: Schedules, kind: str
) -> None:
    large = "x" * 512 * 1024
    if kind == "job":
        scheduler.schedule(after(), jobs.echo, args=(large,), interval=3600, id="a", description="d" * 9)
    else:
        schedules.put("a", Every(3600), jobs.echo, args=(large,))
    redis.config_resetstat()
    before = redis.info("stats")["total_net_output_bytes"]
    (found,), (iterated,), (run, *_) = schedules.find(), schedules, schedules.upcoming(limit=2)
    assert redis.info("stats")["total_net_output_bytes"] - before < 64 * 1024
    assert "cmdstat_hgetall" not in redis.info("commandstats")
    assert state(found) == state(iterated) == state(schedules["a"])
    assert (found.call, run.schedule_id) == (schedules["a"].call, "a")
    assert found.definition.args == iterated.definition.args == (large,)


def test_the_definition_of_one_of_many_is_the_one_of_now(schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.echo, args=(1,))
    (stored,) = schedules
    schedules.update("a", args=(2,))
    assert stored.definition.args == (2,)
    schedules.delete("a")
    with pytest.raises(ScheduleNotFound, match="'a'"):
        assert stored.definition


# --- all ---


def test_in_len_and_iteration(redis: redis_py.Redis, schedules: Schedules) -> None:
    assert len(schedules) == 0
    assert list(schedules) == []
    assert bool(schedules), "an empty collection is not nothing"
    fill(schedules, 450)
    assert len(schedules) == 450
    assert [each.id for each in schedules] == [f"s{n:05d}" for n in range(450)]
    assert "s00449" in schedules
    assert schedules["s00449"] in schedules
    assert Schedule("s00449", Every(1), jobs.nothing) in schedules
    assert "s00450" not in schedules
    assert 5 not in schedules


def test_they_are_cheap_and_paged(redis: redis_py.Redis, schedules: Schedules) -> None:
    fill(schedules, 1000)
    assert commands(redis, lambda: len(schedules)) == (1, 1000)
    assert commands(redis, lambda: "s00001" in schedules) == (1, True)
    assert commands(redis, lambda: schedules["s00001"].id) == (1, "s00001")
    first_page, _ = commands(redis, lambda: next(iter(schedules)))
    assert first_page == 2, "a page of ids, and what is behind them"
    every_page, all_of_them = commands(redis, lambda: [each.id for each in schedules])
    assert len(all_of_them) == 1000
    assert every_page <= 20


def test_iteration_goes_on_while_schedules_come_and_go(schedules: Schedules) -> None:
    fill(schedules, 450)
    seen = []
    for stored in schedules:
        seen.append(stored.id)
        if len(seen) == 1:
            schedules.delete("s00449")
            schedules.delete("s00001")
            schedules.put("t", Every(60), jobs.nothing)
    assert seen[0] == "s00000"
    assert seen[-1] == "t"
    assert "s00449" not in seen
    assert len(seen) == len(set(seen)) >= 449


# --- find ---


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ({}, lambda n: True),
        ({"tag": "third"}, lambda n: n % 3 == 0),
        ({"queue_name": "even"}, lambda n: n % 2 == 0),
        ({"tag": "third", "queue_name": "even"}, lambda n: n % 6 == 0),
        ({"prefix": "s0001"}, lambda n: 10 <= n < 20),
        ({"prefix": "s0001", "tag": "third"}, lambda n: n in (12, 15, 18)),
        ({"owner": "shop"}, lambda n: True),
        ({"owner": "other"}, lambda n: False),
        ({"tag": "absent"}, lambda n: False),
        ({"paused": True}, lambda n: n in (3, 4, 5)),
        ({"paused": False}, lambda n: n not in (3, 4, 5)),
        ({"paused": True, "tag": "third", "prefix": "s", "owner": "shop", "queue_name": "odd"}, lambda n: n == 3),
        ({"offset": 95}, lambda n: n >= 95),
        ({"offset": 10, "limit": 5}, lambda n: 10 <= n < 15),
        ({"offset": 100}, lambda n: False),
        ({"limit": 0}, lambda n: False),
        ({"prefix": "s0001", "offset": 8}, lambda n: n in (18, 19)),
    ],
    ids=lambda each: str(each) if isinstance(each, dict) else "",
)
def test_find_answers_a_page_ordered_by_id(
    redis: redis_py.Redis, schedules: Schedules, wanted: Any, fits: Callable[[int], bool]
) -> None:
    fill(schedules, 100)
    for n in (3, 4, 5):
        schedules.pause(f"s{n:05d}")
    before = snapshot(redis)
    assert [each.id for each in schedules.find(**wanted)] == [f"s{n:05d}" for n in range(100) if fits(n)]
    assert snapshot(redis) == before


def test_find_is_a_few_round_trips_whatever_there_is(redis: redis_py.Redis, schedules: Schedules) -> None:
    fill(schedules, 1000)
    for wanted in ({}, {"tag": "third", "queue_name": "even"}, {"prefix": "s009"}, {"paused": False}, {"offset": 900}):
        sent, found = commands(redis, lambda wanted=wanted: schedules.find(**wanted))
        assert len(found) == 100
        assert sent <= 3


def test_find_limits_itself_to_100(schedules: Schedules) -> None:
    fill(schedules, 120)
    assert len(schedules.find()) == 100
    assert len(schedules.find(limit=500)) == 120
    pages = [each.id for offset in (0, 50, 100) for each in schedules.find(offset=offset, limit=50)]
    assert pages == [f"s{n:05d}" for n in range(120)]


def test_find_goes_on_where_few_of_very_many_fit(redis: redis_py.Redis, schedules: Schedules) -> None:
    fill(schedules, 3)
    tagged, queued = ({f"{letter}{n:05d}": 0 for n in range(5000)} for letter in "qr")
    redis.zadd("rq:scheduler:schedules:tag:all", tagged)
    redis.zadd("rq:scheduler:schedules:queue:even", queued)
    assert [each.id for each in schedules.find(tag="all", queue_name="even")] == ["s00000", "s00002"]
    assert [each.id for each in schedules.find(tag="all", paused=False, offset=5001)] == ["s00001", "s00002"]
    assert [each.id for each in schedules.find(queue_name="even", paused=True)] == []
    assert [each.id for each in schedules.find(prefix="s", paused=False, offset=1, limit=1)] == ["s00001"]


@pytest.mark.parametrize("wanted", [{}, {"prefix": "s"}, {"tag": "all"}, {"queue_name": "odd", "prefix": "s"}], ids=str)
def test_a_page_far_behind_costs_what_the_first_one_does(
    redis: redis_py.Redis, schedules: Schedules, wanted: dict[str, Any]
) -> None:
    fill(schedules, 3)
    for key in ("schedules", "schedules:tag:all", "schedules:queue:odd"):
        redis.zadd(f"rq:scheduler:{key}", {f"s{n:05d}": 0 for n in range(100_000)})
    costs = [commands(redis, lambda offset=offset: schedules.find(**wanted, offset=offset)) for offset in (0, 90_000)]
    redis.config_resetstat()
    schedules.find(**wanted, offset=90_000)
    calls: Any = redis.info("commandstats")
    assert costs == [(2, schedules.find(**wanted)), (2, [])]
    assert "cmdstat_zrangebylex" not in calls, "which walks over all that it passes over"
    assert calls["cmdstat_zrange"]["calls"] == 1


def test_find_iter_is_find_without_an_end(redis: redis_py.Redis, schedules: Schedules) -> None:
    fill(schedules, 450)
    assert [each.id for each in schedules.find_iter(tag="third", offset=3)] == [f"s{n:05d}" for n in range(9, 450, 3)]
    sent, first = commands(redis, lambda: next(schedules.find_iter(queue_name="odd", prefix="s", paused=False)).id)
    assert (sent, first) == (2, "s00001"), "a page at a time"
    for wrong in ({"offset": -1}, {"tag": 5}, {"paused": "yes"}):
        with pytest.raises((ValueError, TypeError)):
            schedules.find_iter(**wrong)


def test_a_prefix_is_taken_literally(schedules: Schedules) -> None:
    for id in ("a", "a-", "a-b", "a_b", "ab", "A", "b"):
        schedules.put(id, Every(60), jobs.nothing)
    assert [each.id for each in schedules.find(prefix="a-")] == ["a-", "a-b"]
    assert [each.id for each in schedules.find(prefix="a")] == ["a", "a-", "a-b", "a_b", "ab"]
    assert schedules.find(prefix="*") == []


def test_find_follows_changes_of_tags_queue_and_pause(schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, tags=("x", "y"), queue_name="one")
    schedules.update("a", tags=("y", "z"), queue_name="two")

    def found(**wanted: Any) -> list[str]:
        return [each.id for each in schedules.find(**wanted)]

    assert [found(tag=tag) for tag in "xyz"] == [[], ["a"], ["a"]]
    assert [found(queue_name=queue) for queue in ("one", "two")] == [[], ["a"]]
    schedules.pause("a")
    assert (found(paused=True), found(paused=False)) == (["a"], [])
    schedules.resume("a")
    assert (found(paused=True), found(paused=False)) == ([], ["a"])
    schedules.delete("a")
    assert not found()
    assert not found(tag="y")


# --- what comes next ---


def test_upcoming_is_what_runs_next_across_all_schedules(
    dispatcher: ManualDispatcher, scheduler: Scheduler, schedules: Schedules
) -> None:
    schedules.put("minutely", Every(60), jobs.nothing)
    schedules.put("often", Every(25), jobs.nothing)
    schedules.put("once", At(after(61)), jobs.nothing)
    schedules.put("paused", Every(1), jobs.nothing, paused=True)
    scheduler.schedule(after(10), jobs.nothing, interval=55, id="old")
    upcoming = schedules.upcoming(limit=8)
    assert [(run.schedule_id, *offsets([run.nominal])) for run in upcoming] == [
        ("old", 10), ("often", 25), ("often", 50), ("minutely", 60), ("once", 61), ("old", 65), ("often", 75),
        ("often", 100),
    ]  # fmt: skip
    assert upcoming[0] == UpcomingRun("old", after(10), after(10))
    assert [run.schedule_id for run in schedules.upcoming(within=60)] == ["old", "often", "often", "minutely"]
    assert schedules.upcoming(within="60s", limit=1) == upcoming[:1]
    assert schedules.upcoming(limit=0) == []


def test_upcoming_reads_no_more_schedules_than_it_shows(redis: redis_py.Redis, schedules: Schedules) -> None:
    fill(schedules, 1000)
    sent, found = commands(redis, lambda: schedules.upcoming(limit=10))
    assert [run.schedule_id for run in found] == [f"s{n:05d}" for n in range(10)]
    assert sent <= 4


def test_upcoming_begins_with_what_is_overdue(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    clock.move(70)
    schedules.put("b", Every(5), jobs.nothing)
    assert [run.schedule_id for run in schedules.upcoming(limit=3)] == ["a", "b", "b"]


def test_upcoming_of_one_ends_where_it_ends(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    assert offsets(schedules.put("end", Every(60), jobs.nothing, end=after(180)).upcoming(9)) == [60, 120]
    schedules.put("most", Every(60), jobs.nothing, max_runs=3, overlap="allow")
    dispatcher.tick(60)
    assert offsets(schedules["most"].upcoming(9)) == [120, 180]
    assert schedules.pause("most").upcoming(9) == []


@pytest.mark.parametrize(
    "trigger",
    [
        Every(minutes=97, anchor=datetime(2026, 1, 1, tzinfo=UTC)),
        Cron("*/20 6-20 * * mon-fri", timezone="America/New_York"),
        AnyOf(Cron("0 9 * * *", timezone="UTC"), Every("5h"), At(after(hours=100))),
        RRule("FREQ=DAILY;BYHOUR=6,9,18;BYMINUTE=30;BYSECOND=0", timezone="Australia/Lord_Howe"),
    ],
    ids=["every", "cron", "any-of", "rrule"],
)
def test_upcoming_50_equals_to_the_millisecond_what_then_happens(
    dispatcher: ManualDispatcher, schedules: Schedules, trigger: Any
) -> None:
    schedules.put(
        "previewed",
        trigger,
        jobs.nothing,
        overlap="allow",
        jitter="2h",
        exclude=(Dates("2026-03-05", "2026-03-09", "2026-03-11", timezone="Asia/Tokyo"), Dates("2026-03-13")),
    )
    one = schedules["previewed"].upcoming(50)
    across = schedules.upcoming(limit=50)
    assert [run.due for run in across] == one
    happened = dispatcher.tick(one[-1] - START)
    assert [job.due for job in happened] == one
    assert [job.at for job in happened] == one, "and the moment is the due time itself"
    assert [run.nominal for run in reversed(schedules.runs("previewed", 50))] == [run.nominal for run in across]
    assert any(run.nominal != run.due for run in across)


# --- what has run ---


def test_runs_are_newest_first_with_all_that_is_known(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, jitter=20)
    (job,) = dispatcher.tick(80)
    clock.move(5)
    worker.start(job.id)
    clock.move(10)
    worker.end(job.id)
    clock.move(3)
    (run,) = schedules.runs("a")
    assert (run.outcome, run.count, run.at_least, run.job_id) == ("enqueued", 1, False, job.id)
    assert (run.nominal, run.until, run.due, run.handed_off_at) == (after(60), after(60), job.due, job.due)
    assert (run.status, run.lateness) == ("finished", timedelta())
    assert (run.started_at, run.ended_at) == (after(85), after(95))
    assert (run.duration, run.result_age) == (timedelta(seconds=10), timedelta(seconds=3))


def test_a_run_whose_job_has_expired_says_so(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    (job,) = dispatcher.tick(60)
    worker.end(job.id, "expired")
    (run,) = schedules.runs("a")
    assert (run.status, run.job_id, run.started_at, run.duration, run.result_age) == (
        "expired",
        job.id,
        None,
        None,
        None,
    )


def test_every_outcome_is_in_the_history(
    clock: ManualClock, dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put("a", Every(60, anchor=START), jobs.nothing)
    dispatcher.tick(120)
    schedules.run_now("a", force=True)
    schedules.backfill("a", after(-60), START)
    clock.move(200)
    dispatcher.tick()
    redis.delete("rq:scheduler:template:a")
    dispatcher.tick(60)
    runs = schedules.runs("a")
    assert outcomes(runs) == ["enqueued", "skipped", "manual", "backfill", "missed", "skipped", "failed"]
    by_outcome = {run.outcome: run for run in runs}
    missed = by_outcome["missed"]
    assert (missed.nominal, missed.until, missed.count, missed.at_least) == (after(180), after(240), 2, False)
    assert (missed.job_id, missed.status, missed.lateness) == (None, None, None)
    assert (by_outcome["skipped"].job_id, by_outcome["skipped"].status) == (None, None)
    assert (by_outcome["manual"].nominal, by_outcome["manual"].lateness) == (after(120), None)
    assert by_outcome["backfill"].nominal == after(-60)
    assert by_outcome["manual"].job_id == "a-20260302T120200000000Z-m1"
    assert by_outcome["backfill"].job_id == "a-20260302T115900000000Z-b"


def test_runs_keep_50_and_show_20_unless_asked_for_more(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(1), jobs.nothing, overlap="allow")
    dispatcher.tick(60)
    assert len(schedules.runs("a")) == 20
    assert offsets(run.nominal for run in schedules.runs("a", 1000)) == list(range(60, 10, -1))
    assert offsets(run.nominal for run in schedules.runs("a", 2)) == [60, 59]
    assert schedules.runs("a", 0) == []


def test_runs_is_one_round_trip(redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(1), jobs.nothing, overlap="allow")
    dispatcher.tick(60)
    sent, found = commands(redis, lambda: schedules.runs("a", 50))
    assert (sent, len(found)) == (1, 50)


def test_lateness_is_from_the_due_time_to_the_hand_off(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    clock.move(64.25)
    assert dues(dispatcher.tick()) == [60]
    (run,) = schedules.runs("a")
    assert (run.due, run.handed_off_at, run.lateness) == (after(60), after(64.25), timedelta(seconds=4.25))


def test_reads_never_write(redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    fill(schedules, 10)
    schedules.put("a", Every(60), jobs.nothing)
    dispatcher.tick(130)
    before = snapshot(redis)
    assert schedules["a"].definition.id == "a"
    assert schedules["a"].upcoming(5)
    schedules.get("absent")
    list(schedules)
    len(schedules)
    assert "a" in schedules
    schedules.find(tag="third", paused=False)
    schedules.upcoming(within="1d")
    schedules.runs("a")
    assert snapshot(redis) == before
