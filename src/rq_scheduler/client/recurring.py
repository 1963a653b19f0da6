"""Recurring jobs of the 0.14 API: from the arguments of `schedule()` and `cron()` to a Spec, and from a job's meta to
the moment it runs next.

Owns those two calls, the validation of their arguments, and 0.14's rules of re-arming.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

from rq import Retry
from rq.job import Job

from rq_scheduler.aliases import Args, CallbackLike, Catchup, DependsOn, DurationLike, Function, JobOverlap, Overlap
from rq_scheduler.client.base import SchedulerBase
from rq_scheduler.client.times import due_at
from rq_scheduler.clock import US, duration_us, from_us
from rq_scheduler.errors import InvalidArgument, InvalidType, kind_of
from rq_scheduler.functions import warn_about_function
from rq_scheduler.host import host_zone, unnamed_zone
from rq_scheduler.model import Spec
from rq_scheduler.planning import due_time
from rq_scheduler.recurrence import recurrence_of, repeats_left
from rq_scheduler.triggers import Cron, Every, legacy_cron
from rq_scheduler.triggers.every import MAX_INTERVAL_US, MIN_INTERVAL_US
from rq_scheduler.warn import warn_once

__all__ = ["Next", "RecurringJobs", "may_recur", "next_of"]


class RecurringJobs(SchedulerBase):
    """The part of `Scheduler` that makes recurring jobs."""

    def schedule(
        self,
        scheduled_time: datetime,
        func: Function,
        args: Args | None = None,
        kwargs: Mapping[str, Any] | None = None,
        interval: DurationLike | None = None,
        repeat: int | None = None,
        result_ttl: DurationLike | None = None,
        ttl: DurationLike | None = None,
        timeout: DurationLike | None = None,
        id: str | None = None,
        description: str | None = None,
        queue_name: str | None = None,
        meta: dict[Any, Any] | None = None,
        depends_on: DependsOn | None = None,
        on_success: CallbackLike | None = None,
        on_failure: CallbackLike | None = None,
        at_front: bool | None = None,
        *,
        retry: Retry | None = None,
        failure_ttl: DurationLike | None = None,
        on_stopped: CallbackLike | None = None,
        overlap: JobOverlap = "skip",
        catchup: Catchup = "latest",
        catchup_window: DurationLike | None = None,
        jitter: DurationLike | None = None,
    ) -> Job:
        """Schedule a job for `scheduled_time` (naive means UTC) and then, with `interval`, again and again.

        `interval` is seconds (fractions count), a timedelta or text such as "10m"; each run is due exactly one
        interval after the last was due. `repeat` is the number of runs (None: no limit). All runs share one job id;
        with `interval` and no `result_ttl` the job keeps its result for ever (-1), and deleting the job ends the
        series.

        `overlap` says what happens while the last run is still going: "skip" or "buffer_one". `catchup` ("latest",
        "all", "none") and `catchup_window` say which of the runs missed while no dispatcher was up still run;
        `jitter` delays each run by up to that long. Returns the saved job, whose meta holds `interval` and `repeat`.
        """
        due = due_at(self._moment(scheduled_time), "scheduled_time")
        spec: Spec | None = None
        runs = _repeat_of(repeat)
        recurrence: dict[str, Any] = {}
        if interval is not None:
            trigger = _interval_trigger(interval)
            spec = _spec_of(trigger, overlap, catchup, catchup_window, jitter)
            recurrence["interval"] = _interval_of(trigger)
            if result_ttl is None:
                result_ttl = -1
        elif repeat is not None:
            raise InvalidArgument(f"repeat={repeat!r} has nothing to repeat: give interval= too, or use cron()")
        elif (overlap, catchup, catchup_window, jitter) != ("skip", "latest", None, None):
            raise InvalidArgument(
                "overlap, catchup, catchup_window and jitter are for recurring jobs: give interval= too"
            )
        if runs is not None:
            recurrence["repeat"] = runs
        job = self._create_job(
            func,
            args=args,
            kwargs=kwargs,
            commit=False,
            result_ttl=result_ttl,
            ttl=ttl,
            id=id,
            description=description,
            queue_name=queue_name,
            timeout=timeout,
            meta=meta,
            depends_on=depends_on,
            on_success=on_success,
            on_failure=on_failure,
            **_given(retry=retry, failure_ttl=failure_ttl, on_stopped=on_stopped),
        )
        warn_about_function(func)
        return self._save_recurring(job, due, spec, recurrence, at_front=at_front)

    def cron(
        self,
        cron_string: str,
        func: Function,
        args: Args | None = None,
        kwargs: Mapping[str, Any] | None = None,
        repeat: int | None = None,
        queue_name: str | None = None,
        result_ttl: DurationLike | None = -1,
        ttl: DurationLike | None = None,
        id: str | None = None,
        timeout: DurationLike | None = None,
        description: str | None = None,
        meta: dict[Any, Any] | None = None,
        use_local_timezone: bool = False,
        depends_on: DependsOn | None = None,
        on_success: CallbackLike | None = None,
        on_failure: CallbackLike | None = None,
        at_front: bool = False,
        *,
        timezone: str | tzinfo | None = None,
        retry: Retry | None = None,
        failure_ttl: DurationLike | None = None,
        on_stopped: CallbackLike | None = None,
        overlap: JobOverlap = "skip",
        catchup: Catchup = "latest",
        catchup_window: DurationLike | None = None,
        jitter: DurationLike | None = None,
    ) -> Job:
        """Schedule a job for every moment that a cron string names, in `timezone` (an IANA name, or an object that
        has one).

        Without `timezone` it is this host's zone, stored by name, as in 0.14, which evaluated there whatever
        `use_local_timezone` said; on a host that is not in UTC that warns, unless `use_local_timezone` says it is
        meant. When both day fields are restricted, both must match; the sixth of six fields is the year (both warn).

        Refuses a string that never fires again. The other arguments are those of `schedule`. Returns the saved job,
        whose meta (the dict given as `meta`, if any) holds `cron_string`, `use_local_timezone` and `repeat`.
        """
        trigger = _cron_trigger(cron_string, timezone, local_is_meant=use_local_timezone)
        spec = _spec_of(trigger, overlap, catchup, catchup_window, jitter)
        due = trigger.require_after(self._clock.now_us())
        recurrence: dict[str, Any] = {"cron_string": cron_string, "use_local_timezone": use_local_timezone}
        if (runs := _repeat_of(repeat)) is not None:
            recurrence["repeat"] = runs
        job = self._create_job(
            func,
            args=args,
            kwargs=kwargs,
            commit=False,
            result_ttl=result_ttl,
            ttl=ttl,
            id=id,
            queue_name=queue_name,
            description=description,
            timeout=timeout,
            meta=meta,
            depends_on=depends_on,
            on_success=on_success,
            on_failure=on_failure,
            **_given(retry=retry, failure_ttl=failure_ttl, on_stopped=on_stopped),
        )
        warn_about_function(func)
        return self._save_recurring(job, due, spec, recurrence, at_front=at_front)

    def _save_recurring(
        self, job: Job, due: int, spec: Spec | None, recurrence: Mapping[str, Any], *, at_front: bool | None
    ) -> Job:
        job.meta.update(recurrence)
        entry = self._entry(job, due, at_front=bool(at_front))
        if spec is not None:
            entry = replace(
                entry, due=due_time(job.id, spec, due), spec=spec, nominal=due, repeat=recurrence.get("repeat")
            )
        for id, later in self._store.save([entry]).items():
            _warn_about_reset(id, entry.due, later)
        return job


def _spec_of(
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


def _interval_trigger(interval: DurationLike) -> Every:
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


def _interval_of(trigger: Every) -> float:
    """The interval as 0.14 keeps it in meta: seconds, an int when whole."""
    us = trigger.interval.us
    return us // US if us % US == 0 else us / US


def _repeat_of(repeat: Any) -> int | None:
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


def _cron_trigger(cron_string: Any, timezone: str | tzinfo | None, *, local_is_meant: bool) -> Cron:
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


def _warn_about_reset(id: str, due: int, later: int) -> None:
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


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
