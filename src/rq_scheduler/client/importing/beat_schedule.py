"""Celery's `beat_schedule`, by importing the module that has it: this runs the application's code."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from datetime import timedelta, tzinfo
from typing import Any, cast

from rq_scheduler.client.importing.celery import SOLAR, celery_options, crontab, interval
from rq_scheduler.client.importing.celery_fields import FIELDS
from rq_scheduler.client.importing.draft import Draft, NotCarried, drafted
from rq_scheduler.client.importing.foreign import plain_arguments, text_of
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.host import host_zone
from rq_scheduler.triggers.zone_names import zone_name

__all__ = ["read_beat_schedule"]

_DICTS = ("beat_schedule", "CELERY_BEAT_SCHEDULE", "CELERYBEAT_SCHEDULE")
_DECIDES = ("is_due", "remaining_estimate")
_THEIR_PACKAGES = ("celery", "django_celery_beat")
_ZONES = ("timezone", "CELERY_TIMEZONE")


def read_beat_schedule(source: str, timezone: str | None, now: int) -> list[Draft]:
    """The entries of `module:app`, or of a module with an app or a `beat_schedule`. Imports it.

    timezone: an IANA name, in place of the app's. Raises InvalidArgument where there is no beat_schedule.
    """
    entries, theirs = _loaded(source)
    zone = timezone or theirs or "UTC"
    return [
        drafted(str(name), lambda draft, entry=entry: _fill(draft, entry, zone, now)) for name, entry in entries.items()
    ]


def _loaded(source: str) -> tuple[Mapping[Any, Any], str | None]:
    """The dict, and the zone of its crontabs if that is said."""
    name, _, attribute = source.partition(":")
    if "/" in name or name.endswith(".py"):
        raise InvalidArgument(f"{source} is a path: give the name by which it is imported, as in shop.celery")
    found: Any
    try:
        module: Any = importlib.import_module(name)
        found = module
        for part in attribute.split(".") if attribute else ():
            found = getattr(found, part)
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
        hint = "; is its directory on --path?" if isinstance(error, ModuleNotFoundError) else ""
        raise InvalidArgument(f"{source} cannot be imported: {why}{hint}") from error
    if found is module:
        names = cast("dict[str, object]", vars(module))
        found = next((value for value in names.values() if _is_app(value)), module)
    if _is_app(found):
        found.finalize()  # where applications add their periodic tasks
        return found.conf.beat_schedule, _name_of(found.timezone)
    if isinstance(found, Mapping):
        return cast("Mapping[Any, Any]", found), _zone_in(module)
    for each in _DICTS:
        if isinstance(entries := getattr(found, each, None), Mapping):
            return cast("Mapping[Any, Any]", entries), _zone_in(found)
    raise InvalidArgument(f"{source} has no Celery app and no {_DICTS[0]}: name what has one, as in shop.celery:app")


def _is_app(value: object) -> bool:
    return all(hasattr(type(value), name) for name in ("finalize", "conf", "timezone"))


def _zone_in(holder: Any) -> str | None:
    return next((name for each in _ZONES if isinstance(name := getattr(holder, each, None), str)), None)


def _name_of(zone: tzinfo) -> str:
    """The name of a zone; Celery's own object for that of the host has none."""
    try:
        return zone_name(zone)
    except InvalidArgument:
        return host_zone()


def _fill(draft: Draft, entry: Any, zone: str, now: int) -> None:
    if not isinstance(entry, Mapping):
        raise NotCarried(f"it is a {type(entry).__name__}, and not a mapping")
    given = cast("Mapping[str, Any]", entry)
    draft.task = text_of(given.get("task"), "task")
    celery_options(draft, given.get("options") or {})
    args, kwargs = plain_arguments(given.get("args"), given.get("kwargs"))
    draft.options.update(args=args, kwargs=kwargs)
    schedule: Any = given.get("schedule")
    if isinstance(schedule, int | float | timedelta):
        interval(draft, schedule, now, None, relative=bool(given.get("relative")))
    elif getattr(schedule, "run_every", None) is not None:
        interval(draft, schedule.run_every, now, None, relative=bool(schedule.relative))
    elif all(hasattr(schedule, name) for name in FIELDS):
        own = cast("dict[str, Any]", vars(schedule)).get(
            "tz"
        )  # of django-celery-beat's crontab; Celery's has its app's
        fields = {name: getattr(schedule, f"_orig_{name}", getattr(schedule, name)) for name in FIELDS}
        crontab(draft, fields, zone if own is None else _name_of(own))
    elif hasattr(schedule, "lat") and hasattr(schedule, "event"):
        draft.when = f"solar({schedule.event!r})"
        raise NotCarried(SOLAR)
    else:
        draft.when = type(schedule).__name__
        raise NotCarried(f"its schedule is a {type(schedule).__name__}, which is none of Celery's own")
    _own_rules(draft, schedule)


def _own_rules(draft: Draft, schedule: Any) -> None:
    """What an application's own class of schedules, or its clock, does is not known."""
    kind: type[Any] = type(cast("object", schedule))
    deciding = {each for each in kind.__mro__ if not vars(each).keys().isdisjoint(_DECIDES)}
    if any(each.__module__.partition(".")[0] not in _THEIR_PACKAGES for each in deciding):
        draft.instants = None
        draft.lost.append(f"{kind.__name__} has code of its own that decides when it is due ({', '.join(_DECIDES)})")
    if getattr(schedule, "nowfun", None) is not None:
        draft.instants = None
        draft.lost.append("nowfun, a clock of its own: here the clock is the server's")
