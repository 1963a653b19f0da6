"""Schedules in a pass: planned, committed, told; what is odd holds up nobody; what is slow goes through RQ, once."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py
from rq import Queue
from rq.job import Job

import rq_scheduler.dispatcher.batch_size as batch_size_module
import rq_scheduler.dispatcher.burst as burst_module
import rq_scheduler.dispatcher.passes as passes_module
import rq_scheduler.dispatcher.planner as planner_module
import rq_scheduler.dispatcher.previous_runs as previous_runs
import rq_scheduler.dispatcher.schedules as schedules_module
from making import HOUR, INDEX, US, Told, counts_of_passes, dispatcher, finish, history, make_job, now_us, waiting
from making_schedules import (
    EVERY,
    due_again,
    fire,
    fire_page,
    ids_of,
    job_fields,
    new,
    planned_in_time,
    put,
    put_due,
    put_long_ago,
    record,
    run_now,
    spec,
    stored,
    unplanned_of,
)
from rq_scheduler.dispatcher import Dispatcher, Options
from rq_scheduler.jobs import JobCreator
from rq_scheduler.model import encode_spec
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store, rq_format
from rq_scheduler.store.schedules import JobFields, Write
from support import wait_until

Running = Callable[..., Dispatcher]


class Listening(Told):
    """Also remembers what is told of schedules alone."""

    def paused(self, id: str, reason: str) -> None:
        self.others.append(("paused", id, reason))

    def not_stopped(self, id: str, error: BaseException) -> None:
        self.others.append(("not stopped", id, str(error)))


@pytest.fixture
def told() -> Listening:
    return Listening()


def make_passes(client: Any, told: Told, most: int = 20) -> Dispatcher:
    """Passes until all is served; fails where they never end."""
    one = dispatcher(client, told)
    for _ in range(most):
        if not one.dispatch_once().more_is_due:
            return one
    raise AssertionError("there is always more to do")


class TestAPass:
    def test_all_that_is_due_is_served_and_each_told_once(
        self, redis: redis_py.Redis, store: Store, told: Listening
    ) -> None:
        now = now_us(redis)
        put_long_ago(store, *(new(redis, f"s{n:03}", now - 1000 + n, of=spec(3600)) for n in range(450)))
        put(store, new(redis, "later", now + HOUR))
        one = dispatcher(redis, told, options=Options(rq_registries=False))
        results = [one.dispatch_once()]
        while results[-1].unfinished:  # a script of Redis ends in time, also where Redis is slow just now
            results.append(one.dispatch_once())
            assert len(results) < 20
        assert sum(each.handed_off for each in results) == 450
        assert results[0].queues == {"default"}
        assert sorted(told.ids) == sorted(waiting(redis)) == [run_id(f"s{n:03}", now - 1000 + n) for n in range(450)]
        assert sorted(job.due for job, _ in told.jobs) == [now - 1000 + n for n in range(450)]
        seconds = results[-1].seconds_to_next()
        assert seconds is not None
        assert 3000 < seconds < 3600

    def test_catches_up(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        first = put_due(store, ago=450 * 60 * US + 1000, of=spec(catchup="all", overlap="allow"))
        redis.hset(store.keys.schedule("s"), "updated", 0)
        make_passes(redis, told)
        assert told.ids == [run_id("s", first + n * 60 * US) for n in range(451)]

    def test_tells_what_does_not_run(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        buffering = spec(overlap="buffer_one")
        put_due(store, "a")
        put_due(store, "b", of=buffering)
        make_passes(redis, told)
        nominals = [due_again(store, "a"), due_again(store, "b")]
        put_due(store, "missed", ago=100 * US, of=spec(3600, catchup="none"))
        redis.hset(store.keys.schedule("missed"), "updated", 0)
        make_passes(redis, told)
        assert sorted(told.skips) == [("a", nominals[0], "skipped"), ("b", nominals[1], "buffered")]
        assert [id for id, _ in told.missing] == ["missed"]

    def test_a_foreign_fence(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        put_due(store)
        redis.set(store.keys.fence, "1795", ex=60)
        result = dispatcher(redis, told).dispatch_once()
        assert (result.handed_off, result.fenced is None) == (0, False)
        assert (waiting(redis), told.jobs) == ([], [])

    @pytest.mark.parametrize("taken_for", [60, 0], ids=["", "planning takes longer than it has them"])
    def test_goes_on_where_its_time_ran_out(
        self, redis: redis_py.Redis, store: Store, told: Listening, taken_for: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_long_ago(store, *(new(redis, f"s{n:03}", now_us(redis) - 1000 + n, of=spec(3600)) for n in range(50)))
        monkeypatch.setattr(passes_module, "LONGEST_PASS", 0)
        monkeypatch.setattr(schedules_module, "PLANNING", 0)
        monkeypatch.setattr(planner_module, "TAKEN_FOR", taken_for)
        counts = counts_of_passes(dispatcher(redis, told))
        assert sorted(told.ids) == sorted(waiting(redis))
        assert len(set(told.ids)) == 50
        assert len(counts) > 10

    def test_goes_on_in_the_page_in_which_its_time_ran_out(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_long_ago(store, *(new(redis, f"s{n:03}", now_us(redis) - 1000 + n, of=spec(3600)) for n in range(450)))
        planned_in_time(store, *(f"s{n:03}" for n in range(450)))
        monkeypatch.setattr(schedules_module, "MAX_LOOKS", 200)
        one = dispatcher(redis)
        monkeypatch.setattr(passes_module, "LONGEST_PASS", 0)
        assert one.dispatch_once().unfinished
        monkeypatch.setattr(passes_module, "LONGEST_PASS", 60)
        assert not one.dispatch_once().unfinished
        assert len(waiting(redis)) == 450

    def test_what_cannot_be_planned_here_has_one_turn_and_hides_nothing(
        self, redis: redis_py.Redis, store: Store, told: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = now_us(redis) - 10_000
        put(store, *(new(redis, f"bad-{n:02}", now + n, of=spec(600 + n)) for n in range(30)))
        put(store, new(redis, "good", now + 60))
        planned = planner_module.coming

        def plan_here(id: str, *arguments: Any, **options: Any) -> Any:
            if id != "good":
                raise OSError("too many open files")
            return planned(id, *arguments, **options)

        monkeypatch.setattr(planner_module, "coming", plan_here)
        monkeypatch.setattr(passes_module, "LONGEST_PASS", 0)
        one = dispatcher(redis, told, options=Options(rq_registries=False))
        counts = counts_of_passes(one)
        assert (sum(counts), len(told.delays)) == (1, 30)
        result = one.dispatch_once()
        assert result.next_due is not None
        assert result.next_due > result.now, "nor does it keep the dispatcher from sleeping"
        assert len(told.delays) == 30

    @pytest.mark.parametrize("planned", [True, False])
    def test_large_calls_run_alone(
        self, redis: redis_py.Redis, store: Store, told: Listening, planned: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        large = JobFields({**job_fields(redis).fields, "data": b"x" * 600_000}, "f", "f()", "default")
        for id in ("a", "b", "c"):
            put_due(store, id, job=large, of=spec(3600))
        for id in ("d", "e"):
            put_due(store, id, of=spec(3600))
        if planned:
            planned_in_time(store, "a", "b", "c", "d", "e")
        one = dispatcher(redis, told)
        runs: list[int] = []
        for name in ("fire", "write_plans"):
            monkeypatch.setattr(one._store, name, counting(getattr(one._store, name), runs))
        assert one.dispatch_once().handed_off == 5
        assert [number for number in runs if number] == [1, 1, 1, 2]

    def test_scripts_that_take_long_make_fewer_runs_and_grow_again(
        self, redis: redis_py.Redis, store: Store, told: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # So few that no script ends by its own clock.
        monkeypatch.setattr(schedules_module, "FIRST_RUNS", 20)
        monkeypatch.setattr(schedules_module, "MIN_RUNS", 4)
        ids = [f"s{n:03}" for n in range(80)]
        put_long_ago(store, *(new(redis, id, now_us(redis) - 1000, of=spec(3600)) for id in ids))
        planned_in_time(store, *ids)
        one = dispatcher(redis, told)
        sizes: list[int] = []
        fire_them = one._store.fire

        def fire(*arguments: Any, **options: Any) -> Any:
            monkeypatch.setattr(batch_size_module, "BUDGET", 0.0 if len(sizes) < 3 else 60.0)
            page = fire_them(*arguments, **options)
            sizes.append(len(page.fires.handed_off))
            return page

        monkeypatch.setattr(one._store, "fire", fire)
        assert one.dispatch_once().handed_off == 80
        assert sizes[:6] == [20, 4, 4, 4, 6, 9]

    def test_plans_for_which_a_script_has_no_time_are_written_by_the_next(
        self, redis: redis_py.Redis, store: Store, told: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_long_ago(store, *(new(redis, f"s{n}", now_us(redis) - 1000, of=spec(3600)) for n in range(7)))
        one = dispatcher(redis, told)
        sizes: list[int] = []
        act = counting(one._store.write_plans, sizes)
        monkeypatch.setattr(
            one._store, "write_plans", lambda writes, *rest, **options: act(writes[:3], *rest, **options)
        )
        assert one.dispatch_once().handed_off == 7
        assert sizes == [3, 3, 1]


def counting(act: Callable[..., Any], runs: list[int]) -> Callable[..., Any]:
    """The same, and how many runs each call makes."""

    def counted(*arguments: Any, **options: Any) -> Any:
        answer = act(*arguments, **options)
        fires = answer[0] if isinstance(answer, tuple) else answer.fires
        runs.append(len(fires.handed_off))
        return answer

    return counted


class TestPlanningAhead:
    def test_at_the_moment_itself_python_has_nothing_to_do(
        self, redis: redis_py.Redis, store: Store, told: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        planned: list[str] = []
        plan = planner_module.coming

        def counting(id: str, *args: Any, **options: Any) -> Any:
            planned.append(id)
            return plan(id, *args, **options)

        monkeypatch.setattr(planner_module, "coming", counting)
        put(store, new(redis, due=now_us(redis) + US // 2, of=spec(3600)))
        one = dispatcher(redis, told)
        for _ in range(3):
            assert one.dispatch_once().handed_off == 0
        assert planned == ["s"]
        wait_until(lambda: one.dispatch_once().handed_off == 1)
        assert planned == ["s"]
        assert told.jobs[0][1] >= told.jobs[0][0].due

    def test_what_is_due_fires_by_its_plan_before_that_is_continued(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One of every minute wants to be planned at the moment at which it is due."""
        ids = [f"s{n:03}" for n in range(300)]
        put_long_ago(store, *(new(redis, id, now_us(redis) - 1000) for id in ids))
        planned_in_time(store, *ids)
        monkeypatch.setattr(schedules_module, "PLANNING", 60)
        one = dispatcher(redis)
        runs: list[int] = []
        monkeypatch.setattr(one._store, "write_plans", counting(one._store.write_plans, runs))
        while one.dispatch_once().more_is_due:
            pass
        assert (len(waiting(redis)), sum(runs)) == (300, 0)
        assert runs, "they were continued"

    def test_a_plan_falls_with_the_definition(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        due = now_us(redis) + US // 5
        put(store, new(redis, due=due), new(redis, "deleted", due), new(redis, "paused", due))
        one = dispatcher(redis, told)
        one.dispatch_once()
        put(store, new(redis, due=due, job=job_fields(redis, "other"), rev=record(store)["rev"]))
        put(store, Write("paused", record(store, "paused")["rev"], paused=True))
        store.delete_schedule("deleted")
        wait_until(lambda: one.dispatch_once().handed_off == 1)
        assert (waiting(redis), waiting(redis, "other")) == ([], [run_id("s", due)])
        assert one.dispatch_once().handed_off == 0


class TestWhatIsTaken:
    def test_by_one_that_died_a_burst_waits_for(self, redis: redis_py.Redis, store: Store) -> None:
        """Nobody else may come for a long time."""
        nominal = put_due(store, of=spec(3600))
        fire_page(store)
        store.take_to_plan(250)
        redis.zadd(store.keys.unplanned, {"s": now_us(redis) / US + 0.3}, xx=True)  # of two seconds
        dispatcher(redis).run(burst=True)
        assert waiting(redis) == [run_id("s", nominal)]

    def test_comes_again_when_the_servers_clock_says_so(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """That of this host may be faster."""
        nominal = put_due(store, of=spec(3600))
        fire_page(store)
        store.take_to_plan(250)
        redis.zadd(store.keys.unplanned, {"s": now_us(redis) / US + 0.3}, xx=True)  # of two seconds
        real, began = time.monotonic, time.monotonic()
        for module, name in ((time, "monotonic"), (passes_module, "monotonic")):
            monkeypatch.setattr(module, name, lambda: real() + (real() - began))
        dispatcher(redis).run(burst=True)
        assert waiting(redis) == [run_id("s", nominal)]

    def test_by_a_clock_that_stands_still_holds_up_no_burst(
        self, redis: redis_py.Redis, still: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_due(still, of=spec(3600))
        fire_page(still)
        still.take_to_plan(250)
        monkeypatch.setattr(burst_module, "BURST_PATIENCE", 0.1)
        dispatcher(redis, store=still).run(burst=True)
        assert waiting(redis) == []

    @pytest.mark.parametrize("by", ["a change", "its next instant", "what never agrees"])
    def test_and_overtaken_before_it_is_planned_has_its_turn_in_a_burst(
        self, redis: redis_py.Redis, store: Store, by: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_long_ago(store, new(redis, "s", now_us(redis) - US, of=spec(0.2 if by == "its next instant" else 3600)))
        one = dispatcher(redis)
        write, rev, written = one._store.write_plans, record(store)["rev"], 0

        def overtaken(writes: Any, lasting: int, **options: Any) -> Any:
            nonlocal written
            written += 1
            if by == "what never agrees" or (by == "a change" and written == 1):
                redis.hset(store.keys.schedule("s"), "rev", f"{rev}{written}")
            if by == "its next instant" and written == 1:
                lasting, due = 0, writes[0].coming.instants[1].due
                wait_until(lambda: now_us(redis) > due)
            return write(writes, lasting, **options)

        monkeypatch.setattr(one._store, "write_plans", overtaken)
        one.run(burst=True)
        assert bool(waiting(redis)) == (by != "what never agrees")
        assert written == {"a change": 2, "what never agrees": 4}.get(by, written)

    def test_one_that_is_stopped_gives_back_at_once(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ids = [f"s{n}" for n in range(5)]
        put(store, *(new(redis, id, now_us(redis) - 1000, of=spec(3600 + n)) for n, id in enumerate(ids)))
        one, plan = dispatcher(redis), planner_module.coming

        def stopped(*arguments: Any, **options: Any) -> Any:
            one.request_stop()
            return plan(*arguments, **options)

        monkeypatch.setattr(planner_module, "coming", stopped)
        monkeypatch.setattr(schedules_module, "PLANNING", 0)
        with pytest.raises(SystemExit):
            one.run()
        assert len(waiting(redis)) == 1
        assert len(store.take_to_plan(250).schedules) == 4


class TestWhatCannotBeServed:
    def test_holds_up_nobody_and_says_why(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        now = now_us(redis) - HOUR
        broken: dict[str, Callable[[], Any]] = {
            "no-record": lambda: redis.delete(store.keys.schedule("no-record")),
            "no-hash": lambda: (
                redis.delete(store.keys.schedule("no-hash")),
                redis.set(store.keys.schedule("no-hash"), 1),
            ),
            "no-json": lambda: redis.hset(store.keys.schedule("no-json"), "spec", "{"),
            "no-zone": lambda: redis.hset(
                store.keys.schedule("no-zone"),
                "spec",
                b'{"format":1,"trigger":{"type":"cron","expression":"* * * * *","timezone":"Mars/Olympus"}}',
            ),
            "no-template": lambda: redis.delete(store.keys.template("no-template")),
            "no-queue": lambda: redis.hset("rq:queue:odd", "a", "b"),
            "no-list": lambda: redis.set(store.keys.buffer("no-list"), 1),
            "no-moment": lambda: redis.zadd(store.keys.due_schedules, {"no-moment": "-inf"}),
        }
        buffers = spec(overlap="buffer_one")
        put(
            store,
            *(
                new(redis, id, now, of=buffers, job=job_fields(redis, "odd" if id == "no-queue" else "q"))
                for id in broken
            ),
        )
        for damage in broken.values():
            damage()
        redis.zadd(store.keys.due_schedules, {b"\xff": now / US})
        put_due(store, "zz-good")
        make_passes(redis, told)
        assert len(waiting(redis)) == 1
        quarantined = {id.decode(errors="replace") for id in redis.hkeys(store.keys.quarantine)}
        assert quarantined == {*broken, "\ufffd"}
        assert len(told.drops) == len(quarantined)
        assert redis.zrange(store.keys.due_schedules, 0, -1) == [b"zz-good"]
        for id in set(broken) - {"no-record", "no-hash"}:
            assert (stored(store, id).text("paused"), len(stored(store, id).text("note")) > 15) == ("1", True)

    @pytest.mark.once
    def test_a_trigger_that_is_too_much_work_is_put_aside_with_the_reason(
        self, redis: redis_py.Redis, store: Store, told: Listening
    ) -> None:
        """Whoever wrote it: a hand, for one."""
        lines = [f"RRULE:FREQ=SECONDLY;BYSECOND={n};COUNT=100000" for n in range(30)]
        put_stored(store, redis, rule={"type": "rrule", "text": "\n".join(["DTSTART:20260101T000000", *lines])})
        put_due(store, "zz-good")
        one = make_passes(redis, told)
        wait_until(lambda: one.dispatch_once() and len(waiting(redis)) == 1, message="the others go on")
        quarantined = redis.hgetall(store.keys.quarantine)
        assert quarantined.keys() == {b"rule"}
        assert b"takes too much work" in quarantined[b"rule"]

    @pytest.mark.once
    def test_what_an_earlier_version_accepted_goes_on(
        self, redis: redis_py.Redis, store: Store, told: Listening
    ) -> None:
        """It ran yesterday: what a new one may not be is no reason to stop it."""
        every = {"type": "every", "interval": "3600s", "anchor": "2026-01-01T00:00:00Z"}
        once = [{"type": "at", "moment": f"2100-01-01T{n // 60:02}:{n % 60:02}:00Z"} for n in range(400)]
        past = "RDATE:" + ",".join(f"2020{n // 28 % 12 + 1:02}{n % 28 + 1:02}T{n // 336:02}0000" for n in range(3000))
        weekly = "DTSTART:20260101T000000\nRRULE:FREQ=WEEKLY;COUNT=100000\nRRULE:FREQ=HOURLY;COUNT=99999"
        put_stored(
            store,
            redis,
            parts={"type": "any_of", "triggers": [every, *once]},
            many={"type": "rrule", "text": f"FREQ=HOURLY\n{past}"},
            long={"type": "rrule", "text": weekly},
            cron={"type": "cron", "expression": ",".join(["0"] * 1500) + " * * * *"},
        )
        one = dispatcher(redis, told)
        wait_until(lambda: one.dispatch_once() and len(waiting(redis)) == 4)
        assert {id.split("-")[0] for id in waiting(redis)} == {"parts", "many", "long", "cron"}
        assert redis.hgetall(store.keys.quarantine) == {}

    def test_where_the_quarantine_is_of_a_wrong_type_it_waits_and_holds_up_nobody(
        self, redis: redis_py.Redis, store: Store, told: Listening
    ) -> None:
        for id in ("a", "bad", "z"):
            put_due(store, id, of=spec(3600))
        redis.hset(store.keys.schedule("bad"), "spec", "{")
        redis.set(store.keys.quarantine, "x")
        one = dispatcher(redis, told)
        with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
            one.dispatch_once()
        assert sorted(told.ids) == sorted(waiting(redis))
        assert len(told.ids) == 2
        redis.delete(store.keys.quarantine)
        redis.zadd(store.keys.unplanned, {"bad": 1})  # its two seconds are over
        one.dispatch_once()
        assert redis.hkeys(store.keys.quarantine) == [b"bad"]

    def test_a_newer_format_stays_as_it_is(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        for n in range(250):
            put(store, new(redis, f"a{n:03}", now_us(redis) - US))
            redis.hset(store.keys.schedule(f"a{n:03}"), "spec", b'{"format":99,"what":"ever"}')
        put_due(store, "good")
        before = record(store, "a000")
        make_passes(redis, told)
        assert len(waiting(redis)) == 1
        assert record(store, "a000") == before
        assert redis.zcard(store.keys.due_schedules) == 251
        assert ("newer", "a000") in told.others

    def test_what_befalls_the_planning_of_one_is_told_and_holds_up_nobody(
        self, redis: redis_py.Redis, store: Store, told: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_due(store, "bad")
        put_due(store, "nested")
        put_due(store, "good")
        redis.hset(store.keys.schedule("nested"), "spec", _nested(2000))
        plan = planner_module.coming

        def raising(id: str, *args: Any, **options: Any) -> Any:
            if id == "bad":
                raise MemoryError("this host's own")
            return plan(id, *args, **options)

        monkeypatch.setattr(planner_module, "coming", raising)
        make_passes(redis, told)
        assert len(waiting(redis)) == 1
        assert [id for id, _ in told.delays] == ["bad"]
        # What no host can read is put aside; what failed on this one stays due.
        assert [stored(store, id).text("paused") for id in ("bad", "nested")] == ["", "1"]

    @pytest.mark.parametrize("burst", [True, False], ids=["burst", "passes"])
    def test_what_is_always_stale_does_not_spin(
        self, redis: redis_py.Redis, store: Store, told: Listening, burst: bool
    ) -> None:
        put_due(store, "odd")
        redis.hdel(store.keys.schedule("odd"), "kind")
        put_due(store, "good")
        one = dispatcher(redis, told)
        if burst:
            one.run(burst=True)
        else:
            results = [one.dispatch_once() for _ in range(3)]
            assert [result.unfinished for result in results] == [False] * 3
            assert results[-1].next_due is not None
            assert results[-1].next_due > results[-1].now
        assert len(waiting(redis)) == 1

    def test_strays_are_taken_away(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        put_due(store)
        put(store, Write("s", record(store)["rev"], paused=True))
        due_again(store)
        redis.zadd(store.keys.buffered, {f"gone-{n}": 1 for n in range(500)})
        put_due(store, "b", of=spec(overlap="buffer_one"))
        (run,) = ids_of(fire(store, "b"))
        second = due_again(store, "b")
        fire(store, "b")
        finish(redis, run)
        redis.zadd(store.keys.buffered, {"b": 2})
        one = make_passes(redis, told)
        wait_until(lambda: one.dispatch_once() and waiting(redis) == [run_id("b", second)])
        assert redis.zcard(store.keys.buffered) == 0
        assert redis.zrange(store.keys.due_schedules, 0, -1) == [b"b"]


def put_stored(store: Store, client: Any, **triggers: Any) -> None:
    """Schedules that are due, with these triggers as they stand in their records."""
    put_long_ago(store, *(new(client, id, now_us(client) - 1000) for id in triggers))
    for id, trigger in triggers.items():
        client.hset(store.keys.schedule(id), "spec", json.dumps({"format": 1, "trigger": trigger}))


def _nested(depth: int) -> bytes:
    """A spec whose trigger is a union in a union, and so on."""
    trigger = b'{"type":"every","interval":"60s"}'
    for _ in range(depth):
        trigger = b'{"type":"any_of","triggers":[' + trigger + b"]}"
    return encode_spec(EVERY).split(b'"trigger"')[0] + b'"trigger":' + trigger + b"}"


class TestLostRuns:
    def test_of_a_deleted_queue_stop_it_for_two_instants_at_most(
        self, redis: redis_py.Redis, store: Store, told: Listening
    ) -> None:
        put(store, new(redis))
        for _ in range(3):
            run_now(store, force=True)
        redis.delete("rq:queue:default")
        for wanted in (0, 1):
            due_again(store)
            make_passes(redis, told)
            assert len(waiting(redis)) == wanted

    def test_in_the_intermediate_list_are_not_lost(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        put_due(store)
        make_passes(redis, told)
        (run,) = waiting(redis)
        redis.lmove("rq:queue:default", "rq:queue:default:intermediate")
        for _ in range(3):
            due_again(store)
            make_passes(redis, told)
        assert told.ids == [run]
        assert record(store)["skipped"] == "3"
        assert record(store)["looked_up_at"] != ""

    def test_whose_job_has_lost_its_queue_are_over(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        put_due(store)
        make_passes(redis, told)
        redis.hdel(f"rq:job:{waiting(redis)[0]}", "origin")
        due_again(store)
        make_passes(redis, told)
        assert len(told.ids) == 2


def start(redis: redis_py.Redis, run: str) -> None:
    """A worker has begun the run."""
    redis.lrem("rq:queue:default", 0, run)
    redis.hset(f"rq:job:{run}", "status", "started")
    redis.zadd(f"rq:executions:{run}", {"e1": "+inf"})
    redis.zadd("rq:wip:default", {f"{run}:e1": "+inf"})


class TestStopping:
    def replaced(self, redis: redis_py.Redis, store: Store, told: Listening, status: str = "queued", **of: Any) -> str:
        """The id of a run that has made way for another."""
        put_due(store, of=spec(overlap="replace"), **of)
        make_passes(redis, told)
        (run,) = waiting(redis)
        if status == "started":
            start(redis, run)
        due_again(store)
        make_passes(redis, told)
        return run

    def test_cancels_one_that_waits(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        run = self.replaced(redis, store, told)
        assert waiting(redis) == told.ids[1:]
        assert Job.fetch(run, connection=redis).get_status() == "canceled"
        assert not redis.exists("rq:canceled:default"), "RQ never cleans that registry"

    @pytest.mark.parametrize(
        ("failure_ttl", "kept"),
        [(None, 3600), (-1, 3600), (7 * 86400, 3600), (60, 60), (0, -2)],
        ids=["none", "for ever", "a week", "a minute", "not at all"],
    )
    def test_keeps_it_for_its_failure_ttl_and_an_hour_at_most(
        self, redis: redis_py.Redis, store: Store, told: Listening, failure_ttl: int | None, kept: int
    ) -> None:
        run = self.replaced(redis, store, told, job=job_fields(redis, failure_ttl=failure_ttl))
        assert told.others == []
        assert kept - 10 <= redis.ttl(f"rq:job:{run}") <= kept

    def test_one_that_was_to_be_tried_again_goes_with_its_results(
        self, redis: redis_py.Redis, store: Store, told: Listening
    ) -> None:
        put_due(store, of=spec(overlap="replace"))
        make_passes(redis, told)
        (run,) = waiting(redis)
        redis.lpop("rq:queue:default")
        redis.hset(f"rq:job:{run}", "status", "scheduled")
        redis.zadd("rq:scheduled:default", {run: "+inf"})
        redis.xadd(f"rq:results:{run}", {"type": 4})
        due_again(store)
        make_passes(redis, told)
        assert redis.zcard("rq:scheduled:default") == 0
        assert 0 < redis.ttl(f"rq:job:{run}") <= 3600
        assert 0 < redis.ttl(f"rq:results:{run}") <= 3600

    def test_a_worker_that_is_away_leaves_no_more_than_the_last_run(
        self, redis: redis_py.Redis, store: Store, told: Listening
    ) -> None:
        run = self.replaced(redis, store, told)
        for _ in range(20):
            due_again(store)
            make_passes(redis, told)
        lasting = [key for key in redis.scan_iter("rq:job:*") if redis.ttl(key) == -1]
        assert lasting == [f"rq:job:{told.ids[-1]}".encode()]
        assert told.ids[0] == run
        assert not redis.exists("rq:canceled:default")

    def test_that_cannot_be_asked_is_told_and_holds_up_nobody(
        self, redis: redis_py.Redis, store: Store, told: Listening
    ) -> None:
        run = self.replaced(redis, store, told, "started")
        assert [other[:2] for other in told.others if other[0] == "not stopped"] == [("not stopped", run)]
        assert len(told.ids) == 2

    @pytest.mark.parametrize("name", ["has_rate_limit", "let_expire"], ids=["before it is watched", "after that"])
    def test_one_that_begins_at_that_moment_is_asked_to_stop(
        self, redis: redis_py.Redis, store: Store, told: Listening, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_due(store, of=spec(overlap="replace"))
        make_passes(redis, told)
        (run,) = waiting(redis)
        act, asked = getattr(rq_format, name), list[str]()

        def begin(*args: Any) -> Any:
            monkeypatch.setattr(rq_format, name, act)
            start(redis, run)
            return act(*args)

        monkeypatch.setattr(rq_format, name, begin)
        monkeypatch.setattr(previous_runs.rq.command, "send_stop_job_command", lambda *given: asked.append(given[1]))
        previous_runs.stop_run(store, JobCreator(redis), told, run)
        assert asked == [run]
        assert redis.hget(f"rq:job:{run}", "status") == b"started"
        assert redis.ttl(f"rq:job:{run}") == -1

    @pytest.mark.parametrize("error", [redis_py.ResponseError("NOPERM"), RuntimeError("odd")], ids=["rights", "other"])
    def test_an_error_of_its_own_is_told(
        self, redis: redis_py.Redis, store: Store, told: Listening, error: Exception, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*args: Any) -> None:
            raise error

        monkeypatch.setattr(previous_runs.rq.command, "send_stop_job_command", refuse)
        run = self.replaced(redis, store, told, "started")
        assert [other for other in told.others if other[0] == "not stopped"] == [("not stopped", run, str(error))]

    def test_a_redis_that_does_not_answer_reaches_the_caller(
        self, redis: redis_py.Redis, store: Store, told: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def lose(*args: Any) -> None:
            raise redis_py.ConnectionError("gone")

        monkeypatch.setattr(previous_runs.rq.command, "send_stop_job_command", lose)
        with pytest.raises(redis_py.ConnectionError):
            self.replaced(redis, store, told, "started")

    def test_one_that_is_gone_leaves_no_trace(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        previous_runs.stop_run(store, JobCreator(redis), told, "gone")
        assert redis.dbsize() == 0
        assert told.others == []


class TestPausing:
    def test_on_failures_is_told(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        put_due(store, of=spec(pause_on_failures=1))
        make_passes(redis, told)
        (run,) = waiting(redis)
        finish(redis, run)
        redis.hset(f"rq:job:{run}", "status", "failed")
        due_again(store)
        one = make_passes(redis, told)
        assert told.others == [("paused", "s", "paused after 1 failed runs in a row")]
        due_again(store)
        one.dispatch_once()
        assert len(told.others) == 1


class TestThroughRq:
    """Dependencies, rate limits, queue classes: a run waits in a set of its own until RQ has it."""

    def slow_job(self, client: Any, **options: Any) -> JobFields:
        Queue("other", connection=client).enqueue("jobs_for_tests.nothing", job_id="first")
        return job_fields(client, slow=True, depends_on="first", **options)

    def test_goes_in_the_same_pass_and_is_told_once(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        nominal = put_due(store, job=self.slow_job(redis))
        passes = dispatcher(redis, told)
        result = passes.dispatch_once()
        run = run_id("s", nominal)
        assert (result.handed_off, result.unfinished, told.ids) == (1, False, [run])
        assert Job.fetch(run, connection=redis).get_status() == "deferred"
        assert redis.smembers("rq:job:first:dependents") == {run.encode()}
        assert redis.zcard(INDEX) == 0
        make_passes(redis, told)
        assert told.ids == [run]
        assert history(redis, "s")[0][0] == "e"

    def test_is_not_lost_between_the_two_steps(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        nominal = put_due(store, job=self.slow_job(redis))
        assert fire(store).via_rq
        for _ in range(3):
            make_passes(redis, told)
        assert told.ids == [run_id("s", nominal)]
        assert redis.zcard(INDEX) == 0

    @pytest.mark.parametrize("name", ["interval", "cron_string"])
    def test_is_no_recurring_job_whatever_its_meta_holds(
        self, redis: redis_py.Redis, store: Store, told: Listening, name: str
    ) -> None:
        nominal = put_due(store, job=self.slow_job(redis, meta={name: 5}))
        assert fire(store).via_rq
        one = make_passes(redis, told)
        while one._sweep.unfinished:
            one._sweep.step()
        assert told.ids == [run_id("s", nominal)]
        assert redis.exists(store.keys.schedule(run_id("s", nominal))) == 0
        assert (redis.zcard(INDEX), redis.hlen(store.keys.quarantine)) == (0, 0)

    def test_a_run_that_a_sweep_meets_before_the_pass_is_none_either(
        self, redis: redis_py.Redis, store: Store, told: Listening
    ) -> None:
        put_due(store, job=self.slow_job(redis, meta={"interval": 5}))
        fire(store)
        one = dispatcher(redis, told)
        while one._sweep.unfinished:
            one._sweep.step()
        make_passes(redis, told)
        assert len(told.ids) == 1
        assert redis.zcard(store.keys.schedules_of("jobs")) == 0


class TestTheSweep:
    def test_arms_again_what_somebody_removed(self, redis: redis_py.Redis, store: Store, told: Listening) -> None:
        due = now_us(redis) + HOUR
        put(store, *(new(redis, f"s{n:03}", due + n) for n in range(150)), new(redis, "paused", due, paused=True))
        redis.delete(store.keys.due_schedules)
        one = dispatcher(redis, told)
        while one._sweep.unfinished:
            one._sweep.step()
        assert redis.zcard(store.keys.due_schedules) == 150
        assert unplanned_of(store, "s007").due == due + 7

    def test_a_one_off_of_0_14_under_the_id_of_a_schedule_runs_and_the_schedule_stays(
        self, redis: redis_py.Redis, store: Store, told: Listening
    ) -> None:
        put(store, new(redis, "one"), new(redis, "many"))
        for id, meta in (("one", None), ("many", {"interval": 5})):
            redis.hset(f"rq:job:{id}", mapping=make_job(redis, id, meta=meta).to_dict())
            redis.zadd(INDEX, {id: now_us(redis) / US - 5})
        before = [record(store, id) for id in ("one", "many")]
        one = make_passes(redis, told)
        while one._sweep.unfinished:
            one._sweep.step()
        assert waiting(redis) == ["one"]
        assert [(drop.id, "another id" in drop.reason) for drop in told.drops] == [("many", True)]
        assert [record(store, id) for id in ("one", "many")] == before
        assert redis.zcard(INDEX) == 0


class TestManyDispatchers:
    def test_each_instant_once_whoever_serves_it(
        self, redis: redis_py.Redis, store: Store, running: Running, server: Any
    ) -> None:
        tolds = [Listening() for _ in range(3)]
        for told in tolds:
            running(redis_py.Redis.from_url(server.url), told)
        begin = now_us(redis) + US // 5
        put(store, *(new(redis, f"s{n}", begin + n, of=spec(0.1, overlap="allow")) for n in range(10)))

        wait_until(lambda: int(record(store, "s9").get("runs", 0)) >= 15)
        put(store, *(Write(f"s{n}", record(store, f"s{n}")["rev"], paused=True) for n in range(10)))
        runs = waiting(redis)
        assert len(runs) == len(set(runs))
        # Redis has answered the last commit; its dispatcher may have to read that yet.
        wait_until(lambda: sorted(id for told in tolds for id in told.ids) == sorted(runs))
        for n in range(10):
            made = [id for id in runs if id.startswith(f"s{n}-")]
            last = int(record(store, f"s{n}")["mark"])
            instants = [run_id(f"s{n}", us) for us in range(begin + n, last + 1, US // 10)]
            missed = int(record(store, f"s{n}").get("missed", 0))
            assert set(made) <= set(instants)
            assert len(made) + missed == len(instants)
