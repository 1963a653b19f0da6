"""The programs under measurement: each a process in an environment of its own, told what to do over a pipe.

A target stays alive over all rounds, so that its imports and first connections are not measured. It ends with this
process: its input ends then.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DRIVERS = Path(__file__).resolve().parent / "drivers"

COMMIT = os.environ.get("BENCH_BEFORE") or "f527866"
"""What BEFORE is: the last commit before plans became data in Redis, unless the environment names another."""

OURS, BEFORE, LIMIT, PEER = "rq-scheduler 1.0", f"rq-scheduler 1.0 at {COMMIT}", "the bare script", "rq-scheduler 0.14"
UNFOLLOWED = "rq-scheduler 1.0, following no run"
AWAITED = "rq-scheduler 1.0, awaited"
BLIND, SEEING = "the bare script, told the queue", "the bare script, reading what decides"
BARE_CALL = "RQ's job, the bare script"
VISITORS, WATCHERS = "visitors of the web", "watchers of its event stream"
RQ_OWN, RQ_CRON, REDISCRON = "RQ's own scheduler", "`rq cron`", "rq-rediscron"

LONGEST = 180
"""Seconds that one thing to do may take."""

_PROGRAMS = {
    OURS: (".venv", "ours"),
    BEFORE: (".venv", "ours"),
    UNFOLLOWED: (".venv", "ours"),
    AWAITED: (".venv", "awaited"),
    LIMIT: (".venv", "limit"),
    BLIND: (".venv", "limit"),
    SEEING: (".venv", "limit"),
    BARE_CALL: (".venv", "limit"),
    PEER: (".venvs/peer-newest", "rq_scheduler_0_14"),
    RQ_OWN: (".venv", "rq_own"),
    RQ_CRON: (".venv", "rq_own"),
    REDISCRON: (".venvs/rediscron", "rq_rediscron"),
    VISITORS: (".venv", "visitors"),
    WATCHERS: (".venv", "visitors"),
}


def python(who: str) -> Path:
    """The interpreter of a program's environment; SystemExit where there is none."""
    found = ROOT / _PROGRAMS[who][0] / "bin" / "python"
    if not found.exists():
        raise SystemExit(f"{who} has no environment at {_PROGRAMS[who][0]}: `make bench` sets it up")
    return found


def environment(who: str) -> dict[str, str]:
    """The variables of a program: ours but for what would steer RQ or Python. BEFORE has the packages of OURS, and its
    own source before them."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("RQ_", "PYTHON"))}
    if who == BEFORE:
        return {**kept, "PYTHONPATH": str(_source(COMMIT))}
    return {**kept, "PYTHONPATH": str(_unfollowing())} if who == UNFOLLOWED else kept


@cache
def _unfollowing() -> Path:
    """The package as it is here, but that no run is noted to be followed."""
    folder = ROOT / ".venvs" / "before" / "unfollowing"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "src", folder)
    include = folder / "rq_scheduler/store/lua/include/open_runs.lua"
    noting = re.compile(r"^( *)function open_runs\.add(_new)?\(.*\)$", re.MULTILINE)
    source, found = noting.subn(r"\g<0>\n\1  do return end", include.read_text("utf-8"))
    if found != 2:
        raise SystemExit(
            f"{include.name} notes open runs in another way now: say in bench/targets.py how to leave it out"
        )
    include.write_text(source, "utf-8")
    return folder


@cache
def _source(commit: str) -> Path:
    """The package as it was at that commit, taken out of this repository once."""
    folder = ROOT / ".venvs" / "before" / commit
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            archive = Path(made) / "src.tar"
            git = ["git", "archive", "--output", archive, commit, "src"]
            told = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False)
            if told.returncode:
                raise SystemExit(
                    f"the benchmark compares with commit {commit}, which `git archive` cannot get here: fetch the "
                    f"whole history, or name another one in BENCH_BEFORE ({told.stderr.strip()})"
                )
            subprocess.run(["tar", "-xf", archive, "-C", made], check=True)
            with suppress(OSError):  # another process was faster
                (Path(made) / "src").rename(folder)
    return folder


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target did: when by the monotonic clock (one for all processes), and its processor time, in seconds."""

    began: float
    ended: float
    cpu: float
    result: Any

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Target:
    """One program under measurement, on one server."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  close() does; a pipe that nobody reads would fill up
        self._process = subprocess.Popen(
            [python(name), "-W", "ignore", DRIVERS / f"{_PROGRAMS[name][1]}.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**environment(name), "BENCH_URL": url},
            text=True,
        )
        self.versions: dict[str, str] = self._answer()["versions"]

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, what: str, **options: Any) -> None:
        """Tells it what to do, and does not wait."""
        self._process.stdin.write(json.dumps({"do": what, "with": options}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Answer:
        """Waits until it has done what it was asked."""
        if not select.select([self._process.stdout], [], [], LONGEST)[0]:
            self._process.kill()
            raise SystemExit(f"{self.name} has not answered for {LONGEST} s:\n{self.said()}")
        return Answer(**self._answer())

    def do(self, what: str, **options: Any) -> Answer:
        self.ask(what, **options)
        return self.answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise SystemExit(f"{self.name} ended unasked:\n{self.said()}")
        return json.loads(line)

    def said(self) -> str:
        """The end of what it has logged."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-2000:]

    def close(self) -> None:
        self._process.communicate()
        self._log.close()


class Targets:
    """The targets of one server, each started when it is first asked for. `versions` is told what each runs with."""

    def __init__(self, url: str, versions: dict[str, dict[str, str]]) -> None:
        self._url = url
        self._versions = versions
        self._started: dict[str, Target] = {}

    def __getitem__(self, name: str) -> Target:
        if name not in self._started:
            self._started[name] = Target(name, self._url)
            self._versions[name] = self._started[name].versions
        return self._started[name]

    def close(self) -> None:
        for target in self._started.values():
            target.close()
