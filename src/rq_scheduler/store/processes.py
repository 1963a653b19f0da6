"""The processes that are alive, for people: dispatchers, daemons of 0.14, workers, `rq cron`. Reads only.

Tolerates keys of a wrong type and users whose ACL forbids a command, as all of `survey.py` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

from redis.exceptions import RedisError, ResponseError

from rq_scheduler.store import rq_format
from rq_scheduler.store.base import scores, text, us_of, wire
from rq_scheduler.store.command import Command, Commands, Procedure, call, pipeline
from rq_scheduler.store.operation import operation

__all__ = ["Daemon", "ProcessCommands", "RqCron", "Worker", "if_allowed", "is_number", "members"]

_OF_A_WORKER = ("queues", "death", "hostname", "version", "python_version")
_US = 1_000_000
_MOST = 1_000
"""Dispatchers that are shown at most."""
_WORKERS = 500
"""Workers that one script asks what they listen on: a millisecond of Redis."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A live scheduler instance: 0.14's, or ours (which says its version)."""

    name: str
    fields: dict[str, str]
    ttl: int


@dataclass(frozen=True, slots=True, order=True)
class Worker:
    """A live worker of RQ; what its hash does not say is empty."""

    name: str
    queues: tuple[str, ...]
    host: str
    rq_version: str
    python_version: str


@dataclass(frozen=True, slots=True)
class RqCron:
    """A live `rq cron` process; what its hash does not say is empty."""

    name: str
    host: str
    pid: str
    file: str


class ProcessCommands(Commands):
    """Reads under one key prefix. Not one of them writes."""

    @operation
    def now(self) -> Command[int]:
        """The server's clock, in microseconds."""
        return call("TIME", read=lambda time: int(time[0]) * _US + int(time[1]))

    @operation
    def live_workers(self) -> Procedure[list[Worker]]:
        """The workers that are registered with RQ and have not ended, by name."""
        keys = yield from members(rq_format.workers_key(self.keys.prefix))
        prefix = rq_format.worker_key(self.keys.prefix, "")
        found: list[Worker] = []
        asked = pipeline(call("HMGET", key, *_OF_A_WORKER) for key in keys)
        for key, reply in zip(keys, (yield from asked), strict=True):
            if isinstance(reply, RedisError) or not reply[0] or reply[1]:
                continue
            queues, _, *rest = (value.decode(errors="replace") if value else "" for value in reply)
            name = key.decode(errors="replace").removeprefix(prefix)
            found.append(Worker(name, tuple(dict.fromkeys(queues.split(","))), *rest))
        return sorted(found)

    @operation
    def listened_queues(self) -> Procedure[dict[str, int]]:
        """The queues that live workers listen on, and how many do."""
        counts, key = Counter[str](), rq_format.workers_key(self.keys.prefix)
        workers = yield from members(key)
        for first in range(0, len(workers), _WORKERS):
            reading = self._script("read_listeners", key, *workers[first : first + _WORKERS])
            for queues in (yield from if_allowed(reading, [])):
                counts.update(dict.fromkeys(queues.decode(errors="replace").split(",")).keys())
        return counts

    @operation
    def dispatchers(self) -> Procedure[list[Daemon]]:
        """Our live dispatchers, by name. Cheap: they are listed, 0.14's daemons are not (`daemons` finds those too)."""
        names = yield from self._alive(self.keys.dispatchers, 0)
        return (yield from self.instances({wire(self.keys.instance(text(name))) for name in names}))

    @operation
    def last_heard(self) -> Procedure[int | None]:
        """When a dispatcher was last heard of (us), alive or not."""
        last = yield from if_allowed(call("ZRANGE", self.keys.heartbeats, -1, -1, "WITHSCORES"), [])
        return max(map(us_of, scores(last).values()), default=None)

    @operation
    def heard_at(self, names: Sequence[str]) -> Procedure[dict[str, int]]:
        """When each of these dispatchers was last heard of, by the server's clock (us)."""
        replies = yield from pipeline(call("ZSCORE", self.keys.heartbeats, name) for name in names)
        return {
            name: us_of(score)
            for name, score in zip(names, replies, strict=True)
            if score is not None and not isinstance(score, RedisError)
        }

    @operation
    def instances(self, keys: Iterable[bytes]) -> Procedure[list[Daemon]]:
        """The scheduler instances under these keys that have not ended, by name."""
        keys = list(keys)
        answers = yield from pipeline(call(command, key) for key in keys for command in ("HGETALL", "PTTL"))
        found: list[Daemon] = []
        for key, fields, ttl in zip(keys, answers[::2], answers[1::2], strict=True):
            if not fields:
                continue  # expired meanwhile
            known = cast("dict[bytes, bytes]", fields) if isinstance(fields, dict) else {}
            if b"death" in known:
                continue  # a 0.14 daemon that has ended: its hash stays for a minute
            shown = {k.decode(errors="replace"): v.decode(errors="replace") for k, v in known.items()}
            name = key.decode(errors="replace").removeprefix(self.keys.instance_prefix)
            found.append(Daemon(name, shown, ttl // 1000 if is_number(ttl) else -1))
        return sorted(found, key=lambda one: one.name)

    @operation
    def rq_crons(self) -> Procedure[list[RqCron]]:
        """The `rq cron` processes that are alive, by name."""
        names = yield from self._alive(rq_format.cron_schedulers_key(self.keys.prefix), rq_format.CRON_SCHEDULER_TTL)
        prefix = rq_format.cron_scheduler_key(self.keys.prefix, "").encode()
        answers = yield from pipeline(call("HMGET", prefix + name, "hostname", "pid", "config_file") for name in names)
        found: list[RqCron] = []
        for name, answer in zip(names, answers, strict=True):
            fields = (b"",) * 3 if isinstance(answer, RedisError) else [value or b"" for value in answer]
            found.append(RqCron(*(value.decode(errors="replace") for value in (name, *fields))))
        return sorted(found, key=lambda one: one.name)

    def _alive(self, key: str, ttl: int) -> Procedure[list[bytes]]:
        """The members of a list of processes that were seen within so many seconds."""
        since = (yield from self.now()) / _US - ttl
        names = call("ZRANGEBYSCORE", key, since, "+inf", "LIMIT", 0, _MOST)
        return (yield from if_allowed(names, []))


# ResponseError covers a wrong type and NOPERM; losing the connection still ends the survey.
def if_allowed(command: Command[Any], otherwise: Any) -> Procedure[Any]:
    try:
        return (yield from command)
    except ResponseError:
        return otherwise


def members(key: str) -> Procedure[list[bytes]]:
    """All that a set holds."""
    cursor, found = 0, list[bytes]()
    while True:
        cursor, some = yield from if_allowed(call("SSCAN", key, cursor, "COUNT", 500), (0, []))
        found += some
        if int(cursor) == 0:
            return found


def is_number(reply: Any) -> TypeGuard[int]:
    """Whether a command of a pipeline was answered, and with a number."""
    return isinstance(reply, int)
