"""AsyncScheduler under measurement: calls of a thousand tasks at once, and how long the event loop was held up."""

import asyncio
import datetime as dt
import gc
import os
import time

import redis.asyncio
from protocol import serve
from work import nothing

from rq_scheduler import AsyncScheduler

LATER = dt.timedelta(days=30)
gc.freeze()  # as a service does that has started: to look through all of it is not what is measured
turns = []


class Loop(asyncio.SelectorEventLoop):
    """Keeps what each of its turns has worked: not how long others kept the processor from it."""

    def _run_once(self):
        began = time.thread_time()
        super()._run_once()
        turns.append(time.thread_time() - began)


runner = asyncio.Runner(loop_factory=Loop)
scheduler = AsyncScheduler(connection=redis.asyncio.Redis.from_url(os.environ["BENCH_URL"]))


async def at_once(calls):
    await asyncio.gather(*(scheduler.enqueue_in(LATER, nothing, n, name="value") for n in range(calls)))


def enqueue_in(calls, together):
    """Returns the milliseconds of the longest turn of the loop."""
    turns.clear()
    for _ in range(calls // together):
        runner.run(at_once(together))
    return max(turns) * 1000


serve(enqueue_in=enqueue_in)
