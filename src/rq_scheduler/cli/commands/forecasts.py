"""`dst` and `load`: what lies ahead of many schedules together. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import open_session, session_options, timezone_option, zone_from
from rq_scheduler.cli.times import read_length, read_until, time_zone
from rq_scheduler.client.schedules import TouchedSchedule
from rq_scheduler.views import clock_changes
from rq_scheduler.views import load as load_views
from rq_scheduler.views.pages import Page

__all__ = ["dst", "load"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_WHICH: tuple[Callable[[Any], Any], ...] = (
    click.option("--tag", help="Only schedules with this tag."),
    click.option("--queue", "queue_name", metavar="NAME", help="Only those whose runs go to this queue."),
    click.option("--prefix", metavar="TEXT", help="Only those whose ids begin so."),
    click.option("--owner", metavar="NAME", help="Only those that a sync keeps for this owner."),
)


def _which_options(command: _Command) -> _Command:
    for option in reversed(_WHICH):
        command = option(command)
    return command


@click.command()
@click.option("--zone", metavar="ZONE", help="Only the clock of this zone; else of each zone that a schedule reads.")
@click.option("--within", metavar="DURATION", default="1y", show_default=True, help="How far ahead: 90d, 1y.")
@click.option("--after", metavar="WHEN", help="From then on, a moment or a time from now (180d); now unless given.")
@_which_options
@click.option("--each", is_flag=True, help="Each schedule that is touched, by id.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="With --each: how many.")
@click.option("--behind", metavar="ID", help="With --each: those that follow this one.")
@timezone_option
@session_options
@click.pass_context
def dst(ctx: click.Context, /, **params: Any) -> None:
    """Show what the next changes of the clock do to schedules.

    Of each zone whose clock is read, the next change, for whatever reason: which schedules name times that it jumps
    over or shows twice, and whether these run once, twice or not at all.
    """
    zone, limit = zone_from(params), params["limit"]
    name = params["zone"] and time_zone(params["zone"], "--zone")
    if params["behind"] is not None and not params["each"]:
        raise click.UsageError("--behind goes with --each.")
    with open_session(ctx, params) as session:
        asked: dict[str, Any] = {"within": read_length(params["within"]), "timezone": name}
        if params["after"] is not None:
            asked["after"] = read_until(params["after"], session.now(), zone, "--after")
        asked.update((which, params[which]) for which in ("tag", "queue_name", "prefix", "owner"))
        if params["each"]:
            found = session.schedules.touched_by_clocks(**asked, behind=params["behind"], limit=limit + 1)
            page = Page[TouchedSchedule](found, limit)
            answer(
                params["as_json"],
                lambda: clock_changes.serialize_each(page),
                lambda: clock_changes.render_each(page),
            )
            return
        changes = session.schedules.clock_changes(**asked)
    answer(
        params["as_json"],
        lambda: clock_changes.serialize(changes),
        lambda: clock_changes.render(changes, zone, session.typed),
        zone,
    )


@click.command()
@click.option("--queue", "queue_name", metavar="NAME", help="Only this queue.")
@click.option("--within", metavar="DURATION", default="24h", show_default=True, help="How far ahead: 6h, 7d.")
@timezone_option
@session_options
@click.pass_context
def load(ctx: click.Context, /, **params: Any) -> None:
    """Show what is due in each queue, and if its workers can take it.

    By the mean durations of the runs that succeeded. Jobs that wait already, and one-offs, are not counted.
    """
    zone = zone_from(params)
    with open_session(ctx, params) as session:
        found = session.schedules.load(within=params["within"], queue_name=params["queue_name"])
    answer(params["as_json"], lambda: load_views.serialize(found), lambda: load_views.render(found, zone), zone)
