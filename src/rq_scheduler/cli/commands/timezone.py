"""`timezone`: in which zone a schedule, or a recurring job of the 0.14 API, reads its clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import Session, open_session, session_options
from rq_scheduler.cli.times import time_zone, zone_of
from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.humanize import when
from rq_scheduler.triggers import Cron
from rq_scheduler.views import serializers

__all__ = ["timezone"]


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.argument("zone")
@click.option("--all", "everything", is_flag=True, help="Every cron string of the 0.14 API, instead of naming ids.")
@click.option("--from", "was", metavar="ZONE", help="With --all: only those that are in this zone now.")
@session_options
@click.pass_context
def timezone(ctx: click.Context, /, **params: Any) -> None:
    """Have schedules read their clock in ZONE from now on.

    The next run is then the first one of that zone; one that is due already stays if it is one there too. For what
    was adopted from rq-scheduler 0.14 in the wrong zone, and for schedules that `put` made. (What a file defines, the
    next sync makes as the file says.)
    """
    zone = time_zone(params["zone"], "ZONE")
    was = params["was"] and time_zone(params["was"], "--from")
    if params["everything"] == bool(params["ids"]):
        raise click.UsageError("name the ids, or say --all: one of the two.")
    if was and not params["everything"]:
        raise click.UsageError("--from chooses among --all.")
    ids: Sequence[str] = params["ids"]
    params["id"] = ids[0] if len(ids) == 1 else None
    with open_session(ctx, params) as session:
        if params["everything"]:
            ids = _all_crons(session, was)
        changed = [session.schedules.change_timezone(id, zone) for id in ids]
        now = session.now()

    def line(stored: StoredSchedule) -> str:
        return f"{stored.id} runs in {zone}; next run: {when(stored.next_run_at, now, zone_of(zone))}"

    answer(
        params["as_json"],
        lambda: {"timezone": zone, "schedules": [serializers.schedule(stored) for stored in changed]},
        lambda: [*map(line, changed)] or ["No cron string of the 0.14 API is to be changed."],
    )


def _all_crons(session: Session, was: str | None) -> list[str]:
    """The ids of the 0.14 API's recurring jobs that have a cron string (in that zone)."""
    return [
        stored.id
        for stored in session.schedules
        if stored.kind == "job" and isinstance(stored.trigger, Cron) and was in (None, stored.trigger.timezone)
    ]
