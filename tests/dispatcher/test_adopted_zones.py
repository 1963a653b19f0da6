"""Cron strings of 0.14 whose pending time was worked out in another zone, as under Django: what adoption makes of them.

They stand in Redis as 0.14 writes them; the clock is moved by hand.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

from making import INDEX, add, dispatcher, entry, finish
from rq_scheduler import Cron, Scheduler
from rq_scheduler.clock import to_us
from rq_scheduler.dispatcher import LogEvents, Options
from rq_scheduler.dispatcher.log_rate_limit import MAX_LINES
from rq_scheduler.store import Store
from rq_scheduler.testing import ManualClock, ManualDispatcher

EVENING = datetime(2026, 11, 28, 20, tzinfo=UTC)
NIGHTLY = "30 2 * * *"
BERLIN, NEW_YORK, UTC_ZONE = "Europe/Berlin", "America/New_York", "UTC"

Run = tuple[str, str]


def night(hour: int, minute: int = 30, day: int = 29) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def tomorrow(hour: int, minute: int = 30) -> datetime:
    """By the real clock, a day away at least."""
    return datetime.now(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0) + timedelta(days=2)


def adopt(redis: redis_py.Redis, *zones: str) -> None:
    """The first look of a dispatcher at all that is pending."""
    one = dispatcher(redis, LogEvents(), options=Options(adopt_timezones=zones or ("UTC",)))
    while one._sweep.unfinished:
        one._sweep.step()


@pytest.fixture
def by_0_14(store: Store, redis: redis_py.Redis) -> Callable[..., None]:
    """`by_0_14("id", night(1))`: a cron job of 0.14 that waits for this time."""

    def write(id: str, pending: datetime, cron_string: str = NIGHTLY, **meta: Any) -> None:
        meta = {"cron_string": cron_string, "use_local_timezone": False, **meta}
        add(store, entry(redis, id, to_us(pending), meta=meta, result_ttl=-1))

    return write


@pytest.fixture
def serve(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Run]]:
    """`serve("2d", BERLIN)`: what a dispatcher with these --adopt-timezone hands off, as (id, when in UTC)."""
    monkeypatch.setenv("TZ", "UTC")
    scheduler = Scheduler(connection=redis)
    clock = ManualClock(EVENING)

    def run(length: str, *zones: str) -> list[Run]:
        with ManualDispatcher(scheduler, clock, options=Options(adopt_timezones=zones)) as dispatcher:
            runs: list[Run] = []
            for _ in range(int(length.removesuffix("d")) * 24):
                for job in dispatcher.tick("1h"):
                    runs.append((job.id, f"{job.at:%d %H:%M}"))
                    finish(redis, job.id)
            return runs

    return run


Serve = Callable[..., list[Run]]
Write = Callable[..., None]


@pytest.mark.parametrize(
    ("pending", "first"),
    [(night(1), "29 01:30"), (night(7), "29 07:30"), (night(21, 0, day=28), "28 21:00"), (night(13), "29 13:30")],
    ids=["Berlin", "New York", "Kolkata", "Auckland"],
)
def test_it_runs_at_its_pending_time_and_not_a_second_time_that_night(
    by_0_14: Write, serve: Serve, pending: datetime, first: str
) -> None:
    by_0_14("nightly", pending)
    assert serve("3d") == [("nightly", first), ("nightly", "30 02:30"), ("nightly", "01 02:30")]


def test_the_zone_given_is_right_from_the_first_night_on(by_0_14: Write, serve: Serve) -> None:
    by_0_14("nightly", night(1))
    assert serve("2d", BERLIN) == [("nightly", "29 01:30"), ("nightly", "30 01:30")]


def test_each_takes_the_one_of_several_zones_that_fits(by_0_14: Write, serve: Serve, redis: redis_py.Redis) -> None:
    by_0_14("berlin", night(1))
    by_0_14("new-york", night(7))
    by_0_14("moved", night(4, 44))
    by_0_14("tokyo", night(17))
    assert serve("2d", BERLIN, NEW_YORK) == [
        *[("berlin", "29 01:30"), ("moved", "29 04:44"), ("new-york", "29 07:30"), ("tokyo", "29 17:30")],
        *[("berlin", "30 01:30"), ("moved", "30 01:30"), ("new-york", "30 07:30")],
    ]
    zones = {stored.id: stored.trigger for stored in Scheduler(connection=redis).schedules}
    assert {id: trigger.timezone for id, trigger in zones.items() if isinstance(trigger, Cron)} == {
        "berlin": BERLIN, "new-york": NEW_YORK, "moved": BERLIN, "tokyo": BERLIN,
    }  # fmt: skip


def test_what_a_caller_has_moved_runs_then_and_by_its_string_again(by_0_14: Write, serve: Serve) -> None:
    by_0_14("moved", night(1, 17))
    assert serve("2d") == [("moved", "29 01:17"), ("moved", "29 02:30"), ("moved", "30 02:30")]


def test_one_that_was_overdue_runs_once(by_0_14: Write, serve: Serve) -> None:
    """0.14 was stopped for days: of all that passed, one run."""
    by_0_14("nightly", night(1, day=26))
    assert serve("1d") == [("nightly", "28 20:00"), ("nightly", "29 02:30")]


def test_what_comes_is_shown_as_it_will_be(by_0_14: Write, redis: redis_py.Redis) -> None:
    pending = tomorrow(1)
    by_0_14("nightly", pending)
    adopt(redis)
    scheduler = Scheduler(connection=redis)
    following = pending + timedelta(days=1, hours=1)
    assert scheduler.schedules["nightly"].upcoming(2) == [pending, following]
    scheduler.change_execution_time("nightly", pending + timedelta(hours=3))
    assert scheduler.schedules["nightly"].upcoming(2) == [pending + timedelta(hours=3), following]


def test_an_edited_string_is_read_in_the_zone_that_the_job_has(
    by_0_14: Write, serve: Serve, redis: redis_py.Redis
) -> None:
    by_0_14("nightly", night(1))
    assert serve("1d", UTC_ZONE, BERLIN) == [("nightly", "29 01:30")]
    job = Scheduler(connection=redis).get_job("nightly")
    assert job is not None
    job.meta["cron_string"] = "0 4 * * *"
    job.save()
    assert serve("2d") == [("nightly", "30 01:30"), ("nightly", "30 03:00"), ("nightly", "01 03:00")]


def test_the_log_names_the_time_the_zones_and_the_remedy(
    by_0_14: Write, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    by_0_14("nightly", night(1))
    by_0_14("right", night(2))
    by_0_14("moved", night(1, 17))
    with caplog.at_level(logging.WARNING, "rq_scheduler"):
        serve("1d")
    (said,) = [record for record in caplog.records if getattr(record, "action", "") == "misread"]
    text = said.getMessage()
    assert text.startswith("nightly: the pending time of cron '30 2 * * *', 2026-11-29T01:30:00+00:00, is none")
    assert "in UTC, but would be in Europe/Berlin, Europe/Paris" in text
    assert text.endswith("rqscheduler timezone nightly ZONE")


def test_many_are_told_by_their_number(redis: redis_py.Redis, by_0_14: Write, caplog: pytest.LogCaptureFixture) -> None:
    for n in range(MAX_LINES + 7):
        by_0_14(f"nightly-{n}", tomorrow(1))
    with caplog.at_level(logging.INFO, "rq_scheduler"):
        adopt(redis)
    said = [record.getMessage() for record in caplog.records if getattr(record, "action", "") == "misread"]
    assert len(said) == MAX_LINES + 1
    assert "7 more cron string(s)" in said[-1]
    assert "rqscheduler timezone --all ZONE" in said[-1]
    assert redis.zcard(INDEX) == MAX_LINES + 7
