"""`pause`, `resume`, `run-now` and `delete`: what a person does to one schedule, or to many at once."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.selection import confirm, selection_options, target_from
from rq_scheduler.cli.session import Session, open_session, session_options, timezone_option, zone_from
from rq_scheduler.cli.site import program
from rq_scheduler.cli.times import read_until
from rq_scheduler.humanize import counted, when
from rq_scheduler.views import render, serializers

__all__ = ["delete", "pause", "resume", "run_now"]


@click.command()
@click.argument("id", required=False)
@click.option("--note", default="", metavar="TEXT", help="Why, for whoever looks next.")
@click.option(
    "--until",
    metavar="MOMENT|DURATION",
    help="Fire again by itself then: '06:00', 'tomorrow 06:00', 2026-12-24T18:00, or after 90s, 10m, 2h.",
)
@selection_options
@timezone_option
@session_options
@click.pass_context
def pause(ctx: click.Context, /, **params: Any) -> None:
    """Let a schedule, or many, fire no more until they are resumed.

    Many: one that was paused by itself stays as it is.
    """
    target, zone, note = target_from(params), zone_from(params), params["note"]
    with open_session(ctx, params) as session:
        now = session.now()
        until = None if params["until"] is None else read_until(params["until"], now, zone, "--until")
        ends = "" if until is None else f" until {when(until.replace(microsecond=0), now, zone)}"
        if target.id is not None:
            stored = session.schedules.pause(target.id, note, until=until)
            answer(
                params["as_json"],
                lambda: serializers.schedule(stored),
                lambda: [f"{stored.id} is paused{ends}; resume it with: {program()} resume {stored.id}"],
            )
            return
        found = target.ask(session, "Pause", yes=params["yes"])
        paused = session.schedules.pause_all(note, until=until, **target.selection)
    said = f"{counted(paused, 'schedule is', 'schedules are')} paused{ends}; resume them with: "
    others = counted(found - paused, "other stays as it was", "others stay as they were")
    answer(
        params["as_json"],
        lambda: {"paused": paused, "others": found - paused, "paused_until": serializers.iso(until)},
        lambda: [f"{said}{program()} resume {target.flags}" + (f" ({others})" if paused < found else "")],
    )


@click.command()
@click.argument("id", required=False)
@click.option("--all-pauses", is_flag=True, help="Of many: also those that were not paused together.")
@selection_options
@timezone_option
@session_options
@click.pass_context
def resume(ctx: click.Context, /, **params: Any) -> None:
    """Let paused schedules fire again.

    What passed meanwhile is not caught up: it is listed, for `rqscheduler backfill --left-out`. Of many, those are
    resumed that were paused together, unless --all-pauses says more.
    """
    target, zone = target_from(params), zone_from(params)
    if params["all_pauses"] and target.id is not None:
        raise click.UsageError("--all-pauses goes with --tag, --owner, --queue, --prefix and --all.")
    with open_session(ctx, params) as session:
        if target.id is not None:
            _resume_one(session, target.id, zone, params["as_json"])
            return
        found = target.ask(session, "Resume", yes=params["yes"], paused=True)
        resumed = session.schedules.resume_all(all_pauses=params["all_pauses"], **target.selection)
        left_out = session.schedules.left_out(**target.selection)
        stay = found - resumed
    answer(
        params["as_json"],
        lambda: {"resumed": resumed, "stay_paused": stay, "left_out": [serializers.left_out(one) for one in left_out]},
        lambda: [
            f"{counted(resumed, 'schedule fires', 'schedules fire')} again"
            + (f"; {stay:,} paused by themselves stay so (--all-pauses resumes them too)" if stay else ""),
            *render.left_out(left_out, zone, target.flags, program()),
        ],
    )


@click.command("run-now")
@click.argument("id", required=False)
@click.option("--force", is_flag=True, help="Also while the last run is still going, whatever its overlap says.")
@selection_options
@session_options
@click.pass_context
def run_now(ctx: click.Context, /, **params: Any) -> None:
    """Make one run of a schedule, or of each of many, now.

    The next one stays where it is."""
    target, force = target_from(params), params["force"]
    with open_session(ctx, params) as session:
        if target.id is not None:
            _run_one(session, target.id, params["as_json"], force=force)
            return
        found = target.ask(session, "Run", yes=params["yes"])
        made = session.schedules.run_all_now(force=force, **target.selection)
    answer(
        params["as_json"],
        lambda: {"runs": made, "schedules": found},
        lambda: [f"{counted(made, 'run', 'runs')} made, of {counted(found, 'schedule', 'schedules')}"],
    )


@click.command()
@click.argument("id", required=False)
@selection_options
@session_options
@click.pass_context
def delete(ctx: click.Context, /, **params: Any) -> None:
    """Delete a schedule, or many, and their history. Runs that are in their queue already stay there."""
    target = target_from(params)
    with open_session(ctx, params) as session:
        if target.id is not None:
            _delete_one(session, target.id, params["as_json"], yes=params["yes"])
            return
        target.ask(session, "Delete", yes=params["yes"])
        deleted = session.schedules.delete_all(**target.selection)
    answer(
        params["as_json"],
        lambda: {"deleted": deleted},
        lambda: [f"{counted(deleted, 'schedule is', 'schedules are')} deleted"],
    )


# Below the commands


def _resume_one(session: Session, id: str, zone: tzinfo, as_json: bool) -> None:
    was_paused = session.schedules[id].paused
    stored = session.schedules.resume(id)
    left_out = [one for one in session.schedules.left_out(prefix=id) if one.schedule_id == id] if was_paused else []
    now = session.now()
    answer(
        as_json,
        lambda: {**serializers.schedule(stored), "left_out": [serializers.left_out(one) for one in left_out]},
        lambda: [
            f"{stored.id} is {render.state_text(stored)}; next run: {when(stored.next_run_at, now, zone)}",
            *render.left_out(left_out, zone, stored.id, program()),
        ],
    )


def _run_one(session: Session, id: str, as_json: bool, *, force: bool) -> None:
    job = session.schedules.run_now(id, force=force)
    if job is None:
        said = {"schedule_id": id, "outcome": "not enqueued", "job_id": None, "queue_name": None}
        text = f"{id}: no run was made now, the last one is still going (--force makes one all the same)"
    else:
        said = {"schedule_id": id, "outcome": "enqueued", "job_id": job.id, "queue_name": job.origin}
        text = f"{id}: job {job.id} is in the queue {job.origin}"
    answer(as_json, lambda: said, lambda: [text])


def _delete_one(session: Session, id: str, as_json: bool, *, yes: bool) -> None:
    stored = session.schedules[id]
    if not yes:
        owner = f" {stored.owner} will put it back with its next sync." if stored.owner else ""
        confirm(f"Delete {stored.id} and its history ({counted(stored.runs, 'run', 'runs')})?{owner}", f"delete {id}")
    deleted = session.schedules.delete(id)
    answer(
        as_json,
        lambda: {"schedule_id": id, "deleted": deleted},
        lambda: [f"{id} is deleted" if deleted else f"{id} was gone already"],
    )
