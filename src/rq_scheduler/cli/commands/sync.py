"""`sync`: make an owner's schedules what a file defines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from rq_scheduler.cli.loading import note_function
from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import open_session, session_options
from rq_scheduler.cli.site import Site
from rq_scheduler.client.schedules.files import SUFFIXES, read_definitions
from rq_scheduler.model import Schedule
from rq_scheduler.views import render, serializers

__all__ = ["sync"]


@click.command()
@click.argument("file", required=False)
@click.option("--owner", metavar="NAME", help="Whose schedules they are; nobody else's are touched.")
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
    name of a module. Without FILE, in a Django site: what the site declares.
    """
    file: str | None = params["file"]
    dry_run, site = params["dry_run"], Site.of(ctx)
    if file is None and site is None:
        raise click.UsageError("Missing argument 'FILE'.", ctx)
    # A file's owner is always named: by the site's name it would delete what the site declares.
    owner = params["owner"] or (site.owner if site is not None and file is None else None)
    if owner is None:
        raise click.UsageError("Missing option '--owner'.", ctx)
    with open_session(ctx, params) as session:
        definitions, named = _definitions(file, site)
        for schedule in named:
            if isinstance(schedule.func, str):
                what = f"schedule {schedule.id!r}: " if file is None else f"{file}: schedule {schedule.id!r}: "
                note_function(schedule.func, what, strict=params["strict"])
        result = session.schedules.sync(
            definitions, owner, prune=params["prune"], dry_run=dry_run, rq_timezone=params["rq_timezone"]
        )
    answer(
        params["as_json"],
        lambda: serializers.sync(result, owner, dry_run),
        lambda: render.synced(result, owner, dry_run),
    )


def _definitions(file: str | None, site: Site | None) -> tuple[str | Sequence[Schedule], Sequence[Schedule]]:
    """What is synced, and those of it whose functions may be given by name; without a file, what the site declares."""
    if file is not None:
        return file, read_definitions(file) if Path(file).suffix.lower() in SUFFIXES else ()
    declared = () if site is None else site.declared()
    return declared, declared
