"""What an application calls: how many calls a second."""

from __future__ import annotations

from bench.sampling import Round, Sample, interleave
from bench.stage import Stage
from bench.subjects import BARE_CALL, OURS, PEER
from bench.table import Line, Wanted, compared


def measure(stage: Stage) -> list[Line]:
    calls = stage.size(3_000, 500)

    def calling(who: str, what: str, times: int = 1) -> Round:
        def measured() -> Sample:
            stage.server.empty()
            return stage.measure(who, what, calls * times, calls=calls * times)

        return measured

    def beside(
        title: str, ours: str, theirs: str, times: int = 1, wanted: Wanted | None = None, limit: str = ""
    ) -> list[Line]:
        subjects = {OURS: calling(OURS, ours, times), PEER: calling(PEER, theirs)}
        if limit:
            subjects[BARE_CALL] = calling(BARE_CALL, limit)
        return compared(title, OURS, interleave(stage.rounds, subjects), {PEER: wanted} if wanted else {})

    return [
        *beside("enqueue_at, calls", "enqueue_at", "enqueue_at", wanted=Wanted(1.5), limit="enqueue_at"),
        *beside("enqueue_many (0.14: enqueue_at), jobs", "enqueue_many", "enqueue_at", times=5, wanted=Wanted(8)),
        *beside("schedules.put (0.14: schedule), calls", "put", "schedule"),
        *beside("schedules.sync (0.14: schedule), schedules", "sync", "schedule"),
    ]
