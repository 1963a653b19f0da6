"""The processes of the demo: a Redis, two dispatchers, two stock `rq worker`s. Owns starting, killing and ending them.
Knows nothing of what is scheduled.
"""

from __future__ import annotations

import json
import queue
from typing import Any

from rq_scheduler.cli.children import Child, dispatcher_command, stop_all, worker_command
from rq_scheduler.cli.dashboard import choose_port, is_installed, web_command
from rq_scheduler.cli.demo import jobs
from rq_scheduler.embedded import EmbeddedRedis

__all__ = ["QUEUE", "Processes"]

QUEUE = "demo"


class Processes:
    """What runs. `said` has the lines of JSON that dispatchers log and jobs print, each with the name of its process;
    `last_words` the last other line of each.

    The append-only file is not flushed (`fsync="no"`), which is what a SIGKILL asks for: each write is in the kernel's
    hands before it is answered. With "everysec", Redis may put off the write itself during a flush, and answer before.
    """

    def __init__(self) -> None:
        self.redis = EmbeddedRedis(aof=True, fsync="no")
        self.said: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
        self.last_words: dict[str, str] = {}
        self.dispatchers: dict[str, Child] = {}
        self.workers: dict[str, Child] = {}
        self.web: Child | None = None
        self.dashboard = ""

    def start(self) -> None:
        """Starts them; workers take a second until they listen."""
        self.redis.start()
        for name in ("A", "B"):
            flags = ("--name", f"demo-{name}", "--verbose", "--log-format", "json")
            self.dispatchers[name] = Child(name, dispatcher_command(self.redis.url, *flags), self._hear)
        for name in ("worker-1", "worker-2"):
            self.workers[name] = Child(name, self._worker(name), self._hear)
        children = [*self.dispatchers.values(), *self.workers.values()]
        if is_installed():
            port = choose_port()
            self.web = Child("web", web_command(self.redis.url, port, "--read-only"), self._hear)
            self.dashboard = f"http://127.0.0.1:{port}/"
            children.append(self.web)
        for child in children:
            child.start()

    def _worker(self, name: str) -> list[str]:
        # --results-ttl keeps finished jobs for the account. --config is RQ's way to import something before the first
        # fork: else each job would import this package anew.
        flags = ("--name", name, "--results-ttl", "600", "--config", jobs.__name__)
        return worker_command(self.redis.url, [QUEUE], *flags)

    def stop_workers(self) -> None:
        """Ends the workers in good order: each has its job done first."""
        stop_all(list(self.workers.values()), patience=30)

    def start_workers(self) -> None:
        """Starts them again."""
        for worker in self.workers.values():
            worker.start()

    def end_dispatchers(self) -> list[str]:
        """Ends them. Returns which had ended by themselves, and with what words."""
        ended = [name for name, child in self.dispatchers.items() if not child.running]
        stop_all(list(self.dispatchers.values()), patience=5)
        return [f"{name} ({self.last_words.get(name)})" for name in ended]

    def end(self) -> None:
        """Ends all that is left."""
        others = [] if self.web is None else [self.web]
        stop_all([*self.dispatchers.values(), *self.workers.values(), *others], patience=5)
        self.redis.stop()

    def _hear(self, name: str, line: str) -> None:
        if line.startswith("{"):
            self.said.put((name, json.loads(line)))
        else:
            self.last_words[name] = line
