"""Forecasts over HTTP: changes of the clock, and how long an answer is kept."""

from threading import Event

import pytest
from starlette.testclient import TestClient

from rq_scheduler import Cron, Scheduler
from rq_scheduler.web.api import recent
from rq_scheduler.web.api.recent import Recent
from support import PATIENCE, wait_until
from web.conftest import REPORT
from web.test_api_schedules import API, problem

pytestmark = pytest.mark.once

WINTER = {"after": "2027-01-01T00:00:00Z"}


def put(scheduler: Scheduler, id: str, expression: str = "30 2 * * *", zone: str = "Europe/Paris") -> None:
    scheduler.schedules.put(id, Cron(expression, zone), REPORT, args=("x",))


class TestClockChanges:
    def test_tells_what_the_next_ones_do(self, viewer: TestClient, scheduler: Scheduler) -> None:
        put(scheduler, "a")
        put(scheduler, "b", zone="America/New_York")
        put(scheduler, "c", "0 9 * * *")
        said = viewer.get(f"{API}/clock-changes", params=WINTER).json()
        assert [one["timezone"] for one in said["changes"]] == ["America/New_York", "Europe/Paris"]
        paris = said["changes"][1]
        assert (paris["counts"]["moved"], paris["counts"]["shifted"], paris["groups"][0]["ids"]) == (1, 1, ["a"])
        assert paris["groups"][0]["says"].startswith("02:30 does not exist that day: one run, at 03:00")
        one = viewer.get(f"{API}/clock-changes", params={**WINTER, "timezone": "Europe/Paris", "limit": 1}).json()
        assert [each["timezone"] for each in one["changes"]] == ["Europe/Paris"]

    def test_each_schedule_a_page_at_a_time(self, viewer: TestClient, scheduler: Scheduler) -> None:
        for id in ("a", "b", "c"):
            put(scheduler, id)
        put(scheduler, "d", "0 9 * * *")
        first = viewer.get(f"{API}/clock-changes/schedules", params={**WINTER, "limit": 2}).json()
        assert [one["schedule_id"] for one in first["schedules"]] == ["a", "b"]
        assert first["schedules"][0]["change"]["timezone"] == "Europe/Paris"
        following = {**WINTER, "limit": 2, "cursor": first["next"]}
        second = viewer.get(f"{API}/clock-changes/schedules", params=following).json()
        assert ([one["schedule_id"] for one in second["schedules"]], second["next"]) == (["c"], None)

    @pytest.mark.parametrize(
        ("query", "says"),
        [
            ({"timezone": "Europe/Pariss"}, "did you mean"),
            ({"within": "soon"}, "not a duration"),
            ({"within": "900000d"}, "too far ahead"),
            ({"after": "2027-01-01T00:00:00"}, "time zone"),
        ],
    )
    def test_what_cannot_be_asked(self, viewer: TestClient, query: dict[str, str], says: str) -> None:
        for path in ("clock-changes", "clock-changes/schedules"):
            assert says in problem(viewer.get(f"{API}/{path}", params=query), 422, "invalid")

    def test_is_worked_out_anew_each_half_minute(self, viewer: TestClient, scheduler: Scheduler) -> None:
        put(scheduler, "a")
        first = viewer.get(f"{API}/clock-changes").json()
        put(scheduler, "b")
        assert viewer.get(f"{API}/clock-changes").json() == first
        assert viewer.get(f"{API}/clock-changes", params={"tag": ""}).json()["schedules"] == 2, "another question"


class TestLoad:
    def test_tells_what_is_due_in_each_queue(self, viewer: TestClient, scheduler: Scheduler) -> None:
        put(scheduler, "a", "*/10 * * * *")
        (queue,) = viewer.get(f"{API}/load", params={"within": "1h"}).json()["queues"]
        assert (queue["queue_name"], queue["runs"], sum(queue["by_minute"])) == ("default", 6, 6)
        assert viewer.get(f"{API}/load", params={"queue_name": "none"}).json()["queues"] == []
        assert "too far" in problem(viewer.get(f"{API}/load", params={"within": "30d"}), 422, "invalid")


class TestRecent:
    def test_keeps_an_answer_for_a_while(self) -> None:
        now, worked_out = [0.0], list[int]()
        kept, connection = Recent[int](lambda: now[0]), TestRecent()

        def ask(question: str = "x") -> int:
            return kept.get(connection, question, lambda: worked_out.append(1) or len(worked_out))

        assert [ask(), ask(), ask("y")] == [1, 1, 2]
        now[0] = recent.SECONDS - 0.1
        assert ask() == 1
        now[0] = recent.SECONDS
        assert ask() == 3
        assert kept.get(TestRecent(), "x", lambda: 9) == 9, "of another Redis"

    def test_what_takes_long_is_worked_out_beside_and_kept_longer(self) -> None:
        now, go_on, worked_out = [0.0], Event(), list[int]()
        kept, connection = Recent[int](lambda: now[0]), TestRecent()

        def work_out() -> int:
            go_on.wait(PATIENCE)
            worked_out.append(1)
            return len(worked_out)

        def soon() -> int | None:
            return kept.soon(connection, "x", work_out)

        assert soon() is None
        now[0] = 8.0  # seconds that it took
        go_on.set()
        assert wait_until(soon) == 1
        now[0] = 8.0 + 79.9
        assert soon() == 1
        now[0] = 8.0 + 80.0
        assert wait_until(lambda: soon() == 2), "an old one is shown until then"

    def test_pages_wait_once_for_what_takes_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now, go_on, waits = [0.0], Event(), list[float | None]()

        class Noting(Event):  # of what is asked
            def wait(self, timeout: float | None = None) -> bool:
                waits.append(timeout)
                return super().wait(timeout)

        monkeypatch.setattr(recent, "Event", Noting)
        kept, connection = Recent[int](lambda: now[0]), TestRecent()
        assert kept.soon(connection, "x", lambda: int(go_on.wait(PATIENCE))) is None
        now[0] = 1.0
        assert kept.soon(connection, "x", lambda: -1) is None
        assert waits == [recent.PATIENCE, 0.0]
        go_on.set()
        assert wait_until(lambda: kept.soon(connection, "x", lambda: -1)) == 1

    def test_an_error_that_nobody_waited_for_is_told_once(self) -> None:
        kept, connection, go_on = Recent[int](lambda: 0.0), TestRecent(), Event()
        assert kept.soon(connection, "x", lambda: 1 // (not go_on.wait(PATIENCE))) is None
        go_on.set()

        def told() -> bool:
            try:
                return kept.soon(connection, "x", lambda: 7) == -1
            except ZeroDivisionError:
                return True

        assert wait_until(told)
        assert kept.get(connection, "x", lambda: 7) == 7

    def test_keeps_few_and_no_errors(self) -> None:
        kept, connection = Recent[int](lambda: 0.0), TestRecent()
        with pytest.raises(ZeroDivisionError):
            kept.get(connection, 0, lambda: 1 // 0)
        for question in range(recent.MOST + 1):
            assert kept.get(connection, question, lambda question=question: question) == question
        assert kept.get(connection, 0, lambda: -1) == -1, "the oldest has made way"
        assert kept.get(connection, recent.MOST, lambda: -1) == recent.MOST
