"""Recurring fires: how many a second, of schedules that are all due."""

from __future__ import annotations

from typing import Any

from bench.sampling import interleave
from bench.server import INDEX
from bench.stage import Stage, whole_second
from bench.subjects import LIMIT, OURS, PEER, REDISCRON, RQ_CRON
from bench.table import Line, Wanted, compared


def measure(stage: Stage) -> list[Line]:
    many, few = stage.size(20_000, 4_000), stage.size(2_000, 300)

    def give_schedules() -> dict[str, Any]:
        nominal = whole_second()
        stage.server.give_schedules(many, nominal)
        return {"nominal": nominal}

    def give_jobs_of_0_14() -> None:
        stage[PEER].do("schedule", calls=few)
        ids = stage.server.connection.zrange(INDEX, 0, -1)
        stage.server.connection.zadd(INDEX, dict.fromkeys(ids, whole_second()))

    def register(who: str) -> None:
        stage[who].do("register", calls=few)

    series = interleave(
        stage.rounds,
        {
            OURS: stage.emptying(OURS, "drain", many, lambda: give_schedules() and None),
            LIMIT: stage.emptying(LIMIT, "fire", many, give_schedules),
            PEER: stage.emptying(PEER, "enqueue_jobs", few, give_jobs_of_0_14),
            RQ_CRON: stage.emptying(RQ_CRON, "enqueue_jobs", few, lambda: register(RQ_CRON)),
            REDISCRON: stage.emptying(REDISCRON, "enqueue_jobs", few, lambda: register(REDISCRON)),
        },
    )
    return compared("schedules fired", OURS, series, {LIMIT: Wanted(0.6)})
