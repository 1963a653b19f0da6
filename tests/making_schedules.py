"""What tests make of schedules: records as `put` writes them, and the fires that a dispatcher would plan for them."""

from dataclasses import replace
from typing import Any

from making import HOUR, make_job, now_us
from rq_scheduler.dispatcher import Events
from rq_scheduler.model import Spec, decode_spec
from rq_scheduler.planning import Instant, plan
from rq_scheduler.store import Store
from rq_scheduler.store.due import Armed, DuePage, SharedPlan
from rq_scheduler.store.firing import Commit, Committed, Mode, ScheduleFire, pack
from rq_scheduler.store.handoff import Fenced
from rq_scheduler.store.schedules import JobFields, Stored, Write, Written
from rq_scheduler.store.shared_plans import shared_plan
from rq_scheduler.triggers import Every

EVERY = Spec(trigger=Every(60))


class Few(Events):
    """Asks for no list of all jobs, as a dispatcher's log does."""

    @property
    def wants_each_job(self) -> bool:
        return False


def spec(seconds: float = 60, **policies: Any) -> Spec:
    """Every so many seconds, counted from the first instant."""
    return Spec(trigger=Every(seconds), **policies)


def job_fields(client: Any, queue: str = "default", *, slow: bool = False, **options: Any) -> JobFields:
    """The job of a schedule, as the client makes it."""
    fields = make_job(client, "template", origin=queue, **options).to_dict()
    for name in ("status", "enqueued_at"):
        fields.pop(name, None)
    return JobFields(fields, "jobs_for_tests.nothing", "jobs_for_tests.nothing()", queue, slow)


def new(client: Any, id: str = "s", due: int | None = None, *, of: Spec = EVERY, **changes: Any) -> Write:
    """The write of a schedule whose next instant is `due` (microseconds): an hour from now unless told. With `rev`, of
    one that is there."""
    due = now_us(client) + HOUR if due is None else due
    job = changes.pop("job", None) or job_fields(client)
    rev = changes.pop("rev", "")
    if rev:
        as_read = client.hget(f"rq:scheduler:schedule:{id}", "armed") or b""
        changes.setdefault("armed_as_read", as_read.decode())
    return Write(id, rev, of, job, **{"armed": Instant(due, due), **changes})


def put(store: Store, *writes: Write) -> list[str]:
    """Writes them all; returns their revs."""
    written = store.write_schedules(writes)
    assert [outcome for outcome, _ in written] == [Written.OK] * len(writes)
    return [rev for _, rev in written]


def put_due(store: Store, id: str = "s", *, ago: int = 1000, of: Spec = EVERY, **changes: Any) -> int:
    """A schedule that has been due for so many microseconds. Returns its nominal time."""
    nominal = now_us(store.connection) - ago
    put(store, new(store.connection, id, nominal, of=of, **changes))
    return nominal


def due_again(store: Store, id: str = "s", *, ago: int = 1000) -> int:
    """The next instant has come, as if time had passed. Returns its nominal time."""
    nominal = now_us(store.connection) - ago
    store.connection.zadd(store.keys.due_schedules, {id: f"{nominal / 1_000_000:.6f}"})
    return nominal


def stored(store: Store, id: str = "s") -> Stored:
    _, (found,) = store.read_definitions([id])
    assert found is not None
    return found


def record(store: Store, id: str = "s") -> dict[str, str]:
    """The schedule's hash, as text."""
    fields = store.connection.hgetall(store.keys.schedule(id))
    return {name.decode(): value.decode(errors="replace") for name, value in fields.items()}


def armed_of(store: Store, id: str = "s") -> Armed:
    """A schedule that is due, as a dispatcher reads it."""
    page = store.read_due(None, 1000, HOUR)
    return next(armed for armed in (*page.due, *page.ahead) if armed.id == id)


def fire_of(store: Store, id: str = "s", *, now: int | None = None, at_most: int = 200, **changes: Any) -> ScheduleFire:
    """What a dispatcher would commit now."""
    armed = armed_of(store, id)
    known = decode_spec(armed.spec)
    assert known is not None
    time = now_us(store.connection) if now is None else now
    planned = plan(id, known, armed.nominal, time, due=armed.due, updated=armed.updated, at_most=at_most)
    return replace(ScheduleFire(id, known, Mode.DUE, armed, planned), **changes)


def shared_of(fire: ScheduleFire) -> SharedPlan:
    """Its plan, for others to share."""
    assert fire.armed is not None
    assert fire.spec is not None
    assert fire.plan is not None
    return shared_plan(fire.armed, fire.plan, fire.spec.overlap)


def fire_due(
    store: Store, *plans: SharedPlan, fires: int = 1000, copies: int = 1_000_000, limit: int = 1000, **options: Any
) -> DuePage:
    """What is due, and plain by these plans, fires; the page has the others."""
    page = store.fire_due(plans, fires, copies, options.pop("cursor", None), limit, HOUR, **options)
    assert isinstance(page, DuePage), page
    return page


def manual(store: Store, id: str = "s", *, of: Spec = EVERY, **changes: Any) -> ScheduleFire:
    """The run that a person asks for now."""
    number = int(record(store, id)["manual"]) + 1
    return replace(ScheduleFire(id, of, Mode.MANUAL, number=number, at=now_us(store.connection)), **changes)


def remembered(id: str = "s") -> ScheduleFire:
    """The look at what a schedule remembers."""
    return ScheduleFire(id, None, Mode.REMEMBERED)


def commit_all(store: Store, *fires: ScheduleFire, **options: Any) -> list[Committed]:
    answer = store.fire_schedules(pack(fires), **options)
    assert not isinstance(answer, Fenced), answer
    return answer[1]


def commit(store: Store, fire: ScheduleFire, **options: Any) -> Committed:
    (committed,) = commit_all(store, fire, **options)
    return committed


def outcomes(store: Store, *fires: ScheduleFire, **options: Any) -> list[Commit]:
    return [committed.outcome for committed in commit_all(store, *fires, **options)]


def ids_of(committed: Committed) -> list[str]:
    return [run.id for run in committed.made]
