"""What 0.14 left under other keys, because a subclass named them otherwise: reads only, for `rqscheduler check`.

Walks the keyspace in small steps, up to a bound, and says how far it has come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from redis import RedisCluster
from redis.exceptions import ResponseError

from rq_scheduler.store.command import call, pipeline
from rq_scheduler.store.executor import Executor
from rq_scheduler.store.rq_format import job_key

__all__ = ["Elsewhere", "OtherIndex", "OtherKeys"]

STEP = 1_000
MOST_KEYS = 2_000_000
"""Keys that are walked past, in steps of a millisecond or less."""
MOST_SETS = 20_000
"""Sorted sets that are looked into: an application may have millions of its own."""
SAMPLE = 5
"""Members that are looked at from each end of one."""

_RQ_REGISTRIES = "finished|failed|wip|deferred|scheduled|canceled|executions|rl"
_MARKERS = (b"interval", b"cron_string")
_NAME = b"scheduled_jobs"
"""How 0.14's index is called, and so perhaps the other one."""


@dataclass(frozen=True, slots=True)
class OtherIndex:
    """A sorted set whose members are scheduled jobs."""

    key: str
    entries: int


@dataclass(slots=True)
class Elsewhere:
    """What was found, and what was looked at: `walked` of the `keys` of this database, and whether that was all of it.
    Nothing is looked at on a Redis Cluster, where 0.14 does not run, and where this user may not."""

    indexes: list[OtherIndex] = field(default_factory=list[OtherIndex])
    keys: int = 0
    walked: int = 0
    whole: bool = False


class OtherKeys(Executor):
    """The walk over one connection, for indexes beside that of our key prefix."""

    def look(self) -> Elsewhere:
        """Finds sorted sets whose members are jobs that were scheduled, wherever 0.14 was told to keep them."""
        found = Elsewhere()
        if isinstance(self.connection, RedisCluster):
            return found
        try:
            found.keys = self.run(call("DBSIZE", read=int))
            left = MOST_SETS
            for names in self._sorted_sets(found):
                foreign = [name for name in names if not self._is_known(name)][:left]
                left -= len(foreign)
                found.indexes += self._indexes_among(foreign)
                if left == 0:
                    found.whole = False
                    break
        except ResponseError:  # an ACL that forbids it, or a server without SCAN TYPE
            found.walked = 0
        return found

    def _sorted_sets(self, found: Elsewhere) -> Iterator[list[bytes]]:
        cursor = 0
        while True:
            cursor, names = self.run(call("SCAN", cursor, "COUNT", STEP, "TYPE", "zset"))
            found.walked = min(found.walked + STEP, found.keys)
            found.whole = cursor == 0
            if found.whole:
                found.walked = found.keys
            yield names
            if found.whole or found.walked >= MOST_KEYS:
                return

    def _is_known(self, name: bytes) -> bool:
        prefix = re.escape(self.keys.prefix)
        ours = rf"{prefix}:(?:{_RQ_REGISTRIES}):|{re.escape(self.keys.schedules)}(?::|$)"
        key = name.decode(errors="replace")
        return key in self.keys.shared() or re.match(ours, key) is not None

    def _indexes_among(self, names: list[bytes]) -> Iterator[OtherIndex]:
        replies: list[Any] = self.run(
            pipeline(
                command
                for name in names
                for command in (
                    call("ZCARD", name),
                    call("ZRANGE", name, 0, SAMPLE - 1),
                    call("ZRANGE", name, -SAMPLE, -1),
                )
            )
        )
        job = job_key(self.keys.prefix, "").encode()
        for name, count, first, last in zip(names, replies[::3], replies[1::3], replies[2::3], strict=True):
            members = _members(first) | _members(last)
            jobs = self.run(pipeline(call("HMGET", job + member, "status", "meta") for member in members))
            if name.endswith(_NAME) or any(_was_scheduled(each) for each in jobs):
                yield OtherIndex(name.decode(errors="backslashreplace"), count)


def _members(reply: Any) -> set[bytes]:
    return set(cast("list[bytes]", reply)) if isinstance(reply, list) else set[bytes]()


def _was_scheduled(reply: Any) -> bool:
    if not isinstance(reply, list):
        return False
    status, meta = cast("list[bytes | None]", reply)
    return status == b"scheduled" or any(marker in (meta or b"") for marker in _MARKERS)
