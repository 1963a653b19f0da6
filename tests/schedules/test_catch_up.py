"""Catch-up: fires missed while no dispatcher, or no Redis, was up."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

import jobs_for_tests as jobs
from making import waiting
from rq_scheduler import At, Cron, Every
from rq_scheduler.client.schedules import Run, Schedules
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import Worker, after, dues, offsets, outcomes

pytestmark = pytest.mark.once

MonthOfSeconds = Callable[..., tuple[int, float]]


def missed_line(schedules: Schedules, id: str) -> Run:
    """The one line of history about what was missed."""
    (line,) = [run for run in schedules.runs(id, 50) if run.outcome == "missed"]
    return line


# --- what is missed ---


@pytest.mark.parametrize("catchup", ["latest", "all", "none"])
def test_up_to_10_seconds_past_due_a_fire_is_at_most_late_and_runs(
    at: Callable[[datetime], Any], schedules: Schedules, catchup: str
) -> None:
    schedules.put("a", Every(60), jobs.nothing, catchup=catchup)
    assert dues(at(after(70))) == [60]
    assert schedules["a"].missed == 0


def test_more_than_10_seconds_past_due_it_is_missed(at: Callable[[datetime], Any], schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, catchup="none")
    assert at(after(70) + timedelta(microseconds=1)) == []
    assert schedules["a"].missed == 1


def test_when_a_later_fire_is_due_as_well_it_is_missed(at: Callable[[datetime], Any], schedules: Schedules) -> None:
    schedules.put("a", Every(3), jobs.nothing, catchup="none", overlap="allow")
    assert dues(at(after(7))) == [6]
    assert schedules["a"].missed == 1


def test_jitter_counts_from_the_due_time(at: Callable[[datetime], Any], schedules: Schedules) -> None:
    due = schedules.put("a", Every(600), jobs.nothing, catchup="none", jitter=300).next_run_at
    assert due is not None
    assert due > after(620)
    assert len(at(due + timedelta(seconds=10))) == 1


# --- the table ---


def test_latest_is_the_default_and_of_all_that_are_due_the_newest_runs(
    at: Callable[[datetime], Any], schedules: Schedules
) -> None:
    assert schedules.put("a", Every(60), jobs.nothing).definition.catchup == "latest"
    (run,) = at(after(330))
    assert (run.due, run.at) == (after(300), after(330))
    assert (schedules["a"].runs, schedules["a"].missed, schedules["a"].next_run_at) == (1, 4, after(360))


def test_all_runs_each_oldest_first(at: Callable[[datetime], Any], redis: redis_py.Redis, schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, catchup="all", overlap="allow")
    fired = at(after(330))
    assert dues(fired) == [60, 120, 180, 240, 300]
    assert waiting(redis) == [job.id for job in fired]
    assert schedules["a"].missed == 0


@pytest.mark.parametrize(
    ("overlap", "started", "skipped", "remembered"),
    [
        ("skip", [60], 4, 0),
        ("buffer_one", [60], 3, 1),
        ("buffer_all", [60], 0, 4),
        ("replace", [60, 120, 180, 240, 300], 0, 0),
    ],
)
def test_overlap_applies_to_all_as_to_any(
    at: Callable[[datetime], Any],
    redis: redis_py.Redis,
    schedules: Schedules,
    overlap: str,
    started: list[float],
    skipped: int,
    remembered: int,
) -> None:
    schedules.put("a", Every(60), jobs.nothing, catchup="all", overlap=overlap)
    assert dues(at(after(330))) == started
    assert schedules["a"].skipped == skipped
    assert redis.llen("rq:scheduler:buffer:a") == remembered
    assert len(waiting(redis)) == 1


def test_none_runs_no_missed_fire(at: Callable[[datetime], Any], schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, catchup="none")
    assert at(after(330)) == []
    assert (schedules["a"].runs, schedules["a"].missed, schedules["a"].next_run_at) == (0, 5, after(360))


def test_all_of_thousands_comes_in_several_commits_and_loses_none(
    at: Callable[[datetime], Any], schedules: Schedules
) -> None:
    schedules.put("a", Every(1), jobs.nothing, catchup="all", overlap="allow")
    assert dues(at(after(1500.5))) == list(range(1, 1501))


# --- the window ---


def test_only_instants_younger_than_the_window_count(at: Callable[[datetime], Any], schedules: Schedules) -> None:
    schedules.put("all", Every(60), jobs.nothing, catchup="all", catchup_window="2m", overlap="allow")
    schedules.put("latest", Every(60), jobs.nothing, catchup_window="29s")
    schedules.put("young", Every(60), jobs.nothing, catchup_window="31s")
    fired = at(after(330))
    assert sorted((job.id.partition("-")[0], *dues([job])) for job in fired) == [
        ("all", 240),
        ("all", 300),
        ("young", 300),
    ]
    assert [schedules[id].missed for id in ("all", "latest", "young")] == [3, 5, 4]


def test_a_window_below_10_seconds_makes_no_late_fire_missed(
    at: Callable[[datetime], Any], schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing, catchup_window="1s")
    assert dues(at(after(68))) == [60]


def test_without_a_window_there_is_no_limit(at: Callable[[datetime], Any], schedules: Schedules) -> None:
    schedules.put("a", Cron("0 0 1 1 *"), jobs.nothing)
    (run,) = at(after(days=365 + 300))
    assert run.due == datetime.fromisoformat("2027-01-01T00:00:00+00:00")


# --- the books ---


def test_every_missed_instant_is_counted_exactly_and_the_history_has_one_line_for_the_stretch(
    at: Callable[[datetime], Any], schedules: Schedules
) -> None:
    schedules.put("a", Every(1), jobs.nothing)
    at(after(5000.5))
    assert (schedules["a"].runs, schedules["a"].missed) == (1, 4999)
    assert outcomes(schedules.runs("a", 50)) == ["missed", "enqueued"]
    line = missed_line(schedules, "a")
    assert (line.nominal, line.until, line.count, line.at_least) == (after(1), after(4999), 4999, False)


@pytest.mark.parametrize(
    ("seconds", "count", "at_least"), [(10_001.5, 10_000, False), (10_002.5, 10_000, True)], ids=["10000", "10001"]
)
def test_it_is_counted_exactly_up_to_10000_and_as_at_least_beyond(
    at: Callable[[datetime], Any], schedules: Schedules, seconds: float, count: int, at_least: bool
) -> None:
    schedules.put("a", Every(1), jobs.nothing)
    assert len(at(after(seconds))) == 1
    line = missed_line(schedules, "a")
    assert (line.count, line.at_least) == (count, at_least)
    assert (line.nominal, line.until) == (after(1), after(int(seconds) - 1))
    assert schedules["a"].missed == count


def test_counts_of_several_stretches_add_up(at: Callable[[datetime], Any], schedules: Schedules) -> None:
    schedules.put("a", Every(60), jobs.nothing, catchup="none")
    at(after(330))
    at(after(690))
    assert schedules["a"].missed == 11
    assert [run.count for run in schedules.runs("a")] == [6, 5]


@pytest.fixture
def month_of_seconds(clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules) -> MonthOfSeconds:
    """Sleeps for 30 days with a schedule that fires every second; how many run then, and in what time."""

    def sleep(**options: Any) -> tuple[int, float]:
        schedules.put("a", Every(1), jobs.nothing, **options)
        clock.move(timedelta(days=30, seconds=0.5))
        began = time.process_time()
        runs = len(dispatcher.tick())
        seconds = time.process_time() - began
        print(f"30 days of seconds, {options}: {runs} runs in {seconds:.3f} s")  # for those who ask (pytest -s)
        return runs, seconds

    return sleep


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ({"catchup": "latest"}, 1),
        ({"catchup": "none"}, 1),
        ({"catchup": "all", "catchup_window": "10m", "overlap": "allow"}, 600),
    ],
    ids=["latest-one", "none-at-most-that-of-the-second", "all-in-the-window"],
)
def test_a_month_of_missed_seconds_costs_a_moment(
    month_of_seconds: MonthOfSeconds, schedules: Schedules, options: dict[str, Any], runs: int
) -> None:
    made, seconds = month_of_seconds(**options)
    assert made == runs
    assert seconds < 5
    assert schedules["a"].runs == runs
    assert schedules["a"].missed >= 10_000
    line = missed_line(schedules, "a") if runs < 50 else None
    if line is not None:
        assert (line.nominal, line.until, line.at_least) == (after(1), after(30 * 86_400 - runs), True)
    assert schedules["a"].next_run_at == after(30 * 86_400 + 1)


# --- the definition's age ---


@pytest.mark.parametrize("catchup", ["latest", "all"])
def test_an_instant_before_updated_at_never_fires_late(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules, catchup: str
) -> None:
    # Redefined while no dispatcher was up, in a way that leaves the phase: the old instants are of the old function.
    schedules.put("a", Every(60), jobs.nothing, catchup=catchup, overlap="allow")
    clock.move(200)
    updated = schedules.put("a", Every(60), jobs.echo, catchup=catchup, overlap="allow")
    assert updated.updated_at == after(200)
    assert dispatcher.tick() == []
    assert schedules["a"].missed == 3
    clock.move(130)
    assert dues(dispatcher.tick()) == ([300] if catchup == "latest" else [240, 300])


def test_an_instant_just_before_updated_at_is_not_late_yet(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    clock.move(65)
    schedules.put("a", Every(60), jobs.echo)
    assert dues(dispatcher.tick()) == [60]


def test_a_new_schedule_catches_up_with_nothing(dispatcher: ManualDispatcher, schedules: Schedules) -> None:
    schedules.put("a", Every(60, anchor=after(days=-30)), jobs.nothing, catchup="all", overlap="allow")
    assert dispatcher.tick() == []
    assert schedules["a"].missed == 0


def test_a_single_time_that_was_missed_runs_when_a_dispatcher_is_up_again(
    at: Callable[[datetime], Any], schedules: Schedules
) -> None:
    schedules.put("latest", At(after(60)), jobs.nothing)
    schedules.put("none", At(after(60)), jobs.nothing, catchup="none")
    assert [job.id.partition("-")[0] for job in at(after(days=3))] == ["latest"]
    assert (schedules["none"].finished, schedules["none"].missed) == (True, 1)


def test_after_catching_up_the_cadence_is_the_old_one(
    clock: ManualClock, dispatcher: ManualDispatcher, schedules: Schedules, worker: Worker
) -> None:
    schedules.put("a", Every(60), jobs.nothing)
    clock.move(1234.5)
    dispatcher.tick()
    worker.end_all()
    assert offsets(schedules["a"].upcoming(3)) == [1260, 1320, 1380]
    assert dues(dispatcher.tick(60)) == [1260], "no drift"
