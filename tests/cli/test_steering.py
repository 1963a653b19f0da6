"""Many schedules at once from the command line; pauses that end by themselves; what they left out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis as redis_py

from cli.conftest import Said
from making import snapshot, waiting
from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.cli.times import read_moment, read_until
from rq_scheduler.client.schedules import Schedules
from support import wait_until

pytestmark = pytest.mark.once

NOTHING = "jobs_for_tests.nothing"


@pytest.fixture
def schedules(redis: redis_py.Redis) -> Schedules:
    made = Scheduler(connection=redis).schedules
    for id, queue in (("a-one", "reports"), ("a-two", "default"), ("b-one", "default")):
        made.put(id, Cron("30 2 * * *"), NOTHING, queue_name=queue, tags=("night",))
    return made


def _paused(schedules: Schedules) -> list[str]:
    return [stored.id for stored in schedules.find(paused=True)]


def test_many_are_paused_and_resumed(schedules: Schedules, text: Callable[..., str]) -> None:
    schedules.pause("a-one")
    said = text("pause", "--prefix", "a", "--yes", "--note", "window")
    assert said == ("1 schedule is paused; resume them with: rqscheduler resume --prefix a (1 other stays as it was)\n")
    assert text("pause", "--all", "--yes").startswith("2 schedules are paused")
    said = text("resume", "--all", "--yes")
    assert "2 schedules fire again; 1 paused by themselves stay so (--all-pauses resumes them too)" in said
    assert _paused(schedules) == ["a-one"]
    assert json.loads(text("resume", "--all", "--all-pauses", "--yes", "--json")) == {
        "resumed": 1,
        "stay_paused": 0,
        "left_out": [],
    }


def test_a_pause_has_an_end(schedules: Schedules, text: Callable[..., str]) -> None:
    assert "a-one is paused until " in text("pause", "a-one", "--until", "2h")
    until = schedules["a-one"].paused_until
    assert until is not None
    assert timedelta(hours=1, minutes=59) < until - datetime.now(UTC) <= timedelta(hours=2)
    text(
        "pause",
        "--tag",
        "night",
        "--queue",
        "default",
        "--yes",
        "--until",
        "2199-01-01 06:00",
        "--timezone",
        "Asia/Tokyo",
    )
    assert schedules["a-two"].paused_until == datetime(2198, 12, 31, 21, tzinfo=UTC)
    shown = text("show", "a-two")
    assert "until 2198-12-31 21:00:00Z" in shown
    assert json.loads(text("show", "a-two", "--json"))["paused_until"] == "2198-12-31T21:00:00.000000Z"


def test_many_run_now_and_are_deleted(redis: redis_py.Redis, schedules: Schedules, text: Callable[..., str]) -> None:
    assert text("run-now", "--tag", "night", "--queue", "default", "--yes") == "2 runs made, of 2 schedules\n"
    assert len(waiting(redis)) == 2
    assert text("delete", "--prefix", "a", "--yes") == "2 schedules are deleted\n"
    assert [stored.id for stored in schedules] == ["b-one"]
    assert json.loads(text("delete", "--all", "--yes", "--json")) == {"deleted": 1}


@pytest.mark.parametrize("command", ["pause", "resume", "run-now", "delete"])
def test_it_asks_first(redis: redis_py.Redis, schedules: Schedules, cli: Callable[..., Said], command: str) -> None:
    schedules.pause_all(prefix="b")
    before = snapshot(redis)
    result = cli(command, "--all")
    assert (result.exit_code, "add --yes" in result.output) == (2, True)
    for args in ((), ("a-one", "--tag", "night"), ("--all", "--tag", "night"), ("--yes",)):
        result = cli(command, *args)
        assert (result.exit_code, "say which" in result.output) == (2, True)
    assert snapshot(redis) == before


def test_what_a_pause_left_out_is_listed_and_made(
    redis: redis_py.Redis, schedules: Schedules, text: Callable[..., str], cli: Callable[..., Said]
) -> None:
    schedules.delete_all(everything=True)
    for id in ("a", "b"):
        schedules.put(id, Every(0.2), NOTHING, tags=("x",), overlap="allow")
    schedules.pause_all(tag="x")
    now = datetime.now(UTC)
    wait_until(lambda: datetime.now(UTC) - now > timedelta(seconds=0.5))
    said = text("resume", "--tag", "x", "--yes")
    assert "LEFT OUT" in said
    assert "To make up for it: rqscheduler backfill --tag x --left-out" in said
    assert "rqscheduler backfill a --left-out" in text("backfill", "a", "--left-out", "--dry-run")
    assert waiting(redis) == []
    (of_a, of_b) = json.loads(text("backfill", "--all", "--left-out", "--dry-run", "--json"))["left_out"]
    assert (of_a["schedule_id"], of_b["schedule_id"]) == ("a", "b")
    assert cli("backfill", "--tag", "x", "--left-out").exit_code == 2
    total = of_a["count"] + of_b["count"]
    assert text("backfill", "--tag", "x", "--left-out", "--yes") == f"{total} runs made\n"
    assert len(waiting(redis)) == total
    assert text("backfill", "--tag", "x", "--left-out", "--yes") == "The last pause has left out nothing.\n"


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("now", (29, 1, 30)),
        ("06:00", (29, 6, 0)),
        ("today 02:30", (29, 2, 30)),
        ("Tomorrow 06:00", (30, 6, 0)),
        ("yesterday 23:15", (28, 23, 15)),
        ("2026-11-30 06:00", (30, 6, 0)),
    ],
)
def test_moments_in_words(typed: str, means: tuple[int, int, int]) -> None:
    zone = ZoneInfo("Europe/Paris")
    now = datetime(2026, 11, 29, 1, 30, tzinfo=zone).astimezone(UTC)
    assert read_moment(typed, zone, "--until", now) == datetime(2026, 11, *means, tzinfo=zone)
    assert read_until("90m", now, zone, "--until") == now + timedelta(minutes=90)


@pytest.mark.parametrize("typed", ["tomorrow", "06", "tomorrow 25:00", "soon", "", "tomorrow 06:00 sharp"])
def test_what_is_no_moment_is_refused(schedules: Schedules, cli: Callable[..., Said], typed: str) -> None:
    result = cli("backfill", "a-one", "--since", typed)
    assert (result.exit_code, "no date and time" in result.output) == (2, True)


def test_the_zone_is_that_of_the_host_unless_one_is_named(
    schedules: Schedules,
    cli: Callable[..., Said],
    text: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    host_in: Any,
) -> None:
    assert "02:30:00Z" in text("list")
    monkeypatch.setenv("RQS_TIMEZONE", "Asia/Tokyo")
    assert "11:30:00+09:00" in text("list")
    assert "02:30:00Z" in text("list", "--timezone", "UTC")
    monkeypatch.setenv("RQS_TIMEZONE", "Asia/Tokio")
    assert "Asia/Tokyo" in cli("list").output
    monkeypatch.delenv("RQS_TIMEZONE")
    host_in("Asia/Kolkata")
    assert "08:00:00+05:30" in text("list")
