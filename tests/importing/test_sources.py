"""Stores that are not as they should be: values of other types, moments without a zone or in a doubled hour, wrong
places."""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from importing.conftest import NOW
from rq_scheduler import RRule
from rq_scheduler.client.importing import Found
from rq_scheduler.client.importing.django_beat import TABLES, periodic_tasks
from rq_scheduler.client.importing.pickled import moment_of
from rq_scheduler.client.importing.redbeat import redbeat_entry
from rq_scheduler.client.importing.sql import open_database
from rq_scheduler.clock import to_us
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.pickles import Recorded

pytestmark = pytest.mark.once

FindIn = Callable[..., dict[str, Found]]


def test_what_sqlite_keeps_in_a_column_of_blobs(found_in: FindIn, tmp_path: Path) -> None:
    """A column takes a value of any type; of a number, `bytes` would make as many zeros."""
    path = tmp_path / "jobs.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE apscheduler_jobs (id, job_state)")
        rows = [("text", "text"), ("number", 10**12), ("float", 1.5), ("null", None), (b"\xff", b"x")]
        database.executemany("INSERT INTO apscheduler_jobs VALUES (?, ?)", rows)
        database.execute("INSERT INTO apscheduler_jobs VALUES (CAST(x'ff41' AS TEXT), x'00')")
    database.close()
    found = found_in("apscheduler", path)
    assert set(found) == {"text", "number", "float", "null", "\ufffd", "\ufffdA"}
    assert all(one.schedule is None for one in found.values())


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://me:hun@ter2@db/x", "%40"),
        ("postgresql://me:hun/ter2@db/x", "%2F"),
        ("a" * 5_000, "there is no database"),
        ("\0", "there is no database"),
        ("sqlite+pysqlite:////nowhere/jobs.sqlite3?mode=rwc", "there is no database at /nowhere/jobs.sqlite3"),
    ],
)
def test_a_place_that_is_none(url: str, why: str) -> None:
    with pytest.raises(InvalidArgument) as refused, open_database(url):
        pass
    assert "ter2" not in str(refused.value)
    assert len(str(refused.value)) < 400
    assert why in str(refused.value)


@pytest.mark.parametrize(("zone", "start"), [("UTC", 9), ("Asia/Tokyo", 0)])
def test_moments_without_a_zone_are_of_the_zone_that_is_given(zone: str, start: int) -> None:
    """With USE_TZ = False, Django stores local time."""
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    tables["django_celery_beat_crontabschedule"] = [{"id": 1, "minute": "0", "timezone": "UTC"}]
    given = "2040-03-01 09:00:00"
    task = {"name": "a", "task": "a.b", "enabled": 1, "crontab_id": 1, "start_time": given, "expires": given}
    tables[TABLES[0]] = [task]
    (draft,) = periodic_tasks(tables, zone, to_us(NOW))
    moment = datetime(2040, 3, 1, start, tzinfo=UTC)
    assert (draft.options["start"], draft.options["end"]) == (moment, moment)


@pytest.mark.parametrize(("offset", "hour"), [(7200, 0), (3600, 1)])
def test_which_of_two_equal_local_times_it_was_is_said_by_the_offset_of_pytz(offset: int, hour: int) -> None:
    packed = bytes([2026 // 256, 2026 % 256, 10, 25, 2, 30, 0, 0, 0, 0])
    zone = Recorded("pytz._p", ("Europe/Paris", offset, 0, "CET"))
    moment = moment_of(Recorded("datetime.datetime", (packed, zone)))
    assert moment is not None
    assert moment.astimezone(UTC) == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)


def test_weekdays_of_a_rule_with_their_place_and_without() -> None:
    def draft_of(**weekday: Any) -> Any:
        schedule = {"__type__": "rrule", "freq": 1, "dtstart": 0, "byweekday": [weekday]}
        definition = json.dumps({"name": "x", "task": "a.b", "schedule": schedule})
        return redbeat_entry("x", definition.encode(), None, "UTC", to_us(NOW))

    last = draft_of(wkday=4, n=-1)
    assert last.trigger == RRule("DTSTART:19700101T000000\nRRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=-1FR")
    assert last.notes == []
    each = draft_of(wkday=4)
    assert "RedBeat stores" in each.notes[0]
