"""Definitions that were: what is kept of them, by whom they were made, and going back."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest
import redis as redis_py
from rq import Retry

import jobs_for_tests as jobs
from making import lives_for, snapshot
from rq_scheduler import Cron, Every, Schedule, Scheduler, Version
from rq_scheduler.errors import IdTaken, InvalidArgument, ScheduleNotFound, VersionConflict
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START

pytestmark = pytest.mark.once

NIGHTLY = Cron("30 2 * * *", timezone="Europe/Paris")


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis, actor="me")


def numbers(versions: list[Version]) -> list[int]:
    return [each.version for each in versions]


class TestWhatIsKept:
    def test_of_a_new_one_nothing_but_what_it_is(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        scheduler.schedules.put("a", NIGHTLY, jobs.echo, args=(1,), tags=("t", "u"))
        scheduler.schedules.put("a", NIGHTLY, jobs.echo, args=(1,), tags=("t", "u"))
        (only,) = scheduler.schedules.versions("a")
        assert (only.version, only.until, only.actor, only.changes, only.restorable) == (1, None, "me", {}, True)
        assert only.since == scheduler.schedules["a"].updated_at
        assert only.spec is not None
        assert (only.spec.trigger, only.func, only.call) == (NIGHTLY, "jobs_for_tests.echo", "jobs_for_tests.echo(1)")
        assert (only.queue_name, only.owner, only.tags) == ("default", "", ("t", "u"))
        assert not redis.exists("rq:scheduler:versions:a"), "costs nothing"

    def test_each_with_what_it_changed_and_who_did(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        scheduler.schedules.put("a", NIGHTLY, jobs.echo, args=(1,))
        you = Scheduler(connection=redis, actor="you").schedules
        you.update("a", args=(2,), jitter="30s")
        scheduler.schedules.update("a", trigger=Every(60, anchor=START))
        scheduler.schedules.pause("a")
        third, second, first = scheduler.schedules.versions("a")
        assert numbers([third, second, first]) == [3, 2, 1]
        assert [each.actor for each in (third, second, first)] == ["me", "you", "me"]
        assert (third.since, second.since) == (second.until, first.until), "one after the other"
        assert third.until is None
        call = "jobs_for_tests.echo"
        assert second.changes == {"jitter": ("", "30s"), "call": (f"{call}(1)", f"{call}(2)")}
        assert third.changes == {"trigger": (str(NIGHTLY), str(Every(60, anchor=START)))}
        told = {each.details["version"]: each for each in scheduler.audit.read(actions=("defined", "changed"))}
        assert (told["2"].changes, told["2"].actor) == (second.changes, "you")
        assert (told["3"].changes, told["3"].action) == (third.changes, "changed")
        assert (told["1"].changes, told["1"].action) == ({}, "defined")

    def test_ten_of_them(self, scheduler: Scheduler) -> None:
        for seconds in range(60, 75):
            scheduler.schedules.put("a", Every(seconds), jobs.nothing)
        assert numbers(scheduler.schedules.versions("a")) == list(range(15, 4, -1))

    def test_for_30_days_after_a_deletion_and_with_their_numbers(
        self, redis: redis_py.Redis, scheduler: Scheduler
    ) -> None:
        scheduler.schedules.put("a", Every(60), jobs.nothing)
        scheduler.schedules.put("a", Every(61), jobs.nothing)
        since = monotonic()
        scheduler.schedules.delete("a")
        assert lives_for(redis, "rq:scheduler:versions:a", 30 * 86_400, since)
        deleted, first = scheduler.schedules.versions("a")
        assert numbers([deleted, first]) == [2, 1]
        assert deleted.until is not None
        scheduler.schedules.put("a", Every(62), jobs.nothing)
        assert redis.ttl("rq:scheduler:versions:a") == -1
        assert numbers(scheduler.schedules.versions("a")) == [3, 2, 1]
        assert scheduler.schedules["a"].version == 3, "a number means one definition"

    def test_of_so_many_deleted_schedules(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        for id in ("a", "b", "c"):
            scheduler.schedules.put(id, Every(60), jobs.nothing)
        scheduler.schedules.delete("a")
        with redis.pipeline(transaction=False) as pipe:
            for number in range(10_000):
                pipe.zadd("rq:scheduler:deleted_schedules", {f"other-{number}": 4e9})
            pipe.execute()
        scheduler.schedules.delete("b")
        assert numbers(scheduler.schedules.versions("b")) == [1]
        with pytest.raises(ScheduleNotFound):
            scheduler.schedules.versions("a")
        scheduler.schedules.undo("b")
        scheduler.schedules.delete("c")
        assert numbers(scheduler.schedules.versions("b")) == [2, 1], "it is there again"

    def test_goes_along_with_another_id(self, scheduler: Scheduler) -> None:
        for id in ("old", "new"):
            for seconds in (60, 61, 62):
                scheduler.schedules.put(id, Every(seconds), jobs.nothing)
        scheduler.schedules.delete("new")
        store = scheduler._store
        (stored,) = store.read_definitions(["old"])[1]
        assert stored is not None
        assert store.rename_schedule(stored, "new")
        assert numbers(scheduler.schedules.versions("new")) == [3, 2, 1]
        with pytest.raises(ScheduleNotFound):
            scheduler.schedules.versions("old")

    def test_nothing_of_what_is_none(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        with pytest.raises(ScheduleNotFound):
            scheduler.schedules.versions("unknown")
        scheduler.schedule(datetime(2040, 1, 1, tzinfo=UTC), jobs.nothing, interval=60, id="r")
        with pytest.raises(IdTaken, match="recurring job"):
            scheduler.schedules.versions("r")
        scheduler.schedules.put("a", Every(60), jobs.nothing)
        redis.lpush("rq:scheduler:versions:a", b"\xff", "garbage", "")
        assert numbers(scheduler.schedules.versions("a")) == [1]
        scheduler.schedules.put("a", Every(61), jobs.nothing)
        assert numbers(scheduler.schedules.versions("a")) == [2, 1]
        redis.set("rq:scheduler:versions:a", "of a wrong type")
        scheduler.schedules.put("a", Every(62), jobs.nothing)
        assert numbers(scheduler.schedules.versions("a")) == [3]
        scheduler.schedules.delete("a")

    def test_no_call_that_is_too_large(self, scheduler: Scheduler) -> None:
        scheduler.schedules.put("a", Every(60), jobs.echo, args=(random.randbytes(70_000),))
        scheduler.schedules.put("a", Every(60), jobs.nothing)
        _, first = scheduler.schedules.versions("a")
        assert not first.restorable
        assert first.func == "jobs_for_tests.echo"
        with pytest.raises(InvalidArgument, match=r"version 1 of 'a' was too large to be kept \(64 kB\)"):
            scheduler.schedules.undo("a")


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, tuple[str, str]]]] = {
    "policies": (
        {"overlap": "skip", "catchup": "all"},
        {"overlap": "allow", "catchup": "all", "max_runs": 5, "catchup_window": "1h"},
        {"overlap": ("skip", "allow"), "max_runs": ("", "5"), "catchup_window": ("", "3600s")},
    ),
    "a queue": ({}, {"queue_name": "other"}, {"queue_name": ("default", "other")}),
    "tags": ({"tags": ("a", "b")}, {"tags": ("b",)}, {"tags": ("a, b", "b")}),
    "options of the job": (
        {"job_timeout": "5m", "retry": Retry(max=3)},
        {"job_timeout": "6m", "at_front": True, "on_success": jobs.on_success},
        {
            "job_timeout": ("300", "360"),
            "retry": ("3", ""),
            "retry_intervals": ("[0]", ""),
            "at_front": ("", "1"),
            "on_success": ("", "jobs_for_tests.on_success"),
            "success_callback_timeout": ("", "60"),
        },
    ),
    "meta": ({"meta": {"a": 1}}, {"meta": {"a": 2}}, {"meta": ("", "")}),
    "a description": ({"description": "x"}, {"description": "y"}, {"description": ("x", "y")}),
    "arguments that read the same": ({"args": ("x" * 500,)}, {"args": ("x" * 499 + "y",)}, {"args": ("", "")}),
    "long texts": (
        {"tags": tuple(f"tag-{number}" for number in range(100))},
        {"tags": ("x" * 300,)},
        {"tags": (", ".join(f"tag-{number}" for number in range(100))[:199] + "…", "x" * 199 + "…")},
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_a_change_is_told_as(scheduler: Scheduler, case: str) -> None:
    before, after, told = CHANGES[case]
    scheduler.schedules.put("a", NIGHTLY, jobs.echo, **before)
    scheduler.schedules.put("a", NIGHTLY, jobs.echo, **after)
    changes = scheduler.schedules.versions("a")[0].changes
    assert scheduler.audit.read(limit=1)[0].changes == changes
    assert changes == told


class TestUndo:
    def test_puts_the_definition_before_back(self, scheduler: Scheduler) -> None:
        put = scheduler.schedules.put("a", NIGHTLY, jobs.echo, args=(1,), kwargs={"x": b"\x00\xff"}, tags=("t",))
        scheduler.schedules.update("a", args=(2,), trigger=Every(60), tags=(), jitter="1s")
        undone = scheduler.schedules.undo("a")
        assert undone.version == 3
        assert (undone.spec, undone.tags, undone.next_run_at) == (put.spec, put.tags, put.next_run_at)
        assert undone.definition == put.definition
        entry = scheduler.audit.read(limit=1)[0]
        assert (entry.action, entry.id, entry.actor) == ("undone", "a", "me")
        assert entry.details == {"version": "3", "restores": "1"}
        assert entry.changes["jitter"] == ("1s", "")
        again = scheduler.schedules.undo("a")
        assert (again.version, again.trigger) == (4, scheduler.schedules.versions("a")[2].spec.trigger)
        assert again.definition.args == (2,)

    def test_lets_it_run_as_it_did(self, redis: redis_py.Redis) -> None:
        scheduler = Scheduler(connection=redis)
        with ManualDispatcher(scheduler, ManualClock(START)) as dispatcher:
            scheduler.schedules.put("a", Every(60), jobs.echo, args=("first",), overlap="allow")
            dispatcher.tick(60)
            scheduler.schedules.update("a", trigger=Every(7), args=("second",))
            scheduler.schedules.undo("a")
            runs = dispatcher.tick(120)
            assert [run.at - START for run in runs] == [timedelta(seconds=120), timedelta(seconds=180)]
            assert len(scheduler.schedules.runs("a")) == 3, "its history stays"

    def test_of_a_deletion(self, scheduler: Scheduler) -> None:
        put = scheduler.schedules.put(Schedule("a", NIGHTLY, jobs.echo, args=(1,), tags=("t",)))
        scheduler.schedules.pause("a", note="why not")
        scheduler.schedules.delete("a")
        entry = scheduler.audit.read(limit=1)[0]
        back = scheduler.schedules.undo(entry)
        assert (back.version, back.paused, back.note) == (2, True, "why not"), "as it was deleted"
        assert scheduler.schedules.resume("a").next_run_at == put.next_run_at
        assert back.definition.args == (1,)
        assert [each.id for each in scheduler.schedules.find(tag="t")] == ["a"]

    def test_only_of_what_is_there(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        schedules = scheduler.schedules
        schedules.put("a", Every(60), jobs.nothing)
        schedules.update("a", jitter="1s")
        entry = scheduler.audit.read(limit=1)[0]
        schedules.update("a", jitter="2s")
        before = snapshot(redis)
        for given in ((entry,), ("a", 2)):
            with pytest.raises(VersionConflict, match="'a' is at version 3, not 2"):
                schedules.undo(given[0], version=given[1] if len(given) > 1 else None)
        assert snapshot(redis) == before
        assert schedules.undo("a", version=3).spec.jitter is not None
        schedules.delete("a")
        with pytest.raises(VersionConflict, match="'a' is at version 4, not 3"):
            schedules.undo("a", version=3)
        assert schedules.undo("a", version=4).version == 5

    def test_refuses_the_rest(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        schedules = scheduler.schedules
        schedules.put("a", Every(60), jobs.nothing)
        defined = scheduler.audit.read(limit=1)[0]
        scheduler.schedule(datetime(2040, 1, 1, tzinfo=UTC), jobs.nothing, interval=60, id="r")
        before = snapshot(redis)
        refusals: list[tuple[Callable[[], object], type[Exception], str]] = [
            (lambda: schedules.undo("a"), InvalidArgument, "no earlier definition of 'a' is kept"),
            (lambda: schedules.undo("unknown"), ScheduleNotFound, "no schedule has the id 'unknown'"),
            (lambda: schedules.undo("r"), IdTaken, "recurring job"),
            (lambda: schedules.undo(defined), InvalidArgument, "'defined' of 'a' is no change of a definition"),
            (lambda: schedules.undo("a", version=-1), InvalidArgument, "version=-1 is negative"),
            (lambda: schedules.undo("a b"), InvalidArgument, "id='a b' will not do"),
        ]
        for call, kind, says in refusals:
            with pytest.raises(kind, match=says):
                call()
        assert snapshot(redis) == before

    def test_loads_no_argument(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        """Neither code nor serializer of the application has to be here."""
        other = Scheduler(connection=redis, serializer="rq.serializers.JSONSerializer")
        other.schedules.put("a", Every(60), jobs.echo, args=(1,))
        other.schedules.put("a", Every(60), jobs.echo, args=(2,))
        scheduler.schedules.undo("a")
        assert other.schedules["a"].definition.args == [1] or other.schedules["a"].definition.args == (1,)
