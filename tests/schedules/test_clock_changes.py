"""`schedules.clock_changes`: which schedules the next changes of the clock touch, read from Redis."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from rq_scheduler import AnyOf, Cron, Every, RRule, Schedule, Scheduler
from rq_scheduler.client.schedules import ClockChanges, Schedules, TouchedSchedule
from rq_scheduler.client.schedules import clock_changes as module
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.store.timings import TIMINGS

pytestmark = pytest.mark.once

PARIS, NEW_YORK = "Europe/Paris", "America/New_York"
WINTER = datetime(2027, 1, 1, tzinfo=UTC)
SUMMER = datetime(2027, 7, 1, tzinfo=UTC)


def put(schedules: Schedules, id: str, expression: str, zone: str = PARIS, **options: Any) -> None:
    schedules.put(id, Cron(expression, zone), jobs.nothing, **options)


def kinds(found: ClockChanges) -> dict[str, dict[str, int]]:
    return {one.change.zone: dict(one.counts) for one in found.changes}


def test_by_zone_in_order_of_time(schedules: Schedules) -> None:
    put(schedules, "nightly", "30 2 * * *")
    put(schedules, "morning", "0 9 * * *")
    put(schedules, "ny", "30 2 * * *", NEW_YORK)
    put(schedules, "tokyo", "30 2 * * *", "Asia/Tokyo")
    schedules.put("tick", Every("1h"), jobs.nothing)
    found = schedules.clock_changes(after=WINTER)
    assert [one.change.at for one in found.changes] == [
        datetime(2027, 3, 14, 7, tzinfo=UTC),
        datetime(2027, 3, 28, 1, tzinfo=UTC),
    ]
    assert kinds(found) == {NEW_YORK: {"moved": 1}, PARIS: {"moved": 1, "shifted": 1}}
    assert (found.steady, found.elapsed, found.unreadable, found.schedules) == ({"Asia/Tokyo": 1}, 1, 0, 5)
    (group,) = found.changes[1].groups
    assert (group.trigger, group.schedules, group.ids, group.paused) == (Cron("30 2 * * *", PARIS), 1, ("nightly",), 0)
    assert (found.changes[1].touched, found.changes[1].shifted) == (1, 1)


def test_the_next_one_from_a_moment_on_and_within_a_time(schedules: Schedules) -> None:
    put(schedules, "nightly", "30 2 * * *")
    assert kinds(schedules.clock_changes(after=SUMMER)) == {PARIS: {"first": 1}}
    near = schedules.clock_changes(after=SUMMER, within="30d")
    assert (near.changes, near.steady) == ((), {PARIS: 1})
    assert (near.since, (near.until - near.since).days) == (SUMMER, 30)
    assert len(schedules.clock_changes().changes) == 1, "from now on"


def test_of_one_zone(schedules: Schedules) -> None:
    put(schedules, "nightly", "30 2 * * *")
    put(schedules, "ny", "30 2 * * *", NEW_YORK)
    both = AnyOf(Cron("30 2 * * *", PARIS), Cron("30 2 * * *", NEW_YORK))
    schedules.put("both", both, jobs.nothing)
    found = schedules.clock_changes(after=WINTER, timezone=PARIS)
    assert (kinds(found), found.schedules) == ({PARIS: {"moved": 2}}, 2)
    assert [(one.id, one.change.zone) for one in schedules.touched_by_clocks(after=WINTER)] == [
        ("both", NEW_YORK),
        ("both", PARIS),
        ("nightly", PARIS),
        ("ny", NEW_YORK),
    ]
    nobodys = schedules.clock_changes(after=WINTER, timezone="Europe/Berlin")
    assert (kinds(nobodys), nobodys.schedules) == ({"Europe/Berlin": {}}, 0)
    assert schedules.clock_changes(after=WINTER, timezone="Asia/Tokyo").steady == {"Asia/Tokyo": 0}


def test_of_those_that_fit(schedules: Schedules) -> None:
    put(schedules, "a1", "30 2 * * *", tags=("x",), queue_name="q")
    put(schedules, "a2", "30 2 * * *", queue_name="q")
    put(schedules, "b1", "30 2 * * *", tags=("x",))
    for which, count in (({"tag": "x"}, 2), ({"queue_name": "q"}, 2), ({"prefix": "a"}, 2), ({"owner": "me"}, 0)):
        assert schedules.clock_changes(after=WINTER, **which).schedules == count
        assert len(list(schedules.touched_by_clocks(after=WINTER, **which))) == count
    assert schedules.clock_changes(after=WINTER, tag="x", queue_name="q").schedules == 1


def test_paused_ones_are_told(schedules: Schedules) -> None:
    put(schedules, "a", "30 2 * * *", paused=True)
    put(schedules, "b", "30 2 * * *")
    (group,) = schedules.clock_changes(after=WINTER).changes[0].groups
    assert (group.schedules, group.paused) == (2, 1)
    assert [one.paused for one in schedules.touched_by_clocks(after=WINTER)] == [True, False]


def test_recurring_jobs_of_the_old_api_count(scheduler: Scheduler) -> None:
    scheduler.cron("30 2 * * *", jobs.nothing, id="old", timezone=PARIS)
    found = scheduler.schedules.clock_changes(after=WINTER)
    assert found.changes[0].groups[0].ids == ("old",)


def test_many_alike_are_worked_out_once(schedules: Schedules, monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out = Counter[str]()
    effect_of = module.effect_of

    def counted(timing: Any, change: Any) -> Any:
        worked_out[change.zone] += 1
        return effect_of(timing, change)

    monkeypatch.setattr(module, "effect_of", counted)
    many = 2 * TIMINGS + 10
    schedules.sync([Schedule(f"s{n:04}", Cron("30 2 * * *", PARIS), jobs.nothing) for n in range(many)], owner="x")
    (change,) = schedules.clock_changes(after=WINTER).changes
    assert (change.counts, worked_out) == ({"moved": many}, {PARIS: 1})
    assert (change.groups[0].schedules, change.groups[0].ids) == (many, tuple(f"s{n:04}" for n in range(5)))


def test_groups_and_pages_are_bounded(schedules: Schedules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GROUPS", 3)
    for minute in range(5):
        put(schedules, f"s{minute}", f"{minute} 2 * * *")
    put(schedules, "t", "1 2 * * *")
    (change,) = schedules.clock_changes(after=WINTER).changes
    assert [group.schedules for group in change.groups] == [2, 1, 1]
    assert (change.more, change.touched) == (2, 6)
    page = list(schedules.touched_by_clocks(after=WINTER, behind="s1", limit=2))
    assert [one.id for one in page] == ["s2", "s3"]


def test_what_cannot_be_told_hides_nothing(schedules: Schedules, redis: redis_py.Redis) -> None:
    put(schedules, "a", "30 2 * * *")
    put(schedules, "b", "30 2 * * *")
    put(schedules, "c", "30 2 * * *")
    redis.hset("rq:scheduler:schedule:a", "spec", "{")
    spec: bytes = redis.hget("rq:scheduler:schedule:c", "spec")
    redis.hset("rq:scheduler:schedule:c", "spec", spec.replace(b"Paris", b"Atlantis"))
    found = schedules.clock_changes(after=WINTER)
    assert (kinds(found), found.unreadable, found.schedules) == ({PARIS: {"moved": 1}}, 2, 3)
    assert [one.id for one in schedules.touched_by_clocks(after=WINTER)] == ["b"]


def test_a_rule_with_its_own_start(schedules: Schedules) -> None:
    schedules.put("rule", RRule("DTSTART;TZID=Europe/Paris:20270301T023000\nRRULE:FREQ=DAILY"), jobs.nothing)
    (one,) = schedules.touched_by_clocks(after=WINTER)
    assert isinstance(one, TouchedSchedule)
    assert (one.id, one.effect.kind) == ("rule", "moved")


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"within": "0s"}, InvalidArgument, "leaves no time"),
        ({"within": "-1d"}, InvalidArgument, "leaves no time"),
        ({"within": "900000d"}, InvalidArgument, "too far ahead"),
        ({"within": "soon"}, InvalidArgument, "no"),
        ({"timezone": "Europe/Atlantis"}, InvalidArgument, "Atlantis"),
        ({"after": datetime(2027, 1, 1)}, InvalidArgument, "time zone"),
        ({"tag": 3}, InvalidType, "tag"),
    ],
)
def test_what_cannot_be_asked(schedules: Schedules, asked: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        schedules.clock_changes(**asked)
    with pytest.raises(error, match=says):
        schedules.touched_by_clocks(**asked)
