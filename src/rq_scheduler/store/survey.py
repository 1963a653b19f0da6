"""What stands in Redis, for people: reads only, in bounded pages, for `rqscheduler check` and `demo`.

Owns the reads that no hand-off needs. Every method tolerates keys of a wrong type and users whose ACL forbids a
command: a survey that stops at the first oddity is of no use on the Redis that needs it most.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError, ResponseError

from rq_scheduler.store import rq_format
from rq_scheduler.store.alerts import AlertStateCommands
from rq_scheduler.store.base import text, us_of
from rq_scheduler.store.command import Commands, Listing, Procedure, call, pipeline
from rq_scheduler.store.counts import CountCommands, Counts, flat
from rq_scheduler.store.executor import Executor
from rq_scheduler.store.keys import FENCE_HOLDER
from rq_scheduler.store.operation import listing, operation
from rq_scheduler.store.processes import Daemon, ProcessCommands, RqCron, Worker, if_allowed, is_number, members
from rq_scheduler.store.troubles import TroubleCommands

__all__ = [
    "FEWER_KEYS",
    "FEW_KEYS",
    "Counts",
    "Daemon",
    "Fence",
    "Parked",
    "RawEntry",
    "RqCron",
    "RqRegistry",
    "Survey",
    "Worker",
]

_FIELDS = ("meta", "origin", "created_at", "timeout")
_FACTS = ("redis_version", "maxmemory", "maxmemory_policy", "aof_enabled", "aof_last_write_status",
          "rdb_last_bgsave_status")  # fmt: skip
_HOUR_US = 3_600_000_000
_QUEUES, _PART = 2_000, 1_000
"""Queues whose jobs one script counts, and among which one finds the longest: some milliseconds of Redis."""
_US = 1_000_000
FEW_KEYS, FEWER_KEYS = 200_000, 10_000
"""Keys among which a monitor may look for a daemon of 0.14: a fifth of a second; and a page, which is asked for again
and again."""


@dataclass(frozen=True, slots=True)
class RawEntry:
    """A member of the index as it stands. `fields` is None when its job hash is gone, and empty when what stands
    there is no job."""

    id: bytes
    due: int
    fields: dict[str, bytes] | None
    adopted: bool


@dataclass(frozen=True, slots=True)
class RqRegistry:
    """RQ's own scheduled jobs of one queue; `oldest` is the earliest due time in microseconds."""

    queue: str
    total: int
    overdue: int
    oldest: int | None


@dataclass(frozen=True, slots=True)
class Fence:
    """Who holds `rq:scheduler_lock`, and for how much longer (-1: for ever)."""

    value: str
    ttl_ms: int

    @property
    def is_ours(self) -> bool:
        """Whether our dispatchers hold it."""
        return self.value == FENCE_HOLDER


@dataclass(frozen=True, slots=True)
class Parked:
    """One-offs that wait until RQ's job of their id has ended: how many, and those that are due first, with their due
    times (microseconds)."""

    count: int = 0
    first: tuple[tuple[str, int], ...] = ()


class SurveyCommands(ProcessCommands, CountCommands, TroubleCommands, AlertStateCommands):
    """Reads under one key prefix. Not one of them writes."""

    @listing
    def entries(self, size: int = 500) -> Listing[list[RawEntry]]:
        """Every member of the index, whether its job is there or not, in no order and `size` or so at a time. An entry
        that stands there from beginning to end is seen; one that Redis reports twice is reported twice."""
        cursor: Any = 0
        while True:
            cursor, members = yield from call("ZSCAN", self.keys.scheduled_jobs, cursor, "COUNT", size)
            # A small index comes in one reply whatever COUNT says (up to a few hundred), a large one in steps.
            for start in range(0, len(members), size):
                yield (yield from self.describe(members[start : start + size]))
            if int(cursor) == 0:
                return

    @operation
    def describe(self, members: Sequence[tuple[bytes, float]]) -> Procedure[list[RawEntry]]:
        """These members of the index, with what stands under their ids."""
        # Ids in a foreign index are whatever bytes someone wrote: they are never decoded on the way back.
        job_key = rq_format.job_key(self.keys.prefix, "").encode()
        schedule_key = self.keys.schedule("").encode()
        replies = yield from pipeline(call("HMGET", job_key + raw_id, *_FIELDS) for raw_id, _ in members)
        # Most entries are plain one-offs: one command each. Whether an empty answer means "gone", and whether an entry
        # with a meta has a schedule of ours, is asked in a second round.
        doubtful = [raw_id for (raw_id, _), reply in zip(members, replies, strict=True) if _is_empty(reply)]
        with_meta = [raw_id for (raw_id, _), reply in zip(members, replies, strict=True) if _has_meta(reply)]
        questions = [call("EXISTS", job_key + raw_id) for raw_id in doubtful]
        questions += [call("EXISTS", schedule_key + raw_id) for raw_id in with_meta]
        answers = yield from pipeline(questions)
        there = dict(zip(doubtful, answers, strict=False))
        adopted = dict(zip(with_meta, answers[len(doubtful) :], strict=True))
        return [
            RawEntry(
                raw_id,
                us_of(score) if abs(score) < 1e15 else 0,
                None if there.get(raw_id) == 0 else _fields_of(reply),
                adopted.get(raw_id) == 1,
            )
            for (raw_id, score), reply in zip(members, replies, strict=True)
        ]

    @operation
    def queue_names(self) -> Procedure[list[str]]:
        """RQ's list of queues, sorted."""
        prefix = rq_format.queue_key(self.keys.prefix, "")
        names = yield from members(rq_format.queues_key(self.keys.prefix))
        return sorted(name.decode(errors="replace").removeprefix(prefix) for name in names)

    @operation
    def rq_registries(self, queues: Iterable[str], overdue_us: int = _HOUR_US) -> Procedure[list[RqRegistry]]:
        """RQ's own scheduled jobs of these queues, where there are any; overdue is what is late by more than that."""
        limit = ((yield from self.now()) - overdue_us) / _US
        names = list(queues)
        keys = [rq_format.scheduled_registry_key(self.keys.prefix, name) for name in names]
        totals = yield from pipeline(call("ZCARD", key) for key in keys)
        used = [
            (name, key, total)
            for name, key, total in zip(names, keys, totals, strict=True)
            if is_number(total) and total
        ]
        overdue = yield from pipeline(call("ZCOUNT", key, "-inf", limit) for _, key, _ in used)
        heads = map(flat, (yield from pipeline(call("ZRANGE", key, 0, 0, "WITHSCORES") for _, key, _ in used)))
        return [
            RqRegistry(name, total, late if is_number(late) else 0, us_of(head[1]) if head else None)
            for (name, _, total), late, head in zip(used, overdue, heads, strict=True)
        ]

    @operation
    def parked(self, most: int) -> Procedure[Parked]:
        """The one-offs that wait until RQ's job of their id has ended; `most` of them by name."""
        key = self.keys.parked_due
        count, first = yield from pipeline([call("ZCARD", key), call("ZRANGE", key, 0, most - 1, "WITHSCORES")])
        found = flat(first)
        named = tuple((text(id), us_of(due)) for id, due in zip(found[::2], found[1::2], strict=True))
        return Parked(count if is_number(count) else 0, named)

    @operation
    def misfits(self) -> Procedure[list[str]]:
        """Keys that all entries share, and RQ's set of queues, that hold something of another type; in words."""
        wanted = {**self.keys.shared(), rq_format.queues_key(self.keys.prefix): "set"}
        answers = yield from pipeline(call("TYPE", key) for key in wanted)
        types = [text(answer) if isinstance(answer, bytes | str) else "none" for answer in answers]
        return [
            f"{key} holds a {found}, and has to be a {type}: move it away (RENAME)"
            for (key, type), found in zip(wanted.items(), types, strict=True)
            if found not in ("none", type)
        ]

    @operation
    def queue_lengths(self, queues: Sequence[str]) -> Procedure[dict[str, int]]:
        """How many jobs wait in each of these queues."""
        counts: list[int] = []
        for first in range(0, len(queues), _QUEUES):
            page = queues[first : first + _QUEUES]
            counting = self._script("count_queued", rq_format.queues_key(self.keys.prefix), *page)
            counts += yield from if_allowed(counting, [-1] * len(page))
        return {queue: count for queue, count in zip(queues, counts, strict=True) if count >= 0}

    @operation
    def longest_queues(self, most: int) -> Procedure[dict[str, int]]:
        """The queues of RQ's list in which most jobs wait, and how many: at least so many queues, if there are."""
        found, part = dict[str, int](), b"0"
        while True:
            finding = self._script("longest_queues", rq_format.queues_key(self.keys.prefix), part, _PART, most)
            part, *told = yield from if_allowed(finding, [b"0"])
            names = (name.decode(errors="replace") for name in told[::2])
            found |= zip(names, told[1::2], strict=True)
            if part == b"0":
                return found

    @operation
    def fence(self) -> Procedure[Fence | None]:
        """The lock that 0.14's daemons and our dispatchers respect, as it stands."""
        value = yield from if_allowed(call("GET", self.keys.fence), None)
        if value is None:
            return None
        ttl = yield from call("PTTL", self.keys.fence, read=int)
        return Fence(value.decode(errors="replace"), ttl)

    @operation
    def server_facts(self) -> Procedure[dict[str, str]]:
        """Of what INFO tells, the names in `_FACTS`, as far as this user may know them."""
        facts: dict[str, str] = {}
        for section in ("server", "memory", "persistence"):
            reply: dict[str, Any] = yield from if_allowed(call("INFO", section), {})
            if reply and all(isinstance(value, dict) for value in reply.values()):
                reply = next(iter(reply.values()))  # a cluster answers node by node
            for name in _FACTS:
                if name in reply:
                    facts[name] = str(reply[name])
        return facts


class Survey(Executor, SurveyCommands):
    """The same over one connection, and what is no command."""

    makes: type[Commands] = SurveyCommands

    def daemons(self) -> list[Daemon]:
        """The scheduler instances whose hash has neither expired nor a time of death. This walks the whole keyspace in
        small steps (their names are nowhere listed by 0.14): for a person's question, never for a loop."""
        pattern = "*scheduler_instance:*"  # under other prefixes too, which a subclass of 0.14's may have named
        try:
            return self.instances(set(self.connection.scan_iter(match=pattern, count=1000)))
        except ResponseError:
            return []

    def old_daemons(self, most: int = FEW_KEYS) -> list[Daemon]:
        """Those of 0.14 among them, which say no version; none where there are more keys to look through than that."""
        try:
            few = self.connection.dbsize() <= most
        except ResponseError:
            return []
        return [daemon for daemon in self.daemons() if "version" not in daemon.fields] if few else []

    def user(self) -> str:
        """Who this connection has logged in as; empty where the server does not tell."""
        try:
            return str(self.connection.acl_whoami())
        except RedisError:
            return ""

    def refused(self) -> list[str]:
        """Of what only dispatchers, or only some, need, what this user may not do."""
        tries = {"EVAL": ("EVAL", "return 1", 0), "CONFIG GET": ("CONFIG GET", "maxmemory-policy"), "INFO": ("INFO",)}
        found: list[str] = []
        for name, (command, *arguments) in tries.items():
            try:
                self.run(call(command, *arguments))
            except ResponseError:
                found.append(name)
        return found

    def wakeup_refused(self) -> str | None:
        """Why this user may not use the channel on which dispatchers hear of earlier jobs; None where it may."""
        channel = self.connection.pubsub(ignore_subscribe_messages=True)
        try:
            channel.subscribe(self.keys.wakeup)
            channel.get_message(timeout=1)
        except ResponseError as error:
            return str(error)
        finally:
            channel.close()
        return None


def _fields_of(reply: Any) -> dict[str, bytes]:
    if isinstance(reply, RedisError):
        return {}
    return {name: value for name, value in zip(_FIELDS, reply, strict=True) if value is not None}


def _is_empty(reply: Any) -> bool:
    return not isinstance(reply, RedisError) and not any(reply)


def _has_meta(reply: Any) -> bool:
    return not isinstance(reply, RedisError) and bool(reply[0])
