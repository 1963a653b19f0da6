"""A dispatcher with nothing to do: hardly a command a second, whatever is pending."""

from collections import Counter
from datetime import timedelta

import pytest
import redis as redis_py

from integration.helpers import StartDispatcher, save_alike
from making import US, now_us
from support import wait_until

pytestmark = pytest.mark.once

PENDING = 30_000
SECONDS = 8
"""Of the measurement: more than one heartbeat."""


def commands(redis: redis_py.Redis, seconds: float) -> Counter[str]:
    """What clients send in that time, by the server's clock. What a script calls is not among it: a script is one
    command."""
    counted: Counter[str] = Counter()
    end = now_us(redis) / US + seconds
    with redis.monitor() as monitor:
        # Blocks until the next command, and there always is one.
        while (seen := monitor.next_command()) and seen["time"] < end:
            if seen["client_type"] != "lua":
                counted[seen["command"].split()[0]] += 1
    return counted


@pytest.mark.long
def test_three_commands_a_second(redis: redis_py.Redis, start_dispatcher: StartDispatcher):
    """With 30,000 pending and two dispatchers, once the first look at all entries is over."""
    save_alike(redis, "later", PENDING, queue="many", after=timedelta(days=1))
    dispatchers = [start_dispatcher() for _ in range(2)]
    for dispatcher in dispatchers:
        wait_until(
            lambda dispatcher=dispatcher: "No worker listens" in dispatcher.output(),
            interval=0.1,
            message=dispatcher.output,
        )
    counted = commands(redis, SECONDS)
    per_second = counted.total() / SECONDS / len(dispatchers)
    print(f"{per_second:.2f} commands a second: {dict(counted)}")
    assert counted["EVALSHA"] > 0
    assert per_second <= 3
