"""The text in which Prometheus reads metrics."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

__all__ = ["CONTENT_TYPE", "exposition_of"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of what `generate_latest` writes unless it is asked for another escaping; newer ones call another one the latest."""


def exposition_of(*collectors: Collector) -> bytes:
    """What these collect now. Raises what they raise."""
    # One of its own: an application may have metrics of its own, and two dispatchers these ones twice.
    own = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        own.register(_Collected(collector))
    return generate_latest(own)


class _Collected(Collector):
    """A collector that is asked once: a registry asks when it is given one, too, which has no `describe`."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterable[Metric]:
        return self._collector.collect()

    def describe(self) -> Iterable[Metric]:
        return []
