"""What all stores of Celery's beat have in common: schedules, arguments and options of an entry. Pure.

Knows no Celery: objects of an application's beat_schedule are told by what they have.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from rq_scheduler.client.importing.celery_fields import FIELDS, CeleryCrontab
from rq_scheduler.client.importing.draft import Draft, NotCarried
from rq_scheduler.client.importing.foreign import moment_of
from rq_scheduler.clock import from_us
from rq_scheduler.humanize import length, moment
from rq_scheduler.triggers import At, Every

__all__ = ["SOLAR", "celery_options", "clocked", "crontab", "interval"]

SOLAR = "it follows the sun, which nothing here does; a cron string at a fixed time may be near enough"

_AMQP = "exchange", "routing_key", "headers", "serializer", "compression", "delivery_mode", "exchange_type", "immediate"
_SAYS_NOTHING = ("periodic_task_name",)
_WHY = {
    "priority": "queues of RQ have no priorities; give it a queue of its own",
    "countdown": "a run is handed off when it is due",
    "eta": "a run is handed off when it is due",
    "retry": "it is about publishing to a broker",
    "retry_policy": "it is about publishing to a broker",
    "link": "give on_success a function",
    "link_error": "give on_failure a function",
    "task_id": "each run has a job id of its own",
    "ignore_result": "result_ttl says how long a result is kept",
    "soft_time_limit": "job_timeout took the other limit",
    "time_limit": "job_timeout took the other limit",
}


def crontab(draft: Draft, fields: Mapping[str, Any], timezone: str) -> None:
    """A `crontab` of these fields, or their defaults."""
    found = CeleryCrontab({name: fields.get(name) for name in FIELDS}, timezone)
    draft.when = f"{found.words}{'' if timezone == 'UTC' else f' in {timezone}'}"
    draft.instants, draft.zone = found.after, timezone
    draft.trigger = found.cron


def interval(draft: Draft, every: Any, now: int, last_run: datetime | None, *, relative: bool = False) -> None:
    """Every so many seconds, or a timedelta, from the last run, where that is known."""
    given = every if isinstance(every, timedelta) else timedelta(seconds=float(every))
    draft.when = f"every {length(given)}{', relative' if relative else ''}"
    if relative:
        raise NotCarried("relative=True rounds its runs to whole units of the clock; a cron string says that")
    draft.trigger = Every(given, anchor=last_run)
    draft.instants = Every(given, anchor=last_run or from_us(now)).after
    if last_run is None:
        draft.notes.append("it counts from the moment that it is put; beat counts from its own start")


def clocked(draft: Draft, at: datetime, now: int) -> None:
    """Once."""
    draft.when = f"clocked at {moment(at)}"
    draft.trigger, draft.instants = At(at), At(at).after
    if at <= from_us(now):
        raise NotCarried(f"it was to run once, at {moment(at)}, which has passed")


def celery_options(draft: Draft, options: Mapping[str, Any]) -> None:
    """Options of `apply_async`, in ours where they mean the same. Beat itself never looks at the last run, and makes
    up for one run that it missed."""
    draft.options.update(overlap="allow", catchup="latest")
    for name, value in options.items():
        if value is None or value in ({}, []) or name in _SAYS_NOTHING:
            continue
        if name == "queue":
            draft.options["queue_name"] = str(getattr(value, "name", value))
        elif name == "expires":
            _expires(draft, value)
        elif name in ("time_limit", "soft_time_limit") and "job_timeout" not in draft.options:
            draft.options["job_timeout"] = float(value)
        elif name in _AMQP:
            if name == "headers" and set(cast("Mapping[str, Any]", value)) <= {*_SAYS_NOTHING}:
                continue
            draft.lost.append(f"{name}={_shown(value)}: RQ has no broker that would read it")
        else:
            draft.lost.append(f"{name}={_shown(value)}: {_WHY.get(name, 'no schedule has such an option')}")


def _expires(draft: Draft, value: Any) -> None:
    """Seconds after which a run that waits is dropped, or a moment after which none runs."""
    if isinstance(value, int | float | timedelta) and not isinstance(value, bool):
        draft.options["ttl"] = value
    else:
        draft.options["end"] = moment_of(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
