"""What the end-to-end tests share that is not a fixture: types of fixtures, and the accounts of what ran."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import redis as redis_py
from rq.job import Job, JobStatus

from rq_scheduler.clock import to_us
from rq_scheduler.guarded_process import GuardedProcess
from rq_scheduler.store import NewEntry, Store
from rq_scheduler.store.keys import Keys
from support import PATIENCE

KEYS = Keys()
INDEX, LOCK = KEYS.scheduled_jobs, KEYS.fence

IN_PROCESS = ("--worker-class", "rq.SimpleWorker")
"""For `run_worker(args=...)`: a stock worker that forks for no job, so that two of them work off hundreds a second."""


class StartDispatcher(Protocol):
    def __call__(
        self, *args: str, url: str | None = None, env: Mapping[str, str] | None = None, wait: bool = True
    ) -> GuardedProcess: ...


class RunWorker(Protocol):
    def __call__(
        self,
        *queues: str,
        burst: bool = True,
        url: str | None = None,
        args: tuple[str, ...] = (),
        timeout: float = PATIENCE,
    ) -> GuardedProcess: ...


def save_alike(
    redis: redis_py.Redis, name: str, number: int, *, queue: str, after: timedelta = timedelta(0)
) -> list[str]:
    """Save jobs alike, due `after` from now, a microsecond apart: quicker than building each. Returns the ids."""
    job = Job.create("jobs_for_tests.nothing", connection=redis, origin=queue, status=JobStatus.SCHEDULED)
    fields, first = job.to_dict(), to_us(datetime.now(UTC) + after)
    ids = [f"{name}-{n}" for n in range(number)]
    for start in range(0, number, 500):
        some = enumerate(ids[start : start + 500], start)
        Store(redis).save([NewEntry(id, Job.key_for(id), first + n, fields) for n, id in some])
    return ids


def ran(redis: redis_py.Redis, key: str = "ran") -> Counter[str]:
    """The workers' own record: how often each id ran (of `jobs_for_tests.push_id`)."""
    return Counter(id.decode() for id in redis.lrange(f"test:{key}", 0, -1))


def pushed(redis: redis_py.Redis, queue: str = "default") -> Counter[str]:
    """How often each id was pushed to a queue that no worker serves."""
    return Counter(id.decode() for id in redis.lrange(f"rq:queue:{queue}", 0, -1))


def actions(dispatcher: GuardedProcess, action: str) -> Iterator[dict[str, Any]]:
    """What a dispatcher that was started with `--log-format json` said of one kind of event."""
    for line in dispatcher.output().splitlines():
        if line.startswith("{") and (said := json.loads(line)).get("action") == action:
            yield said


def account(counted: Mapping[str, int], wanted: Iterable[str]) -> str:
    """What is wrong in a record, against the client's: "" when each of `wanted` is in it once, and nothing else."""
    ids = set(wanted)
    doubled = sorted(id for id, times in counted.items() if times > 1)
    lost, foreign = sorted(ids - set(counted)), sorted(set(counted) - ids)
    faults = (("lost", lost), ("doubled", doubled), ("unknown", foreign))
    return "; ".join(f"{len(found)} {what}: {', '.join(found[:5])}" for what, found in faults if found)
