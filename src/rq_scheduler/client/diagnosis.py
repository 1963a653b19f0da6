"""What `rqscheduler doctor` goes by: one Redis, this host, and whether the two fit, as a value. Writes nothing, and
judges nothing."""

from __future__ import annotations

import platform
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from itertools import islice
from time import time

from redis.exceptions import ResponseError

from rq_scheduler._version import __version__
from rq_scheduler.client.health import Daemon, Health, read_health
from rq_scheduler.client.scheduler import Scheduler
from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.clock import US
from rq_scheduler.dotted import find
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.host import host_zone
from rq_scheduler.store.survey import Survey, Worker
from rq_scheduler.triggers import AnyOf, Cron, RRule
from rq_scheduler.triggers.made_with import zone_data

__all__ = ["Diagnosis", "Worker", "diagnose"]

MAX_SCHEDULES = 1_000
"""Schedules whose functions, queues and zones are looked at."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """versions: of this package, Python, RQ and redis-py, here. ahead: how far this host's clock is ahead of Redis's,
    and each live dispatcher's, by name. queues: those that schedules name. functions: what keeps a function of a
    schedule from being imported here, by name; zones: those of schedules that are not known here. refused: what this
    user may not do. more: whether there are more schedules than were looked at."""

    health: Health
    versions: Mapping[str, str]
    ahead: timedelta
    dispatchers_ahead: Mapping[str, timedelta]
    workers: Sequence[Worker]
    queues: frozenset[str]
    functions: Mapping[str, str]
    zone_data: str
    host_zone: str
    zones: frozenset[str]
    user: str
    refused: Sequence[str]
    more: bool


def diagnose(scheduler: Scheduler, survey: Survey, where: str) -> Diagnosis:
    """Asks Redis and this host. Imports the functions of the schedules, as workers do."""
    stored: list[StoredSchedule] = []
    with suppress(ResponseError):  # `refused` says so of a user who may run no script
        stored += islice(scheduler.schedules.find_iter(), MAX_SCHEDULES + 1)
    looked_at = stored[:MAX_SCHEDULES]
    health = read_health(survey, where)
    return Diagnosis(
        health=health,
        versions={
            "rq-scheduler": __version__,
            "Python": platform.python_version(),
            "RQ": version("rq"),
            "redis-py": version("redis"),
        },
        ahead=_ahead(survey),
        dispatchers_ahead=_dispatchers_ahead(survey, health.dispatchers),
        workers=survey.live_workers(),
        queues=frozenset(each.queue_name for each in looked_at),
        functions={func: said for func in sorted({each.func for each in looked_at}) if (said := _not_importable(func))},
        zone_data=zone_data(),
        host_zone=host_zone(),
        zones=frozenset(zone for each in looked_at for zone in _zones_of(each) if not _is_zone(zone)),
        user=survey.user(),
        refused=survey.refused(),
        more=len(stored) > MAX_SCHEDULES,
    )


def _ahead(survey: Survey) -> timedelta:
    """By the middle of the round trip."""
    before = time()
    told = survey.now()
    return timedelta(seconds=round((before + time()) / 2 - told / US, 3))


def _dispatchers_ahead(survey: Survey, dispatchers: Sequence[Daemon]) -> dict[str, timedelta]:
    """By the last heartbeat of each, which has the time of both clocks."""
    heard = survey.heard_at([one.name for one in dispatchers])
    found: dict[str, timedelta] = {}
    for one in dispatchers:
        with suppress(KeyError, ValueError, OverflowError):
            found[one.name] = timedelta(seconds=round(float(one.fields["heartbeat"]) - heard[one.name] / US, 3))
    return found


def _not_importable(func: str) -> str:
    try:
        return "" if callable(find(func)) else "it cannot be called"
    except InvalidArgument as error:
        return str(error)


def _zones_of(stored: StoredSchedule) -> Iterator[str]:
    trigger = stored.trigger
    for part in trigger.triggers if isinstance(trigger, AnyOf) else (trigger,):
        if isinstance(part, Cron | RRule):
            yield part.timezone


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return False
    return True
