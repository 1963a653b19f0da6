"""rq-scheduler 1.0 under measurement: a whole dispatcher, and the client's calls."""

import datetime as dt

from talk import connection, serve
from work import nothing

from rq_scheduler import Cron, Every, Schedule, Scheduler
from rq_scheduler.dispatcher import Dispatcher

redis = connection()
scheduler = Scheduler(connection=redis)
LATER = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)


def drain():
    Dispatcher(redis).run(burst=True)


def enqueue_at(calls):
    for n in range(calls):
        scheduler.enqueue_at(LATER, nothing, n, name="value")


def enqueue_many(calls):
    scheduler.enqueue_many((LATER, nothing, (n,), {"name": "value"}) for n in range(calls))


def put(calls):
    for n in range(calls):
        scheduler.schedules.put(f"report-{n}", Every("5m"), nothing, args=(n,), kwargs={"name": "value"})


def schedule(calls):
    for n in range(calls):
        scheduler.schedule(LATER, nothing, args=(n,), kwargs={"name": "value"}, interval=3600)


def sync(calls):
    scheduler.schedules.sync(
        [Schedule(f"report-{n}", Every("5m"), nothing, args=(n,), kwargs={"name": "value"}) for n in range(calls)],
        owner="bench",
    )


ZONES = [
    "UTC", "Europe/London", "Europe/Paris", "Europe/Istanbul", "Europe/Moscow", "Africa/Cairo", "Africa/Lagos",
    "Asia/Dubai", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney",
    "Australia/Lord_Howe", "Pacific/Auckland", "America/Sao_Paulo", "America/St_Johns", "America/New_York",
    "America/Denver", "America/Los_Angeles",
]  # fmt: skip


def sync_crons(calls, period):
    """Cron schedules of many zones and several texts, that are all due at the same seconds."""
    texts = [f"*/{period}", f"0-59/{period}", ",".join(map(str, range(0, 60, period)))]
    crons = [Cron(f"{text} * * * * * *", zone) for text in texts for zone in ZONES]
    scheduler.schedules.sync(
        [
            Schedule(f"report-{n}", crons[n % len(crons)], nothing, args=(n,), kwargs={"name": "value"})
            for n in range(calls)
        ],
        owner="bench",
    )


def first_page(length):
    return len(list(scheduler.get_jobs(offset=0, length=length)))


def every_page():
    return sum(1 for _ in scheduler.get_jobs())


def upcoming(limit):
    return len(scheduler.schedules.upcoming(limit=limit))


def page_of_schedules(offset, limit):
    return len(scheduler.schedules.find(offset=offset, limit=limit))


serve(
    drain=drain,
    enqueue_at=enqueue_at,
    enqueue_many=enqueue_many,
    put=put,
    schedule=schedule,
    sync=sync,
    sync_crons=sync_crons,
    first_page=first_page,
    every_page=every_page,
    upcoming=upcoming,
    page_of_schedules=page_of_schedules,
)
