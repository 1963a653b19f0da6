"""What the page Why leads to, beside the answer."""

from datetime import UTC, datetime, timedelta

from starlette.testclient import TestClient

from rq_scheduler import At, Every, Scheduler
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
