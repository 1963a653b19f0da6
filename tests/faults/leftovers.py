"""What Redis holds when all is over: entries that still wait, and keys that nothing live accounts for.

Reads names and formats for itself, so that a mistake in `rq_scheduler.store` is seen and not shared.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

US = 1_000_000
BATCH = 1000
JOB_FIELDS = ("status", "origin", "data")
RECORD_FIELDS = ("kind", "queue", "owner", "tags", "paused", "armed", "template", "buffered", "stopping")


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _us(score: float) -> int:
    return round(score * US)


@dataclass
class Snapshot:
    """All keys under one prefix, with what is needed of them; names are without the prefix."""

    prefix: str
    now_us: int
    zsets: dict[str, dict[str, float]] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    sets: dict[str, set[str]] = field(default_factory=dict)
    jobs: dict[str, dict[str, str]] = field(default_factory=dict)
    records: dict[str, dict[str, str]] = field(default_factory=dict)
    hashes: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    ttls: dict[str, int] = field(default_factory=dict)
    quarantine: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, redis: Any, prefix: str = "rq") -> Self:
        """Reads it; nobody may write meanwhile."""
        seconds, microseconds = redis.time()
        snapshot = cls(prefix, seconds * US + microseconds)
        names = sorted({_text(key)[len(prefix) + 1 :] for key in redis.scan_iter(f"{prefix}:*", count=BATCH)})
        for first in range(0, len(names), BATCH):
            snapshot._read(redis, names[first : first + BATCH])
        return snapshot

    def _read(self, redis: Any, names: list[str]) -> None:
        pipe = redis.pipeline(transaction=False)
        for name in names:
            pipe.type(self._wire(name))
            pipe.ttl(self._wire(name))
        replies = pipe.execute()
        kinds = {name: _text(kind) for name, kind in zip(names, replies[::2], strict=True)}
        self.ttls.update(zip(names, replies[1::2], strict=True))
        pipe = redis.pipeline(transaction=True)
        for name in names:
            pipe.exists(self._wire(name))
            self._ask(pipe, name, kinds[name])
        replies = pipe.execute()
        for name, is_there, reply in zip(names, replies[::2], replies[1::2], strict=True):
            if is_there:
                self._keep(name, kinds[name], reply)
            else:  # it has expired meanwhile
                del self.ttls[name]

    def _ask(self, pipe: Any, name: str, kind: str) -> None:
        key = self._wire(name)
        match kind:
            case "zset":
                pipe.zrange(key, 0, -1, withscores=True)
            case "list":
                pipe.lrange(key, 0, -1)
            case "set":
                pipe.smembers(key)
            case "hash" if name == "scheduler:quarantine":
                pipe.hgetall(key)
            case "hash" if name.startswith("job:"):
                pipe.hmget(key, JOB_FIELDS)
            case "hash" if name.startswith("scheduler:schedule:"):
                pipe.hmget(key, RECORD_FIELDS)
            case _:
                pipe.exists(key)

    def _keep(self, name: str, kind: str, reply: Any) -> None:
        match kind:
            case "zset":
                self.zsets[name] = {_text(member): score for member, score in reply}
            case "list":
                self.lists[name] = [_text(item) for item in reply]
            case "set":
                self.sets[name] = {_text(member) for member in reply}
            case "hash" if name == "scheduler:quarantine":
                self.quarantine = {_text(id): _text(known) for id, known in reply.items()}
            case "hash" if name.startswith("job:"):
                self.jobs[name.removeprefix("job:")] = _named(JOB_FIELDS, reply)
            case "hash" if name.startswith("scheduler:schedule:"):
                self.records[name.removeprefix("scheduler:schedule:")] = _named(RECORD_FIELDS, reply)
            case "hash":
                self.hashes.add(name)
            case "string":
                self.strings.add(name)
            case _:
                self.others[name] = kind

    def _wire(self, name: str) -> bytes:
        return f"{self.prefix}:{name}".encode("utf-8", "surrogateescape")

    def zset(self, name: str) -> dict[str, float]:
        """Members and scores; empty when there is no such key."""
        return self.zsets.get(name, {})

    def named(self, beginning: str) -> Iterator[str]:
        """What follows `beginning` in the names of keys of any type."""
        for name in self.ttls:
            if name.startswith(beginning):
                yield name.removeprefix(beginning)

    def in_queues(self) -> set[str]:
        """Ids in the lists of all queues, and in those from which workers start."""
        return {id for name, ids in self.lists.items() if name.startswith("queue:") for id in ids}

    def whereabouts(self, id: str) -> str:
        """What Redis knows of a job, in words."""
        if id in self.quarantine:
            try:
                return f"in quarantine: {json.loads(self.quarantine[id])['reason']}"
            except (ValueError, KeyError):
                return "in quarantine"
        places = [name for name, ids in self.lists.items() if id in ids]
        places += [name for name, members in self.zsets.items() if id in members]
        status = self.jobs[id].get("status", "none") if id in self.jobs else None
        known = "no job hash" if status is None else f"a job hash with status {status}"
        return f"{known}, {'in ' + ', '.join(places) if places else 'in no list'}"


def _named(names: Iterable[str], values: Iterable[bytes | None]) -> dict[str, str]:
    return {name: _text(value) for name, value in zip(names, values, strict=True) if value is not None}


def pending(snapshot: Snapshot) -> dict[tuple[str, str], int]:
    """What still waits to be handed off: (id, where) -> due. A lease is due when it has run out."""
    found: dict[tuple[str, str], int] = {}
    for place in ("scheduled_jobs", "due_schedules", "via_rq", "buffered", "claims"):
        for id, score in snapshot.zset(f"scheduler:{place}").items():
            found[id, place] = _us(max(-1e12, min(1e12, score)))
    for name, runs in snapshot.lists.items():
        schedule = name.removeprefix("scheduler:buffer:")
        if schedule != name and snapshot.records.get(schedule, {}).get("paused") != "1":
            for run in runs:
                _, _, due, id = run.split(" ")
                found[id, "buffer"] = int(due)
    for name in snapshot.zsets:
        if name.startswith("scheduled:"):
            for id, score in snapshot.zset(name).items():
                found[id, name] = _us(score)
    return found


def orphans(snapshot: Snapshot, received: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Keys, and members of keys, that nothing live accounts for, each with why. Jobs in `received` have been taken from
    their queue, whatever their status says."""
    yield from _records(snapshot)
    yield from _lists_of_schedules(snapshot)
    yield from _parts(snapshot)
    yield from _entries(snapshot)
    yield from _jobs(snapshot, received)
    yield from _mortal(snapshot)


def _records(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    armed, jobs = snapshot.zset("scheduler:due_schedules"), snapshot.zset("scheduler:scheduled_jobs")
    buffered = snapshot.zset("scheduler:buffered")
    for id, record in snapshot.records.items():
        key = f"scheduler:schedule:{id}"
        wanted = ["schedules"]
        if record.get("queue"):
            wanted.append(f"schedules:queue:{record['queue']}")
        if record.get("kind") == "schedule":
            wanted += [f"schedules:tag:{tag}" for tag in record.get("tags", "").splitlines()]
            if record.get("owner"):
                wanted.append(f"schedules:owner:{record['owner']}")
            if record.get("paused") == "1":
                wanted.append("schedules:paused")
            elif record.get("armed") and id not in armed:
                yield key, "armed, and in no index"
            if f"scheduler:template:{id}" not in snapshot.hashes and id not in snapshot.quarantine:
                yield key, "without a template"
        elif record.get("kind") == "job":
            wanted.append("schedules:jobs")
            if id not in jobs and id not in buffered:
                yield key, "a recurring job that is no entry any more"
        else:
            yield key, "neither a schedule nor a recurring job"
        for name in wanted:
            if id not in snapshot.zset(f"scheduler:{name}"):
                yield key, f"not in {name}"


def _lists_of_schedules(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    for name, members in snapshot.zsets.items():
        if not re.fullmatch(r"scheduler:schedules(:.+)?", name, re.DOTALL):
            continue
        _, _, what, value = (*name.split(":", 3), "", "")[:4]
        for id in members:
            record = snapshot.records.get(id)
            if record is None:
                yield name, f"names {id}, which has no record"
            elif (
                (what == "paused" and record.get("paused") != "1")
                or (what == "jobs" and record.get("kind") != "job")
                or (what in ("owner", "queue") and record.get(what, "") != value)
                or (what == "tag" and value not in record.get("tags", "").splitlines())
            ):
                yield name, f"names {id}, whose record says something else"


def _parts(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """What belongs to a schedule goes with it."""
    buffered = snapshot.zset("scheduler:buffered")
    for part in ("template", "buffer", "history"):
        for id in snapshot.named(f"scheduler:{part}:"):
            record = snapshot.records.get(id)
            if record is None or (part != "history" and record.get("kind") != "schedule"):
                yield f"scheduler:{part}:{id}", "without a schedule"
            elif part == "buffer" and record.get("paused") != "1" and id not in buffered:
                yield f"scheduler:buffer:{id}", "runs are remembered that nobody will look for (not in buffered)"
    for id in buffered:
        record = snapshot.records.get(id)
        if record is None:
            yield "scheduler:buffered", f"names {id}, which has no record"
        elif not (f"scheduler:buffer:{id}" in snapshot.lists or record.get("buffered") or record.get("stopping")):
            yield "scheduler:buffered", f"names {id}, which remembers nothing"
    for id in snapshot.zset("scheduler:due_schedules"):
        record = snapshot.records.get(id)
        if record is None or record.get("kind") != "schedule" or record.get("paused") == "1" or not record.get("armed"):
            yield "scheduler:due_schedules", f"names {id}, which is no active schedule"


def _entries(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    entries = snapshot.zset("scheduler:scheduled_jobs")
    registries = {id for name in snapshot.zsets if name.startswith("scheduled:") for id in snapshot.zset(name)}
    for id in entries:
        if id not in snapshot.jobs and "template" not in snapshot.records.get(id, {}):
            yield "scheduler:scheduled_jobs", f"names {id}, which has no job hash"
        if id in snapshot.quarantine:
            yield "scheduler:quarantine", f"names {id}, which is still an entry"
    for id in registries - snapshot.jobs.keys():
        yield "scheduled", f"names {id}, which has no job hash"
    for id in snapshot.zset("scheduler:via_rq"):
        if id not in snapshot.jobs:
            yield "scheduler:via_rq", f"names {id}, which has no job hash"
    for id in snapshot.zset("scheduler:claims"):
        if (
            id not in entries
            and id not in snapshot.zset("scheduler:via_rq")
            and id not in registries
            and id not in snapshot.zset("scheduler:buffered")
        ):
            yield "scheduler:claims", f"a lease on {id}, which is no entry"


def _jobs(snapshot: Snapshot, received: Collection[str]) -> Iterator[tuple[str, str]]:
    waiting = snapshot.in_queues()
    entries = snapshot.zset("scheduler:scheduled_jobs")
    for id, job in snapshot.jobs.items():
        status, origin = job.get("status"), job.get("origin", "")
        if not job.get("data"):
            yield f"job:{id}", "a job hash without data"
        elif status == "scheduled" and id not in entries and id not in snapshot.zset(f"scheduled:{origin}"):
            if id not in snapshot.quarantine:
                yield f"job:{id}", "scheduled, and no entry"
        elif status == "queued" and id not in waiting and id not in received:
            yield f"job:{id}", "queued, and in no queue"
        elif status == "deferred" and id not in snapshot.zset(f"deferred:{origin}"):
            yield f"job:{id}", "deferred, and in no registry"
    registered = snapshot.sets.get("queues", set())
    for name, ids in snapshot.lists.items():
        if name.startswith("queue:") and not name.endswith(":intermediate"):
            if f"{snapshot.prefix}:{name}" not in registered:
                yield name, "a queue that is not registered"
            for id in ids:
                if id not in snapshot.jobs:
                    yield name, f"holds {id}, which has no job hash"


def _mortal(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """What stands for something that lives has to die with it."""
    for name, ttl in snapshot.ttls.items():
        mortal = name.startswith(("scheduler_instance:", "scheduler:tombstone:", "scheduler-lock:"))
        if ttl == -1 and (mortal or name == "scheduler_lock"):
            yield name, "would never expire"
