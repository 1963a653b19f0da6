"""How a schedule stands, in a word and in a few. Owns these words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from rq_scheduler.client.schedules import StoredSchedule
from rq_scheduler.client.schedules.explain.times import Times, capital
from rq_scheduler.clock import in_zone
from rq_scheduler.humanize import counted, length, moves_words
from rq_scheduler.views.details import whole_second
from rq_scheduler.views.outcomes import status_word
from rq_scheduler.views.spoken import place, spoken, zone_of

__all__ = ["left_out_words", "next_due", "policies", "standing", "there", "trigger_line"]

_LEFT_OUT, _SHOWN = 1_000, 3
"""Instants of a pause that are counted, and that are named."""

_WAITS: Final = frozenset({"queued", "deferred", "scheduled", "rate_limited", "ready_to_enqueue", "created"})
_OVERLAP: Final = {
    "skip": ("Skips.", "No second run at once: the instant is counted as skipped."),
    "allow": ("Runs beside it.", "Any number of runs may go on at once."),
    "buffer_one": ("Waits.", "One run is remembered, and starts when the last one has ended; others are skipped."),
    "buffer_all": ("Waits.", "Every run is remembered, and starts when the one before has ended."),
    "replace": ("Replaces it.", "The run that goes on is stopped, and the new one starts."),
}
_CATCHUP: Final = {
    "latest": ("Runs the newest, late.", "Of all that passed, one runs; the others are counted as missed."),
    "all": ("Runs them all, late.", "Each instant that passed gets its run."),
    "none": ("Runs none.", "What passed is counted as missed."),
}


def standing(stored: StoredSchedule) -> tuple[str, str]:
    """Its mark, and a word: whether it needs somebody, and whether a run goes on; then how its last run ended."""
    runs = ", running" if stored.last_status == "started" else ""
    if stored.paused:
        return "paused", f"Paused{runs}"
    if stored.failed_in_a_row:
        return "failed", ("Failing" if stored.failed_in_a_row > 1 else "Failed") + runs
    if stored.overdue_since is not None:
        return "late", f"Overdue{runs}"
    if runs:
        return "running", capital(status_word("started"))
    if stored.last_status in _WAITS:
        return "waiting", capital(status_word(stored.last_status or ""))
    newest = stored.last_outcomes[-1:]
    if newest in ("m", "k"):
        return ("missed", "Missed") if newest == "m" else ("skipped", "Skipped")
    if newest in ("e", "d", "s", "c"):
        return "missed" if newest in "ed" else "skipped", {"e": "Expired", "d": "Deleted", "s": "Stopped"}.get(
            newest, "Canceled"
        )
    if stored.finished:
        return "finished", "Finished"
    return ("ok", "Ok") if stored.runs else ("waiting", "Not run yet")


def next_due(stored: StoredSchedule) -> datetime | None:
    """When its next run is due: of a paused one after the pause, if that ends by itself."""
    return stored.next_run_at or stored.next_run_after_pause


def left_out_words(stored: StoredSchedule, until: datetime | None, times: Times) -> str:
    """`That leaves out 3 runs: 02:30, ...`: what a pause leaves out that goes on, or begins now, until then. Empty
    without an end."""
    if until is None:
        return ""
    found = list(islice(stored.left_out_by_pause(until), _LEFT_OUT + 1))
    if not found:
        return "That leaves out no run."
    shown = [times.short(whole_second(at)) for at in found[:_SHOWN]]
    if len(found) <= _SHOWN:
        return f"That leaves out {counted(len(found), 'run', 'runs')}: {', '.join(shown)}."
    many = f"more than {_LEFT_OUT:,}" if len(found) > _LEFT_OUT else f"{len(found):,}"
    return f"That leaves out {many} runs, from {shown[0]} on."


def trigger_line(stored: StoredSchedule, times: Times) -> tuple[str, str]:
    """When it fires, and the place whose clock that is; empty where it goes by none."""
    said = capital(spoken(stored.trigger, times.zone, times.now))
    zone = zone_of(stored.trigger)
    return said, "" if zone is None else place(zone)


def there(stored: StoredSchedule, times: Times) -> str:
    """`02:30 New York`: its next run by its own clock, where that shows something else than the reader's."""
    zone, due = zone_of(stored.trigger), next_due(stored)
    if zone is None or due is None:
        return ""
    own = Times(zone, times.now, times.now)
    if in_zone(due, own.zone).utcoffset() == in_zone(due, times.zone).utcoffset():
        return ""
    return f"{own.short(whole_second(due))} {place(zone)}"


def policies(stored: StoredSchedule, times: Times) -> Iterator[tuple[str, str, str]]:
    """What it does when: the case, what is done in a few words, and the rest of it."""
    spec = stored.spec
    if spec is None:
        yield "Definition", "A newer version wrote it.", "This one cannot read it, and leaves it alone."
        return
    said, rest = _OVERLAP[spec.overlap]
    skipped = f" {counted(stored.skipped, 'time', 'times')} so far." if stored.skipped else " It has never happened."
    yield "Last run still going", said, rest + (skipped if spec.overlap == "skip" else "")
    said, rest = _CATCHUP[spec.catchup]
    window = "" if spec.catchup_window is None else f" Only what is less than {length(spec.catchup_window)} old counts."
    missed = f" {counted(stored.missed, 'run', 'runs')} missed so far." if stored.missed else ""
    yield "No dispatcher in time", said, rest + window + missed
    if spec.jitter is not None:
        yield "Jitter", f"Up to {length(spec.jitter)} later,", "the same for each instant whoever works it out."
    if spec.exclude:
        days = ", ".join(str(one) for one in spec.exclude)
        moves = moves_words(spec)
        yield "Days off", f"{days}.", f"Runs are {moves}." if moves else "Such a day is neither missed nor caught up."
    if spec.pause_on_failures is not None:
        many = counted(spec.pause_on_failures, "failed run", "failed runs in a row")
        yield "Runs fail", f"After {many}", "the schedule pauses itself."
    if spec.expect is not None:
        late = f"A success within {length(spec.expect)}"
        yield "Expected", late, "of each instant; what passes that is told as overdue."
    if spec.start is not None:
        yield "Starts", f"{times.full(whole_second(spec.start))}.", ""
    if spec.end is not None or spec.max_runs is not None:
        ends = [] if spec.end is None else [f"before {times.full(whole_second(spec.end))}"]
        ends += [] if spec.max_runs is None else [f"after {counted(spec.max_runs, 'run', 'runs')}"]
        left = "" if stored.runs_left is None else f"{stored.runs_left:,} left."
        yield "Ends", f"{capital(' or '.join(ends))}.", left
    else:
        yield "Ends", "Never.", ""
