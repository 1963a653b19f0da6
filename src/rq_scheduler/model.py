"""What a schedule is made of: trigger, policies and the job to make, as msgspec structs that are also the format in
which they are stored and written in files.

Owns the definition. Knows no Redis and no RQ.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Unpack, cast, get_args

import msgspec
from msgspec import Meta
from msgspec.structs import force_setattr

from rq_scheduler import serialization
from rq_scheduler.aliases import (
    Args,
    CallbackLike,
    Catchup,
    DependsOn,
    DurationLike,
    Excluded,
    FunctionOrTask,
    Overlap,
    RateLimitLike,
    RetryLike,
    Webhooks,
)
from rq_scheduler.clock import SystemClock, from_us
from rq_scheduler.errors import InvalidArgument, InvalidType, check_encodable, kind_of
from rq_scheduler.occurrences import Occurrences
from rq_scheduler.schedule_options import Options, Policies
from rq_scheduler.serialization import Duration
from rq_scheduler.triggers import AnyExclusion, AnyTrigger, Cron, Every, Trigger
from rq_scheduler.triggers.base import aware_us, in_utc, not_negative
from rq_scheduler.triggers.moving import clocks_of
from rq_scheduler.triggers.work import of_stored

__all__ = [
    "FORMAT",
    "Schedule",
    "Spec",
    "check_id",
    "decode_spec",
    "encode_spec",
]

T = TypeVar("T")

FORMAT = 1
"""Version of the stored spec. A dispatcher leaves a newer one alone."""

KEPT_RUNS, MAX_KEPT_RUNS = 50, 1_000
"""`keep_runs` unless given, and the most it may be."""

_HEAD = b'{"format":%d,' % FORMAT

_ID = re.compile(r"[A-Za-z0-9_-]+")


class Spec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a schedule fires, and what happens when a run is late or the last one is still going.

    overlap, catchup, catchup_window, jitter: the policies (docs/schedules.md). `start` <= nominal time < `end`, aware.
    max_runs: runs after which it is finished. exclude: whole local days on which it does not fire; excluded: what
    becomes of an instant there, no run or one at the same time of the nearest other day. pause_on_failures: failed runs
    in a row after which it pauses. expect: how long after each nominal time that run, or a later one, has to have
    succeeded. keep_runs: runs that the history keeps.

    Durations are given as seconds, a timedelta or text such as "10m". Raises InvalidArgument or InvalidType naming the
    field that is wrong. The spec of a recurring job of the 0.14 API has an `Every` without an anchor: it counts from
    the armed time, which callers may move (`change_execution_time`).
    """

    trigger: AnyTrigger
    overlap: Overlap = "skip"
    catchup: Catchup = "latest"
    catchup_window: Duration | None = None
    jitter: Duration | None = None
    start: datetime | None = None
    end: datetime | None = None
    max_runs: Annotated[int, Meta(ge=1)] | None = None
    exclude: tuple[AnyExclusion, ...] = ()
    excluded: Excluded = "skip"
    pause_on_failures: Annotated[int, Meta(ge=1)] | None = None
    expect: Duration | None = None
    keep_runs: Annotated[int, Meta(ge=0, le=MAX_KEPT_RUNS)] = KEPT_RUNS

    if TYPE_CHECKING:

        def __init__(self, *, trigger: AnyTrigger, **options: Unpack[Policies]) -> None: ...

    def __post_init__(self) -> None:
        if not isinstance(self.trigger, Trigger):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(
                f"trigger={self.trigger!r} is {kind_of(self.trigger)}: give a trigger, such as "
                "Cron('30 2 * * *'), Every('10m') or At(datetime)"
            )
        _one_of(self.overlap, "overlap")
        _one_of(self.catchup, "catchup")
        _length(self, "catchup_window", 1, "leaves nothing to catch up: give a positive duration, or catchup='none'")
        _length(self, "expect", 1, "leaves no time to succeed in: give a positive duration, or None to expect nothing")
        _length(self, "jitter", 0, "is negative: it delays runs by 0 to that long, so give a positive duration")
        for name in ("start", "end"):
            if (moment := getattr(self, name)) is not None:
                force_setattr(self, name, in_utc(moment, name))
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise InvalidArgument(
                f"start={self.start.isoformat()} is not before end={self.end.isoformat()}: it would never fire"
            )
        _count(self.max_runs, "max_runs")
        _count(self.pause_on_failures, "pause_on_failures")
        _kept(self.keep_runs)
        _one_of(self.excluded, "excluded", "; the days themselves go to exclude")
        if self.exclude != ():
            self._check_exclusions()

    def _check_exclusions(self) -> None:
        force_setattr(self, "exclude", _exclusions(self.exclude))
        if any(one.timezone is None for one in self.exclude):
            _ = self.trigger.zone_name  # refuses several zones now rather than when it fires
        if self.exclude and self.excluded != "skip":
            clocks_of(self.trigger, self.exclude)  # likewise

    def fires_like(self, trigger: Cron | Every) -> bool:
        """Whether a trigger read from a job's meta is this one, whatever zone this one was stored with."""
        if isinstance(self.trigger, Cron) and isinstance(trigger, Cron):
            return self.trigger.expression == trigger.expression
        return self.trigger == trigger


class RetryFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """RQ's Retry as files give it: how often, and the seconds between two tries."""

    max: Annotated[int, Meta(ge=1)] = 1
    interval: int | list[int] = 0


if TYPE_CHECKING:  # what callers give, and read back
    _Function = FunctionOrTask
    _Args = Args | None
    _Kwargs = Mapping[str, Any] | None
    _Seconds = DurationLike
    _Meta = dict[Any, Any]
    _Retry = RetryLike | RetryFields
    _Jobs = DependsOn
    _Callback = CallbackLike
    _Webhooks = Webhooks | None
    _RateLimit = RateLimitLike | None
else:  # what a file may hold: msgspec goes by these
    _Function = Annotated[Any, Meta(description="package.module.function", extra_json_schema={"type": "string"})]
    _Args = tuple[Any, ...]
    _Kwargs = dict[str, Any]
    _Seconds = float | str
    _Meta = dict[str, Any]
    _Retry = int | RetryFields
    _Jobs = str | list[str]
    _Callback = str
    _Webhooks = _RateLimit = Any


class _Definition(Spec, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A Spec, and the job that each run is a copy of, but for its function."""

    args: _Args = ()
    kwargs: _Kwargs = {}
    queue_name: str | None = None
    job_timeout: _Seconds | None = None
    result_ttl: _Seconds | None = None
    ttl: _Seconds | None = None
    failure_ttl: _Seconds | None = "7d"
    description: str | None = None
    meta: _Meta | None = None
    at_front: bool = False
    retry: _Retry | None = None
    depends_on: _Jobs | None = None
    on_success: _Callback | None = None
    on_failure: _Callback | None = None
    on_stopped: _Callback | None = None
    webhooks: _Webhooks = None
    rate_limit: _RateLimit = None
    paused: bool = False
    note: str = ""
    tags: tuple[str, ...] = ()


_OF_TRIGGERS = {"timezone": "Cron", "day_match": "Cron", "anchor": "Every"}


class _ScheduleMeta(msgspec.StructMeta):
    """Lets `Schedule` take its first three fields by position; decoding and `replace` go by names, past it."""

    def __call__(
        cls: type[T],  # noqa: N805 (of a metaclass)
        id: str,
        trigger: AnyTrigger,
        func: FunctionOrTask,
        **options: Unpack[Options],
    ) -> T:
        known: tuple[str, ...] = cast("Any", cls).__struct_fields__
        for name in options:
            if name not in known:
                near = get_close_matches(name, known, n=3)
                hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
                if name in _OF_TRIGGERS:
                    hint = f"it belongs to the trigger: {_OF_TRIGGERS[name]}(..., {name}=...)"
                raise InvalidType(f"{name}={options[name]!r} is no option of a schedule: {hint}")
        return super().__call__(id=id, trigger=trigger, func=func, **options)

    @property
    def __signature__(cls) -> inspect.Signature:  # noqa: N805 (of a metaclass)
        *first, _ = inspect.signature(_ScheduleMeta.__call__.__get__(cls)).parameters.values()
        named = super().__signature__.parameters
        options = [
            named[name].replace(annotation=kind.__forward_arg__) for name, kind in Options.__annotations__.items()
        ]
        return inspect.Signature([*first, *options])


class Schedule(
    _Definition, metaclass=_ScheduleMeta, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """A schedule as its owner defines it: `Schedule(id, trigger, func, **options)`.

    id: letters, digits, `_` and `-`. func: a function, or the dotted name under which a worker imports it. The options
    are those of `schedules.put`: the policies of `Spec`, RQ's own job options under RQ's names (durations in seconds,
    as timedelta or as text such as "10m"), and `paused`, `note` and `tags`.

    Raises InvalidArgument or InvalidType for a policy, an id or a tag that cannot be; what concerns the job is checked
    when it is put. In files every value is plain: `func`, the callbacks and `depends_on` are names.
    """

    id: str
    func: _Function

    if TYPE_CHECKING:

        def __init__(self, id: str, trigger: AnyTrigger, func: FunctionOrTask, **options: Unpack[Options]) -> None: ...

    def __post_init__(self) -> None:
        check_id(self.id)
        super().__post_init__()
        if not isinstance(self.paused, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"paused={self.paused!r} is {kind_of(self.paused)}: give True or False")
        if not isinstance(self.note, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidType(f"note={self.note!r} is {kind_of(self.note)}: give text")
        check_encodable(note=self.note)
        force_setattr(self, "tags", _tags(self.tags))

    def upcoming(self, n: int, after: datetime | None = None) -> list[datetime]:
        """When its next `n` runs after `after` (aware; default: now) will be due, jitter and exclusions included; aware
        UTC.

        An interval without an anchor counts from `after`, as it will from the moment it is put; `max_runs` counts from
        there too. Raises InvalidArgument for a naive `after` or a negative `n`.
        """
        not_negative(n=n)
        us = SystemClock().now_us() if after is None else aware_us(after, "after")
        most = min(n, sys.maxsize) if self.max_runs is None else min(n, self.max_runs, sys.maxsize)
        return [from_us(due) for _, due in islice(Occurrences(self.id, self, us).walk(us), most)]

    @property
    def spec(self) -> Spec:
        """The part that says when it fires."""
        return Spec(**{name: getattr(self, name) for name in Spec.__struct_fields__})


def check_id(id: Any) -> str:
    """The id of a schedule. Raises InvalidType or InvalidArgument for one that RQ could not use in its job ids."""
    if not isinstance(id, str):
        raise InvalidType(f"id={id!r} is {kind_of(id)}: give text of letters, digits, _ and -")
    if not _ID.fullmatch(id):
        raise InvalidArgument(f"id={id!r} will not do: use letters, digits, _ and -, at least one")
    return id


class _Versioned(msgspec.Struct, frozen=True):
    format: int = FORMAT


def encode_spec(spec: Spec) -> bytes:
    """The JSON of a spec, with the version of its format."""
    return _HEAD + serialization.encode(spec)[1:]


@lru_cache(maxsize=16_384)
def decode_spec(stored: bytes) -> Spec | None:
    """The spec of that JSON; None when a newer version of this package wrote it.

    Raises msgspec.DecodeError (a ValueError) for anything else that is no spec.
    """
    try:
        if msgspec.json.decode(stored, type=_Versioned).format > FORMAT:
            return None
        with of_stored():
            return serialization.decode(stored, Spec)
    except (RecursionError, OverflowError, UnicodeDecodeError) as error:
        raise msgspec.DecodeError(str(error)) from error


_CHOICES = {"overlap": get_args(Overlap), "catchup": get_args(Catchup), "excluded": get_args(Excluded)}


def _one_of(value: Any, name: str, hint: str = "") -> None:
    choices = _CHOICES[name]
    if value not in choices:
        raise InvalidArgument(f"{name}={value!r} is not one of {', '.join(map(repr, choices))}{hint}")


def _length(spec: Spec, name: str, least: int, otherwise: str) -> None:
    """Makes a Duration of a field, of at least so many microseconds."""
    value = getattr(spec, name)
    if value is None:
        return
    duration = Duration.of(value, name)
    if duration.us < least:
        raise InvalidArgument(f"{name}={value!r} {otherwise}")
    force_setattr(spec, name, duration)


def _count(value: Any, name: str) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidType(f"{name}={value!r} is {kind_of(value)}: give a whole number, or None for no limit")
    if value < 1:
        raise InvalidArgument(f"{name}={value!r} has to be at least 1; None means no limit")


def _kept(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidType(f"keep_runs={value!r} is {kind_of(value)}: give a whole number, 0 to {MAX_KEPT_RUNS:,}")
    if not 0 <= value <= MAX_KEPT_RUNS:
        raise InvalidArgument(f"keep_runs={value!r} is not within 0 to {MAX_KEPT_RUNS:,}: give one that is")


def _exclusions(value: Any) -> tuple[AnyExclusion, ...]:
    given: tuple[Any, ...] = tuple(cast("Any", value)) if isinstance(value, list | tuple) else (value,)
    for one in given:
        if not isinstance(one, AnyExclusion):
            raise InvalidType(
                f"exclude={value!r}: {one!r} is {kind_of(one)}; give Dates('2026-12-25') or Holidays('FR')"
            )
    return given


def _tags(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidType(f"tags={value!r} is {kind_of(value)}: give a list of texts, such as tags=({value!r},)")
    tags = cast("Sequence[Any]", value)
    for tag in tags:
        if not isinstance(tag, str):
            raise InvalidType(f"tags={value!r}: {tag!r} is {kind_of(tag)}; a tag is a text")
        if not tag.strip() or "\n" in tag or not tag.isprintable():
            raise InvalidArgument(f"tags={value!r}: {tag!r} is empty, or no line of text; a tag is one line of text")
    return tuple(dict.fromkeys(tags))


serialization.settle(Spec, Schedule)
