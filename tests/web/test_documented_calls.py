"""docs/http.md: each call of its table is made, and no other call is served."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import redis as redis_py
from starlette.testclient import TestClient

from making import leave_traceback
from rq_scheduler import Every, Scheduler
from rq_scheduler.store import Store
from rq_scheduler.web.api.routes import ROUTES
from support import ROOT
from web.conftest import REPORT, MakeClient
from web.test_api_schedules import API, NIGHTLY

LATER = datetime(2030, 1, 1, tzinfo=UTC)
BESIDE = {
    *(("GET", path) for path in ("/events/stream", "/health/live", "/health/ready", "/metrics", "/openapi.json")),
    *(("POST", "/session"), ("DELETE", "/session")),
}
"""Served beside the table of routes."""

BODIES: dict[tuple[str, str], Any] = {
    ("PUT", "/schedules/{id}"): NIGHTLY,
    ("PATCH", "/schedules/{id}"): {"jitter": "2s"},
    ("POST", "/schedules/{id}/pause"): {"note": "disk full", "until": "2h"},
    ("POST", "/schedules/{id}/resume"): {},
    ("POST", "/schedules/{id}/runs"): {},
    ("POST", "/schedules/{id}/backfills"): {"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T03:00:00Z"},
    ("POST", "/schedules/{id}/undo"): {"version": 2},
    ("POST", "/schedules/preview"): {"cron": "30 2 * * *"},
    ("POST", "/schedules/bulk"): {"action": "pause", "tag": "reports", "dry_run": True},
    ("POST", "/jobs"): {"func": REPORT, "when": LATER.isoformat(), "args": ["x"]},
    ("POST", "/jobs/{id}/move"): {"when": "2031-01-01T00:00:00Z"},
    ("POST", "/jobs/{id}/stop"): {},
    ("POST", "/queues/{id}/move"): {"to": "default"},
    ("POST", "/quarantine/{id}/retry"): {},
}
QUERIES = {("POST", "/schedules/preview"): "?count=3&after=2026-01-01T00:00:00Z"}


def documented() -> list[tuple[str, str]]:
    """The calls of the table, written out: `...` stands for the last address of one thing."""
    page = (ROOT / "docs/http.md").read_text("utf-8")
    rows = [line for line in page.partition("## Calls")[2].partition("## Bounds")[0].splitlines() if line[:3] == "| `"]
    found: list[tuple[str, str]] = [("GET", "/openapi.json")]
    base = ""
    for row in rows:
        method = ""
        for method_given, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE)? ?([^`]*)`", row.split("|")[1]):
            method = method_given or method
            if path.startswith("/api/v1"):
                continue  # a prefix, named in passing
            path = path.partition("?")[0].replace("...", base) or base
            if "{id}" in path:
                base = path.partition("{id}")[0] + "{id}"
            found.append((method, path))
    return found


def test_all_that_is_served_and_nothing_else_is_documented() -> None:
    found = documented()
    assert len(found) == len(set(found))
    assert set(found) == {(route.method, route.path) for route in ROUTES} | BESIDE


@pytest.fixture
def furnished(scheduler: Scheduler, redis: redis_py.Redis) -> Scheduler:
    scheduler.schedules.put("one", Every("1h"), REPORT, tags=["reports"])
    scheduler.schedules.put("one", Every("2h"), REPORT, tags=["reports"])
    for id in ("job", "held"):
        scheduler.enqueue_at(LATER, REPORT, "x", job_id=id)
    Store(redis).quarantine("held", int(LATER.timestamp() * 1e6), "why")
    leave_traceback(redis, "job", "OSError: no space left")
    return scheduler


@pytest.mark.leaves("rq:*")
@pytest.mark.parametrize(("method", "path"), [one for one in documented() if one not in BESIDE])
def test_is_served_as_it_says(method: str, path: str, client: TestClient, furnished: Scheduler) -> None:
    id = {"/jobs": "job", "/quar": "held"}.get(path[:5], "one")
    call = method, path
    where = API + path.replace("{id}", id) + QUERIES.get(call, "")
    answer = client.request(method, where, json=BODIES.get(call))
    assert answer.status_code < 300, answer.text


def test_beside_the_table(client: TestClient, client_of: MakeClient, scheduler: Scheduler) -> None:
    stranger = client_of(None)
    assert stranger.get("/health/live").status_code == stranger.get("/health/ready").status_code == 200
    assert client.get("/metrics").status_code == 200
    assert client.get(f"{API}/openapi.json").json()["openapi"] == "3.1.0"
    token = scheduler.tokens.make("ann", "viewer")
    origin = {"origin": "http://localhost:8000"}
    assert stranger.post(f"{API}/session", json={"token": token}, headers=origin).status_code in (200, 201, 204)
    assert stranger.delete(f"{API}/session", headers=origin).status_code == 204
    assert client.post(f"{API}/events/stream").status_code == 405, "is there; it never ends (test_watch)"
