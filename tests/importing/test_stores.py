"""What the real packages have stored, read by us: RedBeat's and APScheduler's in Redis, django-celery-beat's and
APScheduler's in SQLite."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

from making import snapshot
from rq_scheduler import AnyOf, At, Cron, Every, RRule
from rq_scheduler.client.importing import Found
from support import Processes

pytestmark = [pytest.mark.once, pytest.mark.leaves("redbeat:*", "apscheduler.*"), pytest.mark.long]

FindIn = Callable[..., dict[str, Found]]
LATER = datetime(2040, 3, 1, 9, tzinfo=UTC)


def options(found: Found, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(found.schedule, name) for name in names)


def trigger(found: Found) -> Any:
    assert found.schedule is not None, found.refused
    return found.schedule.trigger


def test_redis(in_redis: str, found_in: FindIn, redis: redis_py.Redis) -> None:
    before = snapshot(redis)
    redbeat = found_in("redbeat", in_redis, timezone="Europe/Paris")
    apscheduler = found_in("apscheduler", in_redis)
    assert snapshot(redis) == before
    check_redbeat(redbeat)
    check_apscheduler(apscheduler)


def test_files(files: Path, found_in: FindIn, packages_python: Path, processes: Processes, redis_url: str) -> None:
    check_django_celery_beat(found_in("celery-beat", files / "beat.sqlite3"))
    check_apscheduler(found_in("apscheduler", files / "jobs.sqlite3"))
    check_any_database_with_sqlalchemy(files, packages_python, processes, redis_url)


def check_redbeat(found: dict[str, Found]) -> None:
    assert {name: one.refused for name, one in found.items()} == dict.fromkeys(
        ["nightly report", "friday the 13th", "poll", "routed", "off", "by rule"], ""
    )
    nightly = found["nightly report"]
    assert trigger(nightly) == Cron("30 2 * * *", "Europe/Paris")
    assert options(nightly, "id", "func", "args", "kwargs", "paused", "overlap", "tags") == (
        *("nightly-report", "shop.tasks.report", ("weekly",), {"to": "ops"}, True, "allow", ("imported-redbeat",)),
    )
    assert trigger(found["friday the 13th"]) == Cron("0 9 13 * fri", "Europe/Paris", "both")
    poll = found["poll"]
    assert isinstance(trigger(poll), Every)
    assert trigger(poll).interval == timedelta(seconds=90)
    assert options(poll, "queue_name", "ttl") == ("low", 60)
    assert [text.partition(":")[0] for text in found["routed"].lost] == ["priority=3", "routing_key='x'"]
    assert options(found["off"], "tags", "paused") == (("imported-redbeat-disabled",), True)
    assert isinstance(trigger(found["by rule"]), RRule)
    assert found["by rule"].ours == found["by rule"].theirs
    assert all(one.ours == one.theirs and len(one.ours or ()) == 5 for one in found.values())


def check_django_celery_beat(found: dict[str, Found]) -> None:
    assert {name for name, one in found.items() if one.schedule is None} == {"broken", "was", "dawn"}
    assert "JSON" in found["broken"].refused
    assert "has passed" in found["was"].refused
    assert "sun" in found["dawn"].refused
    nightly = found["nightly"]
    assert trigger(nightly) == Cron("30 2 * * *", "Europe/Paris")
    assert options(nightly, "args", "kwargs", "description") == (("weekly",), {"to": "ops"}, "Tells ops")
    assert nightly.whole
    assert options(found["expiring"], "end", "queue_name") == (LATER, "low")
    assert options(found["starting"], "start", "ttl") == (LATER, 90)
    assert found["starting"].theirs == found["starting"].ours
    assert found["starting"].lost == ("headers={'x': 1}: RQ has no broker that would read it",)
    assert not found["disabled"].enabled
    minutes = trigger(found["ten minutes"])
    assert minutes == Every(minutes=10, anchor=datetime(2026, 11, 1, 0, 0, 30, tzinfo=UTC))
    assert trigger(found["once"]) == At(LATER)
    assert found["once"].theirs == (LATER,)
    assert options(found["once"], "max_runs") == (1,)


def check_apscheduler(found: dict[str, Found]) -> None:
    assert {name for name, one in found.items() if one.schedule is None} == {"both", "object", "weeks"}
    assert "all of its triggers agree" in found["both"].refused
    assert "an object of datetime.datetime" in found["object"].refused
    assert found["object"].lost[0].startswith("executor='processpool'")
    assert "weeks of the year" in found["weeks"].refused
    assert trigger(found["nightly"]) == Cron("30 2 * * *", "Europe/Paris")
    assert options(found["nightly"], "func", "args", "kwargs") == ("shop.tasks.report", ("weekly",), {"to": "ops"})
    assert options(found["nightly"], "overlap", "catchup", "catchup_window") == ("skip", "latest", timedelta(seconds=1))
    assert trigger(found["weekdays"]) == Cron("0 9-17/2 * * 1-5", "Europe/Paris")  # 0 is Monday there
    assert options(found["weekdays"], "catchup", "jitter") == ("all", timedelta(seconds=20))
    assert trigger(found["last friday"]) == Cron("0 3 * * 5L", "Europe/Paris")
    assert options(found["last friday"], "catchup_window", "description") == (None, "Reports")
    assert trigger(found["interval"]).interval == timedelta(minutes=7)
    assert trigger(found["once"]) == At(LATER)
    assert options(found["once"], "overlap") == ("allow",)
    assert found["once"].lost[0].startswith("max_instances=3")
    assert trigger(found["either"]) == AnyOf(Cron("0 3 * * *"), Cron("30 4 * * *"))
    assert not found["paused"].enabled
    for put_off in (found["put off"], found["interval put off"]):
        assert options(put_off, "start") == (LATER,)
        assert (put_off.theirs or ())[0] == LATER
        assert "put off" in put_off.notes[0]
    assert all(one.ours == one.theirs for one in found.values() if one.schedule is not None)


def test_every_protocol_of_pickle(
    packages_python: Path, processes: Processes, found_in: FindIn, tmp_path: Path
) -> None:
    """APScheduler writes the newest that its Python has; `pickle_protocol` chooses another."""
    processes.run(
        str(packages_python), "-W", "ignore", "-c",
        f"""
from zoneinfo import ZoneInfo
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
for protocol in range(6):
    table = f"jobs_{{protocol}}"
    store = SQLAlchemyJobStore("sqlite:///{tmp_path}/jobs.sqlite3", tablename=table, pickle_protocol=protocol)
    scheduler = BackgroundScheduler(jobstores=dict(default=store))
    scheduler.start(paused=True)
    trigger = CronTrigger(hour=2, timezone=ZoneInfo("Europe/Paris"), end_date="2040-01-01")
    scheduler.add_job("json:dumps", trigger, args=[1], id="a")
    scheduler.shutdown()
""",
    )  # fmt: skip
    for protocol in range(6):
        one = found_in("apscheduler", tmp_path / "jobs.sqlite3", key=f"jobs_{protocol}")["a"]
        assert trigger(one) == Cron("0 2 * * *", "Europe/Paris"), protocol
        assert options(one, "end", "func") == (
            datetime(2039, 12, 31, 23, 0, 0, 1, tzinfo=UTC),  # theirs belongs to it
            "json.dumps",
        )


def check_any_database_with_sqlalchemy(files: Path, packages_python: Path, processes: Processes, url: str) -> None:
    places = [f"{prefix}{files}/{name}.sqlite3" for name in ("jobs", "beat") for prefix in ("sqlite+pysqlite:///", "")]
    told = json.loads(processes.run(str(packages_python), "-W", "ignore", "-c", IMPORT, url, *places))
    for alchemy, without in (told[:2], told[2:]):
        assert alchemy.count('"name"') > 8
        assert _less_times(alchemy) == _less_times(without)


IMPORT = """
import json, sys
from click.testing import CliRunner
from rq_scheduler.cli.app import rqscheduler
told = []
for place in sys.argv[2:]:
    kind = "apscheduler" if "jobs" in place else "celery-beat"
    done = CliRunner().invoke(rqscheduler, ["--url", sys.argv[1], "import", "--from", kind, "--json", place])
    assert done.exit_code in (0, 1), done.output
    told.append(done.stdout)
json.dump(told, sys.stdout)
"""


def _less_times(text: str) -> list[str]:
    """The moment of the read is in it, where an interval counts from there."""
    return [line for line in text.splitlines() if '"20' not in line]
