"""Cron strings as rq-scheduler 0.14 reads them, for `Scheduler.cron()` and adopted entries.

Owns the translation to an explicit `Cron` and the texts of the warnings. Knows no schedule, no Redis and no RQ.
"""

from __future__ import annotations

from datetime import tzinfo

from rq_scheduler.errors import InvalidArgument
from rq_scheduler.triggers.cron import Cron, seconds_first
from rq_scheduler.triggers.cron_text import parse
from rq_scheduler.triggers.zone_names import zone_name

__all__ = ["legacy_cron"]


def legacy_cron(expression: str, timezone: str | tzinfo) -> tuple[Cron, list[str]]:
    """The `Cron` that fires when 0.14 would fire in this zone, and a warning for each reading that is not cron's.

    0.14 wants both day fields to match, and takes the sixth of six fields for the year; the Cron returned has
    seven fields then, and always `day_match="both"`. Raises InvalidArgument as `Cron` does, about the string as it was
    given.
    """
    zone, warnings = zone_name(timezone), list[str]()
    fields = expression.split()
    explicit = expression
    if len(fields) == 6:
        explicit = f"0 {' '.join(fields)}"
        seconds = seconds_first(expression, zone, "both")
        warnings.append(
            f"cron {expression!r}: the last of six fields is taken for the year, as rq-scheduler 0.14 does; "
            f"write {explicit!r} to say so" + (f", or {seconds!r} if the first is meant as seconds" if seconds else "")
        )
    try:
        cron = Cron(explicit, timezone=zone, day_match="both")
    except InvalidArgument as error:
        if explicit is expression or repr(explicit) not in str(error):
            raise
        raise InvalidArgument(_as_given(expression, explicit, zone, str(error))) from error
    if not parse(explicit).days_open:
        warnings.append(
            f"cron {expression!r} restricts both day fields: it runs when both match, as in rq-scheduler 0.14, where "
            "cron itself runs when either does; the explicit form is "
            f'Cron("{cron.expression}", timezone="{cron.timezone}", day_match="both")'
        )
    return cron, warnings


def _as_given(expression: str, explicit: str, timezone: str, problem: str) -> str:
    seconds = seconds_first(expression, timezone, "both")
    return (
        f"{problem.replace(repr(explicit), repr(expression), 1)}; the sixth of six fields is read as the year here, as "
        "rq-scheduler 0.14 does" + (f": write {seconds!r} if the first is meant as seconds" if seconds else "")
    )
