"""`excluded="next_day"` and `"previous_day"`: against a plain oracle that looks at each instant, and by example."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rq_scheduler.clock import from_us, to_us
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.model import Schedule, Spec, decode_spec, encode_spec
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.triggers import (
    MAX_US,
    MIN_US,
    AnyExclusion,
    AnyOf,
    AnyTrigger,
    At,
    Cron,
    Dates,
    Every,
    Holidays,
    RRule,
)

pytestmark = pytest.mark.once

DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)


def occurrences(trigger: AnyTrigger, excluded: str, *exclude: AnyExclusion, **options: datetime) -> Occurrences:
    return Occurrences("x", Spec(trigger=trigger, exclude=exclude, excluded=excluded, **options))


def runs(
    trigger: AnyTrigger, excluded: str, *exclude: AnyExclusion, since: str, zone: str = "UTC", n: int = 4
) -> list[str]:
    """The next instants after a moment, as local times."""
    walk = occurrences(trigger, excluded, *exclude).walk(to_us(datetime.fromisoformat(since)))
    return [f"{from_us(at).astimezone(ZoneInfo(zone)):%m-%d %H:%M%z}" for at, _ in islice(walk, n)]


# --- the oracle: each instant by itself, in Python's own datetimes ---------------------------------------------------


def first_shown(wall: datetime, zone: ZoneInfo) -> datetime | None:
    """When the clocks of a zone first show this wall, or have jumped over it; None on a date that they skip."""
    middle = wall.replace(tzinfo=UTC)
    samples = [middle + n * QUARTER for n in range(-4 * 50, 4 * 50)]
    if all(at.astimezone(zone).date() != wall.date() for at in samples):
        return None
    offsets = {at.astimezone(zone).utcoffset() for at in samples}
    shown = [at for offset in offsets if (at := middle - offset).astimezone(zone).replace(tzinfo=None) == wall]
    if shown:
        return min(shown)
    later = next(at for at in samples if at.astimezone(zone).replace(tzinfo=None) > wall)
    lo, hi = later - QUARTER, later
    while hi - lo > timedelta(microseconds=1):
        at = lo + (hi - lo) // 2
        lo, hi = (lo, at) if at.astimezone(zone).replace(tzinfo=None) > wall else (at, hi)
    return hi


def moved(at: datetime, zone: ZoneInfo, days: list[tuple[set[date], ZoneInfo]], step: int) -> datetime | None:
    def is_off(moment: datetime) -> bool:
        return any(moment.astimezone(theirs).date() in dates for dates, theirs in days)

    if not is_off(at):
        return at
    wall = at.astimezone(zone).replace(tzinfo=None)
    for n in range(1, 367):
        there = first_shown(wall + n * step * DAY, zone)
        if there is not None and not is_off(there):
            return there
    return None


PLACES = [
    # a zone, and a day near which something happens to its clocks
    ("UTC", date(2026, 12, 25)),
    ("Europe/Paris", date(2026, 3, 29)),
    ("Europe/Paris", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Antarctica/Troll", date(2026, 3, 29)),
    ("America/Sao_Paulo", date(2018, 11, 4)),  # no midnight
    ("America/St_Johns", date(2010, 11, 7)),  # put back past midnight
    ("America/Nuuk", date(2026, 3, 28)),  # no last hour of the day
    ("Pacific/Apia", date(2011, 12, 30)),  # no day
]
SINGLE = st.sampled_from(
    ["0 9 * * *", "30 2 * * *", "30 0 * * *", "45 23 * * *", "0 */5 * * *", "15,45 1-3 * * *", "0 9 * * mon-fri",
     "0 9 */3 * *", "30 1 * * sun"]
)  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> tuple[AnyTrigger, str, list[AnyExclusion], str, date]:
    zone, around = draw(st.sampled_from(PLACES))
    midnight = datetime.combine(around, time(), tzinfo=UTC)

    def trigger() -> AnyTrigger:
        kind = draw(st.sampled_from(["cron", "every", "at", "rrule"]))
        if kind == "cron":
            return Cron(draw(SINGLE), zone)
        if kind == "every":
            anchor = midnight + timedelta(minutes=draw(st.integers(0, 1439)), microseconds=draw(st.integers(0, 9)))
            return Every(timedelta(minutes=draw(st.sampled_from([97, 720, 1440, 1500]))), anchor=anchor)
        if kind == "at":
            return At(midnight + timedelta(minutes=draw(st.integers(-4 * 1440, 4 * 1440))))
        return RRule(f"FREQ=DAILY;BYHOUR={draw(st.integers(0, 23))};BYMINUTE=30", zone)

    both = draw(st.booleans())
    what = AnyOf(trigger(), trigger()) if both else trigger()
    theirs = draw(st.sampled_from([None, None, zone, "Asia/Tokyo", "America/New_York"]))
    exclude: list[AnyExclusion] = []
    for _ in range(draw(st.integers(1, 2))):
        days = draw(st.sets(st.integers(-4, 4), min_size=1, max_size=6))
        exclude.append(Dates(*(around + n * DAY for n in sorted(days)), timezone=theirs))
    return what, draw(st.sampled_from(["next_day", "previous_day"])), exclude, zone, around


def clock_of(one: AnyTrigger, whole: AnyTrigger, exclude: list[AnyExclusion]) -> str:
    """By whose clock a moved run is at the same time of day."""
    if one.zone_names:
        return next(iter(one.zone_names))
    return next(iter(whole.zone_names), exclude[0].timezone or "UTC")


@settings(max_examples=120, deadline=None)
@given(cases(), st.data())
def test_the_instants_are_those_of_the_oracle(
    case: tuple[AnyTrigger, str, list[AnyExclusion], str, date], data: st.DataObject
) -> None:
    trigger, excluded, exclude, _, around = case
    days = [(set(one.days), ZoneInfo(one.timezone or trigger.zone_name)) for one in exclude if isinstance(one, Dates)]
    begin = datetime.combine(around, time(), tzinfo=UTC) - 16 * DAY
    end = begin + 32 * DAY
    wanted: set[int] = set()
    for one in trigger.triggers if isinstance(trigger, AnyOf) else (trigger,):
        zone = ZoneInfo(clock_of(one, trigger, exclude))
        at = one.next_after(begin)
        while at is not None and at < end:
            there = moved(at, zone, days, 1 if excluded == "next_day" else -1)
            assert there is not None
            wanted.add(to_us(there))
            at = one.next_after(at)
    # Away from the ends of what was looked at, where days beyond them would count.
    lo, hi = to_us(begin + 9 * DAY), to_us(end - 9 * DAY)
    expected = sorted(at for at in wanted if lo < at < hi)
    made = occurrences(trigger, excluded, *exclude)
    found: list[int] = []
    at = made.after(lo)
    while at is not None and at < hi:
        found.append(at)
        at = made.after(at)
    assert [str(from_us(at)) for at in found] == [str(from_us(at)) for at in expected]
    backwards: list[int] = []
    at = made.before(hi)
    while at is not None and at > lo:
        backwards.append(at)
        at = made.before(at)
    assert backwards[::-1] == expected
    # From anywhere, not only from an instant.
    us = data.draw(st.integers(lo, hi))
    assert made.after(us) == next((at for at in sorted(wanted) if at > us), made.after(us))
    assert made.before(us) == next((at for at in sorted(wanted, reverse=True) if at < us), made.before(us))


# --- by example ------------------------------------------------------------------------------------------------------


def test_a_run_on_a_day_off_is_at_the_same_time_of_the_nearest_other_day() -> None:
    nine = Cron("0 9 * * fri", "Europe/Paris")
    days = Dates("2026-12-25", "2026-12-26", "2026-12-24")
    told = {"since": "2026-12-12T00:00Z", "zone": "Europe/Paris", "n": 3}
    assert runs(nine, "skip", days, **told) == ["12-18 09:00+0100", "01-01 09:00+0100", "01-08 09:00+0100"]
    assert runs(nine, "next_day", days, **told) == ["12-18 09:00+0100", "12-27 09:00+0100", "01-01 09:00+0100"]
    assert runs(nine, "previous_day", days, **told) == ["12-18 09:00+0100", "12-23 09:00+0100", "01-01 09:00+0100"]


def test_two_that_fall_together_are_one_run() -> None:
    daily = Cron("0 9 * * *")
    assert runs(daily, "next_day", Dates("2026-12-25", "2026-12-26"), since="2026-12-24T10:00Z", n=2) == [
        "12-27 09:00+0000", "12-28 09:00+0000",
    ]  # fmt: skip
    # And those of other times come between, in order.
    often = Cron("0 6,18 * * thu,fri")
    assert runs(often, "next_day", Dates("2026-12-24"), since="2026-12-23T00:00Z", n=3) == [
        "12-25 06:00+0000", "12-25 18:00+0000", "12-31 06:00+0000",
    ]  # fmt: skip
    union = AnyOf(At(datetime(2026, 12, 24, 12, tzinfo=UTC)), Cron("0 6,18 * * fri"))
    assert runs(union, "next_day", Dates("2026-12-24"), since="2026-12-23T00:00Z", n=3) == [
        "12-25 06:00+0000", "12-25 12:00+0000", "12-25 18:00+0000",
    ]  # fmt: skip


def test_from_a_moved_run_on_the_next_is_the_next() -> None:
    made = occurrences(Cron("0 9 25 12 *"), "next_day", Holidays("DE"))
    first = made.after(to_us(datetime(2026, 1, 1, tzinfo=UTC)))
    assert first is not None
    assert str(from_us(first)) == "2026-12-27 09:00:00+00:00"
    assert str(from_us(made.after(first) or 0)) == "2027-12-27 09:00:00+00:00"
    assert made.before(made.after(first) or 0) == first
    # Also from an instant that is named but was moved away.
    assert made.after(to_us(datetime(2026, 12, 25, 9, tzinfo=UTC))) == first


@pytest.mark.parametrize(
    ("zone", "off", "expected"),
    [
        ("Europe/Paris", "2026-03-28", "03-29 03:00+0200"),  # 02:30 does not exist
        ("Europe/Paris", "2026-10-24", "10-25 02:30+0200"),  # is there twice: the first time
        ("Australia/Lord_Howe", "2026-10-03", "10-04 02:30+1100"),  # 02:00 to 02:30 does not exist
        ("Pacific/Apia", "2011-12-29", "12-31 02:30+1400"),  # the 30th does not exist
    ],
)
def test_where_the_clocks_change_on_the_day_it_moves_to(zone: str, off: str, expected: str) -> None:
    at = At(datetime.fromisoformat(f"{off}T02:30").replace(tzinfo=ZoneInfo(zone)))
    since = f"{date.fromisoformat(off) - 2 * DAY}T00:00Z"
    assert runs(at, "next_day", Dates(off, timezone=zone), since=since, zone=zone, n=1) == [expected]


def test_the_clock_of_what_reads_none_is_the_exclusions_or_utc() -> None:
    # The day before the clocks go forward: a day later by the clock is 23 hours.
    at = At(datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert runs(at, "next_day", Dates("2026-03-28"), since="2026-03-28T00:00Z") == ["03-29 12:00+0000"]
    paris = Dates("2026-03-28", timezone="Europe/Paris")
    assert runs(at, "next_day", paris, since="2026-03-28T00:00Z") == ["03-29 11:00+0000"]
    # A trigger's own clock counts, whosever days are excluded.
    tokyo = Dates("2026-03-28", timezone="Asia/Tokyo")
    nine = Cron("0 9 28 3 *", "Europe/Paris")
    assert runs(nine, "next_day", tokyo, since="2026-03-27T12:00Z", zone="Europe/Paris", n=1) == ["03-29 09:00+0200"]
    # In a union, each trigger's; and what reads none is with the others.
    union = AnyOf(nine, Every("24h", anchor=datetime(2026, 3, 28, 12, tzinfo=UTC)))
    assert runs(union, "next_day", Dates("2026-03-28"), since="2026-03-28T00:00Z", zone="Europe/Paris", n=3) == [
        "03-29 09:00+0200", "03-29 13:00+0200", "03-29 14:00+0200",
    ]  # fmt: skip


def test_a_stretch_of_more_than_a_year_moves_nothing() -> None:
    off = [date(2027, 1, 1) + n * DAY for n in range(800)]
    daily = Cron("0 9 * * *")
    last, first_after = datetime(2026, 12, 31, 9, tzinfo=UTC), datetime(2029, 3, 11, 9, tzinfo=UTC)
    for excluded in ("next_day", "previous_day"):
        made = occurrences(daily, excluded, Dates(*off))
        assert made.after(to_us(last)) == to_us(first_after)
        assert made.before(to_us(first_after)) == to_us(last)
        assert made.after(to_us(datetime(2028, 1, 1, tzinfo=UTC))) == to_us(first_after)
    once = At(datetime(2028, 2, 1, tzinfo=UTC))  # more than a year from either end
    for excluded in ("next_day", "previous_day"):
        made = occurrences(once, excluded, Dates(*off))
        assert made.after(MIN_US) is None
        assert made.before(MAX_US) is None
    near = At(datetime(2028, 1, 1, tzinfo=UTC))
    assert occurrences(near, "previous_day", Dates(*off)).after(MIN_US) == to_us(datetime(2026, 12, 31, tzinfo=UTC))
    assert occurrences(near, "next_day", Dates(*off)).after(MIN_US) is None


def test_it_gives_up_where_everything_is_excluded() -> None:
    """At the definition, as "would never fire"; within a moment."""
    years = Dates(*(date(2026, 1, 1) + n * DAY for n in range(15 * 366)))
    for excluded in ("next_day", "previous_day"):
        made = occurrences(Every("1h", anchor=datetime(2026, 1, 1, tzinfo=UTC)), excluded, years)
        assert made.after(to_us(datetime(2028, 1, 1, tzinfo=UTC))) is None
        assert made.before(to_us(datetime(2039, 1, 1, tzinfo=UTC))) is None


def test_the_ends_of_time() -> None:
    last = At(datetime(9999, 12, 31, 9, tzinfo=UTC))
    first = At(datetime(1, 1, 1, 9, tzinfo=UTC))
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        off = Dates(date(9999, 12, 31), date(1, 1, 1), date(9999, 12, 30), date(1, 1, 2), timezone=zone)
        assert occurrences(last, "next_day", off).after(MIN_US) is None
        assert occurrences(first, "previous_day", off).before(MAX_US) is None
        assert occurrences(last, "previous_day", off).before(MAX_US) is not None
        assert occurrences(first, "next_day", off).after(MIN_US) is not None


def test_start_and_end_bound_the_moved_instants() -> None:
    weekly = Cron("0 9 * * fri")
    christmas = Dates("2026-12-25")
    started = occurrences(weekly, "next_day", christmas, start=datetime(2026, 12, 26, 9, tzinfo=UTC))
    assert started.after(0) == to_us(datetime(2026, 12, 26, 9, tzinfo=UTC))
    ended = occurrences(weekly, "next_day", christmas, end=datetime(2026, 12, 26, 9, tzinfo=UTC))
    assert ended.before(MAX_US) == to_us(datetime(2026, 12, 18, 9, tzinfo=UTC))
    assert ended.after(to_us(datetime(2026, 12, 18, 9, tzinfo=UTC))) is None
    back = occurrences(weekly, "previous_day", christmas, end=datetime(2026, 12, 25, tzinfo=UTC))
    assert back.before(MAX_US) == to_us(datetime(2026, 12, 24, 9, tzinfo=UTC))
    assert back.after(to_us(datetime(2026, 12, 24, 9, tzinfo=UTC))) is None
    late = occurrences(weekly, "previous_day", christmas, start=datetime(2026, 12, 24, 10, tzinfo=UTC))
    assert late.before(to_us(datetime(2027, 1, 1, 9, tzinfo=UTC))) is None


def test_microseconds_are_kept() -> None:
    at = At(datetime(2026, 12, 25, 9, 0, 0, 1, tzinfo=UTC))
    assert occurrences(at, "next_day", Dates("2026-12-25")).after(0) == to_us(
        datetime(2026, 12, 26, 9, 0, 0, 1, tzinfo=UTC)
    )


def test_jitter_is_that_of_the_moved_instant_and_its_gap() -> None:
    spec = Spec(trigger=Cron("0 9,10 * * fri"), exclude=Dates("2026-12-25"), excluded="next_day", jitter="3h")
    made = Occurrences("x", spec)
    walk = list(islice(made.walk(to_us(datetime(2026, 12, 19, tzinfo=UTC))), 3))
    assert [f"{from_us(at):%d %H}" for at, _ in walk] == ["26 09", "26 10", "01 09"]
    for (at, due), (following, _) in pairwise(walk):
        assert at <= due < following


def test_a_definition_previews_what_will_happen() -> None:
    made = Schedule("a", Cron("0 9 25 12 *"), "print", exclude=Dates("2026-12-25"), excluded="previous_day")
    assert made.upcoming(2, datetime(2026, 1, 1, tzinfo=UTC)) == [
        datetime(2026, 12, 24, 9, tzinfo=UTC), datetime(2027, 12, 25, 9, tzinfo=UTC),
    ]  # fmt: skip


# --- how it is stored, and bad input ---------------------------------------------------------------------------------


def test_what_was_stored_before_skips() -> None:
    old = Spec(trigger=Cron("0 9 * * *"), exclude=Dates("2026-12-25"))
    assert b"excluded" not in encode_spec(old)
    assert decode_spec(encode_spec(old)) == old
    assert old.excluded == "skip"
    new = Spec(trigger=Cron("0 9 * * *"), exclude=Dates("2026-12-25"), excluded="next_day")
    assert new != old
    assert decode_spec(encode_spec(new)) == new


def test_days_of_several_zones_leave_the_clock_open() -> None:
    exclude = (Dates("2026-12-25", timezone="Asia/Tokyo"), Dates("2026-12-26", timezone="Europe/Paris"))
    Spec(trigger=Every("1h"), exclude=exclude)
    Spec(trigger=Cron("0 9 * * *"), exclude=exclude, excluded="next_day")
    with pytest.raises(InvalidArgument, match="counts days in Asia/Tokyo and Europe/Paris, so it is not clear"):
        Spec(trigger=Every("1h"), exclude=exclude, excluded="next_day")
