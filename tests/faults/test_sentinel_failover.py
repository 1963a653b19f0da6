"""Three sentinels, a master and two replicas: the master dies, or freezes and comes back, under load."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

import jobs_for_tests
from faults.failover import Load, Writer, check_the_tail, handed_off, resumed_after, wait_for_pushes
from integration.helpers import actions
from making import now_us
from rq_scheduler import Scheduler
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.guarded_process import GuardedProcess
from servers import SentinelSetup
from support import Processes, command, wait_until

pytestmark = pytest.mark.once

REPLICAS = 2


@pytest.fixture
def setup(server_choice: str) -> Iterator[SentinelSetup]:
    with SentinelSetup(server_choice, sentinels=3, followers=REPLICAS) as setup:
        yield setup


@pytest.fixture
def dispatchers(setup: SentinelSetup, processes: Processes) -> list[GuardedProcess]:
    """Two, as the command line starts them."""
    options = ("--sentinel", setup.option, "-v", "--log-format", "json")
    started = [processes.start(command("rqscheduler"), *options, log=f"dispatcher{n}.log") for n in range(2)]
    for one in started:
        wait_until(lambda one=one: "serves" in one.output() or not one.running, message=one.output)
        assert one.running, one.output()
    return started


def impatient(setup: SentinelSetup) -> redis_py.Redis:
    """The client of an application that wants to hear at once of a master that is gone."""
    return setup.client(retry=Retry(NoBackoff(), 0), socket_timeout=1)


def under_load(setup: SentinelSetup, end: Callable[[EmbeddedRedis], None]) -> tuple[Load, EmbeddedRedis, int]:
    """A client that takes acknowledged for safe ("plain") and one that asks the replicas ("careful"), while `end` does
    away with the master. Returns when all is served, with the promoted server and the time of its promotion."""
    plain = Writer(impatient(setup), "plain")
    careful = Writer(impatient(setup), "careful", replicas=REPLICAS)
    load = Load(Scheduler(connection=setup.client(socket_timeout=1)), [plain, careful])
    load.save()
    assert load.scheduler.connection.wait(REPLICAS, 60_000) == REPLICAS
    with load:
        wait_for_pushes(load.scheduler.connection, 400)
        load.wait_for_writers()
        load.master_ends()
        end(setup.master)
        promoted = setup.promoted()
        with redis_py.Redis(port=promoted.port) as redis:
            promoted_at = now_us(redis)
        # (WAIT asks for a replica that is not there any more: the careful one is told so each time.)
        wait_until(lambda: plain.before and len(plain.acknowledged) > plain.before + 100 and careful.unsure)
    wait_until(load.drained, interval=0.05, message=load.behind)
    return load, promoted, promoted_at


def judge(load: Load, promoted: EmbeddedRedis, promoted_at: int, dispatchers: list[GuardedProcess]) -> None:
    """Holds the account against what is promised. Says how long after the promotion it was served again."""
    for one in dispatchers:
        assert one.terminate() == 0, one.output()
    with redis_py.Redis(port=promoted.port) as redis:
        verdict, lost = load.judge(redis)
        took = resumed_after(redis, promoted_at)
    told = Counter(id for one in dispatchers for said in actions(one, "handed_off") for id, *_ in said["handed_off"])
    plain, careful = load.writers
    print(
        f"served again {took * 1000:.0f} ms after the promotion; of {plain.before} acknowledged by the old master "
        f"{len(lost['plain'])} had reached no replica, of {careful.before} with WAIT {len(lost['careful'])}; "
        f"{sum(times > 1 for times in told.values())} handed off by the old master, which the promoted one did not "
        f"know, and again\n{verdict}"
    )
    assert verdict.clean, str(verdict)
    check_the_tail(plain, lost["plain"])
    assert lost["careful"] == []


@pytest.mark.long
def test_the_master_dies(setup: SentinelSetup, dispatchers: list[GuardedProcess]) -> None:
    judge(*under_load(setup, EmbeddedRedis.kill), dispatchers)


@pytest.mark.long
def test_the_master_freezes_and_comes_back(setup: SentinelSetup, dispatchers: list[GuardedProcess]) -> None:
    """It wakes as a master still, until the sentinels tell it. What was on its way to it, and what it is sent then,
    does not count."""

    def freeze(master: EmbeddedRedis) -> None:
        os.kill(master.pid, signal.SIGSTOP)

    load, promoted, promoted_at = under_load(setup, freeze)
    setup.hurry()
    with redis_py.Redis(port=setup.master.port) as old, redis_py.Redis(port=promoted.port) as new:
        os.kill(setup.master.pid, signal.SIGCONT)
        stray: set[str] = set()

        def is_replica() -> bool:
            try:
                pushed, known = handed_off(old), old.info("replication")
            except redis_py.ConnectionError:
                return False  # whoever is connected to it is cut off when it is demoted
            if known["role"] == "master":
                stray.update(id for id, at in pushed if at >= promoted_at)
            return known["role"] == "slave" and known["master_link_status"] == "up"

        wait_until(is_replica, interval=0.02)
        with pytest.raises(redis_py.ResponseError, match=r"READONLY|read only replica"):
            Scheduler(connection=old).enqueue_in(timedelta(0), jobs_for_tests.nothing)
        wait_until(load.drained)
        judge(load, promoted, promoted_at, dispatchers)
        print(f"{len(stray)} handed off by the old master after it woke, none of which counts")
        wait_until(lambda: handed_off(old) == handed_off(new))
