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
from rq_scheduler.serialization import decode, encode, from_builtins, to_builtins
from rq_scheduler.triggers import MAX_US, AnyOf, AnyTrigger, At, Cron, Every, RRule, Trigger, legacy_cron

pytestmark = pytest.mark.once

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ANY = [
    At(NOON),
    Every(minutes=5),
    Every(10, anchor=NOON),
    Cron("30 2 * * *", "Europe/Paris", "both"),
    RRule("DTSTART;TZID=Europe/Paris:20260101T023000 RRULE:FREQ=DAILY EXDATE:20260102T023000"),
    AnyOf(At(NOON), Every(10, anchor=NOON), RRule("FREQ=DAILY")),
]
KINDS = ["at", "every", "every-anchored", "cron", "rrule", "any-of"]


# --- the base ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", [ANY[0], *ANY[2:]], ids=[KINDS[0], *KINDS[2:]])
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


@pytest.mark.parametrize("trigger", ANY, ids=KINDS)
def test_values(trigger: Trigger) -> None:
    assert copy.copy(trigger) == copy.deepcopy(trigger) == pickle.loads(pickle.dumps(trigger)) == trigger
    assert hash(copy.copy(trigger)) == hash(trigger)
    with pytest.raises(AttributeError):
        trigger.anchor = 5  # type: ignore[attr-defined]


# --- the stored form -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", ANY, ids=KINDS)
def test_json_round_trip(trigger: Trigger) -> None:
    stored = encode(trigger)
    assert decode(stored, AnyTrigger) == trigger
    assert encode(decode(stored, AnyTrigger)) == stored
    assert from_builtins(to_builtins(trigger), AnyTrigger) == trigger


def test_stored_form_is_what_is_documented() -> None:
    forms = [json.loads(encode(trigger)) for trigger in ANY]
    assert forms == [
        {"type": "at", "moment": "2026-07-01T12:00:00Z"},
        {"type": "every", "interval": "300s", "anchor": None},
        {"type": "every", "interval": "10s", "anchor": "2026-07-01T12:00:00Z"},
        {"type": "cron", "expression": "30 2 * * *", "timezone": "Europe/Paris", "day_match": "both"},
        {
            "type": "rrule",
            "text": "DTSTART:20260101T023000\nRRULE:FREQ=DAILY\nEXDATE:20260102T023000",
            "timezone": "Europe/Paris",
        },
        {
            "type": "any_of",
            "triggers": [
                {"type": "at", "moment": "2026-07-01T12:00:00Z"},
                {"type": "every", "interval": "10s", "anchor": "2026-07-01T12:00:00Z"},
                {"type": "rrule", "text": "RRULE:FREQ=DAILY", "timezone": "UTC"},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        ({"type": "every", "interval": 0}, "never moves on"),
        ({"type": "every", "interval": "10 parsecs"}, "not a duration"),
        ({"type": "cron", "expression": "@daily", "timezone": "Mars/Olympus"}, "no IANA time zone"),
        ({"type": "cron", "expression": "0 0 30 2 *"}, "never fires"),
        ({"type": "rrule", "text": "FREQ=DAILY;BYHOUR=99"}, "BYHOUR=99 is not a number"),
        ({"type": "at", "moment": "2026-07-01T12:00:00"}, "has no time zone"),
        ({"type": "any_of", "triggers": []}, "give at least one"),
        ({"type": "moon"}, "Invalid value 'moon'"),
    ],
)
def test_stored_nonsense_is_refused_when_read(stored: dict[str, Any], says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says):
        decode(json.dumps(stored), AnyTrigger)


def test_files_give_intervals_in_seconds_or_as_text() -> None:
    for interval in (90, 90.0, "90", "90s", "1.5m"):
        assert from_builtins({"type": "every", "interval": interval}, AnyTrigger) == Every(90)


def test_a_cron_that_is_over_still_loads() -> None:
    cron = decode(b'{"type": "cron", "expression": "0 0 1 1 * 2020"}', AnyTrigger)
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
    assert decode(encode(At(moment)), AnyTrigger) == At(moment)


def test_at_is_the_same_in_every_zone() -> None:
    elsewhere = At(NOON.astimezone(timezone(timedelta(hours=-7))))
    assert elsewhere == At(NOON)
    assert encode(elsewhere) == encode(At(NOON))


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
    assert five.interval.us == 300_000_000
    assert Every(0.1).interval.us == 100_000
    assert Every(milliseconds=1).interval.us == 1_000
    assert Every(weeks=1, days=1, hours=1).interval.us == (8 * 24 + 1) * 3600 * 1_000_000


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


# --- AnyOf ---------------------------------------------------------------------------------------------------------


def test_any_of_is_the_union_and_an_instant_of_several_is_one() -> None:
    both = AnyOf(Cron("0 */6 * * *"), Cron("0 12 * * *"), At(NOON.replace(minute=7)))
    assert [f"{at:%H:%M}" for at in both.upcoming(4, NOON.replace(hour=11))] == ["12:00", "12:07", "18:00", "00:00"]
    assert both.last_before(NOON.replace(minute=7)) == NOON
    over = AnyOf(At(NOON), At(NOON))
    assert over.upcoming(5, NOON.replace(hour=1)) == [NOON]
    assert over.next_after(NOON) is None


def test_any_of_inside_any_of_counts_as_its_own() -> None:
    flat = AnyOf(At(NOON), Every(10), Cron("@daily"))
    assert AnyOf(AnyOf(At(NOON), Every(10)), Cron("@daily")) == flat
    assert repr(flat).startswith("AnyOf(At(")


def test_any_of_anchors_each_that_needs_it() -> None:
    anchored = AnyOf(Every(10), Every(20, anchor=NOON)).anchored(to_us(NOON) + 5_000_000)
    assert anchored == AnyOf(Every(10, anchor=NOON + timedelta(seconds=5)), Every(20, anchor=NOON))
    assert anchored.anchored(0) is anchored


def test_any_of_refuses() -> None:
    with pytest.raises(InvalidArgument, match="give at least one"):
        AnyOf()
    with pytest.raises(InvalidType, match="is a str: give triggers one by one"):
        AnyOf("@daily")  # type: ignore[arg-type]
    with pytest.raises(InvalidType, match="is a list"):
        AnyOf([Cron("@daily")])  # type: ignore[arg-type]


def test_several_zones_have_no_one_day() -> None:
    assert AnyOf(Cron("@daily", "Asia/Tokyo"), At(NOON), RRule("FREQ=DAILY", "Asia/Tokyo")).zone_name == "Asia/Tokyo"
    assert AnyOf(At(NOON), Every(10)).zone_name == "UTC"
    with pytest.raises(InvalidArgument, match="counts in Asia/Tokyo and UTC, so it is not clear"):
        _ = AnyOf(Cron("@daily", "Asia/Tokyo"), RRule("FREQ=DAILY")).zone_name


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
    read_as_seconds = f"'30 2 1 1 * {year} *' if the first is meant as seconds" in warnings[0]
    assert read_as_seconds == ("20" not in year), "a day of the week from 2027 on cannot be"


def test_legacy_both_ambiguities_warn_twice() -> None:
    assert len(legacy_cron("0 0 1-7 * mon 2030", "UTC")[1]) == 2


def test_legacy_errors_are_those_of_cron() -> None:
    with pytest.raises(InvalidArgument, match="minute field"):
        legacy_cron("99 * * * *", "UTC")
    with pytest.raises(InvalidArgument, match="no IANA time zone"):
        legacy_cron("@daily", "Nowhere")
    with pytest.raises(InvalidArgument, match=r"^timezone='Nowhere' is no IANA time zone known here: give a name such"):
        legacy_cron("30 2 1 1 * 2030", "Nowhere")


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        (
            "0 30 2 * * *",
            (
                "cron '0 30 2 * * *': hour field: 30 is outside 0-23; the sixth of six fields is read as the year "
                "here, as rq-scheduler 0.14 does: write '0 30 2 * * * *' if the first is meant as seconds"
            ),
        ),
        (
            "0  0 30 2 * *",
            (
                "cron '0  0 30 2 * *' never fires: no day of 1970 to 9999 fits its day, month and year fields, at a "
                "time that exists in UTC; the sixth of six fields is read as the year here, as rq-scheduler 0.14 does"
            ),
        ),
        (
            "99 99 * * * *",
            (
                "cron '99 99 * * * *': minute field: 99 is outside 0-59; the sixth of six fields is read as the year "
                "here, as rq-scheduler 0.14 does"
            ),
        ),
    ],
)
def test_legacy_errors_name_the_six_fields_that_were_given(expression: str, says: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        legacy_cron(expression, "UTC")
    assert str(refused.value) == says
