"""In which zone 0.14 worked out a pending time: what gives it away, and what is made of it."""

from datetime import UTC, datetime, timedelta

import pytest

from rq_scheduler.clock import from_us, to_us
from rq_scheduler.triggers import Reading, all_zones, legacy_cron, read_pending, zones_that_fit
from rq_scheduler.triggers.pending import WELL_KNOWN
from rq_scheduler.triggers.zones import zone

pytestmark = pytest.mark.once


def read(expression: str, pending: datetime, *zones: str) -> Reading:
    return read_pending(legacy_cron(expression, "UTC")[0], to_us(pending), zones or ("UTC",))


def moment(day: int, hour: int, minute: int = 0, second: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "pending", "stands_for", "where"),
    [
        ("30 2 * * *", moment(29, 1, 30), moment(29, 2, 30), "Europe/Berlin"),
        ("30 2 * * *", moment(29, 8, 30), moment(29, 2, 30), "America/Chicago"),
        ("30 2 * * *", moment(28, 21), moment(29, 2, 30), "Asia/Kolkata"),
        ("0 9 * * mon", moment(30, 8), moment(30, 9), "Europe/Paris"),
        ("0 9 1 * *", moment(1, 0, month=12), moment(1, 9, month=12), "Asia/Tokyo"),
        ("0 */6 * * *", moment(29, 5), moment(29, 6), "Europe/Berlin"),
        ("15 * * * *", moment(29, 5, 45), moment(29, 5, 15), "Asia/Kolkata"),
        ("0 30 2 * * * 2026", moment(29, 1, 30), moment(29, 2, 30), "Europe/Berlin"),
    ],
)
def test_a_time_of_another_zone_stands_for_the_nearest_of_its_own(
    expression: str, pending: datetime, stands_for: datetime, where: str
) -> None:
    reading = read(expression, pending)
    assert (reading.fits, reading.cron.timezone) == (False, "UTC")
    assert from_us(reading.nominal) == stands_for
    assert where in reading.elsewhere
    assert "UTC" not in reading.elsewhere


@pytest.mark.parametrize("expression", ["30 2 * * *", "30 */2 * * *", "*/15 * * * *", "* * * * *"])
def test_a_time_that_fits_is_taken_as_it_is(expression: str) -> None:
    reading = read(expression, moment(29, 2, 30), "UTC", "Europe/Berlin")
    assert reading == Reading(legacy_cron(expression, "UTC")[0], to_us(moment(29, 2, 30)), fits=True)


def test_the_first_zone_is_taken_where_it_fits_though_others_do() -> None:
    assert read("0 * * * *", moment(29, 2), "Europe/Berlin", "UTC").cron.timezone == "Europe/Berlin"


def test_the_only_other_zone_that_fits_is_taken() -> None:
    reading = read("30 2 * * *", moment(29, 7, 30), "UTC", "Europe/Berlin", "America/New_York")
    assert reading.fits
    assert reading.cron == legacy_cron("30 2 * * *", "America/New_York")[0]
    assert from_us(reading.nominal) == moment(29, 7, 30)


def test_of_two_others_that_fit_none_is_taken() -> None:
    reading = read("30 2 * * *", moment(29, 1, 30), "UTC", "Europe/Berlin", "Europe/Paris")
    assert (reading.fits, reading.cron.timezone) == (False, "UTC")
    assert reading.elsewhere[:2] == ("Europe/Berlin", "Europe/Paris")


def test_a_zone_given_twice_is_one() -> None:
    assert read("30 2 * * *", moment(29, 1, 30), "UTC", *["Europe/Berlin"] * 2).cron.timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    "pending", [moment(29, 1, 17), moment(29, 2, 30, 1), moment(29, 2, 30) + timedelta(milliseconds=1)]
)
def test_a_time_that_fits_nowhere_was_moved_and_stands_for_itself(pending: datetime) -> None:
    reading = read("30 2 * * *", pending, "UTC", "Europe/Berlin")
    assert (reading.fits, reading.elsewhere, from_us(reading.nominal)) == (False, (), pending)


@pytest.mark.parametrize("hour", [0, 1])
def test_what_0_14_makes_of_a_skipped_time_is_no_other_zone(hour: int) -> None:
    """02:30 of Berlin's short day is 00:30 UTC to 0.14, and 01:00 UTC to us: the same run."""
    pending = moment(29, hour, 30 * (1 - hour), month=3)
    reading = read("30 2 * * *", pending, "Europe/Berlin")
    assert reading.fits
    assert from_us(reading.nominal) == moment(29, 1, month=3)


@pytest.mark.parametrize("pending", [0, -(10**18), 10**18, 10**12])
def test_scores_that_are_no_time_are_read_too(pending: int) -> None:
    """Anybody may have written them."""
    reading = read_pending(legacy_cron("30 2 29 2 *", "UTC")[0], pending, ("UTC", "Europe/Berlin"))
    assert reading.nominal == pending


def test_all_zones_are_searched() -> None:
    found = zones_that_fit(legacy_cron("30 2 * * *", "UTC")[0], to_us(moment(29, 1, 30)), all_zones())
    assert found[0] == "Europe/Berlin"
    assert {"Europe/Vienna", "Africa/Algiers"} < set(found)
    assert "Europe/London" not in found


@pytest.mark.parametrize("month", range(1, 13))
def test_the_well_known_have_every_offset_that_is_in_use(month: int) -> None:
    second = to_us(moment(15, 12, month=month)) // 1_000_000
    in_use = {zone(name).at(second).offset for name in all_zones()}
    assert in_use == {zone(name).at(second).offset for name in WELL_KNOWN}
