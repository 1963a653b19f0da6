"""The first look at everything: many recurring jobs of 0.14 are adopted in few steps, and hold up nothing meanwhile."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import redis as redis_py

import rq_scheduler.dispatcher.sweep as sweep_module
from making import (
    HOUR,
    INDEX,
    US,
    Told,
    add,
    counts_of_passes,
    dispatcher,
    entry,
    make_job,
    now_us,
    record_of,
    snapshot,
    waiting,
)
from rq_scheduler import Every
from rq_scheduler.dispatcher import Dispatcher, PassResult
from rq_scheduler.dispatcher.recurring import TOGETHER
from rq_scheduler.dispatcher.sweep import PAGE
from rq_scheduler.model import Spec
from rq_scheduler.planning import Instant
from rq_scheduler.store import Store
from rq_scheduler.store.series import ADOPTED_BYTES, Adoption, Record, Unadopted
from support import wait_until

SPEC = Spec(trigger=Every(60))


def written_by_0_14(client: Any, id: str, due: int, **options: Any) -> None:
    job = make_job(client, id, meta={"interval": 60}, result_ttl=-1, **options)
    client.hset(job.key, mapping=job.to_dict())
    client.zadd(INDEX, {id: due / US})


def adopted(client: Any, store: Store) -> int:
    return client.zcard(store.keys.schedules)


class TestABatch:
    def test_is_adopted_each_for_itself(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        for id in ("a", "changed", "moved", "foreign", "gone", "b"):
            written_by_0_14(redis, id, now + HOUR)
        records = store.read_recurring(["a", "changed", "moved", "foreign", "gone", "b"])
        redis.hset("rq:job:changed", "meta", "other")
        redis.zadd(INDEX, {"moved": 5e9})
        redis.hset(store.keys.schedule("foreign"), "kind", "schedule")
        redis.delete("rq:job:gone")
        outcomes = store.adopt([Adoption(record, SPEC) for record in records])
        changed = Unadopted.CHANGED
        told = [outcome if isinstance(outcome, Unadopted) else outcome.id for outcome in outcomes]
        assert told == ["a", changed, changed, Unadopted.FOREIGN, changed, "b"]
        for outcome in (outcomes[0], outcomes[-1]):
            assert isinstance(outcome, Record)
            assert outcome == record_of(store, outcome.id)
        assert redis.exists(store.keys.schedule("changed"), store.keys.schedule("moved")) == 0

    @pytest.mark.parametrize("field", ["data", "meta"])
    def test_that_is_large_takes_more_steps(self, redis: redis_py.Redis, store: Store, field: str) -> None:
        for n in range(5):
            written_by_0_14(redis, f"r{n}", now_us(redis) + HOUR)
            redis.hset(f"rq:job:r{n}", field, "x" * (ADOPTED_BYTES // 2 + 1))
        records = store.read_recurring([f"r{n}" for n in range(5)])
        redis.config_resetstat()
        assert all(isinstance(each, Record) for each in store.adopt([Adoption(record, SPEC) for record in records]))
        stats: Any = redis.info("commandstats")
        assert stats["cmdstat_evalsha"]["calls"] == 3

    def test_of_none(self, redis: redis_py.Redis, store: Store) -> None:
        assert store.adopt([]) == []
        assert redis.dbsize() == 0

    def test_twice_is_once(self, redis: redis_py.Redis, store: Store) -> None:
        written_by_0_14(redis, "a", now_us(redis) + HOUR)
        (record,) = store.read_recurring(["a"])
        assert store.adopt([Adoption(record, SPEC)]) == store.adopt([Adoption(record, SPEC)])
        assert redis.get(store.keys.revisions) == b"1"

    def test_leaves_what_was_given_another_definition_meanwhile(self, redis: redis_py.Redis, store: Store) -> None:
        due = now_us(redis) + HOUR
        written_by_0_14(redis, "a", due)
        read = record_of(store, "a")  # by a dispatcher that is slower than another, and a person
        (adopted,) = store.adopt([Adoption(read, SPEC)])
        assert isinstance(adopted, Record)
        assert store.redefine("a", adopted.rev, due, Spec(trigger=Every(90)), Instant(due, due), {})
        before = snapshot(redis)
        assert store.adopt([Adoption(read, SPEC)]) == [Unadopted.CHANGED]
        assert snapshot(redis) == before


class TestAStep:
    def test_adopts_a_few(self, redis: redis_py.Redis, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sweep_module, "SLICE", 0.0)
        many = 3 * PAGE
        for n in range(many):
            written_by_0_14(redis, f"r{n}", now_us(redis) + HOUR)
        one = dispatcher(redis)
        seen = [0]
        while one._sweep.unfinished:
            one._sweep.step()
            seen.append(adopted(redis, store))
        assert seen[-1] == many
        assert max(after - before for before, after in pairwise(seen)) <= TOGETHER

    def test_waits_for_what_is_about_to_be_due(self, redis: redis_py.Redis) -> None:
        one = dispatcher(redis)
        one._swept_at = float("inf")
        assert one._may_sweep(_pass_with(None))
        assert one._may_sweep(_pass_with(10 * US))
        assert not one._may_sweep(_pass_with(1_000))
        assert not one._may_sweep(_pass_with(-US))
        one._swept_at = 0.0
        assert one._may_sweep(_pass_with(1_000)), "but not for ever"

    def test_is_taken_though_something_is_always_about_to_be_due(
        self, redis: redis_py.Redis, store: Store, running: Callable[..., Dispatcher], told: Told
    ) -> None:
        for n in range(30):
            written_by_0_14(redis, f"r{n}", now_us(redis) + HOUR)
        now = now_us(redis)
        add(store, *(entry(redis, f"a{n}", now + n * 2_000) for n in range(1_000)))
        running()
        wait_until(lambda: adopted(redis, store) == 30)

    def test_serves_one_that_is_due_in_a_batch(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        for n in range(150):
            written_by_0_14(redis, f"r{n}", now_us(redis) - 1000)
        redis.config_resetstat()
        one = dispatcher(redis, told)
        counts_of_passes(one)  # one, unless Redis is slow just now: its scripts end in time
        stats: Any = redis.info("commandstats")
        assert len(waiting(redis)) == 150
        scripts = sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("eval", "evalsha"))
        assert 0 < scripts < 40, "not one for each"


def _pass_with(us: int | None) -> PassResult:
    result = PassResult()
    result.saw(1_000 * US, None if us is None else 1_000 * US + us)
    return result
