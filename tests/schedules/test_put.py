"""schedules.put: create or replace, atomically; the same definition again changes nothing."""

import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis as redis_py
from rq import Callback, Queue, Retry
from rq.job import Job
from rq.serializers import JSONSerializer

import jobs_for_tests as jobs
from making import now_us, snapshot, waiting
from rq_scheduler import AnyOf, At, Cron, Dates, Every, Schedule, Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.clock import SystemClock, from_us
from rq_scheduler.errors import IdTaken, SchedulerWarning
from rq_scheduler.model import Spec, encode_spec
from rq_scheduler.store.clock import MANUAL_CLOCK
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START, Worker, after, dues, offsets, state
from support import PATIENCE, Processes, command, wait_until

NIGHTLY = Cron("30 2 * * *", timezone="Europe/Paris")


# --- what is put is there ---


def test_the_example_of_the_manual(dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules) -> None:
    put = schedules.put(
        "nightly-report",
        NIGHTLY,
        jobs.echo,
        args=("weekly",),
        kwargs={"to": "ops"},
        queue_name="reports",
        retry=Retry(max=3),
        jitter="30s",
        exclude=(Dates("2026-03-04"),),
        tags=("billing",),
    )
    assert put == schedules["nightly-report"]
    assert (put.id, put.kind, put.func, put.queue_name) == (
        "nightly-report",
        "schedule",
        "jobs_for_tests.echo",
        "reports",
    )
    assert put.call == "jobs_for_tests.echo('weekly', to='ops')"
    assert (put.tags, put.owner, put.version) == (("billing",), "", 1)
    assert (put.created_at, put.updated_at) == (START, START)
    (fired, *others) = dispatcher.tick(timedelta(days=1))
    assert not others
    assert timedelta() <= fired.due - datetime(2026, 3, 3, 1, 30, tzinfo=UTC) < timedelta(seconds=30)
    job = Job.fetch(fired.id, connection=redis)
    assert fired.id == "nightly-report-20260303T013000000000Z"
    assert (job.args, job.kwargs, job.origin) == (("weekly",), {"to": "ops"}, "reports")
    assert (job.retries_left, job.failure_ttl) == (3, 7 * 86_400)
    assert not dispatcher.tick(timedelta(days=1)), "the 4th is excluded"


def test_a_schedule_object_is_put_as_it_is(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    put = schedules.put(Schedule("a", Every(60), jobs.echo, args=(1,), tags=("x",)))
    assert (put.id, put.tags, put.version) == ("a", ("x",), 1)
    assert schedules.put("a", Every(60), jobs.echo, args=(1,), tags=("x",)).version == 1


def test_all_moments_that_are_shown_are_aware_utc(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Cron("* * * * *", timezone="Asia/Kathmandu"), jobs.nothing)
    dispatcher.tick("2m")
    shown = schedules["a"]
    for moment in (shown.next_run_at, shown.last_run_at, shown.created_at, shown.updated_at, *shown.upcoming(2)):
        assert moment is not None
        assert moment.tzinfo is UTC


def test_job_options_have_rqs_names_and_reach_the_job(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put(
        "a",
        Every(60),
        jobs.nothing,
        job_timeout="10m",
        result_ttl=timedelta(hours=1),
        ttl=90,
        failure_ttl=60,
        description="words",
        meta={"team": "billing"},
        on_success=jobs.on_success,
        on_failure=Callback(jobs.on_failure, timeout=7),
        on_stopped="jobs_for_tests.on_stopped",
    )
    (fired,) = dispatcher.tick(60)
    job: Any = Job.fetch(fired.id, connection=redis)
    assert (job.timeout, job.result_ttl, job.ttl, job.failure_ttl) == (600, 3600, 90, 60)
    assert (job.description, job.meta) == ("words", {"team": "billing"})
    assert (job.success_callback, job.failure_callback) == (jobs.on_success, jobs.on_failure)
    assert job.stopped_callback is jobs.on_stopped
    assert 0 < redis.ttl(job.key) <= 90


def test_at_front_goes_to_the_front(dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules) -> None:
    schedules.put("b", Every(60), jobs.nothing)
    schedules.put("a", Every(61), jobs.nothing, at_front=True)
    dispatcher.tick(61)
    assert [id[0] for id in waiting(redis)] == ["a", "b"]


def test_a_run_that_depends_on_a_job_waits_for_it(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, scheduler: Scheduler, schedules: Schedules
) -> None:
    first = scheduler.enqueue_at(after(5), jobs.nothing, job_id="first")
    schedules.put("a", Every(60), jobs.nothing, depends_on=first)
    fired = dispatcher.tick(60)
    assert [job.id for job in fired] == ["first", "a-20260302T120100000000Z"]
    assert redis.hget(f"rq:job:{fired[1].id}", "status") == b"deferred"
    assert waiting(redis) == ["first"]


def test_overrides_of_create_job_are_honoured(redis: redis_py.Redis) -> None:
    class Site(Scheduler):
        def _create_job(self, *args: Any, **kwargs: Any) -> Job:
            kwargs["timeout"] = kwargs.get("timeout") or 77
            return super()._create_job(*args, **kwargs)

    site = Site(connection=redis)
    assert site.schedules.put("a", Every(60), jobs.nothing).version == 1
    assert redis.hget("rq:scheduler:template:a", "timeout") == b"77"
    assert site.schedules.put("a", Every(60), jobs.nothing).version == 1


@pytest.mark.newest_only
def test_a_rate_limit_of_rq_holds_for_runs(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    from rq import RateLimit

    schedules.put("a", Every(60), jobs.nothing, rate_limit=RateLimit("mails", 1), overlap="allow")
    one, other = dispatcher.tick(120)
    assert waiting(redis) == [one.id]
    assert redis.hget(f"rq:job:{other.id}", "status") == b"rate_limited"
    assert schedules.put("a", Every(60), jobs.nothing, rate_limit=RateLimit("mails", 1), overlap="allow").version == 1


def test_the_queues_serializer_writes_the_call(redis: redis_py.Redis, clock: ManualClock) -> None:
    queue = Queue("json", connection=redis, serializer=JSONSerializer)
    scheduler = Scheduler(queue=queue, connection=redis)
    with ManualDispatcher(scheduler, clock) as dispatcher:
        scheduler.schedules.put("a", Every(60), jobs.echo, args=(1, "x"))
        (run,) = dispatcher.tick(60)
        assert scheduler.schedules.put("a", Every(60), jobs.echo, args=(1, "x")).version == 1
    job = Job.fetch(run.id, connection=redis, serializer=JSONSerializer)
    assert (job.origin, list(job.args)) == ("json", [1, "x"])


# --- the same definition again ---

DEFINITIONS: dict[str, dict[str, Any]] = {
    "interval": {"trigger": Every(10)},
    "cron": {"trigger": Cron("* * * * *", timezone="Europe/Paris")},
    "union": {"trigger": AnyOf(Every(7), Cron("* * * * *"))},
    "options": {
        "trigger": Every("10s", anchor=datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Paris"))),
        "args": ({"a", "b", "c"}, [1.5, None], date(2026, 1, 1)),
        "kwargs": {"deep": {"x": (1, 2)}},
        "queue_name": "reports",
        "job_timeout": "10m",
        "result_ttl": 5,
        "ttl": 600,
        "failure_ttl": timedelta(days=1),
        "description": "words",
        "meta": {"k": [1]},
        "at_front": True,
        "retry": Retry(max=2, interval=[1, 2]),
        "on_success": Callback(jobs.on_success),
        "overlap": "allow",
        "catchup": "all",
        "catchup_window": "1h",
        "jitter": 2.5,
        "start": datetime(2026, 1, 1, tzinfo=UTC),
        "end": datetime(2027, 1, 1, tzinfo=UTC),
        "max_runs": 1000,
        "exclude": (Dates("2026-12-25"),),
        "excluded": "next_day",
        "pause_on_failures": 3,
        "expect": "1h",
        "keep_runs": 7,
        "tags": ("b", "a"),
    },
}


@pytest.mark.parametrize("options", DEFINITIONS.values(), ids=DEFINITIONS)
def test_the_same_definition_again_changes_nothing(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules, options: dict[str, Any]
) -> None:
    schedules.put("a", func=jobs.echo, **options)
    dispatcher.tick(63.5)
    before = snapshot(redis)
    for _ in range(3):
        assert schedules.put("a", func=jobs.echo, **options).version == 1
    assert snapshot(redis) == before, "neither version, next fire nor history"


@pytest.mark.once
def test_put_again_and_again_while_it_fires_never_moves_the_phase(
    dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    fired = []
    for _ in range(300):
        assert schedules.put("a", Every(1), jobs.echo, args=(1,)).version == 1
        fired += dispatcher.tick(0.1)
        worker.end_all()
    assert dues(fired) == list(range(1, 31))


def test_an_equal_definition_of_other_objects_is_the_same(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(minutes=1), jobs.echo, args=[1, "x"], job_timeout="1m", tags=["t"], jitter=1)
    again = schedules.put(
        "a", Every("60s"), "jobs_for_tests.echo", args=(1, "x"), job_timeout=60, tags=("t",), jitter="1s"
    )
    assert again.version == 1


def test_an_every_without_an_anchor_gets_it_from_the_first_put_and_keeps_it(
    dispatcher: ManualDispatcher, clock: ManualClock, schedules: Schedules
) -> None:
    put = schedules.put("a", Every(60), jobs.nothing)
    assert put.next_run_at == after(60), "the first run is one interval after the put"
    assert put.trigger == Every(60, anchor=START)
    clock.move(25)
    assert schedules.put("a", Every(60), jobs.nothing).next_run_at == after(60)
    again = schedules.put("a", Every(60), jobs.echo)
    assert (again.version, again.next_run_at) == (2, after(60)), "another function moves nothing either"
    assert dues(dispatcher.tick(200)) == [60]


def test_an_anchor_inside_a_union_is_kept_too(
    dispatcher: ManualDispatcher, clock: ManualClock, schedules: Schedules
) -> None:
    schedules.put("a", AnyOf(Every(60), At(after(90))), jobs.nothing)
    clock.move(25)
    put = schedules.put("a", AnyOf(Every(60), At(after(90))), jobs.nothing)
    assert (put.version, offsets(put.upcoming(4))) == (1, [60, 90, 120, 180])


def test_a_single_time_that_has_passed_can_be_put_again_and_again(
    dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", At(after(60)), jobs.nothing)
    assert dues(dispatcher.tick(120)) == [60]
    assert schedules.put("a", At(after(60)), jobs.nothing).version == 1
    assert dispatcher.tick(120) == []


class OffBy:
    """A host's clock that is off by so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._us = round(seconds * 1_000_000)

    def now_us(self) -> int:
        return SystemClock().now_us() + self._us

    def monotonic(self) -> float:
        raise NotImplementedError


@pytest.mark.parametrize("trigger", [Every(3600), Cron("0 0 1 1 *")], ids=["every", "cron"])
@pytest.mark.parametrize("off", [-86_400, -0.9, -0.001, 0, 0.5, 86_400])
def test_a_new_schedule_begins_at_the_servers_time_whatever_the_hosts_clock_says(
    redis: redis_py.Redis, scheduler: Scheduler, off: float, trigger: Any
) -> None:
    scheduler._clock = OffBy(off)
    for id in ("a", "b"):
        before = from_us(now_us(redis))
        stored = scheduler.schedules.put(id, trigger, jobs.nothing)
        since = from_us(now_us(redis))
        assert stored == scheduler.schedules[id]
        assert stored.created_at is not None
        assert before <= stored.created_at <= since
        assert stored.next_run_at == stored.trigger.next_after(stored.created_at)
        if isinstance(stored.trigger, Every):
            assert before - timedelta(seconds=1) <= stored.trigger.anchor <= since


@pytest.mark.parametrize(("off", "trips"), [(3, 3), (-3600, 3), (-1, 2), (0, 2)])
def test_a_clock_that_is_off_costs_one_round_trip_once(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules, off: float, trips: int
) -> None:
    schedules.put("warm", Every(60), jobs.nothing)
    scheduler = Scheduler(connection=redis)
    scheduler._store.clock, scheduler._clock = MANUAL_CLOCK, ManualClock(after(off))
    redis.config_resetstat()
    assert scheduler.schedules.put("a", Every(60), jobs.nothing).created_at == START
    assert scheduler.schedules.put("b", Every(60), jobs.nothing).created_at == START
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] == trips


@pytest.mark.parametrize("name", [name for name in DEFINITIONS["options"] if name != "trigger"])
def test_whatever_is_left_out_or_comes_back_is_a_change(
    dispatcher: ManualDispatcher, schedules: Schedules, name: str
) -> None:
    whole = DEFINITIONS["options"]
    less = {other: value for other, value in whole.items() if other != name}
    versions = [schedules.put("a", func=jobs.echo, **options).version for options in (whole, less, less, whole, whole)]
    assert versions == [1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    "damage",
    [
        lambda r: r.hset("rq:scheduler:template:a", "timeout", 5),
        lambda r: r.hdel("rq:scheduler:template:a", "origin"),
        lambda r: r.hset("rq:scheduler:template:a", "data", b"another"),
        lambda r: r.delete("rq:scheduler:template:a"),
        lambda r: r.hdel("rq:scheduler:schedule:a", "runs_as"),
        lambda r: r.hset("rq:scheduler:schedule:a", "spec", encode_spec(Spec(trigger=NIGHTLY))),
        lambda r: r.hset("rq:scheduler:schedule:a", "tags", "other"),
    ],
    ids=["option", "less", "call", "no job", "of an older release", "trigger", "tags"],
)
def test_what_is_stored_is_compared_and_not_what_was_put(
    redis: redis_py.Redis, schedules: Schedules, damage: Callable[[redis_py.Redis], Any]
) -> None:
    before = schedules.put("a", Every(60), jobs.echo, args=(1,), tags=("x",)).definition
    damage(redis)
    again = schedules.put("a", Every(60), jobs.echo, args=(1,), tags=("x",))
    assert (again.version, again.tags, again.definition.args) == (2, ("x",), before.args)
    assert schedules["a"].definition.job_timeout is None
    assert schedules.put("a", Every(60), jobs.echo, args=(1,), tags=("x",)).version == 2


# --- a changed definition ---


def test_a_changed_trigger_recomputes_the_next_fire_and_counts_and_history_stay(
    dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing, overlap="allow")
    dispatcher.tick(130)
    history = schedules.runs("a")
    put = schedules.put("a", Every(45), jobs.nothing, overlap="allow")
    assert (put.version, put.runs, put.next_run_at) == (2, 2, after(130 + 45))
    assert (put.created_at, put.updated_at) == (START, after(130))
    assert schedules.runs("a") == history
    assert dues(dispatcher.tick(100)) == [175, 220]
    assert schedules["a"].runs == 4


@pytest.mark.parametrize(
    ("changed", "upcoming"),
    [
        ({"start": after(100)}, [120, 180]),
        ({"end": after(121)}, [60, 120]),
        ({"exclude": (Dates("2026-03-02"),)}, [43200, 43260]),
    ],
    ids=["start", "end", "exclude"],
)
def test_a_changed_bound_recomputes_the_next_fire_on_the_old_phase(
    dispatcher: ManualDispatcher, clock: ManualClock, schedules: Schedules, changed: Any, upcoming: list[float]
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    clock.move(10)
    put = schedules.put("a", Every(60), jobs.nothing, **changed)
    assert (put.version, offsets(put.upcoming(2))) == (2, upcoming)


def test_options_left_out_are_the_defaults_again(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.echo, args=(1,), queue_name="reports", tags=("x",), jitter=5, max_runs=3)
    put = schedules.put("a", Every(60), jobs.echo)
    definition = put.definition
    assert (put.queue_name, put.tags, put.next_run_at) == ("default", (), after(60))
    assert (definition.args, definition.jitter, definition.max_runs) == ((), None, None)
    assert not schedules.find(tag="x")
    assert not schedules.find(queue_name="reports")


def test_paused_and_note_apply_at_creation_only(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    put = schedules.put("a", Every(60), jobs.nothing, paused=True, note="until the move")
    assert (put.paused, put.note, put.next_run_at) == (True, "until the move", None)
    assert dispatcher.tick(300) == []
    again = schedules.put("a", Every(60), jobs.nothing)
    assert (again.paused, again.note, again.version) == (True, "until the move", 1)
    assert schedules.put("a", Every(60), jobs.echo).paused, "a redeploy never resumes"
    schedules.resume("a")
    assert not schedules.put("a", Every(60), jobs.echo, paused=True, note="again").paused, "nor pauses"


def test_a_definition_is_replaced_as_a_whole_also_while_a_run_waits(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.echo, args=("old",), overlap="allow")
    (old,) = dispatcher.tick(60)
    schedules.put("a", Every(60), jobs.echo, args=("new",), overlap="allow")
    (new,) = dispatcher.tick(60)
    assert Job.fetch(old.id, connection=redis).args == ("old",)
    assert Job.fetch(new.id, connection=redis).args == ("new",)


# --- races ---

PUTTER = """
import sys, redis
from rq_scheduler import Every, Scheduler
import jobs_for_tests
schedules = Scheduler(connection=redis.Redis.from_url(sys.argv[1])).schedules
versions = {schedules.put("racing", Every(0.25), jobs_for_tests.echo, args=({"a", "b"},), overlap="allow",
            catchup="all").version
            for _ in range(int(sys.argv[2]))}
assert versions == {1}, versions
"""


@pytest.mark.once
def test_put_from_8_processes_at_once_while_it_fires(
    redis: redis_py.Redis, redis_url: str, processes: Processes
) -> None:
    schedules = Scheduler(connection=redis).schedules
    puts = os.environ.get("RQS_TEST_PUTS", "60")
    processes.start(command("rqscheduler"), "--url", redis_url)
    putters = [processes.start(sys.executable, "-c", PUTTER, redis_url, puts) for _ in range(8)]
    for putter in putters:
        assert putter.wait(PATIENCE) == 0, putter.output()
    wait_until(lambda: schedules["racing"].runs >= 4)
    schedules.pause("racing")
    stored = schedules["racing"]
    assert (stored.version, stored.missed, stored.skipped) == (1, 0, 0)
    assert isinstance(stored.trigger, Every)
    anchor = stored.trigger.anchor
    assert anchor is not None
    nominals = sorted(run.nominal for run in schedules.runs("racing", 50))
    assert [(nominal - anchor) / timedelta(seconds=0.25) for nominal in nominals] == list(range(1, stored.runs + 1))
    assert set(Counter(waiting(redis)).values()) == {1}, "one run per nominal time"
    assert len(waiting(redis)) == stored.runs


def test_two_definitions_that_race_end_as_one_of_them_whole(redis: redis_py.Redis, redis_url: str) -> None:
    errors: list[BaseException] = []
    barrier = threading.Barrier(4)

    def put(number: int) -> None:
        schedules = Scheduler(connection=redis_py.Redis.from_url(redis_url)).schedules
        queue = f"q{number % 2}"
        barrier.wait()
        try:
            for _ in range(25):
                schedules.put(
                    "a",
                    Every(100 + number % 2),
                    jobs.echo,
                    args=(queue,),
                    queue_name=queue,
                    tags=(queue, f"only-{queue}"),
                )
        except BaseException as error:  # noqa: BLE001  shown below
            errors.append(error)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    stored = Scheduler(connection=redis).schedules["a"]
    number = int(stored.queue_name[1])
    assert isinstance(stored.trigger, Every)
    assert stored.trigger.interval == timedelta(seconds=100 + number)
    assert stored.definition.args == (f"q{number}",)
    assert stored.tags == (f"q{number}", f"only-q{number}")
    lists = {key.decode() for key in redis.keys("rq:scheduler:schedules:*")}
    wanted = {f"queue:q{number}", f"tag:q{number}", f"tag:only-q{number}"}
    assert lists == {f"rq:scheduler:schedules:{name}" for name in wanted}


# --- one namespace with jobs ---


def test_put_refuses_the_id_of_a_pending_job(redis: redis_py.Redis, scheduler: Scheduler, schedules: Schedules) -> None:
    scheduler.enqueue_in(timedelta(hours=1), jobs.nothing, job_id="a")
    before = snapshot(redis)
    with pytest.raises(IdTaken, match=r"id='a' belongs to a pending job: cancel it \(scheduler.cancel\('a'\)\)"):
        schedules.put("a", Every(60), jobs.nothing)
    assert snapshot(redis) == before
    scheduler.cancel("a", delete_job=True)
    assert schedules.put("a", Every(60), jobs.nothing).version == 1


def test_put_refuses_the_id_of_a_recurring_job(
    redis: redis_py.Redis, scheduler: Scheduler, schedules: Schedules
) -> None:
    scheduler.schedule(datetime(2030, 1, 1, tzinfo=UTC), jobs.nothing, interval=60, id="a")
    before = snapshot(redis)
    with pytest.raises(IdTaken, match=r"'a' is a recurring job of schedule\(\) or cron\(\)"):
        schedules.put("a", Every(60), jobs.nothing)
    assert snapshot(redis) == before
    scheduler.cancel("a", delete_job=True)
    assert schedules.put("a", Every(60), jobs.nothing).version == 1


def test_enqueue_at_and_schedule_refuse_the_id_of_a_schedule(
    redis: redis_py.Redis, scheduler: Scheduler, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    before = snapshot(redis)
    with pytest.raises(IdTaken, match="'a'"):
        scheduler.enqueue_in(timedelta(hours=1), jobs.nothing, job_id="a")
    with pytest.raises(IdTaken, match="'a'"):
        scheduler.schedule(datetime(2030, 1, 1, tzinfo=UTC), jobs.nothing, interval=60, id="a")
    with pytest.raises(IdTaken, match="'a'"):
        scheduler.cron("0 0 * * *", jobs.nothing, id="a")
    assert snapshot(redis) == before


# --- delete, and put again ---


def test_deleted_and_put_again_never_hands_off_an_instant_twice(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    trigger = Every(1, anchor=START)
    fired = []
    for _ in range(20):
        schedules.put("a", trigger, jobs.nothing, overlap="allow")
        fired += dispatcher.tick(0.5)
        schedules.delete("a")
        schedules.put("a", trigger, jobs.nothing, overlap="allow")
        fired += dispatcher.tick()
    assert dues(fired) == list(range(1, 11))
    assert not redis.exists("rq:scheduler:tombstone:a")


def test_a_single_time_deleted_and_put_again_right_after_does_not_run_again(
    dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", At(after(60)), jobs.nothing)
    assert dues(dispatcher.tick(62)) == [60]
    schedules.delete("a")
    schedules.put("a", At(after(60)), jobs.nothing)
    assert dispatcher.tick(60) == []


def test_a_deleted_schedule_is_remembered_for_a_day(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    dispatcher.tick(60)
    schedules.delete("a")
    assert 86_000 < redis.ttl("rq:scheduler:tombstone:a") <= 86_400
    left = {key for key in redis.keys("rq:scheduler:*") if key.endswith(b":a")}
    assert left == {b"rq:scheduler:tombstone:a", b"rq:scheduler:versions:a"}


def test_what_was_put_again_starts_its_counts_anew(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    dispatcher.tick(130)
    schedules.delete("a")
    put = schedules.put("a", Every(60), jobs.nothing)
    assert (put.runs, put.skipped, schedules.runs("a")) == (0, 0, [])
    assert put.version == 2, "but its version goes on: a number means one definition"
    assert put.last_run_at is None


# --- a definition of a newer version of this package ---


@pytest.fixture
def newer(dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules) -> str:
    schedules.put("newer", Every(60), jobs.nothing)
    spec = json.loads(redis.hget("rq:scheduler:schedule:newer", "spec") or b"")
    redis.hset("rq:scheduler:schedule:newer", "spec", json.dumps({**spec, "format": 2, "trigger": {"type": "moon"}}))
    redis.hdel("rq:scheduler:schedule:newer", "plan")  # its writer has made none yet
    return "newer"


def test_a_newer_definition_is_skipped_told_once_and_never_damaged(
    dispatcher: ManualDispatcher,
    redis: redis_py.Redis,
    schedules: Schedules,
    newer: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    schedules.put("beside", Every(60), jobs.nothing)
    before = redis.hgetall("rq:scheduler:schedule:newer"), redis.zscore("rq:scheduler:due_schedules", "newer")
    with caplog.at_level("WARNING"):
        assert [job.id[:6] for job in dispatcher.tick(60)] == ["beside"]
        for _ in range(3):
            dispatcher.tick(60)
    assert before == (redis.hgetall("rq:scheduler:schedule:newer"), redis.zscore("rq:scheduler:due_schedules", "newer"))
    told = [record for record in caplog.records if "newer" in record.getMessage()]
    assert len(told) == 1, [record.getMessage() for record in told]


def test_a_client_refuses_to_change_a_newer_definition(redis: redis_py.Redis, schedules: Schedules, newer: str) -> None:
    before = snapshot(redis)
    for act in (
        lambda: schedules.put("newer", Every(60), jobs.nothing),
        lambda: schedules.update("newer", jitter=1),
        lambda: schedules.update("newer", args=(1,)),
        lambda: schedules.run_now("newer"),
        lambda: schedules.backfill("newer", START - timedelta(hours=1), START),
        lambda: schedules.sync([Schedule("newer", Every(60), jobs.nothing)], "shop"),
    ):
        with pytest.raises(ValueError, match=r"'newer' was written by a newer rq-scheduler: upgrade this one"):
            act()
    assert snapshot(redis) == before


def test_a_newer_definition_can_be_seen_paused_and_deleted(
    redis: redis_py.Redis, schedules: Schedules, newer: str
) -> None:
    seen = schedules[newer]
    assert (seen.spec, seen.trigger, seen.upcoming(3), seen.next_run_at) == (None, None, [], after(60))
    assert [each.id for each in schedules] == [newer]
    assert schedules.upcoming() == []
    assert schedules.pause(newer, "later").paused
    assert schedules.delete(newer)
    assert newer not in schedules


def test_a_damaged_definition_is_set_aside_with_the_reason(
    dispatcher: ManualDispatcher, redis: redis_py.Redis, schedules: Schedules
) -> None:
    """When it is planned next: what was planned before runs."""
    schedules.put("damaged", Every(90), jobs.nothing)
    schedules.put("beside", Every(90), jobs.nothing)
    redis.hset("rq:scheduler:schedule:damaged", "spec", b"{")
    assert [job.id[:6] for job in dispatcher.tick(90)] == ["beside"]
    stored = schedules["damaged"]
    assert stored.paused
    assert "cannot be planned" in stored.note
    assert redis.hexists("rq:scheduler:quarantine", "damaged")
    put = schedules.put("damaged", Every(60), jobs.nothing)
    assert (put.paused, put.version) == (True, 2)
    assert not schedules.resume("damaged").paused


def test_a_single_time_that_has_passed_is_stored_as_finished_and_warns(
    dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    with pytest.warns(SchedulerWarning, match="'late' never fires"):
        put = schedules.put("late", At(after(-60)), jobs.nothing)
    assert (put.finished, put.next_run_at) == (True, None)
    assert dispatcher.tick(60) == []


def test_a_put_returns_what_a_read_returns(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    put = schedules.put("a", Every(60), jobs.nothing, note="x")
    assert state(put) == state(schedules["a"])
