"""Hand-offs in which RQ's own code enqueues, and our removal or re-arming joins its transaction.

For what a script cannot decide: dependencies, rate limits, custom queue classes, jobs that an application hands
off itself. The job is watched, the index checked again, and RQ's writes and ours commit or fail as one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ConnectionError, ResponseError, TimeoutError, WatchError  # noqa: A004  redis-py's
from rq.job import Job
from rq.queue import Queue

from rq_scheduler.model import KEPT_RUNS
from rq_scheduler.planning import Instant
from rq_scheduler.store import rq_format
from rq_scheduler.store.base import (
    Operations,
    armed_text,
    fence_arguments,
    is_misfit,
    is_ok,
    score_of,
    text,
    us_of,
    wire,
)
from rq_scheduler.store.command import Command, Commands, call
from rq_scheduler.store.counters import count_hand_off, kind_of_hand_off
from rq_scheduler.store.handoff import dropped_of, fenced, rows
from rq_scheduler.store.history import enqueued_line
from rq_scheduler.store.keys import FENCE_HOLDER
from rq_scheduler.store.operation import operation
from rq_scheduler.store.outcomes import Dropped, Fenced

FIRST_LOOK = 1_000_000
"""When a run is looked at first, after its hand-off (us)."""

ATTEMPTS = 10
"""How often a caller's own hand-off is tried when others keep changing the job meanwhile."""


@dataclass(frozen=True, slots=True)
class TakenRun:
    """A run that RQ has to enqueue: when it began to wait for that, and until when nobody else is given it (us)."""

    id: str
    since: int
    until: int
    queue: str


@dataclass(frozen=True, slots=True)
class RunsViaRQ:
    """What `take_via_rq` gave. `next_due` is when the first of the others may be taken, `more` whether that is now;
    `dropped` are those that were canceled, or that nothing can enqueue."""

    now: int
    next_due: int | None
    more: bool
    taken: list[TakenRun]
    dropped: list[Dropped]


class ViaRQCommands(Commands):
    """Operations on the runs that wait for RQ's own code to enqueue them."""

    @operation
    def take_via_rq(self, most: int) -> Command[RunsViaRQ | Fenced]:
        """Takes the runs that have waited longest: for two seconds nobody else is given them."""
        return self._script("take_via_rq", self.keys.via_rq, *fence_arguments(self.keys), most, read=_taken)

    @operation
    def give_back_via_rq(self, ids: Sequence[str]) -> Command[bool]:
        """Has others take these runs at once."""
        return self._script("give_back", self.keys.via_rq, *map(wire, ids), read=is_ok)

    @operation
    def remove_via_rq(self, id: str) -> Command[int]:
        """Takes out a run that has been enqueued."""
        return call("ZREM", self.keys.via_rq, id, read=int)


def _taken(reply: Sequence[Any]) -> RunsViaRQ | Fenced:
    if reply[0] == b"fenced":
        return fenced(reply)
    _, now, next_due, more, taken, dropped = reply
    return RunsViaRQ(
        int(now),
        us_of(next_due) if next_due else None,
        more == b"1",
        [TakenRun(text(id), us_of(since), us_of(until), text(queue)) for id, since, until, queue in rows(taken, 4)],
        dropped_of(dropped),
    )


class ViaRQOperations(Operations):
    """Operations that go through RQ's own enqueueing."""

    def hand_off_via_rq(
        self,
        job: Job,
        queue: Queue,
        *,
        next_due: int | None = None,
        expected_due: int | None = None,
        index: str | None = None,
        meta: bytes | None = None,
        as_read: Mapping[bytes, bytes] | None = None,
        behind_fence: bool = False,
        attempts: int = ATTEMPTS,
    ) -> int | None:
        """Enqueues the job as RQ does, and takes it out of the index or, with `next_due`, arms it anew, as one
        transaction.

        With `expected_due` (both in microseconds), only if the entry is still due then; without, in any case. `meta` is
        written as it is, for a job whose meta cannot be read here. `as_read`: only if the job's hash is still that one,
        since RQ writes all of it. `behind_fence`: only while our dispatchers hold the fence.

        Returns the server's time (microseconds), or None when the entry has moved on or the fence is not ours. Raises
        WatchError when others have changed the job at every attempt, and redis-py's error when the network ended before
        the reply to a transaction of which nothing tells whether it was done: without `expected_due`.

        A queue that takes no pipeline, or runs jobs itself (`is_async=False`), enqueues before our own writes: at least
        once. A dispatcher takes a lease first.
        """
        attempt = _Attempt(
            self,
            job,
            queue,
            index or self.keys.scheduled_jobs,
            next_due,
            expected_due,
            meta,
            as_read,
            behind_fence,
        )
        status = job.get_status(refresh=False)
        unsure = False
        while True:
            attempts -= 1
            try:
                at = attempt.run()
            except WatchError as error:
                rq_format.restore_status(job, status)
                if attempts <= 0:
                    raise
                # So redis-py tells a lost connection, too, and EXEC may have been done.
                if attempt.sent and isinstance(error.__context__, ConnectionError | TimeoutError):
                    if expected_due is None:
                        raise error.__context__ from error
                    unsure = True
            else:
                # The entry has left this due time: by that EXEC, or by somebody else's hand-off at that very moment.
                return self.server_time() if unsure and at is None else at

    def cancel_run(self, job: Job, keep_for: int) -> bool:
        """Cancels a job as RQ does, and keeps it for `keep_for` seconds (0: not at all). RQ would keep it for ever,
        with its id in a registry that nobody ever cleans.

        False when that is not known to be done, and its status has to be looked at anew: a worker takes it at this
        moment, or the network ended.
        """
        try:
            with self.connection.pipeline(transaction=True) as pipe:
                if rq_format.has_rate_limit(job):
                    job.cancel()
                else:
                    pipe.watch(job.key)
                    if text(pipe.hget(job.key, "status") or b"") != job.get_status(refresh=False):
                        return False
                    pipe.multi()
                    rq_format.tell_transaction(pipe)
                    job.cancel(pipeline=pipe)
                rq_format.let_expire(pipe, self.keys.prefix, job, keep_for)
                pipe.execute()
        except WatchError:  # so redis-py tells a lost connection, too
            return False
        return True


@dataclass(slots=True)
class _Attempt:
    """One try: watch, check, write."""

    store: Operations
    job: Job
    queue: Queue
    index: str
    next_due: int | None
    expected_due: int | None
    meta: bytes | None
    as_read: Mapping[bytes, bytes] | None
    behind_fence: bool
    sent: bool = False

    def run(self) -> int | None:
        keys, job = self.store.keys, self.job
        self.sent = False
        with self.store.connection.pipeline(transaction=True) as pipe:
            pipe.watch(job.key, keys.schedule(job.id), *([keys.fence] if self.behind_fence else []))
            if self.behind_fence and keys.fenced and pipe.get(keys.fence) != FENCE_HOLDER.encode():
                return None
            score = pipe.zscore(self.index, wire(job.id))
            if self.expected_due is not None and (score is None or us_of(score) != self.expected_due):
                return None
            if self.as_read is not None and pipe.hgetall(job.key) != self.as_read:
                raise WatchError
            rev, retries, repeat = self._record(pipe)
            listed = rev is not None and self._is_listed(pipe)
            now = self.store.server_time()
            # A plan that counted with the old number of runs left must not commit.
            new_rev = self.store.connection.incr(keys.revisions) if repeat else None
            dead = None
            if self.next_due is not None or rev is not None:
                rq_format.start_afresh(job, int(retries) if retries else None)
                dead = rq_format.dead_executions(pipe, keys.prefix, job, now / 1_000_000)
            if self.next_due is None and rev is not None:
                rq_format.limit_last_run(job)
            self._enqueue(pipe, dead)
            if self.meta is not None:
                pipe.hset(job.key, "meta", self.meta)
            pipe.zrem(keys.claims, wire(job.id))
            if rev is not None:
                # All runs of a series have one job id: nothing comes behind the moment of this one.
                pipe.zadd(keys.open_runs, {b"%b %d " % (wire(job.id), now): score_of(now + FIRST_LOOK)})
            if self.next_due is None:
                self._remove(pipe, recorded=rev is not None)
            else:
                due = now if score is None else us_of(score)
                self._rearm(pipe, self.next_due, due, now, recorded=rev is not None)
                if listed:
                    pipe.zadd(keys.schedules_of("jobs"), {wire(job.id): score_of(self.next_due)})
                if new_rev is not None:
                    pipe.hincrby(keys.schedule(job.id), "repeat", -1)
                    pipe.hset(keys.schedule(job.id), "rev", new_rev)
            kind = kind_of_hand_off(keys, self.index, job.id, recorded=rev is not None)
            self.store.add_script(pipe, count_hand_off(keys, kind, self.queue.name))
            self.sent = True
            pipe.execute()
            return now

    def _record(self, pipe: Any) -> tuple[bytes | None, ...]:
        """Rev, retries and runs left of the job's record, where it has one that this hand-off is to change: not that of
        a run in `via_rq` (its series has gone on), or in a registry of RQ's. What `put` wrote is none (0.14's clients
        ask nobody whether an id is free), nor is what is no hash."""
        if self.index != self.store.keys.scheduled_jobs:
            return None, None, None
        try:
            kind, *known = pipe.hmget(self.store.keys.schedule(self.job.id), "kind", "rev", "retries", "repeat")
        except ResponseError as error:
            if not is_misfit(error):
                raise
            return None, None, None
        return (None, None, None) if kind == b"schedule" else tuple(known)

    def _is_listed(self, pipe: Any) -> bool:
        """Whether it is among the recurring jobs that people are shown: no run depends on that list."""
        try:
            return pipe.zscore(self.store.keys.schedules_of("jobs"), wire(self.job.id)) is not None
        except ResponseError as error:
            if not is_misfit(error):
                raise
            return False

    def _enqueue(self, pipe: Any, dead: list[bytes] | None) -> None:
        """RQ's writes; afterwards `pipe` is in its transaction. `dead`: a re-used id, and its dead executions."""
        job, queue, prefix = self.job, self.queue, self.store.keys.prefix
        if not rq_format.joins_transaction(queue):
            if dead is not None:
                rq_format.remove_last_run(self.store.connection, prefix, job, dead)
            queue.enqueue_job(job, at_front=rq_format.wants_front(job))
            pipe.unwatch()
            pipe.multi()
            return
        rq_format.tell_transaction(pipe)
        if rq_format.has_rate_limit(job):
            rq_format.enqueue_rate_limited(queue, job, pipe)
        else:
            queue.enqueue_job(job, pipeline=pipe, at_front=rq_format.wants_front(job))
        if dead is not None:
            rq_format.remove_last_run(pipe, prefix, job, dead)

    def _remove(self, pipe: Any, *, recorded: bool) -> None:
        keys, id = self.store.keys, wire(self.job.id)
        pipe.zrem(self.index, id)
        if self.index != keys.via_rq:
            pipe.zrem(keys.via_rq, id)
        if recorded:
            pipe.zrem(keys.scheduled_jobs, id)
            pipe.expire(rq_format.results_key(keys.prefix, self.job.id), rq_format.DEFAULT_FAILURE_TTL)
            pipe.delete(keys.schedule(self.job.id), keys.history(self.job.id))
            lists = (keys.schedules, keys.schedules_of("jobs"), keys.schedules_of("queue", self.job.origin))
            for key in (*lists, keys.buffered, keys.to_plan, keys.unplanned):
                pipe.zrem(key, id)

    def _rearm(self, pipe: Any, next_due: int, due: int, now: int, *, recorded: bool) -> None:
        keys, id = self.store.keys, self.job.id
        pipe.zadd(self.index, {wire(id): score_of(next_due)})
        if not recorded:
            return
        record: dict[str, Any] = {"mark": due, "last_run_at": now, "skips_in_a_row": 0}
        record["armed"] = armed_text(Instant(next_due, next_due))
        # The record keeps the meta it was made from: the job's is seen to be another, and adopted. Should the job
        # expire before that, its copy has this one.
        record["last_meta"] = self.meta or rq_format.stored_meta(self.job)
        pipe.hset(keys.schedule(id), mapping=record)
        pipe.hincrby(keys.schedule(id), "runs", 1)
        pipe.lpush(keys.history(id), enqueued_line(id, due, due, now))
        pipe.ltrim(keys.history(id), 0, KEPT_RUNS - 1)
