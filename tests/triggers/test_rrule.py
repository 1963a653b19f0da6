"""`RRule`: dateutil as an independent reader of the rules, RFC 5545's own examples, changes of the clock, bad text."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrule, rruleset, rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rq_scheduler.clock import from_us, to_us
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.triggers import MAX_US, MIN_US, RRule
from rq_scheduler.triggers.rrule_calendar import RuleCalendar
from rq_scheduler.triggers.rrule_text import parse

pytestmark = pytest.mark.once

START = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def told(rule: RRule, n: int = 5, after: datetime = START) -> list[str]:
    """The next instants as local times."""
    zone = ZoneInfo(rule.timezone)
    return [at.astimezone(zone).isoformat(timespec="minutes") for at in rule.upcoming(n, after)]


def oracle(text: str, start: datetime) -> Iterator[datetime]:
    """All times of a rule as dateutil has them."""
    made = rrulestr(text, dtstart=start)
    assert isinstance(made, rrule | rruleset)
    return iter(made)


def stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}"


# --- against dateutil ------------------------------------------------------------------------------------------------

RULES = """
    FREQ=YEARLY FREQ=YEARLY;INTERVAL=3 FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29 FREQ=YEARLY;BYMONTH=1,7
    FREQ=YEARLY;BYYEARDAY=1,100,-1 FREQ=YEARLY;BYDAY=20MO FREQ=YEARLY;BYDAY=-1SU FREQ=YEARLY;BYMONTHDAY=-1
    FREQ=YEARLY;BYWEEKNO=1,20;BYDAY=MO,SU FREQ=YEARLY;BYWEEKNO=-1;BYDAY=WE;WKST=SU
    FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8
    FREQ=YEARLY;BYDAY=FR;BYSETPOS=-1
    FREQ=MONTHLY FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=31 FREQ=MONTHLY;BYMONTHDAY=1,15,-1 FREQ=MONTHLY;BYDAY=2MO,-1FR
    FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1,1 FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13
    FREQ=MONTHLY;BYHOUR=9,17;BYMINUTE=0,30 FREQ=MONTHLY;BYDAY=SU;BYHOUR=1,2;BYSETPOS=3
    FREQ=MONTHLY;BYMONTH=2,4;INTERVAL=2
    FREQ=WEEKLY FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU
    FREQ=WEEKLY;BYMONTH=6;BYDAY=TU FREQ=WEEKLY;BYDAY=MO,WE,FR;BYHOUR=6,18;BYSECOND=15
    FREQ=DAILY FREQ=DAILY;INTERVAL=10 FREQ=DAILY;BYMONTH=1;BYDAY=SA FREQ=DAILY;BYMONTHDAY=-2;BYHOUR=3
    FREQ=DAILY;INTERVAL=7;BYMONTHDAY=1 FREQ=DAILY;BYHOUR=1,13;BYMINUTE=5,6;BYSETPOS=2,-1
    FREQ=HOURLY FREQ=HOURLY;INTERVAL=7 FREQ=HOURLY;BYHOUR=9,10,17;BYDAY=MO,FR
    FREQ=HOURLY;INTERVAL=5;BYMONTHDAY=2;BYMINUTE=0,20 FREQ=HOURLY;BYMINUTE=0,10,20;BYSETPOS=-1
    FREQ=HOURLY;INTERVAL=3;BYHOUR=1,4,6,7 FREQ=HOURLY;BYYEARDAY=1,-1 FREQ=HOURLY;INTERVAL=50
    FREQ=MINUTELY FREQ=MINUTELY;INTERVAL=25 FREQ=MINUTELY;INTERVAL=15;BYHOUR=9,10,11;BYDAY=MO,TU
    FREQ=MINUTELY;BYMINUTE=7,8;BYHOUR=3 FREQ=MINUTELY;INTERVAL=1501
    FREQ=MINUTELY;INTERVAL=11;BYSECOND=0,30;BYSETPOS=2 FREQ=MINUTELY;INTERVAL=7;BYMINUTE=0,30
    FREQ=SECONDLY FREQ=SECONDLY;INTERVAL=45;BYMINUTE=0,1 FREQ=SECONDLY;INTERVAL=7;BYSECOND=0,1,2
    FREQ=SECONDLY;BYMONTHDAY=1;BYHOUR=0;BYMINUTE=0
""".split()  # noqa: SIM905 (a table)
STARTS = [datetime(1997, 9, 2, 9, 0, 0), datetime(2024, 2, 29, 23, 59, 59), datetime(2018, 12, 31, 0, 0, 30)]


@pytest.mark.parametrize("rule", RULES)
def test_names_the_times_that_dateutil_names(rule: str) -> None:
    for start in STARTS:
        try:
            expected = list(itertools.islice(oracle(rule, start), 60))
        except ValueError:
            expected = []
        if not expected:  # a combination that this start can never meet
            with pytest.raises(InvalidArgument, match="never fires"):
                RRule(f"DTSTART:{stamp(start)}\nRRULE:{rule}")
            continue
        made = RRule(f"DTSTART:{stamp(start)}\nRRULE:{rule}")
        found = made.upcoming(len(expected), start.replace(tzinfo=UTC) - timedelta(seconds=1))
        assert [at.replace(tzinfo=None) for at in found] == expected
        back: list[datetime] = []
        at = made.last_before(found[-1] + timedelta(seconds=1))
        while at is not None:
            back.append(at)
            at = made.last_before(at)
        assert back[::-1] == found


def _some(least: int, greatest: int, *, most: int = 3) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(least, greatest), min_size=1, max_size=most, unique=True)


def _signed(least: int, greatest: int) -> st.SearchStrategy[list[int]]:
    return _some(least, greatest).flatmap(
        lambda numbers: st.tuples(*(st.sampled_from([n, -n]) for n in numbers)).map(list)
    )


WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Any rule of which dateutil and RFC 5545 say the same."""
    freq = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]))
    parts = [f"FREQ={freq}", f"INTERVAL={draw(st.integers(1, 6) | st.integers(1, 40))}"]

    def maybe(key: str, values: st.SearchStrategy[list[int]]) -> None:
        if draw(st.integers(0, 3)) == 0:
            parts.append(f"{key}={','.join(map(str, draw(values)))}")

    maybe("BYMONTH", _some(1, 12, most=6))
    if freq != "WEEKLY":
        maybe("BYMONTHDAY", _signed(1, 31))
    if freq in {"YEARLY", "HOURLY", "MINUTELY", "SECONDLY"}:
        maybe("BYYEARDAY", _signed(1, 366))
    if draw(st.booleans()):
        days = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4, unique=True))
        number = draw(st.integers(-5, 5)) if freq in {"YEARLY", "MONTHLY"} else 0
        parts.append("BYDAY=" + ",".join(f"{number}{day}" if number else day for day in days))
    maybe("BYHOUR", _some(0, 23))
    maybe("BYMINUTE", _some(0, 59))
    maybe("BYSECOND", _some(0, 59))
    # dateutil takes the first week for a set of its own when it is not whole.
    if freq != "WEEKLY" and any(part.startswith("BY") for part in parts):
        maybe("BYSETPOS", _signed(1, 4))
    if draw(st.booleans()):
        parts.append(f"WKST={draw(st.sampled_from(WEEKDAYS))}")
    return ";".join(parts)


@settings(max_examples=40, deadline=None)
@given(rules(), st.datetimes(datetime(1980, 1, 1), datetime(2040, 1, 1)), st.integers(0, 10**9))
def test_any_rule_names_the_times_that_dateutil_names(rule: str, start: datetime, later: int) -> None:
    start = start.replace(microsecond=0)
    walls = RuleCalendar(parse(f"DTSTART:{stamp(start)} RRULE:{rule}").rules[0], to_us(start) // 10**6)
    # dateutil looks for ever for what never comes: it is asked for what was found, and looks for nothing far away.
    end = start.year + (30 if rule.startswith(("FREQ=YEARLY", "FREQ=MONTHLY", "FREQ=WEEKLY")) else 1)
    found: list[datetime] = []
    wall = walls.at_or_after(-(10**12))
    while wall is not None and len(found) < 12 and from_us(wall * 10**6).year <= end:
        found.append(from_us(wall * 10**6).replace(tzinfo=None))
        wall = walls.at_or_after(wall + 1)
    assume(found)
    assert list(itertools.islice(oracle(rule, start), len(found))) == found
    # Asked in the middle, however far from the start, both ways agree.
    at = to_us(start) // 10**6 + later
    after, before = walls.at_or_after(at), walls.at_or_before(at - 1)
    if after is not None:
        assert after >= at
        assert walls.at_or_before(after) == after
        assert walls.at_or_before(after - 1) == before
    if before is not None:
        assert before < at
        assert walls.at_or_after(before + 1) == after


@pytest.mark.parametrize(
    "rule",
    ["FREQ=SECONDLY", "FREQ=SECONDLY;INTERVAL=7", "FREQ=MINUTELY;INTERVAL=13;BYDAY=MO", "FREQ=HOURLY;INTERVAL=5",
     "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;INTERVAL=3;BYDAY=TU,SA", "FREQ=MONTHLY;INTERVAL=7;BYDAY=-1FR",
     "FREQ=YEARLY;INTERVAL=3;BYDAY=20MO"],
)  # fmt: skip
def test_decades_after_its_start_it_is_in_step_and_cheap(rule: str) -> None:
    start = datetime(1990, 1, 1, 7, 8, 9)
    made = RRule(f"DTSTART:{stamp(start)}\nRRULE:{rule}")
    now = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
    began = time.process_time()
    after, before = made.next_after(now), made.last_before(now)
    assert time.process_time() - began < 0.5
    assert after is not None
    assert before is not None
    # dateutil from a start that is nearer, and in step.
    whole = {"SECONDLY": 7, "MINUTELY": 60 * 13, "HOURLY": 3600 * 5, "DAILY": 86_400 * 3, "WEEKLY": 86_400 * 21}
    freq = rule.split(";")[0].removeprefix("FREQ=")
    if freq in whole:
        margin = timedelta(hours=1) if freq == "SECONDLY" else timedelta(days=30)
        steps = (now.replace(tzinfo=None) - start - margin) // timedelta(seconds=whole[freq])
        start += steps * timedelta(seconds=whole[freq])
    plain = rrulestr(rule, dtstart=start)
    assert after.replace(tzinfo=None) == plain.after(now.replace(tzinfo=None))
    assert before.replace(tzinfo=None) == plain.before(now.replace(tzinfo=None))


SETS = [
    "RRULE:FREQ=WEEKLY;BYDAY=MO\nRDATE:20260120T120000,20260126T090000\nEXDATE:20260202T090000",
    "RRULE:FREQ=DAILY;BYHOUR=9,15\nEXRULE:FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=9,15",
    "RRULE:FREQ=DAILY;COUNT=10\nRRULE:FREQ=HOURLY;INTERVAL=36;COUNT=10",
    "RDATE:20260320T010203\nRDATE:20260220T010203,20260101T000000",
    "RRULE:FREQ=DAILY;UNTIL=20260201T090000\nEXDATE:20260120T090000\nEXDATE:20260121T090000",
    "RRULE:FREQ=MONTHLY;BYMONTHDAY=1,2,3;COUNT=40\nEXRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=2;COUNT=2",
]


@pytest.mark.parametrize("text", SETS)
def test_sets_are_those_of_dateutil(text: str) -> None:
    start = datetime(2026, 1, 10, 9)
    expected = list(itertools.islice(oracle(f"DTSTART:{stamp(start)}\n{text}", start), 50))
    made = RRule(f"DTSTART:{stamp(start)}\n{text}")
    found = made.upcoming(50, datetime(2025, 1, 1, tzinfo=UTC))
    assert [at.replace(tzinfo=None) for at in found] == expected
    assert [made.last_before(b) for b in found[1:]] == found[:-1]


# --- RFC 5545, 3.8.5.3: its examples where they say what the clock shows ---------------------------------------------


@pytest.mark.parametrize(
    ("start", "rule", "expected"),
    [
        ("19970902T090000", "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
         ["1997-01-01", "1997-04-10", "1997-07-19", "2000-01-01", "2000-04-09", "2000-07-18", "2003-01-01"]),
        ("19970512T090000", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", ["1997-05-12", "1998-05-11", "1999-05-17"]),
        ("19970519T090000", "FREQ=YEARLY;BYDAY=20MO", ["1997-05-19", "1998-05-18", "1999-05-17"]),
        ("19970902T090000", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
         ["1998-02-13", "1998-03-13", "1998-11-13", "1999-08-13", "2000-10-13"]),
        ("19970904T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
         ["1997-09-04", "1997-10-07", "1997-11-06"]),
        ("19970929T090000", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
         ["1997-09-29", "1997-10-30", "1997-11-27", "1997-12-30", "1998-01-29", "1998-02-26", "1998-03-30"]),
        ("19970805T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
         ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"]),
        ("19970805T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
         ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"]),
        ("20070115T090000", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
         ["2007-01-15", "2007-01-30", "2007-02-15", "2007-03-15", "2007-03-30"]),
        ("19961105T090000", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
         ["1996-11-05", "2000-11-07", "2004-11-02"]),
    ],
)  # fmt: skip
def test_example_of_rfc_5545(start: str, rule: str, expected: list[str]) -> None:
    made = RRule(f"DTSTART;TZID=America/New_York:{start}\nRRULE:{rule}")
    found = told(made, len(expected), datetime(1996, 1, 1, tzinfo=UTC))
    first = f"{start[:4]}-{start[4:6]}-{start[6:8]}"
    wanted = [day for day in expected if day >= first]
    assert [at[:10] for at in found[: len(wanted)]] == wanted
    assert all(at[11:16] == "09:00" for at in found)


# --- what the text leaves open ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("FREQ=YEARLY", ["2027-01-01T00:00", "2028-01-01T00:00"]),
        ("FREQ=YEARLY;INTERVAL=4", ["2028-01-01T00:00", "2032-01-01T00:00"]),
        ("FREQ=MONTHLY;BYHOUR=9", ["2026-02-01T09:00", "2026-03-01T09:00"]),
        ("FREQ=WEEKLY", ["2026-01-19T00:00", "2026-01-26T00:00"]),
        ("FREQ=YEARLY;BYWEEKNO=20", ["2026-05-11T00:00", "2027-05-17T00:00"]),
        ("FREQ=DAILY;BYHOUR=9;BYMINUTE=30", ["2026-01-16T09:30", "2026-01-17T09:30"]),
        ("FREQ=HOURLY;INTERVAL=6", ["2026-01-15T12:00", "2026-01-15T18:00"]),
        ("FREQ=MINUTELY;INTERVAL=20", ["2026-01-15T10:40", "2026-01-15T11:00"]),
    ],
)
def test_without_dtstart_it_counts_from_a_monday_that_began_a_year(rule: str, expected: list[str]) -> None:
    assert [at[:16] for at in told(RRule(rule), 2)] == expected


def test_weeks_take_the_weekday_of_dtstart() -> None:
    made = RRule("DTSTART:20260107T090000 RRULE:FREQ=YEARLY;BYWEEKNO=10")
    assert told(made, 2) == ["2026-03-04T09:00+00:00", "2027-03-10T09:00+00:00"]


def test_weeks_are_numbered_as_iso_8601_does() -> None:
    for week in (1, 2, 52, 53):
        made = RRule(f"DTSTART:19700101T000000 RRULE:FREQ=YEARLY;BYWEEKNO={week};BYDAY=MO,TU,WE,TH,FR,SA,SU")
        day, expected = datetime(1970, 1, 1, tzinfo=UTC), []
        while len(expected) < 300:
            if day.isocalendar().week == week:
                expected.append(day)
            day += timedelta(days=1)
        assert made.upcoming(300, datetime(1969, 1, 1, tzinfo=UTC)) == expected


def test_weekdays_with_and_without_a_number_are_a_union() -> None:
    made = RRule("FREQ=MONTHLY;BYDAY=1MO,SU")
    assert [at[5:10] for at in told(made, 6)] == ["01-18", "01-25", "02-01", "02-02", "02-08", "02-15"]


def test_a_date_without_time_means_the_whole_day() -> None:
    until = RRule("DTSTART:20260110T090000 RRULE:FREQ=HOURLY;INTERVAL=8;UNTIL=20260116")
    assert told(until, 9)[-1] == "2026-01-16T17:00+00:00"
    excluded = RRule("DTSTART:20260110T090000 RRULE:FREQ=DAILY;BYHOUR=9,17 EXDATE;VALUE=DATE:20260116")
    assert [at[5:16] for at in told(excluded, 3)] == ["01-15T17:00", "01-17T09:00", "01-17T17:00"]
    added = RRule("DTSTART:20260110T090000 RDATE;VALUE=DATE:20260120,20260131")
    assert told(added) == ["2026-01-20T09:00+00:00", "2026-01-31T09:00+00:00"]


def test_dtstart_is_an_instant_only_if_the_rule_names_it() -> None:
    made = RRule("DTSTART:20260116T090000 RRULE:FREQ=WEEKLY;BYDAY=MO")
    assert told(made, 1) == ["2026-01-19T09:00+00:00"]


def test_count_ends_it_and_counts_from_dtstart() -> None:
    made = RRule("DTSTART:20260114T090000 RRULE:FREQ=DAILY;COUNT=4")
    assert [at[:10] for at in told(made, 9)] == ["2026-01-16", "2026-01-17"]
    assert made.last_before(datetime(2030, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 17, 9, tzinfo=UTC)


def test_until_in_utc_is_an_instant() -> None:
    made = RRule("DTSTART;TZID=America/New_York:20260114T190000 RRULE:FREQ=DAILY;UNTIL=20260117T000000Z")
    assert told(made, 9) == ["2026-01-15T19:00-05:00", "2026-01-16T19:00-05:00"]
    # In the hour that is shown twice, the first time only.
    hourly = RRule("DTSTART;TZID=Europe/Paris:20261025T000000 RRULE:FREQ=MINUTELY;INTERVAL=30;UNTIL=20261025T003000Z")
    assert hourly.last_before(datetime(2030, 1, 1, tzinfo=UTC)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_single_moments_in_utc() -> None:
    made = RRule(
        "DTSTART;TZID=Europe/Paris:20261024T023000 RRULE:FREQ=DAILY;COUNT=3 "
        "RDATE:20261025T013000Z EXDATE:20261026T013000Z"
    )
    assert told(made) == ["2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"]
    assert made.last_before(datetime(2030, 1, 1, tzinfo=UTC)) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


# --- changes of the clock --------------------------------------------------------------------------------------------


def day_of(rule: RRule, day: str) -> list[str]:
    since = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=1)
    return [at[11:] for at in told(rule, 400, since) if at[:10] == day]


@pytest.mark.parametrize(
    ("rule", "zone", "day", "expected"),
    [
        ("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Europe/Paris", "2026-03-29", ["03:00+02:00"]),
        ("FREQ=DAILY;BYHOUR=2;BYMINUTE=0,30", "Europe/Paris", "2026-03-29", ["03:00+02:00"]),
        ("FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0", "Europe/Paris", "2026-03-29", ["03:00+02:00"]),
        ("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Europe/Paris", "2026-10-25", ["02:30+02:00"]),
        ("FREQ=WEEKLY;BYDAY=SU;BYHOUR=2", "America/New_York", "2026-03-08", ["03:00-04:00"]),
        ("FREQ=DAILY;BYHOUR=2;BYMINUTE=15", "Australia/Lord_Howe", "2026-10-04", ["02:30+11:00"]),
        ("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Antarctica/Troll", "2026-03-29", ["03:00+02:00"]),
        ("FREQ=DAILY;BYHOUR=12", "Pacific/Apia", "2011-12-31", ["00:00+14:00", "12:00+14:00"]),
        ("FREQ=DAILY", "America/Sao_Paulo", "2018-11-04", ["01:00-02:00"]),
        ("FREQ=HOURLY;BYHOUR=1,2,3;BYMINUTE=30", "Europe/Paris", "2026-03-29", ["01:30+01:00", "03:30+02:00"]),
        ("FREQ=HOURLY;BYHOUR=1,2,3;BYMINUTE=30", "Europe/Paris", "2026-10-25",
         ["01:30+02:00", "02:30+02:00", "02:30+01:00", "03:30+01:00"]),
        ("FREQ=HOURLY;INTERVAL=2;BYHOUR=0,2,4", "Europe/Paris", "2026-10-25",
         ["00:00+02:00", "02:00+02:00", "02:00+01:00", "04:00+01:00"]),
    ],
)  # fmt: skip
def test_when_the_clock_changes(rule: str, zone: str, day: str, expected: list[str]) -> None:
    assert day_of(RRule(rule, zone), day) == expected


def test_quarters_of_an_hour_go_on_by_elapsed_time() -> None:
    rule = RRule("FREQ=MINUTELY;INTERVAL=15", "Europe/Paris")
    assert len(day_of(rule, "2026-03-29")) == 96 - 4
    assert len(day_of(rule, "2026-10-25")) == 96 + 4


def test_rules_of_both_kinds_and_single_dates_in_one_text() -> None:
    rule = RRule(
        "DTSTART;TZID=Europe/Paris:20261001T000000 RRULE:FREQ=DAILY;BYHOUR=2;BYMINUTE=30 "
        "RRULE:FREQ=HOURLY;BYHOUR=2;BYMINUTE=30 RDATE:20261025T023000,20261025T050000"
    )
    assert day_of(rule, "2026-10-25") == ["02:30+02:00", "02:30+01:00", "05:00+01:00"]


# --- zones and the stored form ---------------------------------------------------------------------------------------


def test_the_zone_of_dtstart_is_the_zone() -> None:
    made = RRule("DTSTART;TZID=Europe/Paris:20260101T090000\nRRULE:FREQ=DAILY")
    assert made == RRule("DTSTART:20260101T090000\nRRULE:FREQ=DAILY", timezone=ZoneInfo("Europe/Paris"))
    assert made == RRule("dtstart;tzid=Europe/Paris:20260101T090000\r\nrrule:freq=daily\r\n", "Europe/Paris")
    assert (made.text, made.timezone) == ("DTSTART:20260101T090000\nRRULE:FREQ=DAILY", "Europe/Paris")
    assert made.zone_names == {"Europe/Paris"}
    assert repr(made) == r"RRule(text='DTSTART:20260101T090000\nRRULE:FREQ=DAILY', timezone='Europe/Paris')"
    utc = RRule("DTSTART:20260101T090000Z RRULE:FREQ=DAILY")
    assert (utc.text, utc.timezone) == ("DTSTART:20260101T090000\nRRULE:FREQ=DAILY", "UTC")


def test_folded_and_indented_text() -> None:
    made = RRule("""
        DTSTART:20260101T090000
        RRULE:FREQ=MONTHLY;
         BYDAY=1MO
        EXDATE:20260202T090000,
         20260302T090000
    """)
    assert made.text == "DTSTART:20260101T090000\nRRULE:FREQ=MONTHLY;BYDAY=1MO\nEXDATE:20260202T090000,20260302T090000"
    assert RRule("FREQ=DAILY") == RRule("RRULE:FREQ=DAILY;") == RRule(" rrule:freq=daily ")


def test_two_zones_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="'Asia/Tokyo' is another zone: leave timezone out"):
        RRule("DTSTART;TZID=Europe/Paris:20260101T090000 RRULE:FREQ=DAILY", "Asia/Tokyo")
    with pytest.raises(InvalidArgument, match="counts in UTC, and timezone='Asia/Tokyo'"):
        RRule("DTSTART:20260101T090000Z RRULE:FREQ=DAILY", "Asia/Tokyo")
    with pytest.raises(InvalidArgument, match="ends in Z, which is UTC"):
        RRule("DTSTART;TZID=Europe/Paris:20260101T090000Z RRULE:FREQ=DAILY")
    with pytest.raises(InvalidArgument, match="EXDATE has TZID=Asia/Tokyo where Europe/Paris was named"):
        RRule("DTSTART;TZID=Europe/Paris:20260101T090000 RRULE:FREQ=DAILY EXDATE;TZID=Asia/Tokyo:20260102T090000")
    with pytest.raises(InvalidArgument, match="did you mean 'Europe/Paris'"):
        RRule("DTSTART;TZID=Europe/Pariss:20260101T090000 RRULE:FREQ=DAILY")


# --- bad text --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty"),
        ("every day", "'EVERYDAY' is no part of RRULE known here"),
        ("FREQ=FORTNIGHTLY", "FREQ=FORTNIGHTLY is none of YEARLY"),
        ("INTERVAL=2", "has no FREQ"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ is there twice"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0 is not a number from 1"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL=-1 is not a number from 1"),
        ("FREQ=DAILY;INTERVAL=", "INTERVAL has no value"),
        ("FREQ=DAILY;BYHOUR=9,24", "BYHOUR=24 is not a number from 0 to 23"),
        ("FREQ=DAILY;BYHOUR=-1", "BYHOUR=-1 is not a number"),
        ("FREQ=DAILY;BYHOUR=", "BYHOUR has no value"),
        ("FREQ=DAILY;BYSECOND=60", "BYSECOND=60 is not a number from 0 to 59"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY=0 is not a number from 1 to 31 or -31 to -1"),
        ("FREQ=MONTHLY;BYMONTHDAY=--1", "BYMONTHDAY=--1 is not a number"),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY=XX is not understood"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY=0MO is not understood"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY=1MO has numbers"),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "BYDAY=1MO has numbers"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO does not go with FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY does not go with FREQ=WEEKLY"),
        ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY does not go with FREQ=DAILY"),
        ("FREQ=DAILY;BYEASTER=0", "'BYEASTER' is no part"),
        ("FREQ=DAILY;WKST=1", "WKST=1 is none of MO"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL has 'TOMORROW', which is no moment"),
        ("FREQ=DAILY;UNTIL=20260230T000000", "UNTIL has '20260230T000000', which is no moment"),
        ("FREQ=DAILY;COUNT=5", "COUNT=5 without DTSTART"),
        ("DTSTART:20260101T000000 RRULE:FREQ=DAILY;COUNT=5;UNTIL=20270101T000000", "COUNT and UNTIL are both there"),
        ("DTSTART:20260101T000000 RRULE:FREQ=DAILY;COUNT=1000000", "COUNT=1000000 is not a number from 1 to 100000"),
        ("DTSTART:20260101T000000", "neither RRULE nor RDATE"),
        ("DTSTART:20260101T250000 RRULE:FREQ=DAILY", "which is no moment"),
        ("DTSTART:20260101T000000,20260102T000000 RRULE:FREQ=DAILY", "names several moments"),
        ("DTSTART:20260101T000000 DTSTART:20260101T000000 RRULE:FREQ=DAILY", "DTSTART is there twice"),
        ("DTSTART;VALUE=PERIOD:20260101T000000 RRULE:FREQ=DAILY", "the parameter 'VALUE=PERIOD'"),
        ("RRULE;X=1:FREQ=DAILY", "takes no parameter"),
        ("RRULE: ", "RRULE has no value"),
        ("BEGIN:VEVENT", "the lines are DTSTART, RRULE, RDATE, EXDATE and EXRULE"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never fires"),
        ("FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", "never fires"),
        ("FREQ=SECONDLY;INTERVAL=2;BYSECOND=1", "never fires"),
        ("FREQ=MONTHLY;BYDAY=6MO", "never fires"),
        ("FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=2", "never fires"),
        ("DTSTART:20260101T000000 RRULE:FREQ=DAILY;UNTIL=20251231T000000", "never fires"),
        ("DTSTART:20260101T000000 RRULE:FREQ=DAILY;COUNT=2 EXDATE:20260101,20260102", "never fires"),
    ],
)  # fmt: skip
def test_refused_with_what_is_wrong(text: str, says: str) -> None:
    began = time.process_time()
    with pytest.raises(InvalidArgument) as refused:
        RRule(text)
    assert says in str(refused.value)
    assert time.process_time() - began < 5


def test_only_skipped_times_never_fire() -> None:
    with pytest.raises(InvalidArgument, match="at a time that exists in Europe/Paris"):
        RRule(
            "DTSTART:20260101T000000 RRULE:FREQ=HOURLY;BYMONTH=3;BYDAY=SU;BYMONTHDAY=29;BYHOUR=2;UNTIL=20261231",
            "Europe/Paris",
        )


def test_wrong_types() -> None:
    with pytest.raises(InvalidType, match="is text such as"):
        RRule(5)  # type: ignore[arg-type]
    with pytest.raises(InvalidType, match="give an IANA name"):
        RRule("FREQ=DAILY", 3600)  # type: ignore[arg-type]


def test_a_rule_that_is_over_still_loads_and_is_refused_where_it_is_new() -> None:
    made = RRule("DTSTART:20200101T000000 RRULE:FREQ=DAILY;COUNT=5")
    assert made.next_after(START) is None
    with pytest.raises(InvalidArgument, match="would never run"):
        made.require_after(to_us(START))


def test_ends_with_the_years() -> None:
    for rule in ("FREQ=YEARLY", "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=WEEKLY", "FREQ=DAILY", "FREQ=MINUTELY;INTERVAL=7"):
        made = RRule(rule, "America/New_York")
        last = made.before(MAX_US + 10**15)
        assert last is not None
        assert from_us(last).year == 9999
        assert made.after(last) is None
        first = made.after(MIN_US - 10**15)
        assert first is not None
        assert from_us(first).year == 1968
        assert made.before(first) is None
