"""Plans in the records of schedules: which count, what each serves, who may write them, and how they are handed out."""

import math
import random
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import redis as redis_py
from rq import Queue

import rq_scheduler.dispatcher.planner as planner_module
from making import HOUR, US, dispatcher, history, move_to, now_us, snapshot, waiting
from making_schedules import (
    fire_page,
    ids_of,
    job_fields,
    new,
    outcomes,
    plan_ahead,
    plan_of,
    planned_in_time,
    put,
    record,
    spec,
    stored,
    unplanned_of,
    write_one,
)
from rq_scheduler.client.schedules.changes import resumption
from rq_scheduler.clock import from_us
from rq_scheduler.dispatcher import Events, Hooks, Options
from rq_scheduler.dispatcher.recurring import Recurring
from rq_scheduler.dispatcher.via_rq import ViaRQ
from rq_scheduler.jobs import JobCreator
from rq_scheduler.model import Spec, encode_spec
from rq_scheduler.planning import MAX_PLANNED, PLAN_LEAD_US
from rq_scheduler.runs import run_ending, run_id
from rq_scheduler.store import Store, scripts
from rq_scheduler.store.clock import MANUAL_CLOCK
from rq_scheduler.store.fires import PlanWrite
from rq_scheduler.store.outcomes import Fenced, Outcome
from rq_scheduler.store.schedules import Write
from rq_scheduler.triggers import Every
from rq_scheduler.triggers.made_with import made_with, ordered

NOW = 1_774_656_000_000_000
MINUTE = 60 * US


def planner_of(store: Store, events: Events) -> planner_module.Planner:
    jobs = JobCreator(store.connection)
    via_rq = ViaRQ(store, jobs, Queue, Hooks(), events, lambda: False)
    return planner_module.Planner(
        store, events, Recurring(store, jobs.serializer, Options(), events, via_rq), by_hook=False
    )


@pytest.fixture
def store(redis: redis_py.Redis) -> Store:
    """By a clock that shows NOW."""
    move_to(redis, NOW)
    return Store(redis, clock=MANUAL_CLOCK)


def at(us: int) -> str:
    return f"{us}:{us}"


def give(
    store: Store, *instants: int | str, id: str = "s", of: Spec | None = None, updated: int = 0, **fields: Any
) -> None:
    """A schedule with just this plan, armed for its first instant; one may be "nominal:due", or "-" for the end."""
    plan = [at(each) if isinstance(each, int) else each for each in instants]
    due = int(plan[0].split(":")[1])
    put(store, new(store.connection, id, due, of=of or spec()))
    known = {"plan": " ".join(plan), "plan_rev": record(store, id)["rev"], "armed": plan[0], "updated": updated}
    store.connection.hset(store.keys.schedule(id), mapping={**known, **fields})


def served(store: Store, id: str = "s") -> list[str]:
    """What fire makes of it."""
    before = waiting(store.connection)
    fire_page(store)
    return waiting(store.connection)[len(before) :]


def is_left(store: Store, id: str = "s") -> bool:
    return store.connection.zscore(store.keys.unplanned, id) is not None


def rev_raised(store: Store) -> None:
    store.connection.hset(store.keys.schedule("s"), "rev", store.connection.incr(store.keys.revisions))


class TestWhichPlansCount:
    """Rule 1: for the record's own rev, with the armed instant in it, at the time that the index has."""

    BREAKS: ClassVar[dict[str, Callable[[Store], Any]]] = {
        "another rev": rev_raised,
        "the armed instant is not in it": lambda store: store.connection.hset(
            store.keys.schedule("s"), "armed", at(NOW - 7)
        ),
        "only as a part of one": lambda store: store.connection.hset(
            store.keys.schedule("s"), "armed", f"{NOW - 5}:{(NOW - 5) // 10}"
        ),
        "another time in the index": lambda store: store.connection.zadd(
            store.keys.due_schedules, {"s": (NOW - 5) / US - 60}
        ),
        "no plan": lambda store: store.connection.hdel(store.keys.schedule("s"), "plan"),
        "no rev of it": lambda store: store.connection.hdel(store.keys.schedule("s"), "plan_rev"),
        "a policy of another version": lambda store: store.connection.hset(
            store.keys.schedule("s"), "policy", "skip one - - - new"
        ),
        "an overlap of another version": lambda store: store.connection.hset(
            store.keys.schedule("s"), "policy", "merge one - - -"
        ),
    }

    def test_this_one_does(self, store: Store) -> None:
        give(store, NOW - 5, NOW + MINUTE)
        assert served(store) == [run_id("s", NOW - 5)]
        assert not is_left(store)

    @pytest.mark.parametrize("breaks", BREAKS)
    def test_anything_else_is_left_to_python(self, redis: redis_py.Redis, store: Store, breaks: str) -> None:
        give(store, NOW - 5, NOW + MINUTE)
        self.BREAKS[breaks](store)
        before = {key: value for key, value in snapshot(redis).items() if b"lock" not in key}
        assert served(store) == []
        assert is_left(store)
        after = {key: value for key, value in snapshot(redis).items() if b"lock" not in key}
        after.pop(b"rq:scheduler:unplanned")
        assert after == before

    def test_a_writer_that_knows_no_plans_leaves_none_that_counts(self, redis: redis_py.Redis, store: Store) -> None:
        """It has set an end: an instant behind that must not run by the old plan."""
        give(store, NOW - 5, NOW + MINUTE, NOW + 2 * MINUTE)
        rev_raised(store)
        redis.hset(store.keys.schedule("s"), "armed", at(NOW - 5))
        assert served(store) == []
        assert is_left(store)

    def test_nor_does_its_policy_after_a_pause(self, redis: redis_py.Redis, store: Store) -> None:
        """It has taken the limit of one run away."""
        due = NOW + 30 * US
        old, without_limit = (
            Spec(trigger=Every(40, anchor=from_us(due)), overlap="allow", max_runs=runs) for runs in (1, None)
        )
        put(store, new(redis, due=due, of=old))
        redis.hset(store.keys.schedule("s"), "spec", encode_spec(without_limit))
        rev_raised(store)
        put(store, Write("s", record(store)["rev"], paused=True))
        put(store, resumption(stored(store), without_limit, NOW))
        one = dispatcher(redis, store=store)
        for seconds in (0, 30, 70):
            move_to(redis, NOW + seconds * US)
            while one.dispatch_once().more_is_due:
                pass
        assert waiting(redis) == [run_id("s", due), run_id("s", due + 40 * US)]

    def test_fire_raises_no_rev_and_rewrites_no_plan(self, store: Store) -> None:
        give(store, NOW - 5, NOW + MINUTE, NOW + 2 * MINUTE)
        before = record(store)
        served(store)
        after = record(store)
        assert [after[name] for name in ("rev", "plan", "plan_rev")] == [
            before[name] for name in ("rev", "plan", "plan_rev")
        ]
        assert after["armed"] == at(NOW + MINUTE)


class TestWhatIsServed:
    """Rule 2."""

    def test_the_last_of_a_list_never_is(self, store: Store) -> None:
        give(store, NOW - 5)
        assert served(store) == []
        assert is_left(store)

    def test_unless_there_is_no_other(self, redis: redis_py.Redis, store: Store) -> None:
        give(store, NOW - 5, "-")
        assert served(store) == [run_id("s", NOW - 5)]
        assert (record(store)["armed"], redis.zcard(store.keys.due_schedules)) == ("", 0)

    @pytest.mark.parametrize(
        ("policies", "ago", "updated", "runs"),
        [
            ({}, HOUR, 0, True),
            ({"catchup": "none"}, 10 * US, 0, True),
            ({"catchup": "none"}, 10 * US + 1, 0, False),
            ({"catchup_window": 60}, MINUTE - 1, 0, True),
            ({"catchup_window": 60}, MINUTE, 0, False),
            ({"catchup_window": 5}, 10 * US, 0, True),
            ({"catchup_window": 5}, 10 * US + 1, 0, False),
            ({"catchup": "all"}, HOUR, 0, True),
            ({"catchup": "all", "catchup_window": 60}, MINUTE, 0, False),
            ({}, 10 * US, NOW, True),
            ({}, 10 * US + 1, NOW, False),
            ({}, HOUR, NOW - HOUR, True),
            ({}, HOUR, NOW - HOUR + 1, False),
            ({"catchup": "all"}, HOUR, NOW, False),
        ],
    )
    def test_alone_no_later_than_its_grace(
        self, store: Store, policies: dict[str, Any], ago: int, updated: int, runs: bool
    ) -> None:
        give(store, NOW - ago, NOW + 1, of=spec(3600, **policies), updated=updated)
        assert served(store) == ([run_id("s", NOW - ago)] if runs else [])
        assert is_left(store) is not runs

    @pytest.mark.parametrize("catchup", ["latest", "none"])
    def test_not_when_the_next_is_due_too(self, store: Store, catchup: Any) -> None:
        give(store, NOW - 5 * US, NOW, NOW + 5 * US, of=spec(5, catchup=catchup))
        assert served(store) == []
        assert is_left(store)

    @pytest.mark.parametrize(
        ("policies", "updated"), [({"catchup": "all", "catchup_window": 60}, 0), ({"catchup": "all"}, NOW)]
    )
    def test_nor_in_order_within_a_window_or_of_a_newer_definition(
        self, store: Store, policies: dict[str, Any], updated: int
    ) -> None:
        give(store, NOW - 5 * US, NOW, NOW + 5 * US, of=spec(5, **policies), updated=updated)
        assert served(store) == []

    def test_all_that_are_caught_up_run_in_order_but_the_last(self, redis: redis_py.Redis, store: Store) -> None:
        instants = [NOW - 5 * US + n * US for n in range(4)]
        give(store, *instants, of=spec(1, catchup="all", overlap="allow"))
        assert served(store) == [run_id("s", each) for each in instants[:3]]
        assert record(store)["armed"] == at(instants[3])
        assert served(store) == []
        assert is_left(store)

    @pytest.mark.parametrize(
        ("policies", "made", "buffered", "skipped"),
        [
            ({"overlap": "skip"}, 1, 0, 3),
            ({"overlap": "buffer_one"}, 1, 1, 2),
            ({"overlap": "buffer_all"}, 1, 3, 0),
            ({"overlap": "allow", "max_runs": 3}, 3, 0, 0),
            ({"overlap": "replace"}, 4, 0, 0),
        ],
    )
    def test_each_of_them_with_its_own_check(
        self, redis: redis_py.Redis, store: Store, policies: dict[str, Any], made: int, buffered: int, skipped: int
    ) -> None:
        give(store, *(NOW - 4 * US + n * US for n in range(4)), "-", of=spec(1, catchup="all", **policies))
        assert len(served(store)) == made
        assert (redis.llen(store.keys.buffer("s")), int(record(store).get("skipped", 0))) == (buffered, skipped)

    @pytest.mark.parametrize("catchup", ["latest", "all"])
    def test_a_mark_at_the_nominal_arms_the_next_and_makes_no_run(self, store: Store, catchup: Any) -> None:
        give(store, NOW - 5, NOW + MINUTE, of=spec(catchup=catchup), mark=NOW - 5)
        assert served(store) == []
        assert (record(store)["armed"], record(store)["mark"], is_left(store)) == (
            at(NOW + MINUTE),
            str(NOW - 5),
            False,
        )

    def test_no_more_of_them_at_once_than_so_many_bytes_of_calls(self, redis: redis_py.Redis, store: Store) -> None:
        give(store, *(NOW - 5 * US + n * US for n in range(6)), of=spec(1, catchup="all", overlap="allow"), size=1000)
        made = [len(fire_page(store, copies=copies).fires.handed_off) for copies in (2500, 10)]
        assert made == [2, 1], "one in any case"
        assert record(store)["armed"] == at(NOW - 2 * US)

    def test_with_jitter_what_is_due_counts(self, store: Store) -> None:
        give(store, f"{NOW - MINUTE}:{NOW - 5}", f"{NOW - 1}:{NOW + 5}")
        assert served(store) == [run_id("s", NOW - MINUTE)]
        assert store.connection.zscore(store.keys.due_schedules, "s") == (NOW + 5) / US


class TestWritingPlans:
    """Rule 3."""

    @pytest.mark.parametrize("change", ["rev", "armed", "due", "paused", "gone"])
    def test_compares_before_it_sets(self, redis: redis_py.Redis, store: Store, change: str) -> None:
        put(store, new(redis, due=NOW - 1000))
        write = plan_of(store, now=NOW)
        match change:
            case "due":
                redis.zadd(store.keys.due_schedules, {"s": 5})
            case "gone":
                redis.delete(store.keys.schedule("s"))
            case _:
                redis.hset(store.keys.schedule("s"), change, "1" if change == "paused" else "77")
        before = {key: value for key, value in snapshot(redis).items() if b"lock" not in key}
        assert outcomes(store, write) == [Outcome.STALE]
        assert {key: value for key, value in snapshot(redis).items() if b"lock" not in key} == before

    def test_does_nothing_behind_a_foreign_lock(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis, due=NOW - 1000))
        redis.set(store.keys.fence, "somebody", px=60_000)
        before = snapshot(redis)
        assert str(store.write_plans([plan_of(store, now=NOW)], NOW)).startswith("rq:scheduler_lock is held")
        assert snapshot(redis) == before

    def test_books_what_was_missed_once_whether_or_not_a_run_comes(self, redis: redis_py.Redis, store: Store) -> None:
        give(store, NOW - 5 * MINUTE, of=spec(60, catchup="none"))
        write = plan_of(store, now=NOW - 1)
        move_to(redis, NOW + 30 * US)  # the newest is too late by now
        assert outcomes(store, write, lasting=0) == [None]
        assert (record(store)["missed"], record(store)["armed"]) == ("5", at(NOW))
        assert outcomes(store, write) == [Outcome.STALE], "sent again"
        missed = record(store)["missed"]
        redis.hdel(store.keys.schedule("s"), "plan")
        write_one(store, plan_of(store, now=NOW + 30 * US))
        assert int(record(store)["missed"]) - int(missed) == 1
        assert [line[0] for line in history(redis, "s")] == ["x", "x"]

    @pytest.mark.parametrize("name", ["rev", "armed"])
    def test_what_is_no_text_compares_too(self, redis: redis_py.Redis, store: Store, name: str) -> None:
        """Else a damaged record is planned every two seconds, never fires, and nobody is told."""
        put(store, new(redis, due=NOW - 1000))
        redis.hset(store.keys.schedule("s"), name, b"\xff")
        dispatcher(redis, store=store).dispatch_once()
        assert waiting(redis) == [run_id("s", NOW - 1000)]

    def test_one_schedule_twice_is_written_once(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis, due=NOW - 1000))
        write = plan_of(store, now=NOW)
        assert outcomes(store, write, write) == [Outcome.DONE, Outcome.STALE]
        assert record(store)["runs"] == "1"

    def test_it_fires_in_the_same_step(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, new(redis, due=NOW - 1000))
        redis.config_resetstat()
        assert ids_of(write_one(store, plan_of(store, now=NOW)))
        assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] <= 2


def test_a_schedule_of_10_ms_that_slept_a_day_runs_again_at_once(redis: redis_py.Redis) -> None:
    store = Store(redis)
    begin = now_us(redis) - 86_400 * US
    put(store, new(redis, due=begin, of=spec(0.01, overlap="allow")))
    redis.hset(store.keys.schedule("s"), "updated", 0)
    one = dispatcher(redis)
    until = now_us(redis) + 2 * US
    while now_us(redis) < until:
        one.dispatch_once()
    made = waiting(redis)
    assert len(made) == len(set(made))
    assert len(made) > 50, "200 on a machine that is not busy"
    assert int(record(store)["missed"]) >= 10_000


class TestHowFarAhead:
    """Rules 4, 6 and 9."""

    @pytest.mark.parametrize(
        ("seconds", "planned"), [(3600, 2), (45, 3), (20, 4), (5, 13), (1, MAX_PLANNED), (0.01, MAX_PLANNED)]
    )
    def test_the_follower_of_what_is_due_within_a_minute(self, store: Store, seconds: float, planned: int) -> None:
        put(store, new(store.connection, due=NOW + 1, of=spec(seconds)))
        plan_ahead(store, "s", now=NOW)
        assert len(record(store)["plan"].split()) == planned

    def test_of_what_is_later_than_that_nothing(self, store: Store) -> None:
        put(store, new(store.connection, due=NOW + HOUR, of=spec(3600)))
        assert "plan" not in record(store)
        assert store.connection.zscore(store.keys.to_plan, "s") == (NOW + HOUR - PLAN_LEAD_US) / US

    @pytest.mark.parametrize("seconds", [3600, 45, 1, 0.01])
    def test_planned_next_in_time(self, store: Store, seconds: float) -> None:
        put(store, new(store.connection, due=NOW + 1, of=spec(seconds)))
        plan_ahead(store, "s", now=NOW)
        instants = [int(each.split(":")[1]) for each in record(store)["plan"].split()]
        at = round((store.connection.zscore(store.keys.to_plan, "s") or 0) * US)
        assert NOW < at < instants[-1]
        assert at == max(instants[-1] - PLAN_LEAD_US, instants[8] if len(instants) == MAX_PLANNED else 0)

    def test_what_shares_the_plan_of_another_is_not_planned_again_at_once(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        """A plan that was made for the same instant earlier reaches less far ahead."""
        put(store, *(new(redis, id, due=NOW + MINUTE, of=spec(45)) for id in ("a", "b")))
        planner = planner_of(store, Events())
        for seconds in (0, 45, 46):
            move_to(redis, NOW + seconds * US)
            planner.expect(more=True)
            writes, now = planner.next_writes(math.inf)
            if writes:
                store.write_plans(writes, now)
            scores = [store.connection.zscore(store.keys.to_plan, id) for id in ("a", "b")]
            assert min(score or 0 for score in scores) * US > now

    def test_one_that_ends_is_never_planned_again(self, store: Store) -> None:
        put(store, new(store.connection, due=NOW + 1, of=spec(60, end=from_us(NOW + 2))))
        plan_ahead(store, "s", now=NOW)
        assert record(store)["plan"] == f"{at(NOW + 1)} -"
        assert store.connection.zscore(store.keys.to_plan, "s") is None


class TestHandingOut:
    """Rule 9."""

    def due(self, store: Store, count: int, *, left: bool = True) -> None:
        put(store, *(new(store.connection, f"s{n:03}", NOW - 5, of=spec(600)) for n in range(count)))
        store.connection.delete(store.keys.to_plan)
        if left:
            page = fire_page(store)
            while page.cursor is not None:  # a script leaves what it has no time for
                page = fire_page(store, page.cursor)

    def taken(self, store: Store, most: int = 250) -> list[str]:
        return [each.id for each in store.take_to_plan(most).schedules]

    def test_two_dispatchers_are_given_different_ones(self, store: Store) -> None:
        self.due(store, 30)
        one, other = self.taken(store, 20), self.taken(store, 20)
        assert sorted(one + other) == [f"s{n:03}" for n in range(30)]
        assert self.taken(store) == []

    def test_those_of_one_that_died_come_back(self, redis: redis_py.Redis, store: Store) -> None:
        self.due(store, 3)
        first = self.taken(store)
        for seconds, wanted in ((1.9, []), (2.1, first)):
            move_to(redis, NOW + int(seconds * US))
            fire_page(store)
            assert self.taken(store) == wanted, "a look of fire does not change whose they are"

    def test_those_of_one_that_died_come_back_though_the_clock_went_back(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        """As at a failover to a server whose clock is behind."""
        put(store, new(redis, due=NOW - 2 * HOUR, of=spec(86_400)))
        fire_page(store)
        assert self.taken(store) == ["s"]
        for seconds in (0, 3, 6):
            move_to(redis, NOW - HOUR + seconds * US)
            fire_page(store)
        assert self.taken(store) == ["s"]

    def test_what_is_due_comes_first(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, *(new(redis, f"a{n:03}", NOW + MINUTE - 1, of=spec(600)) for n in range(300)))
        put(store, new(redis, "due", NOW - 5, of=spec(600)))
        redis.zrem(store.keys.to_plan, "due")
        fire_page(store)
        assert self.taken(store, 250)[0] == "due"

    def test_each_once_though_it_stands_in_both_lists(self, redis: redis_py.Redis, store: Store) -> None:
        self.due(store, 2)
        redis.zadd(store.keys.to_plan, {"s000": 1, "s001": 1})
        assert sorted(self.taken(store)) == ["s000", "s001"]

    @pytest.mark.parametrize("why", ["paused", "deleted"])
    def test_not_what_is_armed_no_more(self, redis: redis_py.Redis, store: Store, why: str) -> None:
        self.due(store, 1)
        if why == "paused":
            put(store, Write("s000", record(store, "s000")["rev"], paused=True))
        else:
            store.delete_schedule("s000")
        redis.zadd(store.keys.to_plan, {"s000": 1})
        assert self.taken(store) == []
        assert (redis.zcard(store.keys.to_plan), redis.zcard(store.keys.unplanned)) == (0, 0)

    def test_those_behind_many_that_are_paused_wait_for_no_other_pass(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        self.due(store, 260)
        for n in range(10):
            redis.hset(store.keys.schedule(f"s{n:03}"), "paused", "1")
        planner = planner_of(store, Events())
        planner.expect(more=True)
        planned: list[str] = []
        while not planner.is_done:
            writes, _ = planner.next_writes(math.inf)
            planned += [write.of.id for write in writes]
        assert planned == [f"s{n:03}" for n in range(10, 260)]

    @pytest.mark.usefixtures("scripts_as_is")
    def test_no_write_of_very_many_takes_long(self, store: Store) -> None:
        """It ends by its own clock, before Redis 7.4 by what it has looked at. Others come by the next one."""
        self.due(store, 1_000)
        while fire_page(store).cursor:
            pass
        planner = planner_of(store, Events())
        planner.expect(more=True)
        writes: list[PlanWrite] = []
        while not planner.is_done:
            writes += planner.next_writes(math.inf)[0]
        handed_off, calls = 0, 0
        while writes:
            answer = store.write_plans(writes, NOW)
            assert not isinstance(answer, Fenced)
            fires, written = answer
            assert all(written)
            handed_off, calls, writes = handed_off + len(fires.handed_off), calls + 1, writes[len(written) :]
        assert handed_off == 1_000
        assert calls > 1

    def test_what_cannot_be_planned_here_is_put_off(self, redis: redis_py.Redis, store: Store) -> None:
        put(store, *(new(redis, f"s{n}", NOW + 5, of=spec(600)) for n in range(2)))
        redis.zadd(store.keys.unplanned, {"s0": NOW / US})  # it was due, and then moved
        store.put_off_plans(["s0", "other"], NOW + MINUTE)
        assert self.taken(store) == ["s1"]
        assert redis.zscore(store.keys.to_plan, "other") is None
        move_to(redis, NOW + 5)
        assert fire_page(store).unplanned_at == NOW + 5, "when it is due, it is tried in any case"

    def test_what_is_given_back_is_given_to_others_at_once(self, redis: redis_py.Redis, store: Store) -> None:
        self.due(store, 3)
        first = self.taken(store)
        store.give_back_plans(first[1:])
        assert self.taken(store) == first[1:]

    def test_what_one_cannot_plan_another_does_two_seconds_later(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And whoever could not leaves it alone for a minute."""
        self.due(store, 1)
        tried: list[int] = []

        def fail(*arguments: Any, **options: Any) -> Any:
            tried.append(now_shown(redis))
            raise OSError("too many open files")

        unable = planner_of(store, Events())
        with monkeypatch.context() as context:
            context.setattr(planner_module, "coming", fail)
            for seconds in (0, 3, 58, 61):
                move_to(redis, NOW + seconds * US)
                unable.expect(more=True)
                assert unable.next_writes(math.inf)[0] == []
        assert [(at - NOW) // US for at in tried] == [0, 61]
        move_to(redis, NOW + 63 * US + 1)
        planner_pass(store)
        assert record(store, "s000")["plan"]

    def test_bad_ones_at_the_head_hide_nothing_and_are_looked_at_once(self, store: Store) -> None:
        self.due(store, 30, left=False)
        give(store, NOW - 1, NOW + MINUTE, id="z")
        cursor, made, looks = None, 0, 0
        while True:
            page = fire_page(store, cursor, looks=10)
            made, cursor, looks = made + len(page.fires.handed_off), page.cursor, looks + 1
            if cursor is None:
                break
        assert (made, looks) == (1, 4)

    def test_what_waits_is_passed_over_unread_and_hides_nothing(self, redis: redis_py.Redis, store: Store) -> None:
        """An outage may leave 100,000 that wait: each pass would read them all again."""
        self.due(store, 600)
        while fire_page(store).cursor:
            pass
        give(store, NOW - 1, NOW + MINUTE, id="z")
        redis.config_resetstat()
        page = fire_page(store, looks=200)
        told: Any = redis.info("commandstats")
        assert (len(page.fires.handed_off), page.cursor) == (1, None)
        assert told["cmdstat_hmget"]["calls"] <= 2, "of z alone"

    @pytest.mark.usefixtures("scripts_as_is")
    def test_no_script_passes_over_very_many(self, redis: redis_py.Redis, store: Store) -> None:
        """Before Redis 7.4 a script has no clock: it would pass over 10,000, which takes 30 ms."""
        ids = [f"s{number:04}" for number in range(9_900)]
        redis.zadd(store.keys.due_schedules, dict.fromkeys(ids, (NOW - 5) / US))
        redis.zadd(store.keys.unplanned, dict.fromkeys(ids, NOW / US))
        give(store, NOW - 1, NOW + MINUTE, id="z")
        page = fire_page(store, looks=500)
        assert page.cursor is not None
        while page.cursor is not None:
            page = fire_page(store, page.cursor, looks=500)
        assert [each.id for each in page.fires.handed_off] == [run_id("z", NOW - 1)]

    def test_one_that_waits_and_was_put_back_into_the_index_while_paused_is_taken_out(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        self.due(store, 1)
        redis.hset(store.keys.schedule("s000"), "paused", "1")
        assert self.taken(store) == []
        fire_page(store)
        assert (redis.zcard(store.keys.due_schedules), redis.zcard(store.keys.unplanned)) == (0, 0)

    def test_a_change_by_a_client_frees_it(self, store: Store) -> None:
        self.due(store, 1)
        self.taken(store)
        put(store, new(store.connection, "s000", NOW - 5, of=spec(600), rev=record(store, "s000")["rev"]))
        fire_page(store)
        assert self.taken(store) == ["s000"]


class TestMadeWith:
    """Rule 5."""

    def test_is_ordered_as_versions_are(self) -> None:
        assert ordered("0.100") > ordered("0.99") > ordered("0.9.12")
        assert ordered("2026b") > ordered("2026a") > ordered("2025z")
        zones, holidays, release = made_with().split()
        assert zones[:2] == "20"
        assert holidays == "-" or holidays[0] == "0"
        assert release[:4].isdigit()

    @pytest.mark.parametrize(("other", "replaced"), [("1 0000", True), (None, True), ("9999z 0001 0001", False)])
    def test_only_a_greater_one_or_the_same_replaces_a_plan(
        self, redis: redis_py.Redis, store: Store, other: str | None, replaced: bool
    ) -> None:
        mine = made_with()
        give(store, NOW + 5 * US, NOW + 7 * US, of=spec(600), made_with=mine if other is None else other)
        redis.zadd(store.keys.to_plan, {"s": 1})
        planner_pass(store)
        assert (record(store)["plan"] != f"{at(NOW + 5 * US)} {at(NOW + 7 * US)}") is replaced
        assert (record(store)["made_with"] == mine) is replaced

    def test_two_that_are_newer_in_one_thing_each_do_not_plan_for_ever(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One has the newer zone data, the other the newer release."""
        put(store, new(redis, due=NOW + 5 * US, of=spec(600)))
        seen: list[str] = []
        for n in range(6):
            monkeypatch.setattr(planner_module, "made_with", lambda n=n: ("2026b 0 1", "2026a 0 2")[n % 2])
            redis.zadd(store.keys.to_plan, {"s": 1})
            planner_pass(store)
            seen.append(record(store)["made_with"])
        assert seen == ["2026b 0 1"] * 6

    def test_an_older_one_plans_no_more_than_is_due(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        give(store, NOW - 5, of=spec(1), made_with="9999z 0001 0001")
        fire_page(store)
        planner_pass(store)
        assert waiting(redis) == [run_id("s", NOW - 5)]
        assert len(record(store)["plan"].split()) == 2


def planner_pass(store: Store) -> None:
    planner = planner_of(store, Events())
    planner.expect(more=True)
    writes, _ = planner.next_writes(math.inf)
    if writes:
        store.write_plans(writes, 0)


def test_all_plans_thrown_away_at_random_change_nothing_but_a_moments_work(redis: redis_py.Redis) -> None:
    """What was handed off, counted and written down is the same."""
    left: list[Any] = []
    for seed in (None, 1, 2):
        redis.flushall()
        move_to(redis, NOW)
        store, dice = Store(redis, clock=MANUAL_CLOCK), random.Random(seed)
        one = dispatcher(redis, store=store)
        for n, policies in enumerate(
            ({}, {"catchup": "all", "overlap": "allow"}, {"overlap": "buffer_one"}, {"jitter": 3})
        ):
            put(store, new(redis, f"s{n}", NOW + US, of=spec(5 + n, **policies)))
        for _ in range(60):
            if seed is not None:
                for n in range(4):
                    if dice.random() < 0.4:
                        redis.hdel(store.keys.schedule(f"s{n}"), dice.choice(["plan", "plan_rev", "policy"]))
                if dice.random() < 0.2:
                    redis.delete(store.keys.to_plan)
            move_to(redis, now_shown(redis) + 2 * US)
            while one.dispatch_once().more_is_due:
                pass
        records = [
            {name: value for name, value in record(store, f"s{n}").items() if "plan" not in name} for n in range(4)
        ]
        for each in records:
            for name in ("rev", "policy", "made_with", "looked_for"):
                each.pop(name, None)
        left.append((sorted(waiting(redis)), [history(redis, f"s{n}") for n in range(4)], records))
    assert left[0] == left[1] == left[2]


def now_shown(client: redis_py.Redis) -> int:
    seconds, microseconds = client.hmget("rq:scheduler:clock", "seconds", "microseconds")
    return int(seconds) * US + int(microseconds)


@pytest.mark.parametrize(
    "us",
    [
        0,
        1,
        999_999,
        1_000_000,
        951_782_400_000_000,
        4_107_542_399_999_999,
        253_370_764_800_000_001,
        -1,
        -86_400_000_001,
    ],
)
def test_the_id_of_a_run_is_the_same_in_both_languages(redis: redis_py.Redis, us: int) -> None:
    source = scripts.load("run_now").source
    # With all that is included up to where deciding begins.
    text = (
        source[source.index("local prefix") : source.index("-- What becomes of a fire of a schedule:")]
        + "return run_ending(ARGV[10])"
    )
    arguments = ["rq", "180", "0", "s", "skip one - - -", "1", "1", "0", "", str(us)]
    assert redis.eval(text, 1, "rq:scheduler:due_schedules", *arguments).decode() == run_ending(us)


def test_of_herds_each_page_is_counted(redis: redis_py.Redis, store: Store) -> None:
    for n in range(30):
        give(store, NOW - 5, NOW + MINUTE, id=f"s{n:02}")
    answer = store.fire(None, looks=100, runs=100, copies=10_000, tell=False)
    assert answer.fires.queues == {"default": 30}  # type: ignore[union-attr]
    assert answer.fires.handed_off == []  # type: ignore[union-attr]


def test_a_plan_that_was_made_in_time_needs_no_python(redis: redis_py.Redis, store: Store) -> None:
    put(store, new(redis, due=NOW + 30 * US, of=spec(600), job=job_fields(redis)))
    planned_in_time(store)
    move_to(redis, NOW + 30 * US)
    assert served(store) == [run_id("s", NOW + 30 * US)]
    assert unplanned_of(store).due == NOW + 630 * US
