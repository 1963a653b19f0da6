"""What every trigger is: a pure, strictly increasing series of instants.

Owns the abstract `Trigger`, its public datetime face, and the range of instants that can be named. Knows no
concrete trigger, no schedule, no Redis and no RQ. Inside, an instant is an integer of microseconds since the
epoch, UTC ("us"); datetimes appear only at the public methods.
"""

from __future__ import annotations

import inspect
from abc import ABCMeta, abstractmethod
from datetime import UTC, datetime
from typing import Self

import msgspec

from rq_scheduler.clock import SystemClock, from_us, mean_time_of, to_us
from rq_scheduler.errors import InvalidArgument, InvalidType, kind_of
from rq_scheduler.triggers.work import WORK_PER_INSTANT, Work

__all__ = ["MAX_US", "MIN_US", "Trigger", "TriggerMeta", "aware_us", "in_utc", "not_negative"]

MIN_US = to_us(datetime.min.replace(tzinfo=UTC))
MAX_US = to_us(datetime.max.replace(tzinfo=UTC))
"""The first and the last instant that a datetime can hold; every series ends there."""

_CLOCK = SystemClock()
_EPOCH = from_us(0)


def aware_us(moment: datetime, name: str) -> int:
    """Microseconds since the epoch for an aware datetime.

    Raises InvalidType for anything but a datetime, InvalidArgument for a naive one (a trigger that guessed a zone would
    be right on the developer's machine and wrong on the server) and for one that a zone of pytz has set to mean time.
    """
    if not isinstance(moment, datetime):  # pyright: ignore[reportUnnecessaryIsInstance]  (users without a type checker)
        raise InvalidType(f"{name}={moment!r} is {kind_of(moment)}: give an aware datetime, such as datetime.now(UTC)")
    if moment.utcoffset() is None:
        raise InvalidArgument(
            f"{name}={moment.isoformat()} has no time zone: say which one is meant, "
            f"for instance {name}.replace(tzinfo=UTC) or .replace(tzinfo=ZoneInfo('Europe/Paris'))"
        )
    if problem := mean_time_of(moment):
        raise InvalidArgument(f"{name}={moment.isoformat()} {problem}")
    us = to_us(moment)
    if not MIN_US <= us <= MAX_US:
        raise InvalidArgument(
            f"{name}={moment.isoformat()} is in UTC outside of the years 1 to 9999, which is all a datetime can hold: "
            "give a moment inside"
        )
    return us


def in_utc(moment: datetime, name: str) -> datetime:
    """The same moment in UTC: one form for one instant, whatever zone it was written in. Raises as `aware_us` does."""
    # As all are stored. An application's tests that freeze time put another class under the name `datetime`.
    if type(moment) is type(_EPOCH) and moment.tzinfo is UTC:
        return moment
    return from_us(aware_us(moment, name))


def not_negative(**values: object) -> None:
    """Raises InvalidType or InvalidArgument for what is no whole number from 0 on."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidType(f"{name}={value!r} is {kind_of(value)}: give a whole number")
        if value < 0:
            raise InvalidArgument(f"{name}={value} is negative: give 0 or more")


class TriggerMeta(msgspec.StructMeta, ABCMeta):
    """Structs that can also be abstract, and show people the constructor that callers write."""

    @property
    def __signature__(cls) -> inspect.Signature:
        call = type(cls).__call__
        if not inspect.isfunction(call):
            return super().__signature__  # msgspec's: the stored fields are the parameters
        return inspect.signature(call.__get__(cls)).replace(return_annotation=inspect.Signature.empty)


class Trigger(msgspec.Struct, metaclass=TriggerMeta, frozen=True, tag_field="type"):
    """A series of instants, strictly increasing: which moments a schedule fires at.

    A trigger is a value: immutable, compared by content, and its msgspec JSON is its stored form. What it answers
    depends on its fields and the argument alone, so that any process at any time gets the same answer.
    """

    @abstractmethod
    def after(self, us: int) -> int | None:
        """The first instant strictly after `us`, or None. Both in microseconds since the epoch, UTC."""

    @abstractmethod
    def before(self, us: int) -> int | None:
        """The last instant strictly before `us`, or None. Both in microseconds since the epoch, UTC."""

    def anchored(self, us: int) -> Self:
        """This trigger, or where it needs an anchor and has none, one that counts from `us`."""
        return self

    def in_zone(self, timezone: str) -> Self:
        """This trigger, with its clock read in this zone (an IANA name); one that reads no clock is left as it is.

        Raises InvalidArgument as its construction does."""
        return self

    @property
    def zone_names(self) -> frozenset[str]:
        """The time zones (IANA names) in which this trigger reads a clock; none for elapsed time."""
        return frozenset()

    @property
    def zone_name(self) -> str:
        """The IANA name of the zone whose local days count when days are excluded; "UTC" where no clock is read.

        Raises InvalidArgument when there are several.
        """
        names = sorted(self.zone_names)
        if len(names) > 1:
            raise InvalidArgument(
                f"the trigger counts in {' and '.join(names)}, so it is not clear whose days are excluded: "
                f"give the exclusion timezone={names[0]!r}, or another"
            )
        return names[0] if names else "UTC"

    def next_after(self, moment: datetime) -> datetime | None:
        """The first instant strictly after `moment` (aware, any zone) as aware UTC, or None when there is none.

        Raises InvalidArgument for a naive `moment`, TriggerTooCostly where it is too much work to find.
        """
        with Work(self):
            found = self.after(aware_us(moment, "moment"))
        return None if found is None else from_us(found)

    def last_before(self, moment: datetime) -> datetime | None:
        """The last instant strictly before `moment` (aware, any zone) as aware UTC, or None when there is none.

        Raises InvalidArgument for a naive `moment`, TriggerTooCostly where it is too much work to find.
        """
        with Work(self):
            found = self.before(aware_us(moment, "moment"))
        return None if found is None else from_us(found)

    def upcoming(self, n: int, after: datetime | None = None) -> list[datetime]:
        """The next `n` instants strictly after `after` (aware; default: now), aware UTC; fewer when the series
        ends.

        Raises InvalidArgument for a naive `after` or a negative `n`, TriggerTooCostly where they are too much work to
        find.
        """
        not_negative(n=n)
        us = _CLOCK.now_us() if after is None else aware_us(after, "after")
        instants: list[datetime] = []
        with Work(self) as work:
            while len(instants) < n and (found := self.after(us)) is not None:
                instants.append(from_us(found))
                us = found
                work.most += WORK_PER_INSTANT
        return instants

    def require_after(self, us: int) -> int:
        """As `after`, for callers that take a new trigger: raises InvalidArgument when nothing is left to come.

        This is apart from construction on purpose: a stored trigger that has had its last instant must still load.
        """
        with Work(self):
            found = self.after(us)
        if found is None:
            raise InvalidArgument(
                f"{self!r} has no instant after {from_us(us).isoformat()}: it would never run. "
                "Give a time (or a year) in the future"
            )
        return found
