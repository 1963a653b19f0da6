"""RQ's own code enqueues, and our writes join its transaction: what is compared before, and what is left afterwards."""

import pickle
from typing import Any

import pytest
import redis as redis_py
from redis.exceptions import WatchError
from rq import Queue
from rq.job import Job

from making import HOUR, INDEX, US, add, entry, finish, now_us, record_of, recurring, snapshot, waiting
from queues_for_tests import WithoutPipeline
from rq_scheduler.store import Store


def through_rq(client: Any, store: Store, id: str, *, queue: Queue | None = None, **options: Any) -> int | None:
    """Hands off the job as it stands now."""
    return store.hand_off_via_rq(
        Job.fetch(id, connection=client), queue or Queue(connection=client), attempts=1, **options
    )


class TestAsRead:
    def test_the_hash_that_was_read(self, redis: redis_py.Redis, store: Store) -> None:
        due = now_us(redis) - 1000
        add(store, entry(redis, "a", due))
        assert through_rq(redis, store, "a", expected_due=due, as_read=store.job_fields("a")) is not None
        assert (waiting(redis), redis.zcard(INDEX)) == (["a"], 0)

    @pytest.mark.parametrize("field", ["data", "meta", "description", "a field of the future"])
    def test_another_than_was_read(self, redis: redis_py.Redis, store: Store, field: str) -> None:
        """RQ writes the whole hash: it would bring the old one back."""
        due = now_us(redis) - 1000
        add(store, entry(redis, "a", due))
        job, read = Job.fetch("a", connection=redis), store.job_fields("a")
        redis.hset("rq:job:a", field, "other")
        before = snapshot(redis)
        with pytest.raises(WatchError):
            store.hand_off_via_rq(job, Queue(connection=redis), expected_due=due, as_read=read, attempts=1)
        assert snapshot(redis) == before
        assert job.get_status(refresh=False) == "scheduled"

    def test_replaced_for_the_same_moment(self, redis: redis_py.Redis, store: Store) -> None:
        due = now_us(redis) - 1000
        add(store, entry(redis, "a", due, func="jobs_for_tests.echo", args=(1,)))
        job, read = Job.fetch("a", connection=redis), store.job_fields("a")
        add(store, entry(redis, "a", due, func="jobs_for_tests.echo", args=(2,)))
        with pytest.raises(WatchError):
            store.hand_off_via_rq(job, Queue(connection=redis), expected_due=due, as_read=read, attempts=1)
        assert Job.fetch("a", connection=redis).args == (2,)
        assert store.due_of("a") == due


class TestRepeat:
    def test_counts_down_in_the_record_with_a_new_revision(self, redis: redis_py.Redis, store: Store) -> None:
        due = now_us(redis) - 1000
        add(store, recurring(redis, "r", due, meta={"repeat": 5}))
        before = record_of(store, "r")
        assert through_rq(redis, store, "r", next_due=due + HOUR) is not None
        after = record_of(store, "r")
        assert (before.repeat, after.repeat) == (5, 4)
        assert int(after.rev) > int(before.rev)

    def test_without_a_limit_nothing_is_counted(self, redis: redis_py.Redis, store: Store) -> None:
        due = now_us(redis) - 1000
        add(store, recurring(redis, "r", due))
        before = record_of(store, "r")
        through_rq(redis, store, "r", next_due=due + HOUR)
        assert (record_of(store, "r").repeat, record_of(store, "r").rev) == (None, before.rev)

    def test_a_copy_has_the_meta_of_the_last_run(self, redis: redis_py.Redis, store: Store) -> None:
        due = now_us(redis) - 1000
        add(store, recurring(redis, "r", due, result_ttl=5, meta={"repeat": 5}))
        for left in (4, 3):
            job = Job.fetch("r", connection=redis)
            job.meta["repeat"] = left
            store.hand_off_via_rq(job, Queue(connection=redis), next_due=due + HOUR)
            finish(redis, "r")
        redis.delete("rq:job:r")
        stored = store.job("r")
        assert stored is not None
        assert pickle.loads(stored.fields[b"meta"])["repeat"] == 3


class TestWhatAKilledWorkerLeft:
    @pytest.mark.parametrize("queue_class", [Queue, WithoutPipeline])
    def test_is_removed_and_no_more(self, redis: redis_py.Redis, store: Store, queue_class: type[Queue]) -> None:
        due = now_us(redis) - 1000
        add(store, recurring(redis, "r", due))
        now = now_us(redis) / US
        redis.zadd("rq:executions:r", {"dead": now + 60, "lost": now + 60, "alive": now + 60})
        redis.zadd("rq:wip:default", {"r:dead": now - 1, "r:alive": now + 60, "other:e": now - 1})
        assert through_rq(redis, store, "r", queue=queue_class(connection=redis), next_due=due + HOUR) is not None
        assert redis.zrange("rq:executions:r", 0, -1) == [b"alive"]
        assert sorted(redis.zrange("rq:wip:default", 0, -1)) == [b"other:e", b"r:alive"]
        assert waiting(redis) == ["r"]
