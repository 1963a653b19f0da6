"""What a change of the clock does to a schedule: published changes by hand, and all of tzdata against a look at each
minute of the local clock, through `zoneinfo` alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rq_scheduler.clock import US, to_us
from rq_scheduler.clock_changes import MOST_COUNTED, ClockChange, ClockEffect, effect_of, next_change
from rq_scheduler.model import Spec
from rq_scheduler.triggers import AnyOf, AnyTrigger, Cron, Dates, Every, RRule
from rq_scheduler.triggers.zone_names import NOT_A_PLACE

pytestmark = pytest.mark.once

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
YEAR_US = 366 * 86_400 * US


def change_after(zone: str, day: str) -> ClockChange:
    found = next_change(zone, to_us(datetime.fromisoformat(day)), to_us(datetime.fromisoformat(day)) + YEAR_US)
    assert found is not None
    return found


def effect(trigger: AnyTrigger, day: str, zone: str | None = None, **policies: Any) -> ClockEffect:
    (name,) = [zone] if zone else trigger.zone_names
    found = effect_of(Spec(trigger=trigger, **policies), change_after(name, day))
    assert found is not None
    return found


def told(found: ClockEffect, zone: str) -> tuple[str, list[str], list[str]]:
    """The kind, the local times, and the runs as that clock shows them."""
    runs = [at.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes")[5:] for at in found.instants]
    return found.kind, [f"{at:%m-%dT%H:%M}" for at in found.times], runs


# --- when ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "at", "before", "after"),
    [
        ("Europe/Berlin", "2027-01-01", "2027-03-28T01:00", 60, 120),
        ("Europe/Berlin", "2027-06-01", "2027-10-31T01:00", 120, 60),
        ("America/New_York", "2026-11-29", "2027-03-14T07:00", -300, -240),
        ("Australia/Lord_Howe", "2027-06-01", "2027-10-02T15:30", 630, 660),
        ("Africa/Casablanca", "2027-01-01", "2027-02-07T02:00", 60, 0),  # Ramadan
        ("Pacific/Apia", "2011-12-01", "2011-12-30T10:00", -600, 840),
        ("Asia/Pyongyang", "2018-01-01", "2018-05-04T15:00", 510, 540),  # no summer time: another offset
    ],
)
def test_the_next_change_of_a_zone(zone: str, day: str, at: str, before: int, after: int) -> None:
    found = change_after(zone, day)
    assert found.at == datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert (found.before, found.after) == (timedelta(minutes=before), timedelta(minutes=after))
    assert found.forward == (after > before)
    assert found.local_after - found.local_before == timedelta(minutes=after - before)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Etc/GMT-3", "Africa/Lagos"])
def test_zones_whose_clock_does_not_change(zone: str) -> None:
    now = to_us(datetime(2026, 11, 29))
    assert next_change(zone, now, now + YEAR_US) is None


def test_a_change_counts_up_to_the_end_of_the_time_that_is_looked_at() -> None:
    at = to_us(datetime(2027, 3, 28, 1))
    assert next_change("Europe/Berlin", at - US, at) is not None
    assert next_change("Europe/Berlin", at - US, at - 1) is None
    assert next_change("Europe/Berlin", at, at + US) is None


# --- what it does, in the words of docs/clock-changes.md -------------------------------------------------------------

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
CASABLANCA, APIA = "Africa/Casablanca", "Pacific/Apia"


@pytest.mark.parametrize(
    ("expression", "zone", "day", "kind", "times", "runs"),
    [
        ("30 2 * * *", BERLIN, "2027-01-01", "moved", ["03-28T02:30"], ["03-28T03:00+02:00"]),
        ("0,30 2 * * *", BERLIN, "2027-01-01", "moved", ["03-28T02:00", "03-28T02:30"], ["03-28T03:00+02:00"]),
        ("0 2,3 * * *", BERLIN, "2027-01-01", "merged", ["03-28T02:00"], []),
        ("30 * * * *", BERLIN, "2027-01-01", "skipped", ["03-28T02:30"], []),
        ("0 3 * * *", BERLIN, "2027-01-01", "shifted", [], []),
        ("59 1 * * *", BERLIN, "2027-01-01", "shifted", [], []),
        ("30 2 * * *", BERLIN, "2027-06-01", "first", ["10-31T02:30"], ["10-31T02:30+02:00"]),
        ("0 2 * * *", BERLIN, "2027-06-01", "first", ["10-31T02:00"], ["10-31T02:00+02:00"]),
        ("30 * * * *", BERLIN, "2027-06-01", "twice", ["10-31T02:30"], ["10-31T02:30+02:00", "10-31T02:30+01:00"]),
        ("0 3 * * *", BERLIN, "2027-06-01", "shifted", [], []),
        ("15 2 * * *", NEW_YORK, "2027-01-01", "moved", ["03-14T02:15"], ["03-14T03:00-04:00"]),
        ("15 1 * * *", NEW_YORK, "2027-06-01", "first", ["11-07T01:15"], ["11-07T01:15-04:00"]),
        ("10 2 * * *", LORD_HOWE, "2027-06-01", "moved", ["10-03T02:10"], ["10-03T02:30+11:00"]),
        ("45 1 * * *", LORD_HOWE, "2027-01-01", "first", ["04-04T01:45"], ["04-04T01:45+11:00"]),
        ("15 1 * * *", LORD_HOWE, "2027-01-01", "shifted", [], []),
        ("30 2 * * *", CASABLANCA, "2027-01-01", "first", ["02-07T02:30"], ["02-07T02:30+01:00"]),
        ("30 2 * * *", CASABLANCA, "2027-02-08", "moved", ["03-14T02:30"], ["03-14T03:00+01:00"]),
        ("30 9 * * *", APIA, "2011-12-01", "moved", ["12-30T09:30"], ["12-31T00:00+14:00"]),
        ("0 0 * * *", APIA, "2011-12-01", "merged", ["12-30T00:00"], []),
        ("0 9 * * mon", APIA, "2011-12-01", "shifted", [], []),
    ],
)
def test_of_a_cron_string(expression: str, zone: str, day: str, kind: str, times: list[str], runs: list[str]) -> None:
    assert told(effect(Cron(expression, zone), day), zone) == (kind, times, runs)


def test_of_a_rule() -> None:
    daily = RRule("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", BERLIN)
    assert effect(daily, "2027-01-01").kind == "moved"
    assert effect(daily, "2027-06-01").kind == "first"
    assert effect(RRule("FREQ=HOURLY;BYMINUTE=30", BERLIN), "2027-06-01").kind == "twice"


def test_of_several_triggers_only_those_of_the_zone() -> None:
    both = AnyOf(
        Cron("30 2 * * *", BERLIN), Cron("30 2 * * *", NEW_YORK), Every("1h", anchor=datetime(2026, 1, 1, tzinfo=UTC))
    )
    assert told(effect(both, "2027-01-01", BERLIN), BERLIN) == ("moved", ["03-28T02:30"], ["03-28T03:00+02:00"])
    assert effect(both, "2027-01-01", NEW_YORK).kind == "moved"
    mixed = AnyOf(Cron("30 2 * * *", BERLIN), Cron("15 * * * *", BERLIN))
    found = effect(mixed, "2027-06-01")
    assert (found.kind, found.named, found.runs) == ("mixed", 2, 3)


def test_what_reads_another_clock_or_none_is_not_concerned() -> None:
    change = change_after(BERLIN, "2027-01-01")
    assert effect_of(Spec(trigger=Every("1h", anchor=datetime(2026, 1, 1, tzinfo=UTC))), change) is None
    assert effect_of(Spec(trigger=Cron("30 2 * * *", "Europe/Paris")), change) is None


def test_days_off_start_and_end() -> None:
    nightly, day = Cron("30 2 * * *", BERLIN), "2027-01-01"
    at = datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert effect(nightly, day, exclude=(Dates("2027-03-28"),)).kind == "shifted"
    assert effect(nightly, day, exclude=(Dates("2027-03-28", timezone="Asia/Tokyo"),)).kind == "shifted"
    assert effect(nightly, day, exclude=(Dates("2027-03-27"),)).kind == "moved"
    assert effect(nightly, day, start=at + MINUTE).kind == "shifted"
    assert effect(nightly, day, end=at).kind == "shifted"
    assert effect(nightly, day, start=at, end=at + MINUTE).kind == "moved"
    # What a day off moves into the gap is there as well.
    saturdays = Cron("30 2 * * sat", BERLIN)
    moved = effect(saturdays, day, exclude=(Dates("2027-03-27"),), excluded="next_day")
    assert told(moved, BERLIN) == ("moved", ["03-28T02:30"], ["03-28T03:00+02:00"])
    # A day off that the clocks jump over is no day.
    assert effect(Cron("30 9 * * *", APIA), "2011-12-01", exclude=(Dates("2011-12-30"),)).kind == "moved"
    assert effect(Cron("30 9 * * *", APIA), "2011-12-01", exclude=(Dates("2011-12-31"),)).kind == "skipped"


def test_what_comes_next_is_told() -> None:
    assert effect(Cron("30 * * * *", BERLIN), "2027-01-01").following == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


def test_counts_are_bounded() -> None:
    found = effect(Cron("* * * * * * *", BERLIN), "2027-06-01")
    assert (found.kind, found.at_least, len(found.times), len(found.instants)) == ("twice", True, 4, 4)
    assert found.named == MOST_COUNTED


# --- all of tzdata ---------------------------------------------------------------------------------------------------

Matches = Callable[[datetime], bool]
CRONS: list[tuple[str, Matches]] = [
    ("30 2 * * *", lambda wall: (wall.hour, wall.minute) == (2, 30)),
    ("0 0 * * *", lambda wall: (wall.hour, wall.minute) == (0, 0)),
    ("15 0,1,2,23 * * *", lambda wall: wall.hour in (0, 1, 2, 23) and wall.minute == 15),
    ("0,40 1-3 * * *", lambda wall: 1 <= wall.hour <= 3 and wall.minute in (0, 40)),
    ("*/15 * * * *", lambda wall: wall.minute % 15 == 0),
    ("20 * * * *", lambda wall: wall.minute == 20),
    ("*/10 2 * * *", lambda wall: wall.hour == 2 and wall.minute % 10 == 0),
    ("30 9 * * sun", lambda wall: (wall.hour, wall.minute) == (9, 30) and wall.weekday() == 6),
]  # fmt: skip
ZONES = sorted(name for name in available_timezones() if name not in NOT_A_PLACE and "/" in name)


def expected(cron: Cron, matches: Matches, change: ClockChange) -> tuple[str, list[datetime], list[datetime]]:
    """By a look at each minute around the change: the kind, the local times that are concerned, the runs for them."""
    zone = ZoneInfo(cron.timezone)
    ran = set[datetime]()
    at = cron.next_after(change.at - 2 * DAY)
    while at is not None and at < change.at + 2 * DAY:
        ran.add(at)
        at = cron.next_after(at)
    wall = min(change.local_before, change.local_after)
    walls = [wall + n * MINUTE for n in range(change.by // MINUTE)]
    named = [wall for wall in walls if matches(wall)]
    if change.forward:
        assert all(_of_clock(wall, zone, fold) is None for wall in walls for fold in (0, 1)), "it jumps over them"
        if not named:
            return "shifted", [], []
        if change.at not in ran:
            return "skipped", named, []
        own = matches(change.local_after)
        return "merged" if own else "moved", named, [] if own else [change.at]
    first, second = ({wall: _of_clock(wall, zone, fold) for wall in named} for fold in (0, 1))
    assert all(first[wall] != second[wall] for wall in named), "it shows them twice"
    runs = [[wall for wall, at in shown.items() if at in ran] for shown in (first, second)]
    instants = sorted(at for shown in (first, second) for at in shown.values() if at in ran)
    if not instants:
        return "shifted", [], []
    kind = "twice" if runs[0] == runs[1] else "first" if not runs[1] else "second" if not runs[0] else "mixed"
    return kind, sorted({*runs[0], *runs[1]}), instants


def _of_clock(wall: datetime, zone: ZoneInfo, fold: int) -> datetime | None:
    """When the clock shows that, the first time or the second; None where it does not."""
    at = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    return at if at.astimezone(zone).replace(tzinfo=None) == wall else None


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ZONES), st.dates(date(1972, 1, 1), date(2040, 1, 1)), st.sampled_from(CRONS))
def test_all_zones_against_each_minute(zone: str, day: date, cron: tuple[str, Matches]) -> None:
    since = to_us(datetime(day.year, day.month, day.day))
    change = next_change(zone, since, since + YEAR_US)
    assume(change is not None)
    assert change is not None
    assume(
        change.at.second == 0 and change.by % MINUTE == timedelta()
    )  # (Liberia was 44 minutes and 30 seconds behind)
    expression, matches = cron
    trigger = Cron(expression, zone)
    found = effect_of(Spec(trigger=trigger), change)
    assert found is not None
    kind, times, runs = expected(trigger, matches, change)
    assert (found.kind, found.named, found.runs) == (kind, len(times), len(runs))
    assert (list(found.times), list(found.instants)) == (times[:4], runs[:4])


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ZONES), st.dates(date(1972, 1, 1), date(2040, 1, 1)))
def test_all_zones_change_when_zoneinfo_says_so(zone: str, day: date) -> None:
    clock, since = ZoneInfo(zone), datetime(day.year, day.month, day.day, tzinfo=UTC)
    found = next_change(zone, to_us(since), to_us(since) + YEAR_US)
    until = since + 366 * DAY if found is None else found.at
    hours = range(0, (until - since) // timedelta(hours=1), 6)  # a change that was missed lasts for longer
    offsets = {(since + timedelta(hours=hour)).astimezone(clock).utcoffset() for hour in hours} or {
        since.astimezone(clock).utcoffset()
    }
    assert len(offsets) == 1, "none is left out"
    if found is not None:
        assert offsets == {found.before}
        assert (found.at - timedelta(seconds=1)).astimezone(clock).utcoffset() == found.before
        assert found.at.astimezone(clock).utcoffset() == found.after != found.before
