"""What has to be written to make a stored schedule what its owner defines: nothing where it is that already.

Owns when a change of the definition changes the next fire, and when it does not. Pure: sends no command.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from rq_scheduler.client.schedules.differences import differences
from rq_scheduler.client.schedules.fields import spec_of
from rq_scheduler.clock import from_us
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.model import Spec
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.planning import MISSED_AFTER, Coming, Instant, coming_from, resumed
from rq_scheduler.store.schedules import JobFields, Stored, Write
from rq_scheduler.triggers import AnyOf, AnyTrigger, At, Every
from rq_scheduler.triggers.work import of_stored
from rq_scheduler.warn import warn_once

__all__ = ["creation", "redefinition", "replacement", "resumption", "rezoned", "supposition"]

_TIMING = ("trigger", "start", "end", "exclude", "excluded")
"""Fields of Spec that say which instants there are."""


def creation(
    id: str, spec: Spec, job: JobFields, now: int, owner: str, tags: Sequence[str], *, paused: bool, note: str
) -> Write:
    """The write of a schedule that does not exist yet. `now` is the server's time in microseconds.

    A trigger without an anchor counts from `now`. Raises InvalidArgument when nothing is left to come; a single time
    that has passed is stored as finished, and warns: it may well be defined again and again.
    """
    anchored, armed = _begun(id, spec, now)
    if armed is None:
        _refuse_or_warn(id, anchored, now)
    coming = _coming(id, anchored, armed, now)
    return Write(id, "", anchored, job, owner, tags, armed, coming, paused=paused, note=note)


def supposition(
    id: str, spec: Spec, job: JobFields, now: int, tags: Sequence[str], *, paused: bool, note: str
) -> Write | None:
    """The write of a schedule of which nothing was read, on the supposition that it does not exist; None where it has
    to be read first: what never fires again is refused if it is new, and left alone if it is there."""
    anchored, armed = _begun(id, spec, now)
    if armed is None:
        return None
    coming = _coming(id, anchored, armed, now)
    return Write(
        id, "", anchored, job, "", tags, armed, coming, paused=paused, note=note, supposed_at=now, defined=spec
    )


def redefinition(
    stored: Stored,
    spec: Spec,
    job: JobFields,
    now: int,
    owner: str | None,
    tags: Sequence[str],
    *,
    same_job: Callable[[], bool],
) -> Write | None:
    """The write that makes a stored schedule this one; None where it is the same. `owner` None keeps the owner. See
    `replacement`."""
    old = spec_of(stored)
    owner = stored.text("owner") if owner is None else owner
    if old is not None:
        spec = replace(spec, trigger=_with_anchors_of(old.trigger, spec.trigger))
    same_rest = (owner, "\n".join(tags)) == (stored.text("owner"), stored.text("tags"))
    if old == spec and same_rest and stored.text("runs_as") and same_job():
        return None
    return replacement(stored, spec, job, now, owner, tags)


def replacement(stored: Stored, spec: Spec, job: JobFields, now: int, owner: str, tags: Sequence[str]) -> Write:
    """The write that gives a stored schedule this definition.

    Where it fires as before, the armed time stays, and also where that time has come, was not served yet, and still is
    an instant. Otherwise the next fire is the first one after `now`, for an interval without an anchor one interval
    after it. Raises InvalidArgument for another trigger that has none; an end that has passed is a way to end a
    schedule.
    """
    old, anchored = spec_of(stored), _anchored(spec, now)
    if old is None or old.trigger != anchored.trigger:
        unbounded = Spec(trigger=anchored.trigger)
        if _next_instant(stored.id, unbounded, now, late=anchored is spec) is None:
            _refuse_or_warn(stored.id, unbounded, now)
    retimed = old is None or any(getattr(old, name) != getattr(anchored, name) for name in _TIMING)
    armed: Instant | str | None = _armed(stored, anchored, now, retimed=retimed, late=anchored is spec)
    if not retimed and armed is not None and armed.due == stored.due:
        armed = "keep"  # whatever fires meanwhile
    return Write(
        stored.id,
        stored.text("rev"),
        anchored,
        job,
        owner,
        tags,
        armed,
        _coming(stored.id, anchored, armed, now),
        armed_as_read=stored.text("armed"),
        retimed=retimed,
        changes=differences(stored, anchored, job, owner, tags),
    )


def resumption(stored: Stored, spec: Spec, now: int) -> Write:
    """The write that lets a paused schedule fire again: from its first instant after `now`, or at the one whose jitter
    has not run out yet."""
    with of_stored():
        armed = resumed(stored.id, spec, stored.armed, stored.number("runs"), now)
    # The plan is left to the dispatchers, who write the policy with it: that of the record is older where a client
    # that knows of none has changed the definition.
    return Write(stored.id, stored.text("rev"), armed=armed, armed_as_read=stored.text("armed"), paused=False)


def rezoned(stored: Stored, spec: Spec, now: int) -> Instant:
    """The next run of a recurring job of the 0.14 API whose clock is read in another zone from now on: the one that is
    due already, if that is an instant in the new zone too, else the first one after `now`.

    Raises InvalidArgument when there is none."""
    occurrences = Occurrences(stored.id, spec)
    for nominal in {stored.armed, stored.due}:
        if nominal is not None and stored.due is not None and stored.due <= now and _names(occurrences, nominal):
            return Instant(nominal, stored.due)
    armed = _next_instant(stored.id, spec, now, late=False)
    if armed is None:
        raise _never_fires(stored.id, spec, now)
    return armed


def _begun(id: str, spec: Spec, now: int) -> tuple[Spec, Instant | None]:
    """A spec that is new at `now`, with its anchor, and its first instant."""
    anchored = _anchored(spec, now)
    return anchored, _next_instant(id, anchored, now, late=anchored is spec)


def _anchored(spec: Spec, now: int) -> Spec:
    """The spec itself where it needs no anchor, or has it."""
    trigger = spec.trigger.anchored(now)
    return spec if trigger is spec.trigger else replace(spec, trigger=trigger)


def _next_instant(id: str, spec: Spec, now: int, *, late: bool) -> Instant | None:
    """The first instant after `now`; with `late`, where none follows, the last one while it is no more than late."""
    occurrences = Occurrences(id, spec)
    nominal = occurrences.after(now)
    if late and nominal is None and (last := occurrences.before(now + 1)) is not None and now - last <= MISSED_AFTER:
        nominal = last
    return None if nominal is None else Instant(nominal, occurrences.due(nominal))


def _coming(id: str, spec: Spec, armed: Instant | str | None, now: int) -> Coming | None:
    return coming_from(id, spec, armed, now) if isinstance(armed, Instant) else None


def _refuse_or_warn(id: str, spec: Spec, now: int) -> None:
    if not isinstance(spec.trigger, At):
        raise _never_fires(id, spec, now)
    warn_once("never-fires", f"schedule {id!r} never fires: {spec.trigger!r} has passed, or is excluded")


def _never_fires(id: str, spec: Spec, now: int) -> InvalidArgument:
    return InvalidArgument(
        f"schedule {id!r} would never fire: {spec.trigger!r} has no instant after {from_us(now).isoformat()} that "
        "start, end and exclude leave; give one that has"
    )


def _armed(stored: Stored, spec: Spec, now: int, *, retimed: bool, late: bool) -> Instant | None:
    if _is_full(stored, spec):
        return None
    nominal, occurrences = stored.armed, Occurrences(stored.id, spec)
    stays = nominal is not None and (not retimed or (nominal <= now and _names(occurrences, nominal)))
    if nominal is None or not stays:
        return _next_instant(stored.id, spec, now, late=late)
    return Instant(nominal, occurrences.due(nominal))


def _is_full(stored: Stored, spec: Spec) -> bool:
    return spec.max_runs is not None and stored.number("runs") >= spec.max_runs


def _names(occurrences: Occurrences, nominal: int) -> bool:
    return occurrences.after(nominal - 1) == nominal


def _with_anchors_of(old: AnyTrigger, new: AnyTrigger) -> AnyTrigger:
    """`new`, where it has no anchor with the one that the first put gave to the same trigger in `old`."""
    if isinstance(old, Every) and isinstance(new, Every):
        same = new.anchor is None and old.interval == new.interval
        return old if same else new
    if isinstance(old, AnyOf) and isinstance(new, AnyOf) and len(old.triggers) == len(new.triggers):
        pairs = zip(old.triggers, new.triggers, strict=True)
        return AnyOf(*(_with_anchors_of(one, other) for one, other in pairs))
    return new
