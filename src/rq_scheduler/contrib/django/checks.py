"""System checks of what a site declares. Those that ask Redis run with `check --tag rq` only.

Each has an id, `rq_scheduler.E...` for what cannot work, `W...` for what may be meant otherwise; docs/django.md lists
them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from django.core import checks
from redis.exceptions import RedisError

from rq_scheduler.client.base import context_of
from rq_scheduler.client.schedules.template import template_of
from rq_scheduler.contrib.django.declared import look
from rq_scheduler.contrib.django.places import place_of
from rq_scheduler.contrib.django.registry import Declaration
from rq_scheduler.contrib.django.scheduler import DjangoScheduler, get_scheduler, make_connection
from rq_scheduler.contrib.django.settings import SettingsRefused, SiteSettings, read_settings
from rq_scheduler.dotted import find
from rq_scheduler.errors import InvalidArgument, SchedulerError
from rq_scheduler.store.survey import Survey

__all__ = ["check_declared", "check_redis", "register_checks"]

TAG = "rq_scheduler"
REDIS_TAG = "rq"

_NAMED = 5


def register_checks() -> None:
    """Makes them known to Django."""
    checks.register(check_declared, TAG)
    checks.register(check_redis, REDIS_TAG)


def check_declared(**_: Any) -> list[checks.CheckMessage]:
    """What can be told without Redis."""
    try:
        settings = read_settings()
        scheduler = get_scheduler()
        found = look()
    except SchedulerError as error:
        return [_error("E001", f"{error}.")]
    messages = [_error(each.id, f"{each.text}.") for each in found.mistakes]

    @cache
    def wrong_with(queue: str) -> tuple[str, str] | None:
        return _wrong_with(queue, settings, scheduler)

    for declaration in found.declarations:
        messages += _of_one(declaration, scheduler, wrong_with)
    if not (found.declarations or found.mistakes):
        messages.append(
            _warning(
                "W001",
                f"no schedule is declared: no application has a module {settings.module!r} that registers one, and "
                "RQ_SCHEDULES is empty.",
                "Declare one, or take rq_scheduler.contrib.django out of INSTALLED_APPS.",
            )
        )
    return messages


def check_redis(**_: Any) -> list[checks.CheckMessage]:
    """What only Redis can tell: whether what is declared is there, and whether anybody serves it."""
    if not _asked_for():
        return []
    try:
        settings, scheduler, found = read_settings(), get_scheduler(), look()
    except SchedulerError:
        return []  # told by the checks that need no Redis, and so is what follows
    try:
        if found.mistakes:
            return []
        messages = _not_synced(scheduler, settings, [each.schedule for each in found.declarations])
        if not Survey(scheduler.connection).dispatchers():
            messages.append(_warning("W011", "no dispatcher is alive: nothing runs.", "Start manage.py rqdispatcher."))
        return messages
    except SchedulerError as error:
        return [_error("E007", f"{error}.")]
    except (RedisError, OSError) as error:
        return [
            _error(
                "E010",
                f"Redis at {settings.shown} does not answer: {error}.",
                "Start it, or say in the settings where it is. Without --tag rq, no check needs it.",
            )
        ]


def _of_one(
    declared: Declaration, scheduler: DjangoScheduler, wrong_with: Callable[[str], tuple[str, str] | None]
) -> Iterator[checks.CheckMessage]:
    schedule = declared.schedule
    where = f"{declared.where}: schedule {schedule.id!r}"
    if isinstance(schedule.func, str):
        try:
            find(schedule.func)
        except InvalidArgument as error:
            yield _error("E004", f"{where}: no worker can import {schedule.func}: {error}")
            return
    try:
        queue = template_of(context_of(scheduler), schedule).queue
    except SchedulerError as error:
        yield _error("E007", f"{where}: {error}.")
        return
    wrong = wrong_with(queue)
    if wrong is not None:
        yield _error("E005", f"{where}: {wrong[0]}.", wrong[1])


def _wrong_with(queue: str, settings: SiteSettings, scheduler: DjangoScheduler) -> tuple[str, str] | None:
    """And the remedy."""
    queues = settings.queues
    if queues is None:
        return None
    if queue not in queues:
        names = ", ".join(map(repr, queues))
        return f"RQ_QUEUES has no queue {queue!r}, but {names}", "Name one, or add it there."
    try:
        its = make_connection(read_settings(queue))
    except SettingsRefused as error:
        return str(error), "Mend RQ_QUEUES, or name another queue."
    if place_of(its) == place_of(scheduler.connection):
        return None
    there = f"the queue {queue!r} is in another Redis than {settings.shown}, where schedules are"
    return f"{there}: its workers would never see a run", "Give both the same connection, or name another queue."


def _not_synced(scheduler: DjangoScheduler, settings: SiteSettings, schedules: list[Any]) -> list[checks.CheckMessage]:
    if not schedules:
        return []
    synced = scheduler.schedules.sync(schedules, settings.owner, dry_run=True)
    told = [
        f"{len(ids)} {what} ({', '.join(ids[:_NAMED])}{', ...' if len(ids) > _NAMED else ''})"
        for what, ids in (
            ("declared and not in Redis", synced.added),
            ("declared otherwise", synced.changed),
            ("in Redis and no longer declared", synced.removed),
        )
        if ids
    ]
    if not told:
        return []
    return [
        _warning(
            "W010",
            f"schedules of {settings.owner!r} in {settings.shown} are not what is declared: {'; '.join(told)}.",
            "Have each deployment run manage.py rqschedules sync.",
        )
    ]


def _asked_for() -> bool:
    """Whether checks were chosen by tag. Django runs every check where none was, but for those of databases, and tells
    a check nothing of it: only whoever runs them knows."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_name != "run_checks":
        frame = frame.f_back
    tags: Any = None if frame is None else frame.f_locals.get("tags")
    return tags is not None and REDIS_TAG in tags


def _error(id: str, text: str, hint: str | None = None) -> checks.CheckMessage:
    return checks.Error(_ended(text), hint=hint, id=f"rq_scheduler.{id}")


def _warning(id: str, text: str, hint: str | None = None) -> checks.CheckMessage:
    return checks.Warning(_ended(text), hint=hint, id=f"rq_scheduler.{id}")


def _ended(text: str) -> str:
    text = text.rstrip(".")
    return text if text.endswith("?") else f"{text}."
