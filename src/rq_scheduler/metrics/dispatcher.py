"""What one dispatcher measures of itself, by listening to its events; exposed by its own port.

No lock: only the dispatcher's thread writes, and a copy of a dict is one step. So it may be forked at any time.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from rq_scheduler._version import __version__
from rq_scheduler.aliases import HandOffKind
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.store.outcomes import Took

__all__ = ["DispatcherMetrics"]

_LATE_BUCKETS = tuple(range(23))
"""Powers of two of a millisecond: 1 ms to a little over an hour."""

_RUN_BUCKETS = tuple(range(0, 29, 2))
"""1 ms to three days, in fours."""

_FOLLOWED: tuple[HandOffKind, ...] = ("recurring", "scheduled", "manual", "backfill")
"""Kinds of runs that are followed to their end."""

_ERRORS = ("redis_lost", "put_off", "misfit", "newer_format", "not_stopped", "channel_refused")


class DispatcherMetrics(Events, Collector):
    """One for each dispatcher."""

    def __init__(self) -> None:
        self._late: dict[tuple[str, int], int] = {}
        self._ran: dict[tuple[str, int], int] = {}
        self._phases: dict[str, tuple[int, float]] = {}
        self._errors: dict[str, int] = dict.fromkeys(_ERRORS, 0)
        self._passed_at: float | None = None

    # What is told

    @property
    def wants_each_job(self) -> bool:
        return False

    def were_late(self, late: Sequence[Took]) -> None:
        _add(self._late, late)

    def ran(self, durations: Sequence[Took]) -> None:
        _add(self._ran, durations)

    def passed(self, seconds: Mapping[str, float]) -> None:
        self._passed_at = time.time()
        for phase, taken in seconds.items():
            number, before = self._phases.get(phase, (0, 0.0))
            self._phases[phase] = number + 1, before + taken

    def redis_lost(self, error: BaseException) -> None:
        self._count("redis_lost")

    def put_off(self, id: str, error: BaseException) -> None:
        self._count("put_off")

    def misfit(self, keys: Sequence[str], error: BaseException) -> None:
        self._count("misfit")

    def unreadable_spec(self, id: str) -> None:
        self._count("newer_format")

    def not_stopped(self, id: str, error: BaseException) -> None:
        self._count("not_stopped")

    def channel_refused(self, error: BaseException) -> None:
        self._count("channel_refused")

    def _count(self, kind: str) -> None:
        self._errors[kind] += 1

    # What is exposed

    def collect(self) -> Iterator[Metric]:
        """All metrics. May be called from another thread."""
        yield _histogram(
            "lateness_seconds",
            "How late jobs entered their queues, by kind.",
            self._late.copy(),
            _LATE_BUCKETS,
            get_args(HandOffKind),
        )
        yield _histogram(
            "run_duration_seconds",
            "How long runs took whose end this dispatcher saw, by kind.",
            self._ran.copy(),
            _RUN_BUCKETS,
            _FOLLOWED,
        )
        phases = SummaryMetricFamily(
            "rq_scheduler_pass_seconds", "How long the phases of a pass took.", labels=["phase"]
        )
        for phase, (number, seconds) in sorted(self._phases.copy().items()):
            phases.add_metric([phase], number, seconds)
        yield phases
        passed = GaugeMetricFamily(
            "rq_scheduler_last_pass_timestamp_seconds", "When the last pass ended, unix time. Absent before the first."
        )
        if self._passed_at is not None:
            passed.add_metric([], self._passed_at)
        yield passed
        errors = CounterMetricFamily("rq_scheduler_errors", "What went wrong in this dispatcher.", labels=["kind"])
        for kind, number in sorted(self._errors.copy().items()):
            errors.add_metric([kind], number)
        yield errors
        versions = {
            "version": __version__,
            "python": platform.python_version(),
            "rq": version("rq"),
            "redis_py": version("redis"),
        }
        info = GaugeMetricFamily("rq_scheduler_build_info", "1, with the versions as labels.", labels=list(versions))
        info.add_metric(list(versions.values()), 1)
        yield info


def _add(counts: dict[tuple[str, int], int], took: Sequence[Took]) -> None:
    for each in took:
        key = each.kind, each.bucket
        counts[key] = counts.get(key, 0) + each.jobs


def _histogram(
    name: str, text: str, counts: Mapping[tuple[str, int], int], bounds: Sequence[int], kinds: Sequence[str]
) -> Metric:
    """Buckets and their count, of `kinds` and what else was counted. No sum: it would take Redis a read of each job's
    score."""
    name = f"rq_scheduler_{name}"
    metric = Metric(name, text, "histogram")
    # Of a series that begins with its first event, `rate` does not see that one.
    for kind in sorted({*kinds, *(kind for kind, _ in counts)}):
        of_kind = {bucket: number for (other, bucket), number in counts.items() if other == kind}
        for bound in bounds:
            below = sum(number for bucket, number in of_kind.items() if bucket <= bound)
            metric.samples.append(Sample(f"{name}_bucket", {"kind": kind, "le": repr(2**bound / 1000)}, below))
        total = sum(of_kind.values())
        metric.samples.append(Sample(f"{name}_bucket", {"kind": kind, "le": "+Inf"}, total))
        metric.samples.append(Sample(f"{name}_count", {"kind": kind}, total))
    return metric
