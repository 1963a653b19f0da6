"""`rqscheduler web` and `rqscheduler token`."""

import json
import signal
import socket
from collections.abc import Callable

import httpx
import pytest
import redis as redis_py
from click.testing import CliRunner, Result

import asking
from rq_scheduler import Scheduler
from rq_scheduler.cli.app import rqscheduler
from support import PATIENCE, Processes, command, wait_until

pytestmark = pytest.mark.once


@pytest.fixture
def cli(redis_url: str) -> Callable[..., Result]:
    def run(*args: str) -> Result:
        result = CliRunner().invoke(rqscheduler, [*args, "--url", redis_url])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class TestTokens:
    def test_made_listed_and_revoked(self, cli: Callable[..., Result], redis: redis_py.Redis) -> None:
        made = cli(
            "token", "make", "deploy 4711", "--role", "operator", "--expires-in", "90d", "--as", "me"
        ).stdout.strip()
        found = Scheduler(connection=redis).tokens.bearer_of(made)
        assert found is not None
        assert (found.name, found.role, found.made_by) == ("deploy 4711", "operator", "me")
        listed = cli("token", "list")
        assert "deploy 4711  operator" in listed.stdout
        assert made.split("_")[2] not in listed.stdout
        (one,) = json.loads(cli("token", "list", "--json").stdout)["tokens"]
        assert one["id"] == found.id
        assert cli("token", "revoke", found.id).stdout == f"{found.id} is revoked\n"
        assert cli("token", "revoke", found.id).exit_code == 1
        assert cli("token", "list").stdout == "No tokens.\n"


class TestRefusals:
    @pytest.mark.parametrize(
        ("args", "says"),
        [
            (["--bind", "0.0.0.0:8080", "--auth", "none"], "is for 127.0.0.1 without --public-url"),
            (["--public-url", "https://jobs.example.com", "--auth", "none"], "is for 127.0.0.1"),
            (["--bind", "8080"], "is no address"),
            (["--url", "redis://localhost:6379", "--port", "8081"], "say --bind 127.0.0.1:8081"),
            (["--bind", "localhost:99999"], "is no address"),
            (["--allow", "shop.**"], "allow='shop.**'"),
            (["--public-url", "jobs.example.com"], "public_url='jobs.example.com'"),
        ],
    )
    def test_a_command_line_that_makes_no_sense(self, cli: Callable[..., Result], args: list[str], says: str) -> None:
        result = cli("web", *args)
        assert result.exit_code == 2
        assert says in " ".join(result.output.split())


class TestServing:
    def test_a_guesser_has_one_address(self, processes: Processes, redis: redis_py.Redis, redis_url: str) -> None:
        """Whatever a header says of where he comes from."""
        Scheduler(connection=redis).tokens.make("deploy")
        bind = f"127.0.0.1:{free_port()}"
        web = processes.start(
            command("rqscheduler"), "web", "--url", redis_url, "--bind", bind, "--auth", "tokens", log="web.log"
        )

        def guess(number: int) -> int | None:
            assert web.running, web.output()
            headers = {"authorization": f"Bearer rqs_{number}_x", "x-forwarded-for": f"192.0.2.{number}"}
            try:
                return asking.get(f"http://{bind}/api/v1/status", headers=headers).status_code
            except httpx.TransportError:
                return None

        assert wait_until(lambda: guess(0)) == 401
        assert 429 in [guess(number) for number in range(1, 15)]

    def test_serves_and_ends(self, processes: Processes, redis_url: str) -> None:
        port = free_port()
        bind = f"127.0.0.1:{port}"
        web = processes.start(command("rqscheduler"), "web", "--url", redis_url, "--bind", bind, log="web.log")

        def status() -> int | None:
            assert web.running, web.output()
            try:
                return asking.get(f"http://{bind}/api/v1/status?secret=1234567").status_code
            except httpx.TransportError:
                return None

        assert wait_until(status) == 400
        answer = asking.get(f"http://{bind}/api/v1/status")
        assert answer.status_code == 200
        assert "server" not in answer.headers
        with asking.stream("GET", f"http://{bind}/api/v1/events/stream", timeout=PATIENCE) as stream:
            assert stream.status_code == 200
            web.signal(signal.SIGTERM)
            assert web.wait(PATIENCE) in (0, -signal.SIGTERM)
        assert "1234567" not in web.output()
