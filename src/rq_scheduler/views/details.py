"""What an entry of the audit or of the events says besides its kind, as words to make a sentence of. Pure.

Anybody may have written an entry: a text that is not what its name promises is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from rq_scheduler.client.schedules.explain.times import Times, zone_label
from rq_scheduler.clock import US, from_us
from rq_scheduler.errors import SchedulerError
from rq_scheduler.humanize import counted
from rq_scheduler.runs import parse_run_id

__all__ = ["SECONDS", "Details", "run_words", "times_about", "whole_second"]

SECONDS = US
"""The unit of moments that are written in seconds; others are in microseconds."""

_UNKNOWN = "?"


def whole_second(at: datetime) -> datetime:
    """The moment without its fraction of a second, which says nothing to a person."""
    return at.replace(microsecond=0) if at.microsecond else at


def times_about(at: datetime, zone: tzinfo) -> Times:
    """How moments are said beside the moment `at`, which is shown with its day, by the clock of `zone`."""
    return Times(zone_label(zone), whole_second(at), at)


def run_words(job_id: str, times: Times) -> str:
    """`its run of 02:30`; the job ids of recurring jobs name no moment."""
    run = parse_run_id(job_id)
    if run is None:
        return "its run"
    kind = "" if run.kind == "scheduled" else f"{run.kind} "
    return f"its {kind}run of {times.short(whole_second(run.nominal))}"


@dataclass(frozen=True, slots=True)
class Details:
    """`values` of an entry by their names, said beside its moment; `id` is what it happened to."""

    id: str
    values: Mapping[str, str]
    times: Times

    def text(self, name: str) -> str:
        """The text as it is."""
        return self.values.get(name) or _UNKNOWN

    def behind(self, before: str, name: str, after: str = "") -> str:
        """`, for the queue default`: a text between two others, or nothing where there is none."""
        value = self.values.get(name)
        return f"{before}{value}{after}" if value else ""

    def run(self, name: str = "job_id") -> str:
        """A run, by its job id."""
        return run_words(self.values.get(name, ""), self.times)

    def count(self, name: str, one: str, many: str) -> str:
        """`3 runs`."""
        value = self.values.get(name, "")
        return counted(int(value), one, many) if value.isascii() and value.isdigit() else f"{self.text(name)} {many}"

    def on(self, name: str, unit: int = 1) -> str:
        """`at 02:30`, `on Fri 27 Nov at 18:02`. `unit`: in how many microseconds the text counts."""
        at = self._moment(name, unit)
        return f"at {self.text(name)}" if at is None else self.times.on(at)

    def at(self, name: str, unit: int = 1) -> str:
        """`02:30`, `Fri 27 Nov 18:02`."""
        at = self._moment(name, unit)
        return self.text(name) if at is None else self.times.short(at)

    def stretch(self, first: str, last: str, unit: int = 1) -> str:
        """`from 02:30 to 02:40`."""
        return f"from {self.at(first, unit)} to {self.at(last, unit)}"

    def between(self, first: str, last: str) -> timedelta | None:
        """How long that was."""
        began, ended = self._moment(first, 1), self._moment(last, 1)
        return None if began is None or ended is None else ended - began

    def all(self) -> str:
        """All that is said, each by its name."""
        return "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.values.items() if value)

    def _moment(self, name: str, unit: int) -> datetime | None:
        try:
            return whole_second(from_us(round(float(self.values.get(name, "")) * unit)))
        except (ValueError, OverflowError, SchedulerError):
            return None
