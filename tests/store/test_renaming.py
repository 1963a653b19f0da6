"""`rename_schedule.lua`: what is kept of a schedule goes along, and nothing fires under both ids."""

import pytest
import redis as redis_py

from making import HOUR, US, history, make_job, now_us, snapshot
from making_schedules import fire, plan_of, put_due, record, write_one
from rq_scheduler.model import Spec
from rq_scheduler.store import NewEntry, Store
from rq_scheduler.store.schedules import Filter, Stored
from rq_scheduler.triggers import Every


def stored(store: Store, id: str) -> Stored:
    (found,) = store.read_definitions([id])[1]
    assert found is not None
    return found


@pytest.fixture
def old(redis: redis_py.Redis, store: Store) -> Stored:
    """One that has fired once, and remembers another run."""
    put_due(store, "old", owner="me", tags=("t",), of=Spec(trigger=Every(60), overlap="buffer_one"))
    fire(store, "old")
    redis.zadd(store.keys.due_schedules, {"old": now_us(redis) / US - 1})
    return stored(store, "old")


def test_all_goes_along(redis: redis_py.Redis, store: Store, old: Stored) -> None:
    before, lines, due = record(store, "old"), history(redis, "old"), redis.zscore(store.keys.due_schedules, "old")
    assert store.rename_schedule(old, "new")
    after = record(store, "new")
    changed = {name for name in {*before, *after} if before.get(name, "") != after.get(name, "")}
    assert changed == {"rev", "renamed", "former_ids"}
    assert int(after["rev"]) > int(before["rev"])
    assert (history(redis, "new"), redis.zscore(store.keys.due_schedules, "new")) == (lines, due)
    for wanted in (Filter(), Filter(owner="me"), Filter(tag="t"), Filter(queue="default")):
        assert list(store.find_schedules(wanted)) == [["new"]]
    left = {key for key in snapshot(redis) if b":old" in key and not key.startswith(b"rq:job:")}
    (run,) = store.read_runs("new", 1)[2]
    assert run.job_id == before["live"], "its runs keep their ids"
    assert left == {store.keys.tombstone("old").encode()}


def test_once_more_for_a_lost_reply(redis: redis_py.Redis, store: Store, old: Stored) -> None:
    assert store.rename_schedule(old, "new")
    before = snapshot(redis)
    assert store.rename_schedule(old, "new")
    assert snapshot(redis) == before


def test_what_was_planned_for_the_old_id_does_not_fire(redis: redis_py.Redis, store: Store) -> None:
    put_due(store, "old", of=Spec(trigger=Every(60)))
    planned = plan_of(store, "old")
    assert store.rename_schedule(stored(store, "old"), "new")
    before = redis.llen("rq:queue:default")
    write_one(store, planned)
    assert redis.llen("rq:queue:default") == before
    fire(store, "new")
    assert redis.llen("rq:queue:default") == before + 1


def test_one_put_again_under_the_old_id_fires_no_instant_twice(store: Store, old: Stored) -> None:
    mark = record(store, "old")["mark"]
    assert store.rename_schedule(old, "new")
    put_due(store, "old", of=Spec(trigger=Every(60)))
    assert record(store, "old")["mark"] == mark


def test_what_a_deleted_schedule_of_the_new_id_handed_off_is_remembered(
    redis: redis_py.Redis, store: Store, old: Stored
) -> None:
    put_due(store, "new", of=Spec(trigger=Every(60)))
    fire(store, "new")
    redis.hset(store.keys.schedule("new"), mapping={"backfilled": "100..200", "manual": "3"})
    redis.hset(store.keys.schedule("old"), "backfilled", "150..300")
    mark = record(store, "new")["mark"]
    store.delete_schedule("new")
    assert int(mark) > int(record(store, "old")["mark"])
    assert store.rename_schedule(old, "new")
    after = record(store, "new")
    assert (after["mark"], after["manual"], after["backfilled"]) == (mark, "3", "150..300 100..200")
    assert not redis.exists(store.keys.tombstone("new"))
    before = redis.llen("rq:queue:default")
    nominal = int(mark)
    redis.hset(store.keys.schedule("new"), "armed", f"{nominal}:{nominal}")
    redis.zadd(store.keys.due_schedules, {"new": f"{nominal / US:.6f}"})
    fire(store, "new")
    assert redis.llen("rq:queue:default") == before


def test_one_that_has_changed_stays(redis: redis_py.Redis, store: Store, old: Stored) -> None:
    redis.hset(store.keys.schedule("old"), "rev", "999999")
    before = snapshot(redis)
    assert not store.rename_schedule(old, "new")
    assert snapshot(redis) == before


@pytest.mark.parametrize("by", ["a schedule", "a job", "the quarantine", "something else"])
def test_an_id_that_is_taken_stays_as_it_is(redis: redis_py.Redis, store: Store, old: Stored, by: str) -> None:
    if by == "a schedule":
        put_due(store, "new")
    elif by == "a job":
        job = make_job(redis, "new")
        store.save([NewEntry("new", job.key, now_us(redis) + HOUR, job.to_dict())])
    elif by == "the quarantine":
        redis.hset(store.keys.quarantine, "new", "{}")
    else:
        redis.set(store.keys.history("new"), "x")
    before = snapshot(redis)
    assert not store.rename_schedule(old, "new")
    assert snapshot(redis) == before
