"""Fires that are plain, as nearly all are, have the effect of the others: of those with a limit that is far away."""

from collections.abc import Callable
from typing import cast

import pytest
import redis as redis_py

from making import US, followed, now_us, snapshot
from making_schedules import fire_page, job_fields, new, planned_in_time, put, spec
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store

PLAIN, OTHER = "plain", "other"
IDS = (PLAIN, OTHER)


def nothing(store: Store, id: str, nominal: int) -> None:
    """It has never run."""


def has_run(store: Store, id: str, nominal: int) -> None:
    store.connection.hset(store.keys.schedule(id), mapping={"mark": nominal - 1, "live": f"{id}-before", "runs": 7})
    store.connection.hset(f"rq:job:{id}-before", mapping={"status": "finished", "origin": "default"})


def still_runs(store: Store, id: str, nominal: int) -> None:
    has_run(store, id, nominal)
    store.connection.hset(f"rq:job:{id}-before", "status", "deferred")


def has_failed(store: Store, id: str, nominal: int) -> None:
    has_run(store, id, nominal)
    store.connection.hset(f"rq:job:{id}-before", "status", "failed")


def has_failed_before(store: Store, id: str, nominal: int) -> None:
    has_run(store, id, nominal)
    store.connection.hset(store.keys.schedule(id), "failures", 3)


def has_skipped(store: Store, id: str, nominal: int) -> None:
    has_run(store, id, nominal)
    store.connection.hset(store.keys.schedule(id), "skips_in_a_row", 2)


def was_looked_for(store: Store, id: str, nominal: int) -> None:
    store.connection.hset(store.keys.schedule(id), "looked_for", f"gone {nominal} {id}-before")


def has_run_for_it(store: Store, id: str, nominal: int) -> None:
    store.connection.hset(store.keys.schedule(id), "mark", nominal)


def has_the_job(store: Store, id: str, nominal: int) -> None:
    has_run(store, id, nominal)
    store.connection.hset(f"rq:job:{run_id(id, nominal)}", mapping={"status": "queued", "origin": "default"})


def has_no_further_instant(store: Store, id: str, nominal: int) -> None:
    store.connection.hset(store.keys.schedule(id), "plan", f"{nominal}:{nominal} -")


def has_a_mark_that_is_no_time(store: Store, id: str, nominal: int) -> None:
    store.connection.hset(store.keys.schedule(id), "mark", "yesterday")


def has_no_template(store: Store, id: str, nominal: int) -> None:
    store.connection.delete(store.keys.template(id))


def has_a_template_of_another_type(store: Store, id: str, nominal: int) -> None:
    has_no_template(store, id, nominal)
    store.connection.set(store.keys.template(id), "a text")


def _change_job(store: Store, id: str, before: bytes, after: bytes) -> None:
    key = store.keys.schedule(id)
    runs_as = store.connection.hget(key, "runs_as") or b""
    assert before in runs_as
    store.connection.hset(key, "runs_as", runs_as.replace(before, after))


def keeps_one_line(store: Store, id: str, nominal: int) -> None:
    store.connection.hset(store.keys.schedule(id), "keep_runs", 1)
    store.connection.lpush(store.keys.history(id), f"e {nominal - US} 0 7 -")


def has_a_buffered_run(store: Store, id: str, nominal: int) -> None:
    before = nominal - US
    store.connection.rpush(store.keys.buffer(id), f"enqueued {before} {before} {run_id(id, before)}")
    store.connection.zadd(store.keys.buffered, {id: nominal / US + 3600})


def stands_at_the_end_of_another_instant(store: Store, id: str, nominal: int) -> None:
    key = store.keys.schedule(id)
    store.connection.hset(key, "plan", f"-{nominal}:{nominal} ".encode() + (store.connection.hget(key, "plan") or b""))


def goes_to_the_front(store: Store, id: str, nominal: int) -> None:
    _change_job(store, id, b'"at_front":false', b'"at_front":true')


def expires(store: Store, id: str, nominal: int) -> None:
    _change_job(store, id, b'"ttl":""', b'"ttl":"900"')


def has_a_timeout(store: Store, id: str, nominal: int) -> None:
    _change_job(store, id, b'"timeout":""', b'"timeout":"77"')


@pytest.mark.parametrize(
    "arrange",
    [
        *(nothing, has_run, still_runs, has_failed, has_failed_before, has_skipped, was_looked_for, has_run_for_it),
        *(has_the_job, has_no_further_instant, has_a_mark_that_is_no_time, has_no_template),
        *(has_a_template_of_another_type, keeps_one_line, has_a_buffered_run, stands_at_the_end_of_another_instant),
        *(goes_to_the_front, expires, has_a_timeout),
    ],
)
@pytest.mark.parametrize("tell", [True, False])
def test_both_leave_the_same(
    redis: redis_py.Redis, store: Store, arrange: Callable[[Store, str, int], None], tell: bool
) -> None:
    nominal, job = now_us(redis) - 1000, job_fields(redis)
    put(store, *(new(redis, id, nominal, job=job) for id in IDS))
    redis.hset(store.keys.schedule(OTHER), "policy", "skip one - 1000000 -")
    for id in IDS:
        planned_in_time(store, id)
        arrange(store, id, nominal)
    redis.rpush("rq:queue:default", "first")
    page = fire_page(store, tell=tell)
    handed_off = [job.id for job in page.fires.handed_off]
    plain, other = (
        (
            left_of(store, id),
            repr([each for each in page.fires.answers if each.id == id]).replace(id, "*"),
            f"{id}-" in repr(handed_off),
        )
        for id in IDS
    )
    assert plain == other


def test_schedules_of_one_plan_keep_their_own_jobs(redis: redis_py.Redis, store: Store) -> None:
    """What many have in common is read once: the instant, not the queue."""
    nominal, queues = now_us(redis) - 1000, ["a", "b", "a", "c"]
    for number, queue in enumerate(queues):
        put(store, new(redis, f"s{number}", nominal, job=job_fields(redis, queue=queue)))
        planned_in_time(store, f"s{number}")
    page = fire_page(store)
    assert {job.id: job.queue for job in page.fires.handed_off} == {
        run_id(f"s{number}", nominal): queue for number, queue in enumerate(queues)
    }
    assert [redis.llen(f"rq:queue:{queue}") for queue in "abc"] == [2, 1, 1]
    assert page.fires.queues == {"a": 2, "b": 1, "c": 1}


def test_schedules_of_one_instant_go_on_by_their_own_plans(redis: redis_py.Redis, store: Store) -> None:
    nominal, periods = now_us(redis) - 1000, (60, 3600, 60, 7)
    for period, id in zip(periods, "abcd", strict=True):
        put(store, new(redis, id, nominal, of=spec(period)))
        planned_in_time(store, id)
    assert len(fire_page(store).fires.handed_off) == len(periods)
    for period, id in zip(periods, "abcd", strict=True):
        due = nominal + period * US
        assert redis.hget(store.keys.schedule(id), "armed") == f"{due}:{due}".encode()
        assert redis.zscore(store.keys.due_schedules, id) == due / US
    assert redis.hget("rq:scheduler:counters", "handed_off:scheduled:default") == b"4"


def redis_fields(hash: object) -> dict[bytes, bytes]:
    """The fields of a hash in a snapshot."""
    assert isinstance(hash, tuple)
    return cast("dict[bytes, bytes]", hash[0])


def left_of(store: Store, id: str) -> dict[str, str]:
    """All that Redis holds of a schedule, under another id, without what has to differ."""
    redis, found = store.connection, dict[str, object]()
    for key, (content, lifetime) in snapshot(redis).items():
        if key == store.keys.new_runs.encode():
            continue  # which others enter among the open ones at once
        if id in key.decode():
            found[key.decode()] = (content, lifetime)
        elif (
            isinstance(content, list) and redis.type(key) != b"stream" and not any(each in key.decode() for each in IDS)
        ):
            # Of what all share, the members that name it; and where they stand, by one that was there before.
            found[key.decode()] = [each for each in content if id in repr(each) or each == b"first"]
    found[store.keys.open_runs] = [each for each in followed(redis) if id in each.decode()]
    for name in (b"rev", b"plan_rev", b"policy"):
        redis_fields(found[store.keys.schedule(id)]).pop(name, None)
    return {key.replace(id, "*"): repr(_in_order(value)).replace(id, "*") for key, value in found.items()}


def _in_order(value: object) -> object:
    """The fields of a hash by name: a server gives them in an order of its own, which follows from how they came and
    from a number that it drew at its start."""
    if isinstance(value, tuple) and isinstance(value[0], dict):
        return sorted(redis_fields(value).items()), value[1]
    return value
