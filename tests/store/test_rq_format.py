"""What our scripts write, field by field, against what RQ itself writes for the same job."""

import itertools
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from rq import Callback, Queue, Retry
from rq.job import Job
from rq.registry import (
    CanceledJobRegistry,
    DeferredJobRegistry,
    FailedJobRegistry,
    FinishedJobRegistry,
    ScheduledJobRegistry,
)
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

import jobs_for_tests
from making import (
    US,
    State,
    Told,
    add,
    age,
    fire_job,
    hand_off,
    make_job,
    now_us,
    rq_enqueue,
    snapshot,
    waiting,
)
from making_schedules import due_again, fire, ids_of
from rq_scheduler import Scheduler
from rq_scheduler.dispatcher import Hooks
from rq_scheduler.dispatcher.via_rq import ViaRQ
from rq_scheduler.jobs import JobCreator
from rq_scheduler.model import Spec
from rq_scheduler.store import NewEntry, Store
from rq_scheduler.store.rq_format import wants_front
from rq_scheduler.triggers import Every

Fields = dict[str, Any]

KNOWS_FRONT_ON_RETRY = hasattr(Job, "should_enqueue_at_front")
"""Older RQs leave `enqueue_at_front_on_retry`, which a newer client must have written, out of account; we do not."""


def _fresh(client: Any, **options: Any) -> Fields:
    return make_job(client, "job-1", **options).to_dict()


def _at_front(client: Any) -> Fields:
    return {**_fresh(client), "enqueue_at_front": 1}


def _retries(client: Any, *, ended: bool) -> Fields:
    fields = {**_fresh(client), "retries_left": 2, "retry_intervals": "[5]", "enqueue_at_front_on_retry": 1}
    if ended:
        fields["ended_at"] = "2026-01-01T00:00:00.000000Z"
        fields["number_of_retries"] = 1
    return fields


KINDS: dict[str, Callable[[Any], Fields]] = {
    "plain, without a timeout": _fresh,
    "timeout of its own": lambda c: _fresh(c, timeout=7),
    "endless": lambda c: _fresh(c, timeout=-1),
    "ttl": lambda c: _fresh(c, ttl=1234),
    "result and failure ttl": lambda c: _fresh(c, result_ttl=5, failure_ttl=6),
    "at front": _at_front,
    "not at front": lambda c: {**_fresh(c), "enqueue_at_front": 0},
    "retry of a job that ran": lambda c: _retries(c, ended=True),
    "retries of a job that never ran": lambda c: _retries(c, ended=False),
    "arguments, meta, description": lambda c: _fresh(
        c, func="jobs_for_tests.echo", args=(1, "ü"), kwargs={"k": [1.5]}, meta={"a": {"b": 1}}, description="naïve ☃\n"
    ),
    "callbacks by name": lambda c: _fresh(c, on_success=_callback("on_success"), on_failure=_callback("on_failure")),
}


def _callback(name: str) -> Callback:
    return Callback(f"jobs_for_tests.{name}", timeout="2m")


QUEUES = {"plain": "default", "spaces": "my own queue", "unicode": "Aufträge-☃-\U0001f680", "200 characters": "q" * 200}


def _normal(state: State, job_key: str = "rq:job:job-1") -> State:
    """Without the moment of the hand-off, which has to be now and look as RQ writes it."""
    normal = dict(state)
    fields, left = normal[job_key.encode()]
    assert -1 < age(fields[b"enqueued_at"]) < 30
    normal[job_key.encode()] = ({**fields, b"enqueued_at": b"now"}, left)
    return normal


def _with_dependents(client: Any) -> None:
    """Keys that hang on the job, and others in its queue."""
    client.sadd("rq:job:job-1:dependents", "other")


def _by_rq(client: redis_py.Redis, fields: Mapping[Any, Any], queue: str, **options: Any) -> State:
    client.flushall()
    client.rpush(f"rq:queue:{queue}", "before")
    _with_dependents(client)
    rq_enqueue(client, fields, "job-1", queue, **options)
    return _normal(snapshot(client, ours=False))


class TestOneOff:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("queue", ["plain", "unicode"])
    def test_is_as_rq_enqueues_it(self, redis: redis_py.Redis, store: Store, kind: str, queue: str) -> None:
        name = QUEUES[queue]
        fields = {**KINDS[kind](redis), "origin": name}
        by_rq = _by_rq(redis, fields, name)

        redis.flushall()
        redis.rpush(f"rq:queue:{name}", "before")
        _with_dependents(redis)
        add(store, NewEntry("job-1", "rq:job:job-1", now_us(redis) - 1, fields))
        batch = hand_off(store)

        assert [job.queue for job in batch.fires.handed_off] == [name]
        by_us = _normal(snapshot(redis, ours=False))
        if not KNOWS_FRONT_ON_RETRY and kind == "retry of a job that ran":
            by_rq = {key: by_rq[key] for key in by_rq if b"queue:" not in key}
            by_us = {key: by_us[key] for key in by_us if b"queue:" not in key}
        assert by_us == by_rq
        assert redis.zcard(store.keys.scheduled_jobs) == 0

    @pytest.mark.parametrize("queue", QUEUES)
    def test_queue_names(self, redis: redis_py.Redis, store: Store, queue: str) -> None:
        name = QUEUES[queue]
        fields = _fresh(redis, origin=name)
        by_rq = _by_rq(redis, fields, name)
        redis.flushall()
        redis.rpush(f"rq:queue:{name}", "before")
        _with_dependents(redis)
        add(store, NewEntry("job-1", "rq:job:job-1", now_us(redis) - 1, fields))
        hand_off(store)
        assert _normal(snapshot(redis, ours=False)) == by_rq
        assert Queue(name, connection=redis).job_ids == ["before", "job-1"]
        assert Queue.all(connection=redis) == [Queue(name, connection=redis)]

    def test_with_another_serializer(self, redis: redis_py.Redis, store: Store) -> None:
        fields = _fresh(redis, serializer=JSONSerializer, func="jobs_for_tests.add", args=(1,), meta={"x": [1]})
        by_rq = _by_rq(redis, fields, "default", serializer=JSONSerializer)
        redis.flushall()
        redis.rpush("rq:queue:default", "before")
        _with_dependents(redis)
        add(store, NewEntry("job-1", "rq:job:job-1", now_us(redis) - 1, fields))
        assert len(hand_off(store).fires.handed_off) == 1
        assert _normal(snapshot(redis, ours=False)) == by_rq

    def test_order_in_the_queue_is_that_of_single_enqueues(self, redis: redis_py.Redis, store: Store) -> None:
        jobs = [(f"job-{i}", i % 3 == 0) for i in range(10)]
        now = now_us(redis)
        for position, (id, front) in enumerate(jobs):
            add(
                store,
                NewEntry(
                    id,
                    f"rq:job:{id}",
                    now - 1000 + position,
                    {**make_job(redis, id).to_dict(), "enqueue_at_front": int(front)},
                ),
            )
        assert len(hand_off(store).fires.handed_off) == 10
        ours = waiting(redis)
        redis.delete("rq:queue:default")
        queue = Queue(connection=redis)
        for id, _ in jobs:
            job = Job.fetch(id, connection=redis)
            queue.enqueue_job(job, at_front=wants_front(job))
        assert ours == queue.job_ids

    @pytest.mark.parametrize("moment", [0, 951782400, 1709164800, 1709251199, 4107542399, 4102444800])
    def test_timestamp_arithmetic(self, redis: redis_py.Redis, moment: int) -> None:
        """The same function on days that a calendar gets wrong: leap days, ends of years and centuries."""
        source = (
            (_include("rq_queueing").split("local enqueued_at", maxsplit=1)[0])
            + "return rq_timestamp(tonumber(time[1]), time[2])"
        )
        for seconds in (moment, moment - 1 if moment else 0, moment + 86399):
            written = redis.eval(f"local time = {{'{seconds}', '42'}}\n" + source, 0)
            expected = datetime.fromtimestamp(seconds, UTC).replace(microsecond=42)
            assert written.decode() == expected.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _include(name: str) -> str:
    from importlib.resources import files

    return (files("rq_scheduler.store") / "lua" / "include" / f"{name}.lua").read_text("utf-8")


def _recurring(fields: Fields, client: Any) -> NewEntry:
    return NewEntry("job-1", "rq:job:job-1", now_us(client) - 1, fields, Spec(trigger=Every(60)))


# What a run, or several with failures, leave on a hash. Each of RQ's ways to end is made by RQ's own calls elsewhere.
LEFT_BY_A_RUN = {
    "status": "finished",
    "enqueued_at": "2026-01-01T00:00:00.000000Z",
    "started_at": "2026-01-01T00:00:01.000000Z",
    "ended_at": "2026-01-01T00:00:02.000000Z",
    "last_heartbeat": "2026-01-01T00:00:02.000000Z",
    "worker_name": "worker-of-last-time",
    "result": "gASVBQAAAAAAAABLAi4=",
    "exc_info": "Traceback",
    "number_of_retries": "2",
    "retries_left": "0",
}


class TestRecurring:
    @pytest.mark.parametrize("kind", [kind for kind in KINDS if "ran" not in kind])
    def test_a_first_run_is_as_rq_enqueues_it(self, redis: redis_py.Redis, store: Store, kind: str) -> None:
        fields = KINDS[kind](redis)
        by_rq = _by_rq(redis, fields, "default")
        redis.flushall()
        redis.rpush("rq:queue:default", "before")
        _with_dependents(redis)
        add(store, _recurring(fields, redis))
        assert fire_job(store, "job-1") == ["done"]
        assert _normal(snapshot(redis, ours=False)) == by_rq

    @pytest.mark.parametrize("kind", ["plain, without a timeout", "ttl", "at front", "timeout of its own"])
    def test_a_later_run_is_as_rq_enqueues_a_job_that_never_ran(
        self, redis: redis_py.Redis, store: Store, kind: str
    ) -> None:
        fields = {**KINDS[kind](redis), "retries_left": 3, "retry_intervals": "[5]"}
        by_rq = _by_rq(redis, fields, "default")

        redis.flushall()
        redis.rpush("rq:queue:default", "before")
        _with_dependents(redis)
        add(store, _recurring(fields, redis))
        redis.hset("rq:job:job-1", mapping=LEFT_BY_A_RUN)
        redis.expire("rq:job:job-1", 55)
        assert fire_job(store, "job-1") == ["done"]

        assert _normal(snapshot(redis, ours=False)) == by_rq
        job = Job.fetch("job-1", connection=redis)
        assert (job.started_at, job.ended_at, job.last_heartbeat, job.worker_name) == (None, None, None, None)
        assert (job.number_of_retries, job.retries_left) == (None, 3)
        assert job.get_status() == "queued"

    @pytest.mark.parametrize(
        "registry", [FinishedJobRegistry, FailedJobRegistry, CanceledJobRegistry, DeferredJobRegistry]
    )
    def test_leaves_the_registries_of_the_last_run(
        self, redis: redis_py.Redis, store: Store, registry: type[FinishedJobRegistry]
    ) -> None:
        add(store, _recurring(_fresh(redis, origin="other"), redis))
        redis.hset("rq:job:job-1", "status", "finished")
        own, foreign = registry("other", connection=redis), registry("default", connection=redis)
        redis.zadd(own.key, {"job-1": 5, "neighbour": 6})
        redis.zadd(foreign.key, {"job-1": 5})
        assert fire_job(store, "job-1") == ["done"]
        assert redis.zrange(own.key, 0, -1) == [b"neighbour"]
        assert redis.zrange(foreign.key, 0, -1) == [b"job-1"]

    def test_through_rq_itself_it_is_the_same(self, redis: redis_py.Redis, store: Store) -> None:
        """The slow path and the script leave the same behind."""
        fields = {**_fresh(redis, origin="other"), "retries_left": 3, "retry_intervals": "[5]"}
        states = []
        for slow in (False, True):
            redis.flushall()
            add(store, _recurring(fields, redis))
            redis.hset("rq:job:job-1", mapping=LEFT_BY_A_RUN)
            redis.expire("rq:job:job-1", 55)
            for name in ("finished", "failed", "canceled"):
                redis.zadd(f"rq:{name}:other", {"job-1": 5})
            assert fire_job(store, "job-1", all_via_rq=slow) == ["done"]
            if slow:
                told = Told()
                served = ViaRQ(store, JobCreator(redis), Queue, Hooks(), told, lambda: False).serve(math.inf)
                assert served.fired == 1, told.delays
            states.append(_normal(snapshot(redis, ours=False)))
            states[-1].pop(b"rq:job:job-1")
            fields_now = redis.hgetall("rq:job:job-1")
            fields_now.pop(b"enqueued_at")
            states.append(fields_now)
            states.append(redis.zscore(store.keys.scheduled_jobs, "job-1"))
        assert states[0] == states[3]
        assert states[1] == states[4]


# A call as `Queue.enqueue` and `schedules.put` both take it.
CALLS: dict[str, dict[str, Any]] = {
    "all defaults": {},
    "arguments": {"args": (1, "ü"), "kwargs": {"k": [1.5]}},
    "timeout": {"job_timeout": 7},
    "endless": {"job_timeout": -1},
    "ttl": {"ttl": 1234},
    "result and failure ttl": {"result_ttl": 65, "failure_ttl": 6},
    "result kept for ever": {"result_ttl": -1},
    "at front": {"at_front": True},
    "retry": {"retry": Retry(max=3, interval=[1, 5, 10])},
    "callbacks": {
        "on_success": Callback("jobs_for_tests.on_success", timeout="2m"),
        "on_failure": Callback("jobs_for_tests.on_failure"),
        "on_stopped": Callback("jobs_for_tests.on_stopped", timeout=5),
    },
    "meta and description": {"meta": {"a": {"b": 1}}, "description": "naïve ☃\n"},
    "everything": {
        "args": (1,),
        "kwargs": {"a": 2},
        "job_timeout": "1h",
        "result_ttl": 60,
        "ttl": 500,
        "failure_ttl": 70,
        "at_front": True,
        "retry": Retry(max=1),
        "meta": {"x": 1},
        "description": "all",
        "on_success": Callback(jobs_for_tests.on_success),
    },
}


def _named(content: tuple[Any, Any], id: str) -> str:
    """What a key holds, whatever the id of the run and the moment of its registration."""
    return re.sub(r"\d{10}\.\d+", "now", str(content[0]).replace(id, "run"))


class TestARunOfASchedule:
    """Field by field what RQ's own enqueue writes for the same call."""

    def _by_rq(self, client: Any, call: Fields, **options: Any) -> State:
        client.flushall()
        client.rpush("rq:queue:default", "before")
        Queue(connection=client).enqueue("jobs_for_tests.echo", **{"job_id": "job-1", **options, **call})
        return self._normal(snapshot(client), "job-1")

    def _normal(self, state: State, id: str) -> State:
        """Under one id, whatever the run's is, and one moment."""
        normal: State = {}
        for key, (content, left) in state.items():
            if key == f"rq:job:{id}".encode():
                for name in (b"created_at", b"enqueued_at"):
                    if name in content:
                        assert -1 < age(content[name]) < 30
                        content = {**content, name: b"now"}
                key = b"rq:job:the-run"
            if key.startswith(b"rq:queue:"):
                content = [b"the-run" if each == id.encode() else each for each in content]
            normal[key] = content, left
        return normal

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("kind", ["done", "manual", "backfilled"])
    def test_is_as_rq_enqueues_it(self, redis: redis_py.Redis, store: Store, call: str, kind: str) -> None:
        options: dict[str, Any] = {"failure_ttl": None, **CALLS[call]}
        by_rq = self._by_rq(redis, options)

        redis.flushall()
        redis.rpush("rq:queue:default", "before")
        schedules = Scheduler(connection=redis).schedules
        schedules.put("s", Every(60), "jobs_for_tests.echo", **options)
        match kind:
            case "done":
                due_again(store)
                (id,) = ids_of(fire(store))
            case "manual":
                run = schedules.run_now("s")
                assert run is not None
                id = run.id
            case _:
                (id,) = store.backfill("s", "", "0..60000000", [0]) or []
        assert self._normal(snapshot(redis, ours=False), id) == by_rq
        assert Job.fetch(id, connection=redis).get_call_string() == Job.fetch(id, connection=redis).func_name + (
            "(1, 'ü', k=[1.5])" if call == "arguments" else "(1, a=2)" if call == "everything" else "()"
        )

    def test_that_depends_on_another_job_is_deferred_as_rq_does_it(self, redis: redis_py.Redis, store: Store) -> None:
        states = []
        for ours in (False, True):
            redis.flushall()
            other = Queue("other", connection=redis).enqueue("jobs_for_tests.nothing", job_id="other")
            if ours:
                Scheduler(connection=redis).schedules.put(
                    "s", Every(60), "jobs_for_tests.echo", depends_on=other, failure_ttl=None
                )
                due_again(store)
                (id,) = ids_of(fire(store))
                via_rq = ViaRQ(store, JobCreator(redis), Queue, Hooks(), Told(), lambda: False)
                assert [via_rq.serve(math.inf).fired for _ in range(2)] == [1, 0]
            else:
                id = Queue(connection=redis).enqueue("jobs_for_tests.echo", depends_on=other, job_id="job-1").id
            state = snapshot(redis, ours=False)
            fields, _ = state[f"rq:job:{id}".encode()]
            assert fields.pop(b"created_at")
            # Whoever enqueues it in the end fills in the queue's own, as RQ does where there is none.
            fields.pop(b"timeout", None)
            assert fields[b"status"] == b"deferred"
            for name in (b"rq:job:other", f"rq:job:{id}".encode()):
                state.pop(name)
            states.append(
                (fields, {key.replace(id.encode(), b"run"): _named(content, id) for key, content in state.items()})
            )
        assert states[0] == states[1]


class TestRegistry:
    @pytest.mark.parametrize("kind", KINDS)
    def test_is_as_rqs_own_scheduler_enqueues_it(self, redis: redis_py.Redis, store: Store, kind: str) -> None:
        fields = {**KINDS[kind](redis), "origin": "other"}
        states = []
        for ours in (False, True):
            redis.flushall()
            redis.rpush("rq:queue:other", "before")
            _with_dependents(redis)
            redis.sadd("rq:queues", "rq:queue:other")
            redis.hset("rq:job:job-1", mapping=fields)
            others = ScheduledJobRegistry("other", connection=redis)
            others.schedule(make_job(redis, "job-1"), datetime.now(UTC) - timedelta(seconds=2))
            if ours:
                batch = store.serve_registries(b"0", 500, "hold")
                assert [job.id for job in batch.handed_off] == ["job-1"]
            else:
                by_rq = RQScheduler(["other"], connection=redis)
                by_rq.acquire_locks()
                by_rq.enqueue_scheduled_jobs()
                by_rq.release_locks()
            state = snapshot(redis, ours=False)
            states.append(_normal(state))
        if not KNOWS_FRONT_ON_RETRY and kind == "retry of a job that ran":
            for state in states:
                state.pop(b"rq:queue:other")
        assert states[0] == states[1]

    def test_retry_by_rq_comes_back(self, redis: redis_py.Redis, store: Store) -> None:
        """A job that RQ puts into its registry for a retry is handed off with its count of retries untouched."""
        queue = Queue(connection=redis)
        job = queue.enqueue("jobs_for_tests.nothing", retry=Retry(max=2, interval=1))
        redis.delete(queue.key)
        with redis.pipeline() as pipe:
            job.retry(queue, pipe)
            pipe.execute()
        redis.zadd("rq:scheduled:default", {job.id: now_us(redis) // US - 1})
        before = Job.fetch(job.id, connection=redis)
        batch = store.serve_registries(b"0", 500, "hold")
        after = Job.fetch(job.id, connection=redis)
        assert [one.id for one in batch.handed_off] == [job.id]
        assert waiting(redis) == [job.id]
        assert (after.retries_left, after.number_of_retries) == (before.retries_left, before.number_of_retries)
        assert after.get_status() == "queued"


def test_all_the_cases_differ() -> None:
    """The table above has no two names for one thing, or a case would be tested twice and another not at all."""
    client: Any = redis_py.Redis()
    made = {name: {k: v for k, v in make(client).items() if k != "created_at"} for name, make in KINDS.items()}
    assert all(made[one] != made[other] for one, other in itertools.combinations(made, 2))
