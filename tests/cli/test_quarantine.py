"""`rqscheduler quarantine`, and what `status` says of it, on a real Redis."""

import json
import os
import pty
import sys
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py
from click.testing import CliRunner, Result

from cli.conftest import typed
from making import INDEX, US, add, dispatcher, entry, now_us, waiting
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.store import Store
from support import environment, wait_until

pytestmark = pytest.mark.once

KEY = "rq:scheduler:quarantine"


@pytest.fixture
def cli(redis_url: str) -> Callable[..., Result]:
    def run(*args: str, before: bool = False) -> Result:
        where = ["--url", redis_url]
        result = CliRunner().invoke(rqscheduler, [*where, *args] if before else [*args, *where])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


@pytest.fixture
def held(redis: redis_py.Redis) -> None:
    """`a` can be mended, and was put there last; the job of `gone` is gone."""
    store = Store(redis)
    redis.set("rq:queue:odd", "no list")
    redis.zadd(INDEX, {"gone": 5})
    dispatcher(redis).dispatch_once()
    record = json.loads(redis.hget(KEY, "gone"))  # type: ignore[arg-type]
    redis.hset(KEY, "gone", json.dumps({**record, "at": str(now_us(redis) - 7200 * US)}))
    add(store, entry(redis, "a", 1_700_000_000 * US, origin="odd"))
    dispatcher(redis).dispatch_once()


@pytest.mark.usefixtures("held")
class TestList:
    def test_the_newest_first_and_why(self, cli: Callable[..., Result]) -> None:
        result = cli("quarantine", "list")
        assert result.exit_code == 0
        title, first, second = result.output.splitlines()
        assert title.split() == ["ID", "KIND", "SINCE", "DUE", "CODE", "REASON"]
        assert first.split() == [
            *("a", "one-off", "now", "2023-11-14", "22:13:20Z", "wrong_type"),
            *["the", "key", "rq:queue:odd", "is", "not", "the", "list", "of", "a", "queue"],
        ]
        assert second.startswith(
            "gone  one-off  2h ago  1970-01-01 00:00:05Z  job_gone    its job is gone: rq:job:gone"
        )

    def test_json(self, cli: Callable[..., Result]) -> None:
        said = json.loads(cli("quarantine", "list", "--json").output)
        assert said["total"] == 2
        first = said["entries"][0]
        assert first.pop("at").endswith("Z")
        assert first == {
            "id": "a",
            "kind": "one-off",
            "code": "wrong_type",
            "reason": "the key rq:queue:odd is not the list of a queue",
            "due": "2023-11-14T22:13:20.000000Z",
            "queue_name": "odd",
        }

    def test_of_one_code(self, cli: Callable[..., Result], redis: redis_py.Redis) -> None:
        said = json.loads(cli("quarantine", "list", "--code", "job_gone", "--json").output)
        assert ([one["id"] for one in said["entries"]], said["total"]) == (["gone"], 1)
        assert said["codes"] == {"job_gone": 1, "wrong_type": 1}
        redis.delete("rq:queue:odd")
        assert cli("quarantine", "retry", "--code", "wrong_type").output == "a is back\n"
        assert cli("quarantine", "purge", "--code", "other", "--yes").output == "0 entries forgotten\n"
        assert cli("quarantine", "purge", "--code", "job_gone", "--yes").output == "1 entry forgotten\n"
        assert cli("quarantine", "list").output == "Nothing is in quarantine.\n"

    def test_no_more_than_asked_for(self, cli: Callable[..., Result]) -> None:
        said = cli("quarantine", "list", "--limit", "1").output.splitlines()
        assert said[1].startswith("a ")
        assert said[2:] == ["1 shown of 2; --limit shows more"]

    def test_status_says_how_to_look(self, cli: Callable[..., Result], redis_url: str) -> None:
        said = cli("status").output
        assert f"! 2 entries are in quarantine: {typed(redis_url, 'quarantine list')}" in said.splitlines()


def test_where_nothing_is(cli: Callable[..., Result], redis: redis_py.Redis) -> None:
    assert cli("quarantine", "list").output == "Nothing is in quarantine.\n"
    assert json.loads(cli("quarantine", "list", "--json").output) == {"entries": [], "total": 0, "codes": {}}
    assert cli("quarantine", "retry", "--all").output == "0 entries are back\n"
    assert cli("quarantine", "purge", "--all", "--yes").output == "0 entries forgotten\n"
    for act in ("retry", "purge"):
        result = cli("quarantine", act, "x", *(["--yes"] if act == "purge" else []))
        assert (
            result.exit_code,
            "no entry in quarantine has the id 'x'; rqscheduler quarantine list" in result.output,
        ) == (
            1,
            True,
        )


@pytest.mark.usefixtures("held")
class TestRetry:
    def test_one(self, cli: Callable[..., Result], redis: redis_py.Redis) -> None:
        redis.delete("rq:queue:odd")
        result = cli("quarantine", "retry", "a")
        assert (result.exit_code, result.output) == (0, "a is back\n")
        dispatcher(redis).dispatch_once()
        assert waiting(redis, "odd") == ["a"]

    def test_one_that_stays(self, cli: Callable[..., Result], redis: redis_py.Redis) -> None:
        result = cli("quarantine", "retry", "gone")
        assert result.exit_code == 1
        assert result.output == (
            "Error: 'gone' stays in quarantine: its job is gone: rq:job:gone was deleted, or expired. Mend that, or "
            "purge the entry.\n"
        )

    def test_all(self, cli: Callable[..., Result], redis: redis_py.Redis) -> None:
        result = cli("quarantine", "retry", "--all")
        assert result.exit_code == 1, "one stays"
        assert result.output.splitlines() == [
            "a is back",
            "gone stays: its job is gone: rq:job:gone was deleted, or expired",
        ]

    def test_all_in_json(self, cli: Callable[..., Result]) -> None:
        said = json.loads(cli("quarantine", "retry", "--all", "--json").output)
        assert (said["retried"], list(said["refused"])) == (["a"], ["gone"])

    def test_options_typed_before_the_command_count_too(self, cli: Callable[..., Result]) -> None:
        assert cli("quarantine", "retry", "a", before=True).exit_code == 0


@pytest.mark.usefixtures("held")
class TestPurge:
    def test_one(self, cli: Callable[..., Result], redis: redis_py.Redis) -> None:
        result = cli("quarantine", "purge", "a", "--yes")
        assert (result.exit_code, result.output) == (0, "1 entry forgotten\n")
        assert redis.hget("rq:job:a", "status") == b"canceled"
        assert redis.hkeys(KEY) == [b"gone"]

    def test_old_ones(self, cli: Callable[..., Result], redis: redis_py.Redis) -> None:
        assert json.loads(cli("quarantine", "purge", "--older-than", "3h", "--yes", "--json").output) == {"purged": 0}
        assert json.loads(cli("quarantine", "purge", "--older-than", "1h", "--yes", "--json").output) == {"purged": 1}
        assert redis.hkeys(KEY) == [b"a"]

    def test_asks(self, redis: redis_py.Redis, redis_url: str) -> None:
        pid, terminal = pty.fork()
        if pid == 0:
            argv = [sys.executable, "-m", "rq_scheduler.cli", "--url", redis_url, "quarantine", "purge", "--all"]
            os.execve(argv[0], argv, environment())  # noqa: S606  no shell is meant
        said = b""

        def asked() -> bool:
            nonlocal said
            said += os.read(terminal, 4096)
            return b"[y/N]" in said

        wait_until(asked)
        assert b"Forget 2 entries, in quarantine? It will not run." in said
        os.write(terminal, b"n\n")
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        assert os.waitstatus_to_exitcode(status) == 1
        assert redis.hlen(KEY) == 2


@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["retry"], "give the id of an entry, --all, or --code"),
        (["retry", "a", "--code", "job_gone"], "give the id of an entry, --all, or --code"),
        (["retry", "a", "--all"], "give the id of an entry, --all, or --code"),
        (["purge"], "give the id of an entry, --all, or --code"),
        (["purge", "a", "--all"], "give the id of an entry, --all, or --code"),
        (["purge", "--all", "--older-than", "1h"], "leave out the id, or --all"),
        (["purge", "a", "--older-than", "1h"], "leave out the id, or --all"),
        (["purge", "--all"], "there is no terminal to ask on: add --yes"),
    ],
)
def test_command_lines_that_make_no_sense(cli: Callable[..., Result], args: list[str], says: str) -> None:
    result = cli("quarantine", *args)
    assert (result.exit_code, says in result.output) == (2, True), result.output


def test_a_length_that_is_none(cli: Callable[..., Result], redis: Any) -> None:
    result = cli("quarantine", "purge", "--older-than", "soon", "--yes")
    assert (result.exit_code, "older_than='soon'" in result.output) == (1, True), result.output


@pytest.mark.parametrize("score", ["inf", "-inf", 1e15])
def test_status_shows_a_next_time_that_no_calendar_has(redis: redis_py.Redis, cli: Callable[..., Result], score: Any):
    redis.zadd(INDEX, {"odd": score})
    result = cli("status")
    assert result.exit_code in (0, 1)
    assert "odd" in result.output
