"""Late schedules at the head, each of which needs Python: what planning them costs two dispatchers, and one; and how
late the one-offs are that fall due meanwhile."""

from __future__ import annotations

import time
from itertools import count as numbers

from rq.utils import utcparse

from bench.harness import Harness
from bench.herds import Herd
from bench.measures.lateness import quantile
from bench.sampling import Figure
from bench.table import Line, Wanted
from bench.targets import BEFORE, OURS

HOUR = 3_600
RATE = 100
"""One-offs due a second: few, since serving them costs time too."""
_NAMES = numbers(1)


def measure(harness: Harness) -> list[Line]:
    schedules = harness.size(10_000, 300)
    lines: list[Line] = []
    herds = {who: Herd(harness, who, schedules, cron=False, own=True) for who in (OURS, BEFORE)}
    for herd in herds.values():
        herd.place.server.age(schedules)
    cpu: dict[tuple[str, int], list[float]] = {}
    late: dict[tuple[str, int], list[float]] = {}
    for _ in range(harness.rounds):
        for who, herd in herds.items():
            for count in (1, 2):
                seconds, milliseconds = _round(harness, herd, count)
                cpu.setdefault((who, count), []).append(seconds)
                late.setdefault((who, count), []).extend(milliseconds)
    title = f"{schedules:,} late schedules"
    for who in herds:
        one, two = Figure(cpu[who, 1]), Figure(cpu[who, 2])
        most = Wanted(1.1, at_most=True) if who == OURS else None
        lines.append(Line(f"{title}: Python's time", who, one, " s"))
        text = f"{title}: Python's time, two dispatchers in sum: against one"
        lines.append(Line(text, who, two, " s", ratio=two.median / one.median, wanted=most))
        for count in (1, 2):
            p99 = quantile(sorted(late[who, count]), 0.99)
            most = Wanted(50, at_most=True, unit=" ms") if who == OURS else None
            text = f"one-offs due while {title} are served, {count} dispatcher{'s' * (count - 1)}: p99 of lateness"
            lines.append(Line(text, who, Figure([p99]), " ms", wanted=most, judged=p99))
    return lines


def _round(harness: Harness, herd: Herd, count: int) -> tuple[float, list[float]]:
    """Seconds of processor time of the dispatchers, and milliseconds that each one-off due meanwhile was late by: none
    of those that fell due while the one script that arms all schedules, which is this benchmark's, held Redis up."""
    server = herd.place.server
    server.finish()
    server.arm(herd.number, int(time.time()) + 86_400)
    with herd.place.dispatchers(herd.who, count) as team:
        time.sleep(herd.head_start)
        began = time.time() + 2  # by then all dispatchers have looked at Redis again, and know of the one-offs
        dues = [round(began + n / RATE, 6) for n in range(RATE * harness.size(3, 1))]
        name = f"{next(_NAMES):08d}"
        server.give_jobs(dues, name=name)
        server.forget_scripts_run()
        time.sleep(max(0.0, began - time.time()))
        cpu = sum(each.cpu() for each in team)
        armed = server.arm(herd.number, int(began) - HOUR, at_once=True)
        while server.late_schedules():
            if time.time() > began + 60:
                raise SystemExit(f"{herd.who} has not served {herd.number} late schedules within a minute")
            time.sleep(0.02)
        ended = time.time()
        cpu = sum(each.cpu() for each in team) - cpu
        server.wait_for(herd.number + len(dues), 60)
    herd.place.note_scripts(herd.who)
    with server.connection.pipeline(transaction=False) as pipe:
        for n in range(len(dues)):
            pipe.hget(f"rq:job:{server.job_id(n, name)}", "enqueued_at")
        handed_off = [utcparse(moment.decode()).timestamp() for moment in pipe.execute()]
    ended = max(ended, next((due for due in dues if due > armed), armed))
    late = [(at - due) * 1000 for at, due in zip(handed_off, dues, strict=True) if armed < due <= ended]
    return cpu, late
