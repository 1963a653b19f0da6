"""The API as a part of other applications: FastAPI, Flask, Django; under a path, without a lifespan, after a fork."""

import asyncio
import socket
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

import asking
from rq_scheduler import Scheduler
from rq_scheduler.web import Settings, create_app
from rq_scheduler.web.wsgi import create_wsgi_app
from support import Processes, command, wait_until
from web.conftest import HOST, REPORT

SETTINGS = Settings(allow=(REPORT,))


@pytest.fixture
def headers(scheduler: Scheduler) -> dict[str, str]:
    return {"authorization": f"Bearer {scheduler.tokens.make('app', 'operator')}"}


def check(client: Any, headers: dict[str, str], scheduler: Scheduler) -> None:
    """A client of an application that has the API at /jobs."""
    assert client.get("/").status_code == 200
    assert client.get("/jobs/health/live").status_code == 200
    assert client.get("/jobs/api/v1/schedules").status_code == 401
    made = client.put("/jobs/api/v1/schedules/a", json={"func": REPORT, "every": "1h"}, headers=headers)
    assert made.status_code == 201, made.text
    assert scheduler.schedules["a"].func == REPORT
    assert client.get("/jobs/api/v1/schedules/a", headers={**headers, "host": "evil.com"}).status_code == 421
    assert client.get("/jobs/nothing", headers=headers).status_code == 404
    token = headers["authorization"].removeprefix("Bearer ")
    cookie = client.post("/jobs/api/v1/session", json={"token": token}).headers["set-cookie"]
    assert "path=/jobs" in cookie.lower()
    assert cookie.startswith("rqs_")


def test_in_fastapi(scheduler: Scheduler, headers: dict[str, str]) -> None:
    from fastapi import FastAPI  # half a second of each process

    app = FastAPI()

    @app.get("/")
    def home() -> str:
        return "home"

    app.mount("/jobs", create_app(scheduler, SETTINGS))
    with TestClient(app, HOST) as client:
        check(client, headers, scheduler)


def test_in_flask(scheduler: Scheduler, headers: dict[str, str]) -> None:
    from flask import Flask
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    app = Flask("shop")

    @app.get("/")
    def home() -> str:
        return "home"

    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/jobs": create_wsgi_app(scheduler, SETTINGS)})
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=HOST) as client:
        check(client, headers, scheduler)
        stream = client.get("/jobs/api/v1/events/stream", headers=headers)
        assert stream.json()["code"] == "no-stream"


def test_in_django(scheduler: Scheduler, headers: dict[str, str]) -> None:
    """As asgi.py of a site has it."""

    async def django_app(scope: Any, receive: Any, send: Any) -> None:  # get_asgi_application()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"home"})

    application = Starlette(routes=[Mount("/jobs", create_app(scheduler, SETTINGS)), Mount("/", django_app)])
    check(TestClient(application, HOST), headers, scheduler)


def test_needs_no_loop_and_no_lifespan_and_runs_in_several(scheduler: Scheduler, headers: dict[str, str]) -> None:
    app = create_app(scheduler, SETTINGS)

    async def ask() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST) as client:
            return (await client.get("/api/v1/schedules", headers=headers)).status_code

    assert [asyncio.run(ask()) for _ in range(3)] == [200] * 3


def test_a_fork_after_it_was_built(processes: Processes, redis_url: str, headers: dict[str, str]) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    args = ("--preload", "--workers", "2", "--threads", "2", "--bind", f"127.0.0.1:{port}", "web.flask_for_tests:app")
    gunicorn = processes.start(command("gunicorn"), *args, env={"TEST_REDIS_URL": redis_url}, log="gunicorn.log")
    where = f"http://127.0.0.1:{port}/jobs/api/v1/schedules"

    def answers() -> bool:
        assert gunicorn.running, gunicorn.output()
        try:
            return asking.get(where, headers=headers, timeout=20).status_code == 200
        except httpx.ConnectError:
            return False

    wait_until(answers, message=gunicorn.output)
    assert [asking.get(where, headers=headers, timeout=20).status_code for _ in range(10)] == [200] * 10
