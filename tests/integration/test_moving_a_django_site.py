"""A Django site moves from rq-scheduler 0.14 to this, and back: three days by a clock that is moved, with the real 0.14
and the real django-rq. Each job runs exactly once, at the right hour.

The host is in UTC, the site in Berlin. That 0.14's jobs ran in Berlin's time is written down nowhere.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_py

from integration.days import TAKEN
from integration.helpers import INDEX
from support import Peer, Processes, command

pytestmark = pytest.mark.once

DAYS = [datetime(2027, 1, day, 12, tzinfo=UTC) for day in (11, 12, 13, 14)]
"""Monday to Thursday, at noon in UTC, 13:00 in Berlin."""

WRITE = """
import django
django.setup()
import django_rq
from freezegun import freeze_time

scheduler, NOTHING = django_rq.get_scheduler(), "jobs_for_tests.nothing"
with freeze_time("2027-01-11 12:00", tz_offset=1):
    for id, text in (("nightly", "30 2 * * *"), ("morning", "0 9 * * *"), ("tuesdays", "0 8 * * tue"),
                     ("wednesdays", "0 8 * * wed"), ("thursdays", "0 8 * * thu"), ("six-hourly", "0 */6 * * *")):
        scheduler.cron(text, NOTHING, id=id)
    noon = datetime(2027, 1, 11, 12)
    scheduler.schedule(noon + timedelta(minutes=30), NOTHING, interval=3 * 3600, id="three-hourly")
    scheduler.schedule(noon + timedelta(hours=1), NOTHING, interval=8 * 3600, repeat=6, id="six-times")
    scheduler.schedule(noon + timedelta(hours=1), NOTHING, interval=8 * 3600, repeat=8, id="eight-times")
    for hours in (8, 32, 39, 56):
        scheduler.enqueue_at(noon + timedelta(hours=hours), NOTHING, job_id=f"once-{hours}")
"""


def every(hours: float, first: datetime, times: int | None = None) -> list[str]:
    """Moments of an interval within the three days."""
    found = []
    while first <= DAYS[-1] and times != 0:
        found.append(f"{first:%d %H:%M}")
        first, times = first + timedelta(hours=hours), None if times is None else times - 1
    return found


AS_IT_SHOULD = {
    "nightly": ["12 01:30", "13 01:30", "14 01:30"],
    "morning": ["12 08:00", "13 08:00", "14 08:00"],
    "tuesdays": ["12 07:00"],
    "wednesdays": ["13 07:00"],
    "thursdays": ["14 07:00"],
    "six-hourly": every(6, DAYS[0].replace(hour=17)),
    "three-hourly": every(3, DAYS[0].replace(minute=30)),
    "six-times": every(8, DAYS[0].replace(hour=13), 6),
    "eight-times": every(8, DAYS[0].replace(hour=13), 8),
    "once-8": ["11 20:00"],
    "once-32": ["12 20:00"],
    "once-39": ["13 03:00"],
    "once-56": ["13 20:00"],
}


@pytest.fixture
def env(redis_url: str) -> dict[str, str]:
    """Of a process on a host in UTC, for a site in Berlin."""
    return {
        "TZ": "UTC",
        "DJANGO_SETTINGS_MODULE": "integration.django_site",
        "RQS_TEST_REDIS_URL": redis_url,
        "RQS_TEST_TIME_ZONE": "Europe/Berlin",
        "PEER_URL": redis_url,
    }


Day = Callable[[int], str]


@pytest.fixture
def by_0_14(peer: Peer, processes: Processes, env: dict[str, str]) -> Day:
    """A day of 0.14's `manage.py rqscheduler`."""
    return lambda day: processes.run(
        str(peer.python), "-W", "ignore", "-m", "integration.days", "0.14", *moments(day), env=env
    )


@pytest.fixture
def by_ours(processes: Processes, env: dict[str, str]) -> Callable[..., str]:
    """A day of ours: `by_ours(1, "ours-django")`."""
    return lambda day, *who: processes.run(
        sys.executable, "-m", "integration.days", who[0], *moments(day), *who[1:], env=env
    )


def moments(day: int) -> tuple[str, str]:
    return DAYS[day].isoformat(), DAYS[day + 1].isoformat()


def taken(redis: redis_py.Redis) -> dict[str, list[str]]:
    """When each job ran."""
    found: dict[str, list[str]] = {}
    for line in redis.lrange(TAKEN, 0, -1):
        id, _, moment = line.decode().partition(" ")
        found.setdefault(id, []).append(moment)
    return found


def remove_what_stays_behind(redis: redis_py.Redis) -> None:
    """As docs/upgrading.md has it: 0.14 needs none of it."""
    ours = [key for key in redis.scan_iter("rq:scheduler:*") if key != INDEX.encode()]
    assert b"rq:scheduler:schedule:nightly" in ours
    redis.delete(*ours)


@pytest.mark.parametrize("ours", [("ours", "Europe/Berlin"), ("ours-django",)], ids=["the zone given", "under Django"])
def test_there_and_back(
    redis: redis_py.Redis,
    peer: Peer,
    processes: Processes,
    env: dict[str, str],
    by_0_14: Day,
    by_ours: Callable[..., str],
    ours: tuple[str, ...],
) -> None:
    peer.script(WRITE, env=env)
    by_0_14(0)
    found = json.loads(processes.run(command("rqscheduler"), "--url", env["PEER_URL"], "check", "--json", env=env))
    assert found["kinds"] == {
        "one-off": 3, "interval": 1, "repeat": 2, "cron": 6, "hash gone": 0, "unreadable": 0,
    }  # fmt: skip
    assert found["misread"]["entries"]["count"] == 6
    assert "Europe/Berlin" in found["misread"]["clocks"]["+01:00"]
    by_ours(1, *ours)
    remove_what_stays_behind(redis)
    by_0_14(2)
    assert taken(redis) == AS_IT_SHOULD


def test_without_the_zone_each_runs_once_a_night_all_the_same(
    redis: redis_py.Redis, peer: Peer, env: dict[str, str], by_0_14: Day, by_ours: Callable[..., str]
) -> None:
    """The first night at the hour at which 0.14 left it, and then an hour late, as the log has warned."""
    peer.script(WRITE, env=env)
    by_0_14(0)
    said = by_ours(1, "ours")
    by_ours(2, "ours")
    assert taken(redis)["nightly"] == ["12 01:30", "13 01:30", "14 02:30"]
    assert taken(redis)["morning"] == ["12 08:00", "13 08:00", "14 09:00"]
    assert "rqscheduler timezone nightly ZONE" in said
