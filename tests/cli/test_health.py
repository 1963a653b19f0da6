"""What each probe says of a dispatcher: one that is stopped, whose Redis is away or hangs, that waits for a lock."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import redis as redis_py
from click.testing import CliRunner, Result

import asking
from making import dispatcher
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.dispatcher import Events, Liveness, liveness
from rq_scheduler.embedded import EmbeddedRedis, free_port
from rq_scheduler.guarded_process import GuardedProcess
from rq_scheduler.store import Store
from support import PATIENCE, Processes, wait_until

pytestmark = pytest.mark.once

LIVE, READY = "live", "ready"


class Probed:
    """A dispatcher process with a health port."""

    def __init__(
        self, processes: Processes, url: str, *args: str, port: int | None = None, env: dict[str, str] | None = None
    ) -> None:
        self.port = port or free_port()
        program = (sys.executable, "-m", "rq_scheduler.scripts.rqscheduler", "--url", url)
        self.process: GuardedProcess = processes.start(
            *program, "--health-port", str(self.port), "--name", "me", *args, env=env
        )
        wait_until(lambda: self.status(LIVE) is not None or not self.process.running, message=self.process.output)

    def get(self, path: str, timeout: float = 5) -> httpx.Response:
        return asking.get(f"http://127.0.0.1:{self.port}{path}", timeout=timeout)

    def status(self, what: str, timeout: float = 5) -> int | None:
        """None when nobody answers."""
        try:
            return self.get(f"/health/{what}", timeout).status_code
        except httpx.TransportError:
            return None

    def becomes(self, *statuses: int) -> str:
        """Waits until live and ready are these. Returns the words of the latter."""
        wait_until(lambda: (self.status(LIVE), self.status(READY)) == statuses, message=self.process.output)
        return self.get("/health/ready").text


@pytest.fixture
def probed(processes: Processes, own_server: EmbeddedRedis) -> Probed:
    made = Probed(processes, own_server.url)
    assert made.becomes(200, 200) == "it serves\n"
    return made


@pytest.fixture
def healthcheck() -> Callable[..., Result]:
    def run(server: EmbeddedRedis, *args: str) -> Result:
        result = CliRunner().invoke(rqscheduler, ["healthcheck", "--name", "me", *args, "--url", server.url])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


Healthcheck = Callable[..., Result]


class TestProbes:
    def test_one_that_is_stopped(self, probed: Probed, own_server: EmbeddedRedis, healthcheck: Healthcheck) -> None:
        """It answers nobody, which fails the probe; continued, it is well again."""
        wait_until(lambda: healthcheck(own_server).exit_code == 0)
        probed.process.signal(signal.SIGSTOP)
        assert probed.status(LIVE, timeout=1) is None
        with redis_py.Redis.from_url(own_server.url) as client:
            client.zincrby(Store(client).keys.heartbeats, -60, "me")  # a minute has passed
        told = healthcheck(own_server)
        assert told.exit_code == 1
        assert "me was last heard of 6" in told.output
        probed.process.signal(signal.SIGCONT)
        probed.becomes(200, 200)
        wait_until(lambda: healthcheck(own_server).exit_code == 0)

    def test_one_whose_redis_is_away(self, probed: Probed, own_server: EmbeddedRedis, healthcheck: Healthcheck) -> None:
        own_server.kill()
        assert "Redis cannot be used" in probed.becomes(200, 503)
        assert healthcheck(own_server).exit_code == 0, "no reason to end the fleet"
        assert healthcheck(own_server, "--ready").exit_code == 1
        own_server.restart()
        probed.becomes(200, 200)

    def test_one_whose_redis_hangs(self, probed: Probed, own_server: EmbeddedRedis, healthcheck: Healthcheck) -> None:
        os.kill(own_server.pid, signal.SIGSTOP)
        try:
            probed.becomes(200, 503)
            assert healthcheck(own_server).exit_code == 0
            assert healthcheck(own_server, "--ready").exit_code == 1
            assert probed.status(LIVE) == 200
        finally:
            os.kill(own_server.pid, signal.SIGCONT)
        probed.becomes(200, 200)

    def test_one_that_waits_for_the_legacy_lock(
        self, processes: Processes, own_server: EmbeddedRedis, healthcheck: Healthcheck
    ) -> None:
        with redis_py.Redis.from_url(own_server.url) as client:
            client.set("rq:scheduler_lock", "a 0.14 daemon")
            one = Probed(processes, own_server.url)
            wait_until(lambda: "rq:scheduler_lock" in one.get("/health/ready").text)
            one.becomes(200, 503)
            wait_until(lambda: healthcheck(own_server).exit_code == 0)
            told = healthcheck(own_server, "--ready")
            assert told.exit_code == 1
            assert "held by 'a 0.14 daemon'" in told.output
            client.delete("rq:scheduler_lock")
            one.becomes(200, 200)
            wait_until(lambda: healthcheck(own_server, "--ready").exit_code == 0)

    def test_one_that_begins_without_redis(self, processes: Processes) -> None:
        one = Probed(processes, f"redis://127.0.0.1:{free_port()}")
        one.becomes(200, 503)

    def test_health_and_metrics_may_share_an_address(self, processes: Processes, redis_url: str) -> None:
        port = free_port()
        one = Probed(processes, redis_url, "--metrics-port", str(port), port=port)
        wait_until(lambda: one.status(READY) == 200)
        assert "rq_scheduler_build_info" in one.get("/metrics").text
        assert one.get("/secret").status_code == 404
        assert "rqscheduler" in one.get("/metrics").headers["server"]

    def test_a_port_that_is_taken(self, redis_url: str) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            result = CliRunner().invoke(rqscheduler, ["--url", redis_url, "--metrics-port", port, "--burst"])
        assert result.exit_code == 1
        assert f"cannot listen on 127.0.0.1:{port}" in result.output

    def test_a_name_that_nobody_has(self, server: EmbeddedRedis, redis: redis_py.Redis, healthcheck: Healthcheck):
        told = healthcheck(server)
        assert told.exit_code == 1
        assert told.output == "me has not been heard of in two days.\n"


class ProbedWeb(Probed):
    """The same of `rqscheduler web`."""

    def __init__(self, processes: Processes, url: str, *args: str) -> None:
        self.port = free_port()
        program = (sys.executable, "-m", "rq_scheduler.scripts.rqscheduler", "web", "--url", url)
        self.process = processes.start(*program, "--bind", f"127.0.0.1:{self.port}", *args)
        wait_until(lambda: self.status(LIVE) is not None or not self.process.running, message=self.process.output)


class TestProbesOfTheWeb:
    @pytest.fixture
    def web(self, processes: Processes, own_server: EmbeddedRedis) -> ProbedWeb:
        made = ProbedWeb(processes, own_server.url)
        made.becomes(200, 200)
        return made

    def test_one_that_is_stopped_and_whose_redis_is_away_then(self, web: ProbedWeb, own_server: EmbeddedRedis) -> None:
        web.process.signal(signal.SIGSTOP)
        assert web.status(LIVE, timeout=1) is None
        assert web.status(READY, timeout=1) is None
        web.process.signal(signal.SIGCONT)
        web.becomes(200, 200)
        own_server.kill()
        assert "redis does not answer" in web.becomes(200, 503)
        assert web.get("/metrics").status_code == 503
        own_server.restart()
        web.becomes(200, 200)

    def test_one_whose_redis_hangs(self, web: ProbedWeb, own_server: EmbeddedRedis) -> None:
        """Also while more requests wait for it than there are threads: those who ask are answered nevertheless."""
        os.kill(own_server.pid, signal.SIGSTOP)
        try:
            waiting = [threading.Thread(target=web.status, args=(READY, 1), daemon=True) for _ in range(60)]
            for thread in waiting:
                thread.start()
            assert web.status(LIVE) == 200
            assert web.get("/health/ready", timeout=PATIENCE).status_code == 503
            assert web.status(LIVE) == 200
            for thread in waiting:
                thread.join(PATIENCE)
        finally:
            os.kill(own_server.pid, signal.SIGCONT)
        web.becomes(200, 200)

    @pytest.mark.parametrize("auth", ["none", "tokens"])
    def test_one_that_begins_without_redis(self, processes: Processes, auth: str) -> None:
        one = ProbedWeb(processes, f"redis://127.0.0.1:{free_port()}", "--auth", auth)
        one.becomes(200, 503)


class TestLiveness:
    def test_a_loop_that_stands_still_is_not_alive(
        self, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And is again when it goes on."""
        goes_on, stands = threading.Event(), threading.Event()
        monkeypatch.setattr(liveness, "LONGEST_TURN", 1.0)

        class Standing(Events):
            def passed(self, seconds: object) -> None:
                stands.set()
                goes_on.wait(PATIENCE)

        known = Liveness()
        one = dispatcher(redis, Standing(), liveness=known)

        def serve() -> None:
            with pytest.raises(SystemExit):
                one.run()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            assert stands.wait(PATIENCE)
            wait_until(lambda: not known.is_alive)
            assert "the loop has not turned for" in known.sentence
            assert not known.is_ready
            goes_on.set()
            wait_until(lambda: known.is_ready)
        finally:
            goes_on.set()
            one.request_stop()
            thread.join(PATIENCE)
        assert known.sentence == "it has left"

    @pytest.mark.parametrize(("waits", "alive"), [(39, True), (41, False)])
    def test_a_call_may_take_twice_its_timeout(
        self, monkeypatch: pytest.MonkeyPatch, waits: float, alive: bool
    ) -> None:
        now = [1000.0]
        monkeypatch.setattr(liveness, "monotonic", lambda: now[0])
        known = Liveness()
        known.watch(lambda: 1000.0, 20)
        known.become("serving")
        now[0] += waits
        assert known.is_alive is alive
        assert not known.is_ready

    def test_a_connection_without_a_timeout_has_one_meanwhile(
        self, redis: redis_py.Redis, running: Callable[..., object]
    ) -> None:
        place = {name: redis.get_connection_kwargs()[name] for name in ("host", "port")}
        client = redis_py.Redis(**place, socket_timeout=None)
        options = client.connection_pool.connection_kwargs
        one = running(client)
        wait_until(lambda: options["socket_timeout"] == 10)
        one.request_stop()  # pyright: ignore[reportAttributeAccessIssue]
        wait_until(lambda: options["socket_timeout"] is None)
        client.close()


class TestSystemd:
    @pytest.fixture
    def systemd(self, tmp_path: Path) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.bind(str(tmp_path / "notify"))
            channel.settimeout(PATIENCE)
            yield channel

    def environment(self, systemd: socket.socket) -> dict[str, str]:
        return {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "600000"}

    def heard(self, systemd: socket.socket, line: str) -> list[str]:
        """What is said until that is."""
        said: list[str] = []
        while line not in said:
            said += systemd.recv(1000).decode().split("\n")
        return said

    def test_is_told_how_it_is(self, processes: Processes, redis_url: str, systemd: socket.socket) -> None:
        one = Probed(processes, redis_url, env=self.environment(systemd))
        self.heard(systemd, "READY=1")
        said = self.heard(systemd, "WATCHDOG=1")
        assert "READY=1" not in said, "once"
        one.process.signal(signal.SIGTERM)
        said = self.heard(systemd, "STOPPING=1")
        assert one.process.wait(PATIENCE) == 0

    def test_is_not_told_ready_by_one_that_waits(
        self, processes: Processes, own_server: EmbeddedRedis, systemd: socket.socket
    ) -> None:
        with redis_py.Redis.from_url(own_server.url) as client:
            client.set("rq:scheduler_lock", "a 0.14 daemon")
            Probed(processes, own_server.url, env=self.environment(systemd))
            waits = "STATUS=it waits for the lock of rq-scheduler 0.14 (rq:scheduler_lock)"
            said = self.heard(systemd, waits) + self.heard(systemd, "WATCHDOG=1")
            assert "READY=1" not in said
            client.delete("rq:scheduler_lock")
            said = self.heard(systemd, "READY=1")

    def test_hears_no_watchdog_of_one_that_stands_still(self, systemd: socket.socket, monkeypatch: pytest.MonkeyPatch):
        from rq_scheduler.cli.systemd import notifying

        for name, value in self.environment(systemd).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(liveness, "LONGEST_TURN", 0.0)
        known = Liveness()
        known.become("serving")
        with notifying(known):
            first = systemd.recv(1000).decode()
            assert first.startswith("STATUS=the loop has not turned")
            monkeypatch.setattr(liveness, "LONGEST_TURN", 60.0)
            said = self.heard(systemd, "WATCHDOG=1")
        assert "READY=1" in said
