"""The logger of all that this package says, under the name that 0.14 had: applications hang their handlers there.

Adds no handler and sets no level: those are the application's, or the daemon's (`cli/logs.py`).
"""

from __future__ import annotations

import logging

from rq_scheduler.sanitize import PLAIN_ARGUMENTS

__all__ = ["log"]

log: logging.Logger = logging.getLogger("rq_scheduler.scheduler")
log.addFilter(PLAIN_ARGUMENTS)
