"""The dashboard in a real browser, on a real site: every page, and what people do there."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from rq_scheduler import Scheduler
from support import wait_until
from web.browser.conftest import Site, Visit, visiting

pytestmark = [pytest.mark.once, pytest.mark.newest_only, pytest.mark.long]

PAGES = (
    "/",
    "/schedules",
    "/schedules/new",
    "/schedules/import-orders",
    "/schedules/hostile",
    "/schedules/import-orders/why",
    "/schedules/nightly-report/edit",
    "/schedules/nightly-report/pause",
    "/schedules/nightly-report/delete",
    "/jobs",
    "/jobs/hostile-job",
    "/quarantine",
    "/clock-changes",
    "/clock-changes/schedules",
    "/load",
    "/events",
    "/audit",
    "/why",
    "/nothing",
)


def test_every_page_is_in_order(browser: Any, site: Site) -> None:
    """Light and dark, narrow and wide: axe finds nothing, nothing scrolls sideways, and the visit is quiet."""
    axe, found = Axe(), list[str]()
    with visiting(browser, site) as visit:
        for path in PAGES:
            page = visit.go(f"{path}?hold=1")
            for width in (1440, 375):
                page.set_viewport_size({"width": width, "height": 900})
                for theme in ("light", "dark"):
                    page.emulate_media(color_scheme=theme)
                    results = axe.run(page)
                    for one in results.response["violations"]:
                        nodes = "; ".join(node["html"][:160] for node in one["nodes"][:2])
                        found.append(f"{path} {width} {theme}: {one['id']}: {nodes}")
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    found.append(f"{path} {width}: scrolls sideways, {wide}")
        visit.wrong = [one for one in visit.wrong if "404 (Not Found)" not in one]  # of /nothing
    assert found == []


class TestLive:
    def test_what_changes_there_changes_here_and_nothing_moves(self, visit: Visit, site: Site) -> None:
        page = visit.go("/schedules")
        page.set_viewport_size({"width": 1440, "height": 320})
        page.evaluate("scrollTo({top: 120, behavior: 'instant'})")
        page.check("#pick-price-index")
        page.focus("text='Run now' >> nth=2")
        label = page.evaluate("document.activeElement.getAttribute('aria-label')")
        before = page.evaluate("[scrollY, document.getElementById('rows').dataset.old = '1'][0]")
        Scheduler(connection=site.redis, actor="anna").schedules.pause("nightly-report", "INC 7")
        try:
            page.wait_for_selector("#row-nightly-report >> text=Paused")
            assert page.evaluate("document.getElementById('rows').dataset.old") is None, "it was swapped"
            assert page.is_checked("#pick-price-index")
            assert page.evaluate("document.activeElement.getAttribute('aria-label')") == label
            assert page.evaluate("scrollY") == before
        finally:
            site.scheduler.schedules.resume("nightly-report")

    def test_what_is_selected_stays(self, visit: Visit) -> None:
        page = visit.go("/schedules/price-index")
        page.evaluate("getSelection().selectAllChildren(document.querySelector('#runs tbody tr'))")
        chosen = page.evaluate("String(getSelection())")
        clock = page.inner_text("#where")
        page.wait_for_function("old => document.getElementById('where').innerText !== old", arg=clock)
        assert page.evaluate("String(getSelection())") == chosen

    def test_a_slow_answer_never_overwrites_a_newer_one(self, visit: Visit) -> None:
        page = visit.go("/schedules/nightly-report/edit")
        slow: list[Any] = []

        def answer(route: Any) -> None:
            if "5+5" in route.request.post_data:
                slow.append(route)  # later
            else:
                route.continue_()

        page.route("**/edit", answer)
        page.fill("#when", "5 5 * * *")
        wait_until(lambda: page.wait_for_timeout(20) or slow)
        page.fill("#when", "6 6 * * *")
        page.wait_for_selector("#preview >> text=Every day at 06:06")
        for route in slow:
            route.continue_()
        page.wait_for_timeout(300)
        assert "06:06" in page.inner_text("#preview")
        assert page.evaluate("document.activeElement.id") == "when"

    def test_what_is_wrong_is_said_in_its_place(self, visit: Visit) -> None:
        page = visit.go("/")
        page.route("**/*", lambda route: route.abort())
        page.wait_for_selector("#live >> text=No connection; asking again in")
        assert "needs you" in page.title() or "need you" in page.title(), "what was there stays there"
        page.unroute("**/*")
        page.wait_for_selector("#live >> text=/^Live$/")
        visit.wrong = [one for one in visit.wrong if "net::ERR_FAILED" not in one]

    def test_held_pages_ask_for_nothing(self, visit: Visit) -> None:
        asked: list[str] = []
        page = visit.go("/?hold=1")
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_timeout(6_000)
        assert asked == []
        page.click("text=Go on")
        page.wait_for_selector("#live >> text=Live")


class TestActions:
    def test_with_the_keyboard_alone(self, visit: Visit, site: Site) -> None:
        page = visit.go("/schedules/newsletter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent") == "Pause…":
                break
        page.keyboard.press("Enter")
        page.wait_for_selector("h1 >> text=Pause newsletter")
        page.focus("#note")
        page.keyboard.type("the provider is down")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=status] >> text=newsletter is paused until it is resumed")
        assert site.scheduler.schedules["newsletter"].note == "the provider is down"
        page.click("text='Resume'")
        page.wait_for_selector("[role=status] >> text=newsletter fires again")

    def test_run_now_runs_in_a_worker(self, visit: Visit, site: Site) -> None:
        ran = site.scheduler.schedules["newsletter"].succeeded
        page = visit.go("/schedules/newsletter")
        page.click("text='Run now'")
        page.wait_for_selector("[role=status] >> text=newsletter runs now")
        wait_until(lambda: page.wait_for_timeout(50) or site.scheduler.schedules["newsletter"].succeeded > ran)
        page.wait_for_selector("#runs >> text=Ok")

    def test_many_without_a_script(self, browser: Any, site: Site) -> None:
        with visiting(browser, site, java_script_enabled=False) as visit:
            page = visit.go("/schedules?tag=marketing")
            page.check("input.pick")
            assert page.is_visible("text=selected") or page.locator(".bulk").is_visible()
            page.click(".bulk >> text=Pause…")
            page.fill("#note", "all of them")
            page.click("text='Pause 1 schedule'")
            page.wait_for_selector("[role=status] >> text=1 schedule is paused")
            page.click("#row-newsletter >> text=Resume")
            page.wait_for_selector("[role=status] >> text=newsletter fires again")
            assert not site.scheduler.schedules["newsletter"].paused

    def test_edit_and_undo(self, visit: Visit, site: Site) -> None:
        page = visit.go("/schedules/newsletter/edit")
        page.fill("#jitter", "3m")
        page.wait_for_selector("#preview >> text=Changed: jitter")
        page.click("text='Save'")
        page.wait_for_selector("[role=status] >> text=newsletter is changed: jitter")
        page.click("#versions >> text=Undo >> nth=0")
        page.wait_for_selector("[role=status] >> text=is undone")
        assert [entry.actor for entry in site.scheduler.audit.read(schedule="newsletter", limit=2)] == ["web"] * 2

    def test_light_and_dark_by_hand(self, visit: Visit) -> None:
        page = visit.go("/")
        color = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(color)
        page.click("text='dark'")
        page.wait_for_selector("html[data-theme=dark]")
        assert page.evaluate(color) != light
