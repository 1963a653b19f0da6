"""Which schedules of an owner have got another id, and are else what they were.

Owns that judgement, for definitions whose ids are derived from names, as in an `rq cron` configuration. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rq_scheduler.client.schedules.writer import Writer
from rq_scheduler.model import Schedule
from rq_scheduler.store.schedules import PAGE, JobFields, Stored

__all__ = ["renamed"]

Made = tuple[Schedule, JobFields]


def renamed(writer: Writer, added: Sequence[Made], unwanted: Sequence[str], owner: str) -> Mapping[str, Stored]:
    """By new id, the schedule that it is the new name of: of those unwanted, the only one that has this definition,
    which no other of those added has."""
    if not added or not unwanted:
        return {}
    olds: dict[str, list[Stored]] = {}
    news: dict[str, list[str]] = {}
    for first in range(0, len(unwanted), PAGE):
        now, found = writer.store.read_definitions(unwanted[first : first + PAGE])
        for stored in found:
            if stored is None or stored.kind != "schedule":
                continue
            for schedule, template in added:
                like = (template.func, template.call, template.queue)
                if like != (stored.text("func"), stored.text("call"), stored.text("queue")):
                    continue
                if writer.change(schedule, template, now, stored, owner) is None:
                    olds.setdefault(schedule.id, []).append(stored)
                    news.setdefault(stored.id, []).append(schedule.id)
    return {id: found[0] for id, found in olds.items() if len(found) == 1 and len(news[found[0].id]) == 1}
