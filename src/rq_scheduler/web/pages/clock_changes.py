"""**Clocks**: what the next change of each zone's clock does to the schedules that read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rq_scheduler.client.schedules import ChangeOfClocks, ClockChanges, TouchedGroup, TouchedSchedule
from rq_scheduler.client.schedules.explain.times import capital
from rq_scheduler.errors import SchedulerError
from rq_scheduler.humanize import counted, distance, trigger_words
from rq_scheduler.views.clock_changes import (
    change_words,
    effect_words,
    moment_words,
    rule_words,
    shifted_words,
    untouched_words,
)
from rq_scheduler.web.api.forecasts import LOOKED_AT, changes_soon, touched_page
from rq_scheduler.web.pages.page import SOON, Asked, Shown

__all__ = ["show", "show_each"]

ROWS = 50
"""Groups of all changes, or schedules, on a page."""


@dataclass(frozen=True, slots=True)
class Group:
    """Schedules with one trigger, of which a change makes the same."""

    group: TouchedGroup
    rule: str
    effect: str

    @property
    def more(self) -> int:
        """How many of them are not named."""
        return self.group.schedules - len(self.group.ids)


@dataclass(frozen=True, slots=True)
class Change:
    """A change, and those of its groups that are on this page."""

    zone: str
    title: str
    when: str
    groups: Sequence[Group]
    others: str


@dataclass(frozen=True, slots=True)
class Clocks:
    """The page's value. `zone`: the one that is asked for; `as_of`: when it was worked out, None as long as it is being
    worked out; `number`: of the page; `left`: schedules of groups that no page shows."""

    verdict: str
    zone: str
    as_of: datetime | None = None
    changes: Sequence[Change] = ()
    untouched: Sequence[tuple[str, bool]] = ()
    touched: int = 0
    number: int = 1
    is_last: bool = True
    left: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A schedule that a change touches."""

    found: TouchedSchedule
    rule: str
    change: str
    effect: str


@dataclass(frozen=True, slots=True)
class Each:
    """The page's value of all of them, by id. `looked_at`: schedules that were looked through for these, where there
    are more."""

    rows: Sequence[Row]
    zone: str
    is_first: bool
    next: str | None
    looked_at: int


def show(asked: Asked) -> Shown:
    """The next changes, in order of time, with the schedules that are alike together."""
    zone, number = _zone(asked), _number(asked)
    try:
        found = changes_soon(asked.scheduler, zone)
    except SchedulerError as error:
        return Shown("clock-changes.html", "Clocks", Clocks("No such clock", zone, refused=str(error)), 422)
    if found is None:
        said = "The changes of the clocks are being looked through"
        return Shown("clock-changes.html", "Clocks", Clocks(said, zone), refresh=SOON)
    pairs = [(one, group) for one in found.changes for group in one.groups]
    page = pairs[(number - 1) * ROWS : number * ROWS]
    shown = {id(one) for one, _ in page}
    changes = [
        _change(one, [group for of, group in page if of is one], found, asked)
        for one in found.changes
        if id(one) in shown or (number == 1 and not one.groups)
    ]
    model = Clocks(
        verdict=_verdict(found),
        zone=zone,
        as_of=found.since,
        changes=changes,
        untouched=list(untouched_words(found)),
        touched=sum(one.touched for one in found.changes),
        number=number,
        is_last=number * ROWS >= len(pairs),
        left=sum(one.more for one in found.changes),
    )
    return Shown("clock-changes.html", "Clocks", model)


def show_each(asked: Asked) -> Shown:
    """Each schedule that names times which a change jumps over or shows twice, by id."""
    zone, cursor = _zone(asked), asked.query.get("cursor") or None
    found, more = touched_page(asked.scheduler, cursor, ROWS, **({"timezone": zone} if zone else {}))
    rows = [
        Row(one, trigger_words(one.trigger), change_words(one.change), effect_words(one.effect, one.change))
        for one in found
    ]
    looked_at = LOOKED_AT if more is not None and len(rows) < ROWS else 0
    return Shown("clock-changes-each.html", "Clocks, by schedule", Each(rows, zone, cursor is None, more, looked_at))


def _zone(asked: Asked) -> str:
    return asked.query.get("timezone", "").strip()[:100]


def _number(asked: Asked) -> int:
    given = asked.query.get("page", "")
    return max(1, int(given)) if given.isdecimal() and len(given) < 6 else 1


def _verdict(found: ClockChanges) -> str:
    touched = [one for one in found.changes if one.touched]
    if not touched:
        return "No change of a clock adds or drops a run"
    first, number = touched[0].change, sum(one.touched for one in touched)
    return (
        f"The clock of {first.zone} changes {distance(first.at, found.since)}: in all, "
        f"{counted(number, 'schedule names', 'schedules name')} times that are skipped or come twice"
    )


def _change(one: ChangeOfClocks, groups: Sequence[TouchedGroup], found: ClockChanges, asked: Asked) -> Change:
    change = one.change
    told = [Group(group, rule_words(group, change), capital(effect_words(group.effect, change))) for group in groups]
    when = moment_words(change, found.since, asked.tz)
    return Change(change.zone, change_words(change), when, told, shifted_words(one))
