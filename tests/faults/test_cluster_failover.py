"""A Redis Cluster whose keys share one slot by a hash tag: the node that owns it dies, or freezes, under load."""

import signal
import sys

import pytest

from servers import ClusterSetup
from support import PATIENCE, Processes, command, wait_until

pytestmark = pytest.mark.once

SITE = {"RQ_KEY_PREFIX": "{site}"}


@pytest.mark.newest_only  # older RQ knows no other key prefix than "rq"
@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.slow)])
@pytest.mark.long
def test_the_owner_of_the_slot_is_gone(server_choice: str, processes: Processes, number: signal.Signals) -> None:
    with ClusterSetup(server_choice, replicas=1, timeout=2500) as cluster:
        owner = cluster.node_of("{site}:")
        (replica,) = cluster.followers[owner.port]
        port = next(port for port in cluster.ports if port != owner.port)
        options = ("--cluster", "--url", f"redis://127.0.0.1:{port}")
        dispatchers = [processes.start(command("rqscheduler"), *options, env=SITE, log=f"{n}.log") for n in range(2)]
        for one in dispatchers:
            wait_until(lambda one=one: "serves" in one.output() or not one.running, message=one.output)
            assert one.running, one.output()
        arguments = map(str, map(int, (port, owner.pid, replica.port, number)))
        load = processes.start(sys.executable, "-m", "faults.on_a_cluster", *arguments, env=SITE)
        wait_until(lambda: "drained" in load.output() or not load.running, message=load.output)
        for one in dispatchers:
            assert one.terminate() == 0, one.output()
        status = load.wait(PATIENCE)
        owner.kill()
        print(load.output(), *(one.output() for one in dispatchers))
        assert status == 0, load.output()
