"""Pages, asked for through the application: what they show, what hostile texts do to them, and who may see them."""

import hashlib
import re
import sys
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import unquote

import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.results import Result
from rq.utils import now as utc_now
from rq.utils import utcformat
from starlette.testclient import TestClient

import jobs_for_tests as jobs
from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.client.overview import MAX_NOT_RUN
from rq_scheduler.store.keys import Keys
from rq_scheduler.web import Settings, create_app
from support import Processes, wait_until
from web.conftest import HOST
from web.pages.conftest import MakePages

pytestmark = pytest.mark.once

KEYS = Keys()
PAGES = (
    "/",
    "/?span=10m",
    "/?span=1h",
    "/?span=2d",
    "/schedules",
    "/schedules?state=paused",
    "/schedules?q=no-such",
    "/new",
    "/schedules/{id}",
    "/schedules/{id}?runs=all",
    "/schedules/{id}/why",
    "/schedules/{id}/edit",
    "/schedules/{id}/pause",
    "/schedules/{id}/backfill",
    "/schedules/{id}/delete",
    "/bulk?action=pause&id={id}",
    "/bulk?action=delete&tag=billing",
    "/why",
    "/why?id={id}&at=2026-01-01T00:00",
    "/why?id=nobody",
    "/jobs",
    "/jobs?q=nothing",
    "/jobs/one",
    "/queues/default/move",
    "/quarantine",
    "/clock-changes",
    "/clock-changes?timezone=Europe/Paris",
    "/clock-changes/schedules",
    "/load",
    "/events",
    "/audit",
    "/audit?id={id}&kind=defined",
)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202eevil\u200b\x1b[31m" + "x" * 10_000


@pytest.fixture
def one_off(scheduler: Scheduler) -> str:
    scheduler.enqueue_at(datetime.now(UTC) + timedelta(hours=1), jobs.nothing, job_id="one")
    return "one"


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html)))


class TestEveryPage:
    @pytest.mark.parametrize("path", PAGES)
    @pytest.mark.usefixtures("one_off")
    def test_is_whole(self, pages: TestClient, nightly: str, path: str) -> None:
        answer = pages.get(path.format(id=nightly))
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.text.rstrip().endswith("</html>")
        assert len(re.findall("<h1", answer.text)) == 1
        assert 'lang="en"' in answer.text
        assert not re.search(r"<[^>]+\s(style|onclick|onload)=", answer.text), "the policy forbids it"
        ids = re.findall(r'\sid="([^"]*)"', answer.text)
        assert len(ids) == len(set(ids))

    @pytest.mark.usefixtures("one_off")
    def test_links_lead_to_pages(self, pages: TestClient, nightly: str) -> None:
        found: dict[str, str] = {}
        for path in PAGES:
            found |= dict.fromkeys(re.findall(r'href="(/[^"#]*)', pages.get(path.format(id=nightly)).text), path)
        for link, path in found.items():
            assert pages.get(unescape(link)).status_code in (200, 422), f"{link} on {path}"

    @pytest.mark.parametrize("path", PAGES)
    @pytest.mark.usefixtures("one_off")
    def test_below_a_path_of_another_application(self, scheduler: Scheduler, nightly: str, path: str) -> None:
        app = create_app(scheduler, Settings(auth="none"))
        with TestClient(app, HOST, root_path="/scheduler") as client:
            html = client.get("/scheduler" + path.format(id=nightly)).text
        for link in re.findall(r'(?:href|src|action|formaction)="(/[^"]*)"', html):
            assert link.startswith("/scheduler/"), link

    def test_a_read_writes_nothing(self, pages: TestClient, nightly: str, redis: redis_py.Redis) -> None:
        def stored() -> dict[bytes, bytes]:
            return {key: redis.dump(key) or b"" for key in redis.scan_iter()}

        before = stored()
        for path in PAGES:
            pages.get(path.format(id=nightly))
        assert stored() == before


class TestHostileTexts:
    def run_and_fail(self, scheduler: Scheduler, redis: redis_py.Redis) -> None:
        """A run of `h`, by a worker and with an exception of such names; followed to its end."""
        job = scheduler.schedules.run_now("h")
        assert job is not None
        ended = {"started_at": utcformat(utc_now()), "ended_at": utcformat(utc_now()), "worker_name": HOSTILE[:200]}
        redis.hset(job.key, mapping={"status": "failed", **ended})
        redis.lrem("rq:queue:<u>q</u>", 0, job.id)
        told = f"Traceback (most recent call last):\nshop.errors.Bad: {HOSTILE}"
        with redis.pipeline() as pipe:
            Result.create_failure(job, 3600, told, pipeline=pipe)
            pipe.execute()
        scheduler.run(burst=True)
        wait_until(lambda: scheduler.run(burst=True) or scheduler.schedules["h"].failed_in_a_row)

    @pytest.mark.leaves("rq:scheduler:*", "rq:results:*", "rq:queue*", "rq:job:*")
    def test_run_nowhere_and_break_nothing(
        self, pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis
    ) -> None:
        odd = HOSTILE[:400]
        schedules = Scheduler(connection=redis, actor="<b>me</b>").schedules
        schedules.put("h", Every("1h"), jobs.fail, args=(HOSTILE,), tags=("<i>tag</i>",), queue_name="<u>q</u>")
        schedules.pause("h", odd)
        self.run_and_fail(scheduler, redis)
        scheduler.enqueue_at(datetime.now(UTC) + timedelta(hours=1), jobs.fail, HOSTILE, job_id="one")
        redis.hset(KEYS.quarantine, "<b>held</b>", '{"reason": "<script>alert(1)</script>", "kind": "one-off"}')
        redis.zadd(KEYS.not_run, {"<b>gone</b> m 1000": datetime.now(UTC).timestamp()})
        redis.xadd(KEYS.events, {"kind": "failing", "id": "<b>e</b>", "job_id": "<script>x</script>"})
        redis.xadd(KEYS.audit, {"action": "paused", "id": "<b>a</b>", "actor": odd, "note": odd})
        paths = (
            *(path.format(id="h") for path in PAGES),
            *("/schedules?q=%3Cscript%3E", "/why?id=%3Cscript%3E&at=%3Cscript%3E", "/load?queue=%3Cu%3Eq%3C/u%3E"),
            *(
                "/clock-changes?timezone=%3Cscript%3E",
                "/audit?kind=%3Cscript%3E&id=%3Cscript%3E",
                "/?span=%3Cscript%3E",
            ),
            *("/schedules?tag=%3Cscript%3E", "/jobs?q=%3Cscript%3E", "/events?id=%3Cscript%3E", "/%3Cscript%3E"),
        )
        for path in paths:
            answer = wait_until(
                lambda path=path: "looked through, which takes" not in (answer := pages.get(path)).text and answer
            )
            assert answer.status_code in (200, 404, 422), path
            scripts = re.findall(r"<script[^>]*>", answer.text)
            assert all("/static/dashboard.js" in one for one in scripts), path
            for tag in ("<img", "<b>me", "<b>held", "<b>gone", "<b>e<", "<b>a<", "<i>tag", "<u>q"):
                assert tag not in answer.text, (path, tag)
            for sign in ("\u202e", "\u200b", "\x1b"):
                assert sign not in answer.text, (path, sign)
            assert len(answer.text) < 200_000

    def test_an_id_that_is_no_id(self, pages: TestClient) -> None:
        assert pages.get(f"/schedules/{'x' * 401}").status_code == 404
        assert pages.get("/schedules/%00").status_code == 404
        assert pages.get("/schedules/%C3%28").status_code in (404, 400)

    @pytest.mark.parametrize("query", ["cursor=x", "cursor=%00", "since=never", "state=x", "span=x", "%ff=%ff"])
    def test_a_query_that_makes_no_sense(self, pages: TestClient, query: str) -> None:
        for path in ("/", "/schedules", "/jobs", "/events", "/audit"):
            assert pages.get(f"{path}?{query}").status_code in (200, 400), path


class TestNow:
    def test_nothing_yet(self, pages: TestClient, redis: redis_py.Redis) -> None:
        redis.delete(KEYS.audit)
        said = text_of(pages.get("/").text)
        assert "Nothing is scheduled yet" in said
        assert said.count("$") == 0
        assert "rqscheduler put" in said

    def test_no_dispatcher_is_the_verdict(self, pages: TestClient, nightly: str) -> None:
        said = text_of(pages.get("/").text)
        assert "No dispatcher is alive" in said
        assert nightly in said

    def test_nothing_needs_you(self, pages: TestClient, processes: Processes, redis_url: str, nightly: str) -> None:
        processes.start(sys.executable, "-m", "rq_scheduler.cli", "--url", redis_url, "--name", "ops-1")
        wait_until(lambda: "Nothing needs you" in pages.get("/").text)
        said = text_of(pages.get("/").text)
        assert f"Next comes {nightly}" in said
        assert "1 alive ops-1" in said

    def test_a_change_can_be_undone_once(self, pages: TestClient, scheduler: Scheduler, nightly: str) -> None:
        for jitter in ("1m", "2m"):
            scheduler.schedules.update(nightly, jitter=jitter)
        html = pages.get("/").text
        assert re.findall(r'name="version" value="(\d+)"', html) == ["3"]


class TestSchedules:
    def test_pages_by_cursor(self, pages: TestClient, scheduler: Scheduler) -> None:
        for number in range(95):
            scheduler.schedules.put(f"s{number:03d}", Every("1h"), jobs.nothing)
        seen: list[str] = []
        path = "/schedules"
        while path:
            html = pages.get(path).text
            seen += re.findall(r'<tr id="row-([^"]*)"', html)
            following = re.search(r'rel="next" href="([^"]*)"', html)
            path = unescape(following[1]) if following else ""
        assert seen == [f"s{number:03d}" for number in range(95)]

    def test_a_search_says_how_far_it_looked(self, pages: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("nightly-report", Cron("30 2 * * *"), jobs.nothing, tags=("finance",))
        assert "row-nightly-report" in pages.get("/schedules?q=night").text
        html = pages.get("/schedules?q=FINANCE").text
        assert "row-nightly-report" in html
        assert "No id begins with" in html
        assert "row-nightly-report" in pages.get("/schedules?q=at+02%3A30").text
        assert "No schedule is like that" in pages.get("/schedules?q=weekly").text

    def test_a_search_goes_on_where_it_has_stopped(
        self, pages: TestClient, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rq_scheduler.web.pages.schedules.SEARCHED", 4)
        for number in range(10):
            scheduler.schedules.put(f"s{number}", Every("1h"), jobs.nothing, tags=("odd",) if number % 2 else ())
        seen: list[list[str]] = []
        path = "/schedules?q=ODD"
        while path:
            html = pages.get(path).text
            seen.append(re.findall(r'<tr id="row-([^"]*)"', html))
            following = re.search(r'rel="next" href="([^"]*)">Look through more', html)
            assert ("There are more." in text_of(html)) == (following is not None)
            path = unescape(following[1]) if following else ""
        assert seen == [["s1", "s3"], ["s5", "s7"], ["s9"]]
        assert "None of those." in pages.get("/schedules?q=weekly").text

    @pytest.mark.parametrize("record", ["events", "audit"])
    def test_records_are_looked_for_further_and_further_back(
        self, pages: TestClient, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch, record: str
    ) -> None:
        monkeypatch.setattr("rq_scheduler.web.pages.records.LOOKED_AT", 4)
        for number in range(9):
            fields = {"kind": "failing_began", "action": "paused", "id": "odd" if number % 4 == 1 else "even"}
            redis.xadd(f"rq:scheduler:{record}", fields)  # pyright: ignore[reportArgumentType]
        seen, path = list[int](), f"/{record}?id=odd"
        while path:
            html = pages.get(path).text
            seen.append(html.count('<div class="chg-top">'))
            following = re.search(r'rel="next" href="([^"]*)">Look further back', html)
            path = unescape(following[1]) if following else ""
        assert (seen[:2], sum(seen)) == ([1, 1], 2)

    def test_by_state(self, pages: TestClient, scheduler: Scheduler, nightly: str) -> None:
        scheduler.schedules.put("other", Every("1h"), jobs.nothing)
        scheduler.schedules.pause(nightly, "why not")
        html = pages.get("/schedules?state=paused").text
        assert re.findall(r'<tr id="row-([^"]*)"', html) == [nightly]


class TestWhoMayCome:
    def test_a_stranger_is_led_to_the_login_and_back(self, pages_of: MakePages, scheduler: Scheduler) -> None:
        client = pages_of(None)
        answer = client.get("/schedules?state=paused")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fschedules%3Fstate%3Dpaused")
        form = client.get(answer.headers["location"]).text
        assert 'name="next" value="/schedules?state=paused"' in form
        wrong = client.post("/login", data={"token": "rqs_x_y", "next": "/schedules"})
        assert wrong.status_code == 401
        assert "rqs_x_y" not in wrong.text
        token = scheduler.tokens.make("ada", "operator")
        right = client.post("/login", data={"token": token, "next": "/schedules?state=paused"})
        assert (right.status_code, right.headers["location"]) == (303, "/schedules?state=paused")
        assert "token ada" in client.get("/schedules").text
        assert client.post("/logout", data={"x": "1"}).status_code == 303
        assert client.get("/schedules").status_code == 303

    @pytest.mark.parametrize("path", ["//evil.com", "https://evil.com", "/\\evil.com", "javascript:alert(1)", "/a\nb"])
    def test_a_login_leads_nowhere_else(self, pages_of: MakePages, scheduler: Scheduler, path: str) -> None:
        token = scheduler.tokens.make("ada")
        answer = pages_of(None).post("/login", data={"token": token, "next": path})
        assert answer.headers["location"] == "/"

    @pytest.mark.usefixtures("one_off")
    def test_a_viewer_sees_all_and_no_button_that_changes(self, pages_of: MakePages, nightly: str) -> None:
        for client in (pages_of("viewer"), pages_of("operator", read_only=True)):
            for path in PAGES:
                answer = client.get(path.format(id=nightly))
                html = answer.text
                if re.search("/edit|/new|/bulk|/pause$|/backfill|/delete", path):
                    assert answer.status_code == 403, path
                    assert "You may look, and not change" in html or "started to read only" in html
                    continue
                actions = set(re.findall(r'(?:form|)action="([^"]*)"', html)) - {"/preferences", "/logout"}
                assert actions <= {"/why", "/schedules", "/jobs", "/bulk"}, path
                assert "<button" not in html or "Run now" not in html
            answer = client.post(f"/schedules/{nightly}/run", data={"once": "a"})
            assert answer.status_code == 403

    def test_none_but_who_is_let_in_by_the_host(self, pages_of: MakePages) -> None:
        assert pages_of(None, auth=lambda request: None).get("/").status_code == 401
        assert pages_of(None, auth=lambda request: ("ada", "viewer")).get("/").status_code == 200

    def test_a_form_of_another_site_or_of_none(self, pages: TestClient, scheduler: Scheduler, nightly: str) -> None:
        run = f"/schedules/{nightly}/run"
        assert pages.post(run, data={"once": "a"}, headers={"origin": "https://evil.com"}).status_code == 403
        assert pages.post(run, data={"once": "a"}, headers={"sec-fetch-site": "same-site"}).status_code == 403
        del pages.headers["origin"]
        assert pages.post(run, data={"once": "a"}).status_code == 403
        pages.headers["origin"] = HOST
        assert pages.post(run, content=b"{}", headers={"content-type": "application/json"}).status_code == 415
        assert scheduler.schedules.runs(nightly) == []


class TestTrouble:
    @pytest.mark.parametrize(
        ("headers", "status", "said"),
        [
            ({"host": "evil.example"}, 421, "does not answer to that host name"),
            ({"host": "[evil"}, 421, "does not answer to that host name"),
            ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, 403, "That is not for you here"),
        ],
    )
    def test_a_refusal_of_the_guard_is_a_page_for_people(
        self, pages: TestClient, headers: dict[str, str], status: int, said: str
    ) -> None:
        answer = pages.post("/schedules/a/run", headers={**headers, "accept": "text/html,*/*;q=0.8"})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert said in text_of(answer.text)
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        answer = pages.post("/schedules/a/run", headers={**headers, "accept": "*/*"})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")

    def test_nothing_is_there(self, pages: TestClient) -> None:
        for path in ("/nothing", "/schedules/nothing", "/jobs/nothing", "/schedules/nothing/edit"):
            answer = pages.get(path)
            assert (answer.status_code, answer.headers["content-type"][:9]) == (404, "text/html"), path
            assert "Nothing is here" in answer.text
        assert pages.get("/api/v1/nothing").json()["code"] == "not-found"

    def test_redis_is_away_and_the_page_comes_back_by_itself(self) -> None:
        away = Scheduler(connection=redis_py.Redis(port=1, retry=Retry(NoBackoff(), 0)))  # asked for once
        with TestClient(create_app(away, Settings(auth="none")), HOST, raise_server_exceptions=False) as client:
            for path in PAGES:
                answer = client.get(path.format(id="a"))
                assert answer.status_code == 503, path
                assert "Redis does not answer" in answer.text
                assert '<meta http-equiv="refresh" content="5">' in answer.text

    @pytest.mark.parametrize("name", ["audit", "heartbeats", "dispatchers", "due_schedules", "scheduled_jobs"])
    @pytest.mark.leaves("*")
    def test_a_key_of_another_type_is_said(
        self, pages: TestClient, redis: redis_py.Redis, nightly: str, name: str
    ) -> None:
        key = getattr(KEYS, name)
        redis.delete(key)
        redis.set(key, "x")
        answer = pages.get("/")
        if answer.status_code != 200:  # the page needs it
            assert answer.status_code == 503
            assert "A key in Redis is of another type" in answer.text
            assert "rqscheduler status" in text_of(answer.text)

    def test_more_that_did_not_run_than_is_counted(
        self, pages: TestClient, nightly: str, redis: redis_py.Redis
    ) -> None:
        at = int(utc_now().timestamp())
        lines = {f"{nightly} {'mk'[n % 2]} {at - 7200 - 2 * n}000000": at - n for n in range(MAX_NOT_RUN)}
        redis.zadd(KEYS.not_run, dict(list(lines.items())[1:]))
        assert re.search(r"the newest \d+ of \d+ (?!or more)", text_of(pages.get("/").text))
        redis.zadd(KEYS.not_run, lines)
        assert re.search(r"the newest \d+ of \d+ or more", text_of(pages.get("/").text))

    def test_what_needs_somebody_is_said_where_nothing_is_scheduled(
        self, scheduler: Scheduler, redis: redis_py.Redis
    ) -> None:
        with TestClient(create_app(scheduler, Settings(auth="none")), HOST) as client:
            assert "Nothing is scheduled yet" in text_of(client.get("/").text)
            redis.sadd("rq:queues", "rq:queue:default")
            redis.rpush("rq:queue:default", "a job")
            said = text_of(client.get("/").text)
        assert "no worker listens on it" in said
        assert "Nothing is scheduled yet" not in said

    def test_a_fault_of_ours_says_nothing_of_itself(
        self, pages: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("rq_scheduler.web.pages.now.needs", lambda *_: 1 / 0)
        answer = pages.get("/")
        assert answer.status_code == 500
        assert "ZeroDivision" not in answer.text
        assert "a request failed" in caplog.text

    def test_files_are_kept_under_the_address_that_pages_use(self, pages: TestClient) -> None:
        html = pages.get("/").text
        for path in re.findall(r'"(/static/[^"]*)"', html):
            assert "immutable" in pages.get(path).headers["cache-control"]
        assert pages.get("/static/dashboard.css?v=0").headers["cache-control"] == "no-cache"
        assert pages.get("/static/../now.py").status_code == 404


class TestPreferences:
    def test_a_clock_of_ones_own(self, pages: TestClient, nightly: str) -> None:
        answer = pages.post("/preferences", data={"zone": "Asia/Tokyo", "back": f"/schedules/{nightly}"})
        assert answer.headers["location"] == f"/schedules/{nightly}"
        assert "Asia/Tokyo" in pages.get("/").text

    def test_no_zone(self, pages: TestClient) -> None:
        pages.post("/preferences", data={"zone": "Europe/Pari", "back": "/"})
        said = text_of(pages.get("/").text)
        assert "Europe/Paris" in said
        assert "is no IANA time zone" in said
        pages.cookies.set("rqscheduler-zone", "Mars")
        assert pages.get("/").status_code == 200

    def test_light_and_dark(self, pages: TestClient) -> None:
        for theme in ("dark", "light"):
            pages.post("/preferences", data={"theme": theme, "back": "/"})
            assert f'data-theme="{theme}"' in pages.get("/").text
        pages.post("/preferences", data={"theme": "system"})
        assert "data-theme" not in pages.get("/").text

    def test_a_cookie_of_somebody_elses(self, pages: TestClient) -> None:
        pages.cookies.set(done_cookie("/"), "%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        pages.cookies.set("rqscheduler-theme", '"><script>')
        assert "<script>" not in pages.get("/").text


def done(client: TestClient, to: str = "/") -> str:
    """What the last form did that led to that page, as it says it."""
    return unquote(client.cookies.get(done_cookie(to)) or "")


def done_cookie(path: str) -> str:
    return f"rqscheduler-done-{hashlib.sha256(path.partition('?')[0].encode()).hexdigest()[:12]}"
