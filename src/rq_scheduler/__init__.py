"""rq-scheduler: says when RQ jobs run, keeps that in Redis, and hands each one off once and on time."""

from __future__ import annotations

from rq_scheduler._version import VERSION, __version__
from rq_scheduler.scheduler import Scheduler

__all__ = ["VERSION", "Scheduler", "__version__"]
