"""`AnyOf`: the union of several triggers; and `AnyTrigger`, what every stored trigger is decoded as.

Knows the other triggers as types alone, and nothing of what they do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from msgspec.structs import force_setattr, replace

from rq_scheduler.errors import InvalidArgument, InvalidType, kind_of
from rq_scheduler.triggers.at import At
from rq_scheduler.triggers.base import Trigger, TriggerMeta
from rq_scheduler.triggers.cron import Cron
from rq_scheduler.triggers.every import Every
from rq_scheduler.triggers.rrule import RRule
from rq_scheduler.triggers.work import is_stored, of_stored, spend

__all__ = ["MAX_PARTS", "AnyOf", "AnyTrigger"]

MAX_PARTS = 50
"""Triggers that one AnyOf may have: each is asked for every instant."""

T = TypeVar("T")


class _AnyOfMeta(TriggerMeta):
    """Lets `AnyOf` take its triggers one by one; decoding and `replace` go by the stored field, past it."""

    def __call__(cls: type[T], *triggers: AnyTrigger) -> T:  # noqa: N805 (of a metaclass)
        return super().__call__(triggers)


class AnyOf(Trigger, metaclass=_AnyOfMeta, frozen=True, tag="any_of"):
    """The instants of all of its triggers; one that several name counts once.

    `AnyOf(Cron("0 9 * * *"), Every("90m"), At(moment))`, at least one, at most 50. Those of an AnyOf inside count as
    its own.

    Raises InvalidArgument without a trigger and for too many, InvalidType for what is none. Stored as
    `{"type": "any_of", "triggers": [...]}`.
    """

    triggers: tuple[AnyTrigger, ...]

    if TYPE_CHECKING:

        def __init__(self, *triggers: AnyTrigger) -> None: ...

    def __post_init__(self) -> None:
        flat: list[AnyTrigger] = []
        for trigger in self.triggers:
            if not isinstance(trigger, Trigger):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidType(
                    f"AnyOf: {trigger!r} is {kind_of(trigger)}: give triggers one by one, "
                    "such as AnyOf(Cron('30 2 * * *'), At(datetime))"
                )
            flat += trigger.triggers if isinstance(trigger, AnyOf) else (trigger,)
        if not flat:
            raise InvalidArgument("AnyOf() names no trigger, so it would never fire: give at least one")
        if len(flat) > MAX_PARTS and not is_stored():
            raise InvalidArgument(
                f"AnyOf has {len(flat)} triggers, more than {MAX_PARTS}: name several times in one Cron or RRule, or "
                "make several schedules of it"
            )
        force_setattr(self, "triggers", tuple(flat))

    def anchored(self, us: int) -> Self:
        """With each of its triggers anchored."""
        triggers = tuple(trigger.anchored(us) for trigger in self.triggers)
        return self if triggers == self.triggers else self._with(triggers)

    def in_zone(self, timezone: str) -> Self:
        """With each of its triggers in that zone."""
        return self._with(tuple(trigger.in_zone(timezone) for trigger in self.triggers))

    def _with(self, triggers: tuple[AnyTrigger, ...]) -> Self:
        with of_stored():  # there are no more of them than were accepted
            return replace(self, triggers=triggers)

    @property
    def zone_names(self) -> frozenset[str]:
        """Those of all of its triggers."""
        return frozenset[str]().union(*(trigger.zone_names for trigger in self.triggers))

    def after(self, us: int) -> int | None:
        """The first instant of any of them strictly after `us`."""
        spend(len(self.triggers))
        found = [at for trigger in self.triggers if (at := trigger.after(us)) is not None]
        return min(found, default=None)

    def before(self, us: int) -> int | None:
        """The last instant of any of them strictly before `us`."""
        spend(len(self.triggers))
        found = [at for trigger in self.triggers if (at := trigger.before(us)) is not None]
        return max(found, default=None)

    def __repr__(self) -> str:
        return f"AnyOf({', '.join(map(repr, self.triggers))})"

    def __reduce__(self) -> tuple[Any, ...]:
        return AnyOf, self.triggers


AnyTrigger = At | Every | Cron | RRule | AnyOf
"""Every kind of trigger there is: the type to decode stored ones as."""
