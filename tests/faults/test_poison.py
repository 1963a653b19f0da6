"""Poison: what no dispatcher can serve, and what it might choke on. Each ends in quarantine, with a reason, or is
served; the healthy entries beside it are on time.

RQS_MANY sets how many schedules are due at once (4,000 unless set), RQS_HUGE the megabytes of arguments (8 unless set).
"""

import os
import time
from collections import Counter
from datetime import UTC, datetime

import pytest
import redis as redis_py
from rq.job import Job

from conftest import RunWorker
from faults.poisoning import KINDS, SOON, Beds, serving
from making import HOUR, INDEX, US, Told, add, cpu_of, dispatcher, entry, make_job, now_us, recurring, waiting
from making_schedules import job_fields, new, put
from rq_scheduler import Every, Scheduler
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.model import Spec
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store
from rq_scheduler.store.outcomes import Dropped
from support import wait_until

MANY = int(os.environ.get("RQS_MANY", "4000"))
FIELDS = ("origin", "status", "timeout", "ttl", "meta", "enqueue_at_front", "created_at", "dependency_ids",
          "result_ttl", "failure_ttl", "retries_left", "ended_at")  # fmt: skip
HUGE = int(os.environ.get("RQS_HUGE", "8"))
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class TestUnreadableJobs:
    @pytest.mark.parametrize("data", [b"not zlib", b"\x00" * 1000, b"x"], ids=["text", "zeros", "short"])
    def test_data_is_the_workers_matter(self, redis: redis_py.Redis, run_worker: RunWorker, data: bytes) -> None:
        """It is handed off, and RQ's worker fails it; what is behind runs."""
        store, now = Store(redis), now_us(redis)
        add(store, entry(redis, "bad", now - 2000), entry(redis, "good", now - 1000))
        put(store, new(redis, "s", now - 1000))
        redis.hset("rq:job:bad", "data", data)
        redis.hset(store.keys.template("s"), "data", data)
        assert dispatcher(redis).dispatch_once().handed_off == 3
        run_worker("default")
        assert Job.fetch("good", connection=redis).is_finished
        for id in ("bad", run_id("s", now - 1000)):
            assert redis.hget(f"rq:job:{id}", "status") == b"failed"
        assert redis.hlen(store.keys.quarantine) == 0

    @pytest.mark.parametrize("field", FIELDS)
    @pytest.mark.parametrize("value", [b"", b"\xff\xfe", b"x" * 100_000, b"-1", b"1e400", b"[]"],
                             ids=["empty", "no text", "long", "negative", "inf", "list"])  # fmt: skip
    def test_fields_of_any_content(self, redis: redis_py.Redis, field: str, value: bytes) -> None:
        store, now = Store(redis), now_us(redis) - 1000
        add(store, entry(redis, "bad", now), recurring(redis, "bad-r", now), entry(redis, "good", now))
        put(store, new(redis, "bad-s", now), new(redis, "good-s", now, job=job_fields(redis, "other")))
        for key in ("rq:job:bad", "rq:job:bad-r", store.keys.template("bad-s")):
            redis.hset(key, field, value)
        told = Told()
        one = dispatcher(redis, told)
        for _ in range(3):
            one.dispatch_once()
        assert "good" in waiting(redis)
        assert waiting(redis, "other") == [run_id("good-s", now)]
        pushed = {id for key in redis.scan_iter("rq:queue:*") for id in redis.lrange(key, 0, -1)}
        put_off = {id for id, _ in told.delays} if field == "dependency_ids" else set()
        # A recurring job without its meta, or the time of its making, was deleted in its run.
        ended = {id for kind, id, *_ in told.others if kind == "ended"} if field in ("meta", "created_at") else set()
        for id, job_id in (("bad", "bad"), ("bad-r", "bad-r"), ("bad-s", run_id("bad-s", now))):
            served = job_id.encode() in pushed or redis.hexists(store.keys.quarantine, id)
            assert served or {id, job_id} & (put_off | ended), id


class TestHugeArguments:
    """100 MB is what somebody once put into an argument. Redis copies it once a run: that is the memory it takes."""

    def test_a_one_off_and_a_schedule(self, redis: redis_py.Redis) -> None:
        store = Store(redis)
        data = os.urandom(HUGE * 1_000_000)
        before = redis.config_get("slowlog*")
        redis.config_set("slowlog-log-slower-than", 0)
        redis.config_set("slowlog-max-len", 10_000)
        try:
            due = now_us(redis) + 2 * US
            one_off = entry(redis, "huge", due)
            one_off.fields["data"] = data  # type: ignore[index]
            add(store, one_off)
            fields = job_fields(redis)
            fields.fields["data"] = data  # type: ignore[index]
            put(store, new(redis, "huge-s", due, of=Spec(trigger=Every(3600)), job=fields))
            for n in range(5):
                put(store, new(redis, f"small-{n}", due, of=Spec(trigger=Every(3600))))
            healthy = Beds(redis, after=due - now_us(redis))
            saving, worked = _longest(redis), cpu_of(redis)
            redis.slowlog_reset()
            with serving(redis):
                healthy.assert_on_time()
                wait_until(lambda: len(waiting(redis)) == 7)
            firing = _longest(redis)
            copies = [redis.memory_usage(f"rq:job:{id}", samples=0) for id in ("huge", run_id("huge-s", due))]
            worst = max(healthy.lateness(kind) for kind in KINDS)
            print(
                f"{HUGE} MB: saving blocked Redis for {saving:.1f} ms, handing off for {firing:.1f} ms; the jobs take "
                f"{copies} bytes; healthy entries were {worst / 1000:.1f} ms late at most"
            )
            assert [redis.hstrlen(f"rq:job:{id}", "data") for id in ("huge", run_id("huge-s", due))] == [len(data)] * 2
            assert cpu_of(redis) - worked < 100 + 10 * HUGE
        finally:
            for name, value in before.items():
                redis.config_set(name, value)


def _longest(redis: redis_py.Redis) -> float:
    """Milliseconds of the longest script."""
    slow = redis.slowlog_get(10_000)
    return max((each["duration"] for each in slow if each["command"].startswith(b"EVAL")), default=0) / 1000


@pytest.mark.timeout(300 + MANY / 500)
def test_very_many_schedules_due_at_once(redis: redis_py.Redis) -> None:
    store = Store(redis)
    # On a slow machine some are so late that they count as missed.
    hourly, fields = Spec(trigger=Every(3600), catchup="latest"), job_fields(redis, "many")
    due = now_us(redis) + (1 + MANY // 5000) * US
    began = time.monotonic()
    for first in range(0, MANY, 500):
        some = range(first, min(first + 500, MANY))
        put(store, *(new(redis, f"m{n:07}", due, of=hourly, job=fields) for n in some))
    saving = time.monotonic() - began
    healthy = Beds(redis, after=max(due, now_us(redis)) - now_us(redis))
    with serving(redis):
        # A schedule waits for its turn among the others that were due before it; the other kinds do not.
        healthy.assert_on_time(["one-off", "recurring", "rq"])
        wait_until(lambda: redis.llen("rq:queue:many") >= MANY, 60 + MANY / 1000, interval=0.05)
        wait_until(lambda: healthy.served() == set(KINDS))
    ids = redis.lrange("rq:queue:many", 0, -1)
    assert len(ids) == len(set(ids)) == MANY
    with redis.pipeline(transaction=False) as pipe:
        for id in ids:
            pipe.hget(f"rq:job:{id.decode()}", "enqueued_at")
        scripts = Counter(pipe.execute())  # the time stands still in each
    draining = healthy.lateness("schedule") / US
    worst = max(map(healthy.lateness, ("one-off", "recurring", "rq"))) / 1000
    print(
        f"{MANY} put in {saving:.1f} s; the last schedule was {draining:.2f} s late; {len(scripts)} scripts fired; "
        f"one-offs, recurring jobs and RQ's own were {worst:.1f} ms late at most"
    )
    assert max(scripts.values()) <= 250  # some milliseconds of Redis


PATTERNS = ["*", "[a]", "?", "\\", "..", "a b", "'", '"', "`$(id)`", "a\nb", "a\0b", "é", "💥", "%s", "{x}", "-", "0",
            "--all", "nil", "false", "1e400", "__proto__", "quarantine", "schedules", "scheduled_jobs"]  # fmt: skip


class TestOddIds:
    """Made by foreign clients: ours refuse most. RQ 3 refuses ids beyond letters, digits, _ and -, RQ 2 only colons."""

    IDS = (*(id.encode() for id in PATTERNS), b"", b":", b"a:b", b"\xff\xfe", b"x" * 1_000_000, b"\xed\xa0\x80",
           b"quarantine:x", b"schedule:healthy-one-off")  # fmt: skip

    @pytest.mark.leaves("rq:job:")
    def test_one_offs_recurring_jobs_and_schedules(self, redis: redis_py.Redis) -> None:
        store, due = Store(redis), now_us(redis) - US
        healthy = Beds(redis)
        job = make_job(redis, "template", origin="odd").to_dict()
        recurs = make_job(redis, "template", origin="odd", meta={"interval": 3600}, result_ttl=-1).to_dict()
        ids = {kind: [prefix + id for id in self.IDS] for kind, prefix in (("j", b""), ("r", b"r"), ("s", b"s"))}
        for id in ids["j"]:
            redis.hset(b"rq:job:" + id, mapping=job)
            redis.zadd(INDEX, {id: due / US})
        for id in ids["r"]:
            redis.hset(b"rq:job:" + id, mapping=recurs)
            redis.zadd(INDEX, {id: due / US})
        redis.zadd(store.keys.due_schedules, dict.fromkeys(ids["s"], due / US))
        with serving(redis) as told:
            healthy.assert_on_time()
            wait_until(lambda: now_us(redis) > healthy.due + SOON)
        pushed = redis.lrange("rq:queue:odd", 0, -1)
        held = set(redis.hkeys(store.keys.quarantine))
        put_off = {id for id, _ in told.delays}
        assert len(pushed) == len(set(pushed))
        for id in (*ids["j"], *ids["r"], *ids["s"]):
            assert (id in pushed) + (id in held) == 1, (id[:50], put_off)
        assert all(id in held for id in ids["s"]), "a schedule without a record"
        assert redis.zcount(INDEX, "-inf", due / US + 1) == 0
        for each in Scheduler(connection=redis).quarantine:
            assert len(each.reason) > 15

    @pytest.mark.parametrize("id", [*PATTERNS, ":", "\udcff", "x" * 1_000_000])
    def test_that_our_own_api_is_given(self, redis: redis_py.Redis, id: str) -> None:
        """It takes them, and serves them, or says no and writes nothing."""
        scheduler = Scheduler("odd", connection=redis)
        try:
            scheduler.enqueue_at(LONG_AGO, "jobs_for_tests.nothing", job_id=id)
        except InvalidArgument:
            assert redis.dbsize() == 0
        else:
            assert dispatcher(redis).dispatch_once().handed_off == 1
            assert waiting(redis, "odd") == [id]


@pytest.mark.parametrize(
    "score", ["inf", "-inf", "1e300", "-1e300", "5e-324", "-0.0", "1e18", "253402300800", "-62135596801"]
)
def test_odd_scores_hold_up_nobody(redis: redis_py.Redis, score: str) -> None:
    store = Store(redis)
    odd, healthy = Beds(redis, "odd", after=HOUR), Beds(redis)
    for key in (INDEX, store.keys.due_schedules, "rq:scheduled:odd-rq"):
        for id in redis.zrange(key, 0, -1):
            if id.startswith(b"odd"):
                redis.zadd(key, {id: score})
    with serving(redis) as told:
        healthy.assert_on_time()
        past = float(score) <= 1e9
        wait_until(lambda: now_us(redis) > healthy.due + SOON)
    held = {id.decode() for id in redis.hkeys(store.keys.quarantine)}
    for kind in ("one-off", "recurring", "schedule"):
        pushed = [id for id in waiting(redis, odd.id(kind)) if id.startswith(odd.id(kind))]
        key = store.keys.due_schedules if kind == "schedule" else INDEX
        still = redis.zscore(key, odd.id(kind)) is not None
        assert len(pushed) <= 1
        assert still or pushed or odd.id(kind) in held, (kind, told.drops)
        assert past or not pushed, "before its time"


QUEUES = [
    "a:b",
    "{x}",
    "*",
    "a b",
    "é💥",
    "\n",
    "\0",
    "'",
    "x" * 10_000,
    "queue",
    ":",
    "-1",
    "intermediate",
    "a:intermediate",
]


def test_odd_queue_names(redis: redis_py.Redis) -> None:
    store, due = Store(redis), now_us(redis) - US
    healthy = Beds(redis)
    scheduler = Scheduler(connection=redis)
    for n, queue in enumerate(QUEUES):
        job = scheduler.enqueue_at(LONG_AGO, "jobs_for_tests.nothing", queue_name=queue, job_id=f"j{n}")
        assert job.origin == queue
        scheduler.schedule(
            LONG_AGO,
            "jobs_for_tests.nothing",
            interval=3600,
            queue_name=queue,
            id=f"r{n}",
        )
        put(store, new(redis, f"s{n}", due, of=Spec(trigger=Every(3600)), job=job_fields(redis, queue)))
    add(store, entry(redis, "nowhere", due))
    redis.hset("rq:job:nowhere", "origin", "")
    with serving(redis) as told:
        healthy.assert_on_time()
        wait_until(
            lambda: all(redis.llen(f"rq:queue:{queue}") == 3 for queue in QUEUES), message=lambda: str(told.delays)
        )
    for n, queue in enumerate(QUEUES):
        assert set(waiting(redis, queue)) == {f"j{n}", f"r{n}", run_id(f"s{n}", due)}
    assert [drop.id for drop in told.drops] == ["nowhere"]
    registered = redis.smembers("rq:queues")
    assert {f"rq:queue:{queue}".encode() for queue in QUEUES} <= registered


def test_hundreds_of_poisoned_ones_at_the_head(redis: redis_py.Redis) -> None:
    """Of each kind of poison so many that a batch holds nothing else."""
    store, due = Store(redis), now_us(redis) - US
    for n in range(1100):
        redis.zadd(INDEX, {f"gone-{n}": 5})
        redis.zadd(store.keys.due_schedules, {f"none-{n}": 5})
    add(store, *(entry(redis, f"class-{n}", due, meta={"queue_class_name": "no.such.Queue"}) for n in range(100)))
    healthy = Beds(redis, after=US)
    with serving(redis) as told:
        healthy.assert_on_time()
        wait_until(lambda: len(told.drops) == 2200)
    assert {type(drop) for drop in told.drops} == {Dropped}
    assert redis.hlen(store.keys.quarantine) == 2200
    assert {id for id, _ in told.delays} == {f"class-{n}" for n in range(100)}
    assert redis.zcount(INDEX, "-inf", due / US) == 100, "they stay pending: a dispatcher with the class serves them"
