"""A wall clock and a zone: the moment that they mean together. Owns the errors for those that mean none."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from rq_scheduler.errors import InvalidArgument

__all__ = ["moment_of"]


def moment_of(given: datetime, zone: tzinfo, said: str) -> datetime:
    """Aware UTC. A time without an offset is by the clock of `zone`; of one that it shows twice, the first is meant.

    Raises InvalidArgument, of what was `said`, for a time that the clocks jump over, and outside the years 1 to 9999.
    """
    try:
        found = (given if given.tzinfo is not None else given.replace(tzinfo=zone)).astimezone(UTC)
        back = found.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise InvalidArgument(f"{said} lies outside the years 1 to 9999") from None
    if given.tzinfo is None and back != given:
        raise InvalidArgument(
            f"{said} does not exist in {zone}: the clocks jump over it, to {back}. Give another time, or one with "
            "its offset"
        )
    return found
