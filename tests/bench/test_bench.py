"""The benchmark itself: it measures the same work, and its table can be read."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from bench.measures import hand_off
from bench.measures.blocks import blocks
from bench.page import page
from bench.stage import Longest, Stage, whole_second
from bench.subjects import LIMIT, OURS, PEER, RQ_OWN
from bench.table import HEADER, Line, Wanted, markdown

pytestmark = pytest.mark.newest_only  # it runs in the environments that `make bench` has: ours is the newest


class Tiny(Stage):
    """As large as a test can wait for."""

    def size(self, full: int, quick: int) -> int:
        return max(2, quick // 100)


@pytest.fixture(scope="module")
def longest() -> Longest:
    return {}


@pytest.fixture(scope="module")
def versions() -> dict[str, dict[str, str]]:
    return {}


@pytest.fixture(scope="module")
def stage(longest: Longest, versions: dict[str, dict[str, str]]) -> Iterator[Stage]:
    with Tiny(longest, versions, quick=True) as stage:
        yield stage


# What a dispatcher leaves beside its work; a bare script makes no plans.
_ITS_OWN = re.compile(
    rb"rq:scheduler_(lock|instance:.+)|rq:scheduler:(dispatchers|rq_claims|rq_since|to_plan|unplanned)|"
    rb"rq:scheduler-lock:.+"
)
_OF_PLANS = (b"plan", b"plan_rev", b"made_with")
_NOW = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z|\b1[789]\d{14}\b")


def left_behind(stage: Stage) -> dict[bytes, Any]:
    """All of Redis, with the moment of the hand-off blotted out."""
    redis = stage.server.connection
    reading = {
        b"hash": lambda key: sorted(each for each in redis.hgetall(key).items() if each[0] not in _OF_PLANS),
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        b"set": lambda key: sorted(redis.smembers(key)),
        b"string": redis.get,
    }
    keys = [key for key in redis.scan_iter() if not _ITS_OWN.fullmatch(key)]
    return {key: eval(_NOW.sub(b"now", repr(reading[redis.type(key)](key)).encode()).decode()) for key in keys}  # noqa: S307


def test_the_bare_script_leaves_the_one_offs_that_we_leave(stage: Stage):
    left: list[dict[bytes, Any]] = []
    for who, what in ((OURS, "drain"), (LIMIT, "hand_off")):
        stage.server.empty()
        stage.server.give_jobs([time.time() - 10 + n for n in range(5)])
        before = left_behind(stage)
        stage[who].do(what)
        left.append(left_behind(stage))
        assert left[-1] != before
    assert left[0] == left[1]


def test_the_bare_script_leaves_the_fired_schedules_that_we_leave(stage: Stage):
    left: list[dict[bytes, Any]] = []
    nominal = whole_second()
    for who, what, options in ((OURS, "drain", {}), (LIMIT, "fire", {"nominal": nominal})):
        stage.server.empty()
        stage.server.give_schedules(5, nominal)
        before = left_behind(stage)
        stage[who].do(what, **options)
        left.append(left_behind(stage))
        assert left[-1] != before
    ours, limit = left
    assert set(ours) == set(limit)
    for key, value in ours.items():
        assert value == limit[key], key


def test_the_page(stage: Stage, longest: Longest, versions: dict[str, dict[str, str]]):
    lines = [*hand_off.measure(stage), *blocks(longest)]
    assert {line.who for line in lines} >= {OURS, LIMIT, PEER, RQ_OWN}
    assert all(line.figure is not None and line.figure.median > 0 for line in lines)
    text = page(lines, versions, stage.server.version)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == len(lines) + 2
    assert {line.count("|") for line in table} == {len(HEADER) + 1}
    for told in ("rq-scheduler 0.14.0", "cores", "Redis 8", "commit", "targets are met"):
        assert told in text, told


def test_a_target_that_is_missed_says_so():
    fast = Line("speed", OURS, ratio=2.0, wanted=Wanted(1.5))
    slow = Line("speed", OURS, ratio=1.0, wanted=Wanted(1.5))
    late = Line("lateness", OURS, ratio=4.0, wanted=Wanted(3, at_most=True))
    assert [line.met for line in (fast, slow, late)] == [True, False, False]
    assert "| **no** |" in markdown([slow])
    assert "at least 1.50x" in markdown([slow])
    assert "at most 3.00x" in markdown([late])


def test_work_that_is_not_all_done_is_void(stage: Stage):
    stage.server.empty()
    with pytest.raises(SystemExit, match="handed off 0 jobs, not 1"):
        stage.server.expect(1, OURS)
