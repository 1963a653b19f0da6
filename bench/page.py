"""docs/benchmarks.md, as the benchmark writes it: what was measured, on what, and the table."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bench.planning import processor
from bench.subjects import OURS, ROOT
from bench.table import Line, markdown

_TEXT = """# Benchmarks

Written by `make bench`; do not edit. All figures are of one run on one machine: compare figures in this table, not with
those of other machines. `make bench QUICK=1` prints a smaller table in a minute.

{machine}

How to read it:

- Subjects take turns, round after round, on one Redis without persistence; the first round warms up and does not
  count. A figure is the median of the rounds, with the least and the greatest beside it.
- **ratio** is ours to that line's subject, by the clock: how many times faster ours is (of lateness: how many times
  later). The same by the processor time that Redis's main thread had for a job, and by that of Redis and the subject's
  own process together: these hold better on a machine that does other things too.
- **The bare script** (`bench/lua`) makes the same writes in the fewest commands and checks nothing: what Redis itself
  allows. It has the same entries in the same server, in batches of 500. All that it reads of a job, or of a schedule,
  is its queue, without which it could not be handed off; told the queue, it reads nothing at all. One that reads what
  decides, and heeds none of it, shows what a scheduler can reach that looks at each job before it moves it. Beside
  `enqueue_at` it has RQ build each job, and saves that in one round trip: what RQ and redis-py leave.
- Each subject has a process of its own, which stays for all rounds; garbage is collected before each. All of the jobs
  have to be in the queue in the end, or the run is void.
- All have the same RQ and redis-py, so that what is compared is the scheduler. hiredis, which reads Redis's answers
  faster, comes with rq-scheduler 1.0; the peers do not ask for it.
- Peers have as many entries as they can serve in a few seconds. RQ's own scheduler sleeps a second after each 1,000
  jobs: that is left out; it runs in our environment. `rq cron` and rq-rediscron have interval jobs that are all due.
- In the herd, and for lateness, ours is a `rqscheduler` process as people start it, which plans ahead; its processor
  time counts from the second on. Lateness is the moment of the hand-off minus the due time, both by the clock of Redis.

"""


def page(lines: Sequence[Line], versions: Mapping[str, Mapping[str, str]], server: str) -> str:
    return _TEXT.format(machine=machine(versions, server)) + markdown(lines) + "\n" + verdict(lines) + "\n"


def machine(versions: Mapping[str, Mapping[str, str]], server: str) -> str:
    """What it was measured on."""
    hardware = f"{processor()}, {os.cpu_count()} cores, {platform.system()}"
    lines = [
        f"{hardware}; Python {platform.python_version()}, Redis {server};",
        f"{datetime.now(UTC):%Y-%m-%d}, commit {_commit()}, load {os.getloadavg()[0]:.1f} at the end.",
        "",
    ]
    ours = versions.get(OURS)
    for who, packages in versions.items():
        if who == OURS or packages != ours:
            lines.append(f"- {who}: {', '.join(f'{name} {version}' for name, version in packages.items())}")
    return "\n".join(lines)


def verdict(lines: Sequence[Line]) -> str:
    """How many targets are met, and which are not."""
    judged = [line for line in lines if line.met is not None]
    missed = [f"{line.what} ({line.who})" for line in judged if not line.met]
    met = f"{len(judged) - len(missed)} of {len(judged)} targets are met"
    return f"{met}; not met: {'; '.join(missed)}." if missed else f"{met}."


def _commit() -> str:
    def git(*words: str) -> str:
        told = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return told.stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + (
        " with changes" if git("status", "--porcelain") else ""
    )
