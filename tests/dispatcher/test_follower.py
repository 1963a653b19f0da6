"""A step of following runs leaves the rest to the next one in time."""

from typing import Any

import pytest

import rq_scheduler.dispatcher.follower as follower_module
from rq_scheduler.dispatcher import Events
from rq_scheduler.dispatcher.follower import Follower
from rq_scheduler.store.settling import Looks


def test_a_one_off_that_falls_due_waits_for_few_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 100,000 runs whose look is due, each script looks for 4 ms."""
    scripts: list[int] = []

    class Behind:
        def settle_runs(self, most: int) -> Looks:
            scripts.append(most)
            return Looks(now=1, next_look=0, settled=0, paused=[], overdue=[], unread=[], durations=[])

    store: Any = Behind()
    monkeypatch.setattr(follower_module, "monotonic", lambda: 0.004 * len(scripts))
    follower = Follower(store, Events())
    follower.step()
    assert len(scripts) <= 2
    assert follower.seconds_to_wait() == 0, "the next pass goes on"
