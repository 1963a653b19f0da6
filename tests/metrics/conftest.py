"""Metrics as Prometheus reads them."""

from collections.abc import Callable, Mapping

import pytest
import redis as redis_py
from prometheus_client.parser import text_string_to_metric_families

from rq_scheduler import Scheduler
from rq_scheduler.metrics import FleetMetrics, exposition_of

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
