"""The packed lines of a schedule's history: what each says, written and read in one place.

Words with spaces between; moments in microseconds since the epoch, or in seconds with an "s" behind:

- a run: its kind (`e` for one by the trigger, `m1` for the first manual one, `b` for a backfilled one, `q` for one that
  could not be made), nominal time, jitter, lateness, and the number of the dispatcher. Once it has ended: the letter of
  its end, how long after the hand-off it started and how long it took, the attempt, and the number of the worker; then,
  where there is more to say, the ends that RQ took back (letter and moment, with commas between), the cause, the place
  and the last line of its exception. `-` stands for what there is not;
- `k <first> <last> <count> <at> <end of a job id>`: a stretch of instants that were skipped, and the run that held them
  up (`=` is the last one, of a job whose runs all have its own id);
- `x <first> <last> <count, with + for at least> <at>`: a stretch of instants that were missed.

`lua/include/history.lua` and `run_lines.lua` write and complete them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from rq_scheduler.aliases import End
from rq_scheduler.planning import Missed
from rq_scheduler.store.base import moment, whole
from rq_scheduler.triggers import MAX_US, MIN_US

ENDS: Final[dict[str, End]] = {
    ".": "finished",
    "f": "failed",
    "s": "stopped",
    "c": "canceled",
    "e": "expired",
    "d": "deleted",
    "l": "lost",
    "u": "unknown",
}
"""How runs end, by the letters that stand for it."""

_KINDS = {"e": "enqueued", "m": "manual", "b": "backfill", "q": "failed", "k": "skipped", "x": "missed"}
_STRETCH, _RUN, _ENDED = 5, 5, 10


class HistoryLine(msgspec.Struct, frozen=True, gc=False):
    """What became of one nominal time; `until` is another than `nominal` for a stretch of skipped or missed ones, of
    which there were `count` (or more, when `at_least`). `at` is when the line was written.

    `end` is None as long as the run goes on, and where no run was made; `started` is None where that is not known.
    `dispatcher` and `worker` are their numbers, `held_up_by` the end of a job id; empty where there is none.
    """

    outcome: str
    nominal: int
    until: int
    at: int
    due: int
    count: int = 1
    at_least: bool = False
    dispatcher: str = ""
    end: End | None = None
    started: int | None = None
    ended: int | None = None
    attempts: int = 0
    worker: str = ""
    earlier_ends: tuple[tuple[End, int], ...] = ()
    cause: str = ""
    error_at: str = ""
    error: str = ""
    held_up_by: str = ""


def missed_part(missed: Missed) -> str:
    """The line of a missed stretch, but for the moment at which it is written."""
    count = f"{missed.count}{'+' if missed.at_least else ''}"
    return f"x {_short(missed.first)} {_short(missed.last)} {count}"


def enqueued_line(id: str, nominal: int, due: int, at: int) -> str:
    """The line of a run that was handed off."""
    return f"e {_short(nominal)} {due - nominal} {at - due} -"


# A page that is asked for again and again reads the same lines: of the runs that have ended, none changes any more.
@lru_cache(4096)
def read_line(line: bytes) -> HistoryLine | None:
    """A line from Redis; None for one that is none of ours, which must not hide the others."""
    words = line.decode(errors="replace").rstrip("\ufffd").split(" ", _ENDED + 3)
    kind = words[0]
    outcome = _KINDS.get("m" if kind[:1] == "m" and kind[1:].isdecimal() else kind)
    if outcome is None or len(words) < _RUN:
        return None
    return _stretch(outcome, words) if outcome in ("skipped", "missed") else _run(outcome, words)


def _stretch(outcome: str, words: list[str]) -> HistoryLine | None:
    first, last, at = (_moment(words[place]) for place in (1, 2, 4))
    number, more, _ = words[3].partition("+")
    count = whole(number)
    if first is None or last is None or at is None or count is None:
        return None
    held_up_by = words[_STRETCH] if len(words) > _STRETCH else ""
    return HistoryLine(outcome, first, last, at, first, count, bool(more), held_up_by=_word(held_up_by))


def _run(outcome: str, words: list[str]) -> HistoryLine | None:
    nominal, jitter, lateness = _moment(words[1]), whole(words[2]), whole(words[3])
    if nominal is None or jitter is None or lateness is None:
        return None
    due, at = nominal + jitter, nominal + jitter + lateness
    if not (_is_moment(due) and _is_moment(at)):
        return None
    dispatcher = _word(words[4])
    if len(words) < _ENDED or words[_RUN] not in ENDS:
        return HistoryLine(outcome, nominal, nominal, at, due, dispatcher=dispatcher)
    letter, waited, took, attempts, worker, *more = words[_RUN:]
    earlier, cause, error_at, error = (*more, *[""] * (4 - len(more)))
    delay = whole(waited)
    started = None if delay is None or not _is_moment(at + delay) else at + delay
    ended = (at if started is None else started) + (whole(took) or 0)
    return HistoryLine(
        *(outcome, nominal, nominal, at, due),
        dispatcher=dispatcher,
        end=ENDS[letter],
        started=started,
        ended=ended if _is_moment(ended) else None,
        attempts=whole(attempts) or 0,
        worker=_word(worker),
        earlier_ends=_earlier(earlier) if earlier else (),
        cause=_word(cause),
        error_at=_word(error_at),
        error=error,
    )


def _earlier(text: str) -> tuple[tuple[End, int], ...]:
    ends: list[tuple[End, int]] = []
    for each in text.split(","):
        at = moment(each[1:])
        if each[:1] in ENDS and at is not None:
            ends.append((ENDS[each[0]], at))
    return tuple(ends)


def _word(word: str) -> str:
    return "" if word == "-" else word


def _short(us: int) -> str:
    seconds, rest = divmod(us, 1_000_000)
    return f"{seconds}s" if not rest and us >= 1_000_000 else str(us)


def _moment(word: str) -> int | None:
    return moment(word[:-1] + "000000" if word.endswith("s") else word)


def _is_moment(us: int) -> bool:
    return MIN_US <= us <= MAX_US
