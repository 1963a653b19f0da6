"""`At`: one instant. Knows nothing but the base."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import force_setattr

from rq_scheduler.clock import to_us
from rq_scheduler.triggers.base import Trigger, in_utc

__all__ = ["At"]


class At(Trigger, frozen=True, tag="at"):
    """Once, at `moment`: an aware datetime in any zone, kept to the microsecond as UTC.

    Raises InvalidArgument for a naive datetime, InvalidType for anything else. Stored as
    `{"type": "at", "moment": "2026-03-29T01:00:00Z"}`.
    """

    moment: datetime

    def __post_init__(self) -> None:
        # Equality and stored bytes do not depend on the zone it was written in.
        force_setattr(self, "moment", in_utc(self.moment, "moment"))

    def after(self, us: int) -> int | None:
        """The instant in microseconds if it lies strictly after `us`, else None."""
        moment = to_us(self.moment)
        return moment if moment > us else None

    def before(self, us: int) -> int | None:
        """The instant in microseconds if it lies strictly before `us`, else None."""
        moment = to_us(self.moment)
        return moment if moment < us else None
