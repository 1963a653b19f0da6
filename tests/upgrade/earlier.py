"""Records of an earlier commit: this writes some of each kind, and serves them for a while.

    make records

runs it with the package as it was at the last commit before plans became data in Redis (`bench/targets.py` names it,
and takes it out of this repository), and keeps in `records.json` what was in Redis then, and what that commit made of
it in the minutes that followed. The test runs it with the present one. So it uses nothing but the API that both have,
and imports nothing of the tests.
"""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from redis import Redis

from rq_scheduler import At, Cron, Every, Schedule, Scheduler
from rq_scheduler.testing import ManualClock, ManualDispatcher

RECORDS = Path(__file__).with_name("records.json")
START = datetime(2026, 11, 28, 20, 0, tzinfo=UTC)
WRITTEN = START + timedelta(minutes=10)
"""When all is written."""
MINUTES = 15
"""For so long it is served then."""
FUNC = "jobs_for_tests.nothing"
KEPT_BUSY = {"going", "buffers", "buffers-all", "paused-and-buffers", "replaces", "recurs-and-buffers"}
"""Schedules and recurring jobs whose first run is still going when all is written."""


def write(redis: Any) -> None:
    """Some records of each kind, in ten minutes of a manual clock."""
    scheduler, clock = Scheduler(connection=redis), ManualClock(START)
    with ManualDispatcher(scheduler, clock) as dispatcher:
        _define(scheduler)
        for minute in range(10):
            if minute == 9:
                redis.delete("rq:scheduler:template:lost")
                for id in ("lost-job", "lost-recurring"):
                    redis.hset(f"rq:job:{id}", "origin", "")
            dispatcher.tick("1m")
            work(redis, but=KEPT_BUSY)
        schedules = scheduler.schedules
        schedules.run_now("manual")
        schedules.backfill("manual", START - timedelta(hours=3), START)
        work(redis, but=KEPT_BUSY)
        schedules.pause("paused", note="the disk is being replaced")
        schedules.pause("paused-and-buffers")
        schedules.delete("deleted")
        schedules.run_now("via-rq")  # nobody has RQ enqueue it by now
        _begin(redis, "going")


def _define(scheduler: Any) -> None:
    put = scheduler.schedules.put
    for n in range(4):
        put(f"shared-{n}", Every("2m"), FUNC, tags=("shared",))
    own = Schedule("own", Every("90s"), "jobs_for_tests.echo", args=(1,), queue_name="other")
    scheduler.schedules.sync([own], owner="me")
    put("jittered", Every("2m"), FUNC, jitter="20s")
    put("by-cron", Cron("*/15 * * * *", timezone="Europe/Paris"), FUNC, at_front=True)
    put("nightly", Cron("30 2 * * *", timezone="Europe/Paris"), FUNC)
    put("once", At(START + timedelta(minutes=5)), FUNC)
    put("once-later", At(START + timedelta(minutes=18)), FUNC)
    put("limited", Every("3m"), FUNC, max_runs=6)
    put("catches-up", Every("4m"), FUNC, catchup="all")
    put("going", Every("5m"), FUNC)
    put("buffers", Every("4m"), FUNC, overlap="buffer_one")
    put("buffers-all", Every("3m"), FUNC, overlap="buffer_all", start=START + timedelta(minutes=5))
    put("paused-and-buffers", Every("3m"), FUNC, overlap="buffer_one", start=START + timedelta(minutes=5))
    put("replaces", Every("6m"), FUNC, overlap="replace")
    put("paused", Every("2m"), FUNC)
    put("manual", Every("1h"), FUNC)
    put("deleted", Every("3m"), FUNC)
    put("lost", Every("10m"), FUNC)
    put("via-rq", Every("7m"), FUNC, meta={"queue_class_name": "queues_for_tests.Noting"})
    at = START.replace(tzinfo=None)
    scheduler.schedule(at + timedelta(minutes=2), FUNC, interval=120, id="every-two")
    scheduler.schedule(at + timedelta(minutes=1), FUNC, interval=300, repeat=6, id="repeated")
    scheduler.schedule(at + timedelta(minutes=5), FUNC, interval=240, overlap="buffer_one", id="recurs-and-buffers")
    scheduler.schedule(at + timedelta(minutes=3), FUNC, interval=300, result_ttl=60, id="expires")
    scheduler.schedule(at + timedelta(minutes=10), FUNC, interval=600, id="lost-recurring")
    scheduler.cron("5 * * * *", FUNC, timezone="Europe/Paris", id="cron-job")
    for minutes in (5, 15, 22, 600):
        scheduler.enqueue_at(at + timedelta(minutes=minutes), FUNC, job_id=f"one-off-{minutes}")
    scheduler.enqueue_at(at + timedelta(minutes=10), FUNC, job_id="lost-job")
    scheduler.enqueue_at(
        at + timedelta(minutes=20), FUNC, job_id="via-rq-job", meta={"queue_class_name": "queues_for_tests.Noting"}
    )


def work(redis: Any, but: frozenset[str] | set[str] = frozenset()) -> None:
    """Workers are done at once with all that waits, but for runs of these schedules; the jobs of runs go."""
    for key in redis.keys("rq:queue:*"):
        for id in redis.lrange(key, 0, -1):
            if _schedule_of(id.decode()) not in but:
                redis.lrem(key, 1, id)
                redis.hset(b"rq:job:" + id, "status", "finished")
                if _schedule_of(id.decode()) != id.decode():
                    redis.delete(b"rq:job:" + id)  # as with a result_ttl of 0


def _schedule_of(job_id: str) -> str:
    head, _, tail = job_id.rpartition("-")
    return head if len(tail) > 20 else job_id


def _begin(redis: Any, schedule: str) -> None:
    """A worker has begun the run of this schedule, and will have it for a year."""
    (id,) = (id for id in redis.lrange("rq:queue:default", 0, -1) if _schedule_of(id.decode()) == schedule)
    redis.lrem("rq:queue:default", 1, id)
    redis.hset(b"rq:job:" + id, "status", "started")
    redis.zadd(b"rq:executions:" + id, {"e": 1_830_000_000})
    redis.zadd("rq:wip:default", {id + b":e": 1_830_000_000})


def serve(redis: Any) -> list[list[str]]:
    """What becomes of it: each job that enters a queue, and when. After two minutes all that was going has ended."""
    scheduler, clock = Scheduler(connection=redis), ManualClock(WRITTEN)
    runs: list[list[str]] = []
    with ManualDispatcher(scheduler, clock) as dispatcher:
        for minute in range(MINUTES):
            runs += [[job.id, f"{job.at:%H:%M:%S.%f}"] for job in dispatcher.tick("1m")]
            if minute == 1:
                for id in [each.partition(b":")[0] for each in redis.zrange("rq:wip:default", 0, -1)]:
                    redis.hset(b"rq:job:" + id, "status", "finished")
                redis.delete("rq:wip:default")
            work(redis, but=KEPT_BUSY if minute < 1 else frozenset())
    return sorted(runs)


def _read(redis: Any) -> list[Any]:
    """Every key with its type, what it holds and its milliseconds to live (-1: no end)."""
    read = {
        "hash": "hgetall",
        "list": "lrange",
        "set": "smembers",
        "zset": "zrange",
        "string": "get",
        "stream": "xrange",
    }
    found = []
    for key in sorted(redis.keys()):
        kind = redis.type(key)
        bounds = (0, -1) if kind in ("list", "zset") else ()
        value = getattr(redis, read[kind])(key, *bounds, **({"withscores": True} if kind == "zset" else {}))
        found.append([key, kind, redis.pttl(key), sorted(value) if isinstance(value, set) else value])
    return found


def _bytes(value: str) -> bytes:
    return value.encode("latin-1")


def restore(redis: Any) -> dict[str, Any]:
    """Puts back what was kept; returns all that is known of it."""
    known = json.loads(RECORDS.read_text("utf-8"))
    for key, kind, ttl, value in known["keys"]:
        key = _bytes(key)
        if kind == "hash":
            redis.hset(key, mapping={_bytes(name): _bytes(each) for name, each in value.items()})
        elif kind == "list":
            redis.rpush(key, *map(_bytes, value))
        elif kind == "set":
            redis.sadd(key, *map(_bytes, value))
        elif kind == "zset":
            redis.zadd(key, {_bytes(member): score for member, score in value})
        else:
            redis.set(key, _bytes(value))
        if ttl > 0:
            redis.pexpire(key, ttl)
    return known


def _keep() -> None:
    """In a process of that commit."""
    url, commit = sys.argv[2:]
    redis = Redis.from_url(url)
    write(redis)
    keys = _read(Redis.from_url(url, decode_responses=True, encoding="latin-1"))
    known = {"commit": commit, "keys": keys, "runs": serve(redis)}
    rows = {name: [json.dumps(row) for row in known[name]] for name in ("keys", "runs")}  # a line each
    parts = [f'"commit": {json.dumps(commit)}']
    parts += [f'"{name}": [\n' + ",\n".join(lines) + "\n]" for name, lines in rows.items()]
    RECORDS.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")


def _run_that_commit() -> None:
    from bench.targets import BEFORE, COMMIT, environment, python

    from rq_scheduler.embedded import EmbeddedRedis

    with EmbeddedRedis() as server:
        argv = [python(BEFORE), "-W", "ignore", __file__, "keep", server.url, COMMIT]
        env = environment(BEFORE)
        env["PYTHONPATH"] += f"{os.pathsep}{RECORDS.parent.parent}"  # where the jobs and queues of tests are
        subprocess.run(argv, env=env, check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["keep"]:
        _keep()
    else:
        _run_that_commit()
