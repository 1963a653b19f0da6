"""Steps that come late, when what they were meant for is over or has been replaced: they do nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

from jobs_for_tests import nothing
from making import INDEX, US, Told, add, entry, now_us
from rq_scheduler import Scheduler
from rq_scheduler.dispatcher.previous_runs import stop_run
from rq_scheduler.jobs import JobCreator
from rq_scheduler.store import Store


@pytest.fixture
def store(redis: redis_py.Redis) -> Store:
    return Store(redis)


def test_a_cancellation_of_what_was_due_then(redis: redis_py.Redis, store: Store) -> None:
    """A dispatcher has read that the job was canceled; meanwhile its owner has scheduled it again."""
    due = now_us(redis) - US
    add(store, entry(redis, "a", due + 5 * US))
    assert not store.cancel("a", 60, due=due)
    assert redis.zcard(INDEX) == 1
    assert redis.hget("rq:job:a", "status") == b"scheduled"
    assert store.cancel("a", 60, due=due + 5 * US)


def test_the_lease_of_a_cancelled_entry(redis: redis_py.Redis, store: Store) -> None:
    """Its dispatcher has died, and nobody else would ever look at it."""
    due = now_us(redis) - US
    add(store, entry(redis, "a", due))
    store.take_fence()
    assert store.claim(INDEX, "a", due, 60)
    assert store.cancel("a", 60)
    assert not redis.exists(store.keys.claims)


@pytest.mark.parametrize("status", ["finished", "failed", "stopped", "canceled"])
def test_a_stop_for_a_run_that_has_ended(redis: redis_py.Redis, store: Store, status: str) -> None:
    add(store, entry(redis, "a", now_us(redis) - US))
    redis.hset("rq:job:a", "status", status)
    told = Told()
    stop_run(store, JobCreator(redis), told, "a")
    assert redis.hget("rq:job:a", "status") == status.encode()
    assert not redis.exists("rq:canceled:default")


@pytest.mark.parametrize("recurs", [False, True])
def test_a_job_that_was_to_be_deleted_goes_by_itself(redis: redis_py.Redis, *, recurs: bool) -> None:
    """Where the network ended between the two steps, and whatever else it was kept for."""

    class Cut(Scheduler):
        def _delete(self, id: str) -> None:
            raise redis_py.ConnectionError("cut")

    scheduler = Cut(connection=redis)
    options: dict[str, Any] = {"interval": 60, "result_ttl": 500} if recurs else {}
    scheduler.schedule(datetime.now(UTC) + timedelta(hours=1), nothing, id="a", **options)
    redis.expire("rq:job:a", 5000)
    with pytest.raises(redis_py.ConnectionError):
        scheduler.cancel("a", delete_job=True)
    assert 0 < redis.ttl("rq:job:a") <= 60
