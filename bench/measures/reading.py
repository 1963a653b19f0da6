"""What people look at, with very much stored: what runs next, and pages of schedules."""

from __future__ import annotations

import time
from typing import Any

from bench.sampling import Figure
from bench.stage import Stage, whole_second
from bench.subjects import OURS
from bench.table import Line, Wanted

PAGE = 100
HOUR = 3_600


def measure(stage: Stage) -> list[Line]:
    schedules, recurring, one_offs = stage.size(100_000, 2_000), stage.size(20_000, 500), stage.size(1_000_000, 20_000)
    stage.server.empty()
    stage.server.give_schedules(schedules, whole_second(-HOUR))
    stage[OURS].do("schedule", calls=recurring)
    first = time.time() + HOUR / 2
    stage.server.give_jobs([first + n / 1_000 for n in range(one_offs)])
    stored = f"{schedules:,} schedules, {recurring:,} recurring jobs, {one_offs:,} one-offs"
    looks: dict[str, tuple[str, dict[str, Any]]] = {
        f"the next {PAGE} runs of {stored}": ("upcoming", {"limit": PAGE}),
        f"the first {PAGE} schedules of as many": ("page_of_schedules", {"offset": 0, "limit": PAGE}),
        f"the last {PAGE} of them": ("page_of_schedules", {"offset": schedules + recurring - PAGE, "limit": PAGE}),
    }
    times: dict[str, list[float]] = {title: [] for title in looks}
    stage.server.forget_scripts_run()
    for number in range(stage.rounds + 1):
        for title, (what, options) in looks.items():
            answer = stage[OURS].do(what, **options)
            if answer.result != PAGE:
                raise SystemExit(f"{title}: {answer.result} came, not {PAGE}")
            if number:
                times[title].append(answer.seconds * 1000)
    stage.note_scripts(OURS)
    wanted = Wanted(20, at_most=True, unit=" ms")
    figures = {title: Figure(each) for title, each in times.items()}
    return [Line(title, OURS, figure, " ms", wanted=wanted, judged=figure.median) for title, figure in figures.items()]
