"""The benchmark itself: every part of it works, it measures the same work, and its table can be read."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from bench.harness import Harness, Longest, whole_second
from bench.herds import Herd
from bench.measures import MEASURES
from bench.measures.blocks import blocks
from bench.results import PAGE, RESULTS, filled, found, shown
from bench.table import HEADER, Line, Wanted
from bench.targets import BEFORE, LIMIT, OURS

pytestmark = pytest.mark.newest_only  # it runs in the environments that `make bench` has: ours is the newest


class Tiny(Harness):
    """As large as a test can wait for."""

    warm_up = False
    rounds = 1

    def size(self, full: int, quick: int) -> int:
        return max(1, quick // 20)


@pytest.fixture(scope="module")
def longest() -> Longest:
    return {}


@pytest.fixture(scope="module")
def versions() -> dict[str, dict[str, str]]:
    return {}


@pytest.fixture(scope="module")
def harness(longest: Longest, versions: dict[str, dict[str, str]]) -> Iterator[Harness]:
    with Tiny(longest, versions) as harness:
        yield harness


# What a dispatcher leaves beside its work; a bare script makes no plans.
_ITS_OWN = re.compile(
    rb"rq:scheduler_(lock|instance:.+)|rq:scheduler:(dispatchers|rq_claims|rq_since|to_plan|unplanned)|"
    rb"rq:scheduler:(new_runs|open_runs|names|events|audit|versions:.+|lateness:.+|counters|outages|heartbeats|run_id)|"
    rb"rq:scheduler:(unserved|last_look|workers_seen|workers_left)|rq:scheduler-lock:.+"
)
_LATENESS = re.compile(rb"^(e \S+ 0) \d+ \S+$")  # and who handed it off
_OF_PLANS = (b"plan", b"plan_rev", b"made_with")
_NOW = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z|\b1[789]\d{14}\b")


def left_behind(harness: Harness) -> dict[bytes, Any]:
    """All of Redis but what only informs, with the moment of the hand-off blotted out."""
    redis = harness.server.connection
    reading = {
        b"hash": lambda key: sorted(each for each in redis.hgetall(key).items() if each[0] not in _OF_PLANS),
        b"list": lambda key: [_LATENESS.sub(rb"\1", line) for line in redis.lrange(key, 0, -1)],
        b"zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        b"set": lambda key: sorted(redis.smembers(key)),
        b"string": redis.get,
    }
    keys = [key for key in redis.scan_iter() if not _ITS_OWN.fullmatch(key)]
    return {key: eval(_NOW.sub(b"now", repr(reading[redis.type(key)](key)).encode()).decode()) for key in keys}  # noqa: S307


def test_the_bare_script_leaves_the_one_offs_that_we_leave(harness: Harness):
    left: list[dict[bytes, Any]] = []
    for who, what in ((OURS, "drain"), (LIMIT, "hand_off")):
        harness.server.empty()
        harness.server.give_jobs([time.time() - 10 + n for n in range(5)])
        before = left_behind(harness)
        harness[who].do(what)
        left.append(left_behind(harness))
        assert left[-1] != before
    assert left[0] == left[1]


def test_the_bare_script_leaves_the_fired_schedules_that_we_leave(harness: Harness):
    left: list[dict[bytes, Any]] = []
    nominal = whole_second()
    for who, what, options in ((OURS, "drain", {}), (LIMIT, "fire", {"nominal": nominal})):
        harness.server.empty()
        harness.server.give_schedules(harness[OURS], 5, nominal)
        before = left_behind(harness)
        harness[who].do(what, **options)
        left.append(left_behind(harness))
        assert left[-1] != before
    ours, limit = left
    assert set(ours) == set(limit)
    for key, value in ours.items():
        assert value == limit[key], key


# The herd is measured as the fires are; and rq-rediscron, whose environment the benchmark alone has, as its peers.
@pytest.mark.slow  # who measures with a part sees whether it works
@pytest.mark.parametrize("name", [name for name in MEASURES if name not in ("herd", "rediscron")])
def test_each_part(name: str, longest: Longest, versions: dict[str, dict[str, str]]):
    with Tiny(longest, versions) as harness:
        lines, version = MEASURES[name](harness), harness.server.version
    assert all(line.figure is not None and line.figure.median >= 0 for line in lines)
    if name not in (
        "asyncio",
        "peers",
        "many",
        "million",
        "reading",
        "following",
        "memory-of-runs",
        "web",
        "web-load",
        "web-pages",
    ):
        assert {line.who for line in lines} >= {OURS, BEFORE}, "beside the commit before plans were data"
    results = found([*lines, *blocks(longest)], versions, version)
    table = [line for line in shown(results).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {len(HEADER) + 1}
    assert all(told in results["machine"] for told in ("cores", "Redis 8", "commit"))
    assert "targets are met" in results["verdict"]


def test_a_herd_of_cron_schedules_with_a_definition_for_each(harness: Harness):
    server = Herd(harness, OURS, 25, cron=True, own=True).place.server
    specs = {server.connection.hget(f"rq:scheduler:schedule:report-{n}", "spec") for n in range(25)}
    assert len(specs) == 25


def test_the_page_shows_the_figures_that_are_kept():
    page, results = PAGE.read_text("utf-8"), json.loads(RESULTS.read_text("utf-8"))
    assert page == filled(page, results)
    assert shown(results) in page


def test_a_target_that_is_missed_says_so():
    fast = Line("speed", OURS, ratio=2.0, wanted=Wanted(1.5))
    slow = Line("speed", OURS, ratio=1.0, wanted=Wanted(1.5))
    late = Line("lateness", OURS, ratio=4.0, wanted=Wanted(3, at_most=True))
    assert [line.met for line in (fast, slow, late)] == [True, False, False]
    assert slow.cells()[-2:] == ["at least 1.50x", "**no**"]
    assert late.cells()[-2:] == ["at most 3.00x", "**no**"]


def test_work_that_is_not_all_done_is_void(harness: Harness):
    harness.server.empty()
    with pytest.raises(SystemExit, match="handed off 0 jobs, not 1"):
        harness.server.expect(1, OURS)
