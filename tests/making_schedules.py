"""What tests make of schedules: records as `put` writes them, and the plans that a dispatcher would write for them."""

import re
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from making import HOUR, US, make_job, now_us
from rq_scheduler.dispatcher import Events
from rq_scheduler.model import Spec, decode_spec
from rq_scheduler.planning import Instant, coming
from rq_scheduler.store import Store
from rq_scheduler.store.base import armed_text, us_of
from rq_scheduler.store.fires import FirePage, PlanWrite
from rq_scheduler.store.outcomes import Answer, Fenced, Fires, Outcome
from rq_scheduler.store.plans import Unplanned, plan_at_score, plan_text, policy_text
from rq_scheduler.store.schedules import JobFields, Stored, Write, Written
from rq_scheduler.triggers import Every
from rq_scheduler.triggers.made_with import made_with

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


def put_long_ago(store: Store, *writes: Write) -> None:
    """The same, as if it had been long ago: what is due before its definition is written runs for ten seconds only."""
    for first in range(0, len(writes), 100):
        put(store, *writes[first : first + 100])
    for write in writes:
        store.connection.hset(store.keys.schedule(write.id), "updated", 0)


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


def unplanned_of(store: Store, id: str = "s") -> Unplanned:
    """A schedule as a dispatcher reads it to plan it; nobody is kept from taking it."""
    score = store.connection.zscore(store.keys.due_schedules, id)
    assert score is not None
    due, fields = us_of(score), record(store, id)
    nominal, _, armed_due = fields.get("armed", "").partition(":")
    updated = fields.get("updated", "")
    return Unplanned(
        id,
        due,
        fields.get("rev", ""),
        fields["spec"].encode(),
        fields.get("armed", ""),
        int(nominal) if armed_due == str(due) else due,
        int(updated) if updated else None,
        int(fields.get("size", "0")),
        fields.get("made_with", ""),
    )


def plan_of(store: Store, id: str = "s", *, now: int | None = None, at_most: int = 15, **changes: Any) -> PlanWrite:
    """What a dispatcher would write now."""
    of = unplanned_of(store, id)
    known = decode_spec(of.spec)
    assert known is not None
    time = now_us(store.connection) if now is None else now
    instants = coming(id, known, Instant(of.nominal, of.due), time, updated=of.updated, at_most=at_most)
    return replace(PlanWrite(of, known, instants, made_with()), **changes)


def write_all(store: Store, *writes: PlanWrite, lasting: int | None = None, **options: Any) -> list[Answer | None]:
    """Writes the plans, which fires what is due by them. What came of each: None where it was written and not fired."""
    lasting = now_us(store.connection) + US if lasting is None else lasting
    came_of: list[Answer | None] = []
    while len(came_of) < len(writes):  # one script has time for so many
        rest = writes[len(came_of) :]
        answer = store.write_plans(rest, lasting, **options)
        assert not isinstance(answer, Fenced), answer
        fires, written = answer
        came_of += [_came_of(write.of.id, fires, is_written) for write, is_written in zip(rest, written, strict=False)]
    return came_of


def _came_of(id: str, fires: Fires, is_written: bool = True) -> Answer | None:
    if not is_written:
        return Answer(id, Outcome.STALE)
    told = [answer for answer in fires.answers if answer.id == id]
    made = [job for job in fires.handed_off if re.fullmatch(re.escape(id) + r"-\d{8}T\d{12}Z(-\w+)?", job.id)]
    if told:
        return told[0]
    return Answer(id, Outcome.DONE, made[0].queue, made=made) if made else None


def write_one(store: Store, write: PlanWrite, **options: Any) -> Answer | None:
    """The same of one."""
    (answer,) = write_all(store, write, **options)
    return answer


def outcomes(store: Store, *writes: PlanWrite, **options: Any) -> list[Outcome | None]:
    """The same in short."""
    return [answer and answer.outcome for answer in write_all(store, *writes, **options)]


def fire(store: Store, id: str = "s", **changes: Any) -> Answer:
    """Plans a schedule that is due, which fires it."""
    options = {name: changes.pop(name) for name in ("all_via_rq", "tell") if name in changes}
    (answer,) = write_all(store, plan_of(store, id, **changes), **options)
    assert answer is not None, "it was not fired"
    return answer


def fire_page(store: Store, cursor: Any = None, **options: Any) -> FirePage:
    """What is due fires by the plans that there are."""
    page = store.fire(cursor, **{"looks": 1000, "runs": 1000, "copies": 1_000_000, **options})
    assert isinstance(page, FirePage), page
    return page


def plan_ahead(store: Store, *ids: str, now: int | None = None) -> None:
    """Writes the plans of schedules that are not due yet, as a dispatcher does in time."""
    assert write_all(store, *(plan_of(store, id, now=now) for id in ids)) == [None] * len(ids)


def planned_in_time(store: Store, *ids: str, planned: Callable[..., PlanWrite] | None = None) -> None:
    """Gives schedules that are due the plans that they have when somebody was there to plan them before; to recurring
    jobs with `job_plan_of`."""
    planned = planned or plan_of
    for id in ids or ("s",):
        write = planned(store, id, now=planned(store, id).of.due - US)
        fields = {"plan": plan_text(write.coming), "plan_rev": write.of.rev, "made_with": write.made_with}
        fields["policy"] = policy_text(write.spec)
        first = write.coming.instants[0]
        store.connection.hset(store.keys.schedule(id), mapping={**fields, "armed": armed_text(first)})
        store.connection.zadd(store.keys.to_plan, {id: plan_at_score(first, write.coming) or "inf"})


def run_now(
    store: Store, id: str = "s", *, of: Spec = EVERY, number: int | None = None, at: int = 0, **options: Any
) -> Answer:
    """The run that a person asks for now."""
    number = int(record(store, id).get("manual", 0)) + 1 if number is None else number
    return store.run_now(id, of, number, at or now_us(store.connection), **options)


def start_buffered(store: Store, id: str = "s", **options: Any) -> Answer | None:
    """The look at what a schedule buffers, now."""
    if (score := store.connection.zscore(store.keys.buffered, id)) is not None and not options:
        store.connection.zadd(store.keys.buffered, {id: min(score, 1)})
    answer = store.start_buffered(100, 1_000_000, **options)
    assert not isinstance(answer, Fenced), answer
    return _came_of(id, answer[0])


def ids_of(answer: Answer | None) -> list[str]:
    return [] if answer is None else [run.id for run in answer.made]
