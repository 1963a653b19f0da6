"""`list`, `show`, `runs` and `upcoming`: what schedules there are, what they did and what they will do. They write
nothing."""

from __future__ import annotations

from typing import Any

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import open_session, session_options, timezone_option, zone_from
from rq_scheduler.client.coming import what_comes
from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.client.schedules.export import table_of
from rq_scheduler.errors import SchedulerError
from rq_scheduler.model import Schedule
from rq_scheduler.views import render, serializers
from rq_scheduler.views.pages import Page
from rq_scheduler.views.runs import runs_table

__all__ = ["list_", "runs", "show", "upcoming"]

COUNT = click.IntRange(min=0)


@click.command("list")
@click.option("--tag", help="Only those with this tag.")
@click.option("--queue", metavar="NAME", help="Only those whose runs go to this queue.")
@click.option("--prefix", metavar="TEXT", help="Only ids that begin so.")
@click.option("--owner", metavar="NAME", help="Only those that a sync keeps for this owner.")
@click.option("--paused/--active", default=None, help="Only the paused ones, or only the others.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many.")
@click.option("--offset", type=COUNT, default=0, help="How many to pass over first.")
@timezone_option
@session_options
@click.pass_context
def list_(ctx: click.Context, /, **params: Any) -> None:
    """List schedules, by id."""
    zone, offset, limit = zone_from(params), params["offset"], params["limit"]
    with open_session(ctx, params) as session:
        found = session.schedules.find_iter(
            tag=params["tag"],
            queue_name=params["queue"],
            prefix=params["prefix"],
            owner=params["owner"],
            paused=params["paused"],
            offset=offset,
            limit=limit + 1,
        )
        page, now = Page(found, limit), session.now()
        # Inside: what is found is read while it is shown, so that any number takes little memory.
        answer(
            params["as_json"],
            lambda: serializers.page(page, offset),
            lambda: render.schedules_table(page, now, zone, offset=offset),
            zone,
        )
        session.note_missing_dispatcher()


@click.command()
@click.argument("id")
@click.option("--count", type=COUNT, default=5, show_default=True, help="How many runs to show, next and last.")
@timezone_option
@session_options
@click.pass_context
def show(ctx: click.Context, /, **params: Any) -> None:
    """Show a schedule: definition, state, next and last runs.

    `rqscheduler show ID --json` has what `rqscheduler put --file` makes the same schedule of.
    """
    zone, count = zone_from(params), params["count"]
    with open_session(ctx, params, plain_arguments=True) as session:
        stored = session.schedules[params["id"]]
        definition, table, problem = _definition(stored)
        coming = stored.upcoming(count)
        last = session.schedules.runs(stored.id, limit=count)
        now = session.now()
        session.note_missing_dispatcher()
    answer(
        params["as_json"],
        lambda: {
            **serializers.schedule(stored),
            "definition": table,
            "definition_problem": problem,
            "upcoming": [serializers.iso(at) for at in coming],
            "last_runs": [serializers.run(run) for run in last],
        },
        lambda: render.one_schedule(stored, coming, last, now, zone, definition),
        zone,
    )


def _definition(stored: StoredSchedule) -> tuple[Schedule | None, dict[str, Any] | None, str]:
    """Its definition, as a file gives it too; None, and why, where that cannot be."""
    if stored.kind == "job":
        return None, None, "it is a recurring job of Scheduler.schedule() or cron()"
    try:
        definition = stored.definition
    except SchedulerError as error:
        return None, None, str(error)
    try:
        return definition, table_of(definition), ""
    except SchedulerError as error:
        return definition, None, str(error)


@click.command()
@click.argument("id")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many; 50 are kept unless keep_runs says otherwise.",
)
@timezone_option
@session_options
@click.pass_context
def runs(ctx: click.Context, /, **params: Any) -> None:
    """Show the last runs of a schedule and how their jobs stand."""
    zone, id = zone_from(params), params["id"]
    with open_session(ctx, params) as session:
        last = session.schedules.runs(id, limit=params["limit"])
        session.note_missing_dispatcher()
    answer(
        params["as_json"],
        lambda: {"schedule_id": id, "runs": [serializers.run(run) for run in last]},
        lambda: runs_table(id, last, zone, session.typed),
        zone,
    )


@click.command()
@click.option("--within", metavar="DURATION", help="Only what is due within this time, such as 90s, 10m, 1h or 7d.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@timezone_option
@session_options
@click.pass_context
def upcoming(ctx: click.Context, /, **params: Any) -> None:
    """Show what will run next: runs of all schedules, and one-offs."""
    zone, within, limit = zone_from(params), params["within"], params["limit"]
    with open_session(ctx, params) as session:
        coming = what_comes(session.scheduler, within, limit)
        now = session.now()
        session.note_missing_dispatcher()
    answer(
        params["as_json"],
        lambda: serializers.upcoming(coming),
        lambda: render.upcoming_table(coming, now, zone),
        zone,
    )
