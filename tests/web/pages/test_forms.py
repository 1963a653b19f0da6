"""What forms do: each changes what it says, leads back, says what it did, and stands in the audit with the visitor."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from starlette.testclient import TestClient

import jobs_for_tests as jobs
from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.store.keys import Keys
from web.conftest import REPORT
from web.pages.conftest import MakePages
from web.pages.test_pages import done, text_of

KEYS = Keys()


def send(client: TestClient, path: str, to: str, **form: Any) -> str:
    """Sends a form, which leads there; what it says that it did."""
    answer = client.post(path, data={"of": "a page", **form})
    assert (answer.status_code, answer.headers.get("location")) == (303, to), answer.text
    said = done(client)
    assert said.removeprefix("!") in text_of(client.get(to).text)
    assert not done(client), "it is said once"
    return said


def test_run_now_once_however_often_it_is_sent(pages: TestClient, scheduler: Scheduler, nightly: str) -> None:
    for _ in range(2):
        said = send(pages, f"/schedules/{nightly}/run", "/", once="abc", back="/")
        assert said.startswith("nightly runs now, as job nightly-")
    assert len(scheduler.schedules.runs(nightly)) == 1
    (entry,) = scheduler.audit.read(actions="run_now")
    assert entry.actor == "token a operator"


def test_a_run_that_goes_on_is_stopped_from_the_page_of_its_schedule(
    pages: TestClient, pages_of: MakePages, nightly: str, redis: redis_py.Redis
) -> None:
    pages.post(f"/schedules/{nightly}/run", data={"once": "a"})
    (job,) = redis.lrange("rq:queue:default", 0, -1)
    assert "Stop</button>" not in pages.get(f"/schedules/{nightly}").text, "it has not begun"
    redis.hset(f"rq:job:{job.decode()}", "status", "started")
    html = pages.get(f"/schedules/{nightly}").text
    (address,) = re.findall('action="(/jobs/[^"]*/stop)"', html)
    assert address == f"/jobs/{job.decode()}/stop"
    assert "Stop</button>" not in pages_of("viewer").get(f"/schedules/{nightly}").text
    redis.hset(f"rq:job:{job.decode()}", "status", "queued")
    answer = pages.post(address, data={"back": f"/schedules/{nightly}"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/schedules/{nightly}")
    assert redis.hget(f"rq:job:{job.decode()}", "status") == b"canceled"


def test_pause_with_a_note_and_until_and_resume(pages: TestClient, scheduler: Scheduler, nightly: str) -> None:
    page = f"/schedules/{nightly}"
    until = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    said = send(pages, f"{page}/pause", page, note="INC 7", until=until.replace(tzinfo=None).isoformat())
    assert said.startswith("nightly is paused until ")
    stored = scheduler.schedules[nightly]
    assert (stored.paused, stored.note, stored.paused_until) == (True, "INC 7", until)
    assert "INC 7" in pages.get(page).text
    assert send(pages, f"{page}/resume", page).startswith("nightly fires again; its next run is due ")
    assert not scheduler.schedules[nightly].paused
    assert [entry.actor for entry in scheduler.audit.read(limit=2)] == ["token a operator"] * 2


def test_a_moment_is_by_the_clock_of_the_visitor(pages: TestClient, scheduler: Scheduler, nightly: str) -> None:
    pages.post("/preferences", data={"zone": "Asia/Tokyo"})
    pages.post(f"/schedules/{nightly}/pause", data={"until": "2030-01-01T09:00"})
    assert scheduler.schedules[nightly].paused_until == datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("until", ["never", "2001-01-01T00:00", "9" * 100])
def test_a_time_that_cannot_be_pauses_nothing(
    pages: TestClient, scheduler: Scheduler, nightly: str, until: str
) -> None:
    page = f"/schedules/{nightly}"
    assert send(pages, f"{page}/pause", page, until=until).startswith("!Nothing was done: until=")
    assert not scheduler.schedules[nightly].paused


def test_what_is_not_allowed_is_not_run(pages_of: MakePages, scheduler: Scheduler, nightly: str) -> None:
    scheduler.schedules.put("evil", Every("1h"), jobs.nothing)
    pages = pages_of()
    said = send(pages, "/schedules/evil/run", "/schedules/evil", once="a")
    assert "may not be run by way of the web" in said
    assert "may not be run" in send(pages_of(allow=()), f"/schedules/{nightly}/run", f"/schedules/{nightly}", once="b")
    assert scheduler.schedules.runs("evil") == scheduler.schedules.runs(nightly) == []


def test_backfill(pages: TestClient, scheduler: Scheduler) -> None:
    scheduler.schedules.put("daily", Cron("0 3 * * *"), REPORT)
    form = {"since": "2026-01-01T00:00", "until": "2026-01-04T00:00"}
    pages.post("/preferences", data={"zone": "UTC"})
    assert send(pages, "/schedules/daily/backfill", "/schedules/daily", **form).startswith("3 runs of daily were made")
    assert send(pages, "/schedules/daily/backfill", "/schedules/daily", **form).startswith("daily had no instant")
    assert "missing" in send(pages, "/schedules/daily/backfill", "/schedules/daily", since="2026-01-01T00:00")


def test_delete_and_undo_brings_it_back(pages: TestClient, scheduler: Scheduler, nightly: str) -> None:
    assert "nightly is deleted" in send(pages, f"/schedules/{nightly}/delete", "/schedules")
    assert nightly not in scheduler.schedules
    assert 'name="version" value="1"' in pages.get("/audit").text
    said = send(pages, f"/schedules/{nightly}/undo", "/audit", version="1", back="/audit")
    assert said.startswith("Version 1 of nightly is undone")
    assert scheduler.schedules[nightly].func == REPORT


def test_undo_of_what_somebody_has_changed_since(pages: TestClient, scheduler: Scheduler, nightly: str) -> None:
    for jitter in ("1m", "2m"):
        scheduler.schedules.update(nightly, jitter=jitter)
    page = f"/schedules/{nightly}"
    assert "at version 3, not 2" in send(pages, f"{page}/undo", page, version="2")
    send(pages, f"{page}/undo", page, version="3")
    spec = scheduler.schedules[nightly].spec
    assert spec is not None
    assert str(spec.jitter) == "60s"


class TestMany:
    @pytest.fixture
    def three(self, scheduler: Scheduler) -> list[str]:
        ids = ["a", "b", "c"]
        for id in ids:
            scheduler.schedules.put(id, Every("1h"), REPORT, tags=("shop",))
        return ids

    def test_those_that_are_ticked(self, pages: TestClient, scheduler: Scheduler, three: list[str]) -> None:
        asked = pages.post("/schedules/bulk", data={"action": "pause", "id": ["a", "b"]})
        assert asked.headers["location"] == "/schedules/bulk?action=pause&id=a&id=b"
        html = pages.get(asked.headers["location"]).text
        assert "Pause 2 schedules?" in html
        form = {"action": "pause", "id": ["a", "b"], "sure": "1", "note": "INC"}
        assert send(pages, "/schedules/bulk", "/schedules", **form) == "2 schedules are paused."
        assert [scheduler.schedules[id].paused for id in three] == [True, True, False]
        assert send(pages, "/schedules/bulk", "/schedules", action="resume", id=three) == "3 schedules are resumed."

    def test_all_that_match(self, pages: TestClient, scheduler: Scheduler, three: list[str], nightly: str) -> None:
        html = pages.get("/schedules/bulk?action=delete&tag=shop").text
        assert "Delete 3 schedules?" in html
        form = {"action": "delete", "tag": "shop", "sure": "1"}
        assert send(pages, "/schedules/bulk", "/schedules", **form) == "3 schedules are deleted."
        assert [one.id for one in scheduler.schedules] == [nightly]

    def test_nothing_chosen_is_not_everything(self, pages: TestClient, scheduler: Scheduler, three: list[str]) -> None:
        for form in ({"action": "delete"}, {"action": "delete", "sure": "1"}, {"action": "pause", "sure": "1"}):
            assert send(pages, "/schedules/bulk", "/schedules", **form).startswith("!")
        assert len(scheduler.schedules) == len(three)

    def test_where_one_is_gone_the_others_are(self, pages: TestClient, scheduler: Scheduler, three: list[str]) -> None:
        form = {"action": "run_now", "id": [*three, "gone"]}
        assert "1 could not be, 3 were: gone" in send(pages, "/schedules/bulk", "/schedules", **form)


class TestOneOffs:
    @pytest.fixture
    def one(self, scheduler: Scheduler) -> str:
        scheduler.enqueue_at(datetime(2030, 1, 1, tzinfo=UTC), REPORT, job_id="one")
        return "one"

    def test_move_run_now_and_cancel(self, pages: TestClient, scheduler: Scheduler, one: str) -> None:
        pages.post("/preferences", data={"zone": "UTC"})
        assert "one is due" in send(pages, "/jobs/one/move", "/jobs/one", when="2031-02-03T04:05")
        found = scheduler.jobs.get(one)
        assert found is not None
        assert found.due == datetime(2031, 2, 3, 4, 5, tzinfo=UTC)
        assert "one is due now" in send(pages, "/jobs/one/run", "/jobs")
        assert "one is cancelled" in send(pages, "/jobs/one/cancel", "/jobs")
        assert scheduler.jobs.get(one) is None
        assert "not scheduled" in send(pages, "/jobs/one/cancel", "/jobs")

    def test_a_page_from_a_time_on(self, pages: TestClient, scheduler: Scheduler) -> None:
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        ids = [f"j{number:03d}" for number in range(120)]
        scheduler.enqueue_many((start + timedelta(minutes=number), jobs.nothing) for number in range(120))
        assert ids
        seen, path = 0, "/jobs"
        while path:
            html = pages.get(path).text
            seen += len(re.findall(r'class="btn sm bare" formaction="/jobs/', html))
            following = re.search(r'rel="next" href="([^"]*)"', html)
            path = following[1].replace("&amp;", "&") if following else ""
        assert seen == 120


class TestQuarantine:
    @pytest.fixture
    def held(self, scheduler: Scheduler, redis: redis_py.Redis) -> list[str]:
        for id in ("x", "y"):
            redis.hset(KEYS.quarantine, id, '{"reason": "its job is gone", "kind": "one-off"}')
        return ["x", "y"]

    def test_purge_asks_first(self, pages: TestClient, scheduler: Scheduler, held: list[str]) -> None:
        assert "2 entries are in quarantine" in pages.get("/quarantine").text
        asked = pages.post("/quarantine/purge", data={"id": held})
        assert "Purge 2 entries?" in asked.text
        assert len(scheduler.quarantine) == 2
        assert send(pages, "/quarantine/purge", "/quarantine", id=held, sure="1") == "2 entries are forgotten."
        assert len(scheduler.quarantine) == 0

    def test_retry_says_why_not(self, pages: TestClient, held: list[str]) -> None:
        assert send(pages, "/quarantine/retry?only=x", "/quarantine").startswith("!Nothing was done: x: ")
        assert "nothing was chosen" in send(pages, "/quarantine/retry", "/quarantine")


class TestEdit:
    def test_a_preview_changes_nothing(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("daily", Cron("0 3 * * *"), REPORT)
        html = pages.post("/schedules/daily/edit", data={"do": "preview", "when": "0 4 * * *"}).text
        assert "Every day at 04:00" in html
        assert html.count('class="adds"') == 10
        assert 'class="drops"' in html
        assert scheduler.schedules["daily"].version == 1

    def test_only_what_differs_is_changed(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("daily", Cron("0 3 * * *", "Europe/Paris"), REPORT, expect="1h")
        html = pages.get("/schedules/daily/edit").text
        form = dict(re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', html))
        form |= {"when_kind": "cron", "overlap": "skip", "catchup": "latest", "excluded": "skip", "do": "save"}
        assert send(pages, "/schedules/daily/edit", "/schedules/daily", **form).startswith("Nothing is changed")
        form |= {"jitter": "2m", "tags": "a, b", "pause_on_failures": "3", "expect": "", "kwargs": '{"name": "x"}'}
        said = send(pages, "/schedules/daily/edit", "/schedules/daily", **form)
        assert said == "daily is changed: kwargs, jitter, pause_on_failures, expect, tags. It is at version 2 now."
        found = scheduler.schedules["daily"]
        assert found.definition.kwargs == {"name": "x"}
        assert found.spec is not None
        assert (found.spec.expect, found.spec.pause_on_failures, found.tags) == (None, 3, ("a", "b"))
        assert "version 2, not 1" in pages.post("/schedules/daily/edit", data={**form, "jitter": "3m"}).text

    @pytest.mark.parametrize(
        ("form", "says"),
        [
            ({"when": "99 * * * *"}, "minute"),
            ({"when": ""}, "When it fires is missing"),
            ({"args": "[1"}, "args=&#39;[1&#39; is no JSON"),
            ({"max_runs": "-1"}, "is no whole number"),
            ({"func": "os.system"}, "may not be run by way of the web"),
            ({"queue_name": "secret"}, "cannot be used by way of the web"),
            ({"timezone": "Mars"}, "Mars"),
            ({"exclude": '{"type": "x"}'}, "exclude"),
        ],
    )
    def test_what_cannot_be_is_said_and_kept_in_the_form(
        self, pages: TestClient, scheduler: Scheduler, form: dict[str, str], says: str
    ) -> None:
        scheduler.schedules.put("daily", Cron("0 3 * * *"), REPORT)
        given = {"when_kind": "cron", "when": "0 3 * * *", "timezone": "UTC", "do": "save", "version": "1", **form}
        answer = pages.post("/schedules/daily/edit", data=given)
        assert answer.status_code == 422
        assert says in answer.text
        assert scheduler.schedules["daily"].version == 1

    def test_a_new_one(self, pages: TestClient, scheduler: Scheduler) -> None:
        form = {"new_id": "fresh", "when_kind": "every", "when": "5m", "func": REPORT, "do": "save"}
        assert send(pages, "/schedules/new", "/schedules/fresh", **form) == "fresh is defined."
        assert scheduler.schedules["fresh"].call.startswith(REPORT)
        assert "is there already" in pages.post("/schedules/new", data=form).text
        assert "id=" in pages.post("/schedules/new", data={**form, "new_id": "a b"}).text
