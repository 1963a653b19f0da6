"""Recurring jobs of the 0.14 API on their way through a dispatcher: fired by the plan in their record, and adopted anew
where their job says something else."""

import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import redis as redis_py
from rq import Queue

import jobs_for_tests as jobs
from conftest import RunWorker
from making import HOUR, INDEX, US, add, dispatcher, finish, history, now_us, record_of, recurring, waiting
from rq_scheduler import Scheduler
from rq_scheduler.store import Store
from rq_scheduler.store.fires import FireCommands


def due_again(client: redis_py.Redis, id: str = "r") -> None:
    """The next instant has come."""
    client.zadd(INDEX, {id: (now_us(client) - 1000) / US}, xx=True)


def ran(client: redis_py.Redis, store: Store, **options: Any) -> Any:
    """A dispatcher that has fired the job `r`, whose run has ended."""
    add(store, recurring(client, "r", now_us(client) - 1000, **options))
    one = dispatcher(client)
    assert one.dispatch_once().handed_off == 1
    finish(client, "r")
    return one


def test_at_the_moment_itself_python_has_nothing_to_do(
    redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, recurring(redis, "r", now_us(redis) + US // 5, seconds=3600))
    one = dispatcher(redis)
    one.dispatch_once()
    assert redis.hget(store.keys.schedule("r"), "plan")
    monkeypatch.setattr(FireCommands, "write_plans", None)
    while not waiting(redis):
        one.dispatch_once()
    assert [line[0] for line in history(redis, "r")] == ["e"]


def test_a_plan_for_runs_that_are_counted_reaches_one_run(redis: redis_py.Redis, store: Store) -> None:
    ran(redis, store, meta={"repeat": 5}).dispatch_once()
    record = redis.hgetall(store.keys.schedule("r"))
    assert pickle.loads(redis.hget("rq:job:r", "meta"))["repeat"] == 4  # type: ignore[arg-type]
    assert (record[b"repeat"], pickle.loads(record[b"next_meta"])["repeat"]) == (b"4", 3)


class TestTheMeta:
    def test_without_markers_keeps_the_series_and_its_counters(self, redis: redis_py.Redis, store: Store) -> None:
        """A job that saves its own meta while it runs."""
        one = ran(redis, store, meta={"repeat": 5})
        redis.hset("rq:job:r", "meta", pickle.dumps({"progress": 1}))
        due_again(redis)
        assert one.dispatch_once().handed_off == 1
        assert redis.hmget(store.keys.schedule("r"), "runs", "repeat") == [b"2", b"3"]
        assert pickle.loads(redis.hget("rq:job:r", "meta")) == {"progress": 1}  # type: ignore[arg-type]

    def test_with_markers_is_adopted_anew(self, redis: redis_py.Redis, store: Store) -> None:
        one = ran(redis, store)
        redis.hset("rq:job:r", "meta", pickle.dumps({"interval": 5}))
        due_again(redis)
        due = store.due_of("r")
        assert due is not None
        assert one.dispatch_once().handed_off == 1
        assert store.due_of("r") == due + 5 * US


@pytest.mark.parametrize("field", ["meta", "data", "created_at"])
def test_a_job_deleted_in_its_run_ends_though_the_worker_writes_it_back(
    redis: redis_py.Redis, store: Store, field: str
) -> None:
    one = ran(redis, store)
    redis.hdel("rq:job:r", field)
    due_again(redis)
    assert one.dispatch_once().handed_off == 0
    assert (waiting(redis), redis.zcard(INDEX), redis.exists(store.keys.schedule("r"))) == ([], 0, 0)


@pytest.mark.parametrize("late", [1000, HOUR])
def test_a_record_of_the_version_before_plans(redis: redis_py.Redis, store: Store, late: int) -> None:
    """As commit f527866 wrote it: no plan, no policy, and armed only where nominal and due differ."""
    add(store, recurring(redis, "r", now_us(redis) - late, meta={"repeat": 3}))
    redis.delete(store.keys.to_plan)
    redis.hset(store.keys.schedule("r"), mapping={"mark": now_us(redis), "updated": now_us(redis), "armed": ""})
    assert dispatcher(redis).dispatch_once().handed_off == 1
    assert record_of(store, "r").repeat == 2


def test_one_moved_to_before_its_last_run_runs(redis: redis_py.Redis, store: Store) -> None:
    one = ran(redis, store)
    assert store.reschedule("r", now_us(redis) - HOUR)
    assert one.dispatch_once().handed_off == 1


def test_what_a_run_does_to_its_own_job(redis: redis_py.Redis, store: Store, run_worker: RunWorker) -> None:
    """One that saves another meta goes on, with its counters; one that deletes it ends with that run."""
    scheduler = Scheduler(connection=redis)
    for id, func in (("saves", jobs.save_other_meta), ("deletes", jobs.delete_itself)):
        scheduler.schedule(datetime.now(UTC), func, id=id, interval=3600, repeat=5)
    one = dispatcher(redis)
    assert one.dispatch_once().handed_off == 2
    run_worker("default")
    for id in ("saves", "deletes"):
        due_again(redis, id)
    assert one.dispatch_once().handed_off == 1
    assert (waiting(redis), redis.zrange(INDEX, 0, -1)) == (["saves"], [b"saves"])
    assert redis.hmget(store.keys.schedule("saves"), "runs", "repeat") == [b"2", b"3"]
    assert not redis.exists(store.keys.schedule("deletes"))


def _delete_all(scheduler: Scheduler) -> None:
    for job in scheduler.get_jobs():
        job.delete()


@pytest.mark.parametrize("end", [_delete_all, lambda scheduler: Queue(connection=scheduler.connection).empty()])
def test_deleted_at_start_up_or_by_rq_empty(redis: redis_py.Redis, end: Callable[[Scheduler], Any]) -> None:
    scheduler = Scheduler(connection=redis)
    scheduler.schedule(datetime.now(UTC), jobs.nothing, id="r", interval=3600)
    one = dispatcher(redis)
    one.dispatch_once()
    end(scheduler)
    due_again(redis)
    assert one.dispatch_once().handed_off == 0
    assert (redis.zcard(INDEX), redis.keys("rq:scheduler:schedule*")) == (0, [])
