"""docs/flask.md: its parts, one after the other, are an application, which a new user of Flask-RQ has."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from rq.job import Job

from rq_scheduler import Every, Scheduler
from rq_scheduler.errors import FunctionRefused
from support import ROOT, Processes, command

pytestmark = [pytest.mark.once, pytest.mark.newest_only]

HOST = "http://localhost"


@pytest.fixture
def site(tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module `shop.app` of the page."""
    page = (ROOT / "docs" / "flask.md").read_text()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    parts = re.findall(r"^```py\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(parts) == 5
    (tmp_path / "shop" / "app.py").write_text("\n\n".join(parts))
    monkeypatch.setenv("FLASK_RQ_CONNECTION", redis_url)
    monkeypatch.setenv("FLASK_SECRET_KEY", "of a test")
    monkeypatch.syspath_prepend(tmp_path)
    import shop.app  # pyright: ignore[reportMissingImports]  written above

    yield shop.app
    for name in ("shop.app", "shop"):
        sys.modules.pop(name)


def test_schedules_are_synced_by_a_command(site: Any, scheduler: Scheduler) -> None:
    runner = site.app.test_cli_runner()
    assert runner.invoke(args=["sync-schedules"]).output == "2 added, 0 changed, 0 removed\n"
    assert runner.invoke(args=["sync-schedules"]).output == "0 added, 0 changed, 0 removed\n"
    stored = scheduler.schedules["report"]
    assert (stored.func, stored.owner, stored.queue_name) == ("shop.app.report", "shop", "default")


def test_a_request_schedules_and_its_worker_runs_it(
    site: Any, scheduler: Scheduler, redis: redis_py.Redis, redis_url: str, processes: Processes, tmp_path: Path
) -> None:
    id = site.app.test_client().post("/reminders", data={"user": "ann"}).json["job"]
    scheduler.change_execution_time(Job.fetch(id, connection=redis), datetime.now(UTC))
    scheduler.schedules.put("now", Every("1h"), site.report.func, args=("daily",))
    scheduler.schedules.run_now("now")
    processes.run(command("rqscheduler"), "--url", redis_url, "--burst")
    environment = {"FLASK_RQ_CONNECTION": redis_url, "PYTHONPATH": str(tmp_path)}
    told = processes.run(command("flask"), "--app", "shop.app", "rq", "worker", "--burst", env=environment)
    assert "remind ann" in told
    assert "the daily report" in told


def test_the_decorator_itself_is_refused(site: Any, scheduler: Scheduler) -> None:
    with pytest.raises(FunctionRefused):
        scheduler.enqueue_in(timedelta(hours=1), site.remind, "ann")


def test_the_dashboard_is_under_its_login(site: Any, scheduler: Scheduler) -> None:
    scheduler.schedules.put("a", Every("1h"), "shop.app.report", args=("daily",))
    client = site.app.test_client()

    def ask(method: str, path: str, **options: Any) -> int:
        # buffered: to its end, as a server sends it
        answer = client.open(path, method=method, base_url=HOST, headers={"origin": HOST}, buffered=True, **options)
        return answer.status_code

    assert ask("GET", "/jobs/api/v1/schedules") == 401
    ask("POST", "/login", data={"user": "ben"})
    assert ask("GET", "/jobs/") == 200
    assert ask("POST", "/jobs/api/v1/schedules/a/pause", json={}) == 403
    ask("POST", "/login", data={"user": "ann"})
    assert ask("POST", "/jobs/api/v1/schedules/a/pause", json={}) == 200
    assert scheduler.schedules["a"].paused_by == "web: ann"
    assert ask("POST", "/jobs/api/v1/schedules/a/runs", json={}) == 201
    assert len(scheduler.schedules.runs("a")) == 1
