"""What the commands about schedules share: their options, the way to the API, and errors as one sentence.

Owns exit statuses: 1 for what Redis or the API refuses, 2 (click's) for a command line that makes no sense.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, TypeVar

import click
from redis.exceptions import RedisError

from rq_scheduler.cli.addresses import ConnectionOptions
from rq_scheduler.cli.connections import check_cluster_prefix, connect
from rq_scheduler.cli.loading import extend_path, load_job_class, load_queue_class, load_serializer
from rq_scheduler.cli.options import (
    application_options,
    connection_options,
    gather_application,
    gather_connection,
    typed_connection,
)
from rq_scheduler.cli.refusals import of_redis
from rq_scheduler.cli.site import Site
from rq_scheduler.cli.times import time_zone, zone_of
from rq_scheduler.client.base import context_of
from rq_scheduler.client.health import calendar_time
from rq_scheduler.client.scheduler import Scheduler
from rq_scheduler.client.schedules import Schedules
from rq_scheduler.client.schedules.nearest import nearest_ids
from rq_scheduler.clock import from_us
from rq_scheduler.errors import ScheduleNotFound, SchedulerError, SchedulerWarning
from rq_scheduler.host import host_zone
from rq_scheduler.pickles import PlainPickles
from rq_scheduler.sanitize import plain
from rq_scheduler.store.survey import Survey
from rq_scheduler.views.problems import no_dispatcher

__all__ = ["Session", "json_option", "open_session", "sentences", "session_options", "timezone_option", "zone_from"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
timezone_option = click.option(
    "--timezone",
    metavar="ZONE",
    envvar="RQS_TIMEZONE",
    show_envvar=True,
    help="The zone in which moments are shown, and read where they have no offset; else this host's.",
)


def session_options(command: _Command) -> _Command:
    """Declare where Redis is, what the application is, and --json; every command that asks Redis has these."""
    return connection_options(application_options(json_option(command)))


def zone_from(params: dict[str, Any]) -> tzinfo:
    """What --timezone or RQS_TIMEZONE names, else this host's zone; a usage error, with the nearest names, for no
    zone."""
    name: str | None = params["timezone"]
    return zone_of(time_zone(name, "--timezone") if name else host_zone())


@dataclass(frozen=True)
class Session:
    """An open connection to one Redis, and the API on it."""

    scheduler: Scheduler
    survey: Survey
    where: str
    connection_words: tuple[str, ...] = ()
    """The options with which somebody typed where Redis is."""
    site: Site | None = None
    """What the command runs in."""

    @property
    def schedules(self) -> Schedules:
        return self.scheduler.schedules

    def now(self) -> datetime:
        """The server's time: the clock that decides what is due."""
        return from_us(self.survey.now())

    def nearest(self, id: str) -> str:
        """Which ids may have been meant by one that there is not; empty where nothing is like it."""
        found = nearest_ids(context_of(self.scheduler).store, id)
        return f"did you mean {' or '.join(map(repr, found))}?" if found else ""

    def typed(self, command: str) -> str:
        """A command line to be shown, with where Redis is, as it was typed for this one."""
        program, *rest = command.split(" ")
        if program == "rqscheduler" and self.site is not None:
            return " ".join([self.site.program if rest else self.site.daemon, *rest])
        if program == "rqscheduler":
            return " ".join([program, *self.connection_words, *rest])
        if program == "rq" and self.connection_words[:1] == ("--url",):
            return " ".join([program, *rest[:1], *self.connection_words[:2], *rest[1:]])
        return command

    def note_missing_dispatcher(self) -> None:
        """Says so, on stderr, where no dispatcher is alive: what is shown as coming does not come then."""
        if not self.survey.dispatchers():
            heard = self.survey.last_heard()
            problem = no_dispatcher(None if heard is None else calendar_time(heard), self.now())
            click.echo(f"Note: {plain(problem.worded(self.typed))}", err=True)


@contextmanager
def open_session(ctx: click.Context, params: dict[str, Any], *, plain_arguments: bool = False) -> Generator[Session]:
    """Take the shared options out of `params` and open what they name. Inside, errors become sentences.
    `plain_arguments`: without a serializer of the application's, pickled arguments are read only where that makes no
    object."""
    where = gather_connection(ctx, params)
    application = gather_application(ctx, params)
    extend_path(application.path)
    job_class = load_job_class(application.job_class)
    load_queue_class(application.queue_class)
    serializer = load_serializer(application.serializer)
    site = Site.of(ctx)
    make_scheduler = Scheduler if site is None else site.scheduler
    with sentences(where):
        connection: Any = connect(where)
        check_cluster_prefix(connection)
        scheduler = make_scheduler(
            connection=connection,
            job_class=job_class,
            # By name: then the jobs say which class they are for.
            queue_class=application.queue_class,
            serializer=serializer or (PlainPickles if plain_arguments else None),
            actor=application.act_as,
        )
        session = Session(scheduler, Survey(connection), where.describe(), typed_connection(ctx, where), site)
        try:
            yield session
        except ScheduleNotFound as error:
            id = params.get("id")
            if id is None:
                raise
            # The API's remedy is for Python.
            meant = session.nearest(id) or f"{session.typed('rqscheduler list')} shows those there are"
            raise click.ClickException(plain(_ended(f"no schedule has the id {id!r}; {meant}"))) from error
        finally:
            connection.close()


@contextmanager
def sentences(where: ConnectionOptions | None = None) -> Generator[None]:
    """What goes wrong inside, as click's error with one sentence; what the API warns of, as notes on stderr."""
    with warnings.catch_warnings(record=True) as caught:
        # What libraries warn programmers of says nothing to whoever types a command.
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", SchedulerWarning)
        try:
            yield
        except SchedulerError as error:
            raise click.ClickException(plain(_ended(str(error)))) from None
        except RedisError as error:
            raise click.ClickException(plain(of_redis(error, where))) from None
        finally:
            for warning in caught:
                if issubclass(warning.category, SchedulerWarning):
                    click.echo(f"Note: {plain(_ended(str(warning.message)))}", err=True)


def _ended(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
