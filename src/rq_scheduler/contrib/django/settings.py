"""What a site's settings say about schedules: `RQ_SCHEDULER`, `RQ_SCHEDULES`, and django-rq's `RQ_QUEUES` and `RQ`.

The one module that reads them. Read anew at each call, since tests change settings.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, cast

import click
from django.conf import settings as site
from django.core.exceptions import ImproperlyConfigured

from rq_scheduler.cli.addresses import read_url
from rq_scheduler.errors import InvalidArgument, kind_of
from rq_scheduler.host import host_zone

__all__ = ["QueueDefaults", "SettingsRefused", "SiteSettings", "read_settings"]

_NAMES = (
    *("URL", "QUEUE", "MODULE", "OWNER", "ALLOW", "HIDE_ARGUMENTS"),
    *("DEFAULT_TIMEOUT", "DEFAULT_RESULT_TTL", "SERIALIZER"),
)


class SettingsRefused(InvalidArgument, ImproperlyConfigured):
    """A setting that cannot work."""


@dataclass(frozen=True, slots=True)
class QueueDefaults:
    """What jobs of a queue get where the call says nothing: seconds, as RQ takes them."""

    timeout: Any = None
    result_ttl: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """url: of Redis, where it is not that of a queue of django-rq. queue: whose connection and serializer are used, and
    to which jobs go unless they name another. module: in each application, where schedules are declared. owner: whose
    they are. allow: functions that may be run from the admin; hide_arguments: there, from everybody. tables:
    RQ_SCHEDULES. queues: RQ_QUEUES; None without django-rq."""

    url: str | None = field(repr=False)
    queue: str
    module: str
    owner: str
    allow: tuple[str, ...]
    hide_arguments: bool
    tables: Mapping[str, Any]
    queues: Mapping[str, Mapping[str, Any]] | None = field(repr=False)
    time_zone: str
    use_tz: bool
    job_class: str | None
    serializer: str | None
    defaults: QueueDefaults

    @property
    def shown(self) -> str:
        """Which Redis it is, without its secrets."""
        return "RQ_SCHEDULER['URL']" if self.url is not None else f"RQ_QUEUES[{self.queue!r}]"

    def defaults_of(self, queue_name: str) -> QueueDefaults:
        """As django-rq has them."""
        given = (self.queues or {}).get(queue_name, {})
        return QueueDefaults(
            given.get("DEFAULT_TIMEOUT", self.defaults.timeout),
            given.get("DEFAULT_RESULT_TTL", self.defaults.result_ttl),
        )


def read_settings(queue: str | None = None) -> SiteSettings:
    """The settings as they are now; with `queue`, of whom the connection is asked for, whatever QUEUE says.

    Raises SettingsRefused (an ImproperlyConfigured) naming the setting, what is wrong with it and what to do.
    """
    given = _mapping("RQ_SCHEDULER", "{'QUEUE': 'default'}")
    for name in given:
        if name not in _NAMES:
            near = get_close_matches(str(name).upper(), _NAMES, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {_listed(_NAMES)}"
            raise SettingsRefused(f"RQ_SCHEDULER has no {name!r}: {hint}")
    rq = _mapping("RQ", "{'DEFAULT_RESULT_TTL': 5000}")
    queues = _mapping("RQ_QUEUES", "{'default': {'URL': 'redis://localhost:6379/0'}}") or None
    for name in queues or ():
        _mapping_in(f"RQ_QUEUES[{name!r}]", cast("Any", queues)[name], "{'URL': 'redis://localhost:6379/0'}")
    # A queue that is asked for has a connection of its own where RQ_QUEUES is.
    url = _url(given.get("URL")) if queue is None or queues is None else None
    name = queue or _text(given, "QUEUE", "default")
    if url is None:
        _check_queue(name, queues, asked=queue is not None)
    config = (queues or {}).get(name, {})
    return SiteSettings(
        url=url,
        queue=name,
        module=_text(given, "MODULE", "rq_schedules"),
        owner=_text(given, "OWNER", os.environ.get("DJANGO_SETTINGS_MODULE", "").partition(".")[0] or "django"),
        allow=_texts(given, "ALLOW"),
        hide_arguments=_flag(given, "HIDE_ARGUMENTS"),
        tables=_mapping("RQ_SCHEDULES", "{'nightly': {'func': 'shop.tasks.report', 'cron': '30 2 * * *'}}"),
        queues=queues,
        time_zone=site.TIME_ZONE or host_zone(),
        use_tz=bool(site.USE_TZ),
        job_class=_dotted(rq.get("JOB_CLASS")),
        serializer=_dotted(given.get("SERIALIZER", config.get("SERIALIZER"))),
        defaults=QueueDefaults(
            given.get("DEFAULT_TIMEOUT"), given.get("DEFAULT_RESULT_TTL", rq.get("DEFAULT_RESULT_TTL"))
        ),
    )


def _check_queue(name: str, queues: Mapping[str, Any] | None, *, asked: bool) -> None:
    if queues is None:
        raise SettingsRefused(
            "neither RQ_QUEUES nor RQ_SCHEDULER says where Redis is: configure django-rq, or set "
            "RQ_SCHEDULER = {'URL': 'redis://localhost:6379/0'}"
        )
    if name not in queues:
        remedy = "name one of them" if asked else "set RQ_SCHEDULER = {'QUEUE': ...} to one of them"
        raise SettingsRefused(f"RQ_QUEUES has no queue {name!r}, but {_listed(queues)}: {remedy}")


def _url(given: Any) -> str | None:
    if given is None:
        return None
    try:
        if not isinstance(given, str):
            raise click.BadParameter(f"it is {kind_of(given)}.")
        read_url(given)
    except click.BadParameter as error:  # whose text shows no part of a URL
        raise SettingsRefused(f"RQ_SCHEDULER['URL'] will not do: {error.message}") from None
    return given


def _mapping(name: str, example: str) -> Mapping[str, Any]:
    given: Any = getattr(site, name, None)
    return {} if given is None else _mapping_in(name, given, example)


def _mapping_in(name: str, given: Any, example: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise SettingsRefused(f"{name} is {kind_of(given)}: give a dict, such as {example}")
    return cast("Mapping[str, Any]", given)


def _text(given: Mapping[str, Any], name: str, default: str) -> str:
    value = given.get(name, default)
    if not isinstance(value, str) or not value:
        raise SettingsRefused(f"RQ_SCHEDULER[{name!r}] is {value!r}: give text, such as {default!r}, or leave it out")
    return value


def _texts(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = given.get(name, ())
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in cast("list[Any]", value)):
        raise SettingsRefused(f"RQ_SCHEDULER[{name!r}] is {value!r}: give a list of texts, such as ['shop.tasks.*']")
    return tuple(cast("list[str]", value))


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise SettingsRefused(f"RQ_SCHEDULER[{name!r}] is {value!r}: give True or False")
    return value


def _dotted(given: Any) -> str | None:
    """A class by the name under which it is imported; settings have either."""
    return f"{given.__module__}.{given.__qualname__}" if isinstance(given, type) else given


def _listed(names: Any) -> str:
    return ", ".join(map(repr, names))
