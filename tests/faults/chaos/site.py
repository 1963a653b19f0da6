"""What faults befall: a private Redis, the network before it, dispatchers and workers, each a process of its own.

Owns starting them, keeping their number up, and ending them all.
"""

import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import redis as redis_py
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from faults import injections
from faults.proxy import Proxy
from faults.server_faults import fragile_server
from integration import nursery
from rq_scheduler.guarded_process import GuardedProcess
from support import Processes, command, kill_family


class Site:
    """All processes of one chaos. `folder` gets their logs and Redis's data."""

    def __init__(self, folder: Path, choice: str, *, dispatchers: int, sabotage: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self._processes = Processes(folder)
        self.server = fragile_server(choice, folder / "redis")
        self.server.start()
        self.admin = redis_py.Redis.from_url(self.server.url, retry=Retry(ConstantBackoff(0.05), 40), socket_timeout=10)
        self._networks = ExitStack()
        self.proxy, self.client_proxy = (self._networks.enter_context(Proxy(self.server.url)) for _ in range(2))
        self.dispatchers = [Slot(n, self, sabotage) for n in range(dispatchers)]
        self.workers: list[GuardedProcess] = []
        self.trouble: list[str] = []
        self._queues: Sequence[str] = ()

    # Life

    def start(self, workers: Sequence[str]) -> None:
        """All dispatchers, and a worker for each of these queues."""
        for slot in self.dispatchers:
            slot.start()
        self._queues = workers
        self.keep_up_workers()

    def keep_up_workers(self) -> None:
        """Starts those anew that have ended: a worker may, when it loses Redis."""
        self.workers = [worker for worker in self.workers if worker.running]
        for queue in self._queues[len(self.workers) :]:
            name = f"worker-{uuid.uuid4().hex}"
            argv = [command("rq"), "worker", "--url", self.server.url, "--name", name, queue]
            self.workers.append(self._processes.start(*argv, log="workers.log"))

    def start_command(self, url: str, name: str) -> GuardedProcess:
        """A dispatcher as people start it."""
        argv = [sys.executable, "-m", "rq_scheduler.cli", "--url", url, "--name", name, "--quiet"]
        return self._processes.start(*argv, env={"TZ": "UTC"}, log="commands.log")

    def look_after(self) -> None:
        """Notes dispatchers that ended though nobody ended them, and starts those and workers anew."""
        for slot in self.dispatchers:
            told = slot.revive_if_dead()
            if told:
                self.trouble.append(told)
        self.keep_up_workers()

    def stop_dispatchers(self) -> None:
        """SIGTERM to all, which have to end well within ten seconds."""
        for slot in self.dispatchers:
            status = slot.end()
            if status != 0:
                self.trouble.append(f"{slot.name} ended with {status} on SIGTERM")

    def end(self) -> None:
        """Ends whatever is left."""
        for slot in self.dispatchers:
            slot.kill()
        for worker in self.workers:
            kill_family(worker)
        self._processes.end_all()
        with suppress(Exception):
            self._networks.close()
        if self.server.running:
            os.kill(self.server.pid, signal.SIGCONT)
        self.server.kill()
        self.server.stop()
        self.admin.close()

    # Faults. Each returns when it is over.

    def while_(self, fault: AbstractContextManager[Any], seconds: float = 0) -> None:
        """Redis has this fault, for so long."""
        with fault:
            time.sleep(seconds)

    def client_kill(self, kind: str) -> None:
        """Ends connections: "normal" or "pubsub"."""
        self.admin.client_kill_filter(_type=kind, skipme=True)


@dataclass
class Slot:
    """The place of one dispatcher. Those in places 0, 4, ... reach Redis directly; 1 through the proxy; 2 has a clock
    that is hours off; 3 is the command that people start, directly or through the proxy by turns."""

    number: int
    site: Site
    sabotage: tuple[str, ...] = ()
    starts: int = 0
    process: BaseProcess | GuardedProcess | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def name(self) -> str:
        return f"d{self.number}-{self.starts}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        pid = self.process.pid
        assert pid is not None
        return pid

    def start(self) -> None:
        with self.lock:
            self.starts += 1
            kind = self.number % 4
            proxied = kind == 1 or (kind == 3 and self.starts % 2 == 0)
            url = self.site.proxy.url if proxied else self.site.server.url
            if kind == 3 and not self.sabotage:
                self.process = self.site.start_command(url, self.name)
                return
            hours = (5, -5, 26, -26)[self.starts % 4] if kind == 2 else 0
            prepare = partial(_prepare, str(self.site.folder / "dispatchers.log"), hours * 3600, self.sabotage)
            self.process = nursery.start(url, prepare=prepare, name=self.name)

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        with self.lock:
            if isinstance(self.process, GuardedProcess):
                self.process.kill()
            elif self.process is not None:
                self.process.kill()
                self.process.join()
            self.process = None

    def end(self) -> int | None:
        """SIGTERM; its exit status, None if it did not end."""
        with self.lock:
            assert self.process is not None
            if isinstance(self.process, GuardedProcess):
                self.process.signal(signal.SIGTERM)
                with suppress(Exception):
                    self.process.wait(10)
                status = self.process.returncode
            else:
                (status,) = nursery.end([self.process])
            if status is None:
                self.kill()
            self.process = None
            return status

    def revive_if_dead(self) -> str:
        """Starts it anew if it ended by itself; says so."""
        with self.lock:
            if self.process is None:
                return ""
            code = self.process.returncode if isinstance(self.process, GuardedProcess) else self.process.exitcode
            if code is None:
                return ""
            told = f"{self.name} ended by itself with {code}"
            self.start()
            return told

    # Faults. Each returns when it is over.

    def killed(self, seconds: float) -> None:
        with self.lock:
            self.kill()
            time.sleep(seconds)
            self.start()

    def stopped(self, seconds: float) -> None:
        """Frozen, wherever it just was; then it goes on with the plans that it had."""
        self.signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.signal(signal.SIGCONT)

    def terminated(self, seconds: float, *, twice: bool = False) -> None:
        with self.lock:
            assert self.process is not None
            self.signal(signal.SIGTERM)
            if twice:
                self.signal(signal.SIGTERM)
            status = self.end()
            # A second signal may come before the first has been heard of; one that is not ready yet knows neither.
            if status not in (0, -signal.SIGTERM, 128 + signal.SIGTERM):
                self.site.trouble.append(f"{self.name} ended with {status} on SIGTERM")
            time.sleep(seconds)
            self.start()


def _prepare(log: str, clock_off: float, sabotage: tuple[str, ...]) -> None:
    logging.basicConfig(filename=log, format="%(asctime)s %(process)d %(message)s", level=logging.WARNING)
    if clock_off:
        injections.wrong_clock(clock_off)
    for what in sabotage:
        injections.SABOTAGE[what]()
