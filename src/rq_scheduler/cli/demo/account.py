"""The account: what was promised to the client, what Redis says was handed off, what the workers' log says ran.

Pure. The client's side is the list of ids that it was told were scheduled, and the instants that its recurring jobs
name by plain arithmetic; the workers' side is their own log. The scheduler's word is taken only for *why* a recurring
job did not run at an instant (its history), never for whether something ran.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rq_scheduler.cli.demo.jobs import Run

__all__ = ["Account", "Lateness", "Outage", "Promise", "Series", "settle"]


@dataclass(frozen=True, slots=True)
class Promise:
    """A one-off that the client was told is scheduled."""

    id: str
    due: int


@dataclass(frozen=True, slots=True)
class Series:
    """A recurring job: every instant that it named while it was scheduled."""

    id: str
    nominals: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """From the kill of Redis to the first hand-off after it was back."""

    began: int
    ended: int

    def touches(self, due: int, handed_off: int) -> bool:
        return due <= self.ended and handed_off >= self.began


@dataclass(frozen=True, slots=True)
class Lateness:
    """Of a set of hand-offs, in microseconds: nearest-rank percentiles."""

    count: int
    p50: int
    p99: int
    worst: int

    @classmethod
    def of(cls, values: Sequence[int]) -> Lateness:
        ordered = sorted(values)
        if not ordered:
            return cls(0, 0, 0, 0)

        def rank(share: float) -> int:
            return ordered[max(0, math.ceil(share * len(ordered)) - 1)]

        return cls(len(ordered), rank(0.5), rank(0.99), ordered[-1])


@dataclass
class Account:
    """What came of it all. `doubled` and `lost` name the ids; both empty is what the demo is about."""

    one_offs: int = 0
    instants: int = 0
    handed_off: int = 0
    run: int = 0
    skipped: int = 0
    missed: int = 0
    unacknowledged_run: int = 0
    doubled: list[str] = field(default_factory=list[str])
    lost: list[str] = field(default_factory=list[str])
    strange: list[str] = field(default_factory=list[str])
    lateness: Lateness = field(default_factory=lambda: Lateness(0, 0, 0, 0))
    outage_lateness: Lateness = field(default_factory=lambda: Lateness(0, 0, 0, 0))

    @property
    def due(self) -> int:
        return self.one_offs + self.instants

    @property
    def good(self) -> bool:
        return not (self.doubled or self.lost or self.strange)


def settle(
    promises: Sequence[Promise],
    series: Sequence[Series],
    runs: Sequence[Run],
    *,
    handed_off: Mapping[str, int],
    history: Mapping[tuple[str, int], str],
    unacknowledged: Sequence[str] = (),
    outages: Sequence[Outage] = (),
) -> Account:
    """Hold the two sides against each other.

    `handed_off`: one-off id -> hand-off, as its job hash says. `history`: (id, instant) -> outcome, for recurring jobs.
    `unacknowledged`: ids of calls that failed; Redis may or may not have had them, so they may run once or not at all.
    """
    account = Account(one_offs=len(promises), instants=sum(len(one.nominals) for one in series))
    by_id: dict[str, list[Run]] = {}
    for run in runs:
        by_id.setdefault(run.id, []).append(run)
    late: list[tuple[int, int]] = []
    for promise in promises:
        _settle_one_off(account, promise, by_id.pop(promise.id, []), handed_off, late)
    for one in series:
        _settle_series(account, one, by_id.pop(one.id, []), history, late)
    for name in unacknowledged:
        found = len(by_id.pop(name, []))
        account.unacknowledged_run += min(found, 1)
        if found > 1:
            account.doubled.append(f"{name} (ran {found} times)")
    account.strange.extend(f"{name} (ran, and nobody scheduled it)" for name in by_id)
    in_outage = [any(o.touches(due, at) for o in outages) for due, at in late]
    account.lateness = Lateness.of([at - due for (due, at), out in zip(late, in_outage, strict=True) if not out])
    account.outage_lateness = Lateness.of([at - due for (due, at), out in zip(late, in_outage, strict=True) if out])
    return account


def _settle_one_off(
    account: Account, promise: Promise, runs: list[Run], handed_off: Mapping[str, int], late: list[tuple[int, int]]
) -> None:
    at = runs[0].handed_off if runs else handed_off.get(promise.id)
    if at is not None:
        account.handed_off += 1
        late.append((promise.due, at))
    if len(runs) > 1:
        account.doubled.append(f"{promise.id} (ran {len(runs)} times)")
    if runs:
        account.run += 1
    else:
        account.lost.append(f"{promise.id} ({'handed off, but no worker ran it' if at else 'never handed off'})")


def _settle_series(
    account: Account,
    one: Series,
    runs: list[Run],
    history: Mapping[tuple[str, int], str],
    late: list[tuple[int, int]],
) -> None:
    # A recurring job of the 0.14 API has one job id for all its runs, so a run belongs to the newest instant at or
    # before its hand-off: an older one is never handed off once a newer is due.
    ran: Counter[int] = Counter()
    for run in runs:
        place = bisect_right(one.nominals, run.handed_off) - 1
        if place < 0:
            account.strange.append(f"{one.id} (ran before its first instant)")
            continue
        nominal = one.nominals[place]
        ran[nominal] += 1
        if ran[nominal] == 1:
            account.run += 1
            account.handed_off += 1
            late.append((nominal, run.handed_off))
    account.doubled.extend(f"{one.id} at {nominal} (ran {count} times)" for nominal, count in ran.items() if count > 1)
    for nominal in one.nominals:
        if nominal in ran:
            continue
        outcome = history.get((one.id, nominal))
        if outcome == "skipped":
            account.skipped += 1
        elif outcome == "missed":
            account.missed += 1
        elif outcome == "enqueued":
            account.handed_off += 1
            account.lost.append(f"{one.id} at {nominal} (handed off, but no worker ran it)")
        else:
            account.lost.append(f"{one.id} at {nominal} (never handed off, and no reason given)")
