"""The fence against 0.14 daemons, names, locks: who may hand off, and who has left."""

from time import monotonic
from typing import Any

import pytest
import redis as redis_py

from making import US, add, entry, hand_off, job_plan_of, lives_for, now_us, recurring, snapshot, write_job_plans
from rq_scheduler.errors import NameTaken
from rq_scheduler.store import Store
from rq_scheduler.store.keys import FENCE_TTL_MS
from rq_scheduler.store.outcomes import Fenced


def _everything_due(client: redis_py.Redis, store: Store) -> Any:
    now = now_us(client)
    add(store, entry(client, "a", now - 5), recurring(client, "r", now - 5))
    client.hset("rq:job:s", mapping=entry(client, "s", 0).fields)
    client.zadd("rq:scheduled:default", {"s": now // US - 1})
    client.sadd("rq:queues", "rq:queue:default")
    return job_plan_of(store, "r")


class TestFence:
    @pytest.mark.parametrize("holder", ["1795463302", "an application", "", "rq-scheduler"])
    @pytest.mark.parametrize("ttl", [7, None])
    def test_a_foreign_holder_stops_every_script(
        self, redis: redis_py.Redis, store: Store, holder: str, ttl: int | None
    ) -> None:
        fire = _everything_due(redis, store)
        redis.set(store.keys.fence, holder, ex=ttl and 600)
        before = snapshot(redis)
        answers = [
            store.hand_off_jobs(None, 10),
            store.write_plans([fire], 0),
            store.serve_registries(b"0", 10, "hold"),
        ]
        for answer in answers:
            assert isinstance(answer, Fenced)
            assert answer.holder == holder
            assert answer.ttl_ms == -1 if ttl is None else 500_000 < answer.ttl_ms <= 600_000
        assert not store.claim(store.keys.scheduled_jobs, "a", fire.of.due, 60)
        assert snapshot(redis) == before
        redis.delete(store.keys.fence)
        assert [job.id for job in hand_off(store).fires.handed_off] == ["a"]
        assert write_job_plans(store, fire) == ["done"]

    def test_ours_is_shared_and_renewed(self, redis: redis_py.Redis, store: Store) -> None:
        other = Store(redis)
        for use in (
            lambda s: s.hand_off_jobs(None, 10),
            lambda s: s.write_plans([], 0),
            lambda s: s.serve_registries(b"0", 10, "hold"),
        ):
            for one in (store, other):
                redis.delete(store.keys.fence)
                assert not isinstance(use(store), Fenced)
                redis.pexpire(store.keys.fence, 2_000)
                began = monotonic()
                assert not isinstance(use(one), Fenced)
                assert lives_for(redis, store.keys.fence, FENCE_TTL_MS / 1000, began)
                assert redis.get(store.keys.fence).startswith(b"rq-scheduler:")  # type: ignore[union-attr]

    def test_an_application_cannot_take_it_meanwhile(self, redis: redis_py.Redis, store: Store) -> None:
        hand_off(store)
        assert not store.acquire_lock("me", 10)
        assert not store.release_lock("me")
        redis.delete(store.keys.fence)
        assert store.acquire_lock("me", 10)
        assert not store.acquire_lock("me", 10)
        assert not store.release_lock("you")
        assert isinstance(store.hand_off_jobs(None, 10), Fenced)
        assert store.release_lock("me")
        assert not isinstance(store.hand_off_jobs(None, 10), Fenced)

    def test_the_last_to_leave_lifts_it(self, redis: redis_py.Redis, store: Store) -> None:
        for name in ("a", "b", "c"):
            store.register_birth(name, {"x": 1}, 5)
            store.heartbeat(name, {"x": 1}, 5, dispatcher=True)
        hand_off(store)
        assert store.leave("a") == 2
        assert store.leave("a") == 2, "twice is once"
        assert redis.exists(store.keys.fence)
        assert store.leave("b") == 1
        assert redis.exists(store.keys.fence)
        assert store.leave("c") == 0
        assert not redis.exists(store.keys.fence)
        assert not redis.keys("rq:scheduler_instance:*")

    def test_a_dispatcher_that_died_counts_no_more(self, redis: redis_py.Redis, store: Store) -> None:
        store.heartbeat("dead", {"x": 1}, 5, dispatcher=True)
        store.heartbeat("me", {"x": 1}, 5, dispatcher=True)
        redis.zadd(store.keys.dispatchers, {"dead": now_us(redis) / US - 1})
        hand_off(store)
        assert store.leave("me") == 0
        assert not redis.exists(store.keys.fence)

    def test_leaving_lifts_nobody_elses(self, redis: redis_py.Redis, store: Store) -> None:
        store.heartbeat("me", {"x": 1}, 5, dispatcher=True)
        redis.set(store.keys.fence, "somebody", ex=9)
        redis.set("rq:scheduler-lock:q", "a worker", ex=90)
        redis.hset(store.keys.rq_claims, "q", "-inf")
        assert store.leave("me") == 0
        assert redis.get(store.keys.fence) == b"somebody"
        assert redis.get("rq:scheduler-lock:q") == b"a worker"

    def test_it_can_be_taken(self, redis: redis_py.Redis, store: Store) -> None:
        redis.set(store.keys.fence, "a dead daemon")
        store.take_fence()
        assert 0 < redis.pttl(store.keys.fence) <= FENCE_TTL_MS
        assert not isinstance(store.hand_off_jobs(None, 10), Fenced)

    def test_another_prefix_has_none(self, redis: redis_py.Redis) -> None:
        """0.14 knows no prefix but its own."""
        store = Store(redis, prefix="site")
        redis.set("site:scheduler_lock", "foreign", ex=50)
        assert hand_off(store).fires.handed_off == []
        redis.delete("site:scheduler_lock")
        hand_off(store)
        assert redis.keys("*lock*") == []


class TestInstances:
    def test_a_name_belongs_to_one(self, redis: redis_py.Redis, store: Store) -> None:
        began = monotonic()
        store.register_birth("me", {"host": "h", "pid": 5}, 110)
        assert redis.hgetall("rq:scheduler_instance:me") == {b"host": b"h", b"pid": b"5"}
        assert lives_for(redis, "rq:scheduler_instance:me", 110, began)
        with pytest.raises(NameTaken, match="'me'"):
            store.register_birth("me", {"host": "other"}, 110)
        assert redis.hget("rq:scheduler_instance:me", "host") == b"h"
        store.register_death("me")
        store.register_birth("me", {"host": "other"}, 11)

    def test_one_that_0_14_left_dead_is_free(self, redis: redis_py.Redis, store: Store) -> None:
        redis.hset("rq:scheduler_instance:me", mapping={"birth": "then", "death": "now"})
        store.register_birth("me", {"host": "h"}, 11)
        assert redis.hget("rq:scheduler_instance:me", "death") is None

    def test_heartbeat_counts_dispatchers_only(self, redis: redis_py.Redis, store: Store) -> None:
        assert store.heartbeat("scheduler", {"x": 1}, 50) == 0
        assert store.heartbeat("a", {"x": 1}, 50, dispatcher=True) == 1
        assert store.heartbeat("b", {"x": 1}, 70, dispatcher=True) == 2
        began = monotonic()
        assert store.heartbeat("b", {"x": 2}, 70, dispatcher=True) == 2
        assert redis.hget("rq:scheduler_instance:b", "x") == b"2"
        assert lives_for(redis, "rq:scheduler_instance:b", 70, began)


class TestTheNameOfOneThatIsGone:
    def test_the_first_who_replaces_it_has_it(self, store: Store) -> None:
        store.register_birth("me", {"host": "h"}, 11, token="old")
        with pytest.raises(NameTaken):
            store.register_birth("me", {"host": "h"}, 11, token="a", dead="another")
        with pytest.raises(NameTaken):
            store.register_birth("me", {"host": "h"}, 11, token="a", dead="")
        store.register_birth("me", {"host": "h"}, 11, token="a", dead="old")
        store.register_birth("me", {"host": "h"}, 11, token="a", dead="old")  # its reply was lost
        with pytest.raises(NameTaken):
            store.register_birth("me", {"host": "h"}, 11, token="b", dead="old")

    def test_what_it_has_told(self, store: Store) -> None:
        assert store.instance("me") == ({}, 0)
        store.register_birth("me", {"host": "h", "pid": 5}, 11, token="t")
        fields, ttl = store.instance("me")
        assert fields == {"host": "h", "pid": "5", "birth_token": "t"}
        assert 0 < ttl <= 11_000
