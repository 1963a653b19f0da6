"""What `doctor` finds, as JSON and for people: each check with its judgement and a remedy. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from rq_scheduler.client.diagnosis import Diagnosis
from rq_scheduler.humanize import counted, length
from rq_scheduler.views.problems import problems
from rq_scheduler.views.table import Part

__all__ = ["Check", "checks", "render", "serialize"]

OFF_BY = timedelta(seconds=1)
"""How far a clock may be from Redis's."""

_NAMED = 10

_STYLES = {"ok": "green", "note": "yellow", "wrong": "red"}


@dataclass(frozen=True, slots=True)
class Check:
    """`about` is for programs, and does not change. "note": worth knowing; "wrong": to be mended."""

    about: str
    state: Literal["ok", "note", "wrong"]
    text: str


def checks(found: Diagnosis) -> list[Check]:
    """All of them, in the order in which they are made."""
    return [
        *_versions(found),
        *_redis(found),
        *_clocks(found),
        *_zones(found),
        *_rights(found),
        *_functions(found),
        *_workers(found),
        *(
            Check(problem.code, "wrong", str(problem))
            for problem in problems(found.health)
            if problem.code not in _SAID
        ),
    ]


_SAID = ("eviction", "no_worker")
"""Problems of `status` that a check of its own tells more of."""


def serialize(found: Diagnosis) -> dict[str, Any]:
    """The JSON."""
    made = checks(found)
    return {"healthy": all(check.state != "wrong" for check in made), "checks": [asdict(check) for check in made]}


def render(found: Diagnosis) -> Iterator[Part]:
    """A line for each."""
    made = checks(found)
    for check in made:
        yield f"{check.state:<5}  {check.text}", _STYLES[check.state]
    wrong = sum(check.state == "wrong" for check in made)
    yield ""
    yield f"{counted(wrong, 'thing is', 'things are')} wrong." if wrong else "Nothing is wrong."


def _versions(found: Diagnosis) -> Iterator[Check]:
    here = ", ".join(f"{name} {number}" for name, number in found.versions.items())
    yield Check(
        "versions", "ok", f"versions here: {here}; Redis {found.health.server.get('redis_version', 'does not tell')}"
    )
    others = {one.fields.get("version", "?") for one in found.health.dispatchers} - {found.versions["rq-scheduler"]}
    if others:
        text = f"dispatchers of other versions are alive: {', '.join(sorted(others))}; in the end all should be of one"
        yield Check("dispatcher_versions", "note", text)
    others = {one.rq_version for one in found.workers if one.rq_version} - {found.versions["RQ"]}
    if others:
        yield Check("worker_versions", "note", f"workers run RQ {', '.join(sorted(others))}")


def _redis(found: Diagnosis) -> Iterator[Check]:
    server = found.health.server
    policy = server.get("maxmemory_policy")
    evicts = [str(problem) for problem in problems(found.health) if problem.code == "eviction"]
    if policy is None:
        yield Check("eviction", "note", "maxmemory-policy is not told to this user: it has to be noeviction")
    else:
        yield Check("eviction", "wrong" if evicts else "ok", evicts[0] if evicts else f"maxmemory-policy is {policy}")
    if "aof_enabled" not in server:
        yield Check("persistence", "note", "whether Redis keeps its data on disk is not told to this user")
        return
    failed = [name for name in ("aof_last_write_status", "rdb_last_bgsave_status") if server.get(name, "ok") != "ok"]
    if failed:
        yield Check(
            "persistence", "wrong", f"Redis could not write its data to disk ({', '.join(failed)}): see its log"
        )
    elif server["aof_enabled"] == "1":
        yield Check("persistence", "ok", "Redis writes an append-only file")
    else:
        text = "Redis writes no append-only file: a crash loses what came after the last snapshot (appendonly yes)"
        yield Check("persistence", "note", text)


def _clocks(found: Diagnosis) -> Iterator[Check]:
    off = {"this host": found.ahead, **{f"dispatcher {name}": by for name, by in found.dispatchers_ahead.items()}}
    wrong = [f"{who} {_ahead(by)}" for who, by in off.items() if abs(by) > OFF_BY]
    if wrong:
        text = f"clocks differ from Redis's, which decides what is due: {', '.join(wrong[:_NAMED])}; set them by NTP"
        yield Check("clocks", "wrong", text)
    else:
        yield Check("clocks", "ok", f"the clocks of {counted(len(off), 'process', 'processes')} agree with Redis's")


def _ahead(by: timedelta) -> str:
    return f"is {length(abs(by))} {'ahead' if by > timedelta(0) else 'behind'}"


def _zones(found: Diagnosis) -> Iterator[Check]:
    if found.zones:
        text = (
            f"zones of schedules are not known here: {', '.join(sorted(found.zones)[:_NAMED])}; pip install -U tzdata"
        )
        yield Check("zones", "wrong", text)
    else:
        yield Check("zones", "ok", f"zone data {found.zone_data}; this host is in {found.host_zone}")


def _rights(found: Diagnosis) -> Iterator[Check]:
    who = found.user or "this user"
    if found.refused:
        text = f"{who} may not use {', '.join(found.refused)}: docs/acl.md says what is needed for what"
        yield Check("rights", "wrong" if "EVAL" in found.refused else "note", text)
    elif found.health.wakeup_refused:
        text = f"{who} may not use the wake-up channel: dispatchers find what is due at their next poll"
        yield Check("rights", "note", text)
    else:
        yield Check("rights", "ok", f"{who} has the rights that are needed")


def _functions(found: Diagnosis) -> Iterator[Check]:
    for func, why in list(found.functions.items())[:_NAMED]:
        yield Check("functions", "note", f"{func} cannot be imported here, and has to be where workers run: {why}")
    if len(found.functions) > _NAMED:
        yield Check("functions", "note", f"{len(found.functions) - _NAMED} more functions cannot be imported here")
    if not found.functions:
        some = " of the first thousand schedules" if found.more else ""
        yield Check("functions", "ok", f"all functions{some} can be imported here")


def _workers(found: Diagnosis) -> Iterator[Check]:
    heard = found.health.heard
    waiting = {name for name, jobs in found.health.queues.items() if jobs}
    for name in sorted((found.queues | waiting) - heard.keys())[:_NAMED]:
        jobs = found.health.queues.get(name, 0)
        text = f"no worker listens on {name!r}, in which {counted(jobs, 'job waits', 'jobs wait')}: rq worker {name}"
        yield Check("workers", "wrong" if jobs else "note", text)
    listening = ", ".join(f"{name} {count:,}" for name, count in sorted(heard.items())[:_NAMED]) or "none"
    yield Check("workers", "ok" if heard else "note", f"workers by queue: {listening}")
