"""What asynchronous replication can lose and double, and what WAIT and min-replicas-to-write buy: a master and one
replica, where the moment from which on nothing reaches the replica is the test's own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import ClassVar

import pytest
import redis as redis_py

import jobs_for_tests
from integration.helpers import save_alike
from making import US, Told, dispatcher, now_us, snapshot, waiting
from rq_scheduler import Scheduler
from rq_scheduler.dispatcher import Dispatcher
from rq_scheduler.embedded import EmbeddedRedis
from support import wait_until

pytestmark = pytest.mark.once

NOW = timedelta(0)


@pytest.fixture
def master(start_server: Callable[..., EmbeddedRedis]) -> Iterator[redis_py.Redis]:
    with redis_py.Redis.from_url(start_server(aof=False, args=["--repl-diskless-sync-delay", "0"]).url) as client:
        yield client


@pytest.fixture
def replica(start_server: Callable[..., EmbeddedRedis], master: redis_py.Redis) -> Iterator[redis_py.Redis]:
    with redis_py.Redis.from_url(start_server(aof=False).url) as client:
        follow(client, master)
        yield client


def follow(replica: redis_py.Redis, master: redis_py.Redis) -> None:
    replica.replicaof("127.0.0.1", port_of(master))
    wait_until(lambda: replica.info("replication")["master_link_status"] == "up")


def port_of(client: redis_py.Redis) -> int:
    return client.connection_pool.connection_kwargs["port"]


@contextmanager
def fewest_replicas(master: redis_py.Redis) -> Iterator[None]:
    """min-replicas-to-write 1, and the replica known not to be there."""
    master.config_set("min-replicas-max-lag", 1)
    master.config_set("min-replicas-to-write", 1)
    wait_until(lambda: master.info("replication")["min_slaves_good_slaves"] == 0)
    yield
    master.config_set("min-replicas-to-write", 0)


class TestWhatHadNotReachedThePromotedReplica:
    def test_is_lost_if_written_and_comes_twice_if_handed_off(self, master: redis_py.Redis, replica: redis_py.Redis):
        """And nothing else: what had reached it is handed off once."""
        scheduler, dispatch = Scheduler(connection=master), dispatcher(master).dispatch_once
        for id in ("before", "twice"):
            scheduler.enqueue_in(timedelta(seconds=0.2 if id == "twice" else 0), jobs_for_tests.nothing, job_id=id)
        wait_until(dispatch)
        assert waiting(master) == ["before"]
        assert master.wait(1, 60_000) == 1

        replica.replicaof("NO", "ONE")
        scheduler.enqueue_in(NOW, jobs_for_tests.nothing, job_id="lost")
        assert master.wait(1, 100) == 0, "so the application knows that no replica has it"
        wait_until(lambda: dispatch() and len(waiting(master)) == 3)

        Scheduler(connection=replica).enqueue_in(NOW, jobs_for_tests.nothing, job_id="after")
        wait_until(lambda: dispatcher(replica).dispatch_once() and len(waiting(replica)) == 3)
        assert sorted(waiting(replica)) == ["after", "before", "twice"]
        assert sorted(waiting(master)) == ["before", "lost", "twice"]

    def test_nothing_is_handed_off_by_halves(
        self, master: redis_py.Redis, replica: redis_py.Redis, running: Callable[..., Dispatcher]
    ):
        """A hand-off reaches the replica whole or not at all, whenever it is cut off."""
        ids = set(save_alike(master, "one", 20_000, queue="default"))
        assert master.wait(1, 60_000) == 1
        running(master)
        wait_until(lambda: replica.llen("rq:queue:default"), interval=0.001)
        replica.replicaof("NO", "ONE")
        pushed = waiting(replica)
        entries = {id.decode() for id in replica.zrange("rq:scheduler:scheduled_jobs", 0, -1)}
        print(f"cut after {len(pushed)} of {len(ids)}")
        assert entries
        assert len(pushed) == len(set(pushed))
        assert entries == ids - set(pushed)


class TestMinReplicasToWrite:
    """A master that is cut off from its replicas refuses what it could not hand on."""

    def test_a_client_is_refused_and_nothing_is_written(self, master: redis_py.Redis):
        scheduler = Scheduler(connection=master)
        with fewest_replicas(master):
            before = snapshot(master)
            with pytest.raises(redis_py.ResponseError, match=r"NOREPLICAS|Not enough good replicas"):
                scheduler.enqueue_in(NOW, jobs_for_tests.nothing)
            assert snapshot(master) == before

    def test_a_dispatcher_waits_for_the_replica(
        self, master: redis_py.Redis, replica: redis_py.Redis, running: Callable[..., Dispatcher], told: Told
    ):
        Scheduler(connection=master).enqueue_in(timedelta(seconds=1.5), jobs_for_tests.nothing)
        replica.replicaof("NO", "ONE")
        with fewest_replicas(master):
            running(master)
            wait_until(lambda: any("Not enough good replicas" in str(other) for other in told.others))
            wait_until(lambda: master.zcount("rq:scheduler:scheduled_jobs", "-inf", now_us(master) / US - 0.5))
            assert waiting(master) == []
            follow(replica, master)
            wait_until(lambda: len(waiting(replica)) == 1)


class Named(redis_py.Connection):
    """To a host name that a managed service points at whoever is master."""

    port_now: ClassVar[int]

    def connect(self) -> None:
        self.port = self.port_now
        super().connect()


def test_a_demoted_master_that_keeps_its_connections(
    master: redis_py.Redis, replica: redis_py.Redis, running: Callable[..., Dispatcher], told: Told
):
    """Sentinel cuts them; a managed service may not, and its name for the master means nothing to an old connection."""
    Named.port_now = port_of(master)
    running(redis_py.Redis(connection_pool=redis_py.ConnectionPool(Named, host="127.0.0.1")))
    Scheduler(connection=master).enqueue_in(NOW, jobs_for_tests.nothing, job_id="a")
    wait_until(lambda: waiting(replica) == ["a"])
    replica.replicaof("NO", "ONE")
    Named.port_now = port_of(replica)
    master.replicaof("127.0.0.1", port_of(replica))
    Scheduler(connection=replica).enqueue_in(NOW, jobs_for_tests.nothing, job_id="b")
    wait_until(lambda: waiting(replica) == ["a", "b"], message=lambda: str(told.others))
    wait_until(lambda: any(other[0] == "back" for other in told.others))
