"""From drafts to schedules of ours, and theirs and ours side by side. Pure: writes nothing, imports no function."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from rq_scheduler.client.importing.draft import Draft, Instants, between
from rq_scheduler.client.importing.mapping import Called, Mappings
from rq_scheduler.clock import US, from_us, to_us
from rq_scheduler.clock_changes import ClockChange, next_change
from rq_scheduler.errors import SchedulerError
from rq_scheduler.functions import check_function
from rq_scheduler.model import Schedule
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.triggers import AnyTrigger

__all__ = ["Difference", "Found", "settle"]

SHOWN = 5
"""Instants of each that are shown."""

_COMPARED = 200
"""Instants of each that are compared from now on, so that a slip in a translation shows."""

_YEAR = 366 * 86_400 * US
_BEFORE, _AFTER = 3 * 3_600 * US, 26 * 3_600 * US
"""Around a change of the clock all instants are compared: theirs may go wrong until the night after."""
_MOST = 20_000
"""Of these; so many seconds are some five hours."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Instants that only theirs have, or only ours: around that change of the clock or, without one, at other times."""

    change: ClockChange | None
    only_theirs: tuple[datetime, ...]
    only_ours: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of another scheduler.

    name, when, task: what it is called there, its trigger in that scheduler's words, and what it runs. enabled, zone:
    whether it is active there, and whose clock it goes by. schedule: ours, paused; None where there is none, and then
    `refused` says why. lost: what of it is left behind, and why; notes: what is good to know. theirs, ours: the next
    instants of each, jitter aside; None where they are not known. differences: where these are not the same, within a
    year. unmapped: a command line for which the mapping file has nothing.
    """

    name: str
    when: str
    task: str
    enabled: bool
    zone: str | None = None
    schedule: Schedule | None = None
    refused: str = ""
    lost: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    theirs: tuple[datetime, ...] | None = None
    ours: tuple[datetime, ...] | None = None
    differences: tuple[Difference, ...] = ()
    unmapped: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing of it is left behind."""
        return self.schedule is not None and not self.lost


def settle(
    drafts: Iterable[Draft], mappings: Mappings, tag: str, now: int, queue_name: str | None = None
) -> list[Found]:
    """Each draft as a paused schedule with that tag, or as what stands in the way. Those that are not enabled there get
    the tag `<tag>-disabled` instead, so that they are not resumed with the others."""
    taken: set[str] = set()
    return [_settled(draft, mappings, tag, now, queue_name, taken) for draft in drafts]


def _settled(draft: Draft, mappings: Mappings, tag: str, now: int, queue_name: str | None, taken: set[str]) -> Found:
    found = Found(draft.name, draft.when, draft.task, draft.enabled, draft.zone)
    found = replace(found, refused=draft.refused, lost=tuple(draft.lost), notes=tuple(draft.notes))
    theirs = draft.instants and between(draft.instants, draft.options.get("start"), draft.options.get("end"))
    shown = min(SHOWN, draft.options.get("max_runs") or SHOWN)
    try:
        if theirs is not None:
            found = replace(found, theirs=tuple(map(from_us, islice(_walk(theirs, now), shown))))
        if draft.refused or draft.trigger is None:
            return found
        called = mappings.called(draft.task, shell=draft.shell)
        if called is None:
            return replace(found, refused="no function stands for this command in the mapping file", unmapped=True)
        schedule = _schedule(draft, draft.trigger, called, tag, queue_name, taken)
        ours = Occurrences(schedule.id, schedule, now).after  # nominal times, as if it were put now
        coming = tuple(map(from_us, islice(_walk(ours, now), shown)))
        differences = tuple(_differences(theirs, ours, schedule.trigger.zone_names, now)) if theirs else ()
    except SchedulerError as error:
        return replace(found, refused=str(error))
    taken.add(schedule.id)
    return replace(found, schedule=schedule, ours=coming, differences=differences)


def _schedule(
    draft: Draft, trigger: AnyTrigger, called: Called, tag: str, queue_name: str | None, taken: set[str]
) -> Schedule:
    check_function(called.func)
    options: Any = {**draft.options, **called.options}
    if options.get("queue_name") is None:
        options["queue_name"] = queue_name
    return Schedule(
        _id(called.id or (called.func if draft.shell else draft.name), taken),
        trigger,
        called.func,
        **options,
        paused=True,
        note=f"imported; {draft.name} there"[:200],
        tags=(tag if draft.enabled else f"{tag}-disabled",),
    )


def _id(name: str, taken: set[str]) -> str:
    base = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:100] or "imported"
    id, number = base, 2
    while id in taken:
        id, number = f"{base}-{number}", number + 1
    return id


def _differences(theirs: Instants, ours: Instants, zones: Iterable[str], now: int) -> Iterator[Difference]:
    around: list[tuple[int, int]] = []
    for change in (each for name in sorted(zones) for each in _changes(name, now)):
        since, until = max(now, to_us(change.at) - _BEFORE), to_us(change.at) + _AFTER
        around.append((since, until))
        walks = [_within(each, since, until) for each in (theirs, ours)]
        end = min((walk[-1] for walk in walks if len(walk) == _MOST), default=until)
        if found := _difference(change, *({at for at in walk if at <= end} for walk in walks)):
            yield found
    walks = [list(islice(_walk(each, now), _COMPARED)) for each in (theirs, ours)]
    # As far as both were followed, and not what was compared above.
    end = min((walk[-1] for walk in walks if len(walk) == _COMPARED), default=now + 100 * _YEAR)
    told = [{at for at in walk if at <= end and not any(lo < at <= hi for lo, hi in around)} for walk in walks]
    if found := _difference(None, *told):
        yield found


def _difference(change: ClockChange | None, theirs: set[int], ours: set[int]) -> Difference | None:
    only_theirs, only_ours = (tuple(map(from_us, sorted(each))) for each in (theirs - ours, ours - theirs))
    return Difference(change, only_theirs, only_ours) if only_theirs or only_ours else None


def _changes(zone: str, now: int) -> Iterator[ClockChange]:
    after = now
    while (change := next_change(zone, after, now + _YEAR)) is not None:
        yield change
        after = to_us(change.at)


def _within(instants: Instants, since: int, until: int) -> list[int]:
    found: list[int] = []
    for at in islice(_walk(instants, since), _MOST):
        if at > until:
            break
        found.append(at)
    return found


def _walk(instants: Instants, after: int) -> Iterator[int]:
    at = instants(after)
    while at is not None:
        yield at
        at = instants(at)
