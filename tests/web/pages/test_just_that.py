"""An action does exactly what its page asked about, once; and what others have done meanwhile stays."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from threading import Thread

import pytest
import redis as redis_py
from starlette.testclient import TestClient

from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.store.keys import Keys
from web.conftest import REPORT
from web.pages.filled_in import form_of
from web.pages.test_forms import send
from web.pages.test_pages import done, text_of

pytestmark = pytest.mark.once

KEYS = Keys()
GAP, FOLD = "2027-03-28T02:30", datetime(2030, 10, 27, 1, 30, tzinfo=UTC)


@pytest.fixture
def paris(pages: TestClient) -> TestClient:
    pages.cookies.set("rqscheduler-zone", "Europe/Paris")
    return pages


class TestMany:
    @pytest.fixture(autouse=True)
    def three(self, scheduler: Scheduler) -> None:
        for id in "abc":
            scheduler.schedules.put(id, Every("1h"), REPORT, tags=("shop",), overlap="allow")

    def test_all_that_match_are_those_of_the_list(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.pause("b")
        html = pages.get("/schedules?state=paused&tag=shop").text
        assert re.findall('id="row-([^"]*)"', html) == ["b"]
        (address,) = (unescape(one) for one in re.findall('href="(/bulk[^"]*delete[^"]*)"', html))
        form = form_of(pages, address, "Delete 1 schedule?")
        assert send(pages, "/bulk", "/schedules", **form) == "1 schedule is deleted."
        assert [one.id for one in scheduler.schedules] == ["a", "c"]

    def test_none_that_match_are_not_asked_about(self, pages: TestClient) -> None:
        for query in ("prefix=functions", "tag=none", "state=failing", "state=odd", ""):
            assert pages.get(f"/bulk?action=delete&{query}").status_code == 422, query

    @pytest.mark.parametrize("action", ["delete", "pause", "resume", "run_now"])
    def test_one_more_is_not_done(self, pages: TestClient, scheduler: Scheduler, action: str) -> None:
        form = form_of(pages, f"/bulk?action={action}&tag=shop")
        scheduler.schedules.put("d", Every("1h"), REPORT, tags=("shop",))
        said = send(pages, "/bulk", "/schedules", **form)
        assert said.startswith("!Nothing was done: 4 schedules fit by now, and not just what was asked about")
        assert len(scheduler.schedules) == 4
        assert not any(one.paused or one.runs for one in scheduler.schedules)

    @pytest.mark.parametrize("chosen", [{"id": ["a", "b"]}, {"tag": "shop"}])
    def test_run_now_once(self, pages: TestClient, scheduler: Scheduler, chosen: dict[str, str]) -> None:
        form = {"action": "run_now", "once": "x", **chosen}
        if "tag" in chosen:
            form |= form_of(pages, "/bulk?action=run_now&tag=shop")
        said = {send(pages, "/bulk", "/schedules", **form) for _ in range(3)}
        assert said == {"2 schedules are run." if "id" in chosen else "3 schedules are run."}
        assert [len(scheduler.schedules.runs(id)) for id in "ab"] == [1, 1]
        other = {"action": "run_now", "once": "x", "id": ["c"]}
        assert send(pages, "/bulk", "/schedules", **other) == "1 schedule is run.", (
            "what else is ticked is another form"
        )

    def test_deleted_twice_is_deleted(self, pages: TestClient, scheduler: Scheduler) -> None:
        form = form_of(pages, "/bulk?action=delete&tag=shop", "Delete 3 schedules?")
        for _ in range(2):
            assert send(pages, "/bulk", "/schedules", **form) == "3 schedules are deleted."
        scheduler.schedules.undo("a")
        assert "1 schedule fits by now" in send(pages, "/bulk", "/schedules", **form)

    def test_a_pause_of_somebody_else_stays(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.pause("a", "INC 7", until="2d")
        form = {"action": "pause", "id": ["a", "b"], "sure": "1", "note": "mine"}
        said = send(pages, "/bulk", "/schedules", **form)
        assert said.startswith("1 schedule is paused. 1 stays as before")
        assert [scheduler.schedules[id].note for id in "ab"] == ["INC 7", "mine"]
        assert scheduler.schedules.resume_all(tag="shop") == 1, "they are paused together"


class TestResume:
    def test_a_pause_that_the_page_did_not_show_goes_on(
        self, pages: TestClient, scheduler: Scheduler, nightly: str
    ) -> None:
        page = f"/schedules/{nightly}"
        scheduler.schedules.pause(nightly, "mine")
        made = re.findall('name="made" value="([^"]+)"', pages.get(page).text)[0]
        scheduler.schedules.resume(nightly)
        scheduler.schedules.pause(nightly, "INC 7")
        said = done(pages, pages.post(f"{page}/resume", data={"made": made}).headers["location"])
        assert said == "!Nothing was done: nightly was paused meanwhile by me (INC 7), which stays as it is"
        assert scheduler.schedules[nightly].note == "INC 7"
        made = re.findall('name="made" value="([^"]+)"', pages.get(page).text)[0]
        assert send(pages, f"{page}/resume", page, made=made).startswith("nightly fires again")


class TestPause:
    def test_that_the_page_did_not_show_is_not_replaced(
        self, pages: TestClient, scheduler: Scheduler, nightly: str
    ) -> None:
        page = f"/schedules/{nightly}"
        unpaused = form_of(pages, f"{page}/pause")
        scheduler.schedules.pause(nightly, "INC 7", until="2d")
        for form in ({}, {**unpaused, "note": "mine"}):
            answer = pages.post(f"{page}/pause", data={"of": "a page", **form})
            said = done(pages, answer.headers["location"])
            assert said.startswith("!Nothing was done: nightly was paused meanwhile by me, until ")
            assert "(INC 7), which stays as it is" in said
            stored = scheduler.schedules[nightly]
            assert (stored.note, stored.paused_until is None) == ("INC 7", False)
        assert "It is paused by me" in text_of(pages.get(f"{page}/pause").text)
        form = {**form_of(pages, f"{page}/pause"), "note": "mine"}
        for _ in range(2):
            assert send(pages, f"{page}/pause", page, **form) == "nightly is paused until it is resumed."
        assert scheduler.schedules[nightly].note == "mine"


class TestMoments:
    def test_that_the_clocks_jump_over_are_refused(self, paris: TestClient, scheduler: Scheduler, nightly: str) -> None:
        scheduler.enqueue_at(FOLD, REPORT, job_id="one")
        page = f"/schedules/{nightly}"
        said = send(paris, f"{page}/pause", page, until=GAP)
        assert said.startswith(
            f"!Nothing was done: until='{GAP}' does not exist in Europe/Paris: the clocks jump over it"
        )
        assert not scheduler.schedules[nightly].paused
        assert "does not exist" in send(paris, "/jobs/one/move", "/jobs/one", when=GAP)
        assert "does not exist" in send(paris, "/bulk", "/schedules", action="pause", id=[nightly], sure="1", until=GAP)
        assert "does not exist" in send(paris, f"{page}/backfill", page, since=GAP, until="2027-03-29T00:00")
        assert paris.get(f"/jobs?since={GAP}").status_code == 200

    def test_of_a_job_that_is_not_moved_stays_to_the_microsecond(self, paris: TestClient, scheduler: Scheduler) -> None:
        due = FOLD.replace(microsecond=123456)
        scheduler.enqueue_at(due, REPORT, job_id="one")
        form = form_of(paris, "/jobs/one")
        assert form["when"] == "2030-10-27T02:30:00"
        assert send(paris, "/jobs/one/move", "/jobs/one", **form).startswith("one stays where it is: it is due")
        job = scheduler.jobs.get("one")
        assert job is not None
        assert job.due == due

    def test_are_by_the_clock_that_the_form_names(self, paris: TestClient, scheduler: Scheduler, nightly: str) -> None:
        scheduler.enqueue_at(FOLD, REPORT, job_id="one")
        forms = {path: form_of(paris, path) for path in ("/jobs/one", f"/schedules/{nightly}/pause")}
        paris.cookies.set("rqscheduler-zone", "Asia/Tokyo")
        paris.post("/jobs/one/move", data={**forms["/jobs/one"], "when": "2030-01-01T01:00"})
        page = f"/schedules/{nightly}/pause"
        paris.post(page, data={**forms[page], "until": "2030-01-01T01:00"})
        job = scheduler.jobs.get("one")
        assert job is not None
        assert job.due == scheduler.schedules[nightly].paused_until == datetime(2030, 1, 1, tzinfo=UTC)

    def test_of_a_job_that_somebody_has_moved(self, paris: TestClient, scheduler: Scheduler) -> None:
        scheduler.enqueue_at(FOLD, REPORT, job_id="one")
        form = form_of(paris, "/jobs/one")
        scheduler.change_execution_time("one", FOLD + timedelta(days=1))
        said = send(paris, "/jobs/one/move", "/jobs/one", **{**form, "when": "2030-01-01T01:00"})
        assert said.startswith("!Nothing was done: one was moved meanwhile")


class TestOnce:
    def test_deleted_or_cancelled_twice(self, pages: TestClient, scheduler: Scheduler, nightly: str) -> None:
        scheduler.enqueue_at(FOLD, REPORT, job_id="one")
        delete, cancel = form_of(pages, f"/schedules/{nightly}/delete"), form_of(pages, "/jobs/one")
        for _ in range(2):
            assert send(pages, f"/schedules/{nightly}/delete", "/schedules", **delete).startswith("nightly is deleted.")
            assert send(pages, "/jobs/one/cancel", "/jobs", **cancel) == "one is cancelled, and will not run."
        scheduler.schedules.put(nightly, Cron("0 3 * * *"), REPORT)
        assert send(pages, f"/schedules/{nightly}/delete", "/schedules", **delete).startswith("nightly is deleted.")
        assert nightly not in scheduler.schedules, "it had been made again: that is not what was deleted before"
        assert "there is no schedule" in send(pages, f"/schedules/{nightly}/delete", "/schedules")

    def test_undone_twice(self, pages: TestClient, scheduler: Scheduler, nightly: str) -> None:
        scheduler.schedules.update(nightly, jitter="1m")
        form = {"once": "a", "version": "2"}
        said = {send(pages, f"/schedules/{nightly}/undo", f"/schedules/{nightly}", **form) for _ in range(2)}
        assert len(said) == 1
        assert scheduler.schedules[nightly].version == 3

    def test_a_double_click_waits_for_the_first(self, pages: TestClient, scheduler: Scheduler, nightly: str) -> None:
        said: list[str] = []

        def press() -> None:
            answer = pages.post(f"/schedules/{nightly}/run", data={"once": "a"})
            said.append(answer.headers["set-cookie"].partition(";")[0])

        both = [Thread(target=press) for _ in range(4)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        assert len(set(said)) == 1
        assert len(scheduler.schedules.runs(nightly)) == 1


class TestWhatWasDone:
    def test_is_for_the_page_that_the_form_leads_to(self, pages: TestClient, nightly: str) -> None:
        pages.post(f"/schedules/{nightly}/pause", data={"note": ""})
        pages.post(f"/schedules/{nightly}/resume", data={"back": "/schedules?tag=billing"})
        assert "fires again" not in pages.get("/").text
        assert "fires again" not in pages.get("/schedules?tag=billing", headers={"x-page-update": "1"}).text
        assert "fires again" in pages.get("/schedules?tag=billing").text
        assert "is paused until" in pages.get(f"/schedules/{nightly}").text
        assert "fires again" not in pages.get("/schedules?tag=billing").text


def test_schedules_may_have_the_names_of_pages(pages: TestClient, scheduler: Scheduler) -> None:
    for id in ("new", "bulk", "edit"):
        scheduler.schedules.put(id, Every("1h"), REPORT)
        assert f"<h1>{id}</h1>" in pages.get(f"/schedules/{id}").text
        assert pages.get(f"/schedules/{id}/edit").status_code == 200
        assert pages.get(f"/api/v1/schedules/{id}").status_code == 200
    assert "<h1>New schedule</h1>" in pages.get("/new").text


@pytest.mark.parametrize("id", ["a\u00a0b", "a\nb", "a%0Ab", "\u202ea", "a,b&c=d"])
def test_an_entry_of_any_id_is_purged(pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis, id: str) -> None:
    redis.hset(KEYS.quarantine, id, '{"reason": "its job is gone", "kind": "one-off"}')
    html = pages.get("/quarantine").text
    (value,) = (unescape(one) for one in re.findall('name="id" value="([^"]*)"', html))
    (retry,) = (unescape(one) for one in re.findall('formaction="([^"]*only=[^"]*)"', html))
    pages.post(retry, data={"of": "a page"})
    assert "stays in quarantine: its record" in done(pages, "/quarantine"), "it is found"
    asked = pages.post("/quarantine/purge", data={"id": value}).text
    (value,) = (unescape(one) for one in re.findall('name="id" value="([^"]*)"', asked))
    assert value.isascii()
    assert value.isprintable()
    pages.post("/quarantine/purge", data={"id": value, "sure": "1"})
    assert done(pages, "/quarantine") == f"{id} is forgotten."
    assert redis.hlen(KEYS.quarantine) == 0
