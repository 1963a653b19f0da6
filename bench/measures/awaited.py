"""What an application on an event loop calls: how many calls a second, and how long the loop is held up."""

from __future__ import annotations

from bench.harness import Harness
from bench.sampling import Figure, Sample
from bench.table import Line, Wanted, compared
from bench.targets import AWAITED, OURS

AT_ONCE = 1_000


def measure(harness: Harness) -> list[Line]:
    calls = harness.size(3_000, 1_000)
    longest: list[float] = []

    def awaited() -> Sample:
        harness.server.empty()
        place = harness.place()
        before = harness.server.cpu()
        answer = place[AWAITED].do("enqueue_in", calls=calls, together=min(AT_ONCE, calls))
        longest.append(answer.result)
        return Sample(calls, answer.seconds, harness.server.cpu() - before, answer.cpu)

    def called() -> Sample:
        harness.server.empty()
        return harness.place().measure(OURS, "enqueue_in", calls, calls=calls)

    series = harness.interleave({AWAITED: awaited, OURS: called})
    figure = Figure(longest[1:] or longest)
    return [
        *compared(f"enqueue_in, {AT_ONCE:,} awaited at once, calls", AWAITED, series, {OURS: Wanted(1.0)}),
        Line(
            f"the longest turn of the event loop with {AT_ONCE:,} of them (processor time)",
            AWAITED,
            figure,
            " ms",
            wanted=Wanted(10, at_most=True, unit=" ms"),
            judged=figure.median,
        ),
    ]
