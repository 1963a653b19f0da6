"""A dispatcher with nothing to do, and what a schedule takes of Redis's memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from rq.job import Job
from rq.results import Result
from rq.utils import now, utcformat

from bench.drivers.work import nothing
from bench.harness import Harness
from bench.sampling import Figure
from bench.server import Server
from bench.table import Line, Wanted
from bench.targets import BEFORE, OURS
from rq_scheduler import Cron, Scheduler
from rq_scheduler.testing import HandOff, ManualClock, ManualDispatcher

DAY = 86_400
ERROR = """Traceback (most recent call last):
  File "/srv/shop/reports/nightly.py", line 214, in send
    raise ReportError(f"no numbers of {day}: the warehouse answered {answer}")
shop.reports.errors.ReportError: no numbers of 2026-01-01: the warehouse answered 503 Service Unavailable
"""


def measure(harness: Harness) -> list[Line]:
    """What it costs, with very much pending."""
    return [line for who in (OURS, BEFORE) for line in _idle(harness, who)]


def _idle(harness: Harness, who: str) -> list[Line]:
    pending, seconds = harness.size(100_000, 2_000), harness.size(10, 2)
    place = harness.place(who)
    place.server.give_schedules(place[who], pending, int(time.time()) + DAY)
    place.server.give_jobs([time.time() + DAY] * pending)
    with place.dispatchers(who) as (dispatcher,):
        time.sleep(harness.size(6, 1))  # its first look at everything
        began, cpu = time.monotonic(), dispatcher.cpu()
        heard = place.server.commands_heard(seconds)
        passed = time.monotonic() - began
        cpu, sent = (dispatcher.cpu() - cpu) / passed * 100, heard / passed
    wanted = Wanted(3, at_most=True, unit="/s") if who == OURS else None
    title = f"an idle dispatcher, {pending:,} one-offs and as many schedules pending"
    return [
        Line(f"{title}: its processor time", who, Figure([cpu]), "% of a core"),
        Line(f"{title}: commands", who, Figure([sent]), "/s", wanted=wanted, judged=sent),
    ]


def measure_memory(harness: Harness) -> list[Line]:
    """Bytes of Redis a schedule that has not fired yet, with its share of what a server keeps once, such as scripts."""
    number = harness.size(2_000, 200)
    lines: list[Line] = []
    for who in (OURS, BEFORE):
        place = harness.place(who)
        before = place.server.memory()
        place[who].do("sync", calls=number)
        size = (place.server.memory() - before) / number
        wanted = Wanted(3_300, at_most=True, unit=" bytes") if who == OURS else None
        lines.append(Line("memory of Redis, per schedule", who, Figure([size]), " bytes", wanted=wanted, judged=size))
    return lines


def measure_memory_of_runs(harness: Harness) -> list[Line]:
    """Bytes of Redis a schedule with 50 runs that ended, a tenth of them failed, none of whose jobs RQ still has."""
    few, runs = harness.size(100, 5), harness.size(50, 3)
    more = few + harness.size(600, 5)
    server = harness.place("runs").server
    scheduler = Scheduler(connection=server.connection)
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    with ManualDispatcher(scheduler, clock) as dispatcher:
        sizes = [
            _with_runs(scheduler, dispatcher, server, first, last, runs) for first, last in ((0, few), (few, more))
        ]
    # What is there once, scripts and indexes among it, is in both.
    size = (sizes[1] - sizes[0]) / (more - few)
    title = f"memory of Redis, per schedule with {runs} runs"
    return [Line(title, OURS, Figure([size]), " bytes", wanted=Wanted(9_000, at_most=True, unit=" bytes"), judged=size)]


def _with_runs(
    scheduler: Scheduler, dispatcher: ManualDispatcher, server: Server, first: int, last: int, runs: int
) -> int:
    """Bytes that Redis holds when schedules `first` to `last` have been added, and all have had so many more runs."""
    for number in range(first, last):
        scheduler.schedules.put(f"nightly-report-{number:06d}", Cron("0 2 * * *"), nothing, args=(number,))
    for day in range(runs):
        _end(server, dispatcher.tick(timedelta(days=1)), day)
        dispatcher.tick(timedelta(minutes=5))  # which sees how they ended
        for kind in ("rq:job:*", "rq:results:*", "rq:failed:*"):
            for key in server.connection.scan_iter(kind, count=1000):
                server.connection.delete(key)
    for stream in ("rq:scheduler:events", "rq:scheduler:audit"):
        server.connection.xtrim(stream, maxlen=0, approximate=False)  # bounded, however many schedules there are
    server.connection.script_flush()  # nor what Lua has not cleared away yet
    return server.memory()


def _end(server: Server, started: Sequence[HandOff], day: int) -> None:
    """A worker ends these runs; a tenth of them, others each day, fail."""
    jobs = Job.fetch_many([each.id for each in started], connection=server.connection)
    with server.connection.pipeline(transaction=False) as pipe:
        for number, job in enumerate(jobs, day):
            failed = number % 10 == 0
            times = {"started_at": utcformat(now()), "ended_at": utcformat(now()), "worker_name": "reports-1"}
            pipe.hset(job.key, mapping={"status": "failed" if failed else "finished", **times})
            if failed:
                Result.create_failure(job, 3600, ERROR, pipeline=pipe)
        pipe.delete("rq:queue:default")
        pipe.execute()
