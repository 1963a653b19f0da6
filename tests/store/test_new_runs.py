"""Runs that one script has handed off are one entry until their first look: each is then settled, or followed on."""

import pytest
import redis as redis_py

from making import followed, now_us
from making_schedules import fire_page, job_fields, new, planned_in_time, put
from rq_scheduler.clock import US
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store
from rq_scheduler.store.outcomes import Took

IDS = [f"s{number}" for number in range(30)]


def fire_all(redis: redis_py.Redis, store: Store) -> dict[str, str]:
    """The job id of the run of each, handed off by one script."""
    nominal, job = now_us(redis) - 1000, job_fields(redis)
    put(store, *(new(redis, id, nominal, job=job) for id in IDS))
    planned_in_time(store, *IDS)
    fire_page(store)
    return {id: run_id(id, nominal) for id in IDS}


def let_looks_be_due(redis: redis_py.Redis, store: Store) -> None:
    for key in (store.keys.new_runs, store.keys.open_runs):
        for member in redis.zrange(key, 0, -1):
            redis.zadd(key, {member: now_us(redis) / US - 0.01})


def finish(redis: redis_py.Redis, *runs: str) -> None:
    for run in runs:
        redis.hset(f"rq:job:{run}", mapping={"status": "finished", "ended_at": "2026-11-29T10:00:00.000000Z"})
        redis.lrem("rq:queue:default", 0, run)


def succeeded(redis: redis_py.Redis, store: Store) -> list[str]:
    return [id for id in IDS if redis.hexists(store.keys.schedule(id), "ends")]


def test_they_are_one_entry(redis: redis_py.Redis, store: Store) -> None:
    runs = fire_all(redis, store)
    assert (redis.zcard(store.keys.new_runs), redis.zcard(store.keys.open_runs)) == (1, 0)
    assert {member.split()[0].decode() for member in followed(redis)} == runs.keys()


def test_nobody_looks_before_it_is_time(redis: redis_py.Redis, store: Store) -> None:
    finish(redis, *fire_all(redis, store).values())
    looks = store.settle_runs(100)
    assert looks.settled == 0
    assert looks.next_look is not None
    assert 0 < looks.next_look - looks.now <= US


def test_those_that_have_ended_are_settled_and_the_others_followed(redis: redis_py.Redis, store: Store) -> None:
    runs = fire_all(redis, store)
    ended = IDS[::3]
    finish(redis, *(runs[id] for id in ended))
    let_looks_be_due(redis, store)
    assert store.settle_runs(100).settled == len(ended)
    assert succeeded(redis, store) == ended
    assert not redis.exists(store.keys.new_runs)
    assert redis.zcard(store.keys.open_runs) == len(IDS) - len(ended)
    finish(redis, *runs.values())
    let_looks_be_due(redis, store)
    assert store.settle_runs(100).settled == len(IDS) - len(ended)
    assert followed(redis) == []


@pytest.mark.parametrize("most", [1, 7, 29])
def test_what_a_call_has_no_time_for_is_left_to_the_next(redis: redis_py.Redis, store: Store, most: int) -> None:
    finish(redis, *fire_all(redis, store).values())
    let_looks_be_due(redis, store)
    assert store.settle_runs(most).settled == most
    assert len(followed(redis)) == len(IDS) - most
    calls = 1
    while followed(redis):
        assert store.settle_runs(most).settled <= most
        calls += 1
    assert calls == -(-len(IDS) // most)
    assert succeeded(redis, store) == IDS


@pytest.mark.parametrize("foreign", ["", "no runs", "5", "5 s", "5  -x ", "\xff 5 -"])
def test_what_is_no_entry_goes(redis: redis_py.Redis, store: Store, foreign: str) -> None:
    redis.zadd(store.keys.new_runs, {foreign: 1})
    assert store.settle_runs(100).settled == 0
    assert not redis.exists(store.keys.new_runs)


@pytest.mark.parametrize("enters_open_runs", [False, True])
def test_one_that_cannot_be_looked_at_holds_up_no_other(
    redis: redis_py.Redis, store: Store, *, enters_open_runs: bool
) -> None:
    """Its history has a line that is none of ours, of a failure which would have come after its success."""
    runs = fire_all(redis, store)
    if enters_open_runs:
        let_looks_be_due(redis, store)
        store.settle_runs(100)
    finish(redis, *runs.values())
    let_looks_be_due(redis, store)
    damaged, *others = IDS
    redis.hset(store.keys.schedule(damaged), "ends", f"0 1 1 - - {now_us(redis) + 60 * US} - f")
    redis.rpush(store.keys.history(damaged), f"e {now_us(redis) // US}s x 0 - f 0 0 1 -")
    with pytest.raises(redis_py.ResponseError, match="arithmetic"):
        store.settle_runs(100)
    assert succeeded(redis, store) == [damaged, *others]
    assert [member.split()[0].decode() for member in followed(redis)] == [damaged]
    assert 50 < redis.zscore(store.keys.open_runs, followed(redis)[0]) - now_us(redis) / US < 61
    redis.rpop(store.keys.history(damaged))
    let_looks_be_due(redis, store)
    assert store.settle_runs(100).settled == 1
    assert not followed(redis)
    assert redis.hget(store.keys.counters, "ended:finished") == str(len(IDS)).encode(), "each once"


def test_how_long_they_took_is_told_by_kind_and_length(redis: redis_py.Redis, store: Store) -> None:
    runs = fire_all(redis, store)
    for number, run in enumerate(runs.values()):
        fraction = "000150" if number % 3 else "100000"
        times = {"started_at": "2026-11-29T10:00:00.000000Z", "ended_at": f"2026-11-29T10:00:00.{fraction}Z"}
        redis.hset(f"rq:job:{run}", mapping={"status": "finished", **times})
    let_looks_be_due(redis, store)
    assert store.settle_runs(100).durations == [Took("scheduled", 7, 10), Took("scheduled", 0, 20)]


def test_those_that_go_on_are_a_set(redis: redis_py.Redis, store: Store) -> None:
    """A schedule of which one run has ended, and the next goes on, is among them; one that was deleted is not."""
    runs = fire_all(redis, store)
    first, second, deleted = IDS[:3]
    for id in (first, second, deleted):
        redis.hset(f"rq:job:{runs[id]}", "status", "started")
    redis.zrem(store.keys.schedules, deleted)
    let_looks_be_due(redis, store)
    store.settle_runs(100)
    redis.hset(f"rq:job:{first}-earlier", "status", "finished")
    let_looks_be_due(redis, store)
    redis.zadd(store.keys.open_runs, {f"{first} {now_us(redis)} -earlier": 0})  # looked at first
    assert store.settle_runs(100).settled == 1
    assert redis.zrange(store.keys.schedules_of("running"), 0, -1) == [first.encode(), second.encode()]
    finish(redis, runs[first])
    let_looks_be_due(redis, store)
    store.settle_runs(100)
    assert redis.zrange(store.keys.schedules_of("running"), 0, -1) == [second.encode()]
