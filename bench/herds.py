"""Schedules of one program, on a server of their own, that are all due at once: again and again, at any moment."""

from __future__ import annotations

import time

from rq.utils import utcparse

from bench.harness import Harness, Place
from bench.sampling import Sample
from bench.server import DUE_SCHEDULES, NEW_RUNS, OPEN_RUNS, TO_PLAN
from bench.targets import LIMIT

DAY = 86_400
LEASE = 2
"""Seconds for which a dispatcher has what it has taken to plan."""


class Herd:
    """`number` schedules that `who` has put, daily ones or cron strings of 20 zones; with `own`, each has a definition
    of its own, by its jitter."""

    def __init__(self, harness: Harness, who: str, number: int, *, cron: bool, own: bool) -> None:
        self.place: Place = harness.place(f"{who}, {'own' if own else 'alike'}")
        self.who, self.number = who, number
        self._jitter = 10_000 + number // 2 if own else 0  # us: the middle of what `sync_herd` gives them
        # Seconds in which dispatchers plan ahead what will be due.
        self.head_start = 1 + number / 12_000
        self._fires = 0
        self.place[who].do("sync_herd", calls=number, cron=cron, own=own)
        connection = self.place.server.connection
        # Before plans were data in Redis, records had no policy, and nothing was planned ahead.
        self._is_planned_ahead = connection.hexists("rq:scheduler:schedule:report-0", "policy")
        if connection.zcard(DUE_SCHEDULES) != number:
            raise SystemExit(f"{who} has not put all of {number} schedules")

    def fire(self, dispatchers: int = 1) -> Sample:
        """All fire at once: from the moment at which they are due to the last hand-off."""
        self.place.server.finish()
        with self.place.dispatchers(self.who, dispatchers) as team:
            self._wait_for_ends()
            nominal = self._arm_planned()
            time.sleep(max(0.0, nominal - 0.2 - time.time()))
            self.place.server.forget_scripts_run()
            redis, process = self.place.server.cpu(), sum(each.cpu() for each in team)
            self.place.server.wait_for(self.number, 120)
            process = sum(each.cpu() for each in team) - process
        redis = self.place.server.cpu() - redis
        self.place.note_scripts(self.who)
        return Sample(self.number, self._seconds_since(nominal), redis, process)

    def _wait_for_ends(self) -> None:
        """Until the ends of the runs before are seen: of daily schedules, none ends while others fire."""
        end = time.monotonic() + 60
        while self.place.server.connection.exists(NEW_RUNS, OPEN_RUNS):
            if time.monotonic() > end:
                raise SystemExit(f"{self.who} has not settled the ends of {self.number} runs within a minute")
            time.sleep(0.05)

    def fire_bare(self) -> Sample:
        """The same by the bare script, which is told when and for how many times they fire, and how far apart the next
        moments are."""
        self.place.server.finish()
        nominal = self._arm(1)
        self.place.server.forget_scripts_run()
        redis = self.place.server.cpu()
        answer = self.place[LIMIT].do("fire_at", nominal=nominal, period=DAY, runs=self._fires, jitter=self._jitter)
        redis = self.place.server.cpu() - redis
        self.place.note_scripts(LIMIT)
        return Sample(self.number, self._seconds_since(nominal), redis, answer.cpu)

    def _arm_planned(self) -> int:
        """All for a second before which dispatchers have planned them, as they do a minute ahead where nobody arms them
        anew. Where they have not, all are armed once more, with twice the time."""
        while True:
            began = time.time()
            nominal = self._arm(self.head_start)
            last_call = nominal - 1 - 2 * (time.time() - began)
            while (unplanned := self._unplanned()) and time.time() < last_call:
                time.sleep(0.05)
            if not unplanned:
                return nominal
            if self.head_start > 120:
                raise SystemExit(f"{self.who} has not planned {unplanned} of {self.number} schedules in two minutes")
            self.head_start *= 2

    def _unplanned(self) -> int:
        if not self._is_planned_ahead:
            return 0
        return int(self.place.server.connection.zcount(TO_PLAN, "-inf", time.time() + LEASE))

    def _arm(self, head_start: float) -> int:
        """All for a second that is so far away when they are armed; a busy machine has three attempts."""
        self._fires += 1
        for _ in range(3):
            nominal = int(time.time() + head_start + self.number / 50_000) + 1
            self.place.server.arm(self.number, nominal)
            if time.time() < nominal - head_start:
                return nominal
        raise SystemExit("this machine is too busy to arm the schedules before they are due")

    def _seconds_since(self, nominal: int) -> float:
        """How long it took to hand all off. What is handed off by one script has one moment, that of its beginning: so
        the pace of all but the last batch is taken for that of all."""
        self.place.server.expect(self.number, self.who)
        connection = self.place.server.connection
        with connection.pipeline(transaction=False) as pipe:
            for run in connection.lrange("rq:queue:default", -5_000, -1):
                pipe.hget(b"rq:job:" + run, "enqueued_at")
            moments = [utcparse(moment.decode()).timestamp() for moment in pipe.execute()]
        last = max(moments)
        before = self.number - moments.count(last)
        return (last - nominal) * self.number / before if before else last - nominal
