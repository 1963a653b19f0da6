"""Recurring jobs of the 0.14 API: from the arguments of `schedule()` and `cron()` to a Spec, and from a job's meta to
the moment it runs next.

Owns the validation of those arguments and 0.14's rules of re-arming. Reads and writes no Redis.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from typing import Any

from rq_scheduler.aliases import Catchup, DurationLike, Overlap
from rq_scheduler.clock import US, duration_us, from_us
from rq_scheduler.errors import InvalidArgument, InvalidType, kind_of
from rq_scheduler.host import host_zone, unnamed_zone
from rq_scheduler.model import Spec, recurrence_of, repeats_left
from rq_scheduler.triggers import Cron, Every, legacy_cron
from rq_scheduler.triggers.every import MAX_INTERVAL_US, MIN_INTERVAL_US
from rq_scheduler.warn import warn_once

__all__ = [
    "Next",
    "cron_trigger",
    "interval_of",
    "interval_trigger",
    "may_recur",
    "next_of",
    "repeat_of",
    "spec_of",
    "warn_about_reset",
]


def spec_of(
    trigger: Cron | Every,
    overlap: Overlap,
    catchup: Catchup,
    catchup_window: DurationLike | None,
    jitter: DurationLike | None,
) -> Spec:
    """The Spec of a job with this trigger and these policies. Raises InvalidArgument or InvalidType naming the one that
    is wrong."""
    if overlap in ("allow", "buffer_all", "replace"):
        raise InvalidArgument(
            f"overlap={overlap!r} needs a new job id for each run, and this job keeps one id, which cannot run twice "
            "at once: give 'skip' or 'buffer_one', or make it a schedule with scheduler.schedules.put"
        )
    return Spec(trigger=trigger, overlap=overlap, catchup=catchup, catchup_window=catchup_window, jitter=jitter)


def interval_trigger(interval: DurationLike) -> Every:
    """The trigger of `interval`: seconds, a timedelta or text such as "10m"; positive, at least a millisecond."""
    us = duration_us(interval, "interval")
    if us <= 0:
        raise InvalidArgument(
            f"interval={interval!r} never moves on: give a positive number of seconds, "
            "or leave it out to run the job once"
        )
    if not MIN_INTERVAL_US <= us <= MAX_INTERVAL_US:
        raise InvalidArgument(
            f"interval={interval!r} is not between a millisecond and a thousand years (numbers are seconds)"
        )
    return Every(timedelta(microseconds=us))


def interval_of(trigger: Every) -> float:
    """The interval as 0.14 keeps it in meta: seconds, an int when whole."""
    us = trigger.interval.us
    return us // US if us % US == 0 else us / US


def repeat_of(repeat: Any) -> int | None:
    """How many runs `repeat` allows; None is no limit, and so is a negative number, as 0.14 has it."""
    if repeat is None:
        return None
    if isinstance(repeat, bool) or not isinstance(repeat, numbers.Integral | str):
        raise InvalidType(f"repeat={repeat!r} is {kind_of(repeat)}: give a whole number of runs, or None for no limit")
    try:
        number = int(repeat)
    except ValueError:
        raise InvalidArgument(f"repeat={repeat!r} is not a whole number of runs; None means no limit") from None
    return None if number < 0 else number


def cron_trigger(cron_string: Any, timezone: str | tzinfo | None, *, local_is_meant: bool) -> Cron:
    """The trigger of `cron()`, with the warnings that 0.14's readings of cron strings call for."""
    if not isinstance(cron_string, str):
        raise InvalidType(f"cron_string={cron_string!r} is {kind_of(cron_string)}: give text, such as '30 2 * * *'")
    zone = host_zone() if timezone is None else timezone
    trigger, warnings = legacy_cron(cron_string, zone)
    for number, text in enumerate(warnings):
        warn_once(f"cron-{number}", text)
    if timezone is None and (unnamed := unnamed_zone()):
        warn_once(
            "cron-zone",
            f"cron {cron_string!r} runs in UTC: {unnamed}; pass timezone= with the IANA name of the zone that is meant",
        )
    elif timezone is None and not local_is_meant and trigger.timezone != "UTC":
        warn_once(
            "cron-zone",
            f"cron {cron_string!r} runs in {trigger.timezone} (this host); pass timezone={trigger.timezone!r} or "
            "timezone='UTC' to say which is meant",
        )
    return trigger


def warn_about_reset(id: str, due: int, later: int) -> None:
    """Warn, once per call site, about a recurring job that is defined as it was and runs anew before its time."""
    warn_once(
        "reset",
        f"{id!r} was scheduled already, by the same definition, and would have run at {_moment(later)}: this call "
        f"makes it run at {_moment(due)} instead, and counts its runs anew. At the start of an application, put a "
        "schedule instead: scheduler.schedules.put changes nothing while the definition is the same",
    )


def _moment(us: int) -> str:
    return from_us(us).isoformat(sep=" ", timespec="seconds")


def may_recur(meta: bytes) -> bool:
    """Whether serialized meta may name a recurrence; 0.14's names stand in it as text, whatever the serializer."""
    return b"interval" in meta or b"cron_string" in meta


@dataclass(frozen=True, slots=True)
class Next:
    """What follows a run: when the job is due again (None: never), and what its `repeat` is then."""

    due: int | None
    repeat: int | None


def next_of(meta: Mapping[str, Any], stored_zone: Callable[[], str | None], due: int | None, now: int) -> Next | None:
    """By 0.14's rules, from the meta as it stands; None for a one-off. `due` and `now` are microseconds.

    An interval counts from `due`, the time this run was due (from `now` when it was not scheduled); a cron from
    `now`, in the zone that was stored with it, else in this host's. Raises InvalidArgument for a meta that names no
    recurrence that can be read.
    """
    zone = stored_zone() if meta.get("cron_string") else "UTC"
    try:
        trigger = recurrence_of(meta, zone or host_zone())
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidArgument(f"meta={meta!r} names no recurrence that can be read: {error}") from error
    if trigger is None:
        return None
    repeat = repeats_left(meta)
    if repeat:
        repeat -= 1
    if repeat == 0:
        return Next(None, repeat)
    if isinstance(trigger, Cron):
        if zone is None and (unnamed := unnamed_zone()):
            warn_once("cron-zone", f"cron {trigger.expression!r} goes on in UTC: {unnamed}; set TZ to such a name")
        return Next(trigger.after(now), repeat)
    base = now if due is None else due
    return Next(trigger.with_anchor(base).after(base), repeat)
