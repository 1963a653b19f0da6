"""How late are jobs? Lateness is the moment of the hand-off minus the due time, both by the clock of Redis.

    python bench/lateness.py [--seconds 20] [--rate 100] [--dispatchers 1] [--workers 0]

Starts a Redis and dispatchers of its own, and workers if asked. First jobs that are due at random moments, `--rate` a
second; then jobs made for 50 ms from now, one after the other. Prints p50, p99 and the latest of each; with workers,
also of when the function began. The first lines are the floor: how late a bare sleep ends on this
machine, and how long Redis takes to answer. Ends with status 1 when p50 is over 2 ms or p99 over 10 ms.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

import click
import redis as redis_py
from rq.utils import utcparse

from rq_scheduler import Scheduler
from rq_scheduler.clock import to_us
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.guarded_process import GuardedProcess

P50, P99 = 2.0, 10.0
"""Milliseconds, on a machine with nothing else to do."""

AHEAD = 0.05


def nothing() -> None:
    """The job."""


def main_module() -> str:
    """The name by which workers import this file."""
    return Path(__file__).stem


def quantile(sorted_values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all does not exceed."""
    return sorted_values[max(0, -int(-share * len(sorted_values) // 1) - 1)]


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


def report(title: str, milliseconds: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(milliseconds)
    p50, p99 = quantile(ordered, 0.5), quantile(ordered, 0.99)
    click.echo(f"{title:42} n {len(ordered):5}  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  max {ordered[-1]:6.2f} ms")
    return p50, p99


def floor(connection: redis_py.Redis, dice: random.Random, rate: int, seconds: int = 5) -> None:
    """How late a bare `time.sleep` ends, and how long Redis takes to answer, at the same rate."""
    start = time.perf_counter()
    sleeps: list[float] = []
    answers: list[float] = []
    for moment in sorted(start + dice.uniform(0, seconds) for _ in range(seconds * rate)):
        left = moment - time.perf_counter()
        if left > 0:
            time.sleep(left)
            sleeps.append((time.perf_counter() - moment) * 1000)
        asked = time.perf_counter()
        connection.ping()
        answers.append((time.perf_counter() - asked) * 1000)
    report("floor: a sleep ends late by", sleeps)
    report("floor: Redis answers after", answers)


def lateness(connection: redis_py.Redis, due: dict[str, int], field: str) -> list[float]:
    """Milliseconds between each job's due time and the moment that RQ's hash has for `field`."""
    with connection.pipeline(transaction=False) as pipe:
        for id in due:
            pipe.hget(f"rq:job:{id}", field)
        moments = [utcparse(value.decode()) for value in pipe.execute() if value]
    if len(moments) != len(due):
        sys.exit(f"{len(due) - len(moments)} jobs have no {field}")
    return [(to_us(moment) - at) / 1000 for moment, at in zip(moments, due.values(), strict=True)]


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seconds", default=20, show_default=True)
@click.option("--rate", default=100, show_default=True, help="Due jobs a second.")
@click.option("--dispatchers", default=1, show_default=True)
@click.option(
    "--workers", default=0, show_default=True, help="Stock RQ workers, that do not fork; they load the machine."
)
@click.option("--seed", default=1, show_default=True)
def main(seconds: int, rate: int, dispatchers: int, workers: int, seed: int) -> None:
    dice = random.Random(seed)
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedRedis(aof=False))
        connection = redis_py.Redis.from_url(server.url)
        beside = Path(sys.executable).parent
        commands = [[str(beside / "rqscheduler"), "--url", server.url] for _ in range(dispatchers)]
        commands += [
            [str(beside / "rq"), "worker", "--url", server.url, "--worker-class", "rq.SimpleWorker", "--quiet"]
            for _ in range(workers)
        ]
        for command in commands:
            stack.callback(GuardedProcess(command, cwd=Path(__file__).parent).terminate)
        wait_for(
            lambda: (
                connection.zcard("rq:scheduler:dispatchers") == dispatchers
                and connection.scard("rq:workers") == workers
            ),
            30,
            "dispatchers and workers are up",
        )
        click.echo(f"{server}, {dispatchers} dispatcher(s), {workers} worker(s)")
        floor(connection, dice, rate)
        scheduler = Scheduler(connection=connection)
        fields = {"handed off": "enqueued_at"} | ({"begun by a worker": "started_at"} if workers else {})

        start = time.time() + 2 + seconds * rate / 3000
        moments = sorted(start + dice.uniform(0, seconds) for _ in range(seconds * rate))
        whens = [datetime.fromtimestamp(moment).astimezone() for moment in moments]
        function = f"{main_module()}.nothing"
        ids = scheduler.enqueue_many((when, function) for when in whens)
        if time.time() > start:
            sys.exit("this machine took too long to save the jobs: fewer of them, please")
        due = dict(zip(ids, map(to_us, whens), strict=True))
        wait_for(lambda: done(scheduler, connection, workers, len(ids)), seconds + 30, "all jobs have run")
        verdict = [
            report(f"{rate}/s at random, {name}", lateness(connection, due, field)) for name, field in fields.items()
        ]

        due = {}
        for _ in range(100):
            job = scheduler.enqueue_in(timedelta(seconds=AHEAD), function)
            due[job.id] = round(connection.zscore(Scheduler.scheduled_jobs_key, job.id) * 1e6)
            time.sleep(dice.uniform(AHEAD, 3 * AHEAD))  # each finds the dispatchers asleep
        wait_for(lambda: done(scheduler, connection, workers, len(ids) + len(due)), 10, "all jobs have run")
        verdict += [
            report(f"made for 50 ms ahead, {name}", lateness(connection, due, field)) for name, field in fields.items()
        ]
    handed_off = verdict[:: len(fields)]
    if any(p50 > P50 or p99 > P99 for p50, p99 in handed_off):
        sys.exit(f"wanted of the hand-off: p50 at most {P50:.0f} ms, p99 at most {P99:.0f} ms")


def done(scheduler: Scheduler, connection: redis_py.Redis, workers: int, jobs: int) -> bool:
    """Whether all have been handed off, and have run if there are workers."""
    return not scheduler.count() and (not workers or connection.zcard("rq:finished:default") == jobs)


if __name__ == "__main__":
    main()
