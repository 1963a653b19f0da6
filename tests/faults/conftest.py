"""Fixtures of the fault tests: a network that breaks where it is told to, and ways to Redis."""

import sys
from collections.abc import Callable, Iterator

import pytest
import redis as redis_py
from click.testing import CliRunner

from faults.proxy import Proxy
from rq_scheduler import Scheduler
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.client.quarantine import Quarantine
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.store import Store


@pytest.fixture
def proxy(redis: redis_py.Redis, server: EmbeddedRedis) -> Iterator[Proxy]:
    """Stands between its clients and the shared server; `redis` goes there directly."""
    with Proxy(server.url) as made:
        yield made


@pytest.fixture
def store(redis: redis_py.Redis) -> Store:
    return Store(redis)


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis)


@pytest.fixture
def held(scheduler: Scheduler) -> Quarantine:
    """What is in quarantine."""
    return scheduler.quarantine


@pytest.fixture
def cli(redis_url: str) -> Callable[..., str]:
    """Run the command on the shared server; what it printed."""

    def run(*args: str, status: int = 0) -> str:
        path = list(sys.path)
        result = CliRunner().invoke(rqscheduler, ["--url", redis_url, *args])
        sys.path[:] = path
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == status, result.output
        return result.output

    return run
