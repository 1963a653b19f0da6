"""Sources that are modules: Celery's beat_schedule, of a real app where Celery is, and what `rq cron` takes."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from importing.conftest import NOW
from rq_scheduler import Cron, Every
from rq_scheduler.client.importing import Found
from rq_scheduler.client.importing.rq_cron import usual_zone
from rq_scheduler.errors import InvalidArgument
from support import Processes

pytestmark = pytest.mark.once

FindIn = Callable[..., dict[str, Found]]

APP = """
from datetime import timedelta
from celery import Celery
from celery.schedules import crontab, schedule

app = Celery("shop", broker="memory://")
app.conf.timezone = "Europe/Paris"

@app.task
def report(*args, **kwargs):
    pass

app.conf.beat_schedule = {
    "nightly": {
        "task": "shop_app.report",
        "schedule": crontab(minute=30, hour=2),
        "args": ("weekly",),
        "options": {"queue": "low", "expires": 300, "soft_time_limit": 20},
    },
    "often": {"task": "shop_app.report", "schedule": 30.0},
    "relative": {"task": "shop_app.report", "schedule": timedelta(hours=1), "relative": True},
    "object": {"task": "shop_app.report", "schedule": schedule(60), "kwargs": {"at": timedelta(1)}},
}

@app.on_after_finalize.connect
def more(sender, **options):
    sender.add_periodic_task(crontab(minute="*/15", day_of_week="sun"), report.s(1), name="added")
"""

PLAIN = """
CELERY_TIMEZONE = "Asia/Tokyo"

class crontab:
    minute, hour, day_of_week, day_of_month, month_of_year = {0}, {5}, {0}, set(range(1, 32)), set(range(1, 13))

class own(crontab):
    def is_due(self, last_run_at): ...

class clock(crontab):
    nowfun = print

class solar:
    event, lat, lon = "sunset", 48, 2

CELERY_BEAT_SCHEDULE = {
    "sundays": {"task": "a.b", "schedule": crontab()},
    "own": {"task": "a.b", "schedule": own()},
    "clock": {"task": "a.b", "schedule": clock()},
    "sunset": {"task": "a.b", "schedule": solar()},
    "unknown": {"task": "a.b", "schedule": "soon"},
    "empty": {},
    "none": None,
}
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Path]]:
    """Write a module that can be imported while the test runs."""
    monkeypatch.syspath_prepend(tmp_path)
    written: list[str] = []

    def write(name: str, text: str) -> Path:
        (tmp_path / f"{name}.py").write_text(text)
        written.append(name)
        return tmp_path

    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.mark.leaves("rq:*")
@pytest.mark.parametrize("place", ["shop_app:app", "shop_app"])
def test_an_app_of_celery(
    module: Callable[[str, str], Path], packages_python: Path, processes: Processes, redis_url: str, place: str
) -> None:
    folder = module("shop_app", APP)
    command = f"{packages_python.parent}/rqscheduler --url {redis_url} import --from celery-beat --json"
    told = processes.run("sh", "-c", f"{command} --path {folder} {place} || test $? = 1")
    report = json.loads(told)
    entries = {one["name"]: one for one in report["entries"]}
    assert report["remarks"] == [f"{place} was imported, which ran its code"]
    assert {name for name, one in entries.items() if one["refused"]} == {"relative", "object"}
    nightly = entries["nightly"]
    assert nightly["trigger"]["expression"] == "30 2 * * *"
    assert nightly["trigger"]["timezone"] == "Europe/Paris"
    assert nightly["definition"]["queue_name"] == "low"
    assert nightly["definition"]["ttl"] == 300
    assert nightly["definition"]["job_timeout"] == 20
    assert nightly["differences"][0]["only_ours"] != nightly["differences"][0]["only_theirs"]
    assert entries["added"]["when"] == "crontab(minute='*/15', day_of_week='sun') in Europe/Paris"
    assert all(one["theirs"] == one["ours"] for one in entries.values() if not one["refused"])


def test_a_module_of_settings(module: Callable[[str, str], Path], found_in: FindIn) -> None:
    module("shop_settings", PLAIN)
    found = found_in("celery-beat", "shop_settings")
    assert {name: one.refused[:20] for name, one in found.items() if one.refused} == {
        "sunset": "it follows the sun, ",
        "unknown": "its schedule is a st",
        "empty": "its task is None, wh",
        "none": "it is a NoneType, an",
    }
    schedules = {name: one.schedule for name, one in found.items() if one.schedule is not None}
    assert schedules["sundays"].trigger == Cron("0 5 * * 0", "Asia/Tokyo")
    assert found["sundays"].whole
    for name, lost in (("own", "own has code of its own"), ("clock", "nowfun")):
        assert found[name].lost[0].startswith(lost)
        assert found[name].theirs is None, "nobody knows"


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("no_such_module", "--path"),
        ("jobs_for_tests", "no Celery app and no beat_schedule"),
        ("jobs_for_tests:no_such", "AttributeError"),
    ],
)
def test_what_is_none(found_in: FindIn, place: str, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        found_in("celery-beat", place)


def test_rq_cron(module: Callable[[str, str], Path], found_in: FindIn) -> None:
    module(
        "shop_cron",
        """
from rq import cron
from jobs_for_tests import nothing
cron.register(nothing, "low", cron="30 2 * * *", args=(1,), job_timeout=9)
cron.register(nothing, "low", interval=60)
cron.register(nothing, "low", cron="no cron")
""",
    )
    found = [*found_in("rq-cron", "shop_cron", timezone="Europe/Paris").items()]
    assert [name for name, _ in found] == ["jobs_for_tests.nothing"]  # the last of that name
    assert found[0][1].refused


def test_rq_cron_in_turn(module: Callable[[str, str], Path], found_in: FindIn) -> None:
    text = 'from rq import cron\nfrom jobs_for_tests import nothing\ncron.register(nothing, "low", {})\n'
    module("shop_cron_a", text.format('cron="30 2 * * *", args=(1,), job_timeout=9'))
    module("shop_cron_b", text.format("interval=60"))
    at_night = found_in("rq-cron", "shop_cron_a", timezone="Europe/Paris")["jobs_for_tests.nothing"]
    assert at_night.schedule is not None
    assert at_night.schedule.trigger == Cron("30 2 * * *", "Europe/Paris")
    assert (at_night.schedule.args, at_night.schedule.job_timeout, at_night.schedule.queue_name) == ((1,), 9, "low")
    assert at_night.theirs == at_night.ours
    often = found_in("rq-cron", "shop_cron_b", timezone=usual_zone())["jobs_for_tests.nothing"]
    assert often.schedule is not None
    assert often.schedule.trigger == Every(60)
    assert often.theirs is not None
    assert often.theirs[0] == NOW + timedelta(minutes=1)
    assert often.theirs == often.ours
