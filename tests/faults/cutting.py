"""Runs one act again and again, and breaks the network at its first command, its second, and so on to its last.

Points are found by running: an act that sends one command more has one point more. A transaction is sent at once, and
undone wherever it is cut before EXEC (`test_proxy.py`), so nothing of what it queues is a point. Time stands still but
for what a test moves (`rq_scheduler.testing`), so that what has to come out can be compared to the microsecond.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

import redis as redis_py
from redis.backoff import AbstractBackoff, NoBackoff
from redis.retry import Retry

from faults.checker import Ledger, Verdict
from faults.proxy import Proxy, Side
from making import Told, contents
from rq_scheduler import Scheduler
from rq_scheduler.dispatcher import Dispatcher, Options
from rq_scheduler.store import Store, scripts
from rq_scheduler.store.clock import MANUAL_CLOCK
from rq_scheduler.testing import ManualClock, ManualDispatcher
from schedules.helpers import START
from support import PATIENCE

MINUTES = 3
"""How long everything is served after an act."""

MOST_POINTS = 200
"""An act that is longer has no end."""

DAY = 86_400

GOING = 60
"""Seconds: a job that expires within them is as good as gone."""

Received = Counter[tuple[str, int]]
"""How often a job came, and when (microseconds, by the manual clock)."""


_outcomes: dict[bytes, Received] = {}
"""By the state of a world."""


class World:
    """One fresh Redis with a manual clock: a scheduler and a dispatcher that are well, and ways through the proxy."""

    def __init__(self, redis: redis_py.Redis, proxy: Proxy, *, registries: bool = False, **options: Any) -> None:
        redis.flushall()
        self.redis = redis
        self.proxy = proxy
        self.clock = ManualClock(START)
        self.options = options
        self.kind: type[Scheduler] = options.pop("kind", Scheduler)
        self.serving = Options(rq_overdue="run", rq_registries=registries)
        self.scheduler = self.kind(connection=redis, **options)
        self.dispatcher = ManualDispatcher(self.scheduler, self.clock, options=self.serving)
        self.received: Received = Counter()
        self.clients: list[redis_py.Redis] = []
        self.workers_wait = 0.0

    @property
    def now(self) -> int:
        return self.clock.now_us()

    @property
    def changes(self) -> int:
        """How often Redis has been changed: a read adds nothing."""
        return self.redis.info("persistence")["rdb_changes_since_last_save"]

    def connect(self, retry: Retry | None = None) -> redis_py.Redis:
        """A client through the proxy, which sends nothing again unless told so."""
        again: dict[str, Any] = {} if retry is None else {"retry_on_error": [redis_py.ConnectionError]}
        # What is frozen waits for its answer for as long as that takes.
        options = {"retry": retry or Retry(NoBackoff(), 0), "socket_timeout": PATIENCE, **again}
        client = redis_py.Redis.from_url(self.proxy.url, **options)
        self.clients.append(client)
        return client

    def remote_scheduler(self, retry: Retry | None = None) -> Scheduler:
        """An application's scheduler, through the proxy and on the same clock."""
        made = self.kind(connection=self.connect(retry), name="remote", **self.options)
        made._clock, made._store.clock = self.clock, MANUAL_CLOCK
        return made

    def remote_dispatcher(self, retry: Retry | None = None, **options: Any) -> Dispatcher:
        """A dispatcher, through the proxy and on the same clock."""
        client = self.connect(retry)
        options = {"events": Told(), "options": self.serving, **options}
        made = Dispatcher(client, store=Store(client, clock=MANUAL_CLOCK), **options)
        made._passes._registries.poll = 0  # RQ's registries are looked at in each pass, however long it took
        return made

    def consume(self, but: bytes = b"") -> None:
        """Workers take all that is in the queues (but one), and are done with it at once."""
        for key in set(self.redis.keys("rq:queue:*")) - {but}:
            for id in iter(lambda key=key: self.redis.lpop(key), None):
                name = id.decode()
                self.received[name, self.now] += 1
                status, result_ttl = self.redis.hmget(f"rq:job:{name}", "status", "result_ttl")
                if result_ttl == b"0":
                    self.redis.delete(f"rq:job:{name}")
                elif status == b"queued":
                    self.redis.hset(f"rq:job:{name}", "status", "finished")

    def serve(self, minutes: int = MINUTES) -> None:
        """A dispatcher that is well serves what is due, and all that falls due for so long; workers work, from
        `workers_wait` seconds on."""
        self.dispatcher.tick(self.workers_wait)
        self.consume()
        for _ in range(minutes):
            self.dispatcher.tick(60)
            self.consume()

    def outcome(self) -> Received:
        """What came, when all that is in Redis has been served, and an independent judge has nothing to say against it.
        Of what was in Redis before, it is known."""
        state = self.state()
        if state not in _outcomes:
            self.serve()
            verdict = self.judge(self.received)
            assert verdict.clean, verdict
            _outcomes[state] = self.received
        return _outcomes[state]

    def state(self) -> bytes:
        """All that decides what comes next, in short. What is random or real time is numbered in the order in which it
        is found: where that differs, the states do."""
        numbers: dict[str, int] = {}
        known = sha256(f"{self.now} {sorted(self.received.items())} {self.workers_wait} {self.serving}".encode())
        for key, content, ttl in contents(self.redis):
            if isinstance(content, dict):
                content = sorted(content.items())
            elif isinstance(content, set):
                content = sorted(content)
            words = f"{key} {content} {'for ever' if ttl == -1 else round(ttl, -1)}"
            words = _RANDOM.sub(lambda found: f"#{numbers.setdefault(found[0], len(numbers))}", words)
            known.update(_without_real_time(words).encode())
        return known.digest()

    def see_ends(self) -> None:
        """Whoever looks at the runs that go on does so now: sooner or later one does, and tells their ends."""
        for key in ("new_runs", "open_runs", "missing_runs"):
            going = self.redis.zrange(f"rq:scheduler:{key}", 0, -1)
            if going:
                self.redis.zadd(f"rq:scheduler:{key}", dict.fromkeys(going, self.now / 1_000_000))
        self.dispatcher.tick()

    def let_leases_lapse(self) -> None:
        """As if the time had passed for which what a dispatcher has taken (to plan, for RQ) is its own."""
        for key in ("unplanned", "to_plan", "via_rq", "claims"):
            taken = self.redis.zrange(f"rq:scheduler:{key}", 0, -1)
            if taken:
                self.redis.zadd(f"rq:scheduler:{key}", dict.fromkeys(taken, self.now / 1_000_000), lt=True)

    def judge(self, expected: Received) -> Verdict:
        """What an independent judge says."""
        ledger = Ledger()
        for (id, at), times in expected.items():
            for _ in range(times):
                ledger.owe_run(id, at, job_id=id)
        for (id, at), times in self.received.items():
            for _ in range(times):
                ledger.receive(id, at)
        return ledger.verdict(self.redis, late_after_us=0, now_us=self.now)

    def close(self) -> None:
        self.dispatcher.release()
        for client in self.clients:
            client.close()


_NOT_SHAPE = {
    *(
        b"rq:scheduler:rev",
        b"rq:scheduler_lock",
        b"rq:scheduler:to_plan",
        b"rq:scheduler:unplanned",
        b"rq:scheduler:names",
    ),
    *(b"rev", b"plan", b"plan_rev", b"made_with", b"looked_for"),
}


def shape(redis: redis_py.Redis) -> dict[str, str]:
    """All that is in Redis, but for what differs from one run to the next: real time, `rev`, random names, TTLs. And
    for plans, which may be made anew at any time."""
    found: dict[str, str] = {}
    for key, content, ttl in contents(redis):
        # Lateness: a run whose late plan is made meanwhile is not in it.
        if key in _NOT_SHAPE or key.startswith((b"rq:scheduler-lock:", b"rq:scheduler:lateness:")):
            continue
        if key.startswith(b"rq:job:") and 0 <= ttl <= GOING:
            continue
        if isinstance(content, dict):
            content = sorted((name, value) for name, value in content.items() if name not in _NOT_SHAPE)
        elif isinstance(content, set):
            content = sorted(content)
        elif content and isinstance(content[0], tuple):
            content = sorted(content)  # RQ's scores are seconds: what came in one of them has no order
        found[_steady(key.decode())] = _steady(f"{content} {'for ever' if ttl == -1 else 'mortal'}")
    return found


_RANDOM = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z")
_HAND_OFF = re.compile(r"(b'[bemq]\d* \S+ \S+ \S+) (?:\d+|-)(?: ([a-z.]) \S+ \S+ \S+ \S+)?(?=[ '])")
"""In a line of a history: the dispatcher, whoever takes over has another; and of the end, when it was seen."""
_ENDS = re.compile(r"(b'ends', b'\d+ \d+ \d+) (?:\S+ ){4}(\S+)'")
"""The counts of a record: besides them, moments, and letters in the order in which the ends were seen."""
_UNIX = re.compile(r"\b\d{10}(\.\d+)?\b")


def _steady(words: str) -> str:
    """Without what is random or real time; the manual clock's stays."""
    words = _HAND_OFF.sub(r"\1 # \2", _RANDOM.sub("#", words))
    words = _ENDS.sub(lambda found: f"{found[1]} {sorted(found[2])}", words)
    return _without_real_time(words)


def _without_real_time(words: str) -> str:
    return _UNIX.sub(lambda found: "#" if abs(float(found[0]) - time.time()) < DAY else found[0], words)


def difference(one: dict[str, str], other: dict[str, str]) -> str:
    """In which keys two shapes differ, for people."""
    keys = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
    return "\n".join(f"{key}:\n    {one.get(key)}\n    {other.get(key)}" for key in keys)


class Pause(AbstractBackoff):
    """What happens between a lost reply and the moment at which redis-py sends the command again."""

    def __init__(self, happen: Callable[[], None]) -> None:
        self._happen = happen

    def reset(self) -> None:
        """Nothing to forget."""

    def compute(self, failures: int) -> float:
        self._happen()
        return 0


def sending_again(happen: Callable[[], None] = lambda: None) -> Retry:
    """redis-py's own retries, with something that happens before each."""
    return Retry(Pause(happen), 2)


@dataclass
class Point:
    """Where an act is broken."""

    world: World
    number: int
    side: Side
    error: Exception | None = None

    def __str__(self) -> str:
        commands = self.world.proxy.commands
        if len(commands) < self.number:
            return f"{self.side} command {self.number}"
        name, argument = commands[self.number - 1]
        return f"{self.side} command {self.number} ({name} {_scripts().get(argument, argument[:60])!r})"


@cache
def _scripts() -> dict[str, str]:
    """The files of the scripts by what they are called by."""
    return {
        loaded.digest: f"{name}.lua"
        for name in scripts.names()
        for loaded in (scripts.load(name), scripts.load(name, MANUAL_CLOCK))
    }


def each_point(
    new_world: Callable[[], World],
    act: Callable[[World], None],
    check: Callable[[Point], None],
    *,
    for_good: bool = False,
) -> None:
    """Cuts `act` at each of its commands, before and after; an error of it is the point's.

    Points that differ in nothing from another are left out. A command that changed nothing may as well not have reached
    the server, so it is cut before alone. And what is dead for good has left what the last change left, however many
    commands it has sent since.
    """
    changes: list[int] = []
    """Of Redis, when none of the commands, one, two have been done."""
    for number in range(1, MOST_POINTS):
        with closing(new_world()) as world:
            point = _cut(Point(world, number, "before"), act, changes, for_good=for_good)
            if point is None:
                break
            if not for_good or changes[-2:-1] != changes[-1:]:
                with told_at(point):
                    check(point)
    else:
        raise AssertionError(f"more than {MOST_POINTS} commands")
    last = len(changes) - 1
    assert last, "nothing was cut: the act sends no command through the proxy"
    for number in (last,) if for_good else range(1, last + 1):
        if changes[number] == changes[number - 1]:
            continue
        with closing(new_world()) as world:
            point = _cut(Point(world, number, "after"), act, [], for_good=for_good)
            assert point is not None
            with told_at(point):
                check(point)


def _cut(point: Point, act: Callable[[World], None], changes: list[int], *, for_good: bool) -> Point | None:
    """Acts, cut at this point; None when it came to its end before. Adds how often Redis had been changed by then."""
    world = point.world
    already = world.changes
    world.proxy.forget()
    world.proxy.whole_transactions = True
    world.proxy.cut(point.number, point.side, for_good=for_good, then=lambda: changes.append(world.changes - already))
    try:
        act(world)
    except (redis_py.RedisError, OSError) as error:
        point.error = error
    if not world.proxy.carried_out:
        world.proxy.call_off()
        assert point.error is None
        changes.append(world.changes - already)
        return None
    world.proxy.accept()
    return point


def each_freeze(
    new_world: Callable[[], World],
    act: Callable[[World], None],
    meanwhile: Callable[[World], None],
    check: Callable[[Point], None],
) -> None:
    """Freezes `act` before each of its commands, and after the last, while `meanwhile` happens; then it goes on.

    (What is frozen before its next command is what is frozen after the one before.)
    """
    for number in range(1, MOST_POINTS):
        if not _freeze(new_world, number, "before", act, meanwhile, check):
            break
    else:
        raise AssertionError(f"more than {MOST_POINTS} commands")
    assert number > 1, "nothing was frozen: the act sends no command through the proxy"
    assert _freeze(new_world, number - 1, "after", act, meanwhile, check)


def _freeze(
    new_world: Callable[[], World],
    number: int,
    side: Side,
    act: Callable[[World], None],
    meanwhile: Callable[[World], None],
    check: Callable[[Point], None],
) -> bool:
    """Whether there is this point; if so, it is frozen there, and all is checked."""
    with closing(new_world()) as world:
        point = Point(world, number, side)
        world.proxy.forget()
        world.proxy.whole_transactions = True
        hold = world.proxy.hold(number, side)
        frozen = _Thread(lambda: act(world))
        frozen.start()
        while frozen.is_alive() and not hold.reached.wait(0.001):
            pass
        if not hold.reached.is_set():
            world.proxy.call_off()
            frozen.end()
            return False
        with told_at(point):
            try:
                meanwhile(world)
            finally:
                hold.release()
                frozen.end()
            check(point)
        return True


class _Thread(threading.Thread):
    """One whose error reaches the test."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._act = act
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._act()
        except BaseException as error:  # noqa: BLE001  raised by `end`
            self._error = error

    def end(self) -> None:
        """Waits for its end, and raises what it raised."""
        self.join(PATIENCE)
        assert not self.is_alive(), "what was frozen does not come to its end"
        if self._error is not None:
            raise self._error


@contextmanager
def told_at(point: Point) -> Iterator[None]:
    """Says where it was that something went wrong."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"cut or frozen {point}: {error}") from error
