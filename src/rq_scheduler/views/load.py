"""The load of queues, as sentences and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta, tzinfo
from typing import Any, NamedTuple

from rq_scheduler import serialization
from rq_scheduler.client.schedules import Crowd, Load, Peak, QueueLoad
from rq_scheduler.humanize import counted, length, moment, trigger_words
from rq_scheduler.views.serializers import iso, seconds
from rq_scheduler.views.table import Column, Paragraph, Part, Table

__all__ = ["QueueWords", "crowd_words", "jitter_words", "peak_words", "queue_words", "render", "serialize"]

_SHOWN_QUEUES, _SHOWN_PEAKS = 20, 3


def render(found: Load, zone: tzinfo) -> Iterator[Part]:
    """Each queue in a line, then where more is due than its workers can take. Moments are shown in `zone`."""
    if not found.queues:
        yield "No run of a schedule is due in that time."
    else:
        yield Table(
            [Column("QUEUE"), Column("SCHEDULES", right=True), Column("RUNS", right=True), Column("WORK", right=True),
             Column("WORKERS", right=True), Column("BUSIEST HOUR")],
            [queue_words(queue, zone) for queue in found.queues[:_SHOWN_QUEUES]],
        )  # fmt: skip
    if len(found.queues) > _SHOWN_QUEUES:
        yield (
            f"and {counted(len(found.queues) - _SHOWN_QUEUES, 'queue', 'queues')} more: --queue NAME, or --json",
            "dim",
        )
    for queue in found.queues[:_SHOWN_QUEUES]:
        yield from _peaks(queue, zone)
    if found.unreadable:
        yield Paragraph(f"{counted(found.unreadable, 'schedule', 'schedules')} cannot be counted here.", "yellow")


class QueueWords(NamedTuple):
    """A queue, cell by cell."""

    queue: str
    schedules: str
    runs: str
    work: str
    workers: str
    busiest: str


def queue_words(queue: QueueLoad, zone: tzinfo) -> QueueWords:
    """What is due in it in all, and its busiest hour."""
    busiest = max(queue.hours, key=lambda hour: (hour.work, hour.runs))
    of_hour = length(busiest.work, coarse=True) if busiest.work else f"{busiest.runs:,.0f} runs"
    about = "" if queue.exact else "~"
    work = "not known" if queue.assumed is None else length(queue.work, coarse=True)
    hour = f"{moment(busiest.began, zone)[5:16]} ({of_hour})"
    return QueueWords(queue.queue, f"{queue.schedules:,}", f"{about}{queue.runs:,.0f}", work, str(queue.workers), hour)


def _peaks(queue: QueueLoad, zone: tzinfo) -> Iterator[Part]:
    for peak in queue.peaks[:_SHOWN_PEAKS]:
        yield ""
        yield Paragraph(peak_words(queue, peak, zone), "bold")
        for crowd in peak.crowd:
            more = crowd.schedules - len(crowd.ids)
            names = f"{', '.join(crowd.ids)}{f' and {more:,} more' if more > 0 else ''}"
            yield Paragraph(f"  {crowd_words(crowd)}: {names}", hanging=4)
    if len(queue.peaks) > _SHOWN_PEAKS:
        yield f"and {counted(len(queue.peaks) - _SHOWN_PEAKS, 'such time', 'such times')} more of {queue.queue}", "dim"
    if not queue.peaks:
        return
    yield ""
    yield Paragraph(f"{jitter_words(queue)}{'.' if queue.jitter is None else '. In Python:'}")
    if queue.jitter is not None:
        text = f"{int(queue.jitter.total_seconds())}s"
        yield f"    for one in schedules.find_iter(queue_name={queue.queue!r}):"
        yield f"        schedules.update(one.id, jitter={text!r})"


def jitter_words(queue: QueueLoad) -> str:
    """What would let a queue with peaks fit."""
    if queue.jitter is None:
        return f"No jitter up to 2 hours lets {queue.queue} fit: it takes more workers, or fewer runs"
    return f"With a jitter of {length(queue.jitter)} no run would wait for more than a minute"


def crowd_words(crowd: Crowd) -> str:
    """Whose runs they are: `30 of 0 12 * * *`."""
    return f"{crowd.runs:,.0f} of {trigger_words(crowd.trigger)}"


def peak_words(queue: QueueLoad, peak: Peak, zone: tzinfo) -> str:
    """When more is due than the workers can take, and for how long one waits."""
    drained = "has not drained by the end"
    if peak.drained is not None:
        drained = f"has drained {length(peak.drained - peak.began)} on"
    minutes, workers = counted(peak.minutes, "minute", "minutes"), counted(queue.workers, "worker", "workers")
    wait = length(peak.wait, coarse=peak.wait >= timedelta(minutes=1))
    return (
        f"{queue.queue}, {moment(peak.began, zone)}: {peak.runs:,.0f} runs are due in {minutes}, more than {workers} "
        f"can take. One waits for {wait} at most; the queue {drained}."
    )


def serialize(found: Load) -> dict[str, Any]:
    """The JSON. `by_minute` has the runs of each minute, from that of `since` on."""
    return {
        "since": iso(found.since),
        "until": iso(found.until),
        "queues": [_queue(queue) for queue in found.queues],
        "unreadable": found.unreadable,
    }


def _queue(queue: QueueLoad) -> dict[str, Any]:
    return {
        "queue_name": queue.queue,
        "schedules": queue.schedules,
        "runs": queue.runs,
        "work_seconds": seconds(queue.work),
        "workers": queue.workers,
        "by_minute": list(queue.by_minute),
        "hours": [{"began": iso(h.began), "runs": h.runs, "work_seconds": seconds(h.work)} for h in queue.hours],
        "peaks": [
            {
                "began": iso(peak.began),
                "drained": iso(peak.drained),
                "minutes": peak.minutes,
                "runs": peak.runs,
                "wait_seconds": seconds(peak.wait),
                "crowd": [
                    {
                        "trigger": serialization.to_builtins(crowd.trigger),
                        "runs": crowd.runs,
                        "schedules": crowd.schedules,
                        "ids": list(crowd.ids),
                    }
                    for crowd in peak.crowd
                ],
            }
            for peak in queue.peaks
        ],
        "jitter_seconds": seconds(queue.jitter),
        "unknown": queue.unknown,
        "assumed_seconds": seconds(queue.assumed),
        "exact": queue.exact,
    }
