"""The subcommand `check`: options, the read, the output."""

from __future__ import annotations

import sys
from typing import Any

import click
from redis.exceptions import RedisError
from rq.job import Job
from rq.serializers import DefaultSerializer

from rq_scheduler.cli.connections import Connection, connect
from rq_scheduler.cli.loading import extend_path, load_serializer
from rq_scheduler.cli.options import connection_options, gather_connection
from rq_scheduler.cli.times import time_zone
from rq_scheduler.client.upgrade.kinds import Judge
from rq_scheduler.client.upgrade.report import examine
from rq_scheduler.host import host_zone, unnamed_zone
from rq_scheduler.pickles import outline
from rq_scheduler.sanitize import plain, plain_json
from rq_scheduler.store.survey import Survey
from rq_scheduler.views.upgrade import attention, lines

__all__ = ["check"]


@click.command()
@connection_options
@click.option("--path", default=".", show_default=True, help="Import path of the application, colon-separated.")
@click.option("--serializer", metavar="json|pickle|DOTTED.PATH", help="What jobs are serialized with.")
@click.option(
    "--adopt-timezone",
    metavar="ZONE",
    multiple=True,
    help="As you will give it to the daemon; this host's unless given.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@click.pass_context
def check(ctx: click.Context, /, **params: Any) -> None:
    """Say what an upgrade from 0.14 will do to this Redis. Writes nothing.

    Exit status: 0 when it could be read, whatever was found; the JSON's `attention` lists what to decide.
    """
    where = gather_connection(ctx, params)
    extend_path(params["path"])
    serializer = load_serializer(params["serializer"]) or DefaultSerializer
    zones = tuple(time_zone(name, "--adopt-timezone") for name in params["adopt_timezone"]) or (host_zone(),)
    try:
        connection = connect(where)
        survey = Survey(connection)
        # Nothing is made of what a pickle names: whoever may write to this Redis must not run code by being looked at.
        loads = _outlined if serializer is DefaultSerializer else serializer.loads
        judge = Judge(loads, zones, _id_test(connection))
        report = examine(survey, judge, where.describe(), zones[0], _progress)
        report.zone_unnamed = None if params["adopt_timezone"] else unnamed_zone()
    except RedisError as error:
        raise click.ClickException(f"cannot read Redis at {where.describe()}: {error}") from None
    finally:
        _clear_progress()
    if params["as_json"]:
        click.echo(plain_json({**report.as_dict(), "attention": attention(report)}, indent=2))
        return
    for line in lines(report):
        click.echo(plain(line))


def _outlined(raw: bytes) -> Any:
    return outline(raw)[0]


def _id_test(connection: Connection) -> Any:
    """Ask the installed RQ itself: its rule has changed over its versions."""
    probe: Any = Job(connection=connection)  # pyright: ignore[reportArgumentType]  # RQ types it as Redis; nothing is sent

    def accepted(job_id: str) -> bool:
        try:
            probe.id = job_id
        except (ValueError, TypeError):
            return False
        return True

    return accepted


def _progress(seen: int) -> None:
    if sys.stderr.isatty() and seen % 50_000 < 500:
        click.echo(f"\r{seen:,} entries read", nl=False, err=True)


def _clear_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r" + " " * 40 + "\r", nl=False, err=True)
