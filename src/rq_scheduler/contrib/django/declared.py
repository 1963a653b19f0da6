"""What a site declares: `RQ_SCHEDULES` in its settings, and `@register` in each application's `rq_schedules.py`.

Owns how it is found and which mistakes were made, one by one. Only commands and checks look: they import those modules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, cast

from django.apps import apps
from django.utils.module_loading import module_has_submodule

from rq_scheduler.client.schedules.files import named, schedule_from
from rq_scheduler.contrib.django.registry import Declaration, registered
from rq_scheduler.contrib.django.settings import SiteSettings, read_settings
from rq_scheduler.dotted import told
from rq_scheduler.errors import InvalidArgument, SchedulerError, kind_of
from rq_scheduler.model import Schedule
from rq_scheduler.triggers import AnyTrigger

__all__ = ["Found", "Mistake", "declared_schedules", "look"]

_ZONED = ("cron", "rrule")


@dataclass(frozen=True, slots=True)
class Mistake:
    """`id` is that of the check which tells of it."""

    id: str
    text: str


@dataclass(slots=True)
class Found:
    """`modules` are those that were imported."""

    modules: list[str] = field(default_factory=list[str])
    declarations: list[Declaration] = field(default_factory=list[Declaration])
    mistakes: list[Mistake] = field(default_factory=list[Mistake])


def look() -> Found:
    """All that is declared, and what is wrong with it by itself. Raises SettingsRefused."""
    settings, found = read_settings(), Found()
    found.declarations += _of_settings(settings, found.mistakes)
    for module in _modules(settings.module):
        try:
            import_module(module)
        except SchedulerError as error:
            found.mistakes.append(Mistake("E003", f"{module}: {error}"))
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever the module does
            found.mistakes.append(Mistake("E002", f"importing {module} failed: {told(error)}"))
        else:
            found.modules.append(module)
    found.declarations += registered()
    by_id: dict[str, list[str]] = {}
    for each in found.declarations:
        by_id.setdefault(each.schedule.id, []).append(each.where)
    for id, places in by_id.items():
        if len(places) > 1:
            text = f"id={id!r} is declared {len(places)} times, by {' and '.join(places)}: give each its own"
            found.mistakes.append(Mistake("E006", text))
    return found


def declared_schedules() -> list[Schedule]:
    """What `sync` puts. Raises InvalidArgument naming every mistake, and where nothing at all is declared."""
    found = look()
    if found.mistakes:
        raise InvalidArgument("; ".join(each.text for each in found.mistakes))
    if not found.declarations:
        raise InvalidArgument(
            f"nothing is declared, so this would delete all schedules of {read_settings().owner!r}: declare some "
            "(RQ_SCHEDULES, or @register in an application's rq_schedules.py), or delete them by name (rqschedules "
            "delete)"
        )
    return [each.schedule for each in found.declarations]


def _of_settings(settings: SiteSettings, mistakes: list[Mistake]) -> Iterator[Declaration]:
    for id, table in settings.tables.items():
        where = f"RQ_SCHEDULES[{id!r}]"
        try:
            yield Declaration(named(where, _schedule, id, table, settings), where)
        except SchedulerError as error:
            mistakes.append(Mistake("E003", str(error)))


def _schedule(id: str, table: Any, settings: SiteSettings) -> Schedule:
    """A table as files have it, its clock in TIME_ZONE; or the arguments of a Schedule, with a trigger as Python has
    it."""
    if not isinstance(table, Mapping):
        raise InvalidArgument(f"it is {kind_of(table)}: give a dict of its fields")
    given = dict(cast("Mapping[str, Any]", table))
    if isinstance(given.get("trigger"), AnyTrigger):
        if "func" not in given:
            raise InvalidArgument("it has no func: give the function's dotted name")
        if "id" in given:
            raise InvalidArgument(f"'id' is no field here: {id!r} is its id")
        return Schedule(id, given.pop("trigger"), given.pop("func"), **given)
    if not given.keys().isdisjoint(_ZONED):
        given.setdefault("timezone", settings.time_zone)
    return schedule_from(id, given)


def _modules(name: str) -> Iterator[str]:
    for config in apps.get_app_configs():
        if config.module is not None and module_has_submodule(config.module, name):
            yield f"{config.name}.{name}"
