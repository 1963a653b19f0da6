"""What lies ahead of many schedules together, as pages: changes of the clock, and the load of queues."""

import re
from html import unescape

import pytest
import redis as redis_py
from starlette.testclient import TestClient

import jobs_for_tests as jobs
from rq_scheduler import Cron, Every, Scheduler
from support import wait_until

pytestmark = pytest.mark.once


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html))).replace(" ,", ",")


def worked_out(pages: TestClient, path: str) -> str:
    """The page, as soon as what is worked out beside it is on it."""
    return wait_until(lambda: "looked through, which takes" not in (html := pages.get(path).text) and html)


def took(redis: redis_py.Redis, id: str, seconds: int) -> None:
    redis.hset(f"rq:scheduler:schedule:{id}", "ends", f"9 0 0 - - - {seconds * 1_000_000} .........")


def worker(redis: redis_py.Redis, name: str, queues: str) -> None:
    redis.sadd("rq:workers", f"rq:worker:{name}")
    redis.hset(f"rq:worker:{name}", mapping={"queues": queues, "birth": "x"})


class TestClockChanges:
    def test_what_each_change_does_and_to_whom(self, pages: TestClient, scheduler: Scheduler) -> None:
        for number in range(7):
            scheduler.schedules.put(f"paris-{number}", Cron("30 2 * * *", "Europe/Paris"), jobs.nothing)
        scheduler.schedules.put("noon", Cron("0 12 * * *", "America/New_York"), jobs.nothing)
        scheduler.schedules.pause("paris-0")
        html = worked_out(pages, "/clock-changes")
        text = text_of(html)
        assert re.search("Europe/Paris, Sun .*: the clock (jumps|is put back)", text)
        assert "paris-4 and 2 more (1 paused)" in text
        assert re.search("02:30 (does not exist that day|comes twice)", text)
        assert "1 schedule reads this clock and names no such time" in text
        assert 'href="/schedules/paris-0"' in html

    def test_fifty_groups_on_a_page(self, pages: TestClient, scheduler: Scheduler) -> None:
        for minute in range(55):
            scheduler.schedules.put(f"at-{minute:02}", Cron(f"{minute} 2 * * *", "Europe/Paris"), jobs.nothing)
        first, second = (worked_out(pages, f"/clock-changes?page={number}") for number in (1, 2))
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

    def test_each_by_id_of_some_at_a_time(
        self, pages: TestClient, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rq_scheduler.web.api.forecasts.LOOKED_AT", 3)
        for number in range(8):
            hour = 2 if number == 7 else 12
            scheduler.schedules.put(f"s{number}", Cron(f"30 {hour} * * *", "Europe/Paris"), jobs.nothing)
        seen, path = list[list[str]](), "/clock-changes/schedules"
        while path:
            html = pages.get(path).text
            seen.append(re.findall('/schedules/(s[0-9])"', html))
            following = re.search('rel="next" href="([^"]*)">Look at more', html)
            assert ("among those that were looked at" in text_of(html)) == (following is not None)
            path = unescape(following[1]) if following else ""
        assert seen == [[], [], ["s7"]]

    @pytest.mark.parametrize("query", ["timezone=Mars/Olympus", "timezone=%00", "timezone=../etc/passwd"])
    def test_no_such_zone(self, pages: TestClient, query: str) -> None:
        answer = wait_until(lambda: (answer := pages.get(f"/clock-changes?{query}")).status_code == 422 and answer)
        assert "No such clock" in answer.text
        assert pages.get(f"/clock-changes/schedules?{query}").status_code == 422


@pytest.mark.leaves("rq:worker*")
class TestLoad:
    def test_more_than_the_workers_take(self, pages: TestClient, scheduler: Scheduler, redis: redis_py.Redis) -> None:
        for number in range(20):
            scheduler.schedules.put(f"s{number:02}", Cron("30 12 * * *"), jobs.nothing, queue_name="q")
            took(redis, f"s{number:02}", 10)
        scheduler.schedules.put("quiet", Every("1h"), jobs.nothing, queue_name="other")
        worker(redis, "w", "q,other")
        html = worked_out(pages, "/load")
        text = text_of(html)
        assert "q gets more than its workers can take" in text
        assert "20 runs are due in 1 minute, more than 1 worker can take" in text
        assert "20 of 30 12 * * *: s00, s01, s02, s03, s04 and 15 more" in text
        assert "With a jitter of" in text
        assert 'aria-label="Runs due in q by hour, within 24 hours"' in html
        assert re.search("<title>[A-Z][a-z]{2} [0-9:]{5}: 20 runs", html)
        other = text_of(worked_out(pages, "/load?queue=other&within=3d"))
        assert "other, by hour" in other
        assert "With a jitter of" not in other

    def test_nothing_is_due(self, pages: TestClient) -> None:
        assert "No run of a schedule is due within 24 hours" in worked_out(pages, "/load")

    @pytest.mark.usefixtures("nightly")
    def test_a_queue_that_has_nothing(self, pages: TestClient) -> None:
        text = text_of(worked_out(pages, "/load?queue=<script>&within=1y"))
        assert "<script>, by hour Its schedules Nothing is due in it." in text
