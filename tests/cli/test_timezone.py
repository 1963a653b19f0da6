"""`rqscheduler timezone`: one, several, all of the 0.14 API."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import redis as redis_py
from click.testing import CliRunner, Result

from rq_scheduler import Cron, Scheduler
from rq_scheduler.cli.app import rqscheduler

pytestmark = pytest.mark.once

NOTHING = "jobs_for_tests.nothing"


@pytest.fixture
def run(redis_url: str) -> Callable[..., Result]:
    def invoke(*args: str) -> Result:
        return CliRunner().invoke(rqscheduler, ["--url", redis_url, "timezone", *args])

    return invoke


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    """Three cron strings and an interval of the 0.14 API, and a schedule."""
    scheduler = Scheduler(connection=redis)
    for id, zone in (("a", "UTC"), ("b", "UTC"), ("c", "Asia/Tokyo")):
        scheduler.cron("30 2 * * *", NOTHING, id=id, timezone=zone)
    scheduler.schedule(datetime(2040, 1, 1, tzinfo=UTC), NOTHING, interval=60, id="often")
    scheduler.schedules.put("put", Cron("30 2 * * *"), NOTHING)
    return scheduler


def zones(scheduler: Scheduler) -> dict[str, str]:
    return {each.id: each.trigger.timezone for each in scheduler.schedules if isinstance(each.trigger, Cron)}


def test_one(run: Callable[..., Result], scheduler: Scheduler) -> None:
    result = run("a", "Europe/Berlin")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("a runs in Europe/Berlin; next run: ")
    assert " 02:30:00+0" in result.output
    assert zones(scheduler) == {"a": "Europe/Berlin", "b": "UTC", "c": "Asia/Tokyo", "put": "UTC"}


def test_several(run: Callable[..., Result], scheduler: Scheduler) -> None:
    found = json.loads(run("a", "put", "Europe/Berlin", "--json").output)
    assert (found["timezone"], [one["id"] for one in found["schedules"]]) == ("Europe/Berlin", ["a", "put"])
    assert zones(scheduler) == {"a": "Europe/Berlin", "b": "UTC", "c": "Asia/Tokyo", "put": "Europe/Berlin"}


def test_all_of_the_0_14_api(run: Callable[..., Result], scheduler: Scheduler) -> None:
    assert run("--all", "Europe/Berlin").output.count("runs in Europe/Berlin") == 3
    assert zones(scheduler) == {**dict.fromkeys("abc", "Europe/Berlin"), "put": "UTC"}


def test_all_that_are_in_a_zone(run: Callable[..., Result], scheduler: Scheduler) -> None:
    assert run("--all", "--from", "UTC", "Europe/Berlin").exit_code == 0
    assert zones(scheduler) == {"a": "Europe/Berlin", "b": "Europe/Berlin", "c": "Asia/Tokyo", "put": "UTC"}
    assert run("--all", "--from", "UTC", "Europe/Berlin").output == "No cron string of the 0.14 API is to be changed.\n"


@pytest.mark.parametrize(
    ("args", "status", "says"),
    [
        (("a", "Berlin"), 2, "did you mean 'Europe/Berlin'?"),
        (("Europe/Berlin",), 2, "name the ids, or say --all"),
        (("--all", "a", "Europe/Berlin"), 2, "name the ids, or say --all"),
        (("--from", "UTC", "a", "Europe/Berlin"), 2, "--from chooses among --all"),
        (("--all", "--from", "utc+1", "Europe/Berlin"), 2, "--from"),
        (("nobody", "Europe/Berlin"), 1, "no schedule has the id 'nobody'; "),
        (("often", "Europe/Berlin"), 1, "'often' has no zone to change"),
    ],
)
def test_mistakes(
    run: Callable[..., Result], scheduler: Scheduler, args: tuple[str, ...], status: int, says: str
) -> None:
    before = zones(scheduler)
    result = run(*args)
    assert (result.exit_code, says in result.output) == (status, True), result.output
    assert zones(scheduler) == before
