"""From what the store reads to a report: counts, bounded examples, and what a person has to decide.

Owns the judgement (which kind is this entry, what will become of it). Pure but for what `Survey` hands it; a million
entries leave only counters behind. Knows no Redis command and prints nothing.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from rq_scheduler.client.health import calendar_time
from rq_scheduler.client.upgrade.kinds import Judge, Verdict
from rq_scheduler.clock import from_us
from rq_scheduler.store.elsewhere import Elsewhere, OtherKeys
from rq_scheduler.store.survey import Daemon, Fence, RawEntry, RqCron, RqRegistry, Survey
from rq_scheduler.triggers import Reading, all_zones, zones_that_fit

__all__ = ["Examples", "Report", "examine"]

KINDS = ("one-off", "interval", "repeat", "cron", "hash gone", "unreadable")
MINUTE = "%Y-%m-%d %H:%M"
MAX_EXAMPLES = 5
MAX_DISTINCT = 1_000
MAX_COMPARED = 200
"""Entries that are held against every zone there is."""


@dataclass
class Examples:
    """How many, and the first few by name."""

    count: int = 0
    first: list[str] = field(default_factory=list[str])

    def add(self, text: str) -> None:
        self.count += 1
        if len(self.first) < MAX_EXAMPLES:
            self.first.append(text)


@dataclass
class Misread:
    """Cron entries whose pending time is none of theirs in the zone they will be read in: a count, a few by name, and
    in how many of those looked at it would be one, by zone. `clocks` has the zones that most of them fit, by what their
    clocks differ from UTC now."""

    entries: Examples = field(default_factory=Examples)
    looked_at: int = 0
    fits: dict[str, int] = field(default_factory=dict[str, int])
    clocks: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def add(self, name: str, pending: int, reading: Reading) -> None:
        self.entries.add(f"{name}: {reading.cron.expression!r} at {from_us(pending):{MINUTE}} UTC")
        if self.looked_at < MAX_COMPARED:
            self.looked_at += 1
            for zone in {*zones_that_fit(reading.cron, pending, all_zones()), *reading.elsewhere}:
                self.fits[zone] = self.fits.get(zone, 0) + 1

    def settle(self, now: int) -> None:
        """Finds the likeliest zones, those that a person knows first."""
        most, order = max(self.fits.values(), default=0), {zone: place for place, zone in enumerate(all_zones())}
        for zone in sorted(self.fits, key=lambda zone: order.get(zone, len(order))):
            if self.fits[zone] == most:
                self.clocks.setdefault(from_us(now).astimezone(ZoneInfo(zone)).isoformat()[-6:], []).append(zone)


@dataclass
class Report:
    """What `check` found. The field names are the JSON's."""

    where: str
    entries: int = 0
    overdue: int = 0
    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    already_adopted: int = 0
    runs_via_rq: int = 0
    zone: str = "UTC"
    zone_unnamed: str | None = None
    crons: int = 0
    cron_zones: dict[str, int] = field(default_factory=dict[str, int])
    misread: Misread = field(default_factory=Misread)
    moved: Examples = field(default_factory=Examples)
    cron_expressions: dict[str, int] = field(default_factory=dict[str, int])
    cron_notes: dict[str, Examples] = field(default_factory=dict[str, Examples])
    unreadable: dict[str, Examples] = field(default_factory=dict[str, Examples])
    hash_gone: Examples = field(default_factory=Examples)
    ids_refused: Examples = field(default_factory=Examples)
    queue_classes: dict[str, int] = field(default_factory=dict[str, int])
    queue_classes_missing: dict[str, str] = field(default_factory=dict[str, str])
    queues: dict[str, int] = field(default_factory=dict[str, int])
    queues_without_worker: list[str] = field(default_factory=list[str])
    rq_registries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    daemons: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    rq_crons: list[RqCron] = field(default_factory=list[RqCron])
    fence: dict[str, Any] | None = None
    server: dict[str, str] = field(default_factory=dict[str, str])
    index: str = ""
    elsewhere: dict[str, Any] = field(default_factory=lambda: asdict(Elsewhere()))
    parked: Examples = field(default_factory=Examples)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def evicts(self) -> bool:
        """Whether Redis may throw schedules away: a limit is set, and the policy is not noeviction."""
        return self.server.get("maxmemory", "0") != "0" and self.server.get("maxmemory_policy", "") not in (
            "",
            "noeviction",
        )

    @property
    def rq_overdue(self) -> int:
        return sum(registry["overdue"] for registry in self.rq_registries)


def examine(
    survey: Survey,
    judge: Judge,
    where: str,
    zone: str,
    progress: Callable[[int], None] = lambda seen: None,
    pages: Iterable[list[RawEntry]] | None = None,
) -> Report:
    """Read everything once, in pages, and sum it up."""
    report = Report(where=where, zone=zone)
    now = survey.now()
    queues: Counter[str] = Counter()
    for page in survey.entries() if pages is None else pages:
        for entry in page:
            _count(report, queues, entry, judge.verdict(entry), now)
        progress(report.entries)
    report.misread.settle(now)
    report.queues = dict(queues.most_common(MAX_DISTINCT))
    for name in report.queue_classes:
        missing = _missing(name)
        if missing:
            report.queue_classes_missing[name] = missing
    heard = survey.listened_queues()
    report.queues_without_worker = sorted(queue for queue in report.queues if queue not in heard)
    names = sorted({*survey.queue_names(), *report.queues})
    report.rq_registries = [_registry(registry, now) for registry in survey.rq_registries(names)]
    report.daemons = [_daemon(daemon) for daemon in survey.daemons()]
    report.rq_crons = survey.rq_crons()
    report.fence = _fence(survey.fence())
    report.server = survey.server_facts()
    report.runs_via_rq = survey.counts().via_rq
    report.index = survey.keys.scheduled_jobs
    report.elsewhere = asdict(OtherKeys(survey.connection, survey.keys).look())
    parked = survey.parked(MAX_EXAMPLES)
    report.parked = Examples(parked.count, [f"{id} at {calendar_time(due):{MINUTE}} UTC" for id, due in parked.first])
    return report


def _count(report: Report, queues: Counter[str], entry: RawEntry, verdict: Verdict, now: int) -> None:
    name = entry.id.decode(errors="backslashreplace")
    report.entries += 1
    report.kinds[verdict.kind] += 1
    report.overdue += entry.due <= now
    if verdict.id_refused:
        report.ids_refused.add(name)
    if verdict.kind == "hash gone":
        report.hash_gone.add(name)
        return
    if verdict.problem:
        _bounded(report.unreadable, verdict.problem).add(name)
    if verdict.queue is not None and (verdict.queue in queues or len(queues) < MAX_DISTINCT):
        queues[verdict.queue] += 1
    if verdict.queue_class is not None:
        _tally(report.queue_classes, verdict.queue_class)
    if verdict.cron is None:
        return
    if entry.adopted:
        report.already_adopted += 1
        return
    report.crons += 1
    _tally(report.cron_expressions, verdict.cron)
    if (reading := verdict.reading) is not None:
        _tally(report.cron_zones, reading.cron.timezone)
        if reading.elsewhere:
            report.misread.add(name, entry.due, reading)
        elif not reading.fits:
            report.moved.add(name)
    for note in verdict.notes:
        _bounded(report.cron_notes, note).add(name)


def _tally(counts: dict[str, int], key: str) -> None:
    if key in counts or len(counts) < MAX_DISTINCT:
        counts[key] = counts.get(key, 0) + 1


def _bounded(groups: dict[str, Examples], key: str) -> Examples:
    if key not in groups and len(groups) >= MAX_DISTINCT:
        key = "(further kinds)"
    return groups.setdefault(key, Examples())


def _missing(dotted: str) -> str | None:
    module, _, attribute = dotted.rpartition(".")
    try:
        getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (an application's module may fail in any way)
        return f"{type(error).__name__}: {error}"
    return None


def _registry(registry: RqRegistry, now: int) -> dict[str, Any]:
    late = None if registry.oldest is None else max(0, now - registry.oldest) / 1e6
    return {"queue": registry.queue, "total": registry.total, "overdue": registry.overdue, "oldest_late_seconds": late}


def _daemon(daemon: Daemon) -> dict[str, Any]:
    # 0.14 writes no version into its hash; ours does.
    return {"name": daemon.name, "version": daemon.fields.get("version", "0.14"), "ttl": daemon.ttl, **{
        key: daemon.fields[key] for key in ("host", "hostname", "pid") if key in daemon.fields
    }}  # fmt: skip


def _fence(fence: Fence | None) -> dict[str, Any] | None:
    if fence is None:
        return None
    return {"ours": fence.value.startswith("rq-scheduler:"), "value": fence.value, "ttl_seconds": fence.ttl_ms / 1000}
