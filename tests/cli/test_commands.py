"""The commands about schedules, on a real Redis: what they do, their JSON, and what they say of mistakes."""

import json
import os
import pty
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from click.testing import CliRunner

from cli.conftest import Said, typed
from conftest import RunWorker
from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.store import Store
from servers import ClusterSetup
from support import Processes, environment, wait_until

NOTHING = "jobs_for_tests.nothing"


@pytest.fixture
def schedules(redis: redis_py.Redis) -> Schedules:
    return Scheduler(connection=redis).schedules


def written(redis: redis_py.Redis) -> int:
    return redis.info("persistence")["rdb_changes_since_last_save"]


# put


def test_put_creates_changes_and_leaves_alone(document: Callable[..., Any], schedules: Schedules) -> None:
    args = ["put", "nightly", "jobs_for_tests.add", "--cron", "30 2 * * *", "--timezone", "Europe/Paris", "--arg", "1"]
    first = document(*args)
    assert (first["outcome"], first["version"]) == ("created", 1)
    again = document(*args)
    assert (again["outcome"], again["version"]) == ("unchanged", 1)
    changed = document(*args[:-1], "2")
    assert (changed["outcome"], changed["version"]) == ("changed", 2)
    stored = schedules["nightly"]
    assert stored.trigger == Cron("30 2 * * *", "Europe/Paris")
    assert stored.call == "jobs_for_tests.add(2)"


def test_put_names_what_has_changed(text: Callable[..., str]) -> None:
    args = ["put", "nightly", NOTHING, "--cron"]
    assert text(*args, "30 2 * * *").startswith("nightly: created, 30 2 * * *;")
    said = text(*args, "30 3 * * *", "--jitter", "30s", "--queue", "other", "--tag", "t")
    assert said.startswith("nightly: changed (trigger, jitter, queue_name, tags), 30 3 * * *;")
    said = text(*args, "30 3 * * *", "--jitter", "30s", "--queue", "other", "--tag", "t", "--job-timeout", "5m")
    assert said.startswith("nightly: changed (options of the job), ")


def test_put_hands_every_option_on(text: Callable[..., str], schedules: Schedules) -> None:
    text(
        "put", "full", "jobs_for_tests.echo", "--every", "10m", "--anchor", "2026-01-01", "--timezone", "Europe/Paris",
        "--arg", '"weekly"', "--arg", "[1, null]", "--kwarg", "to=true", "--kwarg", 'text="a=b"', "--queue", "reports",
        "--overlap", "buffer_one", "--catchup", "all", "--catchup-window", "1h", "--jitter", "30s",
        "--start", "2026-01-01T00:00", "--end", "2126-01-01T00:00Z", "--max-runs", "7", "--exclude", "2026-12-25",
        "--exclude", "2026-12-26", "--excluded", "next-day", "--pause-on-failures", "3", "--expect", "1h",
        "--keep-runs", "7", "--retry", "2", "--retry-interval", "5", "--retry-interval", "60",
        "--job-timeout", "5m", "--result-ttl", "-1", "--ttl", "1h", "--failure-ttl", "1d",
        "--meta", 'team="ops"', "--on-success", "jobs_for_tests.on_success", "--on-failure",
        "jobs_for_tests.on_failure", "--on-stopped", "jobs_for_tests.on_stopped", "--at-front", "--description",
        "the report", "--tag", "billing", "--tag", "eu", "--paused", "--note", "not yet",
    )  # fmt: skip
    stored = schedules["full"]
    made = stored.definition
    spec = stored.spec
    assert spec is not None
    assert spec.trigger == Every("10m", anchor=datetime(2025, 12, 31, 23, tzinfo=UTC))
    assert (made.args, made.kwargs) == (("weekly", [1, None]), {"to": True, "text": "a=b"})
    assert (spec.overlap, spec.catchup, spec.catchup_window, spec.jitter) == (
        "buffer_one", "all", timedelta(hours=1), timedelta(seconds=30),
    )  # fmt: skip
    assert (spec.start, spec.end) == (
        datetime(2025, 12, 31, 23, tzinfo=UTC), datetime(2126, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    assert (spec.max_runs, spec.pause_on_failures, spec.expect, spec.keep_runs) == (7, 3, timedelta(hours=1), 7)
    assert repr(spec.exclude[0]) == "Dates('2026-12-25', '2026-12-26', timezone='Europe/Paris')"
    assert spec.excluded == "next_day"
    assert (made.job_timeout, made.result_ttl, made.ttl, made.failure_ttl) == (300, -1, 3600, 86_400)
    assert (made.retry.max, made.retry.intervals) == (2, [5, 60])
    assert (made.meta, made.at_front, made.description) == ({"team": "ops"}, True, "the report")
    assert [callback.name for callback in (made.on_success, made.on_failure, made.on_stopped)] == [
        "jobs_for_tests.on_success", "jobs_for_tests.on_failure", "jobs_for_tests.on_stopped",
    ]  # fmt: skip
    assert (stored.queue_name, stored.tags, stored.paused, stored.note) == (
        "reports",
        ("billing", "eu"),
        True,
        "not yet",
    )


def test_put_once_reads_the_moment_in_its_zone(document: Callable[..., Any]) -> None:
    made = document("put", "once", NOTHING, "--at", "2126-07-01T12:00", "--timezone", "Europe/Paris")
    assert made["next_run_at"] == "2126-07-01T10:00:00.000000Z"


def test_put_takes_a_recurrence_rule(document: Callable[..., Any]) -> None:
    made = document("put", "x", NOTHING, "--rrule", "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18", "--timezone", "Europe/Paris")
    assert (made["trigger"]["type"], made["trigger"]["timezone"]) == ("rrule", "Europe/Paris")
    assert made["next_run_at"].endswith(("T16:00:00.000000Z", "T17:00:00.000000Z"))


def test_put_says_what_it_did(text: Callable[..., str]) -> None:
    assert text("put", "x", NOTHING, "--every", "90s").startswith("x: created, every 1m 30s; next run: ")
    assert "next run: paused (why)" in text("put", "y", NOTHING, "--every", "1m", "--paused", "--note", "why")


def test_put_notes_a_function_that_is_not_to_be_found_here(cli: Callable[..., Said], schedules: Schedules) -> None:
    said = cli("put", "x", "shop.nope.report", "--every", "1m")
    assert "Note: shop.nope.report cannot be imported here" in said.stderr
    assert "x" in schedules


@pytest.mark.parametrize(
    ("args", "status", "says"),
    [
        (("--cron", "61 * * * *"), 1, "minute field: 61 is outside 0-59"),
        (("--cron", "0 0 30 2 *"), 1, "never fires"),
        (("--cron", "* * * * *", "--timezone", "Paris"), 2, "did you mean 'Europe/Paris'?"),
        ((), 2, "exactly one of --cron, --every, --at and --rrule; there is none"),
        (("--every", "1m", "--cron", "* * * * *"), 2, "there is --cron and --every"),
        (("--every", "soon"), 1, "write digits and a unit"),
        (("--every", "0s"), 1, "give a positive duration"),
        (("--rrule", "FREQ=OFTEN"), 1, "FREQ=OFTEN"),
        (("--at", "tomorrow"), 2, "Write for example 2026-12-24T18:00"),
        (("--cron", "* * * * *", "--anchor", "2026-01-01"), 2, "--anchor goes with --every only"),
        (("--every", "1m", "--day-match", "both"), 2, "--day-match goes with --cron only"),
        (("--every", "1m", "--arg", "weekly"), 2, """--arg '"weekly"'"""),
        (("--every", "1m", "--kwarg", "to"), 2, "is not NAME=JSON, such as --kwarg count=3"),
        (("--every", "1m", "--kwarg", "to=ops"), 2, """--kwarg 'NAME="ops"'"""),
        (("--every", "1m", "--kwarg", "a=1", "--kwarg", "a=2"), 2, "'a' is given twice"),
        (("--every", "1m", "--retry-interval", "5"), 2, "--retry-interval goes with --retry"),
        (("--every", "1m", "--overlap", "queue"), 2, "'queue' is not one of 'skip'"),
        (("--every", "1m", "--exclude", "christmas"), 1, "christmas"),
        (("--every", "1m", "--holidays", "Atlantis"), 1, "Atlantis"),
        (("--every", "1m", "--exclude", "2026-12-25", "--excluded", "later"), 2, "is not one of 'skip', 'next-day'"),
        (("--every", "1m", "--excluded", "next-day"), 2, "--excluded goes with --exclude or --holidays"),
        (("--every", "1m", "--max-runs", "0"), 2, "x>=1"),
        (("--every", "1m", "--arg", "1", "--arg", "2"), 1, "cannot be called with the args and kwargs given"),
    ],
    ids=str,
)
@pytest.mark.once
def test_put_refuses_mistakes(
    cli: Callable[..., Said], redis: redis_py.Redis, args: tuple[str, ...], status: int, says: str
) -> None:
    result = cli("put", "x", NOTHING, *args)
    assert result.exit_code == status, result.output
    assert says in result.output
    assert "Error: " in result.output
    assert "Traceback" not in result.output
    assert redis.keys() == []


def test_put_refuses_an_id_that_no_job_could_have(cli: Callable[..., Said]) -> None:
    result = cli("put", "a:b", NOTHING, "--every", "1m")
    assert (result.exit_code, "use letters, digits, _ and -" in result.output) == (1, True)


# list, show, runs, upcoming


@pytest.fixture
def some(schedules: Schedules) -> Schedules:
    schedules.put("a-one", Every("10m"), NOTHING, tags=("billing",), queue_name="reports")
    schedules.put("a-two", Cron("30 2 * * *", "Europe/Paris"), "jobs_for_tests.add", args=(1,), paused=True, note="why")
    schedules.put("b-one", Every("1h"), NOTHING, tags=("billing", "eu"))
    return schedules


@pytest.mark.parametrize(
    ("args", "ids"),
    [
        ((), ["a-one", "a-two", "b-one"]),
        (("--tag", "billing"), ["a-one", "b-one"]),
        (("--tag", "billing", "--queue", "reports"), ["a-one"]),
        (("--prefix", "a-"), ["a-one", "a-two"]),
        (("--paused",), ["a-two"]),
        (("--active",), ["a-one", "b-one"]),
        (("--owner", "shop"), []),
        (("--limit", "2"), ["a-one", "a-two"]),
        (("--limit", "2", "--offset", "2"), ["b-one"]),
    ],
    ids=str,
)
def test_list_finds(some: Schedules, document: Callable[..., Any], args: tuple[str, ...], ids: list[str]) -> None:
    found = document("list", *args)
    assert [one["id"] for one in found["schedules"]] == ids
    assert found["more"] is (args == ("--limit", "2"))


def test_list_as_text(some: Schedules, text: Callable[..., str]) -> None:
    head, *rows = text("list", "--timezone", "Asia/Tokyo").splitlines()
    assert head.split() == ["ID", "STATE", "LAST", "RUN", "NEXT", "RUN", "IN", "LAST", "20", "TRIGGER", "QUEUE", "CALL"]
    assert [row.split()[:2] for row in rows] == [["a-one", "active"], ["a-two", "paused"], ["b-one", "active"]]
    assert "+09:00" in rows[0]
    assert "there are more: --offset 1" in text("list", "--limit", "1")


def test_piped_lines_are_whole_however_long(schedules: Schedules, text: Callable[..., str]) -> None:
    id = "x" * 150
    schedules.put(id, Every("10m"), "jobs_for_tests.echo", args=("y" * 120,))
    call = schedules[id].call
    assert any(line.startswith(f"{id}  active") and line.endswith(call) for line in text("list").splitlines())
    assert call in text("show", id)


def test_options_stand_before_or_after_the_command(some: Schedules, redis_url: str) -> None:
    for args in (["--url", redis_url, "list"], ["list", "--url", redis_url]):
        result = CliRunner().invoke(rqscheduler, args)
        assert (result.exit_code, "a-one" in result.output) == (0, True)


def test_reads_write_nothing(some: Schedules, text: Callable[..., str], redis: redis_py.Redis) -> None:
    before = written(redis)
    for args in (["list"], ["show", "a-one"], ["runs", "a-one"], ["upcoming"], ["next", "* * * * *"], ["schema"]):
        text(*args)
        text(*args, "--json")
    assert written(redis) == before


def test_show(some: Schedules, text: Callable[..., str], document: Callable[..., Any]) -> None:
    shown = text("show", "a-two")
    assert re.search(r"^state +paused \(why\)$", shown, re.MULTILINE)
    assert re.search(r"^trigger +30 2 \* \* \* \(Europe/Paris\)$", shown, re.MULTILINE)
    found = document("show", "a-one", "--count", "3")
    assert found["upcoming"] == [
        at.isoformat(timespec="microseconds").replace("+00:00", "Z") for at in some["a-one"].upcoming(3)
    ]
    assert found["upcoming"][0] == found["next_run_at"]
    assert (found["last_runs"], found["policies"]["overlap"]) == ([], "skip")


def test_upcoming(some: Schedules, text: Callable[..., str], document: Callable[..., Any]) -> None:
    found = document("upcoming", "--limit", "7")["upcoming"]
    assert [one["schedule_id"] for one in found].count("b-one") == 1
    assert [one["due"] for one in found] == sorted(one["due"] for one in found)
    assert len(document("upcoming", "--within", "25m")["upcoming"]) == 2
    assert text("upcoming", "--within", "1s").strip() == "Nothing comes up."
    assert text("upcoming").splitlines()[0].split() == ["DUE", "IN", "SCHEDULE"]


# pause, resume, run-now, backfill, delete


def test_pause_and_resume(some: Schedules, text: Callable[..., str], document: Callable[..., Any]) -> None:
    assert "rqscheduler resume a-one" in text("pause", "a-one", "--note", "looking into it")
    assert (some["a-one"].paused, some["a-one"].note) == (True, "looking into it")
    assert "a-one is active; next run: 20" in text("resume", "a-one")
    assert document("pause", "a-one")["paused"] is True
    assert document("resume", "a-one")["paused"] is False


def test_run_now_until_a_worker_has_done_it(
    some: Schedules, document: Callable[..., Any], text: Callable[..., str], run_worker: RunWorker
) -> None:
    made = document("run-now", "b-one")
    assert (made["outcome"], made["queue_name"]) == ("enqueued", "default")
    skipped = document("run-now", "b-one")
    assert (skipped["outcome"], skipped["job_id"]) == ("not enqueued", None)
    assert "--force makes one all the same" in text("run-now", "b-one")
    forced = document("run-now", "b-one", "--force")
    run_worker("default")
    found = document("runs", "b-one")["runs"]
    done = {one["job_id"]: one["status"] for one in found if one["job_id"]}
    assert done == {made["job_id"]: "finished", forced["job_id"]: "finished"}
    lines = text("runs", "b-one", "--limit", "1").splitlines()
    assert len(lines) == 2
    assert ("manual" in lines[1], "finished" in lines[1], forced["job_id"] in lines[1]) == (True, True, True)


def test_backfill_makes_each_run_once(some: Schedules, document: Callable[..., Any], text: Callable[..., str]) -> None:
    some.put("daily", Cron("0 12 * * *", "Europe/Paris"), NOTHING)
    args = ["backfill", "daily", "--since", "2026-01-01", "--until", "2026-01-04", "--timezone", "Europe/Paris"]
    made = document(*args)
    assert (made["since"], made["until"]) == ("2025-12-31T23:00:00.000000Z", "2026-01-03T23:00:00.000000Z")
    assert made["job_ids"] == [f"daily-2026010{day}T110000000000Z-b" for day in (1, 2, 3)]
    assert document(*args)["job_ids"] == []
    assert "daily: 0 runs made (those instants were backfilled before)" in text(*args)
    between = ["backfill", "daily", "--since", "2026-01-05T13:00", "--until", "2026-01-05T14:00"]
    assert "daily: 0 runs made (it has no instant in that time)" in text(*between)
    one = text("backfill", "daily", "--since", "2026-01-06", "--until", "2026-01-07")
    assert one.splitlines()[-1] == "daily: 1 run made"


def test_backfill_ends_now_unless_told(schedules: Schedules, document: Callable[..., Any]) -> None:
    schedules.put("often", Every("1m"), NOTHING)
    since = datetime.now(UTC) - timedelta(minutes=5, seconds=30)
    assert len(document("backfill", "often", "--since", since.isoformat())["job_ids"]) in (5, 6)


@pytest.mark.parametrize(
    ("args", "status", "says"),
    [
        ((), 2, "say which runs: --since"),
        (("--since", "2026-01-01", "--until", "2126-01-01"), 1, "lies in the future"),
        (("--since", "2026-01-02", "--until", "2026-01-01"), 1, "turn them round"),
        (("--since", "2020-01-01", "--until", "2020-02-01", "--limit", "5"), 1, "more than 5 instants"),
    ],
    ids=str,
)
@pytest.mark.once
def test_backfill_refuses_mistakes(
    some: Schedules, cli: Callable[..., Said], args: tuple[str, ...], status: int, says: str
) -> None:
    result = cli("backfill", "b-one", *args)
    assert (result.exit_code, says in result.output) == (status, True), result.output


def test_delete_without_a_terminal_needs_a_yes(
    some: Schedules, cli: Callable[..., Said], document: Callable[..., Any]
) -> None:
    result = cli("delete", "a-one")
    assert (result.exit_code, "add --yes" in result.output) == (2, True)
    assert "a-one" in some
    assert document("delete", "a-one", "--yes") == {"schedule_id": "a-one", "deleted": True}
    assert "a-one" not in some


@pytest.mark.parametrize("answered", ["n", "y"])
@pytest.mark.once
def test_delete_asks_on_a_terminal(some: Schedules, redis_url: str, processes: Processes, answered: str) -> None:
    some.sync([some["b-one"].definition], owner="shop", prune=False)
    status, said = in_terminal(["delete", "b-one", "--url", redis_url], f"{answered}\n")
    assert "Delete b-one and its history (0 runs)? shop will put it back with its next sync. [y/N]" in said
    assert (status, "b-one" in some) == ((0, False) if answered == "y" else (1, True))


def in_terminal(args: list[str], typed: str = "", columns: int = 200) -> tuple[int, str]:
    """Run the command on a pseudo-terminal and type something there. Returns its exit status and what it showed."""
    argv = [sys.executable, "-m", "rq_scheduler.cli", *args]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(argv[0], argv, environment({"COLUMNS": str(columns), "TERM": "xterm"}))  # noqa: S606  no shell is meant
    os.write(terminal, typed.encode())
    said = b""
    while True:
        try:
            piece = os.read(terminal, 65_536)
        except OSError:  # Linux's way to say that the other end is closed
            piece = b""
        if not piece:
            break
        said += piece
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


@pytest.mark.once
def test_a_narrow_terminal_keeps_the_ids(some: Schedules, redis_url: str) -> None:
    status, said = in_terminal(["list", "--url", redis_url], columns=60)
    assert status == 0
    assert "\x1b[" in said
    plain = [line for line in said.splitlines() if "one" in line]
    assert [line.split()[0] for line in plain] == ["a-one", "b-one"]
    assert all(NOTHING not in line for line in plain)


@pytest.mark.parametrize(
    "args",
    [
        ("show", "nope"), ("runs", "nope"), ("pause", "nope"), ("resume", "nope"), ("run-now", "nope"),
        ("backfill", "nope", "--since", "2026-01-01"), ("delete", "nope", "--yes"),
    ],
    ids=lambda args: args[0],
)  # fmt: skip
@pytest.mark.once
def test_an_unknown_id_is_one_sentence(
    cli: Callable[..., Said], redis: redis_py.Redis, redis_url: str, args: tuple[str, ...]
) -> None:
    result = cli(*args)
    assert result.exit_code == 1
    assert result.output == f"Error: no schedule has the id 'nope'; {typed(redis_url, 'list')} shows those there are.\n"
    assert redis.keys() == []


# sync


FILE = """
[schedules.nightly]
cron = "30 2 * * *"
timezone = "Europe/Paris"
func = "jobs_for_tests.nothing"

[schedules.often]
every = "10m"
func = "jobs_for_tests.add"
args = [1]
"""


def test_sync_makes_it_so_and_then_has_nothing_to_do(
    document: Callable[..., Any], text: Callable[..., str], schedules: Schedules, redis: redis_py.Redis, tmp_path: Path
) -> None:
    schedules.put("mine", Every("1h"), NOTHING)
    file = tmp_path / "schedules.toml"
    file.write_text(FILE)
    before = written(redis)
    dry = document("sync", str(file), "--owner", "shop", "--dry-run")
    assert dry == {
        "owner": "shop", "dry_run": True, "added": ["nightly", "often"], "changed": [], "removed": [], "unchanged": [],
        "renamed": [], "changes": {}, "taken_over": [],
    }  # fmt: skip
    assert "dry run: nothing was written" in text("sync", str(file), "--owner", "shop", "--dry-run")
    assert written(redis) == before
    assert text("sync", str(file), "--owner", "shop").splitlines() == [
        "+ nightly", "+ often", "shop: 2 added, 0 changed, 0 removed, 0 unchanged",
    ]  # fmt: skip
    assert document("sync", str(file), "--owner", "shop")["unchanged"] == ["nightly", "often"]
    file.write_text(FILE.replace("[1]", "[2]").replace(".nightly]", ".weekly]"))
    kept = document("sync", str(file), "--owner", "shop", "--no-prune", "--dry-run")
    assert (kept["added"], kept["changed"], kept["removed"]) == (["weekly"], ["often"], [])
    assert document("sync", str(file), "--owner", "shop")["removed"] == ["nightly"]
    assert sorted(one.id for one in schedules) == ["mine", "often", "weekly"]


def test_sync_refuses_mistakes(cli: Callable[..., Said], redis: redis_py.Redis, tmp_path: Path) -> None:
    file = tmp_path / "schedules.toml"
    file.write_text(FILE.replace("30 2", "61 2"))
    result = cli("sync", str(file), "--owner", "shop")
    assert (result.exit_code, "61 is outside 0-59" in result.output) == (1, True), result.output
    missing = cli("sync", str(tmp_path / "nope.toml"), "--owner", "shop")
    assert (missing.exit_code, "nope.toml" in missing.output) == (1, True), missing.output
    assert cli("sync", str(file)).exit_code == 2
    assert redis.keys() == []


# next, schema


def test_next_needs_no_redis() -> None:
    result = CliRunner().invoke(
        rqscheduler, ["next", "30 2 * * *", "--timezone", "Europe/Paris", "--after", "2026-03-28", "--count", "2"]
    )
    assert result.exit_code == 0
    assert result.output.splitlines()[1:] == [
        "Sat 2026-03-28 02:30:00+01:00  in 2h 30m  2026-03-28 01:30:00Z",
        "Sun 2026-03-29 03:00:00+02:00   +23h 30m  2026-03-29 01:00:00Z",
    ]


def test_next_in_json() -> None:
    result = CliRunner().invoke(
        rqscheduler,
        ["next", "0 0 1-7 * mon", "--day-match", "both", "--after", "2026-03-28T00:00Z", "--count", "1", "--json"],
    )
    assert json.loads(result.output) == {
        "expression": "0 0 1-7 * mon",
        "timezone": "UTC",
        "day_match": "both",
        "after": "2026-03-28T00:00:00.000000Z",
        "instants": [{"utc": "2026-04-06T00:00:00.000000Z", "local": "2026-04-06T00:00:00+00:00"}],
    }


@pytest.mark.parametrize(
    ("args", "status", "says"),
    [
        (("61 * * * *",), 1, "minute field: 61 is outside 0-59"),
        (("* * * * *", "--timezone", "Parris"), 2, "did you mean"),
        (("* * * * *", "--count", "0"), 2, "x>=1"),
        (("* * * * *", "--after", "x"), 2, "is no date and time"),
        ((), 2, "Missing argument 'CRON'"),
    ],
    ids=str,
)
def test_next_refuses_mistakes(args: tuple[str, ...], status: int, says: str) -> None:
    result = CliRunner().invoke(rqscheduler, ["next", *args])
    assert (result.exit_code, says in result.output) == (status, True), result.output


def test_schema_is_a_json_schema() -> None:
    result = CliRunner().invoke(rqscheduler, ["schema"])
    assert result.exit_code == 0
    assert "$schema" in json.loads(result.output) or "$defs" in json.loads(result.output)


# Redis and the environment


@pytest.mark.parametrize(
    "args",
    [
        ("list",), ("show", "x"), ("runs", "x"), ("upcoming",), ("pause", "x"), ("resume", "x"), ("run-now", "x"),
        ("backfill", "x", "--since", "2026-01-01", "--until", "2026-01-02"), ("delete", "x", "--yes"), ("status",),
        ("put", "x", NOTHING, "--every", "1m"),
    ],
    ids=lambda args: args[0],
)  # fmt: skip
@pytest.mark.once
def test_without_redis_they_say_where_they_looked(args: tuple[str, ...]) -> None:
    result = CliRunner().invoke(rqscheduler, [args[0], "--url", "redis://:secret@127.0.0.1:1", *args[1:]])
    assert result.exit_code == 1
    assert result.output.startswith("Error: Redis at redis://***@127.0.0.1:1 does not answer: ")
    assert "secret" not in result.output


def test_a_wrong_password_says_where_to_give_it(redis: redis_py.Redis, redis_url: str) -> None:
    url = redis_url.replace("redis://", "redis://nobody:wrong@")
    result = CliRunner().invoke(rqscheduler, ["list", "--url", url])
    assert (result.exit_code, "--password" in result.output) == (1, True), result.output


def test_a_user_who_may_not_says_what_to_grant(some: Schedules, redis: redis_py.Redis, redis_url: str) -> None:
    redis.acl_setuser("reader", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@connection"])
    try:
        url = redis_url.replace("redis://", "redis://reader:pw@")
        result = CliRunner().invoke(rqscheduler, ["list", "--url", url])
    finally:
        redis.acl_deluser("reader")
    assert (result.exit_code, "Grant the command or the keys in its ACL" in result.output) == (1, True), result.output


def test_help_and_version_need_nothing() -> None:
    for name in ("status", "list", "show", "runs", "upcoming", "next", "put", "pause", "resume", "run-now", "backfill",
                 "delete", "sync", "schema"):  # fmt: skip
        result = CliRunner().invoke(rqscheduler, [name, "--help"])
        assert (result.exit_code, "--json" in result.output) == (0, True), name
    assert CliRunner().invoke(rqscheduler, ["--version"]).output.startswith("rqscheduler 1.")


def test_the_help_of_next_says_whose_zone_it_takes() -> None:
    said = " ".join(CliRunner().invoke(rqscheduler, ["next", "--help"]).output.split())
    assert "The zone that the string is read in; UTC unless given." in said


def test_no_command_of_quarantine_is_cut_short_on_a_narrow_screen() -> None:
    said = CliRunner().invoke(rqscheduler, ["quarantine", "--help"]).output
    assert ("retry  Put an entry, or all, back" in said, "..." in said.partition("Commands:")[2]) == (True, False), said


@pytest.mark.once
def test_a_reader_that_leaves_early_is_no_error(some: Schedules, redis_url: str, processes: Processes) -> None:
    script = f'"{sys.executable}" -m rq_scheduler.cli list --url {redis_url} | head -n 1; echo "ended"'
    said = processes.run("/bin/sh", "-c", script)
    assert (said.count("TRIGGER"), said.count("a-one"), "Traceback" in said) == (1, 0, False), said


# status


@pytest.mark.parametrize(
    "args",
    [("list",), ("show", "a-one"), ("runs", "a-one"), ("upcoming",), ("put", "a-one", NOTHING, "--every", "10m")],
    ids=lambda args: args[0],
)
def test_commands_about_schedules_say_that_nobody_serves_them(
    cli: Callable[..., Said], some: Schedules, redis: redis_py.Redis, redis_url: str, args: tuple[str, ...]
) -> None:
    said = cli(*args, "--json")
    assert said.stderr == "Note: no dispatcher is alive, so nothing is handed off: " + typed(redis_url) + "\n"
    json.loads(said.stdout)
    Store(redis).heartbeat("d1", {"host": "h"}, 60, dispatcher=True)
    assert cli(*args).stderr == ""
    Store(redis).leave("d1")
    assert "is handed off, for " in cli(*args).stderr


def test_status_fails_without_a_dispatcher(
    cli: Callable[..., Said], some: Schedules, redis: redis_py.Redis, redis_url: str
) -> None:
    Scheduler(connection=redis).enqueue_in(timedelta(hours=1), print)
    before = written(redis)
    result = cli("status", "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert (found["healthy"], found["dispatchers"], found["fence"]) == (False, [], None)
    assert (found["schedules"], found["paused"], found["one_offs"], found["due_now"]) == (3, 1, 1, 0)
    assert found["next"]["id"] == "a-one"
    assert found["problems"][0]["code"] == "no_dispatcher"
    said = cli("status")
    assert said.exit_code == 1
    assert said.output.startswith("! no dispatcher is alive, so nothing is handed off: " + typed(redis_url))
    assert written(redis) == before


def test_status_shows_live_dispatchers_and_workers(
    cli: Callable[..., Said], redis: redis_py.Redis, redis_url: str, processes: Processes, run_worker: RunWorker
) -> None:
    Scheduler(connection=redis).enqueue_in(timedelta(0), print)
    Scheduler(connection=redis).schedule(datetime.now(UTC) + timedelta(hours=1), print, interval=60)
    run_worker("elsewhere", burst=False)
    for name in ("d1", "d2"):
        processes.start(sys.executable, "-m", "rq_scheduler.cli", "--url", redis_url, "--name", name)

    def both() -> Any:
        found = json.loads(cli("status", "--json").output)
        # It is read a piece at a time, and a job may be handed off in between.
        handed_off = not found["due_now"] and any(one["length"] for one in found["queues"])
        return found if len(found["dispatchers"]) == 2 and handed_off else None

    found = wait_until(both)
    assert [one["code"] for one in found["problems"]] == ["no_worker"]
    assert found["fence"]["ours"]
    assert [one["name"] for one in found["dispatchers"]] == ["d1", "d2"]
    assert all(one["pid"] and one["host"] and one["version"] for one in found["dispatchers"])
    assert all(0 <= one["heartbeat_age_seconds"] < 12 for one in found["dispatchers"])  # else it has expired
    assert (found["schedules"], found["one_offs"]) == (1, 0)
    assert {one["name"]: (one["length"], one["workers"]) for one in found["queues"]} == {
        "default": (1, 0), "elsewhere": (0, 1),
    }  # fmt: skip
    said = cli("status")
    assert said.exit_code == 1
    assert "! 1 job waits in 'default', and no worker listens on it: rq worker --url " in said.output


@pytest.mark.newest_only
def test_on_a_cluster(cluster: ClusterSetup, processes: Processes) -> None:
    where = ["--cluster", "--url", cluster.url]
    env = {"RQ_KEY_PREFIX": "{site-a}"}

    def run(*args: str) -> str:
        return processes.run(sys.executable, "-m", "rq_scheduler.cli", *where, *args, env=env)

    processes.start(sys.executable, "-m", "rq_scheduler.cli", *where, "--name", "d1", env=env)
    with cluster.client() as client:
        wait_until(lambda: client.zcard("{site-a}:scheduler:dispatchers"))
    assert json.loads(run("put", "x", NOTHING, "--every", "10m", "--json"))["outcome"] == "created"
    found = json.loads(run("status", "--json"))
    assert (found["schedules"], found["next"]["id"], found["dispatchers"][0]["name"]) == (1, "x", "d1")
    assert [one["id"] for one in json.loads(run("list", "--json"))["schedules"]] == ["x"]
    untagged = CliRunner().invoke(rqscheduler, [*where, "list"])
    assert (untagged.exit_code, "Set RQ_KEY_PREFIX='{site}'" in untagged.output) == (2, True), untagged.output


def test_status_for_a_user_who_may_only_read(some: Schedules, redis: redis_py.Redis, redis_url: str) -> None:
    redis.acl_setuser("reader", enabled=True, passwords=["+pw"], keys=["*"], reset_channels=True,
                      categories=["+@read", "+@connection", "+@pubsub"], commands=["+time"])  # fmt: skip
    try:
        url = redis_url.replace("redis://", "redis://reader:pw@")
        found = json.loads(CliRunner().invoke(rqscheduler, ["status", "--url", url, "--json"]).output)
    finally:
        redis.acl_deluser("reader")
    assert found["schedules"] == 3
    assert found["redis"]["maxmemory_policy"] is None
    assert any("may not use the wake-up channel" in notice for notice in found["notices"])
