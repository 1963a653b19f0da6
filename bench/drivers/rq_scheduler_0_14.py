"""rq-scheduler 0.14 under measurement, through its public API."""

import datetime as dt

from protocol import connection, serve
from work import nothing

from rq_scheduler import Scheduler

scheduler = Scheduler(connection=connection())
# What 0.14's users write: naive, and meant as UTC.
LATER = dt.datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(days=30)


def enqueue_jobs():
    scheduler.enqueue_jobs()


def enqueue_at(calls):
    for n in range(calls):
        scheduler.enqueue_at(LATER, nothing, n, name="value")


def schedule(calls):
    for n in range(calls):
        scheduler.schedule(LATER, nothing, args=(n,), kwargs={"name": "value"}, interval=300)


def cron(calls, strings):
    for n in range(calls):
        scheduler.cron(strings[n % len(strings)], nothing, args=(n,), kwargs={"name": "value"})


def first_page(length):
    return len(list(scheduler.get_jobs(offset=0, length=length)))


serve(enqueue_jobs=enqueue_jobs, enqueue_at=enqueue_at, schedule=schedule, cron=cron, first_page=first_page)
