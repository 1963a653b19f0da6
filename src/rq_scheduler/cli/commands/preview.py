"""`next` and `schema`: what a cron string means, and what a file of schedules may hold. They need no Redis."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import json_option, sentences
from rq_scheduler.cli.times import read_moment, time_zone, zone_of
from rq_scheduler.client.schedules.files import file_schema
from rq_scheduler.clock import in_zone
from rq_scheduler.triggers import Cron
from rq_scheduler.views import render, serializers

__all__ = ["next_", "schema"]


@click.command("next")
@click.argument("cron")
@click.option("--timezone", metavar="ZONE", help="The zone that the string is read in; UTC unless given.")
@click.option("--count", type=click.IntRange(min=1), default=5, show_default=True, help="How many instants.")
@click.option("--after", metavar="MOMENT", help="Those after this moment (ISO 8601); now unless given.")
@click.option(
    "--day-match",
    type=click.Choice(["either", "both"]),
    default="either",
    show_default=True,
    help="Where both day fields are restricted: cron's rule, or that both must match.",
)
@json_option
def next_(cron: str, timezone: str | None, count: int, after: str | None, day_match: Any, as_json: bool) -> None:
    """Show when a CRON string fires, in its zone and in UTC.

    Asks no Redis. The runs of a schedule, with jitter and exclusions, are in `rqscheduler show ID`.
    """
    zone = zone_of(timezone and time_zone(timezone, "--timezone"))
    now = datetime.now(UTC) if after is None else read_moment(after, zone, "--after")
    with sentences():
        trigger = Cron(cron, timezone or "UTC", day_match)
        found = trigger.upcoming(count, now)
    answer(
        as_json,
        lambda: {
            "expression": trigger.expression,
            "timezone": trigger.timezone,
            "day_match": trigger.day_match,
            "after": serializers.iso(now),
            "instants": [{"utc": serializers.iso(at), "local": in_zone(at, zone).isoformat()} for at in found],
        },
        lambda: render.instants(found, now, zone, trigger.timezone),
    )


@click.command()
@json_option
def schema(as_json: bool) -> None:
    """Print the JSON Schema of the files that `sync` reads. Asks no Redis."""
    # The schema is JSON with and without the flag, which scripts may give to every command.
    click.echo(json.dumps(file_schema(), indent=2, ensure_ascii=False))
