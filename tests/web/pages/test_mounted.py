"""Pages as a part of other applications: under WSGI, which has no stream of events, and two sites behind one proxy."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from rq_scheduler import Scheduler
from rq_scheduler.web import Settings, create_app
from rq_scheduler.web.wsgi import create_wsgi_app
from web.conftest import HOST, REPORT
from web.pages.test_pages import PAGES

SETTINGS = Settings(auth="none", allow=(REPORT,))


def links(html: str) -> list[str]:
    return re.findall(r'(?:href|src|action|formaction)="(/[^"]*)"', html)


def test_in_flask_pages_ask_again_and_listen_to_nothing(scheduler: Scheduler, nightly: str) -> None:
    from flask import Flask
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    scheduler.enqueue_in(timedelta(hours=1), REPORT, job_id="one")
    app = Flask("shop")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/scheduler": create_wsgi_app(scheduler, SETTINGS)})
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=HOST, headers={"origin": HOST}) as client:
        for path in PAGES:
            answer = client.get("/scheduler" + path.format(id=nightly))
            assert answer.status_code == 200, path
            assert "data-stream" not in answer.text
            assert all(link.startswith("/scheduler/") for link in links(answer.text)), path
        script = next(link for link in links(client.get("/scheduler/").text) if "dashboard.js" in link)
        assert client.get(script).status_code == 200
        done = client.post(f"/scheduler/schedules/{nightly}/run", data={"once": "a", "back": "/"})
        assert (done.status_code, done.headers["location"]) == (303, "/scheduler/")
        assert "nightly runs now" in client.get("/scheduler/").text


def test_pages_that_have_a_stream_listen_to_it(scheduler: Scheduler) -> None:
    with TestClient(create_app(scheduler, SETTINGS), HOST) as client:
        assert " data-stream>" in client.get("/").text


@pytest.mark.usefixtures("nightly")
def test_two_sites_behind_one_proxy_know_nothing_of_each_other(scheduler: Scheduler, nightly: str) -> None:
    """As a proxy has it that hands the whole path on."""
    sites = [create_app(scheduler, Settings(allow=(REPORT,))), create_app(scheduler, Settings(read_only=True))]
    app = Starlette(routes=[Mount(f"/{name}/scheduler", site) for name, site in zip("ab", sites, strict=True)])
    token = scheduler.tokens.make("ada", "operator")
    with TestClient(app, HOST, headers={"origin": HOST}, follow_redirects=False) as client:

        def get(path: str) -> Any:
            return client.get(path)

        assert get("/a/scheduler/").headers["location"] == "/a/scheduler/login"
        assert client.post("/a/scheduler/login", data={"token": token}).headers["location"] == "/a/scheduler/"
        html = get("/a/scheduler/schedules").text
        assert nightly in html
        assert all(link.startswith("/a/scheduler/") for link in links(html))
        assert get("/b/scheduler/schedules").headers["location"] == "/b/scheduler/login?next=%2Fschedules", "a stranger"
        client.post("/b/scheduler/login", data={"token": token})
        client.post("/a/scheduler/preferences", data={"theme": "dark"})
        client.post("/a/scheduler/preferences", data={"zone": "Asia/Tokyo"})
        client.post(f"/a/scheduler/schedules/{nightly}/run", data={"once": "a"})
        other = get("/b/scheduler/").text
        assert "data-theme" not in other
        assert "Asia/Tokyo" not in other
        assert "runs now" not in other
        assert "runs now" in get(f"/a/scheduler/schedules/{nightly}").text
        client.post("/b/scheduler/logout", data={"x": "1"})
        assert get("/b/scheduler/").status_code == 303
        assert get("/a/scheduler/").status_code == 200
