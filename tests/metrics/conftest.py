"""Metrics as Prometheus reads them."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
import redis as redis_py
from prometheus_client.parser import text_string_to_metric_families

from rq_scheduler import Every, Schedule, Scheduler
from rq_scheduler.dispatcher import Dispatcher
from rq_scheduler.metrics import DispatcherMetrics, FleetMetrics, exposition_of
from rq_scheduler.store import Store
from rq_scheduler.store.outcomes import Took

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def samples_of(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Each sample, by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Scrape:
    """What one scrape has found."""

    def __init__(self, text: str) -> None:
        self.samples = samples_of(text)

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.samples.get((f"rq_scheduler_{name}", frozenset(labels.items())))

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.samples}


@pytest.fixture
def scheduler(redis: redis_py.Redis) -> Scheduler:
    return Scheduler(connection=redis)


@pytest.fixture
def scrape(scheduler: Scheduler) -> Callable[..., Scrape]:
    """Asks the fleet's collector: `scrape(tags=["x"])("due")`."""
    return lambda tags=(): Scrape(exposition_of(FleetMetrics(scheduler, tags)).decode())


def families_of(text: str) -> dict[str, tuple[str, set[str]]]:
    """Each family of metrics: its type, and the labels that its samples have."""
    return {
        family.name: (family.type, {label for sample in family.samples for label in sample.labels} - {"le"})
        for family in text_string_to_metric_families(text)
    }


_SAMPLES = {"counter": ("_total",), "histogram": ("_bucket", "_count"), "summary": ("_sum", "_count"), "gauge": ("",)}


@pytest.fixture
def families(scheduler: Scheduler, redis: redis_py.Redis) -> dict[str, tuple[str, set[str]]]:
    """All that web and dispatchers expose, where there is something of everything."""
    scheduler.schedules.put(Schedule("s", Every("1d"), "jobs_for_tests.nothing", tags=("x",)))
    scheduler.enqueue_in(timedelta(0), "jobs_for_tests.nothing")
    redis.hset(Store(redis).keys.schedule("s"), "ends", "1 0 0 0 1700000000000000 - 1000 .")
    redis.zadd(Store(redis).keys.scheduled_jobs, {"gone": 5})
    metrics = DispatcherMetrics()
    Dispatcher(redis, events=metrics).dispatch_once()
    metrics.ran([Took("scheduled", 5, 1)])
    return families_of(exposition_of(FleetMetrics(scheduler, ["x"]), metrics).decode())


@pytest.fixture
def exposed(families: dict[str, tuple[str, set[str]]]) -> dict[str, set[str]]:
    """The names that an expression of Prometheus may have, and the labels of each."""
    return {
        name + ending: labels | ({"le"} if ending == "_bucket" else set())
        for name, (type, labels) in families.items()
        for ending in _SAMPLES[type]
    }
