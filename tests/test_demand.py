"""The work in each minute, and whether workers can take it: by hand; and were there more jitter, against runs spread
one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rq_scheduler.clock import US
from rq_scheduler.demand import Backlog, Demand, JitteredDemand, backlogs
from rq_scheduler.load import MINUTE, Grid, Runs, spread

pytestmark = pytest.mark.once

LONGEST = 7_200 * US


def demand(runs: list[tuple[Runs, int, float]], grid: Grid) -> list[float]:
    found = Demand(grid)
    for each, schedules, seconds in runs:
        found.add(each, schedules, seconds)
    return list(found.by_minute())


def test_work_lasts_as_long_as_runs_do() -> None:
    grid = Grid(0, 10 * MINUTE)
    assert demand([({1: 2}, 1, 150.0), ({3: 1}, 1, 5.0)], grid) == [0, 120, 120, 65, 0, 0, 0, 0, 0, 0]
    assert demand([({1: 1}, 2, 150.0)], grid) == [0, 120, 120, 60, 0, 0, 0, 0, 0, 0]
    assert demand([({8: 1}, 1, 3600.0)], grid) == [0] * 8 + [60, 60]


def test_demands_add_up() -> None:
    both, other = Demand(grid := Grid(0, 5 * MINUTE)), Demand(grid)
    both.add({1: 1}, 1, 90.0)
    other.add({2: 3}, 1, 10.0)
    both.add_all(other)
    assert list(both.by_minute()) == [0, 60, 60, 0, 0]


_Schedules = st.tuples(
    st.dictionaries(st.integers(0, 29), st.integers(1, 3), min_size=1, max_size=6),
    st.integers(1, 4),
    st.sampled_from([0.0, 0.4, 12.5, 60.0, 150.0, 4000.0]),
    st.sampled_from([None, 0, 90 * US, 600 * US]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_Schedules, max_size=8), st.sampled_from([30, 60, 90, 120, 300, 450, 7_200]))
def test_more_jitter_delays_each_run(schedules: list[tuple[Runs, int, float, int | None]], jitter: int) -> None:
    grid, jitter = Grid(0, 30 * MINUTE), jitter * US
    jittered = JitteredDemand(grid, LONGEST)
    for each in schedules:
        jittered.add(*each)
    one_by_one = [
        (runs if own is None or own >= jitter else spread(runs, jitter, grid), count, seconds)
        for runs, count, seconds, own in schedules
    ]
    assert list(jittered.by_minute(jitter)) == pytest.approx(demand(one_by_one, grid))


def test_what_workers_cannot_take_waits() -> None:
    wanted = [0.0, 300.0, 0.0, 0.0, 10.0, 0.0]
    assert backlogs(wanted, 5) == []
    assert backlogs(wanted, 2) == [Backlog(1, 3, (1,), 180.0)]
    assert backlogs(wanted, 1) == [Backlog(1, None, (1,), 240.0)]
    assert backlogs([*wanted, *[0.0] * 5], 1) == [Backlog(1, 6, (1,), 240.0)]
    assert backlogs([60.0] * 20, 1) == [], "one long run keeps one worker busy, and nothing waits"
