"""What tests of the store and the dispatcher make: jobs, entries, snapshots of Redis, events that are remembered."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from msgspec.structs import replace
from rq import Queue
from rq.job import Job
from rq.results import Result
from rq.serializers import DefaultSerializer

from rq_scheduler.dispatcher import Dispatcher, Events
from rq_scheduler.model import Spec, decode_spec
from rq_scheduler.planning import Instant, Missed, coming
from rq_scheduler.store import NewEntry, Store
from rq_scheduler.store.clock import ManualTime
from rq_scheduler.store.fires import PlanWrite
from rq_scheduler.store.handoff import Batch
from rq_scheduler.store.keys import Keys
from rq_scheduler.store.outcomes import Dropped, Fenced, Fires, HandedOff
from rq_scheduler.store.plans import Unplanned
from rq_scheduler.store.series import Adoption, Record
from rq_scheduler.triggers import Every
from rq_scheduler.triggers.made_with import made_with

US = 1_000_000
HOUR = 3600 * US
INDEX = "rq:scheduler:scheduled_jobs"


def now_us(client: Any) -> int:
    """The server's time in microseconds."""
    answer = client.time()
    seconds, microseconds = next(iter(answer.values())) if isinstance(answer, dict) else answer
    return seconds * US + microseconds


def move_to(client: Any, us: int) -> None:
    """Sets the clock of stores that go by one that is moved by hand, in microseconds."""
    ManualTime(client).set(us)


def make_job(
    client: Any, id: str, *, origin: str = "default", func: str = "jobs_for_tests.nothing", **options: Any
) -> Job:
    """A job as the scheduler's client makes it, not saved."""
    return Job.create(func, connection=client, id=id, origin=origin, status="scheduled", **options)


def entry(client: Any, id: str, due: int, *, spec: Spec | None = None, **options: Any) -> NewEntry:
    job = make_job(client, id, **options)
    return NewEntry(id, job.key, due, job.to_dict(), spec)


def recurring(
    client: Any, id: str, due: int, *, seconds: float = 60, spec: Spec | None = None, meta: Any = None, **options: Any
) -> NewEntry:
    """An entry that recurs every so many seconds, as 0.14's API describes it; kept for ever unless told otherwise."""
    options = {"result_ttl": -1, **options}
    made = entry(
        client,
        id,
        due,
        spec=spec or Spec(trigger=Every(seconds)),
        meta={"interval": seconds, **(meta or {})},
        **options,
    )
    return dataclasses.replace(made, repeat=(meta or {}).get("repeat"))


def add(store: Store, *entries: NewEntry) -> None:
    for start in range(0, len(entries), 500):
        store.save(entries[start : start + 500])


def hand_off(store: Store, limit: int = 500, **options: Any) -> Batch:
    """One call of the script, which nothing fences."""
    batch = store.hand_off_jobs(None, limit, **options)
    assert not isinstance(batch, Fenced), batch
    return batch


def record_of(store: Store, id: str) -> Record:
    (record,) = store.read_recurring([id])
    return record


def adopt(store: Store, record: Record, spec: Spec, repeat: Any = "keep") -> Record | None:
    """Adopts one as it was read; None when that was refused."""
    (outcome,) = store.adopt([Adoption(record, spec, repeat)])
    return outcome if isinstance(outcome, Record) else None


def job_plan_of(store: Store, id: str, *, now: int | None = None, **changes: Any) -> PlanWrite:
    """The plan of a recurring job that a dispatcher would write now."""
    client, record = store.connection, record_of(store, id)
    spec = decode_spec(record.spec)
    assert spec is not None
    time = now_us(client) if now is None else now
    armed = (client.hget(store.keys.schedule(id), "armed") or b"").decode()
    of = Unplanned(id, record.due, record.rev, record.spec, armed, record.nominal, None, 0, "", record)
    instants = coming(id, spec, Instant(record.nominal, record.due), time, at_most=1)
    meta = b""
    if record.repeat is not None:
        meta = DefaultSerializer.dumps({**DefaultSerializer.loads(record.adopted_meta), "repeat": record.repeat - 1})
    return replace(PlanWrite(of, spec, instants, made_with(), next_meta=meta), **changes)


def write_job_plans(store: Store, *writes: PlanWrite, **options: Any) -> list[str | None]:
    """Writes plans of recurring jobs, which fires what is due by them. What came of each; None where nothing did."""
    came_of: list[str | None] = []
    while len(came_of) < len(writes):  # one script has time for so many
        rest = writes[len(came_of) :]
        answer = store.write_plans(rest, now_us(store.connection) + US, **options)
        assert not isinstance(answer, Fenced), answer
        fires, written = answer
        came_of += [
            outcome_of(write.of.id, fires) if done else "stale" for write, done in zip(rest, written, strict=False)
        ]
    return came_of


def outcome_of(id: str, fires: Fires) -> str | None:
    """What a call that fires came to for a recurring job; None where it did not fire."""
    answer = next((each for each in fires.answers if each.id == id), None)
    if answer is None:
        return "done" if any(job.id == id for job in fires.handed_off) else None
    return "skipped" if answer.skipped else "buffered" if answer.buffered else str(answer.outcome)


def fire_job(store: Store, *ids: str, **options: Any) -> list[str | None]:
    """Plans recurring jobs that are due, which fires them."""
    return write_job_plans(store, *(job_plan_of(store, id) for id in ids), **options)


def start_buffered_job(store: Store, id: str = "r", *, found: str = "") -> str | None:
    """The look at the run that a recurring job buffers, now; `found`: what the queues' lists say of the run before."""
    if not found and store.connection.zscore(store.keys.buffered, id) is not None:
        store.connection.zadd(store.keys.buffered, {id: 1})
    started = store.start_buffered(100, 1_000_000, found=(id, found) if found else ("", ""))
    assert not isinstance(started, Fenced), started
    return outcome_of(id, started[0])


def history(client: Any, id: str) -> list[list[str]]:
    """The lines of a schedule's history, newest first, in words."""
    return [line.decode().split(" ") for line in client.lrange(f"rq:scheduler:history:{id}", 0, -1)]


def finish(client: Any, id: str, queue: str = "default") -> None:
    """The job's run is over, as far as we are concerned."""
    client.lrem(f"rq:queue:{queue}", 0, id)
    client.hset(f"rq:job:{id}", "status", "finished")


def leave_traceback(client: Any, id: str, text: str) -> None:
    """What RQ writes of a run of this job that has failed so."""
    Result.create_failure(Job(id, client), 500, text)


def waiting(client: Any, queue: str = "default") -> list[str]:
    """The ids in a queue, in order."""
    return [id.decode() for id in client.lrange(f"rq:queue:{queue}", 0, -1)]


OURS = re.compile(rb"^[^:]+:(scheduler:.+|scheduler_lock|scheduler_instance:.+|scheduler-lock:.+)$", re.DOTALL)


@dataclasses.dataclass(frozen=True, eq=False)
class Lifetime:
    """The seconds that a key has left (-1: for ever). Two are alike if they differ by no more than a slow machine takes
    between two looks."""

    seconds: int

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lifetime):
            return NotImplemented
        return (self.seconds < 0) == (other.seconds < 0) and abs(self.seconds - other.seconds) <= 5

    __hash__ = None  # type: ignore[assignment]


State = dict[bytes, tuple[Any, Lifetime]]


def followed(client: Any, prefix: str = "rq") -> list[bytes]:
    """The runs that are followed to their end, as they stand among the open ones."""
    found: list[bytes] = client.zrange(Keys(prefix).open_runs, 0, -1)
    for batch in client.zrange(Keys(prefix).new_runs, 0, -1):
        at, *runs = batch.split(b" ")
        found += [b"%b %b %b" % (id, at, ending) for id, ending in zip(runs[::2], runs[1::2], strict=True)]
    return found


def snapshot(client: Any, *, ours: bool = True) -> State:
    """Every key with its content and what it has left; without the scheduler's own keys if so wished."""
    return {key: (content, Lifetime(ttl)) for key, content, ttl in contents(client) if ours or not OURS.match(key)}


_READ = {
    b"hash": "hgetall",
    b"list": "lrange",
    b"set": "smembers",
    b"zset": "zrange",
    b"string": "get",
    b"stream": "xrange",
}


def contents(client: Any) -> Iterator[tuple[bytes, Any, int]]:
    """Every key, what it holds, and its TTL, in three round trips."""
    keys = sorted(client.keys())
    pipe = client.pipeline(transaction=False)
    for key in keys:
        pipe.type(key).ttl(key)
    answers = pipe.execute()
    found = [each for each in zip(keys, answers[::2], answers[1::2], strict=True) if each[1] != b"none"]
    for key, kind, _ in found:
        bounds = (0, -1) if kind in (b"list", b"zset") else ()
        getattr(pipe, _READ[kind])(key, *bounds, **({"withscores": True} if kind == b"zset" else {}))
    for (key, _, ttl), content in zip(found, pipe.execute(), strict=True):
        yield key, content, ttl


def lives_for(client: Any, key: str, seconds: float, since: float) -> bool:
    """Whether a key that got so many seconds at the monotonic instant `since`, or after, has what must be left."""
    passed = monotonic() - since
    return seconds - passed - 1 <= client.pttl(key) / 1000 <= seconds


def cpu_of(client: Any) -> float:
    """Milliseconds that the server has worked until now, whatever else the machine did."""
    info = client.info("cpu")
    return (info["used_cpu_user"] + info["used_cpu_sys"]) * 1000


def age(stamp: bytes | str) -> float:
    """Seconds since one of RQ's timestamps, which has to be written as RQ writes it."""
    text = stamp.decode() if isinstance(stamp, bytes) else stamp
    return (datetime.now(UTC) - datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)).total_seconds()


class Told(Events):
    """Remembers what a dispatcher tells."""

    def __init__(self) -> None:
        self.jobs: list[tuple[HandedOff, int]] = []
        self.skips: list[tuple[str, int, str]] = []
        self.missing: list[tuple[str, Missed]] = []
        self.drops: list[Dropped] = []
        self.delays: list[tuple[str, BaseException]] = []
        self.others: list[tuple[Any, ...]] = []

    def handed_off(self, jobs: Iterable[HandedOff], at: int) -> None:
        self.jobs.extend((job, at) for job in jobs)

    def not_run(self, id: str, nominal: int, outcome: str) -> None:
        self.skips.append((id, nominal, outcome))

    def missed(self, id: str, missed: Missed) -> None:
        self.missing.append((id, missed))

    def dropped(self, entry: Dropped) -> None:
        self.drops.append(entry)

    def put_off(self, id: str, error: BaseException) -> None:
        self.delays.append((id, error))

    def ended(self, id: str) -> None:
        self.others.append(("ended", id))

    def adopted(self, id: str, trigger: str, timezone: str | None) -> None:
        self.others.append(("adopted", id, timezone))

    def fenced(self, fence: Fenced) -> None:
        self.others.append(("fenced", fence.holder))

    def unfenced(self) -> None:
        self.others.append(("unfenced",))

    def taken_on(self, queues: Iterable[tuple[str, int]]) -> None:
        self.others.extend(("taken_on", *each) for each in queues)

    def stopped(self, name: str, others: int) -> None:
        self.others.append(("stopped", others))

    def redis_lost(self, error: BaseException) -> None:
        self.others.append(("lost", str(error)))

    def redis_back(self, seconds: float) -> None:
        self.others.append(("back", seconds))

    def channel_refused(self, error: BaseException) -> None:
        self.others.append(("channel_refused", str(error)))

    def unreadable_spec(self, id: str) -> None:
        self.others.append(("newer", id))

    @property
    def ids(self) -> list[str]:
        return [job.id for job, _ in self.jobs]


def dispatcher(client: Any, events: Events | None = None, **options: Any) -> Dispatcher:
    return Dispatcher(client, events=events or Told(), **options)


def counts_of_passes(one: Dispatcher, most: int = 1000) -> list[int]:
    """How much each pass handed off, until one has left nothing unfinished, which has to come."""
    counts: list[int] = []
    while len(counts) < most:
        result = one.dispatch_once()
        counts.append(result.handed_off)
        if not result.unfinished:
            return counts
    raise AssertionError(f"Not finished after {most} passes, which handed off {sum(counts)}")


def rq_enqueue(client: Any, fields: Mapping[Any, Any], id: str, origin: str, **options: Any) -> Job:
    """What RQ itself does with a job that stands in Redis so."""
    from rq_scheduler.store.rq_format import wants_front

    client.hset(f"rq:job:{id}", mapping=dict(fields))
    job = Job.fetch(id, connection=client, **options)
    Queue(origin, connection=client, **options).enqueue_job(job, at_front=wants_front(job))
    return job
