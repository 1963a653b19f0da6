"""What is due in a queue beside a schedule that is being edited: in the minute of its next run, and where all of it is
more than the queue's workers can take. Counted as `load` counts, with the definition of the form in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rq_scheduler.client.schedules import Crowd, Load, QueueLoad
from rq_scheduler.humanize import counted
from rq_scheduler.model import Schedule
from rq_scheduler.views.load import crowd_words, jitter_words, peak_words
from rq_scheduler.web.api.recent import Recent
from rq_scheduler.web.pages.page import Asked

__all__ = ["Collisions", "collisions_of"]

MOST = 5_000
"""Schedules of a queue that are counted for a preview."""

_SHOWN_PEAKS = 2

_loads = Recent[Load]()


@dataclass(frozen=True, slots=True)
class Stretch:
    """When how much is due, in a sentence without its full stop, and whose it is."""

    words: str
    crowd: Sequence[tuple[str, Crowd]]


@dataclass(frozen=True, slots=True)
class Collisions:
    """What the preview shows. `waiting`: it is still being counted. `jitter`: what would help; `note`: why nothing is
    said."""

    queue: str
    waiting: bool = False
    note: str = ""
    stretches: Sequence[Stretch] = ()
    more: int = 0
    jitter: str = ""


def collisions_of(asked: Asked, made: Schedule, whole: Mapping[str, Any], queue: str) -> Collisions:
    """Of the definition that is made of `whole`, in that queue."""
    schedules = asked.scheduler.schedules
    number = schedules.count(queue_name=queue)
    if number > MOST:
        return Collisions(
            queue, note=f"{counted(number, 'schedule is', 'schedules are')} in {queue}: Load counts what is due there"
        )
    question = made.id, queue, json.dumps(whole, sort_keys=True, default=str)
    found = _loads.soon(asked.scheduler.connection, question, lambda: schedules.load(queue_name=queue, adding=made))
    return Collisions(queue, waiting=True) if found is None else _told(found, queue, asked)


def _told(found: Load, queue: str, asked: Asked) -> Collisions:
    whole = next((one for one in found.queues if one.queue == queue), None)
    return Collisions(
        queue=queue,
        note="" if whole is None or whole.workers else f"No worker listens on {queue}",
        stretches=[*_beside(found, queue, asked), *_peaks(whole, asked)],
        more=0 if whole is None else max(0, len(whole.peaks) - _SHOWN_PEAKS),
        jitter=jitter_words(whole) if whole is not None and whole.peaks else "",
    )


def _beside(found: Load, queue: str, asked: Asked) -> Iterator[Stretch]:
    beside = found.beside
    if beside is None:
        return
    runs, minute = round(beside.runs), asked.times.on(beside.began)
    if not beside.crowd:
        yield Stretch(f"Nothing else is due in {queue} {minute}, the minute of its next run", ())
        return
    due = counted(runs, "run of another schedule is", "runs of other schedules are")
    yield Stretch(f"{due} due in {queue} {minute}, the minute of its next run", _whose(beside.crowd))


def _peaks(queue: QueueLoad | None, asked: Asked) -> Iterator[Stretch]:
    if queue is None:
        return
    for peak in queue.peaks[:_SHOWN_PEAKS]:
        yield Stretch(peak_words(queue, peak, asked.tz).removesuffix("."), _whose(peak.crowd))


def _whose(crowd: Sequence[Crowd]) -> list[tuple[str, Crowd]]:
    return [(crowd_words(each), each) for each in crowd]
