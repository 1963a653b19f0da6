"""Several dispatchers on one backlog."""

from __future__ import annotations

import time

from bench.harness import Harness
from bench.sampling import Sample
from bench.table import Line, Wanted
from bench.targets import OURS, Target

COUNTS = (1, 2, 4)


def measure(harness: Harness) -> list[Line]:
    jobs = harness.size(50_000, 20_000)
    team = [Target(OURS, harness.server.url) for _ in range(max(COUNTS))]

    def together(count: int) -> Sample:
        harness.server.empty()
        first = time.time() - 100
        harness.server.give_jobs([first + n / 10_000 for n in range(jobs)])
        harness.server.forget_scripts_run()
        before = harness.server.cpu()
        for target in team[:count]:
            target.ask("drain")
        answers = [target.answer() for target in team[:count]]
        redis = harness.server.cpu() - before
        harness.server.expect(jobs)
        harness.place().note_scripts(OURS)
        seconds = max(each.ended for each in answers) - min(each.began for each in answers)
        return Sample(jobs, seconds, redis, sum(each.cpu for each in answers))

    try:
        series = harness.interleave({str(count): lambda count=count: together(count) for count in COUNTS})
    finally:
        for target in team:
            target.close()
    one = series["1"]
    return [
        Line(
            f"{jobs:,} one-offs, {name} dispatcher{'' if name == '1' else 's: against one'}",
            OURS, each.rate, "/s", each.redis, each.total,
            None if each is one else each.rate.median / one.rate.median,
            None if each is one else one.redis.median / each.redis.median,
            None if each is one else one.total.median / each.total.median,
            Wanted(1) if name == "4" else None,
        )
        for name, each in series.items()
    ]  # fmt: skip
