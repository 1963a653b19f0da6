"""The walk of docs/how-to.md: each page says what the person who walks it needs."""

from pathlib import Path
from typing import Any

import pytest

from rq_scheduler import Every
from support import ROOT
from web.browser.conftest import visiting
from web.browser.how_to import CAUSES, site_of_reports, walk

pytestmark = [pytest.mark.once, pytest.mark.newest_only]


def test_the_walk(browser: Any, tmp_path: Path) -> None:
    seen: dict[str, str] = {}
    with site_of_reports(tmp_path) as reports, visiting(browser, reports) as visit:
        for id, cause in CAUSES.items():
            assert cause in visit.go(f"/schedules/{id}/why").inner_text("main")
        walk(visit.page, reports, lambda name: seen.update({name: visit.page.inner_text("main")}))
        schedules = reports.scheduler.schedules
        undone, paused = schedules["mail-report"].spec, schedules["sales-report"]
        moved = {job.id: due for job, due in reports.scheduler.get_jobs(with_times=True)}["invoice-3"]
    assert undone is not None
    assert isinstance(undone.trigger, Every), "as it was before ben"
    assert "2 things need you: vat-report failed and nobody listens on queue 'reports'" in seen["how-to-now"]
    assert "no such column: vat" in seen["how-to-why"]
    assert "was changed by ben" in seen["how-to-changed"]
    assert (paused.paused, paused.note) == (True, "no worker until Monday, INC-2291")
    assert paused.paused_until is not None
    assert (f"{paused.paused_until:%A}", f"{moved:%A}") == ("Monday", "Monday")
    assert "nightly-report" in seen["how-to-clocks"]
    for done in ("mail-report", "sales-report", "invoice-3"):
        assert done in seen["how-to-audit"]
    page = (ROOT / "docs" / "how-to.md").read_text("utf-8")
    assert [name for name in seen if f"pictures/{name}-light-1440.png" not in page] == []
