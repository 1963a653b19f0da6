"""Prometheus metrics: `fleet.py` what Redis knows, which the web exposes once for all; `dispatcher.py` what each
dispatcher measures of itself; `exposition.py` their text. Needs the extra `[metrics]`.

They listen and read; nothing of the scheduler depends on them.
"""

try:
    import prometheus_client as prometheus_client
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        f"{_error.name} is missing, of the extra [metrics]: pip install prometheus-client", name=_error.name
    ) from None

from rq_scheduler.metrics.dispatcher import DispatcherMetrics
from rq_scheduler.metrics.exposition import CONTENT_TYPE, exposition_of
from rq_scheduler.metrics.fleet import FleetMetrics

__all__ = ["CONTENT_TYPE", "DispatcherMetrics", "FleetMetrics", "exposition_of"]
