"""Processes that a command starts and answers for: a daemon, a stock RQ worker. Owns starting them so that they die
with us, reading what they print line by line, and ending them without leftovers. Knows no Redis.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep

import rq_scheduler

__all__ = ["Child", "dispatcher_command", "stop_all", "worker_command"]

_PR_SET_PDEATHSIG = 1
# Loaded before any fork: between fork and exec nothing may import.
_LIBC: ctypes.CDLL | None = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def dispatcher_command(url: str, *args: str) -> list[str]:
    """This package's daemon, in this interpreter, against one Redis."""
    return [sys.executable, "-m", "rq_scheduler.cli", "--url", url, *args]


def worker_command(url: str, queues: Sequence[str], *args: str) -> list[str]:
    """RQ's own `rq worker`, as installed, in this interpreter."""
    return [sys.executable, "-m", "rq.cli", "worker", "--url", url, *args, *queues]


def _die_with_parent() -> None:
    if _LIBC is not None:
        # SIGTERM: an orphaned worker takes its work horse along, which SIGKILL would leave behind.
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class Child:
    """One process with a name. Its stdout and stderr come to `on_line(name, line)`, from a thread.

    It leads a session of its own, so that Ctrl-C in the terminal reaches us alone and we end things in order. Start it
    from the main thread: the kernel ties a child's death to the thread that made it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        on_line: Callable[[str, str], None],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.on_line = on_line
        self._env = _environment(env or {})
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Starts it, or again where it has ended."""
        process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=self._env,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self._process = process
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True, name=f"read-{self.name}")
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self.on_line(self.name, line.rstrip("\n"))

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs (and before it is started)."""
        return self._process.poll() if self._process is not None else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and reap."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def finish(self) -> None:
        """Take what it still had to say, once it has ended."""
        if self._reader is not None:
            self._reader.join(timeout=2)


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Ours, with this copy of the package importable even where it is not installed, and none of the variables that
    would point a child at another Redis."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("RQ_REDIS_")}
    home = str(Path(rq_scheduler.__file__).resolve().parent.parent)
    paths = [path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path]
    if home not in paths:
        paths.append(home)
    env.update({"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}, **extra)
    return env


def stop_all(children: Sequence[Child], patience: float = 10.0, hurry: Callable[[], bool] = lambda: False) -> list[str]:
    """End them: SIGTERM, again after `patience` seconds or when `hurry()` says so (an RQ worker takes the second for
    "now" and ends its work horse too), SIGKILL at the last. Returns the names of those that needed SIGKILL."""
    began = monotonic()
    for child in children:
        child.signal(signal.SIGTERM)
    if not _wait_for_end(children, patience, hurry):
        # RQ takes two signals within a second for one.
        sleep(max(0.0, 1.1 - (monotonic() - began)))
        for child in children:
            child.signal(signal.SIGTERM)
        _wait_for_end(children, 3.0)
    stubborn = [child for child in children if child.running]
    for child in stubborn:
        child.kill()
    for child in children:
        child.finish()
    return [child.name for child in stubborn]


def _wait_for_end(children: Sequence[Child], seconds: float, hurry: Callable[[], bool] = lambda: False) -> bool:
    deadline = monotonic() + seconds
    while any(child.running for child in children):
        if monotonic() > deadline or hurry():
            return False
        sleep(0.02)
    return True
