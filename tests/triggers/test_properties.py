"""Laws that hold for every kind of trigger, whatever it names: order, agreement of both directions, one stored form."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rq_scheduler.clock import from_us, to_us
from rq_scheduler.serialization import decode, encode, from_builtins, to_builtins
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
    Trigger,
)

pytestmark = pytest.mark.once

ZONES = [
    "UTC",
    "Europe/Paris",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
    "America/St_Johns",
    "Asia/Gaza",
]
CRONS = [
    "*/7 * * * *",
    "30 2 * * *",
    "0 0 L * *",
    "0 9 * * 5L",
    "@yearly",
    "*/13 30 1-3 * * * *",
    "0 0 29 2 *",
    "15 1,2 * * sun",
]
RULES = [
    "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "FREQ=HOURLY;BYMINUTE=0,20", "FREQ=MINUTELY;INTERVAL=25;BYDAY=SA,SU",
    "FREQ=SECONDLY;INTERVAL=11",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;BYHOUR=1,2", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=YEARLY;BYMONTHDAY=29;BYMONTH=2",
    "DTSTART:20100314T023000 RRULE:FREQ=DAILY;COUNT=500 RDATE:20111230T120000,20301027T003000Z EXDATE:20110101",
    "DTSTART:20100101T000000 RRULE:FREQ=HOURLY;INTERVAL=5;UNTIL=20401231T000000Z EXRULE:FREQ=DAILY;BYHOUR=0,5",
]  # fmt: skip
FIRST, LAST = to_us(datetime(2005, 1, 1)), to_us(datetime(2050, 1, 1))

instants = st.integers(FIRST, LAST)
# About changes of the clock: the hours around the last Sunday of March and of October, and Apia's lost day.
turns = st.builds(
    lambda day, us: to_us(day) + us,
    st.sampled_from(
        [
            datetime(2026, 3, 29),
            datetime(2026, 10, 25),
            datetime(2011, 12, 30),
            datetime(2026, 4, 4, 15),
            datetime(2026, 10, 3, 15),
        ]
    ),
    st.integers(-6 * 3600 * 10**6, 6 * 3600 * 10**6),
)
moments = instants | turns
zones = st.sampled_from(ZONES)
crons = st.builds(Cron, st.sampled_from(CRONS), zones)
rules = st.builds(RRule, st.sampled_from(RULES), zones)
everies = st.builds(
    lambda us, anchor: Every(timedelta(microseconds=us), anchor=from_us(anchor)),
    st.integers(1_000, 10**9) | st.integers(1_000, 10**14),
    instants,
)
ats = st.builds(lambda us: At(from_us(us)), moments)
single: st.SearchStrategy[Trigger] = st.one_of(ats, everies, crons, rules)
triggers: st.SearchStrategy[Trigger] = single | st.lists(single, min_size=1, max_size=4).map(lambda some: AnyOf(*some))


@settings(max_examples=300, deadline=None)
@given(triggers, moments)
def test_both_directions_agree(trigger: Trigger, us: int) -> None:
    after, before = trigger.after(us), trigger.before(us)
    if after is not None:
        assert after > us
        # Nothing lies between, whichever way one comes; and at an instant, both are strict.
        assert trigger.before(after + 1) == after
        assert trigger.after(after - 1) == after
        assert trigger.before(after) in {before, us}
    if before is not None:
        assert before < us
        assert trigger.after(before - 1) == before
        assert trigger.before(before + 1) == before
        assert trigger.after(before) in {after, us}
    is_instant = trigger.after(us - 1) == us
    assert (trigger.before(us + 1) == us) == is_instant


@settings(max_examples=200, deadline=None)
@given(triggers, moments)
def test_instants_strictly_increase_and_every_way_to_ask_agrees(trigger: Trigger, us: int) -> None:
    moment = from_us(us)
    coming = trigger.upcoming(30, moment)
    assert all(one < other for one, other in pairwise([moment, *coming]))
    asked = moment
    for at in coming:
        assert trigger.next_after(asked) == at
        asked = at
    if len(coming) < 30:
        assert trigger.next_after(asked) is None
    # A restart at any point, from what is stored: the rest is the same, and no instant comes again.
    again = decode(encode(trigger), AnyTrigger)
    for point in (1, len(coming) // 2, len(coming) - 1):
        if 0 < point < len(coming):
            assert again.upcoming(len(coming) - point, coming[point - 1]) == coming[point:]
    if coming:
        assert [trigger.last_before(at) for at in coming[1:]] == coming[:-1]


@settings(max_examples=100, deadline=None)
@given(st.lists(single, min_size=1, max_size=4), moments)
def test_any_of_is_the_union(some: list[Trigger], us: int) -> None:
    moment = from_us(us)
    union = sorted({at for trigger in some for at in trigger.upcoming(20, moment)})
    assert AnyOf(*some).upcoming(20, moment) == union[:20]


@settings(max_examples=100, deadline=None)
@given(triggers)
def test_every_form_of_a_trigger_is_the_trigger(trigger: Trigger) -> None:
    stored = encode(trigger)
    forms = [
        decode(stored, AnyTrigger),
        from_builtins(to_builtins(trigger), AnyTrigger),
        pickle.loads(pickle.dumps(trigger)),
        copy.copy(trigger),
        copy.deepcopy(trigger),
        trigger.anchored(0),
    ]
    for form in forms:
        assert form == trigger
        assert hash(form) == hash(trigger)
        assert encode(form) == stored


@pytest.mark.parametrize(
    "exclusion",
    [
        Dates("2026-12-25", "2026-01-01"),
        Dates("2026-12-25", timezone="Asia/Tokyo"),
        Holidays("FR"),
        Holidays("DE", "BY", "Europe/Berlin"),
    ],
    ids=repr,
)
def test_every_form_of_an_exclusion_is_the_exclusion(exclusion: AnyExclusion) -> None:
    stored = encode(exclusion)
    for form in (
        decode(stored, AnyExclusion),
        from_builtins(to_builtins(exclusion), AnyExclusion),
        pickle.loads(pickle.dumps(exclusion)),
        copy.deepcopy(exclusion),
    ):
        assert form == exclusion
        assert hash(form) == hash(exclusion)
        assert encode(form) == stored


@settings(max_examples=60, deadline=None)
@given(triggers)
def test_the_ends_of_time_are_answered(trigger: Trigger) -> None:
    for us in (MIN_US - 10**15, MIN_US, MAX_US, MAX_US + 10**15):
        for found in (trigger.after(us), trigger.before(us)):
            assert found is None or MIN_US <= found <= MAX_US
    assert trigger.after(MAX_US) is None
    assert trigger.before(MIN_US) is None


def test_answers_do_not_depend_on_the_zone_of_the_question() -> None:
    cron = Cron("30 2 * * *", "Europe/Paris")
    asked = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert cron.next_after(asked) == cron.next_after(asked.astimezone()) == datetime(2026, 3, 29, 1, tzinfo=UTC)
