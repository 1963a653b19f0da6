"""What a first request need not wait for: pages are made of what was read when the application was built."""

import pytest
from jinja2 import BaseLoader

from rq_scheduler.store import scripts
from rq_scheduler.web.pages import look
from web.pages.conftest import MakePages


@pytest.mark.once
def test_pages_are_made_of_what_was_read_before(
    pages_of: MakePages, nightly: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_no_more(*_: object) -> None:
        raise AssertionError("read while somebody waits")

    for read_before in (look.prepare, look._environment, look.static, look.version, scripts._load):
        read_before.cache_clear()
    pages = pages_of()
    monkeypatch.setattr(BaseLoader, "load", read_no_more)
    monkeypatch.setattr(look, "files", read_no_more)
    monkeypatch.setattr(scripts, "_read", read_no_more)
    for path in ("/", "/schedules", f"/schedules/{nightly}", f"/schedules/{nightly}/why", "/why", "/load", "/no-page"):
        assert "read while somebody waits" not in pages.get(path).text, path
        assert pages.get(path).status_code == (404 if path == "/no-page" else 200), path
    assert pages.get(f"/static/dashboard.css?v={look.version('dashboard.css')}").status_code == 200
