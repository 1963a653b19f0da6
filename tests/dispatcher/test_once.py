"""Once, whatever else happens: re-sent commands, jobs defined anew, dead workers, code that is missing here."""

import pickle
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import redis as redis_py

from making import (
    HOUR,
    INDEX,
    US,
    Told,
    add,
    counts_of_passes,
    dispatcher,
    entry,
    finish,
    job_plan_of,
    now_us,
    record_of,
    recurring,
    waiting,
    write_job_plans,
)
from making_schedules import new, put, spec
from rq_scheduler import Scheduler
from rq_scheduler.dispatcher import Hooks, passes, schedules
from rq_scheduler.model import Spec
from rq_scheduler.planning import due_time
from rq_scheduler.store import NewEntry, Store
from rq_scheduler.triggers import Every
from support import wait_until


class OnlyHere:
    """A class of the application, which a dispatcher need not have."""


class TestSentAgain:
    """redis-py sends a command again when its reply was lost."""

    @pytest.mark.parametrize("make", [entry, recurring])
    def test_a_save_after_the_hand_off_is_an_echo(self, redis: redis_py.Redis, store: Store, make: Any) -> None:
        saved = make(redis, "a", now_us(redis) - 1000)
        store.save([saved])
        dispatcher(redis).dispatch_once()
        after = redis.zscore(INDEX, "a")
        store.save([saved])
        dispatcher(redis).dispatch_once()
        assert waiting(redis) == ["a"]
        assert redis.hget("rq:job:a", "status") == b"queued"
        assert redis.zscore(INDEX, "a") == after

    def test_a_job_that_was_saved_before_is_none(self, redis: redis_py.Redis, store: Store) -> None:
        """An overridden `_create_job` may save the job itself."""
        due = entry(redis, "a", now_us(redis) - 1000)
        redis.hset("rq:job:a", mapping=due.fields)
        store.save([due])
        assert dispatcher(redis).dispatch_once().handed_off == 1


class TestDefinedAnew:
    @pytest.mark.parametrize("status", ["queued", "started"])
    def test_while_its_run_goes_on(self, redis: redis_py.Redis, store: Store, told: Told, status: str) -> None:
        """An application calls schedule(id=...) at each start; the run that waits is known all the same."""
        for _ in range(3):
            add(store, recurring(redis, "r", now_us(redis) - 1000))
            dispatcher(redis, told).dispatch_once()
            if status == "started":
                redis.hset("rq:job:r", "status", "started")
                redis.zadd("rq:executions:r", {"e": time.time() + 60})
                redis.zadd("rq:wip:default", {"r:e": time.time() + 60})
        assert waiting(redis) == ["r"]
        assert [id for id, _, outcome in told.skips if outcome == "skipped"] == ["r", "r"]

    def test_replaced_between_the_slow_paths_read_and_its_writes(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        due = now_us(redis) - 1000
        slow = {"meta": {"queue_class_name": "rq.Queue"}}
        add(store, entry(redis, "a", due, args=(1,), **slow))
        hand_off = Store.hand_off_via_rq

        def replaced_first(self: Store, *args: Any, **kwargs: Any) -> int | None:
            monkeypatch.setattr(Store, "hand_off_via_rq", hand_off)
            add(store, entry(redis, "a", due, args=(2,), **slow))
            return hand_off(self, *args, **kwargs)

        monkeypatch.setattr(Store, "hand_off_via_rq", replaced_first)
        assert dispatcher(redis).dispatch_once().handed_off == 1
        (job,) = Scheduler(connection=redis)._creator.job_class.fetch_many(waiting(redis), connection=redis)
        assert job is not None
        assert job.args == (2,)


class TestRepeat:
    def test_counts_where_the_meta_cannot_be_read(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000, meta={"repeat": 3, "of": OnlyHere()}))
        monkeypatch.delattr(f"{__name__}.OnlyHere")
        with pytest.raises(AttributeError):
            pickle.loads(redis.hget("rq:job:r", "meta"))  # type: ignore[arg-type]
        runs = 0
        for _ in range(5):
            runs += dispatcher(redis).dispatch_once().handed_off
            finish(redis, "r")
            redis.zadd(INDEX, {"r": now_us(redis) / US - 0.001}, xx=True)
        assert runs == 3
        assert not redis.exists(store.keys.schedule("r"))

    def test_a_plan_that_counted_with_the_old_number_is_stale(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000, meta={"repeat": 3}))
        first, second = job_plan_of(store, "r"), job_plan_of(store, "r")
        assert write_job_plans(store, first) == ["done"]
        redis.hset(store.keys.schedule("r"), "armed", second.of.armed)
        redis.zadd(INDEX, {"r": second.of.due / US})
        assert write_job_plans(store, second) == ["stale"]
        assert record_of(store, "r").repeat == 2

    def test_in_a_copy_after_the_caller_handed_it_off(self, redis: redis_py.Redis) -> None:
        scheduler = Scheduler(connection=redis)
        job = scheduler.schedule(datetime(2026, 1, 1, tzinfo=UTC), print, interval=60, repeat=5, result_ttl=5)
        scheduler.enqueue_job(job)
        redis.delete(job.key)
        again = scheduler.get_job(job.id)
        assert again is not None
        assert again.meta["repeat"] == 4


class TestOthersFaults:
    def test_a_hook_that_asks_another_redis(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        def queue_of(job: Any) -> Any:
            if job.id == "bad":
                raise redis_py.ConnectionError("the other one is down")
            return Scheduler(connection=redis).get_queue_for_job(job)

        add(store, entry(redis, "bad", now_us(redis) - 2000), entry(redis, "good", now_us(redis) - 1000))
        one = dispatcher(redis, told, hooks=Hooks(get_queue_for_job=queue_of))
        assert one.dispatch_once().handed_off == 1
        assert waiting(redis) == ["good"]
        assert [id for id, _ in told.delays] == ["bad"]

    def test_what_a_killed_worker_left_does_not_hit_the_next_run(self, redis: redis_py.Redis, store: Store) -> None:
        """RQ's cleanup of its started registry would take the next run for the dead one."""
        add(store, recurring(redis, "r", now_us(redis) - 1000))
        redis.hset("rq:job:r", "status", "started")
        redis.zadd("rq:executions:r", {"dead": time.time() + 30})
        redis.zadd("rq:wip:default", {"r:dead": time.time() - 30})
        assert dispatcher(redis).dispatch_once().handed_off == 1
        assert not redis.exists("rq:wip:default", "rq:executions:r")

    def test_canceled_through_rq_though_its_meta_mentions_an_interval(
        self, redis: redis_py.Redis, store: Store, told: Told
    ) -> None:
        add(store, entry(redis, "a", now_us(redis) - 1000, meta={"note": "the interval report"}))
        redis.hset("rq:job:a", "status", "canceled")
        assert dispatcher(redis, told).dispatch_once().handed_off == 0
        assert (waiting(redis), redis.zcard(INDEX)) == ([], 0)
        assert [drop.reason for drop in told.drops] == ["canceled"]

    def test_something_else_under_the_records_key(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        now = now_us(redis)
        add(store, entry(redis, "bad", now - 2000, meta={"interval": 60}), entry(redis, "good", now - 1000))
        redis.set(store.keys.schedule("bad"), "x")
        assert dispatcher(redis, told).dispatch_once().handed_off == 1
        assert [drop.id for drop in told.drops] == ["bad"]

    def test_a_caller_who_read_it_a_moment_ago(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        add(store, entry(redis, "one", now - 2000), recurring(redis, "r", now - 1000))
        scheduler = Scheduler(connection=redis)
        read = list(scheduler.get_jobs_to_queue())
        dispatcher(redis).dispatch_once()
        after = redis.zrange(INDEX, 0, -1, withscores=True)
        for job in read:
            scheduler.enqueue_job(job)
        assert waiting(redis) == ["one", "r"]
        assert redis.zrange(INDEX, 0, -1, withscores=True) == after


class TestJitter:
    def test_the_index_holds_the_due_time_and_the_phase_stays(self, redis: redis_py.Redis, store: Store) -> None:
        spec = Spec(trigger=Every(60), jitter=30 * US)
        nominal = now_us(redis) - 3 * HOUR
        made = recurring(redis, "r", due_time("r", spec, nominal), spec=spec)
        store.save([NewEntry(made.id, made.key, made.due, made.fields, spec, nominal=nominal)])
        assert record_of(store, "r").nominal == nominal
        dispatcher(redis).dispatch_once()
        record = record_of(store, "r")
        assert (record.nominal - nominal) % (60 * US) == 0
        assert record.due == due_time("r", spec, record.nominal)

    def test_a_caller_who_moves_it_means_that_very_moment(self, redis: redis_py.Redis, store: Store) -> None:
        spec = Spec(trigger=Every(60), jitter=30 * US)
        nominal = now_us(redis) + HOUR
        made = recurring(redis, "r", nominal + 5 * US, spec=spec)
        store.save([NewEntry(made.id, made.key, made.due, made.fields, spec, nominal=nominal)])
        moved = nominal + 7 * US
        store.reschedule("r", moved)
        assert (record_of(store, "r").nominal, record_of(store, "r").due) == (moved, moved)


class TestUpkeep:
    def test_a_failed_run_does_not_expire_the_schedule(self, redis: redis_py.Redis, store: Store) -> None:
        """RQ keeps a failed job for a year; a schedule may fire less often."""
        add(store, recurring(redis, "r", now_us(redis) + HOUR), recurring(redis, "copied", now_us(redis), result_ttl=5))
        redis.expire("rq:job:r", 100)
        redis.expire("rq:job:copied", 100)
        assert store.tend_schedules(0, 100) == 0
        assert redis.ttl("rq:job:r") == -1
        assert redis.ttl("rq:job:copied") > 0

    def test_what_a_0_14_client_cancelled_leaves_no_record(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "gone", now_us(redis)), recurring(redis, "here", now_us(redis)))
        redis.zrem(INDEX, "gone")
        store.tend_schedules(0, 100)
        assert redis.zrange(store.keys.schedules, 0, -1) == [b"here"]
        assert not redis.exists(store.keys.schedule("gone"))


class TestBounds:
    def test_a_pass_ends_and_the_next_goes_on(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = now_us(redis)
        add(store, *(entry(redis, f"j{i:04}", now - 10_000 + i) for i in range(1200)))
        monkeypatch.setattr(passes, "LONGEST_PASS", 0.0)
        assert len(counts_of_passes(dispatcher(redis))) > 1
        assert waiting(redis) == [f"j{i:04}" for i in range(1200)]

    @pytest.mark.parametrize("kind", ["recurring", "schedule"])
    def test_instants_that_come_quicker_than_a_plan_is_committed(
        self, redis: redis_py.Redis, store: Store, kind: str
    ) -> None:
        """To plan and to commit takes longer than a millisecond, in which there is another to be planned for."""
        ago = now_us(redis) - 3 * US
        if kind == "recurring":
            add(store, recurring(redis, "r", ago, seconds=0.001))
        else:
            put(store, new(redis, "s", ago, of=spec(0.001)))
            redis.hset(store.keys.schedule("s"), "updated", 0)
        one = dispatcher(redis)
        wait_until(lambda: one.dispatch_once().handed_off)

    def test_planning_after_an_outage_does_not_hold_up_the_rest(
        self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each of these counts its missed instants; what a pass does not get to, the next does, without a sleep."""
        monkeypatch.setattr(passes, "LONGEST_PASS", 0.0)
        monkeypatch.setattr(schedules, "PLANNING", 0.0)
        long_ago = now_us(redis) - 2 * HOUR
        add(store, *(recurring(redis, f"r{i:02}", long_ago, seconds=1) for i in range(20)))
        assert len(counts_of_passes(dispatcher(redis))) > 1
        assert sorted(waiting(redis)) == [f"r{i:02}" for i in range(20)]

    def test_pages_of_large_jobs_are_short(self, redis: redis_py.Redis, store: Store) -> None:
        noise = [bytes(range(256)) * 1600] * 1
        for i in range(6):
            made = entry(redis, f"j{i}", now_us(redis) + i)
            add(store, NewEntry(made.id, made.key, made.due, {**made.fields, "data": noise[0]}))
        pages = list(store.pages())
        assert [len(page) for page in pages] == [3, 3]

    def test_a_client_that_decodes(self, redis: redis_py.Redis) -> None:
        """RQ cannot read jobs through one, but what 0.14 could do with it still works."""
        decoding = redis_py.Redis(
            decode_responses=True,
            **{name: redis.connection_pool.connection_kwargs[name] for name in ("host", "port", "db")},
        )
        scheduler = Scheduler(connection=decoding)
        job = scheduler.enqueue_at(datetime(2030, 1, 1, tzinfo=UTC), print, job_id="a")
        scheduler.change_execution_time(job, datetime(2031, 1, 1, tzinfo=UTC))
        assert scheduler.count() == 1
        scheduler.cancel(job)
        assert scheduler.count() == 0
        decoding.close()

    def test_meta_is_kept_byte_for_byte(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000, meta={"x": 1}))
        before = redis.hget("rq:job:r", "meta")
        dispatcher(redis).dispatch_once()
        assert redis.hget("rq:job:r", "meta") == before
        assert pickle.loads(before)["x"] == 1  # type: ignore[arg-type]
