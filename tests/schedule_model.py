"""The rules of schedules once more, as plainly as they can be said: lists of instants and of runs, and no cleverness.

Written apart from the code under test, of which it takes only a trigger's next instant and the hash behind jitter.
Times are microseconds. `schedules/test_model.py` drives both and compares.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rq_scheduler.clock import to_us
from rq_scheduler.model import Spec
from rq_scheduler.occurrences import jitter_of
from rq_scheduler.runs import run_id

US = 1_000_000
GRACE = 10 * US
MEMORY = {"buffer_one": 1, "buffer_all": 1_000}


@dataclass
class Run:
    """A run that was handed off. state: going, finished, failed or gone (its job has expired)."""

    id: str
    kind: str
    nominal: int
    state: str = "going"


@dataclass
class Model:
    """One schedule."""

    id: str
    spec: Spec
    updated: int
    version: int = 1
    armed: int | None = None
    paused: bool = False
    paused_by_failures: bool = False
    mark: int | None = None
    runs: int = 0
    skipped: int = 0
    missed: int = 0
    manual: int = 0
    failures: int = 0
    live: list[Run] = field(default_factory=list)
    memory: list[Run] = field(default_factory=list)
    check: int | None = None
    backfilled: list[tuple[int, int]] = field(default_factory=list)
    made: set[int] = field(default_factory=set)
    """What was backfilled: those jobs are still there."""
    handed_off: list[tuple[str, int]] = field(default_factory=list)
    """(job id, at) of every run, in order."""

    # Instants

    def after(self, moment: int) -> int | None:
        found = self.spec.trigger.after(moment)
        return None if found is None or (self.end is not None and found >= self.end) else found

    @property
    def end(self) -> int | None:
        return None if self.spec.end is None else to_us(self.spec.end)

    def due(self, nominal: int) -> int:
        if self.spec.jitter is None:
            return nominal
        following = self.after(nominal)
        return nominal + jitter_of(self.id, nominal, self.spec.jitter.us, following and following - nominal)

    def first_after(self, now: int) -> int | None:
        found = self.after(now)
        if found is None:
            last = self.spec.trigger.before(now + 1 if self.end is None else min(now + 1, self.end))
            found = last if last is not None and now - last <= GRACE else None
        return found

    @property
    def next_due(self) -> int | None:
        """When a dispatcher has to look at it."""
        if self.paused:
            return None
        looks = [self.due(self.armed)] if self.armed is not None else []
        return min([*looks, *([self.check] if self.check is not None else [])], default=None)

    # What callers do

    def define(self, spec: Spec, now: int) -> None:
        if self.memory and not self.paused:
            self.check = now
        timing = self.spec.trigger != spec.trigger or self.spec.end != spec.end
        self.spec, self.updated, self.version = spec, now, self.version + 1
        if timing:
            self.backfilled = []
        if spec.max_runs is not None and self.runs >= spec.max_runs:
            self.armed = None
        elif self.armed is None or (timing and not (self.armed <= now and self._names(self.armed))):
            self.armed = self.first_after(now)

    def _names(self, nominal: int) -> bool:
        return self.after(nominal - 1) == nominal

    def pause(self) -> None:
        self.paused, self.check, self.failures = True, None, 0

    def resume(self, now: int) -> None:
        if not self.paused:
            return
        self.paused, self.failures = False, 0
        full = self.spec.max_runs is not None and self.runs >= self.spec.max_runs
        if full:
            self.armed = None
        elif self.armed is None or not (self._names(self.armed) and now < self.due(self.armed)):
            self.armed = self.after(now)
        if self.memory:
            self.check = now

    def run_now(self, now: int, *, force: bool) -> str | None:
        self.manual += 1
        self._look()
        if not self.paused:
            self._start_remembered(now)
        run = Run(run_id(self.id, now, f"m{self.manual}"), "manual", now)
        self._place(run, now, "allow" if force else self.spec.overlap)
        self.check = now + US if self.memory and not self.paused else None
        return run.id if (run.id, now) in self.handed_off else None

    def backfill(self, since: int, until: int) -> list[int]:
        wanted: list[int] = []
        nominal = self.after(since - 1)
        while nominal is not None and nominal < until:
            if not any(lo <= nominal < hi for lo, hi in self.backfilled) and nominal not in self.made:
                wanted.append(nominal)
            nominal = self.after(nominal)
        self.backfilled.append((since, until))
        self.made.update(wanted)
        return wanted

    # What a dispatcher does

    def serve(self, now: int) -> None:
        """All that is due at this moment."""
        while not self.paused and self.armed is not None and self.due(self.armed) <= now:
            self._fire(now)
        if not self.paused and self.check is not None and self.check <= now:
            self._remembered(now)

    def _fire(self, now: int) -> None:
        assert self.armed is not None
        instants = [self.armed]
        while (following := self.after(instants[-1])) is not None and self.due(following) <= now:
            instants.append(following)
        wanted = [each for each in instants if self._runs_late(each, each == instants[-1], now)]
        self._look()
        self.missed += len(instants) - len(wanted)
        if self._too_many_failures():
            return
        self._start_remembered(now)
        for nominal in wanted:
            if self._is_full():
                break
            if self.mark is None or nominal > self.mark:
                self._place(Run(run_id(self.id, nominal), "scheduled", nominal), now, self.spec.overlap)
                self.mark = nominal
        self.armed = None if self._is_full() else following
        if self.memory:
            self.check = now + US
        else:
            self.check = None

    def _remembered(self, now: int) -> None:
        self._look()
        if self._too_many_failures():
            return
        self._start_remembered(now)
        self.check = now + US if self.memory else None

    def _runs_late(self, nominal: int, newest: bool, now: int) -> bool:
        age, spec = now - self.due(nominal), self.spec
        if newest and age <= GRACE:
            return True
        if nominal < self.updated or spec.catchup == "none":
            return False
        if spec.catchup_window is not None and age >= spec.catchup_window.us:
            return False
        return newest or spec.catchup == "all"

    def _is_full(self) -> bool:
        most = self.spec.max_runs
        owed = sum(run.kind == "scheduled" for run in self.memory)
        return most is not None and self.runs + owed >= most

    def _too_many_failures(self) -> bool:
        most = self.spec.pause_on_failures
        if most is not None and self.failures >= most:
            self.pause()
            self.paused_by_failures = True
        return self.paused

    def _look(self) -> None:
        """Learns how runs have ended, in their order, up to the first that goes on."""
        if self.spec.overlap == "allow" and self.spec.pause_on_failures is None and not self.memory:
            return
        kept: list[Run] = []
        for run in self.live:
            if run.state == "going" or kept:
                kept.append(run)
            elif run.state == "failed":
                self.failures += 1
            elif run.state == "finished" or (run.state == "gone" and self.handed_off[-1][0] == run.id):
                self.failures = 0  # a failed job would still be there
        self.live = kept

    @property
    def _going(self) -> list[Run]:
        return [run for run in self.live if run.state == "going"]

    def _start_remembered(self, now: int) -> None:
        if self.memory and not self._going:
            self._start(self.memory.pop(0), now)

    def _place(self, run: Run, now: int, overlap: str) -> None:
        if overlap in ("allow", "replace") or not (self._going or (self.memory and not self.paused)):
            if overlap == "replace":
                for each in self._going:
                    each.state = "replaced"
            self._start(run, now)
        elif len(self.memory) < MEMORY.get(overlap, 0):
            self.memory.append(run)
        else:
            self.skipped += 1

    def _start(self, run: Run, now: int) -> None:
        self.live = [*self.live, run][-20:]
        self.handed_off.append((run.id, now))
        if run.kind == "scheduled":
            self.runs += 1
