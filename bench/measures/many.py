"""Several dispatchers on one backlog."""

from __future__ import annotations

import time

from bench.sampling import Sample, interleave
from bench.stage import Stage
from bench.subjects import OURS, Subject
from bench.table import Line, Wanted

COUNTS = (1, 2, 4, 8)


def measure(stage: Stage) -> list[Line]:
    jobs = stage.size(100_000, 20_000)
    team = [Subject(OURS, stage.server.url) for _ in range(max(COUNTS))]

    def together(count: int) -> Sample:
        stage.server.empty()
        first = time.time() - 100
        stage.server.give_jobs([first + n / 10_000 for n in range(jobs)])
        stage.server.forget_scripts_run()
        before = stage.server.cpu()
        for subject in team[:count]:
            subject.ask("drain")
        answers = [subject.answer() for subject in team[:count]]
        redis = stage.server.cpu() - before
        stage.server.expect(jobs)
        stage.note_scripts(OURS)
        seconds = max(each.ended for each in answers) - min(each.began for each in answers)
        return Sample(jobs, seconds, redis, sum(each.cpu for each in answers))

    try:
        series = interleave(stage.rounds, {str(count): lambda count=count: together(count) for count in COUNTS})
    finally:
        for subject in team:
            subject.close()
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
