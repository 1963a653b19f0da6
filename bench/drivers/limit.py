"""The bare scripts under measurement: a loop around a script that makes the writes, and nothing else. Jobs are RQ's."""

import datetime as dt
import time
from pathlib import Path

from protocol import connection, serve
from rq.job import Job
from work import nothing

redis = connection()
LUA = Path(__file__).resolve().parent.parent / "lua"
hand_off_script, fire_script, save_script = (
    redis.register_script((LUA / f"{name}.lua").read_text()) for name in ("hand_off", "fire", "save")
)
INDEX, DUE_SCHEDULES = "rq:scheduler:scheduled_jobs", "rq:scheduler:due_schedules"
PERIOD = 300
BATCH = 500


def today():
    return time.strftime("%Y-%m-%dT", time.gmtime())


def hand_off(reads=("origin",), batch=BATCH):
    while hand_off_script(keys=[INDEX], args=[batch, today(), 180, *reads]):
        pass


def fire(nominal, batch=BATCH, period=PERIOD, runs=1, jitter=0):
    following = nominal + period
    stamp = dt.datetime.fromtimestamp(nominal, dt.UTC).strftime("%Y%m%dT%H%M%S000000Z")
    instants = [nominal * 1_000_000, stamp, following * 1_000_000, following, runs, jitter]
    while fire_script(keys=[DUE_SCHEDULES], args=[batch, today(), 180, *instants]):
        pass


def fire_at(nominal, period, runs, jitter):
    time.sleep(max(0.0, nominal - time.time()))
    fire(nominal, period=period, runs=runs, jitter=jitter)


def hand_off_when_due():
    """The bare loop: sleep until the first is due, hand off what is."""
    while first := redis.zrange(INDEX, 0, 0, withscores=True):
        time.sleep(max(0.0, first[0][1] - time.time()))
        hand_off_script(keys=[INDEX], args=[BATCH, today(), 180, "origin"])


def enqueue_at(calls):
    later = time.time() + 30 * 86_400
    for n in range(calls):
        job = Job.create(
            nothing, args=(n,), kwargs={"name": "value"}, connection=redis, origin="default", status="scheduled"
        )
        save_script(keys=[INDEX], args=[later, job.id, *(part for field in job.to_dict().items() for part in field)])


serve(enqueue_at=enqueue_at, hand_off=hand_off, fire=fire, fire_at=fire_at, hand_off_when_due=hand_off_when_due)
