"""django-celery-beat's tables, as rows. Pure: rows in, drafts out; nothing of Django is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from rq_scheduler.client.importing.celery import SOLAR, celery_options, clocked, crontab, interval
from rq_scheduler.client.importing.draft import Draft, NotCarried, drafted
from rq_scheduler.client.importing.foreign import json_of, moment_of, plain_arguments, text_of
from rq_scheduler.clock import to_us

__all__ = ["TABLES", "Row", "periodic_tasks"]

Row = Mapping[str, Any]

_PREFIX: Final = "django_celery_beat_"
_KINDS: Final = ("crontab", "interval", "clocked", "solar")
TABLES: Final = (f"{_PREFIX}periodictask", *(f"{_PREFIX}{kind}schedule" for kind in _KINDS))
"""The tasks; and what they refer to by `<kind>_id`."""

_OPTIONS: Final = ("queue", "exchange", "routing_key", "priority")


def periodic_tasks(tables: Mapping[str, Sequence[Row]], timezone: str, now: int) -> list[Draft]:
    """The tasks of these tables, by name, with all of their columns. timezone: of moments without a zone, which are UTC
    unless Django has USE_TZ = False."""
    schedules = {kind: {row["id"]: row for row in tables[f"{_PREFIX}{kind}schedule"]} for kind in _KINDS}
    rows = sorted(tables[TABLES[0]], key=lambda row: str(row.get("name")))
    zone = ZoneInfo(timezone)
    return [
        drafted(str(row.get("name")), lambda draft, row=row: _fill(draft, row, schedules, zone, now)) for row in rows
    ]


def _fill(draft: Draft, row: Row, schedules: Mapping[str, Mapping[Any, Row]], zone: tzinfo, now: int) -> None:
    draft.task = text_of(row.get("task"), "task")
    draft.enabled = bool(row.get("enabled"))
    options = {name: row.get(name) for name in _OPTIONS}
    options["expires"] = moment_of(row.get("expires"), zone) or row.get("expire_seconds")
    options["headers"] = json_of(row.get("headers") or "{}", "headers")
    celery_options(draft, options)
    args, kwargs = plain_arguments(
        json_of(row.get("args") or "[]", "args"), json_of(row.get("kwargs") or "{}", "kwargs")
    )
    draft.options.update(args=args, kwargs=kwargs)
    if row.get("description"):
        draft.options["description"] = str(row["description"])[:500]
    start = moment_of(row.get("start_time"), zone)
    if start is not None and to_us(start) > now:
        draft.options["start"] = start
    found = [(kind, row[f"{kind}_id"]) for kind in _KINDS if row.get(f"{kind}_id") is not None]
    if len(found) != 1 or found[0][1] not in schedules[found[0][0]]:
        raise NotCarried("it has no schedule, or more than one")
    kind, id = found[0]
    schedule = schedules[kind][id]
    if kind == "crontab":
        crontab(draft, schedule, text_of(schedule.get("timezone") or "UTC", "timezone"))
    elif kind == "interval":
        length = timedelta(**{text_of(schedule.get("period"), "period"): int(schedule["every"])})
        # It begins with the start, if that is to come.
        interval(draft, length, now, draft.options.get("start") or moment_of(row.get("last_run_at"), zone))
    elif kind == "clocked":
        at = moment_of(schedule.get("clocked_time"), zone)
        if at is None:
            raise NotCarried("its moment is missing")
        clocked(draft, at, now)
    else:
        draft.when = f"solar({schedule.get('event')!r})"
        raise NotCarried(SOLAR)
    if row.get("one_off"):
        if row.get("total_run_count"):
            raise NotCarried("it was to run once (one_off), and has")
        draft.options["max_runs"] = 1
