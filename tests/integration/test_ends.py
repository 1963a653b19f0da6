"""What RQ leaves of a job after each kind of end, with real workers: the table of docs/ends.md, by which runs are
followed to their end. RQ may change it, but not unseen.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import pytest
import redis as redis_py
from rq import Queue, Retry
from rq.command import send_stop_job_command
from rq.job import Job
from rq.registry import StartedJobRegistry

import jobs_for_tests as jobs
from integration.helpers import RunWorker
from making import now_us
from rq_scheduler import Every, Scheduler
from rq_scheduler.client.base import context_of
from rq_scheduler.dispatcher import LogEvents
from rq_scheduler.dispatcher.follower import Follower
from rq_scheduler.runs import parse_run_id
from rq_scheduler.store.keys import Keys
from support import ROOT, kill_family, wait_until

KEYS = Keys()
PAGE = ROOT / "docs" / "ends.md"
OLD = int(version("rq").partition(".")[0]) < 3
TTLS = (500, 5, 1, 0)
"""The result_ttl of the jobs. Those that take a worker each try the first and the last."""
REGISTRIES = ("finished", "failed", "canceled", "deferred", "scheduled")
RESULTS = {b"1": "successful", b"2": "failed", b"3": "stopped", b"4": "retried"}
YEAR = 31_536_000

Stages = Iterator[tuple[str, Job] | None]
"""What happened to a job, one thing after the other, and the job. None: to go on, the queue has to be worked off."""
Kind = Callable[["Site", int], Stages]


@dataclass(frozen=True)
class Seen:
    what: str
    """What happened."""
    keep: int
    """The job's result_ttl."""
    left: str
    slow: bool
    """Whether what is kept for result_ttl may have expired meanwhile."""

    def fits(self, known: Mapping[str, str]) -> bool:
        text = known.get("any", known.get("0" if self.keep == 0 else "> 0", ""))
        return text == self.left or (self.slow and "for `result_ttl`" in text)


@dataclass
class Site:
    """One server, one worker that listens on `served`, and none that listens on `unserved`."""

    redis: redis_py.Redis
    run_worker: RunWorker
    seen: list[Seen] = field(default_factory=list)

    def queue(self, name: str) -> Queue:
        return Queue(name, connection=self.redis)

    def enqueue(
        self, keep: int, function: Callable[..., Any], *args: Any, queue: str = "served", **options: Any
    ) -> Job:
        return self.queue(queue).enqueue(function, args=args, result_ttl=keep, **options)

    def enqueue_running(self, keep: int, queue: str = "served") -> Job:
        """One that runs until `let_go`, and does run."""
        self.redis.delete("test:go")
        job = self.enqueue(keep, jobs.push_and_wait, "began", 1, "go", queue=queue)
        wait_until(lambda: self.redis.lpop("test:began"))
        return job

    def let_go(self) -> None:
        self.redis.set("test:go", 1)

    def worked_off(self) -> None:
        """Wait until the worker has done with everything before: one more job has run."""
        self.enqueue(0, jobs.push, "done", 1)
        wait_until(lambda: self.redis.lpop("test:done"))

    def give_up(self, queue: str) -> None:
        """RQ gives up what no worker gives a sign of, as the maintenance of any worker does some minutes later."""
        StartedJobRegistry(queue, connection=self.redis).cleanup(now_us(self.redis) / 1_000_000 + 3600)

    def look(self, what: str, keep: int, job: Job) -> None:
        enqueued = job.enqueued_at
        assert enqueued is not None
        slow = 0 < keep <= now_us(self.redis) / 1_000_000 - enqueued.timestamp()
        self.seen.append(Seen(what, keep, self.left(job, keep), slow))

    def left(self, job: Job, keep: int) -> str:
        """Everything that is there of a job, in words."""

        def lasting(seconds: float) -> str:
            if seconds < 0:
                return "for ever"
            return "for `result_ttl`" if seconds <= keep else "for a year" if seconds <= YEAR else "?"

        found: list[str] = []
        fields = self.redis.hgetall(job.key)
        if fields:
            told = ("started_at", "ended_at", "worker_name", "retries_left")
            has = [f"`{name}`" for name in told if fields.get(name.encode())]
            without = "" if {b"data", b"created_at"} <= fields.keys() else " but no `data`"
            kept = lasting(self.redis.pttl(job.key) / 1000)
            found.append(f"hash `{fields[b'status'].decode()}` with {', '.join(has) or 'no times'}{without}, {kept}")
        if job.id.encode() in self.redis.lrange(f"rq:queue:{job.origin}", 0, -1):
            found.append("id in the queue")
        if any(member.startswith(job.id.encode()) for member in self.redis.zrange(f"rq:wip:{job.origin}", 0, -1)):
            found.append("in `wip`")
        if self.redis.zcard(f"rq:executions:{job.id}"):
            found.append("an execution")
        now = now_us(self.redis) / 1_000_000
        for registry in REGISTRIES:
            score = self.redis.zscore(f"rq:{registry}:{job.origin}", job.id)
            if score is not None:
                until = "" if registry in ("canceled", "scheduled") else " " + lasting(max(score - now, 0))
                found.append(f"in `{registry}`{'' if fields.get(b'status') is None else until}")
        results = self.redis.xrange(f"rq:results:{job.id}")
        if results:
            types = ", ".join(
                RESULTS[entry[b"type"]] + (" by a worker" if entry.get(b"worker_name") else "") for _, entry in results
            )
            found.append(f"results ({types}) {lasting(self.redis.pttl(f'rq:results:{job.id}') / 1000)}")
        return "; ".join(found) or "nothing"


class Followed(Site):
    """The same, where each job is a run of a schedule that has no other."""

    def __init__(self, redis: redis_py.Redis, run_worker: RunWorker) -> None:
        super().__init__(redis, run_worker)
        self.scheduler = Scheduler(connection=redis)
        self._follower = Follower(context_of(self.scheduler).store, LogEvents())

    def enqueue(
        self, keep: int, function: Callable[..., Any], *args: Any, queue: str = "served", **options: Any
    ) -> Job:
        id = f"s{self.scheduler.schedules.count(everything=True)}"
        self.scheduler.schedules.put(id, Every("1d"), function, args=args, result_ttl=keep, queue_name=queue, **options)
        job = self.scheduler.schedules.run_now(id)
        assert job is not None
        return job

    def worked_off(self) -> None:
        super().worked_off()
        self._see()

    def _see(self) -> None:
        """All looks are due now, and what was found nowhere has been so for a minute."""
        for number in range(2):
            now = now_us(self.redis) / 1_000_000
            for key in (KEYS.new_runs, KEYS.open_runs):
                for member in self.redis.zrange(key, 0, -1):
                    self.redis.zadd(key, {member: now - 0.01}, xx=True)
            for member in self.redis.zrange(KEYS.missing_runs, 0, -1) if number else ():
                self.redis.zadd(KEYS.missing_runs, {member: now - 61}, xx=True)
            self._follower.step()

    def look(self, what: str, keep: int, job: Job) -> None:
        self._see()
        run_id = parse_run_id(job.id)
        assert run_id is not None
        (run,) = self.scheduler.schedules.runs(run_id.schedule_id)
        ends = [*(end for end, _ in run.earlier_ends), *([run.end] if run.end else [])]
        said = ", then ".join(ends) or "none yet"
        if run.attempts > 1 and run.end:
            said += f", attempt {run.attempts}"
        if run.cause:
            said += f", cause `{run.cause}`"
        self.seen.append(Seen(what, keep, said, slow=False))


def finished(site: Site, keep: int) -> Stages:
    job = site.enqueue(keep, jobs.nothing)
    yield None
    yield "finished", job
    if 0 < keep <= 5:
        wait_until(lambda: not site.redis.exists(job.key))
        yield "finished, and `result_ttl` has passed", job


def failed(site: Site, keep: int) -> Stages:
    job = site.enqueue(keep, jobs.fail)
    yield None
    yield "failed", job


def horse_killed(site: Site, keep: int) -> Stages:
    job = site.enqueue(keep, jobs.die)
    yield None
    yield "its work-horse was killed", job


def stopped(site: Site, keep: int) -> Stages:
    job = site.enqueue_running(keep)
    send_stop_job_command(site.redis, job.id)
    site.worked_off()
    yield "stopped by RQ's command", job


def canceled(site: Site, keep: int) -> Stages:
    job = site.enqueue(keep, jobs.nothing, queue="unserved")
    job.cancel()
    yield "canceled while queued", job


def canceled_running(site: Site, keep: int) -> Stages:
    job = site.enqueue_running(keep)
    job.cancel()
    yield "canceled while running", job
    site.let_go()
    site.worked_off()
    yield "canceled while running, and then finished", job


def deleted(site: Site, keep: int) -> Stages:
    job = site.enqueue(keep, jobs.nothing, queue="unserved")
    job.delete()
    yield "deleted while queued", job


def deleted_running(site: Site, keep: int) -> Stages:
    job = site.enqueue_running(keep)
    job.delete()
    yield "deleted while running", job
    site.let_go()
    site.worked_off()
    yield "deleted while running, and then finished", job


def emptied(site: Site, keep: int) -> Stages:
    job = site.enqueue(keep, jobs.nothing, queue="unserved")
    site.queue("unserved").empty()
    yield "its queue was emptied (`rq empty`)", job


def list_deleted(site: Site, keep: int) -> Stages:
    job = site.enqueue(keep, jobs.nothing, queue="unserved")
    site.redis.delete("rq:queue:unserved")
    yield "the key of its queue was deleted", job


def ttl_passed(site: Site, keep: int) -> Stages:
    job = site.enqueue(keep, jobs.nothing, queue=f"late-{keep}", ttl=1)
    yield None
    wait_until(lambda: not site.redis.exists(job.key))
    yield "its `ttl` passed in the queue", job
    site.redis.rename(f"rq:queue:{job.origin}", "rq:queue:served")
    yield None
    yield "its `ttl` passed in the queue, and a worker took it", job


def requeued(site: Site, keep: int) -> Stages:
    job = site.enqueue(keep, jobs.fail_first, f"requeued-{keep}", 1)
    yield None
    job.requeue()
    yield None
    yield "failed, requeued, finished", job


def retried(site: Site, keep: int) -> Stages:
    job = site.enqueue(keep, jobs.fail_first, f"retried-{keep}", 2, retry=Retry(max=3))
    for _ in range(3):  # a retry is put at the end of the queue
        yield None
    yield "failed, finished at its third attempt", job


def out_of_retries(site: Site, keep: int) -> Stages:
    job = site.enqueue(keep, jobs.fail, retry=Retry(max=2))
    for _ in range(3):
        yield None
    yield "failed at each of three attempts", job


def retried_later(site: Site, keep: int) -> Stages:
    job = site.enqueue(keep, jobs.fail, retry=Retry(max=2, interval=3600))
    yield None
    yield "failed, and waits for its second attempt", job


def worker_killed(site: Site, keep: int) -> Stages:
    worker = site.run_worker("killed", burst=False)
    job = site.enqueue_running(keep, queue="killed")
    worker.kill()
    yield "its worker was killed", job
    site.let_go()
    wait_until(lambda: not site.redis.zcard(f"rq:executions:{job.id}"))
    yield "its worker was killed, its work-horse finished", job


def worker_killed_and_given_up(site: Site, keep: int) -> Stages:
    worker = site.run_worker("killed", burst=False)
    job = site.enqueue_running(keep, queue="killed")
    worker.kill()
    site.give_up("killed")
    yield "its worker was killed, RQ gave it up", job
    site.let_go()
    wait_until(lambda: not site.redis.zcard(f"rq:executions:{job.id}"))
    yield "its worker was killed, RQ gave it up, its work-horse finished", job


def both_killed(site: Site, keep: int) -> Stages:
    worker = site.run_worker("killed", burst=False)
    job = site.enqueue_running(keep, queue="killed")
    kill_family(worker)
    yield "worker and work-horse were killed", job
    site.give_up("killed")
    yield "worker and work-horse were killed, RQ gave it up", job


KINDS: tuple[Kind, ...] = (
    finished, ttl_passed, failed, horse_killed, stopped, canceled, canceled_running, deleted, deleted_running, emptied,
    list_deleted, requeued, retried, out_of_retries, retried_later,
)  # fmt: skip
WORKERS_DIE: tuple[Kind, ...] = (worker_killed, worker_killed_and_given_up, both_killed)


def table(column: int) -> dict[str, dict[str, str]]:
    """The page's: what happened -> which result_ttl -> what this RQ leaves, or how the run has ended."""
    rows: dict[str, dict[str, str]] = {}
    for what, keep, *texts in re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)[
        1:
    ]:
        bare = what.removesuffix(" (RQ 2)")
        if bare == what or OLD:
            rows.setdefault(bare, {})[keep] = texts[column]
    return rows


def everything_happens(site: Site) -> None:
    """Each kind of end, with each `result_ttl`, beside each other."""
    site.run_worker("served", burst=False)
    started = [(keep, kind(site, keep)) for kind in KINDS for keep in TTLS]
    started += [(keep, kind(site, keep)) for kind in WORKERS_DIE for keep in (TTLS[0], TTLS[-1])]
    while started:
        goes_on: list[tuple[int, Stages]] = []
        for keep, stages in started:
            for stage in stages:
                if stage is None:
                    goes_on.append((keep, stages))
                    break
                site.look(stage[0], keep, stage[1])
        site.worked_off()
        started = goes_on


@pytest.mark.long
def test_the_page_says_what_rq_leaves(redis: redis_py.Redis, run_worker: RunWorker) -> None:
    site = Site(redis, run_worker)
    everything_happens(site)
    known = table(0)
    wrong = [
        f"| {seen.what} | {seen.keep} | {seen.left} |" for seen in site.seen if not seen.fits(known.get(seen.what, {}))
    ]
    assert not wrong, f"{PAGE.name} has not what RQ {version('rq')} leaves:\n" + "\n".join(wrong)
    assert known.keys() == {seen.what for seen in site.seen}, "the page has rows of what did not happen"


@pytest.mark.long
def test_the_page_says_what_we_say_of_it(redis: redis_py.Redis, run_worker: RunWorker) -> None:
    """But for how long a result is kept: that of a run is kept for a minute, until its end is told."""
    site = Followed(redis, run_worker)
    everything_happens(site)
    known = table(1)
    wrong = [f"| {seen.what} | {seen.keep} | {seen.left} |" for seen in site.seen if not seen.fits(known[seen.what])]
    assert not wrong, f"{PAGE.name} has not what we say of what RQ {version('rq')} leaves:\n" + "\n".join(wrong)
    assert known.keys() == {seen.what for seen in site.seen}, "the page has rows of what did not happen"
