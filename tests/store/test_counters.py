"""What scripts count for metrics: each hand-off, each thing that did not run, each end, once; bounded; and never in the
way of what they count."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis as redis_py
from rq import Queue

from making import US, add, entry, fire_job, hand_off, make_job, now_us, recurring
from making_schedules import due_again, fire, job_fields, put_due, run_now, spec, unplanned_of
from rq_scheduler import Every, Scheduler
from rq_scheduler.dispatcher import Dispatcher
from rq_scheduler.model import Spec
from rq_scheduler.store import Store
from rq_scheduler.store.counters import OTHER_QUEUES, Counted, read_counters


def counted(store: Store) -> Counted:
    return read_counters(store.connection.hgetall(store.keys.counters))


def a_one_off(store: Store) -> None:
    add(store, entry(store.connection, "a", now_us(store.connection) - 1))
    hand_off(store)


def a_recurring_job(store: Store) -> None:
    add(store, recurring(store.connection, "r", now_us(store.connection) - 1))
    assert fire_job(store, "r") == ["done"]


def a_run(store: Store) -> None:
    put_due(store)
    fire(store)


def a_manual_run(store: Store) -> None:
    put_due(store)
    run_now(store)


def a_backfilled_run(store: Store) -> None:
    put_due(store)
    store.backfill("s", "", "0..60000000", [0])
    store.backfill("s", "", "0..60000000", [0])  # sent again


def a_job_of_rqs_own(store: Store) -> None:
    client = store.connection
    client.sadd("rq:queues", "rq:queue:default")
    client.hset("rq:job:own", mapping=make_job(client, "own").to_dict())
    client.zadd("rq:scheduled:default", {"own": now_us(client) // US - 5})
    store.serve_registries(b"0", 500, "hold")


@pytest.mark.parametrize(
    ("kind", "act"),
    [
        ("one-off", a_one_off),
        ("recurring", a_recurring_job),
        ("scheduled", a_run),
        ("manual", a_manual_run),
        ("backfill", a_backfilled_run),
        ("rq", a_job_of_rqs_own),
    ],
)
class TestHandOffs:
    def test_each_is_counted_once(self, store: Store, kind: str, act: Callable[[Store], None]) -> None:
        act(store)
        assert counted(store).handed_off == {(kind, "default"): 1}

    def test_a_key_of_another_type_stops_none(self, store: Store, kind: str, act: Callable[[Store], None]) -> None:
        store.connection.set(store.keys.counters, "x")
        act(store)
        assert store.connection.llen("rq:queue:default") == 1


class TestViaRQ:
    """RQ's own code hands off: counted by its transaction."""

    def test_a_one_off(self, redis: redis_py.Redis, store: Store) -> None:
        scheduler = Scheduler(connection=redis)
        first = Queue("default", connection=redis).enqueue("jobs_for_tests.nothing")
        scheduler.enqueue_in(timedelta(0), "jobs_for_tests.nothing", depends_on=first)
        Dispatcher(redis).dispatch_once()
        assert counted(store).handed_off == {("one-off", "default"): 1}

    def test_a_run(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, job=job_fields(redis, slow=True))
        fire(store)
        assert not counted(store).handed_off, "it waits for RQ"
        Dispatcher(redis).dispatch_once()
        assert counted(store).handed_off == {("scheduled", "default"): 1}

    def test_a_key_of_another_type_stops_none(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, job=job_fields(redis, slow=True))
        fire(store)
        redis.set(store.keys.counters, "x")
        Dispatcher(redis).dispatch_once()
        assert redis.zcard(store.keys.via_rq) == 0


class TestNotRun:
    def test_a_run_that_is_skipped(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, of=spec(overlap="skip"))
        fire(store)
        due_again(store)
        fire(store)
        assert counted(store).not_run == {"skipped": 1}
        assert counted(store).handed_off == {("scheduled", "default"): 1}

    def test_a_recurring_job_that_is_skipped(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1, spec=Spec(trigger=Every(60))))
        redis.hset("rq:job:r", "status", "started")
        redis.zadd("rq:executions:r", {"e": now_us(redis) // US + 60})
        redis.zadd("rq:wip:default", {"r:e": now_us(redis) // US + 60})
        assert fire_job(store, "r") == ["skipped"]
        assert counted(store).not_run == {"skipped": 1}

    def test_what_is_quarantined(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, entry(redis, "a", now_us(redis) - 1))
        redis.delete("rq:job:a")
        hand_off(store)
        put_due(store)
        store.put_aside(unplanned_of(store), "why")
        assert counted(store).not_run == {"quarantined": 2}


class TestBounds:
    def test_queues_beyond_the_first_are_others(self, redis: redis_py.Redis, store: Store) -> None:
        """Also when they come again, and for another kind."""
        for again in range(2):
            now = now_us(redis)
            for number in range(205):
                add(store, entry(redis, f"j-{again}-{number}", now - 205 + number, origin=f"q-{number}"))
            hand_off(store)
        found = counted(store).handed_off
        known = {queue for _, queue in found} - {OTHER_QUEUES}
        assert len(known) == 200
        assert {found["one-off", queue] for queue in known} == {2}
        assert found["one-off", OTHER_QUEUES] == 10
        for number in range(205):
            store.count_hand_off("rq", f"q-{number}")
        assert counted(store).handed_off["rq", OTHER_QUEUES] == 5
        assert {queue for _, queue in counted(store).handed_off} - {OTHER_QUEUES} == known

    def test_names_may_be_anything(self, store: Store) -> None:
        store.count_hand_off("rq", "a:b ü:")
        assert counted(store).handed_off == {("rq", "a:b ü:"): 1}

    def test_what_others_wrote_hides_nothing(self) -> None:
        found = read_counters({b"ended:failed": b"2", b"ended:flown": b"1", b"x": b"y", b"not_run:missed": b"z"})
        assert found.ended == Counter(failed=2)
