"""What the web exposes of the fleet: as Redis has it, read in two round trips, and no more of it than is bounded."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from starlette.testclient import TestClient

from metrics.conftest import Scrape
from rq_scheduler import Every, Schedule, Scheduler
from rq_scheduler.client.figures import read_figures
from rq_scheduler.dispatcher import Dispatcher
from rq_scheduler.metrics import fleet
from rq_scheduler.store import Store
from rq_scheduler.store.counts import _LOOKED_AT  # pyright: ignore[reportPrivateUsage]
from rq_scheduler.store.survey import Survey
from rq_scheduler.web import Settings, create_app

pytestmark = pytest.mark.once

FUNC = "jobs_for_tests.nothing"
ScrapeFixture = Callable[..., Scrape]


def daily(id: str, **options: object) -> Schedule:
    return Schedule(id, Every("1d", anchor=datetime(2026, 1, 1, tzinfo=UTC)), FUNC, **options)  # pyright: ignore[reportArgumentType]


class TestGauges:
    def test_of_nothing(self, scrape: ScrapeFixture) -> None:
        found = scrape()
        assert found("due") == found("dispatchers") == found("open_runs") == 0
        assert found("oldest_due_age_seconds") is None, "0 would say that something is due"
        assert found("quarantined", kind="schedule") == 0
        assert found("not_run_total", reason="missed") == found("runs_ended_total", outcome="lost") == 0
        assert abs(found("clock_offset_seconds") or 0) < 1, "one machine"

    def test_what_is_due(self, scheduler: Scheduler, scrape: ScrapeFixture) -> None:
        scheduler.enqueue_at(datetime.now(UTC) - timedelta(hours=1), FUNC)
        scheduler.enqueue_in(timedelta(hours=1), FUNC)
        scheduler.schedule(datetime.now(UTC) + timedelta(days=1), FUNC, interval=60)
        found = scrape()
        assert found("due") == 1
        assert 3600 <= (found("oldest_due_age_seconds") or 0) < 7200
        assert found("pending", kind="one-off") == 2
        assert found("pending", kind="recurring") == 1

    def test_what_comes_first_is_not_due(self, scheduler: Scheduler, scrape: ScrapeFixture) -> None:
        scheduler.enqueue_in(timedelta(hours=1), FUNC)
        assert scrape()("oldest_due_age_seconds") is None

    def test_schedules(self, scheduler: Scheduler, redis: redis_py.Redis, scrape: ScrapeFixture) -> None:
        scheduler.schedules.sync([daily("a"), daily("b"), daily("c")], owner="me")
        scheduler.schedules.pause("c")
        redis.zadd(Store(redis).keys.schedules_of("failing"), {"a": 0})
        found = scrape()
        states = {state: found("schedules", state=state) for state in ("active", "paused", "failing", "late")}
        assert states == {"active": 2, "paused": 1, "failing": 1, "late": 0}
        assert found("pending", kind="schedule") == 2

    def test_the_fleet(self, redis: redis_py.Redis, scrape: ScrapeFixture) -> None:
        store = Store(redis)
        store.heartbeat("one", {"pid": 1}, 60, dispatcher=True)
        redis.zadd(store.keys.dispatchers, {"dead": 5})
        redis.hset(store.keys.unserved, "mails", "5")
        redis.zadd(store.keys.open_runs, {"s 5 -x": 5})
        found = scrape()
        assert found("dispatchers") == found("unserved_queues") == found("open_runs") == 1

    def test_the_quarantine_by_kind(self, redis: redis_py.Redis, scrape: ScrapeFixture) -> None:
        store = Store(redis)
        for id in ("a", "b"):
            redis.zadd(store.keys.scheduled_jobs, {id: 5})
        Dispatcher(redis).dispatch_once()
        redis.hset(store.keys.quarantine, "c", "x")
        found = scrape()
        assert found("quarantined", kind="one-off") == 2
        assert found("quarantined", kind="unknown") == 1

    def test_of_a_large_quarantine_a_part_is_looked_at(self, redis: redis_py.Redis, scrape: ScrapeFixture) -> None:
        number = 5 * _LOOKED_AT
        key = Store(redis).keys.scheduled_jobs
        record = f'{{"reason":"x","at":"5","due":"5","index":"{key}","queue":null}}'
        redis.hset(Store(redis).keys.quarantine, mapping={str(n): record for n in range(number)})
        found = scrape()
        known = found("quarantined", kind="one-off") or 0
        assert 0 < known < number
        assert known + (found("quarantined", kind="unknown") or 0) == number

    def test_keys_of_another_type_hide_no_others(self, redis: redis_py.Redis, scrape: ScrapeFixture) -> None:
        keys = Store(redis).keys
        for key in (keys.scheduled_jobs, keys.counters, keys.quarantine, keys.unserved, keys.open_runs):
            redis.set(key, "x")
        redis.zadd(keys.due_schedules, {"a": 4e9})
        assert scrape()("pending", kind="schedule") == 1


class TestCounters:
    def test_equal_what_was_done(self, scheduler: Scheduler, redis: redis_py.Redis, scrape: ScrapeFixture) -> None:
        for _ in range(3):
            scheduler.enqueue_in(timedelta(0), FUNC)
        scheduler.enqueue_in(timedelta(0), FUNC, queue_name="mails")
        scheduler.schedules.put(daily("s"))
        scheduler.schedules.run_now("s")
        Dispatcher(redis).dispatch_once()
        found = scrape()
        assert found("handoffs_total", queue="default", kind="one-off") == 3
        assert found("handoffs_total", queue="mails", kind="one-off") == 1
        assert found("handoffs_total", queue="default", kind="manual") == 1

    def test_a_queue_of_any_name(self, redis: redis_py.Redis, scrape: ScrapeFixture) -> None:
        redis.hset(Store(redis).keys.counters, b'handed_off:rq:a"\n\\\xff', 2)
        redis.hset(Store(redis).keys.counters, b'handed_off:rq:a"\n\\\xfe', 3)
        assert scrape()("handoffs_total", kind="rq", queue='a"\n\\\\xff') == 2
        assert scrape()("handoffs_total", kind="rq", queue='a"\n\\\\xfe') == 3


class TestSchedulesByTag:
    def test_only_those_that_are_asked_for(self, scheduler: Scheduler, scrape: ScrapeFixture) -> None:
        scheduler.schedules.sync([daily("a", tags=("x", "y")), daily("b")], owner="me")
        assert not any("schedule_" in name for name in scrape().names)
        found = scrape(["x", "y"])
        assert found("schedule_failed_in_a_row", schedule="a") == 0
        assert found("schedule_failed_in_a_row", schedule="b") is None
        assert (found("schedule_next_run_timestamp_seconds", schedule="a") or 0) > 1.7e9
        assert found("schedule_last_success_timestamp_seconds", schedule="a") is None

    def test_no_more_than_so_many(
        self, scheduler: Scheduler, scrape: ScrapeFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fleet, "MOST_SCHEDULES", 3)
        made = [daily(f"s-{n}", tags=("x",) if n % 2 else ("y",)) for n in range(8)]
        scheduler.schedules.sync(made, owner="me")
        found = scrape(["x", "y"])
        assert len([name for name, _ in found.samples if name.endswith("failed_in_a_row")]) == 3


class TestReading:
    def test_takes_two_round_trips(self, redis: redis_py.Redis) -> None:
        sent: list[bool] = []

        class Counting(redis_py.Connection):
            def send_packed_command(self, command: Any, check_health: bool = True) -> None:
                sent.append(True)
                super().send_packed_command(command, check_health)

        place = {name: redis.get_connection_kwargs()[name] for name in ("host", "port")}
        client = redis_py.Redis(connection_pool=redis_py.ConnectionPool(Counting, **place))
        survey = Survey(client)
        read_figures(survey)
        before = redis.info("commandstats")["cmdstat_time"]["calls"]
        sent.clear()
        read_figures(survey)
        assert len(sent) == 2
        assert redis.info("commandstats")["cmdstat_time"]["calls"] == before + 1
        client.connection_pool.disconnect()

    def test_writes_nothing(self, scheduler: Scheduler, redis: redis_py.Redis, scrape: ScrapeFixture) -> None:
        scheduler.schedules.put(daily("s", tags=("x",)))
        before = redis.info("persistence")["rdb_changes_since_last_save"]
        scrape(["x"])
        assert redis.info("persistence")["rdb_changes_since_last_save"] == before


class TestOverHTTP:
    def client(self, scheduler: Scheduler, **settings: object) -> TestClient:
        return TestClient(create_app(scheduler, Settings(**settings)), "http://localhost:8000")  # pyright: ignore[reportArgumentType]

    def test_for_viewers(self, scheduler: Scheduler) -> None:
        client = self.client(scheduler)
        assert client.get("/metrics").status_code == 401
        token = scheduler.tokens.make("prometheus", "viewer")
        answer = client.get("/metrics", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert Scrape(answer.text)("dispatchers") == 0

    def test_with_the_tags_of_the_settings(self, scheduler: Scheduler) -> None:
        scheduler.schedules.put(daily("a", tags=("x",)))
        answer = self.client(scheduler, auth="none", metrics_tags=("x",)).get("/metrics")
        assert Scrape(answer.text)("schedule_failed_in_a_row", schedule="a") == 0

    def test_without_redis(self) -> None:
        away = Scheduler(connection=redis_py.Redis(port=1))
        assert self.client(away, auth="none").get("/metrics").status_code == 503

    def test_without_the_library_it_says_what_to_install(
        self, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in [name for name in sys.modules if name.startswith(("prometheus_client", "rq_scheduler.metrics"))]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "prometheus_client", None)
        answer = self.client(scheduler, auth="none").get("/metrics")
        assert answer.status_code == 501
        assert "pip install prometheus-client" in answer.json()["detail"]


def test_nothing_else_imports_the_library() -> None:
    modules = "rq_scheduler, rq_scheduler.web, rq_scheduler.cli.daemon, rq_scheduler.dispatcher"
    source = f"import sys, {modules}; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", source], check=True)
