"""How many runs are due in each minute, against each of them counted."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rq_scheduler.clock import US, to_us
from rq_scheduler.load import MINUTE, Grid, by_minute, runs_of, spread
from rq_scheduler.model import Spec
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.triggers import AnyTrigger, Cron, Dates, Every

pytestmark = pytest.mark.once

NOW = to_us(datetime(2026, 11, 29, 10, 0, 30, tzinfo=UTC))
HOUR = 60 * MINUTE
MIDNIGHT = datetime(2026, 11, 29, tzinfo=UTC)


def one_by_one(spec: Spec, armed: int, grid: Grid, left: int | None = None) -> dict[int, int]:
    occurrences = Occurrences("s", spec, armed)
    found = Counter[int]()
    pairs = [(armed, occurrences.due(armed))]
    while (left is None or len(pairs) < left) and (following := occurrences.after(pairs[-1][0])) is not None:
        if following >= grid.until:
            break
        pairs.append((following, occurrences.due(following)))
    for _, due in pairs:
        if due < grid.until:
            found[max(0, (due - grid.begin) // MINUTE)] += 1
    return dict(found)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([17_000, 100_000, US, 7 * US, 1_500_000, 59 * US, MINUTE, 61 * US, 90 * US, 5 * MINUTE, 7 * HOUR]),
    st.integers(0, 3 * HOUR),
    st.integers(1, 40),
)
def test_intervals_by_arithmetic(interval: int, first: int, minutes: int) -> None:
    grid = Grid(NOW, NOW + minutes * MINUTE // (20 if interval < US else 1))
    spec = Spec(
        trigger=Every(timedelta(microseconds=interval), anchor=datetime(2026, 1, 1, tzinfo=UTC)).with_anchor(
            NOW + first
        )
    )
    armed = NOW + first
    assert runs_of("s", spec, (armed, armed), None, grid) == (one_by_one(spec, armed, grid), True)


@pytest.mark.parametrize(
    ("trigger", "policies", "left"),
    [
        (Cron("*/5 * * * *"), {}, None),
        (Cron("*/5 * * * *"), {}, 7),
        (Cron("*/20 * * * *"), {"jitter": "15m"}, None),
        (Cron("*/20 * * * *"), {"exclude": (Dates("2026-11-30"),)}, None),
        (Cron("*/20 * * * *"), {"end": datetime(2026, 11, 29, 15, tzinfo=UTC)}, None),
        (Cron("*/20 * * * *"), {"start": datetime(2026, 11, 29, 15, tzinfo=UTC)}, None),
        (Every("1h", anchor=MIDNIGHT), {"jitter": "15m"}, None),
        (Every("10s", anchor=MIDNIGHT), {"end": datetime(2026, 11, 29, 15, tzinfo=UTC)}, None),
    ],
)  # fmt: skip
def test_others_by_their_instants(trigger: AnyTrigger, policies: dict[str, Any], left: int | None) -> None:
    spec, grid = Spec(trigger=trigger, **policies), Grid(NOW, NOW + 24 * HOUR)
    armed = Occurrences("s", spec).after(NOW)
    assert armed is not None
    due = Occurrences("s", spec).due(armed)
    assert runs_of("s", spec, (armed, due), left, grid) == (one_by_one(spec, armed, grid, left), True)


def test_what_is_overdue_is_due_at_once() -> None:
    spec, grid = Spec(trigger=Every("1h", anchor=MIDNIGHT)), Grid(NOW, NOW + HOUR)
    armed = to_us(datetime(2026, 11, 29, 10, tzinfo=UTC)) - 10 * MINUTE
    assert runs_of("s", spec, (armed, armed), 1, grid) == ({0: 1}, True)


def test_dense_ones_with_jitter_come_evenly() -> None:
    grid = Grid(NOW, NOW + 24 * HOUR)
    spec = Spec(trigger=Every("2m", anchor=MIDNIGHT), jitter="10m")
    armed = to_us(datetime(2026, 11, 29, 10, 2, tzinfo=UTC))
    runs, exact = runs_of("s", spec, (armed, armed), None, grid)
    assert not exact
    assert set(runs.values()) == {0.5}, "jitter is bounded by the pause between two"


def test_spread_loses_no_run() -> None:
    grid = Grid(NOW, NOW + HOUR)
    assert spread({5: 10}, 150 * US, grid) == pytest.approx({5: 4, 6: 4, 7: 2})
    assert spread({5: 10}, 30 * US, grid) == {5: 10}


def test_runs_of_all_together() -> None:
    grid = Grid(NOW, NOW + 9 * MINUTE)
    assert list(by_minute([({1: 2}, 3), ({1: 1, 4: 1}, 1)], grid)) == [0, 7, 0, 0, 1, 0, 0, 0, 0, 0]
