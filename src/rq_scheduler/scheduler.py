"""`rq_scheduler.scheduler`, as 0.14's applications import it. What stands here lives in `client/scheduler.py`."""

import logging

from rq_scheduler.client.scheduler import Scheduler
from rq_scheduler.log import log

__all__ = ["Scheduler", "logger"]

logger: logging.Logger = log
"""0.14's name for it."""
