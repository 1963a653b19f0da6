"""What the package knows of RQ's format in Redis, beside `lua/include/rq_queueing.lua`.

RQ's key names, the fields that a fresh run starts without, and the few private calls for which RQ has no public
one. Everything else goes through RQ's own classes. Tests compare the effect with RQ's, on the oldest and the
newest RQ that the package claims.
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, cast

import rq.defaults
import rq.job
from rq.defaults import DEFAULT_FAILURE_TTL
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.utils import get_call_string, now, utcformat

KEY_PREFIX: str = getattr(rq.defaults, "RQ_KEY_PREFIX", "rq")
"""RQ's key prefix; settable through the environment since RQ 3."""

DEFAULT_TIMEOUT: int = Queue.DEFAULT_TIMEOUT
"""Seconds that a job may run when it names no timeout."""

SCHEDULER_LOCK_OWNER = "rq-scheduler"
"""The owner that all our dispatchers share in RQ's per-queue scheduler locks."""

SCHEDULER_LOCK_TTL = 61
"""Seconds that RQ gives that lock at its default interval."""


ID_PATTERN = "^[%w_-]*$" if hasattr(rq.job, "JOB_ID_PATTERN") else "^[^:]*$"
"""Lua pattern of what the installed RQ takes for a job id."""


def is_taken_for_id(id: str) -> bool:
    """Whether the installed RQ takes that for a job id."""
    if not hasattr(rq.job, "JOB_ID_PATTERN"):
        return ":" not in id
    return all(each.isascii() and (each.isalnum() or each in "_-") for each in id)


def queues_key(prefix: str) -> str:
    """set: the keys of all queues that were ever used."""
    return f"{prefix}:queues"


def job_key(prefix: str, id: str) -> str:
    """hash: one job."""
    return f"{prefix}:job:{id}"


def queue_key(prefix: str, queue: str) -> str:
    """list: ids of the jobs that wait in a queue."""
    return f"{prefix}:queue:{queue}"


def intermediate_key(prefix: str, queue: str) -> str:
    """list: ids that a worker has taken from a queue and not yet started."""
    return f"{prefix}:queue:{queue}:intermediate"


def scheduled_registry_key(prefix: str, queue: str) -> str:
    """zset, id -> unix seconds: RQ's own scheduled jobs of a queue."""
    return f"{prefix}:scheduled:{queue}"


def scheduler_lock_key(prefix: str, queue: str) -> str:
    """string with a TTL: who serves the scheduled registry of a queue."""
    return f"{prefix}:scheduler-lock:{queue}"


def workers_key(prefix: str) -> str:
    """set: the keys of all registered workers."""
    return f"{prefix}:workers"


def worker_key(prefix: str, name: str) -> str:
    """hash: one worker; birth, death, hostname."""
    return f"{prefix}:worker:{name}"


def queue_workers_key(prefix: str, queue: str) -> str:
    """set: the keys of the workers that have registered for a queue, some of them dead."""
    return f"{prefix}:workers:{queue}"


def suspended_key(prefix: str) -> str:
    """string: there while `rq suspend` keeps all workers from taking jobs."""
    return f"{prefix}:suspended"


def cron_schedulers_key(prefix: str) -> str:
    """zset, name -> unix seconds of its last heartbeat: the `rq cron` processes."""
    return f"{prefix}:cron_schedulers"


def cron_scheduler_key(prefix: str, name: str) -> str:
    """hash: one `rq cron` process; hostname, pid, config_file."""
    return f"{prefix}:cron_scheduler:{name}"


CRON_SCHEDULER_TTL = 120
"""Seconds after its last heartbeat for which RQ takes an `rq cron` process to be alive."""


def wants_front(job: Job) -> bool:
    """Whether the job goes to the front of its queue (`Job.should_enqueue_at_front` of RQ 3)."""
    if getattr(job, "enqueue_at_front_on_retry", False) and job.ended_at is not None:
        return True
    return bool(job.enqueue_at_front)


def stored_meta(job: Job) -> bytes:
    """The bytes in which RQ saves the job's meta; empty when it saves none."""
    return cast("Any", job).to_dict(include_result=False).get("meta", b"")


def call_fields(job: Job, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What `Job.to_dict` would say of another job with this call of the same function: all else is as with `job`."""
    return {
        "created_at": utcformat(now()),
        "data": zlib.compress(job.serializer.dumps((job.func_name, job.instance, args, kwargs))),
        "description": get_call_string(job.func_name, args, kwargs, max_length=75),
    }


def start_afresh(job: Job, retries: int | None) -> None:
    """Clears what the previous run left on a job whose id is used again: RQ's enqueue clears none of it."""
    job.started_at = job.ended_at = job.last_heartbeat = None
    job.worker_name = job.number_of_retries = None
    job._result = job._exc_info = None  # pyright: ignore[reportPrivateUsage]
    if retries is not None:
        job.retries_left = retries


def limit_last_run(job: Job) -> None:
    """The last run of a series is one like any other: RQ keeps what it leaves for a year, and not for ever."""
    if job.result_ttl == -1:
        job.result_ttl = DEFAULT_FAILURE_TTL
    if job.failure_ttl is None or job.failure_ttl < 0:
        job.failure_ttl = DEFAULT_FAILURE_TTL


def restore_status(job: Job, status: JobStatus) -> None:
    """Gives the object its status back after a transaction that did not commit: RQ sets it while it queues writes."""
    job._status = status  # pyright: ignore[reportPrivateUsage]


def results_key(prefix: str, id: str) -> str:
    """stream: what the last runs of a job returned, or raised."""
    return f"{prefix}:results:{id}"


def executions_key(prefix: str, id: str) -> str:
    """zset, execution id -> expiry: who runs a job, or died running it."""
    return f"{prefix}:executions:{id}"


def remove_last_run(pipe: Any, prefix: str, job: Job, dead: Iterable[bytes]) -> None:
    """Takes out of Redis what `start_afresh` cleared on the object, the id in the registries of ended jobs, and what
    killed workers left behind: RQ's cleanup would take the next run for theirs."""
    pipe.hdel(job.key, "result", "exc_info", "number_of_retries")
    if not job.ttl:
        pipe.persist(job.key)
    for registry in ("finished", "failed", "canceled"):
        pipe.zrem(f"{prefix}:{registry}:{job.origin}", job.id)
    for execution in dead:
        pipe.zrem(f"{prefix}:wip:{job.origin}", f"{job.id}:{execution.decode()}")
        pipe.zrem(executions_key(prefix, job.id), execution)


def let_expire(pipe: Any, prefix: str, job: Job, seconds: int) -> None:
    """Keeps a canceled job for so long, and out of the registry of canceled jobs: RQ removes nothing from that."""
    pipe.zrem(f"{prefix}:canceled:{job.origin}", job.id)
    for key in (job.key, job.dependents_key, job.dependencies_key, results_key(prefix, job.id)):
        pipe.expire(key, seconds)


def dead_executions(connection: Any, prefix: str, job: Job, now: float) -> list[bytes]:
    """Executions of the job whose workers have stopped reporting; `now` in unix seconds."""
    executions: list[bytes] = connection.zrange(executions_key(prefix, job.id), 0, -1)
    started = f"{prefix}:wip:{job.origin}"
    expiries = [(each, connection.zscore(started, f"{job.id}:{each.decode()}")) for each in executions]
    return [each for each, expiry in expiries if expiry is None or expiry <= now]


def joins_transaction(queue: Queue) -> bool:
    """Whether the queue's `enqueue_job` writes through a pipeline of ours, as RQ's own does, and runs no job itself."""
    return queue.is_async and "pipeline" in inspect.signature(queue.enqueue_job).parameters


def tell_transaction(pipe: Any) -> None:
    """RQ 3 asks a pipeline whether its MULTI has begun, which redis-py's cluster pipelines do not tell: not yet."""
    if not hasattr(pipe, "explicit_transaction"):
        pipe.explicit_transaction = False


def has_rate_limit(job: Job) -> bool:
    """Whether the job waits for a slot of a rate limit (RQ 3)."""
    return bool(getattr(job, "has_rate_limit", False))


def enqueue_rate_limited(queue: Any, job: Job, pipeline: Any) -> None:
    """`Queue.enqueue_job` of a rate-limited job, through a watching pipeline, which the public method refuses.

    The same calls in the same order as RQ's own scheduler makes.
    """
    job.origin = queue.name
    queue.setup_dependencies(job, pipeline=pipeline)
    pipeline.sadd(queue.redis_queues_keys, queue.key)
    if job.get_status(refresh=False) != JobStatus.DEFERRED:
        queue._enqueue_rate_limited_job(job, pipeline=pipeline, at_front=wants_front(job))
