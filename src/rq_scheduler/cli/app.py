"""The command line itself: the group `rqscheduler`, its flags and its subcommands. Each subcommand lives in a module
of its own, which is imported when it is invoked; without one, the daemon runs."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from rq_scheduler._version import __version__
from rq_scheduler.cli.lazy import LazyCommand
from rq_scheduler.cli.options import connection_options, gather_connection
from rq_scheduler.cli.redaction import install_excepthook, without_urls

__all__ = ["Commands", "main", "rqscheduler"]


def _positive(ctx: click.Context, param: click.Parameter, seconds: float) -> float:
    if not math.isfinite(seconds) or seconds <= 0:
        raise click.BadParameter(f"{seconds} is not a positive number of seconds.", ctx, param)
    return seconds


class Commands(click.Group):
    """Lists the subcommands as they were added, and says nothing of a secret in an error."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        given = tuple(args)
        with _redacting(given):
            context = super().make_context(info_name, args, parent, **extra)
        context.meta[__name__] = given
        return context

    def invoke(self, ctx: click.Context) -> Any:
        with _redacting(ctx.meta[__name__]):
            return super().invoke(ctx)


@contextmanager
def _redacting(given: Sequence[str]) -> Generator[None]:
    try:
        yield
    except click.ClickException as error:
        typed = given if isinstance(error, click.UsageError) else ()
        vars(error)["message"] = without_urls(error.message, typed)
        raise


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rqscheduler", message="%(prog)s %(version)s")
@connection_options
@click.option("-b", "--burst", is_flag=True, help="Hand off what is due, then end.")
@click.option(
    "-i",
    "--interval",
    type=float,
    callback=_positive,
    default=1.0,
    show_default=True,
    help="Fallback poll, in seconds, for what foreign clients write; ours wake the daemon.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log every batch.")
@click.option("--quiet", is_flag=True, help="Log warnings and errors only.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Plain lines, or one JSON object a line.",
)
@click.option("--path", default=".", show_default=True, help="Import path, colon-separated.")
@click.option("--pid", metavar="FILE", help="Write the process id there.")
@click.option("--name", help="Name of this dispatcher; random unless given.")
@click.option("-j", "--job-class", metavar="DOTTED.PATH", help="RQ Job class.")
@click.option("-q", "--queue-class", metavar="DOTTED.PATH", help="RQ Queue class.")
@click.option("--serializer", metavar="json|pickle|DOTTED.PATH", help="What jobs are serialized with.")
@click.option(
    "--adopt/--no-adopt",
    default=True,
    show_default=True,
    help="Adopt the recurring jobs that 0.14 clients write; else they are quarantined.",
)
@click.option(
    "--adopt-timezone",
    metavar="ZONE",
    multiple=True,
    help="Zone of adopted cron entries; this host's unless given. Given again: where a pending time does not fit the "
    "first one, the only one of the others that it fits.",
)
@click.option("--take-fence", is_flag=True, help="Take over the lock of a dead 0.14 daemon at once.")
@click.option(
    "--rq-registries/--no-rq-registries",
    default=True,
    show_default=True,
    help="Serve RQ's own scheduled jobs (enqueue_at, retries, Repeat) too.",
)
@click.option(
    "--rq-overdue",
    type=click.Choice(["run", "hold"]),
    default="hold",
    show_default=True,
    help="What to do with RQ's own scheduled jobs found more than an hour overdue.",
)
@click.option(
    "--alert",
    metavar="FILE",
    multiple=True,
    help="Tell people and programs of failures: the TOML file that names them, or the environment variable that holds "
    "it (docs/alerts.md). Any number.",
)
@click.option("--allow-eviction", is_flag=True, help="Start even if Redis may evict schedules.")
@click.option("--metrics-port", type=click.IntRange(1, 65535), metavar="PORT", help="Serve Prometheus metrics there.")
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="At which address.")
@click.option(
    "--health-port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Serve /health/live and /health/ready there, for probes. May be the same one.",
)
@click.option("--health-host", default="127.0.0.1", show_default=True, help="At which address.")
@click.pass_context
def rqscheduler(ctx: click.Context, /, **params: Any) -> None:
    """Hand scheduled jobs to their RQ queues when they are due.

    Without a subcommand: the daemon. Run as many as you like against one Redis; they share the work.
    """
    if ctx.invoked_subcommand is not None:
        return
    from rq_scheduler.cli.daemon import DaemonOptions, run_daemon  # with RQ and redis-py: not for a --help

    where = gather_connection(ctx, params)
    run_daemon(where, DaemonOptions(**params))


# In the order of the help: what looks, then what changes, then what needs no schedule.
for _name, _home, _help in (
    ("status", "commands.status:status", "Say how things stand: Redis, dispatchers, schedules, queues."),
    ("list", "commands.read:list_", "List schedules, by id."),
    ("show", "commands.read:show", "Show a schedule: definition, state, next and last runs."),
    ("runs", "commands.read:runs", "Show the last runs of a schedule and how their jobs stand."),
    ("why", "commands.why:why", "Say why a schedule or a job ran, or did not."),
    ("events", "commands.streams:events", "Show what happened by itself, to anything or to ID."),
    ("audit", "commands.streams:audit", "Show what people and programs did, and who they were."),
    ("upcoming", "commands.read:upcoming", "Show what will run next: runs of all schedules, and one-offs."),
    ("dst", "commands.forecasts:dst", "Show what the next changes of the clock do to schedules."),
    ("load", "commands.forecasts:load", "Show what is due in each queue, and if its workers can take it."),
    ("jobs", "commands.jobs:jobs", "List, cancel, move or spread one-off jobs; stop what runs."),
    ("next", "commands.preview:next_", "Show when a CRON string fires, in its zone and in UTC."),
    ("put", "commands.put:put", "Create or replace a schedule."),
    ("pause", "commands.control:pause", "Let a schedule, or many, fire no more until they are resumed."),
    ("resume", "commands.control:resume", "Let paused schedules fire again."),
    ("run-now", "commands.control:run_now", "Make one run of a schedule, or of each of many, now."),
    ("backfill", "commands.backfill:backfill", "Make a run for every instant of a time that has passed."),
    ("timezone", "commands.timezone:timezone", "Have schedules read their clock in ZONE from now on."),
    ("delete", "commands.control:delete", "Delete a schedule, or many, and their history."),
    ("undo", "commands.streams:undo", "Put back the definition of before the last change."),
    ("sync", "commands.sync:sync", "Make an owner's schedules exactly those that FILE defines."),
    ("export", "commands.export:export", "Print schedules as the JSON file that `sync` reads."),
    ("import", "commands.import_:import_", "Take over what cron, Celery, APScheduler or rq cron run."),
    ("quarantine", "commands.quarantine:quarantine", "See what could not be served, put it back, or forget it."),
    ("schema", "commands.preview:schema", "Print the JSON Schema of the files that `sync` reads."),
    ("alert", "commands.alert:alert", "Try the receivers of alerts, or forget one."),
    ("web", "commands.web:web", "Serve the dashboard, for people, and the HTTP API, for programs."),
    ("token", "commands.token:token", "Make tokens for the web, list them, or revoke one."),
    ("healthcheck", "commands.healthcheck:healthcheck", "Say whether one dispatcher is well, for probes."),
    ("doctor", "commands.doctor:doctor", "Check that Redis, dispatchers, workers and host fit together."),
    ("check", "commands.check:check", "Say what an upgrade from 0.14 will do to this Redis."),
    ("demo", "demo.command:demo", "Show the whole system at work, while parts of it get killed."),
    ("dev", "dev:dev", "Run Redis, dispatcher, workers and dashboard in one terminal."),
):
    rqscheduler.add_command(LazyCommand(_name, f"rq_scheduler.cli.{_home}", _help))


def main() -> None:
    """The entry point of the distribution."""
    install_excepthook()
    rqscheduler(prog_name="rqscheduler")
