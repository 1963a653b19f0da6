"""One-offs: how many a second leave a backlog."""

from __future__ import annotations

import time

from bench.harness import Harness
from bench.server import INDEX
from bench.table import Line, Wanted, compared
from bench.targets import BEFORE, BLIND, LIMIT, OURS, PEER, RQ_OWN, SEEING

DECIDES = (
    "origin", "status", "timeout", "ttl", "meta", "dependency_id", "enqueue_at_front", "enqueue_at_front_on_retry",
    "rate_limit_key",
)  # fmt: skip
"""Of a job: what says whether it is one that only has to be moved. RQ writes most of them only where they are used."""


def measure(harness: Harness) -> list[Line]:
    many, some, few = harness.size(100_000, 30_000), harness.size(30_000, 3_000), harness.size(5_000, 500)

    def give(number: int, index: str = INDEX) -> None:
        first = time.time() - 100
        harness.server.give_jobs([first + n / 10_000 for n in range(number)], index)

    series = harness.interleave(
        {
            OURS: harness.emptying(OURS, "drain", many, lambda: give(many)),
            BEFORE: harness.emptying(BEFORE, "drain", many, lambda: give(many)),
            LIMIT: harness.emptying(LIMIT, "hand_off", many, lambda: give(many)),
            BLIND: harness.emptying(BLIND, "hand_off", many, lambda: give(many), reads=()),
            SEEING: harness.emptying(SEEING, "hand_off", many, lambda: give(many), reads=DECIDES),
            PEER: harness.emptying(PEER, "enqueue_jobs", few, lambda: give(few)),
            RQ_OWN: harness.emptying(
                RQ_OWN, "enqueue_scheduled_jobs", some, lambda: give(some, "rq:scheduled:default")
            ),
        },
    )
    return compared(
        "one-offs handed off", OURS, series, {SEEING: Wanted(0.95), PEER: Wanted(100), RQ_OWN: Wanted(5)}
    )  # fmt: skip
