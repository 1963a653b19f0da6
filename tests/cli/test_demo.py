"""The demo without its processes: the account fails when it should, the times leave a quiet moment, the screen fits."""

import io
from collections.abc import Sequence

import pytest
import redis as redis_py
from rich.console import Console

from rq_scheduler import Every, Schedule, Scheduler
from rq_scheduler.cli.demo.account import Counted, Run, settle
from rq_scheduler.cli.demo.display import Display
from rq_scheduler.cli.demo.scenario import QUIET, SLOW_SECONDS, Scenario, Times
from rq_scheduler.store.keys import Keys

pytestmark = pytest.mark.once

S = 1_000_000
BEAT = {n: Run(f"beat-{n}", "beat", n * S, n * S + 100 * n) for n in (1, 2, 3)}
A, B = Run("a", None, S, S + 200), Run("b", None, 2 * S, 2 * S + 400)


def account(runs: Sequence[Run], skipped: int = 0, missed: int = 0, outage: int = 0) -> tuple[str, list[str]]:
    beat = Counted(instants=3, handed_off=3 - skipped - missed, skipped=skipped, missed=missed)
    lines, wrong = settle(["a", "b"], {"beat": beat}, runs, ["a", "b"], (outage, outage))
    return "\n".join(lines), wrong


def test_an_account_without_fault() -> None:
    text, wrong = account([A, B, *BEAT.values()])
    assert wrong == []
    assert "due              5   2 one-offs, 3 instants of schedules" in text
    assert "p50 0.2 ms, p99 0.4 ms, max 0.4 ms  (5 hand-offs)" in text
    assert account([A, B, BEAT[3]], skipped=1, missed=1)[1] == []


@pytest.mark.parametrize(
    ("runs", "wrong"),
    [
        ([A, *BEAT.values()], "lost: b (handed off)"),
        ([A, B, BEAT[1], BEAT[3]], "lost: one of beat"),
        ([A, A, B, *BEAT.values()], "doubled: a (ran 2 times)"),
        ([A, B, BEAT[1], BEAT[2], BEAT[3], BEAT[3]], "doubled: beat-3 (ran 2 times)"),
        ([A, B, *BEAT.values(), Run("zombie", None, S, S)], "ran unasked: zombie"),
        ([A, B._replace(handed_off=B.due - 1), *BEAT.values()], "ran early: b"),
    ],
)
def test_what_is_wrong_is_named(runs: list[Run], wrong: str) -> None:
    assert account(runs)[1] == [wrong]


def test_what_waited_for_redis_is_counted_apart() -> None:
    text, _ = account([A, B, *BEAT.values()], outage=2 * S + 300)
    assert "lateness        p50 0.2 ms, p99 0.3 ms, max 0.3 ms  (4 hand-offs)" in text
    assert "in the outage p50 0.4 ms, p99 0.4 ms, max 0.4 ms  (1 hand-offs)" in text


def test_a_run_that_has_ended_by_no_word_of_its_own_is_waited_for(redis: redis_py.Redis) -> None:
    """A worker that has just taken it is idle by its own word, and the log of the dispatcher may not be read yet."""
    scenario = Scenario(processes=None, display=None, times=Times(9, 60, 1))  # type: ignore[arg-type]
    scenario._redis, scenario._scheduler = redis, Scheduler(connection=redis)
    scenario._schedules["beat"] = (0, 3600 * S)
    scenario._scheduler.schedules.put(Schedule("beat", Every("1h"), "jobs_for_tests.nothing"))
    assert scenario._is_quiet()
    redis.hset(Keys().schedule("beat"), "runs", 1)  # as the hand-off has it
    assert not scenario._is_quiet()
    scenario._ended.add("beat-20260101T000000000000Z")
    assert scenario._is_quiet()


@pytest.mark.parametrize("seconds", [8, 9, 10, 12, 20, 33])
def test_no_worker_is_busy_when_redis_is_killed(seconds: int) -> None:
    for seed in range(5):
        times = Times(seconds, 200, seed)
        dues = [*times.known, *(moment + ahead for moment, ahead in times.calls)]
        assert len(dues) == 200
        assert not [due for due in dues if times.kill_redis - QUIET < due < times.kill_redis]
    assert 0 < times.kill_dispatcher < times.restart_dispatcher < times.kill_redis < seconds - 1.2
    busy_until, skipped, instant = 0.0, 0, times.slow
    while instant < times.kill_redis:
        skipped += instant < busy_until
        busy_until = busy_until if instant < busy_until else instant + SLOW_SECONDS
        instant += 2
    assert busy_until < times.kill_redis - 0.5
    assert skipped


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
def test_the_screen_fits_and_keeps_the_faults_in_sight(width: int, height: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    display = Display(console, plain=False)
    faults = ["SIGKILL for dispatcher A; B carries on alone", "SIGKILL for Redis, when the workers have been stopped"]
    for event in faults:
        display.event(event, "bold red")
    for number in range(60):
        display.event(f"news {number}: " + "a long story, " * 20)
        display.row(
            str(number),
            what="slow: every 2 s, takes 2.6",
            due=S,
            at=2 * S,
            by="B",
            result="failed on purpose, worker-1",
        )
    display.row("last", what="heartbeat: every second", due=S, by="A", result="skipped: still going")
    with console.capture() as captured:
        console.print(display.draw())
    lines = captured.get().rstrip("\n").split("\n")
    assert len(lines) < height, "or rich cuts it from below"
    assert max(map(len, lines)) <= width
    for text in (
        *faults,
        "news 59",
        "slow: every 2 s, takes 2.6",
        "1.00 s",
        "failed on purpose, worker-1",
        "skipped: still going",
    ):
        assert text in captured.get(), "whole, not cut"
