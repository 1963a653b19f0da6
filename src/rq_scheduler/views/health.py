"""The state of one Redis as JSON and for people. What is wrong with it, `problems.py` says. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from rq_scheduler.client.health import Daemon, Health
from rq_scheduler.humanize import NONE, length, when
from rq_scheduler.views.problems import notices, problems
from rq_scheduler.views.serializers import iso
from rq_scheduler.views.table import Cell, Column, Part, Table, Typed, as_it_is

__all__ = ["QueueWords", "heartbeat_words", "queue_words", "render", "serialize"]


def serialize(health: Health) -> dict[str, Any]:
    """The JSON."""
    counts, wrong = health.counts, problems(health)
    return {
        "now": iso(health.now),
        "healthy": not wrong,
        "problems": [asdict(problem) for problem in wrong],
        "notices": [notice.worded() for notice in notices(health)],
        "redis": {
            "where": health.where,
            "version": health.server.get("redis_version"),
            "maxmemory": _number(health.server.get("maxmemory")),
            "maxmemory_policy": health.server.get("maxmemory_policy"),
        },
        "dispatchers": [_serialize_dispatcher(one, health.now) for one in health.dispatchers],
        "rq_crons": [asdict(one) for one in health.rq_crons],
        "schedules": counts.schedules,
        "paused": counts.paused,
        "one_offs": health.one_offs,
        "due_now": counts.due,
        "buffered": counts.buffered,
        "parked": {"count": health.parked.count, "first": _named(health.first_parked)},
        "via_rq": counts.via_rq,
        "quarantined": counts.quarantined,
        "fence": None
        if health.fence is None
        else {
            "ours": health.fence.value.startswith("rq-scheduler:"),
            "ttl_seconds": None if health.fence.ttl_ms < 0 else health.fence.ttl_ms / 1000,
        },
        "next": _named(None if health.next_due is None else (counts.next_id, health.next_due)),
        "queues": [
            {"name": name, "length": count, "workers": health.heard.get(name, 0)}
            for name, count in health.queues.items()
        ],
    }


def _named(entry: tuple[str | None, datetime] | None) -> dict[str, Any] | None:
    return None if entry is None else {"id": entry[0], "due": iso(entry[1])}


def render(health: Health, zone: tzinfo, typed: Typed = as_it_is) -> Iterator[Part]:
    """For a person: the worst first, then what is there."""
    for problem in problems(health, zone):
        yield f"! {problem.worded(typed)}", "red"
    for notice in notices(health, zone):
        yield f"  {notice.worded(typed)}", "yellow"
    counts = health.counts
    policy = health.server.get("maxmemory_policy") or "not told to this user"
    next_text = "" if health.next_due is None else f": {counts.next_id}"
    parked = f"{health.parked.count:,}"
    if health.first_parked is not None:
        id, due = health.first_parked
        parked += f" until RQ's job of the id has ended; first {when(due, health.now, zone)}: {id}"
    fence = "none"
    if health.fence is not None:
        fence = "held by the dispatchers" if health.fence.value.startswith("rq-scheduler:") else "held by somebody else"
    yield Table(
        (Column(""), Column("")),
        [
            ("redis", f"{health.where}, version {health.server.get('redis_version', '?')}"),
            ("maxmemory-policy", policy),
            ("schedules", f"{counts.schedules:,}, {counts.paused:,} of them paused"),
            ("one-off jobs", f"{health.one_offs:,}"),
            ("due now", f"{counts.due:,}"),
            ("buffered", f"{counts.buffered:,}"),
            ("parked", parked),
            *([("for RQ to enqueue", f"{counts.via_rq:,}")] if counts.via_rq else []),
            ("quarantined", f"{counts.quarantined:,}"),
            ("next", when(health.next_due, health.now, zone) + next_text),
            ("fence", fence),
        ],
    )
    yield ""
    if health.dispatchers:
        columns = (
            Column("DISPATCHER"), Column("HOST", spare=1), Column("PID", right=True), Column("VERSION", spare=2),
            Column("HEARTBEAT", right=True), Column("HANDED OFF", right=True),
        )  # fmt: skip
        yield Table(columns, [_dispatcher_row(one, health.now) for one in health.dispatchers])
    else:
        yield "No dispatcher is alive."
    if health.queues:
        yield ""
        columns = (Column("QUEUE"), Column("JOBS", right=True), Column("WORKERS", right=True))
        yield Table(columns, [_queue_row(name, count, health.heard) for name, count in health.queues.items()])


@dataclass(frozen=True, slots=True)
class QueueWords:
    """A queue in few words. `unserved`: jobs wait in it, and nobody listens."""

    name: str
    waiting: int
    workers_words: str
    unserved: bool


def queue_words(health: Health) -> list[QueueWords]:
    """The queues, those that nobody serves first, then by what waits in them."""
    found = [
        QueueWords(name, count, "no worker" if not health.heard.get(name) else f"{health.heard[name]:,} w",
                   bool(count and not health.heard.get(name)))
        for name, count in health.queues.items()
    ]  # fmt: skip
    return sorted(found, key=lambda queue: (not queue.unserved, -queue.waiting, queue.name))


def heartbeat_words(health: Health) -> list[str]:
    """`ops-1 2s`: how long ago each dispatcher gave its last sign of life."""
    ages = [(one.name, _heartbeat_age(one, health.now)) for one in health.dispatchers]
    return [name if age is None else f"{name} {length(timedelta(seconds=round(age, 1)))}" for name, age in ages]


def _dispatcher_row(one: Daemon, now: datetime) -> Sequence[Cell]:
    age = _heartbeat_age(one, now)
    handed_off = _number(one.fields.get("handed_off"))
    return (
        one.name,
        one.fields.get("host", NONE),
        one.fields.get("pid", NONE),
        one.fields.get("version", NONE),
        NONE if age is None else f"{length(timedelta(seconds=round(age)))} ago",
        NONE if handed_off is None else f"{handed_off:,}",
    )


def _serialize_dispatcher(one: Daemon, now: datetime) -> dict[str, Any]:
    return {
        "name": one.name,
        "host": one.fields.get("host"),
        "pid": _number(one.fields.get("pid")),
        "version": one.fields.get("version"),
        "heartbeat_age_seconds": _heartbeat_age(one, now),
        "handed_off": _number(one.fields.get("handed_off")),
    }


def _queue_row(name: str, count: int, heard: Mapping[str, int]) -> Sequence[Cell]:
    workers = heard.get(name, 0)
    return name, f"{count:,}", f"{workers:,}" if workers else ("none", "yellow" if count else "dim")


def _heartbeat_age(one: Daemon, now: datetime) -> float | None:
    """Seconds; by the dispatcher's clock against the server's, so never less than 0."""
    try:
        return max(0.0, round(now.timestamp() - float(one.fields["heartbeat"]), 3))
    except (KeyError, ValueError):
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
