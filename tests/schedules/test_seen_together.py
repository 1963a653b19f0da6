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

pytestmark = pytest.mark.once

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


def test_histories_without_the_jobs_of_runs_that_have_ended(
    redis: redis_py.Redis, scheduler: Scheduler, schedules: Schedules
) -> None:
    schedules.put("a", Every(3600), jobs.nothing)
    ended, goes_on = "e 1790000000s 0 5 1 . 3 7 1 2", "e 1790003600s 0 5 1"
    redis.rpush(KEYS.history("a"), goes_on, ended)
    redis.hset("rq:job:a-20260921T151320Z", mapping={"status": "started", "started_at": "2026-09-21T15:13:21Z"})
    store = scheduler._store
    (_, all_told), (_, told) = (store.read_many_runs(["a"], 5, ended_jobs=each)[1][0] for each in (True, False))
    assert [one.line for one in told] == [one.line for one in all_told]
    redis.config_resetstat()
    store.read_many_runs(["a"], 5, ended_jobs=False)
    asked = redis.info("commandstats")["cmdstat_hmget"]["calls"]
    store.read_many_runs(["a"], 5)
    assert (asked, redis.info("commandstats")["cmdstat_hmget"]["calls"]) == (2, 5), "its record, and jobs"


def test_what_did_not_run_of_one_is_looked_for_part_by_part(redis: redis_py.Redis, scheduler: Scheduler) -> None:
    redis.zadd(
        KEYS.not_run, {"a m 1000000": 5, **{f"x{number} m {number}000000": 10 + number for number in range(2500)}}
    )
    find = scheduler._store.find_not_run
    redis.config_resetstat()
    assert [(one.id, one.nominal, one.at) for one in find("a", 0, 10_000)] == [("a", US, 5 * US)]
    assert redis.info("commandstats")["cmdstat_zrevrangebyscore"]["calls"] == 3, "a thousand lines each"
    assert find("a", 0, 2500) == find("a", 6 * US, 10_000) == []
    assert [one.nominal for one in find("x2499", 0, 1)] == [2499 * US]


class TestOverview:
    @pytest.mark.parametrize("failed", [0, 3])
    def test_of_old_runs_only_those_are_told_that_say_something(
        self, redis: redis_py.Redis, scheduler: Scheduler, failed: int
    ) -> None:
        """What reaches the axis or a day back, the newest, and failures in a row."""
        scheduler.schedules.put("a", Every(3600), jobs.nothing)
        redis.zadd(KEYS.schedules_of("failing"), {"a": 0})
        end = "f" if failed else "."
        at = int(datetime.now(UTC).timestamp())
        old = [f"e {at - 86_400 * days}s 0 0 1 {end} 0 0 1 2" for days in (3, 4, 5)]
        long, goes_on = f"e {at - 86_400 * 6}s 0 0 1 . 0 {6 * 86_400 * US} 1 2", f"e {at - 86_400 * 7}s 0 0 1"
        redis.rpush(
            KEYS.history("a"), f"k {at - 86_400 * 2}s {at - 86_400 * 2}s 1 {at - 86_400 * 2}s", *old, long, goes_on
        )
        if failed:
            redis.hset(KEYS.schedule("a"), "ends", f"0 {failed} {failed} 0 0 0 0 fff")
        (lane,) = read_overview(scheduler, timedelta(minutes=10), DAY).lanes
        days = [round((at - run.nominal.timestamp()) / 86_400) for run in lane.runs]
        assert lane.stored.failed_in_a_row == failed
        assert days == ([2, 3, 4, 5, 6, 7] if failed else [2, 3, 6, 7])

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
        assert [not_run_words(one) for one in found.not_run] == ["Missed 3", "Skipped 1+", "Missed 2"]
        times = Times("UTC", now, now)
        said = "3 times over, the last time: nothing handed it off in time"
        assert not_run_reason(found.not_run[0], found, times) == said

    def test_what_was_missed_is_counted_whatever_the_history_keeps(
        self, redis: redis_py.Redis, scheduler: Scheduler
    ) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        scheduler.schedules.put("a", Every(2), jobs.nothing)
        first, last = (int((now - timedelta(seconds=ago)).timestamp()) * US for ago in (62, 50))
        redis.zadd(KEYS.not_run, {f"a m {first} {last} 7": now.timestamp()})
        (one,) = read_overview(scheduler, DAY, DAY).not_run
        assert (not_run_words(one), one.last - one.first) == ("Missed 7", timedelta(seconds=12))

    def test_stretches_that_different_runs_held_up_blame_none_of_them_for_all(
        self, redis: redis_py.Redis, scheduler: Scheduler
    ) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        scheduler.schedules.put("a", Every(1), jobs.nothing)
        for ago, length in ((90, 20), (60, 30)):
            first = int((now - timedelta(seconds=ago)).timestamp()) * US
            at, holder = first + length * US, f"{now - timedelta(seconds=ago + 1):-%Y%m%dT%H%M%S000000Z}"
            redis.lpush(KEYS.history("a"), f"k {first} {at} {length} {at} {holder}")
            redis.zadd(KEYS.not_run, {f"a k {first}": at / US})
        found = read_overview(scheduler, DAY, DAY)
        (one,) = found.not_run
        times = Times("UTC", now, now)
        said = not_run_reason(one, found, times)
        assert not_run_words(one) == "Skipped 50"
        last = f"the last that of {times.short(now - timedelta(seconds=61))}"
        assert said == f"2 of its runs were still going, one after the other, {last}"

    def test_a_change_is_not_pushed_out_by_pauses(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        schedules = scheduler.schedules
        schedules.put("a", Every(60), jobs.nothing)
        Scheduler(connection=redis, actor="ben").schedules.put("a", Every(30), jobs.nothing)
        for _ in range(10):
            schedules.pause("a")
            schedules.resume("a")
        found = read_overview(scheduler, DAY, DAY)
        assert ("changed", "ben") in [(entry.action, entry.actor) for entry in found.changes]
        assert [entry.at for entry in found.changes] == sorted((each.at for each in found.changes), reverse=True)
        assert (len(found.changes), found.changes_left, found.changes_more) == (12, 10, False)

    def test_the_verdict(self, scheduler: Scheduler, schedules: Schedules) -> None:
        found = read_overview(scheduler, DAY, DAY)
        assert verdict(found, []) == "Nothing is scheduled yet"
        schedules.put("a", Every(60), jobs.nothing)
        found = read_overview(scheduler, DAY, DAY)
        told = needs(found, Times("UTC", found.now, found.now))
        assert [need.code for need in told] == ["no_dispatcher"]
        assert verdict(found, told) == "No dispatcher is alive"
        assert verdict(found, []) == "Nothing needs you"
