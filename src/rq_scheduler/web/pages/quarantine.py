"""**Quarantine**: what nothing could serve, by the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from rq_scheduler.client.quarantine import Quarantined
from rq_scheduler.humanize import distance
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.quarantine import GroupWords, group_words, verdict
from rq_scheduler.web.pages.page import Asked, Shown

__all__ = ["show"]

LOOKED_AT = 1_000
SHOWN = 25
"""Of one group."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry. refused: why it is not retried here, as far as that is seen."""

    held: Quarantined
    since: str
    due: str
    refused: str


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that are here for the same reason."""

    words: GroupWords
    rows: Sequence[Row]
    count: int


@dataclass(frozen=True, slots=True)
class Page:
    """The page's value. `looked_at`: how many entries were, where there are more."""

    verdict: str
    groups: Sequence[Group]
    looked_at: int

    @property
    def refused(self) -> str:
        """Why some of them are not retried here."""
        return next((row.refused for group in self.groups for row in group.rows if row.refused), "")


def show(asked: Asked) -> Shown:
    """The page."""
    by_code: dict[str, list[Quarantined]] = {}
    looked_at = 0
    for held in islice(asked.scheduler.quarantine, LOOKED_AT):
        looked_at += 1
        by_code.setdefault(held.code, []).append(held)
    shown = [held.id for found in by_code.values() for held in found[:SHOWN] if held.kind == "schedule"]
    funcs = {stored.id: stored.func for stored in asked.scheduler.schedules.read(shown[:SHOWN])} if shown else {}
    groups = [
        Group(group_words(code), [_row(held, funcs, asked) for held in found[:SHOWN]], len(found))
        for code, found in sorted(by_code.items(), key=lambda pair: -len(pair[1]))
    ]
    total = asked.counts.quarantined
    said = verdict(total, len(groups))
    return Shown("quarantine.html", said, Page(said, groups, looked_at if total > looked_at else 0))


def _row(held: Quarantined, funcs: Mapping[str, str], asked: Asked) -> Row:
    allowed = asked.service.settings.functions
    refused = asked.refusal(funcs.get(held.id, ""))
    if not (allowed.names or allowed.modules):  # whatever a job calls, which would have to be read of each
        refused = refused or "this site may run no function (rqscheduler web --allow NAME)"
    since = "" if held.at is None else distance(held.at, asked.now)
    return Row(held, since, "" if held.due is None else asked.times.short(whole_second(held.due)), refused)
