"""A worker that dies in the middle of a run (SIGKILL) does not stop its schedule for longer than RQ itself takes to
give the run up."""

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from integration.helpers import RunWorker, StartDispatcher
from rq_scheduler import Every, Scheduler
from support import kill_family, wait_until


@pytest.mark.parametrize("overlap", ["skip", "buffer_one"])
def test_the_schedule_fires_again_no_later_than_rq_gives_the_run_up(
    redis: redis_py.Redis,
    scheduler: Scheduler,
    start_dispatcher: StartDispatcher,
    run_worker: RunWorker,
    overlap: str,
) -> None:
    start_dispatcher()
    worker = run_worker(
        "default",
        burst=False,
        args=("--worker-class", "workers_for_tests.ShortBreath", "--job-monitoring-interval", "1"),
    )
    scheduler.schedules.put("slow", Every(0.5), jobs.push_and_sleep, args=("began", 1, 60), overlap=overlap)
    wait_until(lambda: redis.llen("test:began") == 1, message=worker.output)
    wait_until(lambda: scheduler.schedules["slow"].skipped > 0 or redis.exists("rq:scheduler:buffer:slow"))
    assert scheduler.schedules["slow"].runs == 1

    kill_family(worker)
    # Nobody renews the run any more: when this has passed, RQ cleans it up.
    ((_, given_up),) = redis.zrange("rq:wip:default", 0, -1, withscores=True)
    wait_until(lambda: scheduler.schedules["slow"].runs == 2)
    again = scheduler.schedules["slow"].last_run_at
    assert again is not None
    assert given_up - 0.01 <= again.timestamp() <= given_up + 1.6, "the next look: an instant, or the check of a second"
