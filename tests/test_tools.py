"""The suite's own tools do what the other tests take for granted."""

import json
import re
import subprocess
import sys

import pytest
import redis as redis_py
from rq import Queue

import jobs_for_tests
from support import PATIENCE, Processes, wait_until

pytestmark = pytest.mark.once


def command_lines() -> str:
    return subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True).stdout


class TestWaitUntil:
    def test_returns_the_answer(self):
        answers = iter([None, 0, "here"])
        assert wait_until(lambda: next(answers)) == "here"

    def test_shows_the_last_answer(self):
        with pytest.raises(AssertionError, match=r"the queue: still full.*last answer: \[\]"):
            wait_until(list, timeout=0.03, message=lambda: "the queue: still full")


_KEYS_SUITE = """
import pytest

def test_unknown_key(redis): redis.set("stray", 1)
def test_unknown_key_of_ours(redis): redis.set("rq:scheduler:unheard-of", 1)
def test_instance_for_ever(redis): redis.hset("rq:scheduler_instance:x", "pid", 1)
def test_fine_known(redis): redis.set("rq:job:x", 1); redis.set("test:x", 1)
def test_fine_lock(redis): redis.set("rq:scheduler_lock", 1, ex=9)
def test_fine_prefix(redis): redis.set("{site-a}:queue:x", 1)
@pytest.mark.leaves("mine:*")
def test_fine_marked(redis): redis.set("mine:x", 1)
"""


def test_a_test_that_leaves_an_unexpected_key_fails(server_choice: str, processes: Processes):
    (processes.folder / "test_keys.py").write_text(_KEYS_SUITE)
    run = processes.start(
        sys.executable, "-m", "pytest", "-rE", "--tb=line", "-p", "no:cacheprovider", "-c", "/dev/null",
        "--rootdir", ".", "-p", "conftest", "--server", server_choice, "test_keys.py",
    )  # fmt: skip
    run.wait(PATIENCE)
    output = run.output()
    assert sorted(re.findall(r"^ERROR test_keys.py::(\w+)", output, re.MULTILINE)) == [
        "test_instance_for_ever",
        "test_unknown_key",
        "test_unknown_key_of_ours",
    ], output
    assert "7 passed" in output
    assert "unexpected keys are left" in output
    assert "would never expire" in output


class TestWorker:
    def test_burst(self, redis, run_worker):
        job = Queue(connection=redis).enqueue(jobs_for_tests.push_id)
        run_worker("default")
        assert redis.lrange("test:ran", 0, -1) == [job.id.encode()]

    def test_that_stays(self, redis, run_worker):
        worker = run_worker("default", "other", burst=False)
        Queue("other", connection=redis).enqueue(jobs_for_tests.push, "got", "it")
        wait_until(lambda: redis.lrange("test:got", 0, -1) == [b"it"])
        assert worker.running

    def test_its_work_horse_ends_with_the_test(self, redis, run_worker, processes):
        run_worker("default", burst=False)
        Queue(connection=redis).enqueue(jobs_for_tests.push_and_sleep, "started", "1", 1000)
        wait_until(lambda: redis.llen("test:started"))
        worker = processes.started[0]
        name = worker.command[worker.command.index("--name") + 1]
        assert name in command_lines()
        processes.end_all()
        wait_until(lambda: name not in command_lines())


class TestPeer:
    def test_client_and_daemon(self, redis, peer):
        told = peer.script(
            "job = scheduler.enqueue_in(timedelta(0), 'jobs_for_tests.push_id', sys.argv[1])\n"
            "import rq, rq_scheduler\n"
            "print(json.dumps([job.id, rq_scheduler.VERSION, rq.VERSION]))",
            "by-peer",
        )
        job_id, version, _ = json.loads(told)
        assert version == [0, 14, 0]
        assert redis.zscore("rq:scheduler:scheduled_jobs", job_id)
        assert peer.daemon("--burst").wait(PATIENCE) == 0
        assert redis.lrange("rq:queue:default", 0, -1) == [job_id.encode()]

    def test_daemon_that_stays(self, redis, peer):
        daemon = peer.daemon(interval=1)
        peer.script("scheduler.enqueue_in(timedelta(0), 'jobs_for_tests.nothing')")
        wait_until(lambda: redis.llen("rq:queue:default"), message=daemon.output)


class TestOtherServers:
    def test_own_server_keeps_what_it_acknowledged(self, own_server):
        with redis_py.Redis.from_url(own_server.url) as client:
            client.set("test:kept", "yes")
            own_server.kill()
            own_server.restart()
            assert client.get("test:kept") == b"yes"

    def test_sentinel_fails_over(self, sentinel):
        client = sentinel.client()
        client.set("test:x", "1")
        assert client.wait(1, 60_000) == 1
        sentinel.fail_over()
        assert client.get("test:x") == b"1"

    def test_cluster(self, cluster):
        with cluster.client() as client:
            client.set("{site-a}:x", "1")
            client.set("{site-b}:x", "1")
        with redis_py.Redis(port=cluster.node_of("{site-a}:x").port) as node:
            assert node.get("{site-a}:x") == b"1"
        assert len(cluster.keys()) == 2

    def test_cluster_is_empty_again(self, cluster):
        assert cluster.keys() == []
