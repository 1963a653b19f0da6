"""One-offs: batches, what is left for Python, what is dropped, and servers that refuse to write."""

import json
from typing import Any

import pytest
import redis as redis_py
from rq.job import Job

from conftest import StartServer
from making import (
    HOUR,
    INDEX,
    US,
    add,
    entry,
    fire_job,
    hand_off,
    job_plan_of,
    now_us,
    recurring,
    snapshot,
    waiting,
    write_job_plans,
)
from rq_scheduler.store import NewEntry, Store
from rq_scheduler.store.handoff import Kind
from rq_scheduler.store.outcomes import Fenced


def _reason(client: Any, id: str) -> dict[str, Any]:
    kept = client.hget("rq:scheduler:quarantine", id)
    assert kept is not None, f"{id} is not in quarantine"
    return json.loads(kept)


class TestBatches:
    def test_due_order_and_the_limit(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        add(store, *(entry(redis, f"j{i:02}", now - 1000 + i) for i in range(25)), entry(redis, "later", now + HOUR))
        first = hand_off(store, 10)
        assert [job.id for job in first.fires.handed_off] == [f"j{i:02}" for i in range(10)]
        assert first.more
        assert first.next_due == now + HOUR
        assert len(hand_off(store, 10).fires.handed_off) == 10
        last = hand_off(store, 10)
        assert (len(last.fires.handed_off), last.more) == (5, False)
        assert waiting(redis) == [f"j{i:02}" for i in range(25)]
        assert redis.zrange(INDEX, 0, -1) == [b"later"]

    def test_tells_the_due_time_and_the_clock(self, redis: redis_py.Redis, store: Store) -> None:
        due = now_us(redis) - 123_456
        add(store, entry(redis, "a", due))
        batch = hand_off(store)
        assert [job.due for job in batch.fires.handed_off] == [due]
        assert due < batch.now <= now_us(redis)

    def test_exactly_at_its_time(self, redis: redis_py.Redis, store: Store) -> None:
        """What is due is decided by the server's clock, to the microsecond: never before."""
        due = now_us(redis) + 30_000
        add(store, entry(redis, "a", due))
        while True:
            batch = hand_off(store)
            if batch.fires.handed_off:
                break
            assert batch.now < due
            assert batch.next_due == due
        assert batch.now >= due

    def test_twice_is_once(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, *(entry(redis, f"j{i}", now_us(redis) - 1) for i in range(10)))
        hand_off(store)
        before = snapshot(redis)
        assert hand_off(store).fires.handed_off == []
        after = snapshot(redis)
        before.pop(store.keys.fence.encode())
        after.pop(store.keys.fence.encode())
        assert after == before

    def test_a_score_finer_than_a_microsecond(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, entry(redis, "a", 5))
        redis.zadd(INDEX, {"a": 1795463302.0885584})
        (job,) = hand_off(store).fires.handed_off if now_us(redis) > 1795463303 * US else (None,)
        assert job is None or redis.zcard(INDEX) == 0


class TestLeft:
    def test_kinds(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis) - 1000
        first = Job.create("jobs_for_tests.nothing", connection=redis, id="first")
        first.save()
        add(
            store,
            recurring(redis, "recorded", now),
            entry(redis, "cron", now + 1, meta={"cron_string": "* * * * *"}),
            entry(redis, "interval", now + 2, meta={"interval": 5}),
            entry(redis, "depends", now + 3, depends_on=first),
            entry(redis, "classed", now + 4, meta={"queue_class_name": "a.B"}),
            entry(redis, "plain", now + 5, meta={"other": 1}),
        )
        redis.hset("rq:job:limited", mapping={**entry(redis, "limited", 0).fields, "rate_limit_key": "k"})
        redis.zadd(INDEX, {"limited": (now + 6) / US})
        before = {
            id: redis.hgetall(f"rq:job:{id}")
            for id in ("recorded", "cron", "interval", "depends", "classed", "limited")
        }
        batch = hand_off(store)
        assert [(left.kind, left.id, left.due) for left in batch.left] == [
            (Kind.RECURRING, "cron", now + 1),
            (Kind.RECURRING, "interval", now + 2),
            (Kind.VIA_RQ, "depends", now + 3),
            (Kind.VIA_RQ, "classed", now + 4),
            (Kind.VIA_RQ, "limited", now + 6),
        ]
        assert [job.id for job in batch.fires.handed_off] == ["plain"]
        assert {id: redis.hgetall(f"rq:job:{id}") for id in before} == before, "what is left is untouched"
        assert redis.zcard(INDEX) == 6

    def test_all_via_rq_and_all_meta(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis) - 1000
        add(store, entry(redis, "plain", now), entry(redis, "meta", now + 1, meta={"x": 1}))
        assert [left.kind for left in hand_off(store, all_via_rq=True, all_meta=True).left] == [
            Kind.VIA_RQ,
            Kind.RECURRING,
        ]
        assert [left.id for left in hand_off(store, all_meta=True).left] == ["meta"]
        assert waiting(redis) == ["plain"]

    @pytest.mark.parametrize("scores", ["one moment", "each its own"])
    def test_what_cannot_be_served_hides_nothing(self, redis: redis_py.Redis, store: Store, scores: str) -> None:
        now = now_us(redis) - 10_000
        step = 0 if scores == "one moment" else 1
        head = [entry(redis, f"slow-{i:04}", now + step * i, meta={"queue_class_name": "a.B"}) for i in range(700)]
        add(store, *head, *(entry(redis, f"zz-{i}", now + step * (700 + i)) for i in range(10)))
        cursor, seen, handed_off, calls = None, [], [], 0
        while True:
            batch = store.hand_off_jobs(cursor, 100)
            assert not isinstance(batch, Fenced)
            seen += [left.id for left in batch.left]
            handed_off += [job.id for job in batch.fires.handed_off]
            cursor, calls = batch.cursor, calls + 1
            if not batch.more:
                break
        assert seen == [f"slow-{i:04}" for i in range(700)]
        assert handed_off == [f"zz-{i}" for i in range(10)]
        assert calls == 8

    def test_paging_goes_on_behind_an_entry_that_has_gone(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis) - 10_000
        add(store, *(entry(redis, f"slow-{i:02}", now, meta={"queue_class_name": "a.B"}) for i in range(20)))
        batch = hand_off(store, 10)
        redis.zrem(INDEX, "slow-09", "slow-03")
        second = store.hand_off_jobs(batch.cursor, 10)
        assert not isinstance(second, Fenced)
        assert [left.id for left in second.left] == [f"slow-{i}" for i in range(10, 20)]


class TestThePlainPath:
    """Most jobs are looked at once and briefly: that must decide nothing differently."""

    @pytest.mark.parametrize("tell", [True, False])
    def test_telling_each_job_changes_nothing_else(self, redis: redis_py.Redis, store: Store, tell: bool) -> None:
        now = now_us(redis) - 1000
        add(store, entry(redis, "a", now), entry(redis, "no-data", now + 1), entry(redis, "short", now + 2, ttl=60))
        redis.hdel("rq:job:no-data", "data")
        batch = hand_off(store, tell=tell)
        assert waiting(redis) == ["a", "no-data", "short"], "a worker says what is wrong with its arguments"
        assert batch.fires.queues == {"default": 3}
        assert [job.id for job in batch.fires.handed_off] == (["a", "no-data", "short"] if tell else [])

    def test_a_recurring_job_that_lost_its_meta_is_left_to_python(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000))
        redis.hdel("rq:job:r", "meta")
        batch = hand_off(store, tell=False)
        assert (batch.unplanned, waiting(redis)) == (1, [])
        assert redis.zrange(store.keys.unplanned, 0, -1) == [b"r"]


class TestDropped:
    @pytest.mark.parametrize(
        ("breaking", "reason"),
        [
            (lambda c: c.delete("rq:job:bad"), "its job is gone: rq:job:bad was deleted, or expired"),
            (lambda c: (c.delete("rq:job:bad"), c.set("rq:job:bad", "x")), "the key rq:job:bad is not the hash"),
            (lambda c: (c.delete("rq:job:bad"), c.zadd("rq:job:bad", {"x": 1})), "the key rq:job:bad is not the hash"),
            (lambda c: c.hdel("rq:job:bad", "origin"), "its job names no queue"),
            (lambda c: c.hset("rq:job:bad", "origin", ""), "its job names no queue"),
            (lambda c: c.hset("rq:job:bad", "origin", "odd"), "the key rq:queue:odd is not the list of a queue"),
        ],
    )
    def test_what_is_broken_goes_into_quarantine(
        self, redis: redis_py.Redis, store: Store, breaking: Any, reason: str
    ) -> None:
        redis.set("rq:queue:odd", "not a list")
        now = now_us(redis) - 1000
        add(store, entry(redis, "before", now), entry(redis, "bad", now + 1), entry(redis, "behind", now + 2))
        breaking(redis)
        batch = hand_off(store)
        assert waiting(redis) == ["before", "behind"], "a bad entry holds up nobody"
        assert [(dropped.id, dropped.due) for dropped in batch.dropped] == [("bad", now + 1)]
        kept = _reason(redis, "bad")
        assert reason in kept["reason"]
        assert reason in batch.dropped[0].reason
        assert round(float(kept["due"]) * US) == now + 1
        assert (kept["index"], int(kept["at"])) == (INDEX, batch.now)
        assert redis.zcard(INDEX) == 0
        assert redis.get("rq:queue:odd") == b"not a list"

    def test_an_id_that_is_no_text(self, redis: redis_py.Redis, store: Store) -> None:
        redis.zadd(INDEX, {b"\xff\xfe": 5})
        batch = hand_off(store)
        assert len(batch.dropped) == 1
        assert redis.hkeys(store.keys.quarantine) == [b"\xff\xfe"]
        assert redis.zcard(INDEX) == 0

    def test_canceled_through_rq(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, entry(redis, "a", now_us(redis) - 1), entry(redis, "b", now_us(redis) - 1))
        Job.fetch("a", connection=redis).cancel()
        batch = hand_off(store)
        assert [(dropped.id, dropped.reason) for dropped in batch.dropped] == [("a", "canceled")]
        assert waiting(redis) == ["b"]
        assert redis.hget("rq:job:a", "status") == b"canceled"
        assert not redis.exists(store.keys.quarantine)

    def test_hundreds_of_broken_ones_at_the_head(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        redis.zadd(INDEX, {f"gone-{i}": 5 for i in range(500)})
        add(store, entry(redis, "good", now - 1))
        assert hand_off(store, 500).fires.handed_off == []
        assert [job.id for job in hand_off(store, 500).fires.handed_off] == ["good"]
        assert redis.hlen(store.keys.quarantine) == 500


class TestServersThatRefuse:
    @pytest.mark.parametrize("fenced", ["not held yet", "held"])
    @pytest.mark.parametrize("prefix", ["rq", "site"])
    def test_a_full_one_refuses_the_batch_whole(self, start_server: StartServer, fenced: str, prefix: str) -> None:
        server = start_server(aof=False)
        with redis_py.Redis(port=server.port) as client:
            store = Store(client, prefix=prefix)
            now = now_us(client)
            made = [entry(client, f"j{i}", now - 1, description="x" * 200) for i in range(200)]
            add(store, *(NewEntry(e.id, f"{prefix}:job:{e.id}", e.due, e.fields) for e in made))
            client.zadd(f"{prefix}:scheduler:scheduled_jobs", {"gone": 5})
            if fenced == "held" and prefix == "rq":
                store.take_fence()
            # Also refused where the script is known already, and where it is not.
            before = snapshot(client)
            client.config_set("maxmemory", "1")
            for _ in range(2):
                with pytest.raises(redis_py.ResponseError, match=r"maxmemory|OOM"):
                    hand_off(store)
            client.config_set("maxmemory", "0")
            after = snapshot(client)
            assert {key: content for key, (content, _) in after.items()} == {
                key: content for key, (content, _) in before.items()
            }
            assert len(hand_off(store).fires.handed_off) == 200
            assert client.llen(f"{prefix}:queue:default") == 200
            assert client.zcard(f"{prefix}:scheduler:scheduled_jobs") == 0

    def test_a_full_one_refuses_a_new_entry_whole(self, start_server: StartServer) -> None:
        server = start_server(aof=False)
        with redis_py.Redis(port=server.port) as client:
            store = Store(client)
            client.config_set("maxmemory", "1")
            for make in (entry, recurring):
                with pytest.raises(redis_py.ResponseError, match=r"maxmemory|OOM"):
                    add(store, make(client, "a", 5))
            client.config_set("maxmemory", "0")
            assert client.keys() == []

    def test_a_full_one_refuses_a_registry_and_a_commit_whole(self, start_server: StartServer) -> None:
        server = start_server(aof=False)
        with redis_py.Redis(port=server.port) as client:
            store = Store(client)
            now = now_us(client)
            add(store, recurring(client, "r", now - 1))
            client.hset("rq:job:s", mapping=entry(client, "s", 0).fields)
            client.zadd("rq:scheduled:default", {"s": now // US - 1})
            client.sadd("rq:queues", "rq:queue:default")
            store.take_fence()
            fire, before = job_plan_of(store, "r"), snapshot(client)
            client.config_set("maxmemory", "1")
            with pytest.raises(redis_py.ResponseError, match=r"maxmemory|OOM"):
                write_job_plans(store, fire)
            with pytest.raises(redis_py.ResponseError, match=r"maxmemory|OOM"):
                store.serve_registries(b"0", 10, "hold")
            client.config_set("maxmemory", "0")
            assert {key: content for key, (content, _) in snapshot(client).items()} == {
                key: content for key, (content, _) in before.items()
            }
            assert fire_job(store, "r") == ["done"]
            assert len(store.serve_registries(b"0", 10, "hold").handed_off) == 1  # type: ignore[union-attr]

    def test_a_replica_refuses_the_batch_whole(self, start_server: StartServer) -> None:
        server = start_server(aof=False)
        with redis_py.Redis(port=server.port) as client:
            store = Store(client)
            add(store, entry(client, "a", now_us(client) - 1))
            before = snapshot(client)
            client.config_set("replica-read-only", "yes")
            client.replicaof("127.0.0.1", "1")
            with pytest.raises(redis_py.ResponseError, match=r"(?i)read.?only|replica"):
                hand_off(store)
            client.replicaof("NO", "ONE")
            assert snapshot(client) == before
            assert len(hand_off(store).fires.handed_off) == 1
