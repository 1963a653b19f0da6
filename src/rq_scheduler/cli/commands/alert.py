"""`alert test` and `forget`: whether receivers of alerts answer, and which are remembered."""

from __future__ import annotations

from typing import Any

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import json_option, open_session, session_options
from rq_scheduler.cli.site import program
from rq_scheduler.client.alerts import forget_receiver

__all__ = ["alert"]


@click.group()
def alert() -> None:
    """Try the receivers of alerts, or forget one."""


@alert.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@json_option
@click.pass_context
def test(ctx: click.Context, /, **params: Any) -> None:
    """Send one test message to each receiver that FILE names, and say what it answered.

    FILE is what --alert takes: a TOML file, or an environment variable that holds one. Asks no Redis.

    Exit status: 0 when all have taken it, 1 when one has not, 2 when FILE makes no sense.
    """
    from rq_scheduler.alerts.trial import try_all  # with apprise, which takes its time
    from rq_scheduler.cli.alerts import read_alert_option
    from rq_scheduler.views import alerts as views

    found = try_all(read_alert_option(params["files"], "FILE"))
    answer(params["as_json"], lambda: views.serialize_trials(found), lambda: views.render_trials(found))
    if not all(trial.arrived for trial in found):
        ctx.exit(1)


@alert.command()
@click.argument("name")
@session_options
@click.pass_context
def forget(ctx: click.Context, /, **params: Any) -> None:
    """Forget the receiver NAME, which no --alert names any more. One that still is named begins anew."""
    name = params["name"]
    with open_session(ctx, params) as session:
        if not forget_receiver(session.scheduler, name):
            raise click.ClickException(f"no receiver is named {name!r}; {program()} status names those that fail.")
    answer(params["as_json"], lambda: {"name": name, "forgotten": True}, lambda: [f"{name} is forgotten"])
