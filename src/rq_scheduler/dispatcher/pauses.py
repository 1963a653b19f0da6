"""Pauses that end by themselves (`pause(id, until=...)`): has those schedules fire again whose time has come."""

from __future__ import annotations

import msgspec

from rq_scheduler.clock import US
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.errors import SchedulerError
from rq_scheduler.model import decode_spec
from rq_scheduler.planning import resumed
from rq_scheduler.store import Store
from rq_scheduler.store.pauses import EndedPause
from rq_scheduler.store.schedules import Write, Written
from rq_scheduler.triggers.work import of_stored

__all__ = ["resume_paused"]

MAX_TAKEN = 100
"""Schedules resumed in one script."""

PUT_OFF = 60 * US
"""Microseconds after which one whose definition cannot be read here is tried again."""


def resume_paused(store: Store, events: Events) -> bool:
    """Resumes some whose pause has ended; whether there may be more. Those that another dispatcher has resumed, or a
    person has paused anew, stay as they are."""
    now, ended = store.take_ended_pauses(MAX_TAKEN)
    writes: list[Write] = []
    for pause in ended:
        write = _resumption(pause)
        if write is not None:
            writes.append(write)
        else:
            store.put_off_resumption(pause.id, now + PUT_OFF)
            events.unreadable_spec(pause.id)
    for write, (outcome, _) in zip(writes, store.write_schedules(writes), strict=True):
        if outcome is Written.OK:
            events.resumed(write.id)
    return len(ended) == MAX_TAKEN


def _resumption(pause: EndedPause) -> Write | None:
    """The write that has it fire again from the end of the pause on, that instant included: what was due since is late
    like anything else that no dispatcher served. None where its definition cannot be read here."""
    try:
        with of_stored():
            spec = decode_spec(pause.spec)
            armed = None if spec is None else resumed(pause.id, spec, pause.nominal, pause.runs, pause.at - 1)
    except (msgspec.DecodeError, SchedulerError, OverflowError):
        return None
    if spec is None:
        return None
    return Write(pause.id, pause.rev, armed=armed, armed_as_read=pause.armed, paused=False, resumed_at=pause.at)
