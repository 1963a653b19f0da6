"""One `rqscheduler web` under load, and how late a dispatcher beside it is, with that load and without it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from rq.utils import utcparse

from bench.harness import Harness, Place, whole_second
from bench.measures.lateness import quantile
from bench.processes import Process, Web, cpu_of
from bench.sampling import Figure
from bench.table import Line, Wanted
from bench.targets import OURS, VISITORS, WATCHERS
from rq_scheduler import Scheduler
from rq_scheduler.client.base import context_of
from rq_scheduler.embedded import free_port

HOUR = 3_600
REQUESTS, CONNECTIONS, MANY_WATCHERS = 500, 16, 100
"""Requests a second, on so many connections; watchers."""
EVENTS, DUE = 5, 200
"""Events and due one-offs a second."""
AHEAD = 1.5
"""Seconds before the first one-off of a round is due."""
CATCHING_UP = 2.0
"""Seconds after the last request in which watchers may still get events."""
ALONE, LOADED = "alone", f"{REQUESTS} requests a second, {MANY_WATCHERS} watchers"
SHARES = {"p50": 0.5, "p99": 0.99}
FACTOR = Wanted(1.5, at_most=True)


@dataclass(frozen=True, slots=True)
class Load:
    """What one round of load came to: latencies in ascending order (ms), answers a second; of a core, what the web,
    Redis, the visitors and the watchers took; events that happened."""

    latencies: list[float]
    answered: float
    web: float
    redis: float
    visitors: float
    watchers: float
    events: int


def measure(harness: Harness) -> list[Line]:
    """Rounds with the load and without it in turn, in the same processes."""
    place, dice = harness.place(), random.Random(1)
    schedules, one_offs = harness.size(100_000, 2_000), harness.size(1_000_000, 20_000)
    place.server.give_schedules(place[OURS], schedules, whole_second(-HOUR))
    place.server.give_jobs([time.time() + HOUR / 2 + n / 1_000 for n in range(one_offs)])
    late: dict[str, list[list[float]]] = {ALONE: [], LOADED: []}
    loads: list[Load] = []
    with place.dispatchers(OURS), _web(place) as (web, port):
        visits = _Visits(place, web, port, schedules, harness.size(10, 2))
        place.server.forget_scripts_run()
        for number in range(harness.rounds + 1):  # the first one warms up
            for who, rounds in late.items():
                dues = _give(place, dice, visits.seconds, f"{number:04d}{len(who):04d}")
                if who == LOADED:
                    load = visits.run()
                else:
                    time.sleep(AHEAD + visits.seconds)
                    load = None
                found = _lateness(place, dues)
                if number:
                    rounds.append(found)
                    loads += [load] if load else []
    place.note_scripts(OURS)
    return [*_of_web(loads, f"{schedules:,} schedules, {one_offs:,} one-offs"), *_of_dispatcher(late)]


@contextmanager
def _web(place: Place) -> Iterator[tuple[Process, int]]:
    """A process of its own, up, and its port."""
    port = free_port()
    web = Web(place.server.url, port)
    try:
        end = time.monotonic() + 30
        while not _is_up(port):
            if time.monotonic() > end:
                raise SystemExit("rqscheduler web does not answer within 30 s")
            time.sleep(0.05)
        yield web, port
    finally:
        web.end()


def _is_up(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
            return answer.status == 200
    except HTTPError as error:
        raise SystemExit(f"rqscheduler web is not ready: {error}") from None
    except (URLError, OSError):
        return False


class _Visits:
    """The load: visitors and watchers, each in a process of their own."""

    def __init__(self, place: Place, web: Process, port: int, schedules: int, seconds: int) -> None:
        self._place, self._web, self.seconds = place, web, seconds
        self._scheduler = Scheduler(connection=place.server.connection)
        self._whom = {"port": port, "token": self._scheduler.tokens.make("bench", "viewer")}
        dice = random.Random(2)
        self._paths = [f"/api/v1/schedules/report-{dice.randrange(schedules)}" for _ in range(1_000)]

    def run(self) -> Load:
        """One round. Ends the benchmark where a request fails, or a watcher misses an event."""
        visitors, watchers = self._place[VISITORS], self._place[WATCHERS]
        watchers.do("watch", number=MANY_WATCHERS, **self._whom)
        newest = self._scheduler.events.newest_place()
        pids, server = (visitors.pid, watchers.pid), self._place.server
        before = self._web.cpu(), server.cpu(), *map(cpu_of, pids)
        began = time.monotonic()
        visitors.ask(
            "visit", paths=self._paths, rate=REQUESTS, seconds=self.seconds, connections=CONNECTIONS, **self._whom
        )
        self._tell_events()
        told = visitors.answer().result
        passed = time.monotonic() - began
        after = self._web.cpu(), server.cpu(), *map(cpu_of, pids)
        if set(told["statuses"]) != {"200"}:
            raise SystemExit(f"not all requests were answered with 200: {told['statuses']}")
        time.sleep(CATCHING_UP)
        happened = [event.place for event in self._scheduler.events.page_behind(newest)]
        for places in watchers.do("leave").result:
            if places != happened:
                raise SystemExit(f"a watcher got {len(places)} of {len(happened)} events, or in another order")
        cores = [(end - begin) / passed * 100 for begin, end in zip(before, after, strict=True)]
        return Load(
            sorted(told["milliseconds"]), sum(told["statuses"].values()) / told["seconds"], *cores, len(happened)
        )

    def _tell_events(self) -> None:
        store = context_of(self._scheduler).store
        start = time.monotonic()
        for number in range(self.seconds * EVENTS):
            time.sleep(max(0.0, start + number / EVENTS - time.monotonic()))
            store.note_event("failing_began", f"report-{number}", error="ReportError: no numbers")


def _give(place: Place, dice: random.Random, seconds: int, name: str) -> dict[str, float]:
    """One-offs that are due at random moments, and when each is."""
    start = time.time() + AHEAD
    dues = [round(start + dice.uniform(0, seconds), 6) for _ in range(DUE * seconds)]
    place.server.give_jobs(dues, name=name)
    if time.time() > start:
        raise SystemExit("this machine is too busy to write the jobs before they are due")
    return {place.server.job_id(n, name): due for n, due in enumerate(dues)}


def _lateness(place: Place, dues: dict[str, float]) -> list[float]:
    """Milliseconds that each was late by, in ascending order."""
    end = time.monotonic() + 30
    while True:
        with place.server.connection.pipeline(transaction=False) as pipe:
            for id in dues:
                pipe.hget(f"rq:job:{id}", "enqueued_at")
            found = pipe.execute()
        if all(found):
            break
        if time.monotonic() > end:
            raise SystemExit(f"{found.count(None)} one-offs were not handed off within 30 s")
        time.sleep(0.2)
    moments = (utcparse(moment.decode()).timestamp() for moment in found)
    return sorted((at - due) * 1000 for at, due in zip(moments, dues.values(), strict=True))


def _of_web(loads: list[Load], stored: str) -> list[Line]:
    title = f"web, {LOADED}"
    events = min(load.events for load in loads)
    answered = Figure([load.answered for load in loads])
    cpu = Figure([load.web for load in loads])
    lines = [
        Line(
            f"{title}, each of which got {events} events; of {stored}: answers", OURS, answered, "/s",
            Figure([_each(load, load.redis) for load in loads]),
            Figure([_each(load, load.redis + load.web) for load in loads]),
            wanted=Wanted(0.99 * REQUESTS, unit="/s"), judged=answered.median,
        ),
        *(
            Line(f"{title}: latency, {name}", OURS, Figure([quantile(load.latencies, share) for load in loads]), " ms")
            for name, share in SHARES.items()
        ),
        Line(
            f"{title}: processor time of the web", OURS, cpu, "% of a core",
            wanted=Wanted(50, at_most=True, unit="% of a core"), judged=cpu.median,
        ),
    ]  # fmt: skip
    for whose, figure in (
        ("Redis", Figure([load.redis for load in loads])),
        ("the visitors", Figure([load.visitors for load in loads])),
        ("the watchers", Figure([load.watchers for load in loads])),
    ):
        lines.append(Line(f"{title}: of {whose}", OURS, figure, "% of a core"))
    return lines


def _each(load: Load, percent: float) -> float:
    """Microseconds of processor time for one answer, of what took so much of a core."""
    return percent / 100 / load.answered * 1e6


def _of_dispatcher(late: dict[str, list[list[float]]]) -> list[Line]:
    lines: list[Line] = []
    for name, share in SHARES.items():
        figures = {who: Figure([quantile(each, share) for each in rounds]) for who, rounds in late.items()}
        for who, figure in figures.items():
            title = f"lateness at {DUE} due a second, {name}: {'web ' if who == LOADED else ''}{who}"
            ratio = median(figures[LOADED].values) / median(figures[ALONE].values) if who == LOADED else None
            lines.append(Line(title, OURS, figure, " ms", ratio=ratio, wanted=FACTOR if who == LOADED else None))
    return lines
