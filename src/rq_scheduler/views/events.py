"""What happened, in sentences and as JSON. Owns the words of each kind of event. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

from rq_scheduler.aliases import EventKind
from rq_scheduler.client.events import Event
from rq_scheduler.humanize import length, moment
from rq_scheduler.views.details import Details, times_about, whole_second
from rq_scheduler.views.problems import outage_words
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.table import Column, Part, Table

__all__ = ["line", "mark", "render", "sentence", "serialize"]


def render(events: Sequence[Event], zone: tzinfo) -> Iterator[Part]:
    """Newest first, as they are read: when, and what."""
    if not events:
        yield "No events."
        return
    rows = [(_when(event, zone), (sentence(event, zone), _STYLES.get(event.kind, ""))) for event in events]
    yield Table((Column(""), Column("", cut=True)), rows)


def line(event: Event, zone: tzinfo) -> str:
    """An event in one line."""
    return f"{_when(event, zone)}  {sentence(event, zone)}"


def serialize(event: Event, zone: tzinfo) -> dict[str, Any]:
    """An event. The moments in its `text` are those of `zone`."""
    return {
        "place": event.place,
        "at": iso(event.at),
        "kind": event.kind,
        "id": event.id,
        "text": sentence(event, zone),
        "details": dict(event.details),
    }


def sentence(event: Event, zone: tzinfo) -> str:
    """What happened. Moments of the same day are named by the clock of `zone` alone."""
    said = Details(event.id, event.details, times_about(event.at, zone))
    words = _SENTENCES.get(event.kind)
    if words is not None:
        return words(said)
    return " ".join(filter(None, (event.id, event.kind.replace("_", " "), said.all())))  # of a newer version


def mark(event: Event) -> str:
    """The kind of mark that stands before it."""
    return {_BAD: "failed", _WARNING: "late", _GOOD: "ok"}.get(_STYLES.get(event.kind, ""), "finished")


def _when(event: Event, zone: tzinfo) -> str:
    return moment(whole_second(event.at), zone)


def _missed(said: Details) -> str:
    if said.text("count") == "1":
        return f"{said.id} missed its run of {said.at('first')}"
    return f"{said.id} missed {said.count('count', 'run', 'runs')}, {said.stretch('first', 'last')}"


def _paused(said: Details) -> str:
    note = said.text("note")
    return f"{said.id} was {note}" if note.startswith("paused ") else f"{said.id} was paused: {note}"


def _outage(said: Details) -> str:
    lasted = said.between("since", "until")
    how_long = "" if lasted is None else f" ({length(lasted, coarse=True)})"
    stretch = said.stretch("since", "until")
    return f"nothing was handed off {stretch}{how_long}: {outage_words(said.text('cause'))}"


def _started(said: Details) -> str:
    which = ", ".join(filter(None, (said.behind("pid ", "pid"), said.behind("version ", "version"))))
    return f"dispatcher {said.id} started{said.behind(' on ', 'host')}" + (f" ({which})" if which else "")


_SENTENCES: Final[Mapping[EventKind, Callable[[Details], str]]] = {
    "failing_began": lambda said: f"{said.id} began to fail: {said.run()} failed",
    "failing": lambda said: (
        f"{said.id} has failed {said.count('failures', 'time', 'times')} in a row, the last time in {said.run()}"
    ),
    "recovered": lambda said: (
        f"{said.id} succeeded again in {said.run()}, after {said.count('failures', 'failure', 'failures')} in a row"
    ),
    "skipping_began": lambda said: (
        f"{said.id} was skipped, first {said.on('nominal')}: {said.run('held_up_by')} was still going"
    ),
    "skipping_ended": lambda said: f"{said.id} ran again, after {said.count('skipped', 'skipped run', 'skipped runs')}",
    "missed": _missed,
    "overdue": lambda said: f"{said.id} had not succeeded by {said.at('since')}, as is expected of it",
    "met": lambda said: f"{said.id} succeeded after all, later than expected, in {said.run()}",
    "paused_for_failures": _paused,
    "quarantined": lambda said: (
        f"{said.id} went into quarantine{said.behind(' (queue ', 'queue', ')')}: {said.text('reason')}"
    ),
    "adopted": lambda said: f"{said.id} was adopted from rq-scheduler 0.14{said.behind(', for the queue ', 'queue')}",
    "dispatcher_started": _started,
    "dispatcher_left": lambda said: f"dispatcher {said.id} ended",
    "dispatcher_died": lambda said: f"dispatcher {said.id} died, last heard of {said.on('last_heartbeat')}",
    "outage": _outage,
    "lock_held": lambda said: (
        f"nothing was handed off since {said.at('since')}: somebody else held the lock ({said.text('holder')})"
    ),
    "unserved_began": lambda said: (
        f"{said.count('jobs', 'job waits', 'jobs wait')} in {said.text('queue')!r}, and no worker listens on "
        f"it, as was first seen at {said.at('since')}"
    ),
    "unserved_ended": lambda said: (
        f"{said.text('queue')!r} is served again, or empty: that no worker listened on it was first seen at "
        f"{said.at('since')}"
    ),
    "logins_refused": lambda said: (
        f"{said.count('failures', 'token or session', 'tokens or sessions')} that were nobody's came from {said.id}, "
        "whose next ones are looked at later"
    ),
}

_BAD, _WARNING, _GOOD = "red", "yellow", "green"
_STYLES: Final[Mapping[EventKind, str]] = {
    "failing_began": _BAD,
    "failing": _BAD,
    "overdue": _BAD,
    "paused_for_failures": _BAD,
    "quarantined": _BAD,
    "dispatcher_died": _BAD,
    "outage": _BAD,
    "lock_held": _BAD,
    "unserved_began": _BAD,
    "logins_refused": _BAD,
    "missed": _WARNING,
    "skipping_began": _WARNING,
    "recovered": _GOOD,
    "met": _GOOD,
}
