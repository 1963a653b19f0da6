"""What people look at, with very much stored: what runs next, and pages of schedules."""

from __future__ import annotations

import time
from typing import Any

from bench.harness import Harness, whole_second
from bench.sampling import Figure
from bench.table import Line, Wanted
from bench.targets import OURS

PAGE = 100
HOUR = 3_600


def measure(harness: Harness) -> list[Line]:
    schedules, recurring, one_offs = (
        harness.size(100_000, 2_000),
        harness.size(20_000, 500),
        harness.size(300_000, 20_000),
    )
    harness.server.empty()
    harness.server.give_schedules(harness[OURS], schedules, whole_second(-HOUR))
    harness[OURS].do("schedule", calls=recurring)
    first = time.time() + HOUR / 2
    harness.server.give_jobs([first + n / 1_000 for n in range(one_offs)])
    stored = f"{schedules:,} schedules, {recurring:,} recurring jobs, {one_offs:,} one-offs"
    looks: dict[str, tuple[str, dict[str, Any]]] = {
        f"the next {PAGE} runs of {stored}": ("upcoming", {"limit": PAGE}),
        f"the first {PAGE} schedules of as many": ("page_of_schedules", {"offset": 0, "limit": PAGE}),
        f"the last {PAGE} of them": ("page_of_schedules", {"offset": schedules + recurring - PAGE, "limit": PAGE}),
    }
    times: dict[str, list[float]] = {title: [] for title in looks}
    harness.server.forget_scripts_run()
    for number in range(harness.rounds + 1):
        for title, (what, options) in looks.items():
            answer = harness[OURS].do(what, **options)
            if answer.result != PAGE:
                raise SystemExit(f"{title}: {answer.result} came, not {PAGE}")
            if number:
                times[title].append(answer.seconds * 1000)
    harness.place().note_scripts(OURS)
    wanted = Wanted(20, at_most=True, unit=" ms")
    figures = {title: Figure(each) for title, each in times.items()}
    return [Line(title, OURS, figure, " ms", wanted=wanted, judged=figure.median) for title, figure in figures.items()]
