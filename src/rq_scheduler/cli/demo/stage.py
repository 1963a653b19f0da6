"""The processes on the stage: Redis, dispatchers, stock `rq worker`s. Owns starting, killing, reviving and stopping
them, and turning what they print into events. Knows nothing of what is scheduled.
"""

from __future__ import annotations

import json
import queue
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rq_scheduler.cli.children import Child, dispatcher_command, stop_all, worker_command
from rq_scheduler.cli.demo import jobs
from rq_scheduler.embedded import EmbeddedRedis

__all__ = ["QUEUE", "Said", "Stage"]

QUEUE = "demo"


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a dispatcher's JSON log."""

    by: str
    record: dict[str, Any]


class Stage:
    """Two dispatchers, two workers and a Redis with an append-only file.

    `fsync="no"` is what a SIGKILL asks for: each write is in the kernel's hands before it is answered. With "everysec",
    Redis may put the write itself off while a flush is under way, and answer before.
    """

    def __init__(self, log: Path) -> None:
        self.redis = EmbeddedRedis(aof=True, fsync="no")
        self.heard: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self.dispatchers: list[Child] = []
        self.workers: list[Child] = []
        self.last_words: dict[str, deque[str]] = {}
        self._log = log
        self._killed: set[str] = set()

    def start(self) -> None:
        self.redis.start()
        for name in ("A", "B"):
            self.add_dispatcher(name)
        for number in (1, 2):
            worker = Child(
                f"worker-{number}",
                self._worker_command(f"worker-{number}"),
                self._hear,
                {jobs.LOG_VARIABLE: str(self._log)},
            )
            worker.start()
            self.workers.append(worker)

    def _worker_command(self, name: str) -> list[str]:
        # --results-ttl keeps the finished jobs long enough to be asked when they were handed off. --config is RQ's way
        # to import something before the first fork: else every job would import this package anew.
        flags = ["--name", name, "--results-ttl", "600", "--config", jobs.__name__]
        return worker_command(self.redis.url, [QUEUE], *flags)

    def add_dispatcher(self, name: str) -> None:
        command = dispatcher_command(self.redis.url, "--name", f"demo-{name}", "--verbose", "--log-format", "json")
        child = Child(name, command, self._hear_json)
        child.start()
        self.dispatchers.append(child)

    def kill_dispatcher(self, name: str) -> None:
        self._killed.add(name)
        next(child for child in self.dispatchers if child.name == name).kill()

    def revive_workers(self) -> list[str]:
        """Start again the workers that have ended: a stock worker gives up when Redis goes at certain moments, and a
        service manager would do the same. Under a new name each time, since the old one may still be registered."""
        revived: list[str] = []
        for worker in self.workers:
            if not worker.running and worker.restarts < 5:
                worker.command = self._worker_command(f"{worker.name}-{worker.restarts + 2}")
                worker.restart()
                revived.append(worker.name)
        return revived

    def fallen_dispatchers(self) -> list[str]:
        """Those that ended without being killed by the script: there must be none."""
        return [child.name for child in self.dispatchers if not child.running and child.name not in self._killed]

    def words(self, name: str | None = None) -> str:
        """The last lines that a process (or each of them) printed outside the protocol: for error messages."""
        said = [
            self.last_words[one][-1] for one in ([name] if name else sorted(self.last_words)) if one in self.last_words
        ]
        return " | ".join(said) or "(it said nothing)"

    def stop(self) -> None:
        stop_all([*self.dispatchers, *self.workers], patience=5)
        self.redis.stop()

    def _hear(self, name: str, line: str) -> None:
        self.last_words.setdefault(name, deque(maxlen=12)).append(line)

    def _hear_json(self, name: str, line: str) -> None:
        try:
            record: dict[str, Any] | None = json.loads(line)
        except ValueError:
            record = None
        if record is not None:
            self.heard.put(Said(name, record))
        else:
            self._hear(name, line)
