"""docs/django.md, done as it says, in a folder of its own: a schedule runs, and every command and file on it works."""

import re
import sys
from pathlib import Path

import pytest
import redis as redis_py

from rq_scheduler import Scheduler
from rq_scheduler.contrib.django import checks, declared
from support import ROOT, Processes, wait_until

pytestmark = pytest.mark.once

PAGE = (ROOT / "docs/django.md").read_text()
FILES = re.findall(r"^```py\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^    (.+)$", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL), re.MULTILINE)
SET_UP = ("python3 -m venv", ". .venv", "pip install")
SERVICES = ("rqdispatcher", "rqworker default")


def test_as_it_says(tmp_path: Path, processes: Processes, redis: redis_py.Redis, redis_url: str) -> None:
    env = {"PYTHONPATH": str(tmp_path), "TZ": "UTC"}
    services = []
    written = iter(FILES)
    for line in COMMANDS:
        if line.startswith(SET_UP):
            continue
        program, *words = line.replace('"', "").split()
        words = line.partition("python manage.py ")[2].split() if program == "python" else words
        if "--note" in line:
            words = ["rqschedules", "pause", "ship", "--note", "stock taking"]
        argv = [sys.executable, "-m", "django", *words]
        if program == "python" and words[0] != "startapp":
            argv[1:3] = [str(tmp_path / "manage.py")]
        if words[0] == "migrate":  # by now the files of the first part stand there
            for _ in range(3):
                write(tmp_path, *next(written), url=redis_url)
        if " ".join(words) in SERVICES:
            services.append(processes.start(*argv, env=env))
        else:
            processes.run(*argv, env=env)
        if words[0] == "rqworker":
            wait_until(lambda: "shipping" in services[-1].output(), message=lambda: services[-1].output())
            for path, source in written:
                write(tmp_path, path, source, url=redis_url)
            processes.run(sys.executable, str(tmp_path / "manage.py"), "rqschedules", "sync", env=env)
    ask = "from orders.views import order; print(order(None).content.decode())"
    id = processes.run(sys.executable, str(tmp_path / "manage.py"), "shell", "-c", ask, env=env).split()[-1]
    scheduler = Scheduler(connection=redis)
    assert id in scheduler
    assert {due.isoformat() for _, due in scheduler.get_jobs(with_times=True)} >= {"2040-12-24T17:00:00"}
    assert [each.id for each in scheduler.schedules] == ["close-books", "count-stock", "remind", "ship"]
    assert scheduler.schedules["close-books"].owner == "shop"


def write(folder: Path, path: str, source: str, url: str) -> None:
    """Settings are added to, as the page says."""
    file = folder / path
    before = file.read_text() if path == "shop/settings.py" else ""
    file.write_text(before + "\n" + source.replace("redis://localhost:6379/0", url))


def test_the_tables_of_checks_are_whole() -> None:
    sources = "".join(Path(module.__file__ or "").read_text() for module in (checks, declared))
    assert set(re.findall(r"`rq_scheduler\.(\w\d+)`", PAGE)) == set(re.findall(r'"([EW]\d{3})"', sources))
