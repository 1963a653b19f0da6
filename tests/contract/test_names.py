"""Every public name of the installed 0.14, and every way to call what it has, beside ours."""

import importlib
import inspect
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

import rq_scheduler
from rq_scheduler import Scheduler

# Runs with 0.14's Python: what its modules, its class and an instance have, and how each method may be called.
_LISTING = """
import importlib, inspect, json, types
import redis
from rq_scheduler import Scheduler

def public(thing):
    return [name for name in dir(thing) if not name.startswith("_")]

def is_imported(module, name):
    value = getattr(module, name)
    if module.__name__ == "rq_scheduler":
        return False  # what stands in the package itself is there to be imported from it
    if isinstance(value, types.ModuleType):
        return not value.__name__.startswith("rq_scheduler")
    return isinstance(value, (type, types.FunctionType)) and value.__module__ != module.__name__

modules = {}
for name in ("", ".scheduler", ".utils", ".scripts", ".scripts.rqscheduler"):
    module = importlib.import_module("rq_scheduler" + name)
    modules[module.__name__] = {each: is_imported(module, each) for each in public(module)}
made = Scheduler(connection=redis.Redis(), queue_class="rq.Queue")
calls = {}
for owner in (Scheduler, importlib.import_module("rq_scheduler.utils")):
    for name in [*public(owner), "__init__", "_create_job"]:
        value = inspect.getattr_static(owner, name, None)
        if isinstance(value, types.FunctionType) and value.__module__.startswith("rq_scheduler"):
            calls[owner.__name__ + "." + name] = [
                (each.name, each.kind.name, None if each.default is each.empty else repr(each.default))
                for each in inspect.signature(value).parameters.values()
            ]
print(json.dumps({"modules": modules, "class": public(Scheduler), "instance": public(made), "calls": calls}))
"""

MERELY_IMPORTED = """0.14 imported it for itself (datetime, os, repeat, ...): it is another package's, or another of its
modules', where it can still be imported from."""


@pytest.fixture(scope="module")
def theirs(peer_python: Path) -> dict[str, Any]:
    listing = subprocess.run(
        [str(peer_python), "-W", "ignore", "-c", _LISTING], capture_output=True, text=True, check=True, timeout=50
    )
    return json.loads(listing.stdout)


def test_modules(theirs: dict[str, Any]) -> None:
    assert set(theirs["modules"]) >= {"rq_scheduler", "rq_scheduler.scheduler", "rq_scheduler.utils"}
    excused = {True: MERELY_IMPORTED}
    missing = [
        f"{module}.{name}"
        for module, names in theirs["modules"].items()
        for name, imported in names.items()
        if not hasattr(importlib.import_module(module), name) and imported not in excused
    ]
    assert missing == []


def test_class_and_instance(theirs: dict[str, Any], redis: redis_py.Redis) -> None:
    assert len(theirs["class"]) > 20
    assert set(theirs["class"]) - set(dir(Scheduler)) == set()
    ours = Scheduler(connection=redis, queue_class="rq.Queue")
    assert set(theirs["instance"]) - set(dir(ours)) == set()
    assert ours.queue_class_name == "rq.Queue"
    assert Scheduler(connection=redis).queue_class_name is None


def test_each_call_is_taken(theirs: dict[str, Any]) -> None:
    """Every parameter stands where it stood, under its name and with its default."""
    assert len(theirs["calls"]) >= 25
    owners = {"Scheduler": Scheduler, "rq_scheduler.utils": rq_scheduler.utils}
    for call, parameters in theirs["calls"].items():
        owner, _, name = call.rpartition(".")
        ours = list(inspect.signature(getattr(owners[owner], name)).parameters.values())
        known = [
            (each.name, each.kind.name, None if each.default is each.empty else repr(each.default)) for each in ours
        ]
        assert known[: len(parameters)] == [tuple(each) for each in parameters], call
