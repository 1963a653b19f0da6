"""The traceback of a run that failed: where a page leads to it, and what it shows."""

import re
from html import unescape

import pytest
import redis as redis_py
from rq.utils import now, utcformat
from starlette.testclient import TestClient

from making import leave_traceback
from rq_scheduler import Scheduler
from support import wait_until
from web.pages.conftest import MakePages
from web.pages.test_pages import HOSTILE, text_of

TEXT = f'Traceback (most recent call last):\n  File "/app/shop.py", line 8, in pay\nOSError: {HOSTILE}'


@pytest.fixture
def failed(pages: TestClient, scheduler: Scheduler, nightly: str, redis: redis_py.Redis) -> str:
    """The job of a run that failed."""
    pages.post(f"/schedules/{nightly}/run", data={"once": "a"})
    (job,) = redis.lpop("rq:queue:default", 1)
    ended = {"started_at": utcformat(now()), "ended_at": utcformat(now())}
    redis.hset(f"rq:job:{job.decode()}", mapping={"status": "failed", **ended})
    leave_traceback(redis, job.decode(), TEXT)
    wait_until(lambda: scheduler.run(burst=True) or scheduler.schedules[nightly].failed_in_a_row)
    wait_until(lambda: scheduler.run(burst=True) or scheduler.schedules.runs(nightly)[0].error)
    return job.decode()


def test_from_its_schedule_and_from_why(pages: TestClient, pages_of: MakePages, nightly: str, failed: str) -> None:
    there = f"/jobs/{failed}/traceback"
    for page in (f"/schedules/{nightly}", f"/why?id={failed}"):
        assert f'href="{there}"' in pages.get(page).text, page
        assert there not in pages_of("viewer").get(page).text, page
    html = pages.get(there).text
    assert "<script>alert" not in html
    assert 'File "/app/shop.py", line 8, in pay' in text_of(html)
    assert f"rqscheduler jobs traceback {failed}" in unescape(html)
    assert pages_of("viewer").get(there).status_code == 403


def test_its_end_where_it_is_long(pages: TestClient, redis: redis_py.Redis) -> None:
    leave_traceback(redis, "long", "\n".join(f"line {number}" for number in range(50_000)))
    html = pages.get("/jobs/long/traceback").text
    shown = re.findall(r"^line (\d+)$", html, re.MULTILINE)
    assert shown[-1] == "49999"
    left_out = int(re.findall(r"([\d,]+) lines before these", html)[0].replace(",", ""))
    assert abs(left_out + len(shown) - 50_000) <= 1, "one may be cut"
    assert len(html) < 200_000


def test_where_there_is_none(pages: TestClient, scheduler: Scheduler) -> None:
    answer = pages.get("/jobs/nobody/traceback")
    assert answer.status_code == 404
    assert "RQ has no traceback of 'nobody'" in text_of(answer.text)
