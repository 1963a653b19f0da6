"""RQ's own scheduled registries: whose they are, what is held, and that many queues are all served."""

from typing import Any

import pytest
import redis as redis_py
from rq.scheduler import RQScheduler

from making import HOUR, US, dispatcher, hand_off, make_job, now_us, waiting
from rq_scheduler.store import Store
from rq_scheduler.store.handoff import Kind, RegistryBatch
from rq_scheduler.store.outcomes import Fenced
from rq_scheduler.store.rq_format import SCHEDULER_LOCK_OWNER, SCHEDULER_LOCK_TTL


def serve(store: Store, *, limit: int = 500, overdue: str = "hold", cursor: bytes = b"0") -> RegistryBatch:
    batch = store.serve_registries(cursor, limit, overdue)
    assert not isinstance(batch, Fenced), batch
    return batch


def schedule(client: Any, id: str, at: int, queue: str = "default", **changes: Any) -> None:
    client.hset(f"rq:job:{id}", mapping={**make_job(client, id, origin=queue).to_dict(), **changes})
    client.zadd(f"rq:scheduled:{queue}", {id: at / US})
    client.sadd("rq:queues", f"rq:queue:{queue}")


class TestLocks:
    def test_free(self, redis: redis_py.Redis, store: Store) -> None:
        schedule(redis, "a", now_us(redis) - 1)
        assert [job.id for job in serve(store).handed_off] == ["a"]
        assert redis.get("rq:scheduler-lock:default") == SCHEDULER_LOCK_OWNER.encode()
        assert 0 < redis.ttl("rq:scheduler-lock:default") <= SCHEDULER_LOCK_TTL

    def test_ours_is_one_for_all_of_us_and_renewed(self, redis: redis_py.Redis, store: Store) -> None:
        schedule(redis, "a", now_us(redis) - 1)
        serve(store)
        schedule(redis, "b", now_us(redis) - 1)
        redis.expire("rq:scheduler-lock:default", 5)
        assert [job.id for job in serve(Store(redis)).handed_off] == ["b"]
        assert redis.ttl("rq:scheduler-lock:default") > 50

    def test_a_workers_is_left_to_the_worker(self, redis: redis_py.Redis, store: Store) -> None:
        schedule(redis, "a", now_us(redis) - 2 * US)  # RQ counts in whole seconds
        schedule(redis, "b", now_us(redis) - 1, "free")
        worker = RQScheduler(["default"], connection=redis)
        assert worker.acquire_locks() == {"default"}
        held = redis.get("rq:scheduler-lock:default")
        assert [job.id for job in serve(store).handed_off] == ["b"]
        assert redis.get("rq:scheduler-lock:default") == held
        worker.enqueue_scheduled_jobs()
        assert waiting(redis) == ["a"]
        worker.release_locks()
        schedule(redis, "c", now_us(redis) - 1)
        assert [job.id for job in serve(store).handed_off] == ["c"]

    def test_a_worker_cannot_take_ours(self, redis: redis_py.Redis, store: Store) -> None:
        schedule(redis, "a", now_us(redis) + HOUR)
        serve(store)
        assert RQScheduler(["default"], connection=redis).acquire_locks() == set()
        store.heartbeat("me", {"x": 1}, 5, dispatcher=True)
        store.leave("me")
        assert RQScheduler(["default"], connection=redis).acquire_locks() == {"default"}


class TestFirstClaim:
    def test_what_nobody_served_for_an_hour_is_held(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        schedule(redis, "old", now - HOUR - US)
        schedule(redis, "ancient", 5 * US)
        schedule(redis, "late", now - HOUR + 30 * US)
        batch = serve(store)
        assert [job.id for job in batch.handed_off] == ["late"]
        assert batch.taken_on == [("default", 2)]
        again = serve(store)
        assert (again.handed_off, again.taken_on) == ([], [])
        assert redis.zrange("rq:scheduled:default", 0, -1) == [b"ancient", b"old"]
        schedule(redis, "new", now - 1)
        assert [job.id for job in serve(store).handed_off] == ["new"], "what is held holds up nobody"

    def test_run_releases_them(self, redis: redis_py.Redis, store: Store) -> None:
        schedule(redis, "ancient", 5 * US)
        assert serve(store).handed_off == []
        assert [job.id for job in serve(store, overdue="run").handed_off] == ["ancient"]
        schedule(redis, "ancient", 5 * US)
        assert [job.id for job in serve(store).handed_off] == ["ancient"], "a line that was lifted stays lifted"

    def test_run_from_the_start(self, redis: redis_py.Redis, store: Store) -> None:
        schedule(redis, "ancient", 5 * US)
        batch = serve(store, overdue="run")
        assert [job.id for job in batch.handed_off] == ["ancient"]
        assert batch.taken_on == [("default", 0)]

    def test_only_the_first_claim_draws_the_line(self, redis: redis_py.Redis, store: Store) -> None:
        """What became overdue while all dispatchers were down is handed off when they are back."""
        schedule(redis, "a", now_us(redis) + HOUR)
        serve(store)
        redis.zadd("rq:scheduled:default", {"a": now_us(redis) / US - 10 * 3600})
        assert [job.id for job in serve(store).handed_off] == ["a"]

    def test_what_is_made_later_for_a_time_long_past_is_not_held(self, redis: redis_py.Redis, store: Store) -> None:
        """To RQ, `enqueue_at` of a past time means now."""
        schedule(redis, "ancient", 5 * US)
        assert serve(store).handed_off == []
        schedule(redis, "new", 6 * US)
        assert [job.id for job in serve(store).handed_off] == ["new"]
        assert redis.zrange("rq:scheduled:default", 0, -1) == [b"ancient"]

    def test_of_a_queue_that_is_new_holds_nothing_that_was_made_meanwhile(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        schedule(redis, "a", now_us(redis) + HOUR)
        serve(store)
        schedule(redis, "now", 5 * US, "new")
        redis.zadd("rq:scheduled:new", {"before": 6})
        redis.hset("rq:job:before", mapping={"data": "x", "created_at": "2020-01-01T00:00:00.000000Z"})
        batch = serve(store)
        assert batch.taken_on == [("new", 1)]
        assert [job.id for job in serve(store).handed_off] + [job.id for job in batch.handed_off] == ["now"]
        assert redis.zrange("rq:scheduled:new", 0, -1) == [b"before"]


class TestWhatIsNoted:
    def test_goes_with_what_a_queue_holds(self, redis: redis_py.Redis, store: Store) -> None:
        for n in range(30):
            schedule(redis, f"a{n}", now_us(redis) - 1, f"queue-{n}")
        schedule(redis, "b", now_us(redis) + HOUR, "holds")
        while len(redis.hkeys(store.keys.rq_claims)) < 31:
            serve(store)
        for _ in range(1000):
            serve(store)
            if redis.hlen(store.keys.rq_claims) == 1:
                break
        assert redis.hkeys(store.keys.rq_claims) == [b"holds"]
        assert redis.keys("rq:scheduler-lock:*") == [b"rq:scheduler-lock:holds"]

    def test_of_queues_that_were_deleted_goes(self, redis: redis_py.Redis, store: Store) -> None:
        schedule(redis, "a", now_us(redis) + HOUR, "gone")
        serve(store)
        assert redis.hlen(store.keys.rq_claims) == 1
        redis.delete("rq:scheduled:gone", "rq:queues")
        serve(store)
        assert not redis.exists(store.keys.rq_claims)

    def test_a_queue_that_holds_something_again_is_served_as_before(self, redis: redis_py.Redis, store: Store) -> None:
        """`enqueue_at` of a past time means now, to RQ, also where nothing was scheduled for a while."""
        schedule(redis, "a", now_us(redis) - 1)
        serve(store)
        serve(store)
        assert not redis.exists(store.keys.rq_claims)
        schedule(redis, "long-past", 5 * US)
        assert [job.id for job in serve(store).handed_off] == ["long-past"]


class TestServing:
    def test_many_queues(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        for i in range(700):
            schedule(redis, f"j{i}", now - 1, f"queue {i}")
        cursor, ids, calls = b"0", [], 0
        while True:
            batch = serve(store, cursor=cursor)
            ids += [job.id for job in batch.handed_off]
            cursor, calls = batch.cursor, calls + 1
            if cursor == b"0" and not batch.behind:
                break
        assert sorted(ids) == sorted(f"j{i}" for i in range(700))
        assert calls > 1, "a bounded share of the queues each time"

    def test_the_limit_is_for_all_queues_together(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        for i in range(30):
            schedule(redis, f"j{i}", now - 1, f"q{i % 3}")
        seen = []
        for _ in range(6):
            batch = serve(store, limit=7)
            assert len(batch.handed_off) <= 7
            seen += [job.id for job in batch.handed_off]
        assert sorted(seen) == sorted(f"j{i}" for i in range(30))
        assert serve(store, limit=7).behind == 0

    def test_the_next_one_to_come(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        schedule(redis, "a", now + 2 * HOUR, "one")
        schedule(redis, "b", now + HOUR, "two")
        assert serve(store).next_due == pytest.approx(now + HOUR, abs=1)

    def test_origin_is_the_registrys(self, redis: redis_py.Redis, store: Store) -> None:
        schedule(redis, "a", now_us(redis) - 1, "real")
        redis.hset("rq:job:a", "origin", "stale")
        serve(store)
        assert waiting(redis, "real") == ["a"]
        assert redis.hget("rq:job:a", "origin") == b"real"

    def test_rate_limited_jobs_are_for_rq(self, redis: redis_py.Redis, store: Store) -> None:
        schedule(redis, "a", now_us(redis) - 1, rate_limit_key="k", rate_limit_concurrency=1)
        batch = serve(store)
        assert [(left.kind, left.id, left.index) for left in batch.left] == [(Kind.VIA_RQ, "a", "rq:scheduled:default")]
        assert waiting(redis) == []

    def test_broken_ones_hold_up_nobody(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        schedule(redis, "gone", now - 11 * US)
        redis.delete("rq:job:gone")
        schedule(redis, "good", now - 2)
        redis.set("rq:scheduled:odd", "a string")
        redis.sadd("rq:queues", "rq:queue:odd")
        schedule(redis, "unreachable", now - 1, "string")
        redis.set("rq:queue:string", "a string")
        batch = serve(store)
        assert [job.id for job in batch.handed_off] == ["good"]
        assert [dropped.id for dropped in batch.dropped] == ["gone"]
        assert redis.hexists(store.keys.quarantine, "gone")
        assert redis.zrange("rq:scheduled:default", 0, -1) == []
        assert redis.zrange("rq:scheduled:string", 0, -1) == [b"unreachable"], "until somebody repairs the queue"

    def test_one_whose_job_is_not_written_yet_is_waited_for(self, redis: redis_py.Redis, store: Store) -> None:
        """RQ 2.6 writes the entry first."""
        now = now_us(redis)
        schedule(redis, "coming", now - 2 * US)
        redis.delete("rq:job:coming")
        schedule(redis, "good", now - 2)
        for _ in range(2):
            dispatcher(redis).dispatch_once()
            assert waiting(redis) == ["good"]
        assert not redis.exists(store.keys.quarantine)
        schedule(redis, "coming", now - 2 * US)
        dispatcher(redis).dispatch_once()
        assert waiting(redis) == ["good", "coming"]

    def test_the_registries_of_another_prefix(self, redis: redis_py.Redis) -> None:
        store = Store(redis, prefix="site")
        schedule(redis, "a", now_us(redis) - 1)
        redis.rename("rq:scheduled:default", "site:scheduled:default")
        redis.rename("rq:job:a", "site:job:a")
        redis.delete("rq:queues")
        redis.sadd("site:queues", "site:queue:default")
        assert [job.id for job in serve(store).handed_off] == ["a"]
        assert redis.lrange("site:queue:default", 0, -1) == [b"a"]
        assert hand_off(store).fires.handed_off == []
        redis.flushall()
