"""The work budget of triggers: counted in candidates, so that it is the same everywhere, and never in seconds."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rq_scheduler.clock import to_us
from rq_scheduler.errors import InvalidArgument, TriggerTooCostly
from rq_scheduler.model import Schedule, Spec, decode_spec
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.planning import MAX_COUNTED, MAX_WORK_TO_COUNT, plan
from rq_scheduler.triggers import AnyOf, AnyTrigger, At, Cron, Dates, Every, Holidays, RRule
from rq_scheduler.triggers import rrule as rrule_module
from rq_scheduler.triggers.work import MAX_WORK, WORK_PER_INSTANT, Work

pytestmark = pytest.mark.once

NOW = datetime(2026, 11, 29, tzinfo=UTC)
NOW_US = to_us(NOW)
HOURS = "BYHOUR=" + ",".join(map(str, range(24)))
MINUTES = "BYMINUTE=" + ",".join(map(str, range(60)))
SECONDS = "BYSECOND=" + ",".join(map(str, range(60)))
ALL_DAYS = "BYDAY=MO,TU,WE,TH,FR,SA,SU"
YEAR = timedelta(days=365)


def work_of(trigger: AnyTrigger, instants: int, after: datetime = NOW) -> int:
    """Candidates that so many instants cost."""
    with Work(trigger, 10**9) as work:
        us = to_us(after)
        for _ in range(instants):
            found = trigger.after(us)
            if found is None:
                break
            us = found
    return work.done


def stored(trigger: dict[str, Any]) -> Spec | None:
    """A spec as it stands in its record."""
    return decode_spec(json.dumps({"format": 1, "trigger": trigger}).encode())


def days_from(first: datetime, count: int, *, but_each: int = 10**6) -> Dates:
    return Dates(*(first.date() + timedelta(days=n) for n in range(count) if n % but_each))


ORDINARY: list[AnyTrigger] = [
    RRule("FREQ=DAILY;BYHOUR=9"),
    RRule("FREQ=WEEKLY;BYDAY=MO,WE,FR;BYHOUR=9", "Europe/Paris"),
    RRule("FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18"),
    RRule("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),
    RRule("FREQ=YEARLY"),
    RRule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"),
    RRule("FREQ=YEARLY;BYDAY=20MO"),
    RRule("FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),
    RRule("FREQ=MINUTELY;INTERVAL=15;BYHOUR=9,10,11,12"),
    RRule("FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9\nEXRULE:FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24,25,26;BYHOUR=9"),
    RRule("DTSTART:20260101T090000\nRRULE:FREQ=DAILY;COUNT=1000"),
    RRule("FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR"),
    Cron("0 9 * * MON#2", "Europe/Paris"),
    Cron("0 0 29 2 *"),
    AnyOf(*(Cron(f"{minute} 9-17 * * mon-fri", "Europe/Paris") for minute in range(50))),
    AnyOf(*(RRule(f"FREQ=WEEKLY;BYDAY=MO;BYHOUR={n % 24};BYMINUTE={n}") for n in range(50))),
]


class TestOrdinary:
    @pytest.mark.parametrize("trigger", ORDINARY, ids=str)
    def test_comes_nowhere_near(self, trigger: AnyTrigger) -> None:
        assert work_of(trigger, 1) < MAX_WORK / 100
        assert work_of(trigger, 100) < 100 * WORK_PER_INSTANT / 2
        assert len(trigger.upcoming(1000, NOW)) in {1000, 668}  # COUNT ends one

    def test_exclusions(self) -> None:
        options = {"exclude": (Holidays("FR"), Holidays("DE", "BY"), days_from(NOW, 30)), "jitter": "5m"}
        for excluded in ("skip", "next_day", "previous_day"):
            made = Occurrences("x", Schedule("x", Cron("*/5 9-17 * * *"), "a.b", excluded=excluded, **options))
            us = NOW_US
            for _ in range(100):
                us = made.after(us) or 0
            assert made.work < MAX_WORK / 4


REFUSED_TEXTS = [
    "DTSTART:20260101T000000\n" + "\n".join(f"RRULE:FREQ=SECONDLY;BYSECOND={n};COUNT=100000" for n in range(20)),
    f"FREQ=SECONDLY\nEXRULE:FREQ=DAILY;{HOURS};{MINUTES};{SECONDS}",
    "FREQ=SECONDLY;INTERVAL=999983;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3;BYMINUTE=3;BYSECOND=3",
]


class TestTooMuch:
    @pytest.mark.parametrize("text", REFUSED_TEXTS, ids=["counts", "all excluded", "never met"])
    def test_a_rule_is_refused_when_it_is_made(self, text: str) -> None:
        with pytest.raises(TriggerTooCostly, match="name days and times that come often"):
            RRule(text)

    def test_what_is_found_late_is_refused_when_it_is_asked(self) -> None:
        rare = RRule("FREQ=SECONDLY;INTERVAL=86399;BYHOUR=3;BYMINUTE=3;BYSECOND=3")
        assert rare.next_after(NOW) is not None
        assert work_of(rare, 1, datetime(2099, 3, 1, tzinfo=UTC)) > 10_000
        with pytest.raises(TriggerTooCostly, match="ask for fewer instants"):
            rare.upcoming(1000, NOW)

    def test_moved_over_years(self) -> None:
        schedule = Schedule(
            "x", Every(0.001, anchor=NOW), "a.b", exclude=days_from(NOW, 12_000, but_each=366), excluded="next_day"
        )
        with pytest.raises(TriggerTooCostly):
            schedule.upcoming(1000, NOW + timedelta(days=1))

    @pytest.mark.parametrize("call", ["next_after", "last_before"])
    def test_public_calls_count(self, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rq_scheduler.triggers.base.Work", lambda of: Work(of, 100))
        hours = ",".join(map(str, range(23)))
        with pytest.raises(TriggerTooCostly):
            getattr(RRule(f"FREQ=MINUTELY\nEXRULE:FREQ=MINUTELY;BYHOUR={hours}"), call)(NOW + timedelta(hours=22))

    def test_too_many_parts(self) -> None:
        AnyOf(*[Cron("0 9 * * *")] * 50)
        with pytest.raises(InvalidArgument, match="AnyOf has 51 triggers, more than 50"):
            AnyOf(AnyOf(*[Cron("0 9 * * *")] * 50), At(NOW))

    def test_too_long_a_text(self) -> None:
        with pytest.raises(InvalidArgument, match="characters, more than 32,768"):
            RRule("RDATE:" + ",".join(["20260101T090000"] * 3000))
        with pytest.raises(InvalidArgument, match="characters, more than 2,000"):
            Cron("0," * 1500 + "0 9 * * *")


class TestWhatIsStored:
    """It was accepted once, and goes on."""

    TEXT = "DTSTART:20260101T090000\nRRULE:FREQ=WEEKLY;COUNT=100000"

    def test_may_be_what_a_new_one_may_not(self) -> None:
        at = {"type": "at", "moment": "2030-01-01T00:00:00Z"}
        parts = {"type": "any_of", "triggers": [at] * 60}
        spec = stored(parts)
        assert spec is not None
        found = spec.trigger
        assert isinstance(found, AnyOf)
        assert len(found.in_zone("Europe/Paris").triggers) == 60
        assert stored({"type": "cron", "expression": "0," * 1500 + "0 9 * * *"})

    def test_is_no_way_for_a_new_one(self) -> None:
        """A text that this process has read is refused as it is by one that has not, and goes on where it is stored,
        also once it is no longer remembered."""
        spec = stored({"type": "rrule", "text": self.TEXT})
        with pytest.raises(TriggerTooCostly):
            RRule(self.TEXT)
        rrule_module._series.cache_clear()  # pyright: ignore[reportPrivateUsage]
        assert spec is not None
        assert Occurrences("x", spec).after(NOW_US) == to_us(datetime(2026, 12, 3, 9, tzinfo=UTC))


class TestNoLongerCostly:
    """What took seconds of CPU a time, and is now looked up without writing out a year of seconds."""

    @pytest.mark.parametrize(
        ("text", "most"),
        [
            (f"FREQ=YEARLY;{ALL_DAYS};{HOURS};{MINUTES};BYSETPOS=-366", 200_000),
            (f"FREQ=YEARLY;{ALL_DAYS};{HOURS};{MINUTES};{SECONDS};BYSETPOS=-366", 200_000),
            (f"FREQ=DAILY;{HOURS};{MINUTES};{SECONDS}", 10_000),
            (f"FREQ=HOURLY;{MINUTES};{SECONDS}", 10_000),
            ("FREQ=SECONDLY;BYDAY=WE;BYHOUR=23", 10_000),
        ],
        ids=["the issue's", "seconds of a year", "seconds of a day", "seconds of an hour", "seconds of an hour a week"],
    )
    def test_a_preview_of_a_thousand(self, text: str, most: int) -> None:
        assert work_of(RRule(text), 1000) < most
        assert len(RRule(text).upcoming(1000, NOW)) == 1000

    def test_the_position_is_the_same(self) -> None:
        rule = RRule(f"FREQ=YEARLY;{ALL_DAYS};{HOURS};{MINUTES};BYSETPOS=-366")
        assert rule.next_after(NOW) == datetime(2026, 12, 31, 17, 54, tzinfo=UTC)

    def test_a_high_count(self) -> None:
        rule = RRule("DTSTART:20260101T000000\nRRULE:FREQ=MINUTELY;BYHOUR=9,10;COUNT=100000")
        assert rule.last_before(datetime(9000, 1, 1, tzinfo=UTC)) == datetime(2028, 4, 13, 9, 39, tzinfo=UTC)


class TestCounting:
    @settings(deadline=None, max_examples=30)
    @given(st.sampled_from(ORDINARY), st.integers(0, 50 * 365))
    def test_does_not_depend_on_what_was_asked_before(self, trigger: AnyTrigger, days: int) -> None:
        """Caches, which other searches fill or empty, do not count."""
        at = NOW + timedelta(days=days)
        rrule_module._series.cache_clear()  # pyright: ignore[reportPrivateUsage]
        first = work_of(trigger, 20, at)
        assert work_of(trigger, 20, at) == first

    def test_that_of_an_outage_is_bounded(self) -> None:
        """Beyond so much work the count of missed instants is a lower bound, and the newest one is found all the
        same."""
        parts = [RRule(f"FREQ=MINUTELY;BYSECOND={n}") for n in range(50)]
        spec = Schedule("x", AnyOf(*parts), "a.b").spec
        late = NOW_US + 10**6 * 86_400
        made = plan("x", spec, NOW_US, late)
        assert made.fires
        assert made.fires[0].nominal == late
        assert made.missed is not None
        assert made.missed.at_least
        assert MAX_COUNTED * 100 > MAX_WORK_TO_COUNT, "or it would count to its end"

    def test_an_instant_grants_more(self) -> None:
        with Work("x", 10) as work:
            work.most += WORK_PER_INSTANT
            work.spend(WORK_PER_INSTANT)
            work.spend_once("a", 10)
            work.spend_once("a", 10)
            with pytest.raises(TriggerTooCostly, match="1,011 times and days were looked at"):
                work.spend(1)

    def test_dates_are_looked_up(self) -> None:
        off = Dates(*(date(2026, 1, 1) + timedelta(days=n) for n in range(0, 20_000, 2)))
        assert off.excluded_day(to_us(datetime(2026, 1, 3, 5, tzinfo=UTC)), "UTC") is not None
        assert off.excluded_day(to_us(datetime(2026, 1, 4, 5, tzinfo=UTC)), "UTC") is None
