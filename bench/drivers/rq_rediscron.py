"""rq-rediscron under measurement."""

import logging

from protocol import connection, serve
from rediscron import RedisCronScheduler
from work import nothing

redis = connection()
schedulers = {}


def register(calls):
    scheduler = schedulers["now"] = RedisCronScheduler(redis, logging_level=logging.WARNING)
    for n in range(calls):
        scheduler.register(
            nothing, "default", id=f"report-{n}", args=(n,), kwargs={"name": "value"}, interval=300
        )  # fmt: skip
    scheduler.register_birth()


def enqueue_jobs():
    schedulers["now"].enqueue_jobs()


def leave():
    schedulers.pop("now").register_death()


serve(register=register, enqueue_jobs=enqueue_jobs, leave=leave)
