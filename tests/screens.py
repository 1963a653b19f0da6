"""Makes docs/screens.md: what the commands show, at 80 and at 120 columns, of a small site on which some things go
wrong. `make screens` runs it: a private Redis, a dispatcher and two workers, for half a minute.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis as redis_py

import jobs_for_tests as jobs
from rq_scheduler import Cron, Every, Scheduler
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.store.keys import Keys
from support import ROOT, Processes, command, environment, wait_until

PAGE = ROOT / "docs" / "screens.md"
WIDTHS = (80, 120)
KEYS = Keys()
STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""Bold and dim, of which NO_COLOR says nothing."""

SCREENS = (
    ("status",),
    ("list",),
    ("show", "import-orders"),
    ("runs", "import-orders", "--limit", "5"),
    ("runs", "slow-export", "--limit", "5"),
    ("why", "slow-export"),
    ("why", "newsletter"),
    ("events",),
)

INTRODUCTION = """\
# Screens

What the commands show of a small site on which some things go wrong: orders fail to import, an export takes longer than
its interval, nobody serves the queue `reports`, one schedule has lost its job, one is paused. `make screens` makes this
page, of a real site: {columns} columns wide.
"""


@contextmanager
def site() -> Iterator[str]:
    """The site, as it stands after some seconds: its URL."""
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedRedis())
        processes = Processes(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.callback(processes.end_all)
        client = stack.enter_context(redis_py.Redis.from_url(server.url))
        schedules = Scheduler(connection=client, actor="deploy 4711").schedules
        paris = Cron("30 2 * * *", "Europe/Paris")
        schedules.put("nightly-report", paris, jobs.nothing, queue_name="reports", tags=("billing",))
        schedules.put("import-orders", Every(1), jobs.fail, args=("no such order: 4711",), tags=("shop",))
        schedules.put("slow-export", Every(1), jobs.sleep, args=(3_600,), queue_name="exports", tags=("shop",))
        schedules.put("newsletter", Every("10m"), jobs.nothing, tags=("marketing",))
        schedules.put("lost", Every(1), jobs.nothing)
        schedules.put("sweep", Every(2), jobs.nothing, catchup="none")
        schedules.pause("newsletter", "the mail provider is down")
        client.delete(KEYS.template("lost"))
        processes.start(sys.executable, "-m", "rq_scheduler.cli", "--url", server.url, "--name", "web-1")
        for queue in ("default", "exports"):
            processes.start(command("rq"), "worker", "--url", server.url, "--name", f"worker-{queue}", queue)
        wait_until(lambda: client.zcard("rq:failed:default") >= 5)
        wait_until(lambda: schedules["slow-export"].skipped >= 5)
        schedules.run_now("nightly-report")
        wait_until(lambda: client.hexists(KEYS.quarantine, "lost"))
        yield server.url


def on_screen(columns: int, url: str, arguments: Sequence[str]) -> str:
    """What a command shows on a terminal of so many columns, without colors."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    env = environment({"RQ_REDIS_URL": url, "RQS_TIMEZONE": "Europe/Paris", "NO_COLOR": "1", "TERM": "xterm"})
    env.pop("COLUMNS", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "rq_scheduler.cli", *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=env,
    )
    os.close(follower)
    said = b""
    while piece := _read(leader):
        said += piece
    os.close(leader)
    process.wait()
    return STYLE.sub("", said.decode()).replace("\r\n", "\n").rstrip()


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65_536)
    except OSError:  # so Linux says that nobody writes any more
        return b""


def page(url: str) -> Iterator[str]:
    """The page, piece by piece."""
    yield INTRODUCTION.format(columns=" and ".join(map(str, WIDTHS)))
    for columns in WIDTHS:
        yield f"\n## {columns} columns\n"
        for arguments in SCREENS:
            yield f"\n```\n$ rqscheduler {' '.join(arguments)}\n{on_screen(columns, url, arguments)}\n```\n"


def main() -> None:
    with site() as url:
        PAGE.write_text("".join(page(url)).replace(url, "redis://redis.example:6379/0"))


if __name__ == "__main__":
    main()
