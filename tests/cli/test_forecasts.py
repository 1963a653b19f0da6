"""`rqscheduler dst`: what is typed, and what is shown."""

from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from cli.conftest import Said, typed
from rq_scheduler import Cron, Every, Scheduler

pytestmark = pytest.mark.once

WINTER = ("--after", "2027-01-01")


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    made = Scheduler(connection=redis)
    made.schedules.put("nightly", Cron("30 2 * * *", "Europe/Paris"), "jobs_for_tests.nothing")
    made.schedules.put("hourly", Cron("30 * * * *", "Europe/Paris"), "jobs_for_tests.nothing", paused=True)
    made.schedules.put("morning", Cron("0 9 * * *", "Europe/Paris"), "jobs_for_tests.nothing", tags=("early",))
    made.schedules.put("tokyo", Cron("0 9 * * *", "Asia/Tokyo"), "jobs_for_tests.nothing")
    made.schedules.put("tick", Every("10m"), "jobs_for_tests.nothing")
    return made


@pytest.mark.usefixtures("scheduler")
class TestDst:
    def test_says_what_happens(self, text: Callable[..., str]) -> None:
        unchanged = "no run is added or left out, and clocks show another time for it afterwards."
        assert text("dst", *WINTER).splitlines() == [
            "Europe/Paris, Sun 28 Mar 2027: the clock jumps from 02:00 to 03:00.",
            "At 2027-03-28 01:00:00Z (in 86d 1h): +01:00 becomes +02:00.",
            "  30 * * * *: 02:30 does not exist that day: no run; the next is at 03:30.",
            "    hourly (1 paused)",
            "  30 2 * * *: 02:30 does not exist that day: one run, at 03:00, right after the jump.",
            "    nightly",
            "1 more schedule reads this clock and names no such time: its local times stay, 1h earlier in UTC.",
            "",
            "No change until 2028-01-02, and how many schedules read that clock: Asia/Tokyo (1).",
            f"1 schedule reads no clock (intervals, single moments) and runs on in UTC: {unchanged}",
        ]

    def test_of_some_of_them(self, text: Callable[..., str]) -> None:
        assert "0" not in text("dst", *WINTER, "--tag", "none")
        assert text("dst", *WINTER, "--tag", "none") == "There are no such schedules.\n"
        early = text("dst", *WINTER, "--tag", "early")
        assert "1 schedule reads this clock and names no such time" in early
        assert "nightly" not in early
        assert text("dst", *WINTER, "--zone", "Asia/Tokyo").startswith("No change until 2028-01-02")
        assert "No schedule reads this clock." in text("dst", *WINTER, "--zone", "Europe/Berlin")
        assert "No change until 2027-01-31" in text("dst", *WINTER, "--within", "30d")

    def test_in_json(self, document: Callable[..., Any]) -> None:
        found = document("dst", *WINTER, "--within", "1y")
        (change,) = found["changes"]
        assert (change["timezone"], change["at"]) == ("Europe/Paris", "2027-03-28T01:00:00.000000Z")
        assert (change["offset_before_seconds"], change["offset_after_seconds"]) == (3600, 7200)
        assert (change["local_before"], change["local_after"]) == ("2027-03-28T02:00:00", "2027-03-28T03:00:00")
        assert (change["touched"], change["counts"]["moved"], change["counts"]["shifted"]) == (2, 1, 1)
        nightly = change["groups"][1]
        assert (nightly["effect"], nightly["ids"], nightly["times"]) == ("moved", ["nightly"], ["2027-03-28T02:30:00"])
        assert nightly["instants"] == ["2027-03-28T01:00:00.000000Z"]
        assert (found["steady"], found["elapsed"]) == ([{"timezone": "Asia/Tokyo", "schedules": 1}], 1)

    def test_each(self, text: Callable[..., str], document: Callable[..., Any]) -> None:
        first, *rows = text("dst", *WINTER, "--each").splitlines()
        assert first.split() == ["ID", "TRIGGER", "CHANGE", "WHAT", "HAPPENS"]
        assert [row.split()[0] for row in rows] == ["hourly", "nightly"]
        assert text("dst", *WINTER, "--each", "--limit", "1").splitlines()[-1].startswith("There are more")
        page = document("dst", *WINTER, "--each", "--behind", "hourly")
        assert ([one["schedule_id"] for one in page["schedules"]], page["more"]) == (["nightly"], False)

    def test_more_than_are_shown(self, scheduler: Scheduler, redis_url: str, text: Callable[..., str]) -> None:
        for minute in range(9):
            scheduler.schedules.put(f"m{minute}", Cron(f"{minute} 2 * * *", "Europe/Paris"), "jobs_for_tests.nothing")
        shown = text("dst", *WINTER)
        assert "  and 3 schedules more\n" in shown
        assert shown.endswith(f"Each of them, by id:\n    {typed(redis_url, 'dst', '--each')}\n")

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (("--zone", "Europe/Pariss"), "did you mean 'Europe/Paris'"),
            (("--within", "soon"), "is not a duration"),
            (("--within", "0y"), "leaves no time"),
            (("--after", "sometime"), "no date and time"),
            (("--behind", "a"), "goes with --each"),
        ],
    )
    def test_what_makes_no_sense(self, cli: Callable[..., Said], words: tuple[str, ...], says: str) -> None:
        said = cli("dst", *words)
        assert said.exit_code != 0
        assert says in said.output


@pytest.mark.leaves("rq:worker*")
def test_load(redis: redis_py.Redis, text: Callable[..., str], document: Callable[..., Any]) -> None:
    assert text("load") == "No run of a schedule is due in that time.\n"
    schedules = Scheduler(connection=redis).schedules
    for id in ("a", "b", "c"):
        schedules.put(id, Cron("30 2 * * *"), "jobs_for_tests.nothing")
        redis.hset(f"rq:scheduler:schedule:{id}", "ends", f"9 0 0 - - - {25_000_000} .........")
    redis.sadd("rq:workers", "rq:worker:w")
    redis.hset("rq:worker:w", mapping={"queues": "default", "birth": "x"})
    shown = text("load")
    assert shown.splitlines()[0].split() == ["QUEUE", "SCHEDULES", "RUNS", "WORK", "WORKERS", "BUSIEST", "HOUR"]
    assert shown.splitlines()[1].split()[:5] == ["default", "3", "3", "1m", "15s"]
    assert "3 runs are due in 1 minute, more than 1 worker can take. One waits for 15s at most" in shown
    assert "3 of 30 2 * * *: a, b, c" in shown
    assert "schedules.update(one.id, jitter='60s')" in shown
    (queue,) = document("load", "--queue", "default")["queues"]
    assert (queue["runs"], queue["work_seconds"], queue["jitter_seconds"]) == (3, 75, 60)
    assert queue["peaks"][0]["crowd"][0]["ids"] == ["a", "b", "c"]
