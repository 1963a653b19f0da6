"""Schedules over HTTP: each call, and what is answered to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from starlette.testclient import TestClient

from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.store import Store
from web.conftest import MODULE, REPORT, MakeClient

API = "/api/v1"
NIGHTLY: dict[str, Any] = {"func": REPORT, "cron": "30 2 * * *", "timezone": "Europe/Paris", "args": ["weekly"]}


def problem(answer: Any, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["status"], said["code"], said["type"]) == (status, code, f"urn:rq-scheduler:problem:{code}")
    return str(said["detail"])


class TestPut:
    def test_creates_and_replaces(self, client: TestClient, scheduler: Scheduler) -> None:
        made = client.put(f"{API}/schedules/nightly", json=NIGHTLY)
        assert made.status_code == 201, made.text
        assert made.headers["etag"] == '"1"'
        assert made.json()["trigger"]["expression"] == "30 2 * * *"
        assert client.put(f"{API}/schedules/nightly", json=NIGHTLY).headers["etag"] == '"1"'
        changed = client.put(f"{API}/schedules/nightly", json={**NIGHTLY, "jitter": "10s"})
        assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
        assert scheduler.schedules["nightly"].definition.args == ("weekly",)
        assert [entry.actor for entry in scheduler.audit.read(schedule="nightly")] == ["token a operator"] * 2

    def test_only_if_it_is_new(self, client: TestClient) -> None:
        new = {"if-none-match": "*"}
        assert client.put(f"{API}/schedules/a", json=NIGHTLY, headers=new).status_code == 201
        problem(client.put(f"{API}/schedules/a", json=NIGHTLY, headers=new), 412, "version-conflict")

    def test_two_who_edit_the_same(self, client: TestClient, scheduler: Scheduler) -> None:
        etag = client.put(f"{API}/schedules/a", json=NIGHTLY).headers["etag"]
        first = client.put(f"{API}/schedules/a", json={**NIGHTLY, "cron": "0 3 * * *"}, headers={"if-match": etag})
        assert first.status_code == 200
        second = client.put(f"{API}/schedules/a", json={**NIGHTLY, "cron": "0 4 * * *"}, headers={"if-match": etag})
        assert "is at version 2" in problem(second, 412, "version-conflict")
        assert scheduler.schedules["a"].trigger == Cron("0 3 * * *", timezone="Europe/Paris")
        gone = client.put(f"{API}/schedules/b", json=NIGHTLY, headers={"if-match": '"1"'})
        problem(gone, 412, "version-conflict")
        problem(client.put(f"{API}/schedules/b", json=NIGHTLY, headers={"if-match": "1"}), 412, "version-conflict")

    @pytest.mark.parametrize(
        ("body", "says"),
        [
            ({"func": REPORT}, "nothing to say when it runs"),
            ({"func": REPORT, "cron": "61 * * * *"}, "61"),
            ({"func": REPORT, "cron": "* * * * *", "overlap": "sometimes"}, "overlap"),
            ({"func": REPORT, "cron": "* * * * *", "no_such": 1}, "no_such"),
            ({"func": REPORT, "every": "10m", "args": "weekly"}, "args"),
            ({"func": REPORT, "every": "10m", "args": [1, 2, 3]}, "cannot be called"),
            ({"func": REPORT, "every": "10m", "id": "other"}, "that of the address"),
            ({"every": "10m"}, "func"),
        ],
    )
    def test_what_cannot_be_says_what_python_says(
        self, client: TestClient, scheduler: Scheduler, body: dict[str, Any], says: str
    ) -> None:
        assert says in problem(client.put(f"{API}/schedules/a", json=body), 422, "invalid")
        assert len(scheduler.schedules) == 0

    def test_an_id_that_is_none(self, client: TestClient) -> None:
        problem(client.put(f"{API}/schedules/a b", json=NIGHTLY), 422, "invalid")


class TestPatch:
    def test_merges(self, client: TestClient, scheduler: Scheduler) -> None:
        client.put(f"{API}/schedules/a", json={**NIGHTLY, "kwargs": {}, "meta": {"team": "x", "who": "y"}})
        answer = client.patch(
            f"{API}/schedules/a",
            json={"jitter": "10s", "trigger": {"expression": "0 5 * * *"}, "meta": {"who": None, "since": 3}},
            headers={"content-type": "application/merge-patch+json"},
        )
        assert answer.status_code == 200, answer.text
        now = scheduler.schedules["a"].definition
        assert now.trigger == Cron("0 5 * * *", timezone="Europe/Paris")
        assert now.meta == {"team": "x", "since": 3}
        assert now.args == ("weekly",)
        assert client.patch(f"{API}/schedules/a", json={"jitter": None}).status_code == 200
        assert scheduler.schedules["a"].definition.jitter is None

    def test_of_one_version(self, client: TestClient) -> None:
        client.put(f"{API}/schedules/a", json=NIGHTLY)
        one = {"if-match": '"1"'}
        assert client.patch(f"{API}/schedules/a", json={"tags": ["x"]}, headers=one).status_code == 200
        problem(client.patch(f"{API}/schedules/a", json={"tags": ["y"]}, headers=one), 412, "version-conflict")

    def test_what_cannot_be(self, client: TestClient) -> None:
        problem(client.patch(f"{API}/schedules/a", json={"tags": []}), 404, "not-found")
        client.put(f"{API}/schedules/a", json=NIGHTLY)
        assert "pause" in problem(client.patch(f"{API}/schedules/a", json={"paused": True}), 422, "invalid")
        problem(client.patch(f"{API}/schedules/a", json={"nothing": True}), 422, "invalid")


class TestGet:
    def test_one(self, viewer: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("a", Every("1h"), REPORT)
        answer = viewer.get(f"{API}/schedules/a")
        assert answer.json()["func"] == REPORT
        again = viewer.get(f"{API}/schedules/a", headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert viewer.head(f"{API}/schedules/a").status_code == 200
        assert "'b'" in problem(viewer.get(f"{API}/schedules/b"), 404, "not-found")

    def test_pages(self, viewer: TestClient, scheduler: Scheduler) -> None:
        for n in range(7):
            scheduler.schedules.put(f"s{n}", Every("1h"), REPORT, tags=["odd"] if n % 2 else [])
        found, cursor = [], None
        while True:
            query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            page = viewer.get(f"{API}/schedules", params=query).json()
            found += [one["id"] for one in page["schedules"]]
            assert len(page["schedules"]) <= 3
            cursor = page["next"]
            if cursor is None:
                break
        assert found == [f"s{n}" for n in range(7)]
        odd = viewer.get(f"{API}/schedules", params={"tag": "odd", "paused": "false"}).json()["schedules"]
        assert [one["id"] for one in odd] == ["s1", "s3", "s5"]

    @pytest.mark.parametrize(
        "query",
        [
            *(
                "limit=-1",
                "limit=0",
                "limit=501",
                "limit=x",
                "cursor=%00",
                "cursor=YQBi",
                "paused=maybe",
                "tag=a&tag=b",
            ),
            *("tag=%ff", "token=secret"),
        ],
    )
    def test_a_query_that_cannot_be(self, viewer: TestClient, query: str) -> None:
        answer = viewer.get(f"{API}/schedules?{query}")
        assert answer.status_code == 400, answer.text
        assert "secret" not in answer.text


class TestActions:
    def test_pause_and_resume(self, client: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("a", Every("1h"), REPORT)
        paused = client.post(f"{API}/schedules/a/pause", json={"note": "why", "until": "2h"}).json()
        assert (paused["paused"], paused["note"], paused["paused_by"]) == (True, "why", "token a operator")
        again = client.post(f"{API}/schedules/a/pause", json={"note": "why"})
        assert again.json()["paused"] is True
        assert client.post(f"{API}/schedules/a/resume", json={}).json()["paused"] is False
        problem(client.post(f"{API}/schedules/b/resume", json={}), 404, "not-found")
        problem(client.post(f"{API}/schedules/a/pause", json={"until": "2020-01-01T00:00:00Z"}), 422, "invalid")

    def test_run_now_once(self, client: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("a", Every("1h"), REPORT, overlap="allow")
        key = {"idempotency-key": "one"}
        made = client.post(f"{API}/schedules/a/runs", json={}, headers=key)
        assert made.status_code == 201, made.text
        again = client.post(f"{API}/schedules/a/runs", json={}, headers=key)
        assert again.json() == made.json()
        assert again.headers["idempotency-replayed"] == "true"
        assert len(scheduler.schedules.runs("a")) == 1
        other = client.post(f"{API}/schedules/a/runs", json={}, headers={"idempotency-key": "two"})
        assert other.json()["job_id"] != made.json()["job_id"]
        problem(client.post(f"{API}/schedules/a/runs", json={"force": True}, headers=key), 422, "key-reused")
        problem(client.post(f"{API}/schedules/a/runs", json={}, headers={"idempotency-key": "x" * 201}), 400, "bad-key")

    def test_a_process_that_died_in_it(
        self, client: TestClient, scheduler: Scheduler, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The key is held for a minute, so that nobody doubles what may still be under way; then it may be sent."""
        client.put(f"{API}/schedules/a", json=NIGHTLY)
        before = set(redis.keys("rq:scheduler:*"))
        monkeypatch.setattr(Store, "end_once", lambda *_: None)  # SIGKILL, right after the run was made
        key = {"idempotency-key": "4711"}
        assert client.post(f"{API}/schedules/a/runs", json={}, headers=key).status_code == 201
        monkeypatch.undo()
        again = client.post(f"{API}/schedules/a/runs", json={}, headers=key)
        assert "is being done" in problem(again, 409, "underway")
        assert again.headers["retry-after"] == "1"
        (held,) = [name for name in set(redis.keys("rq:scheduler:*")) - before if b"request" in name]
        assert 0 < redis.ttl(held) <= 60
        redis.delete(held)  # the minute has passed
        later = client.post(f"{API}/schedules/a/runs", json={}, headers=key)
        assert later.status_code == 200, "it is done again, and skipped, since the first run waits yet"

    def test_what_was_refused_is_not_remembered(self, client: TestClient, scheduler: Scheduler) -> None:
        key = {"idempotency-key": "one"}
        problem(client.post(f"{API}/schedules/a/runs", json={}, headers=key), 404, "not-found")
        scheduler.schedules.put("a", Every("1h"), REPORT)
        assert client.post(f"{API}/schedules/a/runs", json={}, headers=key).status_code == 201

    def test_backfill(self, client: TestClient, scheduler: Scheduler) -> None:
        day = datetime(2026, 1, 1, tzinfo=UTC)
        scheduler.schedules.put("a", Every("1h", anchor=day), REPORT)
        body = {"since": day.isoformat(), "until": (day + timedelta(hours=3)).isoformat()}
        assert len(client.post(f"{API}/schedules/a/backfills", json=body).json()["job_ids"]) == 3
        assert client.post(f"{API}/schedules/a/backfills", json=body).json()["job_ids"] == []
        long = {**body, "since": "2020-01-01T00:00:00Z"}
        assert "more than 1000" in problem(client.post(f"{API}/schedules/a/backfills", json=long), 422, "invalid")

    def test_delete_and_undo(self, client: TestClient, scheduler: Scheduler) -> None:
        client.put(f"{API}/schedules/a", json=NIGHTLY)
        client.put(f"{API}/schedules/a", json={**NIGHTLY, "args": []})
        versions = client.get(f"{API}/schedules/a/versions").json()["versions"]
        assert [one["version"] for one in versions] == [2, 1]
        undone = client.post(f"{API}/schedules/a/undo", json={"version": 2})
        assert undone.headers["etag"] == '"3"'
        assert scheduler.schedules["a"].definition.args == ("weekly",)
        assert client.post(f"{API}/schedules/a/undo", json={"version": 2}).headers["etag"] == '"3"'  # sent again
        problem(client.post(f"{API}/schedules/a/undo", json={"version": 1}), 412, "version-conflict")
        assert client.delete(f"{API}/schedules/a").status_code == 204
        problem(client.delete(f"{API}/schedules/a"), 404, "not-found")

    def test_many(self, client: TestClient, scheduler: Scheduler) -> None:
        for id in ("a", "b", "c"):
            scheduler.schedules.put(id, Every("1h"), REPORT, tags=["x"] if id != "c" else [])
        bulk = f"{API}/schedules/bulk"
        assert client.post(bulk, json={"action": "pause", "tag": "x", "dry_run": True}).json() == {
            "count": 2,
            "dry_run": True,
        }
        assert client.post(bulk, json={"action": "pause", "tag": "x"}).json()["count"] == 2
        assert client.post(bulk, json={"action": "resume", "everything": True}).json()["count"] == 2
        assert client.post(bulk, json={"action": "run_now", "prefix": "c"}).json()["count"] == 1
        problem(client.post(bulk, json={"action": "delete"}), 422, "invalid")
        assert client.post(bulk, json={"action": "delete", "everything": True}).json()["count"] == 3


class TestReads:
    def test_runs_upcoming_and_why(self, client: TestClient, viewer: TestClient, scheduler: Scheduler) -> None:
        scheduler.schedules.put("a", Every("1h"), REPORT)
        client.post(f"{API}/schedules/a/runs", json={})
        (run,) = viewer.get(f"{API}/schedules/a/runs").json()["runs"]
        assert run["outcome"] == "manual"
        assert len(viewer.get(f"{API}/schedules/a/upcoming", params={"limit": 5}).json()["upcoming"]) == 5
        why = viewer.get(f"{API}/schedules/a/explain").json()
        assert why["sentence"]
        assert viewer.get(f"{API}/schedules/a/explain", params={"at": "2026-01-01"}).status_code == 200
        problem(viewer.get(f"{API}/schedules/a/explain", params={"at": "2026-01-01T00:00"}), 422, "invalid")
        problem(viewer.get(f"{API}/schedules/a/explain", params={"at": "soon"}), 422, "invalid")
        (coming,) = viewer.get(f"{API}/upcoming", params={"limit": 1}).json()["upcoming"]
        assert coming["schedule_id"] == "a"

    def test_a_preview_puts_nothing(self, viewer: TestClient, scheduler: Scheduler) -> None:
        found = viewer.post(
            f"{API}/schedules/preview?count=2&after=2026-01-01T00:00:00Z", json={"cron": "30 2 * * *"}
        ).json()
        assert found["upcoming"] == ["2026-01-01T02:30:00.000000Z", "2026-01-02T02:30:00.000000Z"]
        problem(viewer.post(f"{API}/schedules/preview", json={"cron": "never"}), 422, "invalid")
        assert viewer.post(f"{API}/schedules/preview?count=1001", json={"cron": "* * * * *"}).status_code == 400
        assert len(scheduler.schedules) == 0


def test_a_callback_by_name(client: TestClient, scheduler: Scheduler) -> None:
    body = {**NIGHTLY, "on_failure": f"{MODULE}.told"}
    assert client.put(f"{API}/schedules/a", json=body).status_code == 201
    assert scheduler.schedules.called("a").callbacks == {"on_failure": f"{MODULE}.told"}


def test_pages_are_bounded_by_the_settings(client_of: MakeClient, scheduler: Scheduler) -> None:
    for n in range(3):
        scheduler.schedules.put(f"s{n}", Every("1h"), REPORT)
    page = client_of("viewer", max_page=2).get(f"{API}/schedules").json()
    assert len(page["schedules"]) == 2
    assert page["next"]
