"""The walk of docs/how-to.md: a site on which six reports are missing, and what a person does about it in a browser.
The test takes it, and `make pictures` takes the pictures on the way."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import redis as redis_py

import jobs_for_tests as jobs
from rq_scheduler import Cron, Dates, Every, Scheduler
from rq_scheduler.embedded import EmbeddedRedis
from support import Processes, command, wait_until
from web.browser.conftest import Site, answers, free_port

CAUSES = {
    "sales-report": "where no worker listens",
    "vat-report": "no such column: vat",
    "stock-report": "paused by anna",
    "board-report": "is a day off",
    "slow-report": "held up by run",
}
"""Why each is missing, in the words of its page; of `mail-report` that is seen on the walk."""


@contextmanager
def site_of_reports(folder: Path) -> Iterator[Site]:
    """Six reports were due some seconds ago, and none has come."""
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedRedis())
        processes = Processes(folder)
        stack.callback(processes.end_all)
        client = stack.enter_context(redis_py.Redis.from_url(server.url))
        scheduler = Scheduler(connection=client, actor="deploy 4711")
        schedules = scheduler.schedules
        soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=4)
        hourly = Every("1h", anchor=soon)
        schedules.put("sales-report", hourly, jobs.nothing, queue_name="reports")
        schedules.put("vat-report", hourly, jobs.fail, args=("no such column: vat",))
        schedules.put("stock-report", hourly, jobs.nothing)
        schedules.put("mail-report", hourly, jobs.nothing)
        today = Dates(*((soon + timedelta(days=days)).date().isoformat() for days in (-1, 0, 1)))
        schedules.put("board-report", Every("1h", anchor=soon), jobs.nothing, exclude=today)
        schedules.put("slow-report", Every(1), jobs.sleep, args=(3_600,), queue_name="exports", start=soon)
        schedules.put("nightly-report", Cron("30 2 * * *", "Europe/Paris"), jobs.nothing)
        Scheduler(connection=client, actor="anna").schedules.pause("stock-report", "the disk is full")
        monday = Cron("0 6 * * 1", "Europe/Paris")
        Scheduler(connection=client, actor="ben").schedules.update("mail-report", trigger=monday)
        for number in range(1, 6):
            scheduler.enqueue_in(timedelta(hours=number), jobs.echo, number, job_id=f"invoice-{number}")
        processes.start(sys.executable, "-m", "rq_scheduler.cli", "--url", server.url, "--name", "ops-1")
        for queue in ("default", "exports"):
            processes.start(command("rq"), "worker", "--url", server.url, "--name", f"{queue}-1", queue)
        url = f"http://127.0.0.1:{free_port()}"
        web = processes.start(
            command("rqscheduler"), "web", "--url", server.url, "--bind", url.removeprefix("http://"),
            "--timezone", "Europe/Paris", "--allow", "jobs_for_tests.*", log="how-to.log",
        )  # fmt: skip
        wait_until(lambda: answers(url), message=web.output)
        wait_until(lambda: schedules["vat-report"].failed and schedules["slow-report"].skipped >= 2)
        yield Site(url, client, scheduler)


def walk(page: Any, site: Site, arrived: Callable[[str], None]) -> None:
    """Takes the walk, and says where it has arrived: at each step before something is done, the page that is seen."""
    schedules, zone = site.scheduler.schedules, ZoneInfo("Europe/Paris")
    due = (
        (schedules["vat-report"].last_run_at or datetime.now(UTC)).astimezone(zone).replace(microsecond=0, tzinfo=None)
    )
    page.goto(site.url)
    arrived("how-to-now")
    page.click("a[aria-label='Why? vat-report']")
    arrived("how-to-why")
    # One that nothing failed of: it is asked about by its id and the time.
    page.click("nav >> text='Why?'")
    page.fill("#why-id", "mail-report")
    page.fill("#why-at", due.isoformat())
    page.click("text='Ask'")
    arrived("how-to-changed")
    page.click("main >> text='mail-report'")
    page.click("#versions >> text='Undo'")
    page.wait_for_selector("[role=status] >> text=mail-report")
    arrived("how-to-undone")
    page.goto(f"{site.url}/schedules/sales-report")
    page.click("text='Pause…'")
    page.fill("#note", "no worker until Monday, INC-2291")
    page.fill("#until", f"{next_monday(due).isoformat()}T08:00")
    arrived("how-to-pause")
    page.click("text='Pause'")
    page.wait_for_selector("[role=status] >> text=sales-report is paused until")
    page.click("nav >> text='One-off jobs'")
    page.click("a[aria-label='Move or cancel invoice-3']")
    page.fill("#when", f"{next_monday(due).isoformat()}T09:30")
    arrived("how-to-move")
    page.click("text='Move'")
    page.wait_for_selector("[role=status] >> text=invoice-3")
    page.click("nav >> text='Clocks'")
    arrived("how-to-clocks")
    page.click("nav >> text='Events'")
    page.click("main >> text='Audit'")
    arrived("how-to-audit")


def take_pictures(browser: Any, folder: Path, within: Path) -> None:
    """A picture of each step, in `folder`; what the site writes is in `within`."""
    with site_of_reports(within) as site:
        page = browser.new_page(viewport={"width": 1440, "height": 860}, color_scheme="light")
        walk(page, site, lambda name: page.screenshot(path=folder / f"{name}-light-1440.png"))
        page.close()


def next_monday(day: datetime) -> date:
    """The first one behind that day."""
    return day.date() + timedelta(days=7 - day.weekday())
