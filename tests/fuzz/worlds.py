"""A Redis that holds something of everything, to be spoilt, and what has to hold whatever was done to it."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import redis as redis_py

import jobs_for_tests as jobs
from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.store.survey import Survey
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START

LAST = 253_402_000_000_000_000
"""Microseconds: the clock is not moved beyond, a little before the year 10000."""


class World:
    """A Redis that holds something of everything, and what goes by it; the same at the start of each example."""

    def __init__(self, redis: redis_py.Redis) -> None:
        self.redis = redis
        self._make()
        self.fill()
        keys = redis.keys()
        dumps = _each(redis, [("DUMP", key) for key in keys])
        self._restores = [
            ("RESTORE", key, max(redis.pttl(key), 0), dump) for key, dump in zip(keys, dumps, strict=True)
        ]

    def fill(self) -> None:
        """Puts it all there."""
        scheduler = self.scheduler
        scheduler.enqueue_at(START + timedelta(hours=2), jobs.echo, 1, job_id="one-off")
        scheduler.schedule(START + timedelta(hours=2), jobs.echo, interval=3600, repeat=5, id="recurring")
        scheduler.cron("0 9 * * *", jobs.echo, id="daily", timezone="Europe/Paris")
        scheduler.schedules.put("nightly", Cron("30 2 * * *"), jobs.echo, args=("x",), tags=("t",), jitter="5m")
        scheduler.schedules.put("paused", Every("1h"), jobs.echo, paused=True, note="not now")
        scheduler.enqueue_at(START, jobs.nothing, job_id="done")
        scheduler.schedules.run_now("nightly")
        self.redis.zadd("rq:scheduler:scheduled_jobs", {"broken": 1})
        self.dispatcher.tick()

    def reset(self) -> None:
        """Back to the start, whatever has happened since."""
        _each(self.redis, [("FLUSHALL",), *self._restores])
        self._make()

    def _make(self) -> None:
        self.clock = ManualClock(START)
        self.scheduler = Scheduler(connection=self.redis)
        self.dispatcher = ManualDispatcher(self.scheduler, self.clock)


_READS = {
    b"hash": ("HGETALL",),
    b"list": ("LRANGE", 0, -1),
    b"zset": ("ZRANGE", 0, -1, "WITHSCORES"),
    b"set": ("SMEMBERS",),
    b"string": ("GET",),
    b"stream": ("XRANGE", "-", "+"),
}


def content(redis: redis_py.Redis) -> dict[bytes, Any]:
    """Every key and what it holds, in two round trips."""
    keys = sorted(redis.keys())
    types = _each(redis, [("TYPE", key) for key in keys])
    reads = ((*_READS[kind][:1], key, *_READS[kind][1:]) for key, kind in zip(keys, types, strict=True))
    return dict(zip(keys, _each(redis, reads), strict=True))


def _each(redis: redis_py.Redis, commands: Iterable[tuple[Any, ...]]) -> list[Any]:
    pipe = redis.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return pipe.execute()


def goes_on(world: World, passes: int = 1) -> None:
    """All can be read, and a dispatcher serves a job beside it on time: so many times, when the next entry is due."""
    scheduler = world.scheduler
    scheduler.remove_lock()
    for _ in range(passes):
        can_be_read(world)
        next_due = Survey(world.redis).counts().next_due
        clock = ManualClock(world.clock.now())
        clock.move(0)
        made = Scheduler("beside", connection=world.redis)
        dispatcher = ManualDispatcher(made, clock)
        if next_due is not None and clock.now_us() < next_due < LAST:
            clock._show(next_due)
        world.clock = clock
        beside = made.enqueue_at(clock.now(), jobs.nothing)
        for _ in range(3):
            result = dispatcher._passes.run()
            assert result.fenced is None
        assert world.redis.lrange("rq:queue:beside", 0, -1)[-1:] == [beside.id.encode()], "it was held up"
    can_be_read(world)


def can_be_read(world: World) -> None:
    """Whatever is there, what reads it does not raise."""
    scheduler = Scheduler(connection=world.redis)
    for _ in scheduler.get_jobs(with_times=True):
        pass
    assert scheduler.count() >= 0
    schedules = scheduler.schedules
    listed = list(schedules)
    assert len(schedules.find(limit=1000)) == len(listed) <= len(schedules)
    schedules.upcoming(limit=20)
    for stored in listed:
        schedules.runs(stored.id)
        stored.upcoming(3)
        repr(stored)
    assert len(list(scheduler.quarantine)) == len(scheduler.quarantine)
    survey = Survey(world.redis)
    survey.counts()
    survey.daemons()
    for _ in survey.entries():
        pass
