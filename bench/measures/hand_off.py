"""One-offs: how many a second leave a backlog."""

from __future__ import annotations

import time

from bench.sampling import interleave
from bench.server import INDEX
from bench.stage import Stage
from bench.subjects import LIMIT, OURS, PEER, RQ_OWN
from bench.table import Line, Wanted, compared


def measure(stage: Stage) -> list[Line]:
    many, some, few = stage.size(100_000, 30_000), stage.size(100_000, 3_000), stage.size(10_000, 500)

    def give(number: int, index: str = INDEX) -> None:
        first = time.time() - 100
        stage.server.give_jobs([first + n / 10_000 for n in range(number)], index)

    series = interleave(
        stage.rounds,
        {
            OURS: stage.emptying(OURS, "drain", many, lambda: give(many)),
            LIMIT: stage.emptying(LIMIT, "hand_off", many, lambda: give(many)),
            PEER: stage.emptying(PEER, "enqueue_jobs", few, lambda: give(few)),
            RQ_OWN: stage.emptying(RQ_OWN, "enqueue_scheduled_jobs", some, lambda: give(some, "rq:scheduled:default")),
        },
    )
    return compared(
        "one-offs handed off", OURS, series, {LIMIT: Wanted(0.7), PEER: Wanted(100), RQ_OWN: Wanted(5)}
    )  # fmt: skip
