"""The judge sees each fault that is planted, and none where there is none."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

from faults.checker import KINDS, Ledger, Verdict
from jobs_for_tests import nothing
from making import HOUR, US, dispatcher, finish, now_us, waiting
from rq_scheduler import Scheduler
from rq_scheduler.runs import run_id
from rq_scheduler.triggers import Every

pytestmark = pytest.mark.once

LATE = 2 * US


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def verdict(ledger: Ledger, redis: redis_py.Redis) -> Verdict:
    return ledger.verdict(redis, late_after_us=LATE)


def told(verdict: Verdict) -> dict[str, list[str]]:
    """The ids of each kind of fault that there is."""
    return {kind: [fault.id for fault in getattr(verdict, kind)] for kind in KINDS if getattr(verdict, kind)}


def live_system(redis: redis_py.Redis, scheduler: Scheduler, ledger: Ledger) -> None:
    """Some of everything, served, and received by hand; and more to come."""
    now = datetime.now(UTC)
    for n in range(3):
        job = scheduler.enqueue_at(now, nothing, job_id=f"due{n}")
        ledger.owe(job.id, int(now.timestamp() * US))
    ledger.owe(scheduler.enqueue_in(timedelta(hours=1), nothing).id, now_us(redis) + HOUR)
    scheduler.enqueue_in(timedelta(hours=1), nothing, job_id="cancelled")
    ledger.owe("cancelled", now_us(redis) + HOUR)
    scheduler.cancel("cancelled")
    ledger.excuse("cancelled")
    scheduler.schedule(now + timedelta(hours=1), nothing, interval=60, id="recurring")
    put = scheduler.schedules.put
    put("s", Every(3600), nothing, tags=["a", "b"], queue_name="other")
    put("sleeps", Every(3600), nothing, paused=True)
    put("gone", Every(3600), nothing)
    scheduler.schedules.delete("gone")
    manual = scheduler.schedules.run_now("s")
    assert manual is not None
    ledger.owe(manual.id, now_us(redis))
    served = dispatcher(redis)
    served.dispatch_once()
    for queue in ("default", "other"):
        for id in waiting(redis, queue):
            ledger.receive(id, now_us(redis))
            finish(redis, id, queue)


def test_a_live_system_is_clean(redis: redis_py.Redis, scheduler: Scheduler, ledger: Ledger) -> None:
    live_system(redis, scheduler, ledger)
    found = verdict(ledger, redis)
    assert told(found) == {}
    assert found.clean
    assert (found.owed, found.received) == (5, 4)
    assert len(found.lateness) == 4
    assert all(0 < late < LATE for late in found.lateness)
    assert str(found).split() == ["owed", "5", "received", "4", *(word for kind in KINDS for word in (kind, "0"))]


def test_lost_early_late_and_doubled(redis: redis_py.Redis, ledger: Ledger) -> None:
    now = now_us(redis)
    for id in ("fine", "lost", "early", "late", "doubled"):
        ledger.owe(id, now - US)
    ledger.owe("to-come", now + HOUR)
    ledger.maybe("may-be-lost", now - US)
    ledger.maybe("may-not-double", now - US)
    ledger.maybe("may-not-be-early", now)
    ledger.receive("fine", now)
    ledger.receive("early", now - 2 * US)
    ledger.receive("late", now + 2 * US)
    ledger.receive("may-not-be-early", now - 1)
    for id in ("doubled", "may-not-double", "never heard of"):
        ledger.receive(id, now)
        ledger.receive(id, now + 1)
    found = verdict(ledger, redis)
    assert told(found) == {
        "lost": ["lost"],
        "early": ["early", "may-not-be-early"],
        "late": ["late"],
        "doubled": ["doubled", "may-not-double", "never heard of"],
    }
    assert ledger.outstanding == ["lost", "to-come"]
    assert not found.clean
    assert "lost: 1 not received, due " in str(found)
    assert told(ledger.verdict(redis, late_after_us=HOUR, early_by_us=US)).keys() == {"lost", "doubled"}


def test_runs_of_schedules(redis: redis_py.Redis, ledger: Ledger) -> None:
    now = now_us(redis)
    for n in range(4):
        ledger.owe_run("s", now - n * 1000)
        ledger.owe_run("other", now - n * 1000)
    ledger.owe_run("jittered", now - US, now + US)
    for n in (0, 1, 3, 3):
        ledger.receive(run_id("s", now - n * 1000), now)
    ledger.receive(run_id("jittered", now - US), now)
    ledger.receive(run_id("nobodys", now + US), now)
    ledger.receive(run_id("nobodys", now + US, "m1"), now)
    ledger.excuse("other")
    assert told(verdict(ledger, redis)) == {
        "lost": [run_id("s", now - 2000)],
        "doubled": [run_id("s", now - 3000)],
        "early": [run_id("jittered", now - US), run_id("nobodys", now + US)],
    }


def test_runs_that_share_an_id(redis: redis_py.Redis, ledger: Ledger) -> None:
    now = now_us(redis)
    for id in ("right", "few", "many", "early"):
        for n in range(3):
            ledger.owe_run(id, now - n * US, job_id=id)
    for id, times in (("right", (-2, -1, 0)), ("few", (-2, -1)), ("many", (-2, -1, 0, 1)), ("early", (-2, -2, 0))):
        for seconds in times:
            ledger.receive(id, now + seconds * US)
    assert told(verdict(ledger, redis)) == {"lost": ["few"], "doubled": ["many"], "early": ["early"]}


def test_what_still_waits_is_stuck_and_not_lost(redis: redis_py.Redis, ledger: Ledger, scheduler: Scheduler) -> None:
    ago = datetime.now(UTC) - timedelta(hours=1)
    scheduler.enqueue_at(ago, nothing, job_id="stuck")
    ledger.owe("stuck", now_us(redis) - HOUR)
    scheduler.schedules.put("s", Every(60), nothing, overlap="buffer_all")
    armed = now_us(redis) - HOUR
    redis.zadd("rq:scheduler:due_schedules", {"s": armed / US})
    redis.hset("rq:scheduler:schedule:s", "armed", f"{armed}:{armed}")
    ledger.owe_run("s", armed)
    ledger.owe_run("s", armed - US)
    redis.zadd("rq:scheduler:buffered", {"s": armed / US})
    redis.rpush("rq:scheduler:buffer:s", f"enqueued {armed} {armed} {run_id('s', armed + 1)}")
    redis.zadd("rq:scheduler:claims", {"stuck": armed / US})
    assert told(verdict(ledger, redis)) == {
        "stuck": ["s", "s", run_id("s", armed + 1), "stuck", "stuck"],
        "lost": [run_id("s", armed - US)],
    }


def test_one_in_quarantine_is_lost_with_its_reason(redis: redis_py.Redis, ledger: Ledger, scheduler: Scheduler) -> None:
    scheduler.enqueue_at(datetime.now(UTC), nothing, job_id="broken")
    redis.hdel("rq:job:broken", "origin")
    ledger.owe("broken", now_us(redis))
    dispatcher(redis).dispatch_once()
    (lost,) = verdict(ledger, redis).lost
    assert lost.id == "broken"
    assert "in quarantine: its job names no queue" in lost.what


PLANTED: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "a record that is not listed": (
        lambda redis: redis.zrem("rq:scheduler:schedules", "s"),
        ["scheduler:schedule:s"],
    ),
    "a record that its tag does not list": (
        lambda redis: redis.zrem("rq:scheduler:schedules:tag:a", "s"),
        ["scheduler:schedule:s"],
    ),
    "a record without a template": (
        lambda redis: redis.delete("rq:scheduler:template:s"),
        ["scheduler:schedule:s"],
    ),
    "a schedule that is armed in no index": (
        lambda redis: redis.zrem("rq:scheduler:due_schedules", "s"),
        ["scheduler:schedule:s"],
    ),
    "a paused one that is armed": (
        lambda redis: redis.zadd("rq:scheduler:due_schedules", {"sleeps": 1e12}),
        ["scheduler:due_schedules"],
    ),
    "a paused one that is not listed as such": (
        lambda redis: redis.zrem("rq:scheduler:schedules:paused", "sleeps"),
        ["scheduler:schedule:sleeps"],
    ),
    "a record without a kind": (
        lambda redis: redis.hset("rq:scheduler:schedule:x", "spec", "{}"),
        ["scheduler:schedule:x", "scheduler:schedule:x"],
    ),
    "a recurring job's record without its entry": (
        lambda redis: redis.zrem("rq:scheduler:scheduled_jobs", "recurring"),
        ["scheduler:schedule:recurring", "job:recurring"],
    ),
    "a list that names nobody": (
        lambda redis: redis.zadd("rq:scheduler:schedules:owner:me", {"x": 0}),
        ["scheduler:schedules:owner:me"],
    ),
    "a list that names another": (
        lambda redis: redis.zadd("rq:scheduler:schedules:queue:default", {"s": 0}),
        ["scheduler:schedules:queue:default"],
    ),
    "a template without a record": (
        lambda redis: redis.hset("rq:scheduler:template:gone", "data", "x"),
        ["scheduler:template:gone"],
    ),
    "a history without a record": (
        lambda redis: redis.lpush("rq:scheduler:history:gone", "x"),
        ["scheduler:history:gone"],
    ),
    "remembered runs that nobody looks for": (
        lambda redis: redis.rpush("rq:scheduler:buffer:s", f"enqueued 1 {2**60} x"),
        ["scheduler:buffer:s"],
    ),
    "a look at what is not remembered": (
        lambda redis: redis.zadd("rq:scheduler:buffered", {"s": 1e12}),
        ["scheduler:buffered"],
    ),
    "an armed id without a record": (
        lambda redis: redis.zadd("rq:scheduler:due_schedules", {"x": 1e12}),
        ["scheduler:due_schedules"],
    ),
    "an entry without a job": (
        lambda redis: redis.zadd("rq:scheduler:scheduled_jobs", {"x": 1e12}),
        ["scheduler:scheduled_jobs"],
    ),
    "an entry in quarantine": (
        lambda redis: redis.hset("rq:scheduler:quarantine", "recurring", "{}"),
        ["scheduler:quarantine"],
    ),
    "an entry of RQ's without a job": (
        lambda redis: redis.zadd("rq:scheduled:default", {"x": 1e12}),
        ["scheduled"],
    ),
    "a lease on nothing": (
        lambda redis: redis.zadd("rq:scheduler:claims", {"x": 1e12}),
        ["scheduler:claims"],
    ),
    "a scheduled job that is no entry": (
        lambda redis: redis.hset("rq:job:x", mapping={"status": "scheduled", "data": "x", "origin": "default"}),
        ["job:x"],
    ),
    "a queued job in no queue": (
        lambda redis: redis.hset("rq:job:x", mapping={"status": "queued", "data": "x", "origin": "default"}),
        ["job:x"],
    ),
    "a deferred job in no registry": (
        lambda redis: redis.hset("rq:job:x", mapping={"status": "deferred", "data": "x", "origin": "default"}),
        ["job:x"],
    ),
    "half a job": (
        lambda redis: redis.hset("rq:job:x", "status", "queued"),
        ["job:x"],
    ),
    "a queue that no worker knows, with a job that is gone": (
        lambda redis: redis.rpush("rq:queue:new", "x"),
        ["queue:new", "queue:new"],
    ),
    "an immortal instance": (
        lambda redis: redis.hset("rq:scheduler_instance:x", "pid", 1),
        ["scheduler_instance:x"],
    ),
    "an immortal tombstone": (
        lambda redis: redis.persist("rq:scheduler:tombstone:gone"),
        ["scheduler:tombstone:gone"],
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_each_orphan_is_seen(planted: str, redis: redis_py.Redis, ledger: Ledger, scheduler: Scheduler) -> None:
    plant, keys = PLANTED[planted]
    live_system(redis, scheduler, ledger)
    assert verdict(ledger, redis).clean
    plant(redis)
    found = verdict(ledger, redis)
    assert told(found) == {"orphaned": keys}
    assert not found.clean
    assert keys[0] in str(found)
    redis.flushall()  # what was planted is nobody else's matter


def test_a_taken_job_is_not_orphaned(redis: redis_py.Redis, ledger: Ledger) -> None:
    redis.hset("rq:job:x", mapping={"status": "queued", "data": "x", "origin": "default"})
    ledger.receive("x", now_us(redis))
    assert verdict(ledger, redis).clean


def test_another_prefix(redis: redis_py.Redis, ledger: Ledger) -> None:
    redis.zadd("{site}:scheduler:scheduled_jobs", {"x": 1})
    assert verdict(ledger, redis).clean
    found = ledger.verdict(redis, late_after_us=LATE, prefix="{site}")
    assert told(found) == {"stuck": ["x"], "orphaned": ["scheduler:scheduled_jobs"]}
