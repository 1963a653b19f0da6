"""docs/asyncio.md and docs/fastapi.md: their code runs."""

import functools
import importlib
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
import redis.asyncio as redis_asyncio
from starlette.testclient import TestClient

from rq_scheduler import Scheduler
from support import ROOT

pytestmark = [pytest.mark.once, pytest.mark.newest_only]

TASKS = "def report(kind='daily', to=None): ...\ndef remind(user): ...\ndef clean_up(): ...\n"


def blocks(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis: redis_py.Redis) -> Iterator[Path]:
    """A folder with the module of the pages' snippets, from which a Redis without an address is that of the tests."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "tasks.py").write_text(TASKS)
    monkeypatch.syspath_prepend(tmp_path)
    options = redis.connection_pool.connection_kwargs
    place = {"host": options["host"], "port": options["port"]}
    monkeypatch.setattr(redis_asyncio, "Redis", functools.partial(redis_asyncio.Redis, **place))
    monkeypatch.setattr(redis_py, "Redis", functools.partial(redis_py.Redis, **place))
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def run(shop: Path, text: str) -> dict[str, Any]:
    path = shop / "snippet.py"
    path.write_text(text)
    return runpy.run_path(str(path))


def test_the_page_of_the_event_loop(shop: Path, redis: redis_py.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    first, status, hooks = blocks("asyncio.md")
    run(shop, first)
    said = capsys.readouterr().out
    assert re.search(r"^\S+ 1 True\nshop\.tasks\.remind\(user=42\)\nnightly-report ", said, re.MULTILINE), said
    assert run(shop, status)["scheduler"].queue_name == "default"
    assert run(shop, hooks)["scheduler"].scheduler_class.__name__ == "ShopScheduler"


def test_the_page_of_fastapi(shop: Path, redis: redis_py.Redis) -> None:
    """As its reader does: a release, a few requests, a look at the dashboard, and the job is there."""
    schedules, main = blocks("fastapi.md")
    for name, text in (("schedules", schedules), ("main", main)):
        (shop / "shop" / f"{name}.py").write_text(text)
    runpy.run_module("shop.schedules", run_name="__main__")
    app = importlib.import_module("shop.main").app
    with TestClient(app, "http://localhost") as client:
        assert client.post("/reminders?minutes=5&user=42").status_code == 401
        assert client.get("/schedules/").status_code in (401, 403)
        client.cookies.set("user", "ann")
        id = client.post("/reminders?minutes=0&user=42").json()
        later = client.post("/reminders?minutes=5&user=43").json()
        assert client.delete(f"/reminders/{later}").status_code == 200
        assert client.delete(f"/reminders/{later}").status_code == 404
        put = client.put("/tenants/7/report?cron=0 9 * * mon&timezone=Europe/Paris")
        assert re.match(r'"\d{4}-\d\d-\d\d 0[78]:00:00\+00:00"', put.text), put.text
        wrong = client.put("/tenants/7/report?cron=0 9 * * mon&timezone=Europe/Pariss")
        assert (wrong.status_code, "Europe/Paris" in wrong.text) == (422, True)
        page = client.get("/schedules/schedules")
        assert page.status_code == 200, page.text
        assert all(name in page.text for name in ("nightly-report", "clean-up", "report-7", "ann"))
        client.cookies.set("user", "bob")
        assert client.get("/schedules/schedules").status_code == 200
        client.cookies.set("user", "eve")
        assert client.get("/schedules/schedules").status_code in (401, 403)
    scheduler = Scheduler(connection=redis)
    assert [entry.actor for entry in scheduler.audit.read(schedule="report-7")] == ["ann"]
    scheduler.run(burst=True)
    assert redis.lrange("rq:queue:default", 0, -1) == [id.encode()]
