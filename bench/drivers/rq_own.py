"""RQ's own schedulers under measurement: `RQScheduler` (one-offs) and the CronScheduler of `rq cron`."""

import logging

from protocol import connection, serve
from rq.cron import CronScheduler
from rq.scheduler import RQScheduler
from work import nothing

redis = connection()
crons = {}


def enqueue_scheduled_jobs():
    """Pass after pass; each takes up to 1,000 jobs. RQ itself sleeps a second after each, which is not counted."""
    scheduler = RQScheduler(["default"], redis, logging_level=logging.WARNING)
    scheduler.acquire_locks()
    while redis.zcard("rq:scheduled:default"):
        scheduler.enqueue_scheduled_jobs()
    scheduler.release_locks()


def register(calls):
    """An interval job that has never run is due at once."""
    cron = crons["now"] = CronScheduler(connection=redis, logging_level=logging.WARNING)
    for n in range(calls):
        cron.register(nothing, "default", args=(n,), kwargs={"name": "value"}, interval=300, name=f"report-{n}")


def enqueue_jobs():
    crons["now"].enqueue_jobs()


serve(enqueue_scheduled_jobs=enqueue_scheduled_jobs, register=register, enqueue_jobs=enqueue_jobs)
