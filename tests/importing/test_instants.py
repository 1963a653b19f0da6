"""Instants of theirs as we work them out are those that the packages themselves say, over a year with both changes of
the clock; and where ours differ, the report names each."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from importing.conftest import NOW, asked_of
from rq_scheduler import Cron
from rq_scheduler.client import importing
from rq_scheduler.client.importing.apscheduler import aps_job
from rq_scheduler.client.importing.celery import crontab
from rq_scheduler.client.importing.draft import Draft, Instants
from rq_scheduler.client.importing.rq_cron import by_croniter
from rq_scheduler.clock import US, to_us
from rq_scheduler.clock_changes import next_change

pytestmark = pytest.mark.once

ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe")
SINCE, UNTIL = int(NOW.timestamp()), int((NOW + timedelta(days=365)).timestamp())

CELERY: list[dict[str, Any]] = [
    {"minute": "30", "hour": "2"},
    {"minute": "0,15,45", "hour": "1-3"},
    {"minute": 0, "hour": "*/4", "day_of_week": "mon-fri"},
    {"minute": 0, "hour": 3, "day_of_month": "13", "day_of_week": "5"},
    {"minute": 15, "hour": "22-2", "day_of_month": "1-7,31", "month_of_year": "oct-apr"},
    {"minute": 0, "hour": 0, "day_of_week": "sat-mon"},
    {"minute": 0, "hour": 0},
]
APS: list[dict[str, Any]] = [
    {"hour": 2, "minute": 30},
    {"hour": 0},
    {"hour": "1-3", "minute": "0,30"},
    {"day_of_week": "0-4", "hour": "9-17/2"},
    {"day_of_week": "sun", "hour": 2, "minute": 15},
    {"day": "last", "hour": 3},
    {"day": "2nd fri,15", "hour": 2, "minute": 15},
    {"day": "last sun", "day_of_week": "sun,mon", "hour": 2},
    {"month": "*/3", "day": 31},
    {"week": "10-13", "day_of_week": "sun"},
    {"year": "2027", "hour": 0, "minute": 0, "second": "5,10"},
]
DENSE: list[dict[str, Any]] = [{"minute": "*/7"}, {"minute": "*"}, {"minute": "30"}]
"""Each hour or more often: asked about the changes alone."""


def around_changes(zone: str) -> Iterable[tuple[int, int]]:
    after = to_us(NOW)
    while change := next_change(zone, after, UNTIL * US):
        after = to_us(change.at)
        yield after // US - 6 * 3600, after // US + 30 * 3600


def questions(kinds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sparse = [{"fields": each, "zone": zone, "since": SINCE, "until": UNTIL} for each in kinds for zone in ZONES]
    dense = [
        {"fields": each, "zone": zone, "since": since, "until": until}
        for each in DENSE
        for zone in ZONES
        for since, until in around_changes(zone)
    ]
    return [*sparse, *dense]


def within(instants: Instants, since: int, until: int) -> list[int]:
    found: list[int] = []
    at = instants(since * US)
    while at is not None and at < until * US:
        found.append(at // US)
        at = instants(at)
    return found


def check(draft: Draft, asked: dict[str, Any], theirs: list[int]) -> None:
    assert draft.instants is not None, draft
    assert within(draft.instants, asked["since"], asked["until"]) == theirs, asked
    (found,) = importing.settle([draft], importing.Mappings(), "imported", to_us(NOW))
    if found.schedule is None:
        assert "weeks" in found.refused
        return
    ours = within(found.schedule.trigger.after, asked["since"], asked["until"])
    named = {int(at.timestamp()) for each in found.differences for at in (*each.only_theirs, *each.only_ours)}
    assert set(theirs) ^ set(ours) <= named, asked
    assert found.theirs is not None
    assert found.ours == found.theirs


@pytest.mark.long
def test_celery(packages_python: Path) -> None:
    wanted = questions(CELERY)
    answers = asked_of(packages_python, {"celery": wanted})["celery"]
    for asked, theirs in zip(wanted, answers, strict=True):
        draft = Draft("x", task="a.b")
        crontab(draft, asked["fields"], asked["zone"])
        check(draft, asked, theirs)
    assert any(theirs for theirs in answers)


@pytest.mark.long
def test_apscheduler(packages_python: Path) -> None:
    wanted = questions(APS)
    answers = asked_of(packages_python, {"apscheduler": wanted})["apscheduler"]
    for asked, answer in zip(wanted, answers, strict=True):
        check(aps_job("x", bytes.fromhex(answer["pickle"]), to_us(NOW)), asked, answer["instants"])


NIGHT, HALVES, MIDNIGHT = "30 2 * * *", "30 * * * *", "0 0 * * *"
SPRING = ("2027-03-28", ["03:30+02:00"], ["03:00+02:00"])
ONLY_HERE = ("2027-10-31", [], ["02:30+01:00"])


class TestWhatIsDifferent:
    """The table of docs/importing.md."""

    @pytest.mark.parametrize(("text", "told"), [(NIGHT, [SPRING]), (HALVES, [ONLY_HERE]), (MIDNIGHT, [])])
    def test_celery(self, text: str, told: Any) -> None:
        minute, hour, *_ = text.split()
        draft = Draft("x", task="a.b")
        crontab(draft, {"minute": minute, "hour": hour}, "Europe/Paris")
        assert _told(draft) == told

    @pytest.mark.parametrize(("text", "told"), [(NIGHT, [SPRING]), (HALVES, [ONLY_HERE]), (MIDNIGHT, [])])
    def test_rq(self, text: str, told: Any) -> None:
        ours, theirs = Cron(text, "Europe/Paris"), by_croniter(text, "Europe/Paris")
        assert _told(Draft("x", task="a.b", trigger=ours, instants=theirs)) == told

    def test_apscheduler(self, packages_python: Path) -> None:
        wanted = [
            {"fields": fields, "zone": "Europe/Paris", "since": SINCE, "until": SINCE + 1}
            for fields in ({"hour": 2, "minute": 30}, {"minute": 30}, {"hour": 0})
        ]
        answers = asked_of(packages_python, {"apscheduler": wanted})["apscheduler"]
        drafts = [aps_job("x", bytes.fromhex(answer["pickle"]), to_us(NOW)) for answer in answers]
        assert [_told(draft) for draft in drafts] == [
            [SPRING, ("2027-10-31", ["02:30+01:00"], [])],
            [],
            [("2027-03-28", [], ["00:00+02:00"])],
        ]


def _told(draft: Draft) -> list[tuple[str, list[str], list[str]]]:
    (found,) = importing.settle([draft], importing.Mappings(), "imported", to_us(NOW))

    def local(moments: Iterable[datetime]) -> list[str]:
        texts = [at.astimezone(ZoneInfo("Europe/Paris")).isoformat(timespec="minutes") for at in moments]
        return [text.partition("T")[2] for text in texts]

    assert all(each.change is not None for each in found.differences)
    return [
        (str(each.change and each.change.at.date()), local(each.only_theirs), local(each.only_ours))
        for each in found.differences
    ]
