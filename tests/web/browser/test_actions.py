"""Every action of the dashboard in a real browser, with the keyboard alone: with the script, and without one. Each says
what it did, and stands in the audit."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import jobs_for_tests as jobs
from rq_scheduler import Cron, Every
from rq_scheduler.store.keys import Keys
from support import wait_until
from web.browser.conftest import Site, visiting

pytestmark = [pytest.mark.once, pytest.mark.newest_only]

KEYS = Keys()
FOCUSED = """(() => {
  const one = document.activeElement;
  return [one.getAttribute("aria-label"), one.id, (one.innerText || "").trim()];
})()"""
NEXT = """name => {
  const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
    .filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility());
  const at = all.indexOf(document.activeElement);
  const found = [...all.slice(at + 1), ...all.slice(0, at + 1)]
    .find((one) => [one.getAttribute("aria-label"), one.id, (one.innerText || "").trim()].includes(name));
  found?.focus();
  return found !== undefined && document.activeElement === found;
}"""


class Hand:
    """Somebody who has a keyboard and nothing else. With the script, each Tab is pressed; without one, where the order
    is the same, what it comes to is taken at once."""

    def __init__(self, page: Any, site: Site, scripted: bool) -> None:
        self.page, self.site, self.scripted = page, site, scripted

    def go(self, path: str) -> None:
        self.page.goto(self.site.url + path)

    def reach(self, name: str) -> None:
        """Goes from one thing to the next until it is at the one of this label, id or text."""
        if not self.scripted:
            assert self.page.evaluate(NEXT, name), f"{name} is not there, or takes no focus, on {self.page.url}"
            return
        for _ in range(300):
            self.page.keyboard.press("Tab")
            if name in self.page.evaluate(FOCUSED):
                return
        raise AssertionError(f"{name} is not reached with the Tab key on {self.page.url}")

    def press(self, name: str) -> None:
        """A link, or a button that sends a form."""
        self.reach(name)
        self.send()

    def send(self) -> None:
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def write(self, name: str, text: str) -> None:
        self.reach(name)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def write_moment(self, name: str, at: datetime) -> None:
        """Into the parts of a field for day and time, of an American browser."""
        self.reach(name)
        self.page.keyboard.type(f"{at:%m%d%Y}")
        self.page.keyboard.press("Tab")
        has_seconds = self.page.evaluate("document.activeElement.step === '1'")
        self.page.keyboard.type(f"{at:%I%M%S%p}" if has_seconds else f"{at:%I%M%p}")

    def is_told(self, words: str) -> None:
        """And the focus is there, so that one who hears the page hears it, and Tab goes on from it."""
        self.page.wait_for_selector(f"[role=status] >> text={words}")
        wait_until(lambda: self.page.evaluate("document.activeElement.matches('.notice')"))

    def audited(self, action: Any, id: str) -> None:
        entries = self.site.scheduler.audit.read(schedule=id, limit=2)
        assert (action, "web") in [(entry.action, entry.actor) for entry in entries]


@pytest.fixture(params=["with the script", "without a script"])
def hand(request: pytest.FixtureRequest, browser: Any, site: Site) -> Iterator[Hand]:
    scripted = request.param == "with the script"
    with visiting(browser, site, java_script_enabled=scripted, locale="en-US") as visit:
        yield Hand(visit.page, site, scripted)


@pytest.fixture
def daily(site: Site) -> Iterator[str]:
    """A schedule that nothing else looks at."""
    site.scheduler.schedules.put("daily", Cron("0 3 * * *", "Europe/Paris"), jobs.nothing, tags=("own",))
    yield "daily"
    site.scheduler.schedules.delete("daily")


def test_run_now(hand: Hand, daily: str, site: Site) -> None:
    hand.go("/schedules/daily")
    hand.press("Run now")
    hand.is_told("daily runs now, as job")
    hand.audited("run_now", daily)
    wait_until(lambda: hand.page.wait_for_timeout(20) or site.scheduler.schedules[daily].succeeded)


def test_pause_with_a_note_until_and_resume(hand: Hand, daily: str, site: Site) -> None:
    hand.go("/schedules/daily")
    hand.press("Pause…")
    hand.page.wait_for_selector("h1 >> text=Pause daily")
    hand.write("note", "INC-2291")
    hand.write_moment("until", datetime(2030, 12, 24, 13, 30))
    hand.send()
    hand.is_told("daily is paused until Tue 24 Dec 2030 13:30")
    stored = site.scheduler.schedules[daily]
    assert (stored.note, stored.paused_until) == ("INC-2291", datetime(2030, 12, 24, 12, 30, tzinfo=UTC))
    hand.audited("paused", daily)
    hand.press("Resume")
    hand.is_told("daily fires again")
    hand.audited("resumed", daily)


def test_edit_with_a_preview_and_undo(hand: Hand, daily: str, site: Site) -> None:
    hand.go("/schedules/daily")
    hand.press("Edit")
    hand.write("when", "0 4 * * *")
    hand.press("Preview")
    hand.page.wait_for_selector("#preview >> text=Every day at 04:00")
    hand.press("Save")
    version = site.scheduler.schedules[daily].version
    hand.is_told(f"daily is changed: cron, timezone. It is at version {version} now.")
    hand.audited("changed", daily)
    hand.press(f"Undo version {version} of daily")
    hand.is_told(f"Version {version} of daily is undone")
    hand.audited("undone", daily)
    trigger = site.scheduler.schedules[daily].trigger
    assert isinstance(trigger, Cron)
    assert trigger.expression == "0 3 * * *"


def test_backfill(hand: Hand, daily: str) -> None:
    hand.go("/schedules/daily")
    hand.press("Backfill…")
    month = 1 if hand.scripted else 2  # An instant is backfilled once, also if its schedule was deleted in between.
    hand.write_moment("since", datetime(2026, month, 1, 0, 0))
    hand.write_moment("until", datetime(2026, month, 4, 0, 0))
    hand.send()
    hand.is_told("3 runs of daily were made, the oldest first.")
    hand.audited("backfilled", daily)


def test_define_delete_and_bring_back(hand: Hand, site: Site) -> None:
    hand.go("/schedules")
    hand.press("New schedule")
    hand.write("new_id", "fresh")
    hand.write("when", "0 5 * * *")
    hand.write("func", "jobs_for_tests.nothing")
    hand.press("Define it")
    hand.is_told("fresh is defined.")
    hand.audited("defined", "fresh")
    version = site.scheduler.schedules["fresh"].version
    hand.press("Delete…")
    hand.page.wait_for_selector("h1 >> text=Delete fresh")
    hand.press("Delete fresh")
    hand.is_told("fresh is deleted")
    hand.audited("deleted", "fresh")
    hand.go("/audit")
    hand.press(f"Undo version {version} of fresh")
    hand.is_told(f"Version {version} of fresh is undone")
    assert site.scheduler.schedules.delete("fresh")


def test_many(hand: Hand, daily: str, site: Site) -> None:
    site.scheduler.schedules.put("daily-2", Cron("0 3 * * *"), jobs.nothing, tags=("own",))
    try:
        hand.go("/schedules?tag=own&hold=1")
        for id in (daily, "daily-2"):
            hand.reach(f"pick-{id}")
            hand.page.keyboard.press("Space")
        hand.press("bulk-pause")
        hand.page.wait_for_selector("h1 >> text=Pause 2 schedules")
        hand.press("Pause 2 schedules")
        hand.is_told("2 schedules are paused.")
        hand.audited("paused", "daily-2")
        hand.go("/schedules?tag=own&hold=1")
        hand.press("Resume daily-2")
        hand.is_told("daily-2 fires again")
        hand.audited("resumed", "daily-2")
    finally:
        site.scheduler.schedules.delete("daily-2")


def test_one_offs(hand: Hand, site: Site) -> None:
    site.scheduler.enqueue_at(datetime(2031, 1, 1, tzinfo=UTC), jobs.nothing, job_id="once")
    hand.go("/jobs/once")
    hand.write_moment("when", datetime(2032, 2, 3, 16, 5))
    hand.send()
    hand.is_told("once is due on Tue 3 Feb 2032 at 16:05 now.")
    hand.audited("moved", "once")
    hand.press("Cancel once")
    hand.is_told("once is cancelled, and will not run.")
    hand.audited("cancelled", "once")
    site.scheduler.enqueue_at(datetime(2031, 1, 1, tzinfo=UTC), jobs.nothing, job_id="once")
    hand.go("/jobs/once")
    hand.press("Run now")
    hand.is_told("once is due now")
    hand.audited("moved", "once")
    wait_until(lambda: hand.page.wait_for_timeout(20) or site.scheduler.jobs.get("once") is None)


def test_retry_and_purge(hand: Hand, site: Site) -> None:
    schedules = site.scheduler.schedules
    for id in ("mended", "given-up"):
        schedules.put(id, Every(1), jobs.nothing)
    template = site.redis.dump(KEYS.template("mended"))
    site.redis.delete(KEYS.template("mended"), KEYS.template("given-up"))
    try:
        wait_until(lambda: all(site.redis.hexists(KEYS.quarantine, id) for id in ("mended", "given-up")))
        site.redis.restore(KEYS.template("mended"), 0, template)  # pyright: ignore[reportArgumentType]
        hand.go("/quarantine?hold=1")
        hand.press("Retry mended")
        hand.is_told("mended is back.")
        hand.audited("resumed", "mended")
        hand.go("/quarantine?hold=1")
        hand.reach("Choose given-up")
        hand.page.keyboard.press("Space")
        hand.press("Purge…")
        hand.page.wait_for_selector("h1 >> text=Purge 1 entry")
        hand.press("Purge 1 entry")
        hand.is_told("given-up is forgotten.")
        hand.audited("purged", "given-up")
    finally:
        schedules.delete("mended")
        schedules.delete("given-up")


def test_stop(hand: Hand, site: Site) -> None:
    site.scheduler.schedules.put("endless", Cron("0 3 * * *"), jobs.sleep, args=(3_600,), queue_name="reports")
    try:
        job = site.scheduler.schedules.run_now("endless")
        assert job is not None
        site.redis.hset(f"rq:job:{job.id}", "status", "started")  # no worker listens there
        hand.go("/schedules/endless?hold=1")
        site.redis.hset(f"rq:job:{job.id}", "status", "queued")
        hand.press("Stop…")
        hand.press("Stop it")
        hand.is_told("is canceled: it had not begun.")
    finally:
        site.scheduler.schedules.delete("endless")


def test_move_what_waits_in_a_queue(hand: Hand, site: Site) -> None:
    site.scheduler.schedules.put("feed", Cron("0 3 * * *"), jobs.nothing, queue_name="lonely")
    site.redis.sadd("rq:workers", "rq:worker:w")
    site.redis.hset("rq:worker:w", mapping={"queues": "spare", "birth": "x"})
    try:
        job = site.scheduler.schedules.run_now("feed")
        assert job is not None
        hand.go(f"/why?id={job.id}&hold=1")
        hand.press("Move what waits in lonely…")
        hand.page.wait_for_selector("h1 >> text=Move what waits in lonely?")
        hand.reach("to")
        hand.page.keyboard.press("s")  # the queue that begins so
        hand.press(hand.page.locator("button.primary").inner_text())
        hand.is_told("of lonely went to the end of spare.")
        assert job.id.encode() in site.redis.lrange("rq:queue:spare", 0, -1)
    finally:
        site.redis.srem("rq:workers", "rq:worker:w")
        site.redis.delete("rq:worker:w", "rq:queue:spare")
        site.scheduler.schedules.delete("feed")
