"""`scheduler.jobs`: pending one-offs as a person looks after them, and jobs that RQ has already."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from rq import Queue
from rq.job import Job

import jobs_for_tests as jobs
from conftest import RunWorker
from making import leave_traceback, snapshot, waiting
from rq_scheduler import Scheduler
from rq_scheduler.client.pending import Jobs
from rq_scheduler.errors import InvalidArgument, InvalidType
from support import wait_until

NOON = datetime(2199, 3, 2, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
def some(scheduler: Scheduler) -> Jobs:
    """Ten one-offs, a minute apart from noon on, and a recurring job in between."""
    scheduler.enqueue_many([(at(n), jobs.echo, (n,)) for n in range(10)], queue_name="reports")
    scheduler.enqueue_at(at(60), jobs.nothing, job_id="later")
    scheduler.schedule(at(4.5), jobs.nothing, interval=3600, id="recurring")
    return scheduler.jobs


def _dues(found: Any) -> list[float]:
    return [(job.due - NOON).total_seconds() / 60 for job in found]


class TestReading:
    def test_a_page_begins_at_a_time_and_the_next_behind_its_last(self, some: Jobs) -> None:
        page = some.find(since=at(2), until=at(30), limit=4)
        assert _dues(page) == [2, 3, 4, 4.5]
        assert [job.recurs for job in page] == [False, False, False, True]
        assert (page[0].call, page[0].queue_name) == ("jobs_for_tests.echo(2)", "reports")
        assert _dues(some.find(behind=page[-1], until=at(30), limit=4)) == [5, 6, 7, 8]
        assert _dues(some.find(behind=page[-1], until=at(7))) == [5, 6]
        assert _dues(some.find(since=at(60.1))) == []
        assert len(some.find()) == 12

    def test_many_of_one_moment_are_paged_too(self, scheduler: Scheduler) -> None:
        ids = scheduler.enqueue_many([(NOON, jobs.nothing)] * 25)
        found = [page := scheduler.jobs.find(since=NOON, limit=10)]
        while page:
            found.append(page := scheduler.jobs.find(behind=page[-1], limit=10))
        assert sorted(job.id for page in found for job in page) == sorted(ids)

    def test_one_is_found_by_id(self, some: Jobs) -> None:
        found = some.get("later")
        assert found is not None
        assert (found.due, found.call, found.recurs) == (at(60), "jobs_for_tests.nothing()", False)
        assert found.created_at is not None
        assert some.get("unknown") is None

    def test_and_by_its_call(self, some: Jobs) -> None:
        assert _dues(some.find(call="nothing")) == [4.5, 60]
        assert _dues(some.find(call="echo(7)")) == [7]
        assert some.find(call="unknown") == []

    def test_they_are_counted_by_time(self, some: Jobs) -> None:
        assert some.histogram(at(0), at(15), "5m") == [(at(0), 6), (at(5), 5), (at(10), 0)]
        assert some.histogram(at(1), at(2.5), 60) == [(at(1), 1), (at(2), 1)]
        assert [count for _, count in some.histogram(at(-60), at(120))] == [0] * 4 + [11, 0, 0, 0, 1, 0, 0, 0]

    def test_reading_writes_nothing(self, redis: redis_py.Redis, some: Jobs) -> None:
        before = snapshot(redis)
        some.find(call="echo")
        some.get("later")
        some.histogram(at(0), at(60))
        assert snapshot(redis) == before


class TestChanging:
    def test_who_cancels_and_moves_one_is_in_the_audit(self, scheduler: Scheduler, some: Jobs) -> None:
        assert some.move("later", at(90))
        assert some.get("later") is not None
        assert _dues([some.get("later")]) == [90]
        assert some.cancel("later")
        assert not some.cancel("later")
        assert not some.move("later", at(5))
        told = [(entry.action, entry.id, entry.actor) for entry in scheduler.audit.read()]
        assert told == [("cancelled", "later", scheduler.actor), ("moved", "later", scheduler.actor)]

    def test_one_runs_now(self, redis: redis_py.Redis, some: Jobs, running: Any) -> None:
        running()
        assert some.run_now("later")
        wait_until(lambda: waiting(redis) == ["later"])
        assert not some.run_now("later")

    def test_they_are_spread(self, scheduler: Scheduler, some: Jobs) -> None:
        assert some.spread(at(0), at(15), "110m") == 9
        assert _dues(some.find(until=at(120))) == [0, 4.5, 10, 20, 30, 40, 60, 60, 70, 80, 90, 100]
        entry = scheduler.audit.read(limit=1)[0]
        assert (entry.action, entry.details["jobs"]) == ("moved", "11")

    def test_none_becomes_earlier(self, scheduler: Scheduler) -> None:
        scheduler.enqueue_many([(at(14 + n / 100), jobs.nothing) for n in range(10)])
        scheduler.jobs.spread(at(0), at(15), "20m")
        found = _dues(scheduler.jobs.find())
        assert found[:8] == pytest.approx([14 + n / 100 for n in range(8)])
        assert found[8:] == [16, 18]

    def test_more_than_one_script_moves(self, scheduler: Scheduler) -> None:
        scheduler.enqueue_many([(NOON, jobs.nothing)] * 1300)
        assert scheduler.jobs.spread(at(0), at(15), timedelta(minutes=130)) == 1299
        assert [count for _, count in scheduler.jobs.histogram(at(0), at(130), "10m")] == [100] * 13

    def test_nothing_to_spread(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        before = snapshot(redis)
        assert scheduler.jobs.spread(at(0), at(15)) == 0
        assert snapshot(redis) == before


class TestOfRQ:
    def test_a_queue_is_moved_to_the_end_of_another(
        self, redis: redis_py.Redis, scheduler: Scheduler, run_worker: RunWorker
    ) -> None:
        queue, other = Queue("reports", connection=redis), Queue("default", connection=redis)
        first = other.enqueue(jobs.push_id)
        moved = [queue.enqueue(jobs.push_id) for _ in range(600)]
        redis.rpush("rq:queue:reports", "gone")
        assert scheduler.jobs.move_queue("reports", "default") == 601
        assert scheduler.jobs.move_queue("reports", "default") == 0
        assert waiting(redis) == [first.id, *(job.id for job in moved), "gone"]
        assert waiting(redis, "reports") == []
        assert not redis.exists("rq:job:gone")
        assert Job.fetch(moved[-1].id, connection=redis).origin == "default"
        assert [entry.details for entry in scheduler.audit.read(actions="jobs_moved")] == [
            {"to": "default", "jobs": "101"},
            {"to": "default", "jobs": "500"},
        ]
        redis.ltrim("rq:queue:default", 598, -1)
        run_worker("default")
        assert redis.llen("test:ran") == 3

    def test_a_run_that_a_worker_has_is_stopped(
        self, redis: redis_py.Redis, scheduler: Scheduler, run_worker: RunWorker
    ) -> None:
        job = Queue("default", connection=redis).enqueue(jobs.sleep, 300)
        run_worker("default", burst=False)
        wait_until(lambda: job.get_status() == "started")
        assert scheduler.jobs.stop(job.id) == "asked"
        wait_until(lambda: job.get_status() == "stopped")
        assert scheduler.jobs.stop(job.id) is None
        (entry,) = scheduler.audit.read(actions="stopped")
        assert (entry.id, entry.details) == (job.id, {"how": "asked"})

    def test_one_that_waits_is_canceled(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        job = Queue("default", connection=redis).enqueue(jobs.nothing)
        assert scheduler.jobs.stop(job.id) == "canceled"
        assert (job.get_status(), waiting(redis)) == ("canceled", [])
        assert scheduler.jobs.stop("unknown") is None


class TestTraceback:
    def test_of_the_last_run(self, redis: redis_py.Redis, scheduler: Scheduler, run_worker: RunWorker) -> None:
        queue = Queue("default", connection=redis)
        failed, fine = queue.enqueue(jobs.fail, "at 3 a.m."), queue.enqueue(jobs.nothing)
        run_worker("default")
        found = scheduler.jobs.traceback(failed.id) or ""
        assert found.startswith("Traceback (most recent call last):\n")
        assert found.rstrip().endswith("RuntimeError: at 3 a.m.")
        assert scheduler.jobs.traceback(fine.id) is None
        assert scheduler.jobs.traceback("unknown") is None

    def test_its_first_mebibyte(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        leave_traceback(redis, "long", "é" * 10**6)
        assert len((scheduler.jobs.traceback("long") or "").encode()) == 2**20

    def test_what_cannot_be_read(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        redis.xadd("rq:results:odd", {"exc_string": "no base64"})
        redis.xadd("rq:results:none", {"type": "2"})
        assert [scheduler.jobs.traceback(id) for id in ("odd", "none")] == [None, None]


@pytest.mark.parametrize(
    ("call", "error", "named"),
    [
        (lambda of: of.find(since=NOON.replace(tzinfo=None)), InvalidArgument, "since="),
        (lambda of: of.find(limit=-1), InvalidArgument, "limit=-1"),
        (lambda of: of.find(behind="later"), InvalidType, "behind="),
        (lambda of: of.find(call=5), InvalidType, "call=5"),
        (lambda of: of.histogram(at(5), at(5)), InvalidArgument, "not before"),
        (lambda of: of.histogram(at(0), at(60), 1), InvalidArgument, "1000 stretches"),
        (lambda of: of.histogram(at(0), at(60), 0), InvalidArgument, "step=0"),
        (lambda of: of.move("later", "noon"), InvalidType, "when="),
        (lambda of: of.move(5, NOON), InvalidType, "id=5"),
        (lambda of: of.spread(at(15), at(0)), InvalidArgument, "not before"),
        (lambda of: of.spread(at(0), at(15), "15m"), InvalidArgument, "no longer"),
        (lambda of: of.move_queue("default", "default"), InvalidArgument, "give another"),
        (lambda of: of.move_queue("default", ""), InvalidArgument, "to is empty"),
        (lambda of: of.move_queue(5, "x"), InvalidType, "queue_name=5"),
        (lambda of: of.stop(None), InvalidType, "id=None"),
    ],
)
def test_what_cannot_be_is_refused(
    redis: redis_py.Redis, some: Jobs, call: Any, error: type[Exception], named: str
) -> None:
    before = snapshot(redis)
    with pytest.raises(error, match=named):
        call(some)
    assert snapshot(redis) == before
