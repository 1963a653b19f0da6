"""Dispatcher processes that start in a few milliseconds, to be killed by the dozen.

They are forked off a server process that has imported everything; each is a process of its own, with a connection of
its own, and runs what the command line runs. A fresh interpreter would need most of its short life for imports.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from rq_scheduler.dispatcher import Dispatcher
from support import PATIENCE

_context = multiprocessing.get_context("forkserver")
# What is installed, not what pytest alone finds: a module that the server cannot import it leaves out unsaid.
_context.set_forkserver_preload(["rq_scheduler.dispatcher"])


def start(url: str, prepare: Callable[[], None] | None = None, **options: Any) -> BaseProcess:
    """A running dispatcher; `.kill()` is SIGKILL, `.terminate()` SIGTERM. `options` are Dispatcher's.

    `prepare` (a function that can be pickled) is called first, in its process."""
    process = _context.Process(target=_serve, args=(url, prepare, options), daemon=True)
    process.start()
    return process


def end(processes: list[BaseProcess], timeout: float = PATIENCE) -> list[int | None]:
    """SIGTERM to all; their exit statuses, None for one that is still there."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(timeout)
    return [process.exitcode for process in processes]


def _serve(url: str, prepare: Callable[[], None] | None, options: dict[str, Any]) -> None:
    threading.Thread(target=_end_with_the_tests, daemon=True).start()
    if prepare is not None:
        prepare()
    Dispatcher(redis_py.Redis.from_url(url, retry=Retry(NoBackoff(), 0)), **options).run()


def _end_with_the_tests() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
