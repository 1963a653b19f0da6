"""Whatever ends an entry, nothing of it stays that does not expire: every key after every end of every kind of entry.

RQ's own worker runs the jobs, in this process, so that an entry can end while a run of it goes on.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py
from rq import Queue, SimpleWorker
from rq.job import Job

from making import Told, dispatcher
from rq_scheduler import Every, Schedule, Scheduler
from rq_scheduler.dispatcher import Dispatcher
from rq_scheduler.dispatcher.sweep import Sweep
from rq_scheduler.store.keys import Keys

KEYS = Keys()
ID = "x"
SOON = timedelta(hours=1)

LASTING = {
    "rq:queues",  # RQ's list of queues, of which it forgets none
    KEYS.revisions,
    KEYS.rq_since,
    *(KEYS.audit, KEYS.events, KEYS.counters),  # 100,000 entries, and a field for each kind of end
    *(
        KEYS.names,
        KEYS.deleted_schedules,
        KEYS.not_run,
    ),  # of the last 10,000 dispatchers and workers, 10,000 ids, two days
}
"""Keys that stay when nothing is scheduled any more, and do not grow with what was."""

FOLLOWED = {KEYS.new_runs, KEYS.open_runs, KEYS.missing_runs, KEYS.unread_errors}
"""Keys of runs whose end nobody has seen yet: they are empty as soon as somebody looks."""

DURING: list[Callable[[], None]] = []


def run(outcome: str = "finished") -> str:
    """What the jobs do: whatever the test wants to happen meanwhile, and then well or not."""
    while DURING:
        DURING.pop()()
    if outcome == "failed":
        raise RuntimeError("on purpose")
    return "done"


@dataclass
class Site:
    """One Redis with its scheduler, and what serves it."""

    redis: redis_py.Redis
    scheduler: Scheduler
    outcome: str = "finished"
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        self.dispatcher: Dispatcher = dispatcher(self.redis, self.told)

    def serve(self) -> None:
        for _ in range(3):
            self.dispatcher.dispatch_once()

    def work(self) -> None:
        worker = SimpleWorker(["default", "other"], connection=self.redis)
        while (taken := Queue.dequeue_any(worker.queues, None, connection=self.redis)) is not None:
            worker.execute_job(*taken)
        self.redis.delete(worker.key)

    def sweep(self) -> None:
        passes, survey = self.dispatcher._passes, self.dispatcher._survey
        sweep = Sweep(self.dispatcher._store, survey, passes.recurring, self.told, adopt=True)
        while sweep.unfinished:
            sweep.step()

    def come_due(self) -> None:
        """Whatever waits for its time has come to it."""
        for key in (KEYS.scheduled_jobs, KEYS.due_schedules, KEYS.ended):
            for id, score in self.redis.zrange(key, 0, -1, withscores=True):
                self.redis.zadd(key, {id: min(score, datetime.now(UTC).timestamp() - 1)})
        self.serve()

    def settle(self) -> None:
        """All that was going on is over, and dispatchers have had the time to see it."""
        for _ in range(2):
            self.work()
            if self.redis.exists(KEYS.ended):
                self.redis.delete(KEYS.deleted(ID))  # it expires when the job can run no longer
                for id in self.redis.zrange(KEYS.ended, 0, -1):
                    self.redis.zadd(KEYS.ended, {id: 0})
            for key in FOLLOWED:
                for run in self.redis.zrange(key, 0, -1):
                    self.redis.zadd(key, {run: 0})
            self.serve()

    def job(self) -> Job:
        return Job.fetch(ID, connection=self.redis)


def lasting(redis: redis_py.Redis, *, looked: bool = True) -> Iterator[str]:
    """What would stay for ever, and why; where nobody has looked, but for what the next look takes away."""
    for key in map(bytes.decode, redis.scan_iter()):
        if key in LASTING or (key in FOLLOWED and not looked) or redis.ttl(key) != -1:
            continue
        kind = key.removeprefix("rq:").partition(":")[0]
        if kind in ("finished", "failed"):
            for id, score in redis.zrange(key, 0, -1, withscores=True):
                if score < 0 or math.isinf(score):
                    yield f"{id.decode()} in {key} at {score}"
        else:
            yield f"{key} ({redis.type(key).decode()})"


# --- kinds of entries: put one that is due, or one that will be ---


def one_off(site: Site, due: datetime, **options: Any) -> None:
    # RQ keeps the result of a failed job for ever, unless it has a failure_ttl of its own.
    site.scheduler.enqueue_at(due, run, site.outcome, job_id=ID, failure_ttl=60, **options)


def interval(site: Site, due: datetime, **options: Any) -> None:
    site.scheduler.schedule(due, run, args=(site.outcome,), interval=7200, id=ID, **options)


def cron(site: Site, due: datetime, **options: Any) -> None:
    site.scheduler.cron("0 0 1 1 *", run, args=(site.outcome,), id=ID, timezone="UTC", **options)
    site.scheduler.change_execution_time(ID, due)


def slow(site: Site, due: datetime, **options: Any) -> None:
    """RQ itself enqueues it."""
    interval(site, due, meta={"queue_class_name": "rq.Queue"}, **options)


def by_0_14(site: Site, due: datetime, **options: Any) -> None:
    """Written by a 0.14 client, with nothing of ours beside it."""
    meta = {"interval": 7200, **({"repeat": options["repeat"]} if "repeat" in options else {})}
    kept = {"result_ttl": -1, "meta": meta, "status": "scheduled", "origin": "default"}
    Job.create(run, (site.outcome,), connection=site.redis, id=ID, **kept).save()
    site.redis.zadd(KEYS.scheduled_jobs, {ID: due.timestamp()})


def schedule(site: Site, due: datetime) -> None:
    site.scheduler.schedules.sync([Schedule(ID, Every(7200), run, args=(site.outcome,))], owner="me")
    site.redis.zadd(KEYS.due_schedules, {ID: due.timestamp()})


RECURRING = {"interval": interval, "cron": cron, "slow": slow, "by 0.14": by_0_14}
KINDS = {"one-off": one_off, **RECURRING, "schedule": schedule}


# --- ends ---


def cancel(site: Site) -> None:
    site.scheduler.cancel(ID)


def cancel_and_delete(site: Site) -> None:
    site.scheduler.cancel(ID, delete_job=True)


def cancel_the_job_itself(site: Site) -> None:
    job = Job.fetch(ID, connection=site.redis)
    site.scheduler.cancel(job)


def delete(site: Site) -> None:
    site.scheduler.schedules.delete(ID)


def delete_the_rq_job(site: Site) -> None:
    site.job().delete()
    site.come_due()
    site.scheduler.quarantine.purge_all()  # where nothing says whether it was meant to end


def lose_the_rq_job(site: Site) -> None:
    """As `redis-cli DEL` does, or `rq empty`: nothing else goes with it."""
    site.redis.delete(f"rq:job:{ID}")
    site.come_due()
    site.scheduler.quarantine.purge_all()


def cancel_by_0_14(site: Site) -> None:
    site.redis.zrem(KEYS.scheduled_jobs, ID)
    site.sweep()


def cancel_the_rq_job(site: Site) -> None:
    site.job().cancel()
    site.come_due()


def quarantine_and_purge(site: Site) -> None:
    site.redis.hset(f"rq:job:{ID}", "origin", "odd")
    site.redis.set("rq:queue:odd", "no queue")
    site.come_due()
    assert site.scheduler.quarantine.get(ID) is not None
    site.redis.delete("rq:queue:odd")
    site.scheduler.quarantine.purge(ID)


def replace_in_quarantine(site: Site) -> None:
    site.redis.hset(f"rq:job:{ID}", "origin", "odd")
    site.redis.set("rq:queue:odd", "no queue")
    site.come_due()
    site.redis.delete("rq:queue:odd")
    replace_by_a_one_off(site)


def prune(site: Site) -> None:
    site.scheduler.schedules.sync([], owner="me")


def replace_by_a_one_off(site: Site) -> None:
    site.scheduler.enqueue_at(datetime.now(UTC) + SOON, run, job_id=ID, queue_name="other")
    site.scheduler.cancel(ID)


def replace_in_another_queue(site: Site) -> None:
    site.scheduler.schedule(datetime.now(UTC) + SOON, run, interval=60, id=ID, queue_name="other")
    site.scheduler.cancel(ID)


OF_ONE_OFFS = (
    *(cancel, cancel_and_delete, cancel_the_job_itself, delete_the_rq_job, cancel_the_rq_job),
    *(quarantine_and_purge, replace_in_quarantine, replace_by_a_one_off, replace_in_another_queue),
)
OF_SERIES = (
    *(cancel, cancel_and_delete, cancel_the_job_itself, delete, delete_the_rq_job, lose_the_rq_job, cancel_by_0_14),
    *(quarantine_and_purge, replace_in_quarantine, replace_by_a_one_off, replace_in_another_queue),
)
ENDS = {"one-off": OF_ONE_OFFS, **dict.fromkeys(RECURRING, OF_SERIES), "schedule": (delete, prune)}
# What a worker writes of a job that was taken from under it is another matter: its hash is back, and so is the series.
NOT_MEANWHILE = (delete_the_rq_job, lose_the_rq_job, quarantine_and_purge, replace_in_quarantine)
WHEN = ("before any run", "queued", "meanwhile", "finished", "failed")
CASES = [
    pytest.param(kind, when, end, id=f"{kind}, {when}, {end.__name__}")
    for kind, ends in ENDS.items()
    for when in (WHEN[:1] if kind == "one-off" else WHEN)
    for end in ends
    if not (when in ("queued", "meanwhile") and end in NOT_MEANWHILE)
    and not (kind == "by 0.14" and when == "before any run" and end in (delete, cancel_by_0_14))
]


@pytest.fixture
def site(redis: redis_py.Redis) -> Iterator[Site]:
    DURING.clear()
    yield Site(redis, Scheduler(connection=redis))
    DURING.clear()


def bring_to(site: Site, when: str, make: Callable[..., None], **options: Any) -> None:
    now = datetime.now(UTC)
    site.outcome = "failed" if when == "failed" else "finished"
    make(site, now + SOON if when == "before any run" else now - timedelta(seconds=1), **options)
    if when != "before any run":
        site.serve()
        assert len(site.told.jobs) == 1
    if when in ("finished", "failed"):
        site.work()


@pytest.mark.parametrize(("kind", "when", "end"), CASES)
def test_after(site: Site, kind: str, when: str, end: Callable[[Site], None]) -> None:
    bring_to(site, when, KINDS[kind])
    if when == "meanwhile":
        DURING.append(lambda: end(site))
        site.work()
        assert not DURING
    else:
        end(site)
    site.settle()
    assert list(lasting(site.redis)) == []


@pytest.mark.parametrize("kind", RECURRING)
@pytest.mark.parametrize("outcome", ["finished", "failed"])
def test_after_the_last_run(site: Site, kind: str, outcome: str) -> None:
    bring_to(site, outcome, RECURRING[kind], repeat=2)
    site.come_due()
    site.work()
    assert list(lasting(site.redis, looked=False)) == [], "without anybody who looks later"
    assert site.redis.ttl(f"rq:results:{ID}") > 0
    site.settle()
    # A run that failed is looked at for a day: somebody may have RQ run it again.
    assert list(lasting(site.redis, looked=outcome != "failed")) == []


@pytest.mark.parametrize("kind", ["interval", "by 0.14"])
def test_after_the_last_run_that_an_application_hands_off(site: Site, kind: str) -> None:
    """`enqueue_jobs`, without any dispatcher."""
    RECURRING[kind](site, datetime.now(UTC) - timedelta(seconds=1), repeat=1)
    assert site.scheduler.enqueue_jobs() == [ID]
    site.work()
    assert list(lasting(site.redis, looked=False)) == []
