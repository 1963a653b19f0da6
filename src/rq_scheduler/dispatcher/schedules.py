"""Schedules in a pass: has Redis fire what is due by the plans in the records, writes those that are wanted, and tells
what came of it.

Decides nothing about time (`planning`) and writes nothing itself (`store`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

from msgspec.structs import replace
from redis.exceptions import ResponseError

from rq_scheduler.clock import US
from rq_scheduler.dispatcher.batch_size import BatchSize
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.planner import Planner
from rq_scheduler.dispatcher.previous_runs import look_for, stop_run
from rq_scheduler.dispatcher.recurring import Recurring
from rq_scheduler.dispatcher.served import Served
from rq_scheduler.jobs import JobCreator
from rq_scheduler.store import Store
from rq_scheduler.store.base import armed_text, is_misfit
from rq_scheduler.store.fires import FirePage, PlanWrite
from rq_scheduler.store.outcomes import Answer, Cursor, Dropped, Fenced, Fires, Outcome

MAX_LOOKS = 500
"""Schedules that one script looks at."""

MIN_RUNS, FIRST_RUNS, MAX_RUNS = 10, 100, 250
"""Runs that one script makes: fewer where it takes long, since each schedule may have many runs to be looked at."""

MAX_COPIES = 512 * 1024
"""Bytes of calls, which runs are copies of, in one script; a larger one runs alone."""

PLANNING = 0.01
"""Seconds of planning between two scripts that fire: a plan may have to count 10,000 missed instants."""

LASTING = US
"""Microseconds for which a plan is good that is written for what is late. Where another instant comes before each
write, none would ever run."""

AGAIN = US // 20
"""Microseconds until the next look at what a plan that was just written did not serve."""


class Schedules:
    """Serves schedules."""

    def __init__(
        self,
        store: Store,
        jobs: JobCreator,
        events: Events,
        stopping: Callable[[], bool],
        recurring: Recurring,
        *,
        all_via_rq: bool,
        by_hook: bool,
        name: str,
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._events = events
        self._stopping = stopping
        self._all_via_rq = all_via_rq
        self._name = name
        self._planner = Planner(store, events, recurring, by_hook=by_hook)
        self._cursor: Cursor | None = None
        self._size = BatchSize(MIN_RUNS, FIRST_RUNS, MAX_RUNS)

    @property
    def has_taken(self) -> bool:
        """Whether it has taken some to be planned, which nobody else is given meanwhile."""
        return not self._planner.is_done

    def serve(self, until: float) -> Served:
        """Serves what is due, from where it stopped the last time, and plans what will be. What it does not get to by
        the monotonic instant `until`, or for planning, is `unfinished`."""
        served = Served()
        while not self._stopping():
            began = monotonic()
            try:
                page = self._fire()
            except ResponseError as error:
                if not is_misfit(error):
                    raise
                served.misfit = error
                self._planner.expect(more=True)  # recurring jobs of the 0.14 API, which are in another index
                self._plan(served)
                break
            if isinstance(page, Fenced):
                self._cursor, served.fenced = None, page
                break
            self._size.adapt(sum(page.fires.queues.values()), monotonic() - began)
            served.saw(page.fires.now, page.next_due)
            self.take_in(page.fires, served)
            self._cursor = page.cursor
            if page.unplanned_at is not None and page.unplanned_at > page.fires.now:
                served.expect(page.unplanned_at)
            # A plan that is to be continued may still have all that is due: that is fired first.
            wanted = (page.unplanned_at, page.to_plan_at if page.cursor is None else None)
            self._planner.expect(more=any(at is not None and at <= page.fires.now for at in wanted))
            self._plan(served)
            if served.fenced or (self._cursor is None and self._planner.is_done):
                break
            if not self._planner.is_done or monotonic() > until:
                served.unfinished = True
                break
        served.misfit, self._planner.misfit = served.misfit or self._planner.misfit, None
        return served

    def _fire(self) -> FirePage | Fenced:
        return self._store.fire(
            self._cursor,
            looks=MAX_LOOKS,
            runs=self._size.now,
            copies=MAX_COPIES,
            all_via_rq=self._all_via_rq,
            tell=self._events.wants_each_job,
            dispatcher=self._name,
        )

    def give_back(self) -> None:
        """Leaves to others what was taken and not served."""
        self._planner.give_back()

    def start_buffered(self) -> Served:
        """Starts buffered runs whose predecessors have ended."""
        served = Served()
        self._start_buffered(served)
        return served

    def _start_buffered(self, served: Served, found: tuple[str, str] = ("", "")) -> None:
        answer = self._store.start_buffered(
            MAX_LOOKS,
            MAX_COPIES,
            found=found,
            all_via_rq=self._all_via_rq,
            tell=self._events.wants_each_job,
            dispatcher=self._name,
        )
        if isinstance(answer, Fenced):
            served.fenced = answer
            return
        fires, next_look = answer
        self.take_in(fires, served)
        if next_look is not None and next_look > fires.now:
            served.expect(next_look)
        elif next_look is not None and (fires.answers or fires.queues):
            served.unfinished = True  # there may be more
        for each in fires.answers:
            if each.outcome is Outcome.CHECK and not found[0] and not served.fenced:
                self._start_buffered(served, (each.id, look_for(self._store, each.detail)))

    # Planning

    def _plan(self, served: Served) -> None:
        until = monotonic() + PLANNING
        while not self._planner.is_done and not self._stopping():
            writes, now = self._planner.next_writes(until)
            if writes:
                self._write(writes, now + LASTING, served)
            if served.fenced or monotonic() > until:
                return

    def _write(self, writes: Sequence[PlanWrite], lasting: int, served: Served) -> None:
        """Writes these, by as many scripts as that takes."""
        while writes:
            answer = self._store.write_plans(
                writes,
                lasting,
                all_via_rq=self._all_via_rq,
                tell=self._events.wants_each_job,
                dispatcher=self._name,
            )
            if isinstance(answer, Fenced):
                served.fenced = answer
                return
            fires, written = answer
            if fires.more_is_due:
                self._planner.expect(more=True)
            for write, is_written in zip(writes, written, strict=False):
                if is_written and write.coming.missed is not None:
                    self._events.missed(write.of.id, write.coming.missed)
                served.expect(next((each.due for each in write.coming.instants if each.due > fires.now), None))
            self.take_in(fires, served)
            by_id = {write.of.id: write for write in writes}
            checked = [
                _once_more(by_id[each.id], look_for(self._store, each.detail))
                for each in fires.answers
                if each.outcome is Outcome.CHECK and not by_id[each.id].found
            ]
            # A change of the schedule overtakes its plan, or its next instant does.
            if fires.left and not checked:
                served.again_at = fires.now + AGAIN
            elif not all(written):
                served.again_at = served.again_at or fires.now
            writes = [*checked, *writes[len(written) :]]

    # Telling

    def take_in(self, fires: Fires, served: Served) -> None:
        """Tells what was fired, and counts it; sees to what is left."""
        if fires.handed_off:
            self._events.handed_off(fires.handed_off, fires.now)
        if fires.late:
            self._events.were_late(fires.late)
        for queue, runs in fires.queues.items():
            served.fired += runs
            served.queues.add(queue)
        served.unfinished = served.unfinished or fires.more_is_due
        if fires.left:
            served.expect(fires.now + AGAIN)
        for each in fires.answers:
            self._tell(each, fires.now)
            if each.via_rq:
                served.via_rq = served.via_rq or bool(each.made)
            elif each.made:
                served.fired += len(each.made)
                served.queues.add(each.queue)
            if each.outcome is Outcome.WAITING or each.buffered or each.to_stop:
                served.expect(fires.now + US)
        # Last, since Redis may be lost meanwhile: what was fired is told by then.
        for each in fires.answers:
            for job_id in each.to_stop:
                stop_run(self._store, self._jobs, self._events, job_id)

    def _tell(self, each: Answer, now: int) -> None:
        if each.made and not each.via_rq:
            self._events.handed_off(each.made, now)
        if each.made and each.id in self._events.held_up and not (each.skipped or each.buffered):
            self._events.runs_again(each.id)
        for nominal in each.skipped:
            self._events.not_run(each.id, nominal, "skipped")
        for nominal in each.buffered:
            self._events.not_run(each.id, nominal, "buffered")
        if each.outcome is Outcome.PAUSED:
            self._events.paused(each.id, each.detail)
        elif each.outcome is Outcome.BROKEN:
            self._events.dropped(Dropped(each.id, now, each.detail))
        elif each.outcome is Outcome.ENDED:
            self._events.ended(each.id)


def _once_more(write: PlanWrite, found: str) -> PlanWrite:
    """The same plan for what it has made of the schedule, with what the queues say of earlier runs."""
    first = write.coming.instants[0]
    of = replace(write.of, armed=armed_text(first), nominal=first.nominal, due=first.due)
    return replace(write, of=of, coming=replace(write.coming, missed=None), found=found)
