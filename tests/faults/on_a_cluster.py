"""The load of a Redis Cluster failover, in a process of its own: RQ reads its key prefix when it is imported.

    python -m faults.on_a_cluster PORT PID REPLICA_PORT SIGNAL

The cluster is reached at PORT; PID is the node that owns the slot, and is sent SIGNAL under load; the replica at
REPLICA_PORT takes its place. When it says that all is drained, the dispatchers are to be ended. Ends with 0 when
nothing that the replica knew of was lost or doubled.
"""

import os
import sys

import redis as redis_py
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from faults.failover import KEYS, Load, Writer, check_the_tail, resumed_after, wait_for_pushes
from making import now_us
from rq_scheduler import Scheduler
from support import wait_until


def main(port: int, owner: int, replica_port: int, number: int) -> None:
    assert KEYS.prefix == "{site}"
    patient = RedisCluster(host="127.0.0.1", port=port, socket_timeout=1)
    plain = Writer(RedisCluster(host="127.0.0.1", port=port, socket_timeout=1, retry=Retry(NoBackoff(), 0)), "plain")
    with redis_py.Redis(port=replica_port) as replica:
        load = Load(Scheduler(connection=patient), [plain])
        load.save()
        with load:
            wait_for_pushes(patient, 400)
            load.wait_for_writers()
            load.master_ends()
            os.kill(owner, number)
            wait_until(lambda: replica.info("replication")["role"] == "master", interval=0.002, message="no failover")
            promoted_at = now_us(replica)
            wait_until(lambda: plain.before is not None and len(plain.acknowledged) > plain.before + 100)
        wait_until(load.drained, interval=0.05, message=load.behind)
        print("drained", flush=True)
        wait_until(lambda: replica.zcard(KEYS.dispatchers) == 0, message="the dispatchers have not left")
        verdict, lost = load.judge(replica)
        took = resumed_after(replica, promoted_at)
    print(
        f"served again {took * 1000:.0f} ms after the promotion; of {plain.before} acknowledged by the old node "
        f"{len(lost['plain'])} had not reached the replica\n{verdict}"
    )
    assert verdict.clean
    check_the_tail(plain, lost["plain"])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
