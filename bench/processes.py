"""Real processes under measurement, as people start them, and what a process has cost."""

from __future__ import annotations

import subprocess
import time

from bench.targets import OURS, environment, python
from rq_scheduler.guarded_process import GuardedProcess


class Process:
    """`rqscheduler` of OURS or BEFORE, with these words."""

    def __init__(self, url: str, who: str, *words: str) -> None:
        command = [python(who), "-m", "rq_scheduler.cli", *words, "--url", url]
        self._process = GuardedProcess(command, env=environment(who))

    def end(self) -> None:
        self._process.terminate()

    def cpu(self) -> float:
        """Seconds of processor time that it has had."""
        return cpu_of(self._process.pid)

    def megabytes(self) -> float:
        """Memory that it holds."""
        pid = str(self._process.pid)
        told = subprocess.run(["ps", "-o", "rss=", "-p", pid], capture_output=True, text=True, check=True)
        return int(told.stdout) / 1024


class Dispatcher(Process):
    """A dispatcher."""

    def __init__(self, url: str, who: str) -> None:
        super().__init__(url, who, "--quiet")


class Web(Process):
    """`rqscheduler web` at this port of 127.0.0.1, for bearers of tokens."""

    def __init__(self, url: str, port: int) -> None:
        super().__init__(url, OURS, "web", "--bind", f"127.0.0.1:{port}", "--auth", "tokens")


def cpu_of(pid: int) -> float:
    """Seconds of processor time that a process has had."""
    # What clock_getcpuclockid(3) answers on Linux: to the nanosecond, where /proc counts in hundredths of a second.
    return time.clock_gettime(~pid << 3 | 2)
