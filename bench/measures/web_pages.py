"""The pages of the dashboard with very much stored: how long the server takes for each."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import enumerate as enumerate_threads

import redis as redis_py
from starlette.testclient import TestClient

from bench.harness import Harness
from bench.sampling import Figure
from bench.server import Server
from bench.site import Size, give_site, schedule_id, size_of
from bench.table import Line, Wanted
from bench.targets import OURS
from rq_scheduler import Scheduler
from rq_scheduler.web import Settings, create_app
from rq_scheduler.web.api.recent import WORKER
from rq_scheduler.web.process import serve_alone

LISTED = 12
"""Pages that get a line of their own, the slowest first."""


def measure(harness: Harness) -> list[Line]:
    """Milliseconds of each page, as a client in the same process sees it: the server's time, and a little. Processor
    time tells something on a busy machine, too; of Load and Clocks, with what they work out beside the requests. The
    first request of each is one to an application that has been asked nothing yet, and counts."""
    size, server = size_of(harness), harness.server
    server.empty()
    give_site(server, size)
    server.forget_scripts_run()
    serve_alone()
    visits = {path: _visit(server, path, 2 * harness.rounds) for path in _pages(size)}
    harness.place().note_scripts(OURS)
    slowest = sorted(visits, key=lambda path: -visits[path].time.median)[:LISTED]
    lines = [_line(f"page {path}", visits[path]) for path in slowest]
    firsts = {path: visit.first for path, visit in visits.items()}
    slowest_first = max(firsts, key=lambda path: firsts[path].time.median)
    title = f"the slowest first request of {len(visits)} pages, {slowest_first}, of {size}"
    return [*lines, _line(title, firsts[slowest_first])]


@dataclass(frozen=True, slots=True)
class Visit:
    """How long requests took (ms), and how much of the processor Redis alone and all of it had (us)."""

    time: Figure
    redis: Figure
    total: Figure

    @property
    def first(self) -> Visit:
        """The first of them."""
        return Visit(*(Figure(each.values[:1]) for each in (self.time, self.redis, self.total)))


def _line(what: str, visit: Visit) -> Line:
    wanted, judged = Wanted(100, at_most=True, unit=" ms"), visit.time.median
    return Line(what, OURS, visit.time, " ms", visit.redis, visit.total, wanted=wanted, judged=judged)


def _visit(server: Server, path: str, number: int) -> Visit:
    times, redis, total = list[float](), list[float](), list[float]()
    with redis_py.Redis.from_url(server.url) as connection:
        app = create_app(Scheduler(connection=connection), Settings(auth="none", reads_per_second=10**6))
        client = TestClient(app, "http://localhost")
        client.get("/static/dashboard.css")
        for _ in range(number):
            worked, before, began = time.process_time(), server.cpu(), time.perf_counter()
            answer = client.get(path)
            times.append((time.perf_counter() - began) * 1000)
            redis.append((server.cpu() - before) * 1e6)
            total.append((time.process_time() - worked) * 1e6 + redis[-1])
            if answer.status_code not in (200, 422):  # 422: more fit than may be chosen at once.
                raise SystemExit(f"GET {path}: {answer.status_code} {answer.text[:200]}")
    for thread in enumerate_threads():  # works out a forecast that was asked for: no part of the next page
        if thread.name == WORKER:
            thread.join()
    return Visit(Figure(times), Figure(redis), Figure(total))


def _pages(size: Size) -> list[str]:
    """Every page, with its filters: those that find much, and those that find nothing; first pages and others."""
    busy, quiet = schedule_id(3), schedule_id(size.schedules // 2)
    job = Server.job_id(size.one_offs // 2)
    lists = [
        *("/schedules", f"/schedules?q={quiet[:9]}", "/schedules?q=no-such-text", "/schedules?q=EXPORT"),
        *("/schedules?tag=team-8", "/schedules?tag=none", "/schedules?queue=queue-0010", "/schedules?owner=shop"),
        *("/schedules?owner=shop&q=no-such-text", "/schedules?owner=shop&tag=team-8&queue=queue-0010"),
        *(f"/schedules?state={state}" for state in ("failing", "late", "running", "paused")),
        *("/bulk?action=pause&tag=team-8", "/bulk?action=delete&owner=shop", "/new"),
    ]
    of_one = [f"/schedules/{id}{rest}" for id in (busy, quiet) for rest in ("", "?runs=all", "/why")]
    of_one += [f"/schedules/{busy}/{what}" for what in ("edit", "pause", "backfill", "delete")]
    why = ["/why", f"/why?id={busy}&at=2026-01-01T00:00", "/why?id=nobody", f"/why?id={job}"]
    one_offs = ["/jobs", "/jobs?q=nothing", "/jobs?q=no-such-call", f"/jobs?q={job}", f"/jobs/{job}"]
    ahead = [
        *(
            "/clock-changes",
            "/clock-changes?page=3",
            "/clock-changes?timezone=Europe/Paris",
            "/clock-changes/schedules",
        ),
        *("/clock-changes/schedules?timezone=Asia/Kolkata", "/load", "/load?within=7d", "/load?queue=queue-0010"),
    ]
    records = ["/quarantine"]
    records += [f"/{name}{rest}" for name in ("events", "audit") for rest in ("", "?id=nobody", f"?id={busy}")]
    return [
        "/",
        *(f"/?span={span}" for span in ("10m", "1h", "2d")),
        *lists,
        *of_one,
        *why,
        *one_offs,
        *ahead,
        *records,
    ]
