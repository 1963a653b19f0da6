"""Fixtures of the end-to-end tests: dispatchers as processes of their own."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping

import pytest
import redis as redis_py

from acl import Role
from integration.helpers import StartDispatcher
from rq_scheduler import Scheduler
from rq_scheduler.guarded_process import GuardedProcess
from support import Processes, wait_until


@pytest.fixture
def start_dispatcher(
    processes: Processes, request: pytest.FixtureRequest, as_role: Callable[[str, Role], str]
) -> StartDispatcher:
    """Start `rqscheduler` with these options, in UTC unless `env` says otherwise; returns when it serves."""

    def start(
        *args: str, url: str | None = None, env: Mapping[str, str] | None = None, wait: bool = True
    ) -> GuardedProcess:
        where: str = url or request.getfixturevalue("redis_url")
        dispatcher = processes.start(
            sys.executable, "-m", "rq_scheduler.cli", "--url", as_role(where, "dispatcher"), *args,
            env={"TZ": "UTC", **(env or {})},
            log=f"dispatcher-{len(processes.started):03d}.log",
        )  # fmt: skip
        if wait:
            wait_until(lambda: "serves" in dispatcher.output() or not dispatcher.running, message=dispatcher.output)
            assert dispatcher.running, dispatcher.output()
        return dispatcher

    return start


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is in UTC: warnings about zones are errors, and not the matter here."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def scheduler(redis: redis_py.Redis, in_utc: None, as_client: Callable[[redis_py.Redis], redis_py.Redis]) -> Scheduler:
    return Scheduler(connection=as_client(redis))
