"""Makes docs/pictures: pages of the dashboard of a small busy site, light and dark, wide and narrow. `make pictures`
runs it, `make pictures ONLY=clocks,load` for some of them: a private Redis, a dispatcher, workers and a browser, for
two minutes.
"""

import os
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import redis as redis_py
from playwright.sync_api import sync_playwright

import jobs_for_tests as jobs
from rq_scheduler import At, Cron, Every, Holidays, Scheduler
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.guarded_process import GuardedProcess
from rq_scheduler.store.keys import Keys
from support import ROOT, Processes, command, wait_until
from web.browser import how_to
from web.browser.conftest import answers, free_port
from web.browser.program import found

FOLDER = ROOT / "docs" / "pictures"
KEYS = Keys()
SECONDS = 75
"""For which the site runs before its pictures are taken."""

WIDE_AND_NARROW = (("light", 1440), ("dark", 1440), ("light", 375), ("dark", 375))

SHOTS = (
    ("now", "/?span=10m", (("light", 1440), ("dark", 1440), ("light", 375))),
    ("schedules", "/schedules", (("light", 1440), ("dark", 1440), ("light", 375))),
    ("schedule", "/schedules/stock-sync", (("light", 1440), ("dark", 1440), ("light", 375))),
    ("why", "/schedules/marketplace-feed/why", (("light", 1440), ("dark", 1440))),
    ("move-queue", "/queues/exports/move", (("light", 1440),)),
    ("edit", "/schedules/us-settlement/edit", (("light", 1440), ("dark", 1440))),
    ("pause", "/schedules/nightly-report/pause", (("light", 1440), ("dark", 1440))),
    ("jobs", "/jobs", (("light", 1440), ("dark", 1440))),
    ("clocks", "/clock-changes", WIDE_AND_NARROW),
    ("load", "/load", WIDE_AND_NARROW),
    ("quarantine", "/quarantine", (("light", 1440), ("dark", 1440))),
    ("events", "/events", (("light", 1440), ("dark", 1440))),
    ("audit", "/audit", (("light", 1440), ("dark", 1440))),
)


@click.command()
@click.option("--only", default="", help="Some of them, by name, with commas between.")
def main(only: str) -> None:
    shots = {name: (path, sizes) for name, path, sizes in SHOTS}
    every = ["empty", *shots, "how-to"]
    wanted = only.split(",") if only else every
    if unknown := {*wanted} - {*every}:
        raise click.UsageError(f"no picture {', '.join(sorted(unknown))}: there are {', '.join(every)}")
    FOLDER.mkdir(exist_ok=True)
    program = found()
    assert program is not None, "no browser: make .venvs/browser/.ready"
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedRedis())
        processes = Processes(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.callback(processes.end_all)
        client = stack.enter_context(redis_py.Redis.from_url(server.url))
        url = f"http://127.0.0.1:{free_port()}"
        web = processes.start(
            command("rqscheduler"), "web", "--url", server.url, "--bind", url.removeprefix("http://"),
            "--timezone", "Europe/Paris",
        )  # fmt: skip
        wait_until(lambda: answers(url), message=web.output)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=program.path, args=list(program.args), env={**os.environ, **program.env}
        )
        stack.callback(browser.close)

        def take(name: str, path: str, theme: Any, width: int) -> None:
            context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=theme)
            page = context.new_page()
            page.goto(f"{url}{path}")
            page.wait_for_function("() => !document.querySelector('meta[http-equiv=refresh], [data-again]')")
            full = width < 1000 or name in ("now", "schedule", "clocks", "load")
            page.screenshot(path=FOLDER / f"{name}-{theme}-{width}.png", full_page=full)
            context.close()

        if "empty" in wanted:
            for theme in ("light", "dark"):
                take("empty", "/", theme, 1440)
        happen(client, processes, server.url)
        for name in wanted:
            for theme, width in shots[name][1] if name in shots else ():
                take(name, shots[name][0], theme, width)
        if "how-to" in wanted:
            how_to.take_pictures(browser, FOLDER, Path(stack.enter_context(tempfile.TemporaryDirectory())))


def happen(client: redis_py.Redis, processes: Processes, url: str) -> None:
    """A shop's schedules, and what goes wrong with some of them."""
    scheduler = Scheduler(connection=client, actor="deploy 4f2c9e1")
    put, now = scheduler.schedules.put, datetime.now(UTC)
    for number in range(40):
        put(
            f"invoice-{number:02}",
            Cron("30 8 * * 1-5", "Europe/Paris"),
            jobs.sleep,
            args=(0.01,),
            queue_name="invoices",
        )
        client.hset(KEYS.schedule(f"invoice-{number:02}"), "ends", f"9 0 0 - - - {(20 + number) * 1_000_000} .........")
    put("nightly-report", Cron("30 2 * * *", "Europe/Paris"), jobs.nothing, exclude=(Holidays("FR"),), jitter="2m")
    settled = Cron("30 2 * * 1-5", "America/New_York")
    put(
        "us-settlement",
        settled,
        jobs.nothing,
        queue_name="invoices",
        tags=("billing",),
        pause_on_failures=3,
        expect="1h",
    )
    put("stock-sync", Every(4), jobs.sleep, args=(0.6,), tags=("core",))
    put("search-reindex", Every(20), jobs.sleep, args=(3_600,), queue_name="search", tags=("shop",))
    put("marketplace-feed", Every(20), jobs.nothing, queue_name="exports", tags=("feeds",))
    put("newsletter-send", Cron("30 10 * * 2,6", "Europe/Paris"), jobs.nothing, tags=("mail",))
    put("price-index", Every(1), jobs.nothing, catchup="none", tags=("pricing",))
    put("fraud-scores", Every(5), jobs.nothing)
    put("gmc-feed-de", Every(10), jobs.nothing, tags=("feeds",))
    put("db-vacuum", Every("30m"), jobs.nothing)
    put("sitemap", Cron("0 5 * * *", "Europe/Paris"), jobs.nothing)
    put("ledger-close", Cron("0 1 1 * *", "Europe/Paris"), jobs.nothing)
    put("late-shift-report", Cron("30 1,2 * * 7", "America/New_York"), jobs.nothing)
    put("black-friday-banner", At(now + timedelta(minutes=50)), jobs.nothing)
    jobs_due = ((now + timedelta(minutes=2 + 7 * (n % 200), seconds=n % 53), jobs.echo, (n,)) for n in range(1_500))
    scheduler.enqueue_many(jobs_due)
    client.delete(KEYS.template("gmc-feed-de"))

    def dispatchers() -> list[GuardedProcess]:
        names = ("ops-1", "ops-2")
        cli = (sys.executable, "-m", "rq_scheduler.cli", "--url", url, "--name")
        return [processes.start(*cli, name) for name in names]

    first = dispatchers()
    for queue in ("default", "search", "invoices"):
        processes.start(command("rq"), "worker", "--url", url, "--name", f"{queue}-1", queue)
    time.sleep(SECONDS / 2)
    for one in first:
        one.kill()
    time.sleep(17)  # without a heartbeat for 15 s it is an outage
    dispatchers()
    time.sleep(4)
    oncall = Scheduler(connection=client, actor="oncall")
    oncall.schedules.update("stock-sync", func=jobs.fail, args=("no such article: 4711",))
    Scheduler(connection=client, actor="ops-lead").schedules.pause("newsletter-send", "bank wants new checks, INC-2291")
    time.sleep(SECONDS / 2)


if __name__ == "__main__":
    main()
