"""`backfill`: runs for a time that has passed, and for what a pause has left out."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.selection import Target, confirm, selection_options, target_from
from rq_scheduler.cli.session import Session, open_session, session_options, timezone_option, zone_from
from rq_scheduler.cli.site import program
from rq_scheduler.cli.times import read_moment
from rq_scheduler.client.schedules import LeftOut, StoredSchedule
from rq_scheduler.clock import to_us
from rq_scheduler.humanize import counted
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.views import render, serializers

__all__ = ["backfill"]


@click.command()
@click.argument("id", required=False)
@click.option("--since", metavar="MOMENT", help="From this moment on (ISO 8601, or such as 'yesterday 22:00').")
@click.option("--until", metavar="MOMENT", help="Up to this moment, not included; now unless given.")
@click.option("--left-out", is_flag=True, help="What the last pause has left out, instead of a stretch of time.")
@click.option("--dry-run", is_flag=True, help="With --left-out: say what that is; make no run.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Refuse to make more of a schedule."
)
@selection_options
@timezone_option
@session_options
@click.pass_context
def backfill(ctx: click.Context, /, **params: Any) -> None:
    """Make a run for every instant of a time that has passed.

    Or of what a pause has left out. Each instant has one run, also if it is asked for twice."""
    target, zone, limit, as_json = target_from(params), zone_from(params), params["limit"], params["as_json"]
    if params["left_out"] == (params["since"] is not None) or (params["left_out"] and params["until"]):
        raise click.UsageError("say which runs: --since (and --until), or --left-out.")
    if params["dry_run"] and not params["left_out"]:
        raise click.UsageError("--dry-run goes with --left-out; `rqscheduler show ID` lists what comes next.")
    if target.id is None and not params["left_out"]:
        raise click.UsageError("a stretch of time is backfilled one ID at a time: many only with --left-out.")
    with open_session(ctx, params) as session:
        if params["left_out"]:
            _left_out(session, target, zone, limit, as_json, dry_run=params["dry_run"], yes=params["yes"])
        elif target.id is not None:
            now = session.now()
            since = read_moment(params["since"], zone, "--since", now)
            until = now if params["until"] is None else read_moment(params["until"], zone, "--until", now)
            _stretch(session, target.id, since, until, limit, as_json)


def _stretch(session: Session, id: str, since: datetime, until: datetime, limit: int, as_json: bool) -> None:
    made = session.schedules.backfill(id, since, until, limit=limit)
    why = "" if made else f" ({_why_none(session.schedules[id], since, until)})"
    answer(
        as_json,
        lambda: {"schedule_id": id, "since": serializers.iso(since), "until": serializers.iso(until), "job_ids": made},
        lambda: [*made, f"{id}: {counted(len(made), 'run', 'runs')} made{why}"],
    )


def _why_none(stored: StoredSchedule, since: datetime, until: datetime) -> str:
    first = None if stored.spec is None else Occurrences(stored.id, stored.spec).after(to_us(since) - 1)
    between = first is not None and first < to_us(until)
    return "those instants were backfilled before" if between else "it has no instant in that time"


def _left_out(
    session: Session, target: Target, zone: tzinfo, limit: int, as_json: bool, *, dry_run: bool, yes: bool
) -> None:
    found = left_out_of(session, target)
    made: list[str] = []
    if not dry_run and found:
        if not yes:
            runs = sum(one.count for one in found)
            schedules = counted(len(found), "schedule", "schedules")
            confirm(f"Make {counted(runs, 'run', 'runs')} of {schedules} now?", "make runs of")
        for one in found:
            made += session.schedules.backfill(one.schedule_id, one.since, one.until, limit=limit)
    answer(
        as_json,
        lambda: {"left_out": [serializers.left_out(one) for one in found], "dry_run": dry_run, "job_ids": made},
        lambda: (
            render.left_out(found, zone, target.id or target.flags, program())
            if dry_run and found
            else [f"{counted(len(made), 'run', 'runs')} made" if found else "The last pause has left out nothing."]
        ),
    )


def left_out_of(session: Session, target: Target) -> list[LeftOut]:
    """What the last pauses of these have left out."""
    if target.id is None:
        return session.schedules.left_out(**target.selection)
    session.schedules[target.id]
    return [one for one in session.schedules.left_out(prefix=target.id) if one.schedule_id == target.id]
