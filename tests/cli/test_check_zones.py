"""`rqscheduler check` of cron strings whose pending time was worked out in another zone, as under Django."""

import json
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from click.testing import CliRunner

from making import snapshot
from rq_scheduler.cli.app import rqscheduler

pytestmark = pytest.mark.once

INDEX = "rq:scheduler:scheduled_jobs"


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def by_0_14(redis: redis_py.Redis, id: str, hour: int, minute: int = 30, cron_string: str = "30 2 * * *") -> None:
    """A cron job that waits for this time of a day to come, in UTC."""
    pending = datetime.now(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0) + timedelta(days=3)
    meta = pickle.dumps({"cron_string": cron_string, "use_local_timezone": False})
    redis.hset(f"rq:job:{id}", mapping={"origin": "default", "created_at": "2026-01-01T00:00:00Z", "meta": meta})
    redis.zadd(INDEX, {id: pending.timestamp()})


def check(url: str, *zones: str) -> dict[str, Any]:
    options = [part for zone in zones for part in ("--adopt-timezone", zone)]
    result = CliRunner().invoke(rqscheduler, ["--url", url, "check", "--json", *options])
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.output)


def zone_items(found: dict[str, Any]) -> list[str]:
    return [item for item in found["attention"] if item.startswith("zone:")]


def test_it_says_which_zones_fit(redis: redis_py.Redis, redis_url: str) -> None:
    by_0_14(redis, "nightly", hour=21, minute=0)
    by_0_14(redis, "morning", hour=3, cron_string="0 9 * * *")
    by_0_14(redis, "right", hour=2)
    by_0_14(redis, "often", hour=2, cron_string="*/5 * * * *")
    before = snapshot(redis)
    found = check(redis_url)
    assert found["cron_zones"] == {"UTC": 4}
    assert found["misread"]["entries"]["count"] == 2
    assert found["misread"]["clocks"] == {"+05:30": ["Asia/Kolkata", "Asia/Calcutta", "Asia/Colombo"]}
    (said,) = zone_items(found)
    assert "nightly: '30 2 * * *' at " in said
    assert "Asia/Kolkata, Asia/Calcutta or Asia/Colombo" in said
    assert "--adopt-timezone ZONE" in said
    assert "rqscheduler timezone ID ZONE" in said
    assert snapshot(redis) == before


def test_the_explicit_form_names_the_zone_that_is_taken(redis: redis_py.Redis, redis_url: str) -> None:
    by_0_14(redis, "nightly", hour=21, minute=0, cron_string="30 2 1-31 * mon-sun")
    (note,) = check(redis_url, "UTC", "Asia/Kolkata")["cron_notes"]
    assert """timezone="Asia/Kolkata", day_match="both")""" in note


def test_nothing_to_say_in_the_right_zone(redis: redis_py.Redis, redis_url: str) -> None:
    by_0_14(redis, "nightly", hour=21, minute=0)
    found = check(redis_url, "Asia/Kolkata")
    assert (found["cron_zones"], found["misread"]["entries"]["count"]) == ({"Asia/Kolkata": 1}, 0)
    assert zone_items(found) == []


def test_each_is_read_in_the_only_zone_given_that_fits(redis: redis_py.Redis, redis_url: str) -> None:
    by_0_14(redis, "kolkata", hour=21, minute=0)
    by_0_14(redis, "tokyo", hour=17)
    by_0_14(redis, "utc", hour=2)
    found = check(redis_url, "UTC", "Asia/Tokyo", "Asia/Kolkata")
    assert found["cron_zones"] == {"Asia/Kolkata": 1, "Asia/Tokyo": 1, "UTC": 1}
    assert found["misread"]["entries"]["count"] == 0


def test_a_time_that_fits_nowhere_was_moved(redis: redis_py.Redis, redis_url: str) -> None:
    by_0_14(redis, "moved", hour=2, minute=17)
    found = check(redis_url)
    assert (found["moved"], found["misread"]["entries"]["count"]) == ({"count": 1, "first": ["moved"]}, 0)
    shown = CliRunner().invoke(rqscheduler, ["--url", redis_url, "check"]).output
    assert "1 of them waits for a time that fits its string nowhere: somebody moved\nthat run (moved)" in shown


def test_zones_that_fit_only_some_are_shown_by_their_clocks(redis: redis_py.Redis, redis_url: str) -> None:
    by_0_14(redis, "kolkata", hour=21, minute=0)
    by_0_14(redis, "kathmandu", hour=20, minute=45)
    (said,) = zone_items(check(redis_url))
    assert "+05:30 (Asia/Kolkata, Asia/Calcutta or Asia/Colombo) or +05:45 (Asia/Kathmandu or Asia/Katmandu)" in said


def test_zones_given_that_are_no_place_are_named_too(redis: redis_py.Redis, redis_url: str) -> None:
    by_0_14(redis, "nightly", hour=21, minute=30)
    found = check(redis_url, "UTC", "Etc/GMT-5", "Asia/Karachi")
    assert found["misread"]["entries"]["count"] == 1, "two fit: which is meant is not known"
    assert {"Etc/GMT-5", "Asia/Karachi"} < set(found["misread"]["clocks"]["+05:00"])


@pytest.mark.parametrize("score", [0, -1e11, 1e13, 1e300, float("inf")])
def test_scores_that_are_no_time(redis: redis_py.Redis, redis_url: str, score: float) -> None:
    by_0_14(redis, "odd", hour=2)
    redis.zadd(INDEX, {"odd": score})
    assert check(redis_url)["moved"]["count"] == 1


def test_not_all_of_many_are_held_against_every_zone(redis: redis_py.Redis, redis_url: str) -> None:
    for n in range(300):
        by_0_14(redis, f"nightly-{n}", hour=21, minute=0)
    misread = check(redis_url)["misread"]
    assert (misread["entries"]["count"], len(misread["entries"]["first"]), misread["looked_at"]) == (300, 5, 200)
