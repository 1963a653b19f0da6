"""What the last commit before plans became data in Redis has left there: it is served on as that commit would have
done, and becomes what the present one writes."""

from collections import Counter
from datetime import timedelta

import pytest
import redis as redis_py

import rq_scheduler.dispatcher.planner as planner_module
from making import OURS, contents, snapshot
from rq_scheduler import Every, Scheduler
from rq_scheduler.store import Store
from rq_scheduler.testing import ManualClock, ManualDispatcher
from upgrade.earlier import FUNC, MINUTES, START, WRITTEN, restore, serve, work, write

SERVED = WRITTEN + timedelta(minutes=MINUTES)
DUE = {"own", *(f"shared-{n}" for n in range(4))}
"""Schedules that are due in the minute that follows."""

NEVER_EMPTY = {b"backfilled", b"manual", b"mark", b"runs"}
"""Fields that the present one writes when there is something to say, and that commit for all."""


def look_at_everything(redis: redis_py.Redis) -> None:
    """As each dispatcher does when it starts."""
    assert Store(redis).tend_schedules(0, 100) == 0


def names(redis: redis_py.Redis) -> dict[str, set[bytes]]:
    """Our keys, and the fields of those that have some."""
    return {
        key.decode(): set(content) if isinstance(content, dict) else set()
        for key, content, _ in contents(redis)
        if OURS.match(key)
    }


def test_it_is_served_as_before_and_nothing_of_that_commit_stays(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(redis)
    serve(redis)
    wanted = names(redis)
    redis.flushall()

    known = restore(redis)
    look_at_everything(redis)
    assert Counter(map(tuple, serve(redis))) == Counter(map(tuple, known["runs"])), "nothing lost, nothing doubled"
    found = names(redis)
    assert found.keys() <= wanted.keys()
    others = {key: left for key, fields in found.items() if (left := fields - wanted[key] - NEVER_EMPTY)}
    assert others == {}

    # By now the plans are in Redis: nobody has to make any.
    monkeypatch.setattr(planner_module, "coming", None)
    with ManualDispatcher(Scheduler(connection=redis), ManualClock(SERVED)) as dispatcher:
        assert {job.id.rpartition("-")[0] for job in dispatcher.tick("1m")} >= DUE


def test_it_is_upgraded_once(redis: redis_py.Redis) -> None:
    restore(redis)
    found = []
    for _ in range(2):
        look_at_everything(redis)
        with ManualDispatcher(Scheduler(connection=redis), ManualClock(WRITTEN + timedelta(seconds=30))) as dispatcher:
            dispatcher.tick()
            found.append(snapshot(redis))
    assert found[0] == found[1]


def test_people_go_on_with_it(redis: redis_py.Redis) -> None:
    restore(redis)
    scheduler = Scheduler(connection=redis)
    schedules = scheduler.schedules
    with ManualDispatcher(scheduler, ManualClock(WRITTEN)) as dispatcher:
        assert len(schedules) == 26
        put_again = schedules.put("shared-0", Every("2m"), FUNC, tags=("shared",))
        assert (put_again.version, put_again.runs) == (1, 5), "it is what it was"
        assert {each.id for each in scheduler.quarantine} == {"lost", "lost-job", "lost-recurring"}

        manual = schedules.run_now("manual")
        assert manual is not None
        assert manual.id.endswith("-m2")
        assert schedules.backfill("manual", START - timedelta(hours=3), START) == []
        work(redis)

        schedules.put("deleted", Every("3m", anchor=START), FUNC)
        schedules.put("lost", Every("10m", anchor=START), FUNC)
        redis.hset("rq:job:lost-recurring", "origin", "default")
        assert scheduler.quarantine.retry("lost")
        assert scheduler.quarantine.retry("lost-recurring")
        for id in ("lost", "paused", "paused-and-buffers"):
            schedules.resume(id)
        ran: Counter[str] = Counter()
        for _ in range(10):
            ran.update(job.id for job in dispatcher.tick("1m"))
            work(redis)
    assert {times for id, times in ran.items() if "-2026" in id} == {1}
    assert {"lost-recurring", "paused-and-buffers-20261128T200900000000Z"} <= ran.keys()
    assert {id.rpartition("-")[0] for id in ran} >= {"lost", "paused", "deleted", "via-rq"}
