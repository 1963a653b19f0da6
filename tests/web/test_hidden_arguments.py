"""Values of arguments are for operators: viewers are never shown any, and nobody with `hide_arguments`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from starlette.testclient import TestClient

from making import leave_traceback
from rq_scheduler import Every, Scheduler
from web.conftest import HOST, REPORT, MakeClient

pytestmark = pytest.mark.once

API = "/api/v1"
SECRET = "s3cr3t"
PATHS = (
    *("/", "/schedules", "/schedules?q=report", "/schedules/a", "/schedules/a/edit", "/schedules/a/why"),
    *("/schedules/series", "/jobs", "/jobs/b", "/jobs?q=report", "/jobs/series", "/why?id=b", "/audit", "/events"),
    *("/quarantine", "/load", "/schedules/a/pause", "/schedules/a/delete", "/jobs/b/traceback"),
    *(f"{API}/{path}" for path in ("schedules", "schedules/a", "schedules/a/versions", "schedules/a/explain")),
    *(f"{API}/{path}" for path in ("schedules/a/runs", "schedules/series", "jobs", "jobs/b", "audit", "events")),
    *(f"{API}/{path}" for path in ("upcoming", "quarantine", "status", "jobs/b/traceback")),
)


@pytest.fixture
def furnished(scheduler: Scheduler, redis: redis_py.Redis) -> Scheduler:
    """A schedule that was changed, a one-off with a description, and a recurring job."""
    soon = datetime.now(UTC) + timedelta(hours=1)
    for number in (1, 2):
        scheduler.schedules.put(
            *("a", Every("1h"), REPORT),
            description=f"{SECRET} {number}",
            kwargs={"name": f"{SECRET} {number}"},
            meta={"key": SECRET},
        )
    scheduler.enqueue_at(soon, REPORT, SECRET, job_id="b", job_description=f"told {SECRET}", meta={"key": SECRET})
    scheduler.schedule(soon, REPORT, args=[SECRET], interval=3600, id="series")
    leave_traceback(redis, "b", f"ValueError: {SECRET}")
    return scheduler


def shown(client: TestClient) -> dict[str, str]:
    client.headers["origin"] = HOST
    found: dict[str, str] = {}
    for path in PATHS:
        answer = client.get(path, headers={"accept": "application/json" if path.startswith(API) else "text/html"})
        assert answer.status_code in (200, 403), path  # viewers see no form
        found[path] = answer.text
    return found


@pytest.mark.parametrize(
    ("role", "settings"), [("viewer", {}), ("operator", {"hide_arguments": True})], ids=["viewers", "where it is set"]
)
def test_they_are_hidden(furnished: Scheduler, client_of: MakeClient, role: str, settings: dict[str, Any]) -> None:
    found = shown(client_of(role, **settings))
    assert [path for path, text in found.items() if SECRET in text] == []
    assert f"{REPORT}(…)" in found["/jobs"]
    assert f"{REPORT}(…)" in found[f"{API}/schedules/a"]
    assert client_of(role, **settings).get(f"{API}/jobs?call={SECRET}").json()["jobs"] == []


def test_operators_see_them(furnished: Scheduler, client_of: MakeClient) -> None:
    found = shown(client_of())
    assert {"/schedules/a", "/schedules/a/edit", "/jobs", f"{API}/schedules/a"} <= {
        path for path, text in found.items() if SECRET in text
    }


def test_an_edit_leaves_what_it_may_not_show(furnished: Scheduler, client_of: MakeClient) -> None:
    client = client_of(hide_arguments=True)
    answer = client.patch(f"{API}/schedules/a", json={"tags": ["seen"]}, headers={"if-match": "*"})
    assert answer.status_code == 200, answer.text
    assert SECRET not in answer.text
    definition = furnished.schedules["a"].definition
    assert (definition.tags, definition.kwargs) == (("seen",), {"name": f"{SECRET} 2"})
    answer = client.patch(f"{API}/schedules/a", json={"kwargs": {"name": "other"}}, headers={"if-match": "*"})
    assert answer.status_code == 409
    assert "put the whole definition" in answer.json()["detail"]
