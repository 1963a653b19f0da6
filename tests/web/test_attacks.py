"""What somebody with bad intentions sends. Each is refused with a problem, and nothing is written.

By the OWASP API Security Top 10 of 2023: 1 and 5 (what one may not do: TestRoles, TestFunctions), 2 (authentication:
TestStrangers, TestGuessing, TestSessions), 3 (properties: TestProperties), 4 (resources: TestSizes, TestRates), 6 (run
twice: test_api_schedules), 7 (requests from here: webhooks), 8 (configuration: TestHosts, TestHeaders), 9 (what is
there: test_openapi), 10 (what others say: nothing is fetched, nothing is unpickled to be shown).
"""

import asyncio
import json
import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import redis as redis_py
from starlette.testclient import TestClient

import jobs_for_tests as jobs
from rq_scheduler import Every, Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.store import Store
from web.conftest import HOST, MODULE, REPORT, MakeClient
from web.functions_to_allow import MADE, note_that_it_was_made
from web.test_api_schedules import API, NIGHTLY, problem

pytestmark = pytest.mark.once


@pytest.fixture
def untouched(redis: redis_py.Redis, scheduler: Scheduler) -> Iterator[None]:
    """Nothing about schedules and jobs is written."""
    scheduler.schedules.put("kept", Every("1h"), "os.system", args=("true",), on_failure=REPORT, queue_name="mails")
    scheduler.schedules.put("fine", Every("1h"), REPORT)
    keys = ["rq:scheduler:schedule:kept", "rq:scheduler:schedule:fine", "rq:scheduler:schedules", "rq:scheduler:rev"]
    before = [redis.dump(key) for key in keys]
    yield
    assert [redis.dump(key) for key in keys] == before
    assert scheduler.count() == 0
    assert redis.llen("rq:queue:default") == redis.llen("rq:queue:mails") == 0


CHANGES: list[tuple[str, str, Any]] = [
    ("PUT", "/schedules/new", NIGHTLY),
    ("PATCH", "/schedules/fine", {"tags": ["x"]}),
    ("DELETE", "/schedules/fine", None),
    ("POST", "/schedules/fine/pause", {}),
    ("POST", "/schedules/fine/resume", {}),
    ("POST", "/schedules/fine/runs", {}),
    ("POST", "/schedules/fine/backfills", {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}),
    ("POST", "/schedules/fine/undo", {"version": 1}),
    ("POST", "/schedules/bulk", {"action": "delete", "everything": True}),
    ("POST", "/jobs", {"when": "2030-01-01T00:00:00Z", "func": REPORT}),
    ("DELETE", "/jobs/a", None),
    ("POST", "/jobs/a/move", {"when": "2030-01-01T00:00:00Z"}),
    ("POST", "/jobs/a/stop", {}),
    ("POST", "/queues/mails/move", {"to": "default"}),
    ("POST", "/quarantine/a/retry", {}),
    ("DELETE", "/quarantine/a", None),
]
READS = [
    *("/schedules", "/schedules/fine", "/schedules/fine/runs", "/schedules/fine/versions", "/schedules/fine/upcoming"),
    *("/schedules/fine/explain", "/upcoming", "/jobs", "/quarantine", "/events", "/audit", "/status", "/visitor"),
]


@pytest.mark.usefixtures("untouched")
class TestRoles:
    @pytest.mark.parametrize(("method", "path", "body"), CHANGES)
    def test_a_viewer_changes_nothing(self, viewer: TestClient, method: str, path: str, body: Any) -> None:
        problem(viewer.request(method, API + path, json=body), 403, "viewer")

    @pytest.mark.parametrize(("method", "path", "body"), CHANGES)
    def test_read_only(self, client_of: MakeClient, method: str, path: str, body: Any) -> None:
        problem(client_of(read_only=True).request(method, API + path, json=body), 403, "read-only")

    def test_a_viewer_sees(self, viewer: TestClient) -> None:
        for path in READS:
            assert viewer.get(API + path).status_code == 200, path


@pytest.mark.usefixtures("untouched")
class TestStrangers:
    def test_health_alone_answers(self, client_of: MakeClient) -> None:
        stranger = client_of(None)
        for path in READS:
            answer = stranger.get(API + path)
            problem(answer, 401, "not-authenticated")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        for method, path, body in CHANGES:
            problem(stranger.request(method, API + path, json=body), 401, "not-authenticated")
        assert stranger.get("/health/live").json() == {"status": "alive"}
        assert stranger.get("/health/ready").json() == {"status": "ready"}

    @pytest.mark.parametrize(
        "given", ["Bearer", "Bearer ", "Basic YTpi", "Bearer rqs_abc_def", "Bearer \xff", "bearer"]
    )
    def test_what_is_no_token(self, client_of: MakeClient, given: str) -> None:
        answer = client_of(None).get(f"{API}/schedules", headers={"authorization": given.encode("latin-1")})
        problem(answer, 401, "not-authenticated")

    def test_a_token_in_a_url_is_no_token_and_in_no_log(
        self, client_of: MakeClient, scheduler: Scheduler, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "rq_scheduler")
        token = scheduler.tokens.make("mine", "operator")
        answer = client_of(None).get(f"{API}/schedules", params={"access_token": token})
        problem(answer, 401, "not-authenticated")
        answer = client_of().get(f"{API}/schedules", params={"access_token": token})
        problem(answer, 400, "bad-query")
        assert token not in answer.text
        assert token not in caplog.text

    def test_a_revoked_token(self, client_of: MakeClient, scheduler: Scheduler) -> None:
        client = client_of()
        assert client.get(f"{API}/visitor").json()["role"] == "operator"
        (token,) = scheduler.tokens
        scheduler.tokens.revoke(token.id)
        problem(client.get(f"{API}/visitor"), 401, "not-authenticated")


class TestGuessing:
    def test_is_slowed_and_told(self, client_of: MakeClient, scheduler: Scheduler) -> None:
        stranger, at_work = client_of(None), client_of()
        assert at_work.get(f"{API}/schedules").status_code == 200
        codes = [
            stranger.get(f"{API}/schedules", headers={"authorization": f"Bearer rqs_abc_{n}"}).status_code
            for n in range(20)
        ]
        assert codes[:10] == [401] * 10
        assert codes[12:] == [429] * 8
        # The application of `at_work` is another one: its guesser is at the same address.
        for n in range(20):
            at_work.get(f"{API}/schedules", headers={"authorization": f"Bearer rqs_abc_{n}"})
        assert at_work.get(f"{API}/schedules").status_code == 200
        told = scheduler.events.read(kinds="logins_refused")
        assert [(event.id, event.details) for event in told] == [("testclient", {"failures": "10"})] * 2


class TestHosts:
    @pytest.mark.parametrize(
        "host", ["evil.com", "localhost.evil.com:8000", "", "169.254.169.254", "localhost:8000@evil.com"]
    )
    @pytest.mark.parametrize("path", ["/api/v1/schedules", "/health/live", "/nothing"])
    def test_a_re_bound_name_is_refused_before_routing(self, client: TestClient, host: str, path: str) -> None:
        problem(client.get(path, headers={"host": host}), 421, "unknown-host")

    def test_a_second_host_header(self, client: TestClient) -> None:
        headers = [("host", "localhost:8000"), ("host", "evil.com")]
        problem(client.get("/health/live", headers=headers), 400, "bad-header")

    def test_public_urls(self, client_of: MakeClient) -> None:
        client = client_of(public_urls=("https://jobs.example.com",))
        assert client.get("/health/live", headers={"host": "jobs.example.com"}).status_code == 200

    def test_an_unknown_host_forwarded_is_not_believed(self, client: TestClient) -> None:
        headers = {"x-forwarded-host": "evil.com", "forwarded": "host=evil.com"}
        assert client.get("/health/live", headers=headers).status_code == 200
        problem(
            client.get("/health/live", headers={"host": "evil.com", "x-forwarded-host": "localhost"}),
            421,
            "unknown-host",
        )


@pytest.mark.usefixtures("untouched")
class TestSessions:
    def login(self, client: TestClient, scheduler: Scheduler) -> Any:
        return client.post(f"{API}/session", json={"token": scheduler.tokens.make("her", "operator")})

    def test_a_cookie_that_scripts_and_others_do_not_get(self, client_of: MakeClient, scheduler: Scheduler) -> None:
        client = client_of(None)
        cookie = self.login(client, scheduler).headers["set-cookie"]
        name, _, rest = cookie.partition("=")
        assert name.startswith("rqs_")
        for part in ("HttpOnly", "Path=/", "SameSite=lax", "Max-Age=43200"):
            assert part.lower() in rest.lower()
        assert "Domain" not in rest
        assert client.get(f"{API}/visitor").json() == {"actor": "token her", "role": "operator", "read_only": False}
        assert client.delete(f"{API}/session", headers={"origin": HOST}).status_code == 204
        problem(client.get(f"{API}/visitor"), 401, "not-authenticated")

    def test_a_stolen_cookie_is_of_no_use_after_the_logout(self, client_of: MakeClient, scheduler: Scheduler) -> None:
        client = client_of(None)
        self.login(client, scheduler)
        (name, value), *_ = client.cookies.items()
        client.delete(f"{API}/session", headers={"origin": HOST})
        problem(client.get(f"{API}/visitor", headers={"cookie": f"{name}={value}"}), 401, "not-authenticated")

    def test_by_tls(self, client_of: MakeClient, scheduler: Scheduler) -> None:
        client = client_of(None, public_urls=("https://jobs.example.com",))
        cookie = self.login(client, scheduler).headers["set-cookie"]
        assert cookie.startswith("__Host-rqs_")
        assert "secure" in cookie.lower()

    def test_each_port_has_a_name_of_its_own(self, client_of: MakeClient, scheduler: Scheduler) -> None:
        client = client_of(None)
        self.login(client, scheduler)
        (name, value), *_ = client.cookies.items()
        answer = client.get(f"{API}/visitor", headers={"host": "localhost:3000", "cookie": f"{name}={value}"})
        problem(answer, 401, "not-authenticated")

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://evil.com"},
            {"origin": "http://localhost:3000"},  # another port of this host: cookies know no ports
            {"origin": "http://localhost:3000", "sec-fetch-site": "same-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "cross-site"},
            {"origin": "null", "sec-fetch-site": "same-origin"},
            {},  # a browser of before Sec-Fetch-Site, and no Origin
        ],
    )
    def test_another_site_acts_in_vain(
        self, client_of: MakeClient, scheduler: Scheduler, headers: dict[str, str]
    ) -> None:
        client = client_of(None)
        self.login(client, scheduler)
        problem(client.post(f"{API}/schedules/fine/runs", json={}, headers=headers), 403, "cross-site")
        assert client.get(f"{API}/visitor").status_code == 200

    def test_a_form_of_another_site(self, client_of: MakeClient, scheduler: Scheduler) -> None:
        client = client_of(None)
        self.login(client, scheduler)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
            answer = client.post(
                f"{API}/schedules/fine/runs", content=b"{}", headers={"content-type": kind, "origin": HOST}
            )
            problem(answer, 415, "no-json")


@pytest.mark.usefixtures("untouched")
class TestFunctions:
    @pytest.mark.parametrize(
        "func",
        [
            *("os.system", f"{MODULE}.os.system", f"{MODULE}.system", f"{MODULE}.Report.make", f"{MODULE}.partly"),
            *(f"{MODULE}._private", f"{MODULE}.Path", "subprocess.run", f"{MODULE}.no_such"),
        ],
    )
    def test_one_that_is_not_allowed(self, client: TestClient, func: str) -> None:
        body = {"func": func, "every": "1h"}
        assert "may not be run" in problem(client.put(f"{API}/schedules/new", json=body), 403, "not-allowed")
        problem(client.patch(f"{API}/schedules/fine", json={"func": func}), 403, "not-allowed")
        problem(client.post(f"{API}/jobs", json={"func": func, "when": "2030-01-01T00:00:00Z"}), 403, "not-allowed")

    @pytest.mark.parametrize("callback", ["on_success", "on_failure", "on_stopped"])
    def test_a_callback(self, client: TestClient, callback: str) -> None:
        problem(client.put(f"{API}/schedules/new", json={**NIGHTLY, callback: "os.system"}), 403, "not-allowed")
        problem(client.patch(f"{API}/schedules/fine", json={callback: "os.system"}), 403, "not-allowed")

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("PUT", "/schedules/kept", NIGHTLY),
            ("PATCH", "/schedules/kept", {"args": ["rm -r /"]}),
            ("PATCH", "/schedules/kept", {"func": REPORT}),
            ("POST", "/schedules/kept/runs", {}),
            ("POST", "/schedules/kept/backfills", {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}),
            ("POST", "/schedules/bulk", {"action": "run_now", "everything": True}),
        ],
    )
    def test_a_stored_one_is_neither_edited_nor_run(
        self, client: TestClient, method: str, path: str, body: Any
    ) -> None:
        problem(client.request(method, API + path, json=body), 403, "not-allowed")

    def test_a_queue(self, client: TestClient) -> None:
        answer = client.put(f"{API}/schedules/new", json={**NIGHTLY, "queue_name": "secret"})
        assert "--allow-queue" in problem(answer, 403, "not-allowed")
        problem(client.patch(f"{API}/schedules/fine", json={"queue_name": "secret"}), 403, "not-allowed")

    def test_a_queue_to_which_others_are_moved(self, client: TestClient, redis: redis_py.Redis) -> None:
        redis.rpush("rq:queue:default", "a")
        refused = problem(client.post(f"{API}/queues/default/move", json={"to": "secret"}), 403, "not-allowed")
        assert refused.endswith("From a terminal: rqscheduler jobs move-queue default secret")
        assert not redis.exists("rq:queue:secret")
        assert client.post(f"{API}/queues/default/move", json={"to": "mails"}).json()["moved"] == 1
        assert client.post(f"{API}/queues/mails/move", json={"to": "default"}).json()["moved"] == 1, (
            "the scheduler's own"
        )
        redis.delete("rq:queue:default")


class TestFunctionsBack:
    def test_a_stored_one_can_be_paused_and_deleted(self, client: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("kept", Every("1h"), "os.system", args=("true",))
        assert client.post(f"{API}/schedules/kept/pause", json={}).status_code == 200
        assert client.delete(f"{API}/schedules/kept").status_code == 204

    def test_undo_past_the_list(self, client: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("a", Every("1h"), "os.system", args=("true",))
        scheduler.schedules.put("a", Every("1h"), REPORT)
        problem(client.post(f"{API}/schedules/a/undo", json={"version": 2}), 403, "not-allowed")
        scheduler.schedules.put("a", Every("1h"), REPORT, on_failure="os.system")
        scheduler.schedules.put("a", Every("1h"), REPORT)
        problem(client.post(f"{API}/schedules/a/undo", json={"version": 4}), 403, "not-allowed")
        assert scheduler.schedules["a"].version == 4

    def test_undo_of_a_deletion(self, client: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("a", Every("1h"), "os.system", args=("true",))
        scheduler.schedules.delete("a")
        problem(client.post(f"{API}/schedules/a/undo", json={"version": 1}), 403, "not-allowed")
        assert "a" not in scheduler.schedules

    def test_a_one_off_in_quarantine(self, client: TestClient, scheduler: Scheduler, redis: redis_py.Redis) -> None:

        job = scheduler.enqueue_at(datetime(2030, 1, 1, tzinfo=UTC), jobs.add, 1, 2)
        due = Store(redis).find(job.id)
        assert due is not None
        Store(redis).quarantine(job.id, due.due, "why")
        problem(client.post(f"{API}/quarantine/{job.id}/retry", json={}), 403, "not-allowed")
        assert client.get(f"{API}/quarantine").json()["total"] == 1

    def test_a_one_off_is_moved_whatever_it_calls(self, client: TestClient, scheduler: Scheduler) -> None:
        """The application has scheduled it: nothing new is run."""
        job = scheduler.enqueue_at(datetime(2030, 1, 1, tzinfo=UTC), jobs.add, 1, 2)
        assert client.post(f"{API}/jobs/{job.id}/move", json={"when": "2029-01-01T00:00:00Z"}).status_code == 200
        (moved,) = scheduler.jobs.find()
        assert moved.due == datetime(2029, 1, 1, tzinfo=UTC)


@pytest.mark.usefixtures("untouched")
class TestProperties:
    @pytest.mark.parametrize(
        "more",
        [
            {"webhooks": [{"url": "http://169.254.169.254/latest/meta-data"}]},
            *({"meta": {key: "x"}} for key in ("queue_class_name", "interval", "cron_string", "repeat")),
        ],
    )
    def test_what_does_something_else(self, client: TestClient, more: dict[str, Any]) -> None:
        problem(client.put(f"{API}/schedules/new", json={**NIGHTLY, **more}), 403, "not-allowed")
        problem(client.patch(f"{API}/schedules/fine", json=more), 403, "not-allowed")
        if "meta" in more:
            body = {"func": REPORT, "when": "2030-01-01T00:00:00Z", **more}
            problem(client.post(f"{API}/jobs", json=body), 403, "not-allowed")

    def test_what_is_not_a_clients_to_say(self, client: TestClient) -> None:
        for name in ("owner", "version", "job_class", "queue_class", "serializer", "actor", "runs"):
            problem(client.put(f"{API}/schedules/new", json={**NIGHTLY, name: "x"}), 422, "invalid")


@pytest.mark.usefixtures("untouched")
def scope_of_put(headers: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """A request as a server hands it to the application, before its body has come."""
    path = f"{API}/schedules/new"
    return {
        "type": "http",
        "method": "PUT",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }


class TestSizes:
    def test_a_body(self, client: TestClient) -> None:
        big = json.dumps({**NIGHTLY, "note": "x" * 300_000}).encode()
        as_json = {"content-type": "application/json"}
        problem(client.put(f"{API}/schedules/new", content=big, headers=as_json), 413, "too-large")

        def chunks() -> Iterator[bytes]:
            for _ in range(1000):
                yield b" " * 1000

        problem(client.put(f"{API}/schedules/new", content=chunks(), headers=as_json), 413, "too-large")
        lies = {**as_json, "content-length": "9" * 30}
        problem(client.put(f"{API}/schedules/new", content=b"{}", headers=lies), 413, "too-large")

    @pytest.mark.parametrize("announced", [("content-length", "200000"), ("transfer-encoding", "chunked")])
    @pytest.mark.parametrize(("who", "status"), [("nobody", 401), ("viewer", 403)])
    def test_a_body_is_not_read_of_who_may_not_send_it(
        self, client_of: MakeClient, viewer: TestClient, who: str, status: int, announced: tuple[str, str]
    ) -> None:
        app: Any = client_of().app
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            raise AssertionError("it was read")

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [("host", HOST.removeprefix("http://")), ("content-type", "application/json"), announced]
        if who == "viewer":
            headers.append(("authorization", viewer.headers["authorization"]))
        scope = scope_of_put(headers)
        asyncio.run(app(scope, receive, send))
        assert sent[0]["status"] == status

    def test_half_a_request(self, client_of: MakeClient, client: TestClient) -> None:
        app: Any = client_of(receive_seconds=0.05).app
        sent: list[dict[str, Any]] = []
        parts = [{"type": "http.request", "body": b'{"cron": "0 2', "more_body": True}]

        async def receive() -> dict[str, Any]:
            return parts.pop() if parts else await asyncio.Future()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = {"host": HOST.removeprefix("http://"), "content-type": "application/json"}
        headers["authorization"] = client.headers["authorization"]
        scope = scope_of_put(headers.items())
        asyncio.run(app(scope, receive, send))
        assert sent[0]["status"] == 408
        assert json.loads(sent[1]["body"])["code"] == "too-slow"

    @pytest.mark.parametrize("body", [b"[" * 10_000 + b"]" * 10_000, b'{"args":' + b"[" * 40 + b"]" * 40 + b"}"])
    def test_depth(self, client: TestClient, body: bytes) -> None:
        answer = client.put(f"{API}/schedules/new", content=body, headers={"content-type": "application/json"})
        problem(answer, 400, "too-deep")

    @pytest.mark.parametrize("body", [b"", b"{", b"nope", b'{"a": NaN}', b"\xff\xfe", b'{"a": "\\ud800"}', b"{} {}"])
    def test_no_json(self, client: TestClient, body: bytes) -> None:
        answer = client.put(f"{API}/schedules/new", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422), answer.text

    @pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"'])
    def test_no_object(self, client: TestClient, body: bytes) -> None:
        answer = client.put(f"{API}/schedules/new", content=body, headers={"content-type": "application/json"})
        problem(answer, 422, "invalid")

    @pytest.mark.parametrize(
        "id",
        ["..", "%2e%2e", "..%2f..%2fetc", "a%2fb", "a%00b", "x" * 60_000, "x" * 401, "%0d%0aset-cookie:a=b", "%ff"],
    )
    def test_ids(self, client: TestClient, id: str) -> None:
        for answer in (
            client.get(f"{API}/schedules/{id}"),
            client.get(f"{API}/jobs/{id}"),
            client.put(f"{API}/schedules/{id}", json=NIGHTLY),
        ):
            assert answer.status_code in (404, 405, 422), answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert "set-cookie" not in answer.headers

    def test_a_trigger_that_takes_seconds(self, client: TestClient, viewer: TestClient) -> None:
        """Counted, not timed: tests/triggers/test_work.py has more of them."""
        hours, minutes = ",".join(map(str, range(24))), ",".join(map(str, range(60)))
        all_times = f"BYHOUR={hours};BYMINUTE={minutes}"
        rule = f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;{all_times};BYSETPOS=-366"
        answer = viewer.post(f"{API}/schedules/preview?count=1000", json={"rrule": rule})
        assert len(answer.json()["upcoming"]) == 1000, "it takes a moment only, by now"
        rule = f"FREQ=SECONDLY\nEXRULE:FREQ=MINUTELY;{all_times};BYSECOND={minutes}"
        answer = viewer.post(f"{API}/schedules/preview?count=1000", json={"rrule": rule})
        assert "takes too much work" in problem(answer, 422, "invalid")
        rules = [f"RRULE:FREQ=SECONDLY;BYSECOND={second};COUNT=100000" for second in range(20)]
        rule = "\n".join(("DTSTART:20260101T000000", *rules))
        answer = client.put(f"{API}/schedules/new", json={"rrule": rule, "func": REPORT})
        assert "takes too much work" in problem(answer, 422, "invalid")
        parts = [{"type": "cron", "expression": f"{n} * * * *"} for n in range(51)]
        answer = client.put(
            f"{API}/schedules/new", json={"trigger": {"type": "any_of", "triggers": parts}, "func": REPORT}
        )
        assert "more than 50" in problem(answer, 422, "invalid")

    def test_a_body_where_none_belongs(self, client: TestClient) -> None:
        problem(client.request("GET", f"{API}/schedules", content=b"{}"), 400, "no-body")


class TestRates:
    def test_writes_and_reads(self, client_of: MakeClient) -> None:
        client = client_of(writes_per_second=0.1, reads_per_second=0.5)
        codes = [client.post(f"{API}/schedules/a/resume", json={}).status_code for _ in range(2)]
        assert codes == [404, 429]
        codes = [client.get(f"{API}/visitor").status_code for _ in range(6)]
        assert codes == [200] * 5 + [429]
        assert int(client.get(f"{API}/visitor").headers["retry-after"]) >= 1


class TestHeaders:
    def test_of_every_answer(self, client: TestClient, client_of: MakeClient) -> None:
        for answer in (
            client.get(f"{API}/schedules"),
            client.get("/nothing"),
            client.get("/health/live"),
            client.get("/health/live", headers={"host": "evil.com"}),
            client_of(None).get(f"{API}/schedules"),
        ):
            policy = answer.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            assert "access-control-allow-origin" not in answer.headers
            assert "server" not in answer.headers

    def test_methods(self, client: TestClient) -> None:
        for method in ("TRACE", "OPTIONS", "POST", "NO-SUCH"):
            problem(client.request(method, f"{API}/schedules"), 405, "method")


def test_a_fault_of_ours_says_nothing_of_itself(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("secret of redis://:password@host")

    monkeypatch.setattr(Schedules, "find", fail)
    answer = client.get(f"{API}/schedules")
    problem(answer, 500, "internal")
    assert "password" not in answer.text
    assert "a request failed" in caplog.text


def test_without_redis(client: TestClient, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise redis_py.ConnectionError("Error 111 connecting to 10.0.0.1:6379")

    monkeypatch.setattr(scheduler.connection, "execute_command", fail)
    answer = client.get(f"{API}/schedules")
    problem(answer, 503, "redis")
    assert "10.0.0.1" not in answer.text
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 503


class TestOtherAuthentication:
    def test_the_host_applications_own(self, client_of: MakeClient, scheduler: Scheduler) -> None:
        def mine(request: Any) -> Any:
            return ("ann", "operator") if request.headers.get("x-user") == "ann" else None

        client = client_of(None, auth=mine)
        problem(client.get(f"{API}/schedules"), 401, "not-authenticated")
        assert client.put(f"{API}/schedules/a", json=NIGHTLY, headers={"x-user": "ann"}).status_code == 201
        assert scheduler.audit.read(schedule="a")[0].actor == "web: ann"
        problem(client.post(f"{API}/session", json={"token": "x"}), 404, "not-found")

    def test_none(self, client_of: MakeClient) -> None:
        client = client_of(None, auth="none")
        assert client.get(f"{API}/visitor").json()["role"] == "operator"
        answer = client.put(f"{API}/schedules/a", json=NIGHTLY, headers={"origin": "https://evil.com"})
        problem(answer, 403, "cross-site")


class Trap:
    """Whoever unpickles it is noted."""

    def __reduce__(self) -> tuple[Any, ...]:
        return note_that_it_was_made, ()


@pytest.mark.parametrize(
    "patch", [{"args": [1]}, {"kwargs": {"name": "weekly"}}, {"meta": {"team": "ops"}}, {"description": "x"}]
)
@pytest.mark.parametrize("where", ["args", "kwargs"])
def test_no_object_is_made_of_what_is_stored(
    client: TestClient, scheduler: Scheduler, where: str, patch: dict[str, Any]
) -> None:
    given: dict[str, Any] = {"args": (Trap(),)} if where == "args" else {"kwargs": {"name": Trap()}}
    scheduler.schedules.put("trapped", Every("1h"), REPORT, **given)
    MADE.clear()
    for path in ("", "/runs", "/versions", "/explain", "/upcoming"):
        assert client.get(f"{API}/schedules/trapped{path}").status_code == 200
    merging = {"content-type": "application/merge-patch+json"}
    answer = client.patch(f"{API}/schedules/trapped", content=json.dumps(patch), headers=merging)
    assert answer.status_code < 500, answer.text
    assert client.post(f"{API}/schedules/trapped/runs", json={}).status_code < 500
    assert MADE == []
    if where not in patch:
        _ = scheduler.schedules["trapped"].definition
        assert MADE, "as the application itself does"
