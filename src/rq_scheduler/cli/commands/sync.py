"""`sync`: make an owner's schedules what a file defines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rq_scheduler.cli.loading import note_function
from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import open_session, session_options
from rq_scheduler.client.schedules.files import SUFFIXES, read_definitions
from rq_scheduler.views import render, serializers

__all__ = ["sync"]


@click.command()
@click.argument("file")
@click.option("--owner", required=True, metavar="NAME", help="Whose schedules they are; nobody else's are touched.")
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
@click.option("--strict", is_flag=True, help="Refuse functions that cannot be imported here, instead of a note.")
@click.option("--prune/--no-prune", default=True, show_default=True, help="Delete the owner's others.")
@click.option(
    "--rq-timezone",
    metavar="ZONE",
    help="Zone of the cron strings in what `rq cron` takes; else the one that they have, UTC at first.",
)
@session_options
@click.pass_context
def sync(ctx: click.Context, /, **params: Any) -> None:
    """Make an owner's schedules exactly those that FILE defines.

    FILE is TOML or JSON (`rqscheduler schema` says what it may hold), or what `rq cron` takes: a .py file or the dotted
    name of a module.
    """
    owner, dry_run = params["owner"], params["dry_run"]
    with open_session(ctx, params) as session:
        if Path(params["file"]).suffix.lower() in SUFFIXES:
            for schedule in read_definitions(params["file"]):
                what = f"{params['file']}: schedule {schedule.id!r}: "
                note_function(str(schedule.func), what, strict=params["strict"])
        result = session.schedules.sync(
            params["file"], owner, prune=params["prune"], dry_run=dry_run, rq_timezone=params["rq_timezone"]
        )
    answer(
        params["as_json"],
        lambda: serializers.sync(result, owner, dry_run),
        lambda: render.synced(result, owner, dry_run),
    )
