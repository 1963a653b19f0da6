"""What an error tells to write instead: it is accepted, and names what was meant."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
import pytz
from dateutil import tz as dateutil_tz
from hypothesis import given, settings
from hypothesis import strategies as st

from rq_scheduler.client.schedules.on_demand import stretch_of
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.model import Schedule, Spec
from rq_scheduler.testing import ManualClock
from rq_scheduler.triggers import At, Cron, Dates, Every, RRule, legacy_cron
from rq_scheduler.triggers.cron_text import CronText, parse
from rq_scheduler.triggers.zone_names import NOT_A_PLACE

pytestmark = pytest.mark.once

# --- ranges over the end of their field ------------------------------------------------------------------------------

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
FIELDS = {
    # place in a string of seven, mask, first value, count of values, names
    "seconds": (0, 0, 60, []),
    "minutes": (1, 0, 60, []),
    "hours": (2, 0, 24, []),
    "days": (3, 1, 31, []),
    "months": (4, 1, 12, MONTHS),
    "weekdays": (5, 0, 7, WEEKDAYS),
}


def with_field(place: int, text: str) -> str:
    fields = ["0", "0", "0", "1", "1", "1", "*"]
    fields[place] = text
    return " ".join(fields)


def remedy_of(expression: str) -> str:
    with pytest.raises(InvalidArgument) as refused:
        parse(expression)
    found = re.search(r"write it as (?:two ranges: )?'([^']*)'", str(refused.value))
    assert found is not None, str(refused.value)
    return found[1]


@st.composite
def wrapped(draw: st.DrawFn) -> tuple[str, int, str, set[int]]:
    """A field, its place, a range over its end, and the values that this means."""
    field = draw(st.sampled_from(sorted(FIELDS)))
    place, least, count, names = FIELDS[field]
    lo = draw(st.integers(least + 1, least + count - 1))
    hi = draw(st.integers(least, lo - 1))
    step = draw(st.integers(1, count))
    values = set(range(lo, hi + count + 1, step))

    def shown(value: int) -> str:
        if names and draw(st.booleans()):
            return draw(st.sampled_from([str.upper, str.lower]))(names[value - least])
        return str(value)

    text = f"{shown(lo)}-{shown(hi)}"
    if step > 1 or draw(st.booleans()):
        text += f"/{step}"
    return field, place, text, {(value - least) % count + least for value in values}


def values_of(text: CronText, field: str) -> set[int]:
    mask: int = getattr(text, field)
    return {value for value in range(mask.bit_length()) if mask >> value & 1}


@settings(deadline=None)
@given(wrapped(), st.booleans())
def test_a_range_over_the_end_is_answered_with_what_it_means(
    case: tuple[str, int, str, set[int]], in_a_list: bool
) -> None:
    field, place, text, meant = case
    if field == "weekdays" and text.upper().split("/")[0].endswith(("-0", "-SUN")):
        # Up to Sunday is read as it is meant; 7 is Sunday too.
        assert values_of(parse(with_field(place, text)), field) == meant
        return
    remedy = remedy_of(with_field(place, text))
    assert values_of(parse(with_field(place, remedy)), field) == meant
    if in_a_list:
        # In a list, the term that runs backwards is named, and its remedy stands in its place.
        least = FIELDS[field][1]
        assert remedy_of(with_field(place, f"{least},{text}")) == remedy
        assert values_of(parse(with_field(place, f"{least},{remedy}")), field) == meant | {least}


@pytest.mark.parametrize(
    ("field", "text", "remedy"),
    [
        (5, "7-1", "0-1"),
        (5, "7-6", "0-6"),
        (5, "7-2/2", "0-2/2"),
        (5, "7-1/2", "0"),
        (5, "6-1", "6,0-1"),
        (5, "FRI-MON/2", "FRI,SUN"),
        (5, "fri-mon", "FRI-SAT,SUN-MON"),
        (2, "22-2/2", "22,0-2/2"),
        (2, "23-0", "23,0"),
        (2, "23-0/2", "23"),
        (1, "50-10/7", "50-59/7,4"),
        (4, "NOV-FEB", "NOV-DEC,JAN-FEB"),
        (4, "nov-2/3", "NOV,FEB"),
        (3, "25-5/3", "25-31/3,3"),
        (6, "2030-2026", "2026-2030"),  # years do not begin again
        (6, "2030-2026/2", "2026-2030/2"),
    ],
)
def test_the_remedy_for_a_range_over_the_end(field: int, text: str, remedy: str) -> None:
    assert remedy_of(with_field(field, text)) == remedy
    parse(with_field(field, remedy))


def test_a_step_that_cannot_be_is_named_before_the_order_is() -> None:
    with pytest.raises(InvalidArgument, match="has the step '0'"):
        Cron("0 22-2/0 * * *")


# --- six fields ------------------------------------------------------------------------------------------------------

TERMS = ["*", "0", "30", "*/15", "1-5", "12", "31", "2", "mon", "feb", "2026", "L", "99"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(TERMS), min_size=6, max_size=6))
def test_what_six_fields_are_told_to_become_is_a_cron_string_that_fires(fields: list[str]) -> None:
    expression = " ".join(fields)
    try:
        Cron(expression)
    except InvalidArgument as error:
        for text in re.findall(r"'([^']+)'", str(error).partition("write all seven")[2]):
            assert Cron(text).next_after(datetime(1970, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("0 0 0 30 2 *", "it can be neither (if the first is seconds, never fires: no day of 1970 to 9999 fits"),
        ("59 23 30 2 * *", "hour field: 30 is outside 0-23; if the last is the year, never fires: no day"),
        ("0 0 0 31 2 mon#2", "write all seven: '0 0 0 31 2 MON#2 *' if the first is seconds"),
    ],
)
def test_a_reading_that_never_fires_is_not_suggested(expression: str, says: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Cron(expression)
    assert says in str(refused.value)


def test_an_unknown_zone_is_not_blamed_on_six_fields() -> None:
    with pytest.raises(InvalidArgument, match="did you mean 'Europe/Paris'"):
        Cron("0 30 2 * * *", "Europe/Pariss")


def test_a_reading_that_never_fires_is_not_suggested_for_014s_strings() -> None:
    _, (warning, _) = legacy_cron("0 0 1 3 2 *", "UTC")
    assert "write '0 0 0 1 3 2 *' to say so, or '0 0 1 3 2 * *' if the first is meant as seconds" in warning
    for never in ("0 0 0 31 2 *", "0 0 0 30 2 *"):
        with pytest.raises(InvalidArgument, match=r"month field: 3\d is outside 1-12") as refused:
            legacy_cron(never, "UTC")
        assert "meant as seconds" not in str(refused.value)


# --- intervals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "remedy", "meant"),
    [
        ("@every 5m", "Every('5m')", Every(minutes=5)),
        ("@EVERY 5M", "Every('5m')", Every(minutes=5)),
        ("@every 1h30m", "Every(hours=1, minutes=30)", Every(minutes=90)),
        ("@every 1h 30m 10s", "Every(hours=1, minutes=30, seconds=10)", Every(seconds=5410)),
        ("@every 0h5m", "Every('5m')", Every(minutes=5)),
        ("@every 0s", "Every('10m')", Every("10m")),
        ("@every day", "Every('10m')", Every("10m")),
        ("@every", "Every('10m')", Every("10m")),
    ],
)
def test_what_others_write_as_every(text: str, remedy: str, meant: Every) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Cron(text)
    assert str(refused.value).endswith(f"; for an interval write {remedy}")
    assert eval(remedy, {"Every": Every}) == meant  # noqa: S307


# --- names of zones --------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.data())
def test_every_zone_that_is_suggested_exists(data: st.DataObject) -> None:
    places = sorted(zoneinfo.available_timezones() - NOT_A_PLACE)
    place = data.draw(st.sampled_from(places))
    at = data.draw(st.integers(0, len(place) - 1))
    misspelt = data.draw(st.sampled_from([place[:at] + place[at + 1 :], place.lower(), place.rpartition("/")[2]]))
    try:
        Cron("@daily", misspelt)
    except InvalidArgument as error:
        for name in re.findall(r"'([^']+)'", str(error).partition("known here")[2]):
            Cron("@daily", name)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("timezone.utc", "did you mean 'UTC'?"),
        ("datetime.timezone.utc", "did you mean 'UTC'?"),
        ("pytz.utc", "did you mean 'UTC'?"),
        ("ZoneInfo('Europe/Paris')", "did you mean 'Europe/Paris'?"),
        ("pytz.timezone('asia/tokyo')", "did you mean 'Asia/Tokyo'?"),
        # Several places of one name are all named.
        ("Central", "did you mean 'Canada/Central' or 'US/Central'?"),
        # EST is America's, and West is Brazil's: neither is near to what these mean.
        ("aest", "an abbreviation or an offset does not say when its clocks change"),
        ("west", "an abbreviation or an offset does not say when its clocks change"),
        ("GMT Standard Time", "give a name such as 'Europe/Paris' or 'UTC'"),
    ],
)
def test_a_name_of_a_zone_in_other_words(text: str, remedy: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Cron("@daily", text)
    assert remedy in str(refused.value)


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        (UTC, "UTC"),
        (timezone(timedelta(), "Z"), "UTC"),
        (pytz.utc, "UTC"),
        (dateutil_tz.UTC, "UTC"),
        (dateutil_tz.tzoffset(None, 0), "UTC"),
        (pytz.FixedOffset(0), "UTC"),
        (pytz.timezone("Europe/Paris"), "Europe/Paris"),
        (pytz.timezone("US/Eastern").localize(datetime(2026, 7, 1)).tzinfo, "US/Eastern"),
        (zoneinfo.ZoneInfo("Asia/Tokyo"), "Asia/Tokyo"),
    ],
)
def test_objects_that_mean_one_zone(zone: tzinfo, name: str) -> None:
    assert Cron("@daily", zone).timezone == name
    assert RRule("FREQ=DAILY", zone).timezone == name
    assert Dates("2026-12-25", timezone=zone).timezone == name
    assert legacy_cron("@daily", zone)[0].timezone == name


@pytest.mark.parametrize(
    ("zone", "says"),
    [
        (timezone(timedelta(hours=2)), "such as 'Europe/Paris'; or 'Etc/GMT-2', if it is meant all year round"),
        (timezone(-timedelta(hours=3)), "or 'Etc/GMT+3'"),
        (pytz.FixedOffset(60), "or 'Etc/GMT-1'"),
        (timezone(timedelta(), "GMT"), "such as 'Europe/Paris'; or 'UTC', if it is meant all year round"),
        (dateutil_tz.tzoffset("X", -3600), "or 'Etc/GMT+1'"),
        (timezone(timedelta(hours=5, minutes=30)), "give the place that is meant, such as 'Europe/Paris'"),
        (timezone(-timedelta(hours=13)), "give the place that is meant, such as 'Europe/Paris'"),
    ],
)
def test_an_offset_is_no_zone(zone: tzinfo, says: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Cron("@daily", zone)
    assert str(refused.value).endswith(says) or f"{says}, if it is meant all year round" in str(refused.value)
    always = re.search(r"'(Etc/[^']*)'", str(refused.value))
    if always is not None:
        assert zoneinfo.ZoneInfo(always[1]).utcoffset(datetime(2026, 7, 1)) == zone.utcoffset(None)


def test_an_object_that_does_not_say_its_name() -> None:
    with pytest.raises(InvalidType, match="give an IANA name"):
        Cron("@daily", dateutil_tz.gettz("Europe/Paris"))  # type: ignore[arg-type]


# --- moments ---------------------------------------------------------------------------------------------------------

MEAN_TIME = datetime(2026, 1, 1, 9, tzinfo=pytz.timezone("Europe/Paris"))


@pytest.mark.parametrize(
    "call",
    [
        lambda: At(MEAN_TIME),
        lambda: Every("1h", anchor=MEAN_TIME),
        lambda: Spec(trigger=Every("1h"), start=MEAN_TIME),
        lambda: Spec(trigger=Every("1h"), end=MEAN_TIME),
        lambda: Cron("@daily").next_after(MEAN_TIME),
        lambda: Cron("@daily").last_before(MEAN_TIME),
        lambda: Cron("@daily").upcoming(1, MEAN_TIME),
        lambda: Schedule("a", Cron("@daily"), "print").upcoming(1, MEAN_TIME),
        lambda: stretch_of(MEAN_TIME, datetime(2026, 2, 1, tzinfo=UTC)),
        lambda: ManualClock(MEAN_TIME),
    ],
)
def test_a_datetime_with_a_zone_of_pytz_as_tzinfo_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(InvalidArgument, match=r"09:00:00\+00:09 has an offset that Europe/Paris does not have"):
        call()


def test_one_that_pytz_has_localized_is_taken() -> None:
    assert At(pytz.timezone("Europe/Paris").localize(datetime(2026, 1, 1, 9))) == At(
        datetime(2026, 1, 1, 8, tzinfo=UTC)
    )
