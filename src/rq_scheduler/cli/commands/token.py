"""`token make`, `list` and `revoke`: who may use the web."""

from __future__ import annotations

from typing import Any, get_args

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import open_session, session_options, timezone_option, zone_from
from rq_scheduler.cli.site import program
from rq_scheduler.client.tokens import Role
from rq_scheduler.views import tokens as views

__all__ = ["token"]


@click.group()
def token() -> None:
    """Make tokens for the web, list them, or revoke one."""


@token.command()
@click.argument("name")
@click.option("--role", type=click.Choice(get_args(Role)), default="viewer", show_default=True, help="What it may do.")
@click.option("--expires-in", metavar="DURATION", help="How long it is good, such as 90d; for ever unless given.")
@session_options
@click.pass_context
def make(ctx: click.Context, /, **params: Any) -> None:
    """Make a token for NAME, whom the audit then names, and print it. It cannot be shown again."""
    with open_session(ctx, params) as session:
        made = session.scheduler.tokens.make(params["name"], params["role"], params["expires_in"])
    answer(params["as_json"], lambda: {"token": made, "name": params["name"], "role": params["role"]}, lambda: [made])


@token.command("list")
@timezone_option
@session_options
@click.pass_context
def list_(ctx: click.Context, /, **params: Any) -> None:
    """List the tokens, without their secrets."""
    zone = zone_from(params)
    with open_session(ctx, params) as session:
        found = list(session.scheduler.tokens)
    answer(
        params["as_json"],
        lambda: {"tokens": [views.serialize(one) for one in found]},
        lambda: views.table(found, zone),
        zone,
    )


@token.command()
@click.argument("id")
@session_options
@click.pass_context
def revoke(ctx: click.Context, /, **params: Any) -> None:
    """End the token of this ID, and its sessions."""
    id = params["id"]
    with open_session(ctx, params) as session:
        if not session.scheduler.tokens.revoke(id):
            raise click.ClickException(f"no token has the id {id!r}; {program()} token list shows those there are.")
    answer(params["as_json"], lambda: {"id": id, "revoked": True}, lambda: [f"{id} is revoked"])
