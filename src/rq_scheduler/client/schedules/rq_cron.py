"""Where definitions come from: what `rq cron FILE` takes, a module that calls `rq.cron.register`.

Owns the translation of RQ's options, cron strings and names into `Schedule`s. Knows no Redis: RQ's own loader loads the
module, so that it is found here by the rules by which `rq cron` finds it.
"""

from __future__ import annotations

import hashlib
import logging
import re
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import rq
import rq.cron
from rq.version import VERSION as RQ_VERSION

from rq_scheduler.errors import FunctionRefused, InvalidArgument, SchedulerError
from rq_scheduler.functions import check_function
from rq_scheduler.host import host_zone, unnamed_zone
from rq_scheduler.model import Schedule
from rq_scheduler.triggers import Cron, Every
from rq_scheduler.warn import warn_once

__all__ = ["StoredZones", "dotted", "load_registrations", "read_rq_cron", "schedule_of"]

_OPTIONS = ("queue_name", "job_timeout", "result_ttl", "ttl", "failure_ttl", "meta", "webhooks")
"""What `register` and Schedule call by the same name."""

_TRANSLATED = ("func", "args", "kwargs", "interval", "cron", "name")

_LOADED_BY_PATH = "rq_cron_config_"
"""How RQ's loader names a module that it loads from an absolute path; no worker can import it."""

_RQ_FOLDER = str(Path(rq.__file__).parent)


StoredZones = Callable[[], Mapping[str, str]]
"""By id, in which zone the cron strings of those are read that are stored already."""


def read_rq_cron(
    path_or_module: str, timezone: str | None = None, stored_zones: StoredZones | None = None
) -> list[Schedule]:
    """The schedules of an RQ cron configuration: a Python file or the dotted name of a module, as for `rq cron`.

    The module is imported, again if it was before. As in RQ, a relative path is imported as a module, so that it has
    to be on the import path. RQ's registry is left as it was.

    timezone: the IANA name of the zone in which cron strings are read. Without it, those that `stored_zones` knows keep
    the zone that they have, and others get that one if it is the same for all; else "UTC". RQ 2.6 reads them in UTC,
    RQ 3 in the local time of the host that `rq cron` runs on: give that zone then. (Where no zone is known, RQ is 3 and
    this host is not in UTC, a SchedulerWarning says so.) Otherwise they mean what they mean to RQ: a sixth field is
    seconds, a seventh the year.

    Runs are enqueued whatever has become of the last one, as RQ does (`overlap="allow"`). An interval counts from the
    first put, where RQ runs the function as it starts. Ids are RQ's own `name` where that is given, else the function's
    dotted name, with `-` for what an id cannot have. Those that would share one are told apart by a hash of queue and
    arguments, and where these are the same of the cron string or interval: not by their order.

    Raises InvalidArgument naming the file, the function and what is wrong.
    """
    found = load_registrations(path_or_module)
    if not found:
        raise InvalidArgument(
            f"{path_or_module} registers nothing: call rq.cron.register(func, queue_name, cron=...) in it"
        )
    ids = _ids(found)
    known: Mapping[str, str] = stored_zones() if stored_zones and timezone is None else {}
    common = set(known.values())
    others = timezone or (common.pop() if len(common) == 1 else "UTC")
    if timezone is None and not known and _rq_reads_local_time() and any(data["cron"] for data in found):
        here, zone = (unnamed, "Area/City") if (unnamed := unnamed_zone()) else (host_zone(), host_zone())
        warn_once(
            "rq-cron-zone",
            f"{path_or_module}: its cron strings are read in UTC, where RQ {RQ_VERSION} reads them in local time, here "
            f"{here}; give rq_timezone={zone!r}, or rq_timezone='UTC' if that is meant",
        )
    definitions: list[Schedule] = []
    for id, data in zip(ids, found, strict=True):
        try:
            definitions.append(schedule_of(id, data, known.get(id, others)))
        except (SchedulerError, TypeError, ValueError, OverflowError) as error:  # such as args that are no sequence
            raise InvalidArgument(f"{path_or_module}: {dotted(data['func'])}: {error}") from error
    return definitions


def _rq_reads_local_time() -> bool:
    return int(RQ_VERSION.partition(".")[0]) >= 3 and (host_zone() != "UTC" or unnamed_zone() is not None)


# Loading


class _Collector(rq.cron.CronScheduler):
    """RQ's loader, which hands each registration to `register`; kept here as it is, where RQ drops what it refuses."""

    def __init__(self) -> None:
        # RQ would give its logger handlers that print what it loads; it leaves a logger alone that has one.
        logger, silent = logging.getLogger(rq.cron.__name__), logging.NullHandler()
        logger.addHandler(silent)
        try:
            super().__init__(connection=cast("Any", None))
        finally:
            logger.removeHandler(silent)
        self.log = logging.getLogger(f"{__name__}.rq")
        self.log.disabled = True  # what goes wrong is raised
        self.found: list[dict[str, Any]] = []

    def register(self, *args: Any, **options: Any) -> Any:
        self.found.append(options)


def load_registrations(path_or_module: str) -> list[dict[str, Any]]:
    """What the configuration gives to `register`, by RQ's names. Raises InvalidArgument for what cannot be loaded."""
    collector = _Collector()
    try:
        with _registry_kept():
            collector.load_config_from_file(_for_rq(path_or_module))
    except (Exception, SystemExit) as error:
        raise InvalidArgument(f"{path_or_module} cannot be loaded: {_reason(error)}") from error
    return collector.found


@contextmanager
def _registry_kept() -> Generator[None]:
    """RQ's loader puts a new registry in place of what the application may have registered so far."""
    module: Any = rq.cron
    before = module._job_data_registry
    try:
        yield
    finally:
        module._job_data_registry = before


def _for_rq(path_or_module: str) -> str:
    """What RQ's loader makes the right thing of: an absolute path where a relative one is no module's name."""
    path = Path(path_or_module)
    if path.suffix != ".py":
        return path_or_module
    if not path.is_file():
        raise FileNotFoundError(f"there is no such file (looked in {Path.cwd()})")
    return path_or_module if all(part.isidentifier() for part in path.with_suffix("").parts) else str(path.resolve())


def _reason(error: BaseException) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, FileNotFoundError) and cause is error:
        return str(error)
    if isinstance(cause, ModuleNotFoundError):
        return f"no module named {cause.name!r} is found: is its directory on the import path (PYTHONPATH)?"
    frames = [
        frame
        for frame in traceback.extract_tb(cause.__traceback__)
        if not frame.filename.startswith((_RQ_FOLDER, "<frozen"))
    ]
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(cause).__name__}: {cause}{where}"


# Translating


def schedule_of(id: str, data: Mapping[str, Any], timezone: str) -> Schedule:
    """One registration as a Schedule. Raises SchedulerError, or what a wrong value raises."""
    unknown = [name for name, value in data.items() if value and name not in (*_OPTIONS, *_TRANSLATED)]
    if unknown:
        raise InvalidArgument(f"{unknown[0]}={data[unknown[0]]!r} is an option that no schedule has; leave it out")
    func = data["func"]
    check_function(func)
    if str(func.__module__).startswith(_LOADED_BY_PATH):
        raise FunctionRefused(
            "it is defined in the file itself, which no worker can import from there: move it to a module of the "
            "application, or name this file as a module (package.module)"
        )
    options = {name: data[name] for name in _OPTIONS if name in data}
    return Schedule(
        id,
        _trigger(data["cron"], data["interval"], timezone),
        func,
        args=tuple(data["args"] or ()),
        kwargs=dict(data["kwargs"] or {}),
        overlap="allow",
        **cast("Any", options),
    )


def _trigger(cron: Any, interval: Any, timezone: str) -> Cron | Every:
    if bool(cron) == bool(interval):
        raise InvalidArgument(f"cron={cron!r}, interval={interval!r}: give exactly one of the two")
    if interval:
        return Every(interval)
    try:
        return Cron(_our_cron(str(cron)), timezone=timezone)
    except InvalidArgument as error:
        raise InvalidArgument(f"cron={cron!r}: {error}") from error


def _our_cron(text: str) -> str:
    """RQ's cron string (croniter's language) in ours."""
    fields = text.split()
    if len(fields) < 5:
        return text
    minute, hour, day, month, weekday, *rest = fields
    if day not in "*?" and weekday not in "*?":
        # To croniter `*/2` restricts a day field, so that either may match; to cron, what starts with `*` does not.
        day = re.sub(r"(^|,)\*/", r"\g<1>1-31/", day)
        weekday = re.sub(r"(^|,)\*/", r"\g<1>0-6/", weekday)
    five = (minute, hour, day, month, weekday)
    if not rest:
        return " ".join(five)
    second, *year = rest
    return " ".join((second, *five, *(year or ["*"])))


# Ids


def _ids(found: list[dict[str, Any]]) -> list[str]:
    ids = [_id(data) for data in found]
    for fields in (("queue_name", "args", "kwargs"), ("cron", "interval")):
        texts = [_text([data[name] or None for name in fields]) for data in found]
        kinds: dict[str, set[str]] = {}
        for id, text in zip(ids, texts, strict=True):
            kinds.setdefault(id, set()).add(text)
        ids = [
            f"{id}-{hashlib.sha256(text.encode()).hexdigest()[:8]}" if len(kinds[id]) > 1 else id
            for id, text in zip(ids, texts, strict=True)
        ]
    taken: set[str] = set()
    for index, id in enumerate(ids):
        number = 2
        while ids[index] in taken:
            ids[index] = f"{id}-{number}"
            number += 1
        taken.add(ids[index])
    return ids


def _id(data: Mapping[str, Any]) -> str:
    for name in (data.get("name") or "", dotted(data["func"])):
        if id := re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-"):
            return id
    return "rq-cron"


def dotted(func: Any) -> str:
    """The name of a function with its module."""
    return f"{func.__module__}.{getattr(func, '__qualname__', func.__name__)}"


def _text(value: Any) -> str:
    """The same text for the same value in every process: no addresses, no order of sets."""
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return f"{{{','.join(sorted(f'{_text(key)}:{_text(each)}' for key, each in items))}}}"
    if isinstance(value, set | frozenset):
        return f"{{{','.join(sorted(map(_text, cast('set[Any]', value))))}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, cast('list[Any]', value)))}]"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
