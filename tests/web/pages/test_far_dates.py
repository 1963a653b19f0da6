"""Moments in the first and the last hours of the calendar: in some zone each is in a year that there is not. No page
fails of them, in no zone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from starlette.testclient import TestClient

from rq_scheduler import At, Cron, RRule, Schedule, Scheduler
from rq_scheduler.store.keys import Keys
from web.conftest import REPORT

pytestmark = pytest.mark.once

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
DAILY = Cron("0 1 * * *", "UTC")
ZONES = ("America/Los_Angeles", "Asia/Tokyo")
"""Behind UTC, and ahead of it."""


def far_schedule(trigger: Any, **options: Any) -> Callable[[Scheduler], None]:
    return lambda scheduler: scheduler.schedules.put(Schedule("far", trigger, REPORT, **options))


def paused_for_ever(scheduler: Scheduler) -> None:
    scheduler.schedules.put(Schedule("far", DAILY, REPORT))
    scheduler.schedules.pause("far", until=LAST)


def paused_for_ever_once(scheduler: Scheduler) -> None:
    paused_for_ever(scheduler)
    scheduler.schedules.resume("far")


def last_one_off(scheduler: Scheduler) -> None:
    scheduler.enqueue_at(LAST, REPORT, job_id="far-job")


def scored(score: float) -> Callable[[Scheduler], None]:
    def arrange(scheduler: Scheduler) -> None:
        last_one_off(scheduler)
        scheduler.connection.zadd(Keys().scheduled_jobs, {"far-job": score})

    return arrange


@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(paused_for_ever, id="paused for ever"),
        pytest.param(paused_for_ever_once, id="and resumed"),
        pytest.param(far_schedule(At(LAST)), id="once, at the end"),
        pytest.param(far_schedule(DAILY, start=FIRST), id="from the beginning"),
        pytest.param(far_schedule(DAILY, end=LAST), id="to the end"),
        pytest.param(far_schedule(DAILY, start=LAST - timedelta(days=2)), id="from the end"),
        pytest.param(far_schedule(RRule("FREQ=DAILY;UNTIL=99991231T235959Z", timezone="UTC")), id="a rule to the end"),
        pytest.param(last_one_off, id="a one-off at the end"),
        pytest.param(scored(float("inf")), id="never"),
        pytest.param(scored(-1e300), id="long ago"),
        pytest.param(scored(FIRST.timestamp()), id="in the year 1"),
    ],
)
def test_no_page_fails(
    pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis, arrange: Callable[[Scheduler], None]
) -> None:
    arrange(scheduler)
    of_it = ("", "/edit", "/why", "/pause", "/backfill") if scheduler.schedules.get("far") else ()
    paths = ["/", "/schedules", "/audit", "/events", "/jobs", "/load", "/clock-changes", "/clock-changes/schedules"]
    paths += [f"/schedules/far{path}" for path in of_it]
    paths += [] if of_it else ["/jobs/far-job", "/jobs?q=far-job", "/why?id=far-job"]
    paths += ["/jobs?since=9999-12-31T23:59:59Z", "/jobs?since=0001-01-01T00:00Z"]
    failed: list[str] = []
    for zone in ZONES:
        pages.cookies.set("rqscheduler-zone", zone)
        failed += [f"{path} in {zone}: {got}" for path in paths if (got := pages.get(path).status_code) >= 500]
    assert failed == []


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59Z", "0001-01-01T00:00Z"])
@pytest.mark.parametrize("do", ["preview", "save"])
def test_no_form_fails(pages: TestClient, when: str, do: str) -> None:
    form = {"new_id": "far", "func": REPORT, "when_kind": "at", "when": when, "timezone": "Europe/Paris", "do": do}
    for zone in ZONES:
        pages.cookies.set("rqscheduler-zone", zone)
        assert pages.post("/new", data=form).status_code < 500
