"""`doctor`: whether Redis, dispatchers, workers and this host fit together."""

from __future__ import annotations

from typing import Any

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import open_session, session_options
from rq_scheduler.client.diagnosis import diagnose
from rq_scheduler.views import doctor as views

__all__ = ["doctor"]


@click.command()
@session_options
@click.pass_context
def doctor(ctx: click.Context, /, **params: Any) -> None:
    """Check that Redis, dispatchers, workers and host fit together.

    Versions, eviction, persistence, clocks, time zones, rights, workers of each queue, and whether what schedules call
    can be imported here: run it where the workers run, with their --path. Writes nothing to Redis.

    Exit status: 0 when nothing is wrong, 1 otherwise.
    """
    with open_session(ctx, params) as session:
        found = diagnose(session.scheduler, session.survey, session.where)
    answer(params["as_json"], lambda: views.serialize(found), lambda: views.render(found))
    if any(check.state == "wrong" for check in views.checks(found)):
        ctx.exit(1)
