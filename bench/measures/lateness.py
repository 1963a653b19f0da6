"""Lateness: the moment of the hand-off minus the due time, both by the clock of Redis, at a steady rate."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from rq.utils import utcparse

from bench.sampling import Figure
from bench.stage import Stage
from bench.subjects import LIMIT, OURS
from bench.table import Line, Wanted

SHARES = {"p50": 0.5, "p99": 0.99, "max": 1.0}
FACTOR = Wanted(3, at_most=True)


def measure(stage: Stage) -> list[Line]:
    lines: list[Line] = []
    dice = random.Random(1)
    for rate in (100, 1_000, 5_000):
        late: dict[str, list[list[float]]] = {OURS: [], LIMIT: []}
        for _ in range(stage.size(3, 1)):
            for who, rounds in late.items():
                rounds.append(sorted(_round(stage, who, rate, dice)))
        for name, share in SHARES.items():
            figures = {who: Figure([quantile(each, share) for each in rounds]) for who, rounds in late.items()}
            for who, figure in figures.items():
                ratio = None if who == OURS else figures[OURS].median / figure.median
                wanted = FACTOR if rate == 1_000 and name != "max" and ratio else None
                lines.append(
                    Line(f"lateness at {rate:,} due a second, {name}", who, figure, " ms", ratio=ratio, wanted=wanted)
                )
    return lines


def _round(stage: Stage, who: str, rate: int, dice: random.Random) -> list[float]:
    """Milliseconds that each job was late by."""
    seconds = stage.size(10, 1)
    stage.server.empty()
    stage.server.forget_scripts_run()
    if who == LIMIT:
        dues = _give(stage, rate, seconds, dice)
        stage[LIMIT].do("hand_off_when_due")
    else:
        with stage.dispatcher():
            dues = _give(stage, rate, seconds, dice)
            time.sleep(max(0.0, dues[-1] - time.time()))
            stage.server.wait_for(len(dues), 30)
    stage.note_scripts(who)
    with stage.server.connection.pipeline(transaction=False) as pipe:
        for n in range(len(dues)):
            pipe.hget(f"rq:job:{stage.server.job_id(n)}", "enqueued_at")
        ended = [utcparse(moment.decode()).timestamp() for moment in pipe.execute()]
    return [(at - due) * 1000 for at, due in zip(ended, dues, strict=True)]


def _give(stage: Stage, rate: int, seconds: int, dice: random.Random) -> list[float]:
    start = time.time() + 1.5 + rate * seconds / 30_000
    dues = sorted(round(start + dice.uniform(0, seconds), 6) for _ in range(rate * seconds))
    stage.server.give_jobs(dues)
    if time.time() > start - 0.5:
        raise SystemExit("this machine is too busy to write the jobs before they are due")
    return dues


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all does not exceed."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
