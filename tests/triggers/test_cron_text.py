"""The language of cron strings, and what 0.14 made of it; croniter is an independent reader of most of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter

from rq_scheduler.clock import from_us
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.triggers import MIN_US, Cron

pytestmark = pytest.mark.once

START = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def days(expression: str, n: int = 5, **options: str) -> list[str]:
    cron = Cron(expression, **options)  # pyright: ignore[reportArgumentType]
    return [f"{at:%m-%d}" for at in cron.upcoming(n, START)]


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *", "*/7 * * * *", "5/10 * * * *", "1-9/4,30 */6 * * *", "0 9-17 * * mon-fri", "0 0 1,15 * *",
        "0 0 31 * *", "0 0 29 2 *", "0 0 * jan-mar/2 *", "0 0 * DEC Sun", "0 0 * * 7", "0 0 * * 0", "0 0 13 * 5",
        "0 0 l * *", "0 0 L 2 *", "@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually", "@midnight",
        "0 0 * * 1-5/2", "0 0 * * */2", "0 0 * * mon#2", "0 0 * * 5#5", "0 0 * * L5", "59 23 28-31 * *", "0 0 * * 5-7",
    ],
)  # fmt: skip
def test_reads_as_croniter_does(expression: str) -> None:
    oracle = croniter(expression, START)
    expected = [oracle.get_next(datetime) for _ in range(40)]
    cron = Cron(expression)
    assert cron.upcoming(40, START) == expected
    assert cron.last_before(START) == croniter(expression, START).get_prev(datetime)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 * * 5L", ["01-30", "02-27", "03-27", "04-24", "05-29"]),
        ("0 0 * * L5", ["01-30", "02-27", "03-27", "04-24", "05-29"]),
        ("0 0 * * friL,L1", ["01-26", "01-30", "02-23", "02-27", "03-27"]),
        ("0 0 * * MON#2", ["02-09", "03-09", "04-13", "05-11", "06-08"]),
        ("0 0 * * 7#1", ["02-01", "03-01", "04-05", "05-03", "06-07"]),
        ("0 0 LW * *", ["01-30", "02-27", "03-31", "04-30", "05-29"]),
        ("0 0 15W * *", ["02-16", "03-16", "04-15", "05-15", "06-15"]),
        ("0 0 15w,1W * *", ["02-02", "02-16", "03-02", "03-16", "04-01"]),
        ("0 0 1W,LW,10-11 * *", ["01-30", "02-02", "02-10", "02-11", "02-27"]),
        ("0 0 15W * mon#1", ["02-02", "02-16", "03-02", "03-16", "04-06"]),
        ("0 0 L,1 * *", ["01-31", "02-01", "02-28", "03-01", "03-31"]),
        ("0 0 * * fri-sun", ["01-16", "01-17", "01-18", "01-23", "01-24"]),
        ("0 0 ? * mon", ["01-19", "01-26", "02-02", "02-09", "02-16"]),
        # An open end of day-of-week stops at Saturday: 7 is but another name of 0.
        ("0 0 * * 5/1", ["01-16", "01-17", "01-23", "01-24", "01-30"]),
    ],
)
def test_days_named(expression: str, expected: list[str]) -> None:
    assert days(expression) == expected


@pytest.mark.parametrize("day", [1, 2, 15, 28, 29, 30, 31])
def test_the_weekday_nearest_to_a_day_is_croniters_and_the_calendars(day: int) -> None:
    """In a month that is too short, the one nearest to its last day."""
    expression = f"0 9 {day}W * *"
    start = datetime(2023, 12, 31, tzinfo=UTC)
    oracle = croniter(expression, start)
    found = Cron(expression).upcoming(12 * 28, start)
    assert found == [oracle.get_next(datetime) for _ in range(12 * 28)]
    for at in found:
        first = at.replace(day=1)
        month = [each for n in range(31) if (each := first + timedelta(days=n)).month == at.month]
        wanted = month[min(day, len(month)) - 1]
        weekdays = [each for each in month if each.weekday() < 5]
        assert at == min(weekdays, key=lambda each: abs(each - wanted))


def test_day_fields_either_or_both() -> None:
    assert days("0 0 1-7 * mon", 4) == ["01-19", "01-26", "02-01", "02-02"]
    assert days("0 0 1-7 * mon", 4, day_match="both") == ["02-02", "03-02", "04-06", "05-04"]
    # Cron's own rule: a day field that starts with `*` is open, and both must match then.
    assert days("0 0 */2 * mon", 4) == ["01-19", "02-09", "02-23", "03-09"]


def test_five_six_and_seven_fields() -> None:
    assert Cron("30 2 1 1 *").upcoming(1, START) == [datetime(2027, 1, 1, 2, 30, tzinfo=UTC)]
    assert Cron("30 2 1 1 * 2030-2034/2").upcoming(9, START) == [
        datetime(year, 1, 1, 2, 30, tzinfo=UTC) for year in (2030, 2032, 2034)
    ]
    assert Cron("15,45 30 2 1 1 * 2030").upcoming(9, START) == [
        datetime(2030, 1, 1, 2, 30, second, tzinfo=UTC) for second in (15, 45)
    ]
    every_second = Cron("* * * * * * *").upcoming(3, START)
    assert every_second == [START + timedelta(seconds=n) for n in (1, 2, 3)]


def test_years_end_the_series() -> None:
    cron = Cron("0 0 1 1 * 2026,9999")
    assert cron.upcoming(9, START) == [datetime(9999, 1, 1, tzinfo=UTC)]
    assert cron.last_before(datetime(9998, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 1, tzinfo=UTC)
    assert cron.last_before(datetime(2026, 1, 1, tzinfo=UTC)) is None
    for zone in ("UTC", "America/New_York", "Pacific/Apia"):
        daily = Cron("@daily", zone)
        last = daily.last_before(datetime.max.replace(tzinfo=UTC))
        assert last is not None
        assert last.year == 9999
        assert daily.next_after(last) is None
        first = daily.after(MIN_US - 1)
        assert first is not None
        assert from_us(first) < datetime(1, 1, 3, tzinfo=UTC)
        assert daily.before(first) is None


def test_leap_days_over_a_century_that_has_none() -> None:
    assert Cron("0 0 29 2 *").next_after(datetime(2096, 3, 1, tzinfo=UTC)) == datetime(2104, 2, 29, tzinfo=UTC)


def test_zone_by_name_or_zoneinfo() -> None:
    assert Cron("@daily", ZoneInfo("Asia/Kathmandu")) == Cron("@daily", "Asia/Kathmandu")
    assert Cron("@daily", ZoneInfo("Asia/Kathmandu")).timezone == "Asia/Kathmandu"


def test_spaces_make_no_difference() -> None:
    assert Cron("  0  0 *\t* * ") == Cron("0 0 * * *")


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("60 * * * *", "minute field: 60 is outside 0-59"),
        ("61 0 0 * * * *", "second field: 61 is outside 0-59"),
        ("0 24 * * *", "hour field: 24 is outside 0-23"),
        ("0 0 0 * *", "day-of-month field: 0 is outside 1-31"),
        ("0 0 32 * *", "day-of-month field: 32 is outside 1-31"),
        ("0 0 * 13 *", "month field: 13 is outside 1-12"),
        ("0 0 * * 8", "day-of-week field: 8 is outside 0-7"),
        ("0 0 * * * 1969", "year field: 1969 is outside 1970-9999"),
        ("0 0 * foo *", "month field: 'FOO' is not understood; it takes numbers 1-12 or JAN..DEC"),
        ("0 0 * * L", "day-of-week field: 'L' needs a day: 5L"),
        ("0 0 * * mon#6", "after '#' comes 1 to 5"),
        ("0 0 L-3 * *", "day-of-month field: 'L' in 'L-3' is not understood"),
        ("0 0 W * *", "'W': before 'W' comes one day, as in 15W"),
        ("0 0 1-5W * *", "'1-5W': before 'W' comes one day, as in 15W, the weekday nearest to the 15th; list several"),
        ("0 0 0W * *", "day-of-month field: 0 is outside 1-31"),
        ("0 0 32W * *", "day-of-month field: 32 is outside 1-31"),
        ("0 0 * * 5W", "day-of-week field: '5W' is not understood"),
        ("? * * * *", "minute field: '?' is not understood"),
        ("1,,2 * * * *", "minute field: '' is not understood"),
        ("22-2 * * * *", "minute field: '22-2' runs backwards; write it as two ranges: '22-59,0-2'"),
        ("0 0 * * 6-1", "write it as two ranges: '6,0-1'"),
        ("*/90 * * * *", "minute field: '*/90' steps over the whole field"),
        ("*/0 * * * *", "has the step '0'"),
        ("1/ * * * *", "has the step ''"),
        (f"{'9' * 1900} * * * *", "is outside 0-59"),
        (f"{'9' * 5000} * * * *", "has 5,008 characters, more than 2,000"),
        ("* * * *", "has 4 fields"),
        ("", "has 0 fields"),
        ("@reboot", "no alias known here: use @yearly"),
        ("@every 5m", r"Every\('5m'\)"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("0 0 29 2 * 2025-2027", "never fires"),
    ],
)
def test_refused_with_the_field_and_what_is_allowed(expression: str, says: str) -> None:
    with pytest.raises(InvalidArgument, match=says.replace("*", r"\*").replace("?", r"\?")):
        Cron(expression)


def test_never_fires_when_both_day_fields_cannot_meet() -> None:
    with pytest.raises(InvalidArgument, match="never fires"):
        Cron("0 0 1-7 * mon#2", day_match="both")


@pytest.mark.parametrize(
    ("expression", "remedy"),
    [
        (
            "30 2 1 1 * */2",
            "write all seven: '30 2 1 1 * */2 *' if the first is seconds, '0 30 2 1 1 * */2' if the last is the year",
        ),
        ("30 0 2 * * mon", "write all seven: '30 0 2 * * MON *' if the first is seconds"),
        ("0 30 2 * * *", "write all seven: '0 30 2 * * * *' if the first is seconds"),
        ("59 23 31 12 7 *", "write all seven: '0 59 23 31 12 7 *' if the last is the year"),
        (
            "99 99 * * * *",
            (
                "it can be neither (if the first is seconds, second field: 99 is outside 0-59; if the last is the "
                "year, minute field: 99 is outside 0-59): give 5 (minute hour day-of-month month day-of-week)"
            ),
        ),
    ],
)
def test_six_fields_without_a_literal_year_are_refused_with_the_seven_field_forms_that_can_be(
    expression: str, remedy: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Cron(expression)
    assert str(refused.value).startswith(f"cron {expression!r} has six fields")
    assert str(refused.value).endswith(f"; {remedy}")


@pytest.mark.parametrize(
    ("timezone", "nearest"),
    [
        ("Europe/Pariss", "'Europe/Paris'"),
        ("paris", "'Europe/Paris'"),
        ("europe/paris", "'Europe/Paris'"),
        ("New York", "'America/New_York'"),
        ("US/Eastren", "'US/Eastern'"),
        ("PARIS", "did you mean 'Europe/Paris'"),
        ("xyzzy", "known here: give a name such as 'Europe/Paris' or 'UTC'"),
        ("", "give a name such as"),
        ("../../etc/passwd", "no IANA time zone"),
        ("localtime", "no IANA time zone"),
    ],
)
def test_unknown_zone_names_the_nearest(timezone: str, nearest: str) -> None:
    with pytest.raises(InvalidArgument, match=nearest) as refused:
        Cron("@daily", timezone)
    assert repr(timezone) in str(refused.value)


@pytest.mark.parametrize(
    "timezone",
    ["PST", "CEST", "BST", "+02:00", "-0530", "+2", "GMT+2", "UTC+02:00", "utc -3", "etc/gmt+5", "gmt0"],
)
def test_an_abbreviation_or_an_offset_is_answered_with_a_place(timezone: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Cron("@daily", timezone)
    assert str(refused.value) == (
        f"timezone={timezone!r} is no IANA time zone known here: an abbreviation or an offset does not say when its "
        "clocks change; give the place that is meant, such as 'Europe/Paris', or 'UTC'"
    )


def test_wrong_types() -> None:
    with pytest.raises(InvalidType, match="give an IANA name"):
        Cron("@daily", 3600)  # type: ignore[arg-type]
    with pytest.raises(InvalidType, match="a cron string is text"):
        Cron(5)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="neither 'either' nor 'both'"):
        Cron("@daily", day_match="or")  # type: ignore[arg-type]
