"""What happens in the demo, and when: a client that schedules through the public API, and faults meanwhile."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from time import sleep
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotConnected
from redis.retry import Retry
from rq import Queue, Worker
from rq.job import Job

from rq_scheduler import Cron, Every, Schedule, Scheduler, StoredSchedule
from rq_scheduler.cli.demo import jobs
from rq_scheduler.cli.demo.account import Counted, Run, late, settle
from rq_scheduler.cli.demo.display import Display
from rq_scheduler.cli.demo.processes import QUEUE, Processes
from rq_scheduler.clock import US, SystemClock, from_us, to_us
from rq_scheduler.errors import SchedulerError

__all__ = ["SLOW_SECONDS", "Scenario", "Times"]

SLOW_SECONDS = 2.6
QUIET = 0.9
"""Seconds before the kill of Redis in which nothing falls due: the workers, which have to be stopped, are done soon.
What a stock worker holds when its Redis dies, or takes while it hears of that, is RQ's to lose, and this is about the
scheduler."""
MOMENT = US // 10
"""Microseconds for which nothing falls due when workers are stopped, however late that is on a slow machine."""
AWAY = 1.2
"""Seconds for which Redis is away."""


class Times:
    """When everything happens: seconds from the start. `known` are one-offs that are scheduled before it; `calls` those
    that the client schedules meanwhile: when, and how far ahead."""

    def __init__(self, seconds: float, one_offs: int, seed: int) -> None:
        # Just before a whole second, when what fires at whole seconds is done.
        self.kill_redis = int(seconds * 0.7) - 0.2
        # So that every other instant finds the last run going, and the kill of Redis finds none.
        self.slow = 0.5 + (self.kill_redis - 3.8) % 4
        self.kill_dispatcher, self.restart_dispatcher = round(seconds * 0.3) + 0.3, round(seconds * 0.45) + 0.3
        self.end = seconds
        self._dice = random.Random(seed)
        self.known = [self._due() for _ in range(one_offs * 13 // 20)]
        self.calls = [(self.kill_redis + 0.5, 0.9)]  # while Redis is away, whatever the seed
        for _ in range(one_offs - len(self.known) - 1):
            # From 50 ms ahead, which only a wake-up makes punctual, to a second and a half.
            due, ahead = self._due(), self._dice.choice((0.05, 0.1, 0.4, 1.5))
            self.calls.append((max(0.0, due - ahead), min(due, ahead)))
        self.calls.sort()

    def _due(self) -> float:
        due = self._dice.uniform(0.3, self.end - 0.2)
        return self._due() if self.kill_redis - QUIET <= due <= self.kill_redis + 0.02 else due


class Scenario:
    """One performance."""

    def __init__(self, processes: Processes, display: Display, times: Times) -> None:
        self._processes, self._display, self._times = processes, display, times
        self._now = SystemClock().now_us
        self._start = 0
        self._calls: list[tuple[float, float]] = []
        self._refused = False
        self._one_offs: dict[str, int] = {}
        self._schedules: dict[str, tuple[int, int]] = {}
        self._ended: set[str] = set()
        self._runs: list[Run] = []
        self._by: Counter[str] = Counter()

    def perform(self) -> tuple[list[str], list[str]]:
        """From the first process to the account: its lines, and what is wrong."""
        times, processes, event = self._times, self._processes, self._display.event
        processes.start()
        self._display.open()
        version = ".".join(map(str, processes.redis.version))
        event(f"Redis {version} on port {processes.redis.port}, dispatchers A and B, two stock rq workers")
        if processes.dashboard:
            event(f"the dashboard, as long as this runs: {processes.dashboard}")
        client: Any = Redis  # redis-py and RQ leave some of what is called here untyped
        # A call of which Redis has heard is not made again: it has all the time it wants to answer.
        self._redis: Redis = client.from_url(processes.redis.url, socket_timeout=60, retry=Retry(NoBackoff(), 0))
        self._scheduler = Scheduler(QUEUE, connection=self._redis)
        if not self._watch(lambda: len(self._workers()) == 2, 30):
            raise SchedulerError(f"The workers did not come up: {processes.last_words}")
        self._schedule_known()

        self._watch_until(times.kill_dispatcher)
        processes.dispatchers["A"].kill()
        event("SIGKILL for dispatcher A; B carries on alone", "bold red")
        self._watch_until(times.restart_dispatcher)
        processes.dispatchers["A"].start()
        event("dispatcher A is started again", "bold green")

        self._watch_until(times.kill_redis)
        self._watch(self._is_quiet, 30)
        processes.stop_workers()
        killed = self._now()
        processes.redis.kill()
        event("SIGKILL for Redis, when the workers have been stopped", "bold red")
        self._watch_until((killed - self._start) / US + AWAY)
        processes.redis.start()
        back = self._now()
        event(f"Redis is back after {late(back - killed)}, with its append-only file", "bold green")
        processes.start_workers()

        self._watch_until(times.end)
        event("the time is up: waiting for the last runs")
        return self._settle(killed, back)

    # --- the client ---

    def _schedule_known(self) -> None:
        start = self._start = (self._now() // US + 2) * US  # so that the instants of the schedules read well
        dues = [start + round(due * US) for due in self._times.known]
        ids = self._scheduler.enqueue_many((from_us(due), jobs.greet) for due in dues)
        self._one_offs.update(zip(ids, dues, strict=True))
        self._put("heartbeat", 0, 1, jobs.greet)
        self._put("slow", self._times.slow, 2, jobs.slow, SLOW_SECONDS)
        self._put("failing", 3.2, 4, jobs.fail)
        self._put("cron", 0, 5, jobs.greet, trigger=Cron("*/5 * * * * * *"))
        self._display.event(f"scheduled ahead: {len(ids)} one-offs in one call, and {len(self._schedules)} schedules")
        self._calls = self._times.calls

    def _put(
        self,
        id: str,
        first: float,
        step: int,
        function: Callable[..., None],
        *args: float,
        trigger: Cron | None = None,
    ) -> None:
        begin = from_us(self._start + round(first * US))
        made = Schedule(id, trigger or Every(step, anchor=begin), function, args=args, start=begin, queue_name=QUEUE)
        self._schedules[id] = _next(self._scheduler.schedules.put(made)), step * US

    def _make_calls(self) -> None:
        """Those that have come up; one that Redis, being away, does not hear is made again, and again."""
        while self._calls and self._start + self._calls[0][0] * US <= self._now():
            id, due = f"live-{len(self._one_offs):03d}", self._now() + round(self._calls[0][1] * US)
            try:
                self._scheduler.enqueue_at(from_us(due), jobs.greet, job_id=id)
            except NotConnected:
                if not self._refused:
                    self._display.event("the client's call failed, Redis being away: it will ask again", "yellow")
                self._refused = True
                return
            if self._refused:
                self._display.event("the client has asked again, and Redis has answered", "green")
            self._refused = False
            self._one_offs[id] = due
            del self._calls[0]

    # --- looking on ---

    def _watch(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Looks on until the condition holds, for so long at most; returns whether it does."""
        end = self._now() + round(seconds * US)
        while not (held := condition()) and self._now() < end:
            self._look()
            sleep(0.02)
        return held

    def _watch_until(self, moment: float) -> None:
        self._watch(lambda: self._now() >= self._start + moment * US, 3600)

    def _look(self) -> None:
        self._make_calls()
        while not self._processes.said.empty():
            self._hear(*self._processes.said.get())
        what = f"{len(self._one_offs)} one-offs, {len(self._schedules)} schedules, {len(self._runs)} runs"
        self._display.status = f"{what}; handed off by {self._shares()}"

    def _hear(self, by: str, line: dict[str, Any]) -> None:
        """A line of a dispatcher's log, or of a job in a worker."""
        action = line.get("action", "")
        if by in self._processes.workers:
            self._hear_job(by, **line)
        elif action == "handed_off":
            self._by[by] += len(line["handed_off"])
            for id, due, at, *_ in line["handed_off"]:
                self._display.row(id, what=_what(id), due=due, at=at, by=by)
        elif action == "skipped" and "nominal" in line:
            id = f"{line['id']}-{line['nominal']}"
            self._display.row(id, what=_what(id), due=line["nominal"], by=by, result="skipped: still going", done=True)
        elif line["level"] in ("warning", "error") or action.startswith("redis"):
            self._display.event(f"{by}: {line['message']}", "yellow")

    def _hear_job(self, by: str, state: str, id: str, schedule: str | None, due: int | None, handed_off: int) -> None:
        due = due or self._one_offs.get(id, handed_off)
        if state == "running":
            self._runs.append(Run(id, schedule, due, handed_off))
        result, done = f"{state}, {by}", state != "running"
        if done:
            self._ended.add(id)
        self._display.row(id, what=_what(id), due=due, at=handed_off, result=result, done=done)

    def _shares(self) -> str:
        return ", ".join(f"{name} {count}" for name, count in sorted(self._by.items()))

    def _not_run(self) -> int:
        return len(self._calls) + len(self._one_offs.keys() - {run.id for run in self._runs})

    def _workers(self) -> list[Worker]:
        known: Any = Worker
        return known.all(connection=self._redis)

    def _is_quiet(self) -> bool:
        """Whether no worker holds a job, and none comes for a moment. A worker tells RQ that it is busy after it has
        taken a job, and drops that when it is stopped in between: only what the jobs say, of as many runs as Redis
        counts, shows that all are done."""
        schedules = [self._scheduler.schedules[id] for id in self._schedules]
        ended = Counter(id.rpartition("-")[0] for id in self._ended - self._one_offs.keys())
        if any(each.runs != ended[each.id] for each in schedules) or not self._workers_idle():
            return False
        dues = [*map(_next, schedules), *(due for id, due in self._one_offs.items() if id not in self._ended)]
        return min(dues) > self._now() + MOMENT

    def _workers_idle(self) -> bool:
        """Whether no worker holds a job and none waits, as RQ itself tells."""
        waiting = Queue(QUEUE, connection=self._redis).count
        return not waiting and all(worker.get_state() == "idle" for worker in self._workers())

    # --- the end ---

    def _settle(self, killed: int, back: int) -> tuple[list[str], list[str]]:
        """The account, when all one-offs have run, or none has for ten seconds."""
        while missing := self._not_run():
            if not self._watch(lambda missing=missing: self._not_run() < missing, 10):
                break
        ended = self._processes.end_dispatchers()
        self._watch(self._workers_idle, 30)
        self._watch(lambda: False, 0.5)  # a second run of something would show itself
        counted: dict[str, Counted] = {}
        for id, (first, step) in self._schedules.items():
            stored = self._scheduler.schedules[id]
            counted[id] = Counted((_next(stored) - first) // step, stored.runs, stored.skipped, stored.missed)
        job: Any = Job
        found: list[Job | None] = job.fetch_many([*self._one_offs], connection=self._redis)
        handed_off = {job.id for job in found if job is not None and job.enqueued_at is not None}
        self._redis.close()
        first = min((run.handed_off for run in self._runs if run.handed_off > killed), default=back)
        lines, wrong = settle(self._one_offs.keys(), counted, self._runs, handed_off, (killed, max(back, first)))
        notes = [
            f"Redis was away for {late(back - killed)}; the first hand-off came {late(max(0, first - back))} later",
            f"handed off by: {self._shares()} (as they logged it themselves)",
        ]
        wrong += [f"ended by itself: dispatcher {each}" for each in ended]
        return [*lines, *(f"note: {note}" for note in notes)], wrong


def _what(id: str) -> str:
    """How a job is shown: runs of a schedule by its id."""
    says = {"heartbeat": "every second", "slow": f"every 2 s, takes {SLOW_SECONDS}", "failing": "every 4 s, raises"}
    name = id.rpartition("-")[0]
    return f"{name}: {says[name]}" if name in says else "cron: */5 seconds" if name == "cron" else f"one-off {id[:8]}"


def _next(stored: StoredSchedule) -> int:
    return to_us(stored.next_run_at) if stored.next_run_at else 0
