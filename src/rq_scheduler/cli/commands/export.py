"""`export`: schedules as a file that `sync` reads."""

from __future__ import annotations

from typing import Any

import click

from rq_scheduler.cli.selection import target_from, target_options
from rq_scheduler.cli.session import open_session, session_options
from rq_scheduler.client.schedules.export import table_of, write_definitions
from rq_scheduler.errors import SchedulerError
from rq_scheduler.model import Schedule
from rq_scheduler.sanitize import plain

__all__ = ["export"]


@click.command()
@click.argument("id", required=False)
@target_options
@session_options
@click.pass_context
def export(ctx: click.Context, /, **params: Any) -> None:
    """Print schedules as the JSON file that `sync` reads.

    Recurring jobs of the 0.14 API are no schedules, and left out. What no file can hold (arguments that are no JSON
    values) is left out too, and named on stderr.

    Exit status: 1 when one is named.
    """
    target = target_from(params)
    definitions: list[Schedule] = []
    left_out: list[str] = []
    with open_session(ctx, params, plain_arguments=True) as session:
        found = session.schedules.find_iter(**target.filters) if target.id is None else [session.schedules[target.id]]
        for stored in found:
            if stored.kind == "job":
                continue
            try:
                definition = stored.definition
                table_of(definition)
            except KeyError:
                continue  # deleted meanwhile
            except SchedulerError as error:
                left_out.append(str(error))
            else:
                definitions.append(definition)
    click.echo(write_definitions(definitions), nl=False)
    for why in left_out:
        click.echo(f"Note: left out: {plain(why)}.", err=True)
    if left_out:
        ctx.exit(1)
