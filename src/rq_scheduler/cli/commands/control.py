"""`pause`, `resume`, `run-now`, `backfill` and `delete`: what a person does to one schedule."""

from __future__ import annotations

import sys
from datetime import datetime, tzinfo
from typing import Any

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import open_session, session_options, timezone_option, zone_from
from rq_scheduler.cli.times import read_moment
from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.clock import to_us
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.sanitize import plain
from rq_scheduler.views import render, serializers
from rq_scheduler.views.humanize import counted, when

__all__ = ["backfill", "delete", "pause", "resume", "run_now"]


@click.command()
@click.argument("id")
@click.option("--note", default="", metavar="TEXT", help="Why, for whoever looks next.")
@session_options
@click.pass_context
def pause(ctx: click.Context, /, **params: Any) -> None:
    """Let a schedule fire no more until it is resumed."""
    with open_session(ctx, params) as session:
        stored = session.schedules.pause(params["id"], params["note"])
    answer(
        params["as_json"],
        lambda: serializers.schedule(stored),
        lambda: [f"{stored.id} is paused; resume it with: rqscheduler resume {stored.id}"],
    )


@click.command()
@click.argument("id")
@timezone_option
@session_options
@click.pass_context
def resume(ctx: click.Context, /, **params: Any) -> None:
    """Let a paused schedule fire again. What passed meanwhile is not caught up."""
    zone = zone_from(params)
    with open_session(ctx, params) as session:
        stored = session.schedules.resume(params["id"])
        now = session.now()
    answer(
        params["as_json"],
        lambda: serializers.schedule(stored),
        lambda: [f"{stored.id} is {render.state_text(stored)}; next run: {when(stored.next_run_at, now, zone)}"],
    )


@click.command("run-now")
@click.argument("id")
@click.option("--force", is_flag=True, help="Also while the last run is still going, whatever its overlap says.")
@session_options
@click.pass_context
def run_now(ctx: click.Context, /, **params: Any) -> None:
    """Make one run now; the next one stays where it is."""
    id = params["id"]
    with open_session(ctx, params) as session:
        job = session.schedules.run_now(id, force=params["force"])
    if job is None:
        said = {"schedule_id": id, "outcome": "not enqueued", "job_id": None, "queue_name": None}
        text = f"{id}: no run was made now, the last one is still going (--force makes one all the same)"
    else:
        said = {"schedule_id": id, "outcome": "enqueued", "job_id": job.id, "queue_name": job.origin}
        text = f"{id}: job {job.id} is in the queue {job.origin}"
    answer(params["as_json"], lambda: said, lambda: [text])


@click.command()
@click.argument("id")
@click.option("--since", required=True, metavar="MOMENT", help="From this moment on (ISO 8601).")
@click.option("--until", metavar="MOMENT", help="Up to this moment, not included; now unless given.")
@click.option("--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Refuse to make more.")
@timezone_option
@session_options
@click.pass_context
def backfill(ctx: click.Context, /, **params: Any) -> None:
    """Make a run for every instant of a time that has passed.

    Each instant has one run, also if it is asked for twice."""
    id = params["id"]
    since, until = _stretch(params, zone_from(params))
    with open_session(ctx, params) as session:
        upto = until or session.now()
        made = session.schedules.backfill(id, since, upto, limit=params["limit"])
        why = "" if made else f" ({_why_none(session.schedules[id], since, upto)})"
    answer(
        params["as_json"],
        lambda: {"schedule_id": id, "since": serializers.iso(since), "until": serializers.iso(upto), "job_ids": made},
        lambda: [*made, f"{id}: {counted(len(made), 'run', 'runs')} made{why}"],
    )


def _why_none(stored: StoredSchedule, since: datetime, until: datetime) -> str:
    first = None if stored.spec is None else Occurrences(stored.id, stored.spec).after(to_us(since) - 1)
    between = first is not None and first < to_us(until)
    return "those instants were backfilled before" if between else "it has no instant in that time"


def _stretch(params: dict[str, Any], zone: tzinfo) -> Any:
    until = params["until"]
    return read_moment(params["since"], zone, "--since"), until and read_moment(until, zone, "--until")


@click.command()
@click.argument("id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@session_options
@click.pass_context
def delete(ctx: click.Context, /, **params: Any) -> None:
    """Delete a schedule and its history. Runs that are in their queue already stay there."""
    id = params["id"]
    with open_session(ctx, params) as session:
        stored = session.schedules[id]
        if not params["yes"]:
            _ask(stored)
        deleted = session.schedules.delete(id)
    answer(
        params["as_json"],
        lambda: {"schedule_id": id, "deleted": deleted},
        lambda: [f"{id} is deleted" if deleted else f"{id} was gone already"],
    )


def _ask(stored: StoredSchedule) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(f"deleting {stored.id} needs a yes, and there is no terminal to ask on: add --yes.")
    owner = f" {stored.owner} will put it back with its next sync." if stored.owner else ""
    question = f"Delete {stored.id} and its history ({counted(stored.runs, 'run', 'runs')})?{owner}"
    click.confirm(plain(question), abort=True, err=True)
