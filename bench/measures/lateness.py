"""Lateness: the moment of the hand-off minus the due time, both by the clock of Redis, at a steady rate."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from rq.utils import utcparse

from bench.harness import Harness
from bench.sampling import Figure
from bench.table import Line, Wanted
from bench.targets import BEFORE, LIMIT, OURS

RATE = 1_000
"""Due a second."""
SHARES = {"p50": 0.5, "p99": 0.99, "max": 1.0}
FACTOR = Wanted(3, at_most=True)


def measure(harness: Harness) -> list[Line]:
    lines: list[Line] = []
    dice = random.Random(1)
    late: dict[str, list[list[float]]] = {OURS: [], LIMIT: [], BEFORE: []}
    for _ in range(harness.size(2, 1)):
        for who, rounds in late.items():
            rounds.append(sorted(_round(harness, who, dice)))
    for name, share in SHARES.items():
        figures = {who: Figure([quantile(each, share) for each in rounds]) for who, rounds in late.items()}
        for who, figure in figures.items():
            ratio = None if who == OURS else figures[OURS].median / figure.median
            wanted = FACTOR if who == LIMIT and name != "max" else None
            title = f"lateness at {RATE:,} due a second, {name}"
            lines.append(Line(title, who, figure, " ms", ratio=ratio, wanted=wanted))
    return lines


def _round(harness: Harness, who: str, dice: random.Random) -> list[float]:
    """Milliseconds that each job was late by."""
    seconds = harness.size(8, 1)
    harness.server.empty()
    harness.server.forget_scripts_run()
    if who == LIMIT:
        dues = _give(harness, seconds, dice)
        harness[LIMIT].do("hand_off_when_due")
    else:
        with harness.place().dispatchers(who):
            dues = _give(harness, seconds, dice)
            time.sleep(max(0.0, dues[-1] - time.time()))
            harness.server.wait_for(len(dues), 30)
    harness.place().note_scripts(who)
    with harness.server.connection.pipeline(transaction=False) as pipe:
        for n in range(len(dues)):
            pipe.hget(f"rq:job:{harness.server.job_id(n)}", "enqueued_at")
        ended = [utcparse(moment.decode()).timestamp() for moment in pipe.execute()]
    return [(at - due) * 1000 for at, due in zip(ended, dues, strict=True)]


def _give(harness: Harness, seconds: int, dice: random.Random) -> list[float]:
    """Jobs that are due at random moments, and these; a busy machine has three attempts to write them in time."""
    for _ in range(3):
        harness.server.empty_of_jobs()
        start = time.time() + 1.5 + RATE * seconds / 30_000
        dues = sorted(round(start + dice.uniform(0, seconds), 6) for _ in range(RATE * seconds))
        harness.server.give_jobs(dues)
        if time.time() < start - 0.5:
            return dues
    raise SystemExit("this machine is too busy to write the jobs before they are due")


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all does not exceed."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
