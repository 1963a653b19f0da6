"""The document of the API says what is served, and all that is answered is as it says."""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
import redis as redis_py
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from starlette.testclient import TestClient

import jobs_for_tests as jobs
from rq_scheduler import Every, Scheduler
from rq_scheduler.store import Store
from rq_scheduler.web.api.openapi import document
from rq_scheduler.web.api.routes import ROUTES
from web.conftest import REPORT
from web.test_api_schedules import API, NIGHTLY

pytestmark = pytest.mark.once

DOCUMENT = json.loads(json.dumps(document(ROUTES, API)))
REGISTRY: Any = Registry().with_resource("urn:api", Resource(contents=DOCUMENT, specification=DRAFT202012))


def check(method: str, path: str, answer: Any) -> None:
    """Holds an answer against the document."""
    operation = DOCUMENT["paths"][API + path][method.lower()]
    said = operation["responses"][str(answer.status_code)]
    if "content" not in said:
        assert answer.content == b""
        return
    schema = said["content"][answer.headers["content-type"]]["schema"]
    validator = jsonschema.Draft202012Validator(
        {"$ref": f"urn:api{schema['$ref']}"} if "$ref" in schema else schema, registry=REGISTRY
    )
    validator.validate(answer.json())


class TestTheDocument:
    def test_has_every_call(self, client: TestClient) -> None:
        served = client.get(f"{API}/openapi.json").json()
        assert served == DOCUMENT
        assert served["openapi"] == "3.1.0"
        operations = [one for path in served["paths"].values() for one in path.values()]
        assert len(operations) == len(ROUTES) == len({one["operationId"] for one in operations})
        for one in operations:
            assert one["summary"]
            assert {"400", "401", "403", "404", "422", "429", "500", "503"} <= one["responses"].keys()

    def test_all_references_lead_somewhere(self) -> None:
        names = DOCUMENT["components"]["schemas"]

        def walk(value: Any) -> None:
            if isinstance(value, dict):
                if "$ref" in value:
                    assert value["$ref"].removeprefix("#/components/schemas/") in names
                for each in value.values():
                    walk(each)
            elif isinstance(value, list):
                for each in value:
                    walk(each)

        walk(DOCUMENT)
        for schema in names.values():
            jsonschema.Draft202012Validator.check_schema(schema)

    def test_definitions_are_described_as_files_are(self) -> None:
        definition = DOCUMENT["components"]["schemas"]["Schedule"]["properties"]
        assert {"func", "cron", "trigger", "overlap", "on_failure"} <= definition.keys()


@pytest.mark.leaves("rq:scheduler:*")
def test_answers_are_as_it_says(client: TestClient, scheduler: Scheduler, redis: redis_py.Redis) -> None:
    scheduler.schedules.put("a", Every("1h"), REPORT, tags=["x"], jitter="1s")
    job = scheduler.enqueue_at(datetime(2030, 1, 1, tzinfo=UTC), jobs.add, 1, 2)
    held = scheduler.enqueue_at(datetime(2030, 1, 1, tzinfo=UTC), jobs.add, 1, 2)
    place = Store(redis).find(held.id)
    assert place is not None
    Store(redis).quarantine(held.id, place.due, "why")
    asked: list[tuple[str, str, str, Any]] = [
        ("PUT", "/schedules/{id}", "b", NIGHTLY),
        ("PATCH", "/schedules/{id}", "b", {"jitter": "2s"}),
        ("POST", "/schedules/{id}/pause", "b", {}),
        ("POST", "/schedules/{id}/resume", "b", {}),
        ("POST", "/schedules/{id}/runs", "b", {}),
        ("POST", "/schedules/{id}/backfills", "a", {"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T09:00:00Z"}),
        ("POST", "/schedules/{id}/undo", "b", {"version": 2}),
        ("POST", "/schedules/bulk", "", {"action": "pause", "tag": "x", "dry_run": True}),
        ("POST", "/schedules/preview", "", {"cron": "* * * * *"}),
        ("POST", "/jobs", "", {"func": REPORT, "when": "2030-01-01T00:00:00+01:00", "args": ["x"]}),
        *(("GET", route.path, "a", None) for route in ROUTES if route.method == "GET"),
        ("GET", "/jobs/{id}", job.id, None),
        ("GET", "/jobs/{id}/traceback", job.id, None),
        ("GET", "/quarantine/{id}", held.id, None),
        ("DELETE", "/jobs/{id}", job.id, None),
        ("DELETE", "/quarantine/{id}", held.id, None),
        ("DELETE", "/schedules/{id}", "b", None),
        ("DELETE", "/schedules/{id}", "b", None),
    ]
    for method, path, id, body in asked:
        answer = client.request(method, API + path.replace("{id}", id), json=body)
        assert answer.status_code < 500, answer.text
        check(method, path, answer)
