"""Schedules out of one Redis and into another: `show --json`, `put --file`, `export`; what `sync` says it changes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import redis as redis_py
from rq import Callback, Retry

import jobs_for_tests as functions
from cli.conftest import Said
from making import snapshot
from rq_scheduler import AnyOf, At, Cron, Dates, Every, Schedule, Scheduler
from rq_scheduler.client.schedules import Schedules

NOTHING = "jobs_for_tests.nothing"


@pytest.fixture
def schedules(redis: redis_py.Redis) -> Schedules:
    return Scheduler(connection=redis).schedules


WHOLE = Schedule(
    "whole",
    Cron("30 2 * * *", "Europe/Paris"),
    functions.echo,
    args=("weekly", 3, [1, 2.5, None], {"a": True}),
    kwargs={"to": "ops"},
    queue_name="reports",
    job_timeout="10m",
    result_ttl=-1,
    ttl=3600,
    failure_ttl="30d",
    description="the nightly report",
    meta={"team": "ops"},
    at_front=True,
    retry=Retry(max=3, interval=[10, 60]),
    depends_on=["another"],
    on_success="jobs_for_tests.on_success",
    overlap="buffer_one",
    catchup="all",
    catchup_window="2h",
    jitter="30s",
    start=datetime(2026, 1, 1, tzinfo=UTC),
    end=datetime(2199, 1, 1, tzinfo=UTC),
    max_runs=10,
    exclude=(Dates("2026-12-25"),),
    excluded="next_day",
    pause_on_failures=3,
    tags=("night", "billing"),
    note="its numbers are wrong",
    paused=True,
)
OTHERS = [
    Schedule("every", Every(90, anchor=datetime(2026, 1, 1, tzinfo=UTC)), functions.nothing),
    Schedule("at", AnyOf(At(datetime(2199, 1, 1, tzinfo=UTC)), Cron("0 9 * * mon")), functions.nothing),
]


@pytest.mark.parametrize("definition", [WHOLE, *OTHERS], ids=lambda each: each.id)
def test_what_is_shown_makes_the_same_schedule(
    schedules: Schedules, text: Callable[..., str], definition: Schedule
) -> None:
    id = definition.id
    schedules.put(definition)
    shown = text("show", id, "--json")
    assert text("put", "--file", "-", input=shown).startswith(f"{id}: unchanged")
    schedules.delete(id)
    assert text("put", "--file", "-", input=shown).startswith(f"{id}: created")
    again = json.loads(text("show", id, "--json"))
    assert again["definition"] == json.loads(shown)["definition"]
    assert again["definition_problem"] == ""
    assert text("put", "copy", "--file", "-", input=shown).startswith("copy: created")


def test_text_has_the_whole_definition(schedules: Schedules, text: Callable[..., str]) -> None:
    schedules.put(WHOLE)
    facts = {line[:17].strip(): line[19:] for line in text("show", "whole").splitlines()}
    for name, says in {
        "job timeout": "10m",
        "result ttl": "for ever",
        "ttl": "1h",
        "failure ttl": "30d",
        "retry": "3 times, after 10s, 60s",
        "description": "the nightly report",
        "meta": "{'team': 'ops'}",
        "depends on": "another",
        "on success": "jobs_for_tests.on_success",
        "at front": "yes",
        "runs": "0, 10 left: 0 succeeded, 0 failed; skipped 0, missed 0",
    }.items():
        assert facts[name] == says


def test_arguments_that_no_file_can_hold(
    redis: redis_py.Redis, schedules: Schedules, text: Callable[..., str], cli: Callable[..., Said]
) -> None:
    """They are not made either: that would run whatever their classes do."""
    schedules.put("a", Every(60), functions.echo, args=(Decimal(5),))
    shown = json.loads(text("show", "a", "--json"))
    assert (shown["definition"], "objects" in shown["definition_problem"]) == (None, True)
    result = cli("put", "--file", "-", input=json.dumps(shown))
    assert (result.exit_code, "holds no definition" in result.output) == (1, True)


@pytest.mark.parametrize(
    ("args", "given", "status", "says"),
    [
        (("--file", "-"), "{", 1, "no JSON document"),
        (("--file", "-"), "[]", 1, "holds no definition"),
        (("--file", "-"), '{"id": "a b", "definition": {}}', 1, "id='a b'"),
        (
            ("--file", "-"),
            '{"id": "a", "definition": {"func": "x.y", "at": 5, "x": 1}}',
            1,
            "'x' is no field",
        ),
        (("--file", "-", "--jitter", "5s"), "{}", 2, "leave out --jitter"),
        (("--file", "-", "a", "x.y"), "{}", 2, "leave out func"),
        (("a",), "", 2, "give an ID and a FUNC"),
    ],
)
def test_what_cannot_be_put_is_refused(
    redis: redis_py.Redis,
    cli: Callable[..., Said],
    args: tuple[str, ...],
    given: str,
    status: int,
    says: str,
) -> None:
    result = cli("put", *args, input=given)
    assert (result.exit_code, says in result.output) == (status, True), result.output
    assert snapshot(redis) == {}


def test_an_export_is_what_sync_reads(
    redis: redis_py.Redis, schedules: Schedules, text: Callable[..., str], cli: Callable[..., Said], tmp_path: Path
) -> None:
    schedules.sync([WHOLE, *OTHERS], owner="shop")
    schedules.put("objects", Every(60), functions.echo, args=(Decimal(5),))
    schedules.put("method", Every(60), functions.nothing, on_success=Callback(functions.on_success, timeout=5))
    Scheduler(connection=redis).cron("0 0 * * *", functions.nothing, id="cron")
    file = tmp_path / "all.json"
    file.write_text(text("export", "--owner", "shop"))
    assert "0 added, 0 changed, 0 removed, 3 unchanged" in text("sync", str(file), "--owner", "shop")
    assert json.loads(text("export", "every"))["schedules"].keys() == {"every"}
    result = cli("export", "--all")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["schedules"].keys() == {"whole", "every", "at"}
    assert "left out: schedule 'objects'" in result.stderr
    assert "left out: schedule 'method'" in result.stderr


def test_a_sync_says_what_it_changes(
    redis: redis_py.Redis, schedules: Schedules, text: Callable[..., str], cli: Callable[..., Said], tmp_path: Path
) -> None:
    schedules.put("nobodys", Every(60), NOTHING)
    schedules.sync([Schedule("mine", Cron("0 9 * * *"), NOTHING, tags=("x",))], owner="shop", prune=False)
    file = tmp_path / "all.toml"
    file.write_text(
        """
[schedules.mine]
cron = "0 10 * * *"
func = "jobs_for_tests.nothing"
jitter = "30s"
[schedules.nobodys]
every = "1m"
func = "jobs_for_tests.nothing"
[schedules.new]
every = "1m"
func = "jobs_for_tests.nothin"
"""
    )
    before = snapshot(redis)
    said = text("sync", str(file), "--owner", "shop", "--dry-run").splitlines()
    assert said[0] == "+ new"
    assert said[1] == "~ mine"
    assert "    jitter: - -> 30s" in said
    assert "    tags: x -> -" in said
    assert any(line.startswith("    trigger: ") for line in said)
    assert "~ nobodys (taken over: nobody owned it)" in said
    assert "    owner: - -> shop" in said
    document = json.loads(text("sync", str(file), "--owner", "shop", "--dry-run", "--json"))
    assert document["changes"]["mine"]["jitter"] == ["", "30s"]
    assert document["taken_over"] == ["nobodys"]
    result = cli("sync", str(file), "--owner", "shop", "--strict")
    assert (result.exit_code, "jobs_for_tests.nothin cannot be imported here" in result.output) == (1, True)
    assert snapshot(redis) == before
