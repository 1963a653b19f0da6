"""`manage.py rqschedules` and `manage.py rqdispatcher`: the command line of `rq_scheduler.cli`, which is told what this
site is. Owns what lies between Django's commands and click's; has no command of its own."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import click
from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper

from rq_scheduler.cli.addresses import GivenClient
from rq_scheduler.cli.app import Commands, rqscheduler
from rq_scheduler.cli.options import gather_connection
from rq_scheduler.cli.site import ApplicationOptions, Site
from rq_scheduler.contrib.django.declared import declared_schedules
from rq_scheduler.contrib.django.scheduler import DjangoScheduler, make_connection
from rq_scheduler.contrib.django.settings import SettingsRefused, read_settings

__all__ = ["ClickCommand", "rqdispatcher", "rqschedules"]

_WITH_VALUE = ("--settings", "--pythonpath")
_FLAGS = ("--traceback", "--no-color", "--force-color", "--skip-checks")

_ELSEWHERE = ("demo", "dev")
"""Commands that start a Redis of their own."""

queue_option = click.option(
    "--queue", "site_queue", metavar="NAME", help="The queue of RQ_QUEUES whose connection is used."
)


@click.group(cls=Commands, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]})
@queue_option
@click.pass_context
def rqschedules(ctx: click.Context, /, site_queue: str | None) -> None:
    """Declare, see, steer and explain the schedules of this site.

    Moments are in TIME_ZONE. The dispatcher is another command: rqdispatcher.
    """
    ctx.obj = site_of(site_queue)


for _name, _command in rqscheduler.commands.items():
    if _name not in _ELSEWHERE:
        rqschedules.add_command(_command)


@click.command(
    params=[each for each in rqscheduler.params if each.name != "version"],
    context_settings={"help_option_names": ["-h", "--help"]},
)
@queue_option
@click.pass_context
def rqdispatcher(ctx: click.Context, /, site_queue: str | None, **params: Any) -> None:
    """Hand scheduled jobs to their RQ queues when they are due.

    Run as many as you like against one Redis; they share the work.
    """
    from rq_scheduler.cli.daemon import DaemonOptions, run_daemon

    site = ctx.obj = site_of(site_queue)
    where = gather_connection(ctx, params)
    for name in ("serializer", "job_class"):
        params[name] = params[name] or getattr(site.application, name)
    run_daemon(where, DaemonOptions(**params))


def site_of(queue: str | None = None) -> Site:
    """This site, with that queue's connection. Raises click's usage error for settings that cannot work."""
    try:
        settings = read_settings(queue)
    except SettingsRefused as error:
        raise click.UsageError(f"{error}.") from None

    def scheduler(**options: Any) -> DjangoScheduler:
        return DjangoScheduler(settings.queue, **options)

    return Site(
        program="manage.py rqschedules",
        daemon="manage.py rqdispatcher",
        connection=GivenClient(make=lambda: make_connection(settings), shown=settings.shown),
        application=ApplicationOptions(serializer=settings.serializer, job_class=settings.job_class),
        scheduler=scheduler,
        owner=settings.owner,
        declared=declared_schedules,
    )


class ClickCommand(BaseCommand):
    """A command of click's as one of Django's: it gets all words but those that are Django's own."""

    requires_system_checks: Any = ()  # it has to say what is wrong also where something is
    command: click.Command

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parse_args: Any = parser.parse_args

        def parse(args: Sequence[str] | None = None, namespace: Namespace | None = None) -> Namespace:
            own, words = _parted(sys.argv[1:] if args is None else args)
            parsed: Namespace = parse_args(own, namespace)
            parsed.args = words
            return parsed

        vars(parser)["parse_args"] = parse
        return parser

    def print_help(self, prog_name: str, subcommand: str) -> None:
        self.handle("--help")

    def handle(self, *words: str, **options: Any) -> None:
        """Runs it. Raises CommandError with click's exit status for what it refuses."""
        name = f"manage.py {self.command.name}"
        if not words and isinstance(self.command, click.Group):
            words = ("--help",)
        with redirect_stdout(_stream(self.stdout)), redirect_stderr(_stream(self.stderr)):
            try:
                status = self.command.main(list(words), prog_name=name, standalone_mode=False)
            except click.UsageError as error:
                context = error.ctx
                usage = "" if context is None else f"\n{context.get_usage()}"
                raise CommandError(f"{error.format_message()}{usage}", returncode=error.exit_code) from None
            except click.ClickException as error:
                raise CommandError(error.format_message(), returncode=error.exit_code) from None
            except click.Abort:
                raise CommandError("aborted") from None
        if isinstance(status, int) and status:
            sys.exit(status)


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Django's words, and click's."""
    own: list[str] = []
    rest: list[str] = []
    given = iter(words)
    for word in given:
        if word in _FLAGS or word.partition("=")[0] in _WITH_VALUE:
            own.append(word)
            if word in _WITH_VALUE:
                own += [value for value in (next(given, None),) if value is not None]
        else:
            rest.append(word)
    return own, rest


def _stream(wrapper: OutputWrapper) -> Any:
    """What is below Django's, which ends each piece of text with a new line."""
    return vars(wrapper).get("_out", wrapper)
