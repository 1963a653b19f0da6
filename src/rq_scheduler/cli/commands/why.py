"""`why`: why a schedule, a run or a single job ran, or did not. Writes nothing."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import open_session, session_options, timezone_option, zone_from
from rq_scheduler.cli.times import read_asked_time, zone_of
from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.client.schedules.explain.asked import zone_of_schedule
from rq_scheduler.sanitize import plain
from rq_scheduler.views import explain

__all__ = ["why"]


@click.command()
@click.argument("what", metavar="ID")
@click.option(
    "--at",
    metavar="WHEN",
    help="A time (02:30, 'yesterday 02:30', 2026-11-28T02:30) or a day (yesterday, 2026-11-28); the newest time at "
    "which it should have run unless given.",
)
@timezone_option
@session_options
@click.pass_context
def why(ctx: click.Context, /, **params: Any) -> None:
    """Say why a schedule or a job ran, or did not.

    In a sentence, with the facts behind it, and what to do. ID is that of a schedule, of one of its runs, of a
    recurring job of the 0.14 API, or of a single job. A time without a day is the last such time.
    Where no zone is given, it is read by the schedule's own clock.
    Of each fact it says what let the run go on (+), what went against it (x), and what is open or not known (?).

    Exit status: 0, or 1 when nothing is known of ID or Redis cannot be asked.
    """
    zone, at, id = zone_from(params), params["at"], params["what"]
    with open_session(ctx, params) as session:
        asked = None
        if at is not None:
            clock = zone if params["timezone"] else _own_clock(session.schedules.get(id)) or zone
            asked = read_asked_time(at, clock, "--at", session.now())
        found = session.schedules.explain(id, asked, timezone=zone)
        shown = zone_of(found.timezone)
        unknown = found.cause == "not_recorded" and found.at is None
        if unknown and (nearest := session.nearest(id)):
            click.echo(f"Note: {plain(nearest)}", err=True)
    answer(
        params["as_json"],
        lambda: explain.serialize(found),
        lambda: explain.render(found, shown, session.typed),
        shown,
    )
    if unknown:
        ctx.exit(1)


def _own_clock(schedule: StoredSchedule | None) -> tzinfo | None:
    """The zone whose clock a schedule goes by; None where it reads none, or several."""
    zone = None if schedule is None else zone_of_schedule(schedule.spec)
    return None if zone is None else zone_of(zone)
