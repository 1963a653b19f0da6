"""A real `rqscheduler` under measurement, and what a process has cost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rq_scheduler.guarded_process import GuardedProcess


class Dispatcher:
    """`rqscheduler`, as people start it."""

    def __init__(self, url: str) -> None:
        self._process = GuardedProcess([str(Path(sys.executable).parent / "rqscheduler"), "--url", url, "--quiet"])

    def end(self) -> None:
        self._process.terminate()

    def cpu(self) -> float:
        """Seconds of processor time that it has had."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Memory that it holds."""
        pid = str(self._process.pid)
        told = subprocess.run(["ps", "-o", "rss=", "-p", pid], capture_output=True, text=True, check=True)
        return int(told.stdout) / 1024
