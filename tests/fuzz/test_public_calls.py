"""Every public call, with values that its parameters were not made for: it returns, or refuses in words of ours and
writes nothing; and whatever it has written, nothing else is held up."""

# ruff: noqa: BLE001, PT017  (what is raised is what is tested)

import time
import traceback
import warnings
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
import redis as redis_py
from hypothesis import strategies as st

import jobs_for_tests as jobs
from fuzz import hostile
from fuzz.calls import AWAITED, CLASSES, NEVER_HOSTILE, VALUES, Call, public_calls, public_classes
from fuzz.conftest import Fuzz
from fuzz.hostile import NotMe
from fuzz.worlds import World, content, goes_on
from rq_scheduler.clock import US, duration_us
from rq_scheduler.errors import SchedulerError
from schedules.helpers import START

pytestmark = pytest.mark.once

CALLS = public_calls()
SECONDS = 5.0
"""Of this process's own time, for one call; the slowest takes a hundredth."""
READ = 50
"""How much of an endless answer is read."""
ENDLESS = {(call.name, "n") for call in CALLS} | {("Schedules.upcoming", "limit"), ("ManualDispatcher.tick", "delta")}
"""Parameters that say how much is worked out: whoever asks for a billion waits for a billion."""


@pytest.fixture
def world(redis: redis_py.Redis) -> Iterator[World]:
    yield World(redis)
    redis.flushall()  # foreign hands leave what they like


class Given(dict[str, Any]):
    """Arguments, which can be shown even where one of them cannot."""

    def __repr__(self) -> str:
        shown: list[str] = []
        for name, value in self.items():
            try:
                shown.append(f"{name}={value!r:.200}")
            except Exception as error:
                shown.append(f"{name}=<{type(value).__name__}: {error!r}>")
        return ", ".join(shown)


@st.composite
def arguments(draw: st.DrawFn, call: Call) -> Given:
    """Fitting ones for what has to be given and for some of the rest, and one or two that are hostile."""
    required = {each.name for each in call.parameters if each.default is each.empty and each.kind < each.VAR_KEYWORD}
    may_be_hostile = [name for name in call.names if (call.name, name) not in NEVER_HOSTILE]
    wrong = draw(st.lists(st.sampled_from(may_be_hostile), max_size=2, unique=True)) if may_be_hostile else []
    some = draw(st.lists(st.sampled_from(call.names), max_size=3, unique=True)) if call.names else []
    given = Given()
    for name in call.names:
        if name in wrong:
            given[name] = value = draw(shaped(name))
            if (call.name, name) in ENDLESS and asks_for_too_much(value):
                given[name] = READ
        elif (name in required or name in some) and call.fits(name):
            given[name] = draw(st.sampled_from(call.fits(name)))
    return given


def asks_for_too_much(value: Any) -> bool:
    """Whether this is a valid number (of seconds, perhaps in words) beyond what an example has the time for."""
    try:
        return duration_us(value, "value") > READ * US
    except Exception:
        return False  # refused


def shaped(name: str) -> st.SearchStrategy[Any]:
    """Hostile values, some in the form that the parameter has, so that they come further."""
    values = hostile.values
    if name == "items":
        item = st.tuples(st.sampled_from([START, timedelta(1)]) | values, st.just(jobs.echo) | values)
        return st.lists(item | st.tuples(st.just(START), st.just(jobs.echo), values) | values, max_size=3) | values
    if name in ("args", "tags", "depends_on", "definitions", "exclude", "webhooks"):
        return st.lists(values, max_size=3) | st.lists(values, max_size=3).map(tuple) | values
    if name in ("kwargs", "meta", "rate_limit"):
        keys = st.text(max_size=3) | st.sampled_from(["interval", "repeat", "cron_string", "queue_class_name", "key"])
        return st.dictionaries(keys, values, max_size=3) | values
    return values


def face(call: Call) -> str:
    """The class whose call it is, where that has many; the others share their examples."""
    owner = call.name.partition(".")[0]
    return owner if owner in ("Scheduler", "Schedules", "Schedule", "Quarantine", "ManualDispatcher") else "the rest"


@pytest.mark.parametrize("of", sorted({face(call) for call in CALLS}))
@pytest.mark.long
def test_hostile_arguments(fuzz: Fuzz, world: World, of: str) -> None:
    calls = [call for call in CALLS if face(call) == of]
    strategy = st.one_of(*(st.tuples(st.just(call), arguments(call)) for call in calls))

    def check(made: tuple[Call, dict[str, Any]]) -> None:
        holds(world, *made)

    fuzz(max(10, min(2 * sum(len(call.names) for call in calls), 125)), check, made=strategy)


def holds(world: World, call: Call, given: dict[str, Any]) -> None:
    world.reset()
    target = call.of(world)
    positional, keywords = call.bind({**given, **of_world(world, call)})
    before = content(world.redis)
    began = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = target(*positional, **keywords)
            if isinstance(answer, Iterator):
                answer = list(islice(answer, READ))
    except Exception as error:
        assert is_documented(error, given), (
            f"{call.name} raised {error!r}\n{''.join(traceback.format_exception(error))}"
        )
        assert content(world.redis) == before, f"{call.name} raised {error!r}, and has written"
    assert time.process_time() - began < SECONDS, f"{call.name} takes too long"
    if content(world.redis) != before:
        goes_on(world)


def of_world(world: World, call: Call) -> dict[str, Any]:
    has = {"connection": world.redis, "clock": world.clock, "scheduler": world.scheduler}
    return {name: has[name] for name in call.names if name in has}


def is_documented(error: Exception, given: dict[str, Any]) -> bool:
    """One of ours; what the caller's own object raises; or Python's word on a call that gives too much or too little,
    and on a value that cannot be shown: a number of 5,000 digits, a list 100,000 deep."""
    if isinstance(error, SchedulerError):
        return True
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    if any(isinstance(each, NotMe) for each in chain):
        return True
    said = str(error)
    if isinstance(error, RecursionError) and "getting the repr" in said:
        return True
    if isinstance(error, ValueError) and "for integer string conversion" in said:
        return True
    return isinstance(error, TypeError) and ("required" in said or ("argument" in said and "()" in said))


def test_every_public_class_is_called() -> None:
    missing = public_classes() - set(CLASSES) - VALUES - AWAITED
    assert not missing, (
        f"give an instance of {missing} in fuzz/calls.py (CLASSES), or say that it is only read (VALUES)"
    )


def test_every_parameter_has_values_that_fit() -> None:
    world = ("connection", "clock", "scheduler", "changes")
    missing = [
        f"{call.name}: {name}" for call in CALLS for name in call.names if not call.fits(name) and name not in world
    ]
    assert not missing, f"name values that fit in fuzz/calls.py (GOOD): {missing}"
