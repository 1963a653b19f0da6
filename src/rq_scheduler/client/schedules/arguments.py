"""Arguments that several calls of `scheduler.schedules` take, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict, cast, get_args

from rq_scheduler.aliases import DurationLike, ScheduleState
from rq_scheduler.clock import duration_us, from_us
from rq_scheduler.errors import InvalidArgument, InvalidType, check_texts, kind_of
from rq_scheduler.store.schedules import Filter
from rq_scheduler.triggers import MAX_US
from rq_scheduler.triggers.base import aware_us

__all__ = ["Selection", "check_flags", "check_until", "filter_of", "selected", "text_id", "text_ids", "until_us"]


class Selection(TypedDict, total=False):
    """Which schedules a call is about: those that fit all that is given, or `everything`."""

    tag: str | None
    owner: str | None
    queue_name: str | None
    prefix: str | None
    everything: bool


def selected(given: Selection, paused: bool | None = None) -> Filter:
    """Those schedules. Raises InvalidArgument when nothing says which, or `everything` and something else."""
    everything = given.get("everything", False)
    check_flags(everything=everything)
    names = {name: value for name, value in given.items() if name != "everything" and value is not None}
    unknown = names.keys() - Selection.__annotations__.keys()
    if unknown:
        raise InvalidType(f"{min(unknown)}= chooses no schedules: give tag, owner, queue_name or prefix")
    if everything == bool(names):
        problem = "everything=True goes with no other choice" if everything else "nothing says which schedules"
        raise InvalidArgument(f"{problem}: give tag=, owner=, queue_name= or prefix=, or everything=True for all")
    return filter_of(given.get("tag"), given.get("queue_name"), given.get("prefix"), given.get("owner"), paused)


def filter_of(
    tag: str | None,
    queue_name: str | None,
    prefix: str | None,
    owner: str | None,
    paused: bool | None,
    state: ScheduleState | None = None,
) -> Filter:
    """What schedules are looked for. Raises InvalidType for no text or no flag, InvalidArgument for no state."""
    check_texts(tag=tag, queue_name=queue_name, prefix=prefix, owner=owner)
    if paused is not None:
        check_flags(paused=paused)
    if state is not None and state not in get_args(ScheduleState):
        raise InvalidArgument(f"state={state!r} is none: give one of {', '.join(get_args(ScheduleState))}")
    return Filter(tag, queue_name, owner, prefix or "", paused, state)


def check_until(until: datetime | DurationLike | None) -> None:
    """Raises InvalidArgument or InvalidType for what is neither an aware datetime nor a positive length of time."""
    if isinstance(until, datetime):
        aware_us(until, "until")
    elif until is not None and duration_us(until, "until") <= 0:
        raise InvalidArgument(f"until={until!r} is not in the future: give an aware datetime, or a time from now on")


def until_us(until: datetime | DurationLike | None, now: int) -> int | None:
    """When a pause that begins `now` (us) ends by itself. Raises InvalidArgument for a moment that has passed."""
    if until is None:
        return None
    if not isinstance(until, datetime):
        ends = now + duration_us(until, "until")
        if ends > MAX_US:
            raise InvalidArgument(f"until={until!r} ends after the year 9999: leave it out for a pause without end")
        return ends
    ends = aware_us(until, "until")
    if ends <= now:
        raise InvalidArgument(
            f"until={until.isoformat()} has passed (it is {from_us(now).isoformat()}): give a later moment"
        )
    return ends


def text_id(id: object) -> str:
    """The id. Raises InvalidType for one that is no text."""
    if not isinstance(id, str):
        raise InvalidType(f"id={id!r} is {kind_of(id)}: give the schedule's id")
    return id


def text_ids(ids: object) -> list[str]:
    """The ids. Raises InvalidType for what is no list or tuple of texts."""
    if not isinstance(ids, list | tuple):
        raise InvalidType(f"ids={ids!r:.300} is {kind_of(ids)}: give a list of ids")
    return [text_id(id) for id in cast("Sequence[object]", ids)]


def check_flags(**values: object) -> None:
    """Raises InvalidType for what is neither True nor False."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise InvalidType(f"{name}={value!r} is {kind_of(value)}: give True or False")
