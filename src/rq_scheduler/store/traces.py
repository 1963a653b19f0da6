"""What stands in Redis of one job and of one queue, for a person who asks what became of a run. Reads only.

Everything comes as it stands: RQ's words and RQ's timestamps. Knows nothing of what follows from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.exceptions import RedisError

from rq_scheduler.store import rq_format
from rq_scheduler.store.base import mapping, moment, score_of, text, us_of
from rq_scheduler.store.command import Command, Commands, Procedure, call, pipeline
from rq_scheduler.store.keys import FENCE_HOLDER
from rq_scheduler.store.operation import operation

__all__ = ["JobTrace", "QueueTrace", "ServiceTrace", "TraceCommands", "WorkerTrace"]

_FIELDS = (
    "status",
    "origin",
    "worker_name",
    "created_at",
    "enqueued_at",
    "started_at",
    "ended_at",
    "dependency_ids",
    "result_ttl",
    "description",
)

MAX_SEARCHED = 100_000
"""Jobs of a queue among which one is looked for: a millisecond of Redis."""

MAX_WORKERS = 500
"""Workers of a queue that are asked, or a few more."""


@dataclass(frozen=True, slots=True)
class JobTrace:
    """What is known of a job. `fields` are RQ's (`status`, `origin`, ...), empty where RQ has no such job. In
    microseconds: `due`, where it is one of our pending entries; `parked_due`, where it waits until RQ's job of its id
    has ended; `retried_at`, where RQ will enqueue it then. `place`: its place in its queue's list, from 0. `is_taken`:
    a worker has just taken it. `is_alive`: some worker has given a sign of life of it lately. `via_rq`: RQ itself is
    to enqueue it."""

    id: str
    fields: Mapping[str, str]
    due: int | None = None
    parked_due: int | None = None
    retried_at: int | None = None
    place: int | None = None
    is_taken: bool = False
    is_alive: bool = False
    via_rq: bool = False

    @property
    def status(self) -> str:
        """RQ's word; empty where RQ has no such job."""
        return self.fields.get("status", "")

    @property
    def queue(self) -> str:
        """The name of its queue; empty where RQ has no such job."""
        return self.fields.get("origin", "")

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The ids of the jobs that have to be done first."""
        try:
            ids: Any = json.loads(self.fields.get("dependency_ids", "[]"))
        except ValueError:
            return ()
        return tuple(str(id) for id in cast("list[Any]", ids)) if isinstance(ids, list) else ()


@dataclass(frozen=True, slots=True)
class WorkerTrace:
    """A live worker: its name and its host."""

    name: str
    host: str


@dataclass(frozen=True, slots=True)
class QueueTrace:
    """A queue: how many jobs wait in it, who listens, and whether all workers are suspended."""

    name: str
    length: int
    workers: tuple[WorkerTrace, ...]
    is_suspended: bool = False


@dataclass(frozen=True, slots=True)
class ServiceTrace:
    """Who serves a schedule now: the names of the dispatchers that are alive, who else holds the lock of 0.14's
    daemons, and the nominal times (microseconds) of the runs that it buffers."""

    dispatchers: tuple[str, ...]
    lock_holder: str
    buffered: tuple[int, ...]


class TraceCommands(Commands):
    """Reads of one job, of one queue, and of what serves a schedule."""

    @operation
    def service_trace(self, id: str, now: int) -> Procedure[ServiceTrace]:
        """Who serves a schedule at the server's time `now` (microseconds); one round trip."""
        alive, holder, lines = yield from pipeline(
            [
                call("ZRANGEBYSCORE", self.keys.dispatchers, score_of(now), "+inf", "LIMIT", 0, MAX_WORKERS),
                call("GET", self.keys.fence),
                call("LRANGE", self.keys.buffer(id), 0, -1),
            ]
        )
        names: list[bytes] = [] if isinstance(alive, RedisError) else alive
        held_by = text(holder) if isinstance(holder, bytes) and self.keys.fenced else ""
        buffered = [] if isinstance(lines, RedisError) else [moment((line + b"  ").split(b" ")[1]) for line in lines]
        return ServiceTrace(
            tuple(map(text, names)),
            "" if held_by == FENCE_HOLDER else held_by,
            tuple(nominal for nominal in buffered if nominal is not None),
        )

    @operation
    def job_trace(self, id: str, now: int) -> Procedure[JobTrace]:
        """What stands in Redis of the job of this id, at the server's time `now` (microseconds); two round trips."""
        keys, prefix = self.keys, self.keys.prefix
        values, due, parked, via_rq, alive = yield from pipeline(
            [
                call("HMGET", rq_format.job_key(prefix, id), *_FIELDS),
                call("ZSCORE", keys.scheduled_jobs, id),
                call("ZSCORE", keys.parked_due, id),
                call("ZSCORE", keys.via_rq, id),
                call("ZCOUNT", rq_format.executions_key(prefix, id), f"({score_of(now)}", "+inf"),
            ]
        )
        fields = _fields(values)
        queue = fields.get("origin", "")
        place, taken, retried = yield from pipeline(
            [
                call("LPOS", rq_format.queue_key(prefix, queue), id, "MAXLEN", MAX_SEARCHED),
                call("LPOS", rq_format.intermediate_key(prefix, queue), id, "MAXLEN", MAX_SEARCHED),
                call("ZSCORE", rq_format.scheduled_registry_key(prefix, queue), id),
            ]
        )
        return JobTrace(
            id,
            fields,
            due=_us(due),
            parked_due=_us(parked),
            retried_at=_us(retried),
            place=place if isinstance(place, int) else None,
            is_taken=isinstance(taken, int),
            is_alive=isinstance(alive, int) and alive > 0,
            via_rq=_us(via_rq) is not None,
        )

    @operation
    def last_exception(self, id: str) -> Command[bytes]:
        """What the last run of a job raised, as RQ keeps it (zlib in base64); empty where RQ has nothing."""
        results = rq_format.results_key(self.keys.prefix, id)
        return call("XREVRANGE", results, "+", "-", "COUNT", 1, read=_exception)

    @operation
    def queue_trace(self, name: str) -> Procedure[QueueTrace]:
        """What stands in Redis of the queue of this name; two round trips."""
        prefix = self.keys.prefix
        length, suspended, members = yield from pipeline(
            [
                call("LLEN", rq_format.queue_key(prefix, name)),
                call("EXISTS", rq_format.suspended_key(prefix)),
                call("SSCAN", rq_format.queue_workers_key(prefix, name), 0, "COUNT", MAX_WORKERS),
            ]
        )
        keys: list[Any] = [] if isinstance(members, RedisError) else sorted(members[1])
        told = yield from pipeline(call("HMGET", key, "birth", "death", "hostname") for key in keys)
        prefix_of_workers = rq_format.worker_key(prefix, "")
        workers = tuple(
            WorkerTrace(text(key).removeprefix(prefix_of_workers), text(host or b""))
            for key, answer in zip(keys, told, strict=True)
            if not isinstance(answer, RedisError)
            for birth, death, host in [answer]
            if birth and not death
        )
        return QueueTrace(name, length if isinstance(length, int) else 0, workers, suspended == 1)


def _fields(values: Any) -> Mapping[str, str]:
    if isinstance(values, RedisError):
        return {}
    named = zip(_FIELDS, cast("Sequence[bytes | None]", values), strict=True)
    return {name: value.decode(errors="replace") for name, value in named if value is not None}


def _exception(rows: Sequence[Any]) -> bytes:
    return next((mapping(fields).get(b"exc_string", b"") for _, fields in rows), b"")


def _us(score: Any) -> int | None:
    return None if score is None or isinstance(score, RedisError) else us_of(score)
