"""What runs next across all schedules, whatever is stored: the exact answer, at a cost that does not grow."""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
import redis as redis_py
from rq import Queue
from rq.job import Job

import jobs_for_tests as jobs
from making import INDEX, US, adopt, record_of, recurring, snapshot
from rq_scheduler import Every, Schedule, Scheduler
from rq_scheduler.client.schedules import Schedules, UpcomingRun
from rq_scheduler.clock import from_us, to_us
from rq_scheduler.model import Spec
from rq_scheduler.store import Store
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START, after, offsets

pytestmark = pytest.mark.once

JOBS = "rq:scheduler:schedules:jobs"
SECONDS_OF_START = START.timestamp()


def exactly(schedules: Schedules, limit: int) -> list[UpcomingRun]:
    """The answer, from the instants of every schedule there is."""
    runs = heapq.merge(
        *([(due, one.id, nominal) for nominal, due in islice(one.instants(), limit)] for one in schedules)
    )
    return [UpcomingRun(id, from_us(nominal), from_us(due)) for due, id, nominal in islice(runs, limit)]


def assert_listed_as_due(redis: redis_py.Redis) -> None:
    """Every recurring job of the 0.14 API is in its list with the due time that it has in the index."""
    listed = dict(redis.zrange(JOBS, 0, -1, withscores=True))
    assert listed == {id: redis.zscore(INDEX, id) for id in listed}


def contents(redis: redis_py.Redis) -> dict[bytes, Any]:
    """What stands under each key; a dispatcher's own lock expires meanwhile."""
    return {key: content for key, (content, _) in snapshot(redis).items()}


def one_offs(redis: redis_py.Redis, number: int, first: float = SECONDS_OF_START) -> None:
    """Entries of the index that are due one after the other from then on."""
    for start in range(0, number, 5000):
        redis.zadd(INDEX, {f"one-{n:07d}": first + n / 1000 for n in range(start, min(number, start + 5000))})


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 12))])
def test_it_is_exact(
    redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules, seed: int
) -> None:
    dice = random.Random(seed)
    one_offs(redis, dice.choice([0, 20, 700]))
    for n in range(dice.choice([0, 5, 40])):
        options: dict[str, Any] = {"paused": dice.random() < 0.2, "jitter": dice.choice([None, 30])}
        if dice.random() < 0.2:
            options["max_runs"] = dice.choice([1, 2])
        schedules.put(f"s-{n:02d}", Every(dice.choice([1, 7, 60, 90, 3600])), jobs.nothing, **options)
    for n in range(dice.choice([1, 5, 40])):
        scheduler.schedule(
            after(dice.choice([1, 5, 60, 61, 4000])),
            jobs.nothing,
            interval=dice.choice([3, 60, 3600]),
            repeat=dice.choice([None, 1, 3]),
            jitter=dice.choice([None, 20]),
            id=f"r-{n:02d}",
        )
    if dice.random() < 0.5:
        dispatcher.tick(dice.choice([1, 90]))
    assert_listed_as_due(redis)
    at = dispatcher.clock.now().timestamp()
    foreign: list[Callable[[bytes], Any]] = [
        lambda job: redis.zadd(INDEX, {job: at + dice.choice([1, 500, 9000])}),  # to later, mostly
        lambda job: redis.zadd(INDEX, {job: SECONDS_OF_START - 10}),  # to the front
        lambda job: redis.zrem(INDEX, job),
        lambda job: redis.delete(f"rq:scheduler:schedule:{job.decode()}"),
        lambda job: redis.zadd(JOBS, {job: 0}),
    ]
    for id in dice.sample(redis.zrange(JOBS, 0, -1), dice.randint(0, redis.zcard(JOBS))):
        dice.choice(foreign)(id)
    if redis.zcard(INDEX) > 300:  # a foreign hand's move is seen at once where it is to the front, or to later
        for id, listed in redis.zrange(JOBS, 0, -1, withscores=True):
            if SECONDS_OF_START < (redis.zscore(INDEX, id) or 0) < listed:
                redis.zadd(JOBS, {id: redis.zscore(INDEX, id)})
    before = contents(redis)
    for limit in (1, 2, 10, 150):
        assert schedules.upcoming(limit=limit) == exactly(schedules, limit)
    within = [run for run in exactly(schedules, 1000) if run.due <= dispatcher.clock.now() + (after(100) - START)]
    assert schedules.upcoming(within=100, limit=1000) == within[:1000]
    assert contents(redis) == before


class TestTheListOfRecurringJobs:
    """It follows the index with everything that we do to an entry."""

    @pytest.fixture
    def old(self, scheduler: Scheduler, dispatcher: ManualDispatcher) -> Job:
        return scheduler.schedule(after(60), jobs.nothing, interval=60, jitter=20, id="old")

    def test_when_it_is_made_and_made_anew(self, redis: redis_py.Redis, scheduler: Scheduler, old: Job) -> None:
        assert_listed_as_due(redis)
        scheduler.schedule(after(30), jobs.nothing, interval=60, id="old")
        assert redis.zscore(JOBS, "old") == SECONDS_OF_START + 30

    def test_when_it_fires_and_is_skipped(
        self, redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules, old: Job
    ) -> None:
        for _ in range(2):
            dispatcher.tick(80)
            assert_listed_as_due(redis)
        assert (schedules["old"].runs, schedules["old"].skipped) == (1, 1)

    def test_when_its_time_is_changed(self, redis: redis_py.Redis, scheduler: Scheduler, old: Job) -> None:
        for moment in (after(5), after(500)):
            scheduler.change_execution_time(old, moment)
            assert redis.zscore(JOBS, "old") == moment.timestamp()

    def test_when_its_zone_is_changed(
        self, redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules
    ) -> None:
        scheduler.cron("0 20 * * *", jobs.nothing, id="old", timezone="UTC")
        for zone, hours in (("Asia/Tokyo", 23), ("Europe/Paris", 7)):
            schedules.change_timezone("old", zone)
            assert_listed_as_due(redis)
            assert redis.zscore(JOBS, "old") == after(hours=hours).timestamp()

    def test_when_it_is_handed_off_through_rq(self, redis: redis_py.Redis, scheduler: Scheduler, old: Job) -> None:
        scheduler.enqueue_job(old)
        assert_listed_as_due(redis)
        assert redis.zscore(JOBS, "old") >= SECONDS_OF_START + 120

    def test_and_of_a_wrong_type_does_not_hold_that_up(
        self, redis: redis_py.Redis, scheduler: Scheduler, old: Job
    ) -> None:
        redis.set(JOBS, "x")
        scheduler.enqueue_job(old)
        assert Queue(connection=redis).job_ids == ["old"]

    def test_when_it_is_brought_back_from_quarantine(
        self, redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher, old: Job
    ) -> None:
        due = redis.zscore(INDEX, "old")
        store = scheduler._store
        assert store.quarantine("old", round(due * US), "on purpose")
        assert redis.zscore(JOBS, "old") is None
        store.retry_entries(["old"])
        assert redis.zscore(JOBS, "old") == due

    def test_when_one_of_0_14_is_adopted(self, redis: redis_py.Redis, scheduler: Scheduler) -> None:
        job = Job.create(jobs.nothing, connection=redis, id="old", origin="default", status="scheduled", result_ttl=-1)
        job.meta["interval"] = 60
        job.save()
        redis.zadd(INDEX, {"old": after(60).timestamp()})
        adopt(scheduler._store, record_of(scheduler._store, "old"), Spec(trigger=Every(60)))
        assert redis.zscore(JOBS, "old") == after(60).timestamp()

    def test_and_at_the_daily_look_where_another_hand_has_moved_it(
        self, redis: redis_py.Redis, scheduler: Scheduler, old: Job
    ) -> None:
        redis.zadd(INDEX, {"old": SECONDS_OF_START + 7})
        scheduler._store.tend_schedules(0, 100)
        assert redis.zscore(JOBS, "old") == SECONDS_OF_START + 7


def test_one_that_fires_while_it_is_read_comes_once_each(
    redis: redis_py.Redis, dispatcher: ManualDispatcher, schedules: Schedules, monkeypatch: pytest.MonkeyPatch
) -> None:
    for id in ("a", "b", "c"):
        schedules.put(id, Every(60), jobs.nothing)
    store, views = schedules._store, schedules._writer.views

    def late(ids: Any) -> Any:
        if "a" in ids:
            dispatcher.tick(60)
        return views(ids)

    monkeypatch.setattr(schedules._writer, "views", late)
    monkeypatch.setattr("rq_scheduler.store.schedules.COMING", 1)
    monkeypatch.setattr("rq_scheduler.client.schedules.upcoming.PAGE", 1)
    found = schedules.upcoming(limit=6)
    assert [(run.schedule_id, *offsets([run.due])) for run in found] == [
        (id, at) for at in (120, 180) for id in ("a", "b", "c")
    ]
    assert isinstance(store, Store)


def scripts_and_commands(redis: redis_py.Redis, act: Callable[[], Any]) -> Counter[str]:
    """How often each command is called, those in scripts too."""
    act()  # the server knows the scripts from here on
    redis.config_resetstat()
    act()
    told: Any = redis.info("commandstats")
    calls = {name.removeprefix("cmdstat_"): each["calls"] for name, each in told.items()}
    return Counter({name: n for name, n in calls.items() if name.split("|")[0] not in ("config", "info", "client")})


def test_its_first_page_costs_the_same_whatever_is_stored(
    redis: redis_py.Redis, scheduler: Scheduler, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    costs: list[list[Counter[str]]] = []
    for number in (1000, 3000):
        one_offs(redis, 5 * number)
        made = [Schedule(f"s{n:05d}", Every(90_000 + n), jobs.nothing) for n in range(number)]
        schedules.sync(made, "tests")
        first = to_us(after(100_000))
        for some in (range(n, n + 250) for n in range(0, number, 250)):
            scheduler._store.save([recurring(redis, f"r{n:05d}", first + n * US) for n in some])
        acts: list[Callable[[], Any]] = [
            lambda: schedules.upcoming(limit=20),
            lambda: schedules.upcoming(within="1m"),
            lambda: schedules.upcoming(within="2d", limit=50),
        ]
        costs.append([scripts_and_commands(redis, act) for act in acts])
    assert costs[0] == costs[1]
    assert [cost["evalsha"] for cost in costs[0]] == [3, 3, 4], costs


def test_many_one_offs_in_front_are_not_walked(
    redis: redis_py.Redis, scheduler: Scheduler, clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    one_offs(redis, 20_000)
    scheduler.schedule(after(86_400), jobs.nothing, interval=60, id="old")
    cost = scripts_and_commands(redis, lambda: schedules.upcoming(limit=1))
    assert [run.schedule_id for run in schedules.upcoming(limit=1)] == ["old"]
    assert cost.total() < 20, cost
