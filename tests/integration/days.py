"""Days by a clock that is moved, served by rq-scheduler 0.14 or by ours, with or without Django: a process of its own,
since both have one name, and Django sets the zone of a process.

    python -m integration.days 0.14|ours|ours-django START END [--adopt-timezone of ours]...

The clock goes in steps of half an hour. At each, what is in the queue is taken, and noted in `test:taken` as
"id moment", in UTC.
"""

import os
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import redis as redis_py

STEP = timedelta(minutes=30)
LOCAL = timedelta(hours=1)
"""How far Berlin's winter is ahead of UTC."""
QUEUE, TAKEN = "rq:queue:default", "test:taken"


def take(connection: Any, now: datetime) -> None:
    """What workers would do: each job that is in the queue runs, and ends."""
    for id in connection.lrange(QUEUE, 0, -1):
        connection.rpush(TAKEN, f"{id.decode()} {now:%d %H:%M}")
        connection.hset(b"rq:job:" + id, "status", "finished")
    connection.delete(QUEUE)


def by_0_14(connection: Any, start: datetime, end: datetime) -> None:
    """`manage.py rqscheduler`, whose sleep moves the clock."""
    from django.core.management import call_command
    from freezegun import freeze_time

    # A frozen clock shows UTC as local time, unless it is told how far that is away.
    with freeze_time(start, tz_offset=LOCAL) as clock:

        def sleep(seconds: float) -> None:
            now = datetime.utcnow().replace(tzinfo=UTC)
            take(connection, now)
            if now >= end:
                sys.exit()
            clock.tick(STEP)

        time.sleep = sleep
        call_command("rqscheduler")


def by_ours(scheduler: Any, connection: Any, start: datetime, end: datetime, zones: tuple[str, ...]) -> None:
    from rq_scheduler.dispatcher import Options
    from rq_scheduler.testing import ManualClock, ManualDispatcher

    with ManualDispatcher(scheduler, ManualClock(start), options=Options(adopt_timezones=zones)) as dispatcher:
        dispatcher.tick()
        while True:
            take(connection, dispatcher.clock.now())
            if dispatcher.clock.now() >= end:
                return
            dispatcher.tick(STEP)


def main(who: str, start: str, end: str, *zones: str) -> None:
    connection = redis_py.Redis.from_url(os.environ["RQS_TEST_REDIS_URL"])
    since, until = datetime.fromisoformat(start), datetime.fromisoformat(end)
    if who == "ours":
        from rq_scheduler import Scheduler

        by_ours(Scheduler(connection=connection), connection, since, until, zones)
        return
    import django

    django.setup()
    if who == "0.14":
        by_0_14(connection, since, until)
    else:
        import django_rq

        by_ours(django_rq.get_scheduler(), connection, since, until, zones)


if __name__ == "__main__":
    main(*sys.argv[1:])
