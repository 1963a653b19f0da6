"""pause_on_failures: pauses after so many failed runs in a row, with a note that says so."""

from typing import Any

import pytest
import redis as redis_py
from rq import SimpleWorker

import jobs_for_tests as jobs
from rq_scheduler import Every
from rq_scheduler.client.schedules import Schedules, StoredSchedule
from rq_scheduler.testing import ManualDispatcher
from schedules.helpers import Worker, after, dues


class Minutes:
    """One minute after the other of the schedule "a"; each run ends as it is told."""

    def __init__(self, dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker) -> None:
        self._dispatcher = dispatcher
        self._schedules = schedules
        self._worker = worker

    def put(self, pause_on_failures: int, **options: Any) -> None:
        self._schedules.put("a", Every(60), jobs.nothing, pause_on_failures=pause_on_failures, **options)

    def run(self, *statuses: str) -> int:
        """How many of these runs there were."""
        made = 0
        for status in statuses:
            made += len(self._dispatcher.tick(60))
            self._worker.end_all(status)
        return made

    def stored(self) -> StoredSchedule:
        """As it stands after the next minute."""
        self._dispatcher.tick(60)
        return self._schedules["a"]


@pytest.fixture
def minutes(dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker) -> Minutes:
    return Minutes(dispatcher, schedules, worker)


def test_it_pauses_after_n_failed_runs_in_a_row_with_a_note_that_says_so(
    minutes: Minutes, schedules: Schedules, caplog: pytest.LogCaptureFixture
) -> None:
    minutes.put(3)
    assert minutes.run("failed", "failed", "failed") == 3
    with caplog.at_level("WARNING"):
        stored = minutes.stored()
    assert (stored.paused, stored.note) == (True, "paused after 3 failed runs in a row")
    assert (stored.runs, stored.next_run_at, stored.version) == (3, None, 1)
    assert [each.id for each in schedules.find(paused=True)] == ["a"]
    assert any("a is paused after 3 failed runs in a row" in record.getMessage() for record in caplog.records)


def test_fewer_do_not(minutes: Minutes) -> None:
    minutes.put(3)
    minutes.run("failed", "failed")
    assert not minutes.stored().paused


def test_one_that_finishes_begins_the_count_anew(minutes: Minutes) -> None:
    minutes.put(2)
    assert minutes.run("failed", "finished", "failed", "finished", "failed", "finished") == 6
    assert not minutes.stored().paused


def test_a_run_whose_job_has_expired_counts_as_neither(minutes: Minutes) -> None:
    minutes.put(2, failure_ttl=60)
    assert minutes.run("failed", "expired", "expired", "failed") == 4
    assert minutes.stored().paused


@pytest.mark.parametrize("status", ["canceled", "stopped"])
def test_a_run_that_somebody_ended_counts_as_neither(minutes: Minutes, status: str) -> None:
    minutes.put(2)
    assert minutes.run("failed", status, "failed") == 3
    assert minutes.stored().paused


def test_a_run_that_will_be_tried_again_has_not_failed(
    minutes: Minutes, redis: redis_py.Redis, dispatcher: ManualDispatcher, worker: Worker
) -> None:
    minutes.put(1)
    (run,) = dispatcher.tick(60)
    worker.end(run.id, "scheduled")
    redis.zadd("rq:scheduled:default", {run.id: after(3600).timestamp()})
    assert not minutes.stored().paused
    worker.end(run.id, "failed")
    redis.zrem("rq:scheduled:default", run.id)
    assert minutes.stored().paused


def test_skipped_and_missed_fires_count_as_neither(
    minutes: Minutes, dispatcher: ManualDispatcher, worker: Worker
) -> None:
    minutes.put(2)
    minutes.run("failed")
    (run,) = dispatcher.tick(60)
    dispatcher.tick(300)
    dispatcher.clock.move(600)
    worker.end(run.id, "failed")
    assert minutes.stored().paused


def test_resuming_begins_the_count_anew(minutes: Minutes, schedules: Schedules) -> None:
    minutes.put(2)
    minutes.run("failed", "failed")
    assert minutes.stored().paused
    resumed = schedules.resume("a")
    assert (resumed.paused, resumed.note) == (False, "")
    assert minutes.run("failed") == 1
    assert not minutes.stored().paused


def test_without_it_nothing_pauses(minutes: Minutes, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    minutes.run(*["failed"] * 5)
    assert not minutes.stored().paused


@pytest.mark.parametrize("overlap", ["skip", "allow", "buffer_one", "buffer_all", "replace"])
def test_it_holds_for_every_overlap(minutes: Minutes, overlap: str) -> None:
    minutes.put(2, overlap=overlap)
    minutes.run("failed", "failed")
    assert minutes.stored().paused


def test_runs_that_were_remembered_count_as_any(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(10), jobs.nothing, pause_on_failures=2, overlap="buffer_all", max_runs=8)
    made = len(dispatcher.tick(105))
    for _ in range(10):
        worker.end_all("failed")
        made += len(dispatcher.tick(1))
    stored = schedules["a"]
    assert (made, stored.paused, stored.note) == (2, True, "paused after 2 failed runs in a row")
    assert redis.llen("rq:scheduler:buffer:a") == 6
    schedules.resume("a")
    assert dues(dispatcher.tick(1)) == [30], "they wait for the resume"


def test_runs_that_overlap_are_counted_in_their_order(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing, pause_on_failures=2, overlap="allow")
    one, two, three = dispatcher.tick(180)
    worker.end(two.id, "failed")
    worker.end(three.id, "failed")
    assert len(dispatcher.tick(60)) == 1, "the first is still going, and may yet finish"
    worker.end(one.id, "finished")
    assert dispatcher.tick(60) == []
    assert schedules["a"].paused


def test_the_fire_that_would_have_been_next_is_not_lost_but_passed(
    minutes: Minutes, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    minutes.put(1)
    minutes.run("failed")
    assert minutes.stored().paused
    schedules.resume("a")
    assert dues(dispatcher.tick(60)) == [180]


def test_it_learns_how_real_runs_ended_without_touching_the_function(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules, run_worker: Any
) -> None:
    schedules.put("a", Every(60), jobs.fail, pause_on_failures=2)
    for work in (run_worker, SimpleWorker(["default"], connection=redis).work):
        (run,) = dispatcher.tick(60)
        work(burst=True)
        assert redis.hget(f"rq:job:{run.id}", "status") == b"failed"
        assert not redis.hget(f"rq:job:{run.id}", "failure_callback_name")
    dispatcher.tick(60)
    assert schedules["a"].note == "paused after 2 failed runs in a row"
