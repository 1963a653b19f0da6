"""`scheduler.quarantine`: what is there is listed, and goes back whole."""

import json
import pickle
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_py
from rq.job import Job

from faults.holding import KEY, RQ_REGISTRY, mend, one_off, recurring_job, rqs_own, serve
from making import (
    HOUR,
    INDEX,
    US,
    add,
    dispatcher,
    entry,
    finish,
    make_job,
    now_us,
    record_of,
    recurring,
    snapshot,
    waiting,
)
from making_schedules import put_due
from rq_scheduler import Every, Quarantined, Scheduler
from rq_scheduler.client.quarantine import Quarantine
from rq_scheduler.dispatcher import Options
from rq_scheduler.errors import IdTaken, RetryRefused
from rq_scheduler.model import Spec
from rq_scheduler.store import Store
from rq_scheduler.triggers import Cron
from support import PATIENCE


class TestLooking:
    def test_what_it_says_of_each_kind(
        self, redis: redis_py.Redis, store: Store, scheduler: Scheduler, held: Quarantine
    ) -> None:
        began = now_us(redis)
        due = one_off(redis, store, "one")
        recurring_job(redis, store, "job", spec=Spec(trigger=Every(60)))
        rqs_own(redis, "rq")
        nominal = put_due(store, "schedule")
        redis.delete(store.keys.template("schedule"))
        serve(redis)
        found = {each.id: each for each in held}
        assert {id: each.kind for id, each in found.items()} == {
            "one": "one-off",
            "job": "recurring job",
            "rq": "rq's scheduled job",
            "schedule": "schedule",
        }
        assert [found[id].queue for id in ("one", "job", "rq")] == ["odd", "odd", "default"]
        assert len(held) == 4
        assert found["one"].reason == "the key rq:queue:odd is not the list of a queue"
        assert found["one"].due == datetime.fromtimestamp(due / US, UTC)
        assert found["schedule"].due == datetime.fromtimestamp(nominal / US, UTC)
        for each in found.values():
            assert each.at is not None
            assert timedelta() <= each.at - datetime.fromtimestamp(began / US, UTC) < timedelta(minutes=1)
            assert held.get(each.id) == each
            assert each.id in held

    def test_an_empty_one(self, held: Quarantine) -> None:
        assert (list(held), len(held), bool(held), held.get("a"), "a" in held, 7 in held) == (
            [],
            0,
            True,
            None,
            False,
            False,
        )
        assert (held.retry("a"), held.purge("a"), held.purge_all()) == (False, False, 0)
        assert (held.retry_all().retried, held.retry_all().refused) == ((), {})

    @pytest.mark.parametrize("client", ["plain", "decoding"])
    def test_thousands_a_page_a_round_trip(self, redis: redis_py.Redis, store: Store, client: str) -> None:
        redis.zadd(INDEX, {f"gone-{n}": n for n in range(3000)})
        serve(redis)
        other = redis_py.Redis(
            port=redis.connection_pool.connection_kwargs["port"], decode_responses=client == "decoding"
        )
        with other:
            redis.config_resetstat()
            found = list(Scheduler(connection=other).quarantine)
            assert redis.info("commandstats")["cmdstat_hscan"]["calls"] < 3000 / 100
        assert {each.id for each in found} == {f"gone-{n}" for n in range(3000)}
        assert found[0].due is not None

    @pytest.mark.parametrize(
        "raw",
        [b"", b"no json", b"[]", b"7", b"null", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"reason": 1}',
         b'"' + b"x" * 10**6,
         b'{"reason":"r","at":"x","due":"1","index":"i","queue":null}',
         b'{"reason":"r","at":"1","due":null,"index":[],"queue":{}}',
         b'{"reason":"r","at":"1e999","due":"nan","index":"rq:scheduler:scheduled_jobs","queue":{}}'],
    )  # fmt: skip
    def test_what_others_wrote_there(self, redis: redis_py.Redis, store: Store, held: Quarantine, raw: bytes) -> None:
        one_off(redis, store, "good")
        mend(redis)
        redis.hset(KEY, b"\xfe bad", raw)
        bad = held.get("\udcfe bad")
        assert isinstance(bad, Quarantined)
        assert bad.kind == "unknown"
        assert "cannot be read" in bad.reason
        assert {each.id for each in held} == {"good", "\udcfe bad"}
        assert held.retry_all().retried == ("good",)
        with pytest.raises(RetryRefused, match="not ours, and does not say where it came from"):
            held.retry(bad.id)
        assert held.purge_all(older_than=0) == 0, "it does not say how old it is"
        assert held.purge(bad.id)
        assert len(held) == 0

    def test_times_that_no_calendar_has(self, redis: redis_py.Redis, held: Quarantine) -> None:
        redis.zadd(INDEX, {"gone": "-inf"})
        serve(redis)
        found = held.get("gone")
        assert found is not None
        assert (found.due, found.kind) == (None, "one-off")


class TestRetry:
    def test_a_one_off_is_handed_off_at_once(self, redis: redis_py.Redis, store: Store, held: Quarantine) -> None:
        due = one_off(redis, store)
        mend(redis)
        before = snapshot(redis)
        assert held.retry("a")
        assert (len(held), store.due_of("a")) == (0, due)
        after = snapshot(redis)
        assert set(before) - set(after) == {KEY.encode()}
        assert {key for key in after if after[key] != before.get(key)} == {INDEX.encode(), b"rq:scheduler:audit"}
        assert serve(redis).ids == ["a"]
        assert waiting(redis, "odd") == ["a"]
        assert not held.retry("a")

    def test_what_is_due_later_waits_for_its_time(self, redis: redis_py.Redis, store: Store, held: Quarantine) -> None:
        one_off(redis, store)
        mend(redis)
        record = json.loads(redis.hget(KEY, "a"))  # type: ignore[arg-type]
        later = now_us(redis) + HOUR
        redis.hset(KEY, "a", json.dumps({**record, "due": f"{later / US:.6f}"}))
        assert held.retry("a")
        assert serve(redis).ids == []
        assert store.due_of("a") == later

    def test_wakes_the_dispatchers(self, redis: redis_py.Redis, store: Store, held: Quarantine) -> None:
        one_off(redis, store)
        mend(redis)
        with redis.pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(store.keys.wakeup)
            channel.get_message(timeout=PATIENCE)
            held.retry("a")
            assert channel.get_message(timeout=PATIENCE) is not None

    def test_a_job_of_rqs_own_scheduler(self, redis: redis_py.Redis, held: Quarantine) -> None:
        rqs_own(redis)
        assert held.retry("a")
        assert redis.zscore(RQ_REGISTRY, "a") is not None
        assert serve(redis).ids == ["a"]
        assert redis.zcard(RQ_REGISTRY) == 0

    def test_a_job_of_rqs_own_scheduler_that_is_long_overdue_is_not_held(
        self, redis: redis_py.Redis, held: Quarantine
    ) -> None:
        """What was due for over an hour when a dispatcher took the registry on is held; this was asked for."""
        job = make_job(redis, "old")
        redis.hset(job.key, mapping=job.to_dict())
        redis.zadd(RQ_REGISTRY, {"old": 5})
        redis.sadd("rq:queues", "rq:queue:default")
        one = dispatcher(redis)
        one.dispatch_once()
        assert waiting(redis) == []
        redis.zrem(RQ_REGISTRY, "old")
        record = {"reason": "r", "at": "1", "due": "5", "index": RQ_REGISTRY, "queue": "default"}
        redis.hset(KEY, "old", json.dumps(record))
        assert held.retry("old")
        dispatcher(redis).dispatch_once()
        assert waiting(redis) == ["old"]

    def test_a_schedule_is_resumed(
        self, redis: redis_py.Redis, scheduler: Scheduler, store: Store, held: Quarantine
    ) -> None:
        scheduler.schedules.put("s", Every("1h"), "jobs_for_tests.nothing")
        redis.zadd(store.keys.due_schedules, {"s": now_us(redis) / US - 1})
        template = redis.dump(store.keys.template("s"))
        redis.delete(store.keys.template("s"))
        serve(redis)
        assert scheduler.schedules["s"].paused
        with pytest.raises(RetryRefused, match="its job template is gone: put the schedule again"):
            held.retry("s")
        redis.restore(store.keys.template("s"), 0, template)  # type: ignore[arg-type]
        assert held.retry("s")
        stored = scheduler.schedules["s"]
        assert (len(held), stored.paused, stored.note) == (0, False, "")
        assert stored.next_run_at is not None
        assert redis.zscore(store.keys.due_schedules, "s") is not None

    def test_a_schedule_that_was_put_again_meanwhile(
        self, redis: redis_py.Redis, scheduler: Scheduler, store: Store, held: Quarantine
    ) -> None:
        redis.zadd(store.keys.due_schedules, {"s": 5})
        serve(redis)
        with pytest.raises(RetryRefused, match="no such schedule any more"):
            held.retry("s")
        scheduler.schedules.put("s", Every("1h"), "jobs_for_tests.nothing")
        assert len(held) == 0, "what was put anew is mended"

    def test_all_at_once(self, redis: redis_py.Redis, store: Store, held: Quarantine) -> None:
        redis.set("rq:queue:odd", "no list")
        due = now_us(redis) - US
        add(store, *(entry(redis, f"j{n:03}", due, origin="odd") for n in range(450)))
        add(store, *(entry(redis, f"gone-{n}", due) for n in range(3)))
        for n in range(3):
            redis.delete(f"rq:job:gone-{n}")
        serve(redis)
        assert len(held) == 453
        mend(redis)
        done = held.retry_all()
        assert sorted(done.retried) == [f"j{n:03}" for n in range(450)]
        assert done.refused == {
            f"gone-{n}": f"its job is gone: rq:job:gone-{n} was deleted, or expired" for n in range(3)
        }
        assert sorted(serve(redis).ids) == sorted(done.retried)
        assert len(held) == 3


class TestARecurringJob:
    """Its record is kept beside: what adoption could not know again comes back with it."""

    SPEC = Spec(trigger=Cron("0 5 * * *", "Asia/Tokyo"), overlap="buffer_one", catchup="all", jitter="1s")

    def test_comes_back_with_zone_and_policies(self, redis: redis_py.Redis, store: Store, held: Quarantine) -> None:
        due = recurring_job(redis, store, spec=self.SPEC, meta={"cron_string": "0 5 * * *", "repeat": 3})
        assert not redis.exists(store.keys.schedule("a"))
        assert store.count_schedules() == 0, "it is not among the schedules"
        mend(redis)
        assert held.retry("a")
        record = record_of(store, "a")
        assert (record.due, record.repeat) == (due, 3)
        assert store.count_schedules() == 1
        assert serve(redis).ids == ["a"]
        assert record_of(store, "a").repeat == 2
        assert b"Asia/Tokyo" in record_of(store, "a").spec
        assert b"buffer_one" in record_of(store, "a").spec
        assert not redis.exists(store.keys.quarantined("a"))

    def test_goes_on(self, redis: redis_py.Redis, store: Store, held: Quarantine) -> None:
        due = recurring_job(redis, store, spec=Spec(trigger=Every(60)))
        mend(redis)
        held.retry("a")
        serve(redis)
        assert store.due_of("a") == due + 60 * US

    def test_whose_id_has_become_another_job_stays(self, redis: redis_py.Redis, store: Store, held: Quarantine) -> None:
        """RQ's clients ask nobody whether an id is free."""
        recurring_job(redis, store, spec=Spec(trigger=Every(60)), result_ttl=-1)
        mend(redis)
        redis.hset("rq:job:a", mapping={**make_job(redis, "a").to_dict(), "status": "queued"})
        redis.rpush("rq:queue:default", "a")
        with pytest.raises(RetryRefused, match="another by now"):
            held.retry("a")
        assert waiting(redis) == ["a"]
        before = redis.hgetall("rq:job:a")
        assert held.purge("a")
        assert (redis.hgetall("rq:job:a"), redis.ttl("rq:job:a")) == (before, -1)

    def test_that_is_scheduled_anew_is_replaced(
        self, redis: redis_py.Redis, store: Store, held: Quarantine, scheduler: Scheduler
    ) -> None:
        recurring_job(redis, store, spec=Spec(trigger=Every(60)))
        mend(redis)
        scheduler.enqueue_at(datetime.now(UTC), "jobs_for_tests.nothing", job_id="a")
        assert (len(held), redis.exists(store.keys.quarantined("a"))) == (0, 0)
        assert serve(redis).ids == ["a"]
        assert not held.retry("a")

    @pytest.mark.parametrize("gone", ["expired between two runs", "about to expire"])
    def test_outlives_its_job(self, redis: redis_py.Redis, store: Store, held: Quarantine, gone: str) -> None:
        due = now_us(redis) - US
        add(store, recurring(redis, "a", due, origin="odd", result_ttl=500, meta={"note": "x"}))
        if gone == "about to expire":
            redis.expire("rq:job:a", 1)
        else:
            redis.delete("rq:job:a")
        redis.set("rq:queue:odd", "no list")
        serve(redis)
        assert redis.ttl("rq:job:a") == -1
        mend(redis)
        assert held.retry("a")
        assert serve(redis).ids == ["a"]
        job = Job.fetch("a", connection=redis)
        assert (job.meta["note"], job.func_name) == ("x", "jobs_for_tests.nothing")
        assert store.due_of("a") == due + 60 * US

    def test_whose_record_cannot_be_read_is_adopted_anew(
        self, redis: redis_py.Redis, store: Store, held: Quarantine
    ) -> None:
        due = now_us(redis) - US
        add(store, recurring(redis, "a", due))
        redis.hset(store.keys.schedule("a"), "spec", "no json")
        serve(redis)
        assert held.retry("a")
        assert serve(redis).ids == ["a"]
        assert store.due_of("a") == due + 60 * US

    def test_that_was_never_adopted(self, redis: redis_py.Redis, store: Store, held: Quarantine) -> None:
        due = now_us(redis) - US
        add(store, entry(redis, "a", due, meta={"interval": 60}, result_ttl=-1))
        dispatcher(redis, options=Options(adopt=False)).dispatch_once()
        found = held.get("a")
        assert found is not None
        assert found.kind == "recurring job"
        assert held.retry("a")
        assert serve(redis).ids == ["a"]
        assert store.due_of("a") == due + 60 * US

    def test_an_older_record_is_not_taken_for_its_own(
        self, redis: redis_py.Redis, store: Store, held: Quarantine
    ) -> None:
        recurring_job(redis, store, spec=Spec(trigger=Every(60)))
        add(store, entry(redis, "a", now_us(redis) - US, origin="odd"))
        serve(redis)
        found = held.get("a")
        assert found is not None
        assert found.kind == "one-off"
        mend(redis)
        assert held.retry("a")
        assert serve(redis).ids == ["a"]
        assert (store.due_of("a"), store.count_schedules()) == (None, 0)
        assert not redis.exists(store.keys.quarantined("a"))


def test_a_job_that_is_edited_in_quarantine_runs_as_it_is(
    redis: redis_py.Redis, store: Store, held: Quarantine
) -> None:
    """Mending a recurring job mostly means to save it again: then what its meta says by now counts."""
    due = recurring_job(redis, store, spec=Spec(trigger=Every(60)))
    redis.hset("rq:job:a", mapping={"origin": "default", "meta": pickle.dumps({"interval": 5})})
    assert held.retry("a")
    assert serve(redis).ids == ["a"]
    assert waiting(redis) == ["a"]
    finish(redis, "a")
    assert store.due_of("a") == due + 5 * US


@pytest.mark.parametrize("kind", ["one-off", "recurring"])
def test_no_schedule_takes_its_id(
    redis: redis_py.Redis, store: Store, held: Quarantine, scheduler: Scheduler, kind: str
) -> None:
    if kind == "one-off":
        one_off(redis, store)
    else:
        recurring_job(redis, store, spec=Spec(trigger=Every(60)))
    before = snapshot(redis)
    with pytest.raises(IdTaken, match="belongs to a job in quarantine: retry or purge it"):
        scheduler.schedules.put("a", Every(60), "jobs_for_tests.nothing")
    assert snapshot(redis) == before
    mend(redis)
    held.purge("a")
    assert scheduler.schedules.put("a", Every(60), "jobs_for_tests.nothing").id == "a"
