"""What `status` reads of what needs a person."""

import pytest
import redis as redis_py

from making import US, now_us
from rq_scheduler import Every, Scheduler
from rq_scheduler.store import Store
from rq_scheduler.store.survey import Survey
from rq_scheduler.store.troubles import Some, Troubles

pytestmark = pytest.mark.leaves("rq:scheduler:not_run", "rq:scheduler:schedules:failing", "rq:scheduler:schedules:late")


@pytest.fixture
def survey(redis: redis_py.Redis) -> Survey:
    return Survey(redis)


def test_where_there_are_none(redis: redis_py.Redis, survey: Survey) -> None:
    assert survey.troubles(now_us(redis)) == Troubles()


def test_failing_and_overdue_ones_are_counted_and_the_first_named(redis: redis_py.Redis, survey: Survey) -> None:
    for what in ("failing", "late"):
        redis.zadd(survey.keys.schedules_of(what), {f"{what}-{n:02}": 0 for n in range(30)})
    found = survey.troubles(now_us(redis))
    assert found.failing == Some(30, tuple(f"failing-{n:02}" for n in range(10)))
    assert found.late.first[0] == "late-00"


def test_who_has_paused_one(redis: redis_py.Redis, store: Store, survey: Survey) -> None:
    schedules = Scheduler(connection=redis).schedules
    for id in ("by-a-person", "broken"):
        schedules.put(id, Every("1h"), "jobs_for_tests.nothing")
    schedules.pause("by-a-person", "the disk is full")
    redis.hset(
        store.keys.schedule("broken"), mapping={"paused": "1", "paused_by": "", "note": "paused after 3 failed runs"}
    )
    redis.zadd(store.keys.schedules_of("paused"), {"broken": 0})
    assert survey.troubles(now_us(redis)).paused == Some(1, ("broken",))


def test_what_was_missed_within_a_day(redis: redis_py.Redis, survey: Survey) -> None:
    now = now_us(redis)
    lines = {
        f"old m {now}": now / US - 90_000,
        f"a m {now}": now / US - 5,
        f"a m {now - 1}": now / US,
        f"b k {now}": now / US,
    }
    redis.zadd(survey.keys.not_run, lines)
    assert survey.troubles(now).missed == Some(1, ("a",), first_us=now - 1)


def test_outages_and_suspended_workers(redis: redis_py.Redis, survey: Survey) -> None:
    now = now_us(redis)
    redis.zadd(survey.keys.outages, {f"{now - 60 * US} {now} fleet": now / US, "nonsense": now / US, "1 2 fleet": 2})
    redis.set("rq:suspended", 1)
    found = survey.troubles(now)
    assert [(line.ended - line.began, line.cause) for line in found.outages] == [(60 * US, "fleet")]
    assert found.suspended


def test_definitions_that_were_changed_within_a_day(redis: redis_py.Redis, survey: Survey) -> None:
    for actor, hours in (("anna", "1h"), ("ben", "2h"), ("cleo", "3h")):
        schedules = Scheduler(connection=redis, actor=actor).schedules
        schedules.put("new" if actor == "cleo" else "changed", Every(hours), "jobs_for_tests.nothing")
    schedules.put("new", Every("4h"), "jobs_for_tests.nothing")
    schedules.pause("changed")
    found = survey.troubles(now_us(redis))
    assert (found.changed, found.changed_by) == (Some(2, ("new", "changed")), "cleo")
    tomorrow = survey.troubles(now_us(redis) + 86_400 * US)
    assert (tomorrow.changed, tomorrow.changed_by) == (Some(), "")


def test_a_key_of_a_wrong_type_hides_nothing_else(redis: redis_py.Redis, survey: Survey) -> None:
    for key in (survey.keys.schedules_of("failing"), survey.keys.schedules_of("paused"), survey.keys.outages):
        redis.set(key, "x")
    redis.zadd(survey.keys.schedules_of("late"), {"a": 0})
    assert survey.troubles(now_us(redis)) == Troubles(late=Some(1, ("a",)))
