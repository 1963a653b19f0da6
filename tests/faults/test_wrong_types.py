"""A key of a wrong type, any of ours and RQ's: what needs it waits or goes to quarantine; the rest is on time."""

import inspect
from collections.abc import Callable
from typing import Any, cast

import pytest
import redis as redis_py
from redis.client import Pipeline

from faults.poisoning import KINDS, SOON, Beds, Listening, serving
from jobs_for_tests import nothing
from making import dispatcher, now_us, snapshot
from making_schedules import new, put
from rq_scheduler import Every, Scheduler
from rq_scheduler.model import Spec
from rq_scheduler.store import Store, rq_format
from rq_scheduler.store.keys import Keys
from rq_scheduler.store.survey import Survey
from support import wait_until


def make_wrong(redis: redis_py.Redis, key: str | bytes) -> None:
    """Something of another type under the key; what was there stands under `test:aside`."""

    def write(pipe: Pipeline) -> None:
        kind = cast("bytes", pipe.type(key))
        pipe.multi()
        if kind != b"none":
            pipe.rename(key, "test:aside")
        if kind == b"string" or Keys().shared().get(key if isinstance(key, str) else key.decode()) == "string":
            pipe.zadd(key, {"x": 1})
        else:
            pipe.set(key, "x")

    # At once, and of what is there then: a dispatcher may be writing it for the first time.
    redis.transaction(write, key)


def make_right(redis: redis_py.Redis, key: str | bytes) -> None:
    redis.delete(key)
    if redis.exists("test:aside"):
        redis.rename("test:aside", key)


def _is_shared(member: Any) -> bool:
    return isinstance(member, property)


OURS = {name: member for name, member in vars(Keys).items() if not name.startswith("_") and name != "prefix"}
NO_KEYS = {"wakeup", "instance_prefix", "instance", "fenced", "shared"}
"""A channel, the beginning of names, a dispatcher's own, a question, a list."""

STOPS = {
    "scheduled_jobs": {"one-off", "recurring"},
    "due_schedules": {"schedule"},
    "buffered": {"recurring", "schedule"},
    "to_plan": {"recurring", "schedule"},
    "unplanned": {"recurring", "schedule"},
    "pause_ends": set(),
    "via_rq": {"recurring", "schedule"},
    "schedules": set(),
    "new_runs": set(),
    "open_runs": set(),
    "missing_runs": set(),
    "unread_errors": set(),
    "expected": set(),
    "not_run": set(),
    "names": set(),
    "counters": set(),
    "revisions": {"recurring"},
    "quarantine": set(),
    "claims": set(),
    "rq_claims": {"rq"},
    "rq_since": set(),
    "dispatchers": set(),
    "heartbeats": set(),
    "outages": set(),
    "run_id": set(),
    "lock_held": set(),
    "last_look": set(),
    "workers_seen": set(),
    "workers_left": set(),
    "unserved": set(),
    "ended": set(),
    "parked": set(),
    "parked_due": set(),
    "cron_schedulers": set(),
    "clock": set(),
    "audit": set(),
    "deleted_schedules": set(),
    "tokens": set(),
    "alert_receivers": set(),
    "events": set(),
    "fence": {*KINDS},
    "queues": {*KINDS},
    "workers": set(),
    "suspended": set(),
    "paused": {"recurring", "schedule"},
    "failing": set(),
    "late": set(),
    "running": set(),
    "jobs": set(),
}
"""By key that all entries share: what waits for it to be moved away. Everything else is on time."""

LISTS = {what: Keys().schedules_of(what) for what in ("paused", "failing", "late", "running", "jobs")}
RQ_KEYS = {
    name.removesuffix("_key"): function
    for name, function in vars(rq_format).items()
    if name.endswith("_key") and inspect.isfunction(function)
}


def shared_keys() -> dict[str, str]:
    ours = {name: getattr(Keys(), name) for name, member in OURS.items() if _is_shared(member) and name not in NO_KEYS}
    rqs = {name: key("rq") for name, key in RQ_KEYS.items() if len(inspect.signature(key).parameters) == 1}
    return {**ours, **LISTS, **rqs}


def own_keys() -> dict[str, Callable[[str], str]]:
    """The keys of one entry, or of its queue, by name: from an id, which is the queue's name too."""
    ours: dict[str, Any] = {
        name: getattr(Keys(), name)
        for name, member in OURS.items()
        if inspect.isfunction(member) and name not in {*NO_KEYS, "schedules_of"}
    }
    rqs = {
        name: (lambda of, key=key: key("rq", of))
        for name, key in RQ_KEYS.items()
        if len(inspect.signature(key).parameters) == 2
    }
    registries = {
        name: (lambda of, name=name: f"rq:{name}:{of}")
        for name in ("finished", "failed", "canceled", "deferred", "wip", "results")
    }
    lists = {"list of a queue": lambda of: Keys().schedules_of("queue", of)}
    hangers_on = {
        "dependents": lambda of: f"rq:job:{of}:dependents",
        "dependencies": lambda of: f"rq:job::{of}:dependencies",
    }
    return {**ours, **rqs, **registries, **lists, **hangers_on}


class TestAWrongType:
    def test_under_every_key_is_looked_at(self) -> None:
        assert set(shared_keys()) == set(STOPS), "say in STOPS what a new key stops, or mend that it stops anything"
        unknown = set(OURS) - set(shared_keys()) - set(own_keys()) - NO_KEYS - {"schedules_of"}
        assert not unknown, unknown
        listed = {*Keys().shared(), Keys().clock}
        assert {getattr(Keys(), name) for name in OURS if name in shared_keys()} <= listed, "Keys.shared() lacks one"

    @pytest.mark.parametrize("name", sorted(STOPS))
    def test_under_a_key_that_all_share(self, redis: redis_py.Redis, name: str) -> None:
        key = shared_keys()[name]
        with serving(redis) as told:
            wait_until(lambda: redis.exists(Keys().fence))
            beds = Beds(redis)
            make_wrong(redis, key)
            before = beds.served()  # on a slow machine, some may have been due before that
            beds.assert_on_time([kind for kind in KINDS if kind not in STOPS[name]])
            if STOPS[name]:
                wait_until(lambda: told.misfits)
                assert key in told.misfits[0][0], told.misfits
                assert (beds.served() - before).isdisjoint(STOPS[name])
            make_right(redis, key)
            wait_until(lambda: beds.served() == set(KINDS), message=lambda: f"{beds.served()}, {told.delays}")
        assert told.drops == []
        assert len(told.misfits) <= 2, "said once, not at every pass"
        assert [other for other in told.others if other[0] == "lost"] == []

    def test_ends_a_burst_with_an_error_that_the_log_explains(self, redis: redis_py.Redis) -> None:
        make_wrong(redis, Keys().due_schedules)
        told = Listening()
        with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
            dispatcher(redis, told).run(burst=True)
        assert Keys().due_schedules in told.misfits[0][0]

    def test_is_named_by_status(self, redis: redis_py.Redis) -> None:
        for key in Keys().shared():
            make_wrong(redis, key)
        found = Survey(redis).misfits()
        assert [line.partition(" ")[0] for line in found] == [*Keys().shared()]
        assert "rq:scheduler:buffered holds a string, and has to be a zset: move it away (RENAME)" in found
        redis.flushdb()
        assert Survey(redis).misfits() == []

    def test_under_the_keys_of_single_entries(self, redis: redis_py.Redis) -> None:
        """All of them at once: one bad entry of each kind for each key."""
        bad = {name: Beds(redis, f"bad-{index}", after=2 * SOON) for index, name in enumerate(own_keys())}
        healthy = Beds(redis, after=2 * SOON)
        for name, key in own_keys().items():
            for kind in KINDS:
                redis.delete("test:aside")
                make_wrong(redis, key(bad[name].id(kind)))
        with serving(redis) as told:
            healthy.assert_on_time()
            wait_until(lambda: now_us(redis) > healthy.due + SOON)
            held = {each.id: each for each in Scheduler(connection=redis).quarantine}
            unserved = {
                (name, kind)
                for name, beds in bad.items()
                for kind in set(KINDS) - beds.served()
                if beds.id(kind) not in held
            }
        # RQ's own stay in RQ's registry, where it has one, no queue to go to, or a lock that is none of ours.
        assert unserved == {(name, "rq") for name in ("scheduled_registry", "queue", "scheduler_lock")}, told.delays
        served = {name: beds.served() & {id.removeprefix(f"{beds.name}-") for id in held} for name, beds in bad.items()}
        assert not any(served.values()), "in quarantine, and served"
        for each in held.values():
            assert len(each.reason) > 20
            assert each.reason.isprintable()
        quarantined = {name for name, beds in bad.items() if any(beds.id(kind) in held for kind in KINDS)}
        # A buffer that is no list matters to those that look at it.
        assert quarantined - {"buffer"} == {"schedule", "template", "job", "queue"}
        assert told.misfits == []

    @pytest.mark.parametrize("kind", KINDS)
    def test_of_the_quarantine_itself(self, redis: redis_py.Redis, kind: str) -> None:
        """An entry that has to go there stays whole, until it can."""
        key, broken = Keys().quarantine, Beds(redis, "broken")
        if kind == "schedule":
            redis.delete(Keys().template(broken.id(kind)))
        else:
            redis.set(f"rq:job:{broken.id(kind)}", "no job")
        redis.set(key, "x")
        with serving(redis) as told:
            wait_until(lambda: told.misfits)
            assert told.drops == []
            redis.delete(key)
            wait_until(lambda: told.drops)
            wait_until(lambda: broken.served() == set(KINDS) - {kind})
        assert [drop.id for drop in told.drops] == [broken.id(kind)]
        assert redis.hkeys(key) == [broken.id(kind).encode()]

    def test_of_the_counter_pauses_nothing_by_halves(self, redis: redis_py.Redis) -> None:
        """A schedule that has to be paused takes a new revision, at the end of a commit that has made runs."""
        beds = Beds(redis, after=2 * SOON)
        put(Store(redis), new(redis, "bad", beds.due, of=Spec(trigger=Every(3600))))
        redis.delete(Keys().template("bad"))
        redis.rename(Keys().revisions, "test:rev")
        redis.set(Keys().revisions, "no number")
        with serving(redis) as told:
            beds.assert_on_time(["one-off", "rq"])
            assert told.drops == []
            redis.rename("test:rev", Keys().revisions)
            wait_until(lambda: beds.served() == set(KINDS))
            wait_until(lambda: [drop.id for drop in told.drops] == ["bad"])


class TestACallOnASchedule:
    """One that meets a key of a wrong type is refused whole."""

    @pytest.mark.parametrize("name", ["expected", "failing", "late", "running", "paused", "to_plan"])
    @pytest.mark.parametrize("call", ["put", "pause", "resume", "delete"])
    def test_is_refused_before_anything_is_written(self, redis: redis_py.Redis, name: str, call: str) -> None:
        schedules = Scheduler(connection=redis).schedules
        schedules.put("a", Every(3600), nothing, expect=60, paused=call == "resume")
        key = shared_keys()[name]
        make_wrong(redis, key)
        before = snapshot(redis)
        try:
            if call == "put":
                schedules.put("a", Every(60), nothing, expect=90)
            else:
                getattr(schedules, call)("a")
        except redis_py.ResponseError:
            assert snapshot(redis) == before
        else:
            assert snapshot(redis) != before
