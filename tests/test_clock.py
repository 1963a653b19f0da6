"""Microseconds and durations."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytz
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from rq_scheduler.clock import SystemClock, duration_us, from_us, mean_time_of, to_us
from rq_scheduler.errors import InvalidArgument, InvalidType

pytestmark = pytest.mark.once


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_and_back(moment: datetime) -> None:
    assert from_us(to_us(moment)) == moment


def test_to_us() -> None:
    assert to_us(datetime(1970, 1, 1)) == 0
    assert to_us(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == 0
    assert to_us(datetime(1969, 12, 31, 23, 59, 59, 999_999)) == -1
    assert to_us(datetime(9999, 12, 31, 23, 59, 59, 999_999)) == 253_402_300_799_999_999
    with pytest.raises(InvalidArgument, match="9999"):
        from_us(253_402_300_800_000_000)


@pytest.mark.parametrize(
    ("value", "us"),
    [
        (1, 1_000_000),
        (0.1, 100_000),
        (Decimal("0.25"), 250_000),
        (Fraction(1, 4), 250_000),
        (timedelta(days=2, microseconds=3), 172_800_000_003),
        ("90", 90_000_000),
        ("1.5s", 1_500_000),
        ("10m", 600_000_000),
        ("1H", 3_600_000_000),
        (" 7d ", 604_800_000_000),
        (-2, -2_000_000),
    ],
)
def test_duration(value: Any, us: int) -> None:
    assert duration_us(value, "d") == us


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "", "m", "10y", "ten", "1e3x"])
def test_durations_of_the_wrong_value(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="d="):
        duration_us(value, "d")


@pytest.mark.parametrize("value", [None, True, [], b"10"])
def test_durations_of_the_wrong_type(value: Any) -> None:
    with pytest.raises(InvalidType, match="d="):
        duration_us(value, "d")


def test_the_clock_can_be_frozen() -> None:
    with freeze_time("2031-01-01 00:00:01"):
        assert SystemClock().now_us() == to_us(datetime(2031, 1, 1, 0, 0, 1))


PARIS = pytz.timezone("Europe/Paris")


@pytest.mark.parametrize("name", ["Europe/Paris", "Asia/Kolkata", "America/New_York", "Africa/Monrovia"])
def test_a_zone_of_pytz_given_as_tzinfo_is_told(name: str) -> None:
    said = mean_time_of(datetime(2026, 1, 1, 9, tzinfo=pytz.timezone(name)))
    assert f"write pytz.timezone({name!r}).localize(datetime(...)), or give tzinfo=zoneinfo.ZoneInfo({name!r})" in said


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 1, 9),
        datetime(2026, 1, 1, 9, tzinfo=UTC),
        datetime(2026, 1, 1, 9, tzinfo=pytz.utc),
        datetime(2026, 1, 1, 9, tzinfo=pytz.FixedOffset(9)),
        datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(minutes=9))),
        datetime(1900, 1, 1, 9, tzinfo=ZoneInfo("Europe/Paris")),
        PARIS.localize(datetime(2026, 1, 1, 9)),
        PARIS.localize(datetime(1900, 1, 1, 9)),  # when it was so
        PARIS.localize(datetime(2026, 1, 1, 9)) + timedelta(days=180),  # pytz leaves it in winter time
        datetime.max.replace(tzinfo=PARIS),
    ],
)
def test_other_moments_are_what_they_say(moment: datetime) -> None:
    assert mean_time_of(moment) == ""
