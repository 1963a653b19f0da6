"""Sentinel and Cluster: a one-off, a recurring job, one of the slow path and one of RQ's registries go through."""

import sys

import pytest
import redis as redis_py

from making import Told, add, dispatcher, entry, now_us, recurring, waiting
from rq_scheduler.store import Store
from rq_scheduler.store.counters import read_counters
from servers import ClusterSetup, SentinelSetup
from support import Processes, wait_until


def test_through_sentinel(sentinel: SentinelSetup) -> None:
    client = sentinel.client()
    store = Store(client)
    now = now_us(client) - 1000
    add(store, entry(client, "a", now), recurring(client, "r", now + 1))
    add(store, entry(client, "s", now + 2, meta={"queue_class_name": "queues_for_tests.Noting"}))
    told = Told()
    one = dispatcher(client, told)
    assert one.dispatch_once().handed_off == 3
    assert sorted(waiting(client)) == ["a", "r", "s"]
    client.wait(1, 60_000)
    sentinel.fail_over()
    now = now_us(client) - 1000
    add(store, entry(client, "b", now))
    add(store, entry(client, "t", now + 1, meta={"queue_class_name": "rq.Queue"}))

    def served() -> bool:
        try:
            one.dispatch_once()
        except redis_py.RedisError:
            return False
        return {"b", "t"} <= {*waiting(client)}

    wait_until(served)
    assert sorted(waiting(client)) == ["a", "b", "r", "s", "t"]
    # The new master has not seen the script that counts in RQ's transaction, either.
    counted = read_counters(client.hgetall(store.keys.counters)).handed_off
    assert counted == {("one-off", "default"): 4, ("recurring", "default"): 1}
    client.close()


ON_A_CLUSTER = """
import sys, threading
sys.path.insert(0, sys.argv[2])
from redis.cluster import RedisCluster
from rq import Queue
from rq.job import Job
from making import Told, add, dispatcher, entry, now_us, recurring, waiting, US
from rq_scheduler.dispatcher import waker
from rq_scheduler.store import Store
from rq_scheduler.store.counters import read_counters
from rq_scheduler.store.survey import Survey
from support import PATIENCE, wait_until

client = RedisCluster.from_url(sys.argv[1])
store = Store(client)
assert store.keys.scheduled_jobs == "{site}:scheduler:scheduled_jobs", store.keys
now = now_us(client) - 1000
first = Queue("first", connection=client).enqueue("jobs_for_tests.nothing", job_id="first")
add(store, entry(client, "a", now), recurring(client, "r", now + 1))
add(store, entry(client, "s", now + 2, meta={"queue_class_name": "rq.Queue"}))
add(store, recurring(client, "t", now + 3, meta={"queue_class_name": "rq.Queue"}))
add(store, entry(client, "d", now + 4, depends_on=first), entry(client, "c", now + 3600 * US))
assert [job.id for page in store.pages() for job in page] == ["a", "r", "s", "t", "d", "c"]
assert store.retry_entries(["a"]) == [("unknown", "")]
survey = Survey(client)
assert (survey.counts().jobs, survey.counts().next_id) == (6, "a")
assert {each.id for page in survey.entries() for each in page} == {b"a", b"r", b"s", b"t", b"d", b"c"}
assert survey.server_facts()["redis_version"] and not survey.misfits() and not survey.daemons()
assert store.cancel("c", 60)
client.hset("{site}:job:q", mapping=entry(client, "q", 0).fields)
client.sadd("{site}:queues", "{site}:queue:default")
client.zadd("{site}:scheduled:default", {"q": now / US - 1})
client.script_flush()
told = Told()
waker.LONGEST_SLEEP = 3600
one = dispatcher(client, told, interval=3600)
thread = threading.Thread(target=one._serve, args=(None,))
thread.start()
wanted = ["a", "q", "r", "s", "t"]
def queued():
    return sorted(id.decode() for id in client.lrange("{site}:queue:default", 0, -1))
wait_until(lambda: queued() == wanted, message=lambda: f"{queued()} {told.delays} {told.others}")
wait_until(lambda: client.zcard(store.keys.dispatchers) == 1)
add(store, entry(client, "soon", now_us(client) + 50_000))
wait_until(lambda: "soon" in queued(), message=lambda: f"not woken: {told.others}")
assert store.cancel_run(Job.fetch("soon", connection=client), 60)
assert "soon" not in queued() and 0 < client.ttl("{site}:job:soon") <= 60
assert Job.fetch("d", connection=client).get_status() == "deferred"
assert store.due_of("r") == now + 1 + 60 * US
counted = read_counters(client.hgetall(store.keys.counters)).handed_off
assert counted == {("one-off", "default"): 4, ("recurring", "default"): 2, ("rq", "default"): 1}, counted
one.request_stop()
thread.join(PATIENCE)
assert not thread.is_alive()
assert not told.delays, told.delays
assert not [other for other in told.others if other[0] in ("lost", "channel_refused")], told.others
print("all through")
"""


@pytest.mark.newest_only
def test_on_a_cluster(cluster: ClusterSetup, processes: Processes) -> None:
    """RQ 3 with a prefix that is a hash tag: all keys of a site in one slot."""
    from support import TESTS

    output = processes.run(
        sys.executable, "-W", "ignore", "-c", ON_A_CLUSTER, cluster.url, str(TESTS), env={"RQ_KEY_PREFIX": "{site}"}
    )
    assert "all through" in output
    left = cluster.keys()
    assert all(key.startswith(b"{site}:") for key in left), left
