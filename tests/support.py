"""What tests share that is not a fixture: waiting, and the processes that tests run beside themselves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rq_scheduler.guarded_process import GuardedProcess

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds after which what has to come has not: many times what it takes on a slow machine with other work beside. To
know that something did not wait for a poll, a test puts that an hour off, and looks at no clock."""


def wait_until(
    predicate: Callable[[], T],
    timeout: float = PATIENCE,
    interval: float | None = None,
    message: str | Callable[[], str] = "",
) -> T:
    """Return the first true answer of `predicate`; fail after `timeout` seconds, showing the last answer. Without an
    `interval` it is asked often at first, and then the less often the longer it takes: what waits must not hold up
    what it waits for."""
    begin = time.monotonic()
    while True:
        answer = predicate()
        if answer:
            return answer
        waited = time.monotonic() - begin
        if waited > timeout:
            told = message() if callable(message) else message
            raise AssertionError(f"Not within {timeout} s{': ' + told if told else ''} (last answer: {answer!r})")
        time.sleep(min(max(0.01, waited / 20), 0.1) if interval is None else interval)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, with the modules of tests/ importable, and nothing that would steer RQ or the command from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RQ_", "PYTEST_", "DJANGO_"))}
    return {**kept, "PYTHONPATH": str(TESTS), "PYTHONUNBUFFERED": "1", **(extra or {})}


def command(name: str) -> str:
    """The path of a command that is installed beside the Python that runs the tests."""
    return str(Path(sys.executable).parent / name)


class Processes:
    """Starts processes for one test and ends every one that is left, with its children, when the test ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[GuardedProcess] = []

    def start(self, *argv: str, env: Mapping[str, str] | None = None, log: str | None = None) -> GuardedProcess:
        path = self.folder / (log or f"{len(self.started):03d}-{Path(argv[0]).name}.log")
        process = GuardedProcess(argv, log=path, env=environment(env), cwd=self.folder)
        self.started.append(process)
        return process

    def run(self, *argv: str, env: Mapping[str, str] | None = None, timeout: float = PATIENCE) -> str:
        """Run to the end and return the output; fail, showing it, unless the exit status is 0."""
        process = self.start(*argv, env=env)
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        assert status == 0, f"{' '.join(argv)}: exit status {status}\n{process.output()}"
        return process.output()

    def end_all(self) -> None:
        kill_family(*self.started)


def kill_family(*processes: GuardedProcess) -> None:
    """SIGKILL processes and all their descendants at once."""
    descendants = _descendants({process.pid for process in processes if process.running})
    for process in processes:
        process.kill()
    for child in descendants:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _descendants(wanted: set[int]) -> list[int]:
    """All of them: a worker's work-horse lives in a process group of its own and would outlive it."""
    if not wanted:
        return []
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listing.splitlines())}
    found: list[int] = []
    while new := {child for child, parent in parents.items() if parent in wanted} - set(found):
        found.extend(new)
        wanted = new
    return found


@dataclass
class Peer:
    """rq-scheduler 0.14 in an environment of its own: its client, run as scripts, and its daemon."""

    python: Path
    url: str
    processes: Processes

    def script(self, source: str, *args: str, timeout: float = PATIENCE, env: Mapping[str, str] | None = None) -> str:
        """Run Python source with 0.14's packages; it finds `connection` and `scheduler` ready. Returns its output.

        `args` arrive as sys.argv[1:]. Naive "now" is datetime.utcnow() there, as 0.14's users write it.
        """
        return self.processes.run(
            str(self.python), "-W", "ignore", "-c", _PEER_PRELUDE + source, *args,
            env={"PEER_URL": self.url, **(env or {})}, timeout=timeout,
        )  # fmt: skip

    def daemon(self, *args: str, interval: float = 1) -> GuardedProcess:
        """Start 0.14's `rqscheduler`. With "--burst" among `args` it does one pass and ends: `.wait()` for it."""
        return self.processes.start(
            str(self.python.parent / "rqscheduler"), "--url", self.url, "--interval", str(interval), *args,
            log=f"peer-{len(self.processes.started):03d}.log",
        )  # fmt: skip


_PEER_PRELUDE = """
import os, sys, json, redis
from datetime import datetime, timedelta, timezone
from rq_scheduler import Scheduler
connection = redis.Redis.from_url(os.environ["PEER_URL"])
scheduler = Scheduler(connection=connection)
"""
