"""What forms do: each changes what it says, leads back, says what it did, and stands in the audit with the visitor."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from starlette.testclient import TestClient

import jobs_for_tests as jobs
from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.store.keys import Keys
from support import wait_until
from web.conftest import REPORT
from web.pages.conftest import MakePages
from web.pages.filled_in import form_of
from web.pages.test_pages import done, text_of

pytestmark = pytest.mark.once

KEYS = Keys()


def send(client: TestClient, path: str, to: str, /, **form: Any) -> str:
    """Sends a form, which leads there; what it says that it did."""
    answer = client.post(path, data={"of": "a page", **form})
    assert (answer.status_code, answer.headers.get("location")) == (303, to), answer.text
    said = done(client, to)
    assert said.removeprefix("!") in text_of(client.get(to).text)
    assert not done(client, to), "it is said once"
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
    assert "/stop" not in pages.get(f"/schedules/{nightly}").text, "it has not begun"
    redis.hset(f"rq:job:{job.decode()}", "status", "started")
    html = pages.get(f"/schedules/{nightly}").text
    (address,) = re.findall('href="(/jobs/[^"]*/stop)"', html)
    assert "Stop this run?" in pages.get(address).text
    assert address == f"/jobs/{job.decode()}/stop"
    assert "/stop" not in pages_of("viewer").get(f"/schedules/{nightly}").text
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


@pytest.mark.parametrize(
    ("until", "says"),
    [("never", "until='never' is no moment"), ("2001-01-01T00:00", "2001 00:00 has passed"), ("9" * 100, "until='999")],
)
def test_a_time_that_cannot_be_pauses_nothing(
    pages: TestClient, scheduler: Scheduler, nightly: str, until: str, says: str
) -> None:
    page = f"/schedules/{nightly}"
    said = send(pages, f"{page}/pause", page, until=until)
    assert said.startswith("!Nothing was done: ")
    assert says in said
    assert not scheduler.schedules[nightly].paused


def test_a_refused_pause_is_shown_again_as_it_was_filled_in(pages: TestClient, nightly: str) -> None:
    form = {"until": "2001-01-01T00:00", "note": "INC 7", "asked": "1"}
    answer = pages.post(f"/schedules/{nightly}/pause", data=form)
    assert answer.headers["location"].startswith(f"/schedules/{nightly}/pause?")
    html = pages.get(answer.headers["location"]).text
    assert 'value="INC 7"' in html
    assert 'value="2001-01-01T00:00"' in html


def test_a_pause_says_what_it_leaves_out_and_what_comes_after(pages: TestClient, scheduler: Scheduler) -> None:
    pages.post("/preferences", data={"zone": "UTC"})
    scheduler.schedules.put("daily", Cron("30 2 * * *"), REPORT)
    assert "Its next runs are" in text_of(pages.get("/schedules/daily/pause").text)
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=2)
    said = send(pages, "/schedules/daily/pause", "/schedules/daily", until=noon.replace(tzinfo=None).isoformat())
    after = (noon + timedelta(days=1)).replace(hour=2, minute=30)
    times = f"{after:%a} {after.day} {after:%b}"
    assert re.search(r"That leaves out [23] runs: ", said), said
    assert said.endswith(f" Its next run is due on {times} at 02:30.")
    for path in ("/schedules/daily", "/schedules", "/"):
        assert f"{times} 02:30" in text_of(pages.get(path).text), path
    assert "Next 10 runs, after the pause" in text_of(pages.get("/schedules/daily").text)
    stored = scheduler.schedules["daily"]
    assert (stored.next_run_at, stored.next_run_after_pause) == (None, after)
    scheduler.schedules.resume("daily")
    assert scheduler.schedules["daily"].next_run_after_pause is None


def test_what_is_not_allowed_is_not_run(pages_of: MakePages, scheduler: Scheduler, nightly: str) -> None:
    scheduler.schedules.put("evil", Every("1h"), jobs.nothing)
    pages = pages_of()
    said = send(pages, "/schedules/evil/run", "/schedules/evil", once="a")
    assert "may not be run by way of the web" in said
    assert "may not be run" in send(pages_of(allow=()), f"/schedules/{nightly}/run", f"/schedules/{nightly}", once="b")
    assert "rqscheduler web --allow" in said
    assert "From a terminal: rqscheduler run-now evil" in said
    assert scheduler.schedules.runs("evil") == scheduler.schedules.runs(nightly) == []


class TestWhatIsNotAllowed:
    """It is not offered, and the page says why, and what to type."""

    @pytest.fixture
    def evil(self, scheduler: Scheduler, redis: redis_py.Redis) -> str:
        scheduler.schedules.put("evil", Every("1h"), jobs.nothing, jitter="1m")
        scheduler.schedules.put("evil", Every("1h"), jobs.nothing)
        return "evil"

    def test_on_the_page_of_a_schedule(self, pages: TestClient, evil: str, nightly: str) -> None:
        html = pages.get(f"/schedules/{evil}").text
        for action in ("run", "backfill", "edit", "undo"):
            assert f'/schedules/{evil}/{action}"' not in html, action
            assert action == "undo" or f'/schedules/{nightly}/{action}"' in pages.get(f"/schedules/{nightly}").text
        for action in ("pause", "delete"):
            assert f'/schedules/{evil}/{action}"' in html
        said = text_of(html)
        assert "rqscheduler web --allow 'jobs_for_tests.nothing'" in said or "--allow 'tests.jobs_for_tests" in said
        assert f"From a terminal: rqscheduler run-now {evil}" in said
        assert f"rqscheduler undo {evil}" in said

    @pytest.mark.parametrize("path", ["/", "/audit", "/schedules"])
    def test_in_lists(self, pages: TestClient, evil: str, nightly: str, path: str) -> None:
        html = pages.get(path).text
        assert f'/schedules/{evil}/undo"' not in html
        assert f'/schedules/{evil}/run"' not in html
        assert ("rqscheduler undo evil" if path != "/schedules" else "rqscheduler run-now ID") in text_of(html)

    def test_a_deletion_promises_no_undo(self, pages: TestClient, evil: str, nightly: str) -> None:
        assert "cannot be brought back from here" in text_of(pages.get(f"/schedules/{evil}/delete").text)
        assert "can be brought back for 30 days, from the audit" in text_of(
            pages.get(f"/schedules/{nightly}/delete").text
        )
        said = send(pages, f"/schedules/{evil}/delete", "/schedules")
        assert said.endswith("can be brought back from a terminal: rqscheduler undo evil")
        assert f'/schedules/{evil}/undo"' not in pages.get("/audit").text
        assert "rqscheduler undo evil" in text_of(pages.get("/").text)

    def test_what_was_scheduled_is_moved_all_the_same(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.enqueue_at(datetime(2030, 1, 1, tzinfo=UTC), jobs.nothing, job_id="one")
        pages.post("/preferences", data={"zone": "UTC"})
        assert "one is due" in send(pages, "/jobs/one/move", "/jobs/one", when="2031-02-03T04:05")

    def test_a_retry(self, pages: TestClient, pages_of: MakePages, evil: str, redis: redis_py.Redis) -> None:
        record = '{"reason": "why", "index": "rq:scheduler:due_schedules", "at": "1", "due": "1", "queue": ""}'
        redis.hset(KEYS.quarantine, evil, record)
        html = pages.get("/quarantine").text
        assert "retry?only=" not in html
        assert "rqscheduler quarantine retry ID" in text_of(html)
        assert "retry?only=" not in pages_of(allow=()).get("/quarantine").text


def test_one_that_cannot_run_is_not_resumed(pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis) -> None:
    """Its template is gone: it would be paused again within the second."""
    schedules = scheduler.schedules
    schedules.put("lost", Every("1h"), REPORT)
    schedules.pause("lost")
    redis.delete(KEYS.template("lost"))
    assert schedules["lost"].cannot_run
    with pytest.raises(InvalidArgument, match=r"is gone from Redis\. Put it again, then resume it"):
        schedules.resume("lost")
    with pytest.raises(SchedulerError, match=r"lost: .* Put it again"):
        schedules.resume_all(all_pauses=True, prefix="lo")
    for path in ("/", "/schedules", "/schedules/lost", "/schedules/lost/why"):
        html = pages.get(path).text
        assert "lost" in html
        assert '/schedules/lost/resume"' not in html, path
    assert "Put it again" in schedules.explain("lost").remedies[0].what
    schedules.put("lost", Every("1h"), REPORT)
    assert not schedules.resume("lost").paused


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
        asked = pages.post("/bulk", data={"action": "pause", "id": ["a", "b"]})
        assert asked.headers["location"] == "/bulk?action=pause&id=a&id=b"
        html = pages.get(asked.headers["location"]).text
        assert "Pause 2 schedules?" in html
        form = {"action": "pause", "id": ["a", "b"], "sure": "1", "note": "INC"}
        assert send(pages, "/bulk", "/schedules", **form) == "2 schedules are paused."
        assert [scheduler.schedules[id].paused for id in three] == [True, True, False]
        assert send(pages, "/bulk", "/schedules", action="resume", id=three) == (
            "2 schedules are resumed. 1 stays as before: not paused, or not together with others."
        )

    def test_all_that_match(self, pages: TestClient, scheduler: Scheduler, three: list[str], nightly: str) -> None:
        form = form_of(pages, "/bulk?action=delete&tag=shop", "Delete 3 schedules?")
        assert send(pages, "/bulk", "/schedules", **form) == "3 schedules are deleted."
        assert [one.id for one in scheduler.schedules] == [nightly]

    def test_nothing_chosen_is_not_everything(self, pages: TestClient, scheduler: Scheduler, three: list[str]) -> None:
        for form in ({"action": "delete"}, {"action": "delete", "sure": "1"}, {"action": "pause", "sure": "1"}):
            assert send(pages, "/bulk", "/schedules", **form).startswith("!")
        assert len(scheduler.schedules) == len(three)

    def test_where_one_is_gone_the_others_are(self, pages: TestClient, scheduler: Scheduler, three: list[str]) -> None:
        form = {"action": "run_now", "id": [*three, "gone"]}
        said = send(pages, "/bulk", "/schedules", **form)
        assert said.startswith("!3 schedules are run. 1 could not be: there is no gone (any more)")

    def test_what_recurs_by_the_0_14_api_is_not_offered_and_said_in_words(
        self, pages: TestClient, scheduler: Scheduler, three: list[str]
    ) -> None:
        scheduler.schedule(datetime.now(UTC) + timedelta(hours=1), REPORT, interval=60, id="recurs")
        html = pages.get("/schedules").text
        assert 'value="a"' in html
        assert 'value="recurs"' not in html
        form = {"action": "pause", "id": [*three, "recurs"], "sure": "1"}
        said = send(pages, "/bulk", "/schedules", **form)
        assert said.startswith("!3 schedules are paused. 1 could not be: recurs recurs by the 0.14 API")
        assert "enqueue_job" not in said


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

    def test_a_search_goes_on_where_it_has_stopped(
        self, pages: TestClient, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in (("SEARCHED", 4), ("_STEP", 2)):
            monkeypatch.setattr(f"rq_scheduler.web.pages.jobs.{name}", value)
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        calls = [jobs.nothing if number % 2 else jobs.add for number in range(10)]
        scheduler.enqueue_many((start + timedelta(minutes=number), call) for number, call in enumerate(calls))
        pages_of_it, path = list[int](), "/jobs?q=nothing"
        while path:
            html = pages.get(path).text
            pages_of_it.append(html.count(">Run now</button>"))
            following = re.search(r'rel="next" href="([^"]*)">Look through more', html)
            path = following[1].replace("&amp;", "&") if following else ""
        assert pages_of_it == [2, 2, 1]
        assert "4 jobs were looked through" in text_of(pages.get("/jobs?q=nothing").text)


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

    @pytest.mark.leaves("rq:worker*")
    def test_a_preview_shows_what_it_collides_with(
        self, pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis
    ) -> None:
        for number in range(20):
            scheduler.schedules.put(f"s{number:02}", Cron("30 4 * * *"), REPORT)
            redis.hset(f"rq:scheduler:schedule:s{number:02}", "ends", f"9 0 0 - - - {30 * 1_000_000} .........")
        scheduler.schedules.put("daily", Cron("0 3 * * *"), REPORT, queue_name="mails")
        scheduler.schedules.put("far", Cron("30 4 * * *"), REPORT, queue_name="mails")
        redis.sadd("rq:workers", "rq:worker:w")
        redis.hset("rq:worker:w", mapping={"queues": "default", "birth": "x"})

        def preview(**form: str) -> str:
            given = {"do": "preview", "when": "30 4 * * *", "queue_name": "default", **form}
            return wait_until(
                lambda: (
                    "is being counted" not in (text := text_of(pages.post("/schedules/daily/edit", data=given).text))
                    and text
                )
            )

        said = preview()
        assert "20 runs of other schedules are due in default" in said
        assert "20 of 30 4 * * *: s00" in said
        assert "21 runs are due in 1 minute, more than 1 worker can take" in said
        assert "With a jitter of" in said
        assert "1 run of another schedule is due in mails" in preview(queue_name="mails")
        assert "No worker listens on mails" in preview(queue_name="mails")
        assert "Nothing else is due in default" in preview(when="0 5 * * *")

    @pytest.mark.usefixtures("nightly")
    def test_a_preview_counts_no_queue_that_is_too_large(
        self, pages: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rq_scheduler.web.pages.collisions.MOST", 0)
        said = text_of(pages.get("/schedules/nightly/edit").text)
        assert "1 schedule is in default: Load counts" in said

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
        assert send(pages, "/new", "/schedules/fresh", **form) == "fresh is defined."
        assert scheduler.schedules["fresh"].call.startswith(REPORT)
        assert "is there already" in pages.post("/new", data=form).text
        assert "id=" in pages.post("/new", data={**form, "new_id": "a b"}).text

    @pytest.mark.parametrize(
        ("given", "seconds"),
        [("30m", 1800), ("15 minutes", 900), ("1h 30m", 5400), ("1h30m", 5400), ("90", 90), ("every 2 days", 172_800)],
    )
    def test_another_interval_keeps_to_the_anchor(
        self, pages: TestClient, scheduler: Scheduler, given: str, seconds: int
    ) -> None:
        anchor = datetime(2026, 1, 1, 0, 0, 7, tzinfo=UTC)
        scheduler.schedules.put("hourly", Every("1h", anchor=anchor), REPORT)
        form = form_of(pages, "/schedules/hourly/edit")
        assert form["when"] == "1h"
        form |= {"when": given}
        assert "Changed: when it runs" in pages.post("/schedules/hourly/edit", data={**form, "do": "preview"}).text
        said = send(pages, "/schedules/hourly/edit", "/schedules/hourly", **form, do="save")
        assert said.startswith("hourly is changed: trigger.")
        assert scheduler.schedules["hourly"].trigger == Every(seconds, anchor=anchor)

    def test_what_is_no_interval(self, pages: TestClient) -> None:
        form = {"new_id": "fresh", "when_kind": "every", "when": "15 parsecs", "func": REPORT, "do": "save"}
        assert "write 30m, 15 minutes, 1h 30m or 90s" in pages.post("/new", data=form).text

    def test_what_is_not_allowed_is_said_before_it_is_saved(self, pages: TestClient) -> None:
        form = {"new_id": "fresh", "when_kind": "every", "when": "5m", "func": "os.system", "do": "preview"}
        assert "It cannot be saved here" in pages.post("/new", data=form).text


class TestWhy:
    """What is offered there helps; and one finds one's way."""

    def test_an_id_that_is_nearly_one(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("sales-report", Every("1h"), REPORT)
        for id in ("sales", "report", "sale-report"):
            assert '<a href="/why?id=sales-report">sales-report</a>' in pages.get(f"/why?id={id}").text

    def test_by_one_clock_and_with_the_times_beside(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("daily", Cron("30 2 * * *", "Asia/Tokyo"), REPORT)
        pages.post("/preferences", data={"zone": "UTC"})
        html = pages.get("/schedules/daily/why").text
        assert "Told by the clock of Asia/Tokyo" in html
        assert ">The time before</a>" in html
        assert "Run now" not in html, "its time has not come"

    def test_a_change_is_undone_from_there(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("daily", Cron("30 2 * * *", "UTC"), REPORT)
        scheduler.schedules.put("daily", Cron("30 3 * * *", "UTC"), REPORT)
        day = datetime.now(UTC).date() + timedelta(days=1)
        html = pages.get(f"/schedules/daily/why?at={day}T02:30:00%2B00:00").text
        assert "rqscheduler undo daily" in html
        assert 'action="/schedules/daily/undo"' in html


def test_how_a_schedule_stands_says_that_it_runs_and_what_became_of_the_last(
    pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis, nightly: str
) -> None:
    pages.post(f"/schedules/{nightly}/run", data={"once": "a"})
    (job,) = redis.lrange("rq:queue:default", 0, -1)
    redis.hset(f"rq:job:{job.decode()}", "status", "started")
    redis.hset(KEYS.schedule(nightly), "ends", "0 2 2 0 0 1 - ff")
    assert "Failing, running" in text_of(pages.get("/schedules").text)
    redis.delete(f"rq:job:{job.decode()}")
    redis.hset(KEYS.schedule(nightly), mapping={"ends": "0 0 0 0 0 0 - d", "armed": ""})
    assert re.search(r"Deleted\s+nightly", text_of(pages.get("/schedules").text))


def test_now_names_what_goes_into_a_queue_without_a_worker(pages: TestClient, scheduler: Scheduler) -> None:
    scheduler.schedules.put("sales-report", Every("1h"), REPORT, queue_name="reports")
    assert scheduler.schedules.run_now("sales-report") is not None
    html = pages.get("/").text
    assert "1 schedule goes there: sales-report." in text_of(html)
    assert 'href="/schedules?queue=reports"' in html


class TestAQueueIsEmptiedIntoAnother:
    @pytest.fixture
    def feed(self, scheduler: Scheduler) -> str:
        """The job of a run that waits where no worker listens."""
        scheduler.schedules.put("feed", Every("1h"), REPORT, queue_name="ex ports")
        job = scheduler.schedules.run_now("feed")
        assert job is not None
        return job.id

    @staticmethod
    def worker(redis: redis_py.Redis, name: str, queues: str) -> None:
        redis.sadd("rq:workers", f"rq:worker:{name}")
        redis.hset(f"rq:worker:{name}", mapping={"queues": queues, "birth": "x"})

    def test_from_why(self, pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis, feed: str) -> None:
        for name, queues in (("a", "mails"), ("b", "default,mails")):
            self.worker(redis, name, queues)
        why = f"/why?id={feed}"
        (address,) = re.findall('href="(/queues/[^"]*)"', pages.get(why).text)
        html = pages.get(address).text
        assert "1 job waits in it, where no worker listens." in text_of(html)
        assert re.findall('<option value="([^"]*)">([^<]*)<', html) == [
            ("mails", "mails (2 workers)"),
            ("default", "default (1 worker)"),
        ]
        (form,) = re.findall('action="(/queues/[^"]*)"', html)
        said = send(pages, form, why, to="default", back=why, once="a")
        assert said == "1 job of ex ports went to the end of default."
        assert redis.lrange("rq:queue:default", 0, -1) == [feed.encode()]
        assert send(pages, form, why, to="default", back=why, once="a") == said, "the same form"
        (entry,) = scheduler.audit.read(actions="jobs_moved")
        assert (entry.id, entry.actor) == ("ex ports", "token a operator")
        assert "No job waits in it now." in text_of(pages.get(address).text)

    def test_nobody_to_move_it_to(self, pages: TestClient, redis: redis_py.Redis, feed: str) -> None:
        html = pages.get("/queues/ex%20ports/move").text
        assert "no other queue has a worker. Start one: rq worker 'ex ports'" in text_of(html)
        assert 'name="to"' not in html
        said = send(pages, "/queues/ex%20ports/move", "/", back="/", once="a")
        assert said == "!Nothing was done: no queue was chosen: choose one that has workers"
        assert redis.lrange("rq:queue:ex ports", 0, -1) == [feed.encode()]

    def test_to_no_queue_that_the_site_may_not_use(
        self, pages_of: MakePages, pages: TestClient, redis: redis_py.Redis, feed: str
    ) -> None:
        self.worker(redis, "a", "secret")
        html = pages.get("/queues/ex%20ports/move").text
        assert 'name="to"' not in html
        assert "Start one, or move them from a terminal" in text_of(html)
        assert "rqscheduler jobs move-queue 'ex ports' secret" in text_of(html)
        said = send(pages, "/queues/ex%20ports/move", "/", to="secret", back="/", once="a")
        assert said.startswith("!Nothing was done: the queue 'secret' cannot be used by way of the web")
        assert redis.lrange("rq:queue:ex ports", 0, -1) == [feed.encode()]
        odd = "a\u200bb"  # as it is shown, it would name another
        self.worker(redis, "b", odd)
        html = pages_of(allow_queues=(odd,)).get("/queues/ex%20ports/move").text
        assert f'<option value="{odd}">' in html

    def test_not_for_viewers(self, pages_of: MakePages, feed: str) -> None:
        viewer = pages_of("viewer")
        assert "/queues/" not in viewer.get(f"/why?id={feed}").text
        assert viewer.get("/queues/ex%20ports/move").status_code == 403
