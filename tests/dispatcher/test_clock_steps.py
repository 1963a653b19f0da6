"""The server's clock goes back, as at a failover to one that is behind: what waits for a look, or was taken by a
dispatcher that died, does not wait for the size of the step."""

import redis as redis_py

from making import HOUR, INDEX, US, dispatcher, entry, finish, move_to, waiting
from making_schedules import fire, ids_of, job_fields, new, put, spec
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store
from rq_scheduler.store.via_rq import RunsViaRQ

NOW = 1_900_000_000 * US


def serve(redis: redis_py.Redis, store: Store) -> None:
    one = dispatcher(redis, store=store)
    while one.dispatch_once().more_is_due:
        pass


def test_runs_that_rq_has_to_enqueue(redis: redis_py.Redis, still: Store) -> None:
    move_to(redis, NOW)
    put(
        still,
        new(redis, due=NOW, job=job_fields(redis, slow=True, meta={"queue_class_name": "queues_for_tests.Noting"})),
    )
    (run,) = ids_of(fire(still, now=NOW))
    taken = still.take_via_rq(1)
    assert isinstance(taken, RunsViaRQ)
    assert [each.id for each in taken.taken] == [run]
    move_to(redis, NOW - HOUR)
    serve(redis, still)
    assert waiting(redis) == [run]


def test_buffered_runs(redis: redis_py.Redis, still: Store) -> None:
    move_to(redis, NOW)
    put(still, new(redis, due=NOW, of=spec(60, overlap="buffer_one")))
    (run,) = ids_of(fire(still, now=NOW))
    move_to(redis, NOW + 60 * US)
    assert fire(still, now=NOW + 60 * US).buffered
    finish(redis, run)
    move_to(redis, NOW - HOUR)
    serve(redis, still)
    assert waiting(redis) == [run_id("s", NOW + 60 * US)]


def test_parked_jobs(redis: redis_py.Redis, still: Store) -> None:
    move_to(redis, NOW)
    redis.hset("rq:job:a", mapping={**entry(redis, "a", 0).fields, "status": "queued"})
    redis.rpush("rq:queue:default", "a")
    still.save([entry(redis, "a", 0)])
    finish(redis, "a")
    move_to(redis, NOW - HOUR)
    serve(redis, still)
    assert waiting(redis) == ["a"]


def test_leases_on_what_code_of_an_application_hands_off(redis: redis_py.Redis, still: Store) -> None:
    move_to(redis, NOW)
    still.save([entry(redis, "a", 0)])
    assert still.claim(INDEX, "a", 0, 60)
    move_to(redis, NOW - HOUR)
    assert still.claim(INDEX, "a", 0, 60)
