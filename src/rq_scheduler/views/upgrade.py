"""The report of `check`, for a person: what is there, what will happen, what to decide first. Owns only words."""

from __future__ import annotations

from collections.abc import Iterator

from rq_scheduler.client.upgrade.report import Examples, Report
from rq_scheduler.humanize import counted
from rq_scheduler.sanitize import either_of
from rq_scheduler.views import other_keys
from rq_scheduler.views.rq_cron import notice

__all__ = ["lines"]

_FATE = {
    "one-off": "handed off once, when due",
    "interval": "adopted as schedules, phase and counters kept",
    "repeat": "adopted; the runs left are kept",
    "cron": "adopted; zone below",
    "hash gone": "quarantined when due: nothing is left to run",
    "unreadable": "quarantined with the reason; the others are not held up",
}


MAX_ZONES, MAX_OFFSETS = 6, 4
"""Zones at one offset from UTC, and offsets, that are named."""


def lines(report: Report) -> Iterator[str]:
    """The report as plain lines."""
    version = report.server.get("redis_version", "?")
    yield (
        f"Redis {version} at {report.where}: {counted(report.entries, 'entry', 'entries')}, "
        f"{report.overdue:,} of them due now."
    )
    if report.entries:
        yield ""
        for kind, count in report.kinds.items():
            if count:
                yield f"  {count:>9,}  {kind:<11} {_FATE[kind]}"
    if report.cron_zones:
        yield ""
        (first, count), *more = report.cron_zones.items()
        others = "".join(f", {count:,} in {zone}" for zone, count in more)
        crons = counted(count, "cron entry", "cron entries")
        yield f"Zone: {crons} will be read in {first}{others}: by default the zone of the host"
        yield "that the daemon runs on; --adopt-timezone names another."
        if report.moved.count:
            one, many = "of them waits for a time that fits its string", "of them wait for times that fit their strings"
            yield f"{counted(report.moved.count, one, many)} nowhere: somebody moved"
            yield f"{'that run' if report.moved.count == 1 else 'those runs'} ({_named(report.moved)})."
    if report.already_adopted:
        adopted = counted(
            report.already_adopted,
            "cron entry is adopted already and keeps its",
            "cron entries are adopted already and keep their",
        )
        yield f"{adopted} zone."
    yield from _attention(report)
    yield ""
    yield from _surroundings(report)
    yield ""
    yield "Nothing was written."


def attention(report: Report) -> list[str]:
    """What a person has to decide before the upgrade; empty when there is nothing."""
    return list(_attention_items(report))


def _attention(report: Report) -> Iterator[str]:
    items = attention(report)
    yield ""
    if not items:
        yield "Nothing to decide: start the new daemon beside the old one, or in its place."
        return
    yield "Look at before the upgrade:"
    for item in items:
        yield f"  - {item}"


def _attention_items(report: Report) -> Iterator[str]:
    if report.crons and report.zone_unnamed:
        yield f"cron: read in UTC, since {report.zone_unnamed}; --adopt-timezone names the zone that is meant"
    for note, examples in report.cron_notes.items():
        yield f"cron: {note} ({_named(examples)})"
    if report.misread.entries.count:
        yield from _misread(report)
    for problem, examples in report.unreadable.items():
        yield f"unreadable: {problem} ({_named(examples)})"
    if report.hash_gone.count:
        lost = counted(report.hash_gone.count, "entry has lost its", "entries have lost their")
        yield f"{lost} job: quarantined ({_named(report.hash_gone)})"
    if report.ids_refused.count:
        yield (
            f"{counted(report.ids_refused.count, 'job id is', 'job ids are')} refused by the installed RQ: "
            f"quarantined, each with the command that renames it ({_named(report.ids_refused)})"
        )
    for name, why in report.queue_classes_missing.items():
        entries = counted(report.queue_classes[name], "entry", "entries")
        yield (
            f"queue class {name} of {entries} cannot be imported here ({why}); "
            "start the daemon with --path to the application's code"
        )
    for queue in report.queues_without_worker:
        yield f"no worker listens on {queue!r}, where {counted(report.queues[queue], 'entry', 'entries')} will go"
    for registry in report.rq_registries:
        if registry["overdue"]:
            yield (
                f"RQ's own scheduler: {registry['overdue']:,} of {registry['total']:,} jobs for {registry['queue']!r} "
                "are more than an hour overdue; they are held unless you say --rq-overdue run"
            )
    if report.runs_via_rq:
        runs = counted(report.runs_via_rq, "run of a schedule waits", "runs of schedules wait")
        yield (
            f"{runs} for RQ's own code to enqueue it, and 0.14 serves none: before a rollback, drain them with a "
            "dispatcher of this version (rqscheduler --burst)"
        )
    yield from map(notice, report.rq_crons)
    yield from other_keys.attention(report.elsewhere, report.index)
    if report.evicts:
        yield (
            f"maxmemory-policy is {report.server['maxmemory_policy']}: Redis may evict schedules. Set noeviction; "
            "the daemon refuses to start otherwise (--allow-eviction overrides)"
        )


def _misread(report: Report) -> Iterator[str]:
    misread = report.misread
    clocks = [f"{offset} ({either_of(zones, MAX_ZONES)})" for offset, zones in misread.clocks.items()]
    one, many = (
        "cron entry waits for a time that is none of its own",
        "cron entries wait for times that are none of theirs",
    )
    yield (
        f"zone: {counted(misread.entries.count, one, many)} in {report.zone} "
        f"({_named(misread.entries)}): 0.14 ran in another zone, as it does under Django, which makes "
        "settings.TIME_ZONE that of its processes. "
        f"Most of them fit clocks at {either_of(clocks, MAX_OFFSETS)}; --json names all: give the daemon yours as "
        f"--adopt-timezone ZONE. Otherwise they run at that time, once, and in {report.zone} from there on; "
        "rqscheduler timezone ID ZONE mends it afterwards"
    )


def _surroundings(report: Report) -> Iterator[str]:
    if report.parked.count:
        one, many = "one-off waits until RQ's job of its", "one-offs wait until RQ's jobs of their"
        yield (
            f"{counted(report.parked.count, one, many)} id {'has' if report.parked.count == 1 else 'have'} ended "
            f"({_named(report.parked)}): 0.14 does not see them, should you go back to it."
        )
    if report.daemons:
        for daemon in report.daemons:
            place = (
                f" on {daemon.get('hostname') or daemon.get('host')}"
                if "hostname" in daemon or "host" in daemon
                else ""
            )
            pid = f" pid {daemon['pid']}" if "pid" in daemon else ""
            life = f"for {daemon['ttl']} s more unless renewed"
            yield f"Daemon alive: {daemon['name']} ({daemon['version']}){place}{pid}, {life}."
    else:
        yield "No scheduler daemon is alive."
    if report.fence is not None and not report.fence["ours"]:
        yield (
            f"The 0.14 lock is held for {report.fence['ttl_seconds']:.0f} s more: a 0.14 daemon is in a pass, or "
            "died in one (ours waits it out; --take-fence does not)."
        )
    yield other_keys.scope(report.elsewhere)
    policy = report.server.get("maxmemory_policy")
    if policy:
        limit = (
            "no limit"
            if report.server.get("maxmemory", "0") == "0"
            else f"limit {int(report.server['maxmemory']):,} bytes"
        )
        yield f"maxmemory-policy: {policy} ({limit})."
    else:
        yield "maxmemory-policy: this user may not read it; make sure that it is noeviction."
    if report.rq_registries:
        total = sum(registry["total"] for registry in report.rq_registries)
        yield f"RQ's own scheduled jobs: {total:,}; the daemon serves them too (--no-rq-registries leaves them alone)."


def _named(examples: Examples) -> str:
    more = examples.count - len(examples.first)
    names = ", ".join(examples.first)
    return f"{names} and {more:,} more" if more else names
