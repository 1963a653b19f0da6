"""A one-off that is planned under an id of which RQ still has a live job: what decides that it waits, and that it waits
no more; who sees it meanwhile; and that nothing of the earlier job is left."""

from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py
from rq.job import Job
from rq.registry import FailedJobRegistry, FinishedJobRegistry
from rq.results import Result

from making import HOUR, INDEX, US, add, entry, hand_off, make_job, move_to, now_us, recurring, snapshot, waiting
from making_schedules import new
from making_schedules import put as write_schedules
from rq_scheduler.errors import IdTaken
from rq_scheduler.store import NewEntry, Store
from rq_scheduler.store.clock import MANUAL_CLOCK
from rq_scheduler.store.keys import FENCE_HOLDER
from rq_scheduler.store.outcomes import Fenced
from rq_scheduler.store.parked import LOOKED_AT, Released
from rq_scheduler.store.schedules import Written

LIVE = ["queued", "started", "deferred", "ready_to_enqueue", "rate_limited"]
FILL = "for i = 1, 50 do redis.call('RPUSH', KEYS[1], unpack(ARGV)) end"
ENDED = ["finished", "failed", "stopped", "canceled", "created"]


def live(redis: redis_py.Redis, id: str = "a", status: str = "queued", **fields: Any) -> None:
    """A job of RQ's under the id, as `status` says it stands."""
    job = make_job(redis, id, args=("old",), result_ttl=7, meta={"old": 1})
    redis.hset(
        job.key, mapping={**job.to_dict(), "status": status, "enqueued_at": "2026-01-01T00:00:00.000000Z", **fields}
    )
    if status == "queued":
        redis.rpush("rq:queue:default", id)


def plan(redis: redis_py.Redis, store: Store, id: str = "a", due: int = 0, **options: Any) -> NewEntry:
    """Plans the id, due long ago unless told otherwise."""
    made = entry(redis, id, due, args=("new",), **options)
    store.save([made])
    return made


def look(store: Store) -> Released:
    """The next look at all that is parked."""
    redis = store.connection
    redis.zadd(store.keys.parked, dict.fromkeys(redis.zrange(store.keys.parked, 0, -1), 0))
    released = store.release_parked()
    assert isinstance(released, Released), released
    return released


def is_parked(store: Store, id: str = "a") -> bool:
    place = store.find(id)
    return place is not None and place.parked


def end(redis: redis_py.Redis, id: str = "a", status: str = "finished") -> None:
    redis.lrem("rq:queue:default", 0, id)
    redis.hset(f"rq:job:{id}", "status", status)


def execution(redis: redis_py.Redis, id: str = "a", *, expires: float = 60, name: str = "e") -> None:
    """Somebody runs it, or has stopped to say so."""
    expiry = now_us(redis) / US + expires
    redis.zadd(f"rq:executions:{id}", {name: now_us(redis) / US + 3600})
    redis.zadd("rq:wip:default", {f"{id}:{name}": expiry})


class TestToPark:
    @pytest.mark.parametrize("status", LIVE)
    def test_status_alone_decides(self, redis: redis_py.Redis, store: Store, status: str) -> None:
        live(redis, status=status)
        redis.delete("rq:queue:default")
        before = snapshot(redis, ours=False)
        made = plan(redis, store, due=5 * US)
        assert snapshot(redis, ours=False) == before, "the live job ends as itself"
        assert redis.zrange(INDEX, 0, -1) == []
        assert redis.zrange(store.keys.parked_due, 0, -1, withscores=True) == [(b"a", 5.0)]
        assert redis.hget(store.keys.planned_job("a"), "data") == made.fields["data"]
        assert redis.ttl(store.keys.planned_job("a")) == -1

    @pytest.mark.parametrize("status", ENDED)
    def test_one_that_has_ended_is_replaced(self, redis: redis_py.Redis, store: Store, status: str) -> None:
        live(redis, status=status)
        redis.zadd("rq:finished:default", {"a": 5})
        redis.xadd("rq:results:a", {"x": 1})
        plan(redis, store)
        assert not redis.exists(store.keys.parked, store.keys.parked_due, "rq:finished:default", "rq:results:a")
        assert hand_off(store).fires.handed_off[0].id == "a"

    def test_a_pending_one_is_replaced(self, redis: redis_py.Redis, store: Store) -> None:
        plan(redis, store, due=5 * US)
        made = plan(redis, store, due=7 * US)
        assert redis.zrange(INDEX, 0, -1, withscores=True) == [(b"a", 7.0)]
        assert redis.hget("rq:job:a", "data") == made.fields["data"]
        assert not redis.exists(store.keys.parked)

    def test_a_retry_that_waits_for_its_time_is_live(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis, status="scheduled")
        redis.zadd("rq:scheduled:default", {"a": 2e9})
        plan(redis, store)
        assert is_parked(store)
        look(store)
        assert is_parked(store)
        redis.delete("rq:scheduled:default")
        assert look(store).count == 1

    def test_one_that_was_on_a_schedule_and_is_not_any_more_is_not(self, redis: redis_py.Redis, store: Store) -> None:
        """0.14's `cancel` leaves such a job."""
        live(redis, status="scheduled")
        plan(redis, store)
        assert store.find("a") is not None
        assert not is_parked(store)

    def test_a_foreign_series_that_runs_is_replaced(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis, status="started")
        execution(redis)
        redis.zadd(INDEX, {"a": 2e9})
        plan(redis, store)
        assert redis.zrange(INDEX, 0, -1) == []
        assert is_parked(store)

    def test_a_series_of_ours_that_runs_ends(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, recurring(redis, "a", now_us(redis) + HOUR))
        redis.hset("rq:job:a", "status", "queued")
        plan(redis, store)
        assert redis.zrange(INDEX, 0, -1) == []
        assert not redis.exists(store.keys.schedule("a"))
        assert redis.zrange(store.keys.ended, 0, -1) == [b"a"]
        end(redis)
        assert look(store).count == 1
        assert hand_off(store).fires.handed_off[0].id == "a"

    def test_a_series_is_put_in_its_place(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store)
        add(store, recurring(redis, "a", now_us(redis) + HOUR))
        assert not redis.exists(store.keys.parked, store.keys.parked_due, store.keys.planned_job("a"))

    def test_in_bulk(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis, "b")
        live(redis, "d", status="finished")
        store.save([entry(redis, id, US) for id in "abcd"])
        assert [id for id in "abcd" if is_parked(store, id)] == ["b"]
        assert redis.zcard(INDEX) == 3
        assert store.count() == 4

    def test_again_while_it_waits(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store, due=5 * US, ttl=60)
        made = plan(redis, store, due=7 * US)
        assert redis.zrange(store.keys.parked_due, 0, -1, withscores=True) == [(b"a", 7.0)]
        assert redis.hget(store.keys.planned_job("a"), "data") == made.fields["data"]
        assert redis.hget(store.keys.planned_job("a"), "ttl") is None

    def test_again_when_it_need_not_wait_any_more(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store)
        end(redis)
        plan(redis, store, due=7 * US)
        assert redis.zrange(INDEX, 0, -1, withscores=True) == [(b"a", 7.0)]
        assert not redis.exists(store.keys.parked, store.keys.parked_due, store.keys.planned_job("a"))

    def test_the_id_of_a_schedule_is_taken(self, redis: redis_py.Redis, store: Store) -> None:
        write_schedules(store, new(redis, "a", HOUR))
        live(redis)
        with pytest.raises(IdTaken):
            plan(redis, store)

    def test_dispatchers_are_told_of_the_first(self, redis: redis_py.Redis, store: Store) -> None:
        channel = redis.pubsub(ignore_subscribe_messages=True)
        channel.subscribe(store.keys.wakeup)
        channel.get_message(timeout=1)
        live(redis, "a")
        live(redis, "b")
        plan(redis, store, "a", due=now_us(redis) + HOUR)
        assert channel.get_message(timeout=5) is not None
        plan(redis, store, "b", due=now_us(redis) + HOUR)
        assert channel.get_message(timeout=0.1) is None
        channel.close()


class TestSentAgain:
    """redis-py sends a save again when its reply was lost."""

    def test_while_it_is_parked(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        made = plan(redis, store)
        look(store)
        before = snapshot(redis)
        store.save([made])
        assert snapshot(redis) == before

    def test_when_the_live_one_has_ended(self, redis: redis_py.Redis, store: Store) -> None:
        """It waits for the look, as it would have."""
        live(redis)
        made = plan(redis, store)
        end(redis)
        store.save([made])
        assert is_parked(store)
        assert look(store).count == 1

    def test_when_it_has_been_handed_off_itself(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        made = plan(redis, store)
        end(redis)
        look(store)
        hand_off(store)
        store.save([made])
        assert store.find("a") is None
        assert waiting(redis) == ["a"]

    def test_when_it_has_run_and_is_gone(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        made = plan(redis, store, result_ttl=0)
        end(redis)
        look(store)
        hand_off(store)
        redis.delete("rq:job:a", "rq:queue:default")
        store.save([made])
        assert store.find("a") is None

    def test_when_it_was_cancelled(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        made = plan(redis, store)
        store.cancel("a", 60)
        store.save([made])
        assert store.find("a") is None


class TestHasEnded:
    @pytest.mark.parametrize("status", ["finished", "failed", "stopped", "canceled"])
    def test_by_its_status(self, redis: redis_py.Redis, store: Store, status: str) -> None:
        live(redis)
        plan(redis, store)
        assert look(store).count == 0
        end(redis, status=status)
        assert look(store) == Released(1, 0, None)
        assert hand_off(store).fires.handed_off[0].id == "a"

    @pytest.mark.parametrize("status", ["deferred", "ready_to_enqueue", "rate_limited"])
    def test_one_that_waits_in_rq_is_waited_for(self, redis: redis_py.Redis, store: Store, status: str) -> None:
        live(redis, status=status)
        plan(redis, store)
        assert look(store).count == 0

    def test_a_started_one_by_its_execution(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis, status="started")
        execution(redis)
        plan(redis, store)
        assert look(store).count == 0
        execution(redis, expires=-1)
        assert look(store).count == 1
        assert not redis.exists("rq:executions:a", "rq:wip:default"), "RQ would take the next run for the dead one"

    def test_a_deleted_one(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store)
        Job.fetch("a", connection=redis).delete()
        assert look(store).count == 1
        assert hand_off(store).fires.handed_off[0].id == "a"

    def test_one_that_expired_in_its_queue(self, redis: redis_py.Redis, store: Store) -> None:
        """A worker that comes to its id there would run the planned one before its time."""
        live(redis)
        plan(redis, store)
        redis.delete("rq:job:a")
        redis.eval(FILL, 1, "rq:queue:default", *range(2100))
        assert look(store).count == 0, "until its queue can be looked through"
        redis.ltrim("rq:queue:default", 0, 0)
        assert look(store).count == 1
        assert waiting(redis) == []

    def test_one_whose_queue_was_deleted(self, redis: redis_py.Redis) -> None:
        """Seen to be in no list twice, a minute apart: while a worker takes it, it is nowhere for a moment."""
        store, now = Store(redis, clock=MANUAL_CLOCK), now_us(redis)

        def after(seconds: float) -> int:
            move_to(redis, now + int(seconds * US))
            return look(store).count

        move_to(redis, now)
        live(redis)
        plan(redis, store)
        assert [after(seconds) for seconds in (1, 59, 61, 122, 183)] == [0] * 5
        redis.delete("rq:queue:default")
        assert [after(seconds) for seconds in (184, 244, 245, 303)] == [0] * 4
        assert after(304) == 1

    def test_one_that_was_queued_again_meanwhile(self, redis: redis_py.Redis) -> None:
        store, now = Store(redis, clock=MANUAL_CLOCK), now_us(redis)
        move_to(redis, now)
        live(redis)
        redis.delete("rq:queue:default")
        plan(redis, store)
        for minute in range(1, 5):
            redis.hset("rq:job:a", "enqueued_at", f"2026-01-01T00:0{minute}:00.000000Z")
            move_to(redis, now + minute * 61 * US)
            assert look(store).count == 0

    def test_one_that_a_worker_has_in_its_hands(self, redis: redis_py.Redis) -> None:
        store, now = Store(redis, clock=MANUAL_CLOCK), now_us(redis)
        move_to(redis, now)
        live(redis)
        redis.delete("rq:queue:default")
        execution(redis, expires=3600)
        plan(redis, store)
        for minute in range(1, 5):
            move_to(redis, now + minute * 61 * US)
            assert look(store).count == 0

    def test_long_queues_are_not_looked_through_for_each(self, redis: redis_py.Redis) -> None:
        """One script does not look through all of ten long queues; those that are left have their turn."""
        store, now, ids = Store(redis, clock=MANUAL_CLOCK), now_us(redis), [f"a{n}" for n in range(10)]
        move_to(redis, now)
        for id in ids:
            live(redis, id, origin=f"q-{id}")
            redis.eval(
                "for i = 1, 50 do redis.call('RPUSH', KEYS[1], unpack(ARGV)) end", 1, f"rq:queue:q-{id}", *range(1000)
            )
            plan(redis, store, id)
        look(store)
        move_to(redis, now + 61 * US)
        looks = []
        for _ in range(6):
            redis.config_resetstat()
            look(store)
            looks.append(redis.info("commandstats").get("cmdstat_lpos", {"calls": 0})["calls"])
        assert looks == [4, 4, 4, 4, 4, 0], "two lists for each id"


class TestRelease:
    def release(self, redis: redis_py.Redis, store: Store, **options: Any) -> NewEntry:
        made = plan(redis, store, **options)
        end(redis)
        assert look(store).count == 1
        return made

    def test_it_is_what_was_planned(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis, group_id="g", retries_left=3)
        made = self.release(redis, store, due=5 * US, ttl=60)
        given = {name.encode(): value for name, value in made.fields.items()}
        found = redis.hgetall("rq:job:a")
        assert found.keys() == given.keys()
        assert found[b"data"] == given[b"data"]
        assert redis.zrange(INDEX, 0, -1, withscores=True) == [(b"a", 5.0)]
        assert not redis.exists(store.keys.parked, store.keys.parked_due, store.keys.planned_job("a"))

    def test_nothing_of_the_earlier_job_is_left(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store)
        job = Job.fetch("a", connection=redis)
        end(redis)
        redis.expire("rq:job:a", 500)
        FinishedJobRegistry("default", connection=redis).add(job, 500)
        FailedJobRegistry("default", connection=redis).add(job, 500)
        redis.hset("rq:job:a", "status", "finished")
        Result.create(job, Result.Type.SUCCESSFUL, ttl=500, return_value="old")
        redis.sadd("rq:job::a:dependencies", "b")
        redis.rpush("rq:queue:default:intermediate", "a")
        assert look(store).count == 1
        assert redis.ttl("rq:job:a") == -1
        assert {key for key in redis.keys("rq:*") if b"scheduler" not in key} == {b"rq:job:a"}
        hand_off(store)
        found = Job.fetch("a", connection=redis)
        assert (found.args, found.meta, found.result_ttl, found.return_value()) == (("new",), {}, None, None)

    def test_dependents_are_rqs_matter(self, redis: redis_py.Redis, store: Store) -> None:
        """Those that may run after a failure are enqueued when that is written already."""
        live(redis)
        redis.sadd("rq:job:a:dependents", "b")
        self.release(redis, store)
        assert redis.smembers("rq:job:a:dependents") == {b"b"}

    def test_a_late_heartbeat_does_not_delete_it(self, redis: redis_py.Redis, store: Store) -> None:
        """RQ's worker deletes the job if that creates the field."""
        live(redis)
        plan(redis, store)
        redis.hdel(store.keys.planned_job("a"), "last_heartbeat")
        end(redis)
        look(store)
        assert redis.hget("rq:job:a", "last_heartbeat") == b""
        hand_off(store)
        assert redis.hget("rq:job:a", "last_heartbeat") == b""

    def test_what_a_late_heartbeat_has_brought_back_is_not_built_on(self, redis: redis_py.Redis, store: Store) -> None:
        """Its worker deletes the key at once, whatever that is by then."""
        redis.hset("rq:job:a", "last_heartbeat", "now")
        plan(redis, store)
        assert look(store).count == 0
        assert 0 < redis.ttl("rq:job:a") <= 60, "should the worker die before it does"
        redis.delete("rq:job:a")
        assert look(store).count == 1

    def test_it_goes_to_its_queue_in_the_order_of_its_due_time(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store, due=5 * US)
        add(store, entry(redis, "b", 4 * US), entry(redis, "c", 6 * US))
        end(redis)
        look(store)
        assert [job.id for job in hand_off(store).fires.handed_off] == ["b", "a", "c"]

    def test_in_bounded_steps(self, redis: redis_py.Redis, store: Store) -> None:
        ids = [f"a{n}" for n in range(2 * LOOKED_AT + 5)]
        for id in ids:
            live(redis, id)
        store.save([entry(redis, id, US) for id in ids])
        for id in ids:
            redis.hset(f"rq:job:{id}", "status", "finished")
        redis.zadd(store.keys.parked, dict.fromkeys(ids, 0))
        steps = [store.release_parked() for _ in range(4)]
        assert [step.count for step in steps if isinstance(step, Released)] == [LOOKED_AT, LOOKED_AT, 5, 0]
        assert redis.zcard(INDEX) == len(ids)

    def test_a_look_comes_a_second_after_the_last(self, redis: redis_py.Redis) -> None:
        store, now = Store(redis, clock=MANUAL_CLOCK), 1_000 * US
        move_to(redis, now)
        live(redis)
        plan(redis, store)
        end(redis)
        assert store.release_parked() == Released(0, None, now + US)
        move_to(redis, now + US)
        assert store.release_parked() == Released(1, 0, None)

    def test_thousands_are_looked_at_more_seldom(self, redis: redis_py.Redis) -> None:
        store, now = Store(redis, clock=MANUAL_CLOCK), 1_000 * US
        move_to(redis, now)
        redis.zadd(store.keys.parked, {f"a{n}": 2000 for n in range(9_999)})
        live(redis)
        plan(redis, store)
        move_to(redis, now + US)
        store.release_parked()
        assert redis.zscore(store.keys.parked, "a") == 1_000 + 1 + 5

    def test_what_was_planned_and_was_deleted_by_hand_is_told(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store, due=5 * US)
        redis.delete(store.keys.planned_job("a"))
        assert look(store) == Released(0, None, None)
        assert store.held_entry("a") is not None
        assert not redis.exists(store.keys.parked_due)

    def test_behind_the_lock_of_0_14(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store)
        end(redis)
        redis.zadd(store.keys.parked, {"a": 0})
        redis.set(store.keys.fence, "a daemon of 0.14", px=60_000)
        before = snapshot(redis)
        assert isinstance(store.release_parked(), Fenced)
        assert snapshot(redis).keys() == before.keys()
        redis.set(store.keys.fence, FENCE_HOLDER)
        assert isinstance(store.release_parked(), Released)
        assert not is_parked(store)
        redis.delete(store.keys.fence)


class TestForeignEntries:
    """A 0.14 client knows of nothing parked: it writes job and entry of the id."""

    def foreign(self, redis: redis_py.Redis, due: float, created_at: str | None = None) -> None:
        job = make_job(redis, "a", args=("foreign",))
        changes = {} if created_at is None else {"created_at": created_at}
        redis.hset(job.key, mapping={**job.to_dict(), **changes})
        redis.zadd(INDEX, {"a": due})

    def test_a_later_one_replaces_what_is_parked(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis, status="started")
        execution(redis)
        plan(redis, store)
        self.foreign(redis, 7)
        assert look(store) == Released(0, None, None)
        assert redis.zrange(INDEX, 0, -1, withscores=True) == [(b"a", 7.0)]
        assert Job.fetch("a", connection=redis).args == ("foreign",)

    def test_an_earlier_one_is_replaced(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis, status="started")
        execution(redis)
        plan(redis, store, due=5 * US)
        self.foreign(redis, 7, created_at="2020-01-01T00:00:00.000000Z")
        assert look(store).count == 0, "the run that goes on"
        redis.delete("rq:executions:a", "rq:wip:default")
        assert look(store).count == 1
        assert redis.zrange(INDEX, 0, -1, withscores=True) == [(b"a", 5.0)]
        assert Job.fetch("a", connection=redis).args == ("new",)


class TestClients:
    def test_see_it(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        made = plan(redis, store, due=5 * US)
        stored = store.job("a")
        assert stored is not None
        assert (stored.due, stored.fields[b"data"]) == (5 * US, made.fields["data"])
        assert store.due_of("a") == 5 * US
        assert [store.count(until) for until in (None, 4 * US, 5 * US)] == [1, 0, 1]
        assert [job.due for page in store.pages() for job in page] == [5 * US]
        assert list(store.pages(until=4 * US)) == []

    def test_move_it(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store, due=5 * US)
        before = snapshot(redis, ours=False)
        assert store.reschedule("a", 9 * US)
        assert store.due_of("a") == 9 * US
        assert snapshot(redis, ours=False) == before

    def test_cancel_it(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store)
        before = snapshot(redis, ours=False)
        assert not store.cancel("a", 60, at_most=True), "there is no job of RQ's to delete"
        assert snapshot(redis, ours=False) == before
        assert store.find("a") is None
        assert not redis.exists(store.keys.parked, store.keys.parked_due, store.keys.planned_job("a"))

    def test_cancel_it_and_a_foreign_one(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store)
        TestForeignEntries().foreign(redis, 7)
        assert store.cancel("a", 60)
        assert store.find("a") is None

    def test_its_id_is_taken(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store)
        ((outcome, _),) = store.write_schedules([new(redis, "a", HOUR)])
        assert outcome == Written.PENDING

    def test_a_schedule_is_not_renamed_to_it(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store)
        write_schedules(store, new(redis, "s", HOUR))
        (stored,) = store.read_definitions(["s"])[1]
        assert stored is not None
        assert not store.rename_schedule(stored, "a")

    def test_what_is_in_quarantine_under_its_id_stays_there(self, redis: redis_py.Redis, store: Store) -> None:
        plan(redis, store)
        store.quarantine("a", 0, "on purpose")
        redis.hset("rq:job:a", "status", "queued")
        plan(redis, store)
        assert store.held_entry("a") is None, "it is replaced"
        plan(redis, store, "b")
        store.quarantine("b", 0, "on purpose")
        redis.zadd(store.keys.parked_due, {"b": 1})
        ((outcome, why),) = store.retry_entries(["b"])
        assert (outcome, "pending again" in why) == ("refused", True)

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 200])
    def test_read_pages_of_both_in_one_order(self, redis: redis_py.Redis, store: Store, size: int) -> None:
        dues = [3, 1, 2, 2, 5, 5, 4, 9, 2, 7, 7, 8]
        for n, due in enumerate(dues):
            if n % 3 == 0:
                live(redis, f"j{n:02}")
            plan(redis, store, f"j{n:02}", due * US)
        ordered = sorted((due * US, f"j{n:02}") for n, due in enumerate(dues))

        def read(**options: Any) -> list[tuple[int, str]]:
            return [(job.due, job.id) for page in store.pages(size=size, **options) for job in page]

        assert read() == ordered
        assert read(until=5 * US) == [each for each in ordered if each[0] <= 5 * US]
        for offset in range(len(dues) + 2):
            assert read(offset=offset, length=4) == ordered[offset : offset + 4]

    def test_a_read_never_writes(self, redis: redis_py.Redis, store: Store) -> None:
        live(redis)
        plan(redis, store)
        dirty = redis.info("persistence")["rdb_changes_since_last_save"]
        reads: list[Callable[[], Any]] = [
            *(lambda: store.find("a"), lambda: store.job("a"), store.count, lambda: list(store.pages())),
        ]
        for read in reads:
            read()
        assert redis.info("persistence")["rdb_changes_since_last_save"] == dirty
