"""What needs a person, as it stands in Redis: a bounded read, whatever is stored. Judges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.exceptions import RedisError

from rq_scheduler.clock import from_us
from rq_scheduler.store import rq_format
from rq_scheduler.store.base import score_of, text
from rq_scheduler.store.command import Commands, Procedure, call, pipeline
from rq_scheduler.store.fleet import OutageLine, read_outage
from rq_scheduler.store.operation import operation
from rq_scheduler.store.processes import if_allowed
from rq_scheduler.store.runs import NotRunLine, read_not_run
from rq_scheduler.store.streams import entries_of, place_at

__all__ = ["Some", "Troubles"]

_NAMED = 10
"""Ids of each kind."""

_LOOKED_AT = 1_000
"""Paused schedules, and runs that did not happen, that are looked at."""

_CHANGES = 200
"""Entries of the audit that are looked at."""

_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Some:
    """How many there are, and the first of them in order. `at_least` when only so many were looked at. `first_us`: of
    the first, for when the last of its runs was that did not happen (us), if that is known."""

    count: int = 0
    first: tuple[str, ...] = ()
    at_least: bool = False
    first_us: int | None = None

    @property
    def first_at(self) -> datetime | None:
        """The same moment, aware UTC."""
        return None if self.first_us is None else from_us(self.first_us)


@dataclass(frozen=True, slots=True)
class Troubles:
    """failing: schedules whose last run failed. late: those that are past what they expect. paused: those that failures
    or a fault have paused, and no person; paused_by_people: the others. missed, skipped, gone: those that missed runs
    within a day, that skipped some, and of which runs expired or were deleted before they ended. suspended: whether
    RQ's workers are told to take nothing (`rq suspend`). outages: when nothing was handed off within a day, the latest
    last. changed: those that got another definition within a day, the latest first; changed_by: who changed that one.
    """

    failing: Some = Some()
    late: Some = Some()
    paused: Some = Some()
    paused_by_people: Some = Some()
    missed: Some = Some()
    skipped: Some = Some()
    gone: Some = Some()
    suspended: bool = False
    outages: tuple[OutageLine, ...] = ()
    changed: Some = Some()
    changed_by: str = ""


class TroubleCommands(Commands):
    """The read. It tolerates keys of a wrong type, and users who may not read them."""

    @operation
    def troubles(self, now: int, *, changes: bool = True) -> Procedure[Troubles]:
        """What needs a person at this moment (us); who changed what, only with `changes`."""
        lists = [self.keys.schedules_of(what) for what in ("failing", "late")]
        since = score_of(now - _DAY_US)
        replies = yield from pipeline(
            [
                *(call("ZCARD", key) for key in lists),
                *(call("ZRANGE", key, 0, _NAMED - 1) for key in lists),
                call("ZRANGEBYSCORE", self.keys.not_run, since, "+inf", "LIMIT", 0, _LOOKED_AT),
                call("ZRANGEBYSCORE", self.keys.outages, since, "+inf"),
                call("EXISTS", rq_format.suspended_key(self.keys.prefix)),
                *([call("XREVRANGE", self.keys.audit, "+", place_at(now - _DAY_US), "COUNT", _CHANGES)] * changes),
            ]
        )
        counts, firsts, (not_run, outages, suspended, *audits) = replies[:2], replies[2:4], replies[4:]
        failing, late = (
            Some(count, tuple(map(text, _members(first)))) if isinstance(count, int) else Some()
            for count, first in zip(counts, firsts, strict=True)
        )
        reading = self._script("read_paused", self.keys.schedules_of("paused"), _LOOKED_AT)
        by_itself, by_people = ([*map(text, ids)] for ids in (yield from if_allowed(reading, [[], []])))
        all_seen = len(by_itself) + len(by_people) < _LOOKED_AT
        lines = [read_not_run(line) for line in _members(not_run)]
        missed, skipped, gone = (_not_happened(lines, letters) for letters in (_MISSED, _SKIPPED, _GONE))
        audit = [entry for reply in audits for entry in entries_of(_members(reply))]
        changing = [entry for entry in audit if entry.fields.get("action") in _CHANGING]
        changed = list(dict.fromkeys(entry.fields.get("id", "") for entry in changing))
        return Troubles(
            failing,
            late,
            _some(by_itself, at_least=not all_seen),
            _some(by_people, at_least=not all_seen),
            missed,
            skipped,
            gone,
            suspended == 1,
            tuple(line for line in map(read_outage, _members(outages)) if line is not None),
            _some(changed, at_least=len(audit) == _CHANGES),
            changing[0].fields.get("actor", "") if changing else "",
        )


_MISSED, _SKIPPED, _GONE = "m", "k", "ed"
"""The letters that stand for it among what did not run."""

_CHANGING = {"changed", "undone"}
"""Actions after which a schedule has another definition."""


def _members(reply: Any) -> Sequence[bytes]:
    return [] if isinstance(reply, RedisError) else reply


def _not_happened(lines: Sequence[NotRunLine], letters: str) -> Some:
    last = {line.id: line.nominal for line in lines if line.letter in letters}  # in the order of time
    ids = sorted(last)
    return Some(len(ids), tuple(ids[:_NAMED]), len(lines) == _LOOKED_AT and bool(ids), last[ids[0]] if ids else None)


def _some(ids: Sequence[str], *, at_least: bool) -> Some:
    return Some(len(ids), tuple(ids[:_NAMED]), at_least and bool(ids))
