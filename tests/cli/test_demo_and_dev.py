"""A shortened demo and `dev`, for real: processes, faults, the account, and nothing left behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis as redis_py

from rq_scheduler.guarded_process import GuardedProcess
from support import PATIENCE, Processes, wait_until

pytestmark = pytest.mark.once

COMMAND = (sys.executable, "-m", "rq_scheduler.cli")


@pytest.mark.long
def test_a_shortened_demo_loses_and_doubles_nothing(processes: Processes) -> None:
    output = processes.run(*COMMAND, "demo", "--plain", "--seconds", "9", "--one-offs", "60", timeout=2 * PATIENCE)
    assert "SIGKILL for dispatcher A" in output
    assert "SIGKILL for Redis" in output
    assert "Redis is back after" in output
    assert "failed on purpose" in output
    assert output.rstrip().endswith("Nothing lost, nothing doubled.")
    numbers = {
        name: int(count) for name, count in re.findall(r"^(due|run|skipped|missed|lost|doubled) +(\d+)", output, re.M)
    }
    assert numbers["due"] == numbers["run"] + numbers["skipped"] + numbers["missed"]
    assert numbers["skipped"] >= 1
    assert (numbers["lost"], numbers["doubled"]) == (0, 0)


def test_ctrl_c_leaves_nothing_of_a_demo(processes: Processes, tmp_path: Path) -> None:
    demo = processes.start(*COMMAND, "demo", "--plain", env={"TMPDIR": str(tmp_path)})
    wait_until(lambda: "scheduled ahead" in demo.output(), message=demo.output)
    family = descendants(demo.pid)
    demo.signal(signal.SIGINT)
    assert demo.wait(PATIENCE) == 130, demo.output()
    wait_until(lambda: not [pid for pid in family if alive(pid)], message=lambda: str(family))
    assert not list(tmp_path.glob("rq-scheduler-*"))


def test_dev_runs_what_another_terminal_schedules(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "my_app.py").write_text("def hello(name):\n    print('hello,', name, flush=True)\n")
    dev, url = start_dev(processes, "--path", str(tmp_path), "--workers", "2", "--queues", "high,default")
    script = (
        "import sys, my_app\nfrom datetime import timedelta\nfrom redis import Redis\n"
        "from rq_scheduler import Scheduler\n"
        "Scheduler(connection=Redis.from_url(sys.argv[1])).enqueue_in(timedelta(seconds=0.2), my_app.hello, 'you')\n"
    )
    processes.run(sys.executable, "-c", script, url, env={"PYTHONPATH": str(tmp_path)})
    wait_until(lambda: re.search(r"worker-\d +\| hello, you", dev.output()), message=dev.output)
    family = descendants(dev.pid)
    assert len(family) >= 4, "Redis, a dispatcher, two workers"
    dev.signal(signal.SIGINT)
    assert dev.wait(PATIENCE) == 0, dev.output()
    assert "all stopped; the data is gone" in dev.output()
    wait_until(lambda: not [pid for pid in family if alive(pid)], message=lambda: str(family))


def test_dev_keeps_its_data_where_told(processes: Processes, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    dev, url = start_dev(processes, "--data-dir", str(folder), "--workers", "0")
    with redis_py.Redis.from_url(url) as client:
        client.set("test:kept", "yes")
    dev.terminate()
    dev, url = start_dev(processes, "--data-dir", str(folder), "--workers", "0")
    with redis_py.Redis.from_url(url) as client:
        assert client.get("test:kept") == b"yes"
    dev.terminate()
    assert f"the data is in {folder}" in dev.output()


def test_nothing_survives_a_killed_dev(processes: Processes) -> None:
    dev, _ = start_dev(processes)
    family = descendants(dev.pid)
    dev.kill()
    wait_until(lambda: not [pid for pid in family if alive(pid)], message=lambda: str(family))


def test_a_port_that_is_taken(processes: Processes, redis_url: str) -> None:
    port = redis_url.rsplit(":", 1)[1].split("/")[0]
    dev = processes.start(*COMMAND, "dev", "--port", port)
    assert dev.wait(PATIENCE) == 2
    assert f"port {port} is taken" in dev.output()


def start_dev(processes: Processes, *args: str) -> tuple[GuardedProcess, str]:
    """Start `dev`, and return it with its Redis URL when everything is up."""
    dev = processes.start(*COMMAND, "dev", *args)
    wait_until(lambda: re.search(r"dispatcher +\| .*serves", dev.output()) or not dev.running, message=dev.output)
    assert dev.running, dev.output()
    if "0" not in args:
        wait_until(lambda: "Listening on" in dev.output(), message=dev.output)
    found = re.search(r"on (redis://\S+)", dev.output())
    assert found
    return dev, found[1]


def descendants(pid: int) -> list[int]:
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = dict(tuple(map(int, line.split())) for line in listing.splitlines())
    found: list[int] = []
    wanted = {pid}
    while new := {child for child, parent in parents.items() if parent in wanted} - set(found):
        found.extend(new)
        wanted = new
    return found


def alive(pid: int) -> bool:
    """Whether it runs; a zombie that nobody has waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")
