"""`jobs`: one-offs that wait for their time, and what a person does to them; and jobs that RQ has already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.selection import confirm
from rq_scheduler.cli.session import open_session, session_options, timezone_option, zone_from
from rq_scheduler.cli.site import program
from rq_scheduler.cli.times import read_moment
from rq_scheduler.humanize import counted, when
from rq_scheduler.sanitize import plain, plain_json
from rq_scheduler.views import pending
from rq_scheduler.views.pending import NO_TRACEBACK
from rq_scheduler.views.serializers import iso

__all__ = ["jobs"]

_since = click.option("--since", metavar="MOMENT", help="From this moment on, such as '06:00' or 'tomorrow 06:00'.")
_until = click.option("--until", metavar="MOMENT", help="Up to this moment, not included.")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def jobs() -> None:
    """List, cancel, move or spread one-off jobs; stop what runs."""


@jobs.command("list")
@_since
@_until
@click.option("--call", metavar="TEXT", help="Only those whose call holds this text: a search of 10,000 jobs at most.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many.")
@click.option("--after", metavar="JOB_ID", help="Go on behind this job, the last one of the page before.")
@timezone_option
@session_options
@click.pass_context
def list_(ctx: click.Context, /, **params: Any) -> None:
    """List pending jobs, in the order in which they are due. Writes nothing."""
    zone, limit = zone_from(params), params["limit"]
    with open_session(ctx, params) as session:
        now = session.now()
        since, until = (
            None if params[name] is None else read_moment(params[name], zone, f"--{name}", now)
            for name in ("since", "until")
        )
        behind = None if params["after"] is None else session.scheduler.jobs.get(params["after"])
        if params["after"] is not None and behind is None:
            raise _unknown(params["after"])
        found = session.scheduler.jobs.find(
            since=since, until=until, behind=behind, call=params["call"], limit=limit + 1
        )
    page, more = found[:limit], len(found) > limit
    answer(
        params["as_json"],
        lambda: {"jobs": [pending.serialize(job) for job in page], "more": more},
        lambda: pending.table(page, now, zone, more=more),
        zone,
    )


@jobs.command()
@click.argument("id")
@timezone_option
@session_options
@click.pass_context
def show(ctx: click.Context, /, **params: Any) -> None:
    """Show one pending job."""
    zone, id = zone_from(params), params["id"]
    with open_session(ctx, params) as session:
        found, now = session.scheduler.jobs.get(id), session.now()
    if found is None:
        raise _unknown(id)
    answer(params["as_json"], lambda: pending.serialize(found), lambda: pending.facts(found, now, zone), zone)


@jobs.command()
@click.argument("id", metavar="JOB_ID")
@session_options
@click.pass_context
def traceback(ctx: click.Context, /, **params: Any) -> None:
    """Show with which traceback the last run of a job ended, such as a run of a schedule.

    Exit status: 1 when RQ has none, or none any more.
    """
    id = params["id"]
    with open_session(ctx, params) as session:
        found = session.scheduler.jobs.traceback(id)
    if params["as_json"]:
        click.echo(plain_json({"job_id": id, "traceback": found}, indent=2))
    elif found is None:
        raise click.ClickException(f"{NO_TRACEBACK.format(id)}.")
    else:  # as it is, for whoever copies it: no line is cut or wrapped
        click.echo("\n".join(map(plain, found.rstrip().splitlines())))
    if found is None:
        ctx.exit(1)


@jobs.command()
@_since
@_until
@click.option("--step", metavar="DURATION", default="15m", show_default=True, help="How long each stretch is.")
@timezone_option
@session_options
@click.pass_context
def count(ctx: click.Context, /, **params: Any) -> None:
    """Count pending jobs by when they are due: the next six hours, by the quarter, unless told."""
    zone, step = zone_from(params), params["step"]
    with open_session(ctx, params) as session:
        now = session.now()
        quarter = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
        since = quarter if params["since"] is None else read_moment(params["since"], zone, "--since", now)
        until = (
            since + timedelta(hours=6)
            if params["until"] is None
            else read_moment(params["until"], zone, "--until", now)
        )
        found = session.scheduler.jobs.histogram(since, until, step)
    answer(
        params["as_json"],
        lambda: {"step": step, "counts": [{"since": iso(at), "count": count} for at, count in found]},
        lambda: pending.histogram(found, zone),
        zone,
    )


@jobs.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@session_options
@click.pass_context
def cancel(ctx: click.Context, /, **params: Any) -> None:
    """Take pending jobs off the schedule.

    Exit status: 1 when one is not pending.
    """
    with open_session(ctx, params) as session:
        done = {id: session.scheduler.jobs.cancel(id) for id in params["ids"]}
    _tell_each(ctx, params["as_json"], done, "is canceled")


@jobs.command()
@click.argument("id")
@click.argument("when", metavar="MOMENT")
@timezone_option
@session_options
@click.pass_context
def move(ctx: click.Context, /, **params: Any) -> None:
    """Move a pending job to another time, such as 'tomorrow 06:00'.

    Exit status: 1 when it is not pending.
    """
    zone, id = zone_from(params), params["id"]
    with open_session(ctx, params) as session:
        now = session.now()
        at = read_moment(params["when"], zone, "MOMENT", now)
        done = session.scheduler.jobs.move(id, at)
    _tell_each(ctx, params["as_json"], {id: done}, f"is due at {when(at, now, zone)}")


@jobs.command("run-now")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@session_options
@click.pass_context
def run_now(ctx: click.Context, /, **params: Any) -> None:
    """Have pending jobs handed off at once.

    Exit status: 1 when one is not pending.
    """
    with open_session(ctx, params) as session:
        done = {id: session.scheduler.jobs.run_now(id) for id in params["ids"]}
        alive = bool(session.survey.dispatchers())
    _tell_each(ctx, params["as_json"], done, "is due now" if alive else "is due now, and no dispatcher is alive")


@jobs.command()
@click.option("--since", metavar="MOMENT", required=True, help="Those that are due from this moment on.")
@click.option("--until", metavar="MOMENT", help="And before this one; a quarter of an hour later unless given.")
@click.option("--over", metavar="DURATION", default="2h", show_default=True, help="How long they are to take together.")
@_yes
@timezone_option
@session_options
@click.pass_context
def spread(ctx: click.Context, /, **params: Any) -> None:
    """Delay the one-offs of a quarter of an hour, so that they come evenly over two hours.

    None becomes earlier. Recurring jobs stay.
    """
    zone, over = zone_from(params), params["over"]
    with open_session(ctx, params) as session:
        now = session.now()
        since = read_moment(params["since"], zone, "--since", now)
        until = (
            since + timedelta(minutes=15)
            if params["until"] is None
            else read_moment(params["until"], zone, "--until", now)
        )
        if not params["yes"]:
            ((_, found),) = session.scheduler.jobs.histogram(since, until, until - since)
            confirm(f"Spread {counted(found, 'job', 'jobs')} over {over} from {when(since, now, zone)}?", "spread")
        moved = session.scheduler.jobs.spread(since, until, over)
    answer(
        params["as_json"],
        lambda: {"moved": moved, "since": iso(since), "until": iso(until)},
        lambda: [f"{counted(moved, 'job comes', 'jobs come')} later now, over {over} from {when(since, now, zone)}"],
    )


@jobs.command("move-queue")
@click.argument("queue_name", metavar="QUEUE")
@click.argument("to", metavar="OTHER")
@_yes
@session_options
@click.pass_context
def move_queue(ctx: click.Context, /, **params: Any) -> None:
    """Move the jobs that wait in QUEUE to the end of OTHER, for a queue whose workers are gone."""
    queue, to = params["queue_name"], params["to"]
    with open_session(ctx, params) as session:
        if not params["yes"]:
            confirm(f"Move all jobs that wait in {queue} to {to}?", "move")
        moved = session.scheduler.jobs.move_queue(queue, to)
    answer(
        params["as_json"],
        lambda: {"moved": moved, "queue_name": queue, "to": to},
        lambda: [f"{counted(moved, 'job', 'jobs')} moved from {queue} to {to}"],
    )


@jobs.command()
@click.argument("id", metavar="JOB_ID")
@session_options
@click.pass_context
def stop(ctx: click.Context, /, **params: Any) -> None:
    """Stop a job that a worker runs, such as a run of a schedule; one that waits in its queue is canceled.

    Exit status: 1 when there is nothing to stop.
    """
    id = params["id"]
    with open_session(ctx, params) as session:
        done = session.scheduler.jobs.stop(id)
    said = {"asked": "its worker was asked to stop it", "canceled": "canceled: it waited in its queue"}
    answer(
        params["as_json"],
        lambda: {"job_id": id, "done": done},
        lambda: [f"{id}: {said[done] if done else 'nothing to stop: it is neither queued nor running'}"],
    )
    if done is None:
        ctx.exit(1)


def _tell_each(ctx: click.Context, as_json: bool, done: dict[str, bool], words: str) -> None:
    lines = [f"{id} {words if ok else 'is not pending: nothing was done'}" for id, ok in done.items()]
    answer(as_json, lambda: {"jobs": done}, lambda: lines)
    if not all(done.values()):
        ctx.exit(1)


def _unknown(id: str) -> click.ClickException:
    return click.ClickException(f"no pending job has the id {id!r}; {program()} jobs list shows those there are.")
