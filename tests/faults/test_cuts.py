"""Every public write, cut at every command, before the server has it and after it has done it.

Nothing is lost, doubled or left behind, whatever its caller does then; and a call that raised has done all or nothing.
What redis-py makes of a cut command, and then the server of one that comes twice, is asked of both ends of what we
claim; what comes of a write that was cut, is called again, or is late, runs once: a script is one step on each server.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import redis as redis_py

from faults.cutting import Point, Received, World, difference, each_freeze, each_point, sending_again, shape
from faults.proxy import Proxy
from faults.writes import WRITES, Write
from rq_scheduler import Scheduler
from rq_scheduler.client import bulk
from rq_scheduler.client.quarantine import Quarantine
from rq_scheduler.client.schedules import Schedules, on_demand
from rq_scheduler.errors import SchedulerError

READS = {
    "Scheduler": {
        "acting_as",
        "count",
        "get_job",
        "get_jobs",
        "get_jobs_to_queue",
        "get_queue_for_job",
        "key",
        "schedules",
        "actor",
    },
    "Schedules": {
        "called",
        "clock_changes",
        "count",
        "explain",
        "find",
        "find_iter",
        "get",
        "left_out",
        "load",
        "read",
        "runs",
        "runs_of",
        "touched_by_clocks",
        "upcoming",
        "versions",
    },
    "Quarantine": {"get", "codes"},
}
ELSEWHERE = {
    "run": "test_cuts_of_the_loop.py",
    "schedules.register": "sends nothing",
}


SENDS_NO_PIPELINE_AGAIN = int(redis_py.__version__.split(".")[0]) < 6
"""redis-py 5 tells of a lost connection at once where a pipeline was under way."""

FORGETFUL = {
    "delete": "says that there is none: by then there is none",
    "delete of a recurring job": "the same",
    "purge_all": "counts what it has forgotten: by then nothing is left",
    "pause_all": "counts those that it has found otherwise: by then there is none",
    "resume_all": "the same",
    "delete_all": "the same",
}


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few items need several scripts."""
    monkeypatch.setattr(bulk, "MAX_ENTRIES", 2)
    monkeypatch.setattr(on_demand, "MAX_BATCH", 2)


class Reference:
    """What comes of a write, and of doing without it, on a network that is whole."""

    def __init__(self, write: Write, new_world: Callable[[], World]) -> None:
        world = new_world()
        write.prepare(world)
        self.before = shape(world.redis)
        self.without = world.outcome()
        world.close()
        world = new_world()
        write.prepare(world)
        scheduler = world.remote_scheduler()
        self.answer = told(write.call(scheduler))
        self.after = shape(world.redis)
        if write.released is not None:
            write.released(scheduler)
        self.received = world.outcome()
        assert (self.without.total(), self.received.total()) == write.runs
        world.close()


@pytest.fixture
def new_world(redis: redis_py.Redis, proxy: Proxy) -> Callable[[], World]:
    return lambda: World(redis, proxy)


_references: dict[str, Reference] = {}


def reference_of(name: str, new_world: Callable[[], World]) -> Reference:
    """Made once: it is the same for all that befalls a write."""
    if name not in _references:
        _references[name] = Reference(WRITES[name], new_world)
    return _references[name]


def check_between(reference: Reference, received: Received) -> None:
    """What a write has done that was cut: no more than all, and no less than nothing."""
    for key in reference.without | reference.received | received:
        both = sorted((reference.without[key], reference.received[key]))
        assert both[0] <= received[key] <= both[1], (key, both, received[key])


def told(answer: Any) -> Any:
    """What a call answers, to be compared."""
    if isinstance(answer, tuple | list | bool | None):
        return answer
    return getattr(answer, "id", answer)


def again(call: Callable[[], Any]) -> Any:
    """What a caller does who has seen an error of the network."""
    try:
        return call()
    except redis_py.RedisError:
        return call()


def prepared(write: Write, new_world: Callable[[], World], *, scripts_lost: bool = False) -> Callable[[], World]:
    """A server that has lost its scripts has two points for each."""

    def make() -> World:
        world = new_world()
        write.prepare(world)
        if scripts_lost:
            world.redis.script_flush()
        return world

    return make


def test_every_public_write_is_in_the_table() -> None:
    covered = {write.covers for write in WRITES.values()} | set(ELSEWHERE)
    for kind, prefix in ((Scheduler, ""), (Schedules, "schedules."), (Quarantine, "quarantine.")):
        public = {name for name in dir(kind) if not name.startswith("_") and _is_callable(kind, name)}
        missing = {f"{prefix}{name}" for name in public - READS[kind.__name__]} - covered
        assert not missing, f"cut these too, in faults/writes.py: {sorted(missing)}"


def _is_callable(kind: type, name: str) -> bool:
    return callable(getattr(kind, name)) and not isinstance(getattr(kind, name), type)


@pytest.mark.once
@pytest.mark.parametrize("name", WRITES)
def test_its_caller_gives_up(name: str, new_world: Callable[[], World]) -> None:
    """All or nothing, as far as it is one step."""
    write = WRITES[name]
    reference = reference_of(name, new_world)
    schedulers: list[Scheduler] = []
    seen: list[dict[str, str]] = []

    def act(world: World) -> None:
        schedulers.append(world.remote_scheduler())
        write.call(schedulers[-1])

    def check(point: Point) -> None:
        world, now = point.world, shape(point.world.redis)
        assert point.error is not None or now == reference.after, "its caller has seen no error"
        if now not in (reference.before, reference.after):
            assert write.steps > 1, f"it is half done:\n{difference(reference.before, now)}"
            if now not in seen:
                seen.append(now)
            assert len(seen) < write.steps, f"it has more steps than {write.steps}: {seen}"
        if write.released is not None:
            write.released(schedulers[-1])
        received = world.outcome()
        check_between(reference, received)
        if now in (reference.before, reference.after):
            assert received == (reference.received if now == reference.after else reference.without)

    each_point(prepared(write, new_world, scripts_lost=True), act, check)


@pytest.mark.once
@pytest.mark.parametrize("name", WRITES)
def test_its_caller_calls_again(name: str, new_world: Callable[[], World]) -> None:
    """Then all is as after one call."""
    write = WRITES[name]
    reference = reference_of(name, new_world)

    def act(world: World) -> None:
        scheduler = world.remote_scheduler()
        again(lambda: write.call(scheduler))
        if write.released is not None:
            again(lambda: write.released(scheduler))

    def check(point: Point) -> None:
        assert point.error is None
        world = point.world
        now = shape(world.redis)
        received = world.outcome()
        if write.runs_twice is not None and now != reference.after:
            # It was done twice, or a part of it was, as it was asked for.
            assert reference.received.total() <= received.total() <= write.runs_twice
            return
        if write.released is None:
            assert now == reference.after, difference(reference.after, now)
        assert received == reference.received

    each_point(prepared(write, new_world), act, check)


@pytest.mark.parametrize(
    "served",
    [pytest.param(False, id="at once"), pytest.param(True, id="when it has been served", marks=pytest.mark.once)],
)
@pytest.mark.parametrize("name", WRITES)
def test_its_client_library_sends_again(name: str, served: bool, new_world: Callable[[], World]) -> None:
    """Its caller sees no error, and cannot know that the server did something twice. It must not have."""
    write = WRITES[name]
    reference = reference_of(name, new_world)
    answers: list[Any] = []

    def act(world: World) -> None:
        def meanwhile() -> None:
            with suppress(SchedulerError):  # a lock may be held
                if served:
                    world.dispatcher.tick()
                    world.consume(but=b"rq:queue:nobody's")

        scheduler = world.remote_scheduler(sending_again(meanwhile))
        answers.append(told(write.call(scheduler)))
        if write.released is not None:
            write.released(scheduler)

    def check(point: Point) -> None:
        world = point.world
        if point.error is not None:
            assert write.unsure or SENDS_NO_PIPELINE_AGAIN, f"its caller sees {point.error!r}"
            check_between(reference, world.outcome())
            return
        now = shape(world.redis)
        assert world.outcome() == reference.received
        if not served and write.released is None:
            assert now == reference.after, difference(reference.after, now)
            assert answers[-1] == reference.answer or name in FORGETFUL

    each_point(prepared(write, new_world, scripts_lost=not served), act, check)


@pytest.mark.once
@pytest.mark.parametrize("name", [name for name, write in WRITES.items() if write.released is None])
def test_its_process_is_frozen(name: str, new_world: Callable[[], World]) -> None:
    """What it has read is old when it goes on, and nothing runs twice for one instant."""
    write = WRITES[name]

    def act(world: World) -> None:
        with suppress(SchedulerError):  # it may be too late for it
            write.call(world.remote_scheduler())

    def check(point: Point) -> None:
        # What is called late on a recurring job, whose runs share one id, may well mean another run at that moment.
        twice = [id for (id, _), times in point.world.outcome().items() if times > 1 and id not in ("r", "c")]
        assert not twice

    each_freeze(prepared(write, new_world), act, World.serve, check)
