"""What can be wrong with a Redis server for a while, each as a context manager: wrong inside it, right behind it.

Needs a server of the test's own. `admin` is a connection that the fault leaves alone.
"""

import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from rq_scheduler.embedded import EmbeddedRedis
from servers import new_server
from support import PATIENCE, wait_until

BUSY_AFTER_MS = 50
_RDB = "dump.rdb"


def fragile_server(choice: str, folder: Path, **options: Any) -> EmbeddedRedis:
    """A server with an AOF that is not started yet, which all of these can be done to."""
    # A folder in the place of its dump makes every BGSAVE fail, whoever runs it: a true MISCONF on demand.
    (folder / _RDB).mkdir(parents=True)
    # Without this, Linux ends a process that writes beyond its limit; Redis is to see the error instead.
    script = folder / "redis-server"
    args = ["--lua-time-limit", str(BUSY_AFTER_MS), "--dbfilename", _RDB]
    server = new_server(choice, aof=True, args=args, data_dir=folder, **{"fsync": "always", **options})
    script.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec {server.server} \"$@\"\n")
    script.chmod(0o755)
    server.server = script
    return server


@contextmanager
def paused(admin: Any, seconds: float, *, all: bool) -> Iterator[None]:
    """CLIENT PAUSE for so long: Redis takes commands (or only those that write) and does not answer; CLIENT UNPAUSE
    from a new connection neither."""
    admin.client_pause(round(seconds * 1000), all=all)
    until = time.monotonic() + seconds
    yield
    time.sleep(max(0.0, until - time.monotonic()))


@contextmanager
def without_scripts(admin: Any) -> Iterator[list[int]]:
    """SCRIPT FLUSH, as often as possible: between any two commands of others. Counts."""
    ended, count = threading.Event(), [0]

    def flush() -> None:
        while not ended.is_set():
            with suppress(redis_py.RedisError, OSError):
                admin.script_flush()
                count[0] += 1

    thread = threading.Thread(target=flush, daemon=True)
    thread.start()
    try:
        yield count
    finally:
        ended.set()
        thread.join(PATIENCE)


@contextmanager
def busy(server: EmbeddedRedis) -> Iterator[None]:
    """A script that only reads goes on and on, until SCRIPT KILL."""

    def run() -> None:
        with (
            suppress(redis_py.RedisError, OSError),
            redis_py.Redis.from_url(server.url, retry=Retry(NoBackoff(), 0)) as client,
        ):
            client.eval("while true do end", 0)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    wait_until(lambda: _says(server, b"PING").startswith(b"-BUSY") or not thread.is_alive())
    try:
        yield
    finally:
        while thread.is_alive():
            _says(server, b"SCRIPT KILL")
            thread.join(0.05)


def _says(server: EmbeddedRedis, command: bytes) -> bytes:
    """The answer to one command without a word before it: a busy server takes nothing that clients say at first."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as talk:
            talk.sendall(command + b"\r\n")
            return talk.recv(200)
    except OSError:
        return b""


@contextmanager
def frozen(server: EmbeddedRedis) -> Iterator[None]:
    """SIGSTOP: connections stay, and nothing comes back."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@contextmanager
def out_of_memory(admin: Any) -> Iterator[None]:
    """OOM: it has reached maxmemory, and may evict nothing."""
    admin.config_set("maxmemory", "1")
    try:
        yield
    finally:
        admin.config_set("maxmemory", "0")


@contextmanager
def misconf(admin: Any) -> Iterator[None]:
    """MISCONF: a background save has failed, and `stop-writes-on-bgsave-error` is on. For a `fragile_server`."""
    admin.config_set("save", "3600 1")
    try:
        admin.execute_command("BGSAVE", "SCHEDULE")  # at once, or behind a rewrite of the AOF
        wait_until(lambda: admin.info("persistence")["rdb_last_bgsave_status"] == "err")
        yield
    finally:
        admin.config_set("save", "")


@contextmanager
def read_only(admin: Any) -> Iterator[None]:
    """READONLY: it was made the replica of a master that does not answer. It keeps its data meanwhile."""
    admin.replicaof("127.0.0.1", 1)
    try:
        yield
    finally:
        admin.replicaof("NO", "ONE")


@contextmanager
def with_a_password(admin: Any) -> Iterator[None]:
    """NOAUTH: it wants a password that nobody knows yet, and has ended all connections."""
    admin.config_set("requirepass", "new")
    admin.client_kill_filter(_type="normal", skipme=True)
    admin.client_kill_filter(_type="pubsub", skipme=True)
    try:
        yield
    finally:
        admin.config_set("requirepass", "")


@contextmanager
def without_rights(admin: Any) -> Iterator[None]:
    """NOPERM: its users may not run scripts any more."""
    admin.execute_command("ACL", "SETUSER", "default", "-eval", "-evalsha")
    try:
        yield
    finally:
        admin.execute_command("ACL", "SETUSER", "default", "+@all")


@contextmanager
def full_disk(server: EmbeddedRedis) -> Iterator[None]:
    """Its files may not grow any more, as on a full disk. For a `fragile_server`.

    With `fsync="always"` Redis ends itself at the next write: that is its way to keep what it has promised.
    """
    largest = max(file.stat().st_size for file in server.data_dir.rglob("*") if file.is_file())  # type: ignore[union-attr]
    pid = server.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def away(server: EmbeddedRedis, *, killed: bool = True) -> Iterator[None]:
    """SIGKILL or an orderly shutdown; it comes back with its AOF."""
    if killed:
        server.kill()
    else:
        server.stop()
    try:
        yield
    finally:
        server.start(timeout=120)


@contextmanager
def loading(server: EmbeddedRedis, admin: Any) -> Iterator[None]:
    """LOADING: it was killed, is up again, and takes a second or so to read its data. Ends when it has."""
    # It answers after every 2 MB that it has read, and takes its time for each key.
    admin.mset({f"test:filler:{n}": os.urandom(100_000) for n in range(200)})
    admin.bgrewriteaof()
    wait_until(lambda: not admin.info("persistence")["aof_rewrite_in_progress"])
    server.kill()
    args = server.args
    server.args = (*args, "--key-load-delay", "5000")
    server._launch(server.port)
    try:
        wait_until(lambda: _says(server, b"GET x").startswith(b"-LOADING"), interval=0.001)
        yield
        server.wait_ready(60)
    finally:
        server.args = args
