"""Celery's crontab in ours: what its fields mean, and what it refuses. When it runs, test_instants.py asks Celery."""

import pytest

from rq_scheduler import Cron
from rq_scheduler.client.importing.celery_fields import CeleryCrontab, Range, field_text
from rq_scheduler.client.importing.draft import NotCarried

pytestmark = pytest.mark.once


def cron(**fields: object) -> Cron:
    return CeleryCrontab(fields, "UTC").cron


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        ({}, "* * * * *"),
        ({"minute": "*/15", "hour": "8-18/2"}, "*/15 8-18/2 * * *"),
        ({"minute": 0, "hour": 0, "day_of_week": 0}, "0 0 * * 0"),  # Sunday, as in cron
        ({"minute": 0, "hour": 0, "day_of_week": "monday,fri"}, "0 0 * * 1,5"),  # by three letters
        ({"minute": 0, "hour": [9, 17]}, "0 9,17 * * *"),
        ({"minute": {0, 1, 2, 3, 30}, "hour": 1}, "0-3,30 1 * * *"),
        ({"minute": 0, "hour": "22-2"}, "0 0-2,22,23 * * *"),  # over midnight
        ({"minute": 0, "hour": 0, "day_of_week": "sat-mon"}, "0 0 * * 0,1,6"),
        ({"minute": 0, "hour": 0, "month_of_year": "oct-mar/2"}, "0 0 * 2,10,12 *"),
        ({"minute": "0, 30", "hour": "*"}, "0,30 * * * *"),
        ({"minute": None, "hour": "5"}, "* 5 * * *"),
    ],
)
def test_fields(fields: dict[str, object], expression: str) -> None:
    assert cron(**fields) == Cron(expression)


def test_both_day_fields_have_to_match() -> None:
    assert cron(minute=0, hour=9, day_of_month=13, day_of_week="fri").day_match == "both"
    assert cron(minute=0, hour=9, day_of_week="fri").day_match == "either"


@pytest.mark.parametrize(
    "fields",
    [
        {"day_of_week": 7},
        {"day_of_week": "7"},
        {"minute": 60},
        {"minute": "5/10"},
        {"hour": "*/0"},
        {"hour": "1-"},
        {"day_of_week": "noday"},
        {"day_of_month": "30", "month_of_year": "2"},
        {"minute": []},
        {"minute": "1" * 5000},
    ],
)
def test_what_celery_refuses_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises((NotCarried, ValueError)):
        cron(**fields)


def test_words_are_those_of_an_application() -> None:
    assert CeleryCrontab({"hour": 2, "minute": "30"}, "UTC").words == "crontab(minute='30', hour='2')"


def test_field_text() -> None:
    assert field_text({1, 2, 3, 5, 6, 9}, Range("x", 0, 9)) == "1-3,5,6,9"
    assert field_text(range(10), Range("x", 0, 9)) == "*"
