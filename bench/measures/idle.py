"""A dispatcher with nothing to do."""

from __future__ import annotations

import time

from bench.sampling import Figure
from bench.stage import Stage
from bench.subjects import OURS
from bench.table import Line


def measure(stage: Stage) -> list[Line]:
    pending, seconds = stage.size(100_000, 10_000), stage.size(20, 5)
    stage.server.empty()
    stage.server.give_jobs([time.time() + 86_400] * pending)
    with stage.dispatcher() as dispatcher:
        time.sleep(stage.size(10, 2))  # its first look at everything
        began, cpu, scripts = time.monotonic(), dispatcher.cpu(), stage.server.calls()
        time.sleep(seconds)
        passed = time.monotonic() - began
        cpu = (dispatcher.cpu() - cpu) / passed * 100
        counts = stage.server.calls() - scripts
        counts.pop("info", None)
    inside = Figure([counts.total() / passed])
    title = f"an idle dispatcher, {pending:,} pending"
    return [
        Line(f"{title}: its processor time", OURS, Figure([cpu]), "% of a core"),
        Line(f"{title}: scripts", OURS, Figure([counts["evalsha"] / passed]), "/s"),
        Line(f"{title}: all commands, those in scripts too", OURS, inside, "/s"),
    ]
