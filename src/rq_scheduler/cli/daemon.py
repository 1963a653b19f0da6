"""`rqscheduler` without a subcommand: the daemon. Owns the way from its options to a running dispatcher, the pid file
and the exit status. Never uses the client's API (`Scheduler`)."""

from __future__ import annotations

import gc
import math
import os
import sys
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Literal, NoReturn

import click
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, RedisError

from rq_scheduler._version import __version__
from rq_scheduler.cli.addresses import ConnectionOptions
from rq_scheduler.cli.connections import Connection, check_cluster_prefix, connect_patiently
from rq_scheduler.cli.loading import extend_path, load_job_class, load_queue_class, load_serializer
from rq_scheduler.cli.logs import LogFormat, level_for, setup_logging
from rq_scheduler.cli.probes import Page, Pages, health_pages, serving
from rq_scheduler.cli.redaction import redacted
from rq_scheduler.cli.refusals import of_redis
from rq_scheduler.cli.systemd import notifying
from rq_scheduler.cli.times import time_zone
from rq_scheduler.dispatcher import (
    BURST_PATIENCE,
    Dispatcher,
    Events,
    Listeners,
    Liveness,
    LogEvents,
    Options,
    Service,
)
from rq_scheduler.errors import SchedulerError
from rq_scheduler.log import log
from rq_scheduler.store.base import is_misfit
from rq_scheduler.store.survey import Survey

__all__ = ["DaemonOptions", "run_daemon"]


@dataclass(frozen=True)
class DaemonOptions:
    """What the command line says about one daemon; the names are its flags'."""

    burst: bool
    interval: float
    verbose: bool
    quiet: bool
    path: str
    pid: str | None
    job_class: str | None
    queue_class: str | None
    serializer: str | None
    name: str | None
    log_format: LogFormat
    adopt: bool
    adopt_timezone: tuple[str, ...]
    take_fence: bool
    rq_registries: bool
    rq_overdue: Literal["run", "hold"]
    allow_eviction: bool
    alert: tuple[str, ...]
    metrics_port: int | None
    metrics_host: str
    health_port: int | None
    health_host: str


def run_daemon(where: ConnectionOptions, options: DaemonOptions) -> None:
    """Run until a signal (or, with burst, until nothing is due). User mistakes end in a click error, never in a
    traceback; Redis being down does not end it at all, but for a burst, which waits a few seconds."""
    extend_path(options.path)
    job_class = load_job_class(options.job_class)
    queue_class = load_queue_class(options.queue_class)
    serializer = load_serializer(options.serializer)
    adopt_timezones = tuple(time_zone(name, "--adopt-timezone") for name in options.adopt_timezone)
    services = (_alerts(options),) if options.alert else ()
    setup_logging(level_for(options.verbose, options.quiet), options.log_format)
    liveness = Liveness()
    listeners, pages = _watched(options, liveness)
    with _pid_file(options.pid), _user_errors(where), serving(pages), notifying(liveness):
        connection = connect_patiently(
            where,
            lambda text: log.warning(text, extra={"action": "redis_waiting"}),
            _pause_of(liveness),
            patience=BURST_PATIENCE if options.burst else math.inf,
        )
        log.info("rq-scheduler %s, Redis at %s", __version__, where.describe(), extra={"action": "starting"})
        check_cluster_prefix(connection)
        _check_access(connection)
        dispatcher = Dispatcher(
            connection,
            name=options.name or uuid.uuid4().hex,
            interval=options.interval,
            job_class=job_class,
            queue_class=queue_class,
            serializer=serializer,
            hooks=None,
            ttl=int(options.interval) + 10,
            options=Options(
                adopt=options.adopt,
                adopt_timezones=adopt_timezones,
                take_fence=options.take_fence,
                rq_registries=options.rq_registries,
                rq_overdue=options.rq_overdue,
                allow_eviction=options.allow_eviction,
            ),
            services=services,
            events=Listeners(*listeners),
            liveness=liveness,
        )
        # What is there by now stays: to go through it in search of garbage held up what was due for nearly 20 ms.
        gc.collect()
        gc.freeze()
        dispatcher.run(burst=options.burst)


def _alerts(options: DaemonOptions) -> Service:
    if options.burst:
        raise click.UsageError("--alert is for a dispatcher that stays: leave it out with --burst.")
    from rq_scheduler.cli.alerts import read_alert_option  # which few dispatchers have

    return read_alert_option(options.alert, "--alert")


def _watched(options: DaemonOptions, liveness: Liveness) -> tuple[list[Events], dict[tuple[str, int], Pages]]:
    """Who listens to the dispatcher, and what is served of it where: metrics and health at one address, if both are
    given the same one."""
    listeners: list[Events] = [LogEvents()]
    pages: dict[tuple[str, int], Pages] = {}
    if options.health_port is not None:
        pages[options.health_host, options.health_port] = health_pages(liveness)
    if options.metrics_port is not None:
        try:
            from rq_scheduler.metrics import CONTENT_TYPE, DispatcherMetrics, exposition_of
        except ModuleNotFoundError as error:
            raise click.ClickException(f"{error}.") from None
        metrics = DispatcherMetrics()
        listeners.append(metrics)
        address = options.metrics_host, options.metrics_port
        pages[address] = {
            **pages.get(address, {}),
            "/metrics": lambda: Page(200, exposition_of(metrics), CONTENT_TYPE),
        }
    return listeners, pages


def _pause_of(liveness: Liveness) -> Callable[[float], None]:
    """Waiting for a cluster is no standstill."""

    def pause(seconds: float) -> None:
        liveness.turn()
        sleep(seconds)

    return pause


def _check_access(connection: Connection) -> None:
    """At the start a refused password or user is a mistake, and ends the daemon. Later (a password is being changed)
    it is an outage like any other, and so is a Redis that does not answer now: the dispatcher waits those out."""
    try:
        Survey(connection).now()
    except (AuthenticationError, AuthorizationError, NoPermissionError):
        raise
    except (RedisError, OSError):
        return


@contextmanager
def _user_errors(where: ConnectionOptions) -> Generator[None]:
    """Errors that a person can put right, as one sentence and exit status 1."""
    try:
        yield
    except SchedulerError as error:
        _fail(str(error))
    except (RedisError, OSError) as error:
        if is_misfit(error):
            _fail("not all could be served: a key holds something of another type. The log names it; move it away.")
        _fail(of_redis(error, where))


def _fail(message: str) -> NoReturn:
    click.echo(f"Error: {redacted(message)}", err=True)
    sys.exit(1)


@contextmanager
def _pid_file(path: str | None) -> Generator[None]:
    """Write our process id; at the end remove the file, unless another process has taken it over."""
    if path is None:
        yield
        return
    try:
        file = Path(path).expanduser()
        file.write_text(f"{os.getpid()}\n")
    except RuntimeError:
        raise click.BadParameter(f"cannot write {path}: there is no such user.", param_hint="--pid") from None
    except OSError as error:
        raise click.BadParameter(f"cannot write {path}: {error.strerror}.", param_hint="--pid") from None
    try:
        yield
    finally:
        with suppress(OSError):
            if file.read_text().strip() == str(os.getpid()):
                file.unlink()
