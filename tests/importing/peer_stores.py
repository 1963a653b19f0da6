"""Run by a Python that has Celery with RedBeat, django-celery-beat and APScheduler: writes what these keep.

`peer_stores.py FOLDER`: the files `beat.sqlite3` and `jobs.sqlite3` there. `peer_stores.py REDIS_URL`: RedBeat's
entries and APScheduler's jobs there.
"""

import sys
from datetime import UTC, datetime, timedelta
from types import ModuleType
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.combining import AndTrigger, OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

# The rest is imported by what needs it: each takes a second.

PARIS = ZoneInfo("Europe/Paris")
LATER = datetime(2040, 3, 1, 9, tzinfo=UTC)


def redbeat(url):
    from celery import Celery
    from celery.schedules import crontab, schedule
    from redbeat import RedBeatSchedulerEntry
    from redbeat.schedules import rrule

    app = Celery("shop", set_as_current=False)
    app.conf.update(redbeat_redis_url=url, broker_url=url, timezone="Europe/Paris", redbeat_redis_options={})

    def put(name, task, when, **options):
        RedBeatSchedulerEntry(name, task, when, app=app, **options).save()

    put("nightly report", "shop.tasks.report", crontab("30", "2", app=app), args=["weekly"], kwargs={"to": "ops"})
    put("friday the 13th", "shop.tasks.report", crontab("0", "9", day_of_week="fri", day_of_month="13", app=app))
    put("poll", "shop.tasks.poll", schedule(timedelta(seconds=90), app=app), options={"queue": "low", "expires": 60})
    put("routed", "shop.tasks.poll", schedule(60, app=app), options={"priority": 3, "routing_key": "x"})
    put("off", "shop.tasks.report", crontab("0", "4", app=app), enabled=False)
    put("by rule", "shop.tasks.report", rrule("WEEKLY", dtstart=datetime(2026, 1, 5, 8, tzinfo=UTC), app=app))


def django_beat(path):
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": path}},
        INSTALLED_APPS=["django_celery_beat"],
        MIGRATION_MODULES={"django_celery_beat": None},  # its tables at once, and not by twenty steps
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        CELERY_TIMEZONE="Europe/Paris",
    )
    django.setup()
    call_command("migrate", verbosity=0, run_syncdb=True)
    from django_celery_beat.models import (
        ClockedSchedule,
        CrontabSchedule,
        IntervalSchedule,
        PeriodicTask,
        SolarSchedule,
    )

    def put(name, **fields):
        PeriodicTask.objects.create(name=name, task="shop.tasks.report", **fields)

    night = CrontabSchedule.objects.create(minute="30", hour="2", timezone="Europe/Paris")
    put("nightly", crontab=night, args='["weekly"]', kwargs='{"to": "ops"}', description="Tells ops")
    put("expiring", crontab=night, expires=LATER, queue="low")
    put("starting", crontab=night, start_time=LATER, headers='{"x": 1}', expire_seconds=90)
    put("disabled", crontab=night, enabled=False)
    put("broken", crontab=night, args="[1, ")
    every = IntervalSchedule.objects.create(every=10, period="minutes")
    put("ten minutes", interval=every, last_run_at=datetime(2026, 11, 1, 0, 0, 30, tzinfo=UTC))
    put("once", clocked=ClockedSchedule.objects.create(clocked_time=LATER), one_off=True)
    put("was", clocked=ClockedSchedule.objects.create(clocked_time=datetime(2020, 1, 1, tzinfo=UTC)), one_off=True)
    put("dawn", solar=SolarSchedule.objects.create(event="dawn_civil", latitude=48, longitude=2))


def importable(name, *functions):
    """APScheduler wants to see what it is to call."""
    module = sys.modules[name] = ModuleType(name)
    for function in functions:
        setattr(module, function, lambda *args, **kwargs: None)


def apscheduler(scheduler):
    def put(id, trigger, **options):
        func = options.pop("func", "shop.tasks:report")
        scheduler.add_job(func, trigger, id=id, **options)

    put("nightly", CronTrigger(hour=2, minute=30, timezone=PARIS), args=["weekly"], kwargs={"to": "ops"})
    put("weekdays", CronTrigger(day_of_week="0-4", hour="9-17/2", timezone=PARIS, jitter=20), coalesce=False)
    put("last friday", CronTrigger(day="last fri", hour=3, timezone=PARIS), misfire_grace_time=None, name="Reports")
    put("weeks", CronTrigger(week="*/2", day_of_week="mon", timezone=PARIS))
    put("interval", IntervalTrigger(minutes=7, start_date=datetime(2026, 1, 1, tzinfo=PARIS), timezone=PARIS))
    put("once", "date", run_date=LATER, max_instances=3)
    put("either", OrTrigger([CronTrigger(hour=3, timezone="UTC"), CronTrigger(hour=4, minute=30, timezone="UTC")]))
    put("both", AndTrigger([CronTrigger(hour=0, timezone="UTC"), CronTrigger(day=4, timezone="UTC")]))
    put("object", CronTrigger(hour=5, timezone="UTC"), args=[LATER], executor="processpool")
    put("paused", CronTrigger(hour=6, timezone="UTC"))
    scheduler.pause_job("paused")
    put("put off", CronTrigger(hour=9, timezone="UTC"))
    put("interval put off", IntervalTrigger(hours=5, timezone="UTC"))
    for id in ("put off", "interval put off"):
        scheduler.modify_job(id, next_run_time=LATER)


def stored_jobs(store):
    executors = {"default": {"type": "threadpool"}, "processpool": {"type": "threadpool"}}
    scheduler = BackgroundScheduler(timezone=PARIS, jobstores={"default": store}, executors=executors)
    scheduler.start(paused=True)
    apscheduler(scheduler)
    scheduler.shutdown()


if __name__ == "__main__":
    place = sys.argv[1]
    importable("shop")
    importable("shop.tasks", "report")
    if place.startswith("redis://"):
        from apscheduler.jobstores.redis import RedisJobStore

        host, _, rest = place.removeprefix("redis://").partition(":")
        port, _, db = rest.partition("/")
        redbeat(place)
        stored_jobs(RedisJobStore(host=host, port=int(port), db=int(db or 0)))
    else:
        from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore

        django_beat(f"{place}/beat.sqlite3")
        stored_jobs(SQLAlchemyJobStore(f"sqlite:///{place}/jobs.sqlite3"))
