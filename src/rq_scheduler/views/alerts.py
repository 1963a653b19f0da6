"""What an alert says: its title, its text, and the same as JSON. The sentences are those of the events. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import tzinfo
from typing import Any

from rq_scheduler.aliases import EventKind
from rq_scheduler.client.events import Event
from rq_scheduler.client.health import calendar_time
from rq_scheduler.humanize import counted, moment
from rq_scheduler.sanitize import plain
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.events import line, sentence, serialize
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.table import Part

__all__ = [
    "Loss",
    "Told",
    "Trial",
    "data",
    "render_trials",
    "serialize_trials",
    "text",
    "title",
]

_LINES_OF_EACH = 5
"""Events of one kind that a text names; programs get all that the message has."""

_LONGEST_LINE = 300


@dataclass(frozen=True, slots=True)
class Loss:
    """Events that were trimmed away before they could be told. count: how many, None where nobody counts. since, until:
    when they happened, in microseconds; since None: from the beginning."""

    count: int | None
    since: int | None
    until: int


@dataclass(frozen=True, slots=True)
class Told:
    """What one alert tells. counts: of all its events, by kind; events: the first of them, oldest first; lost: what is
    missing between. site: the name of the deployment, if it has one."""

    counts: Mapping[EventKind, int]
    events: Sequence[Event]
    lost: Sequence[Loss] = ()
    site: str = ""

    @property
    def total(self) -> int:
        """How many events there were."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a test message to one receiver: whether it arrived, and what was answered."""

    name: str
    arrived: bool
    answer: str


def title(told: Told, zone: tzinfo) -> str:
    """One line: the event itself where there is one, else how many there were of which kinds."""
    begins = f"[{told.site}] " if told.site else ""
    if told.total == 1 and not told.lost:
        return begins + _cut(sentence(told.events[0], zone))
    kinds = ", ".join(f"{_kind(kind)} {count:,}" for kind, count in told.counts.items())
    lost = "some were lost" if told.lost else ""
    return begins + "; ".join(
        filter(None, (f"{counted(told.total, 'event', 'events')}: {kinds}" if kinds else "", lost))
    )


def text(told: Told, zone: tzinfo) -> str:
    """Lines: of each kind the first events, as `rqscheduler events` says them, and how many more there were."""
    return "\n".join([*_lost_lines(told, zone), *_event_lines(told, zone)])


def data(told: Told, zone: tzinfo) -> dict[str, Any]:
    """The same for programs."""
    return {
        "site": told.site,
        "title": title(told, zone),
        "text": text(told, zone),
        "total": told.total,
        "counts": dict(told.counts),
        "events": [serialize(event, zone) for event in told.events],
        "lost": [
            {
                "count": loss.count,
                "since": None if loss.since is None else iso(calendar_time(loss.since)),
                "until": iso(calendar_time(loss.until)),
            }
            for loss in told.lost
        ],
    }


def render_trials(found: Sequence[Trial]) -> Iterator[Part]:
    """A line for each."""
    for trial in found:
        state, style = ("ok", "green") if trial.arrived else ("wrong", "red")
        yield f"{state:<5}  {trial.name}: {trial.answer}", style


def serialize_trials(found: Sequence[Trial]) -> dict[str, Any]:
    """The JSON."""
    return {"arrived": all(trial.arrived for trial in found), "receivers": [asdict(trial) for trial in found]}


def _event_lines(told: Told, zone: tzinfo) -> Iterator[str]:
    for kind, count in told.counts.items():
        named = [event for event in told.events if event.kind == kind][:_LINES_OF_EACH]
        yield from (_cut(line(event, zone)) for event in named)
        if count > len(named):
            yield f"... and {count - len(named):,} more: {_kind(kind)}"


def _lost_lines(told: Told, zone: tzinfo) -> Iterator[str]:
    for loss in told.lost:
        until = moment(whole_second(calendar_time(loss.until)), zone)
        since = "" if loss.since is None else moment(whole_second(calendar_time(loss.since)), zone)
        between = f"between {since} and {until}" if since else f"before {until}"
        if loss.count is None:
            yield f"Events {between} may be lost: they were dropped before they could be told"
        else:
            lost = counted(loss.count, "event is", "events are")
            yield f"{lost} lost, {between}: dropped, to make room for others, before they could be told"


def _kind(kind: str) -> str:
    return plain(kind.replace("_", " "))


def _cut(text: str) -> str:
    shown = plain(text)
    return shown if len(shown) <= _LONGEST_LINE else shown[: _LONGEST_LINE - 1] + "…"
