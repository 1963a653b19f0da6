"""`scheduler.schedules`: named, durable schedules that are put, found, changed, run and synced from files.

`collection.py` is its face; the files beside it own one matter each: from a definition to its job and back
(`definition`), what a change does (`changes`) and writing it (`writing`), declarative sync (`sync`) and where its
definitions come from (`files`, `rq_cron`), runs asked for by hand (`asking`), what comes next (`coming`), what callers
are shown (`views`). Stands on the store; knows nothing of the dispatcher's loop.
"""

from rq_scheduler.schedules.collection import Schedules
from rq_scheduler.schedules.views import Run, StoredSchedule, SyncResult, UpcomingRun

__all__ = ["Run", "Schedules", "StoredSchedule", "SyncResult", "UpcomingRun"]
