"""Microseconds, durations and the name of the host's zone."""

import os
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from rq_scheduler import clock
from rq_scheduler.clock import SystemClock, duration_us, from_us, host_zone, to_us
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


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("Europe/Paris", "Europe/Paris"),
        (":Europe/Paris", "Europe/Paris"),
        ("/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        ("", "UTC"),
        ("Etc/UTC", "UTC"),
        ("UTC", "UTC"),
    ],
)
def test_the_zone_of_the_tz_variable(monkeypatch: pytest.MonkeyPatch, variable: str, name: str) -> None:
    monkeypatch.setenv("TZ", variable)
    assert host_zone() == name


def test_the_zone_of_a_hosts_files(tmp_path: Path) -> None:
    def zone_of(name: str, **files: str) -> str:
        etc = tmp_path / name
        etc.mkdir()
        for file, content in files.items():
            if file == "localtime":
                (etc / file).symlink_to(content)
            else:
                (etc / file).write_text(content)
        return clock._host_zone(None, etc)

    assert zone_of("link", localtime="/usr/share/zoneinfo/America/Lima") == "America/Lima"
    assert zone_of("relative", localtime="../usr/share/zoneinfo/Europe/Paris") == "Europe/Paris"
    assert zone_of("text", timezone="Asia/Kolkata\n") == "Asia/Kolkata"
    assert zone_of("both", localtime="/usr/share/zoneinfo/America/Lima", timezone="Asia/Kolkata") == "America/Lima"
    assert zone_of("nonsense", timezone="Nowhere/Land", localtime="/dev/null") in {"UTC", _fixed()}


def _fixed() -> str:
    return os.environ.get("TZ", "UTC")
