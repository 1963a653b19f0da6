"""What is said of changes of the clock."""

from datetime import UTC, datetime, timedelta

import pytest

from rq_scheduler.clock import US, to_us
from rq_scheduler.clock_changes import ClockChange, effect_of, next_change
from rq_scheduler.model import Spec
from rq_scheduler.triggers import AnyOf, Cron
from rq_scheduler.views.clock_changes import change_words, effect_words

pytestmark = pytest.mark.once

WINTER, SUMMER = "2027-01-01", "2027-07-01"
EACH = "a run each time, at least 2,000 runs in all"


def change(zone: str, day: str) -> ClockChange:
    since = to_us(datetime.fromisoformat(day))
    found = next_change(zone, since, since + 366 * 86_400 * US)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("zone", "day", "says"),
    [
        ("Europe/Paris", WINTER, "Europe/Paris, Sun 28 Mar 2027: the clock jumps from 02:00 to 03:00"),
        ("Europe/Paris", SUMMER, "Europe/Paris, Sun 31 Oct 2027: the clock is put back from 03:00 to 02:00"),
        ("Pacific/Apia", "2011-12-01",
         "Pacific/Apia: the clock jumps from 00:00 on Fri 30 Dec 2011 to 00:00 on Sat 31 Dec 2011"),
        ("America/Havana", SUMMER, "America/Havana, Sun 7 Nov 2027: the clock is put back from 01:00 to 00:00"),
    ],
)  # fmt: skip
def test_a_change(zone: str, day: str, says: str) -> None:
    assert change_words(change(zone, day)) == says


@pytest.mark.parametrize(
    ("expression", "day", "says"),
    [
        ("30 2 * * *", WINTER, "02:30 does not exist that day: one run, at 03:00, right after the jump"),
        ("0,30 2 * * *", WINTER,
         "02:00 and 02:30 do not exist that day: one run for them, at 03:00, right after the jump"),
        ("0 2,3 * * *", WINTER, "02:00 does not exist that day: no run of its own; 03:00 runs as ever"),
        ("*/30 * * * *", WINTER,
         "02:00 and 02:30 do not exist that day: no run of their own; 03:00 runs as ever"),
        ("30 * * * *", WINTER, "02:30 does not exist that day: no run; the next is at 03:30"),
        ("*/30 2 * * sun", WINTER,
         "02:00 and 02:30 do not exist that day: no run; the next is at 02:00 on Sun 4 Apr 2027"),
        ("*/30 2 28 3 *", WINTER, "02:00 and 02:30 do not exist that day: no run"),
        ("* 2 * * *", WINTER,
         "02:00, 02:01 and 58 more times do not exist that day: no run; the next is at 02:00 on Mon 29 Mar 2027"),
        ("30 2 * * *", SUMMER, "02:30 comes twice: one run, the first time (+02:00)"),
        ("0,30 2 * * *", SUMMER, "02:00 and 02:30 come twice: one run each, the first time (+02:00)"),
        ("30 * * * *", SUMMER, "02:30 comes twice: a run each time"),
        ("*/30 * * * *", SUMMER, "02:00 and 02:30 come twice: a run each time, 4 runs in all"),
        ("* * * * * * *", SUMMER, f"02:00, 02:00:01 and at least 998 more times come twice: {EACH}"),
        ("0 9 * * *", WINTER, "the same local times as ever, in UTC 1h earlier from then on"),
        ("0 9 * * *", SUMMER, "the same local times as ever, in UTC 1h later from then on"),
    ],
)  # fmt: skip
def test_what_it_does(expression: str, day: str, says: str) -> None:
    at = change("Europe/Paris", day)
    effect = effect_of(Spec(trigger=Cron(expression, "Europe/Paris")), at)
    assert effect is not None
    assert effect_words(effect, at) == says


def test_some_once_and_some_twice() -> None:
    at = change("Europe/Paris", SUMMER)
    both = AnyOf(Cron("30 2 * * *", "Europe/Paris"), Cron("15 * * * *", "Europe/Paris"))
    effect = effect_of(Spec(trigger=both), at)
    assert effect is not None
    assert effect_words(effect, at) == "02:15 and 02:30 come twice: some run once, some twice; 3 runs in all"


def test_a_missing_day_is_named() -> None:
    at = change("Pacific/Apia", "2011-12-01")
    effect = effect_of(Spec(trigger=Cron("30 9 * * *", "Pacific/Apia")), at)
    assert effect is not None
    assert effect_words(effect, at).startswith("09:30 on Fri 30 Dec 2011 does not exist that day: one run, at 00:00")


def test_odd_offsets() -> None:
    at = ClockChange(
        datetime(1972, 1, 7, tzinfo=UTC), "Africa/Monrovia", -timedelta(minutes=44, seconds=30), timedelta()
    )
    assert change_words(at) == (
        "Africa/Monrovia: the clock jumps from 23:15:30 on Thu 6 Jan 1972 to 00:00 on Fri 7 Jan 1972"
    )
