"""The Scheduler API: `Scheduler`, the methods of rq-scheduler 0.14 and a few beside them.

`api.py` is its face; the files beside it own one matter each: times (`moments`), the keywords of a call (`keywords`),
0.14's meta (`recurring`), bulk (`bulk`), construction, locks and life (`instance`).
"""

import logging

from rq_scheduler.log import log
from rq_scheduler.scheduler.api import Scheduler

__all__ = ["Scheduler", "logger"]

logger: logging.Logger = log
"""0.14's name for it."""
