"""rq-scheduler 1.0 under measurement, of now or of an earlier commit: a whole dispatcher, and the client's calls."""

import datetime as dt
from zoneinfo import ZoneInfo

from protocol import connection, serve
from work import nothing

from rq_scheduler import Cron, Every, Schedule, Scheduler

redis = connection()
scheduler = Scheduler(connection=redis)
LATER = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)


def drain():
    Scheduler(connection=redis).run(burst=True)


def enqueue_at(calls):
    for n in range(calls):
        scheduler.enqueue_at(LATER, nothing, n, name="value")


def enqueue_in(calls):
    for n in range(calls):
        scheduler.enqueue_in(dt.timedelta(days=30), nothing, n, name="value")


def enqueue_many(calls):
    scheduler.enqueue_many((LATER, nothing, (n,), {"name": "value"}) for n in range(calls))


def put(calls):
    for n in range(calls):
        scheduler.schedules.put(f"report-{n}", Every("5m"), nothing, args=(n,), kwargs={"name": "value"})


def put_one(id, anchor):
    """A schedule of every five minutes that is armed for that unix second, or for five minutes after it."""
    every = Every("5m", anchor=dt.datetime.fromtimestamp(anchor, dt.UTC))
    scheduler.schedules.put(id, every, nothing, args=(1,), kwargs={"name": "value"})


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


def in_12_hours(zone):
    """A cron string for then, by the clock of that zone: until then nothing fires by itself."""
    local = dt.datetime.now(ZoneInfo(zone)) + dt.timedelta(hours=12)
    return f"{local.minute} {local.hour} * * *"


def sync_herd(calls, cron, own):
    """Daily schedules, or cron strings of many zones. With `own`, each has a jitter of its own, and so a definition."""
    tonight = dt.datetime.now(dt.UTC) + dt.timedelta(hours=12)
    triggers = [Cron(in_12_hours(zone), zone) for zone in ZONES] if cron else [Every("1d", anchor=tonight)]
    scheduler.schedules.sync(
        [
            Schedule(
                f"report-{n}",
                triggers[n % len(triggers)],
                nothing,
                args=(n,),
                kwargs={"name": "value"},
                jitter=0.01 + n / 1_000_000 if own else None,
            )
            for n in range(calls)
        ],
        owner="bench",
    )


def first_page(length):
    return len(list(scheduler.get_jobs(offset=0, length=length)))


def upcoming(limit):
    return len(scheduler.schedules.upcoming(limit=limit))


def page_of_schedules(offset, limit):
    return len(scheduler.schedules.find(offset=offset, limit=limit))


serve(
    drain=drain,
    enqueue_at=enqueue_at,
    enqueue_in=enqueue_in,
    enqueue_many=enqueue_many,
    put=put,
    schedule=schedule,
    sync=sync,
    sync_herd=sync_herd,
    put_one=put_one,
    first_page=first_page,
    upcoming=upcoming,
    page_of_schedules=page_of_schedules,
)
