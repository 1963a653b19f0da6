"""What every form has in common: the call of the HTTP API that it makes, where it leads and what it says there, the
moments that it gives, and that it is done once, however often it is sent."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from rq_scheduler.client.base import context_of
from rq_scheduler.client.schedules.explain.times import Times
from rq_scheduler.clock import in_zone
from rq_scheduler.errors import InvalidArgument, ScheduleNotFound, SchedulerError
from rq_scheduler.moments import moment_of as moment_by_clock
from rq_scheduler.views.details import whole_second
from rq_scheduler.web.api.once import Once
from rq_scheduler.web.api.route import Answer, Call, NoQuery
from rq_scheduler.web.pages.login import own_path
from rq_scheduler.web.pages.page import Asked, Went, known_zone
from rq_scheduler.web.problems import Refused

__all__ = [
    "Partly",
    "back_to",
    "call_of",
    "done_or_said",
    "moment_of",
    "needed_moment",
    "said_at",
    "until_of",
    "wall_clock",
    "zone_of_form",
]

B = TypeVar("B")

_PATIENCE, _LOOK = 5.0, 0.05
"""Seconds that a form waits for itself, sent before and still being done; and between two looks."""


class Partly(SchedulerError):  # noqa: N818  named for what it says
    """Not all was done: the text says what was, and why the rest was not."""


def call_of(asked: Asked, id: str, body: B) -> Call[NoQuery, B]:
    """The call of the API that a form makes."""
    return Call(asked.scheduler, asked.service.settings, asked.visitor, id, NoQuery(), body, {})


def back_to(asked: Asked, *parts: str) -> str:
    """Where the form was sent from; or that page of ours."""
    given = asked.form.get("back")
    return asked.link(*parts) if given is None else asked.link().removesuffix("/") + own_path(given)


def done_or_said(
    asked: Asked, to: str, do: Callable[[], str], *, once: bool = False, again: Callable[[], bool] | None = None
) -> Went:
    """Does it, and leads there with what it says; or with why it was refused. With `once`, a form that is sent twice is
    done once, and says the same; unless what it has done is undone since, which `again` tells."""

    def call() -> Answer:
        try:
            return Answer({"said": do(), "wrong": False})
        except Partly as error:
            return Answer({"said": str(error), "wrong": True})

    try:
        answer = _once(asked, call) if once else call()
        if again is not None and "idempotency-replayed" in answer.headers and again():
            answer = call()
    except ScheduleNotFound:
        return Went(to, f"Nothing was done: there is no schedule {asked.id!r:.200} (any more).", wrong=True)
    except (SchedulerError, Refused, msgspec.ValidationError) as error:
        return Went(to, f"Nothing was done: {error}", wrong=True)
    return Went(to, answer.body["said"], answer.body["wrong"])


def _once(asked: Asked, call: Callable[[], Answer]) -> Answer:
    """The page gave the form a name of its own; filled in otherwise, it is another form."""
    content = repr((sorted(asked.form.items()), asked.chosen)).encode()
    path = f"page {asked.request.url.path} {hashlib.sha256(content).hexdigest()}"
    once, ends = Once(context_of(asked.service.scheduler)), time.monotonic() + _PATIENCE
    while True:
        try:
            return once.do(asked.visitor.actor, path, asked.form.get("once") or None, content, call)
        except Refused as error:
            if error.code != "underway" or time.monotonic() > ends:
                raise
        time.sleep(_LOOK)


# Moments


def said_at(at: datetime, asked: Asked, *, on: bool = False) -> str:
    """A moment by the reader's clock; within a sentence if `on`."""
    times: Times = asked.times
    return times.on(whole_second(at)) if on else times.short(whole_second(at))


def wall_clock(at: datetime, zone: ZoneInfo) -> str:
    """A moment as a field has it that asks for one."""
    return in_zone(at, zone).replace(tzinfo=None).isoformat(timespec="seconds")


def until_of(asked: Asked) -> datetime | None:
    """The end of a pause that a form asks for; None for none."""
    return moment_of(asked, "until")


def moment_of(asked: Asked, name: str, given: Mapping[str, str] | None = None) -> datetime | None:
    """A moment of a form (or of what is `given`), by the clock that its page named. Raises InvalidArgument for what is
    none, and for a time that the clocks jump over."""
    text = (asked.form if given is None else given).get(name, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text[:60])
    except ValueError:
        raise InvalidArgument(f"{name}={text!r:.60} is no moment: write 2026-12-24T18:00") from None
    return moment_by_clock(moment, zone_of_form(asked), f"{name}={text!r}")


def needed_moment(asked: Asked, name: str) -> datetime:
    """The same, where there has to be one."""
    moment = moment_of(asked, name)
    if moment is None:
        raise InvalidArgument(f"{name} is missing: give a moment, such as 2026-12-24T18:00")
    return moment


def zone_of_form(asked: Asked) -> ZoneInfo:
    """That of the clock which the form's page named; the visitor may have chosen another since."""
    return ZoneInfo(known_zone(asked.form.get("zone", "")) or asked.zone)
