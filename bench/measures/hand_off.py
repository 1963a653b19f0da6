"""One-offs: how many a second leave a backlog."""

from __future__ import annotations

import time

from bench.sampling import interleave
from bench.server import INDEX
from bench.stage import Stage
from bench.subjects import BLIND, LIMIT, OURS, PEER, RQ_OWN, SEEING
from bench.table import Line, Wanted, compared

DECIDES = (
    "origin", "status", "timeout", "ttl", "meta", "dependency_id", "enqueue_at_front", "enqueue_at_front_on_retry",
    "rate_limit_key",
)  # fmt: skip
"""Of a job: what says whether it is one that only has to be moved. RQ writes most of them only where they are used."""


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
            BLIND: stage.emptying(BLIND, "hand_off", many, lambda: give(many), reads=()),
            SEEING: stage.emptying(SEEING, "hand_off", many, lambda: give(many), reads=DECIDES),
            PEER: stage.emptying(PEER, "enqueue_jobs", few, lambda: give(few)),
            RQ_OWN: stage.emptying(RQ_OWN, "enqueue_scheduled_jobs", some, lambda: give(some, "rq:scheduled:default")),
        },
    )
    return compared(
        "one-offs handed off", OURS, series, {LIMIT: Wanted(0.7), PEER: Wanted(100), RQ_OWN: Wanted(5)}
    )  # fmt: skip
