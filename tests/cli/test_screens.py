"""docs/screens.md: `make screens` makes it, and it has every screen."""

import re

import pytest
import redis as redis_py

import screens
from rq_scheduler import Every, Scheduler

pytestmark = pytest.mark.once


def test_the_page_has_every_screen_at_each_width() -> None:
    shown = re.findall(r"^(?:## (\d+) columns|\$ rqscheduler (.+))$", screens.PAGE.read_text(), re.MULTILINE)
    wanted: list[tuple[str, str]] = []
    for columns in screens.WIDTHS:
        wanted += [(str(columns), ""), *(("", " ".join(arguments)) for arguments in screens.SCREENS)]
    assert shown == wanted, "make screens"


def test_a_screen_is_as_wide_as_the_terminal(redis: redis_py.Redis, redis_url: str) -> None:
    Scheduler(connection=redis).schedules.put("a" * 30, Every("1h"), "jobs_for_tests.nothing", tags=("t" * 30,))
    narrow, wide = (screens.on_screen(columns, redis_url, ["list"]) for columns in screens.WIDTHS)
    assert max(map(len, narrow.splitlines())) <= 80 < max(map(len, wide.splitlines())) <= 120
    assert "\x1b" not in narrow
    assert narrow.startswith("ID")
