"""The account truly fails when it should: each way of losing or doubling, and each that is neither."""

import pytest

from rq_scheduler.cli.demo.account import Account, Lateness, Outage, Promise, Series, settle
from rq_scheduler.cli.demo.command import report, verdict
from rq_scheduler.cli.demo.jobs import Run
from rq_scheduler.cli.demo.show import Outcome

pytestmark = pytest.mark.once

S = 1_000_000


def ran(job_id: str, handed_off: int) -> Run:
    return Run(job_id, handed_off, handed_off + 5000, "worker-1", "began")


def account(**changes: object) -> Account:
    parts: dict[str, object] = {
        "promises": [Promise("a", 1 * S), Promise("b", 2 * S)],
        "series": [Series("beat", (1 * S, 2 * S, 3 * S))],
        "runs": [ran("a", 1 * S + 300), ran("b", 2 * S + 500), *(ran("beat", n * S + 100) for n in (1, 2, 3))],
        "handed_off": {"a": 1 * S + 300, "b": 2 * S + 500},
        "history": {("beat", n * S): "enqueued" for n in (1, 2, 3)},
        **changes,
    }
    promises, series, runs = parts.pop("promises"), parts.pop("series"), parts.pop("runs")
    return settle(promises, series, runs, **parts)  # type: ignore[arg-type]


def test_all_well() -> None:
    found = account()
    assert found.good
    assert (found.due, found.handed_off, found.run) == (5, 5, 5)
    assert (found.skipped, found.missed, found.lost, found.doubled) == (0, 0, [], [])
    assert found.lateness == Lateness(5, 100, 500, 500)


def test_a_one_off_that_never_ran_is_lost_whether_it_was_handed_off_or_not() -> None:
    found = account(runs=[ran("a", 1 * S), *(ran("beat", n * S) for n in (1, 2, 3))])
    assert found.lost == ["b (handed off, but no worker ran it)"]
    assert (found.handed_off, found.run) == (5, 4)
    found = account(runs=[ran("a", 1 * S), *(ran("beat", n * S) for n in (1, 2, 3))], handed_off={"a": 1 * S})
    assert found.lost == ["b (never handed off)"]
    assert (found.handed_off, found.run) == (4, 4)
    assert not found.good


def test_a_one_off_that_ran_twice_is_doubled() -> None:
    found = account(
        runs=[ran("a", 1 * S), ran("a", 1 * S + 9), ran("b", 2 * S), *(ran("beat", n * S) for n in (1, 2, 3))]
    )
    assert found.doubled == ["a (ran 2 times)"]
    assert not found.good


def test_an_instant_without_a_run_is_lost_unless_its_history_says_why() -> None:
    runs = [ran("a", 1 * S), ran("b", 2 * S), ran("beat", 1 * S), ran("beat", 3 * S)]
    history = {("beat", 1 * S): "enqueued", ("beat", 3 * S): "enqueued"}
    found = account(runs=runs, history=history)
    assert found.lost == [f"beat at {2 * S} (never handed off, and no reason given)"]
    assert account(runs=runs, history={**history, ("beat", 2 * S): "enqueued"}).lost == [
        f"beat at {2 * S} (handed off, but no worker ran it)"
    ]
    skipped = account(runs=runs, history={**history, ("beat", 2 * S): "skipped"})
    assert (skipped.good, skipped.skipped, skipped.run) == (True, 1, 4)
    missed = account(runs=runs, history={**history, ("beat", 2 * S): "missed"})
    assert (missed.good, missed.missed) == (True, 1)


def test_an_instant_that_ran_twice_is_doubled() -> None:
    runs = [ran("a", 1 * S), ran("b", 2 * S), *(ran("beat", n * S) for n in (1, 2, 3)), ran("beat", 2 * S + S // 2)]
    found = account(runs=runs)
    assert found.doubled == [f"beat at {2 * S} (ran 2 times)"]


def test_a_run_before_its_time_is_strange() -> None:
    found = account(
        runs=[ran("a", 1 * S), ran("b", 2 * S), ran("beat", 1 * S - 1), ran("beat", 2 * S), ran("beat", 3 * S)]
    )
    assert found.strange == ["beat (ran before its first instant)"]
    assert not found.good


def test_a_run_that_nobody_scheduled_is_strange() -> None:
    found = account(runs=[ran("zombie", 5 * S)], promises=[], series=[])
    assert found.strange == ["zombie (ran, and nobody scheduled it)"]
    assert not found.good


@pytest.mark.parametrize(("times", "good", "run"), [(0, True, 0), (1, True, 1), (2, False, 1)])
def test_a_call_that_failed_at_the_client_may_run_once_or_not_at_all(times: int, good: bool, run: int) -> None:
    found = account(promises=[], series=[], runs=[ran("u", S)] * times, unacknowledged=["u"])
    assert (found.good, found.unacknowledged_run) == (good, run)


def test_what_waited_for_redis_is_counted_apart() -> None:
    outage = Outage(2 * S, 3 * S)
    promises = [Promise("before", S), Promise("caught", 2 * S - 10), Promise("in", 2 * S + 5), Promise("after", 4 * S)]
    runs = [ran("before", S + 1), ran("caught", 3 * S), ran("in", 3 * S - 1), ran("after", 4 * S + 3)]
    found = account(promises=promises, series=[], runs=runs, outages=[outage])
    assert (found.lateness.count, found.lateness.worst) == (2, 3)
    assert (found.outage_lateness.count, found.outage_lateness.worst) == (2, S + 10)


def test_percentiles_by_nearest_rank() -> None:
    assert Lateness.of([]) == Lateness(0, 0, 0, 0)
    assert Lateness.of([7]) == Lateness(1, 7, 7, 7)
    assert Lateness.of(list(range(1, 101))) == Lateness(100, 50, 99, 100)
    assert Lateness.of(list(range(1, 201))) == Lateness(200, 100, 198, 200)


def test_the_last_line_names_the_ids() -> None:
    bad = account(runs=[ran("a", S), ran("a", S)])
    line = verdict(Outcome(bad))
    assert "lost: b (handed off, but no worker ran it)" in line
    assert "doubled: a (ran 2 times)" in line
    assert verdict(Outcome(account())) == ""
    assert "dispatchers B" in verdict(Outcome(account(), fallen=["B"]))


def test_the_report_shows_the_numbers() -> None:
    text = "\n".join(report(Outcome(account(), notes=["a note"])))
    assert "due              5   2 one-offs, 3 instants" in text
    assert "p50 0.1 ms, p99 0.5 ms, max 0.5 ms  (5 hand-offs)" in text
    assert "note: a note" in text
