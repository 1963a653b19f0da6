"""Overlap: what happens when the previous run is still queued or running, and what counts as still going."""

from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py
from rq.job import Job

import jobs_for_tests as jobs
from making import now_us, waiting
from rq_scheduler import At, Every, Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import Worker, after, dues, offsets, outcomes
from support import kill_family, wait_until

pytestmark = pytest.mark.once

# --- the table ---


def test_skip_is_the_default_and_makes_no_new_run_but_counts_it_and_keeps_it_in_the_history(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    assert schedules.put("a", Every(60), jobs.nothing).definition.overlap == "skip"
    (first,) = dispatcher.tick(200)
    assert (schedules["a"].runs, schedules["a"].skipped, schedules["a"].missed) == (1, 2, 0)
    skipped, ran = schedules.runs("a")
    assert (ran.outcome, skipped.outcome, skipped.count, skipped.held_up_by) == ("enqueued", "skipped", 2, first.id)
    assert offsets([ran.nominal, skipped.nominal, skipped.until]) == [60, 120, 180]
    worker.end(first.id)
    assert dues(dispatcher.tick(60)) == [240], "what was skipped is not made up for"


def test_allow_starts_it_anyway(dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="allow")
    fired = dispatcher.tick(200)
    assert dues(fired) == [60, 120, 180]
    assert waiting(redis) == [job.id for job in fired]
    assert schedules["a"].skipped == 0


def test_buffer_one_remembers_one_and_starts_it_within_a_second_of_the_end_of_the_present_one(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="buffer_one")
    (first,) = dispatcher.tick(190.5)
    assert (schedules["a"].runs, schedules["a"].skipped) == (1, 1), "the third had no place"
    worker.start(first.id)
    assert dispatcher.tick(10) == []
    worker.end(first.id)
    (second,) = dispatcher.tick(1)
    assert second.due == after(120)
    assert second.id == "a-20260302T120200000000Z", "it keeps its nominal time"
    assert outcomes(schedules.runs("a")) == ["enqueued", "skipped", "enqueued"]
    assert schedules.runs("a")[0].lateness == second.at - after(120)
    worker.end(second.id)
    assert dispatcher.tick(30) == [], "nothing is remembered any more"


def test_buffer_one_has_room_again_once_the_remembered_run_has_started(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="buffer_one")
    (first,) = dispatcher.tick(125)
    worker.end(first.id)
    (second,) = dispatcher.tick(2)
    assert dispatcher.tick(60) == []
    worker.end(second.id)
    assert dues(dispatcher.tick(2)) == [180]


def test_buffer_all_remembers_each_one_after_the_other(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="buffer_all")
    started = dispatcher.tick(300.5)
    assert dues(started) == [60]
    for expected in (120, 180, 240, 300):
        worker.end_all()
        fired = dispatcher.tick(1)
        assert dues(fired) == [expected], "one at a time"
        assert dispatcher.tick(1) == []
    assert schedules["a"].skipped == 0
    assert schedules["a"].runs == 5


def test_buffer_all_remembers_at_most_1000(
    clock: ManualClock, dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put("a", Every(1), jobs.nothing, overlap="buffer_all", catchup="all")
    clock.move(1010.5)
    assert dues(dispatcher.tick()) == [1]
    assert redis.llen("rq:scheduler:buffer:a") == 1000
    assert (schedules["a"].runs, schedules["a"].skipped) == (1, 9)


def test_replace_cancels_a_queued_run_and_enqueues_the_new_one_at_once(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="replace")
    first, second = dispatcher.tick(120)
    assert waiting(redis) == [second.id]
    assert second.at == after(120)
    assert Job.fetch(first.id, connection=redis).get_status() == "canceled"
    assert schedules["a"].skipped == 0


def test_replace_asks_a_running_one_to_stop(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="replace")
    (first,) = dispatcher.tick(60)
    worker.start(first.id)
    redis.hset(f"rq:job:{first.id}", "worker_name", "busy")
    channel = redis.pubsub(ignore_subscribe_messages=True)
    channel.subscribe("rq:pubsub:busy")
    wait_until(lambda: redis.pubsub_numsub("rq:pubsub:busy")[0][1] == 1)
    (second,) = dispatcher.tick(60)
    message: Any = wait_until(channel.get_message)
    assert b"stop-job" in message["data"]
    assert first.id.encode() in message["data"]
    assert waiting(redis) == [second.id], "for a moment both may run"
    channel.close()


def test_replace_stops_a_run_of_a_real_worker(redis: redis_py.Redis, run_worker: Any) -> None:
    schedules = Scheduler(connection=redis).schedules
    schedules.put("a", Every(3600), jobs.push_and_sleep, args=("ran", 1, 30), overlap="replace")
    worker = run_worker(burst=False)
    first = schedules.run_now("a")
    assert first is not None
    wait_until(lambda: redis.llen("test:ran") == 1, message=worker.output)
    assert schedules.run_now("a") is not None
    wait_until(lambda: first.get_status(refresh=True) == "stopped", message=worker.output)
    wait_until(lambda: redis.llen("test:ran") == 2, message=worker.output)


# --- what counts as still going ---


def test_queued_counts_and_is_looked_up_before_the_second_skip_in_a_row(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put("a", Every(300), jobs.nothing)
    dispatcher.tick(300)
    redis.delete("rq:queue:default")
    assert dispatcher.tick(300) == [], "one skip is believed without looking"
    assert dues(dispatcher.tick(300)) == [900], "a deleted queue does not stop a schedule for good"
    assert (schedules["a"].runs, schedules["a"].skipped) == (2, 1)


@pytest.mark.parametrize("place", ["queue", "intermediate"])
def test_queued_counts_as_long_as_the_id_is_in_the_queues_list_or_rqs_intermediate_list(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker, place: str
) -> None:
    schedules.put("a", Every(300), jobs.nothing)
    (run,) = dispatcher.tick(300)
    if place == "intermediate":
        worker.take(run.id)
    assert dispatcher.tick(1500) == []
    assert schedules["a"].skipped == 5


def test_it_is_looked_up_at_most_once_a_minute(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[float] = []
    is_waiting = dispatcher._store.is_waiting

    def look(*args: Any) -> bool:
        looked_up.extend(offsets([clock.now()]))
        return is_waiting(*args)

    monkeypatch.setattr(dispatcher._store, "is_waiting", look)
    schedules.put("a", Every(5), jobs.nothing)
    dispatcher.tick(200)
    assert looked_up == [15, 75, 135, 195]


def test_a_lost_run_is_found_out_within_a_minute(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put("a", Every(5), jobs.nothing)
    dispatcher.tick(31)
    redis.delete("rq:queue:default")
    (fired,) = dispatcher.tick(60)
    assert fired.due <= after(31 + 60)


@pytest.mark.parametrize("overlap", ["buffer_one", "buffer_all"])
def test_a_remembered_run_starts_though_the_queue_of_the_present_one_was_deleted(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules, overlap: str
) -> None:
    schedules.put("a", Every(300), jobs.nothing, overlap=overlap)
    dispatcher.tick(600)
    redis.delete("rq:queue:default")
    assert dues(dispatcher.tick(70)) == [600]


def test_started_counts_only_with_an_unexpired_execution(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    (run,) = dispatcher.tick(60)
    worker.start(run.id, seconds=150)
    assert dispatcher.tick(120) == [], "its worker is alive"
    assert dues(dispatcher.tick(60)) == [240], "it was killed, and its last heartbeat is too long ago"


def test_started_does_not_count_where_the_started_registry_was_flushed(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    (run,) = dispatcher.tick(60)
    worker.start(run.id)
    redis.delete("rq:wip:default")
    assert dues(dispatcher.tick(60)) == [120]


def test_scheduled_counts_only_with_an_entry_in_rqs_scheduled_registry(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    (run,) = dispatcher.tick(60)
    worker.end(run.id, "scheduled")
    redis.zadd("rq:scheduled:default", {run.id: after(3600).timestamp()})
    assert dispatcher.tick(60) == [], "it will be tried again"
    redis.zrem("rq:scheduled:default", run.id)
    assert dues(dispatcher.tick(60)) == [180]


@pytest.mark.parametrize("status", ["deferred", "ready_to_enqueue", "rate_limited"])
def test_what_waits_for_something_else_counts(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker, status: str
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    (run,) = dispatcher.tick(60)
    worker.end(run.id, status)
    assert dispatcher.tick(300) == []
    assert schedules["a"].skipped == 5


@pytest.mark.parametrize("status", ["finished", "failed", "stopped", "canceled", "expired", "created"])
def test_what_has_ended_does_not_count_and_a_missing_hash_never(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker, status: str
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    (run,) = dispatcher.tick(60)
    worker.end(run.id, status)
    assert dues(dispatcher.tick(60)) == [120]


def test_every_live_run_counts_and_not_the_last_one_alone(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="allow")
    one, two = dispatcher.tick(120)
    schedules.update("a", overlap="skip")
    worker.end(two.id)
    assert dispatcher.tick(60) == []
    worker.end(one.id)
    assert dues(dispatcher.tick(60)) == [240]


def test_a_run_that_rq_has_to_enqueue_counts_while_it_waits_for_that(redis: redis_py.Redis) -> None:
    scheduler = Scheduler(connection=redis)
    first = scheduler.enqueue_in(timedelta(hours=1), jobs.nothing, job_id="first")
    scheduler.schedules.put("a", Every(3600), jobs.nothing, depends_on=first)
    assert scheduler.schedules.run_now("a") is not None
    assert redis.zcard("rq:scheduler:via_rq") == 1
    assert scheduler.schedules.run_now("a") is None


def test_skipped_fires_do_not_count_against_max_runs(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, max_runs=3)
    fired = dispatcher.tick(300)
    for _ in range(3):
        worker.end_all()
        fired += dispatcher.tick(120)
    assert dues(fired) == [60, 360, 480]
    assert schedules["a"].skipped == 5
    assert schedules["a"].finished


def test_a_worker_killed_in_the_middle_does_not_stop_a_schedule(redis: redis_py.Redis, run_worker: Any) -> None:
    # RQ's heartbeat of a run is good for job_timeout or its monitoring interval and a minute, whichever ends first.
    scheduler = Scheduler(connection=redis)
    schedules = scheduler.schedules
    schedules.put("a", Every(3600), jobs.push_and_sleep, args=("ran", 1, 30))
    worker = run_worker(burst=False)
    job = schedules.run_now("a")
    assert job is not None
    wait_until(lambda: redis.llen("test:ran") == 1, message=worker.output)
    assert schedules.run_now("a") is None
    kill_family(worker)
    given_up = max(score for _, score in redis.zrange("rq:wip:default", 0, -1, withscores=True))
    clock = ManualClock(after(0))
    clock.move_to(after(0).fromtimestamp(given_up + 1, after(0).tzinfo))
    assert given_up - now_us(redis) / 1_000_000 < 120
    with ManualDispatcher(scheduler, clock):
        assert schedules.run_now("a") is not None, "no later than RQ gives the job up"


def test_single_times_overlap_with_nothing(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", At(after(60)), jobs.nothing)
    assert dues(dispatcher.tick(60)) == [60]
    assert schedules["a"].finished
