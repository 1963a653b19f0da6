"""`get_scheduler`: a Scheduler by the site's settings, to which datetimes mean what they mean to Django, and which can
wait for a transaction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.db import transaction
from redis import Redis
from rq.job import Job

from rq_scheduler.aliases import Function
from rq_scheduler.client.scheduler import Scheduler
from rq_scheduler.contrib.django.settings import SettingsRefused, SiteSettings, read_settings
from rq_scheduler.errors import InvalidArgument

__all__ = ["DjangoScheduler", "get_scheduler", "make_connection"]

ON_COMMIT = "on_commit"
_OF_DJANGO_RQ = "on_db_commit"


class DjangoScheduler(Scheduler):
    """As `Scheduler`, but that a naive datetime is read in TIME_ZONE, that jobs get the timeout and the result TTL that
    the settings have for their queue, and that `enqueue_at` and `enqueue_in` take `commit="on_commit"`.

    With that the job is saved when the transaction of the database `using` commits, and never if it is rolled back: it
    comes back unsaved, its id and its time fixed. Without a transaction it is saved at once.

    Due times are given as Django has datetimes: aware with USE_TZ, else naive in TIME_ZONE.
    """

    def _moment(self, given: Any) -> Any:
        if isinstance(given, datetime) and given.tzinfo is None:
            return given.replace(tzinfo=ZoneInfo(read_settings().time_zone))
        return given

    def _shown(self, us: int) -> datetime:
        settings = read_settings()
        moment = super()._shown(us).replace(tzinfo=UTC)
        return moment if settings.use_tz else moment.astimezone(ZoneInfo(settings.time_zone)).replace(tzinfo=None)

    def _schedule_once(self, due: int, func: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Job:
        # A function may have parameters of these names, and other values are for it.
        if kwargs.get("commit") == _OF_DJANGO_RQ:
            raise InvalidArgument(f"commit={_OF_DJANGO_RQ!r} is django-rq's word for it: give commit={ON_COMMIT!r}")
        if kwargs.get("commit") != ON_COMMIT:
            return super()._schedule_once(due, func, args, kwargs)
        using = kwargs.get("using")
        rest = {name: value for name, value in kwargs.items() if name not in ("commit", "using")}
        job, entry = self._one_off(due, func, args, rest)
        transaction.on_commit(lambda: self._store.save([entry]), using=using)
        return job

    def _create_job(self, func: Function, *args: Any, **options: Any) -> Job:
        defaults = read_settings().defaults_of(options.get("queue_name") or self.queue_name)
        if options.get("timeout") is None:
            options["timeout"] = defaults.timeout
        if options.get("result_ttl") is None:
            options["result_ttl"] = defaults.result_ttl
        return super()._create_job(func, *args, **options)


def get_scheduler(
    queue_name: str | None = None, *, connection: Redis | None = None, actor: str | None = None
) -> DjangoScheduler:
    """A scheduler on the connection that RQ_SCHEDULER names, or on that of this queue of RQ_QUEUES, to which its jobs
    then go. `actor` says in the audit who does what it does.

    Sends nothing. Raises SettingsRefused, an ImproperlyConfigured, where the settings cannot work.
    """
    settings = read_settings(queue_name)
    return DjangoScheduler(
        settings.queue,
        connection=connection or make_connection(settings),
        job_class=settings.job_class,
        serializer=settings.serializer,
        actor=actor,
    )


def make_connection(settings: SiteSettings) -> Redis:
    """A client of the Redis that the settings name."""
    if settings.url is not None:
        return cast("Any", Redis).from_url(settings.url)
    try:
        import django_rq
    except ModuleNotFoundError:
        raise SettingsRefused(
            "RQ_QUEUES is django-rq's, which is not installed: install it, or set RQ_SCHEDULER = {'URL': ...}"
        ) from None
    try:
        return django_rq.get_connection(settings.queue)
    except Exception as error:  # noqa: BLE001  whatever django-rq makes of what is there
        raise SettingsRefused(f"{settings.shown} makes no connection: {_why(error)}") from None


def _why(error: Exception) -> str:
    """Shows no part of a URL, which may have a password in it."""
    if isinstance(error, KeyError):
        return f"it has no {error}: give URL; or HOST and PORT; UNIX_SOCKET_PATH and DB; or SENTINELS and MASTER_NAME"
    if isinstance(error, ValueError):
        return "redis-py cannot read its URL: write redis://[user:password@]host[:port]/db, rediss:// or unix://"
    return f"{type(error).__name__}: {error}"
