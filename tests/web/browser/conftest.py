"""A real browser, and a real site for it: Redis, a dispatcher, a worker, `rqscheduler web`. A browser that is not there
is a failure: `make` sets one up."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis as redis_py

import asking
import jobs_for_tests as jobs
from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.store.keys import Keys
from support import PATIENCE, Processes, command, wait_until
from web.browser.program import found

KEYS = Keys()
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202eevil\u200b" + "x" * 10_000


@dataclass
class Site:
    """What runs. `url` is the dashboard's."""

    url: str
    redis: redis_py.Redis
    scheduler: Scheduler


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These begin first, and one process has them all: what they share takes seconds to start."""
    folder = Path(__file__).parent
    here = {path for path in {item.path for item in items} if folder in path.parents}  # thousands share a few hundred
    items.sort(key=lambda item: item.path not in here)


@contextmanager
def busy_site(folder: Path) -> Iterator[Site]:
    """With something of each kind on it."""
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedRedis())
        processes = Processes(folder)
        stack.callback(processes.end_all)
        client = stack.enter_context(redis_py.Redis.from_url(server.url))
        scheduler = Scheduler(connection=client, actor="deploy 4711")
        schedules = scheduler.schedules
        paris = Cron("30 2 * * *", "Europe/Paris")
        schedules.put("nightly-report", paris, jobs.nothing, queue_name="reports", tags=("billing",), jitter="2m")
        schedules.put("import-orders", Every(1), jobs.fail, args=("no such order: 4711",), tags=("shop",))
        schedules.put("slow-export", Every(1), jobs.sleep, args=(3_600,), queue_name="exports", tags=("shop",))
        schedules.put("newsletter", Every("10m"), jobs.nothing, tags=("marketing",))
        schedules.put("price-index", Every(1), jobs.nothing)
        schedules.put("lost", Every(1), jobs.nothing)
        schedules.put("hostile", Every("1h"), jobs.fail, args=(HOSTILE,), tags=("<script>alert(1)</script>",))
        schedules.pause("hostile", HOSTILE[:400])
        scheduler.enqueue_many(
            [(datetime.now(UTC) + timedelta(minutes=5 * number), jobs.nothing) for number in range(1, 100)]
        )
        scheduler.enqueue_at(datetime.now(UTC) + timedelta(days=1), jobs.fail, HOSTILE, job_id="hostile-job")
        Scheduler(connection=client, actor="anna@laptop").schedules.update("newsletter", jitter="1m")
        client.delete(KEYS.template("lost"))
        # Something runs each second all the while: without a process for each job.
        rq = ("worker", "--worker-class", "rq.SimpleWorker", "--url", server.url, "--name")
        processes.start(sys.executable, "-m", "rq_scheduler.cli", "--url", server.url, "--name", "ops-1")
        for queue in ("default", "exports"):
            processes.start(command("rq"), *rq, f"worker-{queue}", queue)
        url = f"http://127.0.0.1:{free_port()}"
        allowed = (
            "--allow",
            "tests.jobs_for_tests.*",
            "--allow",
            "jobs_for_tests.*",
            "--allow-queue",
            "reports",
            "--allow-queue",
            "spare",
        )
        web = processes.start(
            command("rqscheduler"), "web", "--url", server.url, "--bind", url.removeprefix("http://"), *allowed,
            env={"TZ": "Europe/Paris"}, log="web.log",
        )  # fmt: skip
        wait_until(lambda: answers(url), message=web.output)
        wait_until(lambda: schedules["import-orders"].failed_in_a_row >= 3)
        wait_until(lambda: schedules["slow-export"].skipped >= 2 and schedules["price-index"].succeeded >= 2)
        wait_until(lambda: client.hexists(KEYS.quarantine, "lost"))
        yield Site(url, client, scheduler)


@dataclass
class Visit:
    """A page in the browser, and what went wrong on it."""

    page: Any
    url: str
    wrong: list[str] = field(default_factory=list)

    def go(self, path: str) -> Any:
        self.page.goto(self.url + path)
        return self.page


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """For this folder alone: as long as playwright is there, an event loop runs in this thread, and no other can."""
    from playwright.sync_api import sync_playwright

    program = found()
    assert program is not None, "no browser: `make .venvs/browser/.ready` sets one up, or install chromium"
    with sync_playwright() as playwright:
        # No graphics processor is played where there is none.
        args = [*program.args, "--disable-gpu"]
        launched = playwright.chromium.launch(
            executable_path=program.path, args=args, env={**os.environ, **program.env}
        )
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with busy_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@contextmanager
def visiting(browser: Any, site: Site, **options: Any) -> Iterator[Visit]:
    """A page, of which nothing is forgiven: no message on the console but one of
    Chromium's, no request elsewhere, no dialog."""
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    visit = Visit(page, site.url)
    page.on("console", lambda message: _check_message(visit, message.text))
    page.on("pageerror", lambda error: visit.wrong.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (visit.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: _check_request(visit, request.url))
    try:
        yield visit
        assert visit.wrong == []
    finally:
        context.close()


@pytest.fixture
def visit(browser: Any, site: Site) -> Iterator[Visit]:
    with visiting(browser, site) as one:
        yield one


def _check_message(visit: Visit, text: str) -> None:
    # Chromium, where the hand was in a field before the page had chosen one: the hand keeps it, as it should.
    if not text.startswith("Autofocus processing was blocked because a document already has a focused element"):
        visit.wrong.append(f"console: {text}")


def _check_request(visit: Visit, url: str) -> None:
    if not url.startswith((visit.url + "/", "data:")):
        visit.wrong.append(f"a request elsewhere: {url}")


def answers(url: str) -> bool:
    try:
        return asking.get(url, timeout=PATIENCE).status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
