"""rq_scheduler.testing: a manual clock and a manual dispatcher, on a real Redis."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis as redis_py
from rq import Queue, SimpleWorker
from rq.job import Job

import jobs_for_tests
from making import US, finish, now_us, snapshot, waiting
from rq_scheduler import Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.clock import SystemClock, to_us
from rq_scheduler.errors import InvalidArgument, InvalidType, SchedulerError
from rq_scheduler.model import Schedule
from rq_scheduler.testing import HandOff, ManualClock, ManualDispatcher
from rq_scheduler.triggers import At, Cron, Every
from servers import ClusterSetup
from support import Processes

START = datetime(2026, 3, 28, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
NOTHING = jobs_for_tests.nothing


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis)


@pytest.fixture
def dispatcher(scheduler: Scheduler, clock: ManualClock) -> ManualDispatcher:
    return ManualDispatcher(scheduler, clock)


@pytest.fixture
def schedules(scheduler: Scheduler) -> Schedules:
    return scheduler.schedules


def ids(handed_off: list[HandOff]) -> list[str]:
    return [job.id for job in handed_off]


def dues(handed_off: list[HandOff]) -> list[datetime]:
    return [job.due for job in handed_off]


def after(**delta: float) -> datetime:
    return START + timedelta(**delta)


def round_trips(client: redis_py.Redis, act: Callable[[], Any]) -> int:
    """How often the client asks the server meanwhile."""
    sent: list[Any] = []
    execute = client.execute_command

    def counted(*args: Any, **options: Any) -> Any:
        sent.append(args[0])
        return execute(*args, **options)

    client.execute_command = counted  # type: ignore[method-assign]
    try:
        act()
    finally:
        client.execute_command = execute  # type: ignore[method-assign]
    return len(sent)


class TestClock:
    def test_stands_still_until_it_is_moved(self, clock: ManualClock) -> None:
        assert clock.now() == START
        clock.move(timedelta(microseconds=1))
        clock.move("10m")
        clock.move(0.5)
        assert clock.now() == START + timedelta(minutes=10, seconds=0.5, microseconds=1)
        assert clock.monotonic() == 600.500001
        clock.move_to(datetime(2026, 4, 1, 2, tzinfo=PARIS))
        assert clock.now() == datetime(2026, 4, 1, tzinfo=UTC)
        assert clock.now().tzinfo is UTC

    def test_a_jump_backwards_is_refused(self, clock: ManualClock, dispatcher: ManualDispatcher) -> None:
        for refused in (
            lambda: clock.move(-1),
            lambda: clock.move(timedelta(microseconds=-1)),
            lambda: clock.move_to(START - timedelta(microseconds=1)),
            lambda: dispatcher.tick(-1),
        ):
            with pytest.raises(InvalidArgument, match=r"never goes back|does not fire again"):
                refused()
        clock.move_to(START)
        assert clock.now() == START

    def test_times_that_mean_nothing_are_refused(self) -> None:
        with pytest.raises(InvalidArgument, match=r"start=.* has no time zone"):
            ManualClock(datetime(2026, 3, 28))
        with pytest.raises(InvalidArgument, match="before 1970"):
            ManualClock(datetime(1969, 12, 31, tzinfo=UTC))
        with pytest.raises(InvalidType, match="start='now' is a str"):
            ManualClock("now")  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match="years 1 to 9999"):
            ManualClock(START).move(timedelta(days=365 * 9000))

    def test_a_scheduler_has_one_clock_at_a_time(self, scheduler: Scheduler, dispatcher: ManualDispatcher) -> None:
        with pytest.raises(InvalidArgument, match="another manual clock"):
            ManualDispatcher(scheduler, ManualClock(START))
        dispatcher.release()
        ManualDispatcher(scheduler, ManualClock(START))


class TestOneOffs:
    def test_a_one_off_is_handed_off_at_its_microsecond(
        self, redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher, clock: ManualClock
    ) -> None:
        due = after(hours=1, microseconds=3)
        scheduler.enqueue_at(due, NOTHING, job_id="a", queue_name="reports")
        clock.move_to(due - timedelta(microseconds=1))
        assert dispatcher.tick() == []
        assert dispatcher.tick(timedelta(microseconds=1)) == [HandOff("a", "reports", due, due)]
        assert waiting(redis, "reports") == ["a"]
        assert redis.hget("rq:job:a", "enqueued_at") == b"2026-03-28T01:00:00.000003Z"
        assert dispatcher.tick(timedelta(days=1)) == []

    def test_now_is_the_clocks_for_the_scheduler_too(
        self, scheduler: Scheduler, dispatcher: ManualDispatcher, clock: ManualClock
    ) -> None:
        clock.move(timedelta(days=400))
        scheduler.enqueue_in(timedelta(seconds=2), NOTHING, job_id="a")
        assert scheduler.count(until=timedelta(seconds=1)) == 0
        assert scheduler.count(until=timedelta(seconds=2)) == 1
        assert list(scheduler.get_jobs_to_queue()) == []
        (job,) = dispatcher.tick(5)
        assert (job.due, job.at) == (after(days=400, seconds=2),) * 2
        assert clock.now() == after(days=400, seconds=5)

    def test_what_is_late_says_by_how_much(
        self, scheduler: Scheduler, dispatcher: ManualDispatcher, clock: ManualClock
    ) -> None:
        scheduler.enqueue_at(after(seconds=1), NOTHING, job_id="a")
        clock.move(60)
        assert dispatcher.tick() == [HandOff("a", "default", after(seconds=1), after(seconds=60))]

    def test_scores_between_two_microseconds_are_served(
        self, redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher
    ) -> None:
        scheduler.enqueue_at(after(seconds=1), NOTHING, job_id="a")
        redis.zadd("rq:scheduler:scheduled_jobs", {"a": to_us(after(seconds=1)) / US + 2.5e-7})
        scheduler.enqueue_at(after(seconds=2), NOTHING, job_id="b")
        handed_off = dispatcher.tick(5)
        assert ids(handed_off) == ["a", "b"]
        assert [job.at for job in handed_off] == [after(seconds=1, microseconds=1), after(seconds=2)]

    def test_a_burst_run_of_the_scheduler_goes_by_the_clock(
        self, redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher, clock: ManualClock
    ) -> None:
        scheduler.enqueue_at(after(days=4000), NOTHING, job_id="later")
        scheduler.enqueue_at(after(seconds=1), NOTHING, job_id="a")
        clock.move(0.5)
        scheduler.run(burst=True)
        assert waiting(redis) == []
        clock.move(0.5)
        scheduler.run(burst=True)
        assert waiting(redis) == ["a"]

    @pytest.mark.once
    def test_ten_thousand_of_them_come_in_due_order(self, scheduler: Scheduler, dispatcher: ManualDispatcher) -> None:
        names = scheduler.enqueue_many((after(minutes=n % 7), NOTHING) for n in range(10_000))
        handed_off = dispatcher.tick(600)
        assert sorted(ids(handed_off)) == sorted(names)
        assert dues(handed_off) == sorted(dues(handed_off))
        assert all(job.at == job.due for job in handed_off)


class TestEveryKind:
    def test_what_falls_due_comes_in_that_order_whatever_its_kind(
        self, redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules
    ) -> None:
        scheduler.enqueue_at(after(seconds=25), NOTHING, job_id="one-off")
        scheduler.schedule(after(seconds=10), NOTHING, interval=30, id="recurring")
        schedules.put("schedule", Every(20), NOTHING, overlap="allow")
        queue = Queue("other", connection=redis)
        queue.enqueue_at(after(seconds=30), NOTHING, job_id="of-rq")
        handed_off = dispatcher.tick(39)
        assert [(job.id.partition("-2026")[0], (job.due - START).total_seconds()) for job in handed_off] == [
            ("recurring", 10),
            ("schedule", 20),
            ("one-off", 25),
            ("of-rq", 30),
        ]
        assert all(job.at == job.due for job in handed_off)
        assert [job.queue for job in handed_off] == ["default", "default", "default", "other"]
        finish(redis, "recurring")
        both = dispatcher.tick(1)
        assert {job.id[:9] for job in both} == {"recurring", "schedule-"}
        assert dues(both) == [after(seconds=40)] * 2

    def test_a_cron_across_the_day_that_lacks_an_hour(
        self, redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules
    ) -> None:
        schedules.put("nightly", Cron("30 2 * * *", timezone="Europe/Paris"), NOTHING, overlap="allow")
        scheduler.cron("30 2 * * *", NOTHING, id="old", timezone="Europe/Paris", queue_name="old")
        found: list[datetime] = []
        for _ in range(3):
            handed_off = dispatcher.tick(timedelta(days=1))
            assert len(handed_off) == 2
            assert handed_off[0].due == handed_off[1].due == handed_off[0].at
            found.append(handed_off[0].due)
            finish(redis, "old", "old")
        assert [moment.astimezone(PARIS).isoformat() for moment in found] == [
            "2026-03-28T02:30:00+01:00",
            "2026-03-29T03:00:00+02:00",
            "2026-03-30T02:30:00+02:00",
        ]

    def test_a_cron_across_the_day_that_has_an_hour_twice(self, redis: redis_py.Redis) -> None:
        scheduler = Scheduler(connection=redis)
        with ManualDispatcher(scheduler, ManualClock(datetime(2026, 10, 25, tzinfo=PARIS))) as dispatcher:
            scheduler.schedules.put("often", Cron("*/15 * * * *", timezone="Europe/Paris"), NOTHING, overlap="allow")
            assert len(dispatcher.tick(timedelta(hours=25) - timedelta(microseconds=1))) == 99, "all but midnight's"

    def test_an_interval_does_not_drift_however_it_is_ticked(
        self, redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher
    ) -> None:
        scheduler.schedule(START, NOTHING, interval=0.1, id="fast")
        found: list[datetime] = []
        for delta in (0, 0.05, 0.049999, 0.000001, 0.15, 0.05, 0.1):
            found += dues(dispatcher.tick(delta))
            finish(redis, "fast")
        assert found == [after(milliseconds=100 * n) for n in range(5)]

    def test_a_schedule_that_fires_once_is_over(self, dispatcher: ManualDispatcher, schedules: Schedules) -> None:
        schedules.put("once", At(after(days=1000)), NOTHING)
        assert dues(dispatcher.tick(timedelta(days=2000))) == [after(days=1000)]
        assert schedules["once"].next_run_at is None

    def test_what_is_previewed_is_what_happens(self, dispatcher: ManualDispatcher, schedules: Schedules) -> None:
        schedules.put("shaky", Cron("*/10 * * * *"), NOTHING, jitter="5m", overlap="allow")
        coming = schedules["shaky"].upcoming(50)
        handed_off = dispatcher.tick(timedelta(days=1))[:50]
        assert dues(handed_off) == coming
        assert [job.at for job in handed_off] == coming

    def test_plans_made_ahead_are_not_used_early(
        self, dispatcher: ManualDispatcher, scheduler: Scheduler, schedules: Schedules, clock: ManualClock
    ) -> None:
        schedules.put("near", Every(10), NOTHING)
        scheduler.schedule(after(seconds=10), NOTHING, interval=60, id="old")
        clock.move(9)
        for _ in range(3):
            assert dispatcher.tick(0.333) == [], "planned by now, for in a second"
        assert dues(dispatcher.tick(0.001)) == [after(seconds=10)] * 2

    def test_jobs_of_rq_are_looked_at_in_each_pass(
        self, redis: redis_py.Redis, dispatcher: ManualDispatcher, clock: ManualClock
    ) -> None:
        queue = Queue("other", connection=redis)
        for n in range(3):
            queue.enqueue_at(clock.now() + timedelta(seconds=1), NOTHING, job_id=f"j{n}")
            assert ids(dispatcher.tick(1)) == [f"j{n}"]
        queue.enqueue_at(after(hours=1), NOTHING, job_id="late")
        clock.move(timedelta(days=3))
        assert ids(dispatcher.tick()) == ["late"], "not held, though it is long overdue"

    def test_jobs_that_rq_itself_enqueues(self, redis: redis_py.Redis, dispatcher: ManualDispatcher) -> None:
        scheduler = dispatcher._scheduler
        first = scheduler.enqueue_at(after(seconds=1), NOTHING, job_id="first")
        scheduler.enqueue_at(after(seconds=2), NOTHING, job_id="second", depends_on=first)
        assert ids(dispatcher.tick(10)) == ["first", "second"]
        assert waiting(redis) == ["first"]
        assert redis.hget("rq:job:second", "status") == b"deferred"


class TestDowntime:
    @pytest.mark.parametrize(
        ("catchup", "runs"),
        [("latest", [59]), ("all", list(range(1, 60))), ("none", [])],
        ids=["latest", "all", "none"],
    )
    def test_what_was_missed_is_caught_up_by_the_policy(
        self,
        dispatcher: ManualDispatcher,
        schedules: Schedules,
        clock: ManualClock,
        catchup: Any,
        runs: list[int],
    ) -> None:
        schedules.put("often", Every(minutes=1), NOTHING, overlap="allow", catchup=catchup)
        clock.move(timedelta(minutes=59, seconds=30))
        handed_off = dispatcher.tick()
        assert dues(handed_off) == [after(minutes=n) for n in runs]
        assert {job.at for job in handed_off} <= {after(minutes=59, seconds=30)}
        assert dues(dispatcher.tick(30)) == [after(minutes=60)]
        assert schedules["often"].missed == 59 - len(runs)

    def test_of_a_recurring_job_the_newest_runs(
        self, redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher, clock: ManualClock
    ) -> None:
        scheduler.schedule(after(minutes=1), NOTHING, interval=60, id="old")
        clock.move(timedelta(minutes=59, seconds=30))
        assert dues(dispatcher.tick()) == [after(minutes=59)]
        finish(redis, "old")
        assert dues(dispatcher.tick(60)) == [after(minutes=60)]

    def test_a_month_of_seconds_is_a_moments_work(
        self, redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules, clock: ManualClock
    ) -> None:
        schedules.put("each-second", Every(1), NOTHING)
        clock.move(timedelta(days=30))
        assert round_trips(redis, lambda: dispatcher.tick()) < 20


class TestOverlap:
    def test_skips_while_nobody_works_the_queue(
        self, redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules
    ) -> None:
        schedules.put("hourly", Every(hours=1), NOTHING)
        assert dues(dispatcher.tick(timedelta(hours=5, minutes=1))) == [after(hours=1)]
        assert schedules["hourly"].skipped == 4
        SimpleWorker(["default"], connection=redis).work(burst=True)
        assert dues(dispatcher.tick(timedelta(hours=1))) == [after(hours=6)]
        outcomes = [(run.outcome, run.count) for run in schedules.runs("hourly")]
        assert outcomes == [("enqueued", 1), ("skipped", 4), ("enqueued", 1)]

    def test_a_remembered_run_starts_within_a_second_of_the_end_of_the_last(
        self, redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules
    ) -> None:
        schedules.put("minutely", Every(minutes=1), NOTHING, overlap="buffer_one")
        assert len(dispatcher.tick(timedelta(minutes=2, seconds=10))) == 1
        SimpleWorker(["default"], connection=redis).work(burst=True)
        (started,) = dispatcher.tick(1)
        assert started.due == after(minutes=2)
        assert started.at == after(minutes=2, seconds=11)

    def test_a_remembered_recurring_job_likewise(
        self, redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher
    ) -> None:
        scheduler.schedule(after(minutes=1), NOTHING, interval=60, id="old", overlap="buffer_one")
        assert len(dispatcher.tick(timedelta(minutes=2, seconds=10.5))) == 1
        finish(redis, "old")
        (started,) = dispatcher.tick(1)
        assert (started.due, started.at) == (after(minutes=2), after(minutes=2, seconds=11))

    def test_all_that_are_remembered_run_one_after_the_other(
        self, redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules
    ) -> None:
        schedules.put("each-10", Every(10), NOTHING, overlap="buffer_all")
        found = dispatcher.tick(45)
        for _ in range(3):
            SimpleWorker(["default"], connection=redis).work(burst=True)
            found += dispatcher.tick(1)
        assert dues(found) == [after(seconds=10 * n) for n in range(1, 5)]
        assert [job.at for job in found] == [after(seconds=at) for at in (10, 46, 47, 48)]


class TestTheOrder:
    def test_of_many_that_are_due_at_once_is_always_the_same(
        self, redis: redis_py.Redis, schedules: Schedules, dispatcher: ManualDispatcher
    ) -> None:
        every = Every("1h", anchor=after(seconds=1))
        schedules.sync([Schedule(f"s{n:03}", every, NOTHING) for n in range(700)], owner="x")
        made = ids(dispatcher.tick(2))
        assert made == waiting(redis) == sorted(made)
        assert len(made) == 700


class TestManyDispatchers:
    def test_two_on_one_clock_share_the_work(self, redis: redis_py.Redis, clock: ManualClock) -> None:
        scheduler, other = Scheduler(connection=redis), Scheduler("other", connection=redis)
        with ManualDispatcher(scheduler, clock) as first, ManualDispatcher(other, clock) as second:
            scheduler.enqueue_in(timedelta(seconds=5), NOTHING, job_id="a")
            other.enqueue_in(timedelta(seconds=15), NOTHING, job_id="b")
            other.schedules.put("each-4", Every(4), NOTHING, overlap="allow")
            handed_off = first.tick(10) + second.tick() + second.tick(10) + first.tick()
        assert [(job.due - START).total_seconds() for job in handed_off] == [4, 5, 8, 12, 15, 16, 20]
        assert all(job.at == job.due for job in handed_off)

    def test_one_that_was_ahead_with_its_plans_does_not_fire_again(
        self, scheduler: Scheduler, clock: ManualClock, schedules: Schedules
    ) -> None:
        first, second = ManualDispatcher(scheduler, clock), ManualDispatcher(scheduler, clock)
        schedules.put("each-10", Every(10), NOTHING, overlap="allow")
        clock.move(9)
        assert first.tick() + second.tick() == []
        clock.move(1)
        assert dues(first.tick() + second.tick()) == [after(seconds=10)]

    def test_the_last_to_be_released_takes_the_clock_along(
        self, redis: redis_py.Redis, scheduler: Scheduler, clock: ManualClock
    ) -> None:
        first, second = ManualDispatcher(scheduler, clock), ManualDispatcher(scheduler, clock)
        first.release()
        scheduler.enqueue_in(timedelta(seconds=1), NOTHING, job_id="a")
        assert ids(second.tick(1)) == ["a"]
        assert redis.exists("rq:scheduler:clock")
        second.release()
        assert not redis.exists("rq:scheduler:clock")

    def test_one_clock_moves_in_every_redis(
        self, redis: redis_py.Redis, own_server: Any, clock: ManualClock, scheduler: Scheduler
    ) -> None:
        there = redis_py.Redis.from_url(own_server.url)
        far = Scheduler(connection=there)
        with ManualDispatcher(scheduler, clock) as first, ManualDispatcher(far, clock) as second:
            far.enqueue_in(timedelta(seconds=1), NOTHING, job_id="a")
            assert first.tick(2) == []
            assert second.tick() == [HandOff("a", "default", after(seconds=1), after(seconds=2))]
        assert not there.exists("rq:scheduler:clock")
        there.close()


class TestRelease:
    def test_leaves_nothing_behind_and_goes_by_real_time_again(
        self, redis: redis_py.Redis, scheduler: Scheduler, clock: ManualClock
    ) -> None:
        with ManualDispatcher(scheduler, clock) as dispatcher:
            Queue("other", connection=redis).enqueue_at(after(seconds=2), NOTHING)
            assert len(dispatcher.tick(5)) == 1
        left = [key.decode() for key in snapshot(redis) if b"scheduler" in key]
        assert set(left) <= {"rq:scheduler:counters", "rq:scheduler:rq_claims", "rq:scheduler:rq_since"}
        assert isinstance(scheduler._clock, SystemClock)
        assert abs(scheduler._store.server_time() - now_us(redis)) < 10 * US
        scheduler.enqueue_in(timedelta(seconds=0), NOTHING, job_id="a")
        scheduler.run(burst=True)
        assert waiting(redis) == ["a"]

    def test_is_done_once(self, dispatcher: ManualDispatcher) -> None:
        dispatcher.release()
        dispatcher.release()
        with pytest.raises(SchedulerError, match="was released"):
            dispatcher.tick()

    def test_an_error_in_the_block_is_the_one_that_is_seen(self, scheduler: Scheduler, clock: ManualClock) -> None:
        with pytest.raises(ZeroDivisionError), ManualDispatcher(scheduler, clock):
            raise ZeroDivisionError
        assert isinstance(scheduler._clock, SystemClock)


class TestWithinReason:
    def test_a_million_seconds_of_a_rare_schedule_are_few_round_trips(
        self, redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules
    ) -> None:
        schedules.put("rare", Every(days=5), NOTHING, overlap="allow")
        found: list[HandOff] = []
        sent = round_trips(redis, lambda: found.extend(dispatcher.tick(1_000_000)))
        assert dues(found) == [after(days=5), after(days=10)]
        assert sent < 40

    def test_an_idle_million_seconds_as_well(self, redis: redis_py.Redis, dispatcher: ManualDispatcher) -> None:
        assert round_trips(redis, lambda: dispatcher.tick(1_000_000)) < 12

    def test_an_emptied_redis_has_the_time_again_at_the_next_tick(
        self, redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher
    ) -> None:
        redis.flushall()
        with pytest.raises(redis_py.ResponseError, match="shows no time"):
            scheduler.enqueue_in(timedelta(seconds=1), NOTHING)
        assert dispatcher.tick() == []
        scheduler.enqueue_in(timedelta(seconds=1), NOTHING, job_id="a")
        assert ids(dispatcher.tick(1)) == ["a"]

    def test_a_lock_that_somebody_holds_is_told(self, scheduler: Scheduler, dispatcher: ManualDispatcher) -> None:
        scheduler.enqueue_in(timedelta(0), NOTHING, job_id="a")
        assert scheduler.acquire_lock()
        with pytest.raises(SchedulerError, match="rq:scheduler_lock is held by"):
            dispatcher.tick()
        scheduler.remove_lock()
        assert ids(dispatcher.tick()) == ["a"]

    def test_one_that_cannot_be_read_holds_up_nobody(
        self, redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher
    ) -> None:
        redis.zadd("rq:scheduler:scheduled_jobs", {"gone": START.timestamp() + 1})
        scheduler.enqueue_in(timedelta(seconds=2), NOTHING, job_id="a")
        assert ids(dispatcher.tick(5)) == ["a"]
        assert redis.hexists("rq:scheduler:quarantine", "gone")


ELSEWHERE = """
import sys
from datetime import datetime, timedelta, UTC
from redis import Redis, RedisCluster
from rq_scheduler import Scheduler
from rq_scheduler.store.rq_format import KEY_PREFIX
from rq_scheduler.testing import ManualClock, ManualDispatcher
client = {"one": Redis, "many": RedisCluster}[sys.argv[2]].from_url(sys.argv[1])
scheduler = Scheduler(connection=client)
with ManualDispatcher(scheduler, ManualClock(datetime(2026, 3, 28, tzinfo=UTC))) as dispatcher:
    scheduler.enqueue_in(timedelta(hours=1), "jobs_for_tests.nothing", job_id="a")
    scheduler.schedule(datetime(2026, 3, 29), "jobs_for_tests.nothing", interval=60, id="r")
    print(*(job.id for job in dispatcher.tick("1d")), client.exists(KEY_PREFIX + ":scheduler:clock"))
print(client.exists(KEY_PREFIX + ":scheduler:clock"))
assert "pytest" not in sys.modules
"""


class TestElsewhere:
    """In a program of its own: RQ, where it knows prefixes, reads its own when it is imported."""

    def test_works_without_pytest_and_under_another_prefix(self, processes: Processes, redis_url: str) -> None:
        output = processes.run(sys.executable, "-c", ELSEWHERE, redis_url, "one", env={"RQ_KEY_PREFIX": "{site-a}"})
        assert output.split() == ["a", "r", "1", "0"]

    @pytest.mark.newest_only
    def test_works_on_a_cluster(self, processes: Processes, cluster: ClusterSetup) -> None:
        output = processes.run(
            sys.executable, "-W", "ignore", "-c", ELSEWHERE, cluster.url, "many", env={"RQ_KEY_PREFIX": "{site-a}"}
        )
        assert output.split() == ["a", "r", "1", "0"]


class Own(Scheduler):
    """An application's own hand-off."""

    behaviour = "hand off"

    def enqueue_job(self, job: Job) -> Job:
        if self.behaviour == "fail":
            raise RuntimeError("a bug in the application")
        if self.behaviour == "leave":
            return job
        return super().enqueue_job(job)


class TestOverrides:
    def test_an_enqueue_job_of_ones_own_is_honoured_and_told(self, redis: redis_py.Redis, clock: ManualClock) -> None:
        scheduler = Own(connection=redis)
        dispatcher = ManualDispatcher(scheduler, clock)
        scheduler.enqueue_at(after(seconds=1), NOTHING, job_id="a")
        scheduler.schedule(after(seconds=2), NOTHING, interval=5, id="old", queue_name="old")
        handed_off = dispatcher.tick(7)
        assert [(job.id, job.queue, job.due, job.at) for job in handed_off] == [
            ("a", "default", after(seconds=1), after(seconds=1)),
            ("old", "old", after(seconds=2), after(seconds=2)),
            ("old", "old", after(seconds=7), after(seconds=7)),
        ]

    def test_one_that_leaves_the_job_where_it_is_would_never_come_to_an_end(
        self, redis: redis_py.Redis, clock: ManualClock
    ) -> None:
        scheduler = Own(connection=redis)
        scheduler.behaviour = "leave"
        dispatcher = ManualDispatcher(scheduler, clock)
        scheduler.enqueue_at(after(seconds=1), NOTHING, job_id="a")
        with pytest.raises(SchedulerError, match="a is handed off again and again for 2026-03-28 00:00:01"):
            dispatcher.tick(60)

    def test_one_that_fails_holds_up_nobody(self, redis: redis_py.Redis, clock: ManualClock) -> None:
        scheduler = Own(connection=redis)
        scheduler.behaviour = "fail"
        dispatcher = ManualDispatcher(scheduler, clock)
        scheduler.enqueue_at(after(seconds=1), NOTHING, job_id="a")
        scheduler.schedules.put("well", Every(5), NOTHING)
        assert dispatcher.tick(6) == []
        scheduler.behaviour = "hand off"
        assert [(job.id[:4], job.due, job.at) for job in dispatcher.tick(2)] == [
            ("a", after(seconds=1), after(seconds=6)),
            ("well", after(seconds=5), after(seconds=7)),
        ]

    def test_a_queue_of_ones_own_is_asked(self, redis: redis_py.Redis, clock: ManualClock) -> None:
        class ByQueue(Scheduler):
            def get_queue_for_job(self, job: Job) -> Queue:
                return Queue("mine", connection=redis)

        scheduler = ByQueue(connection=redis)
        with ManualDispatcher(scheduler, clock) as dispatcher:
            scheduler.enqueue_at(after(seconds=1), NOTHING, job_id="a")
            assert [(job.id, job.queue) for job in dispatcher.tick(1)] == [("a", "mine")]
        assert waiting(redis, "mine") == ["a"]
