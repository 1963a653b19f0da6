"""A real `rqscheduler` under measurement, and what a process has cost."""

from __future__ import annotations

import subprocess
import time

from bench.targets import environment, python
from rq_scheduler.guarded_process import GuardedProcess


class Dispatcher:
    """`rqscheduler` of OURS or BEFORE, as people start it."""

    def __init__(self, url: str, who: str) -> None:
        command = [python(who), "-m", "rq_scheduler.cli", "--url", url, "--quiet"]
        self._process = GuardedProcess(command, env=environment(who))

    def end(self) -> None:
        self._process.terminate()

    def cpu(self) -> float:
        """Seconds of processor time that it has had."""
        # What clock_getcpuclockid(3) answers on Linux: to the nanosecond, where /proc counts in hundredths of a second.
        return time.clock_gettime(~self._process.pid << 3 | 2)

    def megabytes(self) -> float:
        """Memory that it holds."""
        pid = str(self._process.pid)
        told = subprocess.run(["ps", "-o", "rss=", "-p", pid], capture_output=True, text=True, check=True)
        return int(told.stdout) / 1024
