"""An independent judge: what had to be handed off, what was, and the difference.

A test writes into a `Ledger` what was acknowledged to it and what consumers saw; nothing of the package's planning or
books is believed. What Redis holds afterwards is judged by `faults.leftovers`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from faults.leftovers import Snapshot, orphans, pending
from rq_scheduler.runs import parse_run_id, run_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SHOWN = 20
"""Faults of one kind that a table shows."""


class Fault(NamedTuple):
    """What is wrong with one job, one run or one key."""

    id: str
    what: str


@dataclass(frozen=True)
class Verdict:
    """What a ledger and Redis come to. `clean`, and a table for people."""

    owed: int
    received: int
    lost: tuple[Fault, ...]
    doubled: tuple[Fault, ...]
    early: tuple[Fault, ...]
    late: tuple[Fault, ...]
    stuck: tuple[Fault, ...]
    orphaned: tuple[Fault, ...]
    lateness: tuple[int, ...] = field(repr=False, default=())
    """Microseconds between due and received, of all that was owed and received, in order."""

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong. What is late alone is not: how late is too late, only a test knows."""
        return not (self.lost or self.doubled or self.early or self.stuck or self.orphaned)

    def __str__(self) -> str:
        lines = [f"owed      {self.owed:>8}", f"received  {self.received:>8}"]
        for kind in KINDS:
            faults: tuple[Fault, ...] = getattr(self, kind)
            lines.append(f"{kind:<10}{len(faults):>8}")
            lines += [f"    {fault.id}: {fault.what}" for fault in faults[:SHOWN]]
            if len(faults) > SHOWN:
                lines.append(f"    and {len(faults) - SHOWN} more")
        return "\n".join(lines)


KINDS = tuple(f.name for f in fields(Verdict) if f.name not in ("owed", "received", "lateness"))


class Ledger:
    """What a test was promised, and what it saw. Times are microseconds since the epoch, by the server's clock.

    Whatever is received twice is doubled, owed or not, unless it was owed twice under that id.
    """

    def __init__(self) -> None:
        self._owed: dict[str, list[int]] = defaultdict(list)
        self._maybe: dict[str, int] = {}
        self._schedule_of: dict[str, str] = {}
        self._excused: set[str] = set()
        self._received: dict[str, list[int]] = defaultdict(list)

    def owe(self, id: str, due_us: int) -> None:
        """An acknowledged one-off: exactly once, not before it is due."""
        self._maybe.pop(id, None)
        self._owed[id] = [due_us]

    def owe_run(
        self, schedule_id: str, nominal_us: int, due_us: int | None = None, *, job_id: str | None = None
    ) -> None:
        """A run of a schedule: exactly once. `job_id` is for the 0.14 API, whose runs share one id."""
        id = job_id or run_id(schedule_id, nominal_us)
        self._owed[id].append(nominal_us if due_us is None else due_us)
        self._schedule_of[id] = schedule_id

    def maybe(self, id: str, due_us: int) -> None:
        """A one-off whose caller had no reply: at most once, not before it is due."""
        if id not in self._owed:
            self._maybe[id] = due_us

    def excuse(self, id: str) -> None:
        """Cancelled, deleted or dropped by a stated policy: a one-off, a run (by its job id), or all of a schedule.

        It may still have run, once.
        """
        self._excused.add(id)

    def receive(self, id: str, at_us: int) -> None:
        """A hand-off as its consumer saw it."""
        self._received[id].append(at_us)

    @property
    def outstanding(self) -> list[str]:
        """Ids of which more is owed than was received."""
        return [id for id, due in self._owed.items() if not self._is_excused(id) and len(self._received[id]) < len(due)]

    def verdict(
        self, redis: Any, *, late_after_us: int, early_by_us: int = 0, prefix: str = "rq", now_us: int | None = None
    ) -> Verdict:
        """Judges, while nobody writes any more. What was due `late_after_us` ago and still waits is stuck. `now_us` is
        for tests on a manual clock."""
        snapshot = Snapshot.of(redis, prefix)
        snapshot.now_us = snapshot.now_us if now_us is None else now_us
        waits = pending(snapshot)
        long_ago = snapshot.now_us - late_after_us
        lost: list[Fault] = []
        for id in self.outstanding:
            missing = sorted(self._owed[id])[len(self._received[id]) :]
            if not (self._still_waits(id, missing[0], waits) or missing[0] > snapshot.now_us):
                place = snapshot.whereabouts(id)
                lost.append(Fault(id, f"{len(missing)} not received, due {_when(missing[0])}; {place}"))
        stuck = [
            Fault(id, f"due {_when(due)}, still in {place}")
            for (id, place), due in sorted(waits.items())
            if due < long_ago
        ]
        return Verdict(
            owed=sum(len(due) for id, due in self._owed.items() if not self._is_excused(id)),
            received=sum(map(len, self._received.values())),
            lost=tuple(lost),
            doubled=tuple(self._doubled()),
            early=tuple(
                Fault(id, f"due {_when(due)}, received {due - at} us before")
                for id, due, at in self._arrivals()
                if at + early_by_us < due
            ),
            late=tuple(
                Fault(id, f"due {_when(due)}, received {at - due} us after")
                for id, due, at in self._arrivals()
                if at - due > late_after_us
            ),
            stuck=tuple(stuck),
            orphaned=tuple(Fault(key, what) for key, what in orphans(snapshot, received=self._received.keys())),
            lateness=tuple(sorted(at - due for id, due, at in self._arrivals() if id in self._owed)),
        )

    def _is_excused(self, id: str) -> bool:
        return id in self._excused or self._schedule_of.get(id) in self._excused

    def _still_waits(self, id: str, due: int, waits: dict[tuple[str, str], int]) -> bool:
        """Whether an entry exists that will become this: its own, or its schedule's, armed no later than it."""
        if any(waiting == id for waiting, _ in waits):
            return True
        schedule = self._schedule_of.get(id)
        armed = waits.get((schedule, "due_schedules")) if schedule else None
        return armed is not None and armed <= due

    def _doubled(self) -> Iterable[Fault]:
        for id, times in self._received.items():
            most = max(1, len(self._owed.get(id, ())))
            if len(times) > most:
                moments = ", ".join(map(_when, sorted(times)))
                yield Fault(id, f"received {len(times)} times, {most} would be right: {moments}")

    def _arrivals(self) -> Iterable[tuple[str, int, int]]:
        """Id, due and received: the n-th reception of an id is that of its n-th due time."""
        for id, times in self._received.items():
            dues = sorted(self._owed[id]) if id in self._owed else [self._due_by_name(id)]
            for due, at in zip(dues, sorted(times), strict=False):
                if due is not None:
                    yield id, due, at

    def _due_by_name(self, id: str) -> int | None:
        if id in self._maybe:
            return self._maybe[id]
        # A run that nobody announced: its id says since when it may be.
        run = parse_run_id(id)
        return None if run is None or run.kind == "manual" else (run.nominal - _EPOCH) // timedelta(microseconds=1)


def _when(us: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=us):%H:%M:%S.%f}"
