"""A dispatcher's pass over all kinds of entries, cut and frozen at every command.

Whatever becomes of that dispatcher, all comes out as if nothing had happened: each run once and in time, and Redis as
it is after an undisturbed pass. What redis-py makes of a cut command, and then the server of one that comes twice, is
asked of both ends of what we claim; what a dispatcher makes of what another has left runs once.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from faults.cutting import MINUTES, Point, World, difference, each_freeze, each_point, sending_again, shape
from faults.entries import KINDS, Kind, OwnHandOff
from faults.proxy import Proxy
from rq_scheduler.dispatcher import Dispatcher, Hooks

PARAMETERS = [
    pytest.param(name, marks=[pytest.mark.newest_only] if kind.newest_only else []) for name, kind in KINDS.items()
]
PASSES = 20
"""In so many, a dispatcher has served what is due."""


@pytest.fixture
def world_of(redis: redis_py.Redis, proxy: Proxy) -> Callable[[Kind], Callable[[], World]]:
    def make_with(kind: Kind) -> Callable[[], World]:
        def make() -> World:
            world = World(redis, proxy, **kind.world)
            world.serving = kind.serving or world.serving
            world.workers_wait = kind.workers_wait
            kind.prepare(world)
            return world

        return make

    return make_with


def dispatcher(world: World, retry: Any = None) -> Dispatcher:
    """One through the proxy, as the scheduler of this kind starts it."""
    scheduler = world.remote_scheduler(retry)
    hooks = Hooks(enqueue_job=scheduler.enqueue_job) if world.kind is OwnHandOff else Hooks()
    return world.remote_dispatcher(retry, hooks=hooks, queue_class=scheduler.queue_class)


def serve_all(served: Dispatcher) -> None:
    """Passes until nothing is due."""
    for _ in range(PASSES):
        if not served.dispatch_once().more_is_due:
            return
    raise AssertionError("the passes come to no end")


class Reference:
    """What comes of an undisturbed pass."""

    def __init__(self, kind: Kind, new_world: Callable[[], World]) -> None:
        world = new_world()
        serve_all(dispatcher(world))
        world.serve()
        kind.finish(world)
        world.see_ends()
        assert world.received.total() == kind.runs, world.received
        verdict = world.judge(world.received)
        assert verdict.clean, verdict
        self.received, self.shape = world.received, shape(world.redis)
        world.close()


_references: dict[str, Reference] = {}
_good: defaultdict[tuple[int, int], set[bytes]] = defaultdict(set)
"""States of worlds of which all comes as it should, by the kind and the minutes that they are served for."""


def reference_of(name: str, new_world: Callable[[], World]) -> Reference:
    """Made once: it is the same for all that befalls a dispatcher."""
    if name not in _references:
        _references[name] = Reference(KINDS[name], new_world)
    return _references[name]


def check_against(reference: Reference, kind: Kind, minutes: int = MINUTES) -> Callable[[Point], None]:
    """All is as it should be, when a dispatcher that is well has served for so long. What has been left so before need
    not be served again."""
    good = _good[id(kind), minutes]

    def check(point: Point) -> None:
        world = point.world
        world.workers_wait = kind.workers_wait if minutes else 0
        world.let_leases_lapse()
        state = world.state()
        if state not in good:
            check_once(world)
            good.add(state)

    def check_once(world: World) -> None:
        world.serve(minutes)
        kind.finish(world)
        world.see_ends()
        verdict = world.judge(reference.received)
        if kind.at_least_once:
            others = (verdict.lost, verdict.early, verdict.stuck, verdict.orphaned)
            assert others == ((), (), (), ()), verdict
            return
        assert verdict.clean, verdict
        assert world.received == reference.received
        now = shape(world.redis)
        expected = reference.shape | {key: now[key] for key in kind.books}
        assert now == expected, difference(expected, now)

    return check


def serve_the_rest(world: World) -> None:
    """Another dispatcher does."""
    world.let_leases_lapse()
    world.serve()


@pytest.mark.once
@pytest.mark.parametrize("name", PARAMETERS)
def test_it_dies(name: str, world_of: Callable[[Kind], Callable[[], World]]) -> None:
    """SIGKILL between any two commands, to Redis, is just this; another one takes over."""
    kind, new_world = KINDS[name], world_of(KINDS[name])
    check = check_against(reference_of(name, new_world), kind)
    each_point(new_world, lambda world: serve_all(dispatcher(world)), check, for_good=True)


@pytest.mark.once
@pytest.mark.parametrize("name", PARAMETERS)
def test_it_goes_on(name: str, world_of: Callable[[Kind], Callable[[], World]]) -> None:
    """The loop of `run` catches the error, and its next pass does what is left."""
    kind, new_world = KINDS[name], world_of(KINDS[name])

    def act(world: World) -> None:
        served = dispatcher(world)
        try:
            serve_all(served)
        except (redis_py.RedisError, OSError):
            serve_all(served)

    each_point(new_world, act, check_against(reference_of(name, new_world), kind))


@pytest.mark.parametrize("name", PARAMETERS)
def test_its_client_library_sends_again(name: str, world_of: Callable[[Kind], Callable[[], World]]) -> None:
    """As a cluster's clients do."""
    kind, new_world = KINDS[name], world_of(KINDS[name])

    def act(world: World) -> None:
        serve_all(dispatcher(world, sending_again()))

    each_point(new_world, act, check_against(reference_of(name, new_world), kind))


@pytest.mark.once
@pytest.mark.parametrize("name", PARAMETERS)
def test_it_is_frozen(name: str, world_of: Callable[[Kind], Callable[[], World]]) -> None:
    """SIGSTOP between any two commands; another one serves meanwhile, and what was planned before is old."""
    kind, new_world = KINDS[name], world_of(KINDS[name])
    each_freeze(
        new_world,
        lambda world: serve_all(dispatcher(world)),
        serve_the_rest,
        check_against(reference_of(name, new_world), kind, 0),
    )
