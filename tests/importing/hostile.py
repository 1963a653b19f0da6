"""What somebody may put into a store who wants to run code by being read, or to exhaust who reads."""

import os
import pickle
from pathlib import Path
from typing import Any


class Runs:
    """Unpickled, it makes a file."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self._trace}",)


def laughs(depth: int = 40) -> list[Any]:
    """Ten references to ten references to ..., which pickle keeps small."""
    made: list[Any] = ["ha"]
    for _ in range(depth):
        made = [made] * 10
    return made


def as_key(key: bytes) -> bytes:
    """A pickle of a dict that has the object of this one as a key."""
    return b"}" + key.removesuffix(b".") + b"Ns."


def colliding(number: int) -> bytes:
    """A pickle of one of the numbers that Python hashes to 0."""
    return b"\x8a\x0a" + (number * (2**61 - 1)).to_bytes(10, "little")


def endless() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def pickles(trace: Path) -> dict[str, bytes]:
    """By what is wrong with them; each as a job of APScheduler may be stored."""
    runs = Runs(trace)

    def job(**changes: Any) -> bytes:
        state = {"func": "a:b", "trigger": runs, "args": (), "kwargs": {}, "next_run_time": None, **changes}
        return pickle.dumps(state)

    return {
        "empty": b"",
        "garbage": b"\x80\x05garbage",
        "cut": job()[:-20],
        "runs at once": pickle.dumps(runs),
        "runs as trigger": job(),
        "runs as argument": job(args=(runs,)),
        "runs as function": job(func=runs),
        "runs as moment": job(next_run_time=runs),
        "laughs": job(args=laughs()),
        "endless": job(args=endless()),
        "huge number": job(args=(1 << 100_000,)),
        "no job": pickle.dumps([1, 2]),
        "names a trigger": pickle.dumps({"func": "a:b", "trigger": "cron"}),
        "deep": b"(" * 200_000 + b"l" * 200_000 + b".",
        "deep key": as_key(b"N" + b"\x85" * 200_000),
        "deep member": b"\x8f(N" + b"\x85" * 200_000 + b"\x90.",
        "deep frozen member": b"(N" + b"\x85" * 200_000 + b"\x91.",
        "laughs as key": as_key(b"N" + b"22\x87" * 60),
        "keys that hash alike": b"}" + b"".join(as_key(colliding(n))[1:-1] for n in range(1, 40_000)) + b".",
        "large": pickle.dumps({"func": "a" * 2_000_000}),
    }


TEXTS = {
    "empty": "",
    "garbage": "{{{",
    "deep": "[" * 100_000,
    "list": "[1]",
    "number": "1",
    "no schedule": '{"name": "x", "task": "os.system", "schedule": null}',
    "unknown type": '{"name": "x", "task": "os.system", "schedule": {"__type__": "os.system"}}',
    "wrong fields": '{"name": "x", "task": "a.b", "schedule": {"__type__": "crontab", "minute": {"a": 1}}}',
    "wrong interval": '{"name": "x", "task": "a.b", "schedule": {"__type__": "interval", "every": "soon"}}',
    "endless interval": '{"name": "x", "task": "a.b", "schedule": {"__type__": "interval", "every": 1e400}}',
    "wrong rule": '{"name": "x", "task": "a.b", "schedule": {"__type__": "rrule", "freq": 99, "dtstart": 1}}',
    "wrong name": '{"name": [], "task": "a.b", "schedule": {"__type__": "interval", "every": 1}}',
    "terminal": '{"name": "\\u001b[2Jx", "task": "a.b\\nc", "schedule": {"__type__": "interval", "every": 60}}',
    "large": "1" * 2_000_000,
}
"""Definitions of RedBeat."""
