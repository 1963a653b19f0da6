"""`status`: what a person wants to know first. Its exit status is for monitoring."""

from __future__ import annotations

from typing import Any

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import open_session, session_options, timezone_option, zone_from
from rq_scheduler.client.health import read_health
from rq_scheduler.views import health
from rq_scheduler.views.problems import problems

__all__ = ["status"]


@click.command()
@timezone_option
@session_options
@click.pass_context
def status(ctx: click.Context, /, **params: Any) -> None:
    """Say how things stand: Redis, dispatchers, schedules, queues.

    What needs a person comes first, each with the command to type. Writes nothing.

    Exit status: 0 when nothing needs a person, 1 when something does or Redis cannot be asked.
    """
    zone = zone_from(params)
    with open_session(ctx, params) as session:
        found = read_health(session.survey, session.where)
    answer(params["as_json"], lambda: health.serialize(found), lambda: health.render(found, zone, session.typed))
    if problems(found):
        ctx.exit(1)
