"""`rqscheduler events`, `audit` and `undo`."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import redis as redis_py
from click.testing import CliRunner, Result

import jobs_for_tests as jobs
from making import add, entry, now_us
from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.cli.commands import streams
from rq_scheduler.store import Store
from rq_scheduler.views import audit, events
from support import Processes, wait_until

pytestmark = pytest.mark.once


@pytest.fixture
def cli(redis_url: str) -> Callable[..., Result]:
    def run(*args: str) -> Result:
        result = CliRunner().invoke(rqscheduler, [*args, "--url", redis_url])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def held(redis: redis_py.Redis, *ids: str) -> None:
    store, due = Store(redis), now_us(redis) - 5
    for id in ids:
        add(store, entry(redis, id, due))
        store.quarantine(id, due, f"because of {id}\x1b[31m")


class TestEvents:
    def test_newest_first_and_harmless(self, redis: redis_py.Redis, cli: Callable[..., Result]) -> None:
        assert cli("events").stdout == "No events.\n"
        held(redis, "a", "b")
        b, a = cli("events").stdout.splitlines()
        assert b.endswith("b went into quarantine (queue default): because of b\\x1b[31m")
        assert "a went into quarantine" in a
        assert len(cli("events", "a").stdout.splitlines()) == 1
        assert len(cli("events", "--limit", "1").stdout.splitlines()) == 1
        assert cli("events", "--kind", "outage", "--kind", "met").stdout == "No events.\n"
        assert cli("events", "--since", "tomorrow 00:00").stdout == "No events.\n"
        assert len(cli("events", "--until", "tomorrow 00:00").stdout.splitlines()) == 2

    def test_json(self, redis: redis_py.Redis, cli: Callable[..., Result]) -> None:
        held(redis, "a")
        (event,) = json.loads(cli("events", "--json").stdout)["events"]
        (read,) = Scheduler(connection=redis).events.read()
        assert event == events.serialize(read, UTC)
        assert event["details"] == {"reason": "because of a\x1b[31m", "queue": "default"}

    def test_a_kind_that_is_none(self, cli: Callable[..., Result]) -> None:
        result = cli("events", "--kind", "birthday")
        assert (result.exit_code, "'birthday' is not one of 'failing_began'" in result.output) == (2, True)

    @pytest.mark.parametrize("as_json", [False, True])
    def test_followed(self, redis: redis_py.Redis, redis_url: str, processes: Processes, as_json: bool) -> None:
        held(redis, "before", "other")
        flags = ["--json"] if as_json else []
        command = [sys.executable, "-m", "rq_scheduler.cli", "--url", redis_url, "events", "-f", *flags]
        running = processes.start(*command)
        wait_until(lambda: len(running.output().splitlines()) == 2)
        held(redis, "after")
        wait_until(lambda: len(running.output().splitlines()) == 3)
        ids = [json.loads(line)["id"] if as_json else line.split()[2] for line in running.output().splitlines()]
        assert ids == ["before", "other", "after"], "the newest last"

    def test_each_once_also_what_happens_meanwhile(self, redis: redis_py.Redis) -> None:
        told = Scheduler(connection=redis).events
        following = told.follow(idle=0)
        held(redis, "a", "b")
        found = told.read()
        assert [event.id for event in streams._with_news(found, following)] == ["a", "b"]


class TestAudit:
    def test_who_did_what(self, redis: redis_py.Redis, cli: Callable[..., Result]) -> None:
        assert cli("audit").stdout == "Nothing was done.\n"
        schedules = Scheduler(connection=redis, actor="deploy 4711").schedules
        schedules.put("a", Cron("0 9 * * *"), jobs.nothing, meta={"a": 1})
        schedules.update("a", overlap="allow", jitter="30s", meta={"a": 2})
        assert cli("pause", "a", "--note", "disk full", "--as", "Ada").exit_code == 0
        paused, changed, defined = cli("audit", "a").stdout.splitlines()
        assert paused.endswith("Ada paused a: disk full")
        told = "overlap: skip -> allow; jitter: - -> 30s; meta: changed"
        assert changed.endswith(f"deploy 4711 changed a, to version 2: {told}")
        assert defined.endswith("deploy 4711 defined a")
        assert len(cli("audit", "--actor", "Ada").stdout.splitlines()) == 1
        assert len(cli("audit", "--action", "paused", "--action", "defined").stdout.splitlines()) == 2
        assert cli("audit", "unknown").stdout == "Nothing was done.\n"

    def test_moments_read_as_such(self, redis: redis_py.Redis, cli: Callable[..., Result]) -> None:
        scheduler = Scheduler(connection=redis)
        scheduler.schedule(datetime(2040, 1, 1, 12, tzinfo=UTC), jobs.nothing, interval=60, id="r")
        scheduler.change_execution_time("r", datetime(2040, 1, 1, 13, tzinfo=UTC))
        said = cli("audit", "--action", "moved", "--timezone", "Europe/Paris").stdout
        assert said.endswith(" moved r from Sun 1 Jan 2040 13:00 to Sun 1 Jan 2040 14:00\n")

    def test_json(self, redis: redis_py.Redis, cli: Callable[..., Result]) -> None:
        scheduler = Scheduler(connection=redis)
        scheduler.schedules.put("a", Every(60), jobs.nothing)
        scheduler.schedules.update("a", overlap="allow")
        said = json.loads(cli("audit", "--json").stdout)["audit"]
        assert said == [audit.serialize(entry, UTC) for entry in scheduler.audit.read()]
        assert said[0]["changes"] == {"overlap": ["skip", "allow"]}

    def test_who_from_the_environment(
        self, redis: redis_py.Redis, cli: Callable[..., Result], monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("RQS_ACTOR", "CI")
        assert cli("put", "a", "jobs_for_tests.nothing", "--every", "1m").exit_code == 0
        assert [entry.actor for entry in Scheduler(connection=redis).audit.read()] == ["CI"]
        wrong = cli("delete", "a", "--yes", "--as", " ")
        assert (wrong.exit_code, "actor=' '" in wrong.output) == (1, True)


class TestUndo:
    def test_puts_back_what_was(self, redis: redis_py.Redis, cli: Callable[..., Result]) -> None:
        schedules = Scheduler(connection=redis).schedules
        schedules.put("a", Every("1h"), jobs.nothing)
        schedules.update("a", overlap="allow")
        stale = cli("undo", "a", "--version", "1")
        assert (stale.exit_code, "'a' is at version 2, not 1" in stale.output) == (1, True)
        result = cli("undo", "a", "--version", "2")
        assert (result.exit_code, result.stdout) == (
            0, "a is as before, at version 3:\n  overlap: allow -> skip\n"
        )  # fmt: skip
        assert schedules["a"].spec.overlap == "skip"
        again = json.loads(cli("undo", "a", "--json").stdout)
        assert (again["version"], again["changes"]) == (4, {"overlap": ["skip", "allow"]})

    def test_brings_back_what_was_deleted(self, redis: redis_py.Redis, cli: Callable[..., Result]) -> None:
        schedules = Scheduler(connection=redis).schedules
        schedules.put("a", Every("1h"), jobs.nothing)
        assert cli("delete", "a", "--yes").exit_code == 0
        assert cli("undo", "a").exit_code == 0
        assert "a" in schedules

    def test_refuses(self, redis: redis_py.Redis, cli: Callable[..., Result]) -> None:
        unknown = cli("undo", "a")
        assert (unknown.exit_code, "no schedule has the id 'a'" in unknown.output) == (1, True)
        Scheduler(connection=redis).schedules.put("a", Every("1h"), jobs.nothing)
        first = cli("undo", "a")
        assert (first.exit_code, "no earlier definition of 'a' is kept" in first.output) == (1, True)
