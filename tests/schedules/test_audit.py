"""`scheduler.audit`: who did what, when, and to what."""

import getpass
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from rq import Queue

import jobs_for_tests as jobs
from making import US, snapshot
from rq_scheduler import Every, Scheduler
from rq_scheduler.clock import to_us
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.store import Store
from rq_scheduler.store.audit import LOOKED_AT
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START

pytestmark = pytest.mark.once


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
        assert entry.details == {"version": "1", "func": "jobs_for_tests.nothing"}
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


class TestWhatIsDone:
    """Each in the step that does it: what comes to nothing leaves no entry."""

    def entries(self, scheduler: Scheduler, *left_out: str) -> list[tuple[str, str, str, dict[str, str]]]:
        """All of them, oldest first: action, id, actor and details."""
        found = scheduler.audit.read(limit=None)[::-1]
        return [(each.action, each.id, each.actor, {**each.details}) for each in found if each.action not in left_out]

    def test_runs_that_are_asked_for(self, redis: redis_py.Redis) -> None:
        scheduler = of(redis, "me")
        with ManualDispatcher(scheduler, ManualClock(START)) as dispatcher:
            scheduler.schedules.put("a", Every(60, anchor=START), jobs.nothing, paused=True)
            run = scheduler.schedules.run_now("a")
            assert run is not None
            assert scheduler.schedules.run_now("a") is None
            dispatcher.clock.move("5m")
            made = scheduler.schedules.backfill("a", START, START + timedelta(minutes=3))
            assert scheduler.schedules.backfill("a", START, START + timedelta(minutes=3)) == []
        assert len(made) == 3
        first, last = (str(to_us(START + timedelta(minutes=minutes))) for minutes in (0, 2))
        assert self.entries(scheduler, "defined") == [
            ("run_now", "a", "me", {"job": run.id}),
            ("run_now", "a", "me", {"outcome": "skipped"}),
            ("backfilled", "a", "me", {"runs": "3", "first": first, "last": last}),
        ]

    def test_another_id(self, redis: redis_py.Redis) -> None:
        scheduler = of(redis, "me")
        scheduler.schedules.put("old", Every(60), jobs.nothing)
        stored = scheduler._store.read_definitions(["old"])[1][0]
        assert stored is not None
        assert scheduler._store.rename_schedule(stored, "new")
        assert scheduler._store.rename_schedule(stored, "new"), "sent again"
        assert self.entries(scheduler, "defined") == [("renamed", "new", "me", {"from": "old"})]

    def test_recurring_jobs_of_the_0_14_api(self, redis: redis_py.Redis) -> None:
        scheduler = of(redis, "me")
        due = datetime(2040, 1, 1, tzinfo=UTC)
        for id in ("r", "s"):
            scheduler.schedule(due, jobs.nothing, interval=60, id=id)
        scheduler.cron("0 9 * * *", jobs.nothing, id="c")
        scheduler.change_execution_time("r", due + timedelta(seconds=1.5))
        scheduler.schedules.change_timezone("c", "Europe/Paris")
        scheduler.cancel("r")
        scheduler.cancel("r")
        scheduler.schedules.delete("s")
        moved = {"before": str(to_us(due) // US), "due": f"{to_us(due) // US + 1}.500000"}
        assert self.entries(scheduler, "defined") == [
            ("moved", "r", "me", moved),
            ("changed", "c", "me", {"version": "2"}),
            ("cancelled", "r", "me", {}),
            ("cancelled", "s", "me", {}),
        ]

    def test_single_jobs_only_where_a_person_does_it(self, redis: redis_py.Redis) -> None:
        """A program may cancel thousands an hour, under which all else would be lost."""
        scheduler = of(redis, "me")
        due = datetime(2040, 1, 1, tzinfo=UTC)
        for id in ("a", "b"):
            scheduler.enqueue_at(due, jobs.nothing, job_id=id)
        scheduler.change_execution_time("a", due)
        scheduler.cancel("a")
        assert self.entries(scheduler) == []
        store = scheduler._store
        assert store.reschedule("b", to_us(due) + 1, audited=True)
        assert store.cancel("b", 60, audited=True)
        assert not store.cancel("b", 60, audited=True)
        moved = {"before": str(to_us(due) // US), "due": f"{to_us(due) // US}.000001"}
        assert self.entries(scheduler) == [("moved", "b", "me", moved), ("cancelled", "b", "me", {})]

    def test_those_that_are_parked(self, redis: redis_py.Redis) -> None:
        scheduler = of(redis, "me")
        due = datetime(2040, 1, 1, tzinfo=UTC)
        Queue("default", connection=redis).enqueue_call(jobs.nothing, job_id="a")
        scheduler.enqueue_at(due, jobs.nothing, job_id="a")
        assert scheduler._store.reschedule("a", to_us(due) + US, audited=True)
        assert not scheduler._store.cancel("a", 60, audited=True), "RQ's job of the id goes on"
        moved = {"before": str(to_us(due) // US), "due": f"{to_us(due) // US + 1}.000000"}
        assert self.entries(scheduler) == [("moved", "a", "me", moved), ("cancelled", "a", "me", {})]

    def test_the_quarantine(self, redis: redis_py.Redis) -> None:
        scheduler, store = of(redis, "me"), Store(redis)
        for id in ("a", "b"):
            due = to_us(scheduler.enqueue_at(datetime(2026, 1, 1, tzinfo=UTC), jobs.nothing, job_id=id).created_at)
            redis.zadd(store.keys.scheduled_jobs, {id: due / US})
            assert store.quarantine(id, due, "on purpose")
        assert scheduler.quarantine.retry("a")
        assert not scheduler.quarantine.retry("a")
        assert scheduler.quarantine.purge("b")
        assert self.entries(scheduler) == [("retried", "a", "me", {}), ("purged", "b", "me", {})]


class TestOfSomeIds:
    """`Store.find_audited`: what is looked for among the newest."""

    def test_the_newest_first_and_no_others(self, redis: redis_py.Redis) -> None:
        scheduler = of(redis, "me")
        deletes(scheduler, "a", "b", "c")
        found = scheduler._store.find_audited(["a", "c"], None, 10)
        assert [(one.fields["action"], one.fields["id"]) for one in found.entries] == [
            ("deleted", "c"), ("defined", "c"), ("deleted", "a"), ("defined", "a"),
        ]  # fmt: skip
        assert not found.is_cut
        assert found.since == to_us(scheduler.audit.read()[-1].at)

    def test_no_more_than_is_asked_for(self, redis: redis_py.Redis) -> None:
        scheduler = of(redis, "me")
        deletes(scheduler, "a", "b")
        found = scheduler._store.find_audited(["a"], None, 3)
        assert [one.fields["action"] for one in found.entries] == ["deleted"]
        assert found.is_cut
        assert found.since == to_us(scheduler.audit.read(schedule="a")[0].at)

    def test_page_by_page(self, redis: redis_py.Redis) -> None:
        scheduler, key = of(redis, "me"), Store(redis).keys.audit
        deletes(scheduler, "a")
        with redis.pipeline() as pipe:
            for number in range(2 * LOOKED_AT):
                pipe.xadd(key, {"action": "changed", "id": f"x{number}", "actor": "bot"})
            pipe.execute()
        assert len(scheduler._store.find_audited(["a", "x0"], None, 5 * LOOKED_AT).entries) == 3
        newest = f"x{2 * LOOKED_AT - 1}"
        since = scheduler.audit.read(schedule=newest)[0].at
        assert [one.fields["id"] for one in scheduler._store.find_audited([newest, "a"], to_us(since), 5).entries] == [
            newest
        ]
        redis.config_resetstat()
        scheduler._store.find_audited(["a"], None, 2 * LOOKED_AT)
        assert redis.info("commandstats")["cmdstat_xrevrange"]["calls"] == 2, "no script looks at many"

    def test_where_nothing_was_done(self, redis: redis_py.Redis) -> None:
        found = Store(redis).find_audited(["a"], None, 5)
        assert (list(found.entries), found.since, found.is_cut) == ([], None, False)
