"""Who was there: heartbeats, outages and their causes, workers that come and go, queues that nobody serves."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

from making import US, add, entry, hand_off, move_to, now_us
from making_schedules import fire, put_due
from rq_scheduler import Scheduler
from rq_scheduler.store import Store
from rq_scheduler.store.clock import MANUAL_CLOCK, ManualTime
from rq_scheduler.store.fleet import MEMORY, OUTAGE_AFTER, UNSERVED_AFTER

EVER = (0, 10**17)
MINUTE = 60 * US


def beat(store: Store, name: str = "me", **options: Any) -> None:
    store.heartbeat(name, {"host": "h", "pid": 5}, 60, dispatcher=True, **options)


def age(redis: redis_py.Redis, store: Store, seconds: float) -> float:
    """All heartbeats are so many seconds older. Returns when the last one was."""
    for name, at in redis.zrange(store.keys.heartbeats, 0, -1, withscores=True):
        redis.zadd(store.keys.heartbeats, {name: at - seconds})
    return redis.zrange(store.keys.heartbeats, -1, -1, withscores=True)[0][1]


def events(store: Store) -> list[dict[str, str]]:
    """The events, oldest first."""
    return [
        {name.decode(): value.decode() for name, value in fields.items()}
        for _, fields in store.connection.xrange(store.keys.events)
    ]


def kinds(store: Store) -> list[str]:
    return [entry["kind"] for entry in events(store)]


class TestOutages:
    def test_the_first_heartbeat_ever_ends_none(self, redis: redis_py.Redis, store: Store) -> None:
        beat(store)
        assert store.outages(*EVER) == []
        (line,) = store.dispatchers()
        assert (line.name, line.alive, line.host, line.pid) == ("me", True, "h", "5")
        assert abs(line.heard - now_us(redis)) < MINUTE

    def test_nor_does_one_that_is_soon_enough(self, redis: redis_py.Redis, store: Store) -> None:
        beat(store)
        age(redis, store, OUTAGE_AFTER - 10)
        beat(store, "other")
        age(redis, store, 1)
        beat(store)
        assert store.outages(*EVER) == []

    @pytest.mark.parametrize(
        ("before", "after", "delayed_by", "cause"),
        [
            ("a", "a", "", "fleet"),
            ("a", "b", "", "unknown"),
            ("", "", "", "unknown"),
            ("a", "", "", "unknown"),
            ("a", "b", "redis", "redis"),
            ("a", "a", "redis", "redis"),
            ("a", "a", "fleet", "fleet"),
        ],
    )
    def test_its_cause(
        self, redis: redis_py.Redis, store: Store, before: str, after: str, delayed_by: str, cause: str
    ) -> None:
        beat(store, run_id=before)
        last = age(redis, store, 600)
        beat(store, "other", run_id=after, delayed_by=delayed_by)
        (outage,) = store.outages(*EVER)
        assert outage.cause == cause
        assert outage.began == pytest.approx(last * US, abs=2)
        assert outage.ended == pytest.approx(redis.zscore(store.keys.heartbeats, "other") * US, abs=2)

    def test_is_booked_once(self, redis: redis_py.Redis, store: Store) -> None:
        beat(store)
        age(redis, store, 600)
        for name in ("a", "b", "me"):
            beat(store, name)
        assert len(store.outages(*EVER)) == 1

    def test_that_touch_a_stretch_of_time(self, redis: redis_py.Redis, store: Store) -> None:
        now = now_us(redis)
        for began, ended in ((50, 40), (30, 20), (10, 5)):
            line = f"{now - began * MINUTE} {now - ended * MINUTE} fleet"
            redis.zadd(store.keys.outages, {line: (now - ended * MINUTE) / US, "nonsense": now / US})
        found = store.outages(now - 45 * MINUTE, now - 25 * MINUTE)
        assert [(now - line.began) // MINUTE for line in found] == [50, 30]
        assert store.outages(now - 39 * MINUTE, now - 31 * MINUTE) == []

    def test_only_the_last_thousand_are_kept(self, redis: redis_py.Redis, store: Store) -> None:
        redis.zadd(store.keys.outages, {f"{n} {n} fleet": n for n in range(1_000)})
        beat(store)
        age(redis, store, 600)
        beat(store)
        assert redis.zcard(store.keys.outages) == 1_000
        assert store.outages(*EVER)[0].began == 1

    def test_one_that_has_left_is_remembered_and_was_there_to_the_end(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        beat(store)
        before = age(redis, store, 10)
        store.leave("me")
        (line,) = store.dispatchers()
        assert (line.alive, line.host) == (False, "")
        assert line.heard > before * US
        store.leave("another")
        assert [line.name for line in store.dispatchers()] == ["me"]

    def test_a_lock_that_is_held_long(self, redis: redis_py.Redis, store: Store) -> None:
        def hold(holder: str) -> None:
            since = redis.hget(store.keys.lock_held, "since")
            if since is not None:
                redis.hset(store.keys.lock_held, "since", int(since) - 10 * US)
            beat(store, lock_holder=holder)

        for _ in range(2):
            hold("0.14")
        assert kinds(store) == ["dispatcher_started"]
        hold("")
        assert (kinds(store), store.outages(*EVER)) == (["dispatcher_started"], []), "it was short"
        for _ in range(5):
            hold("0.14")
        hold("")
        hold("")
        assert kinds(store) == ["dispatcher_started", "lock_held", "outage"]
        (outage,) = store.outages(*EVER)
        assert outage.cause == "lock"
        assert outage.ended - outage.began >= 40 * US


class TestEvents:
    def test_dispatchers_come_and_go(self, redis: redis_py.Redis, store: Store) -> None:
        beat(store, "a")
        beat(store, "a", delayed_by="fleet")
        beat(store, "b")
        store.leave("a")
        store.leave("a")
        redis.zadd(store.keys.dispatchers, {"b": 5})
        beat(store, "c")
        beat(store, "c", delayed_by="fleet")
        told = [(entry["kind"], entry["id"]) for entry in events(store)]
        began, left, died = "dispatcher_started", "dispatcher_left", "dispatcher_died"
        assert told == [(began, "a"), (began, "b"), (left, "a"), (began, "c"), (died, "b")]
        started, last = events(store)[0], events(store)[-1]
        assert (started["host"], started["pid"]) == ("h", "5")
        assert abs(int(last["last_heartbeat"]) - now_us(redis)) < MINUTE

    def test_nobody_has_died_when_redis_was_away(self, redis: redis_py.Redis, store: Store) -> None:
        for name in ("a", "b"):
            beat(store, name)
        redis.zadd(store.keys.dispatchers, {"a": 5, "b": 5})
        age(redis, store, 600)
        beat(store, "a", delayed_by="redis")
        assert kinds(store) == ["dispatcher_started", "dispatcher_started", "outage"]
        assert all(line.alive for line in store.dispatchers())


class TestALook:
    @pytest.fixture(autouse=True)
    def _free(self, redis: redis_py.Redis, store: Store) -> None:
        self.redis, self.store = redis, store

    def look(self) -> Any:
        self.redis.delete(self.store.keys.last_look)
        return self.store.look_around("me")

    def worker(self, name: str, queues: str, **fields: Any) -> None:
        self.redis.sadd("rq:workers", f"rq:worker:{name}")
        self.redis.hset(f"rq:worker:{name}", mapping={"queues": queues, **fields})

    def queue(self, name: str, jobs: int) -> None:
        self.redis.sadd("rq:queues", f"rq:queue:{name}")
        if jobs:
            self.redis.rpush(f"rq:queue:{name}", *range(jobs))

    def older(self, queue: str) -> None:
        """As if it had been unserved for long."""
        self.redis.hset(self.store.keys.unserved, queue, now_us(self.redis) - UNSERVED_AFTER * US)

    def test_is_taken_once_a_minute(self) -> None:
        assert self.store.look_around("me") is not None
        assert self.store.look_around("other") is None
        assert 0 < self.redis.pttl(self.store.keys.last_look) <= 60_000

    def test_workers_come_and_go(self) -> None:
        self.worker("a", "q,two words", last_heartbeat="2026-11-29T01:02:03.000004Z")
        self.worker("dead", "q", death="2026-11-29T01:02:03.000004Z")
        self.redis.sadd("rq:workers", "rq:worker:gone")
        self.look()
        (seen,) = self.store.workers()
        assert (seen.name, seen.queues, seen.left) == ("a", ("q", "two words"), None)
        assert seen.heartbeat == "2026-11-29T01:02:03.000004Z"
        self.look()
        assert self.store.workers() == [seen], "since when it is there stays"
        self.redis.delete("rq:worker:a")
        self.look()
        (left,) = self.store.workers()
        assert (left.name, left.queues, left.since) == (seen.name, seen.queues, seen.since)
        assert left.left is not None
        assert left.left > seen.since
        self.redis.zadd(self.store.keys.workers_left, {"x": now_us(self.redis) / US - MEMORY - 1}, xx=False)
        self.look()
        assert self.store.workers() == [left]
        assert self.redis.zcard(self.store.keys.workers_left) == 1, "what is old is forgotten"

    def test_what_somebody_else_wrote_holds_up_nothing(self) -> None:
        self.redis.hset(self.store.keys.workers_seen, mapping={"a": "nonsense", "b": "[]"})
        self.redis.sadd("rq:queues", "rq:queue:odd")
        self.redis.set("rq:queue:odd", "no list")
        self.worker("a", "q")
        self.redis.set("rq:worker:c", "no hash")
        self.redis.sadd("rq:workers", "rq:worker:c")
        self.look()
        assert [(line.name, line.left) for line in self.store.workers()] == [("a", None)]

    def test_a_queue_with_jobs_and_no_worker_is_told_of_once(self) -> None:
        self.queue("q", 3)
        self.queue("empty", 0)
        self.queue("served", 1)
        self.worker("a", "other,served")
        assert self.look().began == [], "it may have come a moment ago"
        assert [(line.queue, line.told) for line in self.store.unserved()] == [("q", False)]
        self.older("q")
        (told,) = self.look().began
        assert (told.queue, told.jobs) == ("q", 3)
        assert [(line.queue, line.told) for line in self.store.unserved()] == [("q", True)]
        assert self.look().began == []

        self.worker("b", "q")
        (ended,) = self.look().ended
        assert (ended.queue, ended.since) == ("q", told.since)
        assert self.store.unserved() == []
        assert self.look().ended == []
        told = events(self.store)
        assert [(entry["kind"], entry["queue"], entry["since"]) for entry in told] == [
            ("unserved_began", "q", str(ended.since)),
            ("unserved_ended", "q", str(ended.since)),
        ]

    @pytest.mark.parametrize("removed", ["its jobs", "the queue"])
    def test_one_that_is_emptied_is_unserved_no_more(self, removed: str) -> None:
        self.queue("q", 1)
        self.look()
        if removed == "the queue":
            self.redis.srem("rq:queues", "rq:queue:q")
        self.redis.delete("rq:queue:q")
        look = self.look()
        assert (look.began, look.ended) == ([], []), "it was never told of"
        assert self.store.unserved() == []


class TestLateness:
    @pytest.mark.parametrize(
        ("late", "bucket"), [(0, 0), (999, 0), (1_000, 1), (1_999, 1), (2_000, 2), (3_999, 2), (4_000, 3)]
    )
    def test_buckets(self, redis: redis_py.Redis, late: int, bucket: int) -> None:
        store = Store(redis, clock=MANUAL_CLOCK)
        move_to(redis, 3600 * US)
        add(store, entry(redis, "a", 3600 * US - late))
        hand_off(store)
        assert store.lateness(0, 3600 * US) == {3600 * US: {bucket: 1}}
        assert redis.ttl(store.keys.lateness(1)) > 86_400
        ManualTime(redis).remove()

    def test_of_many_at_once_each_counts(self, redis: redis_py.Redis) -> None:
        """Also of those that come with others that stay, or go elsewhere."""
        store = Store(redis, clock=MANUAL_CLOCK)
        now = 7200 * US
        move_to(redis, now)
        late = [n * n * 1_000 for n in range(300)]
        add(store, *(entry(redis, f"e{n}", now - us) for n, us in enumerate(late)))
        add(
            store,
            entry(redis, "odd", now - 5 * US, origin=""),
            entry(redis, "q", now - US, meta={"queue_class_name": "q"}),
        )
        hand_off(store, 1_000)
        wanted = Counter((us // 1_000).bit_length() for us in late)
        assert store.lateness(0, now) == {now: wanted}
        assert store.lateness(0, now - 1) == {}
        ManualTime(redis).remove()

    def test_of_fires(self, redis: redis_py.Redis, store: Store) -> None:
        put_due(store, "a")
        fire(store, "a")
        ((_, buckets),) = store.lateness(0, now_us(redis)).items()
        assert sum(buckets.values()) == 1

    def test_for_people(self, redis: redis_py.Redis) -> None:
        redis.hset("rq:scheduler:lateness:1", mapping={"5 0": 5, "5 3": 4, "5 11": 1, "x y": 1})
        fleet = Scheduler(connection=redis).fleet
        (told,) = fleet.lateness(datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, 2, tzinfo=UTC))
        assert (told.minute, told.jobs) == (datetime(1970, 1, 1, 1, 5, tzinfo=UTC), 10)
        assert (told.median, told.worst) == (timedelta(milliseconds=1), timedelta(milliseconds=2048))
