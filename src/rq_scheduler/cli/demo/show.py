"""The show: the script of twenty seconds, what is seen meanwhile, and the settling at the end.

Owns the loop and the order of things. What is scheduled is in `plan`, by whom in `client`, the processes in `stage`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep

from rq_scheduler.cli.demo.account import Account, Outage, Series, settle
from rq_scheduler.cli.demo.client import Client
from rq_scheduler.cli.demo.jobs import LogReader, Run, end_of_runs
from rq_scheduler.cli.demo.plan import Plan
from rq_scheduler.cli.demo.screen import Row, Screen, lateness
from rq_scheduler.cli.demo.stage import Said, Stage
from rq_scheduler.clock import US, Clock, SystemClock

__all__ = ["Outcome", "Show"]

_TICK = 0.02
_IDLE_WITHIN = 5.0
_NO_PROGRESS = 10 * US

_Act = tuple[int, Callable[[], None]]
_MARGIN = US // 4


@dataclass
class Outcome:
    """What the show leaves: the account, and what it says about the faults."""

    account: Account
    notes: list[str] = field(default_factory=list[str])
    fallen: list[str] = field(default_factory=list[str])


class Show:
    """One performance, from the first call to the account."""

    def __init__(self, plan: Plan, stage: Stage, screen: Screen, log: Path, clock: Clock | None = None) -> None:
        self._plan = plan
        self._stage = stage
        self._screen = screen
        self._clock = clock or SystemClock()
        self._reader = LogReader(log)
        self._events: list[Run] = []
        self._rows: dict[tuple[str, int], Row] = {}
        self._notes: list[str] = []
        self._fallen: set[str] = set()
        self._script: list[_Act] = []
        self._killed_at = 0
        self._back_at = 0
        self._first_after = 0
        self._handed_by: dict[str, int] = {}
        # A whole second, so that the recurring jobs' instants read well, and far enough for the first calls.
        self._start = (self._clock.now_us() // US + 3) * US
        self._client = Client(stage.redis.url, self._start)

    def run(self) -> Outcome:
        self._wait_for_workers()
        self._client.schedule_ahead(self._plan)
        self._screen.event(f"scheduled ahead: {len(self._plan.ahead)} one-offs in one call, and 4 recurring jobs")
        self._script = self._acts()
        end = self._start + round(self._plan.seconds * US)
        while self._script or self._clock.now_us() < end:
            if self._script and self._script[0][0] <= self._clock.now_us():
                self._script.pop(0)[1]()
                continue
            self._look()
            sleep(_TICK)
        series, history = self._end_recurring(end)
        self._settle()
        account = settle(
            self._client.promises,
            series,
            end_of_runs(self._events),
            handed_off=self._client.handed_off(),
            history=history,
            unacknowledged=self._client.refused,
            outages=self._outages(),
        )
        self._client.close()
        return Outcome(account, self._notes, sorted(self._fallen))

    # --- the script ---

    def _acts(self) -> list[_Act]:
        plan = self._plan
        steps: list[tuple[float, Callable[[], None]]] = [
            (plan.kill_dispatcher, self._kill_dispatcher),
            (plan.new_dispatcher, self._new_dispatcher),
            (plan.kill_redis, self._kill_redis),
        ]
        steps += [(call, lambda ahead=ahead: self._schedule_live(ahead)) for call, ahead in plan.live]
        ordered = sorted(steps, key=lambda step: step[0])
        return [(self._start + round(offset * US), action) for offset, action in ordered]

    def _wait_for_workers(self) -> None:
        deadline = self._clock.now_us() + 20 * US
        while not (self._client.redis_answers() and self._client.workers_registered(2)):
            if self._clock.now_us() > deadline:
                raise RuntimeError(f"the workers did not come up: {self._stage.words()}")
            sleep(_TICK)
        # Starting took its time: count from here.
        self._start = (self._clock.now_us() // US + 2) * US
        self._client.start = self._start

    def _schedule_live(self, ahead: float) -> None:
        job_id = self._client.schedule_live(self._clock.now_us(), ahead)
        if job_id is None and len(self._client.refused) == 1:
            self._screen.event("the client's call failed, Redis being away: it will ask again", "yellow")

    def _kill_dispatcher(self) -> None:
        self._stage.kill_dispatcher("A")
        self._screen.event("SIGKILL for dispatcher A; B carries on alone", "bold red")

    def _new_dispatcher(self) -> None:
        self._stage.add_dispatcher("C")
        self._screen.event("dispatcher C joins", "bold green")

    def _kill_redis(self) -> None:
        # What a stock worker holds when its Redis dies is RQ's to lose, so this waits for a moment when none holds any.
        idle = self._until(self._client.workers_idle, _IDLE_WITHIN)
        held = [] if idle else self._client.in_hands()
        self._killed_at = self._clock.now_us()
        self._stage.redis.kill()
        self._screen.event("SIGKILL for Redis, the workers being idle" if idle else "SIGKILL for Redis", "bold red")
        if held:
            self._notes.append(f"workers held these when Redis was killed, and RQ may lose them: {', '.join(held)}")
        self._script.insert(0, (self._killed_at + round(self._plan.redis_away * US), self._bring_redis_back))
        self._script.sort(key=lambda act: act[0])

    def _bring_redis_back(self) -> None:
        self._stage.redis.start()
        self._back_at = self._clock.now_us()
        away = lateness(self._back_at - self._killed_at)
        self._screen.event(f"Redis is back after {away}, with its append-only file", "bold green")

    # --- looking on ---

    def _look(self) -> None:
        while not self._stage.heard.empty():
            self._hear(self._stage.heard.get())
        for run in self._reader.new():
            self._events.append(run)
            self._witness(run)
        for name in self._stage.revive_workers():
            text = f"{name} gave up when Redis went, as stock workers may; started again, as a service manager would"
            self._screen.event(text, "yellow")
            self._notes.append(f"{name} (stock rq worker) had to be started again after the Redis restart")
        for name in self._stage.fallen_dispatchers():
            if name not in self._fallen:
                self._fallen.add(name)
                self._screen.event(f"dispatcher {name} ended by itself: {self._stage.words(name)}", "bold red")
        if self._back_at and self._client.redis_answers() and not self._client.all_acknowledged:
            count = self._client.retry_refused(self._clock.now_us())
            self._screen.event(f"the client asked again, under new ids: {count} acknowledged", "green")
        began = len(end_of_runs(self._events))
        self._screen.counts(f"scheduled {len(self._client.promises)} one-offs · {len(self._rows)} rows · {began} runs")

    def _hear(self, said: Said) -> None:
        action = said.record.get("action")
        if action == "handed_off":
            for job_id, due, at, *_ in said.record.get("handed_off", []):
                self._handed_by[said.by] = self._handed_by.get(said.by, 0) + 1
                self._note_hand_off(at)
                row = self._row(job_id, at, due)
                row.by, row.due = said.by, due
                self._screen.row(row)
        elif action == "skipped":
            nominal = said.record.get("nominal", 0)
            row = self._row(str(said.record.get("id")), nominal, nominal)
            row.handed_off, row.by, row.result = None, said.by, "skipped (the one before is still going)"
            self._screen.row(row)
        elif said.record.get("level") in ("warning", "error") or str(action).startswith("redis"):
            self._screen.event(f"{said.by}: {said.record.get('message')}", "yellow")

    def _witness(self, run: Run) -> None:
        self._note_hand_off(run.handed_off)
        row = self._row(run.id, run.handed_off, self._client.due_of.get(run.id, run.handed_off))
        if run.event == "began":
            row.result = "running"
        elif run.event == "ended":
            row.result = f"ran, {run.worker}"
        else:
            row.result = f"failed on purpose, {run.worker}"
        self._screen.row(row)

    def _row(self, job_id: str, at: int, due: int) -> Row:
        row = self._rows.get((job_id, at))
        if row is None:
            row = self._rows[job_id, at] = Row(job_id, due, self._what(job_id), at)
        return row

    def _what(self, job_id: str) -> str:
        for one in self._plan.recurring:
            if one.id == job_id:
                return f"{one.id}: {one.says}"
        if job_id == "cron":
            return "cron: */5 seconds"
        return job_id if job_id.startswith("live-") else f"one-off {job_id[:8]}"

    def _note_hand_off(self, at: int) -> None:
        if self._back_at and at > self._killed_at and (not self._first_after or at < self._first_after):
            self._first_after = at

    # --- the end ---

    def _end_recurring(self, end: int) -> tuple[list[Series], dict[tuple[str, int], str]]:
        """End the recurring jobs at a moment when none is due for a while, so that each one's instants are certain."""
        upcoming: dict[str, int] = {}
        history: dict[tuple[str, int], str] = {}

        def settled() -> bool:
            upcoming.clear()
            upcoming.update(self._client.next_instants())
            return all(due > max(end, self._clock.now_us() + _MARGIN) for due in upcoming.values())

        if not self._until(settled, 15.0):
            self._notes.append("a recurring job was still due when it was ended")
        history.update(self._client.history())
        series = self._client.end_series(upcoming, end)
        self._screen.event("the recurring jobs are cancelled; waiting for the last runs")
        return series, history

    def _settle(self) -> None:
        expected = {promise.id for promise in self._client.promises}
        seen, last_news = 0, self._clock.now_us()
        while not (expected <= {run.id for run in self._events} and self._client.workers_idle()):
            self._until(lambda: False, 0.1)
            if len(self._events) > seen:
                seen, last_news = len(self._events), self._clock.now_us()
            elif self._clock.now_us() - last_news > _NO_PROGRESS:
                break
        # What would be a second run of something has a moment to show itself.
        self._until(lambda: False, 0.5)

    def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        deadline = self._clock.now_us() + round(seconds * US)
        while True:
            self._look()
            if condition():
                return True
            if self._clock.now_us() > deadline:
                return False
            sleep(_TICK)

    def _outages(self) -> list[Outage]:
        if not self._back_at:
            return []
        first = self._first_after
        then = "no hand-off since"
        if first:
            after = first - self._back_at
            then = f"first hand-off {lateness(after)} after it answered" if after > 0 else "first hand-off at once"
        self._notes.append(f"Redis was away for {lateness(self._back_at - self._killed_at)}; {then}")
        shares = ", ".join(f"{name} {count}" for name, count in sorted(self._handed_by.items()))
        self._notes.append(f"handed off by: {shares} (as they logged it themselves)")
        return [Outage(self._killed_at, max(self._back_at, first))]
