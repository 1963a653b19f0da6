"""Applications that write all the time, and note what was acknowledged to them.

A call that raised an error of Redis may have been done or not. What has to be known for certain (how a schedule is
defined, whether it is paused) is asked for again until it is acknowledged, as a deployment would.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import redis as redis_py
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry
from rq import Queue

from faults.chaos.journal import US, Deed, Grid, Journal, OneOff, Watched
from rq_scheduler import Every, Scheduler
from rq_scheduler.clock import from_us
from rq_scheduler.errors import NotScheduled

QUEUES = ("one", "two", "three")
WORK, EXACT, SLOW, RECURRING = "work", "exact", "slow", "recurring"
NOTHING, NOTE = "jobs_for_tests.nothing", "faults.chaos.consumers.note"

REFUSALS = ("OOM", "MISCONF", "BUSY", "command not allowed when used memory", "stop-writes-on-bgsave-error")


def now() -> int:
    """This host's clock, which is Redis's too."""
    return time.time_ns() // 1000


@dataclass(frozen=True)
class Load:
    """What the clients do: so many one-offs within so many seconds; at `end` (us) the last schedule is over."""

    seconds: float
    one_offs: int
    end: int
    noted: Path
    """Where real workers note what they ran."""


class Client(threading.Thread):
    """One application. It alone changes the schedules that it steers; `contested` ones are changed by all."""

    def __init__(
        self,
        number: int,
        url: str,
        seed: int,
        load: Load,
        steered: list[Watched],
        exact: list[Watched],
        contested: list[Watched],
        *,
        retries: bool,
    ) -> None:
        super().__init__(name=f"client {number}", daemon=True)
        self.journal = Journal()
        self._number = number
        self._dice = random.Random(f"{seed} client {number}")
        self._retries = retries
        # With retries, redis-py sends a command again whose reply was lost: at once, or after some time.
        retry = Retry(ExponentialBackoff(cap=0.5, base=0.02), 5) if retries else Retry(NoBackoff(), 0)
        self._redis = redis_py.Redis.from_url(url, socket_timeout=10, retry=retry)
        # RQ's own enqueue_at makes a second job of one that is sent again, when the first has been handed off.
        self._once = redis_py.Redis.from_url(url, socket_timeout=10, retry=Retry(NoBackoff(), 0))
        self._scheduler = Scheduler(connection=self._redis)
        self._load = load
        self._steered, self._exact, self._contested = steered, exact, contested
        self._made = self._born = 0
        self._recent: deque[str] = deque(maxlen=300)
        self._backfills: list[tuple[Watched, int, int]] = []
        self._ended = threading.Event()
        self._began = time.monotonic()

    def end(self) -> None:
        """No more calls but those whose outcome has to be known."""
        self._ended.set()

    def run(self) -> None:
        self._began = time.monotonic()
        kinds: list[tuple[int, Callable[[], None]]] = [
            (30, self._enqueue_at), (20, self._enqueue_in), (3, self._enqueue_many), (4, self._enqueue_through_rq),
            (10, self._cancel), (10, self._change_time), (8, self._steer), (5, self._contest),
            (4, self._put_again), (4, self._run_now), (3, self._backfill), (1, self._new_schedule),
        ]  # fmt: skip
        weights = [weight for weight, _ in kinds]
        acts = [act for _, act in kinds]
        while not self._ended.is_set():
            try:
                if self._made < self._load.one_offs * (time.monotonic() - self._began) / self._load.seconds:
                    self._dice.choices(acts[:4], weights[:4])[0]()
                elif self._dice.random() < 0.3:
                    self._dice.choices(acts[4:], weights[4:])[0]()
            except Exception as error:  # noqa: BLE001  an error that no fault explains
                self.journal.errors.append(f"{self.name}: {type(error).__name__}: {error}")
            self._ended.wait(self._dice.uniform(0, 0.05))
        for watched, since, until in self._backfills:
            self._backfill_until_told(watched, since, until)
        self._redis.close()
        self._once.close()

    # Calls

    def _call(self, act: Callable[[], Any]) -> tuple[str, Any]:
        """ "ok" and the answer; "refused" when Redis said no to a single step; "unknown"."""
        self.journal.calls += 1
        try:
            return "ok", act()
        except (redis_py.RedisError, OSError) as error:
            self._ended.wait(self._dice.uniform(0.02, 0.2))
            # With redis-py's own retries, an earlier try may have been done.
            if isinstance(error, redis_py.ResponseError):
                if not any(word in str(error) for word in REFUSALS):
                    raise
                if not self._retries:
                    self.journal.refused += 1
                    return "refused", None
            self.journal.unknown += 1
            return "unknown", None

    def _insist(self, act: Callable[[], Any]) -> tuple[int, int, Any]:
        """From when until when it may have been done, and the answer."""
        called = now()
        while True:
            outcome, answer = self._call(act)
            if outcome == "ok":
                return called, now(), answer
            time.sleep(0.02)

    # One-offs

    def _new_id(self) -> str:
        self._made += 1
        return f"o{self._number}-{self._made}"

    def _expect(self, id: str, due: int, queue: str) -> OneOff:
        one_off = self.journal.one_offs[id] = OneOff(due, queue, asked=now(), is_punctual=queue != WORK)
        self._recent.append(id)
        return one_off

    def _settle(self, one_offs: list[OneOff], outcome: str) -> None:
        for one_off in one_offs:
            one_off.acknowledged, one_off.refused = outcome == "ok", outcome == "refused"

    def _delay(self) -> int:
        """Microseconds until it is due: mostly a few seconds, sometimes at once or already past."""
        return int(self._dice.choice((self._dice.uniform(0, 8), self._dice.uniform(0, 2), 0, -3)) * US)

    def _options(self) -> tuple[str, str, tuple[Any, ...], dict[str, Any]]:
        """Queue, function, arguments and options: of real workers, of RQ's own code, at the front, with a ttl."""
        queue = self._dice.choice(QUEUES)
        match self._dice.randrange(40):
            case 0:
                return WORK, NOTE, (str(self._load.noted),), {}
            case 1 | 2:
                return queue, NOTHING, (), {"meta": {"queue_class_name": "queues_for_tests.Noting"}}
            case 3:
                return queue, NOTHING, (), {"at_front": True}
            case 4:
                return queue, NOTHING, (), {"job_ttl": 3600}
            case _:
                return queue, NOTHING, (), {}

    def _enqueue_at(self) -> None:
        queue, func, args, options = self._options()
        id, due = self._new_id(), now() + self._delay()
        one_off = self._expect(id, due, queue)
        call = partial(self._scheduler.enqueue_at, from_us(due), func, *args, job_id=id, queue_name=queue, **options)
        self._settle([one_off], self._call(call)[0])

    def _enqueue_in(self) -> None:
        queue, func, args, options = self._options()
        id, delay = self._new_id(), self._delay()
        one_off = self._expect(id, now() + delay, queue)
        wait = timedelta(microseconds=delay)
        call = partial(self._scheduler.enqueue_in, wait, func, *args, job_id=id, queue_name=queue, **options)
        self._settle([one_off], self._call(call)[0])

    def _enqueue_many(self) -> None:
        number = self._dice.choice((1, 5, 20, 60, 260))
        number = min(number, max(1, self._load.one_offs // 40))
        queue, items, one_offs = self._dice.choice(QUEUES), [], []
        for _ in range(number):
            id, due = self._new_id(), now() + self._delay()
            one_offs.append(self._expect(id, due, queue))
            items.append((from_us(due), Queue.prepare_data(NOTHING, job_id=id)))
        outcome, _ = self._call(lambda: self._scheduler.enqueue_many(items, queue_name=queue))
        # Of several chunks, the first may be saved.
        self._settle(one_offs, outcome if outcome == "ok" or number <= 250 else "unknown")

    def _enqueue_through_rq(self) -> None:
        """RQ's own scheduled jobs, which count in whole seconds."""
        id, due = self._new_id(), now() + self._delay()
        queue = Queue(self._dice.choice(QUEUES), connection=self._once)
        one_off = self._expect(id, due // US * US, queue.name)
        one_off.is_punctual = False
        self._recent.pop()  # no entry of ours
        # RQ writes in several steps.
        outcome, _ = self._call(lambda: queue.enqueue_at(from_us(due), NOTHING, job_id=id))
        self._settle([one_off], "ok" if outcome == "ok" else "unknown")

    def _one_of_the_recent(self) -> tuple[str, OneOff] | None:
        if not self._recent:
            return None
        id = self._dice.choice(self._recent)
        self._recent.remove(id)
        return id, self.journal.one_offs[id]

    def _cancel(self) -> None:
        if found := self._one_of_the_recent():
            id, one_off = found
            one_off.cancelling = True
            if self._call(lambda: self._scheduler.cancel(id, delete_job=self._dice.random() < 0.3))[0] == "ok":
                one_off.cancelled_at = now()

    def _change_time(self) -> None:
        if found := self._one_of_the_recent():
            id, one_off = found
            due = now() + abs(self._delay())
            try:
                outcome, _ = self._call(lambda: self._scheduler.change_execution_time(id, from_us(due)))
            except NotScheduled:
                outcome = "too late"
            # An acknowledged one counts from now on; of all others, the earlier time is the earliest.
            one_off.due = due if outcome == "ok" else min(due, one_off.due)

    # Schedules

    def _put(self, watched: Watched, grid: Grid) -> Any:
        return self._scheduler.schedules.put(
            watched.id,
            Every(timedelta(microseconds=grid.interval), anchor=from_us(grid.anchor)),
            NOTHING,
            queue_name=EXACT,
            overlap=watched.overlap,
            catchup=watched.catchup,
            start=from_us(grid.start),
            end=from_us(grid.end),
            tags=("chaos",),
        )

    def _new_schedule(self) -> None:
        """One more of which each instant is owed."""
        if self._born >= 10 or now() + 15 * US > self._load.end:
            return
        self._born += 1
        start = now() + 3 * US
        grid = Grid(start, int(self._dice.uniform(0.5, 5) * US), start, self._load.end)
        watched = Watched(f"born-{self._number}-{self._born}", "steered", "allow", "all", [grid])
        called, returned, _ = self._insist(lambda: self._put(watched, grid))
        watched.deeds.append(Deed("put", called, returned, grid))
        self.journal.schedules[watched.id] = watched

    def _put_again(self) -> None:
        """The same definition, as each deployment puts it: changes nothing."""
        watched = self._dice.choice(self._exact)
        self._call(lambda: self._put(watched, watched.grids[0]))

    def _run_now(self) -> None:
        watched = self._dice.choice(self._exact)
        called = now()
        outcome, job = self._call(lambda: self._scheduler.schedules.run_now(watched.id))
        if outcome == "ok":
            watched.manual[job.id] = called
        else:
            watched.manual_unknown.append(called)

    def _backfill(self) -> None:
        watched = self._dice.choice(self._exact)
        until = now() - int(self._dice.uniform(0, 5) * US)
        since = until - int(self._dice.uniform(0, 20) * US)
        if since >= watched.grids[0].start:
            wanted = watched.grids[0].instants(since, until)
            outcome, _ = self._call(self._backfilling(watched, since, until))
            if outcome == "ok":
                watched.backfilled.update(wanted)
            else:
                self._backfills.append((watched, since, until))

    def _backfill_until_told(self, watched: Watched, since: int, until: int) -> None:
        self._insist(self._backfilling(watched, since, until))
        watched.backfilled.update(watched.grids[0].instants(since, until))

    def _backfilling(self, watched: Watched, since: int, until: int) -> Callable[[], Any]:
        return lambda: self._scheduler.schedules.backfill(watched.id, from_us(since), from_us(until))

    def _is_nearly_over(self) -> bool:
        """Whether a definition might find no instant that is left."""
        return now() + 10 * US > self._load.end

    def _steer(self) -> None:
        """The next change of one of its own schedules, insisted on until it is known."""
        if not self._steered or self._is_nearly_over():
            return
        watched = self._dice.choice(self._steered)
        last = watched.deeds[-1]
        schedules, id = self._scheduler.schedules, watched.id
        paused = _is_paused(watched)
        choices = {"put": ("pause", "retime", "tag", "delete"), "delete": ("put",)}
        what = self._dice.choice(("resume", "resume", "tag") if paused else choices.get(last.what, choices["put"]))
        grid = last.grid
        acts: dict[str, Callable[[], Any]] = {
            "pause": lambda: schedules.pause(id, note="chaos"),
            "resume": lambda: schedules.resume(id),
            "tag": lambda: schedules.update(id, tags=("chaos", f"t{len(watched.deeds)}")),
            "delete": lambda: schedules.delete(id),
        }
        if what in ("put", "retime"):
            interval = grid.interval if what == "put" else int(self._dice.uniform(0.5, 4) * US)
            grid = Grid(grid.anchor, interval, grid.start, grid.end)
            watched.grids.append(grid)
            acts[what] = lambda: self._put(watched, grid)
        called, returned, _ = self._insist(acts[what])
        watched.deeds.append(Deed(what, called, returned, grid))

    def _contest(self) -> None:
        """A change of a schedule that others change at the same moment."""
        if self._is_nearly_over():
            return
        watched = self._dice.choice(self._contested)
        schedules = self._scheduler.schedules
        acts: list[Callable[[], Any]] = [
            lambda: self._put(watched, self._dice.choice(watched.grids)),
            lambda: schedules.pause(watched.id),
            lambda: schedules.resume(watched.id),
            lambda: schedules.delete(watched.id),
        ]
        with suppress(KeyError):  # deleted meanwhile
            self._call(self._dice.choices(acts, (5, 1, 2, 1))[0])


def _is_paused(watched: Watched) -> bool:
    for deed in reversed(watched.deeds):
        if deed.what in ("pause", "resume", "delete"):
            return deed.what == "pause"
    return False
