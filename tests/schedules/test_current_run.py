"""current_run(): inside a run of a schedule, which one, for which nominal time, and of which kind."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import redis as redis_py
from rq import SimpleWorker

from rq_scheduler import Every, Scheduler, current_run
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.runs import CurrentRun
from rq_scheduler.testing import ManualDispatcher
from schedules.helpers import START, after, push_current_run


def told(redis: redis_py.Redis) -> list[Any]:
    """What the runs have told, in the order in which they ran."""
    return [json.loads(line) for line in redis.lrange("test:runs", 0, -1)]


def test_it_is_none_outside_of_a_run() -> None:
    assert current_run() is None


def test_scheduled_manual_and_backfilled_runs_know_what_they_are(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules, run_worker: Any
) -> None:
    schedules.put("a-b_c", Every(60), push_current_run, jitter=20)
    dispatcher.tick(90)
    schedules.run_now("a-b_c", force=True)
    schedules.backfill("a-b_c", START - timedelta(seconds=60), START)
    run_worker()
    assert told(redis) == [
        ["a-b_c", after(60).isoformat(), "scheduled"],
        ["a-b_c", after(90).isoformat(), "manual"],
        ["a-b_c", after(-60).isoformat(), "backfill"],
    ]


def test_a_run_that_was_caught_up_or_remembered_knows_its_own_time(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), push_current_run, overlap="buffer_all", catchup="all")
    dispatcher.clock.move(190)
    for _ in range(3):
        dispatcher.tick(1)
        SimpleWorker(["default"], connection=redis).work(burst=True)
    assert [nominal for _, nominal, _ in told(redis)] == [after(n).isoformat() for n in (60, 120, 180)]


def test_it_is_none_in_the_jobs_of_enqueue_at_schedule_and_cron(
    redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher
) -> None:
    scheduler.enqueue_at(after(1), push_current_run)
    scheduler.schedule(after(2), push_current_run, interval=60)
    scheduler.cron("1 12 * * *", push_current_run)
    dispatcher.tick(60)
    SimpleWorker(["default"], connection=redis).work(burst=True)
    assert told(redis) == [None, None, None]


def test_its_nominal_time_is_aware_utc() -> None:
    run = CurrentRun("a", datetime(2026, 3, 2, 12, tzinfo=UTC), "scheduled")
    assert (run.schedule_id, run.nominal.tzinfo, run.kind) == ("a", UTC, "scheduled")
