"""Writes what a dispatcher tells to the log. Every record carries a stable `action`. Knows no Redis."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rq_scheduler.clock import US, from_us
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.log_rate_limit import MAX_NAMED, LogRateLimit, some_of
from rq_scheduler.errors import SchedulerError
from rq_scheduler.log import log
from rq_scheduler.planning import Missed
from rq_scheduler.sanitize import either_of
from rq_scheduler.store.fleet import Look
from rq_scheduler.store.outcomes import Dropped, Fenced, HandedOff
from rq_scheduler.triggers import Reading

__all__ = ["LogEvents"]

MORE = {
    "skipped": "run(s) skipped, since the previous one is still going",
    "buffered": "run(s) put off, since the previous one is still going",
    "missed": "schedule(s) that missed runs",
    "deleted": "recurring job(s) that ended because their RQ job was deleted",
    "paused": "schedule(s) paused because runs failed",
    "quarantined": "entries in quarantine",
    "canceled": "job(s) canceled through RQ",
    "put_off": "entries that this dispatcher cannot hand off",
    "misread": "cron string(s) were pending for a time of another zone (rqscheduler timezone --all ZONE puts all of "
    "the 0.14 API into one)",
}
"""What there were more of, by action; of others the action says it."""

MILESTONES = frozenset(10**power for power in range(20))
"""Runs that were held up in a row, with which it is said once more."""

MAX_HELD_UP = 10_000
"""Schedules whose held-up runs are counted."""

MAX_SAID_ONCE = 10_000
"""Things that are said once, of which it is known that they were."""


class LogEvents(Events):
    """Writes events to the log. What would repeat is said once, or at its 10th, 100th, ... time; what
    many entries have in common, for a few of them a minute and then by number. At DEBUG, each is there."""

    def __init__(self, rate_limit: LogRateLimit | None = None) -> None:
        self._said: set[tuple[str, str]] = set()
        self._rate_limit = rate_limit or LogRateLimit()
        self._held_up: dict[str, int] = {}

    @property
    def wants_each_job(self) -> bool:
        return log.isEnabledFor(logging.DEBUG)

    @property
    def held_up(self) -> Collection[str]:
        return self._held_up

    def started(self, name: str) -> None:
        self._say(logging.INFO, "started", "", "Dispatcher %s serves", name, dispatcher=name)

    def stopped(self, name: str, others: int) -> None:
        self._say_suppressed(all=True)
        self._say(
            logging.INFO, "stopped", "", "Dispatcher %s has left, %d other(s) stay", name, others, dispatcher=name
        )

    def goes_on(self) -> None:
        self._say_suppressed()

    def handed_off(self, jobs: Sequence[HandedOff], at: int) -> None:
        if log.isEnabledFor(logging.DEBUG):
            text, late = "Handed off %d job(s), the first %.1f ms after its time", (at - jobs[0].due) / 1000
            each = [[job.id, job.due, at, job.queue] for job in jobs]
            self._say(logging.DEBUG, "handed_off", "", text, len(jobs), late, handed_off=each)

    def not_run(self, id: str, nominal: int, outcome: str) -> None:
        if len(self._held_up) >= MAX_HELD_UP and id not in self._held_up:
            self._held_up.clear()
        times = self._held_up[id] = self._held_up.get(id, 0) + 1
        if times not in MILESTONES:
            text = "%s of %s not started either"
            self._say(logging.DEBUG, outcome, id, text, _moment(nominal), id, nominal=nominal, count=times)
        elif times == 1:
            text = "%s of %s not started: the previous run is still going"
            self._say(logging.INFO, outcome, id, text, _moment(nominal), id, nominal=nominal, count=times)
        else:
            text = "%s: %d runs not started so far, the last one of %s: the previous run is still going"
            self._say(logging.INFO, outcome, id, text, id, times, _moment(nominal), nominal=nominal, count=times)

    def runs_again(self, id: str) -> None:
        times = self._held_up.pop(id, 0)
        if times > 1:
            self._say(
                logging.INFO, "runs_again", id, "%s runs again, after %d run(s) not started", id, times, count=times
            )

    def missed(self, id: str, missed: Missed) -> None:
        self._say(
            logging.WARNING,
            "missed",
            id,
            "%s missed %s%d run(s) from %s to %s",
            id,
            "at least " if missed.at_least else "",
            missed.count,
            _moment(missed.first),
            _moment(missed.last),
            nominal=missed.last,
            count=missed.count,
        )

    def ended(self, id: str) -> None:
        self._say(logging.INFO, "deleted", id, "%s has ended: its RQ job was deleted", id)

    def paused(self, id: str, reason: str) -> None:
        self._say(logging.WARNING, "paused", id, "%s is %s; resume it when it is mended", id, reason)

    def resumed(self, id: str) -> None:
        self._say(logging.INFO, "resumed", id, "%s fires again: its pause has ended", id)

    def not_stopped(self, id: str, error: BaseException) -> None:
        self._say(logging.INFO, "not_stopped", id, "Run %s could not be stopped: %s", id, error)

    def dropped(self, entry: Dropped) -> None:
        if entry.reason == "canceled":
            self._say(logging.INFO, "canceled", entry.id, "%s was canceled through RQ", entry.id)
        else:
            self._say(logging.ERROR, "quarantined", entry.id, "%s is in quarantine: %s", entry.id, entry.reason)

    def adopted(self, id: str, trigger: str, timezone: str | None) -> None:
        place = f" in {timezone}" if timezone else ""
        self._say(logging.DEBUG, "adopted", id, "Adopted %s: %s%s", id, trigger, place)

    def misread(self, id: str, pending: int, reading: Reading) -> None:
        zone = reading.cron.timezone
        text = (
            "%s: the pending time of cron %r, %s, is none of its times in %s, but would be in %s. It runs then, "
            "once, and from there on in %s: if that is wrong, rqscheduler timezone %s ZONE"
        )
        what = id, reading.cron.expression, _moment(pending), zone, either_of(reading.elsewhere), zone, id
        self._say(logging.WARNING, "misread", id, text, *what, timezone=zone, fits=[*reading.elsewhere])

    def zone_unnamed(self, problem: str) -> None:
        if self._first("zone", problem):
            text = (
                "Cron strings of rq-scheduler 0.14 are read in UTC: %s; --adopt-timezone names the zone that is meant"
            )
            self._say(logging.WARNING, "zone_unnamed", "", text, problem)

    def swept(self, adopted: Mapping[str | None, int]) -> None:
        self._say_suppressed(all=True)
        if not adopted:
            return
        total = sum(adopted.values())
        zones = {zone: count for zone, count in adopted.items() if zone is not None}
        crons = ", ".join(f"{count} cron string(s) among them run in {zone}" for zone, count in zones.items())
        text = "Adopted %d recurring job(s) of rq-scheduler 0.14; %s (--adopt-timezone names another zone)"
        what = total, crons or "no cron string is among them"
        self._say(logging.INFO, "swept", "", text, *what, adopted=total, crons=sum(zones.values()))

    def put_off(self, id: str, error: BaseException) -> None:
        if self._first("put_off", f"{id} {error!r}"):
            text = (
                "%s cannot be handed off by this dispatcher: %s. It stays pending; where its class is missing, "
                "name the application's folder with --path"
            )
            self._say(logging.ERROR, "put_off", id, text, id, error)

    def unreadable_spec(self, id: str) -> None:
        if self._first("newer", id):
            text = "%s was written by a newer rq-scheduler; a dispatcher of that version has to serve it"
            self._say(logging.WARNING, "newer_format", id, text, id)

    def fenced(self, fence: Fenced) -> None:
        self._say(
            logging.WARNING,
            "fenced",
            "",
            "%s. Waiting; --take-fence does not",
            fence,
            holder=fence.holder,
            ttl_ms=fence.ttl_ms,
        )

    def unfenced(self) -> None:
        self._say(logging.INFO, "unfenced", "", "rq:scheduler_lock is free again")

    def taken_on(self, queues: Sequence[tuple[str, int]]) -> None:
        holding = [(queue, held) for queue, held in queues if held]
        others = [queue for queue, held in queues if not held and self._first("taken_on", queue)]
        if holding:
            names = [queue for queue, _ in holding]
            held = sum(held for _, held in holding)
            text = (
                "RQ's own scheduled jobs of queue %s are served from now on, but %d over an hour overdue are held: "
                "nobody was serving them; --rq-overdue run hands them off"
            )
            self._say_of_queues(logging.WARNING, "taken_on", text, names, held, held=held)
        if others:
            text = "RQ's own scheduled jobs of queue %s are served from now on"
            self._say_of_queues(logging.INFO, "taken_on", text, others, held=0)

    def unattended(self, queues: Sequence[str]) -> None:
        news = [queue for queue in queues if self._first("unattended", queue)]
        if news:
            text = "No worker listens on queue %s, which pending jobs name: start one with `rq worker %s`"
            words = " ".join(sorted(news)[:MAX_NAMED]) + (" ..." if len(news) > MAX_NAMED else "")
            self._say_of_queues(logging.WARNING, "unattended", text, news, words)

    def unserved(self, look: Look) -> None:
        for line in look.began:
            text = (
                "%d job(s) wait in queue %s, and no worker has listened on it since %s: start one with `rq worker %s`"
            )
            what = line.jobs, line.queue, _moment(line.since), line.queue
            self._say(logging.WARNING, "unserved", "", text, *what, queue=line.queue, jobs=line.jobs)
        for line in look.ended:
            text = "Queue %s is served again, or empty; nobody served it since %s"
            self._say(logging.INFO, "served", "", text, line.queue, _moment(line.since), queue=line.queue)

    def name_taken(self, name: str, holder: Mapping[str, str], ttl_ms: int) -> None:
        text = (
            "A dispatcher %s is known already (host %s, process %s): waiting until it is heard of no more, %.0f s from "
            "now if it was killed. To run both, give this one another --name"
        )
        where = holder.get("host", "unknown"), holder.get("pid", "unknown")
        fields = {"dispatcher": name, "ttl_ms": ttl_ms}
        self._say(logging.WARNING, "name_taken", "", text, name, *where, ttl_ms / 1000, **fields)

    def name_taken_over(self, name: str, holder: Mapping[str, str]) -> None:
        text = "Dispatcher %s was process %s on this host, which is gone: its name is taken over"
        self._say(logging.INFO, "name_taken_over", "", text, name, holder.get("pid", "unknown"), dispatcher=name)

    def redis_lost(self, error: BaseException) -> None:
        self._say(logging.ERROR, "redis_lost", "", "Redis cannot be used, trying again: %s", error)

    def redis_back(self, seconds: float) -> None:
        self._say(logging.INFO, "redis_back", "", "Redis is back after %.1f s", seconds, seconds=seconds)

    def misfit(self, keys: Sequence[str], error: BaseException) -> None:
        what = "; ".join(keys) or str(error)
        self._say(logging.ERROR, "misfit", "", "Not all can be served: %s", what, keys=list(keys))

    def channel_refused(self, error: BaseException) -> None:
        if self._first("channel", ""):
            text = (
                "The wake-up channel cannot be used (%s): jobs made for the next second may start up to one poll late. "
                "Give the Redis user the channel rq:scheduler:wakeup"
            )
            self._say(logging.WARNING, "channel_refused", "", text, error)

    # How it is said

    def _say(self, level: int, action: str, name: str, text: str, *arguments: Any, **fields: Any) -> None:
        """Writes a line about `name`, if it is about one entry; beyond the rate of its action, at DEBUG."""
        self._say_suppressed()
        if level > logging.DEBUG and not self._rate_limit.allows(action, level, name):
            level = logging.DEBUG
        self._write(level, action, text, *arguments, **({"id": name} if name else {}), **fields)

    def _say_of_queues(
        self, level: int, action: str, text: str, queues: Sequence[str], *arguments: Any, **fields: Any
    ) -> None:
        names = sorted(queues)
        one = {"queue": names[0]} if len(names) == 1 else {"queues": len(names)}
        self._say(level, action, "", text, some_of(names), *arguments, **one, **fields)
        if len(names) > 1:
            self._say(logging.DEBUG, action, "", "These queues: %s", ", ".join(names), **one)

    def _say_suppressed(self, *, all: bool = False) -> None:
        for lines in self._rate_limit.take_suppressed(all=all):
            kind = MORE.get(lines.action, f"of the kind {lines.action}")
            names = f": {', '.join(lines.names)}, ..." if any(lines.names) else ""
            text = "Within a minute, %d more %s%s; --verbose tells each"
            self._write(lines.level, lines.action, text, lines.count, kind, names, count=lines.count, withheld=True)

    def _write(self, level: int, action: str, text: str, *arguments: Any, **fields: Any) -> None:
        log.log(level, text, *arguments, extra={"action": action, **fields})

    def _first(self, kind: str, what: str) -> bool:
        if len(self._said) > MAX_SAID_ONCE:
            self._said.clear()
        seen: Any = (kind, what)
        if seen in self._said:
            return False
        self._said.add(seen)
        return True


def _moment(us: int) -> str:
    try:
        return from_us(us).isoformat()
    except SchedulerError:
        return f"unix time {us / US:.0f}"
