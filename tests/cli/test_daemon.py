"""The daemon as a real process: it serves, ends within a second, and says what is wrong instead of a traceback."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from click.testing import CliRunner

import jobs_for_tests
from rq_scheduler import Scheduler
from rq_scheduler.cli.app import rqscheduler
from rq_scheduler.embedded import EmbeddedRedis, free_port
from rq_scheduler.guarded_process import GuardedProcess
from servers import ClusterSetup, SentinelSetup
from support import PATIENCE, Processes, wait_until

pytestmark = pytest.mark.once

Start = Callable[..., GuardedProcess]


@pytest.fixture
def daemon(processes: Processes) -> Start:
    """Start `rqscheduler` with these arguments."""

    def start(*args: str, env: dict[str, str] | None = None) -> GuardedProcess:
        return processes.start(sys.executable, "-m", "rq_scheduler.scripts.rqscheduler", *args, env=env)

    return start


def serving(process: GuardedProcess) -> GuardedProcess:
    """Wait until it says so."""
    wait_until(lambda: "serves" in process.output() or not process.running, message=process.output)
    assert process.running, process.output()
    return process


def schedule(redis: redis_py.Redis, **options: Any) -> str:
    scheduler = Scheduler(connection=redis)
    job = scheduler.enqueue_at(scheduler_now(), jobs_for_tests.nothing, **options)
    return job.id


def scheduler_now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def queued(redis: redis_py.Redis) -> list[str]:
    return [job_id.decode() for job_id in redis.lrange("rq:queue:default", 0, -1)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_within_a_second(daemon: Start, redis_url: str, number: signal.Signals) -> None:
    process = serving(daemon("--url", redis_url))
    process.signal(number)
    assert process.wait(PATIENCE) == 0
    assert "Traceback" not in process.output()


def test_serves_from_every_form_of_address(daemon: Start, redis: redis_py.Redis, server: EmbeddedRedis) -> None:
    serving(daemon("-H", "127.0.0.1", "-p", str(server.port), "-d", "0"))
    serving(daemon(env={"RQ_REDIS_URL": server.url}))
    serving(daemon(env={"RQ_REDIS_HOST": "127.0.0.1", "RQ_REDIS_PORT": str(server.port)}))
    job_id = schedule(redis)
    wait_until(lambda: queued(redis) == [job_id])


def test_burst(daemon: Start, redis: redis_py.Redis, redis_url: str) -> None:
    job_id = schedule(redis)
    process = daemon("--url", redis_url, "--burst")
    assert process.wait(PATIENCE) == 0, process.output()
    assert queued(redis) == [job_id]
    assert not redis.keys("rq:scheduler_instance:*")


HELD_UP_BY_GARBAGE = """
import gc
from rq_scheduler.cli.app import main
from rq_scheduler.dispatcher import Dispatcher
Dispatcher.run = lambda *args, **options: print("to be gone through:", len(gc.get_objects()))
main()
"""


def test_no_search_for_garbage_goes_through_what_it_has_loaded(processes: Processes, redis_url: str) -> None:
    """Which would hold up what is due: of 50,000 objects it takes nearly 20 ms."""
    output = processes.run(sys.executable, "-c", HELD_UP_BY_GARBAGE, "--url", redis_url)
    assert int(output.rpartition("to be gone through: ")[2]) < 2_000


def test_json_log(daemon: Start, redis: redis_py.Redis, redis_url: str) -> None:
    job_id = schedule(redis)
    process = daemon("--url", redis_url, "--log-format", "json", "--verbose", "--burst")
    assert process.wait(PATIENCE) == 0, process.output()
    records = [json.loads(line) for line in process.output().splitlines()]
    handed_off = next(record for record in records if record["action"] == "handed_off")
    assert handed_off["handed_off"][0][0] == job_id
    assert {"ts", "level", "message", "action"} <= handed_off.keys()


def test_quiet_says_nothing_when_all_is_well(daemon: Start, redis_url: str) -> None:
    process = daemon("--url", redis_url, "--quiet", "--burst")
    assert process.wait(PATIENCE) == 0
    assert process.output() == ""


def test_pid_file_is_written_and_removed(daemon: Start, redis_url: str, tmp_path: Path) -> None:
    file = tmp_path / "rqscheduler.pid"
    process = serving(daemon("--url", redis_url, "--pid", str(file)))
    assert file.read_text() == f"{process.pid}\n"
    process.terminate()
    assert not file.exists()


def test_name(daemon: Start, redis: redis_py.Redis, redis_url: str) -> None:
    process = serving(daemon("--url", redis_url, "--name", "rome", "-i", "20"))
    assert 0 < redis.ttl("rq:scheduler_instance:rome") <= 30
    process.terminate()
    assert not redis.exists("rq:scheduler_instance:rome")


def test_redis_that_is_down_is_waited_for(daemon: Start, start_server: Any) -> None:
    port = free_port()
    process = daemon("-H", "127.0.0.1", "-p", str(port))
    wait_until(lambda: "Redis cannot be used" in process.output(), message=process.output)
    server = start_server(port=port)
    with redis_py.Redis.from_url(server.url) as client:
        job_id = schedule(client)
        wait_until(lambda: queued(client) == [job_id], message=process.output)
    process.signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0


def test_a_daemon_without_redis_ends_within_a_second(daemon: Start) -> None:
    process = daemon("-H", "127.0.0.1", "-p", str(free_port()))
    wait_until(lambda: "Redis cannot be used" in process.output(), message=process.output)
    process.signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0


def test_sentinel(daemon: Start, sentinel: SentinelSetup) -> None:
    process = serving(daemon("--sentinel", sentinel.option, "--sentinel-master", sentinel.name))
    with sentinel.client() as client:
        job_id = schedule(client)
        wait_until(lambda: queued(client) == [job_id], message=process.output)


@pytest.mark.newest_only
def test_cluster(daemon: Start, cluster: ClusterSetup, processes: Processes) -> None:
    env = {"RQ_KEY_PREFIX": "{site-a}", "CLUSTER_URL": cluster.url}
    serving(daemon("--url", cluster.url, "--cluster", env=env))
    processes.run(sys.executable, "-c", CLUSTER_CLIENT, env=env)
    with cluster.client() as client:
        wait_until(lambda: client.lrange("{site-a}:queue:default", 0, -1) == [b"on-a-cluster"])


CLUSTER_CLIENT = """
import os
from datetime import timedelta
from redis.cluster import RedisCluster
from rq_scheduler import Scheduler
import jobs_for_tests
scheduler = Scheduler(connection=RedisCluster.from_url(os.environ["CLUSTER_URL"]))
scheduler.enqueue_in(timedelta(milliseconds=50), jobs_for_tests.nothing, job_id="on-a-cluster")
"""


def test_cluster_without_a_hash_tag(daemon: Start, cluster: ClusterSetup) -> None:
    process = daemon("--url", cluster.url, "--cluster")
    assert process.wait(PATIENCE) == 2
    assert "RQ_KEY_PREFIX='{site}'" in process.output()
    assert "Traceback" not in process.output()


def test_a_wrong_password(daemon: Start, start_server: Any) -> None:
    server = start_server(args=["--requirepass", "right"])
    process = daemon("--url", server.url, "--password", "wrong")
    assert process.wait(PATIENCE) == 1
    assert "refuses us" in process.output()
    assert "--password or RQ_REDIS_PASSWORD" in process.output()
    assert "Traceback" not in process.output()


def test_a_password_of_the_environment(daemon: Start, start_server: Any) -> None:
    server = start_server(args=["--requirepass", "right"])
    serving(daemon("-H", "127.0.0.1", "-p", str(server.port), env={"RQ_REDIS_PASSWORD": "right"}))


def test_eviction_is_refused_unless_allowed(daemon: Start, start_server: Any) -> None:
    server = start_server(args=["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"])
    process = daemon("--url", server.url)
    assert process.wait(PATIENCE) == 1
    assert "--allow-eviction" in process.output()
    assert "Traceback" not in process.output()
    serving(daemon("--url", server.url, "--allow-eviction"))


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--url", "http://x"), "no scheme that redis-py knows"),
        (("--job-class", "nowhere.Job"), "no module 'nowhere'"),
        (("--queue-class", "jobs_for_tests.nothing"), "is not a subclass of rq.queue.Queue"),
        (("--serializer", "yaml"), "is not a dotted path"),
        (("--path", "/not/there"), "does not exist"),
        (("--adopt-timezone", "Europe/Pariss"), "Europe/Paris"),
        (("--sentinel", "a:b"), "is not host:port"),
        (("--pid", "/not/there/x.pid"), "cannot write"),
        (("--pid", "~nobody-here/x.pid"), "there is no such user"),
    ],
)
def test_mistakes_end_with_advice(args: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(rqscheduler, [*args, "--burst"])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2
    assert says in result.output
