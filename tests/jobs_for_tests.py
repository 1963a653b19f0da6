"""Functions that real `rq worker` processes run in tests. What they write to Redis is under `test:`."""

import os
import time
from pathlib import Path
from typing import Any

from rq import get_current_job


def nothing() -> None:
    """The cheapest job."""


def echo(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Returns what it was given."""
    return args, kwargs


def add(a: int, b: int = 1) -> int:
    return a + b


def push(key: str, value: Any) -> None:
    """Append to the list `test:<key>`, so that doubled and lost runs can be counted."""
    job = get_current_job()
    assert job is not None
    job.connection.rpush(f"test:{key}", value)


def push_id(key: str = "ran") -> None:
    """Append this job's id to the list `test:<key>`."""
    job = get_current_job()
    assert job is not None
    job.connection.rpush(f"test:{key}", job.id)


def push_time(key: str = "times") -> None:
    """Append `<job id> <unix time>` to the list `test:<key>`."""
    job = get_current_job()
    assert job is not None
    job.connection.rpush(f"test:{key}", f"{job.id} {time.time():.6f}")


def append(path: str, line: str) -> None:
    """Append a line to a file."""
    with Path(path).open("a") as file:
        file.write(f"{line}\n")


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def push_and_sleep(key: str, value: Any, seconds: float) -> None:
    push(key, value)
    time.sleep(seconds)


def push_and_wait(key: str, value: Any, until: str) -> Any:
    """Append to the list `test:<key>`, and go on until the key `test:<until>` is there."""
    push(key, value)
    job = get_current_job()
    assert job is not None
    while not job.connection.exists(f"test:{until}"):
        time.sleep(0.01)
    return value


def save_other_meta() -> None:
    job = get_current_job()
    assert job is not None
    job.meta = {"progress": 1}
    job.save_meta()


def delete_itself() -> None:
    job = get_current_job()
    assert job is not None
    job.delete()


def fail(message: str = "on purpose") -> None:
    raise RuntimeError(message)


def fail_first(key: str, times: int) -> None:
    """Fail so many times, counted in `test:<key>`, and then succeed."""
    job = get_current_job()
    assert job is not None
    if job.connection.incr(f"test:{key}") <= times:
        raise RuntimeError("on purpose")


def die() -> None:
    """End the work-horse without a word, as the kernel's out-of-memory killer does."""
    os._exit(9)


def on_success(job: Any, connection: Any, result: Any, *args: Any, **kwargs: Any) -> None:
    connection.rpush("test:on_success", job.id)


def on_failure(job: Any, connection: Any, *args: Any, **kwargs: Any) -> None:
    connection.rpush("test:on_failure", job.id)


def on_stopped(job: Any, connection: Any) -> None:
    connection.rpush("test:on_stopped", job.id)


class Greeter:
    """For bound methods as jobs."""

    def __init__(self, greeting: str = "hello") -> None:
        self.greeting = greeting

    def greet(self, name: str) -> str:
        return f"{self.greeting} {name}"
