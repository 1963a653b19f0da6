"""The real thing against a model of its rules: whatever callers, workers and dispatchers do, in whatever order, both
agree on what was handed off and when, on what was skipped and missed, and on what comes next."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from making import US
from making_schedules import fire_page
from rq_scheduler import Scheduler
from rq_scheduler.clock import from_us, to_us
from rq_scheduler.dispatcher import Events, stop_run
from rq_scheduler.dispatcher.planner import Planner
from rq_scheduler.model import Spec
from rq_scheduler.runs import parse_run_id, run_id
from rq_scheduler.store import Store
from rq_scheduler.store.base import us_of
from rq_scheduler.store.outcomes import Fenced
from rq_scheduler.testing import ManualClock, ManualDispatcher
from rq_scheduler.triggers import AnyOf, AnyTrigger, Cron, Every
from schedule_model import Model

pytestmark = pytest.mark.once

START = datetime(2026, 3, 28, 23, 50, 0, 123, tzinfo=UTC)
"""Ten minutes before midnight; clocks go forward in Paris an hour later."""

IDS = ["a", "b"]
ids = st.sampled_from(IDS)


def _anchored(seconds: float) -> Every:
    return Every(seconds, anchor=START - timedelta(hours=1))


triggers: st.SearchStrategy[AnyTrigger] = st.sampled_from(
    [
        _anchored(7),
        _anchored(61.5),
        Cron("*/5 * * * *", timezone="Europe/Paris"),
        Cron("30 2 * * *", timezone="Europe/Paris"),
        AnyOf(_anchored(45), Cron("* * * * *")),
    ]
)
any_policies = {
    "overlap": st.sampled_from(["skip", "allow", "buffer_one", "buffer_all", "replace"]),
    "catchup": st.sampled_from(["latest", "all", "none"]),
    "catchup_window": st.sampled_from([None, 5, 60, 600]),
    "jitter": st.sampled_from([None, 3, 30]),
    "max_runs": st.sampled_from([None, None, 3, 20]),
    "end": st.sampled_from([None, None, START + timedelta(minutes=25)]),
    "pause_on_failures": st.sampled_from([None, None, 1, 3]),
}
# Of which Redis fires nearly all by the plans.
plain_policies = {**any_policies, **dict.fromkeys(("jitter", "max_runs", "pause_on_failures"), st.none())}
policies = st.one_of(st.fixed_dictionaries(any_policies), st.fixed_dictionaries(plain_policies))
moves = st.one_of(
    st.integers(0, 20 * US),
    st.integers(0, 90 * US),
    st.sampled_from([0, 10 * US, 10 * US + 1, 300 * US]),
)


def plan_all(redis: redis_py.Redis, store: Store) -> None:
    """All that is armed is to be planned."""
    if armed := redis.zrange(store.keys.due_schedules, 0, -1):
        redis.zadd(store.keys.to_plan, dict.fromkeys(armed, 0))


class Schedules(RuleBasedStateMachine):
    """Each rule is something that a caller, a worker or a dispatcher does."""

    redis: redis_py.Redis
    planned_runs = 0

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushall()
        self.clock = ManualClock(START)
        self.scheduler = Scheduler(connection=self.redis)
        self.dispatcher = ManualDispatcher(self.scheduler, self.clock)
        # How runs end is learnt where the next one fires, as the model does: when they are followed is told by the age
        # of each and by this host's clock. Following has tests of its own.
        self.dispatcher._passes._follow_runs = lambda result: None  # type: ignore[method-assign]
        self.models: dict[str, Model] = {}
        self.gone: dict[str, Model] = {}
        self.handed_off: dict[str, list[tuple[str, int]]] = {id: [] for id in IDS}
        self.asleep: Any = None
        self.lasting = 0

    def teardown(self) -> None:
        self.dispatcher.release()

    @property
    def now(self) -> int:
        return self.clock.now_us()

    @initialize(trigger=triggers, options=policies)
    def begin(self, trigger: AnyTrigger, options: dict[str, Any]) -> None:
        self.put("a", trigger, options)

    # Callers

    @rule(id=ids, trigger=triggers, options=policies)
    def put(self, id: str, trigger: AnyTrigger, options: dict[str, Any]) -> None:
        spec = Spec(trigger=trigger, **options)
        model = self.models.get(id)
        if model is None:
            if Model(id, spec, self.now).first_after(self.now) is None:
                return  # refused: test_refusals.py
            before = self.gone.get(id)
            model = self.models[id] = Model(id, spec, self.now)
            model.armed = model.first_after(self.now)
            if before is not None:
                model.mark, model.backfilled, model.manual = before.mark, before.backfilled, before.manual
                model.handed_off, model.made = before.handed_off, before.made
                model.version = before.version + 1  # a number means one definition, for as long as those are kept
        elif model.spec != spec:
            model.define(spec, self.now)
        self.scheduler.schedules.put(id, trigger, "jobs_for_tests.nothing", **options)

    @precondition(lambda self: self.models)
    @rule(data=st.data())
    def put_the_same_again(self, data: st.DataObject) -> None:
        model = self.models[data.draw(st.sampled_from(sorted(self.models)))]
        spec = {name: getattr(model.spec, name) for name in Spec.__struct_fields__ if name != "trigger"}
        stored = self.scheduler.schedules.put(model.id, model.spec.trigger, "jobs_for_tests.nothing", **spec)
        assert stored.version == model.version

    @rule(id=ids, options=policies)
    def update(self, id: str, options: dict[str, Any]) -> None:
        model = self.models.get(id)
        if model is None:
            return
        spec = Spec(trigger=model.spec.trigger, **options)
        if spec != model.spec:
            model.define(spec, self.now)
        self.scheduler.schedules.update(id, version=None, **options)

    @rule(id=ids)
    def pause(self, id: str) -> None:
        if id in self.models:
            self.models[id].pause()
            self.scheduler.schedules.pause(id, note=f"at {self.now}")

    @rule(id=ids)
    def resume(self, id: str) -> None:
        if id in self.models:
            self.models[id].resume(self.now)
            self.scheduler.schedules.resume(id)

    @rule(id=ids, force=st.booleans())
    def run_now(self, id: str, force: bool) -> None:
        if (model := self.models.get(id)) is None:
            return
        before = len(model.handed_off)
        expected = model.run_now(self.now, force=force)
        job = self.scheduler.schedules.run_now(id, force=force)
        assert (None if job is None else job.id) == expected
        self.handed_off[id] += model.handed_off[before:]  # nobody ticks here: the call itself made what is due to it
        for job_id, _ in model.handed_off[before:]:
            assert self.redis.exists(f"rq:job:{job_id}")

    @rule(id=ids, ago=st.integers(1, 600), seconds=st.integers(0, 600))
    def backfill(self, id: str, ago: int, seconds: int) -> None:
        if (model := self.models.get(id)) is None:
            return
        since = self.now - ago * US
        until = min(since + seconds * US, self.now)
        expected = [run_id(id, nominal, "b") for nominal in model.backfill(since, until)]
        assert self.scheduler.schedules.backfill(id, from_us(since), from_us(until)) == expected

    @rule(id=ids)
    def delete(self, id: str) -> None:
        model = self.models.pop(id, None)
        assert self.scheduler.schedules.delete(id) == (model is not None)
        if model is not None:
            self.gone[id] = model

    # Time and dispatchers

    @rule(us=moves)
    def tick(self, us: int) -> None:
        for handed_off in self.dispatcher.tick(us / US):
            run = parse_run_id(handed_off.id)
            assert run is not None, handed_off
            self.handed_off[run.schedule_id].append((handed_off.id, to_us(handed_off.at)))
        self._serve_models(us)

    @rule(us=moves)
    def nobody_serves(self, us: int) -> None:
        self.clock.move(us / US)

    @rule()
    def a_dispatcher_plans_and_falls_asleep(self) -> None:
        store = self.scheduler._store
        planner = Planner(store, Events(), self.dispatcher._passes.recurring, by_hook=False)
        planner.expect(more=True)
        plan_all(self.redis, store)
        self.asleep, self.lasting = planner.next_writes(math.inf)

    @precondition(lambda self: self.asleep)
    @rule(us=moves)
    def it_wakes_when_others_have_served_everything(self, us: int) -> None:
        """What it has planned may still be what comes next; it fires nothing that is not due."""
        self.tick(us)
        store = self.scheduler._store
        answer = store.write_plans(self.asleep, self.lasting + US)
        assert not isinstance(answer, Fenced)
        assert (answer[0].queues, answer[0].answers) == ({}, []), answer
        self.asleep = None

    @rule(lates=st.lists(st.sampled_from([0, 0, 1, 3 * US, 11 * US]), min_size=1, max_size=6))
    def a_dispatcher_fires_by_plans_that_were_written_ahead(self, lates: list[int]) -> None:
        """Each time that the next is due, or somewhat later. What is left, another serves."""
        store = self.scheduler._store
        self.tick(0)
        for late in lates:
            self._plan_ahead(store)
            for _, score in self.redis.zrange(store.keys.due_schedules, 0, 0, withscores=True):
                self.clock.move(max(0, us_of(score) - self.now) / US)
            self.clock.move(late / US)
            self._fire_by_plans(store)
            self.tick(0)

    def _plan_ahead(self, store: Store) -> None:
        planner = Planner(store, Events(), self.dispatcher._passes.recurring, by_hook=False)
        plan_all(self.redis, store)
        planner.expect(more=True)
        while not planner.is_done:
            writes, now = planner.next_writes(math.inf)
            answer = store.write_plans(writes, now)
            assert not isinstance(answer, Fenced)
            assert (answer[0].queues, answer[0].answers) == ({}, []), answer

    def _fire_by_plans(self, store: Store) -> None:
        before = self.redis.lrange("rq:queue:default", 0, -1)
        page = fire_page(store)
        made = [job_id.decode() for job_id in self.redis.lrange("rq:queue:default", 0, -1)[len(before) :]]
        told = [*page.fires.handed_off, *(job for answer in page.fires.answers for job in answer.made)]
        assert sorted(made) == sorted(job.id for job in told)
        for answer in page.fires.answers:
            for job_id in answer.to_stop:
                stop_run(store, self.scheduler._creator, Events(), job_id)
        Schedules.planned_runs += len(made)
        for job_id in made:
            run = parse_run_id(job_id)
            assert run is not None
            self.handed_off[run.schedule_id].append((job_id, self.now))

    @rule()
    def all_plans_are_thrown_away(self) -> None:
        for id in self.models:
            self.redis.hdel(f"rq:scheduler:schedule:{id}", "plan")
        self.redis.delete("rq:scheduler:to_plan")

    # Workers

    @rule(id=ids, data=st.data(), state=st.sampled_from(["finished", "failed", "gone"]))
    def a_run_ends(self, id: str, data: st.DataObject, state: str) -> None:
        model = self.models.get(id)
        going = [run for run in model.live if run.state == "going"] if model else []
        if model is None or not going:
            return
        run = data.draw(st.sampled_from(going))
        run.state = state
        self.redis.lrem("rq:queue:default", 0, run.id)
        if state == "gone":
            self.redis.delete(f"rq:job:{run.id}")
        else:
            self.redis.hset(f"rq:job:{run.id}", "status", state)

    # What has to hold

    @invariant()
    def both_agree(self) -> None:
        assert len(self.scheduler.schedules) == len(self.models)
        for id, model in self.models.items():
            assert self.handed_off[id] == model.handed_off
            stored = self.scheduler.schedules[id]
            expected = None if model.paused or model.armed is None else model.due(model.armed)
            assert stored.next_run_at == (None if expected is None else from_us(expected))
            assert (stored.runs, stored.skipped, stored.missed, stored.version, stored.paused) == (
                model.runs,
                model.skipped,
                model.missed,
                model.version,
                model.paused,
            )
            memory = [line.split(b" ")[3].decode() for line in self.redis.lrange(f"rq:scheduler:buffer:{id}", 0, -1)]
            assert memory == [run.id for run in model.memory]

    @invariant()
    def nothing_is_handed_off_twice(self) -> None:
        for runs in self.handed_off.values():
            job_ids = [job_id for job_id, _ in runs]
            assert len(job_ids) == len(set(job_ids))

    def _serve_models(self, us: int) -> None:
        target = self.now
        for model in self.models.values():
            now = target - us
            while True:
                model.serve(now)
                coming = model.next_due
                if coming is None or coming > target:
                    break
                now = max(now, coming)


@pytest.mark.long
def test_whatever_happens_the_rules_hold(redis: redis_py.Redis) -> None:
    examples = int(os.environ.get("RQS_MODEL_EXAMPLES", "50"))
    machine: Any = type("Driven", (Schedules,), {"redis": redis})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert Schedules.planned_runs > 0
