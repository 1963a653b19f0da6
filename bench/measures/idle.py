"""A dispatcher with nothing to do, and what a schedule takes of Redis's memory."""

from __future__ import annotations

import time

from bench.harness import Harness
from bench.sampling import Figure
from bench.table import Line, Wanted
from bench.targets import BEFORE, OURS

DAY = 86_400


def measure(harness: Harness) -> list[Line]:
    """What it costs, with very much pending."""
    return [line for who in (OURS, BEFORE) for line in _idle(harness, who)]


def _idle(harness: Harness, who: str) -> list[Line]:
    pending, seconds = harness.size(100_000, 2_000), harness.size(10, 2)
    place = harness.place(who)
    place.server.give_schedules(place[who], pending, int(time.time()) + DAY)
    place.server.give_jobs([time.time() + DAY] * pending)
    with place.dispatchers(who) as (dispatcher,):
        time.sleep(harness.size(6, 1))  # its first look at everything
        began, cpu = time.monotonic(), dispatcher.cpu()
        heard = place.server.commands_heard(seconds)
        passed = time.monotonic() - began
        cpu, sent = (dispatcher.cpu() - cpu) / passed * 100, heard / passed
    wanted = Wanted(3, at_most=True, unit="/s") if who == OURS else None
    title = f"an idle dispatcher, {pending:,} one-offs and as many schedules pending"
    return [
        Line(f"{title}: its processor time", who, Figure([cpu]), "% of a core"),
        Line(f"{title}: commands", who, Figure([sent]), "/s", wanted=wanted, judged=sent),
    ]


def measure_memory(harness: Harness) -> list[Line]:
    """Bytes of Redis a schedule that has not fired yet, with its share of what a server keeps once, such as scripts."""
    number = harness.size(2_000, 200)
    lines: list[Line] = []
    for who in (OURS, BEFORE):
        place = harness.place(who)
        before = place.server.memory()
        place[who].do("sync", calls=number)
        size = (place.server.memory() - before) / number
        wanted = Wanted(3_300, at_most=True, unit=" bytes") if who == OURS else None
        lines.append(Line("memory of Redis, per schedule", who, Figure([size]), " bytes", wanted=wanted, judged=size))
    return lines
