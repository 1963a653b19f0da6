"""Mistakes that a strict checker finds before anything runs. Checked, never run.

Each line says which error mypy (`type: ignore`) and pyright (`pyright: ignore`) have to report for it. That is what the
comments are for in this file, the only one that has the former: both checkers report a comment that nothing calls for,
so a mistake that they no longer see fails the check.
"""

from datetime import UTC, datetime

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from rq.job import Job

from rq_scheduler import (
    AnyOf,
    AsyncScheduler,
    At,
    Cron,
    Dates,
    Every,
    Holidays,
    RRule,
    Schedule,
    Scheduler,
    StoredSchedule,
)
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.store import Store
from rq_scheduler.testing import ManualClock

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def report(kind: str = "daily") -> int:
    return len(kind)


# Triggers and exclusions

At("2026-11-28")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Every(None, minute=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Every(minutes="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Every(10, anchor="noon")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Every(10).interval = Every(5).interval  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
Every(10).next_after(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Every(10).upcoming("3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cron(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cron("@daily", timezone=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cron("@daily", day_match="any")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Cron("@daily", time_zone="UTC")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
RRule("FREQ=DAILY", timezone=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
AnyOf("@daily")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Dates(20261225)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Dates("2026-12-25", zone="UTC")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Holidays(33)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

# Definitions

Schedule("a", Every(5))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Schedule("a", "10m", report)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Schedule("a", Every(5), 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Schedule("a", Every(5), report, overlap="skipp")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Schedule("a", Every(5), report, catchup="newest")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Schedule("a", Every(5), report, timezone="UTC")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Schedule("a", Every(5), report, max_runs="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Schedule("a", Every(5), report, exclude="2026-12-25")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Schedule("a", Every(5), report, start="2026-11-28")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Schedule("a", Every(5), report, retry="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Schedule("a", Every(5), report, jitter=[5])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Schedule("a", Every(5), report).overlap = "allow"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]

# A scheduler

scheduler = Scheduler(connection="redis://")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler = Scheduler(connection=Redis(), job_class=int)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler = Scheduler(connection=Redis(), url="redis://")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
scheduler.enqueue_at("noon", report)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler.enqueue_at(NOON, 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler.enqueue_in(10, report)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler.enqueue_many([("noon", report)])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
scheduler.enqueue_many([(NOON, report)], job_id="a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
scheduler.schedule(NOON, report, interval=[5])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler.schedule(NOON, report, interval=5, overlap="allow")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler.schedule(NOON, report, interval=5, jiter="5s")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
scheduler.schedule(NOON, report, "weekly", interval=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler.schedule(NOON, report, interval=5, retry=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler.cron("@daily", report, catchup="newest")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler.cron("@daily", report, timezone=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler.get_jobs(until="noon")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
scheduler.get_jobs(with_times="yes")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
scheduler.change_execution_time("id", "noon")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler.cancel(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
jobs: list[Job] = list(scheduler.get_jobs(with_times=True))  # type: ignore[arg-type]  # pyright: ignore[reportAssignmentType]

# Schedules

schedules = scheduler.schedules
schedules.put("a", Every(5), report, overlap="skipp")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
schedules.put("a", Every(5), report, catchup=None)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
schedules.put("a", Every(5), report, que_name="reports")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
schedules.put("a", Every(5), report, args="weekly")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
schedules.put("a", Every(5), report, tags="billing")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
schedules.put("a", Every(5))  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
schedules.put("a")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
schedules.put("a", 600, report)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
schedules.update("a", overlap="skipp")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
schedules.update("a", paused=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
schedules.update("a", version="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
schedules.register("a", Every(5), overlap="skipp")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
schedules.get(5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
schedules.find(paused="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
schedules.find(label="billing")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
schedules.runs("a", limit="all")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
schedules.pause("a", note=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
schedules.run_now("a", force="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
schedules.backfill("a", "2026-11-28", NOON)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
schedules.sync([5], owner="shop")  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
schedules.sync(owner=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
print(schedules.get("a").next_run_at)  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
print(schedules["a"].next_run)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType, reportUnknownMemberType]
first: str = schedules.get("a", "")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]


@schedules.register("b", Every(5))
def registered(kind: str) -> int:
    return len(kind)


registered(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def of_run(stored: StoredSchedule) -> bool:
    stored.paused = True  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    return stored.last_status == "done"  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison]


def of_history() -> bool:
    return any(run.outcome == "finished" for run in schedules.runs("a"))  # type: ignore[comparison-overlap]  # pyright: ignore[reportUnnecessaryComparison]


# Quarantine, tests, servers

scheduler.quarantine.purge_all(older_than=[5])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
scheduler.quarantine.get(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ManualClock("noon")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
ManualClock(NOON).move([5])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
EmbeddedRedis(fsync="sometimes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


# The store

Store(Redis()).cancel("a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Store(Redis()).cancel(5, 60)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


# On an event loop

AsyncScheduler(connection=Redis())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Scheduler(connection=AsyncRedis())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def awaited(scheduler: AsyncScheduler) -> None:
    await scheduler.enqueue_at("noon", report)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await scheduler.enqueue_many([(NOON, report)], job_id="a")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await scheduler.schedules.update("a", overlap="maybe")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await scheduler.schedules.update("a", colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await scheduler.schedules.put("a", Every(60))  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await scheduler.schedules.put("a", Every(60), report, colour=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await scheduler.contains("a", "b")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
