"""The whole life of a dispatcher, from its announcement to its farewell, cut and frozen at every command.

What a pass does is cut in `test_cuts_of_a_pass.py`; here is what lies around it: the check of the server, birth, the
fence, the subscription, the heartbeat, the look at everything, leaving.
"""

from collections.abc import Callable

import pytest
import redis as redis_py

from faults.cutting import Point, World, difference, each_freeze, each_point, shape
from faults.entries import of_0_14
from faults.proxy import Proxy
from faults.writes import MINUTE, pending, put, recurring
from making import Told
from rq_scheduler.dispatcher import Dispatcher, Options, sweep

pytestmark = pytest.mark.once

MAY_DIFFER = (
    "rq:scheduler_instance:",
    "rq:scheduler:dispatchers",
    "rq:scheduler:heartbeats",
    "rq:scheduler:run_id",
    "rq:scheduler:last_look",
    "rq:scheduler:unserved",
    "rq:scheduler:events",
    "rq:scheduler:schedule:old",
)
"""Keys that stand for living dispatchers and for what these see, and the record that says when 0.14's job was adopted,
which the next dispatcher may do a minute later."""

RUNS = 11

LONG = 3600
"""Seconds."""


@pytest.fixture(autouse=True)
def _same_commands_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is: a page of the look at everything is a step, and one heartbeat is enough."""
    monkeypatch.setattr(sweep, "SLICE", 0)
    monkeypatch.setattr(f"{Dispatcher.__module__}.HEARTBEAT", LONG)


@pytest.fixture
def new_world(redis: redis_py.Redis, proxy: Proxy) -> Callable[[], World]:
    def make() -> World:
        world = World(redis, proxy)
        world.serving = Options(rq_overdue="run", take_fence=True, adopt_timezones=("UTC",))
        pending(world)
        put(world)
        recurring(world)
        world.clock.move(MINUTE)
        # Due later, so it is adopted by the look at everything.
        of_0_14(world, cron_string="*/2 * * * *", use_local_timezone=False)
        redis.zadd("rq:scheduler:scheduled_jobs", {"old": world.now / 1e6 + MINUTE})
        redis.set("rq:scheduler_lock", "a 0.14 daemon that was killed", px=60_000)
        return world

    return make


class Mortal(Told):
    """Ends its dispatcher when Redis is lost, as SIGKILL would have."""

    def redis_lost(self, error: BaseException) -> None:
        super().redis_lost(error)
        self.die()

    def die(self) -> None:
        """Set by `run`."""


def run(world: World, events: Told, pause: Callable[[float], None] = lambda seconds: None) -> None:
    """A dispatcher, from beginning to end: stopped when it would sleep for the first time; a pause takes no time."""
    made = world.remote_dispatcher(events=events, ttl=LONG)
    made._pause = pause  # type: ignore[method-assign]
    made._waker.sleep = lambda seconds: made.request_stop()  # type: ignore[method-assign]
    if isinstance(events, Mortal):
        events.die = made.request_stop  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        made.run()


def settled(world: World) -> dict[str, str]:
    """What is in Redis and has to be the same."""
    return {key: content for key, content in shape(world.redis).items() if not key.startswith(MAY_DIFFER)}


class Reference:
    """What comes of an undisturbed life."""

    def __init__(self, new_world: Callable[[], World]) -> None:
        self._good: set[bytes] = set()
        world = new_world()
        told = Told()
        run(world, told)
        kinds = {kind for kind, *_ in told.others}
        assert {"adopted", "stopped"} <= kinds
        assert "lost" not in kinds
        world.serve()
        verdict = world.judge(world.received)
        assert verdict.clean, verdict
        assert world.received.total() == RUNS, world.received
        self.received, self.shape = world.received, settled(world)
        world.close()

    def check(self, point: Point) -> None:
        """All is as after that."""
        world = point.world
        world.let_leases_lapse()
        state = world.state()
        if state not in self._good:
            world.serve()
            self.check_now(point)
            self._good.add(state)

    def check_now(self, point: Point) -> None:
        """The same, of what has been served already."""
        verdict = point.world.judge(self.received)
        assert verdict.clean, verdict
        assert point.world.received == self.received
        assert settled(point.world) == self.shape, difference(self.shape, settled(point.world))


def test_it_dies(new_world: Callable[[], World]) -> None:
    reference = Reference(new_world)

    def check(point: Point) -> None:
        point.world.redis.delete("rq:scheduler_lock")  # expires in real time
        reference.check(point)

    each_point(new_world, lambda world: run(world, Mortal()), check, for_good=True)


def test_it_goes_on(new_world: Callable[[], World]) -> None:
    """At once: neither its own name nor its own fence is in its way."""
    reference = Reference(new_world)
    pauses: list[float] = []

    def act(world: World) -> None:
        told = Told()
        run(world, told, pauses.append)
        assert world.redis.exists("rq:scheduler:schedule:old"), "the look at everything was not begun again"
        # At its farewell there is nothing to go on with.
        kinds = [kind for kind, *_ in told.others]
        assert ("back" in kinds) == ("lost" in kinds and "stopped" in kinds), kinds

    each_point(new_world, act, reference.check)
    assert max(pauses) < 0.5, "a dispatcher whose connection was cut waited for something"


def test_it_is_frozen(new_world: Callable[[], World]) -> None:
    reference = Reference(new_world)

    def meanwhile(world: World) -> None:
        world.redis.delete("rq:scheduler_lock")
        world.let_leases_lapse()
        world.serve()

    each_freeze(new_world, lambda world: run(world, Told()), meanwhile, reference.check_now)
