"""`scheduler.quarantine`: what cannot go back stays, what is purged is forgotten, no fault loses any of it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis as redis_py
from redis.exceptions import ConnectionError as NoConnection

from conftest import StartServer
from faults.holding import KEY, LATER, RQ_REGISTRY, mend, one_off, recurring_job, rqs_own, serve
from making import (
    HOUR,
    INDEX,
    now_us,
    snapshot,
)
from making_schedules import put_due
from rq_scheduler import Every, Scheduler
from rq_scheduler.client.quarantine import Quarantine
from rq_scheduler.errors import InvalidArgument, InvalidType, RetryRefused
from rq_scheduler.model import Spec
from rq_scheduler.store import Store
from rq_scheduler.store.command import Command
from rq_scheduler.store.executor import Executor

pytestmark = pytest.mark.once


class TestRefused:
    """What cannot go back stays as it is, and says what to do."""

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (lambda c, s: c.delete("rq:job:a"), "its job is gone: rq:job:a was deleted, or expired"),
            (lambda c, s: (c.delete("rq:job:a"), c.set("rq:job:a", 1)), "the key rq:job:a is not the hash"),
            (lambda c, s: c.hset("rq:job:a", "status", "queued"), "its job is queued by now, not scheduled"),
            (lambda c, s: c.hset("rq:job:a", "status", "canceled"), "its job is canceled by now"),
            (lambda c, s: c.hdel("rq:job:a", "status"), "its job is without a status by now"),
            (lambda c, s: c.zadd(INDEX, {"a": 5e9}), "its id is pending again"),
            (lambda c, s: c.zadd("rq:scheduled:odd", {"a": 5e9}), "its id is pending again"),
            (lambda c, s: c.hset("rq:scheduler:schedule:a", "kind", "schedule"), "belongs to something newer"),
        ],
        ids=["gone", "no hash", "queued", "canceled", "no status", "pending", "pending in RQ", "schedule"],
    )  # fmt: skip
    def test_a_one_off(
        self,
        redis: redis_py.Redis,
        store: Store,
        scheduler: Scheduler,
        held: Quarantine,
        change: Callable[[redis_py.Redis, Scheduler], Any],
        says: str,
    ) -> None:
        one_off(redis, store)
        mend(redis)
        change(redis, scheduler)
        before = snapshot(redis)
        with pytest.raises(RetryRefused, match=says) as refused:
            held.retry("a")
        assert "Mend that, or purge the entry" in str(refused.value)
        assert says in held.retry_all().refused["a"]
        assert snapshot(redis) == before

    @pytest.mark.parametrize(
        "index",
        ["rq:scheduler:claims", "rq:job:a", "", "rq:scheduled", "other:scheduled:default", "rq:scheduler:schedules"],
    )
    def test_a_record_that_names_another_key(
        self, redis: redis_py.Redis, store: Store, held: Quarantine, index: str
    ) -> None:
        """Whoever may write the quarantine must not have us write elsewhere."""
        one_off(redis, store)
        mend(redis)
        record = json.loads(redis.hget(KEY, "a"))  # type: ignore[arg-type]
        redis.hset(KEY, "a", json.dumps({**record, "index": index}))
        before = snapshot(redis)
        with pytest.raises(RetryRefused, match="is not ours"):
            held.retry("a")
        assert snapshot(redis) == before

    def test_a_registry_of_a_wrong_type(self, redis: redis_py.Redis, held: Quarantine) -> None:
        rqs_own(redis)
        redis.delete(RQ_REGISTRY)
        redis.set(RQ_REGISTRY, "x")
        before = snapshot(redis)
        with pytest.raises(RetryRefused, match="the key rq:scheduled:default is no registry of RQ"):
            held.retry("a")
        assert snapshot(redis) == before

    def test_arguments_of_a_wrong_kind(self, held: Quarantine) -> None:
        for call in (held.retry, held.purge, held.get):
            for id in (None, 7, b"a"):
                with pytest.raises(InvalidType, match="give the id of an entry"):
                    call(id)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match="is negative"):
            held.purge_all(older_than=-1)


AUDIT = b"rq:scheduler:audit"


class TestPurge:
    def test_cancels_a_job_that_still_waits(self, redis: redis_py.Redis, store: Store, held: Quarantine) -> None:
        one_off(redis, store)
        assert held.purge("a")
        assert (len(held), redis.hget("rq:job:a", "status")) == (0, b"canceled")
        assert 3e7 < redis.ttl("rq:job:a") < 3.2e7
        mend(redis)
        assert serve(redis).ids == []
        assert not held.purge("a")

    def test_a_recurring_job_ends(self, redis: redis_py.Redis, store: Store, held: Quarantine) -> None:
        recurring_job(redis, store, spec=Spec(trigger=Every(60)))
        assert held.purge("a")
        assert redis.ttl("rq:job:a") > 0
        assert {key for key in snapshot(redis) if key.endswith(b":a")} == {b"rq:job:a"}

    def test_a_schedule_stays_paused(
        self, redis: redis_py.Redis, scheduler: Scheduler, store: Store, held: Quarantine
    ) -> None:
        put_due(store, "s")
        redis.delete(store.keys.template("s"))
        serve(redis)
        before = snapshot(redis)
        assert held.purge("s")
        after = snapshot(redis)
        assert set(before) - set(after) == {KEY.encode()}
        assert all(after[key] == before[key] for key in after if key != AUDIT)
        assert scheduler.schedules["s"].paused

    @pytest.mark.parametrize(
        "mended",
        [
            lambda c, s: s.enqueue_at(LATER, "jobs_for_tests.nothing", job_id="a"),
            lambda c, s: s.schedule(LATER, "jobs_for_tests.nothing", interval=60, id="a"),
            lambda c, s: c.hset("rq:scheduler:schedule:a", "kind", "schedule"),
            lambda c, s: c.zadd("rq:scheduled:odd", {"a": 5e9}),
            lambda c, s: c.hset("rq:job:a", "status", "queued"),
        ],
        ids=["pending", "recurring", "schedule", "pending in RQ", "queued"],
    )
    def test_not_what_was_mended(
        self,
        redis: redis_py.Redis,
        store: Store,
        scheduler: Scheduler,
        held: Quarantine,
        mended: Callable[[redis_py.Redis, Scheduler], Any],
    ) -> None:
        one_off(redis, store)
        mended(redis, scheduler)
        before = snapshot(redis)
        if held.get("a") is not None:
            held.purge("a")
        before.pop(KEY.encode(), None)
        after = snapshot(redis)
        assert {key: after[key] for key in after if key != AUDIT} == before

    def test_what_is_old_enough(self, redis: redis_py.Redis, store: Store, held: Quarantine) -> None:
        redis.zadd(INDEX, {f"gone-{n}": 5 for n in range(300)})
        serve(redis)
        for n in range(250):
            record = json.loads(redis.hget(KEY, f"gone-{n}"))  # type: ignore[arg-type]
            redis.hset(KEY, f"gone-{n}", json.dumps({**record, "at": str(now_us(redis) - 2 * HOUR)}))
        assert held.purge_all(older_than="3h") == 0
        assert held.purge_all(older_than=timedelta(hours=1)) == 250
        assert len(held) == 50
        assert held.purge_all() == 50

    def test_not_a_record_that_is_another_by_now(self, redis: redis_py.Redis, store: Store) -> None:
        one_off(redis, store)
        read = store.held_entry("a")
        assert read is not None
        redis.hset(KEY, "a", read.raw + b" ")
        before = snapshot(redis)
        assert store.purge_entries([read], 60) == 0
        assert snapshot(redis) == before


class TestALostReply:
    """redis-py sends a command again whose reply was lost: the script runs twice."""

    @pytest.mark.parametrize("kind", ["one-off", "recurring", "rq"])
    @pytest.mark.parametrize("act", ["retry", "purge"])
    def test_twice_is_once(
        self,
        redis: redis_py.Redis,
        store: Store,
        held: Quarantine,
        monkeypatch: pytest.MonkeyPatch,
        kind: str,
        act: str,
    ) -> None:
        if kind == "one-off":
            one_off(redis, store)
        elif kind == "recurring":
            recurring_job(redis, store, spec=Spec(trigger=Every(60)))
        else:
            rqs_own(redis)
        mend(redis)
        execute = Executor.execute
        after_the_first: list[Any] = []

        def twice(store: Executor, step: Any) -> Any:
            answer = execute(store, step)
            if isinstance(step, Command) and step.name in ("retry_entries", "purge_entries"):
                after_the_first.append(snapshot(redis))
                answer = execute(store, step)
            return answer

        monkeypatch.setattr(Executor, "execute", twice)
        assert getattr(held, act)("a")
        assert [snapshot(redis)] == after_the_first
        assert serve(redis).ids == (["a"] if act == "retry" else [])

    def test_a_caller_who_asks_again(
        self, redis: redis_py.Redis, store: Store, held: Quarantine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one_off(redis, store)
        mend(redis)
        execute = Executor.execute

        def lose(store: Executor, step: Any) -> Any:
            answer = execute(store, step)
            if isinstance(step, Command) and step.is_script:
                raise NoConnection("lost")
            return answer

        monkeypatch.setattr(Executor, "execute", lose)
        with pytest.raises(NoConnection):
            held.retry("a")
        monkeypatch.undo()
        assert not held.retry("a")
        assert serve(redis).ids == ["a"]


class TestAFullServer:
    @pytest.mark.parametrize("kind", ["one-off", "recurring"])
    def test_refuses_the_whole_retry(self, start_server: StartServer, kind: str) -> None:
        with redis_py.Redis(port=start_server(aof=False).port) as redis:
            store = Store(redis)
            if kind == "one-off":
                one_off(redis, store)
            else:
                recurring_job(redis, store, spec=Spec(trigger=Every(60)))
            mend(redis)
            before = snapshot(redis)
            redis.config_set("maxmemory", 1)
            held = Scheduler(connection=redis).quarantine
            with pytest.raises(redis_py.ResponseError, match="maxmemory"):
                held.retry("a")
            assert snapshot(redis) == before
            redis.config_set("maxmemory", 0)
            assert held.retry("a")
            assert serve(redis).ids == ["a"]
