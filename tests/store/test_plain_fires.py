"""A plain fire takes a short way through the script, which must leave just what the long way leaves: by a plan of its
own, and by one that schedules share."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py
from redis.exceptions import ResponseError

from making import US, finish, snapshot, waiting
from making_schedules import commit_all, fire_due, fire_of, job_fields, new, put, shared_of, spec
from rq_scheduler.runs import run_id
from rq_scheduler.store import Store, scripts
from rq_scheduler.store.clock import MANUAL_CLOCK, ManualTime
from rq_scheduler.store.due import Fired, SharedPlan
from rq_scheduler.store.handoff import Fenced
from rq_scheduler.store.schedules import JobFields

NOW = 1_774_656_000_000_000
SHORT = "return plan.mode == 'due'"

Arrange = Callable[[redis_py.Redis, str], object]


def commands(client: redis_py.Redis) -> dict[str, int]:
    told: Any = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): each["calls"] for name, each in told.items()}


@pytest.fixture
def the_long_way(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Takes the short way out of the script."""
    load = scripts.load

    def without(name: str, clock: str = scripts.SERVER_CLOCK, *, msgpack: bool = True) -> scripts.Script:
        source = load(name, clock, msgpack=msgpack).source
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


a_rev = fields(live="", rev="77")

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
    (SKIP, {}, a_rev),
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


def second_fires(redis: redis_py.Redis, job: Any, policies: dict[str, Any], arrange: Arrange) -> Any:
    """The second fires of two schedules, one of which is as arranged, and the store."""
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
    return store, fires


def state_of(redis: redis_py.Redis) -> Any:
    """All that was left: of a batch, what is plain comes first."""
    state = snapshot(redis)
    queue, ttl = state[b"rq:queue:default"]
    state[b"rq:queue:default"] = sorted(queue), ttl
    return state


def effect(redis: redis_py.Redis, job: Any, policies: dict[str, Any], arrange: Arrange) -> tuple[Any, Any, int]:
    """What they have left and answered; and how often it looked for a job, as the long way does."""
    store, fires = second_fires(redis, job, policies, arrange)
    answers = commit_all(store, *fires, tell=False)
    return state_of(redis), answers, commands(redis).get("exists", 0)


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


@pytest.mark.parametrize(("policies", "options", "arrange"), PLAIN)
def test_by_a_shared_plan_they_leave_the_same(
    redis: redis_py.Redis, policies: dict[str, Any], options: dict[str, Any], arrange: Arrange
) -> None:
    job = job_fields(redis, **options)
    state, answers, _ = effect(redis, job, policies, arrange)
    store, fires = second_fires(redis, job, policies, arrange)
    shared = shared_of(fires[1])
    page = fire_due(store, shared)
    assert page.due == []
    assert page.next_due == NOW + 120 * US, "what is armed now"
    assert page.fired == [Fired(shared, "default", sum(answer.runs for answer in answers))]
    state.pop(b"rq:scheduler_lock", None)
    left = state_of(redis)
    left.pop(b"rq:scheduler_lock", None)
    assert left == state


SHARED_ONLY: list[tuple[dict[str, Any], dict[str, Any], Arrange]] = [
    (SKIP, {}, fields(live="", updated=str(NOW + 60 * US + 1))),
    (SKIP, {}, fields(live="", updated="long ago")),
    (SKIP, {}, fields(live="", armed="")),
    (SKIP, {}, fields(live="", armed=f"{NOW}:{NOW + 60 * US}")),
    (SKIP, {}, lambda client, _: client.zadd("rq:scheduler:due_schedules", {"s": NOW / US + 59})),
    (SKIP, {}, lambda client, _: client.hset("rq:scheduler:schedule:s", "spec", "{}")),
    (SKIP, {}, lambda client, _: client.delete("rq:scheduler:schedule:s")),
    (SKIP, {}, lambda client, _: client.delete("rq:scheduler:schedule:s") and client.set("rq:scheduler:schedule:s", 1)),
]
COUNTS = ("max_runs", "pause_on_failures", "buffer_one")
NOT_BY_SHARED = [
    (policies, options, arrange)
    for policies, options, arrange in OTHERS
    if arrange is not a_rev  # nobody can have changed it in between
    and not any(name in {**policies, policies["overlap"]: 1} for name in COUNTS)  # no plan of those is shared
]


@pytest.mark.parametrize(("policies", "options", "arrange"), NOT_BY_SHARED + SHARED_ONLY)
def test_what_is_not_plain_by_a_shared_plan_is_left_as_it_was(
    redis: redis_py.Redis, policies: dict[str, Any], options: dict[str, Any], arrange: Arrange
) -> None:
    store, (_, other) = second_fires(redis, job_fields(redis, **options), policies, arrange)
    redis.zrem(store.keys.due_schedules, "t")
    before = snapshot(redis)
    page = fire_due(store, shared_of(other))
    assert ([armed.id for armed in page.due], page.fired) == (["s"], [])
    after = snapshot(redis)
    assert after.pop(b"rq:scheduler_lock")
    assert after == {key: value for key, value in before.items() if key != b"rq:scheduler_lock"}


class TestASharedPlan:
    @pytest.fixture
    def store(self, redis: redis_py.Redis) -> Store:
        ManualTime(redis, Store(redis).keys).set(NOW)
        return Store(redis, clock=MANUAL_CLOCK)

    def put_all(self, store: Store, count: int, **changes: Any) -> SharedPlan:
        """So many schedules that are due now; the plan of one of them."""
        job = changes.pop("job", None) or job_fields(store.connection)
        put(store, *(new(store.connection, f"s{n:03}", NOW, of=spec(), job=job, **changes) for n in range(count)))
        return shared_of(fire_of(store, "s000", now=NOW))

    def test_fires_a_page_and_the_next_goes_on_behind_it(self, redis: redis_py.Redis, store: Store) -> None:
        shared = self.put_all(store, 50)
        redis.hset(store.keys.schedule("s003"), "failures", 1)
        cursor, left = None, []
        for runs in (19, 20, 10):
            page = fire_due(store, shared, limit=20, cursor=cursor)
            assert page.fired == [Fired(shared, "default", runs)]
            left += [armed.id for armed in page.due]
            cursor = page.cursor
        assert cursor is None
        assert left == ["s003"]
        assert waiting(redis) == [run_id(f"s{n:03}", NOW) for n in range(50) if n != 3]

    def test_ends_the_page_with_so_many_fires(self, redis: redis_py.Redis, store: Store) -> None:
        shared = self.put_all(store, 30)
        redis.hset(store.keys.schedule("s003"), "failures", 1)
        first = fire_due(store, shared, fires=5)
        assert ([armed.id for armed in first.due], first.fired[0].runs) == (["s003"], 5)
        assert first.cursor == (b"%d" % (NOW // US), b"s005")
        rest = fire_due(store, shared, fires=25, cursor=first.cursor)
        assert (rest.due, rest.fired[0].runs, rest.cursor) == ([], 24, None)
        assert waiting(redis) == [run_id(f"s{n:03}", NOW) for n in range(30) if n != 3]

    def test_gives_those_that_it_leaves_as_a_read_does(self, redis: redis_py.Redis, store: Store) -> None:
        shared = self.put_all(store, 5)
        for id in ("s001", "s002"):
            redis.hset(store.keys.schedule(id), "failures", 1)
        redis.hset("rq:job:" + run_id("s003", NOW), "status", "queued")
        redis.zadd(store.keys.due_schedules, {"nobody": NOW / US})
        left = fire_due(store, shared).due
        assert sorted(armed.id for armed in left) == ["nobody", "s001", "s002", "s003"]
        assert sorted(left, key=lambda armed: armed.id) == store.read_due(None, 10, 0).due

    def test_one_of_several_and_several_queues(self, redis: redis_py.Redis, store: Store) -> None:
        shared = self.put_all(store, 3)
        other = job_fields(redis, "other")
        put(store, *(new(redis, id, NOW, of=spec(), job=other) for id in ("t", "u")))
        put(store, *(new(redis, id, NOW, of=spec(30)) for id in ("v", "w")))
        another = shared_of(fire_of(store, "v", now=NOW))
        page = fire_due(store, shared, another)
        assert {(fired.by, fired.queue, fired.runs) for fired in page.fired} == {
            (shared, "default", 3),
            (shared, "other", 2),
            (another, "default", 2),
        }
        assert waiting(redis, "other") == [run_id("t", NOW), run_id("u", NOW)]

    def test_leaves_only_those_that_remember_a_run(self, redis: redis_py.Redis, store: Store) -> None:
        shared = self.put_all(store, 3)
        redis.zadd(store.keys.buffered, {"s001": NOW / US + 5, "somebody": NOW / US + 5})
        page = fire_due(store, shared)
        assert [armed.id for armed in page.due] == ["s001"]
        assert waiting(redis) == [run_id("s000", NOW), run_id("s002", NOW)]

    def test_serves_no_instant_twice(self, redis: redis_py.Redis, store: Store) -> None:
        shared = self.put_all(store, 5)
        first, again = fire_due(store, shared), fire_due(store, shared)
        assert (len(first.fired), again.fired, again.due) == (1, [], [])
        assert len(waiting(redis)) == 5

    @pytest.mark.parametrize("late", [-1, 60 * US])
    def test_holds_for_its_time_only(self, redis: redis_py.Redis, store: Store, late: int) -> None:
        shared = self.put_all(store, 2)
        ManualTime(redis, store.keys).set(NOW + late)
        redis.zadd(store.keys.due_schedules, dict.fromkeys(("s000", "s001"), (NOW - US) / US), xx=True)
        redis.zadd(store.keys.due_schedules, {"s001": NOW / US})
        page = fire_due(store, shared)
        assert page.fired == []
        assert waiting(redis) == []

    def test_large_calls_wait_for_another_commit(self, redis: redis_py.Redis, store: Store) -> None:
        large = JobFields({**job_fields(redis).fields, "data": b"x" * 1000}, "f", "f()", "default")
        shared = self.put_all(store, 5, job=large)
        page = fire_due(store, shared, copies=2500)
        assert [fired.runs for fired in page.fired] == [2]
        assert [armed.id for armed in page.due] == ["s002", "s003", "s004"]

    def test_waits_while_something_else_holds_the_fence(self, redis: redis_py.Redis, store: Store) -> None:
        shared = self.put_all(store, 2)
        redis.set(store.keys.fence, "a daemon of 0.14", px=5000)
        answer = store.fire_due([shared], 10, 1000, None, 10, 0)
        assert isinstance(answer, Fenced)
        assert waiting(redis) == []

    def test_a_key_of_a_wrong_type_ends_it_before_it_writes(self, redis: redis_py.Redis, store: Store) -> None:
        shared = self.put_all(store, 2)
        redis.set("rq:queues", "x")
        before = snapshot(redis)
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            fire_due(store, shared)
        after = snapshot(redis)
        after.pop(b"rq:scheduler_lock", None)
        assert after == before
