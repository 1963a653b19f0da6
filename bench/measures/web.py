"""The HTTP API with very much stored: how long each page of it takes the server."""

from __future__ import annotations

import time
from statistics import median

from starlette.testclient import TestClient

from bench.harness import Harness, whole_second
from bench.sampling import Figure
from bench.table import Line, Wanted
from bench.targets import OURS
from rq_scheduler import Scheduler
from rq_scheduler.web import Settings, create_app
from rq_scheduler.web.api.routes import ROUTES

HOUR = 3_600
API = "/api/v1"
LISTED = 8
"""Calls that get a line of their own, the slowest first."""


def measure(harness: Harness) -> list[Line]:
    """Milliseconds of each GET, as a client in the same process sees it: the server's time, and a little."""
    schedules, one_offs = harness.size(100_000, 2_000), harness.size(1_000_000, 20_000)
    server = harness.server
    server.empty()
    server.give_schedules(harness[OURS], schedules, whole_second(-HOUR))
    first = time.time() + HOUR / 2
    server.give_jobs([first + n / 1_000 for n in range(one_offs)])
    unlimited = Settings(reads_per_second=10**6)
    scheduler = Scheduler(connection=server.connection)
    client = TestClient(create_app(scheduler, unlimited), "http://localhost")
    client.headers["authorization"] = f"Bearer {scheduler.tokens.make('bench', 'operator')}"
    ids = {"/jobs": server.job_id(one_offs // 2), "/quar": "none"}
    times: dict[str, list[float]] = {}
    server.forget_scripts_run()
    for number in range(harness.rounds + 1):
        for route in ROUTES:
            if route.method != "GET":
                continue
            where = API + route.path.replace("{id}", ids.get(route.path[:5], f"report-{schedules // 2}"))
            began = time.perf_counter()
            answer = client.get(where)
            passed = time.perf_counter() - began
            if answer.status_code not in (200, 404):
                raise SystemExit(f"GET {where}: {answer.status_code} {answer.text[:200]}")
            if number:
                times.setdefault(route.path, []).append(passed * 1000)
    harness.place().note_scripts(OURS)
    slowest = sorted(times, key=lambda path: -median(times[path]))[:LISTED]
    wanted = Wanted(100, at_most=True, unit=" ms")
    stored = f"{schedules:,} schedules, {one_offs:,} one-offs"
    return [
        Line(f"GET {path}, of {stored}", OURS, Figure(times[path]), " ms", wanted=wanted, judged=median(times[path]))
        for path in slowest
    ]
