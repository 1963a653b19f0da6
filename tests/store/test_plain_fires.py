"""A plain fire takes a short way through the script, which must leave just what the long way leaves."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from making import US, finish, snapshot
from making_schedules import commit_all, fire_of, job_fields, new, put, spec
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store, scripts
from rq_scheduler.store.manual_clock import MANUAL_CLOCK, ManualTime

NOW = 1_774_656_000_000_000
SHORT = "plan.plain = plan.mode == 'due'"

Arrange = Callable[[redis_py.Redis, str], object]


def commands(client: redis_py.Redis) -> dict[str, int]:
    told: Any = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): each["calls"] for name, each in told.items()}


@pytest.fixture
def the_long_way(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Takes the short way out of the script."""
    load = scripts.load

    def without(name: str, clock: str = scripts.SERVER_CLOCK) -> scripts.Script:
        source = load(name, clock).source
        if name == "fire_schedules":
            assert source.count(SHORT) == 1
            source = source.replace(SHORT, SHORT + " and false")
        return scripts.Script(name, source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())

    return lambda: monkeypatch.setattr(scripts, "load", without)


def nothing(client: redis_py.Redis, run: str) -> None:
    """The last run waits in its queue."""


def fields(**values: Any) -> Arrange:
    return lambda client, _: client.hset("rq:scheduler:schedule:s", mapping=values)


def ended(status: str) -> Arrange:
    def arrange(client: redis_py.Redis, run: str) -> None:
        finish(client, run)
        client.hset(f"rq:job:{run}", "status", status)

    return arrange


def gone(client: redis_py.Redis, run: str) -> None:
    client.delete(f"rq:job:{run}")


def run_is_there(client: redis_py.Redis, _: str) -> None:
    client.hset(f"rq:job:{run_id('s', NOW + 60 * US)}", "status", "queued")


def no_template(client: redis_py.Redis, _: str) -> None:
    client.delete("rq:scheduler:template:s")


def no_data(client: redis_py.Redis, _: str) -> None:
    client.hdel("rq:scheduler:template:s", "data")


def another_template(client: redis_py.Redis, _: str) -> None:
    client.delete("rq:scheduler:template:s")
    client.set("rq:scheduler:template:s", "x")


def busy(n: int) -> Arrange:
    return lambda client, run: client.hset("rq:scheduler:schedule:s", "live", " ".join(f"{run}x{i}" for i in range(n)))


SKIP, ALLOW = {"overlap": "skip"}, {"overlap": "allow"}
PLAIN: list[tuple[dict[str, Any], dict[str, Any], Arrange]] = [
    (SKIP, {}, ended("finished")),
    (SKIP, {}, gone),
    (SKIP, {}, fields(live="")),
    (SKIP, {"timeout": 77}, ended("finished")),
    (SKIP, {}, fields(live="", skips_in_a_row="0", mark="")),
    (ALLOW, {}, nothing),
    (ALLOW, {}, busy(19)),
    ({"overlap": "replace"}, {}, ended("finished")),
]
OTHERS: list[tuple[dict[str, Any], dict[str, Any], Arrange]] = [
    (SKIP, {}, nothing),
    (SKIP, {}, ended("failed")),
    (SKIP, {}, fields(live="", skips_in_a_row="3")),
    (SKIP, {}, fields(live="", failures="2")),
    (SKIP, {}, fields(live="", mark=str(NOW + 3600 * US))),
    (SKIP, {}, fields(live="", rev="77")),
    (SKIP, {}, fields(live="", paused="1")),
    (SKIP, {}, fields(live="", kind="job")),
    (SKIP, {}, fields(live="", runs_as="{}")),
    (SKIP, {}, busy(2)),
    (ALLOW, {}, busy(20)),
    (ALLOW, {}, run_is_there),
    (ALLOW, {}, no_template),
    (ALLOW, {}, no_data),
    (ALLOW, {}, another_template),
    ({**ALLOW, "max_runs": 7}, {}, nothing),
    ({**ALLOW, "pause_on_failures": 2}, {}, nothing),
    ({"overlap": "buffer_one"}, {}, ended("finished")),
    ({"overlap": "replace"}, {}, nothing),
    (ALLOW, {"ttl": 60}, nothing),
]


def effect(redis: redis_py.Redis, job: Any, policies: dict[str, Any], arrange: Arrange) -> tuple[Any, Any, int]:
    """What two schedules, one of which is as arranged, have left and answered after their second fire; and how often
    it looked for a job, as the long way does."""
    redis.flushall()
    clock, store = ManualTime(redis, Store(redis).keys), Store(redis, clock=MANUAL_CLOCK)
    clock.set(NOW)
    put(store, *(new(redis, id, NOW, of=spec(**policies), job=job) for id in ("s", "t")))
    commit_all(store, *(fire_of(store, id, now=NOW) for id in ("s", "t")))
    finish(redis, run_id("t", NOW))
    clock.set(NOW + 60 * US)
    fires = [fire_of(store, id, now=NOW + 60 * US) for id in ("s", "t")]
    arrange(redis, run_id("s", NOW))
    redis.config_resetstat()
    answers = commit_all(store, *fires, tell=False)
    state = snapshot(redis)
    # Of a batch, what is plain comes first.
    queue, ttl = state[b"rq:queue:default"]
    state[b"rq:queue:default"] = sorted(queue), ttl
    return state, answers, commands(redis).get("exists", 0)


@pytest.mark.parametrize(
    ("plain", "policies", "options", "arrange"), [(True, *each) for each in PLAIN] + [(False, *each) for each in OTHERS]
)
def test_both_ways_leave_the_same(
    redis: redis_py.Redis,
    the_long_way: Any,
    plain: bool,
    policies: dict[str, Any],
    options: dict[str, Any],
    arrange: Arrange,
) -> None:
    job = job_fields(redis, **options)
    state, answers, looks = effect(redis, job, policies, arrange)
    if plain:
        assert looks == 0, "it went the long way"
    the_long_way()
    assert effect(redis, job, policies, arrange)[:2] == (state, answers)
