"""A very large site, to look at: schedules of every kind in thousands of queues, one-offs, runs, events, an audit, a
quarantine, workers, and the records of a fleet. Nothing runs there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rq.job import Job
from rq.utils import utcformat

from bench.harness import Harness
from bench.server import Server
from rq_scheduler import Cron, Every, Schedule, Scheduler
from rq_scheduler.client.base import context_of
from rq_scheduler.store.keys import Keys
from rq_scheduler.testing import ManualClock, ManualDispatcher

KEYS = Keys()
ZONES = ("UTC", "Europe/Paris", "America/New_York", "Australia/Sydney", "Europe/London", "Asia/Kolkata")
WORK = ("reports.send", "feeds.export", "prices.update", "mail.newsletter", "stock.sync")
HOUR = 3_600
_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each there is."""

    schedules: int
    queues: int
    one_offs: int
    dispatchers: int
    workers: int
    with_runs: int
    failing: int
    not_run: int
    records: int
    held: int

    def __str__(self) -> str:
        return (
            f"{self.schedules:,} schedules in {self.queues:,} queues, {self.one_offs:,} one-offs, "
            f"{self.dispatchers} dispatchers"
        )


def size_of(harness: Harness) -> Size:
    return Size(
        schedules=harness.size(100_000, 2_000),
        queues=harness.size(3_000, 60),
        one_offs=harness.size(1_000_000, 20_000),
        dispatchers=harness.size(40, 4),
        workers=harness.size(200, 10),
        with_runs=harness.size(5_000, 100),
        failing=harness.size(500, 10),
        not_run=harness.size(20_000, 200),
        records=harness.size(100_000, 1_000),
        held=harness.size(5_000, 50),
    )


def give_site(server: Server, size: Size) -> None:
    """Fills an empty Redis with it."""
    scheduler = Scheduler(connection=server.connection, actor="deploy 4711")
    _runs_of_one(scheduler, server)
    scheduler.schedules.sync(_schedules(size), owner="shop")
    _copy_runs(server, size)
    _states(scheduler, server, size)
    first = time.time() + HOUR / 2
    server.give_jobs([first + n / 10 for n in range(size.one_offs)])
    _records(server, size)
    _fleet(scheduler, server, size)


def schedule_id(number: int) -> str:
    return f"{WORK[number % len(WORK)].partition('.')[0]}-{number:06d}"


def _schedules(size: Size) -> Iterator[Schedule]:
    for number in range(size.schedules):
        zone = ZONES[number % len(ZONES)]
        trigger = (
            Cron(f"{number % 60} {number // 60 % 24} * * *", zone),
            Cron(f"*/{5 + number % 25} * * * *", zone),
            Cron(f"{number % 60} 2 * * 1-5", zone),
            Every(60 + number % 86_400),
        )[number % 4]
        yield Schedule(
            schedule_id(number), trigger, f"shop.{WORK[number % len(WORK)]}", args=(number,),
            queue_name=f"queue-{number % size.queues:04d}", tags=(f"team-{number % 97}",),
            jitter="2m" if number % 5 == 0 else None,
        )  # fmt: skip


_MODEL = "model-of-runs"


def _runs_of_one(scheduler: Scheduler, server: Server) -> None:
    """One schedule with fifty runs, a tenth of them failed, that others get copies of."""
    clock = ManualClock(datetime.now(UTC) - timedelta(hours=50))
    with ManualDispatcher(scheduler, clock) as dispatcher:
        scheduler.schedules.put(_MODEL, Every("1h"), "shop.reports.send")
        for number in range(50):
            started = dispatcher.tick(timedelta(minutes=55) if number else timedelta(hours=1))
            for job in filter(None, Job.fetch_many([each.id for each in started], connection=server.connection)):
                at = utcformat(clock.now())
                state = {"status": "finished" if number % 10 else "failed", "worker_name": "worker-1"}
                server.connection.hset(job.key, mapping={**state, "started_at": at, "ended_at": at})
            dispatcher.tick(timedelta(minutes=5))
    server.connection.delete("rq:queue:default", *server.connection.scan_iter("rq:job:*"))


def _copy_runs(server: Server, size: Size) -> None:
    """Gives some schedules what that one had, and deletes it."""
    redis = server.connection
    told = redis.hgetall(KEYS.schedule(_MODEL))
    runs = {name: value for name, value in told.items() if name in (b"ends", b"runs", b"last_run_at", b"mark")}
    with redis.pipeline(transaction=False) as pipe:
        for number in range(size.with_runs):
            id = schedule_id(number)
            pipe.copy(KEYS.history(_MODEL), KEYS.history(id))
            pipe.hset(KEYS.schedule(id), mapping=runs)
        pipe.execute()
    Scheduler(connection=redis).schedules.delete(_MODEL)


def _states(scheduler: Scheduler, server: Server, size: Size) -> None:
    """Those that are paused by people, fail, are late, run, or did not run."""
    scheduler.schedules.pause_all(tag="team-7", note="INC-2291: the warehouse is read only")
    redis, at = server.connection, time.time()
    first = [schedule_id(number) for number in range(size.with_runs)]
    redis.zadd(KEYS.schedules_of("failing"), dict.fromkeys(first[: size.failing], 0))
    redis.zadd(KEYS.schedules_of("late"), dict.fromkeys(first[size.failing : 2 * size.failing], 0))
    redis.zadd(KEYS.schedules_of("running"), dict.fromkeys(first[2 * size.failing : 4 * size.failing], 0))
    with redis.pipeline(transaction=False) as pipe:
        for number in range(size.not_run):
            when = at - 86_400 * number / size.not_run
            line = f"{first[number % len(first)]} {'mked'[number % 4]} {int(when) * 1_000_000}"
            pipe.zadd(KEYS.not_run, {line: when})
        pipe.execute()


def _records(server: Server, size: Size) -> None:
    """Events, the audit, and the quarantine."""
    redis = server.connection
    with redis.pipeline(transaction=False) as pipe:
        for number in range(size.records):
            id = schedule_id(number * 7 % size.schedules)
            kind = ("failing_began", "recovered", "skipping_began", "missed", "overdue")[number % 5]
            pipe.xadd(
                KEYS.events, {"kind": kind, "id": id, "job_id": f"{id}-1", "failures": "3", "error": "no numbers"}
            )
            action = ("changed", "paused", "resumed", "run_now")[number % 4]
            changes = {"version": "3", "jitter": '["1m", "2m"]'} if action == "changed" else {"note": "INC-2291"}
            pipe.xadd(KEYS.audit, {"action": action, "id": id, "actor": f"user-{number % 31}", **changes})
            if number % 1_000 == 999:
                pipe.execute()
        for number in range(size.held):
            held = {"reason": "its job is gone", "kind": "one-off", "code": "job-gone", "at": int(time.time() * 1e6)}
            pipe.hset(KEYS.quarantine, f"held-{number:06d}", json.dumps(held))
        pipe.execute()


def _fleet(scheduler: Scheduler, server: Server, size: Size) -> None:
    """Records of dispatchers and workers, as if they were alive."""
    store, redis = context_of(scheduler).store, server.connection
    for number in range(size.dispatchers):
        fields = {"host": f"ops-{number:02d}", "pid": 4711, "version": "1.0", "handed_off": 1_234_567}
        store.heartbeat(f"ops-{number:02d}", fields, 24 * HOUR, dispatcher=True)
    queues = [f"queue-{number:04d}" for number in range(size.queues)]
    with redis.pipeline(transaction=False) as pipe:
        for number in range(size.workers):
            key, listens = f"rq:worker:worker-{number:03d}", queues[number :: size.workers]
            pipe.hset(key, mapping={"queues": ",".join(listens), "hostname": f"work-{number % 9}", "birth": "x"})
            pipe.sadd("rq:workers", key)
        for number, queue in enumerate(queues):
            pipe.sadd("rq:queues", f"rq:queue:{queue}")
            pipe.rpush(f"rq:queue:{queue}", *(f"job-{n}" for n in range(1 + number % 5)))
        pipe.execute()
