"""What lies ahead of many schedules together, as pages: changes of the clock, and the load of queues."""

import re
from html import unescape

import pytest
from starlette.testclient import TestClient

import jobs_for_tests as jobs
from rq_scheduler import Cron, Scheduler


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html)))


class TestClockChanges:
    def test_what_each_change_does_and_to_whom(self, pages: TestClient, scheduler: Scheduler) -> None:
        for number in range(7):
            scheduler.schedules.put(f"paris-{number}", Cron("30 2 * * *", "Europe/Paris"), jobs.nothing)
        scheduler.schedules.put("noon", Cron("0 12 * * *", "America/New_York"), jobs.nothing)
        scheduler.schedules.pause("paris-0")
        html = pages.get("/clock-changes").text
        text = text_of(html)
        assert re.search("Europe/Paris, Sun .*: the clock (jumps|is put back)", text)
        assert "paris-4 and 2 more (1 paused)" in text
        assert re.search("02:30 (does not exist that day|comes twice)", text)
        assert "1 schedule reads this clock and names no such time" in text
        assert 'href="/schedules/paris-0"' in html

    def test_fifty_groups_on_a_page(self, pages: TestClient, scheduler: Scheduler) -> None:
        for minute in range(55):
            scheduler.schedules.put(f"at-{minute:02}", Cron(f"{minute} 2 * * *", "Europe/Paris"), jobs.nothing)
        first, second = (pages.get(f"/clock-changes?page={number}").text for number in (1, 2))
        seen = [re.findall('/schedules/(at-[0-9]+)"', html) for html in (first, second)]
        assert [len(each) for each in seen] == [50, 5]
        assert len({*seen[0], *seen[1]}) == 55
        assert "page=2" in first
        assert "page=3" not in second

    def test_each_by_id(self, pages: TestClient, scheduler: Scheduler) -> None:
        for number in range(53):
            scheduler.schedules.put(f"s{number:02}", Cron("30 2 * * *", "Europe/Paris"), jobs.nothing)
        first = pages.get("/clock-changes/schedules").text
        (later,) = re.findall('rel="next" href="([^"]*)"', first)
        second = pages.get(unescape(later)).text
        seen = [re.findall('/schedules/(s[0-9]+)"', html) for html in (first, second)]
        assert seen == [[f"s{number:02}" for number in range(50)], ["s50", "s51", "s52"]]

    @pytest.mark.parametrize("query", ["timezone=Mars/Olympus", "timezone=%00", "timezone=../etc/passwd"])
    def test_no_such_zone(self, pages: TestClient, query: str) -> None:
        answer = pages.get(f"/clock-changes?{query}")
        assert answer.status_code == 422
        assert "No such clock" in answer.text
        assert pages.get(f"/clock-changes/schedules?{query}").status_code == 422
