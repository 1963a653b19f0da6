"""The Django site of these tests, in this process, and in others."""

import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import redis as redis_py

from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.guarded_process import GuardedProcess
from support import Processes, wait_until

SETTINGS = "django_shop.settings"


@pytest.fixture(scope="session")
def tables(django_site: None) -> None:
    """Of users and sessions, once in a process: it takes seconds."""
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", run_syncdb=True, verbosity=0)
    connections.close_all()


@pytest.fixture
def site(
    django_site: None, server: EmbeddedRedis, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """Its settings, to be changed at will: `site.TIME_ZONE = "Asia/Kolkata"`. Nothing is registered yet."""
    from django.db import connections
    from django.test import override_settings

    from rq_scheduler.contrib.django import bridge, registry

    monkeypatch.setattr(registry, "_registered", {})
    monkeypatch.delitem(sys.modules, "django_shop.orders.rq_schedules", raising=False)
    queue = {"URL": server.url, "DEFAULT_TIMEOUT": 77}
    with override_settings(RQ_QUEUES={"default": queue, "low": {**queue, "DEFAULT_TIMEOUT": 99}}):
        from django.conf import settings

        yield settings
        bridge.application.cache_clear()
    connections.close_all()


@pytest.fixture
def application(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Adds an application with that `rq_schedules.py` to the site: `application("...")`. Returns its name."""
    from django.test import override_settings

    added: list[Any] = []

    def add(source: str, module: str = "rq_schedules") -> str:
        name = f"application{len(added)}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        (folder / f"{module}.py").write_text(dedent(source))
        override = override_settings(INSTALLED_APPS=[*site.INSTALLED_APPS, name])
        override.enable()
        added.append(override)
        return name

    monkeypatch.syspath_prepend(tmp_path)
    yield add
    for override in reversed(added):
        override.disable()
    for name in [name for name in sys.modules if name.partition(".")[0].startswith("application")]:
        del sys.modules[name]


@pytest.fixture
def manage(site: Any) -> Callable[..., str]:
    """`manage("rqschedules", "sync")` in this process; what it printed."""
    from django.core.management import call_command

    def run(*words: str) -> str:
        out = StringIO()
        call_command(*words, stdout=out, stderr=out)
        return out.getvalue()

    return run


@pytest.fixture
def env(redis_url: str, tmp_path: Path) -> dict[str, str]:
    """Of the site's processes, whose host is in UTC and who are in Berlin."""
    return {
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "RQS_TEST_REDIS_URL": redis_url,
        "RQS_TEST_FOLDER": str(tmp_path),
        "RQS_TEST_TIME_ZONE": "Europe/Berlin",
        "TZ": "UTC",
    }


@pytest.fixture
def manage_py(processes: Processes, env: dict[str, str]) -> Callable[..., str]:
    """The same in a process of its own."""
    return lambda *words: processes.run(sys.executable, "-m", "django", *words, env=env)


@pytest.fixture
def dispatcher(processes: Processes, env: dict[str, str]) -> GuardedProcess:
    """`manage.py rqdispatcher`."""
    started = processes.start(sys.executable, "-m", "django", "rqdispatcher", env=env, log="rqdispatcher.log")
    wait_until(lambda: "serves" in started.output() or not started.running, message=started.output)
    assert started.running, started.output()
    return started
