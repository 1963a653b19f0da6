"""Schedules in a pass: plan what is due, commit, and answer what the commit says.

Decides nothing about time (`planning`) and writes nothing itself (`store`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import takewhile
from time import monotonic
from typing import Any

import msgspec
from redis.exceptions import RedisError

from rq_scheduler.clock import US
from rq_scheduler.dispatcher.ahead import Ahead
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.flight import Flights
from rq_scheduler.dispatcher.previous_runs import looked_up, stop_run
from rq_scheduler.dispatcher.recurring import Served
from rq_scheduler.dispatcher.shared_plans import SharedPlans
from rq_scheduler.errors import SchedulerError
from rq_scheduler.jobs import JobCreator
from rq_scheduler.model import Spec, decode_spec
from rq_scheduler.planning import Plan, plan
from rq_scheduler.store import Store
from rq_scheduler.store.due import Armed, DuePage, Remembering
from rq_scheduler.store.firing import Commit, Committed, Mode, PackedFires, ScheduleFire, pack
from rq_scheduler.store.handoff import Cursor, Dropped, Fenced

FEWEST, FIRST, BATCH = 10, 100, 250
"""Schedules in one commit: fewer where it takes long, since each may have many runs to be looked at."""

BUDGET = 0.008
"""Seconds that a commit may take, as seen from here."""

PAGE = 500
"""Schedules in one read that fires nothing."""

IN_FLIGHT = 2
"""Commits on their way at once: Redis has the next one at hand when it is done with one."""

RUNS = 250
"""Runs in one commit: an outage leaves many instants of one schedule to catch up with."""

COPIES = 512 * 1024
"""Bytes of calls, which runs are copies of, in one commit; more of one schedule commit alone."""

PLANNING = 0.02
"""Seconds after which what is planned is committed: after an outage a plan may have to count 10,000 missed instants."""

CHECK = US
"""Microseconds after which the store looks at a remembered run again."""

KEPT = 10_000
"""Schedules whose commit was refused that are remembered."""

LOST = 10
"""When so many of a commit, and most of them, were served by others meanwhile, those are among the same plans."""

AGAIN = US // 20
"""Microseconds until the next look at a schedule whose commit was refused twice, though it reads as before."""

Landed = tuple[Sequence[ScheduleFire], tuple[int, list[Committed]] | Fenced]
"""Fires that were committed: with the server's time and what became of each, or with who holds the fence."""


class Schedules:
    """Serves schedules."""

    def __init__(self, store: Store, jobs: JobCreator, events: Events, flights: Flights, *, all_slow: bool) -> None:
        self._store = store
        self._jobs = jobs
        self._events = events
        self._flights = flights
        self._all_slow = all_slow
        self._ahead = Ahead(store.still_armed, anywhere=not flights.alone)
        self._shared = SharedPlans(lambda: not (flights.alone or all_slow or events.wants_each_job))
        self._stale: dict[str, Armed] = {}
        self._at_most = FIRST
        self._landed_at = monotonic()

    def look_ahead(self, coming: Sequence[Armed], now: int) -> None:
        """Makes the plans of schedules that will soon be due."""
        for armed in coming:
            if self._shared.serves(armed):
                self._ahead.spare(armed)
            elif not self._ahead.knows(armed) and (fire := self._prepare(armed, now)) is not None:
                self._ahead.add(fire)

    def read(
        self, cursor: Cursor | None, now: int, look_ahead: int, ahead: Cursor | None, most_ahead: int
    ) -> Callable[[], DuePage | Fenced]:
        """A look at the schedules that are due from `cursor` on, and at those that will be within `look_ahead`
        microseconds: it fires by what is known of them now."""
        plans = self._shared.given(now)
        options: dict[str, Any] = {"ahead": ahead, "ahead_limit": 0 if self._ahead.is_full(now) else most_ahead}
        if not plans:
            return lambda: self._store.read_due(cursor, PAGE, look_ahead, **options)

        def fire() -> DuePage | Fenced:
            began = monotonic()
            page = self._store.fire_due(plans, self._at_most, COPIES, cursor, PAGE, look_ahead, **options)
            if isinstance(page, DuePage):
                self._time(sum(each.runs for each in page.fired), began)
            return page

        return fire

    def serve_planned(self, now: int, until: float) -> Served:
        """Serves those due by `now` whose plans were made ahead, without reading them again: the commit compares."""
        served = Served()
        for batch, lost in self._commit_all(self._taken(now, served), served):
            if lost >= LOST and lost > len(batch) // 2:
                self._ahead.contend()
            served.unfinished = served.unfinished or monotonic() > until
        return served

    def _taken(self, now: int, served: Served) -> Iterator[ScheduleFire]:
        while not (served.fenced or served.unfinished) and (fire := self._ahead.next_due(now)) is not None:
            yield fire

    def serve(self, pages: Iterable[DuePage], until: float) -> Served:
        """Serves schedules that are due, the first of them in any case. What it does not get to by the monotonic
        instant `until` stays due."""
        served = Served()
        for _ in self._commit_all(self._planned(pages, until, served), served):
            pass
        return served

    def start_remembered(self, remembering: Sequence[Remembering]) -> Served:
        """Starts remembered runs whose predecessors have ended."""
        served = Served()
        fires = (ScheduleFire(each.id, None, Mode.REMEMBERED, size=each.size) for each in remembering)
        for _ in self._commit_all(takewhile(lambda _: not served.fenced, fires), served):
            pass
        return served

    def _planned(self, pages: Iterable[DuePage], until: float, served: Served) -> Iterator[ScheduleFire | None]:
        before: dict[str, Armed] = {}
        for page in pages:
            self.take_note(page, served)
            last, before = before, {armed.id: armed for armed in page.due}
            for armed, place in zip(page.due, page.places, strict=True):
                if last.get(armed.id) == armed:
                    continue  # two reads at once may find the same
                fire = self._ahead.take(armed) or self._prepare(armed, page.now)
                if fire is not None:
                    yield fire
                if served.fenced:
                    return
                if monotonic() > until and armed is not page.due[-1]:
                    served.cut_behind(place)
                    break
            yield None  # what comes before the next page may take its time, or fail

    def take_note(self, page: DuePage, served: Served) -> None:
        """Counts what Redis has fired by itself."""
        self._shared.saw(page)
        for each in page.fired:
            served.fired += each.runs
            served.queues.add(each.queue)
            if each.by.plan.next is not None:
                served.expect(each.by.plan.next.due)

    def _prepare(self, armed: Armed, now: int) -> ScheduleFire | None:
        try:
            planned = self._plan(armed, now)
        except (msgspec.DecodeError, SchedulerError, OverflowError) as error:
            if armed.due <= now:
                self._put_aside(armed, f"it cannot be planned: {error}")
            return None
        except Exception as error:  # noqa: BLE001  what befalls this host (memory, files) is not the schedule's fault
            if armed.due <= now:
                self._events.put_off(armed.id, error)
            return None
        if planned is None:
            self._events.unreadable_spec(armed.id)
            return None
        spec, made = planned
        if self._stale.get(armed.id) == armed:
            made = made.lasting(max(now, armed.due))
        return ScheduleFire(armed.id, spec, Mode.DUE, armed, made, size=armed.size)

    def _plan(self, armed: Armed, now: int) -> tuple[Spec, Plan] | None:
        """The plan of a schedule; None for a spec that a newer version wrote."""
        at_most = max(1, min(RUNS, COPIES // max(armed.size, 1)))
        shared = self._shared.of(armed, at_most, max(now, armed.due))
        if shared is not None:
            return shared
        spec = decode_spec(armed.spec)
        if spec is None:
            return None
        made = plan(armed.id, spec, armed.nominal, now, due=armed.due, updated=armed.updated, at_most=at_most)
        self._shared.keep(armed, at_most, spec, made)
        return spec, made

    def _batches(self, fires: Iterable[ScheduleFire | None]) -> Iterator[list[ScheduleFire]]:
        """Fires in commits that are small enough for Redis, and do not wait for the planning of too many others. None
        ends a commit."""
        batch: list[ScheduleFire] = []
        began, runs, copies = monotonic(), 0, 0
        for fire in fires:
            if fire is None:
                if batch:
                    yield batch
                batch, began, runs, copies = [], monotonic(), 0, 0
                continue
            more = len(fire.plan.fires) if fire.plan else 1
            size = more * fire.size
            full = len(batch) >= self._at_most or runs + more > RUNS or copies + size > COPIES
            if batch and (full or monotonic() - began > PLANNING):
                yield batch
                batch, began, runs, copies = [], monotonic(), 0, 0
            batch.append(fire)
            runs += more
            copies += size
        if batch:
            yield batch

    def _time(self, fires: int, began: float) -> None:
        """Adapts to how long so many took, that were sent at the monotonic instant `began`."""
        began, self._landed_at = max(began, self._landed_at), monotonic()
        if fires >= self._at_most // 2:
            wanted = fires * BUDGET / max(self._landed_at - began, 0.0005)
            self._at_most = int(max(FEWEST, min(BATCH, wanted, self._at_most * 1.5)))

    def _put_aside(self, armed: Armed, reason: str) -> None:
        if self._store.put_aside(armed, reason):
            self._events.dropped(Dropped(armed.id, armed.due, reason))

    # Committing

    def _commit_all(
        self, fires: Iterable[ScheduleFire | None], served: Served
    ) -> Iterator[tuple[Sequence[ScheduleFire], int]]:
        """Commits in batches, and tells what came of each: gives those, and how many of each were refused. While Redis
        works on some, others are made and told."""
        flights: deque[Callable[[], Landed]] = deque()
        try:
            for batch in self._batches(fires):
                commit = partial(self._commit, pack(batch))
                if len(flights) == IN_FLIGHT:
                    yield self._take_in(flights.popleft()(), served)
                flights.append(self._flights.launch(commit, aside=len(batch) > self._at_most // 2))
            while flights:
                yield self._take_in(flights.popleft()(), served)
        except Exception as error:
            self._flights.heed(error)
            for flight in flights:
                with suppress(RedisError, OSError):
                    self._take_in(flight(), served)
            raise

    def _commit(self, packed: PackedFires) -> Landed:
        began = monotonic()
        answer = self._store.fire_schedules(packed, all_slow=self._all_slow, tell=self._events.wants_each_job)
        self._time(len(packed.fires), began)
        return packed.fires, answer

    def _take_in(self, landed: Landed, served: Served) -> tuple[Sequence[ScheduleFire], int]:
        """Tells what came of a commit. Returns its fires, and how many were refused."""
        fires, answer = landed
        if isinstance(answer, Fenced):
            served.fenced = answer
            return fires, 0
        now, commits = answer
        if len(self._stale) > KEPT:
            self._stale.clear()
        unsure: list[ScheduleFire] = []
        refused = 0
        for fire, committed in zip(fires, commits, strict=True):
            if committed.outcome is Commit.VERIFY:
                unsure.append(looked_up(self._store, fire, committed))
                continue
            self._tell(fire, committed, now)
            if committed.through_rq:
                served.through_rq = served.through_rq or committed.runs > 0
            elif committed.runs:
                served.fired += committed.runs
                served.queues.add(committed.queue)
            before = self._stale.pop(fire.id, None) if self._stale else None
            if committed.outcome is Commit.DONE:
                if fire.plan is not None and fire.plan.next is not None:
                    served.expect(fire.plan.next.due)
            elif committed.outcome is Commit.STALE and fire.armed is not None:
                refused += 1
                self._stale[fire.id] = fire.armed
                if before == fire.armed:
                    served.expect(now + AGAIN)
                else:
                    served.stale = True
            elif committed.outcome is Commit.EARLY and fire.armed is not None:
                served.expect(fire.armed.due)
            if committed.outcome is Commit.WAITING or committed.remembered:
                served.expect(now + CHECK)
        # Last, since Redis may be lost meanwhile: what was committed is told by then.
        for committed in commits:
            for job_id in committed.to_stop:
                stop_run(self._store, self._jobs, self._events, job_id)
        if unsure:
            self._take_in(self._commit(pack(unsure)), served)
        return fires, refused

    def _tell(self, fire: ScheduleFire, committed: Committed, now: int) -> None:
        if committed.made and not committed.through_rq:
            self._events.handed_off(committed.made, now)
        if committed.runs and fire.id in self._events.held_up and not (committed.skipped or committed.remembered):
            self._events.runs_again(fire.id)
        for nominal in committed.skipped:
            self._events.not_run(fire.id, nominal, "skipped")
        for nominal in committed.remembered:
            self._events.not_run(fire.id, nominal, "buffered")
        if committed.outcome is Commit.PAUSED:
            self._events.paused(fire.id, committed.detail)
        elif committed.outcome is Commit.BROKEN:
            self._events.dropped(Dropped(fire.id, now, committed.detail))
        elif committed.outcome is Commit.DONE and fire.plan is not None and fire.plan.missed is not None:
            self._events.missed(fire.id, fire.plan.missed)
