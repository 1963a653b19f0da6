"""Requests made up from the OpenAPI document, right and wrong ones: no 5xx, and no answer that the document does not
name, to an operator, on a real Redis."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import redis as redis_py
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode

import jobs_for_tests as jobs
from rq_scheduler import Every, Scheduler
from rq_scheduler.store import Store
from rq_scheduler.web import Settings, create_app
from rq_scheduler.web.api.openapi import document
from rq_scheduler.web.api.routes import ROUTES

pytestmark = [pytest.mark.once, pytest.mark.newest_only]

API = "/api/v1"
ALLOWED = "jobs_for_tests.*"
SCHEMA: Any = schemathesis.openapi.from_dict(json.loads(json.dumps(document(ROUTES, API))))
OPERATIONS = {f"{one.ok().method.upper()} {one.ok().path}": one.ok() for one in SCHEMA.get_all_operations()}
KNOWN_IDS = ("a", "a", "b", "job", "held", "gone", "\u00e9")
"""Ids of what is there, so that calls get further than 404; and others."""


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
    app, headers = served
    asked = OPERATIONS[operation]
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
    fuzz(12, check, case=strategies, id=st.sampled_from((None, *KNOWN_IDS)))
