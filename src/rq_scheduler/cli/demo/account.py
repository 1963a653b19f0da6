"""What came of it: what was scheduled, held against what the jobs said as they began. Pure.

The scheduler's word is taken only for how many instants it left out, never for a run. All times are microseconds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

__all__ = ["Counted", "Run", "late", "settle"]


class Run(NamedTuple):
    """One that began in a worker; `schedule` is None for a one-off."""

    id: str
    schedule: str | None
    due: int
    handed_off: int


class Counted(NamedTuple):
    """A schedule at the end: how many instants it has named by plain arithmetic, and its own counters."""

    instants: int
    handed_off: int
    skipped: int
    missed: int


def settle(
    one_offs: Collection[str],
    schedules: Mapping[str, Counted],
    runs: Sequence[Run],
    handed_off: Collection[str],
    outage: tuple[int, int],
) -> tuple[list[str], list[str]]:
    """The account as lines; and what is wrong, with the ids: nothing is what the demo is about.

    `one_offs` are those of which the client was told that they are scheduled, `handed_off` those of them that say so in
    Redis. The outage is from the kill of Redis to the first hand-off after it.
    """
    times = Counter(run.id for run in runs)
    served = Counter({run.id: run.schedule for run in runs}.values())
    lost = [f"{id} ({'handed off' if id in handed_off else 'never handed off'})" for id in one_offs if id not in times]
    for id, each in schedules.items():
        lost += [f"one of {id}"] * (each.instants - served[id] - each.skipped - each.missed)
    wrong = {
        "lost": lost,
        "doubled": [f"{id} (ran {count} times)" for id, count in times.items() if count > 1],
        "ran unasked": [run.id for run in runs if run.id not in one_offs and run.schedule not in schedules],
        "ran early": [run.id for run in runs if run.handed_off < run.due],
    }
    instants, fires, skipped, missed = (
        sum(getattr(each, count) for each in schedules.values())
        for count in ("instants", "handed_off", "skipped", "missed")
    )
    in_outage = [run for run in runs if run.due <= outage[1] and run.handed_off >= outage[0]]
    lines = [
        f"due         {len(one_offs) + instants:>6}   {len(one_offs)} one-offs, {instants} instants of schedules",
        f"handed off  {len(handed_off) + fires:>6}   by the jobs and the schedules in Redis",
        f"run         {len(times):>6}   by the jobs' own word, in the workers",
        f"skipped     {skipped:>6}   the run before was still going (overlap: skip)",
        f"missed      {missed:>6}   passed over for a newer one, after the outage",
        f"doubled     {len(wrong['doubled']):>6}",
        f"lost        {len(lost):>6}",
        "",
        f"lateness        {_percentiles([run for run in runs if run not in in_outage])}",
        f"  in the outage {_percentiles(in_outage)}",
    ]
    return lines, [f"{what}: {', '.join(ids)}" for what, ids in wrong.items() if ids]


def _percentiles(runs: Sequence[Run]) -> str:
    """By nearest rank."""
    if not runs:
        return "none"
    ordered = sorted(run.handed_off - run.due for run in runs)
    p50, p99, most = (late(ordered[math.ceil(share * len(ordered)) - 1]) for share in (0.5, 0.99, 1))
    return f"p50 {p50}, p99 {p99}, max {most}  ({len(ordered)} hand-offs)"


def late(us: int) -> str:
    """Microseconds as people say them."""
    return f"{us / 1000:.1f} ms" if abs(us) < 1_000_000 else f"{us / 1e6:.2f} s"
