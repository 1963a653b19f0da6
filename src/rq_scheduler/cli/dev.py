"""The subcommand `dev`: Redis, a dispatcher and workers for one's own code, in one terminal. Owns their order of birth
and death, and the interleaved log."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from types import FrameType

import click

from rq_scheduler.cli.children import Child, dispatcher_command, stop_all, worker_command
from rq_scheduler.cli.dashboard import HOW_TO_INSTALL, choose_port, is_installed, web_command
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.errors import SchedulerError

__all__ = ["dev"]

DEFAULT_PORT = 6379
COLORS = ("green", "cyan", "magenta", "blue", "yellow")


@click.command()
@click.option("-w", "--workers", type=click.IntRange(0, 64), default=1, show_default=True, help="How many rq workers.")
@click.option("--queues", default="default", show_default=True, help="Queues they listen on, comma-separated.")
@click.option("--path", default=".", show_default=True, help="Import path of your code, colon-separated.")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Keep the data there; else it goes.")
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="Port of Redis; 6379 if free, else another.")
@click.option(
    "--allow", metavar="NAME", multiple=True, help="A function that the dashboard may run, as `web --allow` says it."
)
@click.option("-v", "--verbose", is_flag=True, help="Log every batch of the dispatcher.")
def dev(
    workers: int, queues: str, path: str, data_dir: Path | None, port: int | None, allow: tuple[str, ...], verbose: bool
) -> None:
    """Run Redis, dispatcher, workers and dashboard in one terminal. Ctrl-C ends it all.

    For your own code. Schedule from another terminal, with Scheduler(connection=Redis()).
    """
    names = [name.strip() for name in queues.split(",") if name.strip()]
    if not names:
        raise click.BadParameter("name at least one queue.", param_hint="--queues")
    try:
        redis = EmbeddedRedis(data_dir=data_dir, port=_choose_port(port))
    except SchedulerError as error:
        raise click.ClickException(str(error)) from None
    session = _Session(redis, workers, names, path, verbose, allow)
    try:
        session.run()
    except SchedulerError as error:
        raise click.ClickException(str(error)) from None


def _choose_port(asked: int | None) -> int | None:
    """The port to start on; None lets EmbeddedRedis find one."""
    port = asked or DEFAULT_PORT
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            if asked is None:
                return None
            raise click.BadParameter(f"port {asked} is taken; choose another, or none.", param_hint="--port") from None
    return port


class _Session:
    """One run of `dev`."""

    def __init__(
        self,
        redis: EmbeddedRedis,
        workers: int,
        queues: list[str],
        path: str,
        verbose: bool,
        allow: Sequence[str] = (),
    ) -> None:
        self._redis = redis
        self._keep = redis.data_dir
        self._workers = workers
        self._queues = queues
        self._path = os.pathsep.join(os.path.abspath(os.path.expanduser(part)) for part in path.split(":") if part)
        self._verbose = verbose
        self._allow = [word for name in allow for word in ("--allow", name)]
        self._web_port = choose_port() if is_installed() else None
        self._children: list[Child] = []
        self._ended_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stopping = False

    def run(self) -> None:
        previous = {number: signal.signal(number, self._ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._redis.start()
            self._greet()
            self._start_children()
            while not self._stopping:
                self._look_after()
                sleep(0.1)
        finally:
            self._say("rqscheduler", "stopping: workers finish the job they have (a second Ctrl-C ends it)")
            self._stopping = False
            stubborn = self._stop_children()
            self._redis.stop()
            for number, handler in previous.items():
                signal.signal(number, handler)
            for name in stubborn:
                self._say(name, "had to be killed")
            self._say(
                "rqscheduler",
                "all stopped; the data is " + (f"in {self._keep}" if self._keep else "gone (--data-dir keeps it)"),
            )

    def _greet(self) -> None:
        version = ".".join(str(part) for part in self._redis.version)
        self._say("rqscheduler", f"Redis {version} on {self._redis.url}")
        if self._redis.port != DEFAULT_PORT:
            self._say(
                "rqscheduler",
                f"port {DEFAULT_PORT} was not to be had: connect with Redis(port={self._redis.port}), or "
                f"export RQ_REDIS_URL={self._redis.url}",
            )
        listening = f"{self._workers} rq worker{'s' if self._workers != 1 else ''} on {', '.join(self._queues)}"
        self._say("rqscheduler", f"one dispatcher, {listening}. Ctrl-C ends everything.")
        if self._web_port is None:
            self._say("rqscheduler", f"no dashboard: {HOW_TO_INSTALL}")
        else:
            self._say("rqscheduler", f"the dashboard: http://127.0.0.1:{self._web_port}/")

    def _start_children(self) -> None:
        flags = ["--path", self._path] + (["--verbose"] if self._verbose else [])
        self._add("dispatcher", dispatcher_command(self._redis.url, *flags))
        for number in range(1, self._workers + 1):
            self._add(f"worker-{number}", worker_command(self._redis.url, self._queues, "--path", self._path))
        if self._web_port is not None:
            command = web_command(self._redis.url, self._web_port, *self._allow)
            self._add("web", command, {"PYTHONPATH": self._path} if self._allow else None)

    def _add(self, name: str, command: list[str], env: Mapping[str, str] | None = None) -> None:
        child = Child(name, command, self._say, env)
        child.start()
        self._children.append(child)

    def _look_after(self) -> None:
        """Start again what has ended, a second later, so that a typo in one's code does not spin."""
        if not self._redis.running:
            self._say("redis", "has ended; starting it again")
            self._redis.start()
        for child in self._children:
            if child.running:
                continue
            since = self._ended_at.setdefault(child.name, monotonic())
            if monotonic() - since < 1.0:
                continue
            del self._ended_at[child.name]
            self._say(child.name, f"ended with status {child.returncode}; started again")
            child.start()

    def _stop_children(self) -> list[str]:
        workers = [child for child in self._children if child.name not in ("dispatcher", "web")]
        others = [child for child in self._children if child.name in ("dispatcher", "web")]
        # The dispatcher first: what it would hand off to nobody stays scheduled instead.
        return stop_all(others, patience=5.0) + stop_all(workers, patience=30.0, hurry=lambda: self._stopping)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _say(self, name: str, line: str) -> None:
        width = 11
        color = COLORS[sum(name.encode()) % len(COLORS)] if name != "rqscheduler" else "white"
        prefix = click.style(f"{name:<{width}} |", fg=color, bold=name == "rqscheduler")
        with self._lock:
            click.echo(f"{prefix} {line}", file=sys.stdout)
            sys.stdout.flush()
