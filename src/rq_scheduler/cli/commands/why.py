"""`why`: why a schedule, a run or a single job ran, or did not. Writes nothing."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

import click

from rq_scheduler.cli.output import answer
from rq_scheduler.cli.session import open_session, session_options, timezone_option, zone_from
from rq_scheduler.views import explain

__all__ = ["asked_time", "why"]

_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}
_HINT = (
    "Write for example 02:30, today, yesterday, 'yesterday 02:30', 2026-11-28, '2026-11-28 02:30' or 2026-11-28T01:30Z."
)


@click.command()
@click.argument("what", metavar="ID")
@click.option(
    "--at",
    metavar="WHEN",
    help="A time (02:30, yesterday 02:30, 2026-11-28T02:30) or a day (yesterday, 2026-11-28); the newest time at which "
    "it should have run unless given.",
)
@timezone_option
@session_options
@click.pass_context
def why(ctx: click.Context, /, **params: Any) -> None:
    """Say why a schedule or a job ran, or did not.

    In a sentence, with the facts behind it, and what to do. ID is that of a schedule, of one of its runs, of a
    recurring job of the 0.14 API, or of a single job. A time without a day is the last such time.
    """
    zone = zone_from(params)
    with open_session(ctx, params) as session:
        asked = None if params["at"] is None else asked_time(params["at"], session.now().astimezone(zone), zone)
        found = session.schedules.explain(params["what"], asked, timezone=zone)
    answer(params["as_json"], lambda: explain.serialize(found), lambda: explain.render(found, zone))


def asked_time(text: str, now: datetime, zone: tzinfo) -> datetime | date:
    """What a person means who asks about this at the moment `now`, by the clock of `zone`: a moment, or all of a day.

    One that the clocks jump over is left as it is, for the answer to say so. A usage error for what is no time.
    """
    words = text.strip().lower().split()
    day = _DAYS.get(words[0]) if words else None
    if day is not None:
        on = now.date() + timedelta(days=day)
        return datetime.combine(on, _clock(text, words[1:]), zone) if words[1:] else on
    if len(words) == 1 and ":" in text and "-" not in text and "T" not in text.upper():
        at = datetime.combine(now.date(), _clock(text, words), zone)
        return at if at <= now else at - timedelta(days=1)
    try:
        if len(text.strip()) == len("2026-11-28"):
            return date.fromisoformat(text.strip())
        given = datetime.fromisoformat(text.strip())
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time. {_HINT}", param_hint="--at") from None
    return given if given.tzinfo is not None else given.replace(tzinfo=zone)


def _clock(text: str, words: list[str]) -> time:
    try:
        found = time.fromisoformat(words[0]) if len(words) == 1 else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise click.BadParameter(f"{text!r} is no time. {_HINT}", param_hint="--at")
    return found
