"""`--burst` ends: with what was due handed off, or after a few seconds with status 1 and the reason."""

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
import redis as redis_py
from click.testing import CliRunner, Result

import jobs_for_tests
from making import now_us
from rq_scheduler import Scheduler
from rq_scheduler.cli import daemon
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.clock import from_us
from rq_scheduler.dispatcher import burst as burst_module
from rq_scheduler.embedded import EmbeddedRedis, free_port
from rq_scheduler.errors import FenceHeld
from servers import ClusterSetup
from support import Processes, wait_until

LOCK = "rq:scheduler_lock"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst waits for a tenth of a second."""
    monkeypatch.setattr(burst_module, "BURST_PATIENCE", 0.1)
    monkeypatch.setattr(daemon, "BURST_PATIENCE", 0.1)


def burst(*args: str) -> Result:
    return CliRunner().invoke(rqscheduler, ["--burst", *args])


@contextmanager
def server_that_says(reply: bytes) -> Iterator[int]:
    """A port on which every command gets this reply; b"" for a server that accepts and never answers."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with closing(connection):
            while (asked := connection.recv(65536)) and reply:
                for _ in range(sum(line.startswith(b"*") for line in asked.split(b"\r\n"))):
                    connection.sendall(reply)
            while not reply and connection.recv(65536):
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def due(redis: redis_py.Redis) -> str:
    return Scheduler(connection=redis).enqueue_at(from_us(now_us(redis)), jobs_for_tests.nothing).id


@pytest.mark.usefixtures("impatient")
class TestGivesUp:
    @pytest.mark.parametrize("cluster", [[], ["--cluster"]], ids=["", "cluster"])
    def test_without_redis(self, cluster: list[str]) -> None:
        result = burst("-H", "127.0.0.1", "-p", str(free_port()), *cluster)
        assert result.exit_code == 1, result.output
        assert "does not answer" in result.output.splitlines()[-1]
        assert "Traceback" not in result.output

    def test_where_redis_accepts_and_never_answers(self) -> None:
        with server_that_says(b"") as port:
            result = burst("-H", "127.0.0.1", "-p", str(port))
        assert result.exit_code == 1, result.output
        assert "does not answer" in result.output.splitlines()[-1]

    @pytest.mark.parametrize(
        ("reply", "says"),
        [
            (b"-LOADING Redis is loading the dataset in memory\r\n", "is reading its data from disk"),
            (b"-READONLY You can't write against a read only replica.\r\n", "refuses: You can't write"),
            (b"-MASTERDOWN Link with MASTER is down\r\n", "Link with MASTER is down"),
        ],
    )
    def test_where_redis_cannot_serve_now(self, reply: bytes, says: str) -> None:
        with server_that_says(reply) as port:
            result = burst("-H", "127.0.0.1", "-p", str(port))
        assert result.exit_code == 1, result.output
        assert says in result.output.splitlines()[-1]

    def test_where_the_password_is_wrong(self, redis_url: str) -> None:
        result = burst("--url", redis_url.replace("redis://", "redis://nobody:wrong@"))
        assert result.exit_code == 1
        assert "refuses us" in result.output
        assert "Redis cannot be used, trying again" not in result.output, "at once"

    def test_where_a_cluster_refuses_the_password(self, cluster: ClusterSetup) -> None:
        result = burst("--cluster", "--url", cluster.url.replace("redis://", "redis://nobody:wrong@"))
        assert result.exit_code == 1
        assert "refuses us" in result.output

    @pytest.mark.leaves(LOCK)
    @pytest.mark.parametrize(("ttl", "says"), [(None, "and never expires"), (600, "s more")])
    def test_where_somebody_else_holds_the_lock(
        self, redis: redis_py.Redis, redis_url: str, ttl: int | None, says: str
    ) -> None:
        job_id = due(redis)
        redis.set(LOCK, "1700000000.5", ex=ttl)
        result = burst("--url", redis_url)
        assert result.exit_code == 1, result.output
        assert f"{LOCK} is held by '1700000000.5'" in result.output.splitlines()[-1]
        assert says in result.output.splitlines()[-1]
        assert not redis.exists("rq:queue:default"), "and nothing is handed off"
        assert not redis.keys("rq:scheduler_instance:*")
        with pytest.raises(FenceHeld):
            Scheduler(connection=redis).run(burst=True)
        assert burst("--url", redis_url, "--take-fence").exit_code == 0
        assert redis.lrange("rq:queue:default", 0, -1) == [job_id.encode()]


class TestWaits:
    """For what comes back soon."""

    @pytest.fixture(autouse=True)
    def patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(burst_module, "BURST_PATIENCE", 50.0)
        monkeypatch.setattr(daemon, "BURST_PATIENCE", 50.0)

    def test_for_the_end_of_a_pass_of_0_14(self, redis: redis_py.Redis, redis_url: str) -> None:
        job_id = due(redis)
        redis.set(LOCK, "1700000000.5", px=300)
        assert burst("--url", redis_url).exit_code == 0
        assert redis.lrange("rq:queue:default", 0, -1) == [job_id.encode()]

    def test_for_a_redis_that_is_restarted(
        self, start_server: Callable[..., EmbeddedRedis], processes: Processes
    ) -> None:
        port = free_port()
        done: list[Result] = []
        thread = threading.Thread(target=lambda: done.append(burst("-H", "127.0.0.1", "-p", str(port))))
        thread.start()
        start_server(port=port)
        thread.join(50)
        assert done[0].exit_code == 0, done[0].output


def test_it_takes_a_few_seconds(processes: Processes) -> None:
    """The process itself, with the patience that it has."""
    process = processes.start(
        sys.executable, "-m", "rq_scheduler.cli", "--burst", "-H", "127.0.0.1", "-p", str(free_port())
    )
    wait_until(lambda: not process.running, message=process.output)
    assert process.returncode == 1
    assert process.output().splitlines()[-1].startswith("Error: Redis at redis://127.0.0.1:")
    assert process.output().count("Redis cannot be used") == 1
