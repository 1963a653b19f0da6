"""`Dates` and `Holidays`: whole local days, however long they are, in which zone they count, and bad input."""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest

from rq_scheduler.clock import US, from_us, to_us
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.model import Spec
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.serialization import decode
from rq_scheduler.triggers import AnyExclusion, AnyOf, AnyTrigger, At, Cron, Dates, Every, Holidays, RRule
from rq_scheduler.triggers import exclusions as exclusions_module

pytestmark = pytest.mark.once

HOUR = 3600 * US


def bounds(exclusion: AnyExclusion, moment: str, zone: str) -> tuple[str, str] | None:
    """The excluded day about a moment, as local times."""
    found = exclusion.excluded_day(to_us(datetime.fromisoformat(moment)), zone)
    if found is None:
        return None
    first, last = (from_us(us).astimezone(ZoneInfo(exclusion.timezone or zone)) for us in found)
    return first.isoformat(timespec="minutes"), last.isoformat(timespec="minutes")


def occurrences(trigger: AnyTrigger, *exclude: AnyExclusion) -> Occurrences:
    return Occurrences("x", Spec(trigger=trigger, exclude=exclude))


def days_left(trigger: AnyTrigger, *exclude: AnyExclusion, since: str, zone: str, n: int = 6) -> list[str]:
    """The next instants after a moment as local times."""
    walk = occurrences(trigger, *exclude).walk(to_us(datetime.fromisoformat(since)))
    return [
        f"{from_us(at).astimezone(ZoneInfo(zone)):%m-%d %H:%M%z}" for _, (at, _) in zip(range(n), walk, strict=False)
    ]


# --- how long a day is -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2026-03-29", "Europe/Paris", 23),
        ("2026-10-25", "Europe/Paris", 25),
        ("2026-06-01", "Europe/Paris", 24),
        ("2026-04-05", "Australia/Lord_Howe", 24.5),
        ("2026-10-04", "Australia/Lord_Howe", 23.5),
        ("2026-10-25", "Antarctica/Troll", 26),
        ("2018-11-04", "America/Sao_Paulo", 23),  # from 01:00: midnight does not exist
        ("2026-03-29", "UTC", 24),
    ],
)
def test_a_day_is_as_long_as_the_clock_makes_it(day: str, zone: str, hours: float) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
    found = Dates(day).excluded_day(to_us(noon), zone)
    assert found is not None
    lo, hi = found
    assert hi - lo == hours * HOUR
    # All of it and nothing beside it, as the zone itself says.
    for us in (lo, lo + HOUR, hi - 1):
        assert from_us(us).astimezone(ZoneInfo(zone)).date().isoformat() == day
        assert Dates(day).excluded_day(us, zone) == found
    for us in (lo - 1, hi):
        assert from_us(us).astimezone(ZoneInfo(zone)).date().isoformat() != day
        assert Dates(day).excluded_day(us, zone) is None


def test_a_day_that_a_zone_skipped_has_no_instants() -> None:
    skipped = Dates("2011-12-30")
    around = datetime(2011, 12, 28, tzinfo=UTC)
    hours = [around + timedelta(hours=n) for n in range(24 * 5)]
    assert not any(skipped.excluded_day(to_us(at), "Pacific/Apia") for at in hours)
    assert sum(bool(skipped.excluded_day(to_us(at), "UTC")) for at in hours) == 24
    left = days_left(
        Cron("0 12 * * *", "Pacific/Apia"), Dates("2011-12-29"), since="2011-12-28T23:00Z", zone="Pacific/Apia", n=3
    )
    # The noon that was skipped runs right after the jump, and that is the 31st.
    assert left == ["12-31 00:00+1400", "12-31 12:00+1400", "01-01 12:00+1400"]


@pytest.mark.parametrize(
    ("zone", "since", "until"),
    [("Europe/Paris", 2026, 2027), ("Australia/Lord_Howe", 2026, 2027), ("Pacific/Apia", 2011, 2012),
     ("America/St_Johns", 2010, 2011)],
)  # fmt: skip
def test_each_day_of_a_year_is_what_the_zone_says(zone: str, since: int, until: int) -> None:
    tz = ZoneInfo(zone)
    days = [date(since, 1, 1) + timedelta(days=n) for n in range(0, 366, 2)]
    exclusion = Dates(*days)
    at = datetime(since, 1, 3, tzinfo=UTC)
    while at < datetime(until, 1, 1, tzinfo=UTC):
        assert bool(exclusion.excluded_day(to_us(at), zone)) == (at.astimezone(tz).date() in days)
        at += timedelta(minutes=37)


# --- in which zone days count ----------------------------------------------------------------------------------------


def test_days_are_those_of_the_triggers_zone() -> None:
    assert days_left(
        Cron("30 0 * * *", "Asia/Tokyo"), Dates("2026-12-25"), since="2026-12-23T16:00Z", zone="Asia/Tokyo", n=2
    ) == ["12-26 00:30+0900", "12-27 00:30+0900"]
    assert days_left(
        RRule("FREQ=DAILY;BYHOUR=23", "America/New_York"),
        Dates("2026-12-25"),
        since="2026-12-24T12:00Z",
        zone="America/New_York",
        n=2,
    ) == ["12-24 23:00-0500", "12-26 23:00-0500"]


def test_or_those_of_the_zone_that_the_exclusion_names() -> None:
    christmas = Dates("2026-12-25", timezone="America/New_York")
    left = days_left(Cron("0 */6 * * *"), christmas, since="2026-12-24T23:00Z", zone="UTC", n=3)
    assert left == ["12-25 00:00+0000", "12-26 06:00+0000", "12-26 12:00+0000"]
    assert bounds(christmas, "2026-12-25T12:00Z", "UTC") == ("2026-12-25T00:00-05:00", "2026-12-26T00:00-05:00")


def test_elapsed_time_counts_days_of_utc() -> None:
    every = Every("8h", anchor=datetime(2026, 12, 24, tzinfo=UTC))
    left = days_left(every, Dates("2026-12-25"), since="2026-12-24T12:00Z", zone="UTC", n=2)
    assert left == ["12-24 16:00+0000", "12-26 00:00+0000"]
    assert occurrences(At(datetime(2026, 12, 25, 9, tzinfo=UTC)), Dates("2026-12-25")).after(0) is None


def test_several_exclusions_and_both_directions() -> None:
    made = occurrences(Cron("0 9 * * *", "Europe/Paris"), Dates("2026-12-24"), Holidays("FR"), Dates("2026-12-26"))
    before = to_us(datetime(2026, 12, 23, 8, tzinfo=UTC))
    after = to_us(datetime(2026, 12, 27, 8, tzinfo=UTC))
    assert (made.after(before), made.before(after)) == (after, before)


def test_several_zones_are_refused_when_it_is_defined_unless_the_exclusion_names_one() -> None:
    several = AnyOf(Cron("0 9 * * *", "Asia/Tokyo"), Cron("0 9 * * *", "Europe/Paris"))
    with pytest.raises(InvalidArgument, match="Asia/Tokyo and Europe/Paris, so it is not clear whose days"):
        Spec(trigger=several, exclude=(Dates("2026-12-25"),))
    named = Dates("2026-12-25", timezone="Asia/Tokyo")
    assert days_left(several, named, since="2026-12-25T12:00Z", zone="UTC", n=1) == ["12-26 00:00+0000"]


# --- holidays --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("country", "subdivision"), [("FR", None), ("DE", "BY"), ("US", "CA"), ("JP", None)])
def test_holidays_are_those_of_the_package(country: str, subdivision: str | None) -> None:
    known = holidays.country_holidays(country, subdiv=subdivision, years=2026)
    exclusion = Holidays(country, subdivision)
    for n in range(365):
        day = date(2026, 1, 1) + timedelta(days=n)
        noon = to_us(datetime(day.year, day.month, day.day, 12))
        assert bool(exclusion.excluded_day(noon, "UTC")) == (day in known)


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    epiphany = "2026-01-06T12:00+01:00"
    assert bounds(Holidays("DE", "BY"), epiphany, "Europe/Berlin") is not None
    assert bounds(Holidays("DE"), epiphany, "Europe/Berlin") is None


def test_holidays_at_the_ends_of_time() -> None:
    for moment in (datetime.min, datetime.max):
        Holidays("FR").excluded_day(to_us(moment), "Pacific/Apia")


def test_without_the_package_a_stored_one_loads_and_a_look_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exclusions_module._check.cache_clear()
    exclusions_module._holidays.cache_clear()
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "holidays" else real(name, *more)
    )
    monkeypatch.setitem(sys.modules, "holidays", None)
    loaded = decode(b'{"type": "holidays", "country": "FR"}', AnyExclusion)
    assert loaded.timezone is None
    with pytest.raises(InvalidArgument, match="pip install holidays"):
        loaded.excluded_day(0, "UTC")


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "says"),
    [
        ((), "names no day"),
        (("25 December",), "'25 December' is no date: write year-month-day"),
        (("2026-02-30",), "'2026-02-30' is no date"),
        ((20261225,), "is an int: whole days are excluded"),
        ((datetime(2026, 12, 25),), "is a datetime: whole days are excluded"),
    ],
)
def test_dates_refuses(days: tuple[object, ...], says: str) -> None:
    with pytest.raises((InvalidArgument, InvalidType), match=says):
        Dates(*days)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("XX",), "country='XX' has no holidays known here"),
        (("fr",), "did you mean 'FR'"),
        (("DE", "Bavaria"), "subdivision='Bavaria' is none of the parts of DE"),
        ((33,), "country=33 is an int: give a code"),
        (("DE", 4), "subdivision=4 is an int"),
        (("FR", None, "Europe/Pari"), "did you mean 'Europe/Paris'"),
    ],
)
def test_holidays_refuses(arguments: tuple[object, ...], says: str) -> None:
    with pytest.raises((InvalidArgument, InvalidType), match=says):
        Holidays(*arguments)  # type: ignore[arg-type]


def test_dates_are_a_set_in_order() -> None:
    made = Dates("2026-12-31", date(2026, 12, 25), "20261225", timezone=ZoneInfo("Europe/Paris"))
    assert made == Dates("2026-12-25", "2026-12-31", timezone="Europe/Paris")
    assert repr(made) == "Dates('2026-12-25', '2026-12-31', timezone='Europe/Paris')"
