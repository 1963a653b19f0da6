"""Many schedules at once, by tag, owner, queue, prefix, or all of them."""

from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from making import snapshot, waiting
from rq_scheduler import Every, Schedule, Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.errors import InvalidArgument, InvalidType, SchedulerError
from rq_scheduler.testing import ManualDispatcher
from schedules.helpers import after, commands, dues

pytestmark = pytest.mark.once


def _put(schedules: Schedules, *ids: str, **options: Any) -> None:
    for id in ids:
        schedules.put(id, Every(60), jobs.nothing, **options)


def _paused(schedules: Schedules) -> list[str]:
    return [stored.id for stored in schedules.find(paused=True)]


def test_those_that_fit_are_paused_and_resumed(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    _put(schedules, "a", "b", tags=("night",))
    _put(schedules, "c", queue_name="reports")
    assert schedules.pause_all("the database moves", tag="night") == 2
    assert _paused(schedules) == ["a", "b"]
    assert (schedules["a"].note, schedules["a"].paused_at) == ("the database moves", after(0))
    assert dues(dispatcher.tick(60)) == [60]
    assert schedules.resume_all(tag="night") == 2
    assert _paused(schedules) == []
    assert schedules.pause_all(queue_name="reports") == 1
    assert schedules.pause_all(prefix="b") == 1
    assert _paused(schedules) == ["b", "c"]
    assert schedules.resume_all(everything=True) == 2


def test_those_of_these_ids(schedules: Schedules) -> None:
    ids = [f"s{number:03}" for number in range(150)]
    _put(schedules, *ids, "other")
    assert schedules.pause_all("INC 7", ids=[*ids, "gone", ids[0]]) == 150
    assert _paused(schedules) == ids[:100], "a page"
    assert not schedules["other"].paused
    assert schedules.resume_all(ids=ids[1:]) == 149
    assert _paused(schedules) == ids[:1]
    assert schedules.pause_all(ids=[]) == 0
    for chosen in ({"tag": "x"}, {"everything": True}):
        with pytest.raises(InvalidArgument, match="ids= goes with no other choice"):
            schedules.pause_all(ids=ids, **chosen)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InvalidType, match="give a list of ids"):
        schedules.pause_all(ids="a")


def test_those_of_an_owner(schedules: Schedules) -> None:
    _put(schedules, "other")
    schedules.sync([Schedule(id, Every(60), jobs.nothing, tags=("x",)) for id in ("a", "b")], owner="shop")
    assert schedules.pause_all(owner="shop", tag="x") == 2
    assert schedules.count(owner="shop", paused=True) == 2
    assert schedules.count(everything=True, paused=False) == 1
    assert schedules.count(owner="nobody") == 0


def test_a_pause_together_ends_by_itself(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    _put(schedules, "a", "b")
    dispatcher.tick(10)
    assert schedules.pause_all(until=after(300), everything=True) == 2
    assert dispatcher.tick(289) == []
    assert dues(dispatcher.tick(1)) == [300, 300]
    assert [one.count for one in schedules.left_out(everything=True)] == [4, 4]


def test_single_pauses_are_left_alone(schedules: Schedules) -> None:
    _put(schedules, "all", "person", "later")
    schedules.pause("person", "its report is wrong")
    assert schedules.pause_all("window", everything=True) == 2
    assert schedules["person"].note == "its report is wrong"
    schedules.pause("later", "wrong too")
    assert schedules.pause_all("longer", everything=True) == 1
    assert schedules["all"].note == "longer"
    assert schedules.resume_all(everything=True) == 1
    assert _paused(schedules) == ["later", "person"]
    assert schedules.resume_all(everything=True, all_pauses=True) == 2


def test_so_are_those_that_were_put_paused(schedules: Schedules) -> None:
    _put(schedules, "a", paused=True, note="not yet")
    assert schedules.pause_all(everything=True) == 0
    assert schedules.resume_all(everything=True) == 0
    assert schedules["a"].note == "not yet"


def test_the_same_again_changes_nothing(redis: redis_py.Redis, schedules: Schedules) -> None:
    schedules.put("a", Every(3600), jobs.nothing)
    assert schedules.pause_all("window", everything=True) == 1
    before = snapshot(redis)
    assert schedules.pause_all("window", everything=True) == 0
    assert snapshot(redis) == before


def test_each_runs_once_now(redis: redis_py.Redis, schedules: Schedules) -> None:
    _put(schedules, "a", "b", tags=("x",))
    _put(schedules, "c")
    assert schedules.run_all_now(tag="x") == 2
    assert len(waiting(redis)) == 2
    assert schedules.run_all_now(tag="x") == 0
    assert schedules.run_all_now(tag="x", force=True) == 2


def test_they_are_deleted(redis: redis_py.Redis, scheduler: Scheduler) -> None:
    schedules = scheduler.schedules
    _put(schedules, *(f"s{n:03}" for n in range(250)), tags=("x",))
    _put(schedules, "other")
    scheduler.cron("0 0 * * *", jobs.nothing, id="cron", queue_name="default")
    assert schedules.delete_all(tag="x") == 250
    assert [stored.id for stored in schedules] == ["cron", "other"]
    assert schedules.delete_all(queue_name="default") == 2
    assert len(schedules) == 0
    assert "cron" not in scheduler


def test_recurring_jobs_of_the_old_api_are_passed_over(scheduler: Scheduler) -> None:
    scheduler.cron("0 0 * * *", jobs.nothing, id="cron")
    schedules = scheduler.schedules
    assert schedules.pause_all(everything=True) == 0
    assert schedules.run_all_now(everything=True) == 0
    assert schedules.left_out(everything=True) == []


def test_many_take_few_round_trips(redis: redis_py.Redis, schedules: Schedules) -> None:
    _put(schedules, *(f"s{n:03}" for n in range(300)))
    schedules.pause_all(prefix="none")
    sent, done = commands(redis, lambda: schedules.pause_all(everything=True))
    assert sent < 15
    assert schedules.count(everything=True, paused=True) == 300
    assert done in (0, 300)


def test_one_that_cannot_be_does_not_keep_the_others(redis: redis_py.Redis, schedules: Schedules) -> None:
    _put(schedules, "a", "b", "c")
    schedules.pause_all(everything=True)
    redis.hset("rq:scheduler:schedule:b", "spec", '{"format":2}')
    with pytest.raises(SchedulerError, match=r"1 could not be resumed, the others were: b: .*newer"):
        schedules.resume_all(everything=True)
    assert _paused(schedules) == ["b"]
    redis.delete("rq:scheduler:template:a")
    with pytest.raises(SchedulerError, match="2 could not be run, the others were: a: "):
        schedules.run_all_now(everything=True)
    assert len(waiting(redis)) == 1


@pytest.mark.parametrize(
    ("selection", "error", "named"),
    [
        ({}, InvalidArgument, "nothing says which"),
        ({"tag": None}, InvalidArgument, "nothing says which"),
        ({"everything": False}, InvalidArgument, "nothing says which"),
        ({"everything": True, "tag": "x"}, InvalidArgument, "goes with no other"),
        ({"everything": 1}, InvalidType, "everything=1"),
        ({"tag": 5}, InvalidType, "tag=5"),
        ({"queue": "x"}, InvalidType, "queue="),
    ],
)
def test_what_chooses_nothing_is_refused(
    redis: redis_py.Redis, schedules: Schedules, selection: Any, error: type[Exception], named: str
) -> None:
    _put(schedules, "a")
    before = snapshot(redis)
    calls: tuple[Callable[..., Any], ...] = (
        *(schedules.pause_all, schedules.resume_all, schedules.run_all_now, schedules.delete_all),
        *(schedules.count, schedules.left_out, schedules.backfill_left_out),
    )
    for call in calls:
        with pytest.raises(error, match=named):
            call(**selection)
    assert snapshot(redis) == before
