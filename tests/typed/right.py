"""The public API as applications use it: what a strict checker says each thing is. Checked, never run."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, assert_type
from zoneinfo import ZoneInfo

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from rq import Callback, Queue, RateLimit, Retry, Webhook
from rq.job import Dependency, Job
from rq.serializers import JSONSerializer

import rq_scheduler
from rq_scheduler import (
    VERSION,
    AnyOf,
    AsyncScheduler,
    At,
    Cron,
    Dates,
    Event,
    Every,
    Holidays,
    Quarantined,
    RetryResult,
    RRule,
    Run,
    Schedule,
    Scheduler,
    StoredSchedule,
    SyncResult,
    UpcomingRun,
    current_run,
    utils,
)
from rq_scheduler.aliases import (
    Catchup,
    EntryKind,
    JobOverlap,
    JobStatus,
    Outcome,
    Overlap,
    RunKind,
    ScheduleKind,
    TaskLike,
)
from rq_scheduler.client.quarantine import Quarantine
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.contrib.django import DjangoScheduler, get_scheduler, register
from rq_scheduler.dispatcher import Options
from rq_scheduler.embedded import EmbeddedRedis, find_server, free_port, server_version
from rq_scheduler.errors import (
    FunctionRefused,
    InvalidArgument,
    InvalidType,
    ScheduleNotFound,
    SchedulerError,
    SchedulerWarning,
    VersionConflict,
)
from rq_scheduler.guarded_process import GuardedProcess
from rq_scheduler.model import Spec
from rq_scheduler.runs import CurrentRun
from rq_scheduler.store import Store, StoredJob
from rq_scheduler.store.keys import Keys
from rq_scheduler.store.store import StoreCommands
from rq_scheduler.testing import HandOff, ManualClock, ManualDispatcher
from rq_scheduler.triggers import AnyTrigger, Trigger

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def report(kind: str = "daily", to: str | None = None) -> int:
    return len(kind)


def when_done(job: Job, connection: object, result: object) -> None: ...


# Triggers and exclusions

assert_type(At(NOON), At)
assert_type(At(NOON).moment, datetime)
assert_type(Every(10), Every)
assert_type(Every("10m"), Every)
assert_type(Every(timedelta(hours=1), anchor=NOON), Every)
assert_type(Every(minutes=5, seconds=0.5), Every)
assert_type(Every(1).anchor, datetime | None)
assert_type(Every(1).with_anchor(0), Every)
assert_type(Every(1).interval.us, int)
assert_type(Cron("30 2 * * *"), Cron)
assert_type(Cron("30 2 * * *", "Europe/Paris", "both"), Cron)
assert_type(
    Cron("30 2 * * *", timezone=ZoneInfo("Europe/Paris"), day_match="either").day_match, Literal["either", "both"]
)
assert_type(Cron("30 2 * * *").timezone, str)
assert_type(RRule("FREQ=DAILY", timezone="UTC"), RRule)
assert_type(RRule("FREQ=DAILY").text, str)
assert_type(AnyOf(Every(1), Cron("@daily"), AnyOf(At(NOON))), AnyOf)
assert_type(AnyOf(Every(1)).triggers, tuple[AnyTrigger, ...])
assert_type(Dates("2026-12-25", date(2026, 12, 31), timezone="UTC"), Dates)
assert_type(Dates("2026-12-25").days, tuple[date, ...])
assert_type(Holidays("DE", "BY", ZoneInfo("Europe/Berlin")), Holidays)
assert_type(Holidays("FR").subdivision, str | None)


def instants(trigger: Trigger) -> None:
    assert_type(trigger.next_after(NOON), datetime | None)
    assert_type(trigger.last_before(NOON), datetime | None)
    assert_type(trigger.upcoming(3), list[datetime])
    assert_type(trigger.upcoming(3, after=NOON), list[datetime])
    assert_type(trigger.after(0), int | None)
    assert_type(trigger.before(0), int | None)
    assert_type(trigger.zone_name, str)
    assert_type(trigger.zone_names, frozenset[str])


instants(Every(1))
assert_type(Every(1).next_after(NOON), datetime | None)

# A definition

nightly = Schedule("nightly", Cron("30 2 * * *"), report, args=("weekly",), jitter="30s", exclude=Dates("2026-12-25"))
assert_type(nightly, Schedule)
assert_type(nightly.id, str)
assert_type(nightly.trigger, AnyTrigger)
assert_type(nightly.overlap, Overlap)
assert_type(nightly.catchup, Catchup)
assert_type(nightly.start, datetime | None)
assert_type(nightly.max_runs, int | None)
assert_type(nightly.tags, tuple[str, ...])
assert_type(nightly.queue_name, str | None)
assert_type(nightly.spec, Spec)
assert_type(nightly.upcoming(3, after=NOON), list[datetime])
Schedule("by-name", Every(60), "shop.tasks.report")
Schedule(id="by-keywords", trigger=Every(60), func=report, overlap="allow")

# A scheduler

scheduler = Scheduler("default", connection=Redis())
Scheduler(queue=Queue("mails", connection=Redis()), interval=0.5, connection=Redis(decode_responses=False), name="me")
Scheduler(connection=Redis(), job_class=Job, queue_class="rq.Queue", serializer=JSONSerializer)
Scheduler("default", None, 60, Redis(), None, None, None, "json")
assert_type(scheduler.queue_name, str)
assert_type(scheduler.name, str)
assert_type(scheduler.pid, int)
assert_type(scheduler.key, str)
assert_type(scheduler.queue_class, type[Queue])
assert_type(scheduler.job_class, type[Job])
assert_type(Scheduler.scheduler_key, str)
assert_type(Scheduler.scheduler_lock_key, str)
assert_type(Scheduler.scheduled_jobs_key, str)
assert_type(Scheduler.redis_scheduler_namespace_prefix, str)
scheduler.log.info("hello")

job = scheduler.enqueue_at(NOON, report, "yearly", queue_name="reports", timeout="5m", to="ops")
assert_type(job, Job)
assert_type(scheduler.enqueue_in(timedelta(minutes=10), "shop.tasks.report", retry=Retry(max=3)), Job)
assert_type(
    scheduler.enqueue_many([(NOON, report), (timedelta(1), report, ("a",)), (NOON, report, (), {"to": "b"})]), list[str]
)
scheduler.enqueue_many(((timedelta(minutes=n), report, (str(n),)) for n in range(9)), queue_name="mails", job_ttl="1h")

JOB_OVERLAP: JobOverlap = "buffer_one"
assert_type(
    scheduler.schedule(NOON, report, args=["a"], interval=3600, repeat=3, overlap=JOB_OVERLAP, catchup="all", jitter=1),
    Job,
)
assert_type(scheduler.schedule(NOON, report, (), {"to": "b"}, timedelta(hours=1), id="x", retry=Retry(3)), Job)
assert_type(scheduler.cron("30 2 * * *", report, timezone="Europe/Paris", result_ttl=None, meta={"a": 1}), Job)
scheduler.cron("@daily", report, depends_on=[job, "other"], on_success=when_done, on_failure=Callback("a.b"))

assert_type(job in scheduler, bool)
assert_type("id" in scheduler, bool)
assert_type(scheduler.get_job("id"), Job | None)
assert_type(scheduler.count(), int)
assert_type(scheduler.count(until=timedelta(hours=1)), int)
assert_type(scheduler.get_jobs(), Iterator[Job])
assert_type(scheduler.get_jobs(1_900_000_000, False, 0, 10), Iterator[Job])
assert_type(scheduler.get_jobs(with_times=True), Iterator[tuple[Job, datetime]])
assert_type(scheduler.get_jobs(NOON, True), Iterator[tuple[Job, datetime]])
assert_type(scheduler.get_jobs(until=timedelta(1), with_times=True, offset=0, length=9), Iterator[tuple[Job, datetime]])
assert_type(scheduler.get_jobs_to_queue(), Iterator[Job])
assert_type(scheduler.get_jobs_to_queue(True), Iterator[tuple[Job, datetime]])


def listed(with_times: bool) -> Iterator[Job] | Iterator[tuple[Job, datetime]]:
    assert_type(scheduler.get_jobs_to_queue(with_times), Iterator[Job] | Iterator[tuple[Job, datetime]])
    return scheduler.get_jobs(with_times=with_times)


scheduler.change_execution_time(job, NOON)
scheduler.change_execution_time("id", NOON)
scheduler.cancel(job)
scheduler.cancel("id", delete_job=True)
assert_type(scheduler.enqueue_job(job), Job)
assert_type(scheduler.enqueue_jobs(), list[str])
assert_type(scheduler.get_queue_for_job(job), Queue)
assert_type(scheduler.acquire_lock(), bool)
scheduler.remove_lock()
scheduler.register_birth()
scheduler.heartbeat()
scheduler.register_death()
scheduler.run(burst=True)


class Shop(Scheduler):
    """Subclasses override these."""

    scheduled_jobs_key = "shop:jobs"

    def _create_job(self, *args: Any, **kwargs: Any) -> Job:
        return super()._create_job(*args, **{"timeout": 300, **kwargs})

    def enqueue_job(self, job: Job) -> Job:
        return super().enqueue_job(job)

    def get_queue_for_job(self, job: Job) -> Queue:
        return super().get_queue_for_job(job)


# Schedules

LISTED: list[Holidays] = [Holidays("FR")]
schedules = scheduler.schedules
assert_type(schedules, Schedules)
assert_type(schedules.put(nightly), StoredSchedule)
assert_type(
    schedules.put(
        "nightly",
        AnyOf(Cron("30 2 * * *"), At(NOON)),
        report,
        args=["weekly"],
        kwargs={"to": "ops"},
        queue_name="reports",
        job_timeout=timedelta(minutes=5),
        result_ttl=-1,
        ttl="1h",
        failure_ttl=None,
        description="every night",
        meta={"a": 1},
        at_front=True,
        retry=Retry(max=3),
        depends_on=Dependency(jobs=["other"]),
        on_success=Callback(when_done),
        on_failure="shop.tasks.failed",
        on_stopped=when_done,
        webhooks=[Webhook("https://example.org", "failed")],
        rate_limit=RateLimit("mails", 2),
        overlap="buffer_all",
        catchup="none",
        catchup_window="1d",
        jitter=0.5,
        start=NOON,
        end=None,
        max_runs=3,
        exclude=LISTED,
        pause_on_failures=None,
        expect="1h",
        keep_runs=10,
        paused=True,
        note="new",
        tags=["billing"],
    ),
    StoredSchedule,
)
schedules.put("sweep", Every("10m"), report, retry=3)


@schedules.register("registered", Every(minutes=5), overlap="skip", tags=("a",))
def registered(first: int, *, second: str = "") -> float:
    return first / len(second)


assert_type(registered(1, second="x"), float)

assert_type(schedules["nightly"], StoredSchedule)
assert_type(schedules.get("nightly"), StoredSchedule | None)
assert_type(schedules.get("nightly", None), StoredSchedule | None)
assert_type(schedules.get("nightly", 5), StoredSchedule | int)
assert_type(schedules.get("nightly", default="none"), StoredSchedule | str)
assert_type("nightly" in schedules, bool)
assert_type(len(schedules), int)
assert_type(list(schedules), list[StoredSchedule])
assert_type(schedules.find(tag="a", queue_name="b", prefix="c", paused=False, owner="d", limit=5), list[StoredSchedule])
assert_type(schedules.find_iter(owner="d"), Iterator[StoredSchedule])
assert_type(schedules.upcoming(within="1h", limit=5), list[UpcomingRun])
assert_type(schedules.runs("nightly", limit=5), list[Run])
assert_type(schedules.update("nightly", version=1, jitter="1m", trigger=Every(5), func=report, tags=()), StoredSchedule)
assert_type(schedules.pause("nightly", note="disk"), StoredSchedule)
assert_type(schedules.resume("nightly"), StoredSchedule)
assert_type(schedules.run_now("nightly", force=True), Job | None)
assert_type(schedules.backfill("nightly", NOON, NOON, limit=5), list[str])
assert_type(schedules.change_timezone("nightly", ZoneInfo("Europe/Paris")), StoredSchedule)
assert_type(schedules.delete("nightly"), bool)
assert_type(schedules.sync([nightly], owner="shop", prune=False, dry_run=True), SyncResult)
assert_type(schedules.sync(Path("schedules.toml"), "shop"), SyncResult)
assert_type(schedules.sync(owner="shop").added, tuple[str, ...])
assert_type(schedules.sync("cron_config.py", "cron", rq_timezone="UTC").renamed, tuple[tuple[str, str], ...])


def shown(stored: StoredSchedule, run: Run, upcoming: UpcomingRun) -> None:
    assert_type(stored.id, str)
    assert_type(stored.kind, ScheduleKind)
    assert_type(stored.spec, Spec | None)
    assert_type(stored.trigger, AnyTrigger | None)
    assert_type(stored.definition, Schedule)
    assert_type(stored.tags, tuple[str, ...])
    assert_type(stored.next_run_at, datetime | None)
    assert_type(stored.next_run_after_pause, datetime | None)
    assert_type(stored.cannot_run, bool)
    assert_type(stored.last_run_at, datetime | None)
    assert_type(stored.last_status, JobStatus | None)
    assert_type(stored.paused, bool)
    assert_type(stored.finished, bool)
    assert_type(stored.note, str)
    assert_type((stored.runs, stored.skipped, stored.missed, stored.version), tuple[int, int, int, int])
    assert_type(stored.created_at, datetime | None)
    assert_type(stored.upcoming(3), list[datetime])
    assert_type(run.outcome, Outcome)
    assert_type(run.nominal, datetime)
    assert_type(run.lateness, timedelta | None)
    assert_type(run.job_id, str | None)
    assert_type(run.status, JobStatus | None)
    assert_type(run.duration, timedelta | None)
    assert_type(upcoming.due, datetime)
    assert_type(upcoming.schedule_id, str)


running = current_run()
assert_type(running, CurrentRun | None)
if running is not None:
    assert_type(running.kind, RunKind)
    assert_type(running.nominal, datetime)

# Quarantine

quarantine = scheduler.quarantine
assert_type(quarantine, Quarantine)
assert_type(len(quarantine), int)
assert_type("id" in quarantine, bool)
assert_type([entry.reason for entry in quarantine], list[str])
entry = quarantine.get("id")
assert_type(entry, Quarantined | None)
if entry is not None:
    assert_type(entry.kind, EntryKind)
    assert_type(entry.at, datetime | None)
    assert_type(entry.queue, str | None)
assert_type(quarantine.retry("id"), bool)
assert_type(quarantine.retry_all(), RetryResult)
assert_type(quarantine.retry_all().refused, dict[str, str])
assert_type(quarantine.purge("id"), bool)
assert_type(quarantine.purge_all(older_than="30d"), int)

# Errors

try:
    schedules["unknown"]
except ScheduleNotFound as error:
    base: SchedulerError = error
    key_error: KeyError = error
except FunctionRefused as unreachable:
    type_error: TypeError = unreachable
except (InvalidArgument, VersionConflict) as refused:
    value_error: ValueError = refused
except InvalidType as wrong:
    also_type_error: TypeError = wrong
warning: UserWarning = SchedulerWarning("text")

# Tests, servers, helpers

with EmbeddedRedis(aof=True, fsync="everysec") as server:
    assert_type(server, EmbeddedRedis)
    assert_type(server.url, str)
    assert_type(server.port, int)
    assert_type(server.version, tuple[int, ...])
    assert_type(server.running, bool)
    assert_type(server.server, Path)
    assert_type(server.start(), EmbeddedRedis)
    clock = ManualClock(NOON)
    assert_type(clock.now(), datetime)
    clock.move("10m")
    clock.move_to(NOON)
    with ManualDispatcher(scheduler, clock, options=Options(rq_overdue="hold")) as dispatcher:
        assert_type(dispatcher, ManualDispatcher)
        assert_type(dispatcher.tick(timedelta(days=1)), list[HandOff])
        assert_type([handed.at for handed in dispatcher.tick("1d")], list[datetime])
assert_type(find_server((6, 2)), Path)
assert_type(free_port(), int)
assert_type(server_version(Path("redis-server")), tuple[int, ...])
assert_type(GuardedProcess(["true"]).wait(timeout=1), int)

assert_type(utils.to_unix(NOON), int | float)
assert_type(utils.from_unix("1577836800"), datetime)
assert_type(utils.get_next_scheduled_time("@daily", use_local_timezone=True), datetime)
assert_type(utils.rationalize_until(timedelta(1)), float | str)
utils.setup_loghandlers("DEBUG")
assert_type(VERSION, tuple[int, ...])
assert_type(rq_scheduler.__version__, str)

# Django


def of_django(task: TaskLike) -> None:
    assert_type(get_scheduler("low", actor="deploy 4711"), DjangoScheduler)
    assert_type(get_scheduler().schedules.put("a", Every(5), task), StoredSchedule)
    assert_type(register("a", "0 9 * * *", tags=("a",))(task), TaskLike)
    assert_type(get_scheduler().enqueue_in(timedelta(1), print, commit="on_commit"), Job)


# The store: no public API, but each of its operations is typed by one definition, whatever runs it.

store = Store(Redis())
assert_type(store.cancel("a", 60, due=5), bool)
assert_type(store.server_time(), int)
assert_type(store.instance("me"), tuple[dict[str, str], int])
assert_type(store.pages(until=5), Iterator[list[StoredJob]])
assert_type(store.run(StoreCommands(Keys()).due_of("a")), int | None)


# The same on an event loop


async def awaited() -> None:
    scheduler = AsyncScheduler("default", connection=AsyncRedis(), scheduler_class=Shop, actor="deploy")
    assert_type(scheduler.acting_as("somebody"), AsyncScheduler)
    job = await scheduler.enqueue_at(NOON, report, "yearly", queue_name="reports", to="ops")
    assert_type(job, Job)
    assert_type(await scheduler.enqueue_in(timedelta(minutes=10), "shop.tasks.report", retry=Retry(max=3)), Job)
    assert_type(await scheduler.enqueue_many([(NOON, report)], queue_name="mails", job_ttl="1h"), list[str])
    assert_type(await scheduler.schedule(NOON, report, interval=3600, overlap="buffer_one"), Job)
    assert_type(await scheduler.cron("@daily", report, timezone="UTC"), Job)
    assert_type(await scheduler.contains(job), bool)
    assert_type(await scheduler.get_job("id"), Job | None)
    assert_type(await scheduler.count(until=timedelta(hours=1)), int)
    assert_type(scheduler.get_jobs(), AsyncIterator[Job])
    assert_type(scheduler.get_jobs(with_times=True), AsyncIterator[tuple[Job, datetime]])
    assert_type(scheduler.get_jobs_to_queue(True), AsyncIterator[tuple[Job, datetime]])
    assert_type([each async for each in scheduler.get_jobs()], list[Job])
    assert_type(await scheduler.run_sync(job.get_position), int | None)
    await scheduler.cancel(job, delete_job=True)

    schedules = scheduler.schedules
    assert_type(await schedules.put(nightly), StoredSchedule)
    assert_type(await schedules.put("a", Every(60), report, args=["a"], jitter="1m", version=0), StoredSchedule)
    assert_type(await schedules.update("a", version=1, jitter="1m"), StoredSchedule)
    assert_type(await schedules["a"], StoredSchedule)
    assert_type(await schedules.get("a"), StoredSchedule | None)
    assert_type(await schedules.get("a", 5), StoredSchedule | int)
    assert_type(await schedules.length(), int)
    assert_type(await schedules.pause_all("why", tag="a"), int)
    assert_type(await schedules.sync([nightly], owner="shop", dry_run=True), SyncResult)
    assert_type(await schedules.runs("a"), list[Run])
    assert_type([each async for each in schedules], list[StoredSchedule])
    assert_type(schedules.find_iter(tag="a"), AsyncIterator[StoredSchedule])
    assert_type([each async for each in scheduler.quarantine], list[Quarantined])
    assert_type(await scheduler.quarantine.retry_all(), RetryResult)
    assert_type(scheduler.events.follow(idle="1s"), AsyncIterator[Event])

    @schedules.register("b", Every(60), tags=("a",))
    def registered(kind: str) -> int:
        return len(kind)

    assert_type(registered("a"), int)
