"""What RQ, or the application, has to enqueue: dependencies, rate limits, queue classes, runs of schedules; races."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from rq import Queue, Worker
from rq.job import Job

from conftest import RunWorker
from making import (
    HOUR,
    INDEX,
    US,
    Told,
    add,
    counts_of_passes,
    dispatcher,
    entry,
    finish,
    history,
    move_to,
    now_us,
    record_of,
    recurring,
    waiting,
)
from making_schedules import fire, ids_of, job_fields, put_due
from queues_for_tests import Noting, WithoutPipeline
from rq_scheduler import Scheduler
from rq_scheduler.dispatcher import Hooks
from rq_scheduler.dispatcher.via_rq import ViaRQ
from rq_scheduler.jobs import JobCreator
from rq_scheduler.store import Store
from rq_scheduler.store.outcomes import Fenced
from rq_scheduler.store.via_rq import RunsViaRQ

VIA_RQ = "rq:scheduler:via_rq"


def via_rq(store: Store, told: Told, queue_class: type[Queue] = Queue) -> ViaRQ:
    store.take_fence()
    return ViaRQ(store, JobCreator(store.connection), queue_class, Hooks(), told, lambda: False)


def first_job(client: Any) -> Job:
    return Queue("first", connection=client).enqueue("jobs_for_tests.nothing", job_id="first")


class TestDependencies:
    def test_deferred_until_the_dependency_is_done(
        self, redis: redis_py.Redis, store: Store, run_worker: RunWorker
    ) -> None:
        first = first_job(redis)
        add(store, entry(redis, "a", now_us(redis) - 1, depends_on=first))
        assert dispatcher(redis).dispatch_once().handed_off == 1
        assert Job.fetch("a", connection=redis).get_status() == "deferred"
        assert redis.zrange("rq:deferred:default", 0, -1) == [b"a"]
        assert redis.smembers("rq:job:first:dependents") == {b"a"}
        assert (waiting(redis), redis.zcard(INDEX)) == ([], 0)
        run_worker("first", "default")
        assert Job.fetch("a", connection=redis).get_status() == "finished"

    def test_at_once_when_it_is_done_already(self, redis: redis_py.Redis, store: Store, run_worker: RunWorker) -> None:
        first = first_job(redis)
        add(store, entry(redis, "a", now_us(redis) - 1, depends_on=first))
        run_worker("first")
        dispatcher(redis).dispatch_once()
        assert waiting(redis) == ["a"]
        assert not redis.exists("rq:deferred:default")

    def test_of_a_recurring_job(self, redis: redis_py.Redis, store: Store) -> None:
        first = first_job(redis)
        nominal = now_us(redis) - 1000
        add(store, recurring(redis, "r", nominal, depends_on=first))
        one = dispatcher(redis)
        assert one.dispatch_once().handed_off == 1 or redis.exists("rq:deferred:default")
        assert Job.fetch("r", connection=redis).get_status() == "deferred"
        assert store.due_of("r") == nominal + 60 * US
        redis.zadd(INDEX, {"r": now_us(redis) / US - 0.001})
        one.dispatch_once()
        assert [line[0] for line in history(redis, "r")] == ["k", "e"], "it still waits for its dependency"


@pytest.mark.newest_only
class TestRateLimits:
    def test_through_the_limiter(self, redis: redis_py.Redis, store: Store) -> None:
        for id in ("a", "b"):
            made = entry(redis, id, now_us(redis) - 1)
            made.fields.update(rate_limit_key="k", rate_limit_concurrency=1)  # type: ignore[attr-defined]
            add(store, made)
        assert dispatcher(redis).dispatch_once().handed_off == 2
        assert waiting(redis) == ["a"]
        assert Job.fetch("b", connection=redis).get_status() == "rate_limited"
        assert redis.zcard(INDEX) == 0
        Worker(["default"], connection=redis).work(burst=True)
        assert Job.fetch("b", connection=redis).get_status() == "finished"

    def test_from_rqs_registry(self, redis: redis_py.Redis, store: Store) -> None:
        fields = {**entry(redis, "a", 0).fields, "rate_limit_key": "k", "rate_limit_concurrency": 1}
        redis.hset("rq:job:a", mapping=fields)
        redis.sadd("rq:queues", "rq:queue:default")
        redis.zadd("rq:scheduled:default", {"a": now_us(redis) / US - 1})
        assert dispatcher(redis).dispatch_once().handed_off == 1
        assert waiting(redis) == ["a"]
        assert redis.zcard("rq:scheduled:default") == 0


class TestQueueClasses:
    @pytest.mark.parametrize("name", ["Noting", "WithoutPipeline"])
    @pytest.mark.parametrize("kind", ["one-off", "recurring"])
    def test_the_recorded_one_is_used(self, redis: redis_py.Redis, store: Store, name: str, kind: str) -> None:
        make = entry if kind == "one-off" else recurring
        add(store, make(redis, "a", now_us(redis) - 1000, meta={"queue_class_name": f"queues_for_tests.{name}"}))
        one = dispatcher(redis)
        for _ in range(2):
            one.dispatch_once()
        assert waiting(redis) == ["a"]
        assert redis.lrange("test:noted", 0, -1) == [b"a"]
        assert redis.zcard(INDEX) == (kind == "recurring")
        assert redis.zcard(store.keys.claims) == 0

    @pytest.mark.parametrize("name", ["no.such.module.Queue", "queues_for_tests.Nothing", "queues_for_tests.Failing"])
    def test_one_that_cannot_be_used_is_put_off_and_holds_up_nobody(
        self, redis: redis_py.Redis, store: Store, told: Told, name: str
    ) -> None:
        now = now_us(redis) - 1000
        add(
            store,
            entry(redis, "bad", now, meta={"queue_class_name": name}),
            recurring(redis, "bad-too", now, meta={"queue_class_name": name}),
            entry(redis, "good", now + 1),
            recurring(redis, "r", now + 2),
        )
        assert dispatcher(redis, told).dispatch_once().handed_off == 2
        assert waiting(redis) == ["good", "r"]
        assert sorted(id for id, _ in told.delays) == ["bad", "bad-too"]
        assert store.due_of("bad") == now
        assert store.due_of("bad-too") == now + 60 * US, "its series goes on"
        assert redis.zrange(store.keys.via_rq, 0, -1) == [b"bad-too"]
        assert Job.fetch("bad", connection=redis).get_status() == "scheduled"

    def test_a_job_that_is_not_readable_holds_up_nobody(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        now = now_us(redis) - 1000
        first = first_job(redis)
        redis.set("rq:job:first:dependents", "a string")
        add(
            store,
            entry(redis, "bad", now),
            entry(redis, "worse", now, depends_on=first),
            entry(redis, "good", now + 1),
            entry(redis, "slow", now + 1, meta={"queue_class_name": "queues_for_tests.Noting"}),
            recurring(redis, "r", now + 2),
        )
        redis.hset("rq:job:bad", mapping={"dependency_ids": "no json", "dependency_id": "first"})
        dispatcher(redis, told).dispatch_once()
        assert sorted(waiting(redis)) == ["good", "r", "slow"]
        assert sorted(id for id, _ in told.delays) == ["bad", "worse"]

    def test_the_dispatchers_own_class(self, redis: redis_py.Redis, store: Store) -> None:
        add(store, entry(redis, "a", now_us(redis) - 2), recurring(redis, "r", now_us(redis) - 1))
        dispatcher(redis, queue_class=Noting).dispatch_once()
        assert sorted(waiting(redis)) == ["a", "r"]
        assert sorted(redis.lrange("test:noted", 0, -1)) == [b"a", b"r"]


def put_run(store: Store, id: str = "s", queue_class: str = "queues_for_tests.Noting") -> str:
    """A run of a schedule that waits for RQ's own code to enqueue it; its id."""
    job = job_fields(store.connection, slow=True, meta={"queue_class_name": queue_class})
    put_due(store, id, job=job)
    (run,) = ids_of(fire(store, id))
    return run


def take(store: Store, most: int = 10) -> RunsViaRQ:
    page = store.take_via_rq(most)
    assert not isinstance(page, Fenced)
    return page


def let_leases_end(client: Any, seconds: float) -> None:
    """In so many seconds from now."""
    client.zadd(VIA_RQ, dict.fromkeys(client.zrange(VIA_RQ, 0, -1), now_us(client) / US + seconds))


class TestRunsOfSchedules:
    """They wait in a set of their own; all that follows a fire has happened by then."""

    def test_in_the_pass_that_fires_them(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        put_due(store, job=job_fields(redis, slow=True, meta={"queue_class_name": "queues_for_tests.Noting"}))
        assert dispatcher(redis, told).dispatch_once().handed_off == 1
        (run,) = waiting(redis)
        assert redis.lrange("test:noted", 0, -1) == [run.encode()]
        assert told.ids == [run]
        assert (redis.zcard(VIA_RQ), redis.zcard(INDEX)) == (0, 0)

    @pytest.mark.parametrize("name", ["Noting", "WithoutPipeline"])
    def test_that_a_client_has_made(self, redis: redis_py.Redis, store: Store, name: str) -> None:
        run = put_run(store, queue_class=f"queues_for_tests.{name}")
        assert dispatcher(redis).dispatch_once().handed_off == 1
        assert redis.lrange("test:noted", 0, -1) == [run.encode()]
        assert waiting(redis) == [run]
        assert redis.zcard(VIA_RQ) == redis.zcard(store.keys.claims) == 0

    @pytest.mark.parametrize("removes", [True, False])
    def test_by_an_application_that_hands_off_itself(self, redis: redis_py.Redis, store: Store, removes: bool) -> None:
        run = put_run(store)
        scheduler = Scheduler(connection=redis)
        hook = scheduler.enqueue_job if removes else Queue(connection=redis).enqueue_job
        one = dispatcher(redis, hooks=Hooks(enqueue_job=hook))
        assert [one.dispatch_once().handed_off for _ in range(2)] == [1, 0]
        assert waiting(redis) == [run]
        assert redis.zcard(VIA_RQ) == redis.zcard(store.keys.claims) == 0

    def test_whose_meta_says_that_it_recurs_run_once_all_the_same(self, redis: redis_py.Redis, store: Store) -> None:
        """What a meta holds is the application's."""
        put_due(store, job=job_fields(redis, slow=True, meta={"interval": 60}))
        (run,) = ids_of(fire(store))
        one = dispatcher(redis, hooks=Hooks(enqueue_job=Scheduler(connection=redis).enqueue_job))
        one.dispatch_once()
        assert waiting(redis) == [run]
        assert redis.zcard(INDEX) == redis.zcard(VIA_RQ) == 0

    def test_are_counted_until_rq_has_them(self, redis: redis_py.Redis, store: Store) -> None:
        put_run(store)
        scheduler = Scheduler(connection=redis)
        assert take(store).taken
        assert scheduler.count() == scheduler.count(until=timedelta(0)) == 1
        assert scheduler.count(until=datetime.now(UTC) - timedelta(hours=1)) == 0
        let_leases_end(redis, 0)
        dispatcher(redis).dispatch_once()
        assert scheduler.count() == 0

    def test_those_that_cannot_be_enqueued_now_hide_nothing_and_come_again(
        self, redis: redis_py.Redis, store: Store, told: Told
    ) -> None:
        bad = {put_run(store, f"bad-{i:02}", "no.such.Queue") for i in range(25)}
        good = put_run(store, "good")
        one = dispatcher(redis, told)
        assert counts_of_passes(one) == [1]
        assert waiting(redis) == [good]
        assert ({id for id, _ in told.delays}, len(told.delays)) == (bad, 25)
        let_leases_end(redis, 2)
        redis.config_resetstat()
        one.dispatch_once()
        assert redis.info("commandstats").get("cmdstat_evalsha", {})["calls"] <= 2, "nobody asks for them meanwhile"
        let_leases_end(redis, 0)
        one.dispatch_once()
        assert len(told.delays) == 50

    def test_two_dispatchers_enqueue_different_ones_and_those_of_a_dead_one_come_back(
        self, redis: redis_py.Redis, store: Store, still: Store
    ) -> None:
        runs = [put_run(store, f"s{i}") for i in range(5)]
        now = now_us(redis)
        move_to(redis, now)
        first, second = take(still, 3), take(still, 3)
        assert [[run.id for run in page.taken] for page in (first, second)] == [runs[:3], runs[3:]]
        assert (first.more, second.more) == (True, False)
        for seconds, wanted in ((1.9, []), (2.1, runs)):
            move_to(redis, now + int(seconds * US))
            assert sorted(run.id for run in take(still).taken) == wanted

    def test_those_of_a_dead_one_a_burst_waits_for(self, redis: redis_py.Redis, store: Store) -> None:
        run = put_run(store)
        assert take(store).taken
        let_leases_end(redis, 0.3)
        dispatcher(redis).run(burst=True)
        assert waiting(redis) == [run]

    def test_one_that_is_stopped_gives_back_at_once_what_it_does_not_get_to(
        self, redis: redis_py.Redis, store: Store
    ) -> None:
        runs = [put_run(store, f"s{i}") for i in range(3)]
        one = dispatcher(redis, hooks=Hooks(enqueue_job=lambda job: one.request_stop()))
        with pytest.raises(SystemExit):
            one.run()
        assert [run.id for run in take(store).taken] == runs[1:]

    def test_one_that_was_taken_by_another_meanwhile_is_left_to_it(
        self, redis: redis_py.Redis, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_run(store)

        def slept(self: Store, *args: int) -> Any:
            page = monkeypatch.undo() or take(store)
            redis.zadd(VIA_RQ, {page.taken[0].id: now_us(redis) / US + 60})
            return page

        monkeypatch.setattr(Store, "take_via_rq", slept)
        assert dispatcher(redis, told).dispatch_once().handed_off == 0
        assert (waiting(redis), told.delays) == ([], [])

    def test_a_foreign_lock(self, redis: redis_py.Redis, store: Store) -> None:
        put_run(store)
        redis.set(store.keys.fence, "a 0.14 daemon", ex=60)
        assert isinstance(store.take_via_rq(10), Fenced)
        assert dispatcher(redis).dispatch_once().handed_off == 0
        assert waiting(redis) == []

    def test_canceled_through_rq_it_is_let_go(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        run = put_run(store)
        Job.fetch(run, connection=redis).cancel()
        dispatcher(redis, told).dispatch_once()
        assert [(drop.id, drop.reason) for drop in told.drops] == [(run, "canceled")]
        assert (waiting(redis), redis.zcard(VIA_RQ)) == ([], 0)
        assert redis.ttl(f"rq:job:{run}") > 0

    def test_canceled_by_a_client(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        run = put_run(store)
        Scheduler(connection=redis).cancel(run)
        assert redis.zcard(VIA_RQ) == 0
        assert Job.fetch(run, connection=redis).get_status() == "canceled"
        assert dispatcher(redis, told).dispatch_once().handed_off == 0
        assert (waiting(redis), told.drops) == ([], [])

    @pytest.mark.parametrize("fault", ["job", "queue"])
    def test_what_nothing_can_enqueue_goes_into_quarantine_and_comes_back_from_there(
        self, redis: redis_py.Redis, store: Store, told: Told, fault: str
    ) -> None:
        run = put_run(store)
        key = f"rq:job:{run}" if fault == "job" else "rq:queue:default"
        kept = redis.dump(key)
        redis.delete(key)
        if fault == "queue":
            redis.set(key, "a string")
        one = dispatcher(redis, told)
        one.dispatch_once()
        assert [drop.id for drop in told.drops] == [run]
        assert key in told.drops[0].reason
        scheduler = Scheduler(connection=redis)
        (held,) = scheduler.quarantine
        assert (held.id, held.kind) == (run, "run of a schedule")
        redis.delete(key)
        if kept is not None:
            redis.restore(key, 0, kept)
        scheduler.quarantine.retry(run)
        assert one.dispatch_once().handed_off == 1
        assert waiting(redis) == [run]

    def test_an_id_that_is_planned_again_meanwhile_waits_for_its_end(self, redis: redis_py.Redis, store: Store) -> None:
        run = put_run(store)
        Scheduler(connection=redis).enqueue_in(timedelta(hours=1), "jobs_for_tests.echo", 2, job_id=run)
        assert (redis.zcard(VIA_RQ), redis.zcard(INDEX)) == (1, 0)
        assert dispatcher(redis).dispatch_once().handed_off == 1
        assert Job.fetch(run, connection=redis).func_name == "jobs_for_tests.nothing"

    def test_one_that_an_older_version_left_among_the_one_offs(self, redis: redis_py.Redis, store: Store) -> None:
        run = put_run(store)
        redis.zadd(INDEX, {run: now_us(redis) / US})
        redis.zrem(VIA_RQ, run)
        assert dispatcher(redis).dispatch_once().handed_off == 1
        assert waiting(redis) == [run]

    def test_the_record_of_a_job_of_that_id_stays_as_it_is(self, redis: redis_py.Redis, store: Store) -> None:
        """What follows a run was written when it was made."""
        due = now_us(redis) + HOUR
        add(store, recurring(redis, "r", due, meta={"queue_class_name": "queues_for_tests.Noting"}))
        redis.zadd(VIA_RQ, {"r": now_us(redis) / US})
        before = redis.hgetall(store.keys.schedule("r"))
        assert dispatcher(redis).dispatch_once().handed_off == 1
        assert waiting(redis) == ["r"]
        assert (redis.hgetall(store.keys.schedule("r")), store.due_of("r")) == (before, due)


class _Meddling(Queue):
    """Somebody else acts between the look at the entry and the transaction."""

    meddle: Any = None

    def enqueue_job(self, job: Job, pipeline: Any = None, at_front: bool = False, **options: Any) -> Job:
        act, _Meddling.meddle = _Meddling.meddle, None
        if act is not None:
            act()
        return super().enqueue_job(job, pipeline=pipeline, at_front=at_front, **options)


class TestRaces:
    """Whatever happens meanwhile: the transaction commits whole, or not at all."""

    @pytest.mark.parametrize("change", ["canceled", "moved", "replaced"])
    def test_a_client(self, redis: redis_py.Redis, store: Store, told: Told, change: str) -> None:
        due = now_us(redis) - 1000
        add(store, entry(redis, "a", due))
        other = Store(redis)
        _Meddling.meddle = {
            "canceled": lambda: other.cancel("a", 60),
            "moved": lambda: other.reschedule("a", due + HOUR),
            "replaced": lambda: add(other, entry(redis, "a", due + HOUR, description="new")),
        }[change]
        path = via_rq(store, told, _Meddling)
        done = path.hand_off("a", due, INDEX)
        assert not done
        assert not told.delays
        assert waiting(redis) == []
        assert store.due_of("a") == (None if change == "canceled" else due + HOUR)
        assert redis.hget("rq:job:a", "status") == (b"canceled" if change == "canceled" else b"scheduled")
        if change == "replaced":
            assert redis.hget("rq:job:a", "description") == b"new"

    def test_another_dispatcher(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        due = now_us(redis) - 1000
        add(store, entry(redis, "a", due))
        other = via_rq(Store(redis), Told())
        _Meddling.meddle = lambda: other.hand_off("a", due, INDEX)
        assert not via_rq(store, told, _Meddling).hand_off("a", due, INDEX)
        assert waiting(redis) == ["a"]
        assert redis.zcard(INDEX) == 0

    def test_canceled_through_rq(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        due = now_us(redis) - 1000
        add(store, entry(redis, "a", due, meta={"queue_class_name": "queues_for_tests.Noting"}))
        _Meddling.meddle = lambda: Job.fetch("a", connection=redis).cancel()
        dispatcher(
            redis, told, hooks=Hooks(get_queue_for_job=lambda job: _Meddling("default", connection=redis))
        ).dispatch_once()
        dispatcher(redis, told).dispatch_once()
        assert waiting(redis) in ([], ["a"])
        status = Job.fetch("a", connection=redis).get_status()
        assert status == ("queued" if waiting(redis) else "canceled"), "the status and the queue say the same"

    def test_an_edit_is_not_overwritten(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        due = now_us(redis) - 1000
        add(store, entry(redis, "a", due))
        _Meddling.meddle = lambda: redis.hset("rq:job:a", "description", "edited meanwhile")
        path = via_rq(store, told, _Meddling)
        if not path.hand_off("a", due, INDEX):
            assert path.hand_off("a", due, INDEX)
        assert waiting(redis) == ["a"]
        assert redis.hget("rq:job:a", "description") == b"edited meanwhile"

    def test_replaced_for_the_same_moment_between_read_and_watch(
        self, redis: redis_py.Redis, store: Store, told: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """RQ writes the whole hash: the job as it was would run instead of the one that replaced it."""
        due = now_us(redis) - 1000

        def replaced_afterwards(self: Store, id: str) -> Any:
            monkeypatch.undo()
            fields = self.job_fields(id)
            add(store, entry(redis, "a", due, func="jobs_for_tests.echo", args=(2,)))
            return fields

        add(store, entry(redis, "a", due, func="jobs_for_tests.echo", args=(1,)))
        monkeypatch.setattr(Store, "job_fields", replaced_afterwards)
        one = dispatcher(redis, told, queue_class=Noting)
        assert [one.dispatch_once().handed_off for _ in range(2)] == [1, 0]
        assert waiting(redis) == ["a"]
        assert Job.fetch("a", connection=redis).args == (2,)
        assert not told.delays

    def test_a_foreign_fence(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        due = now_us(redis) - 1000
        add(store, entry(redis, "a", due))
        path = via_rq(store, told, _Meddling)
        _Meddling.meddle = lambda: redis.set(store.keys.fence, "a 0.14 daemon", ex=60)
        assert not path.hand_off("a", due, INDEX)
        assert not path.hand_off("a", due, INDEX)
        assert waiting(redis) == []
        assert store.due_of("a") == due

    def test_renewals_of_the_fence_do_not_starve_it(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        due = now_us(redis) - 1000
        add(store, entry(redis, "a", due))
        _Meddling.meddle = lambda: Store(redis).serve_registries(b"0", 1, "hold")
        assert via_rq(store, told, _Meddling).hand_off("a", due, INDEX)
        assert waiting(redis) == ["a"]


class TestARecurringOne:
    def _run(self, client: redis_py.Redis, told: Told) -> None:
        assert dispatcher(client, told, queue_class=Noting).dispatch_once().handed_off == 1, told.delays

    def test_twice_is_once(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000))
        self._run(redis, told)
        assert dispatcher(redis, told, queue_class=Noting).dispatch_once().handed_off == 0
        assert waiting(redis) == ["r"]
        assert redis.zcard(store.keys.via_rq) == 0

    def test_keeps_the_same_account_as_the_script(self, redis: redis_py.Redis, store: Store, told: Told) -> None:
        nominal = now_us(redis) - 150 * US
        add(store, recurring(redis, "r", nominal))
        self._run(redis, told)
        enqueued, missed = history(redis, "r")
        assert (enqueued[0], enqueued[1], missed[0], missed[3]) == ("e", str(nominal + 120 * US), "x", "2")
        record = redis.hgetall(store.keys.schedule("r"))
        assert (record[b"runs"], record[b"missed"], record[b"mark"]) == (b"1", b"2", str(nominal + 120 * US).encode())
        assert store.due_of("r") == nominal + 180 * US

    @pytest.mark.parametrize("last", [False, True])
    def test_starts_afresh(self, redis: redis_py.Redis, store: Store, told: Told, last: bool) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000, meta={"repeat": 1} if last else None))
        redis.hset(store.keys.schedule("r"), "retries", 3)
        redis.hset(
            "rq:job:r",
            mapping={"status": "failed", "ended_at": "2026-01-01T00:00:00.000000Z", "exc_info": "x", "retries_left": 0},
        )
        redis.zadd("rq:failed:default", {"r": 5})
        redis.expire("rq:job:r", 60)
        self._run(redis, told)
        fields = redis.hgetall("rq:job:r")
        assert (fields[b"ended_at"], fields[b"retries_left"], fields.get(b"exc_info")) == (b"", b"3", None)
        assert redis.ttl("rq:job:r") == -1
        assert redis.zcard("rq:failed:default") == 0
        assert redis.zcard(INDEX) == (not last)

    def test_by_a_client_without_conditions(self, redis: redis_py.Redis, store: Store) -> None:
        due = now_us(redis) + HOUR
        add(store, recurring(redis, "r", due))
        job = Job.fetch("r", connection=redis)
        store.hand_off_via_rq(job, Queue(connection=redis), next_due=due + 60 * US)
        assert waiting(redis) == ["r"]
        assert store.due_of("r") == due + 60 * US
        finish(redis, "r")
        store.hand_off_via_rq(Job.fetch("r", connection=redis), Queue(connection=redis))
        assert redis.zcard(INDEX) == 0
        assert not redis.exists(store.keys.schedule("r"))

    @pytest.mark.parametrize("queue_class", [Noting, WithoutPipeline])
    def test_repeat_counts_down_though_the_meta_cannot_be_read(
        self, redis: redis_py.Redis, store: Store, told: Told, queue_class: type[Queue]
    ) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000, meta={"repeat": 3}))
        unreadable = b"cno_such_module\nThing interval\n."
        redis.hset("rq:job:r", "meta", unreadable)
        redis.hset(store.keys.schedule("r"), "meta", unreadable)
        one = dispatcher(redis, told, queue_class=queue_class)
        for left in (2, 1, None):
            assert one.dispatch_once().handed_off == 1, told.delays
            assert redis.hget("rq:job:r", "meta") == unreadable
            if left is not None:
                assert record_of(store, "r").repeat == left
            finish(redis, "r")
            redis.zadd(INDEX, {"r": now_us(redis) / US - 0.001}, xx=True)
        assert redis.zcard(INDEX) == 0
        assert not redis.exists(store.keys.schedule("r"))

    def test_what_a_killed_worker_left_does_not_hit_the_next_run(
        self, redis: redis_py.Redis, store: Store, told: Told
    ) -> None:
        add(store, recurring(redis, "r", now_us(redis) - 1000))
        redis.hset("rq:job:r", "status", "started")
        redis.zadd("rq:executions:r", {"dead": now_us(redis) / US + 60})
        redis.zadd("rq:wip:default", {"r:dead": now_us(redis) / US - 1})
        assert dispatcher(redis, told, queue_class=Noting).dispatch_once().handed_off == 1
        assert not redis.exists("rq:wip:default", "rq:executions:r")

    def test_a_client_that_defines_it_anew_meanwhile_doubles_nothing(
        self, redis: redis_py.Redis, store: Store, told: Told
    ) -> None:
        one = dispatcher(redis, told, queue_class=Noting)
        for _ in range(3):
            add(store, recurring(redis, "r", now_us(redis) - 1000))
            one.dispatch_once()
        assert waiting(redis) == ["r"]
        assert [outcome for _, _, outcome in told.skips] == ["skipped", "skipped"]
