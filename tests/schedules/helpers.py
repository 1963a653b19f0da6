"""What the tests of schedules share that is not a fixture: moments, short answers, and a worker's steps."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs_for_tests import push
from rq_scheduler import current_run
from rq_scheduler.client.schedules import Run, StoredSchedule
from rq_scheduler.testing import HandOff

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""Where manual clocks begin: a Monday, at noon."""


def after(seconds: float = 0, **delta: float) -> datetime:
    """A moment so long after the start."""
    return START + timedelta(seconds=seconds, **delta)


def offsets(moments: Iterable[datetime]) -> list[float]:
    """Seconds since the start."""
    return [(moment - START).total_seconds() for moment in moments]


def dues(handed_off: Iterable[HandOff]) -> list[float]:
    """When what was handed off was due, in seconds since the start."""
    return offsets(job.due for job in handed_off)


def outcomes(runs: Iterable[Run]) -> list[str]:
    """What became of them, oldest first."""
    return [run.outcome for run in runs][::-1]


def state(stored: StoredSchedule) -> dict[str, Any]:
    """All that is known of a schedule and can be compared."""
    names = [name for name in StoredSchedule.__dataclass_fields__ if not name.startswith("_")]
    return {name: getattr(stored, name) for name in names}


def commands(client: Any, act: Callable[[], Any]) -> tuple[int, Any]:
    """How many commands `act` sends once the server knows its scripts, and what it answers."""
    act()
    sent: list[Any] = []
    execute = client.execute_command

    def counted(*args: Any, **options: Any) -> Any:
        sent.append(args[0])
        return execute(*args, **options)

    client.execute_command = counted  # type: ignore[method-assign]
    try:
        answer = act()
    finally:
        client.execute_command = execute  # type: ignore[method-assign]
    return len(sent), answer


def push_current_run(key: str = "runs") -> None:
    """For real workers: appends `[schedule id, nominal time, kind]` or `null` as JSON to the list `test:<key>`."""
    run = current_run()
    push(key, json.dumps(run and [run.schedule_id, run.nominal.isoformat(), run.kind]))


class Worker:
    """The steps of a worker, as RQ leaves them in Redis; `now_us` is the time by which its heartbeats are judged."""

    def __init__(self, client: Any, now_us: Callable[[], int]) -> None:
        self._client = client
        self._now_us = now_us

    def take(self, id: str, queue: str = "default") -> None:
        """The id is out of the queue and not yet anywhere but in RQ's intermediate list."""
        assert self._client.lrem(f"rq:queue:{queue}", 0, id) == 1
        self._client.lpush(f"rq:queue:{queue}:intermediate", id)

    def start(self, id: str, queue: str = "default", *, seconds: float = 3600) -> None:
        """It runs, and has a heartbeat that is good for so long."""
        for key in (f"rq:queue:{queue}", f"rq:queue:{queue}:intermediate"):
            self._client.lrem(key, 0, id)
        expiry = self._now_us() / 1_000_000 + seconds
        self._client.hset(f"rq:job:{id}", mapping={"status": "started", "started_at": self._stamp()})
        self._client.zadd(f"rq:executions:{id}", {"e1": expiry})
        self._client.zadd(f"rq:wip:{queue}", {f"{id}:e1": expiry})

    def end(self, id: str, status: str = "finished", queue: str = "default") -> None:
        """It has ended so; with status "expired", its job is gone by now."""
        for key in (f"rq:queue:{queue}", f"rq:queue:{queue}:intermediate"):
            self._client.lrem(key, 0, id)
        self._client.delete(f"rq:executions:{id}")
        self._client.zrem(f"rq:wip:{queue}", f"{id}:e1")
        if status == "expired":
            self._client.delete(f"rq:job:{id}")
        else:
            self._client.hset(f"rq:job:{id}", mapping={"status": status, "ended_at": self._stamp()})

    def end_all(self, status: str = "finished", queue: str = "default") -> list[str]:
        """All that waits has ended so; in their order."""
        ids = [id.decode() for id in self._client.lrange(f"rq:queue:{queue}", 0, -1)]
        for id in ids:
            self.end(id, status, queue)
        return ids

    def _stamp(self) -> str:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._now_us())
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
