"""How late are jobs while dispatchers adopt what 0.14 has left? Those due meanwhile, beside those due afterwards.

    python -m bench.adopting [--recurring 20000] [--rate 100] [--after 10]

Starts a Redis with so many recurring jobs as a 0.14 client writes them, and jobs that are due at random moments,
`--rate` a second; then a dispatcher, which adopts the former while the latter fall due, and for `--after` seconds more.
Ends with status 1 when p50, p90 or p99 meanwhile is more than twice what it is afterwards.
"""

from __future__ import annotations

import random
import sys
import time
from datetime import datetime
from pathlib import Path

import click
import redis as redis_py
from rq.job import Job

from bench.lateness import lateness, quantile, wait_for
from rq_scheduler import Scheduler
from rq_scheduler.clock import to_us
from rq_scheduler.embedded import EmbeddedRedis
from rq_scheduler.guarded_process import GuardedProcess
from rq_scheduler.store.keys import Keys

SHARES = (0.5, 0.9, 0.99)
DAY = 86_400
LONGEST = 60
"""Seconds for which jobs are due: what is adopted by then is what is measured."""


def write_as_0_14(connection: redis_py.Redis, count: int) -> None:
    """Recurring jobs by interval and by cron string, due in a day."""
    due = time.time() + DAY
    with connection.pipeline(transaction=False) as pipe:
        for n in range(count):
            meta = {"interval": 60 + n % 1000} if n % 2 else {"cron_string": f"{n % 60} * * * *"}
            job = Job.create("time.time", connection=connection, id=f"old-{n}", meta=meta, result_ttl=-1, origin="old")
            pipe.hset(job.key, mapping=job.to_dict())
            pipe.zadd(Keys().scheduled_jobs, {job.id: due})
            if n % 1000 == 999:
                pipe.execute()
        pipe.execute()


def report(title: str, milliseconds: list[float]) -> list[float]:
    ordered = sorted(milliseconds)
    found = [quantile(ordered, share) for share in SHARES]
    told = "".join(f"  p{share * 100:.0f} {value:6.2f} ms" for share, value in zip(SHARES, found, strict=True))
    click.echo(f"{title:24} n {len(ordered):5}{told}  max {ordered[-1]:6.2f} ms")
    return found


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--recurring", default=20_000, show_default=True)
@click.option("--rate", default=100, show_default=True, help="Due jobs a second.")
@click.option("--after", default=10, show_default=True, help="Seconds that are measured when all are adopted.")
def main(recurring: int, rate: int, after: int) -> None:
    dice = random.Random(1)
    with EmbeddedRedis(aof=False) as server:
        connection = redis_py.Redis.from_url(server.url)
        scheduler = Scheduler(connection=connection)
        write_as_0_14(connection, recurring)
        start = time.time() + 2 + LONGEST * rate / 3000
        whens = [datetime.fromtimestamp(start + dice.uniform(0, LONGEST)).astimezone() for _ in range(LONGEST * rate)]
        ids = scheduler.enqueue_many((when, "time.time") for when in whens)
        time.sleep(max(0.0, start - time.time() + 0.2))  # the first are overdue when the dispatcher comes
        command = [str(Path(sys.executable).parent / "rqscheduler"), "--url", server.url]
        process = GuardedProcess(command)
        try:
            wait_for(lambda: connection.zcard(Keys().schedules) > 0, 30, "the dispatcher is up")
            began = time.time()
            wait_for(lambda: connection.zcard(Keys().schedules) == recurring, LONGEST, "all are adopted")
            ended = time.time()
            click.echo(f"{server}: {recurring} recurring jobs adopted in {ended - began:.1f} s")
            time.sleep(after + 0.5)
        finally:
            process.terminate()
        due = {id: to_us(when) for id, when in zip(ids, whens, strict=True)}

        def late(since: float, until: float) -> list[float]:
            return lateness(connection, {id: us for id, us in due.items() if since < us / 1e6 < until}, "enqueued_at")

        meanwhile = report("while they are adopted", late(began, ended))
        afterwards = report("afterwards", late(ended, ended + after))
    if any(one > 2 * other for one, other in zip(meanwhile, afterwards, strict=True)):
        sys.exit("wanted: while jobs are adopted, at most twice as late as otherwise")


if __name__ == "__main__":
    main()
