"""The event stream: fanned out, bounded, resumed. Served by uvicorn, since its clients come and go."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import redis as redis_py
import uvicorn

import asking
from rq_scheduler import Scheduler
from rq_scheduler.store import Store
from rq_scheduler.web import Settings, create_app
from rq_scheduler.web.api import watch
from support import PATIENCE, wait_until

pytestmark = pytest.mark.once

STREAM = "/api/v1/events/stream"


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis, actor="me")


@pytest.fixture
def served(scheduler: Scheduler) -> Iterator[str]:
    """The address of an application of its own."""
    app = create_app(scheduler, Settings())
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = server.force_exit = True
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.fixture
def http(served: str, scheduler: Scheduler) -> Iterator[httpx.Client]:
    token = scheduler.tokens.make("watcher", "viewer")
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(
        base_url=served, headers={"authorization": f"Bearer {token}"}, timeout=PATIENCE, limits=limits
    ) as client:
        yield client


@pytest.fixture
def watcher(http: httpx.Client) -> Iterator[Callable[..., Iterator[dict[str, Any]]]]:
    """Opens a stream, and gives its events as they come, each with its `id`."""
    with ExitStack() as streams:

        def open_stream(last: str | None = None) -> Iterator[dict[str, Any]]:
            headers = {} if last is None else {"last-event-id": last}
            answer = streams.enter_context(http.stream("GET", STREAM, headers=headers))
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            assert next(lines) == ": alive"

            def events() -> Iterator[dict[str, Any]]:
                id = ""
                for line in lines:
                    if line.startswith("id: "):
                        id = line.removeprefix("id: ")
                    elif line.startswith("data: "):
                        yield {**json.loads(line.removeprefix("data: ")), "id_of_event": id}

            return events()

        yield open_stream


def tell(redis: redis_py.Redis, *ids: str) -> None:
    for id in ids:
        Store(redis).note_event("quarantined", id, reason="why\n\nevent: x")


class TestWatching:
    def test_all_hear_in_order(self, watcher: Any, redis: redis_py.Redis) -> None:
        tell(redis, "before")
        watchers = [watcher() for _ in range(3)]
        tell(redis, "a", "b", "c")
        for each in watchers:
            heard = [next(each) for _ in range(3)]
            assert [event["id"] for event in heard] == ["a", "b", "c"]
            assert heard[0]["details"] == {"reason": "why\n\nevent: x"}
            assert heard[0]["id_of_event"] == heard[0]["place"]

    def test_one_who_comes_back_misses_nothing_and_hears_nothing_twice(
        self, watcher: Any, redis: redis_py.Redis
    ) -> None:
        first = watcher()
        tell(redis, "a")
        last = next(first)["place"]
        tell(redis, "b", "c")
        again = watcher(last)
        tell(redis, "d")
        assert [next(again)["id"] for _ in range(3)] == ["b", "c", "d"]
        assert [next(first)["id"] for _ in range(3)] == ["b", "c", "d"]

    def test_needs_a_token(self, served: str, http: httpx.Client) -> None:
        assert asking.get(served + STREAM).status_code == 401
        assert http.get(STREAM, headers={"last-event-id": "soon"}).status_code == 422
        assert http.get(STREAM, headers={"sec-fetch-site": "cross-site"}).status_code == 403

    def test_a_hundred_starve_nobody(self, watcher: Any, http: httpx.Client, redis: redis_py.Redis) -> None:
        watchers = [watcher() for _ in range(100)]
        for _ in range(5):
            assert http.get("/api/v1/visitor").status_code == 200
        tell(redis, "a")
        assert [next(each)["id"] for each in watchers] == ["a"] * 100

    def test_no_more_than_so_many(
        self, watcher: Any, http: httpx.Client, monkeypatch: pytest.MonkeyPatch, redis: redis_py.Redis
    ) -> None:
        monkeypatch.setattr(watch, "MAX_WATCHERS", 2)
        _ = watcher(), watcher()
        answer = http.get(STREAM)
        assert answer.status_code == 503
        assert answer.json()["code"] == "too-many-watchers"

    def test_one_visitor_leaves_room_for_others(
        self,
        watcher: Any,
        http: httpx.Client,
        scheduler: Scheduler,
        monkeypatch: pytest.MonkeyPatch,
        redis: redis_py.Redis,
    ) -> None:
        monkeypatch.setattr(watch, "MAX_OF_ONE", 2)
        _ = watcher(), watcher()
        answer = http.get(STREAM)
        assert (answer.status_code, answer.json()["code"]) == (429, "too-many-watchers")
        assert "2 of yours watch already" in answer.json()["detail"]
        other = scheduler.tokens.make("other", "viewer")
        with http.stream("GET", STREAM, headers={"authorization": f"Bearer {other}"}) as theirs:
            assert theirs.status_code == 200

    def test_one_who_left_makes_room(self, http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watch, "MAX_WATCHERS", 1)
        with http.stream("GET", STREAM) as answer:
            assert answer.status_code == 200

        def has_room() -> bool:
            with http.stream("GET", STREAM) as again:
                return again.status_code == 200

        wait_until(has_room)

    def test_ends_with_its_token(
        self, watcher: Any, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, redis: redis_py.Redis
    ) -> None:
        monkeypatch.setattr(watch, "CHECKED", 0.0)
        mine = watcher()
        (token,) = scheduler.tokens
        scheduler.tokens.revoke(token.id)
        tell(redis, "a", "b", "c")
        assert len(list(mine)) <= 3

    def test_one_who_does_not_keep_up_is_let_go(
        self, watcher: Any, monkeypatch: pytest.MonkeyPatch, redis: redis_py.Redis
    ) -> None:
        monkeypatch.setattr(watch, "QUEUE", 2)
        slow = watcher()
        with redis.pipeline() as pipe:  # in one page
            for n in range(50):
                pipe.xadd("rq:scheduler:events", {"kind": "missed", "id": str(n)})
            pipe.execute()
        assert len(list(slow)) < 50
