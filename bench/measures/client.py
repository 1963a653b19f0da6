"""What an application calls: how many calls a second."""

from __future__ import annotations

from bench.harness import Harness
from bench.sampling import Round, Sample
from bench.table import Line, Wanted, compared
from bench.targets import BARE_CALL, BEFORE, OURS, PEER


def measure(harness: Harness) -> list[Line]:
    calls = harness.size(1_500, 500)

    def calling(who: str, what: str, times: int = 1, again: bool = False) -> Round:
        def measured() -> Sample:
            harness.server.empty()
            if again:
                harness[who].do(what, calls=calls * times)
            return harness.place().measure(who, what, calls * times, calls=calls * times)

        return measured

    def beside(
        title: str, ours: str, theirs: str, wanted: float | None = None, times: int = 1, again: bool = False
    ) -> list[Line]:
        targets = {who: calling(who, ours, times, again) for who in (OURS, BEFORE)} | {PEER: calling(PEER, theirs)}
        if ours == "enqueue_at":
            targets[BARE_CALL] = calling(BARE_CALL, "enqueue_at")
        return compared(title, OURS, harness.interleave(targets), {PEER: Wanted(wanted)} if wanted else {})

    return [
        *beside("enqueue_at, calls", "enqueue_at", "enqueue_at", 1.4),
        *beside("enqueue_many (0.14: enqueue_at), jobs", "enqueue_many", "enqueue_at", 8, times=5),
        *beside("schedules.put of new ones (0.14: schedule), calls", "put", "schedule", 1.0),
        *beside("schedules.put of unchanged ones (0.14: schedule), calls", "put", "schedule", 1.5, again=True),
        *beside("schedules.sync (0.14: schedule), schedules", "sync", "schedule"),
    ]
