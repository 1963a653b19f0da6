"""What `rq cron` takes, as drafts: its own reader (`client/schedules/rq_cron.py`) translates it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter  # RQ depends on it: what `rq cron` goes by
from rq.version import VERSION as RQ_VERSION

from rq_scheduler.client.importing.draft import Draft, Instants, drafted
from rq_scheduler.client.schedules.rq_cron import dotted, load_registrations, schedule_of
from rq_scheduler.clock import from_us, to_us
from rq_scheduler.host import host_zone
from rq_scheduler.humanize import trigger_words
from rq_scheduler.triggers import Every

__all__ = ["by_croniter", "read_registrations", "usual_zone"]

_OWN = ("id", "trigger", "func", "paused", "note", "tags")


def read_registrations(path_or_module: str, timezone: str, now: int) -> list[Draft]:
    """The registrations of an RQ cron configuration, which is imported. timezone: in which its cron strings are read.

    Raises InvalidArgument for what cannot be loaded.
    """
    return [
        drafted(data.get("name") or dotted(data["func"]), lambda draft, data=data: _fill(draft, data, timezone, now))
        for data in load_registrations(path_or_module)
    ]


def _fill(draft: Draft, data: dict[str, Any], timezone: str, now: int) -> None:
    draft.task = dotted(data["func"])
    schedule = schedule_of("rq-cron", data, timezone)
    trigger = schedule.trigger
    if isinstance(trigger, Every):
        draft.when = trigger_words(trigger)
        draft.instants = trigger.anchored(now).after
        draft.notes.append("rq cron runs it once as it starts; here the first run is one interval after it is put")
    else:
        draft.when = f"{data['cron']}{'' if timezone == 'UTC' else f' in {timezone}'}"
        draft.instants, draft.zone = by_croniter(str(data["cron"]), timezone), timezone
    draft.trigger = trigger
    names = schedule.__struct_fields__
    draft.options = {name: getattr(schedule, name) for name in names if name not in _OWN}


def by_croniter(text: str, timezone: str) -> Instants:
    """As RQ asks it: by local time without a zone, of which a repeated one is the first."""
    zone = ZoneInfo(timezone)

    def after(us: int) -> int | None:
        local = from_us(us).astimezone(zone).replace(tzinfo=None)
        steps: Any = croniter(text, local)
        while True:
            found: datetime = steps.get_next(datetime)
            at = to_us(found.replace(tzinfo=zone, fold=0).astimezone(UTC))
            if at > us:
                return at

    return after


def usual_zone() -> str:
    """In which the installed RQ reads cron strings: RQ 2 in UTC, RQ 3 in the local time of this host."""
    return host_zone() if int(RQ_VERSION.partition(".")[0]) >= 3 else "UTC"
