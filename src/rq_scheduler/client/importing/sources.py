"""Which reader reads what: by the name of the source and by what it is read from."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis import Redis, RedisCluster

from rq_scheduler.client.importing.draft import Draft
from rq_scheduler.client.importing.foreign import MOST_BYTES
from rq_scheduler.errors import InvalidArgument
from rq_scheduler.host import host_zone
from rq_scheduler.store.foreign import apscheduler_jobs, redbeat_entries

__all__ = ["SOURCES", "Read", "Source", "read"]

_REDIS: Final = ("redis://", "rediss://", "unix://")
_NO_URL: Final = {"crontab": "a file (- is stdin)", "rq-cron": "a .py file, or a module by its name"}
_SYSTEM_CRONTABS: Final = ("/etc/crontab", "/etc/cron.d/")


@dataclass(frozen=True, slots=True)
class Source:
    """What is read. place: a path, a URL or the name of a module. timezone: the IANA name of the zone of times for
    which it names none itself; None is that source's default. key: RedBeat's key prefix, or the hash or table of
    APScheduler's jobs, if it is not the usual one. users: whether a crontab has users, if its path does not say it.
    now: microseconds since the epoch. connect: opens a Redis URL."""

    kind: str
    place: str
    now: int
    connect: Callable[[str], Redis | RedisCluster]
    timezone: str | None = None
    key: str | None = None
    users: bool | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """The entries, and what is to be said of the source as a whole."""

    drafts: list[Draft]
    remarks: list[str]


def read(source: Source) -> Read:
    """All entries of a source. Raises InvalidArgument where it cannot be read at all, and redis-py's errors."""
    if "://" in source.place and source.kind in _NO_URL:  # of which nothing is shown: a password may be in it
        raise InvalidArgument(f"{source.kind} reads {_NO_URL[source.kind]}, and this is a URL")
    return SOURCES[source.kind](source)


def _crontab(source: Source) -> Read:
    from rq_scheduler.client.importing.crontab import read_crontab

    users = source.place.startswith(_SYSTEM_CRONTABS) if source.users is None else source.users
    drafts, remarks = read_crontab(_text(source.place), source.timezone or host_zone(), users=users)
    return Read(drafts, remarks)


def _text(place: str) -> str:
    try:
        with nullcontext(sys.stdin.buffer) if place == "-" else Path(place).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidArgument(f"{place} cannot be opened: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise InvalidArgument(f"{place} is larger than {MOST_BYTES:,} bytes: is it a crontab?")
    return content.decode("utf-8-sig", errors="replace")


def _celery_beat(source: Source) -> Read:
    from rq_scheduler.client.importing import beat_schedule, django_beat, sql

    if source.place.startswith(_REDIS):
        raise InvalidArgument("celery-beat reads a module or a database; what RedBeat has in Redis: --from redbeat")
    if "://" in source.place or (sql.is_file(source.place) and not source.place.endswith(".py")):
        with sql.open_database(source.place) as database:
            tables = {name: database.rows(name) for name in django_beat.TABLES}
        return Read(django_beat.periodic_tasks(tables, source.timezone or "UTC", source.now), [])
    remark = f"{source.place} was imported, which ran its code"
    return Read(beat_schedule.read_beat_schedule(source.place, source.timezone, source.now), [remark])


def _redbeat(source: Source) -> Read:
    from rq_scheduler.client.importing.redbeat import redbeat_entry

    zone, prefix = source.timezone or "UTC", source.key or "redbeat:"
    with closing(source.connect(source.place)) as connection:
        drafts = [redbeat_entry(*texts, zone, source.now) for texts in redbeat_entries(connection, prefix, MOST_BYTES)]
    remarks = [] if drafts else [f"nothing is in {prefix}:schedule; --key gives another prefix than {prefix}"]
    if source.timezone is None and any(draft.when.startswith("crontab") for draft in drafts):
        # It has them without the zone of the app that put them there.
        remarks.append("crontabs are read in UTC, Celery's default; --timezone if the app has another")
    return Read(drafts, remarks)


def _apscheduler(source: Source) -> Read:
    from rq_scheduler.client.importing import sql
    from rq_scheduler.client.importing.apscheduler import SHORT_GRACE, aps_job, has_short_grace

    if source.place.startswith(_REDIS):
        key = source.key or "apscheduler.jobs"
        with closing(source.connect(source.place)) as connection:
            jobs = [*apscheduler_jobs(connection, key, MOST_BYTES)]
    else:
        key = source.key or "apscheduler_jobs"
        with sql.open_database(source.place) as database:
            jobs = database.blobs(key, "id", "job_state")
    drafts = [aps_job(id, stored, source.now) for id, stored in jobs]
    remarks = [] if drafts else [f"nothing is in {key}; --key gives another"]
    return Read(drafts, [*remarks, SHORT_GRACE] if any(map(has_short_grace, drafts)) else remarks)


def _rq_cron(source: Source) -> Read:
    from rq_scheduler.client.importing.rq_cron import read_registrations, usual_zone

    zone = source.timezone or usual_zone()
    remark = f"{source.place} was imported, which ran its code; its cron strings are read in {zone}"
    return Read(read_registrations(source.place, zone, source.now), [remark])


SOURCES: Final[dict[str, Callable[[Source], Read]]] = {
    "crontab": _crontab,
    "celery-beat": _celery_beat,
    "redbeat": _redbeat,
    "apscheduler": _apscheduler,
    "rq-cron": _rq_cron,
}
"""By the name that `--from` takes."""
