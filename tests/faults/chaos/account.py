"""The account at the end: what was owed by the journals, what was received, and what is wrong.

`faults.checker` judges what is owed or received once. What only this harness knows is judged here: what ran though it
was cancelled, paused, refused or never asked for, and whether every instant of a schedule is explained.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from faults.chaos.acts import NOBODY_SERVES, Done
from faults.chaos.clients import WORK
from faults.chaos.consumers import RECORD
from faults.chaos.journal import US, Deed, Grid, Journal, Watched
from faults.checker import Ledger, Verdict
from making import followed
from rq_scheduler.runs import run_id
from rq_scheduler.store.counters import read_counters

SLACK = 20 * US
"""An instant this near before a pause, a change or a deletion may have lost the race against it."""

SETTLING = 2 * US
"""After a fault under which nobody serves, this long is not held against lateness."""

TOO_LATE = 60 * US
SHOWN = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RUN = re.compile(r"(.+)-(\d{8}T\d{12})Z(-m\d+|-b)?")


@dataclass(frozen=True)
class Arrival:
    """One hand-off: when it was handed off, as far as can be told, and when its consumer had it."""

    id: str
    at: int
    taken: int


@dataclass
class Account:
    """What is wrong beside the verdict, and figures."""

    verdict: Verdict
    wrong: dict[str, list[str]] = field(default_factory=dict)
    lost_by_workers: list[str] = field(default_factory=list)
    owed: Counter[str] = field(default_factory=Counter)
    lateness: list[int] = field(default_factory=list)
    """In order, of what was due while Redis could serve."""
    latest: int = 0
    """Of all."""
    ends: dict[str, int] = field(default_factory=dict)
    """How runs have ended, as it is counted."""

    @property
    def clean(self) -> bool:
        return self.verdict.clean and not any(self.wrong.values())


def arrivals(redis: Any, record: str, noted: Iterable[str]) -> list[Arrival]:
    """All hand-offs: from the mover's record, and from what workers wrote."""
    found = []
    for line in redis.lrange(record, 0, -1):
        id, taken, enqueued_at = line.decode().split(" ")
        found.append(Arrival(id, _handed_off_at(int(taken), enqueued_at), int(taken)))
    for line in noted:
        id, taken = line.split()
        found.append(Arrival(id, int(taken), int(taken)))
    return found


def _handed_off_at(taken: int, enqueued_at: str) -> int:
    """The job's own word, where it can be: RQ's code writes it by the clock of its process, which may be wrong."""
    at = _read(enqueued_at) if enqueued_at else 0
    return at if taken - 60 * US < at <= taken else taken


def _read(stamp: str) -> int:
    return _us(datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC))


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def settle(journal: Journal, found: list[Arrival], faults: Iterable[Done], redis: Any) -> Account:
    """Judges, when all is over."""
    ledger, owed = Ledger(), Counter[str]()
    _owe_one_offs(journal, ledger, owed)
    for recurring in journal.recurring.values():
        for nominal in recurring.instants():
            ledger.owe_run(recurring.id, nominal, job_id=recurring.id)
            owed["runs of the 0.14 API"] += 1
    for watched in journal.schedules.values():
        _owe_runs(watched, ledger, owed)
    for arrival in found:
        ledger.receive(arrival.id, arrival.at)
    received = Counter(arrival.id for arrival in found)
    lost_by_workers = list(_lost_by_workers(journal, received, redis))
    for id, at in lost_by_workers:
        ledger.receive(id, at)
    account = Account(ledger.verdict(redis, late_after_us=TOO_LATE), owed=owed)
    account.lost_by_workers = [id for id, _ in lost_by_workers]
    account.wrong = {
        "ran though cancelled": list(_cancelled(journal, found)),
        "ran though refused": [id for id, job in journal.one_offs.items() if job.refused and received[id]],
        "ran though paused or deleted": list(_forbidden(journal, found)),
        "never asked for": list(_unknown(journal, found)),
        "not explained": list(_unexplained(journal, received, redis)),
        "ends that are not told once": list(_ends(journal, found, redis)),
        "hand-offs that are not counted once": list(_counted(journal, redis)),
    }
    account.ends = ends_told(redis)
    account.lateness = _lateness(journal, found, list(faults))
    account.latest = max(_lateness(journal, found, []), default=0)
    return account


def _owe_one_offs(journal: Journal, ledger: Ledger, owed: Counter[str]) -> None:
    for id, job in journal.one_offs.items():
        if job.acknowledged and not job.cancelling:
            ledger.owe(id, job.due)
            owed["one-offs"] += 1
        else:
            ledger.maybe(id, job.due)
            owed["cancelled" if job.cancelling else "refused" if job.refused else "one-offs without a reply"] += 1


def _owe_runs(watched: Watched, ledger: Ledger, owed: Counter[str]) -> None:
    for id, asked in watched.manual.items():
        ledger.owe(id, asked)
        owed["manual runs"] += 1
    for nominal in watched.backfilled:
        ledger.owe(run_id(watched.id, nominal, "b"), nominal)
        owed["backfilled runs"] += 1
    if watched.kind == "exact":
        for nominal in watched.grids[0].instants():
            ledger.owe_run(watched.id, nominal)
            owed["runs of schedules"] += 1
    elif watched.kind == "steered":
        for grid, since, until in _active(watched):
            for nominal in grid.instants(since + 1, until):
                ledger.owe_run(watched.id, nominal)
                owed["runs of steered schedules"] += 1


def _states(watched: Watched) -> Iterator[tuple[str, Deed, int | None]]:
    """("active", "paused" or "gone", the deed that made it so, when the next one was called)."""
    state = "gone"
    for deed, following in zip(watched.deeds, [*watched.deeds[1:], None], strict=True):
        match deed.what:
            case "put" | "resume":
                state = "active"
            case "pause":
                state = "paused"
            case "delete":
                state = "gone"
            case _:
                pass
        yield state, deed, following and following.called


def _active(watched: Watched) -> Iterator[tuple[Grid, int, int | None]]:
    """The grid that was in force, from when until when it certainly was."""
    for state, deed, until in _states(watched):
        if state == "active":
            yield deed.grid, deed.returned, None if until is None else until - SLACK


# What must not be


def _lost_by_workers(journal: Journal, received: Counter[str], redis: Any) -> Iterator[tuple[str, int]]:
    """Jobs that we handed off to real workers, and that those did not run: they were killed with Redis, or RQ gave the
    run up."""
    for id, job in journal.one_offs.items():
        if job.queue != WORK or received[id] or not job.acknowledged or job.cancelling:
            continue
        status, at = redis.hmget(f"rq:job:{id}", "status", "enqueued_at")
        if at and status != b"scheduled" and redis.lpos(f"rq:queue:{WORK}", id) is None:
            yield id, _read(at.decode())


def _cancelled(journal: Journal, found: list[Arrival]) -> Iterator[str]:
    for arrival in found:
        job = journal.one_offs.get(arrival.id)
        # (A worker notes when it ran, which may be long after the hand-off.)
        if job is not None and job.cancelled_at is not None and job.queue != WORK and arrival.at > job.cancelled_at:
            yield f"{arrival.id}, {arrival.at - job.cancelled_at} us after it was cancelled"


def _forbidden(journal: Journal, found: list[Arrival]) -> Iterator[str]:
    quiet = {
        id: [(deed.returned, until) for state, deed, until in _states(watched) if state != "active"]
        for id, watched in journal.schedules.items()
        if watched.kind == "steered"
    }
    for arrival in found:
        run = _RUN.fullmatch(arrival.id)
        if run is None or run[3] is not None:
            continue
        for since, until in quiet.get(run[1], ()):
            if since < arrival.at and (until is None or arrival.at < until):
                yield f"{arrival.id}, {arrival.at - since} us after that was acknowledged"


def _unknown(journal: Journal, found: list[Arrival]) -> Iterator[str]:
    """What nobody asked for, and instants that no definition names."""
    unexplained_manual = Counter[str]()
    for id in {arrival.id for arrival in found}:
        if id in journal.one_offs or id in journal.recurring:
            continue
        run = _RUN.fullmatch(id)
        watched = journal.schedules.get(run[1]) if run else None
        if run is None or watched is None:
            yield id
            continue
        nominal = _us(datetime.strptime(run[2], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC))
        kind = run[3] or ""
        if kind.startswith("-m"):
            if id not in watched.manual:
                unexplained_manual[watched.id] += 1
        elif (kind == "-b" and nominal not in watched.backfilled) or not any(
            grid.names(nominal) for grid in watched.grids
        ):
            yield id
    for id, count in unexplained_manual.items():
        unanswered = len(journal.schedules[id].manual_unknown)
        if count > unanswered:
            yield f"{count} manual runs of {id}, of which {unanswered} had no reply"


def _unexplained(journal: Journal, received: Counter[str], redis: Any) -> Iterator[str]:
    """Schedules that may leave instants out have to say of each what became of it."""
    for id, watched in journal.schedules.items():
        if watched.kind != "counted":
            continue
        instants = list(watched.grids[0].instants())
        values = redis.hmget(f"rq:scheduler:schedule:{id}", "runs", "skipped", "missed")
        runs, skipped, missed = (int(value or 0) for value in values)
        if runs + skipped + missed != len(instants):
            yield (
                f"{id} ({watched.overlap}, {watched.catchup}): {runs} runs, {skipped} skipped, {missed} missed "
                f"of {len(instants)} instants"
            )
        here = {job_id for nominal in instants if received[job_id := run_id(id, nominal)]}
        gone = (
            _canceled(redis, [run_id(id, nominal) for nominal in instants]) if watched.overlap == "replace" else set()
        )
        if len(here | gone) != runs:
            yield f"{id} ({watched.overlap}): says {runs} runs; {len(here)} received, {len(gone)} canceled"


def ends_told(redis: Any) -> dict[str, int]:
    """How many runs have ended how, as dispatchers have counted them."""
    return dict(read_counters(redis.hgetall("rq:scheduler:counters")).ended)


def _counted(journal: Journal, redis: Any) -> Iterator[str]:
    """The counters of metrics know each push that the mover has taken, and those that made way in their queue, whatever
    died meanwhile. What real workers take is left out: one that is killed leaves no record, and RQ may run it again."""
    handed_off = read_counters(redis.hgetall("rq:scheduler:counters")).handed_off
    counted = sum(number for (_, queue), number in handed_off.items() if queue != WORK)
    taken, made_way = redis.llen(RECORD), len(_canceled(redis, _replaceable(journal)))
    if counted != taken + made_way:
        yield f"{counted} are counted; {taken} were taken, and {made_way} made way for the next: {dict(handed_off)}"


def _replaceable(journal: Journal) -> list[str]:
    replacing = [each for each in journal.schedules.values() if each.overlap == "replace"]
    return [run_id(each.id, nominal) for each in replacing for nominal in each.grids[0].instants()]


def _ends(journal: Journal, found: list[Arrival], redis: Any) -> Iterator[str]:
    """The mover ends what it takes as RQ does what has finished: that, and no other end, is told of each of them, but
    for runs that made way for the next while they were in their queue."""
    ends, going = ends_told(redis), len(followed(redis))
    if going:
        yield f"{going} runs whose end nobody has told"
    finished = sum(arrival.id not in journal.one_offs for arrival in found)
    if ends.get("finished", 0) != finished:
        yield f"{ends.get('finished', 0)} are told to have finished; {finished} have"
    others = {end: count for end, count in ends.items() if end not in ("finished", "canceled")}
    if others:
        yield f"ends that no run had: {others}"
    if ends.get("canceled", 0) != (canceled := len(_canceled(redis, _replaceable(journal)))):
        yield f"{ends.get('canceled', 0)} are told to have been canceled; {canceled} were"


def _canceled(redis: Any, job_ids: list[str]) -> set[str]:
    """Runs that were to make way for the next while they were in their queue."""
    pipe = redis.pipeline(transaction=False)
    for job_id in job_ids:
        pipe.hget(f"rq:job:{job_id}", "status")
    return {job_id for job_id, status in zip(job_ids, pipe.execute(), strict=True) if status == b"canceled"}


def _lateness(journal: Journal, found: list[Arrival], faults: list[Done]) -> list[int]:
    down = _merged((done.began, done.ended + SETTLING) for done in faults if done.fault.name in NOBODY_SERVES)
    begins = [began for began, _ in down]
    lateness = []
    for arrival in found:
        job, run = journal.one_offs.get(arrival.id), _RUN.fullmatch(arrival.id)
        if job is not None and job.acknowledged and job.is_punctual:
            due = max(job.due, job.asked)
        elif run is not None and run[3] is None and journal.schedules[run[1]].kind == "exact":
            due = _us(datetime.strptime(run[2], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC))
        else:
            continue
        before = bisect_right(begins, arrival.at) - 1
        if before < 0 or down[before][1] < due:
            lateness.append(arrival.at - due)
    return sorted(lateness)


def _merged(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for began, ended in sorted(stretches):
        if merged and began <= merged[-1][1]:
            began, ended = merged[-1][0], max(ended, merged.pop()[1])
        merged.append((began, ended))
    return merged


def percentile(values: list[int], share: float) -> float:
    """Milliseconds; of nothing, 0."""
    return values[min(len(values) - 1, int(len(values) * share))] / 1000 if values else 0.0


def shown(items: list[str]) -> list[str]:
    """The first of them, as lines."""
    more = [f"    and {len(items) - SHOWN} more"] if len(items) > SHOWN else []
    return [f"    {item}" for item in items[:SHOWN]] + more
