"""What a dispatcher tells the outside: a protocol of no-ops, and the one that writes logs.

Metrics and tests listen here too. Every log record carries a stable `action`. Knows no Redis.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from rq_scheduler.clock import US, from_us
from rq_scheduler.errors import SchedulerError
from rq_scheduler.log import log
from rq_scheduler.planning import Missed
from rq_scheduler.store.handoff import Dropped, Fenced, HandedOff
from rq_scheduler.texts import either_of
from rq_scheduler.triggers import Reading

__all__ = ["Events", "LogEvents"]

MISREAD_NAMED = 5
"""Cron strings of another zone that are named; of the others there is a count."""


class Events:
    """Things that happen in a dispatcher. Times are microseconds of the Redis server's clock."""

    @property
    def wants_each_job(self) -> bool:
        """Whether `handed_off` is to be called for plain one-offs too, of which there may be very many."""
        return True

    def started(self, name: str) -> None:
        """The dispatcher is known to Redis and begins to serve."""

    def stopped(self, name: str, others: int) -> None:
        """The dispatcher has left; so many others stay."""

    def handed_off(self, jobs: Sequence[HandedOff], at: int) -> None:
        """Jobs have entered their queues."""

    def not_run(self, id: str, nominal: int, outcome: str) -> None:
        """A fire was skipped or put off (buffered), because the previous run is still going."""

    def missed(self, id: str, missed: Missed) -> None:
        """Instants of a schedule passed without a run."""

    def ended(self, id: str) -> None:
        """A recurring job's RQ job was deleted by a caller, and with it the schedule."""

    def paused(self, id: str, reason: str) -> None:
        """A schedule was paused because its runs failed."""

    def not_stopped(self, id: str, error: BaseException) -> None:
        """A run that was to make way for another could not be asked to."""

    def dropped(self, entry: Dropped) -> None:
        """An entry was taken out: canceled through RQ, or quarantined with a reason."""

    def adopted(self, id: str, trigger: str, timezone: str | None) -> None:
        """A recurring job that a 0.14 client wrote is a schedule now."""

    def misread(self, id: str, pending: int, reading: Reading) -> None:
        """The pending time of an adopted cron string was worked out in another zone than the one it is read in."""

    def swept(self, adopted: Mapping[str | None, int]) -> None:
        """The first look at all pending entries is over: so many were adopted in each zone (None: no cron string)."""

    def put_off(self, id: str, error: BaseException) -> None:
        """An entry cannot be served by this dispatcher now."""

    def unreadable_spec(self, id: str) -> None:
        """A newer version of this package wrote a schedule; this one leaves it alone."""

    def fenced(self, fence: Fenced) -> None:
        """A 0.14 daemon, or an application's lock, keeps this dispatcher from handing off."""

    def unfenced(self) -> None:
        """The fence is free again."""

    def taken_on(self, queue: str, held: int) -> None:
        """RQ's own scheduled jobs of a queue are served for the first time; `held` were long overdue."""

    def unattended(self, queue: str) -> None:
        """No worker listens on a queue that pending jobs name."""

    def name_taken(self, name: str, holder: Mapping[str, str], ttl_ms: int) -> None:
        """Another dispatcher of this name, which has told this of itself, is known for so long, and waited for."""

    def name_taken_over(self, name: str, holder: Mapping[str, str]) -> None:
        """The dispatcher that had this name was on this machine, and is gone."""

    def redis_lost(self, error: BaseException) -> None:
        """Redis cannot be used now."""

    def redis_back(self, seconds: float) -> None:
        """Redis can be used again, after so many seconds."""

    def misfit(self, keys: Sequence[str], error: BaseException) -> None:
        """Keys hold something of another type: what needs them is not served; nothing is lost."""

    def channel_refused(self, error: BaseException) -> None:
        """The wake-up channel cannot be used; entries made for soon wait for the next poll."""


class LogEvents(Events):
    """Writes events to the log; what would repeat is said once."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str]] = set()
        self._misread = 0

    @property
    def wants_each_job(self) -> bool:
        return log.isEnabledFor(logging.DEBUG)

    def started(self, name: str) -> None:
        log.info("Dispatcher %s serves", name, extra={"action": "started", "dispatcher": name})

    def stopped(self, name: str, others: int) -> None:
        log.info(
            "Dispatcher %s has left, %d other(s) stay", name, others, extra={"action": "stopped", "dispatcher": name}
        )

    def handed_off(self, jobs: Sequence[HandedOff], at: int) -> None:
        if log.isEnabledFor(logging.DEBUG):
            log.debug(
                "Handed off %d job(s), the first %.1f ms after its time",
                len(jobs),
                (at - jobs[0].due) / 1000,
                extra={"action": "handed_off", "handed_off": [[job.id, job.due, at, job.queue] for job in jobs]},
            )

    def not_run(self, id: str, nominal: int, outcome: str) -> None:
        log.info(
            "%s of %s not started: the previous run is still going",
            _moment(nominal),
            id,
            extra={"action": outcome, "id": id, "nominal": nominal},
        )

    def missed(self, id: str, missed: Missed) -> None:
        log.warning(
            "%s missed %s%d run(s) from %s to %s",
            id,
            "at least " if missed.at_least else "",
            missed.count,
            _moment(missed.first),
            _moment(missed.last),
            extra={"action": "missed", "id": id, "nominal": missed.last, "count": missed.count},
        )

    def ended(self, id: str) -> None:
        log.info("%s has ended: its RQ job was deleted", id, extra={"action": "deleted", "id": id})

    def paused(self, id: str, reason: str) -> None:
        log.warning("%s is %s; resume it when it is mended", id, reason, extra={"action": "paused", "id": id})

    def not_stopped(self, id: str, error: BaseException) -> None:
        log.info("Run %s could not be stopped: %s", id, error, extra={"action": "not_stopped", "id": id})

    def dropped(self, entry: Dropped) -> None:
        if entry.reason == "canceled":
            log.info("%s was canceled through RQ", entry.id, extra={"action": "canceled", "id": entry.id})
        else:
            log.error(
                "%s is in quarantine: %s", entry.id, entry.reason, extra={"action": "quarantined", "id": entry.id}
            )

    def adopted(self, id: str, trigger: str, timezone: str | None) -> None:
        log.debug(
            "Adopted %s: %s%s",
            id,
            trigger,
            f" in {timezone}" if timezone else "",
            extra={"action": "adopted", "id": id},
        )

    def misread(self, id: str, pending: int, reading: Reading) -> None:
        self._misread += 1
        if self._misread > MISREAD_NAMED:
            return
        log.warning(
            "%s: the pending time of cron %r, %s, is none of its times in %s, but would be in %s. It runs then, "
            "once, and from there on in %s: if that is wrong, rqscheduler timezone %s ZONE",
            id,
            reading.cron.expression,
            _moment(pending),
            reading.cron.timezone,
            either_of(reading.elsewhere),
            reading.cron.timezone,
            id,
            extra={"action": "misread", "id": id, "timezone": reading.cron.timezone, "fits": [*reading.elsewhere]},
        )

    def swept(self, adopted: Mapping[str | None, int]) -> None:
        if more := max(0, self._misread - MISREAD_NAMED):
            log.warning(
                "%d more cron string(s) were pending for a time of another zone; rqscheduler timezone --all ZONE puts "
                "all of the 0.14 API into one",
                more,
                extra={"action": "misread", "more": more},
            )
        self._misread = 0
        zones = {zone: count for zone, count in adopted.items() if zone is not None}
        if adopted:
            log.info(
                "Adopted %d recurring job(s) of rq-scheduler 0.14; %s (--adopt-timezone names another zone)",
                sum(adopted.values()),
                ", ".join(f"{count} cron string(s) among them run in {zone}" for zone, count in zones.items())
                or "no cron string is among them",
                extra={"action": "swept", "adopted": sum(adopted.values()), "crons": sum(zones.values())},
            )

    def put_off(self, id: str, error: BaseException) -> None:
        if self._first("put_off", f"{id} {error!r}"):
            log.error(
                "%s cannot be handed off by this dispatcher: %s. It stays pending; where its class is missing, "
                "name the application's folder with --path",
                id,
                error,
                extra={"action": "put_off", "id": id},
            )

    def unreadable_spec(self, id: str) -> None:
        if self._first("newer", id):
            log.warning(
                "%s was written by a newer rq-scheduler; a dispatcher of that version has to serve it",
                id,
                extra={"action": "newer_format", "id": id},
            )

    def fenced(self, fence: Fenced) -> None:
        log.warning(
            "%s. Waiting; --take-fence does not",
            fence,
            extra={"action": "fenced", "holder": fence.holder, "ttl_ms": fence.ttl_ms},
        )

    def unfenced(self) -> None:
        log.info("rq:scheduler_lock is free again", extra={"action": "unfenced"})

    def taken_on(self, queue: str, held: int) -> None:
        if held:
            log.warning(
                "RQ's own scheduled jobs of queue %s are served from now on, but %d over an hour overdue are held: "
                "nobody was serving them; --rq-overdue run hands them off",
                queue,
                held,
                extra={"action": "taken_on", "queue": queue, "held": held},
            )
        else:
            log.info(
                "RQ's own scheduled jobs of queue %s are served from now on",
                queue,
                extra={"action": "taken_on", "queue": queue, "held": held},
            )

    def unattended(self, queue: str) -> None:
        if self._first("unattended", queue):
            log.warning(
                "No worker listens on queue %s, which pending jobs name: start one with `rq worker %s`",
                queue,
                queue,
                extra={"action": "unattended", "queue": queue},
            )

    def name_taken(self, name: str, holder: Mapping[str, str], ttl_ms: int) -> None:
        log.warning(
            "A dispatcher %s is known already (host %s, process %s): waiting until it is heard of no more, %.0f s from "
            "now if it was killed. To run both, give this one another --name",
            name,
            holder.get("host", "unknown"),
            holder.get("pid", "unknown"),
            ttl_ms / 1000,
            extra={"action": "name_taken", "dispatcher": name, "ttl_ms": ttl_ms},
        )

    def name_taken_over(self, name: str, holder: Mapping[str, str]) -> None:
        log.info(
            "Dispatcher %s was process %s on this host, which is gone: its name is taken over",
            name,
            holder.get("pid", "unknown"),
            extra={"action": "name_taken_over", "dispatcher": name},
        )

    def redis_lost(self, error: BaseException) -> None:
        log.error("Redis cannot be used, trying again: %s", error, extra={"action": "redis_lost"})

    def redis_back(self, seconds: float) -> None:
        log.info("Redis is back after %.1f s", seconds, extra={"action": "redis_back", "seconds": seconds})

    def misfit(self, keys: Sequence[str], error: BaseException) -> None:
        what = "; ".join(keys) or str(error)
        log.error("Not all can be served: %s", what, extra={"action": "misfit", "keys": list(keys)})

    def channel_refused(self, error: BaseException) -> None:
        if self._first("channel", ""):
            log.warning(
                "The wake-up channel cannot be used (%s): jobs made for the next second may start up to one poll late. "
                "Give the Redis user the channel rq:scheduler:wakeup",
                error,
                extra={"action": "channel_refused"},
            )

    def _first(self, kind: str, what: str) -> bool:
        if len(self._said) > 10_000:
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
