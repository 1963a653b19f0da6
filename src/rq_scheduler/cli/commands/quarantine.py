"""`quarantine list`, `retry` and `purge`: what nothing could serve, and what a person does about it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from heapq import nlargest
from typing import Any, get_args

import click

from rq_scheduler.aliases import QuarantineCode
from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import open_session, session_options, timezone_option, zone_from
from rq_scheduler.cli.site import program
from rq_scheduler.client.quarantine import Quarantine, Quarantined, RetryResult
from rq_scheduler.clock import US, to_us
from rq_scheduler.humanize import counted
from rq_scheduler.sanitize import plain
from rq_scheduler.views import render, serializers

__all__ = ["quarantine"]


def _code_option(text: str) -> Callable[[Any], Any]:
    return click.option("--code", type=click.Choice(get_args(QuarantineCode)), help=text)


@click.group()
def quarantine() -> None:
    """See what could not be served, put it back, or forget it."""


@quarantine.command("list")
@_code_option("Only those of this code.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@timezone_option
@session_options
@click.pass_context
def list_(ctx: click.Context, /, **params: Any) -> None:
    """List what is in quarantine, the newest first, and why. Writes nothing."""
    zone, limit = zone_from(params), params["limit"]
    with open_session(ctx, params) as session:
        codes, code = session.scheduler.quarantine.codes(), params["code"]
        total = sum(codes.values()) if code is None else codes.get(code, 0)
        fitting = (one for one in session.scheduler.quarantine if code in (None, one.code))
        found = nlargest(limit, fitting, key=_since)
        now = session.now()
    answer(
        params["as_json"],
        lambda: {"entries": [serializers.quarantined(one) for one in found], "total": total, "codes": codes},
        lambda: render.quarantine_table(found, total, now, zone),
        zone,
    )


@quarantine.command()
@click.argument("id", required=False)
@click.option("--all", "everything", is_flag=True, help="Everything that is there.")
@_code_option("Everything of this code.")
@session_options
@click.pass_context
def retry(ctx: click.Context, /, **params: Any) -> None:
    """Put an entry, or all, back where it came from.

    For when what was wrong is mended. What is overdue is handed off at once; a schedule is resumed. What cannot go back
    stays, and is named with why.

    Exit status: 1 when one stays.
    """
    id = _one_or_all(params)
    with open_session(ctx, params) as session:
        held = session.scheduler.quarantine
        done = held.retry_all(params["code"]) if id is None else _retry(held, id)
    answer(
        params["as_json"],
        lambda: {"retried": list(done.retried), "refused": done.refused},
        lambda: render.retried(done),
    )
    if done.refused:
        ctx.exit(1)


@quarantine.command()
@click.argument("id", required=False)
@click.option("--all", "everything", is_flag=True, help="Everything that is there.")
@_code_option("What is of this code.")
@click.option("--older-than", metavar="DURATION", help="What has been there for longer, such as 12h or 30d.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@session_options
@click.pass_context
def purge(ctx: click.Context, /, **params: Any) -> None:
    """Forget an entry, all, or old ones. Their jobs become canceled, and expire.

    A schedule stays as it is, paused; what is pending again is not touched.
    """
    older, code = params["older_than"], params["code"]
    id = None if older and not params["id"] and not params["everything"] else _one_or_all(params)
    if older and (id is not None or params["everything"]):
        raise click.UsageError("--older-than names what to forget: leave out the id, or --all.")
    with open_session(ctx, params) as session:
        held = session.scheduler.quarantine
        if id is not None and id not in held:
            raise _unknown(id)
        if not params["yes"]:
            _ask(id or _what(held, older, code))
        purged = held.purge_all(older, code) if id is None else int(held.purge(id))
    answer(params["as_json"], lambda: {"purged": purged}, lambda: [f"{counted(purged, 'entry', 'entries')} forgotten"])


def _retry(held: Quarantine, id: str) -> RetryResult:
    if not held.retry(id):
        raise _unknown(id)
    return RetryResult((id,), {})


def _unknown(id: str) -> click.ClickException:
    return click.ClickException(
        f"no entry in quarantine has the id {id!r}; {program()} quarantine list shows those there are."
    )


def _one_or_all(params: dict[str, Any]) -> str | None:
    if (params["id"] is not None) + params["everything"] + (params["code"] is not None) != 1:
        raise click.UsageError("give the id of an entry, --all, or --code.")
    return params["id"]


def _what(held: Quarantine, older: str | None, code: QuarantineCode | None) -> str:
    number = len(held) if code is None else held.codes().get(code, 0)
    what = f"what is older than {older}" if older else counted(number, "entry", "entries")
    return what if code is None else f"{what}, of the code {code}"


def _ask(what: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("forgetting needs a yes, and there is no terminal to ask on: add --yes.")
    click.confirm(plain(f"Forget {what}, in quarantine? It will not run."), abort=True, err=True)


def _since(one: Quarantined) -> int:
    return 0 if one.at is None else to_us(one.at) // US
