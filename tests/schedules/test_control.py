"""Controlling a schedule: pause, resume, run now, update, delete."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py
from rq import Queue
from rq.job import Job

import jobs_for_tests as jobs
from making import snapshot, waiting
from rq_scheduler import At, Cron, Every, Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.errors import InvalidArgument, VersionConflict
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START, Worker, after, commands, dues, offsets, outcomes, state

pytestmark = pytest.mark.once

# --- pause and resume ---


def test_a_paused_schedule_does_not_fire(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    paused = schedules.pause("a", "the printer is out of paper")
    assert (paused.paused, paused.note, paused.next_run_at) == (True, "the printer is out of paper", None)
    assert dispatcher.tick("10m") == []
    assert (schedules["a"].runs, schedules["a"].skipped, schedules["a"].missed, schedules["a"].version) == (0, 0, 0, 1)


def test_on_resume_what_passed_meanwhile_is_not_caught_up(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    for catchup in ("latest", "all", "none"):
        schedules.put(catchup, Every(60), jobs.nothing, catchup=catchup, overlap="allow")
        schedules.pause(catchup)
    clock.move(305)
    for catchup in ("latest", "all", "none"):
        resumed = schedules.resume(catchup)
        assert (resumed.paused, resumed.note, resumed.next_run_at) == (False, "", after(360))
    assert dispatcher.tick() == []
    assert dues(dispatcher.tick(60)) == [360, 360, 360]
    assert schedules["all"].missed == 0


def test_a_single_time_that_passed_while_it_was_paused_is_not_caught_up_either(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", At(after(60)), jobs.nothing)
    schedules.pause("a")
    clock.move(65)
    resumed = schedules.resume("a")
    assert (resumed.paused, resumed.finished) == (False, True)
    assert dispatcher.tick(60) == []


def test_what_was_due_and_not_handed_off_before_the_pause_does_not_run_after_it(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing, catchup="all")
    clock.move(61)
    schedules.pause("a")
    clock.move(2)
    schedules.resume("a")
    assert dues(dispatcher.tick(60)) == [120]


def test_pausing_twice_changes_the_note_and_resuming_twice_nothing(redis: redis_py.Redis, schedules: Schedules) -> None:
    schedules.put("a", Every(3600), jobs.nothing)
    schedules.pause("a", "one")
    before = snapshot(redis)
    assert schedules.pause("a", "one").note == "one"
    assert snapshot(redis) == before
    assert schedules.pause("a", "two").note == "two"
    schedules.resume("a")
    before = snapshot(redis)
    assert not schedules.resume("a").paused
    assert snapshot(redis) == before


def test_a_remembered_run_waits_for_the_resume(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="buffer_one")
    (first,) = dispatcher.tick(120)
    schedules.pause("a")
    worker.end(first.id)
    assert dispatcher.tick(30) == []
    schedules.resume("a")
    assert dues(dispatcher.tick(1)) == [120]


def test_a_paused_schedule_can_be_changed_and_stays_paused(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, paused=True, note="why")
    changed = schedules.update("a", trigger=Every(10))
    assert (changed.paused, changed.note, changed.version) == (True, "why", 2)
    assert dispatcher.tick(60) == []
    assert schedules.resume("a").next_run_at == after(70)


# --- run now ---


def test_run_now_makes_one_run_and_leaves_cadence_and_next_fire(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.echo, args=(1,), queue_name="reports", meta={"k": 1}, job_timeout=5)
    dispatcher.tick(25)
    job = schedules.run_now("a")
    assert isinstance(job, Job)
    assert (job.id, job.args, job.origin) == ("a-20260302T120025000000Z-m1", (1,), "reports")
    assert (job.get_status(), job.meta, job.timeout) == ("queued", {"k": 1}, 5)
    assert waiting(redis, "reports") == [job.id]
    stored = schedules["a"]
    assert (stored.next_run_at, stored.runs, stored.last_run_at) == (after(60), 0, after(25))
    worker.end(job.id, queue="reports")
    assert dues(dispatcher.tick(100)) == [60]


def test_overlap_applies_to_run_now_unless_force(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    dispatcher.tick(60)
    assert schedules.run_now("a") is None
    assert schedules["a"].skipped == 1
    forced = schedules.run_now("a", force=True)
    assert forced is not None
    assert outcomes(schedules.runs("a")) == ["enqueued", "skipped", "manual"]


def test_a_manual_run_that_is_going_makes_the_next_fire_skip(
    dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    assert schedules.run_now("a") is not None
    assert dispatcher.tick(60) == []
    assert schedules["a"].skipped == 1


def test_run_now_is_remembered_where_overlap_says_so(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="buffer_one")
    (first,) = dispatcher.tick(60)
    assert schedules.run_now("a") is None
    worker.end(first.id)
    (started,) = dispatcher.tick(1)
    assert started.id == "a-20260302T120100000000Z-m1"
    assert schedules.runs("a")[0].outcome == "manual"


def test_run_now_replaces_where_overlap_says_so(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="replace")
    (first,) = dispatcher.tick(60)
    job = schedules.run_now("a")
    assert job is not None
    assert waiting(redis) == [job.id]
    assert Job.fetch(first.id, connection=redis).get_status() == "canceled"


def test_a_paused_and_a_finished_schedule_can_be_run_by_hand(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("paused", Every(60), jobs.nothing, paused=True)
    schedules.put("finished", At(after(5)), jobs.nothing)
    dispatcher.tick(10)
    worker.end_all()
    assert schedules.run_now("paused") is not None
    assert schedules.run_now("finished") is not None
    assert schedules["paused"].paused
    assert schedules["finished"].finished


def test_manual_runs_do_not_count_for_max_runs(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, max_runs=2, overlap="allow")
    for _ in range(3):
        assert schedules.run_now("a") is not None
    assert schedules["a"].runs == 0
    assert dues(dispatcher.tick(600)) == [60, 120]


def test_a_remembered_manual_run_does_not_count_for_max_runs_either(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, max_runs=2, overlap="buffer_all")
    fired = dispatcher.tick(60)
    assert schedules.run_now("a") is None
    fired += dispatcher.tick(60)
    assert not schedules["a"].finished, "the last run is remembered"
    for _ in range(4):
        worker.end_all()
        fired += dispatcher.tick(1)
    assert [job.id[-3:] for job in fired] == ["00Z", "-m1", "00Z"]
    stored = schedules["a"]
    assert (stored.runs, stored.finished) == (2, True)


def test_each_manual_run_has_an_id_of_its_own(redis: redis_py.Redis, schedules: Schedules) -> None:
    schedules.put("a", Every(3600), jobs.nothing, overlap="allow")
    made = [schedules.run_now("a") for _ in range(5)]
    ids = [job.id for job in made if job]
    assert [id.rpartition("-")[2] for id in ids] == ["m1", "m2", "m3", "m4", "m5"]
    assert waiting(redis) == ids
    schedules.delete("a")
    schedules.put("a", Every(3600), jobs.nothing, overlap="allow")
    again = schedules.run_now("a")
    assert again is not None
    assert again.id.endswith("-m6"), "numbers go on, so that no id is used again"


def test_run_now_works_without_a_dispatcher_and_beside_a_0_14_daemon(
    redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put("a", Every(3600), jobs.nothing)
    redis.set("rq:scheduler_lock", "1700000000", ex=70)
    assert schedules.run_now("a") is not None


def test_run_now_of_one_that_cannot_run_says_why(redis: redis_py.Redis, schedules: Schedules) -> None:
    schedules.put("a", Every(3600), jobs.nothing)
    redis.delete("rq:scheduler:template:a")
    with pytest.raises(
        InvalidArgument, match=r"schedule 'a' cannot run: its job template is gone.*put the schedule again"
    ):
        schedules.run_now("a")
    assert not schedules["a"].paused


# --- update ---


def test_update_changes_some_fields_and_leaves_the_others(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put(
        "a", Every(60), jobs.echo, args=(1,), kwargs={"x": 1}, tags=("t",), jitter=5, queue_name="q", meta={"k": 1}
    )
    changed = schedules.update("a", args=(2,), overlap="allow", tags=("u", "v"))
    definition = changed.definition
    assert (changed.version, changed.tags, changed.queue_name) == (2, ("u", "v"), "q")
    assert (definition.args, definition.kwargs, definition.meta) == ((2,), {"x": 1}, {"k": 1})
    assert (definition.overlap, definition.jitter) == ("allow", timedelta(seconds=5))
    (fired,) = dispatcher.tick(65)
    assert Job.fetch(fired.id, connection=redis).args == (2,)


@pytest.mark.parametrize(
    "changes",
    [
        {"func": jobs.add, "args": (1,), "kwargs": {}},
        {"jitter": None},
        {"queue_name": "other"},
        {"max_runs": 7},
        {"at_front": True},
        {"description": "words"},
        {"job_timeout": 9},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_update_of_anything_but_the_timing_keeps_the_next_fire(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules, changes: Any
) -> None:
    schedules.put("a", Every(60), jobs.echo, args=(1,))
    dispatcher.tick(90)
    changed = schedules.update("a", **changes)
    assert (changed.version, changed.next_run_at) == (2 if changes != {"jitter": None} else 1, after(120))
    assert schedules.update("a", **changes).version == changed.version, "the same again changes nothing"


def test_update_of_the_trigger_recomputes_the_next_fire(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    dispatcher.tick(90)
    changed = schedules.update("a", trigger=Cron("0 * * * *"))
    assert (changed.version, changed.runs, changed.next_run_at) == (2, 1, after(3600))


def test_a_changed_jitter_counts_for_the_next_fire(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    changed = schedules.update("a", jitter="50s")
    assert changed.next_run_at is not None
    assert after(60) < changed.next_run_at < after(110)
    assert [job.due for job in dispatcher.tick(110)] == [changed.next_run_at]


def test_a_stale_version_is_refused_and_nothing_changed(redis: redis_py.Redis, schedules: Schedules) -> None:
    read = schedules.put("a", Every(60), jobs.nothing)
    schedules.update("a", jitter=1)
    before = snapshot(redis)
    with pytest.raises(VersionConflict, match="schedule 'a' is at version 2, not at version 1: read it again"):
        schedules.update("a", version=read.version, jitter=2)
    assert snapshot(redis) == before
    assert issubclass(VersionConflict, ValueError)
    assert schedules.update("a", version=2, jitter=2).version == 3


def test_pausing_and_firing_do_not_change_the_version(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    read = schedules.put("a", Every(60), jobs.nothing)
    schedules.pause("a")
    schedules.resume("a")
    dispatcher.tick(200)
    assert schedules.update("a", version=read.version, jitter=1).version == 2


def test_of_two_updates_of_one_version_one_wins(redis: redis_py.Redis, schedules: Schedules) -> None:
    # The other client's write comes between our read and our write.
    schedules.put("a", Every(60), jobs.nothing)
    other = Scheduler(connection=redis).schedules
    write = schedules._store.write_schedule

    def late(*args: Any) -> Any:
        schedules._store.write_schedule = write  # type: ignore[method-assign]
        other.update("a", jitter=7)
        return write(*args)

    schedules._store.write_schedule = late  # type: ignore[method-assign]
    with pytest.raises(VersionConflict, match="at version 2, not at version 1"):
        schedules.update("a", version=1, jitter=9)
    assert schedules["a"].definition.jitter == timedelta(seconds=7)


def test_an_update_keeps_what_another_changed_meanwhile(redis: redis_py.Redis, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    other = Scheduler(connection=redis).schedules
    write = schedules._store.write_schedule

    def late(*args: Any) -> Any:
        schedules._store.write_schedule = write  # type: ignore[method-assign]
        other.update("a", jitter=7)
        return write(*args)

    schedules._store.write_schedule = late  # type: ignore[method-assign]
    changed = schedules.update("a", tags=("x",))
    assert (changed.version, changed.tags, changed.definition.jitter) == (3, ("x",), timedelta(seconds=7))


def test_policies_can_be_updated_where_the_arguments_cannot_be_loaded(
    redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.echo, args=(1,))
    redis.hset("rq:scheduler:template:a", "data", b"made elsewhere")
    assert schedules.update("a", jitter=5, tags=("x",)).version == 2
    assert redis.hget("rq:scheduler:template:a", "data") == b"made elsewhere"


# --- round trips ---


def test_every_call_is_a_fixed_few_round_trips(redis: redis_py.Redis, schedules: Schedules) -> None:
    for n in range(20):
        schedules.put(f"other{n}", Every(3600), jobs.nothing)
    schedules.put("a", Every(3600, anchor=START), jobs.nothing, overlap="allow")
    calls: list[tuple[int, Callable[[], Any]]] = [
        (1, lambda: schedules.put("a", Every(3600, anchor=START), jobs.nothing, overlap="allow")),
        (3, lambda: schedules.put(f"new{redis.incr('test:n')}", Every(3600), jobs.nothing)),
        (3, lambda: schedules.update("a", description=f"version {redis.incr('test:n')}")),
        (3, lambda: schedules.pause("a", f"note {redis.incr('test:n')}")),
        (1, lambda: schedules.resume("other1")),
        (3, lambda: schedules.run_now("a")),
        (1, lambda: schedules.delete("absent")),
    ]
    for most, act in calls:
        sent, _ = commands(redis, act)
        assert sent <= most + 1, "and one that this test sends itself"


# --- delete ---


def test_delete_takes_the_schedule_and_its_history_and_leaves_runs_that_are_queued(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="buffer_one", tags=("t",))
    (run,) = dispatcher.tick(150)
    assert schedules.delete("a") is True
    assert schedules.delete("a") is False
    assert "a" not in schedules
    assert schedules.find() == []
    assert waiting(redis) == [run.id]
    assert Job.fetch(run.id, connection=redis).get_status() == "queued"
    of_dispatchers = re.compile(rb"rq:scheduler:(rev|clock|counters|dispatchers|lateness:\d+)")
    left = {key for key in redis.keys("rq:scheduler:*") if not of_dispatchers.fullmatch(key)}
    of_people = {b"rq:scheduler:audit", b"rq:scheduler:versions:a", b"rq:scheduler:deleted_schedules"}
    assert left == {b"rq:scheduler:tombstone:a", *of_people, b"rq:scheduler:names", b"rq:scheduler:open_runs"}
    worker.end(run.id)
    assert dispatcher.tick(300) == [], "nor what was remembered"


def test_delete_of_an_unknown_id_is_false_and_writes_nothing(redis: redis_py.Redis, schedules: Schedules) -> None:
    assert schedules.delete("absent") is False
    assert snapshot(redis) == {}


def test_runs_that_rq_takes_itself_are_ordinary_jobs(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    (run,) = dispatcher.tick(60)
    assert Queue("default", connection=redis).job_ids == [run.id]
    assert offsets([run.at]) == [60]
    assert state(schedules["a"])["last_run_at"] == START + timedelta(seconds=60)
