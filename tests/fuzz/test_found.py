"""What the fuzzing has found, each once more as a plain test."""

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest
import redis as redis_py
from rq import Queue

import jobs_for_tests as jobs
from fuzz.hostile import NoOffset
from fuzz.worlds import World, can_be_read, goes_on
from making import finish
from rq_scheduler import Cron, Every, RRule, Schedule, Scheduler, utils
from rq_scheduler.client.schedules.files import definitions_from
from rq_scheduler.errors import SchedulerError
from rq_scheduler.model import decode_spec
from rq_scheduler.store.history import read_line
from schedules.helpers import START

pytestmark = pytest.mark.once

HALF = "\ud800"
"""Half of a surrogate pair: no UTF-8 has it."""


@pytest.fixture
def world(redis: redis_py.Redis) -> World:
    return World(redis)


REFUSED: dict[str, tuple[Callable[[Scheduler], Any], str]] = {
    "ttl": (lambda s: s.enqueue_at(START, jobs.nothing, job_ttl=138538868363755024),
    "ttl=138538868363755024 is too large"),
    "description": (lambda s: s.enqueue_at(START, jobs.nothing, job_description=HALF), "description="),
    "queue_name": (lambda s: s.enqueue_at(START, jobs.nothing, queue_name=HALF), "queue_name="),
    "on_success": (lambda s: s.enqueue_at(START, jobs.nothing, on_success=f"a.{HALF}"), "on_success="),
    "deep": (lambda s: s.enqueue_at(START, jobs.echo, _deep()), "recursion"),
    "items": (lambda s: s.enqueue_many(None), "items=None"),
    "repeat": (lambda s: s.enqueue_many([(START, Queue.prepare_data(jobs.nothing, repeat=5))]), "repeat=5"),
    "overlap": (lambda s: s.cron("@daily", jobs.nothing, timezone="UTC", overlap=[]), "overlap="),
    "until": (lambda s: s.count(1.7e308), "until=1.7e"),
    "offset": (lambda s: s.get_jobs(offset="1", length=2), "offset='1'"),
    "job": (lambda s: s.enqueue_job("x"), "job='x'"),
    "queue of": (lambda s: s.get_queue_for_job("x"), "job='x'"),
    "interval": (lambda s: Scheduler(connection=s.connection, interval="60"), "interval='60'"),
    "interval-huge": (lambda s: Scheduler(connection=s.connection, interval=10**30), "interval="),
    "name": (lambda s: Scheduler(connection=s.connection, name=5), "name=5"),
    "name-half": (lambda s: Scheduler(connection=s.connection, name=HALF), "name="),
    "runs": (lambda s: s.schedules.runs(None), "id=None"),
    "note": (lambda s: s.schedules.put("x", Every(60), jobs.echo, note=HALF), "note="),
    "pause": (lambda s: s.schedules.pause("nightly", HALF), "note="),
    "tag": (lambda s: s.schedules.find(tag=HALF), "tag="),
    "within": (lambda s: s.schedules.upcoming(Fraction(10**400)), "within="),
    "within-nan": (lambda s: s.schedules.upcoming(Decimal("sNaN")), "within="),
    "jitter": (lambda s: s.schedules.update("nightly", jitter=1.7e308), "jitter="),
    "every": (lambda s: Every("9" * 400 + "."), "every="),
    "n": (lambda s: Schedule("x", Every(60), jobs.echo).upcoming("1"), "n='1'"),
    "n of a trigger": (lambda s: Every(60, anchor=START).upcoming(None), "n=None"),
    "expression": (lambda s: Cron(["*"]), "['*']"),
    "day_match": (lambda s: Cron("@daily", day_match=[]), "day_match="),
    "text": (lambda s: RRule([]), "[]"),
    "cron_string": (lambda s: utils.get_next_scheduled_time(None), "cron_string=None"),
    "dt": (lambda s: utils.to_unix(None), "dt=None"),
    "source": (lambda s: definitions_from("9" * 400), "9999 will not do as a path"),
}  # fmt: skip


def _deep() -> Any:
    made: Any = []
    for _ in range(100_000):
        made = [made]
    return made


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_words_of_ours(world: World, name: str) -> None:
    act, says = REFUSED[name]
    keys = set(world.redis.keys())
    with pytest.raises(SchedulerError) as caught:
        act(world.scheduler)
    assert isinstance(caught.value, ValueError | TypeError)
    assert says in str(caught.value)
    assert set(world.redis.keys()) == keys


def test_numbers_beyond_what_redis_counts_mean_all_there_is(world: World) -> None:
    scheduler, most = world.scheduler, 2**64
    assert len(list(scheduler.get_jobs(offset=0, length=most))) == scheduler.count(10**400) == 3
    assert list(scheduler.get_jobs(offset=most, length=1)) == []
    assert scheduler.count(-(10**400)) == 0
    assert scheduler.schedules.find(offset=most) == []
    assert len(scheduler.schedules.runs("nightly", limit=most)) == 1
    scheduler.schedules.update("nightly", max_runs=most)
    assert len(scheduler.schedules["nightly"].upcoming(3)) == 3
    assert Schedule("x", Cron("0 0 1 1 * 2030"), jobs.echo).upcoming(most) != []


def test_ids_that_no_text_can_be_name_nothing(world: World) -> None:
    scheduler = world.scheduler
    assert HALF not in scheduler
    assert HALF not in scheduler.schedules
    assert scheduler.get_job(HALF) is None
    assert scheduler.schedules.get(HALF) is None
    assert scheduler.cancel(HALF) is None


@pytest.mark.parametrize("zone", [NoOffset()])
def test_a_zone_without_an_offset_is_none(world: World, zone: tzinfo) -> None:
    moment = datetime(2030, 1, 1)
    assert utils.to_unix(moment.replace(tzinfo=zone)) == utils.to_unix(moment)
    world.scheduler.enqueue_at(moment.replace(tzinfo=zone), jobs.nothing, job_id="x")
    times = {job.id: at for job, at in world.scheduler.get_jobs(with_times=True)}
    assert times["x"] == moment


SPOILT: dict[str, tuple[str, str, bytes]] = {
    # What a script made of it ended the batch, or the pass: nothing else was handed off any more.
    "a ttl beyond Redis": ("rq:job:one-off", "ttl", b"138538868363755024"),
    "an endless ttl": ("rq:job:one-off", "ttl", b"inf"),
    "half a second": ("rq:job:one-off", "ttl", b"0.5"),
    "beside it": ("rq:scheduler:schedule:nightly", "ttl", b"1e300"),
    "a mark": ("rq:scheduler:schedule:nightly", "mark", b"-x"),
    "updated": ("rq:scheduler:schedule:nightly", "updated", b"{}"),
    "armed": ("rq:scheduler:schedule:nightly", "armed", b"x:y"),
    "armed 0.14": ("rq:scheduler:schedule:recurring", "armed", b"x:y"),
    "repeat": ("rq:scheduler:schedule:recurring", "repeat", b"x"),
    "buffered": ("rq:scheduler:schedule:recurring", "buffered", b"x"),
    "a spec that is no UTF-8": ("rq:scheduler:schedule:recurring", "spec",
    b'{"trigger":{"type":"rrule","text":"\x88"}}'),
    "a deep spec": ("rq:scheduler:schedule:recurring", "spec", b'{"a":' * 5_000),
    # One record that could not be read hid all the others.
    "created": ("rq:scheduler:schedule:paused", "created", b"x"),
    "runs": ("rq:scheduler:schedule:paused", "runs", b"nan"),
    "version": ("rq:scheduler:schedule:paused", "version", b"9" * 400),
    "no more runs than none": ("rq:scheduler:schedule:recurring", "repeat", b"-5"),
    "more runs than can be counted": ("rq:scheduler:schedule:recurring", "repeat", b"9952829750011731968"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_one_spoilt_record_holds_up_nobody(world: World, name: str) -> None:
    key, field, value = SPOILT[name]
    for run in world.scheduler.schedules.runs("nightly"):
        finish(world.redis, str(run.job_id))
    world.redis.hset(key, field, value)
    goes_on(world, passes=3)
    world.clock.move("1d")
    goes_on(world, passes=2)


def test_history_lines_that_are_none_do_not_hide_the_others(world: World) -> None:
    world.redis.lpush(
        "rq:scheduler:history:nightly", "", "x", "missed 1 2", f"enqueued {10**18} 1 1 a", b"\xff 1 2 3 a b"
    )
    assert len(world.scheduler.schedules.runs("nightly")) == 1
    assert read_line(b"x 1 2 3+ 4") is not None


def test_a_start_that_is_no_time(world: World) -> None:
    (run,) = world.scheduler.schedules.runs("nightly")
    world.redis.hset(f"rq:job:{run.job_id}", "started_at", "yesterday")
    assert world.scheduler.schedules.runs("nightly")[0].started_at is None


def test_a_schedule_that_is_listed_among_the_jobs_too(world: World) -> None:
    world.redis.zadd("rq:scheduler:schedules:jobs", {"nightly": 0})
    ids = [run.schedule_id for run in world.scheduler.schedules.upcoming(limit=50)]
    assert ids.count("nightly") > 1
    can_be_read(world)


def test_a_recurring_job_that_is_due_at_no_time(world: World) -> None:
    world.redis.zadd("rq:scheduler:scheduled_jobs", {"recurring": float("inf")})
    assert world.scheduler.schedules["recurring"].next_run_at is None
    goes_on(world)


def test_a_queue_whose_name_is_no_utf_8(world: World) -> None:
    """A run waits in it, and whether it really does is looked up there."""
    world.scheduler.schedules.put("often", Every(60), jobs.echo)
    world.clock.move(60)
    (made,) = [each for each in world.dispatcher.tick() if each.id.startswith("often")]
    world.redis.hset(f"rq:job:{made.id}", "origin", b"\x8b\xb71")
    world.dispatcher.tick(timedelta(minutes=5))
    goes_on(world, passes=3)


def test_what_is_no_spec_is_a_decode_error() -> None:
    for stored in (b"\xff", b'{"trigger":{"type":"rrule","text":"\x88"}}', b"[" * 100_000, b'{"format":1}', b""):
        with pytest.raises(msgspec.DecodeError):
            decode_spec(stored)
