"""Requests made up from the OpenAPI document, right and wrong ones: no 5xx, and no answer that the document does not
name, to an operator, on a real Redis."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
import redis as redis_py
from hypothesis import strategies as st

import jobs_for_tests as jobs
from rq_scheduler import Every, Scheduler
from rq_scheduler.store import Store
from rq_scheduler.web import Settings, create_app
from rq_scheduler.web.api.openapi import document
from rq_scheduler.web.api.routes import ROUTES

pytestmark = [pytest.mark.once, pytest.mark.newest_only]

API = "/api/v1"
ALLOWED = "jobs_for_tests.*"
DOCUMENT: dict[str, Any] = json.loads(json.dumps(document(ROUTES, API)))
METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
OPERATIONS = [f"{name.upper()} {path}" for path, item in DOCUMENT["paths"].items() for name in item if name in METHODS]
KNOWN_IDS = ("a", "a", "b", "job", "held", "gone", "\u00e9")
"""Ids of what is there, so that calls get further than 404; and others."""


@cache
def read() -> dict[str, Any]:
    """What Schemathesis reads in the document. To import it takes half a second, which few processes of a run need."""
    import schemathesis

    found = [one.ok() for one in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()]
    return {f"{one.method.upper()} {one.path}": one for one in found}


def test_all_that_the_document_names_is_asked() -> None:
    assert sorted(read()) == sorted(OPERATIONS)


@pytest.fixture
def served(redis: redis_py.Redis) -> Iterator[tuple[Any, dict[str, str]]]:
    """The application on this Redis with something of everything in it, and what an operator sends."""
    scheduler = Scheduler(connection=redis)
    unlimited = Settings(allow=(ALLOWED,), allow_queues=("mails",), reads_per_second=10**6, writes_per_second=10**6)
    token = scheduler.tokens.make("fuzz", "operator")
    logging.disable(logging.CRITICAL)
    yield create_app(scheduler, unlimited), {"authorization": f"Bearer {token}", "host": "localhost"}
    logging.disable(logging.NOTSET)


def furnish(redis: redis_py.Redis) -> None:
    scheduler = Scheduler(connection=redis)
    later = datetime(2030, 1, 1, tzinfo=UTC)
    for id in ("a", "b"):
        if scheduler.schedules.get(id) is None:
            scheduler.schedules.put(id, Every("1h"), jobs.add, args=(1, 2), tags=["x"])
    for id in ("job", "held"):
        if id not in scheduler:
            scheduler.enqueue_at(later, jobs.add, 1, 2, job_id=id)
    Store(redis).quarantine("held", int(later.timestamp() * 1e6), "why")


@pytest.mark.leaves("rq:*")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_answer_is_documented(
    operation: str, served: tuple[Any, dict[str, str]], redis: redis_py.Redis, fuzz: Any
) -> None:
    import schemathesis
    from schemathesis import GenerationMode

    app, headers = served
    asked = read()[operation]
    asked.app = app
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]

    def check(case: Any, id: str | None) -> None:
        furnish(redis)
        if id is not None and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = id
        for name in [name for name in case.headers or () if name.lower() == "authorization"]:
            del case.headers[name]  # strangers have tests of their own
        answer = case.call(headers=headers)
        assert answer.status_code < 500, answer.text
        case.validate_response(
            answer,
            checks=[
                schemathesis.checks.not_a_server_error,
                schemathesis.specs.openapi.checks.status_code_conformance,
                schemathesis.specs.openapi.checks.content_type_conformance,
                schemathesis.specs.openapi.checks.response_schema_conformance,
            ],
        )

    strategies = st.one_of(*(asked.as_strategy(generation_mode=mode) for mode in modes))
    fuzz(8, check, case=strategies, id=st.sampled_from((None, *KNOWN_IDS)))
