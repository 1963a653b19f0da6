"""What the page Why leads to, beside the answer."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import redis as redis_py
from starlette.testclient import TestClient

from making import dispatcher
from making_schedules import put_due
from rq_scheduler import At, Cron, Every, Run, Scheduler
from rq_scheduler.clock import from_us
from rq_scheduler.model import Spec
from support import wait_until
from web.conftest import REPORT
from web.pages.test_pages import text_of


def test_what_else_waits_for_the_worker_that_is_missing(pages: TestClient, scheduler: Scheduler) -> None:
    put, soon = scheduler.schedules.put, datetime.now(UTC) + timedelta(days=1)
    for id in ("feed", "catalog", "images"):
        put(id, Every("1h"), REPORT, queue_name="exports")
    put("elsewhere", At(soon), REPORT, queue_name="reports")
    job = scheduler.schedules.run_now("feed")
    assert job is not None
    html = pages.get(f"/why?id={job.id}").text
    said = text_of(html)
    assert "rq worker exports" in said
    cause = said.partition("The same cause")[2].partition("From a terminal")[0]
    assert "catalog, not run yet" in cause
    assert "images, not run yet" in cause
    assert "elsewhere" not in cause
    assert 'href="/schedules?queue=exports"' in html
    assert "The same cause" not in text_of(pages.get("/why?id=elsewhere").text)


FORM = ("since", "until", "zone", "once")


def follows_of(html: str) -> str:
    return text_of(html).partition("What follows")[2].partition("Its other runs")[0]


def asked_about(pages: TestClient, **query: str) -> str:
    return pages.get("/why", params=query).text


def test_what_follows_upon_a_run_that_waits_and_one_that_was_skipped(
    pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis
) -> None:
    scheduler.schedules.put("feed", Every("1s"), REPORT)
    one = dispatcher(redis)

    def skipped() -> Run | None:
        one.dispatch_once()
        return next((run for run in scheduler.schedules.runs("feed") if run.outcome == "skipped"), None)

    run = wait_until(skipped)

    def told() -> str:
        one.dispatch_once()  # what is due by now is no next run
        return follows_of(asked_about(pages, id=run.held_up_by))

    wait_until(lambda: "runs, if the run before it has ended by then." in told())
    assert "starts as soon as a worker takes it; its time stays this one." in told()

    about = {"id": "feed", "at": run.nominal.isoformat()}
    wait_until(lambda: "Backfill it" in asked_about(pages, **about))
    html = asked_about(pages, **about)
    assert re.search(r"It was not paused [\d:]+ A dispatcher was there [\d:]+ It was skipped", text_of(html))
    assert "stays as it is. Backfill it" in follows_of(html)

    (link,) = re.findall(r'href="([^"]*/backfill[^"]*)">Backfill it', html)
    form = pages.get(unescape(link)).text
    filled = {name: re.findall(rf'name="{name}"[^>]* value="([^"]*)"', form)[0] for name in FORM}
    pages.post("/schedules/feed/backfill", data=filled)
    assert [made.nominal for made in scheduler.schedules.runs("feed") if made.outcome == "backfill"] == [run.nominal]


def test_a_backfilled_run_that_waits_holds_up_no_other(pages: TestClient, scheduler: Scheduler) -> None:
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    scheduler.schedules.put("feed", Every("1d", anchor=first), REPORT)
    (job_id,) = scheduler.schedules.backfill("feed", first, first + timedelta(seconds=1))
    follows = follows_of(asked_about(pages, id=job_id))
    assert follows.count("runs.") == 1
    assert "the run before it" not in follows


def test_what_follows_upon_a_run_that_is_buffered(
    pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis
) -> None:
    scheduler.schedules.put("feed", Every("1s"), REPORT, overlap="buffer_one")
    one = dispatcher(redis)

    def buffered() -> datetime | None:
        one.dispatch_once()
        found = scheduler.schedules.explain("feed")
        return found.at if found.cause == "buffered" else None

    about = {"id": "feed", "at": wait_until(buffered).isoformat()}

    def told() -> str:
        one.dispatch_once()  # what is due by now is no next run
        return follows_of(asked_about(pages, **about))

    wait_until(lambda: "runs, when the run before it has ended, if no other waits for that by then." in told())
    assert "starts when the run before it has ended; its time stays this one." in told()
    scheduler.schedules.pause("feed")
    follows = follows_of(asked_about(pages, **about))
    assert "starts when it is resumed, and the run before it has ended; its time stays this one." in follows


def test_what_follows_is_told_by_the_clock_of_the_answer(pages: TestClient, scheduler: Scheduler) -> None:
    scheduler.schedules.put("nightly", Cron("30 2 * * *", "Asia/Tokyo"), REPORT)
    html = asked_about(pages, id="nightly", at=(datetime.now(UTC) + timedelta(days=9)).date().isoformat())
    assert "Told by the clock of Asia/Tokyo." in html
    assert "02:30 runs." in follows_of(html)


def test_of_a_next_run_that_is_late_it_is_not_said_that_it_runs(
    pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis
) -> None:
    put_due(dispatcher(redis)._store, "late", ago=5_000_000, of=Spec(trigger=Every("1h", anchor=datetime.now(UTC))))
    follows = follows_of(asked_about(pages, id="late", at=(datetime.now(UTC) + timedelta(days=9)).isoformat()))
    assert re.search(r"[\d:]+ is due, and waits for a dispatcher\.", follows)


def test_the_next_run_does_not_follow_upon_itself(pages: TestClient, scheduler: Scheduler) -> None:
    """Its time is the one that the trigger names, and jitter has it due later."""
    scheduler.schedules.put("feed", Every("1h", anchor=datetime(2026, 1, 1, tzinfo=UTC)), REPORT, jitter="30m")
    stored = scheduler.schedules["feed"]
    nominal = from_us(next(stored.instants())[0])
    assert stored.next_run_at != nominal
    html = asked_about(pages, id="feed", at=nominal.isoformat())
    assert "What follows" not in text_of(html)
    html = asked_about(pages, id="feed", at=(nominal + timedelta(hours=3)).isoformat())
    assert "What follows" in text_of(html)
