"""What pages read of many schedules: those that stand so or so, several at once, and the overview."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from rq_scheduler import Every, Scheduler
from rq_scheduler.client.overview import MAX_LANES, read_overview
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.clock import US
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.store.keys import Keys
from rq_scheduler.views.overview import needs, not_run_reason, not_run_words, verdict
from schedules.helpers import START, commands

KEYS = Keys()
DAY = timedelta(days=1)


@pytest.mark.parametrize("state", ["failing", "late", "running"])
def test_those_that_stand_so(redis: redis_py.Redis, schedules: Schedules, state: Any) -> None:
    for id in ("a", "b", "c"):
        schedules.put(id, Every(60), jobs.nothing, tags=("x",) if id != "c" else ())
    redis.zadd(KEYS.schedules_of(state), {"b": 0, "c": 0})
    assert [one.id for one in schedules.find(state=state)] == ["b", "c"]
    assert [one.id for one in schedules.find(state=state, tag="x")] == ["b"]
    assert [one.id for one in schedules.find(state=state, behind="b")] == ["c"]


def test_no_state(schedules: Schedules) -> None:
    with pytest.raises(InvalidArgument, match="give one of failing, late, running"):
        schedules.find(state="paused")  # pyright: ignore[reportArgumentType]


def test_several_by_id_in_their_order(redis: redis_py.Redis, schedules: Schedules) -> None:
    for number in range(120):
        schedules.put(f"s{number}", Every(60), jobs.nothing)
    ids = [f"s{number}" for number in range(119, -1, -1)]
    assert [one.id for one in schedules.read([*ids, "unknown"])] == ids
    assert schedules.read(["s3"])[0].definition.func == schedules["s3"].definition.func
    sent, _ = commands(redis, lambda: schedules.read(ids[:100]))
    assert sent <= 2, "and one that this test sends itself"


def test_several_histories_are_those_of_each(
    redis: redis_py.Redis, schedules: Schedules, at: Callable[[datetime], Any]
) -> None:
    for id, seconds in (("a", 60), ("b", 30)):
        schedules.put(id, Every(seconds, anchor=START), jobs.nothing, overlap="allow")
    for minutes in (1, 2, 3):
        at(START + timedelta(minutes=minutes))
    found = schedules.runs_of(["b", "a", "unknown"], 2)
    assert found == {"b": schedules.runs("b", 2), "a": schedules.runs("a", 2), "unknown": []}
    assert len(found["a"]) == 2
    assert schedules.runs_of([]) == {}
    sent, _ = commands(redis, lambda: schedules.runs_of(["a", "b"]))
    assert sent <= 2


def test_how_many_histories(schedules: Schedules) -> None:
    with pytest.raises(InvalidArgument, match="51 histories are too many"):
        schedules.runs_of(["a"] * 51)
    with pytest.raises(InvalidType, match="give a list of ids"):
        schedules.runs_of("a")


def test_only_the_newest_entries_are_looked_at(scheduler: Scheduler, schedules: Schedules) -> None:
    schedules.put("old", Every(60), jobs.nothing)
    for number in range(5):
        schedules.put(f"s{number}", Every(60), jobs.nothing)
    assert [entry.id for entry in scheduler.audit.read(schedule="old")] == ["old"]
    assert scheduler.audit.read(schedule="old", look_at=5) == []
    assert len(scheduler.audit.read(look_at=3)) == 3
    assert scheduler.events.read(look_at=0) == []


class TestOverview:
    def test_is_bounded_whatever_is_stored(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        def sent() -> int:
            return commands(redis, lambda: read_overview(scheduler, DAY, DAY))[0]

        scheduler.schedules.put("s", Every(3600), jobs.nothing)
        few = sent()
        for number in range(200):
            scheduler.schedules.put(f"s{number:03d}", Every(3600), jobs.nothing)
        redis.zadd(KEYS.schedules_of("failing"), {f"s{number:03d}": 0 for number in range(100)})
        found = read_overview(scheduler, DAY, DAY)
        assert len(found.lanes) == MAX_LANES
        assert found.lanes[0].stored.id == "s000", "what fails comes first"
        assert sent() <= few + 2, "no round trip for each schedule, nor for each lane"

    def test_what_follows_each_other_is_one_stretch(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        scheduler.schedules.put("a", Every(60), jobs.nothing)
        for minutes, letter in ((9, "m"), (8, "m"), (7, "k"), (6, "m"), (5, "m"), (4, "m")):
            at = now - timedelta(minutes=minutes)
            redis.zadd(KEYS.not_run, {f"a {letter} {int(at.timestamp()) * US}": at.timestamp()})
        found = read_overview(scheduler, DAY, DAY)
        assert [(one.letter, one.count) for one in found.not_run] == [("m", 3), ("k", 1), ("m", 2)]
        assert [not_run_words(one) for one in found.not_run] == ["Missed 3", "Skipped", "Missed 2"]
        times = Times("UTC", now, now)
        assert not_run_reason(found.not_run[0], found, times) == "Nothing handed it off in time"

    def test_the_verdict(self, scheduler: Scheduler, schedules: Schedules) -> None:
        found = read_overview(scheduler, DAY, DAY)
        assert verdict(found, []) == "Nothing is scheduled yet"
        schedules.put("a", Every(60), jobs.nothing)
        found = read_overview(scheduler, DAY, DAY)
        told = needs(found, Times("UTC", found.now, found.now))
        assert [need.code for need in told] == ["no_dispatcher"]
        assert verdict(found, told) == "No dispatcher is alive"
        assert verdict(found, []) == "Nothing needs you"
