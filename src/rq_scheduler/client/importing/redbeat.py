"""RedBeat's entries, out of the JSON that it keeps in Redis. Pure: bytes in, drafts out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from rq_scheduler.client.importing.celery import celery_options, crontab, interval
from rq_scheduler.client.importing.draft import Draft, NotCarried, drafted
from rq_scheduler.client.importing.foreign import MOST_BYTES, json_of, plain_arguments, text_of
from rq_scheduler.triggers import RRule
from rq_scheduler.triggers.zone_names import zone_name

__all__ = ["redbeat_entry"]

_FREQUENCIES: Final = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LISTS: Final = (
    *("bysetpos", "bymonth", "bymonthday", "byyearday"),
    *("byweekno", "byhour", "byminute", "bysecond"),
)


def redbeat_entry(name: str, definition: bytes | None, meta: bytes | None, timezone: str, now: int) -> Draft:
    """The entry of these two JSON texts. `definition` is None where it was too large to be read; timezone: of the
    app's crontabs, which RedBeat does not store."""
    return drafted(name, lambda draft: _fill(draft, definition, meta, timezone, now))


def _fill(draft: Draft, definition: bytes | None, meta: bytes | None, zone: str, now: int) -> None:
    if definition is None:
        raise NotCarried(f"it is larger than {MOST_BYTES:,} bytes, and was not read")
    entry = _mapping(json_of(definition, "definition"), "definition")
    draft.name = text_of(entry.get("name"), "name")
    draft.task = text_of(entry.get("task"), "task")
    draft.enabled = entry.get("enabled") is not False
    celery_options(draft, _mapping(entry.get("options") or {}, "options"))
    args, kwargs = plain_arguments(entry.get("args"), entry.get("kwargs"))
    draft.options.update(args=args, kwargs=kwargs)
    schedule = _mapping(entry.get("schedule"), "schedule")
    match schedule.get("__type__"):
        case "crontab":
            crontab(draft, schedule, zone)
        case "interval":
            last = _mapping(json_of(meta or b"{}", "meta"), "meta").get("last_run_at")
            interval(draft, schedule.get("every"), now, _moment(last), relative=bool(schedule.get("relative")))
        case "rrule":
            _rrule(draft, schedule)
        case kind:
            draft.when = f"{kind!r:.40}"
            raise NotCarried(f"its schedule is of the type {kind!r:.40}, which RedBeat does not have")


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NotCarried(f"its {what} is no JSON object")
    return cast("dict[str, Any]", value)


def _moment(value: Any) -> datetime | None:
    """RedBeat's own JSON of a datetime: its zone is a name, or an offset in seconds."""
    if value is None:
        return None
    parts = dict(_mapping(value, "last_run_at"))
    parts.pop("__type__", None)
    named = parts.pop("timezone", "UTC")
    zone: tzinfo = ZoneInfo(zone_name(named)) if isinstance(named, str) else timezone(timedelta(seconds=float(named)))
    return datetime(**parts, tzinfo=zone).astimezone(UTC)


def _rrule(draft: Draft, rule: Mapping[str, Any]) -> None:
    """dateutil's rule, by the clock of the offset that its dtstart had."""
    frequency = _FREQUENCIES[int(rule["freq"])]
    offset = timedelta(minutes=float(rule.get("dtstart_tz") or 0))
    start = datetime.fromtimestamp(float(rule["dtstart"]), timezone(offset))
    parts = [f"FREQ={frequency}", f"INTERVAL={int(rule.get('interval') or 1)}"]
    if (week_start := rule.get("wkst")) is not None:
        parts.append(f"WKST={_DAYS[_weekday(week_start)]}")
    lists = {name: _numbers(rule.get(name)) for name in _LISTS}
    parts += [f"{name.upper()}={','.join(map(str, values))}" for name, values in lists.items() if values]
    weekdays = rule.get("byweekday")
    if weekdays is not None:
        each = cast("list[Any]", weekdays) if isinstance(weekdays, list) else [weekdays]
        parts.append(f"BYDAY={','.join(map(_by_day, each))}")
        if frequency in ("YEARLY", "MONTHLY") and not lists["bysetpos"] and not re.search(r"\d", parts[-1]):
            draft.notes.append("of 'the first Monday', RedBeat stores 'Monday', and so it runs then: is that meant?")
    if (count := rule.get("count")) is not None:
        parts.append(f"COUNT={int(count)}")
    if (until := rule.get("until")) is not None:
        parts.append(f"UNTIL={datetime.fromtimestamp(float(until), UTC):%Y%m%dT%H%M%SZ}")
    text = ";".join(parts)
    draft.when = f"rrule({text})"
    if rule.get("byeaster") is not None:
        raise NotCarried("byeaster is dateutil's own; no RRule has it")
    if offset.total_seconds() % 3600:
        raise NotCarried(f"its rule goes by the fixed offset {start:%z}, for which there is no zone here")
    hours = int(offset.total_seconds() // 3600)
    zone = "UTC" if hours == 0 else f"Etc/GMT{-hours:+d}"
    draft.trigger = RRule(f"DTSTART:{start:%Y%m%dT%H%M%S}\nRRULE:{text}", zone)
    draft.instants, draft.zone = draft.trigger.after, zone
    if hours:
        draft.notes.append(f"it goes by the fixed offset {start:%z}, in summer and in winter, as RedBeat stored it")


def _numbers(value: Any) -> list[int]:
    if value is None:
        return []
    return [int(one) for one in cast("list[Any]", value)] if isinstance(value, list) else [int(value)]


def _by_day(value: Any) -> str:
    place = cast("dict[str, Any]", value).get("n") if isinstance(value, dict) else None
    return f"{int(place) if place else ''}{_DAYS[_weekday(value)]}"


def _weekday(value: Any) -> int:
    """0 is Monday, as everywhere in dateutil."""
    return int(cast("dict[str, Any]", value)["wkday"] if isinstance(value, dict) else value)
