"""An id that is planned again while RQ has its job: debouncing, and jobs that plan their own next run, with the workers
that run them."""

import json
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest
import redis as redis_py
from rq import Queue
from rq.job import Job

import jobs_for_tests as jobs
from integration.helpers import IN_PROCESS, KEYS, RunWorker, StartDispatcher
from making import lives_for
from planning_for_tests import count_down
from rq_scheduler import Scheduler
from support import Peer, kill_family, wait_until

TEN_MINUTES = timedelta(minutes=10)


class Site:
    """A scheduler, and what its jobs leave."""

    def __init__(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        self.redis = redis
        self.scheduler = scheduler

    def run_now(self, *ids: str, **options: Any) -> None:
        """RQ's own jobs, which go on until `go_on`."""
        for id in ids:
            Queue("default", connection=self.redis).enqueue_call(
                jobs.push_and_wait, ("ran", f"{id} old", f"go on {id}"), job_id=id, **options
            )

    def go_on(self, *ids: str) -> None:
        for id in ids:
            self.redis.set(f"test:go on {id}", 1)

    def plan(self, *ids: str, **options: Any) -> None:
        for id in ids:
            self.scheduler.enqueue_in(TEN_MINUTES, jobs.push, "ran", f"{id} new", job_id=id, **options)

    def come_due(self, *ids: str) -> None:
        for id in ids:
            self.scheduler.change_execution_time(id, datetime.now(UTC))

    @property
    def ran(self) -> list[str]:
        return [line.decode() for line in self.redis.lrange("test:ran", 0, -1)]

    def is_parked(self, id: str) -> bool:
        return self.redis.zscore(KEYS.parked, id) is not None

    def status(self, id: str) -> str | None:
        status = self.redis.hget(f"rq:job:{id}", "status")
        return None if status is None else status.decode()


@pytest.fixture
def site(redis: redis_py.Redis, scheduler: Scheduler) -> Site:
    return Site(redis, scheduler)


def test_debouncing(site: Site, start_dispatcher: StartDispatcher, run_worker: RunWorker) -> None:
    start_dispatcher()
    site.run_now("runs", "waits", result_ttl=100)
    worker = run_worker("default", burst=False)
    wait_until(lambda: site.ran == ["runs old"], message=worker.output)
    site.scheduler.enqueue_in(timedelta(0), jobs.push, "ran", "not the last plan", job_id="runs")
    site.plan("runs", "waits", job_result_ttl=900)
    assert [site.status(id) for id in ("runs", "waits")] == ["started", "queued"]
    assert Job.fetch("runs", connection=site.redis).args[1] == "runs old", "RQ's job is the live one"
    planned = site.scheduler.get_job("runs")
    assert planned is not None
    assert planned.args == ("ran", "runs new")

    site.go_on("runs", "waits")
    wait_until(lambda: site.ran == ["runs old", "waits old"])
    wait_until(lambda: not (site.is_parked("runs") or site.is_parked("waits")))
    soon, late = (datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=minutes) for minutes in (8, 10))
    assert all(soon < due <= late for _, due in site.scheduler.get_jobs(with_times=True)), "ten minutes from their plan"
    since = monotonic()
    site.come_due("runs", "waits")
    wait_until(lambda: len(site.ran) == 4, message=worker.output)
    assert sorted(site.ran[2:]) == ["runs new", "waits new"]
    wait_until(lambda: site.status("runs") == site.status("waits") == "finished")
    assert lives_for(site.redis, "rq:job:runs", 900, since)
    assert site.scheduler.count() == 0


def test_jobs_that_plan_their_own_next_run(
    site: Site, start_dispatcher: StartDispatcher, run_worker: RunWorker
) -> None:
    start_dispatcher()
    ids: dict[str, int | None] = {"gone": 0, "a-second": 1, "default": None, "a-while": 500, "for-ever": -1}
    for id, result_ttl in ids.items():
        site.scheduler.enqueue_in(timedelta(0), count_down, 2, result_ttl, job_id=id, job_result_ttl=result_ttl)
    worker = run_worker("default", burst=False, args=IN_PROCESS)
    wait_until(lambda: site.redis.llen("test:counted") >= 3 * len(ids), message=worker.output)
    wait_until(lambda: all(site.status(id) in (None, "finished") for id in ids))
    counted = [line.decode() for line in site.redis.lrange("test:counted", 0, -1)]
    assert {id: [line for line in counted if line.startswith(f"{id} ")] for id in ids} == {
        id: [f"{id} {number}" for number in (2, 1, 0)] for id in ids
    }
    assert site.status("gone") is None
    assert site.redis.ttl("rq:job:for-ever") == -1
    assert site.scheduler.count() == 0


def test_a_sign_of_life_that_comes_late(site: Site, start_dispatcher: StartDispatcher, run_worker: RunWorker) -> None:
    """RQ's worker gives one without a look at the job, and deletes the job if the field is new: also the next of its
    id."""
    start_dispatcher()
    site.run_now("a", "b", result_ttl=0)
    worker = run_worker("default", burst=False, args=("--worker-class", "workers_for_tests.LateHeartbeat"))
    wait_until(lambda: site.ran == ["a old"], message=worker.output)
    site.plan("a", "b")
    site.go_on("a", "b")
    wait_until(lambda: not site.is_parked("a"), message=worker.output)
    site.redis.rpush("test:heartbeats", "after")
    wait_until(lambda: site.redis.lrange("test:ended", 0, -1) == [b"a", b"b"], message=worker.output)
    job = site.scheduler.get_job("a")
    assert job is not None
    assert job.args == ("ran", "a new")
    wait_until(lambda: not site.is_parked("b"))
    for _ in range(3):  # those of the new ones
        site.redis.rpush("test:heartbeats", "after")
    site.come_due("a", "b")
    wait_until(lambda: len(site.ran) == 4, message=worker.output)
    assert sorted(site.ran[2:]) == ["a new", "b new"]


def test_taking_the_live_one_away_cancels_nothing(
    site: Site, start_dispatcher: StartDispatcher, run_worker: RunWorker
) -> None:
    """A worker that runs it goes on, and writes all of it back in the end."""
    start_dispatcher()
    site.run_now("deleted", "canceled", "waits")
    workers = [run_worker("default", burst=False) for _ in range(2)]
    wait_until(lambda: len(site.ran) == 2, message=workers[0].output)
    site.plan("deleted", "canceled", "waits")
    for id in ("deleted", "waits"):
        Job.fetch(id, connection=site.redis).delete()
    Job.fetch("canceled", connection=site.redis).cancel()
    wait_until(lambda: not site.is_parked("waits"))
    assert site.is_parked("deleted")
    assert site.is_parked("canceled")
    site.come_due("deleted", "canceled", "waits")
    site.go_on("deleted", "canceled")
    wait_until(lambda: len(site.ran) == 5, message=workers[0].output)
    assert sorted(site.ran[2:]) == ["canceled new", "deleted new", "waits new"]


def test_0_14_does_not_see_it_and_leaves_it_alone(site: Site, peer: Peer) -> None:
    """Its reads remove what has no job hash from the index."""
    site.run_now("a")
    site.plan("a")
    seen = peer.script("print(json.dumps([[job.id for job in scheduler.get_jobs()], 'a' in scheduler]))")
    assert json.loads(seen.splitlines()[-1]) == [[], False]
    assert "a" in site.scheduler


def test_after_a_worker_that_was_killed(site: Site, start_dispatcher: StartDispatcher, run_worker: RunWorker) -> None:
    """The earlier run has ended when RQ gives it up, and RQ does not take the next one for it."""
    start_dispatcher()
    site.run_now("a")
    args = ("--worker-class", "workers_for_tests.ShortBreath", "--job-monitoring-interval", "1")
    worker = run_worker("default", burst=False, args=args)
    wait_until(lambda: site.ran == ["a old"], message=worker.output)
    site.plan("a")
    wait_until(lambda: site.redis.hget(KEYS.planned_job("a"), "seen:worker"))
    kill_family(worker)
    wait_until(lambda: not site.is_parked("a"))
    site.come_due("a")
    wait_until(lambda: site.status("a") == "queued")
    run_worker("default")
    wait_until(lambda: site.ran == ["a old", "a new"])
    assert site.redis.zrange("rq:failed:default", 0, -1) == []
