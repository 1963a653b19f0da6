"""The dashboard in a real browser, on a real site: every page, and what people do there."""

from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from rq_scheduler import Scheduler
from support import wait_until
from web.browser.conftest import KEYS, Site, Visit, visiting

pytestmark = [pytest.mark.once, pytest.mark.newest_only]

PAGES = (
    "/",
    "/schedules",
    "/new",
    "/schedules/import-orders",
    "/schedules/hostile",
    "/schedules/import-orders/why",
    "/schedules/nightly-report/edit",
    "/schedules/nightly-report/pause",
    "/schedules/nightly-report/delete",
    "/jobs",
    "/jobs/hostile-job",
    "/queues/exports/move",
    "/quarantine",
    "/clock-changes",
    "/clock-changes/schedules",
    "/load",
    "/events",
    "/audit",
    "/why",
    "/nothing",
)


# 720 is 1440 at a zoom of 200 %.
LOOKS = ((1440, "light", "none"), (375, "dark", "none"), (720, "dark", "active"))
"""Each width, each theme and high contrast."""
OTHER_LOOKS = ((1440, "dark", "none"), (375, "light", "none"), (720, "light", "active"))
"""The other ones of them with each other."""
CUT = """[...document.querySelectorAll(".nav a, .btn, .tabs a")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth && !one.closest(".scroll"))
  .map((one) => one.textContent).join(", ")"""
"""What is to be pressed, and is not on the screen: but for tables that scroll, and say so."""
AXE = """axe.run({exclude: [["tbody tr:nth-child(n+9):not(:last-child)"]]}, {resultTypes: ["violations"]})
  .then(({violations}) => violations)"""
"""Of a long table the first rows and the last: axe takes as long for each of fifty that are alike."""


@pytest.mark.parametrize("looks", [LOOKS, pytest.param(OTHER_LOOKS, marks=pytest.mark.slow)], ids=["each", "others"])
def test_every_page_is_in_order(browser: Any, site: Site, looks: tuple[Any, ...]) -> None:
    """Light and dark, narrow and wide, zoomed in, with the few colors of high contrast: axe finds nothing, nothing
    scrolls sideways or is cut, and the visit is quiet."""
    found: list[str] = []
    failed = next(run.job_id for run in site.scheduler.schedules.runs("import-orders") if run.end == "failed")
    with visiting(browser, site) as visit:
        for path in (*PAGES, f"/jobs/{failed}/traceback"):
            page = visit.go(f"{path}?hold=1")
            page.wait_for_function("() => !document.querySelector('meta[http-equiv=refresh]')")
            page.evaluate(AXE_SCRIPT)
            for width, theme, contrast in looks:
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(color_scheme=theme, forced_colors=contrast, reduced_motion="reduce")
                look = f"{path} {width} {theme}{' high contrast' if contrast == 'active' else ''}"
                for one in page.evaluate(AXE):
                    nodes = "; ".join(node["html"][:160] for node in one["nodes"][:2])
                    found.append(f"{look}: {one['id']}: {nodes}")
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    found.append(f"{look}: scrolls sideways, {wide}")
                cut = page.evaluate(CUT)
                if cut:
                    found.append(f"{look}: cut at the right: {cut}")
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

    def test_a_preview_that_does_not_come_is_said(self, visit: Visit) -> None:
        page = visit.go("/schedules/nightly-report/edit")
        for answer, says in (
            (lambda route: route.fulfill(status=503, body="away"), "Redis does not answer"),
            (lambda route: route.fulfill(status=429, body="often"), "You ask too often"),
            (lambda route: route.abort(), "No connection"),
        ):
            page.fill("#when", "5 5 * * *")
            page.wait_for_selector("#preview >> text=Every day at 05:05")
            page.route("**/edit", answer)
            page.fill("#when", "6 6 * * *")
            page.wait_for_selector(f"#preview >> text=There is no preview. {says}")
            assert "05:05" not in page.inner_text("#preview"), "that is of another text"
            assert page.get_attribute("#preview", "aria-busy") == "false"
            assert page.input_value("#when") == "6 6 * * *"
            page.unroute("**/edit")
            page.wait_for_selector("#preview >> text=Every day at 06:06")
        visit.wrong = [one for one in visit.wrong if "Failed to load resource" not in one]

    def test_redis_away_is_said_and_the_page_comes_back_by_itself(self, visit: Visit) -> None:
        page = visit.go("/schedules")
        page.route("**/schedules", lambda route: route.fulfill(status=503, content_type="text/html", body="<p>away"))
        page.wait_for_selector("#live >> text=Redis does not answer; asking again in")
        assert page.is_visible("#row-newsletter"), "what was there stays there"
        page.unroute("**/schedules")
        page.wait_for_selector("#live >> text=/^Live$/")
        visit.wrong = [one for one in visit.wrong if "503 (Service Unavailable)" not in one]

    def test_a_page_on_which_only_the_clock_would_change_asks_for_nothing(self, visit: Visit) -> None:
        asked: list[str] = []
        visit.page.clock.install()
        page = visit.go("/clock-changes")
        page.wait_for_selector("text=As of")
        page.on("request", lambda request: asked.append(request.url))
        page.clock.run_for(60_000)
        assert asked == []

    def test_events_that_come_all_the_time_put_nothing_off(self, visit: Visit, site: Site) -> None:
        page = visit.go("/schedules/nightly-report")
        page.wait_for_selector("#live >> text=Live")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if request.resource_type == "fetch" else None)
        for number in range(40):
            site.redis.xadd(KEYS.events, {"kind": "recovered", "id": "nobody", "number": number})
            page.wait_for_timeout(100)
            if len(asked) >= 3:
                break
        assert len(asked) >= 3, "each begins again while the one before is put off"

    def test_a_stream_that_was_refused_comes_back(self, visit: Visit) -> None:
        refused: list[str] = []

        def answer(route: Any) -> None:
            if refused:
                route.continue_()
            else:
                refused.append(route.request.url)
                route.fulfill(status=503, body="")

        visit.page.route("**/events/stream", answer)
        page = visit.go("/schedules/nightly-report")
        with page.expect_request("**/events/stream"):
            pass
        visit.wrong = [one for one in visit.wrong if "503" not in one]

    def test_held_pages_ask_for_nothing(self, visit: Visit) -> None:
        asked: list[str] = []
        visit.page.clock.install()
        page = visit.go("/?hold=1")
        page.on("request", lambda request: asked.append(request.url))
        page.clock.run_for(60_000)
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

    @pytest.mark.parametrize("scripted", [True, False])
    def test_enter_on_a_box_does_nothing(self, browser: Any, site: Site, scripted: bool) -> None:
        site.redis.hset(KEYS.quarantine, "lost-too", '{"reason": "its job is gone", "kind": "one-off"}')
        ran = sum(one.runs for one in site.scheduler.schedules if one.id in ("newsletter", "nightly-report"))
        with visiting(browser, site, java_script_enabled=scripted) as visit:
            for path in ("/schedules?hold=1", "/schedules?q=n&hold=1", "/quarantine?hold=1"):
                page = visit.go(path)
                box = page.locator("input.pick").last
                box.focus()
                page.keyboard.press("Space")
                page.keyboard.press("Enter")
                page.wait_for_timeout(300)
                assert page.url == visit.url + path
                assert box.is_checked()
                assert page.locator(".notice").count() == 0
        assert sum(one.runs for one in site.scheduler.schedules if one.id in ("newsletter", "nightly-report")) == ran
        site.redis.hdel(KEYS.quarantine, "lost-too")

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
