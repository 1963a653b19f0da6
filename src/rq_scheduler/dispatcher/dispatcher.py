"""The long-running process: passes, sleep, heartbeat, signals, and a Redis that comes and goes.

Any number of dispatchers serve one Redis, all the time, without a leader; the death of one is not noticed. Knows
nothing of the client's API.
"""

from __future__ import annotations

import random
import signal
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

from redis.exceptions import RedisError, ResponseError
from rq.job import Job
from rq.queue import Queue
from rq.serializers import DefaultSerializer

from rq_scheduler._version import __version__
from rq_scheduler.dispatcher.burst import Burst
from rq_scheduler.dispatcher.connection import is_demoted, let_go, with_timeout, without_retries
from rq_scheduler.dispatcher.events import Events
from rq_scheduler.dispatcher.liveness import Liveness
from rq_scheduler.dispatcher.log_events import LogEvents
from rq_scheduler.dispatcher.options import Hooks, Options
from rq_scheduler.dispatcher.pass_result import PassResult
from rq_scheduler.dispatcher.passes import Passes
from rq_scheduler.dispatcher.process import identity, is_gone
from rq_scheduler.dispatcher.services import Service
from rq_scheduler.dispatcher.sweep import Sweep
from rq_scheduler.dispatcher.waker import Waker
from rq_scheduler.errors import EvictionRefused, FenceHeld, NameTaken
from rq_scheduler.jobs import JobCreator
from rq_scheduler.pickles import PlainPickles
from rq_scheduler.store import Store
from rq_scheduler.store.base import is_misfit
from rq_scheduler.store.fleet import LOOK_EVERY
from rq_scheduler.store.survey import Survey

HEARTBEAT = 5.0
"""Seconds between two heartbeats, or a third of the instance's TTL if that is less."""

POLL = 0.25
"""Seconds between two looks at what somebody else has: the fence, or what a burst waits for."""

SWEEP_EVERY = 86_400.0
"""Seconds between two looks at everything."""

SWEEP_TIME = 0.005
"""Seconds until the next entry is due that a step of the look at everything needs."""

SWEEP_AT_LEAST = 0.05
"""Seconds after which a step is taken all the same."""

SHORTEST_BACKOFF, LONGEST_BACKOFF = 0.05, 0.5
"""Seconds between two tries while Redis cannot be used; jittered, so that a fleet does not return as one."""


class Dispatcher:
    """Hands off what is due, until it is told to stop.

    `interval` is the fallback poll in seconds, for what writes entries without a word on the channel; `ttl` the
    seconds after which an instance that has died is forgotten. `hooks` are an application's own hand-off methods;
    `store` is one that it has on this connection already; `services` run beside the loop while it serves; `liveness` is
    written for whoever asks how it is.
    """

    def __init__(
        self,
        connection: Any,
        *,
        name: str | None = None,
        interval: float = 1.0,
        job_class: type[Job] = Job,
        queue_class: type[Queue] = Queue,
        serializer: Any = None,
        hooks: Hooks | None = None,
        ttl: int = 11,
        options: Options | None = None,
        events: Events | None = None,
        store: Store | None = None,
        services: Sequence[Service] = (),
        liveness: Liveness | None = None,
    ) -> None:
        self.name: str = name or uuid.uuid4().hex
        self.interval = interval
        self._ttl = ttl
        self._options = options or Options()
        self._events = events or LogEvents()
        self._services = services
        self._stop = False
        self._liveness = liveness or Liveness()
        self._store = Store(connection) if store is None else store
        jobs = JobCreator(connection, job_class, serializer)
        if not self._options.adopt and jobs.serializer is DefaultSerializer:
            jobs.serializer = PlainPickles
        self._passes = Passes(
            self._store,
            jobs,
            queue_class,
            hooks or Hooks(),
            self._options,
            self._events,
            self._is_stopping,
            name=self.name,
        )
        self._waker = Waker(self._store, self._events, self._is_stopping)
        self._survey = Survey(self._store.connection, self._store.keys)
        self._sweep = self._new_sweep()
        self._sweep_again_at = time.monotonic() + SWEEP_EVERY
        self._identity = identity()
        self._swept_at = time.monotonic()
        self._birth = uuid.uuid4().hex
        self._born = False
        self._beat_at = self._look_at = 0.0
        self._run_id: str | None = None
        self._has_beaten = False
        self._fence_told: str | None = None
        self._misfits_told: list[str] | None = None
        self._handed_off = 0
        self._attended: set[str] = set()

    def dispatch_once(self) -> PassResult:
        """One pass over all that is due; never sleeps. Errors of Redis reach the caller."""
        result = self._pass()
        if result.misfit is not None:
            raise result.misfit
        return result

    def _pass(self) -> PassResult:
        result = self._passes.run()
        self._liveness.become("serving" if result.fenced is None else "fenced")
        self._handed_off += result.handed_off
        self._tell_fence(result)
        return result

    def request_stop(self) -> None:
        """Ends `run` between two batches. May be called from a signal handler or another thread."""
        self._stop = True

    def run(self, burst: bool = False) -> None:
        """Serves until a signal (SIGINT, SIGTERM), then leaves by SystemExit; with `burst`, until nothing is due.

        A second signal ends it at once; nothing is lost even then. Losing Redis never ends it, but for a burst. Raises
        EvictionRefused where Redis may evict schedules, NameTaken when a live instance bears its name; with `burst`,
        redis-py's ResponseError where a key of a wrong type kept it from serving all, redis-py's error where Redis
        could not be used for five seconds, FenceHeld where somebody else held the fence for that long.
        """
        self._store.load_scripts()
        handlers = self._install_handlers()
        try:
            with with_timeout(self._store.connection) as timeout, without_retries(self._store.connection):
                self._liveness.watch(self._calling_since, timeout)
                self._serve(Burst(self._store) if burst else None)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        if self._stop and not burst:
            raise SystemExit(0)

    def _calling_since(self) -> float | None:
        return self._store.calling_since or self._survey.calling_since

    def _new_sweep(self) -> Sweep:
        return Sweep(self._store, self._survey, self._passes.recurring, self._events, adopt=self._options.adopt)

    def _is_stopping(self) -> bool:
        """Asked between any two batches."""
        self._liveness.turn()
        return self._stop

    # The loop

    def _serve(self, burst: Burst | None) -> None:
        lost_at: float | None = None
        backoff = SHORTEST_BACKOFF
        misfit: ResponseError | None = None
        try:
            while not self._is_stopping():
                try:
                    self._begin()
                    if burst is not None:
                        burst.begin()
                    elif lost_at is None:
                        # A cluster client looks for its nodes anew when a command fails, not when a subscription does.
                        self._waker.subscribe()
                    result = self._pass()
                    if lost_at is not None:
                        self._events.redis_back(time.monotonic() - lost_at)
                        lost_at, backoff = None, SHORTEST_BACKOFF
                        continue  # to listen again, before the first sleep
                    if burst is not None and burst.is_over(result):
                        misfit = result.misfit
                        break
                    if burst is not None and burst.has_waited_long and result.fenced is not None:
                        raise FenceHeld(
                            f"{result.fenced}. What is due waits: run this again when the lock is free, or with "
                            "--take-fence if its holder is dead"
                        )
                    self._between_passes(result, self.interval if burst is None else POLL)
                except (RedisError, OSError) as error:
                    if burst is not None and burst.has_waited_long:
                        raise
                    self._liveness.become("redis_lost")
                    if lost_at is None:
                        lost_at = time.monotonic()
                        self._run_id, self._beat_at = None, 0.0  # it has to be told at once who is there
                        self._events.redis_lost(error)
                    self._waker.close()
                    if is_demoted(error):
                        let_go(self._store.connection)
                    self._pause(backoff * random.uniform(0.5, 1.0))
                    backoff = min(backoff * 2, LONGEST_BACKOFF)
            if misfit is not None:
                self._tell_misfit(misfit)
                raise misfit
        finally:
            self._leave()
            self._liveness.become("stopped")

    def _between_passes(self, result: PassResult, longest: float) -> None:
        if result.misfit is not None:
            self._tell_misfit(result.misfit)
        if time.monotonic() >= self._beat_at:
            self._in_spite_of_misfits(lambda: self._beat(result))
            self._beat_at = time.monotonic() + min(HEARTBEAT, self._ttl / 3)
        if time.monotonic() >= self._look_at:
            self._in_spite_of_misfits(self._look_around)
            self._look_at = time.monotonic() + LOOK_EVERY
        if result.unfinished:
            return
        if not self._sweep.unfinished and time.monotonic() > self._sweep_again_at:
            self._sweep, self._sweep_again_at = self._new_sweep(), time.monotonic() + SWEEP_EVERY
        if self._sweep.unfinished and result.fenced is None and self._may_sweep(result):
            if not self._in_spite_of_misfits(self._sweep.step):
                self._sweep.give_up()
            self._swept_at = time.monotonic()
            return
        wait = longest
        if result.fenced is not None:
            wait = POLL
        else:
            coming = (result.seconds_to_next(), result.seconds_to_next_look())
            wait = min([wait, *(seconds for seconds in coming if seconds is not None)])
        if result.misfit is not None:
            wait = max(SHORTEST_BACKOFF, min(wait, LONGEST_BACKOFF))
        if wait > 0:
            self._waker.sleep(wait)

    def _may_sweep(self, result: PassResult) -> bool:
        """Whether there is time for a look before something is due; where something always is, now and then."""
        seconds = result.seconds_to_next()
        return seconds is None or seconds > SWEEP_TIME or time.monotonic() - self._swept_at > SWEEP_AT_LEAST

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._is_stopping() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))

    # Life

    def _begin(self) -> None:
        if self._born:
            return
        policy = self._store.eviction_policy()
        if policy is not None and policy.startswith("allkeys") and not self._options.allow_eviction:
            raise EvictionRefused(
                f"Redis has maxmemory-policy {policy}: short of memory, it would evict schedules and pending jobs. "
                "Set it to noeviction (CONFIG SET maxmemory-policy noeviction), or start with --allow-eviction"
            )
        self._announce()
        if self._options.take_fence:
            self._store.take_fence()
        self._born = True
        self._events.started(self.name)
        for service in self._services:
            service.start(self._store)

    def _announce(self) -> None:
        """A dispatcher that was killed leaves its name behind for `ttl` seconds. One restarted under the same name
        takes it over if it can see that the process is gone, and else waits for that."""
        end = time.monotonic() + self._ttl + 1
        dead, told = "", False
        while True:
            try:
                self._store.register_birth(self.name, self._facts(), self._ttl, token=self._birth, dead=dead)
            except NameTaken:
                if self._stop:
                    raise SystemExit(0) from None  # it was told to end, and had not begun
                if time.monotonic() > end:
                    raise
                holder, ttl_ms = self._store.instance(self.name)
                dead = holder.get("birth_token", "") if is_gone(holder) else ""
                if dead:
                    self._events.name_taken_over(self.name, holder)
                    continue
                if not told and holder:
                    self._events.name_taken(self.name, holder, ttl_ms)
                    told = True
                self._pause(0.5)
            else:
                return

    def _beat(self, result: PassResult) -> None:
        self._events.goes_on()
        # Only whoever was cut off from Redis, or begins, has not asked for the run_id of this one.
        delayed_by = "" if not self._has_beaten else "redis" if self._run_id is None else "fleet"
        if self._run_id is None:
            self._run_id = self._store.server_run_id()
        self._store.heartbeat(
            self.name,
            self._facts(),
            self._ttl,
            dispatcher=True,
            run_id=self._run_id,
            delayed_by=delayed_by,
            lock_holder="" if result.fenced is None else result.fenced.holder or "unknown",
        )
        self._has_beaten = True
        new = (result.queues | self._sweep.queues) - self._attended
        if new and not self._sweep.unfinished:
            self._attended |= new
            if unattended := new - self._survey.listened_queues().keys():
                self._events.unattended(sorted(unattended))

    def _look_around(self) -> None:
        look = self._store.look_around(self.name)
        if look is not None and (look.began or look.ended):
            self._events.unserved(look)

    def _facts(self) -> Mapping[str, Any]:
        return {
            **self._identity,
            "version": __version__,
            "heartbeat": f"{time.time():.6f}",
            "interval": self.interval,
            "handed_off": self._handed_off,
        }

    def _leave(self) -> None:
        if not self._born:
            return
        for service in self._services:
            service.stop()
        try:
            self._in_spite_of_misfits(self._passes.give_back)
            self._events.stopped(self.name, self._store.leave(self.name))
            self._waker.close()
        except (RedisError, OSError) as error:
            # Nothing depends on it: what this dispatcher leaves behind has a TTL.
            self._events.redis_lost(error)

    def _tell_fence(self, result: PassResult) -> None:
        holder = None if result.fenced is None else result.fenced.holder
        if holder == self._fence_told:
            return
        if result.fenced is not None:
            self._events.fenced(result.fenced)
        else:
            self._events.unfenced()
        self._fence_told = holder

    def _in_spite_of_misfits(self, act: Callable[[], object]) -> bool:
        """Does it; False, and told, where a key of a wrong type forbids."""
        try:
            act()
        except ResponseError as error:
            if not is_misfit(error):
                raise
            self._tell_misfit(error)
            return False
        return True

    def _tell_misfit(self, error: ResponseError) -> None:
        keys = self._survey.misfits()
        if keys != self._misfits_told:
            self._events.misfit(keys, error)
        self._misfits_told = keys

    # Signals

    def _install_handlers(self) -> dict[int, Any]:
        if threading.current_thread() is not threading.main_thread():
            return {}
        return {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stop:
            raise SystemExit(128 + number)
        self._stop = True
