"""When a schedule fires, in words: right where it says anything, and the cron string itself where it is not sure."""

from datetime import UTC, datetime

import pytest

from rq_scheduler.triggers import AnyOf, At, Cron, Every, RRule
from rq_scheduler.views.spoken import place, spoken, zone_of

pytestmark = pytest.mark.once

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("30 2 * * *", "every day at 02:30"),
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("0 * * * *", "every hour"),
        ("20 * * * *", "every hour at :20"),
        ("5 */6 * * *", "every 6 hours at :05"),
        ("0 9 * * 1-5", "Monday to Friday at 09:00"),
        ("0 9 * * MON-FRI", "Monday to Friday at 09:00"),
        ("0 9 * * 0", "every Sunday at 09:00"),
        ("0 9 * * 7", "every Sunday at 09:00"),
        ("30 10 * * 2,6", "every Tuesday and Saturday at 10:30"),
        ("0 7 1 * *", "the 1st of the month at 07:00"),
        ("0 7 22 * *", "the 22nd of the month at 07:00"),
        ("0 7 L * *", "the last day of the month at 07:00"),
        ("0 18 * * 5L", "the last Friday of the month at 18:00"),
        ("0 0 1 1 *", "the 1st of January at 00:00"),
        ("15 8,12 * * *", "every day at 08:15 and 12:15"),
        ("@daily", "every day at 00:00"),
        ("@weekly", "every Sunday at 00:00"),
        ("*/15 * * * 1-5", "every 15 minutes, Monday to Friday"),
    ],
)
def test_cron_strings(expression: str, words: str) -> None:
    assert spoken(Cron(expression), UTC, NOW) == words


@pytest.mark.parametrize(
    "expression",
    ["*/7 * * * *", "0 9 1 * 1", "0 0-8 * * *", "1,2 3 * * *", "0 9 15W * *", "0 9 * * MON#2", "*/5 3 * * *"],
)
def test_others_stay_as_they_are_written(expression: str) -> None:
    assert spoken(Cron(expression), UTC, NOW) == expression


def test_both_day_fields_are_not_called_either() -> None:
    assert spoken(Cron("0 9 1 * 1", day_match="both"), UTC, NOW) == "0 9 1 * 1, both day fields"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (1, "every second"),
        (90, "every 90 seconds"),
        ("15m", "every 15 minutes"),
        ("1h", "every hour"),
        ("2d", "every 2 days"),
        (0.25, "every 250 ms"),
    ],
)
def test_intervals(given: float | str, words: str) -> None:
    assert spoken(Every(given), UTC, NOW) == words


def test_the_rest() -> None:
    assert spoken(At(datetime(2026, 11, 30, 23, 59, tzinfo=UTC)), UTC, NOW) == "once, at Mon 30 Nov 23:59"
    assert spoken(AnyOf(Every(60), Cron("0 9 * * *")), UTC, NOW) == "every minute; or every day at 09:00"
    assert spoken(RRule("FREQ=DAILY"), UTC, NOW) == "FREQ=DAILY"
    assert "newer" in spoken(None, UTC, NOW)


def test_zones() -> None:
    assert zone_of(Cron("0 9 * * *", "Europe/Paris")) == "Europe/Paris"
    assert zone_of(Every(60)) is None
    assert zone_of(AnyOf(Cron("0 9 * * *", "Europe/Paris"), Cron("0 9 * * *", "Asia/Tokyo"))) is None
    assert place("America/New_York") == "New York"
