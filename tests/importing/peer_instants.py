"""Run by a Python that has Celery and APScheduler: what these say themselves of when something runs.

Reads JSON from stdin: `{"celery": [{"fields", "zone", "since", "until"}], "apscheduler": [...]}`, moments in seconds.
Prints lists of seconds in place of each, and for APScheduler also the pickle of such a job: `{"instants", "pickle"}`.
"""

import json
import pickle
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def of_celery(asked):
    from celery import Celery
    from celery.schedules import crontab

    app = Celery(set_as_current=False)
    app.conf.timezone = asked["zone"]
    last = datetime.fromtimestamp(asked["since"], UTC)
    schedule = crontab(**asked["fields"], nowfun=lambda: last, app=app)
    found = []
    while last.timestamp() < asked["until"]:
        last += schedule.remaining_estimate(last)
        found.append(int(last.timestamp()))
    return found[:-1]


def of_apscheduler(asked):
    from apscheduler.triggers.cron import CronTrigger

    zone = ZoneInfo(asked["zone"])
    trigger = CronTrigger(**asked["fields"], timezone=zone)
    last = datetime.fromtimestamp(asked["since"], zone)
    found = []
    while last and last.timestamp() < asked["until"]:
        # As the scheduler asks: a moment after the run that was due.
        now = (last.astimezone(UTC) + timedelta(milliseconds=5)).astimezone(zone)
        last = trigger.get_next_fire_time(last, now)
        found += [int(last.timestamp())] if last else []
    found = found if found and found[-1] < asked["until"] else found[:-1]
    first = datetime.fromtimestamp(found[0] if found else asked["until"], zone)
    job = {"func": "shop.tasks:report", "trigger": trigger, "next_run_time": first, "args": (), "kwargs": {}}
    return {"instants": found, "pickle": pickle.dumps(job).hex()}


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    kinds = {"celery": of_celery, "apscheduler": of_apscheduler}
    json.dump({kind: [kinds[kind](asked) for asked in each] for kind, each in wanted.items()}, sys.stdout)
