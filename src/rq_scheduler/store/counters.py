"""What all dispatchers and clients have done, as the scripts count it: `lua/include/counters.lua` writes it, this reads
it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast, get_args

from rq_scheduler.aliases import End, HandOffKind, NotRunReason
from rq_scheduler.runs import parse_run_id
from rq_scheduler.store.base import is_ok, text, whole
from rq_scheduler.store.command import Command, Commands, script
from rq_scheduler.store.keys import Keys
from rq_scheduler.store.operation import operation

__all__ = ["OTHER_QUEUES", "Counted", "CounterCommands", "count_hand_off", "read_counters"]

OTHER_QUEUES = "other"
"""What the queues are called that are not told apart: all but the first 200."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Totals since the first version that counted, or since the key was deleted. `handed_off` has the kind and the
    queue as its keys."""

    handed_off: Counter[tuple[HandOffKind, str]] = field(default_factory=Counter[tuple[HandOffKind, str]])
    not_run: Counter[NotRunReason] = field(default_factory=Counter[NotRunReason])
    ended: Counter[End] = field(default_factory=Counter[End])


class CounterCommands(Commands):
    """Operations on counters that no other script of ours makes."""

    @operation
    def count_hand_off(self, kind: HandOffKind, queue: str) -> Command[bool]:
        """Counts one hand-off."""
        return count_hand_off(self.keys, kind, queue)


def count_hand_off(keys: Keys, kind: HandOffKind, queue: str) -> Command[bool]:
    """The command that does it, for a transaction."""
    return script("count_hand_off", keys.counters, keys.prefix, kind, queue, read=is_ok)


def kind_of_hand_off(keys: Keys, index: str, job_id: str, *, recorded: bool = False) -> HandOffKind:
    """What RQ's own code hands off for us, by the zset in which it stood; `recorded`: a recurring job that is none of
    `via_rq`."""
    run = parse_run_id(job_id)
    if index not in (keys.scheduled_jobs, keys.via_rq):
        return "rq"
    if run is not None:
        return run.kind
    return "recurring" if recorded or index == keys.via_rq else "one-off"


def read_counters(fields: Mapping[bytes, bytes]) -> Counted:
    """The hash of counters, read. What a newer version counts is left out."""
    counted = Counted()
    for name, value in fields.items():
        what, _, rest = text(name).partition(":")
        number = whole(value) or 0
        if what == "ended" and rest in get_args(End):
            counted.ended[cast("End", rest)] += number
        elif what == "not_run" and rest in get_args(NotRunReason):
            counted.not_run[cast("NotRunReason", rest)] += number
        elif what in ("handed_off", "handed_off_others"):
            kind, _, queue = rest.partition(":")
            if kind in get_args(HandOffKind):
                queue = queue if what == "handed_off" else OTHER_QUEUES
                counted.handed_off[cast("HandOffKind", kind), queue] += number
    return counted
