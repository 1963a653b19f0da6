"""Changes of the clock: what is promised, published cases of a dozen zones, and a walker written apart.

The walker is a cron daemon as simple as can be: it looks at a local clock once a minute. It shares no code with the
package: neither the parser (each expression comes with a predicate written by hand) nor the calendar.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rq_scheduler.clock import from_us, to_us
from rq_scheduler.triggers import Cron, timeline, zones
from rq_scheduler.triggers import cron as cron_module

pytestmark = pytest.mark.once

Matches = Callable[[datetime], bool]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def instants(cron: Cron, since: datetime, until: datetime) -> list[datetime]:
    """All instants in [since, until), going forward."""
    found: list[datetime] = []
    at = cron.next_after(since - timedelta(microseconds=1))
    while at is not None and at < until:
        found.append(at)
        at = cron.next_after(at)
    return found


def instants_backward(cron: Cron, since: datetime, until: datetime) -> list[datetime]:
    """All instants in [since, until), found going backward."""
    found: list[datetime] = []
    at = cron.last_before(until)
    while at is not None and at >= since:
        found.append(at)
        at = cron.last_before(at)
    return found[::-1]


def local(cron: Cron, day: str) -> list[str]:
    """The instants of one local day as `HH:MM+HH:MM`."""
    zone = ZoneInfo(cron.timezone)
    since = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=2)
    on_day = (
        at
        for at in (i.astimezone(zone) for i in instants(cron, since, since + timedelta(days=5)))
        if f"{at:%Y-%m-%d}" == day
    )
    return [at.isoformat(timespec="minutes")[11:] for at in on_day]


@functools.lru_cache(maxsize=64)
def clocks(zone: str, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """Each minute of [since, until) with what the local clock shows then."""
    tz = ZoneInfo(zone)
    minutes = [since + n * MINUTE for n in range((until - since) // MINUTE)]
    return [(at, at.astimezone(tz).replace(tzinfo=None)) for at in minutes]


def daemon(zone: str, since: datetime, until: datetime, matches: Matches, *, fixed: bool) -> list[datetime]:
    """What a daemon that looks at the local clock each minute would run: Debian cron's rules, word by word."""
    seen = clocks(zone, since - timedelta(days=3), until)
    if not fixed:
        return [at for at, clock in seen if at >= since and matches(clock)]
    fired: list[datetime] = []
    newest = previous = seen[0][1]
    for at, clock in seen:
        fire = clock > newest and matches(clock)
        if clock - previous > MINUTE:
            # The clock jumped: a job whose time was skipped, and was not shown earlier, runs now.
            skipped = (previous + n * MINUTE for n in range(1, (clock - previous) // MINUTE))
            fire = fire or any(wall > newest and matches(wall) for wall in skipped)
        if fire and at >= since:
            fired.append(at)
        previous = clock
        newest = max(newest, clock)
    return fired


# --- what is promised (docs/schedules.md) ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "spring", "autumn"),
    [
        ("30 2 * * *", ["03:00+02:00"], ["02:30+02:00"]),
    ],
)
def test_fixed_time_job_in_paris(expression: str, spring: list[str], autumn: list[str]) -> None:
    cron = Cron(expression, "Europe/Paris")
    assert local(cron, "2026-03-29") == spring
    assert local(cron, "2026-10-25") == autumn


def test_wildcard_hour_in_paris() -> None:
    cron = Cron("30 * * * *", timezone=ZoneInfo("Europe/Paris"))
    assert local(cron, "2026-03-29")[1:3] == ["01:30+01:00", "03:30+02:00"]
    assert local(cron, "2026-10-25")[1:5] == ["01:30+02:00", "02:30+02:00", "02:30+01:00", "03:30+01:00"]


def test_every_quarter_in_paris() -> None:
    cron = Cron("*/15 * * * *", "Europe/Paris")
    assert len(local(cron, "2026-03-29")) == 96 - 4
    assert len(local(cron, "2026-10-25")) == 96 + 4
    for day in ("2026-03-29", "2026-10-25"):
        since = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=1)
        steps = {b - a for a, b in pairwise(instants(cron, since, since + timedelta(days=3)))}
        assert steps == {timedelta(minutes=15)}


# --- published cases -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "zone", "day", "expected"),
    [
        # Half an hour, at 02:00 both ways.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04", ["02:30+11:00"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-05", ["01:45+11:00"]),
        ("45 1-2/1 * * *", "Australia/Lord_Howe", "2026-04-05", ["01:45+11:00", "02:45+10:30"]),
        ("*/15 1 * * *", "Australia/Lord_Howe", "2026-04-05",
         ["01:00+11:00", "01:15+11:00", "01:30+11:00", "01:45+11:00", "01:30+10:30", "01:45+10:30"]),
        # Two hours, from 01:00 UTC.
        ("30 2 * * *", "Antarctica/Troll", "2026-03-29", ["03:00+02:00"]),
        ("30 1,2 * * *", "Antarctica/Troll", "2026-03-29", ["03:00+02:00"]),
        ("30 * * * *", "Antarctica/Troll", "2026-03-29",
         ["00:30+00:00", *(f"{hour:02}:30+02:00" for hour in range(3, 24))]),
        ("30 2 * * *", "Antarctica/Troll", "2026-10-25", ["02:30+02:00"]),
        # The 30th of December 2011 did not exist.
        ("0 12 * * *", "Pacific/Apia", "2011-12-30", []),
        ("0 12 * * *", "Pacific/Apia", "2011-12-31", ["00:00+14:00", "12:00+14:00"]),
        ("0 12 30 12 *", "Pacific/Apia", "2011-12-31", ["00:00+14:00"]),
        ("0 */6 30 * *", "Pacific/Apia", "2011-12-31", []),
        # Midnight does not exist when summer begins.
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-04", ["01:00-02:00"]),
        ("0 0 * * *", "America/Sao_Paulo", "2018-02-18", ["00:00-03:00"]),
        ("30 23 * * *", "America/Sao_Paulo", "2018-02-17", ["23:30-02:00"]),
        ("@hourly", "America/Sao_Paulo", "2018-11-04", [f"{hour:02}:00-02:00" for hour in range(1, 24)]),
        # At one minute past midnight, until 2011.
        ("30 0 * * *", "America/St_Johns", "2011-03-13", ["01:01-02:30"]),
        ("0 0 * * *", "America/St_Johns", "2011-11-06", ["00:00-02:30"]),
        ("30 23 * * *", "America/St_Johns", "2011-11-05", ["23:30-02:30"]),
        # Summer time is off in Ramadan.
        ("30 2 * * *", "Africa/Casablanca", "2026-02-15", ["02:30+01:00"]),
        ("30 2 * * *", "Africa/Casablanca", "2026-03-22", ["03:00+01:00"]),
        # A quarter of an hour, once: 1986 began at 00:15.
        ("5 0 * * *", "Asia/Kathmandu", "1986-01-01", ["00:15+05:45"]),
        ("30 2 8 3 *", "America/New_York", "2026-03-08", ["03:00-04:00"]),
        ("0 3 * * *", "America/New_York", "2026-03-08", ["03:00-04:00"]),
        ("0 2,3 * * *", "America/New_York", "2026-03-08", ["03:00-04:00"]),
        ("0,30 1 * * *", "America/New_York", "2026-11-01", ["01:00-04:00", "01:30-04:00"]),
        ("30 2 29 3 *", "UTC", "2026-03-29", ["02:30+00:00"]),
    ],
)  # fmt: skip
def test_published_case(expression: str, zone: str, day: str, expected: list[str]) -> None:
    assert local(Cron(expression, zone), day) == expected


def test_seconds_of_a_fixed_time_job_that_was_skipped_are_one_run() -> None:
    cron = Cron("*/10 30 2 29 3 * 2026", "Europe/Paris")
    assert cron.upcoming(5, datetime(2026, 1, 1, tzinfo=UTC)) == [datetime(2026, 3, 29, 1, tzinfo=UTC)]


def test_wildcard_job_that_only_names_skipped_times_of_one_year_never_fires() -> None:
    with pytest.raises(ValueError, match="never fires"):
        Cron("*/15 2 29 3 * 2026", "Europe/Paris")


def test_wildcard_job_that_will_only_name_skipped_times_ends_soon() -> None:
    # It ran in the years before summer time; now it does not, and finding that out must not take long.
    cron = Cron("*/15 2 * 3 7L", "Europe/Paris")
    assert cron.next_after(datetime(2026, 1, 1, tzinfo=UTC)) is None
    assert cron.last_before(datetime(2026, 1, 1, tzinfo=UTC)) is not None


# --- the walker ----------------------------------------------------------------------------------------------------

JOBS: list[tuple[str, bool, Matches]] = [
    ("*/15 * * * *", False, lambda t: t.minute % 15 == 0),
    ("50 * * * *", False, lambda t: t.minute == 50),
    ("*/20 2 * * *", False, lambda t: t.hour == 2 and t.minute % 20 == 0),
    ("10,40 0-3 * * *", True, lambda t: t.minute in (10, 40) and t.hour < 4),
    ("0 0,12 * * *", True, lambda t: t.minute == 0 and t.hour in (0, 12)),
    ("15 1 * * sun", True, lambda t: t.minute == 15 and t.hour == 1 and t.isoweekday() == 7),
    ("30 2 13 * 5", True, lambda t: t.minute == 30 and t.hour == 2 and (t.day == 13 or t.isoweekday() == 5)),
]  # fmt: skip
STRETCHES = [
    ("Europe/Paris", "2026-03-20", 20),
    ("Europe/Paris", "2026-10-15", 20),
    ("Australia/Lord_Howe", "2026-03-27", 20),
    ("Australia/Lord_Howe", "2026-09-25", 20),
    ("Antarctica/Troll", "2026-03-20", 20),
    ("Antarctica/Troll", "2026-10-15", 20),
    ("America/New_York", "2026-03-01", 20),
    ("America/New_York", "2026-10-25", 20),
    ("America/St_Johns", "2011-03-05", 20),
    ("America/St_Johns", "2011-10-28", 20),
    ("Africa/Casablanca", "2026-02-05", 20),
    ("Africa/Casablanca", "2026-03-12", 20),
    ("Pacific/Apia", "2011-12-20", 20),
    ("America/Sao_Paulo", "2018-02-10", 20),
    ("Asia/Kathmandu", "1985-12-25", 20),
    ("UTC", "2026-02-20", 20),
]


# The walker is slow: for what comes between the changes there are the years below.
@pytest.mark.parametrize(("zone", "since", "days"), STRETCHES)
def test_against_the_walker(zone: str, since: str, days: int) -> None:
    start = datetime.fromisoformat(since).replace(tzinfo=UTC)
    end = start + timedelta(days=days)
    for expression, fixed, matches in JOBS:
        cron = Cron(expression, zone)
        expected = daemon(zone, start, end, matches, fixed=fixed)
        assert expected
        assert instants(cron, start, end) == expected, expression
        assert instants_backward(cron, start, end) == expected, expression


# --- the walker over years: minute by minute about each change of the clock, and by the calendar between -------------

Days = Callable[[date], bool]
EVERY_HOUR = range(24)

# Expression, the minutes and hours and days that it names, and whether it is at fixed times; written by hand.
YEARS_OF_JOBS: list[tuple[str, Sequence[int], Sequence[int], Days, bool]] = [
    ("* * * * *", range(60), EVERY_HOUR, lambda d: True, False),
    ("*/15 * * * *", (0, 15, 30, 45), EVERY_HOUR, lambda d: True, False),
    ("7 * * * *", (7,), EVERY_HOUR, lambda d: True, False),
    ("*/10 0-3 * * *", range(0, 60, 10), range(4), lambda d: True, False),
    ("59 */2 * * sat,sun", (59,), range(0, 24, 2), lambda d: d.isoweekday() > 5, False),
    ("30 2 * * *", (30,), (2,), lambda d: True, True),
    ("0 0 * * *", (0,), (0,), lambda d: True, True),
    ("0,1,30,59 0-3,23 * * *", (0, 1, 30, 59), (0, 1, 2, 3, 23), lambda d: True, True),
    ("15 1 * * mon-fri", (15,), (1,), lambda d: d.isoweekday() < 6, True),
    ("5 0 1,15,L * *", (5,), (0,), lambda d: d.day in (1, 15) or (d + timedelta(days=1)).day == 1, True),
    ("45 1 1-7 * sun", (45,), (1,), lambda d: d.day < 8 or d.isoweekday() == 7, True),
    ("30 2 * 3,4,10,11 0L", (30,), (2,),
     lambda d: d.month in (3, 4, 10, 11) and d.isoweekday() == 7 and (d + timedelta(days=7)).month != d.month, True),
    ("30 3 * * mon#2", (30,), (3,), lambda d: d.isoweekday() == 1 and 8 <= d.day <= 14, True),
]  # fmt: skip
YEARS_OF_ZONES = [
    ("Europe/Paris", 2025, 2), ("America/New_York", 2006, 2), ("America/Sao_Paulo", 2017, 2),
    ("America/St_Johns", 2010, 2), ("Australia/Lord_Howe", 2025, 3), ("Africa/Casablanca", 2025, 2),
    ("Asia/Kathmandu", 1985, 2), ("Pacific/Apia", 2011, 2), ("Antarctica/Troll", 2025, 2), ("Asia/Gaza", 2010, 2),
    ("America/Caracas", 2007, 2), ("Europe/Dublin", 2025, 2), ("UTC", 2025, 1),
]  # fmt: skip


def walk_years(
    zone: str,
    since: datetime,
    until: datetime,
    minutes: Sequence[int],
    hours: Sequence[int],
    days: Days,
    *,
    fixed: bool,
) -> list[datetime]:
    """As the daemon, but where the offset stays the same for days, what the calendar says."""
    times = {(hour, minute) for hour in hours for minute in minutes}
    sorted_times = sorted(time(hour, minute) for hour, minute in times)
    found: list[datetime] = []
    for steady, group in groupby(days_between(since, until), lambda day: len(offsets_about(zone, day)) == 1):
        stretch = list(group)
        if not steady:
            found += daemon(
                zone, stretch[0], stretch[-1] + DAY, lambda t: (t.hour, t.minute) in times and days(t.date()),
                fixed=fixed,
            )  # fmt: skip
            continue
        for day in stretch:
            (offset,) = offsets_about(zone, day)
            begin = (day + offset).replace(tzinfo=None)
            for local_day in {begin.date(), (begin + DAY).date()}:
                if days(local_day):
                    walls = (datetime.combine(local_day, at) for at in sorted_times)
                    found += [(at - offset).replace(tzinfo=UTC) for at in walls if begin <= at < begin + DAY]
    return sorted(found)


def days_between(since: datetime, until: datetime) -> list[datetime]:
    return [since + n * DAY for n in range((until - since).days)]


@functools.cache
def offsets_about(zone: str, day: datetime) -> set[timedelta | None]:
    """Those of the day, of that before and of that after."""
    tz = ZoneInfo(zone)
    return {(day + n * DAY).astimezone(tz).utcoffset() for n in (-1, 0, 1, 2)}


def weeks_about_changes(zone: str, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """About each change of the clock; a week like any other where there is none."""
    days = days_between(since, until)
    changing = [day for day in days if offsets_about(zone, day - DAY) != offsets_about(zone, day)]
    # Four days are about a change: it begins and ends to be in sight.
    return [(day - DAY, day + 6 * DAY) for day in changing[::2]] or [(since, since + 7 * DAY)]


@pytest.mark.parametrize(("zone", "year", "years"), YEARS_OF_ZONES)
def test_years_against_the_walker(zone: str, year: int, years: int) -> None:
    since, until = datetime(year, 1, 1, tzinfo=UTC), datetime(year + years, 1, 1, tzinfo=UTC)
    for expression, minutes, hours, days, fixed in YEARS_OF_JOBS:
        # A job that runs each hour or more often says in the weeks about the changes what it says in years.
        often = len(minutes) * len(hours) >= 20
        cron = Cron(expression, zone)
        for begin, end in weeks_about_changes(zone, since, until) if often else [(since, until)]:
            expected = walk_years(zone, begin, end, minutes, hours, days, fixed=fixed)
            assert instants(cron, begin, end) == expected, expression
            if len(expected) < 8_000:
                assert instants_backward(cron, begin, end) == expected, expression


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Zones worked out half an hour at a time, so that pieces end in the middle of repeated hours."""

    def forget() -> None:
        zones.zone.cache_clear()
        cron_module._timeline.cache_clear()

    with monkeypatch.context() as patch:
        patch.setattr(zones, "CHUNK_SECONDS", 1800)
        patch.setattr(timeline, "CHUNK_SECONDS", 1800)
        forget()
        yield
    forget()


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    ("zone", "since"),
    [
        ("Europe/Paris", "2026-03-28"),
        ("Europe/Paris", "2026-10-24"),
        ("Australia/Lord_Howe", "2026-04-03"),
        ("Antarctica/Troll", "2026-10-24"),
        ("Pacific/Apia", "2011-12-29"),
    ],
)
def test_how_the_timeline_is_cut_makes_no_difference(zone: str, since: str) -> None:
    start = datetime.fromisoformat(since).replace(tzinfo=UTC)
    end = start + timedelta(days=3)
    once_a_year: list[tuple[str, bool, Matches]] = [
        ("*/20 1,2 25 10 *", False, lambda t: (t.month, t.day) == (10, 25) and t.hour in (1, 2) and t.minute % 20 == 0),
        (
            "10,50 1,2 25 10 *",
            True,
            lambda t: (t.month, t.day) == (10, 25) and t.hour in (1, 2) and t.minute in (10, 50),
        ),
    ]
    # A job once a year takes the walk far, in pieces too small for its patience: only where it is due.
    for expression, fixed, matches in [*JOBS[:5], *(once_a_year if start.month == 10 else [])]:
        cron = Cron(expression, zone)
        expected = daemon(zone, start, end, matches, fixed=fixed)
        assert instants(cron, start, end) == expected, expression
        assert instants_backward(cron, start, end) == expected, expression


# Zones whose changes differ in size, hour or direction; `Etc/` and links add nothing.
ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))


def _changes(zone: str, year: int) -> list[datetime]:
    """The days of the year in which the offset changes, to the day."""
    tz = ZoneInfo(zone)
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(366)]
    return [a for a, b in pairwise(days) if a.astimezone(tz).utcoffset() != b.astimezone(tz).utcoffset()]


@settings(max_examples=30, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    year=st.integers(1973, 2045),
    pick=st.integers(0, 10),
    minutes=st.sets(st.integers(0, 59), min_size=1, max_size=4),
    hours=st.sets(st.integers(0, 23), min_size=1, max_size=6) | st.sets(st.integers(0, 3), min_size=1),
    every_hour=st.booleans(),
)
def test_any_zone_and_any_times_against_the_walker(
    zone: str, year: int, pick: int, minutes: set[int], hours: set[int], every_hour: bool
) -> None:
    changes = _changes(zone, year) or [datetime(year, 6, 1, tzinfo=UTC)]
    start = changes[pick % len(changes)] - timedelta(days=1)
    end = start + timedelta(days=3)
    hour_field = "*" if every_hour else ",".join(map(str, sorted(hours)))
    cron = Cron(f"{','.join(map(str, minutes))} {hour_field} * * *", zone)

    def matches(t: datetime) -> bool:
        return t.minute in minutes and (every_hour or t.hour in hours)

    expected = daemon(zone, start, end, matches, fixed=not every_hour)
    assert instants(cron, start, end) == expected
    assert instants_backward(cron, start, end) == expected


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(
        ["UTC", "Europe/Paris", "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "Asia/Gaza"]
    ),
    expression=st.sampled_from(
        [
            "*/7 * * * *",
            "30 2 * * *",
            "0 0 L * *",
            "0 0 * * 5L",
            "@yearly",
            "*/13 30 1-3 * * * *",
            "0 0 29 2 *",
            "5 4 * * 1#1",
        ]
    ),
    us=st.integers(to_us(datetime(1970, 1, 1)), to_us(datetime(2200, 1, 1))),
)
def test_after_and_before_agree(zone: str, expression: str, us: int) -> None:
    cron = Cron(expression, zone)
    after, before = cron.after(us), cron.before(us)
    assert after is not None
    assert before is not None
    assert before < us < after
    # Nothing lies between, whichever way one comes; and at an instant, both are strict.
    inside = cron.before(after)
    assert inside in {before, us}
    assert cron.after(before) == (us if inside == us else after)
    assert cron.before(after + 1) == after
    assert cron.after(before - 1) == before
    assert from_us(after).microsecond == 0
