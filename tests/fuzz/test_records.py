"""What stands in Redis may have been written by anybody: whatever a job, a record or an entry holds, a dispatcher goes
on, what is beside it is on time, and all can be read."""

# ruff: noqa: BLE001, PT017  (whatever a hostile value raises)

import json
import pickle
import zlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import redis as redis_py
from hypothesis import strategies as st

import jobs_for_tests as jobs
from fuzz import hostile
from fuzz.conftest import Fuzz
from fuzz.worlds import World, goes_on
from rq_scheduler import AnyOf, At, Cron, Dates, Every, Holidays, RRule, Schedule
from rq_scheduler.clock import US
from rq_scheduler.errors import SchedulerError
from rq_scheduler.model import decode_spec, encode_spec
from rq_scheduler.store.history import read_line
from schedules.helpers import START

pytestmark = pytest.mark.once

RUN = "rq:job:busy-20260302T120100000000Z"
ENTRY_KEYS = (
    "rq:job:one-off", "rq:job:recurring", "rq:scheduler:schedule:recurring", "rq:scheduler:schedule:nightly",
    "rq:scheduler:template:nightly", "rq:scheduler:schedule:busy", "rq:scheduler:template:busy",
    "rq:scheduler:schedule:paused", "rq:scheduler:tombstone:gone", "rq:job:daily", "rq:scheduler:schedule:daily", RUN,
)  # fmt: skip


def numbers() -> st.SearchStrategy[bytes]:
    """What may stand where a number does."""
    return st.sampled_from(
        [b"", b"0", b"-1", b"-", b"--", b"-abc", b"1e999", b"1e18", b"nan", b"-nan", b"inf", b"-inf", b"0x10", b"0.5",
        b"1.5", b" 1", b"1 ",
         b"9" * 30, b"-" + b"9" * 30, b"1:1", b":", b"1:", b"x:y", b"99999999999999999:1", b"1_0", "١".encode(),
             b"\xff", b"\0"]
    )  # fmt: skip


def mutated(text: bytes) -> st.SearchStrategy[bytes]:
    """The text with some of it cut out, doubled, or replaced."""

    @st.composite
    def strategy(draw: st.DrawFn) -> bytes:
        made = text
        for _ in range(draw(st.integers(1, 3))):
            at, length = draw(st.integers(0, len(made))), draw(st.integers(0, 8))
            new = draw(numbers() | st.binary(max_size=4) | st.just(made[at : at + 20]))
            made = made[:at] + new + made[at + length :]
        return made

    return strategy()


documents = hostile.nested(st.none() | st.booleans() | st.integers() | st.floats() | hostile.texts)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


anything = st.one_of(
    numbers(), st.binary(max_size=30), documents.map(as_json), st.just(b"[" * 100_000), st.just(b'{"a":' * 5000)
)


class Busy(World):
    """More of everything: runs that go on, that are remembered, and one that was deleted."""

    def fill(self) -> None:
        super().fill()
        scheduler = self.scheduler
        scheduler.schedules.put("busy", Every(60), jobs.echo, overlap="buffer_all", max_runs=50,
                                pause_on_failures=3, jitter="1s")  # fmt: skip
        scheduler.schedules.put("gone", Every(60), jobs.echo)
        scheduler.schedules.delete("gone")
        scheduler.schedules.backfill("nightly", self.clock.now() - timedelta(days=3), self.clock.now())
        self.dispatcher.tick(180)


@pytest.fixture
def world(redis: redis_py.Redis) -> Iterator[Busy]:
    yield Busy(redis)
    redis.flushall()  # foreign hands leave what they like


def test_hash_fields(fuzz: Fuzz, world: Busy) -> None:
    fields = {key: sorted(world.redis.hgetall(key)) for key in ENTRY_KEYS}
    assert all(fields.values()), fields
    known = [(key, field, world.redis.hget(key, field)) for key in ENTRY_KEYS for field in fields[key]]
    extra = [b"dependency_ids", b"dependency_id", b"rate_limit_key", b"ttl", b"timeout", b"enqueue_at_front",
        b"repeat", b"buffered",
             b"mark", b"live", b"template", b"skips_in_a_row", b"looked_up_at", b"manual", b"backfilled", b"last_meta",
             b"tags",
             b"failures", b"runs", b"owner", b"note", b"paused", b"started_at", b"ended_at", b"status",
             b"retries_left", b"failure_ttl", b"zzz"]  # fmt: skip

    @st.composite
    def writes(draw: st.DrawFn) -> tuple[str, bytes, bytes]:
        if draw(st.integers(0, 3)):
            key, field, value = draw(st.sampled_from(known))
            return key, field, draw(mutated(value) | anything)
        return draw(st.sampled_from(ENTRY_KEYS)), draw(st.sampled_from(extra)), draw(anything)

    def check(made: list[tuple[str, bytes, bytes]]) -> None:
        world.reset()
        for key, field, value in made:
            world.redis.hset(key, field, value)
        goes_on(world, passes=3)

    fuzz(30, check, made=st.lists(writes(), min_size=1, max_size=3))


scores = st.sampled_from([float("inf"), float("-inf"), 0.0, -1.0, 1e300, -1e300, 1e15, 5e-324]) | st.floats(
    allow_nan=False
)
ids = st.one_of(
    st.sampled_from([b"one-off", b"recurring", b"nightly", b"busy", b"paused", b"", b"*", b"a:b", b"%s", b"\xff\xfe",
        b"\0", b" ", b"a" * 5000]),
    st.binary(max_size=12),
)  # fmt: skip
LISTS = ("rq:scheduler:scheduled_jobs", "rq:scheduler:due_schedules", "rq:scheduler:buffered", "rq:scheduled:default",
         "rq:scheduler:schedules", "rq:scheduler:schedules:jobs", "rq:scheduler:schedules:paused",
         "rq:scheduler:claims",
         "rq:scheduler:dispatchers", "rq:executions:recurring", "rq:wip:default")  # fmt: skip


def test_entries(fuzz: Fuzz, world: Busy) -> None:
    """Ids and times that foreign hands put into an index, with a job of whatever fields, or none."""

    def check(entries: list[tuple[str, bytes, float]], job: dict[bytes, bytes]) -> None:
        world.reset()
        world.redis.sadd("rq:queues", "rq:queue:default")
        for index, id, score in entries:
            world.redis.zadd(index, {id: score})
            if job and id not in (b"nightly", b"busy", b"paused"):
                world.redis.hset(b"rq:job:" + id, mapping=job)
        goes_on(world, passes=2)

    template = world.redis.hgetall("rq:job:one-off")
    job = st.fixed_dictionaries(
        {}, optional={name: st.just(value) | mutated(value) | anything for name, value in template.items()}
    )
    fuzz(20, check, entries=st.lists(st.tuples(st.sampled_from(LISTS), ids, scores), min_size=1, max_size=4), job=job)


def test_keys_of_another_kind(fuzz: Fuzz, world: Busy) -> None:
    """A key of one entry that holds another type: the others are served. (One that all share ends the pass, loudly.)"""
    own = [*ENTRY_KEYS, "rq:scheduler:history:nightly", "rq:scheduler:buffer:busy", "rq:executions:recurring",
           "rq:scheduler:schedule:new", "rq:job:new"]  # fmt: skip

    def check(spoilt: list[tuple[str, str]]) -> None:
        world.reset()
        for key, kind in spoilt:
            world.redis.delete(key)
            match kind:
                case "string":
                    world.redis.set(key, "x")
                case "list":
                    world.redis.rpush(key, "x y", "")
                case "zset":
                    world.redis.zadd(key, {"x": 1})
                case _:
                    world.redis.hset(key, "x", "y")
        goes_on(world, passes=3)

    kinds = st.sampled_from(["string", "list", "zset", "hash"])
    fuzz(20, check, spoilt=st.lists(st.tuples(st.sampled_from(own), kinds), min_size=1, max_size=3))


def test_meta_of_0_14(fuzz: Fuzz, world: Busy) -> None:
    """What an entry's meta says, in pickle, JSON or neither."""

    def check(meta: Any, by: str, key: str) -> None:
        world.reset()
        try:
            raw = pickle.dumps(meta) if by == "pickle" else json.dumps(meta, default=str).encode()
        except Exception:
            raw = b"interval cron_string"
        if by == "zlib":
            raw = zlib.compress(raw)
        elif by == "cut":
            raw = raw[: len(raw) // 2] + b"interval"
        fields = world.redis.hgetall("rq:job:one-off")
        world.redis.hset("rq:job:foreign", mapping={**fields, b"meta": raw})
        world.redis.hset(key, "meta", raw)
        world.redis.zadd("rq:scheduler:scheduled_jobs", {"foreign": world.clock.now_us() / US - 1, "recurring": 1})
        goes_on(world, passes=2)

    value = hostile.values.filter(lambda value: not isinstance(value, hostile.Hostile)) | documents
    named = st.dictionaries(
        st.sampled_from(["interval", "repeat", "cron_string", "use_local_timezone", "queue_class_name", "other"]),
        value,
        max_size=4,
    )
    fuzz(
        25, check, meta=named | value, by=st.sampled_from(["pickle", "pickle", "json", "zlib", "cut"]),
        key=st.sampled_from(["rq:job:recurring", "rq:scheduler:schedule:recurring", "rq:job:new"]),
    )  # fmt: skip


def test_other_records(fuzz: Fuzz, world: Busy) -> None:
    """History, remembered runs, quarantine, RQ's registries that were taken on, dispatchers that say they live."""
    history = world.redis.lindex("rq:scheduler:history:busy", 0)
    run = world.redis.lindex("rq:scheduler:buffer:busy", 0)
    assert history
    assert run
    reason = as_json({"reason": "x", "at": "1", "due": "2", "index": "rq:scheduler:scheduled_jobs", "queue": None})
    taken = as_json({"line": "1.0", "at": "2026-03-02T12:00:00.000000Z", "held": 1})

    def check(line: bytes, buffered: bytes, aside: bytes, held: bytes, life: dict[bytes, bytes]) -> None:
        world.reset()
        redis = world.redis
        redis.lpush("rq:scheduler:history:busy", line)
        redis.lpush("rq:scheduler:history:recurring", line)
        redis.lset("rq:scheduler:buffer:busy", 0, buffered)
        redis.hset("rq:scheduler:quarantine", mapping={b"one-off": aside, b"other": aside})
        redis.hset("rq:scheduler:rq_claims", "default", held)
        redis.sadd("rq:queues", "rq:queue:default")
        redis.zadd("rq:scheduled:default", {"done": 1})
        if life:
            redis.hset("rq:scheduler_instance:x", mapping=life)
            redis.expire("rq:scheduler_instance:x", 60)
        goes_on(world, passes=2)
        world.scheduler.quarantine.retry_all()
        goes_on(world)
        world.scheduler.quarantine.purge_all()

    fuzz(
        20, check, line=mutated(history) | anything, buffered=mutated(run) | anything, aside=mutated(reason) | anything,
        held=mutated(taken) | anything, life=st.dictionaries(st.sampled_from([b"heartbeat", b"pid", b"birth"]),
            anything, max_size=3),
    )  # fmt: skip


def defined(id: str, trigger: Any, **options: Any) -> Schedule:
    return Schedule(id, trigger, jobs.echo, **options)


def test_specs(fuzz: Fuzz) -> None:
    """The stored definition: a Spec, a newer one, or a DecodeError; and what is read is written back the same."""
    known = [
        encode_spec(schedule.spec)
        for schedule in (
            defined("a", Every("90s"), jitter="10s", catchup="all", catchup_window="1h", max_runs=3),
            defined(
                "b", Cron("0 9 * * *", "Europe/Paris"), exclude=(Dates("2026-12-25"), Holidays("FR")), overlap="allow"
            ),
            defined("m", Cron("0 9 * * *", "Europe/Paris"), exclude=Dates("2026-12-25"), excluded="next_day"),
            defined("c", AnyOf(RRule("DTSTART:20260101T090000 RRULE:FREQ=DAILY;COUNT=5"), At(START)), start=START),
        )
    ]
    shapes = [json.loads(one) for one in known]

    @st.composite
    def reshaped(draw: st.DrawFn) -> bytes:
        value = json.loads(json.dumps(draw(st.sampled_from(shapes))))
        place: Any = value
        while True:
            names = list(place) if isinstance(place, dict) else list(range(len(place)))
            name = draw(st.sampled_from(names)) if names else None
            if name is not None and isinstance(place[name], dict | list) and draw(st.booleans()):
                place = place[name]
                continue
            if isinstance(place, dict):
                place[name if name is not None and draw(st.booleans()) else draw(hostile.texts)] = draw(documents)
            return as_json(value)

    def check(stored: bytes) -> None:
        try:
            spec = decode_spec(stored)
        except msgspec.DecodeError as error:
            assert not isinstance(error, SchedulerError)
            return
        if spec is not None:
            assert decode_spec(encode_spec(spec)) == spec

    fuzz(150, check, stored=st.sampled_from(known).flatmap(mutated) | reshaped() | anything)


def test_history_lines(fuzz: Fuzz) -> None:
    lines = [b"e 1772452800s 0 1 - f - 5 1 2 - - m:1 E", b"x 1 2 3 4", b"x 1 2 3+ 4", b"k 1 2 3 4 =", b"m1 1 0 0 -"]

    def check(line: bytes) -> None:
        read_line(line)

    fuzz(100, check, line=st.sampled_from(lines).flatmap(mutated) | anything)
