"""The public calls, found by looking: of each its parameters, and values that fit them."""

# ruff: noqa: RUF024  (nobody changes them)

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, get_type_hints

from rq import Callback, Queue, Retry

import jobs_for_tests as jobs
import rq_scheduler
from rq_scheduler import (
    AnyOf,
    AsyncScheduler,
    At,
    AuditEntry,
    Cron,
    Dates,
    Event,
    Every,
    Holidays,
    RRule,
    Schedule,
    Scheduler,
    testing,
    utils,
)
from rq_scheduler.client.audit import Audit
from rq_scheduler.client.events import Events
from rq_scheduler.client.fleet import Fleet, Lateness, Outage, SeenDispatcher, SeenWorker, UnservedQueue
from rq_scheduler.client.pending import Jobs, PendingJob
from rq_scheduler.client.quarantine import Quarantine, Quarantined, RetryResult
from rq_scheduler.client.schedules import (
    Called,
    LeftOut,
    Run,
    Schedules,
    StoredSchedule,
    SyncResult,
    UpcomingRun,
    Version,
)
from rq_scheduler.client.schedules.arguments import Selection
from rq_scheduler.client.schedules.explain import Explanation
from rq_scheduler.client.tokens import Token, Tokens
from rq_scheduler.model import Spec
from rq_scheduler.schedule_options import Options
from rq_scheduler.serialization import Duration
from rq_scheduler.testing import HandOff, ManualClock, ManualDispatcher
from schedules.helpers import START

LATER = START + timedelta(hours=1)

NOT_CALLED = {
    "Scheduler.run": "blocks, and takes the signals; `burst` is its only argument",
    "Events.follow": "may wait for ever; its arguments are in schedules/test_events.py",
    "ManualDispatcher.__exit__": "is `release`, and what Python hands it is what a block raised",
    "ManualDispatcher.__enter__": "takes nothing and returns itself",
    "current_run": "takes nothing",
    **dict.fromkeys(
        (f"Tokens.{name}" for name in ("bearer_of", "open_session", "of_session", "close_session", "tell_refused")),
        "is the web's own, with texts and a Token that it has; what comes from outside is in web/test_attacks.py",
    ),
}
"""Public calls that are not fuzzed, and why."""

INSIDE = {
    "after",
    "before",
    "require_after",
    "anchored",
    "with_anchor",
    "excluded_day",
    "reason",
    "fires_like",
    "instants",
    "now_us",
}
"""Methods that the package calls itself, with its own integers of microseconds."""

VALUES = {AuditEntry, Called, Event, Explanation, HandOff, Lateness, LeftOut, Outage, PendingJob, Quarantined,
          RetryResult, Run, SeenDispatcher, SeenWorker, SyncResult, Token, UnservedQueue, UpcomingRun,
          Version}  # fmt: skip
"""Public types that the package makes, and callers only read."""

AWAITED = {AsyncScheduler}
"""Whose calls are those of another (`tests/aio/test_faces.py`)."""

CLASSES: dict[type, Callable[[Any], Any]] = {
    Scheduler: lambda world: world.scheduler,
    Schedules: lambda world: world.scheduler.schedules,
    Quarantine: lambda world: world.scheduler.quarantine,
    Audit: lambda world: world.scheduler.audit,
    Jobs: lambda world: world.scheduler.jobs,
    Events: lambda world: world.scheduler.events,
    Fleet: lambda world: world.scheduler.fleet,
    Tokens: lambda world: world.scheduler.tokens,
    StoredSchedule: lambda world: world.scheduler.schedules["nightly"],
    ManualClock: lambda world: world.clock,
    ManualDispatcher: lambda world: world.dispatcher,
    Schedule: lambda world: Schedule("a", Every(60), jobs.echo),
    Spec: lambda world: Spec(trigger=Every(60)),
    At: lambda world: At(LATER),
    Every: lambda world: Every(60, anchor=START),
    Cron: lambda world: Cron("*/5 * * * *", "Europe/Paris"),
    RRule: lambda world: RRule("FREQ=DAILY;BYHOUR=9"),
    AnyOf: lambda world: AnyOf(Cron("0 9 * * *"), At(LATER)),
    Dates: lambda world: Dates("2026-12-25"),
    Holidays: lambda world: Holidays("FR"),
    Duration: lambda world: Duration(seconds=1),
}
"""Public classes, and an instance of each to call methods of."""

_ENQUEUE = (
    "timeout", "job_id", "job_ttl", "job_result_ttl", "job_description", "depends_on", "meta", "queue_name",
    "on_success", "on_failure", "on_stopped", "at_front", "failure_ttl", "retry",
)  # fmt: skip
_OPTIONS = tuple(get_type_hints(Options))
_SELECTION = tuple(get_type_hints(Selection))
_SPEC = tuple(name for name in Spec.__struct_fields__ if name != "trigger")

# What stands behind **kwargs and **options.
KEYWORDS: dict[str, tuple[str, ...]] = {
    "Scheduler.enqueue_at": _ENQUEUE,
    "Scheduler.enqueue_in": _ENQUEUE,
    "Scheduler.enqueue_many": tuple(name for name in _ENQUEUE if name != "job_id"),
    "Scheduler._create_job": ("failure_ttl", "on_stopped", "retry", "repeat", "webhooks", "rate_limit"),
    "Schedules.put": _OPTIONS,
    "Schedules.register": _OPTIONS,
    "Schedules.update": (*_OPTIONS, "trigger", "func"),
    **{
        f"Schedules.{name}": _SELECTION
        for name in (
            *("pause_all", "resume_all", "run_all_now", "delete_all", "count", "left_out", "backfill_left_out"),
        )
    },
    "Schedule": _OPTIONS,
    "Spec": _SPEC,
}

_DURATIONS = [60, 0.5, timedelta(minutes=1), "10m"]
_TRIGGERS = [Every(60), Every("10m", anchor=START), Cron("*/7 * * * *"), At(LATER), RRule("FREQ=HOURLY"),
             AnyOf(Every(3600), At(LATER))]  # fmt: skip
_SCHEDULE = Schedule("defined", Every(600), jobs.echo)
_BOOLS = [True, False]

GOOD: dict[str, list[Any]] = {
    "use_local_timezone": _BOOLS,
    "at": [START, LATER, START.date(), None],
    **dict.fromkeys(("scheduled_time", "date_time", "moment", "after", "start", "end", "dt", "since"), [START, LATER]),
    **dict.fromkeys(("queue_name",), ["default", "other", None]),
    **dict.fromkeys(
        (
            "interval",
            "timeout",
            "ttl",
            "result_ttl",
            "failure_ttl",
            "job_ttl",
            "job_result_ttl",
            "job_timeout",
            "older_than",
            "catchup_window",
            "jitter",
            "expect",
            "within",
            "every",
        ),
        [*_DURATIONS, None],
    ),
    **dict.fromkeys(
        ("on_success", "on_failure", "on_stopped"),
        [None, jobs.on_success, "jobs_for_tests.on_failure", Callback("jobs_for_tests.on_success", timeout=5)],
    ),
    **dict.fromkeys(("description", "job_description", "note", "tag", "prefix", "owner"), ["n", "some text", ""]),
    **dict.fromkeys(
        (
            "at_front",
            "paused",
            "with_times",
            "delete_job",
            "prune",
            "dry_run",
            "force",
            "everything",
            "all_pauses",
            "use_local_timezone",
        ),
        _BOOLS,
    ),
    **dict.fromkeys(
        ("offset", "length", "limit", "n", "version", "max_runs", "pause_on_failures", "keep_runs", "repeat"), [1, 5]
    ),
    **dict.fromkeys(("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds"), [0, 1, 1.5]),
    "change": ["nightly", "unknown"],
    "ids": [[], ["nightly", "unknown"], ("paused",)],
    "state": ["failing", "late", "running", None],
    "look_at": [5_000, None],
    "code": ["job_gone", "wrong_type", None],
    "actor": ["deploy 4711", None],
    "behind": [None],
    "call": ["echo", None],
    "step": ["15m", 600],
    "over": ["3h"],
    "to": ["other"],
    "when": [LATER],
    "actions": ["deleted", ["paused", "resumed"], None],
    "kinds": ["quarantined", ("adopted", "missed"), None],
    "us": [0, 1_800_000_000_000_000],
    "func": [jobs.echo, jobs.nothing, "jobs_for_tests.echo", jobs.Greeter().greet],
    "args": [(), (1, "a"), None],
    "kwargs": [{}, {"a": 1}, None],
    "time_delta": [timedelta(0), timedelta(hours=1)],
    "delta": [0, timedelta(seconds=5), "10s"],
    "items": [[(LATER, jobs.echo)], [(timedelta(1), jobs.echo, (1,), {"a": 2}), (LATER, jobs.nothing)]],
    "id": ["new", "nightly", "one-off", "recurring", "daily", "paused", None],
    "job_id": ["new", "one-off", "nightly", None],
    **dict.fromkeys(("job", "job_or_id"), ["one-off", "recurring", "daily", "done", "unknown"]),
    "schedule": ["nightly", "unknown", _SCHEDULE],
    "meta": [None, {}, {"a": 1}],
    "depends_on": [None, "one-off", ["done", "unknown"]],
    "retry": [None, Retry(max=3), Retry(max=2, interval=[1, 2])],
    "webhooks": [None, []],
    "rate_limit": [None],
    "overlap": ["skip", "buffer_one", "allow", "buffer_all", "replace"],
    "catchup": ["latest", "all", "none"],
    "excluded": ["skip", "next_day", "previous_day"],
    "exclude": [(), Dates("2026-12-25"), [Holidays("FR")]],
    "tags": [(), ("a", "b")],
    **dict.fromkeys(("timezone", "rq_timezone"), ["UTC", "Europe/Paris", None]),
    "cron_string": ["*/5 * * * *", "0 9 * * mon", "@daily"],
    "expression": ["*/5 * * * *", "0 9 * * mon"],
    "day_match": ["either", "both"],
    "text": ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO"],
    "country": ["FR", "DE"],
    "subdivision": [None],
    "until": [None, LATER, timedelta(1), 1_900_000_000, START],
    "upto": [None, "nightly"],
    "trigger": _TRIGGERS,
    "triggers": _TRIGGERS,
    "anchor": [None, START],
    "zone_name": ["UTC"],
    "definitions": [[], [_SCHEDULE], None],
    "changes": [],
    "default": [None, 5],
    "connection": [],
    "queue": [None],
    "job_class": [None, "rq.job.Job"],
    "queue_class": [None, Queue, "rq.Queue"],
    "serializer": [None, "rq.serializers.JSONSerializer"],
    "name": ["me", None],
    "value": [1, "10m"],
    "string": [0, "1577836800", 12.5],
    "level": ["INFO", 20],
    "scheduler": [],
    "clock": [],
    "options": [None],
    "commit": [False],
}
"""Of each parameter, by its name, values that fit. Empty: the world of the test has them."""

OF_ONE_CALL: dict[tuple[str, str], list[Any]] = {
    ("Scheduler", "interval"): [60, 0.5],
    **{(call, "schedule"): ["nightly", "unknown", None] for call in ("Audit.read", "Events.read")},
    **{(call, "before"): ["1577836800000-0", None] for call in ("Audit.read", "Events.read")},
    ("Events.page_behind", "place"): ["0-0", "1577836800000-0"],
    ("Events.page_behind", "wait"): [False],
    ("Schedules.load", "adding"): [_SCHEDULE, None],
    ("Tokens.make", "name"): ["deploy"],
    ("Tokens.make", "role"): ["viewer", "operator"],
    ("Tokens.make", "expires_in"): [None, "90d"],
    ("Tokens.revoke", "id"): ["unknown"],
    **{("Fleet.outages", name): [START, LATER] for name in ("since", "until")},
    **{(call, name): [START, None] for call in ("Audit.read", "Events.read") for name in ("since", "until")},
    ("Dates", "days"): ["2026-12-25", date(2026, 12, 31)],
    ("Duration.of", "name"): ["jitter"],
    ("Quarantine.get", "id"): ["broken", "unknown"],
    ("Quarantine.retry", "id"): ["broken", "unknown"],
    ("Quarantine.purge", "id"): ["broken", "unknown"],
    ("Quarantine.__contains__", "id"): ["broken", "unknown"],
    ("Schedules.versions", "id"): ["nightly", "daily", "unknown"],
    ("Schedules.undo", "version"): [None, 1],
    ("Schedules.runs", "id"): ["nightly", "daily", "unknown"],
    ("Schedules.sync", "owner"): ["me"],
    ("Schedules.backfill", "until"): [START, START - timedelta(hours=1)],
    ("Schedules.backfill", "since"): [START - timedelta(hours=2)],
    ("Schedules.update", "version"): [None, 1],
    **{("Jobs.find", name): [LATER, None] for name in ("since", "until")},
    **{(f"Jobs.{name}", "until"): [LATER] for name in ("histogram", "spread")},
    **{(f"Jobs.{name}", "since"): [START] for name in ("histogram", "spread")},
    ("Jobs.move_queue", "queue_name"): ["default"],
    **{(f"Schedules.{name}", "until"): [None, LATER, "10m"] for name in ("pause", "pause_all")},
}
"""Where a name means something else."""

NEVER_HOSTILE = {
    ("Scheduler", "connection"): "a client of another kind is seen at the first command",
    ("ManualDispatcher", "scheduler"): "what has no store is no Scheduler: Python's own AttributeError says so",
    ("ManualDispatcher", "clock"): "likewise",
    ("ManualDispatcher", "options"): "the dispatcher's own struct",
    ("Scheduler._create_job", "commit"): "is only whether to save",
    ("Scheduler._create_job", "repeat"): "RQ's Repeat, from prepare_data",
    ("Duration.of", "name"): "what the caller calls the value",
}
"""Parameters that get only values that fit, and why."""


@dataclass(frozen=True)
class Call:
    """One public call."""

    name: str
    parameters: tuple[inspect.Parameter, ...]
    of: Callable[[Any], Callable[..., Any]]
    """What to call, in a world."""

    @property
    def names(self) -> list[str]:
        """What can be given to it, those behind `**` too."""
        plain = [each.name for each in self.parameters if each.kind is not each.VAR_KEYWORD]
        return list(dict.fromkeys((*plain, *KEYWORDS.get(self.name, ()))))

    def fits(self, name: str) -> list[Any]:
        """Values that fit."""
        return OF_ONE_CALL.get((self.name, name), GOOD.get(name, []))

    def bind(self, given: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Positional and keyword arguments."""
        positional: list[Any] = []
        keywords = dict(given)
        for each in self.parameters:
            if each.name not in keywords:
                continue
            if each.kind is each.VAR_POSITIONAL:
                positional += [keywords.pop(each.name)]
            elif each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD):
                positional.append(keywords.pop(each.name))
        return positional, keywords


def public_calls() -> list[Call]:
    """All of them but those of `NOT_CALLED`."""
    return [call for call in _calls() if call.name not in NOT_CALLED]


def public_classes() -> set[type]:
    """Classes that the package exports, here and in `testing`, and what hangs on a Scheduler."""
    exported = [getattr(module, name) for module in (rq_scheduler, testing) for name in module.__all__]
    collections = [
        get_type_hints(each.func)["return"] for each in vars(Scheduler).values() if isinstance(each, cached_property)
    ]
    return {each for each in exported if inspect.isclass(each)} | set(collections)


def _calls() -> Iterator[Call]:
    for name in utils.__all__:
        func = getattr(utils, name)
        yield Call(name, tuple(inspect.signature(func).parameters.values()), lambda world, func=func: func)
    for kind, instance in CLASSES.items():
        if kind not in (
            StoredSchedule,
            Schedules,
            Quarantine,
            Audit,
            Events,
            Fleet,
            Jobs,
            Tokens,
            Duration,
        ):  # of the package's making, and timedelta's own
            yield Call(kind.__name__, _of_constructor(kind), lambda world, kind=kind: kind)
        for name in sorted(_methods(kind)):
            method = inspect.getattr_static(kind, name)
            if isinstance(method, property):
                yield Call(
                    f"{kind.__name__}.{name}",
                    (),
                    lambda world, name=name, instance=instance: lambda: getattr(instance(world), name),
                )
                continue
            func = getattr(kind, name)
            parameters = tuple(inspect.signature(func).parameters.values())
            if not isinstance(method, classmethod | staticmethod):
                parameters = parameters[1:]
            yield Call(
                f"{kind.__name__}.{name}",
                parameters,
                lambda world, name=name, instance=instance: getattr(instance(world), name),
            )


def _of_constructor(kind: Any) -> tuple[inspect.Parameter, ...]:
    call = vars(type(kind)).get("__call__")
    if inspect.isfunction(call):
        return tuple(inspect.signature(call).parameters.values())[1:]
    return tuple(inspect.signature(kind).parameters.values())


def _methods(kind: type) -> Iterator[str]:
    dunders = ("__contains__", "__getitem__", "__len__", "__iter__", "__bool__", "__exit__", "__enter__")
    for base in kind.__mro__:
        if not base.__module__.startswith("rq_scheduler"):
            continue
        for name, value in vars(base).items():
            if name.startswith("_") and name not in dunders and name != "_create_job":
                continue
            if (
                name in INSIDE
                or name in getattr(kind, "__struct_fields__", ())
                or name in getattr(kind, "__dataclass_fields__", ())
            ):
                continue
            if isinstance(value, property | classmethod | staticmethod) or inspect.isfunction(value):
                yield name
