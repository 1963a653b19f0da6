"""What of one Redis needs a person, the worst first, each with the command to type. Owns the judgement. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from rq_scheduler.client.health import AlertReceiver, Daemon, Health, OutageLine, Some, calendar_time
from rq_scheduler.clock import US, in_zone
from rq_scheduler.humanize import counted, length, when
from rq_scheduler.views.rq_cron import notice
from rq_scheduler.views.table import Typed, as_it_is

__all__ = ["Problem", "names", "no_dispatcher", "notices", "outage_words", "problems"]

OVERDUE_AFTER = timedelta(seconds=10)
"""How late the first entry may be before that is worth a warning."""

UNSERVED_AFTER = timedelta(minutes=2)
"""For how long no dispatcher may have looked for a receiver of alerts, while some are alive."""

_NAMED = 3
"""Ids that a line names."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`code` is for programs, and does not change; `command` is what to type next, empty where there is none.
    queue: the one that it is about, if so."""

    code: str
    text: str
    command: str = ""
    queue: str = ""

    def __str__(self) -> str:
        return self.worded()

    def worded(self, typed: Typed = as_it_is) -> str:
        """As one line, with the command as it is typed there."""
        return f"{self.text}: {typed(self.command)}" if self.command else self.text


def no_dispatcher(last_heard: datetime | None, now: datetime) -> Problem:
    """That nobody hands anything off, where no dispatcher is alive."""
    since = "" if last_heard is None else f", for {length(now - last_heard, coarse=True)} now"
    return Problem("no_dispatcher", f"no dispatcher is alive, so nothing is handed off{since}", "rqscheduler")


def problems(health: Health, zone: tzinfo = UTC) -> list[Problem]:
    """All of them."""
    return [
        *_of_dispatchers(health),
        *_of_redis(health),
        *_of_schedules(health, zone),
        *_of_workers(health),
        *_of_alerts(health),
    ]


def notices(health: Health, zone: tzinfo = UTC) -> list[Problem]:
    """What is worth knowing, and needs nobody now. Moments to type are written with the offset of `zone`."""
    troubles = health.troubles
    found = [Problem("outage", _outage(line, health.now, zone)) for line in troubles.outages[-_NAMED:]]
    for code, some, one, many in (
        ("paused_by_people", troubles.paused_by_people, "schedule is paused", "schedules are paused"),
        ("skipped", troubles.skipped, f"schedule {_SKIPPED}", f"schedules {_SKIPPED}"),
        ("gone", troubles.gone, f"schedule {_GONE}", f"schedules {_GONE}"),
    ):
        if some.count:
            found.append(Problem(code, _counted(some, one, many), _why(some, zone)))
    if troubles.changed.count:
        changed = _counted(troubles.changed, f"schedule {_CHANGED}", f"schedules {_CHANGED}")
        by = f", the last by {troubles.changed_by}" if troubles.changed_by else ""
        found.append(Problem("changed", changed + by, "rqscheduler audit --action changed"))
    if health.wakeup_refused:
        refused = f"this user may not use the wake-up channel ({health.wakeup_refused})"
        text = f"{refused}: dispatchers see what it schedules for the next moment at their next poll only"
        found.append(Problem("wakeup_refused", text))
    return found


_SKIPPED = "skipped runs within a day, held up by an earlier one"
_CHANGED = "got another definition within a day"
_GONE = "had runs within a day that expired or were deleted before they ended"

_CAUSES = {
    "fleet": "no dispatcher was there",
    "redis": "Redis was away",
    "lock": "somebody else held the lock",
}


def _outage(line: OutageLine, now: datetime, zone: tzinfo) -> str:
    how_long = length(timedelta(microseconds=line.ended - line.began), coarse=True)
    until = when(calendar_time(line.ended // US * US), now, zone)
    return f"nothing was handed off for {how_long}, until {until}: {outage_words(line.cause)}"


def outage_words(cause: str) -> str:
    """Why nothing was handed off."""
    return _CAUSES.get(cause, "dispatchers or Redis were away")


def _of_dispatchers(health: Health) -> Iterator[Problem]:
    if not health.dispatchers:
        yield no_dispatcher(health.last_heard, health.now)
    if health.fence is not None and not health.fence.value.startswith("rq-scheduler:"):
        left = "and never expires" if health.fence.ttl_ms < 0 else f"for {health.fence.ttl_ms / 1000:.0f} s more"
        who = "a daemon of rq-scheduler 0.14 in its pass, or an application"
        text = f"somebody else holds the lock, {left} ({who}), and nothing is handed off; if its holder is dead"
        yield Problem("lock_held", text, "rqscheduler --take-fence")
    for one in health.old_daemons:
        yield Problem("daemon_0_14", f"a daemon of rq-scheduler 0.14 is alive ({_place(one)})", "rqscheduler check")
    for cron in health.rq_crons:
        yield Problem("rq_cron", notice(cron))


def _of_redis(health: Health) -> Iterator[Problem]:
    for misfit in health.misfits:
        yield Problem("misfit", misfit)
    policy = health.server.get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and (health.server.get("maxmemory", "0") != "0" or policy.startswith("allkeys")):
        text = f"maxmemory-policy is {policy}, and Redis may evict schedules"
        yield Problem("eviction", text, "redis-cli CONFIG SET maxmemory-policy noeviction")


def _of_schedules(health: Health, zone: tzinfo) -> Iterator[Problem]:
    troubles = health.troubles
    by_failures = "paused by failures or a fault"
    expected = "not succeeded in the time that is expected"
    for code, some, one, many in (
        ("failing", troubles.failing, "schedule is failing", "schedules are failing"),
        ("paused", troubles.paused, f"schedule was {by_failures}", f"schedules were {by_failures}"),
        ("overdue", troubles.late, f"schedule has {expected}", f"schedules have {expected}"),
        ("missed", troubles.missed, "schedule missed runs within a day", "schedules missed runs within a day"),
    ):
        if some.count:
            yield Problem(code, _counted(some, one, many), _why(some, zone))
    due, id = health.next_due, health.counts.next_id
    if health.dispatchers and due is not None and id is not None and health.now - due > OVERDUE_AFTER:
        late = length(health.now - due, coarse=True)
        yield Problem("not_handed_off", f"{id} is {late} overdue and still here; the dispatchers' log says why")
    if health.counts.quarantined:
        text = f"{counted(health.counts.quarantined, 'entry is', 'entries are')} in quarantine"
        yield Problem("quarantine", text, "rqscheduler quarantine list")


def _of_workers(health: Health) -> Iterator[Problem]:
    if health.troubles.suspended:
        yield Problem("suspended", "the workers are suspended, and take no job", "rq resume")
    for name, count in health.queues.items():
        if count and not health.heard.get(name):
            waiting = counted(count, "job waits", "jobs wait")
            text = f"{waiting} in {name!r}, and no worker listens on it"
            yield Problem("no_worker", text, f"rq worker {shlex.quote(name)}", name)


def _of_alerts(health: Health) -> Iterator[Problem]:
    for receiver in health.alert_receivers:
        if health.dispatchers and health.now - calendar_time(receiver.served_at) > UNSERVED_AFTER:
            remedy = f"rqscheduler alert forget {receiver.name}"
            yield Problem("alerts_unserved", f"{_unserved_words(receiver, health.now)}; if that is meant", remedy)
        elif receiver.failing_since is not None:
            text = f"{_failing_words(receiver, health.now)}; whether it answers says"
            yield Problem("alerts_failing", text, "rqscheduler alert test FILE")


def _failing_words(receiver: AlertReceiver, now: datetime) -> str:
    """That a receiver cannot be reached."""
    since = calendar_time(receiver.failing_since or 0)
    waiting = f"; {counted(receiver.waiting, 'event waits', 'events wait')}" if receiver.waiting else ""
    how_long = length(max(timedelta(0), now - since), coarse=True)
    return f"alerts have not reached {receiver.name!r} for {how_long} ({receiver.error}){waiting}"


def _unserved_words(receiver: AlertReceiver, now: datetime) -> str:
    """That no dispatcher sends to a receiver any more."""
    how_long = length(now - calendar_time(receiver.served_at), coarse=True)
    return (
        f"no dispatcher has sent alerts to {receiver.name!r} for {how_long}: none that has it in its --alert is alive"
    )


def _why(some: Some, zone: tzinfo) -> str:
    """What to type to learn the cause: of the first of them, and at the time at which it last did not run."""
    at = "" if some.first_at is None else f" --at {in_zone(some.first_at, zone).isoformat()}"
    return f"rqscheduler why {shlex.quote(some.first[0])}{at}"


def _counted(some: Some, one: str, many: str) -> str:
    """How many there are, and the first of their names."""
    more = "or more " if some.at_least else ""
    return f"{counted(some.count, f'{more}{one}', f'{more}{many}')} ({names(some.first, some.count)})"


def names(first: Sequence[str], count: int) -> str:
    """`a, b, c and 5 more`: the first of so many; where that leaves out one alone, its name."""
    named = first[: _NAMED + 1] if count <= _NAMED + 1 else first[:_NAMED]
    left = count - len(named)
    return ", ".join(named) + (f" and {left:,} more" if left > 0 else "")


def _place(one: Daemon) -> str:
    parts = (("host", one.fields.get("hostname") or one.fields.get("host")), ("pid", one.fields.get("pid")))
    return ", ".join([one.name, *(f"{name} {value}" for name, value in parts if value)])
