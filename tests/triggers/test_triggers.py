"""`At`, `Every`, what all triggers share, their stored form, and 0.14's reading of cron strings."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rq_scheduler.clock import to_us
from rq_scheduler.errors import InvalidArgument, InvalidType, SchedulerError
from rq_scheduler.triggers import MAX_US, AnyTrigger, At, Cron, Every, Trigger, legacy_cron

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ANY = [At(NOON), Every(minutes=5), Every(10, anchor=NOON), Cron("30 2 * * *", "Europe/Paris", "both")]


# --- the base ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", [At(NOON), Every(10, anchor=NOON), Cron("@daily")])
def test_naive_datetimes_are_refused(trigger: Trigger) -> None:
    naive = datetime(2026, 1, 1)
    with pytest.raises(InvalidArgument, match="has no time zone"):
        trigger.next_after(naive)
    with pytest.raises(InvalidArgument, match="has no time zone"):
        trigger.last_before(naive)
    with pytest.raises(InvalidArgument, match="has no time zone"):
        trigger.upcoming(3, naive)
    with pytest.raises(InvalidType, match="give an aware datetime"):
        trigger.next_after(1.5)  # type: ignore[arg-type]


def test_answers_are_aware_utc_whatever_zone_was_asked_in() -> None:
    asked = NOON.astimezone(timezone(timedelta(hours=9)))
    for found in (Cron("@daily").next_after(asked), Every(10, anchor=NOON).last_before(asked)):
        assert found is not None
        assert found.tzinfo is UTC


def test_upcoming_starts_from_now_and_agrees_with_next_after() -> None:
    trigger = Every(3600, anchor=NOON)
    now = datetime.now(UTC)
    coming = trigger.upcoming(4)
    assert now < coming[0] <= now + timedelta(hours=1, seconds=30)
    assert coming[1:] == [trigger.next_after(at) for at in coming[:3]]
    assert trigger.upcoming(0) == []
    with pytest.raises(InvalidArgument, match="n=-1 is negative"):
        trigger.upcoming(-1)


def test_require_after_refuses_a_trigger_that_is_over() -> None:
    assert At(NOON).require_after(0) == to_us(NOON)
    with pytest.raises(InvalidArgument, match="would never run"):
        Cron("0 0 1 1 * 2020").require_after(to_us(NOON))


def test_base_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Trigger()  # type: ignore[abstract]


@pytest.mark.parametrize("trigger", ANY)
def test_values(trigger: Trigger) -> None:
    assert copy.copy(trigger) == copy.deepcopy(trigger) == pickle.loads(pickle.dumps(trigger)) == trigger
    assert hash(copy.copy(trigger)) == hash(trigger)
    with pytest.raises(AttributeError):
        trigger.anchor = 5  # type: ignore[attr-defined]


# --- the stored form -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", ANY)
def test_json_round_trip(trigger: Trigger) -> None:
    stored = msgspec.json.encode(trigger)
    assert msgspec.json.decode(stored, type=AnyTrigger) == trigger
    assert msgspec.json.encode(msgspec.json.decode(stored, type=AnyTrigger)) == stored


def test_stored_form_is_what_is_documented() -> None:
    forms = [json.loads(msgspec.json.encode(trigger)) for trigger in ANY]
    assert forms == [
        {"type": "at", "moment": "2026-07-01T12:00:00Z"},
        {"type": "every", "interval": 300_000_000, "anchor": None},
        {"type": "every", "interval": 10_000_000, "anchor": to_us(NOON)},
        {"type": "cron", "expression": "30 2 * * *", "timezone": "Europe/Paris", "day_match": "both"},
    ]


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        ({"type": "every", "interval": 0}, "never moves on"),
        ({"type": "every", "interval": 1.5}, "Expected `int`"),
        ({"type": "cron", "expression": "@daily", "timezone": "Mars/Olympus"}, "no IANA time zone"),
        ({"type": "cron", "expression": "0 0 30 2 *"}, "never fires"),
        ({"type": "at", "moment": "2026-07-01T12:00:00"}, "has no time zone"),
        ({"type": "moon"}, "Invalid value 'moon'"),
    ],
)
def test_stored_nonsense_is_refused_when_read(stored: dict[str, Any], says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.json.decode(json.dumps(stored), type=AnyTrigger)


def test_a_cron_that_is_over_still_loads() -> None:
    cron = msgspec.json.decode(b'{"type": "cron", "expression": "0 0 1 1 * 2020"}', type=AnyTrigger)
    assert cron.next_after(NOON) is None
    assert cron.last_before(NOON) == datetime(2020, 1, 1, tzinfo=UTC)


# --- At ------------------------------------------------------------------------------------------------------------


def test_at_fires_once_to_the_microsecond() -> None:
    at = At(NOON.replace(microsecond=123_457))
    us = to_us(NOON) + 123_457
    assert (at.after(us - 1), at.after(us), at.before(us), at.before(us + 1)) == (us, None, None, us)
    assert at.upcoming(5, NOON) == [NOON.replace(microsecond=123_457)]


@pytest.mark.parametrize("moment", [datetime(1969, 7, 20, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_at_far_away(moment: datetime) -> None:
    assert At(moment).last_before(datetime.max.replace(tzinfo=UTC)) == (moment if moment.year < 9999 else None)
    assert msgspec.json.decode(msgspec.json.encode(At(moment)), type=AnyTrigger) == At(moment)


def test_at_is_the_same_in_every_zone() -> None:
    elsewhere = At(NOON.astimezone(timezone(timedelta(hours=-7))))
    assert elsewhere == At(NOON)
    assert msgspec.json.encode(elsewhere) == msgspec.json.encode(At(NOON))


def test_at_refuses_naive() -> None:
    with pytest.raises(InvalidArgument, match="say which one is meant"):
        At(datetime(2026, 1, 1))
    with pytest.raises(InvalidType):
        At("tomorrow")  # type: ignore[arg-type]


# --- Every ---------------------------------------------------------------------------------------------------------


def test_every_takes_seconds_timedelta_text_and_units() -> None:
    five = Every(300)
    assert (
        five
        == Every(300.0)
        == Every("5m")
        == Every(timedelta(minutes=5))
        == Every(minutes=5)
        == Every(minutes=4, seconds=60)
    )
    assert five.interval == 300_000_000
    assert Every(0.1).interval == 100_000
    assert Every(milliseconds=1).interval == 1_000
    assert Every(weeks=1, days=1, hours=1).interval == (8 * 24 + 1) * 3600 * 1_000_000


def test_every_shows_itself_in_the_units_it_takes() -> None:
    assert repr(Every(minutes=5)) == "Every('300s')"
    assert repr(Every(0.25, anchor=NOON)) == "Every('0.25s', anchor='2026-07-01T12:00:00+00:00')"


def test_every_instants_are_anchor_plus_k_intervals() -> None:
    every = Every(10, anchor=NOON)
    us = to_us(NOON)
    assert every.after(us) == us + 10_000_000
    assert every.after(us - 1) == us
    assert every.before(us) == us - 10_000_000
    assert every.before(us + 1) == us
    assert every.after(us - 25_000_000) == us - 20_000_000


def test_a_hundred_thousand_steps_of_a_tenth_of_a_second_do_not_drift() -> None:
    every = Every(0.1, anchor=NOON)
    us: int | None = to_us(NOON)
    for _ in range(100_000):
        assert us is not None
        us = every.after(us)
    assert us == to_us(NOON) + 10_000 * 1_000_000


@given(
    interval=st.integers(1_000, 10**16),
    anchor=st.integers(-(10**16), 10**16),
    us=st.integers(-(10**16), 10**16),
)
def test_every_after_and_before_agree(interval: int, anchor: int, us: int) -> None:
    every = Every(timedelta(microseconds=interval)).with_anchor(anchor)
    after, before = every.after(us), every.before(us)
    assert after is not None
    assert before is not None
    assert before < us < after
    assert (after - anchor) % interval == (before - anchor) % interval == 0
    assert after - before in {interval, 2 * interval}
    assert (after - before == 2 * interval) == ((us - anchor) % interval == 0)


def test_every_ends_with_the_years() -> None:
    every = Every(days=3650, anchor=NOON)
    assert every.after(MAX_US) is None
    assert every.last_before(datetime.max.replace(tzinfo=UTC)) is not None
    last = every.before(MAX_US + 10**18)
    assert last is not None
    assert every.after(last) is None


def test_every_without_anchor_says_so() -> None:
    with pytest.raises(InvalidArgument, match="has no anchor yet"):
        Every(10).next_after(NOON)
    assert Every(10).with_anchor(to_us(NOON)) == Every(10, anchor=NOON)


@pytest.mark.parametrize(
    ("interval", "says"),
    [
        (0, "never moves on"),
        (-1, "never moves on"),
        (timedelta(seconds=-5), "never moves on"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        (0.0009, "shortest one, a millisecond"),
        (1e30, "over a thousand years"),
        (10**40, "over a thousand years"),
        (True, "not a duration"),
        ("soon", "not a duration"),
        (None, "needs a positive interval"),
        ([5], "give seconds"),
    ],
)
def test_every_refuses(interval: Any, says: str) -> None:
    with pytest.raises(SchedulerError, match=says):
        Every(interval)


@pytest.mark.parametrize(
    ("units", "says"),
    [
        ({"minutes": float("nan")}, "finite numbers"),
        ({"minutes": float("inf")}, "too large"),
        ({"days": 1e12}, "too large"),
        ({"minutes": "3"}, "give numbers"),
        ({"minutes": 0}, "needs a positive interval"),
        ({"every": 5, "minutes": 1}, "gives the interval twice"),
        ({"every": 5, "anchor": datetime(2026, 1, 1)}, "has no time zone"),
    ],
)
def test_every_refuses_units(units: dict[str, Any], says: str) -> None:
    with pytest.raises(SchedulerError, match=says):
        Every(**units)


# --- 0.14's reading ------------------------------------------------------------------------------------------------


def test_legacy_plain_strings_raise_no_warning() -> None:
    for expression in ("*/5 * * * *", "0 0 1 * *", "0 0 * * mon", "@daily", "0 0 0 * * * 2030", "0 0 */2 * mon"):
        cron, warnings = legacy_cron(expression, "Europe/Paris")
        assert warnings == []
        assert cron == Cron(expression, "Europe/Paris", "both")


def test_legacy_both_day_fields_must_match() -> None:
    cron, warnings = legacy_cron("0 0 1-7 * mon", "UTC")
    assert cron.upcoming(2, NOON) == [datetime(2026, 7, 6, tzinfo=UTC), datetime(2026, 8, 3, tzinfo=UTC)]
    assert len(warnings) == 1
    assert 'Cron("0 0 1-7 * mon", timezone="UTC", day_match="both")' in warnings[0]


@pytest.mark.parametrize("year", ["*", "2027", "2027-2029", "*/2"])
def test_legacy_six_fields_end_in_the_year(year: str) -> None:
    cron, warnings = legacy_cron(f"30 2 1 1 * {year}", "UTC")
    assert cron.expression == f"0 30 2 1 1 * {year}"
    assert cron.next_after(NOON) == datetime(2028 if year == "*/2" else 2027, 1, 1, 2, 30, tzinfo=UTC)
    assert len(warnings) == 1
    assert f"'0 30 2 1 1 * {year}'" in warnings[0]
    assert f"'30 2 1 1 * {year} *' if the first is meant as seconds" in warnings[0]


def test_legacy_both_ambiguities_warn_twice() -> None:
    assert len(legacy_cron("0 0 1-7 * mon 2030", "UTC")[1]) == 2


def test_legacy_errors_are_those_of_cron() -> None:
    with pytest.raises(InvalidArgument, match="minute field"):
        legacy_cron("99 * * * *", "UTC")
    with pytest.raises(InvalidArgument, match="no IANA time zone"):
        legacy_cron("@daily", "Nowhere")
