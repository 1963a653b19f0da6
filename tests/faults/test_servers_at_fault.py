"""Each fault of a server alone, under a real dispatcher and a client that writes: nothing lost, nothing twice, nothing
early, nothing left behind, and all goes on when the fault is over.

A Redis that is killed or stopped is in `integration/test_redis_restart.py`, the scripts that a full or read-only one
refuses in `store/`. No worker is here: what is in the queue at the end is the record of every push.
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from redis.backoff import ConstantBackoff, NoBackoff
from redis.retry import Retry

from faults import server_faults
from faults.checker import Ledger, Verdict
from faults.injections import frozen_before, wrong_clock
from integration import nursery
from integration.helpers import INDEX, KEYS
from rq_scheduler import Every, Scheduler
from rq_scheduler.clock import US, from_us
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.runs import run_id
from support import PATIENCE, wait_until

NOTHING = "jobs_for_tests.nothing"


def now() -> int:
    return time.time_ns() // 1000


@dataclass
class Site:
    """A server of the test's own, its dispatchers, a client, and the client's account of what it was promised."""

    server: EmbeddedRedis
    admin: redis_py.Redis
    client: redis_py.Redis
    ledger: Ledger = field(default_factory=Ledger)
    dispatchers: list[BaseProcess] = field(default_factory=list)
    ends: int = 0

    @property
    def scheduler(self) -> Scheduler:
        return Scheduler(connection=self.client)

    def dispatch(self, number: int = 1, prepare: Callable[[], None] | None = None) -> None:
        """Starts dispatchers; returns when they serve."""
        for _ in range(number):
            name = self.start(prepare)
            wait_until(lambda name=name: self.admin.zscore(KEYS.dispatchers, name) is not None)

    def start(self, prepare: Callable[[], None] | None = None) -> str:
        """Starts a dispatcher, and returns its name at once."""
        name = f"d{len(self.dispatchers)}"
        self.dispatchers.append(nursery.start(self.server.url, prepare=prepare, name=name))
        return name

    def load(self, seconds: float = 1.0, *, one_offs: int = 100, schedules: int = 5) -> None:
        """One-offs, and schedules with ten instants a second, that are due within so many seconds."""
        dice = random.Random(7)
        start = now() + 300_000
        self.ends = start + round(seconds * US)
        dues = [dice.randrange(start, self.ends) for _ in range(one_offs)]
        items = [(from_us(due), NOTHING) for due in dues]
        for id, due in zip(self.scheduler.enqueue_many(items), dues, strict=True):
            self.ledger.owe(id, due)
        for n in range(schedules):
            self.scheduler.schedules.put(
                f"s{n}", Every(0.1, anchor=from_us(start)), NOTHING,
                overlap="allow", catchup="all", start=from_us(start), end=from_us(self.ends),
            )  # fmt: skip
            there = now()
            for nominal in range(start, self.ends, US // 10):
                if nominal > there:
                    self.ledger.owe_run(f"s{n}", nominal)

    def is_quiet(self) -> bool:
        return not self.admin.zcard(INDEX) and not self.admin.zcard(KEYS.due_schedules)

    def take(self) -> list[str]:
        """Receives what is in the queue, as a worker whose results nobody keeps; a job that recurs stays."""
        ids: list[str] = []
        while member := self.admin.lpop("rq:queue:default"):
            ids.append(id := member.decode())
            at = datetime.strptime(self.admin.hget(f"rq:job:{id}", "enqueued_at").decode(), "%Y-%m-%dT%H:%M:%S.%fZ")
            self.ledger.receive(id, round(at.replace(tzinfo=UTC).timestamp() * US))
            if id == "legacy":
                self.admin.hset(f"rq:job:{id}", "status", "finished")
            else:
                self.admin.delete(f"rq:job:{id}")
        return ids

    def settle(self) -> Verdict:
        """Waits until all is handed off, and judges it."""
        wait_until(lambda: now() > self.ends and self.is_quiet())
        assert nursery.end(self.dispatchers) == [0] * len(self.dispatchers)
        self.dispatchers.clear()
        self.take()
        verdict = self.ledger.verdict(self.admin, late_after_us=US // 2)
        assert verdict.clean, str(verdict)
        return verdict


@pytest.fixture
def site(server_choice: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    options = getattr(request, "param", {})
    server = server_faults.fragile_server(server_choice, tmp_path / "redis", **options).start()
    admin = redis_py.Redis.from_url(server.url, retry=Retry(ConstantBackoff(0.05), 100))
    client = redis_py.Redis.from_url(server.url, retry=Retry(NoBackoff(), 0), socket_timeout=PATIENCE)
    made = Site(server, admin, client)
    yield made
    for process in made.dispatchers:
        process.kill()
        process.join()
    admin.close()
    made.client.close()
    server.kill()


Fault = Callable[[Site], AbstractContextManager[Any]]

REFUSING: dict[str, tuple[Fault, type[Exception], str]] = {
    "BUSY": (lambda site: server_faults.busy(site.server), redis_py.ResponseError, "BUSY"),
    "OOM": (lambda site: server_faults.out_of_memory(site.admin), redis_py.ResponseError, r"OOM|maxmemory"),
    "MISCONF": (lambda site: server_faults.misconf(site.admin), redis_py.ResponseError, "MISCONF"),
    "READONLY": (lambda site: server_faults.read_only(site.admin), redis_py.ResponseError, r"(?i)read.?only"),
    "NOAUTH": (lambda site: server_faults.with_a_password(site.admin), redis_py.ConnectionError, r"(?i)auth|closed"),
    "NOPERM": (lambda site: server_faults.without_rights(site.admin), redis_py.ResponseError, "no permissions"),
    "LOADING": (lambda site: server_faults.loading(site.server, site.admin), redis_py.ConnectionError, "loading"),
}


class TestAServerThatRefuses:
    @pytest.mark.parametrize("name", REFUSING)
    def test_is_waited_out_and_a_refused_call_leaves_nothing(self, site: Site, name: str) -> None:
        fault, error, words = REFUSING[name]
        site.dispatch()
        site.load()
        wait_until(lambda: site.admin.llen("rq:queue:default") > 20)
        with fault(site):
            began = time.monotonic()
            scheduler = site.scheduler
            calls: list[Callable[[], Any]] = [
                lambda: scheduler.enqueue_in(timedelta(0), NOTHING, job_id="refused"),
                lambda: scheduler.enqueue_many([(timedelta(0), NOTHING)] * 3),
                lambda: scheduler.schedules.put("refused", Every(1), NOTHING),
                lambda: scheduler.schedule(from_us(now()), NOTHING, interval=1, id="refused-too"),
            ]
            # (While it loads, it answers now and then only.)
            for call in calls[:1] if name == "LOADING" else calls:
                with pytest.raises(error, match=words):
                    call()
            wait_until(lambda: time.monotonic() - began > 0.5)
        if name != "LOADING":
            assert not site.is_quiet(), "nothing was due under the fault"
        site.settle()
        assert site.admin.keys("*refused*") == []

    @pytest.mark.parametrize("site", [{"fsync": "everysec"}], indirect=True, ids=[""])
    def test_a_full_disk(self, site: Site) -> None:
        """Redis refuses writes while its AOF cannot grow."""
        site.dispatch()
        site.load()
        with server_faults.full_disk(site.server):
            wait_until(lambda: self._is_refused(site), interval=0.05)
            began = time.monotonic()
            wait_until(lambda: time.monotonic() - began > 0.5)
        wait_until(lambda: not self._is_refused(site), interval=0.05)
        site.settle()

    @staticmethod
    def _is_refused(site: Site) -> bool:
        id = f"o{now()}"
        site.ledger.maybe(id, 0)
        try:
            site.scheduler.enqueue_in(timedelta(0), NOTHING, job_id=id)
        except redis_py.ResponseError as error:
            return "MISCONF" in str(error)
        site.ledger.owe(id, 0)
        return False

    def test_a_full_disk_under_an_aof_that_is_always_written(self, site: Site) -> None:
        """Redis ends itself rather than acknowledge what it cannot keep."""
        site.dispatch()
        site.load()
        with server_faults.full_disk(site.server):
            wait_until(lambda: not site.server.running)
            with pytest.raises(redis_py.ConnectionError):
                site.scheduler.enqueue_in(timedelta(0), NOTHING)
        site.server.start()
        site.settle()


class TestAServerThatDoesNotAnswer:
    @pytest.mark.parametrize("name", ["paused", "paused for writes", "frozen"])
    def test_for_a_while(self, site: Site, name: str) -> None:
        faults: dict[str, Fault] = {
            "paused": lambda site: server_faults.paused(site.admin, 0.6, all=True),
            "paused for writes": lambda site: server_faults.paused(site.admin, 0.6, all=False),
            "frozen": lambda site: server_faults.frozen(site.server),
        }
        site.dispatch()
        site.load()
        wait_until(lambda: site.admin.llen("rq:queue:default") > 20)
        answered = threading.Event()

        def write() -> None:
            site.ledger.owe(site.scheduler.enqueue_in(timedelta(0), NOTHING).id, 0)
            answered.set()

        with faults[name](site):
            writer = threading.Thread(target=write, daemon=True)
            began = time.monotonic()
            writer.start()
            # Without an answer, if it was still in that state at the end of this.
            assert not answered.wait(0.4) or time.monotonic() - began > 0.5
        assert answered.wait(PATIENCE)
        site.settle()


class TestConnections:
    def test_that_are_ended_all_the_time(self, site: Site) -> None:
        """CLIENT KILL, of those that listen too, as often as a dispatcher can come back."""
        site.dispatch(2)
        site.load()
        killed = 0
        while now() < site.ends or killed <= 10:
            killed += site.admin.client_kill_filter(_type="normal", skipme=True)
            killed += site.admin.client_kill_filter(_type="pubsub", skipme=True)
            time.sleep(0.1)  # the load, not a wait
        site.settle()


class TestScripts:
    def test_that_are_forgotten_between_any_two_calls(self, site: Site) -> None:
        site.dispatch(2)
        with server_faults.without_scripts(site.admin) as flushed:
            site.load()
            wait_until(lambda: now() > site.ends and site.is_quiet() and flushed[0] > 50)
        site.settle()


class TestAWrongWallClock:
    @pytest.mark.parametrize("hours", [-5, 5])
    def test_of_a_dispatcher_decides_nothing(self, site: Site, hours: int) -> None:
        site.dispatch(prepare=partial(wrong_clock, hours * 3600))
        site.load()
        site.scheduler.schedule(from_us(site.ends), NOTHING, interval=3600, repeat=1, id="legacy")
        site.ledger.owe("legacy", site.ends)
        assert max(site.settle().lateness) < PATIENCE * US

    def test_of_one_of_two(self, site: Site) -> None:
        """They agree on what is missed, and on what is due."""
        site.dispatch(prepare=partial(wrong_clock, -5 * 3600))
        site.dispatch(prepare=partial(wrong_clock, 26 * 3600))
        site.load()
        assert max(site.settle().lateness) < PATIENCE * US


class TestAFrozenDispatcher:
    """SIGSTOP with a plan in its hands. What it commits when it goes on is refused, if it is not what is wanted now."""

    @staticmethod
    def freeze(site: Site, operation: str) -> int:
        """A dispatcher that will stop before it commits, maybe before anybody has seen it serve. Returns its process
        id."""
        site.start(partial(frozen_before, operation))
        pid = site.dispatchers[-1].pid
        assert pid is not None
        return pid

    @staticmethod
    def is_frozen(pid: int) -> bool:
        return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.startswith(
            "T"
        )

    def test_doubles_nothing_that_others_have_done(self, site: Site) -> None:
        """Also where the jobs of the first time are gone by then."""
        pid = self.freeze(site, "fire")
        site.load(0.6, schedules=3)
        wait_until(lambda: self.is_frozen(pid))
        site.dispatch()
        wait_until(lambda: now() > site.ends and site.is_quiet())
        site.take()
        os.kill(pid, signal.SIGCONT)
        site.settle()

    def test_doubles_no_run_of_a_recurring_job(self, site: Site) -> None:
        pid = self.freeze(site, "write_plans")
        first, runs = now() + 300_000, 8
        site.scheduler.schedule(from_us(first), NOTHING, interval=0.2, repeat=runs, id="legacy", catchup="all")
        for n in range(runs):
            site.ledger.owe_run("legacy", first + n * 200_000, job_id="legacy")
        wait_until(lambda: self.is_frozen(pid))
        site.dispatch()
        wait_until(site.take)
        wait_until(site.take)
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: not site.take() and site.is_quiet(), interval=0.02)
        site.settle()

    def test_does_not_undo_what_was_decided_meanwhile(self, site: Site) -> None:
        """One was paused, one deleted, one deleted and put again, one has another trigger."""
        start = now() + 600_000
        put = partial(site.scheduler.schedules.put, func=NOTHING, overlap="allow", catchup="all", start=from_us(start))
        for id in ("paused", "deleted", "anew", "changed"):
            put(id, Every(60, anchor=from_us(start)))
        pid = self.freeze(site, "fire")
        wait_until(lambda: self.is_frozen(pid))
        site.scheduler.schedules.pause("paused")
        site.scheduler.schedules.delete("deleted")
        site.scheduler.schedules.delete("anew")
        later = now() + 400_000
        for id in ("anew", "changed"):
            site.scheduler.schedules.put(
                id, Every(0.1, anchor=from_us(later)), NOTHING,
                overlap="allow", start=from_us(later), end=from_us(later + 1),
            )  # fmt: skip
            site.ledger.owe_run(id, later)
        os.kill(pid, signal.SIGCONT)
        wait_until(lambda: now() > later and site.is_quiet())
        assert sorted(site.take()) == [run_id("anew", later), run_id("changed", later)]
        site.settle()
