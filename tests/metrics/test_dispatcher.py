"""What a dispatcher measures of itself, and how several listeners are told."""

import inspect
import os
from typing import Any, get_args

import redis as redis_py

from making import Told, add, entry, now_us
from metrics.conftest import Scrape
from rq_scheduler import Scheduler
from rq_scheduler.aliases import HandOffKind
from rq_scheduler.dispatcher import Dispatcher, Events, Listeners
from rq_scheduler.metrics import DispatcherMetrics, exposition_of
from rq_scheduler.store import Store
from rq_scheduler.store.outcomes import Took


def scraped(metrics: DispatcherMetrics) -> Scrape:
    return Scrape(exposition_of(metrics).decode())


class TestListeners:
    def test_each_is_told_each_event(self) -> None:
        """Of all that there are."""

        class Noting(Events):
            def __init__(self) -> None:
                self.said: list[str] = []

        names = [name for name, event in vars(Events).items() if callable(event) and not name.startswith("_")]

        def note(name: str) -> Any:
            return lambda self, *args: self.said.append(name)

        for name in names:
            setattr(Noting, name, note(name))
        one, two = Noting(), Noting()
        both = Listeners(one, two)
        for name in names:
            getattr(both, name)(*[None] * (len(inspect.signature(getattr(Events, name)).parameters) - 1))
        assert one.said == two.said == names
        assert "passed" in names

    def test_one_that_wants_each_job_is_enough(self) -> None:
        assert not Listeners(DispatcherMetrics()).wants_each_job
        assert Listeners(DispatcherMetrics(), Told()).wants_each_job


class TestLateness:
    def test_of_all_kinds_in_their_buckets(self, redis: redis_py.Redis) -> None:
        store, now = Store(redis), now_us(redis)
        add(store, *(entry(redis, f"j-{n}", now - 3_000_000 - n) for n in range(5)))
        redis.sadd("rq:queues", "rq:queue:default")
        redis.hset("rq:job:own", mapping=entry(redis, "own", 5).fields)
        redis.zadd("rq:scheduled:default", {"own": now / 1e6 - 60})
        metrics = DispatcherMetrics()
        Dispatcher(redis, events=metrics).dispatch_once()
        found = scraped(metrics)
        assert found("lateness_seconds_count", kind="one-off") == 5
        assert found("lateness_seconds_bucket", kind="one-off", le="2.048") == 0
        assert found("lateness_seconds_bucket", kind="one-off", le="4194.304") == 5
        assert found("lateness_seconds_bucket", kind="rq", le="32.768") == 0
        assert found("lateness_seconds_bucket", kind="rq", le="+Inf") == 1
        assert (found("last_pass_timestamp_seconds") or 0) > 1.7e9
        assert found("pass_seconds_count", phase="index") == 1

    def test_of_which_there_was_none_is_zero(self) -> None:
        """Else the first event of a kind would be no increase."""
        found = scraped(DispatcherMetrics())
        for kind in get_args(HandOffKind):
            assert found("lateness_seconds_bucket", kind=kind, le="+Inf") == 0
        assert found("run_duration_seconds_count", kind="scheduled") == 0
        assert found("run_duration_seconds_count", kind="one-off") is None, "nobody follows those"

    def test_what_is_later_than_all_buckets_is_counted(self) -> None:
        metrics = DispatcherMetrics()
        metrics.were_late([Took("rq", 40, 2), Took("rq", 0, 1)])
        found = scraped(metrics)
        assert found("lateness_seconds_bucket", kind="rq", le="0.001") == 1
        assert found("lateness_seconds_bucket", kind="rq", le="4194.304") == 1
        assert found("lateness_seconds_bucket", kind="rq", le="+Inf") == 3

    def test_no_job_is_told_for_it(self, redis: redis_py.Redis) -> None:
        """Telling each takes Redis a tenth more time."""
        add(Store(redis), entry(redis, "a", now_us(redis) - 5))
        told = Told()

        class Metrics(DispatcherMetrics):
            def handed_off(self, jobs: Any, at: int) -> None:
                told.handed_off(jobs, at)

        Dispatcher(redis, events=Metrics()).dispatch_once()
        assert not told.jobs
        assert not Scheduler(connection=redis).jobs.get("a")


class TestProcesses:
    def test_two_in_one_process_have_each_their_own(self, redis: redis_py.Redis) -> None:
        one, two = DispatcherMetrics(), DispatcherMetrics()
        one.redis_lost(OSError())
        assert scraped(one)("errors_total", kind="redis_lost") == 1
        assert scraped(two)("errors_total", kind="redis_lost") == 0

    def test_a_fork_can_be_asked(self) -> None:
        metrics = DispatcherMetrics()
        metrics.were_late([Took("rq", 0, 1)])
        child = os.fork()
        if child == 0:
            os._exit(0 if scraped(metrics)("lateness_seconds_count", kind="rq") == 1 else 1)
        assert os.waitpid(child, 0)[1] == 0
