"""`scheduler.audit`: who did what, when, and to what."""

import getpass
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from making import snapshot
from rq_scheduler import Every, Scheduler
from rq_scheduler.errors import InvalidArgument, InvalidType


def of(redis: redis_py.Redis, actor: str | None = None) -> Scheduler:
    return Scheduler(connection=redis, actor=actor)


def deletes(scheduler: Scheduler, *ids: str) -> None:
    for id in ids:
        scheduler.schedules.put(id, Every(60), jobs.nothing)
        assert scheduler.schedules.delete(id)


class TestWhoItWas:
    def test_is_what_was_given(self, redis: redis_py.Redis) -> None:
        scheduler = of(redis, "deploy 4711, é")
        deletes(scheduler, "a")
        assert scheduler.actor == "deploy 4711, é"
        (entry,) = scheduler.audit.read(actions="deleted")
        assert (entry.action, entry.id, entry.actor) == ("deleted", "a", "deploy 4711, é")
        assert abs(entry.at - datetime.now(UTC)) < timedelta(minutes=1)

    def test_is_the_user_and_the_host_otherwise(self, redis: redis_py.Redis) -> None:
        assert of(redis).actor == f"{getpass.getuser()}@{socket.gethostname()}"

    def test_is_a_number_where_the_user_has_no_name(
        self, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def nobody() -> str:
            raise KeyError("getpwuid(): uid not found: 4711")

        monkeypatch.setattr(getpass, "getuser", nobody)
        monkeypatch.setattr("os.getuid", lambda: 4711)
        assert of(redis).actor == f"4711@{socket.gethostname()}"

    @pytest.mark.parametrize("given", ["", "  ", "two\nlines", "\x1b[31m", "x" * 201, "\ud800"])
    def test_cannot_be_everything(self, redis: redis_py.Redis, given: str) -> None:
        with pytest.raises(InvalidArgument, match="actor="):
            of(redis, given)

    def test_is_text(self, redis: redis_py.Redis) -> None:
        wrong: Any = 4711
        with pytest.raises(InvalidType, match="actor=4711 is an int: give text"):
            of(redis, wrong)


class TestReading:
    def test_picks(self, redis: redis_py.Redis) -> None:
        deletes(of(redis, "me"), "a", "b")
        deletes(of(redis, "you"), "b")
        audit = of(redis).audit

        def read(**wanted: Any) -> list[tuple[str, str]]:
            return [(entry.id, entry.actor) for entry in audit.read(actions=("deleted",), **wanted)]

        assert read() == read(limit=None) == [("b", "you"), ("b", "me"), ("a", "me")]
        assert read(limit=1) == [("b", "you")]
        assert read(schedule="b") == [("b", "you"), ("b", "me")]
        assert read(actor="me", limit=1) == [("b", "me")]
        assert audit.read(actions="purged") == []
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert read(since=tomorrow) == read(until=tomorrow - timedelta(days=2)) == []
        assert len(read(since=tomorrow - timedelta(days=2), until=tomorrow)) == 3

    @pytest.mark.parametrize(
        ("wrong", "says"),
        [
            ({"since": datetime(2026, 1, 1)}, "since=.* has no time zone"),
            ({"until": 5}, "until=5 is an int"),
            ({"since": datetime.max.replace(tzinfo=UTC), "until": datetime.min.replace(tzinfo=UTC)}, "turn them round"),
            ({"actions": "destroyed"}, "there is no 'destroyed'; known are defined, "),
            ({"actions": [["deleted"]]}, "actions="),
            ({"actions": 5}, "actions=5 is an int"),
            ({"schedule": 5}, "schedule=5 is an int"),
            ({"actor": "\ud800"}, "actor=.* half of a character"),
            ({"limit": -1}, "limit=-1 is negative"),
            ({"limit": 1.5}, "limit=1.5 is a float"),
        ],
    )
    def test_refuses(self, redis: redis_py.Redis, wrong: dict[str, Any], says: str) -> None:
        before = snapshot(redis)
        with pytest.raises((InvalidArgument, InvalidType), match=says):
            of(redis).audit.read(**wrong)
        assert snapshot(redis) == before
