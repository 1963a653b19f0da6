"""Committing planned fires: what is stale, overlap in RQ's states, remembered runs, repeats, copies, quarantine."""

import dataclasses
import math
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import pytest
import redis as redis_py
from msgspec.structs import replace
from rq.registry import StartedJobRegistry

from making import (
    HOUR,
    INDEX,
    US,
    add,
    adopt,
    finish,
    fire_job,
    history,
    job_plan_of,
    now_us,
    record_of,
    recurring,
    snapshot,
    start_buffered_job,
    waiting,
    write_job_plans,
)
from rq_scheduler.model import Spec
from rq_scheduler.planning import Coming, Missed, due_time
from rq_scheduler.store import Store
from rq_scheduler.store.base import us_of
from rq_scheduler.store.fires import PlanWrite
from rq_scheduler.triggers import Cron, Every

SKIP = Spec(trigger=Every(60))
BUFFER = Spec(trigger=Every(60), overlap="buffer_one")
LEFT = {b"rq:scheduler:rev", b"rq:scheduler:open_runs", b"rq:scheduler:counters"}
"""What stays of a series: its last run is followed to its end."""


def keys_left(client: redis_py.Redis) -> set[bytes]:
    """Our keys, but for how late what was."""
    return {key for key in client.keys("rq:scheduler:*") if b":lateness:" not in key}


def due_now(client: redis_py.Redis, store: Store, id: str = "r", *, ago: int = 1000, **options: Any) -> int:
    """A recurring job that was due so many microseconds ago. Returns its nominal time."""
    nominal = now_us(client) - ago
    add(store, recurring(client, id, nominal, **options))
    return nominal


def due_again(client: redis_py.Redis, store: Store, id: str = "r", index: str = INDEX) -> None:
    """The next instant has come, as if time had passed (without a new revision, which rescheduling would give)."""
    client.zadd(index, {id: f"{(now_us(client) - 1000) / US:.6f}"}, xx=True)


def unchanged(client: redis_py.Redis, store: Store, *writes: PlanWrite) -> list[str | None]:
    """Writes plans, of which none must write anything but the fence."""
    before = snapshot(client)
    outcomes = write_job_plans(store, *writes)
    after = snapshot(client)
    for state in (before, after):
        state.pop(store.keys.fence.encode(), None)
    assert after == before
    return outcomes


class TestAFire:
    def test_moves_everything_at_once(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = due_now(redis, store)
        assert fire_job(store, "r") == ["done"]
        assert waiting(redis) == ["r"]
        assert store.due_of("r") == nominal + 60 * US
        record = redis.hgetall(store.keys.schedule("r"))
        assert (record[b"runs"], record[b"skips_in_a_row"]) == (b"1", b"0")
        assert int(record[b"mark"]) == nominal
        lateness = int(record[b"last_run_at"]) - nominal
        assert history(redis, "r") == [["e", str(nominal), "0", str(lateness), "-"]]

    def test_twice_is_once(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store)
        fire = job_plan_of(store, "r")
        assert write_job_plans(store, fire) == ["done"]
        finish(redis, "r")
        assert unchanged(redis, store, fire) == ["stale"]
        assert waiting(redis) == []

    def test_twice_in_one_batch_is_once(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store)
        fire = job_plan_of(store, "r")
        assert write_job_plans(store, fire, fire) == ["done", "stale"]
        assert waiting(redis) == ["r"]
        assert len(history(redis, "r")) == 1

    def test_a_batch_keeps_its_order_and_its_losers(self, redis: redis_py.Redis, store: Store) -> None:
        for id in ("a", "b", "c", "d"):
            due_now(redis, store, id, origin="other" if id == "d" else "default")
        fires = [job_plan_of(store, id) for id in ("d", "c", "b", "a")]
        store.reschedule("b", now_us(redis) + HOUR)
        assert write_job_plans(store, *fires) == ["done", "done", "stale", "done"]
        assert waiting(redis) == ["c", "a"]
        assert waiting(redis, "other") == ["d"]

    def test_history_keeps_fifty(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store)
        for _ in range(60):
            assert fire_job(store, "r") == ["done"]
            finish(redis, "r")
            due_again(redis, store)
        assert len(history(redis, "r")) == 50
        assert redis.hget(store.keys.schedule("r"), "runs") == b"60"

    def test_history_and_counters_of_a_wrong_type_stop_nothing(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store)
        redis.set(store.keys.history("r"), "x")
        redis.hset(store.keys.schedule("r"), mapping={"runs": "many", "missed": "x"})
        assert fire_job(store, "r") == ["done"]
        assert waiting(redis) == ["r"]

    def test_the_last_one_ends_it(self, redis: redis_py.Redis, store: Store) -> None:
        """A trigger without another instant."""
        due_now(redis, store)
        write = job_plan_of(store, "r")
        only = Coming(write.coming.instants[:1], finished=True)
        assert write_job_plans(store, replace(write, coming=only)) == ["done"]
        assert waiting(redis) == ["r"]
        assert keys_left(redis) <= LEFT

    def test_an_instant_that_does_not_run_and_has_no_next_ends_it(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store)
        none_left = Coming((), finished=True, missed=Missed(1, 1, 1))
        assert write_job_plans(store, job_plan_of(store, "r", coming=none_left)) == [None]
        assert waiting(redis) == []
        left = {key.decode() for key in redis.keys("rq:scheduler:*")}
        assert left == {store.keys.revisions, store.keys.events, store.keys.not_run, store.keys.counters}


class TestMissed:
    @pytest.mark.parametrize("at_least", [False, True])
    def test_is_counted_with_one_line(self, redis: redis_py.Redis, store: Store, at_least: bool) -> None:
        nominal = due_now(redis, store)
        write = job_plan_of(store, "r")
        missed = Missed(7, nominal - 9 * US, nominal - 3 * US, at_least)
        write = replace(write, coming=replace(write.coming, missed=missed))
        assert write_job_plans(store, write) == ["done"]
        enqueued, missed = history(redis, "r")
        assert enqueued[0] == "e"
        assert missed[:4] == ["x", str(nominal - 9 * US), str(nominal - 3 * US), "7+" if at_least else "7"]
        assert redis.hget(store.keys.schedule("r"), "missed") == b"7"

    def test_without_a_run(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = due_now(redis, store)
        write = job_plan_of(store, "r")
        later = Coming(write.coming.instants[1:], finished=False, missed=Missed(3, nominal - US, nominal))
        assert write_job_plans(store, replace(write, coming=later)) == [None]
        assert (waiting(redis), store.due_of("r")) == ([], nominal + 60 * US)
        assert redis.hget(store.keys.schedule("r"), "missed") == b"3"
        assert redis.hget(store.keys.schedule("r"), "runs") is None

    def test_a_loser_counts_nothing(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = due_now(redis, store)
        fire = job_plan_of(store, "r")
        store.reschedule("r", nominal)
        assert unchanged(redis, store, fire) == ["stale"]


class TestStale:
    @pytest.mark.parametrize(
        "change",
        [
            lambda c, s: s.reschedule("r", now_us(c) + HOUR),
            lambda c, s: add(s, recurring(c, "r", now_us(c) - 1000, seconds=30)),
            lambda c, s: s.cancel("r", 60),
            lambda c, s: (s.cancel("r", 60), due_now(c, s)),
            lambda c, s: due_again(c, s),
            lambda c, s: c.zrem(INDEX, "r"),
            lambda c, s: s.forget_schedule(record_of(s, "r")),
            lambda c, s: c.delete(s.keys.schedule("r")),
        ],
        ids=[
            "moved",
            "saved again",
            "canceled",
            "canceled and made again",
            "another due",
            "removed",
            "forgotten",
            "no record",
        ],
    )
    def test_whatever_changed_meanwhile(
        self, redis: redis_py.Redis, store: Store, change: Callable[[Any, Store], Any]
    ) -> None:
        due_now(redis, store)
        fire = job_plan_of(store, "r")
        change(redis, store)
        assert unchanged(redis, store, fire) == ["stale"]
        assert waiting(redis) == []

    def test_a_score_finer_than_a_microsecond_is_still_the_one_that_was_read(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        """Foreign clients write time.time() as it is."""
        due_now(redis, store)
        for fraction in ("0885584", "0885586", "9999999", "0000001"):
            redis.zadd(INDEX, {"r": f"{now_us(redis) // US - 2}.{fraction}"})
            assert fire_job(store, "r") == ["done"]
            finish(redis, "r")

    def test_such_a_score_is_the_nearest_microsecond(self) -> None:
        """Where it were not, what is read would not be what the commit compares: the entry would be stale for ever."""
        score = 1_795_898_522.5
        for _ in range(1000):
            score = math.nextafter(score, math.inf)
            assert abs(Fraction(score) * US - us_of(score)) <= Fraction(1, 2)

    @pytest.mark.parametrize("committers", [2, 8])
    def test_only_one_wins(self, redis: redis_py.Redis, store: Store, committers: int) -> None:
        ids = [f"r{i}" for i in range(40)]
        for id in ids:
            due_now(redis, store, id)
        fires = [job_plan_of(store, id) for id in ids]
        with ThreadPoolExecutor(committers) as pool:
            results = list(pool.map(lambda _: [write_job_plans(store, fire)[0] for fire in fires], range(committers)))
        for outcomes in zip(*results, strict=True):
            assert sorted(outcomes) == ["done"] + ["stale"] * (committers - 1)
        assert sorted(waiting(redis)) == sorted(ids)


class TestTheJobAsItStands:
    @pytest.mark.parametrize(
        "edit",
        [
            lambda c: c.hset("rq:job:r", "meta", pickle.dumps({"interval": 5})),
            lambda c: c.hset("rq:job:r", "created_at", "2027-01-01T00:00:00.000000Z"),
        ],
    )
    def test_an_edited_one_is_adopted_again(
        self, redis: redis_py.Redis, store: Store, edit: Callable[[Any], Any]
    ) -> None:
        due_now(redis, store)
        fire = job_plan_of(store, "r")
        edit(redis)
        assert write_job_plans(store, fire) == [None]
        assert waiting(redis) == []
        record = record_of(store, "r")
        adopted = adopt(store, record, Spec(trigger=Every(5)))
        assert adopted is not None
        assert int(adopted.rev) > int(record.rev)
        assert write_job_plans(store, fire) == ["stale"]
        assert fire_job(store, "r") == ["done"]
        assert store.due_of("r") == record.due + 5 * US

    def test_adoption_loses_against_an_edit(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store)
        record = record_of(store, "r")
        for change in (
            lambda: redis.hset("rq:job:r", "meta", "other"),
            lambda: redis.hset("rq:job:r", "created_at", "other"),
            lambda: redis.zadd(INDEX, {"r": 5}),
            lambda: redis.zrem(INDEX, "r"),
        ):
            change()
            before = snapshot(redis)
            assert adopt(store, record, SKIP) is None
            assert snapshot(redis) == before
            redis.zadd(INDEX, {"r": f"{record.due / US:.6f}"})
            redis.hset("rq:job:r", mapping={"meta": record.meta, "created_at": record.created_at})
        assert adopt(store, record, SKIP) is not None

    def test_a_deleted_job_that_was_kept_for_ever_ends_the_schedule(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store)
        redis.delete("rq:job:r")
        assert fire_job(store, "r") == ["ended"]
        assert waiting(redis) == []
        assert keys_left(redis) <= LEFT

    @pytest.mark.parametrize(
        "options",
        [
            {"result_ttl": None},
            {"result_ttl": 5},
            {"result_ttl": 0},
            {"result_ttl": -1, "ttl": 600},
            {"result_ttl": -1, "failure_ttl": 600},
        ],
    )
    def test_an_expired_job_is_rebuilt(self, redis: redis_py.Redis, store: Store, options: dict[str, Any]) -> None:
        due_now(redis, store, func="jobs_for_tests.echo", args=(1, 2), description="mine", **options)
        original = redis.hgetall("rq:job:r")
        assert fire_job(store, "r") == ["done"]
        for _ in range(2):
            redis.delete("rq:job:r", "rq:queue:default")
            due_again(redis, store)
            assert fire_job(store, "r") == ["done"]
            assert waiting(redis) == ["r"]
            rebuilt = redis.hgetall("rq:job:r")
            for field in (b"data", b"meta", b"description", b"created_at", b"origin"):
                assert rebuilt[field] == original[field]
            assert rebuilt[b"status"] == b"queued"
            assert rebuilt[b"ended_at"] == b""
            assert (redis.ttl("rq:job:r") > 0) == ("ttl" in options)

    def test_a_failure_kept_for_ever_expires_nothing(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store, failure_ttl=-1)
        redis.delete("rq:job:r")
        assert fire_job(store, "r") == ["ended"]

    def test_a_rebuilt_job_has_its_repeats_left(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store, result_ttl=5, meta={"repeat": 3})
        for left in (2, 1):
            assert fire_job(store, "r") == ["done"]
            redis.delete("rq:job:r", "rq:queue:default")
            due_again(redis, store)
            assert pickle.loads(record_of(store, "r").adopted_meta)["repeat"] == left

    @pytest.mark.parametrize("make", ["set", "rpush"])
    def test_what_is_no_job_goes_into_quarantine(self, redis: redis_py.Redis, store: Store, make: str) -> None:
        due_now(redis, store)
        redis.delete("rq:job:r")
        getattr(redis, make)("rq:job:r", "x")
        due_now(redis, store, "good")
        assert write_job_plans(store, job_plan_of(store, "r"), job_plan_of(store, "good")) == ["broken", "done"]
        assert b"is not the hash" in redis.hget(store.keys.quarantine, "r")  # type: ignore[operator]
        assert redis.zscore(INDEX, "r") is None
        assert redis.type("rq:job:r") != b"none"

    def test_a_queue_that_is_none_goes_into_quarantine(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store, origin="odd")
        redis.set("rq:queue:odd", "x")
        assert fire_job(store, "r") == ["broken"]
        assert redis.hexists(store.keys.quarantine, "r")

    @pytest.mark.parametrize(
        "fields", [{"dependency_ids": '["x"]'}, {"rate_limit_key": "k"}, {"meta": b"queue_class_name"}]
    )
    def test_what_rq_has_to_enqueue_waits_for_that_and_the_series_goes_on(
        self, redis: redis_py.Redis, store: Store, fields: dict[str, Any]
    ) -> None:
        nominal = due_now(redis, store)
        redis.hset("rq:job:r", mapping=fields)
        if "meta" in fields:
            assert adopt(store, record_of(store, "r"), SKIP) is not None
        assert fire_job(store, "r") == ["done"]
        assert (waiting(redis), redis.zrange(store.keys.via_rq, 0, -1)) == ([], [b"r"])
        assert redis.hget("rq:job:r", "status") == b"scheduled"
        assert store.due_of("r") == nominal + 60 * US
        assert history(redis, "r")[0][0] == "e"
        due_again(redis, store)
        assert fire_job(store, "r") == ["skipped"], "one run at a time"

    def test_all_of_a_dispatcher_for_which_rq_has_to_enqueue(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store, "plain")
        assert fire_job(store, "plain", all_via_rq=True) == ["done"]
        assert (waiting(redis), redis.zrange(store.keys.via_rq, 0, -1)) == ([], [b"plain"])


def _queued(client: Any) -> None:
    client.hset("rq:job:r", "status", "queued")


def _started(client: Any, *, execution: float, registry: float | None) -> None:
    client.hset("rq:job:r", "status", "started")
    now = now_us(client) / US
    client.zadd("rq:executions:r", {"e1": now + execution})
    if registry is not None:
        client.zadd("rq:wip:default", {"r:e1": now + registry})


def _status(status: str) -> Callable[[Any], Any]:
    return lambda client: client.hset("rq:job:r", "status", status)


def _retry(client: Any, *, registered: bool) -> None:
    client.hset("rq:job:r", "status", "scheduled")
    if registered:
        client.zadd("rq:scheduled:default", {"r": now_us(client) / US + 60})


GOING: dict[str, Callable[[Any], Any]] = {
    "queued": _queued,
    "started, with a live execution": lambda c: _started(c, execution=60, registry=60),
    "scheduled for a retry": lambda c: _retry(c, registered=True),
    "deferred": _status("deferred"),
    "ready_to_enqueue": _status("ready_to_enqueue"),
    "rate_limited": _status("rate_limited"),
}
OVER: dict[str, Callable[[Any], Any]] = {
    "never run": lambda c: None,
    "finished": _status("finished"),
    "failed": _status("failed"),
    "stopped": _status("stopped"),
    "canceled": _status("canceled"),
    "no status": lambda c: c.hdel("rq:job:r", "status"),
    "a status of the future": _status("contemplating"),
    "started, without any execution": _status("started"),
    "started, its execution expired": lambda c: _started(c, execution=-1, registry=60),
    "started, its registry entry expired": lambda c: _started(c, execution=60, registry=-1),
    "started, the registry flushed": lambda c: _started(c, execution=60, registry=None),
    "scheduled, but in no registry": lambda c: _retry(c, registered=False),
}


class TestOverlap:
    @pytest.mark.parametrize("state", GOING)
    def test_a_run_that_is_going_is_not_doubled(self, redis: redis_py.Redis, store: Store, state: str) -> None:
        nominal = due_now(redis, store)
        GOING[state](redis)
        job = redis.hgetall("rq:job:r")
        assert fire_job(store, "r") == ["skipped"]
        assert waiting(redis) == []
        assert redis.hgetall("rq:job:r") == job
        assert store.due_of("r") == nominal + 60 * US
        record = redis.hgetall(store.keys.schedule("r"))
        assert (record[b"skipped"], record[b"skips_in_a_row"], record.get(b"runs")) == (b"1", b"1", None)
        assert [line[0] for line in history(redis, "r")] == ["k"]

    @pytest.mark.parametrize("state", OVER)
    def test_what_only_looks_like_going_stops_nothing(self, redis: redis_py.Redis, store: Store, state: str) -> None:
        due_now(redis, store)
        OVER[state](redis)
        assert fire_job(store, "r") == ["done"]
        assert waiting(redis) == ["r"]

    def test_a_lost_queued_job_is_looked_up_before_the_second_skip(self, redis: redis_py.Redis, store: Store) -> None:
        """Its queue was deleted: the status alone would stop the schedule for good."""
        due_now(redis, store)
        _queued(redis)
        assert fire_job(store, "r") == ["skipped"]
        due_again(redis, store)
        assert fire_job(store, "r") == ["check"]
        assert not store.is_waiting("r", "default")
        assert write_job_plans(store, job_plan_of(store, "r", found="gone r")) == ["done"]
        assert redis.hget(store.keys.schedule("r"), "skips_in_a_row") == b"0"

    @pytest.mark.parametrize("where", ["rq:queue:default", "rq:queue:default:intermediate"])
    def test_one_that_is_there_is_looked_up_once_a_minute(
        self, redis: redis_py.Redis, store: Store, where: str
    ) -> None:
        due_now(redis, store)
        _queued(redis)
        redis.rpush(where, "other", "r")
        assert store.is_waiting("r", "default")
        fire_job(store, "r")
        due_again(redis, store)
        assert fire_job(store, "r") == ["check"]
        assert write_job_plans(store, job_plan_of(store, "r", found="there r")) == ["skipped"]
        due_again(redis, store)
        assert fire_job(store, "r") == ["skipped"], "not again within the minute"
        redis.hset(store.keys.schedule("r"), "looked_up_at", now_us(redis) - 61 * US)
        due_again(redis, store)
        assert fire_job(store, "r") == ["check"]
        assert redis.hget(store.keys.schedule("r"), "skipped") == b"3"

    def test_gone_is_believed_of_a_queued_job_only(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store)
        GOING["started, with a live execution"](redis)
        assert write_job_plans(store, job_plan_of(store, "r", found="gone r")) == ["skipped"]

    def test_skips_do_not_count_as_repeats(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store, meta={"repeat": 1})
        _queued(redis)
        assert fire_job(store, "r") == ["skipped"]
        assert pickle.loads(redis.hget("rq:job:r", "meta"))["repeat"] == 1  # type: ignore[arg-type]
        assert redis.exists(store.keys.schedule("r"))
        finish(redis, "r")
        due_again(redis, store)
        assert fire_job(store, "r") == ["done"]
        assert pickle.loads(redis.hget("rq:job:r", "meta"))["repeat"] == 0  # type: ignore[arg-type]
        assert keys_left(redis) <= LEFT


class TestBufferOne:
    def _buffered(self, client: redis_py.Redis, store: Store, **options: Any) -> int:
        nominal = due_now(client, store, spec=BUFFER, **options)
        GOING["started, with a live execution"](client)
        assert fire_job(store, "r") == ["buffered"]
        return nominal

    def test_one_is_remembered_and_no_second(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = self._buffered(redis, store)
        assert waiting(redis) == []
        assert store.due_of("r") == nominal + 60 * US
        assert 0 < redis.zscore(store.keys.buffered, "r") - nominal / US < 3  # type: ignore[operator]
        due_again(redis, store)
        assert fire_job(store, "r") == ["skipped"]
        assert redis.hget(store.keys.schedule("r"), "buffered") == str(nominal).encode()

    def test_it_waits_while_the_present_one_goes(self, redis: redis_py.Redis, store: Store) -> None:
        self._buffered(redis, store)
        assert start_buffered_job(store) == "waiting"
        assert redis.zscore(store.keys.buffered, "r") > now_us(redis) / US  # type: ignore[operator]
        assert waiting(redis) == []

    def test_it_starts_when_the_present_one_has_ended(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = self._buffered(redis, store)
        finish(redis, "r")
        next_due = store.due_of("r")
        assert start_buffered_job(store) == "done"
        assert waiting(redis) == ["r"]
        assert redis.zcard(store.keys.buffered) == 0
        assert store.due_of("r") == next_due, "the next instant is armed as before"
        assert not redis.hexists(store.keys.schedule("r"), "buffered")
        assert history(redis, "r")[0][:2] == ["e", str(nominal)]
        assert start_buffered_job(store) is None
        assert waiting(redis) == ["r"]

    def test_the_index_and_the_memory_do_not_start_two(self, redis: redis_py.Redis, store: Store) -> None:
        self._buffered(redis, store)
        finish(redis, "r")
        due_again(redis, store)
        assert fire_job(store, "r") == ["done"]
        assert start_buffered_job(store) == "check"
        assert start_buffered_job(store, found="there r") == "waiting"
        assert waiting(redis) == ["r"]

    def test_a_lost_present_run_is_looked_up(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store, spec=BUFFER)
        _queued(redis)
        assert fire_job(store, "r") == ["buffered"]
        assert start_buffered_job(store) == "check"
        assert start_buffered_job(store, found="gone r") == "done"

    def test_the_last_instant_does_not_forget_it(self, redis: redis_py.Redis, store: Store) -> None:
        """The trigger is at its end, one run is still to come."""
        due_now(redis, store, spec=BUFFER)
        GOING["started, with a live execution"](redis)
        write = job_plan_of(store, "r")
        only = Coming(write.coming.instants[:1], finished=True)
        assert write_job_plans(store, replace(write, coming=only)) == ["buffered"]
        assert redis.zcard(INDEX) == 0
        finish(redis, "r")
        assert start_buffered_job(store) == "done"
        assert waiting(redis) == ["r"]
        assert keys_left(redis) <= LEFT

    def test_the_last_repeat_ends_it(self, redis: redis_py.Redis, store: Store) -> None:
        self._buffered(redis, store, meta={"repeat": 1})
        finish(redis, "r")
        assert start_buffered_job(store) == "done"
        assert keys_left(redis) <= LEFT

    def test_a_plan_made_before_it_ran_does_not_commit(self, redis: redis_py.Redis, store: Store) -> None:
        """It counted with the number of runs that were left before."""
        self._buffered(redis, store, meta={"repeat": 3})
        due_again(redis, store)
        ahead = job_plan_of(store, "r")
        finish(redis, "r")
        assert start_buffered_job(store) == "done"
        finish(redis, "r")
        assert unchanged(redis, store, ahead) == ["stale"]
        assert record_of(store, "r").repeat == 2

    def test_canceling_forgets_it(self, redis: redis_py.Redis, store: Store) -> None:
        self._buffered(redis, store)
        finish(redis, "r")
        store.cancel("r", 60)
        assert start_buffered_job(store) is None
        assert redis.zcard(store.keys.buffered) == 0


class TestLeases:
    def test_one_at_a_time(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = due_now(redis, store)
        assert store.claim(INDEX, "r", nominal, 60)
        assert not store.claim(INDEX, "r", nominal, 60)
        store.release_claim("r")
        assert store.claim(INDEX, "r", nominal, 60)
        redis.zadd(store.keys.claims, {"r": now_us(redis) / US - 1})
        assert store.claim(INDEX, "r", nominal, 60), "a dead dispatcher's lease runs out"

    def test_only_of_what_was_read(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = due_now(redis, store)
        assert not store.claim(INDEX, "r", nominal + 1, 60)
        assert not store.claim(INDEX, "other", nominal, 60)
        assert redis.zcard(store.keys.claims) == 0

    def test_quarantine_only_what_was_read(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = due_now(redis, store)
        assert not store.quarantine("r", nominal + 1, "why")
        assert redis.exists(store.keys.schedule("r"))
        assert store.quarantine("r", nominal, "why")
        assert not store.quarantine("r", nominal, "why")
        assert not redis.exists(store.keys.schedule("r"))
        assert redis.exists("rq:job:r"), "a person may still want to see it"


def test_a_cron_that_has_no_further_instant(redis: redis_py.Redis, store: Store) -> None:
    spec = Spec(trigger=Cron("0 0 1 1 * 2020"))
    add(store, recurring(redis, "r", now_us(redis) - 1000, spec=spec))
    write = job_plan_of(store, "r")
    assert write.coming.finished
    assert write_job_plans(store, write) == ["done"]
    assert redis.zcard(INDEX) == 0


class TestJitter:
    SPEC = Spec(trigger=Every(60), jitter=30)

    def _save(self, client: redis_py.Redis, store: Store, nominal: int, spec: Spec = SPEC) -> None:
        made = recurring(client, "r", due_time("r", spec, nominal), spec=spec)
        store.save([dataclasses.replace(made, nominal=nominal)])

    def test_the_index_has_the_due_time_and_the_record_the_nominal(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = now_us(redis) + HOUR
        self._save(redis, store, nominal)
        due = due_time("r", self.SPEC, nominal)
        assert store.due_of("r") == due
        assert nominal < due < nominal + 30 * US
        assert (record_of(store, "r").nominal, record_of(store, "r").due) == (nominal, due)

    def test_the_phase_does_not_drift(self, redis: redis_py.Redis, store: Store) -> None:
        """Each instant is caught up on: the next comes from the nominal time, never from the delayed one."""
        spec = Spec(trigger=Every(60), jitter=30, catchup="all")
        nominal = now_us(redis) - 3 * HOUR
        self._save(redis, store, nominal, spec)
        for step in range(1, 101):
            assert fire_job(store, "r") == ["done"]
            finish(redis, "r")
            record = record_of(store, "r")
            assert record.nominal == nominal + step * 60 * US
            assert record.due == due_time("r", spec, record.nominal)
        ran = [(int(line[1]), int(line[1]) + int(line[2])) for line in history(redis, "r")]
        assert ran == [(each, due_time("r", spec, each)) for each in sorted((each for each, _ in ran), reverse=True)]

    @pytest.mark.parametrize(
        "move", [lambda s, c, due: s.reschedule("r", due), lambda s, c, due: c.zadd(INDEX, {"r": due / US})]
    )
    def test_moving_it_means_that_very_moment(
        self, redis: redis_py.Redis, store: Store, move: Callable[[Store, Any, int], Any]
    ) -> None:
        """Through our client or 0.14's. The series goes on from there."""
        self._save(redis, store, now_us(redis) + HOUR)
        moved = now_us(redis) - 1000
        move(store, redis, moved)
        assert (record_of(store, "r").nominal, record_of(store, "r").due) == (moved, moved)
        assert fire_job(store, "r") == ["done"]
        assert history(redis, "r")[0][:2] == ["e", str(moved)]
        assert record_of(store, "r").nominal == moved + 60 * US
        assert store.due_of("r") == due_time("r", self.SPEC, moved + 60 * US)

    def test_a_skip_keeps_the_phase(self, redis: redis_py.Redis, store: Store) -> None:
        nominal = now_us(redis) - 45 * US
        self._save(redis, store, nominal)
        _queued(redis)
        assert fire_job(store, "r") == ["skipped"]
        assert record_of(store, "r").nominal == nominal + 60 * US


class TestWhatAKilledWorkerLeft:
    def test_rqs_cleanup_does_not_take_the_next_run_for_the_dead_one(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store)
        redis.hset("rq:job:r", mapping={"status": "started", "retries_left": 1})
        now = now_us(redis) / US
        redis.zadd("rq:executions:r", {"dead": now + 60})
        redis.zadd("rq:wip:default", {"r:dead": now - 1, "other:e": now + 60})
        assert fire_job(store, "r") == ["done"]
        assert redis.zrange("rq:wip:default", 0, -1) == [b"other:e"], "another job's run is not touched"
        assert not redis.exists("rq:executions:r")
        # A worker takes it, and another one cleans up.
        redis.delete("rq:queue:default")
        _started(redis, execution=60, registry=60)
        StartedJobRegistry("default", connection=redis).cleanup()
        assert redis.hget("rq:job:r", "status") == b"started"
        assert waiting(redis) == []

    def test_a_live_run_keeps_its_execution(self, redis: redis_py.Redis, store: Store) -> None:
        due_now(redis, store)
        _started(redis, execution=60, registry=60)
        assert fire_job(store, "r") == ["skipped"]
        assert redis.zrange("rq:wip:default", 0, -1) == [b"r:e1"]
        assert redis.zrange("rq:executions:r", 0, -1) == [b"e1"]
