"""Runs are followed to their end: how each ended is told once, counted, and stands in the history."""

import zlib
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py
from rq.utils import utcformat

import jobs_for_tests as jobs
from making import followed
from rq_scheduler import Every, Scheduler
from rq_scheduler.client.schedules import Run, Schedules
from rq_scheduler.store.counters import read_counters
from rq_scheduler.store.keys import Keys
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import Worker, after, outcomes

KEYS = Keys()

TRACEBACK = """Traceback (most recent call last):
  File "/srv/lib/python3.12/site-packages/rq/worker.py", line 10, in perform
    job.perform()
  File "/srv/app/shop/reports.py", line 88, in send
    raise ValueError("no rows")
ValueError: no rows
in two lines
"""


class Site:
    """The schedule "a", every hour, whose runs are ended as a test says."""

    def __init__(self, dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker, redis: Any) -> None:
        self.dispatcher = dispatcher
        self._schedules = schedules
        self._worker = worker
        self._redis = redis

    def put(self, **options: Any) -> None:
        self._schedules.put("a", Every(3600), jobs.nothing, **options)

    def fire(self) -> str:
        """The job id of the run of the next hour."""
        due = self._schedules["a"].next_run_at
        assert due is not None
        return self.dispatcher.tick(due - self.dispatcher.clock.now())[-1].id

    def end(self, status: str = "finished", *, after: float = 2, lasted: float | None = 1) -> str:
        """Fires one, which ends so many seconds after its hand-off."""
        run = self.fire()
        self.end_run(run, status, after=after, lasted=lasted)
        return run

    def end_run(self, run: str, status: str = "finished", *, after: float = 2, lasted: float | None = 1) -> None:
        if lasted is not None:
            self.dispatcher.clock.move(after - lasted)
            self._worker.start(run)
            self.dispatcher.clock.move(lasted)
        else:
            self.dispatcher.clock.move(after)
        self._worker.end(run, status)

    def look(self, seconds: float = 20) -> Run:
        """The newest run, once it has been looked at."""
        self.dispatcher.clock.move(seconds)
        self.dispatcher.tick()
        return self._schedules.runs("a")[0]

    @property
    def open_runs(self) -> list[bytes]:
        return followed(self._redis)


@pytest.fixture
def site(dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker, redis: redis_py.Redis) -> Site:
    return Site(dispatcher, schedules, worker, redis)


Told = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def told(scheduler: Scheduler) -> Told:
    """The events of what became of runs, oldest first: (kind, id)."""
    return lambda: [(event.kind, event.id) for event in scheduler.events.read()][::-1]


def write_error(redis: redis_py.Redis, run: str, text: str, worker: str = "w") -> None:
    """What RQ's worker leaves of an exception."""
    exception = b64encode(zlib.compress(text.encode()))
    redis.xadd(f"rq:results:{run}", {"type": "2", "worker_name": worker, "exc_string": exception})


# Ends


def test_a_success(site: Site, schedules: Schedules, redis: redis_py.Redis, scheduler: Scheduler) -> None:
    site.put()
    run = site.fire()
    redis.hset(f"rq:job:{run}", "worker_name", "w1")
    site.end_run(run, after=5, lasted=3)
    seen = site.look()
    assert (seen.job_id, seen.outcome, seen.end, seen.attempts) == (run, "enqueued", "finished", 1)
    assert (seen.started_at, seen.ended_at) == (after(3602), after(3605))
    assert (seen.duration, seen.worker, seen.dispatcher) == (timedelta(seconds=3), "w1", scheduler.name)
    stored = schedules["a"]
    assert (stored.succeeded, stored.failed, stored.last_outcomes) == (1, 0, ".")
    assert (stored.last_success_at, stored.mean_duration) == (after(3605), timedelta(seconds=3))
    assert site.open_runs == []


def test_it_is_still_told_when_rq_has_dropped_the_job(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    run = site.end()
    site.look()
    redis.delete(f"rq:job:{run}")
    seen = site.look()
    assert (seen.end, seen.ended_at, seen.status) == ("finished", after(3602), "expired")


def test_each_end_counts_once_however_often_it_is_looked_at(site: Site, schedules: Schedules) -> None:
    site.put(overlap="allow")
    for status in ("finished", "failed", "stopped", "canceled"):
        site.end(status)
        for _ in range(3):
            site.look()
    stored = schedules["a"]
    assert (stored.succeeded, stored.failed, stored.last_outcomes) == (1, 1, ".fsc")
    assert [run.end for run in schedules.runs("a")] == ["canceled", "stopped", "failed", "finished"]


def test_a_failure_says_why_and_where(site: Site, redis: redis_py.Redis, schedules: Schedules) -> None:
    site.put()
    run = site.end("failed")
    write_error(redis, run, TRACEBACK)
    seen = site.look()
    assert (seen.end, seen.error, seen.error_at, seen.cause) == (
        *("failed", "ValueError: no rows", "shop.reports:88"),
        None,
    )
    assert (seen.worker, schedules["a"].failed_in_a_row, schedules["a"].last_failure_at) == ("w", 1, after(3602))
    assert redis.zcard(KEYS.unread_errors) == 0


def test_a_dead_work_horse_is_a_cause(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    run = site.end("failed")
    write_error(redis, run, "Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); ")
    assert (site.look().cause, site.look().error_at) == ("worker-died", None)


def test_of_old_failures_the_beginning_is_kept(site: Site, redis: redis_py.Redis, schedules: Schedules) -> None:
    site.put()
    for _ in range(7):
        write_error(redis, site.end("failed"), TRACEBACK.replace("no rows", "x" * 500))
        site.look()
    lengths = [len(run.error or "") for run in schedules.runs("a")]
    assert lengths == [300] * 5 + [60] * 2


def test_an_error_that_cannot_be_read_is_none(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    run = site.end("failed")
    redis.xadd(f"rq:results:{run}", {"type": "2", "exc_string": "no base64!"})
    assert (site.look().end, site.look().error) == ("failed", None)
    assert redis.zcard(KEYS.unread_errors) == 0


def test_an_error_in_a_file_of_an_endless_name_holds_nobody_up(site: Site, redis: redis_py.Redis) -> None:
    """As templates have that are compiled; a search in it took a minute and a half."""
    site.put()
    path = "/a" * 32_000 + "/shop/reports.py"
    write_error(redis, site.end("failed"), f'Traceback:\n  File "{path}", line 88, in send\nValueError: no rows\n')
    assert (site.look().error, site.look().error_at) == ("ValueError: no rows", "shop.reports:88")


def test_attempts_are_told_and_the_end_counts_once(site: Site, redis: redis_py.Redis, schedules: Schedules) -> None:
    site.put(retry=2)
    run = site.fire()
    for left in (1, 0):
        redis.hset(f"rq:job:{run}", mapping={"status": "queued", "retries_left": left})
        assert site.look(5).end is None
    site.end_run(run)
    seen = site.look()
    assert (seen.end, seen.attempts, schedules["a"].failed) == ("finished", 3, 0)


def test_one_that_was_deleted_while_it_waited(site: Site, redis: redis_py.Redis, schedules: Schedules) -> None:
    site.put()
    redis.delete("rq:job:" + site.fire())
    assert site.look().end == "deleted"
    assert schedules["a"].failed == 0


def test_one_whose_queue_was_deleted_is_so_after_a_minute(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    site.fire()
    redis.delete("rq:queue:default")
    assert site.look(5).end is None
    assert site.look(50).end is None, "a worker may just be taking it"
    assert site.look(70).end == "deleted"
    assert redis.zcard(KEYS.missing_runs) == 0


def test_one_that_waits_behind_others_is_no_such(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    run = site.fire()
    redis.hset("rq:job:older", "enqueued_at", "2026-03-02T11:00:00.000000Z")
    redis.lpush("rq:queue:default", "older")
    redis.hset("rq:job:front", "enqueued_at", "2026-03-02T13:10:00.000000Z")
    for _ in range(5):
        assert site.look(70).end is None
        redis.lpush("rq:queue:default", "front")
    assert redis.zcard(KEYS.missing_runs) == 0
    assert run.encode() in redis.lrange("rq:queue:default", 0, -1)


def test_one_whose_ttl_passed_in_the_queue(site: Site, redis: redis_py.Redis) -> None:
    site.put(ttl=30)
    run = site.fire()
    redis.persist(f"rq:job:{run}")
    site.look(5)
    redis.delete(f"rq:job:{run}")
    assert (site.look(30).end, site.look().ended_at) == ("expired", after(3630))


def test_one_whose_worker_died_without_a_word_from_rq(site: Site, worker: Worker, schedules: Schedules) -> None:
    site.put()
    worker.start(site.fire(), seconds=100)
    assert site.look(1850).end is None
    seen = site.look(60)
    assert (seen.end, seen.ended_at) == ("lost", after(3700))
    assert (schedules["a"].failed, schedules["a"].last_outcomes) == (1, "l")


class TestAFleetThatWasAway:
    @pytest.fixture
    def ended(self, site: Site, redis: redis_py.Redis, clock: ManualClock) -> str:
        """A run that ended after ten seconds, and that RQ had dropped by the time the dispatchers came back."""
        site.put(result_ttl=120)
        run = site.end(after=10)
        redis.delete(f"rq:job:{run}")
        clock.move("30m")
        return run

    def test_reads_rqs_registry_to_the_second(self, site: Site, redis: redis_py.Redis, ended: str) -> None:
        redis.zadd("rq:finished:default", {ended: after(3610 + 120).timestamp()})
        seen = site.look()
        assert (seen.end, seen.ended_at) == ("finished", after(3610))

    def test_says_so_where_nothing_is_left(self, site: Site, ended: str) -> None:
        assert (site.look().job_id, site.look().end) == (ended, "unknown")


def test_a_short_result_ttl_lasts_until_the_end_is_told(site: Site, redis: redis_py.Redis) -> None:
    site.put(result_ttl=0)
    run = site.fire()
    assert redis.hget(f"rq:job:{run}", "result_ttl") == b"60"
    site.end_run(run)
    redis.zadd("rq:finished:default", {run: after(4000).timestamp()})
    redis.xadd(f"rq:results:{run}", {"type": "1"})
    assert site.look().end == "finished"
    assert not redis.exists(f"rq:job:{run}", f"rq:results:{run}", "rq:finished:default")


def test_what_is_left_of_it_is_kept(site: Site, redis: redis_py.Redis) -> None:
    site.put(result_ttl=50)
    run = site.end()
    assert site.look().end == "finished"
    assert 0 < redis.ttl(f"rq:job:{run}") <= 50


# Ends that change


def test_a_failure_that_somebody_requeues(site: Site, redis: redis_py.Redis, schedules: Schedules, told: Told) -> None:
    site.put()
    run = site.end("failed")
    write_error(redis, run, TRACEBACK)
    assert site.look().end == "failed"
    redis.hset(f"rq:job:{run}", "status", "queued")
    redis.rpush("rq:queue:default", run)
    site.look(70)
    site.end_run(run)
    seen = site.look(70)
    assert (seen.end, seen.earlier_ends, seen.error) == ("finished", (("failed", after(3602)),), None)
    stored = schedules["a"]
    assert (stored.succeeded, stored.failed, stored.failed_in_a_row) == (1, 1, 0)
    assert told() == [("failing_began", "a"), ("recovered", "a")]


def test_a_work_horse_that_outlives_the_verdict(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    run = site.end("failed")
    site.look()
    site.end_run(run, after=600, lasted=None)
    seen = site.look(70)
    assert (seen.end, seen.ended_at, seen.earlier_ends) == ("finished", after(4222), (("failed", after(3602)),))


def test_after_a_newer_run_nobody_looks(site: Site, redis: redis_py.Redis, schedules: Schedules) -> None:
    site.put()
    old = site.end("failed")
    site.look()
    site.end()
    site.look()
    site.end_run(old, lasted=None)
    site.look(120)
    assert [run.end for run in schedules.runs("a")] == ["finished", "failed"]
    assert site.open_runs == []


def test_one_that_stays_missing_is_told_once(site: Site, redis: redis_py.Redis, schedules: Schedules) -> None:
    site.put()
    run = site.end("failed")
    site.look()
    redis.hset(f"rq:job:{run}", "status", "queued")
    for _ in range(12):
        site.look(70)
    assert (schedules.runs("a")[0].end, schedules["a"].last_outcomes) == ("deleted", "fd")
    assert (redis.zcard(KEYS.missing_runs), len(site.open_runs)) == (0, 1)
    redis.lpush("rq:queue:default", run)
    site.look(70)
    site.end_run(run)
    assert site.look().end == "finished"


@pytest.mark.parametrize("status", ["failed", "stopped"])
def test_rqs_registry_does_not_tell_it_again(
    site: Site, redis: redis_py.Redis, schedules: Schedules, status: str
) -> None:
    site.put(failure_ttl=30)
    run = site.end(status, after=2.6)
    redis.zadd("rq:failed:default", {run: after(3602 + 30).timestamp()})
    site.look()
    redis.delete(f"rq:job:{run}")
    for _ in range(3):
        assert site.look(70).end == status
    assert len(schedules["a"].last_outcomes) == 1
    redis.zadd("rq:failed:default", {run: after(3700 + 30).timestamp()})
    seen = site.look(70)
    assert (seen.end, seen.ended_at) == ("failed", after(3700)), "it was requeued"


def test_nor_after_a_day(site: Site, schedules: Schedules, dispatcher: ManualDispatcher) -> None:
    schedules.put("a", Every("7d"), jobs.nothing)
    site.end("failed")
    site.look()
    assert len(site.open_runs) == 1
    site.look(86_500)
    assert site.open_runs == []


@pytest.mark.parametrize(
    ("head_waits_since", "moves", "status", "expected"),
    [
        pytest.param(-80, [1], "queued", 40, id="half of what the head has waited longer"),
        pytest.param(-80, [1, 40], "queued", 40, id="and so again, while the head stays"),
        pytest.param(-8_000, [1], "queued", 60, id="a minute at most"),
        pytest.param(0, [1, 1, 10], "queued", 3, id="a quarter of its age, where all came at once"),
        pytest.param(None, [1, 1], "queued", 1, id="a second at least"),
        pytest.param(-80, [1, 40], "started", 41 / 8, id="an eighth, once it has started"),
    ],
)
def test_when_the_next_look_is(
    site: Site,
    redis: redis_py.Redis,
    dispatcher: ManualDispatcher,
    head_waits_since: float | None,
    moves: list[float],
    status: str,
    expected: float,
) -> None:
    site.put()
    if head_waits_since is not None:
        since = utcformat(after(3600 + head_waits_since))
        redis.hset("rq:job:head", mapping={"status": "queued", "enqueued_at": since})
        redis.rpush("rq:queue:default", "head")
    run = site.fire()
    for move in moves:
        redis.hset(f"rq:job:{run}", "status", status)
        site.look(move)
    ((_, at),) = redis.zrange(KEYS.open_runs, 0, -1, withscores=True)
    assert at - dispatcher.clock.now().timestamp() == pytest.approx(expected)


# What follows from ends


def test_in_a_row_follows_the_time_of_ends(site: Site, worker: Worker, schedules: Schedules) -> None:
    site.put(overlap="allow")
    first, second = site.fire(), site.fire()
    worker.start(first)
    worker.start(second)
    site.end_run(first, after=5, lasted=None)
    site.end_run(second, "failed", after=5, lasted=None)
    third = site.fire()
    site.look(5)
    assert third
    assert schedules["a"].failed_in_a_row == 1


def test_milestones_of_failing_and_recovery_are_events(
    site: Site, schedules: Schedules, told: Told, redis: redis_py.Redis
) -> None:
    site.put()
    for _ in range(11):
        site.end("failed")
    site.look()
    assert redis.zrange(KEYS.schedules_of("failing"), 0, -1) == [b"a"]
    site.end()
    site.look()
    assert told() == [("failing_began", "a"), ("failing", "a"), ("recovered", "a")]
    assert redis.zcard(KEYS.schedules_of("failing")) == 0
    assert schedules["a"].last_outcomes == "f" * 11 + "."


def test_it_pauses_as_soon_as_the_end_is_known(site: Site, schedules: Schedules, told: Told) -> None:
    site.put(pause_on_failures=2)
    site.end("failed")
    site.end("failed")
    site.look(20)
    assert (schedules["a"].paused, schedules["a"].note) == (True, "paused after 2 failed runs in a row")
    assert told()[-1] == ("paused_for_failures", "a")
    site.look(600)
    assert len(told()) == 2


def test_an_end_before_the_resume_does_not_pause_again(site: Site, worker: Worker, schedules: Schedules) -> None:
    site.put(pause_on_failures=2, overlap="allow")
    slow = site.fire()
    worker.start(slow)
    site.end("failed")
    site.end("failed")
    site.look(20)
    site.end_run(slow, "failed", after=1, lasted=None)
    site.dispatcher.clock.move(1)
    schedules.resume("a")
    site.look()
    assert (schedules["a"].paused, schedules["a"].failed, schedules["a"].failed_in_a_row) == (False, 3, 0)


def test_running_ones_are_a_set(site: Site, worker: Worker, redis: redis_py.Redis) -> None:
    site.put()
    run = site.fire()
    worker.start(run)
    site.look(5)
    assert redis.zrange(KEYS.schedules_of("running"), 0, -1) == [b"a"]
    site.end_run(run, lasted=None)
    site.look(20)
    assert redis.zcard(KEYS.schedules_of("running")) == 0


def test_ends_are_counted_for_metrics(site: Site, redis: redis_py.Redis) -> None:
    site.put()
    site.end()
    site.end("failed")
    site.look()
    assert read_counters(redis.hgetall(KEYS.counters)).ended == {"finished": 1, "failed": 1}


def test_manual_and_backfilled_runs_are_followed_too(site: Site, worker: Worker, schedules: Schedules) -> None:
    site.put()
    manual = schedules.run_now("a")
    assert manual is not None
    worker.end(manual.id)
    site.look(70)
    site.look(3600)
    (backfilled,) = schedules.backfill("a", after(3600), after(3601))
    worker.end(backfilled)
    site.look(5)
    ends = {run.job_id: (run.outcome, run.end) for run in schedules.runs("a")}
    assert (ends[manual.id], ends[backfilled]) == (("manual", "finished"), ("backfill", "finished"))


def test_several_runs_of_one_moment_are_told_apart(
    site: Site, worker: Worker, clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    site.put(overlap="allow", catchup="all")
    clock.move("4h")
    made = [run.id for run in dispatcher.tick()]
    for run, status in zip(made, ("finished", "failed", "stopped"), strict=False):
        worker.end(run, status)
    site.look(30)
    ends = {run.job_id: run.end for run in schedules.runs("a")}
    assert [ends[run] for run in made] == ["finished", "failed", "stopped", None]


def test_what_did_not_run_is_kept_for_two_days_and_forgotten_by_and_by(
    site: Site, redis: redis_py.Redis, clock: ManualClock
) -> None:
    now = clock.now().timestamp()
    redis.zadd(KEYS.not_run, {f"old k {number}": now - 172_801 for number in range(700)})
    redis.zadd(KEYS.not_run, {f"b k {number}": now + number for number in range(100_000)})
    site.put()
    site.end()
    counts = []
    for _ in range(3):
        site.look()
        counts.append(redis.zcard(KEYS.not_run))
        site.end()
    assert counts == [100_200, 100_000, 100_000]


# Schedules that are gone, or have another id


def test_of_a_deleted_schedule_nothing_is_made_anew(site: Site, schedules: Schedules, redis: redis_py.Redis) -> None:
    site.put()
    site.end()
    schedules.delete("a")
    site.dispatcher.clock.move(20)
    site.dispatcher.tick()
    assert site.open_runs == []
    assert not redis.keys("rq:scheduler:schedule:*") + redis.keys("rq:scheduler:history:*")


def test_nor_do_its_runs_count_for_another_that_is_put_under_its_id(
    site: Site, worker: Worker, schedules: Schedules, redis: redis_py.Redis
) -> None:
    site.put()
    run = site.fire()
    worker.start(run)
    schedules.delete("a")
    site.dispatcher.clock.move(1)
    site.put(pause_on_failures=1)
    site.end_run(run, "failed", lasted=None)
    site.dispatcher.clock.move(20)
    site.dispatcher.tick()
    assert site.open_runs == []
    assert (schedules["a"].failed, schedules["a"].paused, schedules["a"].last_outcomes) == (0, False, "")
    assert not redis.exists(KEYS.schedules_of("failing"))


# History


def test_a_night_of_skips_is_one_line(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker, redis: redis_py.Redis, told: Told
) -> None:
    schedules.put("a", Every(1), jobs.nothing)
    (run,) = [made.id for made in dispatcher.tick(120)]
    runs = schedules.runs("a")
    assert outcomes(runs) == ["enqueued", "skipped"]
    assert (runs[0].count, runs[0].nominal, runs[0].until) == (119, after(2), after(120))
    assert runs[0].held_up_by == run
    assert (schedules["a"].skipped, schedules["a"].last_outcomes) == (119, "k")
    worker.end(run)
    dispatcher.tick(1)
    assert told() == [("skipping_began", "a"), ("skipping_ended", "a")]
    assert redis.zrange(KEYS.not_run, 0, -1) == [f"a k {after(2).timestamp():.0f}000000".encode()]


def test_each_that_held_them_up_has_its_own_line(site: Site, worker: Worker, schedules: Schedules) -> None:
    site.put()
    first = site.fire()
    site.dispatcher.tick("2h")
    worker.end(first)
    second = site.fire()
    site.dispatcher.tick("1h")
    runs = schedules.runs("a")
    assert outcomes(runs) == ["enqueued", "skipped", "enqueued", "skipped"]
    assert [(run.held_up_by, run.count) for run in runs if run.outcome == "skipped"] == [(second, 1), (first, 2)]


@pytest.mark.parametrize("keep", [0, 3])
def test_so_many_runs_are_kept(site: Site, schedules: Schedules, keep: int) -> None:
    site.put(keep_runs=keep)
    for _ in range(5):
        site.end()
    site.dispatcher.clock.move(20)
    site.dispatcher.tick()
    assert [run.end for run in schedules.runs("a")] == ["finished"] * keep
    assert schedules["a"].succeeded == 5


# What is expected


def test_a_stretch_of_missed_ones_is_told(site: Site, schedules: Schedules, told: Told, redis: redis_py.Redis) -> None:
    site.put(catchup="none")
    site.look(5 * 3600 + 60)
    assert (schedules["a"].missed, schedules["a"].last_outcomes, told()) == (5, "m", [("missed", "a")])
    stretch = " ".join(f"{after(seconds).timestamp():.0f}000000" for seconds in (3600, 5 * 3600))
    assert redis.zrange(KEYS.not_run, 0, -1) == [f"a m {stretch} 5".encode()]


class TestExpect:
    def test_nothing_within_it_is_overdue_and_a_success_meets_it(
        self, site: Site, schedules: Schedules, told: Told, redis: redis_py.Redis
    ) -> None:
        site.put(expect="90m")
        site.end("failed")
        site.end("failed")
        assert schedules["a"].overdue_since is None
        site.look(1900)
        assert schedules["a"].overdue_since == after(3600 + 5400)
        assert redis.zrange(KEYS.schedules_of("late"), 0, -1) == [b"a"]
        site.end()
        site.look()
        assert schedules["a"].overdue_since is None
        assert redis.zcard(KEYS.schedules_of("late")) == 0
        assert [kind for kind, _ in told()] == ["failing_began", "overdue", "recovered", "met"]

    def test_it_is_told_once(self, site: Site, told: Told) -> None:
        site.put(expect="10m")
        site.fire()
        for _ in range(5):
            site.look(900)
        assert told()[:1] == [("overdue", "a")]
        assert sum(kind == "overdue" for kind, _ in told()) == 1

    def test_skips_and_misses_do_not_meet_it(self, site: Site, schedules: Schedules, clock: ManualClock) -> None:
        site.put(expect="90m")
        clock.move("10h")
        site.look(1)
        assert schedules["a"].overdue_since == after(3600 + 5400)

    def test_in_time_nothing_is_told(self, site: Site, told: Told) -> None:
        site.put(expect="90m")
        for _ in range(4):
            site.end()
        assert told() == []

    def test_nor_by_the_success_of_an_earlier_run(self, site: Site, worker: Worker, schedules: Schedules) -> None:
        site.put(expect="10m", overlap="allow")
        early = site.fire()
        worker.start(early, seconds=20_000)
        site.end()
        site.look()
        site.fire()
        site.look(700)
        assert schedules["a"].overdue_since == after(3 * 3600 + 600)
        site.end_run(early, lasted=None)
        site.look()
        assert schedules["a"].overdue_since == after(3 * 3600 + 600)

    def test_a_pause_disarms_it(self, site: Site, schedules: Schedules, told: Told) -> None:
        site.put(expect="10m")
        site.fire()
        schedules.pause("a")
        site.look(7200)
        assert (told(), schedules["a"].overdue_since) == ([], None)
        schedules.resume("a")
        site.look(3600 + 700)
        assert ("overdue", "a") in told()

    def test_without_it_no_more(self, site: Site, schedules: Schedules, redis: redis_py.Redis) -> None:
        site.put(expect="10m")
        schedules.update("a", expect=None)
        assert redis.zcard(KEYS.expected) == 0
        site.fire()
        site.look(1200)
        assert schedules["a"].overdue_since is None
