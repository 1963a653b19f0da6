"""`Every`: a fixed interval from an anchor, in integer microseconds. Knows nothing but the base."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar

from msgspec.structs import force_setattr, replace

from rq_scheduler.aliases import DurationLike
from rq_scheduler.clock import US, duration_us, from_us, timedelta_us, to_us
from rq_scheduler.errors import InvalidArgument, InvalidType
from rq_scheduler.serialization import Duration
from rq_scheduler.triggers.base import MAX_US, MIN_US, Trigger, TriggerMeta, in_utc

__all__ = ["MAX_INTERVAL_US", "MIN_INTERVAL_US", "Every"]

T = TypeVar("T")

MIN_INTERVAL_US = 1_000
MAX_INTERVAL_US = 1_000 * 365 * 86_400 * US
"""A millisecond, and a thousand years: above that somebody gave microseconds for seconds."""


class _EveryMeta(TriggerMeta):
    """Gives `Every` a constructor in people's units; decoding and `replace` go by the stored fields, past it."""

    def __call__(
        cls: type[T],  # noqa: N805 (of a metaclass)
        every: DurationLike | None = None,
        *,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        milliseconds: float = 0,
        anchor: datetime | None = None,
    ) -> T:
        units = {
            "weeks": weeks,
            "days": days,
            "hours": hours,
            "minutes": minutes,
            "seconds": seconds,
            "milliseconds": milliseconds,
        }
        us = _interval_us(every, {name: value for name, value in units.items() if value != 0})
        _check_length(us)
        return super().__call__(Duration(microseconds=us), anchor)


class Every(Trigger, metaclass=_EveryMeta, frozen=True, tag="every"):
    """At `anchor + k * interval` for every integer k, without drift: what bounds the series is its schedule.

    `Every(10)`, `Every("10m")`, `Every(timedelta(hours=1))`, `Every(minutes=5, seconds=30)`; numbers are
    seconds. At least a millisecond, at most a thousand years. `anchor` is an aware datetime; without one the
    first `put` of the schedule sets it, and until then the trigger has no instants.

    Raises InvalidArgument (zero, negative, NaN, too small, too large, naive anchor) or InvalidType. Stored as
    `{"type": "every", "interval": "300s", "anchor": "2026-01-01T00:00:00Z"}`, the anchor in UTC or null.
    """

    interval: Duration
    anchor: datetime | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            every: DurationLike | None = None,
            *,
            weeks: float = 0,
            days: float = 0,
            hours: float = 0,
            minutes: float = 0,
            seconds: float = 0,
            milliseconds: float = 0,
            anchor: datetime | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        _check_length(self.interval.us)
        if self.anchor is not None:
            force_setattr(self, "anchor", in_utc(self.anchor, "anchor"))

    def anchored(self, us: int) -> Self:
        """Without an anchor, the same interval counted from `us`."""
        return self if self.anchor is not None else self.with_anchor(us)

    def with_anchor(self, us: int) -> Self:
        """The same interval counted from `us` (microseconds since the epoch), whatever it was counted from."""
        return replace(self, anchor=from_us(us))

    def after(self, us: int) -> int | None:
        """The first instant strictly after `us`. Raises InvalidArgument without an anchor."""
        anchor, interval = self._numbers()
        found = anchor + ((us - anchor) // interval + 1) * interval
        if MIN_US <= found <= MAX_US:
            return found
        # Asked from before year 1, the first instant is the first that a datetime can name.
        return self.after(MIN_US - 1) if found < MIN_US else None

    def before(self, us: int) -> int | None:
        """The last instant strictly before `us`. Raises InvalidArgument without an anchor."""
        anchor, interval = self._numbers()
        found = anchor + ((us - anchor - 1) // interval) * interval
        if MIN_US <= found <= MAX_US:
            return found
        return self.before(MAX_US + 1) if found > MAX_US else None

    def _numbers(self) -> tuple[int, int]:
        if self.anchor is None:
            raise InvalidArgument(
                f"{self!r} has no anchor yet, so its instants are not known: the first put of its schedule sets it; "
                "to ask before that, give anchor=, an aware datetime"
            )
        return to_us(self.anchor), self.interval.us

    def __repr__(self) -> str:
        anchor = "" if self.anchor is None else f", anchor={self.anchor.isoformat()!r}"
        return f"Every({str(self.interval)!r}{anchor})"

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would hand the anchor to a constructor that takes it by keyword alone.
        return _restore, (self.interval, self.anchor)


def _restore(interval: Duration, anchor: datetime | None) -> Every:
    return Every(interval, anchor=anchor)


def _check_length(us: int) -> None:
    """Raises InvalidArgument for an interval (microseconds) that no series can have."""
    if MIN_INTERVAL_US <= us <= MAX_INTERVAL_US:
        return
    if us > MAX_INTERVAL_US:
        raise InvalidArgument(
            f"an interval of {us // US} seconds is over a thousand years: numbers are seconds; for one run use At"
        )
    if us > 0:
        raise InvalidArgument(
            f"an interval of {us} microseconds is below the shortest one, a millisecond: "
            "give 0.001 s or more (numbers are seconds)"
        )
    raise InvalidArgument(
        f"an interval of {us / US:g} seconds never moves on: give a positive duration, such as Every(minutes=5)"
    )


def _interval_us(every: DurationLike | None, units: dict[str, float]) -> int:
    if every is None and not units:
        raise InvalidArgument(
            "Every() needs a positive interval: Every(10) for ten seconds, Every(minutes=5), Every('1h')"
        )
    if every is not None and units:
        raise InvalidArgument(
            f"Every({every!r}, {', '.join(units)}=...) gives the interval twice: use either the first argument "
            "or the units"
        )
    if every is not None:
        return duration_us(every, "every")
    try:
        return timedelta_us(timedelta(**units))
    except OverflowError:
        raise InvalidArgument(f"an interval of {units} is too large: give at most a thousand years") from None
    except ValueError:
        raise InvalidArgument(f"an interval of {units} is no length of time: give finite numbers") from None
    except TypeError:
        raise InvalidType(f"an interval of {units} is no length of time: give numbers") from None
