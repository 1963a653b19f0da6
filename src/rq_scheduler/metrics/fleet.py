"""What Redis knows of the whole fleet: exposed once, by the web, however many dispatchers there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rq_scheduler import Scheduler
from rq_scheduler.aliases import End, EntryKind, NotRunReason
from rq_scheduler.client.figures import FleetFigures, read_figures, tagged_schedules
from rq_scheduler.store.survey import Survey

__all__ = ["MOST_SCHEDULES", "FleetMetrics"]

MOST_SCHEDULES = 500
"""Schedules that have series of their own, of all tags together."""


class FleetMetrics(Collector):
    """Reads Redis at each scrape. `tags`: of the schedules that have one, what each does is told too, of the first
    `MOST_SCHEDULES`."""

    def __init__(self, scheduler: Scheduler, tags: Iterable[str] = ()) -> None:
        self._scheduler = scheduler
        self._tags = tuple(tags)

    def collect(self) -> Iterator[Metric]:
        """All metrics. Raises redis-py's errors."""
        found = read_figures(Survey(self._scheduler.connection))
        yield from _gauges(found)
        yield from _counters(found)
        if self._tags:
            yield from self._schedules()

    def _schedules(self) -> Iterator[Metric]:
        coming = _gauge("schedule_next_run_timestamp_seconds", "When the schedule runs next, unix time.", "schedule")
        success = _gauge(
            "schedule_last_success_timestamp_seconds", "When a run of it last succeeded, unix time.", "schedule"
        )
        failed = _gauge("schedule_failed_in_a_row", "Runs that have failed since the last success.", "schedule")
        for one in tagged_schedules(self._scheduler.schedules, self._tags, MOST_SCHEDULES):
            if one.next_run_at is not None:
                coming.add_metric([one.id], one.next_run_at.timestamp())
            if one.last_success_at is not None:
                success.add_metric([one.id], one.last_success_at.timestamp())
            failed.add_metric([one.id], one.failed_in_a_row)
        yield from (coming, success, failed)


def _gauges(found: FleetFigures) -> Iterator[Metric]:
    figures, counts = found.figures, found.figures.counts
    yield _labelled(
        _gauge("pending", "Entries that wait for their time, or for what holds them up.", "kind"),
        {
            "one-off": max(0, counts.jobs - counts.recurring_jobs),
            "recurring": counts.recurring_jobs,
            "schedule": figures.armed,
            "buffered": counts.buffered,
            "via_rq": counts.via_rq,
            "parked": figures.parked,
        },
    )
    yield _single("due", "Entries whose time has come, and that are not handed off yet.", counts.due)
    oldest = _gauge("oldest_due_age_seconds", "For how long the first of those has been due. Absent where none is.")
    if found.oldest_due_age is not None:
        oldest.add_metric([], found.oldest_due_age)
    yield oldest
    yield _labelled(
        _gauge("schedules", "Schedules: active or paused; among those failing, late and running ones.", "state"),
        {
            "active": max(0, counts.schedules - counts.paused),
            "paused": counts.paused,
            "failing": figures.failing,
            "late": figures.late,
            "running": figures.running,
        },
    )
    yield _single("dispatchers", "Dispatchers that are alive.", figures.dispatchers)
    yield _labelled(
        _gauge("quarantined", "Entries that nothing can serve.", "kind"),
        {kind: figures.quarantined[kind] for kind in get_args(EntryKind)},
    )
    yield _single("clock_offset_seconds", "By how much this host's clock is ahead of Redis's.", found.clock_offset)
    yield _single("unserved_queues", "Queues with jobs in them and no worker.", figures.unserved)
    yield _single(
        "open_runs", "Runs that were handed off more than a second ago and whose end is not known.", figures.open_runs
    )


def _counters(found: FleetFigures) -> Iterator[Metric]:
    counted = found.figures.counted
    handed_off = _counter("handoffs", "Jobs that have entered their queues.", "queue", "kind")
    for (kind, queue), number in sorted(counted.handed_off.items()):
        handed_off.add_metric([_printable(queue), kind], number)
    yield handed_off
    # Those that were never counted too: of a series that begins with its first event, `increase` does not see that one.
    not_run = _counter("not_run", "What was due and was not handed off.", "reason")
    for reason in get_args(NotRunReason):
        not_run.add_metric([reason], counted.not_run[reason])
    yield not_run
    ended = _counter("runs_ended", "Runs of schedules that have ended.", "outcome")
    for outcome in get_args(End):
        ended.add_metric([outcome], counted.ended[outcome])
    yield ended


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"rq_scheduler_{name}", text, labels=labels)


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"rq_scheduler_{name}", text, labels=labels)


def _single(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"rq_scheduler_{name}", text, value)


def _labelled(gauge: GaugeMetricFamily, values: Mapping[str, float] | Mapping[EntryKind, float]) -> Metric:
    for label, value in sorted(values.items()):
        gauge.add_metric([label], value)
    return gauge


def _printable(queue: str) -> str:
    """A name that is no UTF-8 in Redis, as text: two names stay two, or Prometheus would drop both series."""
    return queue.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
