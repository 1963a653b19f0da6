"""`events`, `audit` and `undo`: what happened, who did what, and going back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import click

from rq_scheduler.aliases import AuditAction, EventKind
from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import Session, open_session, session_options, timezone_option, zone_from
from rq_scheduler.cli.times import read_moment
from rq_scheduler.client.events import Event
from rq_scheduler.sanitize import plain, plain_json
from rq_scheduler.views import audit as audit_views
from rq_scheduler.views import events as event_views
from rq_scheduler.views import serializers

__all__ = ["audit", "events", "undo"]

_SINCE = click.option("--since", metavar="MOMENT", help="Only from then on: 'today 02:30', 2026-12-24T18:00.")
_UNTIL = click.option("--until", metavar="MOMENT", help="Only before then.")
_LIMIT = click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")


@click.command()
@click.argument("id", required=False)
@click.option("--kind", "kinds", type=click.Choice(get_args(EventKind)), multiple=True, help="Only these.")
@click.option("-f", "--follow", is_flag=True, help="Go on, with what happens from now on, until Ctrl-C.")
@_SINCE
@_UNTIL
@_LIMIT
@timezone_option
@session_options
@click.pass_context
def events(ctx: click.Context, /, **params: Any) -> None:
    """Show what happened by itself, to anything or to ID.

    The newest first. With --follow the newest last, one a line, and what happens from now on; with --json one document
    a line.
    """
    zone, id, kinds = zone_from(params), params["id"], params["kinds"] or None
    with open_session(ctx, params) as session:
        told = session.scheduler.events
        following = told.follow() if params["follow"] else iter(())
        found = told.read(schedule=id, kinds=kinds, limit=params["limit"], **_bounds(session, params))
        if not params["follow"]:
            answer(
                params["as_json"],
                lambda: {"events": [event_views.serialize(event, zone) for event in found]},
                lambda: event_views.render(found, zone),
                zone,
            )
            return
        for event in _with_news(found, following):
            if (id is None or event.id == id) and (kinds is None or event.kind in kinds):
                if params["as_json"]:
                    click.echo(plain_json(event_views.serialize(event, zone)))
                else:
                    click.echo(plain(event_views.line(event, zone)))


@click.command()
@click.argument("id", required=False)
@click.option("--action", "actions", type=click.Choice(get_args(AuditAction)), multiple=True, help="Only these.")
@click.option("--actor", metavar="NAME", help="Only what this person or program did.")
@_SINCE
@_UNTIL
@_LIMIT
@timezone_option
@session_options
@click.pass_context
def audit(ctx: click.Context, /, **params: Any) -> None:
    """Show what people and programs did, and who they were.

    To anything, or to ID; the newest first.
    """
    zone = zone_from(params)
    with open_session(ctx, params) as session:
        found = session.scheduler.audit.read(
            schedule=params["id"],
            actions=params["actions"] or None,
            actor=params["actor"],
            limit=params["limit"],
            **_bounds(session, params),
        )
    answer(
        params["as_json"],
        lambda: {"audit": [audit_views.serialize(entry, zone) for entry in found]},
        lambda: audit_views.render(found, zone),
        zone,
    )


@click.command()
@click.argument("id")
@click.option("--version", type=click.IntRange(min=1), help="Only if this is its version still.")
@session_options
@click.pass_context
def undo(ctx: click.Context, /, **params: Any) -> None:
    """Put back the definition of before the last change.

    Of a schedule that was deleted: the one that it had then. An undone change is a change, and can be undone. What was
    changed, `rqscheduler audit ID` shows.
    """
    with open_session(ctx, params) as session:
        stored = session.schedules.undo(params["id"], version=params["version"])
        changes = session.schedules.versions(stored.id)[0].changes
    answer(
        params["as_json"],
        lambda: {**serializers.schedule(stored), "changes": {name: list(texts) for name, texts in changes.items()}},
        lambda: [f"{stored.id} is as before, at version {stored.version}:", *audit_views.changes_lines(changes)],
    )


def _bounds(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    zone, now = zone_from(params), session.now()
    return {
        name: None if params[name] is None else read_moment(params[name], zone, f"--{name}", now)
        for name in ("since", "until")
    }


def _with_news(found: list[Event], following: Iterator[Event]) -> Iterator[Event]:
    """What was read, oldest first, and what comes behind it; each once."""
    yield from reversed(found)
    known = {event.place for event in found}
    yield from (event for event in following if event.place not in known)
