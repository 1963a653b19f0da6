"""`scheduler.schedules`: named, durable schedules that are put, found, changed, run and synced from files.

`api.py` is its face; the files beside it own one matter each: from a definition to its job and back (`definition`),
what a change does (`changes`), writing it (`writer`) and going back (`versions`; as texts: `differences`), declarative
sync (`sync`) and where its definitions come from (`files`, `rq_cron`), what a schedule calls (`called`), what a person
does (`control`, `bulk`), runs on demand (`on_demand`), what comes next (`upcoming`), what lies ahead of many
(`forecasts`, `clock_changes`, `load`), what callers get (`results`).
"""

from rq_scheduler.client.schedules.api import Schedules
from rq_scheduler.client.schedules.called import Called
from rq_scheduler.client.schedules.clock_changes import ChangeOfClocks, ClockChanges, TouchedGroup, TouchedSchedule
from rq_scheduler.client.schedules.load import Load
from rq_scheduler.client.schedules.queue_load import Beside, Crowd, HourLoad, Peak, QueueLoad
from rq_scheduler.client.schedules.results import LeftOut, Run, StoredSchedule, SyncResult, UpcomingRun
from rq_scheduler.client.schedules.versions import Version

__all__ = [
    "Beside",
    "Called",
    "ChangeOfClocks",
    "ClockChanges",
    "Crowd",
    "HourLoad",
    "LeftOut",
    "Load",
    "Peak",
    "QueueLoad",
    "Run",
    "Schedules",
    "StoredSchedule",
    "SyncResult",
    "TouchedGroup",
    "TouchedSchedule",
    "UpcomingRun",
    "Version",
]
