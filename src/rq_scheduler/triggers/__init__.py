"""Triggers: pure time arithmetic, which instants a schedule fires at; and exclusions, on which days it does not.

All are immutable msgspec structs; their JSON, tagged by `type`, is the stored form (through `serialization`), and
`AnyTrigger` and `AnyExclusion` are what to decode it as. Knows no schedule, no Redis and no RQ. Inside, instants
are integer microseconds since the epoch, UTC.
"""

from __future__ import annotations

from rq_scheduler.triggers.any_of import AnyOf, AnyTrigger
from rq_scheduler.triggers.at import At
from rq_scheduler.triggers.base import MAX_US, MIN_US, Trigger
from rq_scheduler.triggers.cron import Cron
from rq_scheduler.triggers.every import Every
from rq_scheduler.triggers.exclusions import AnyExclusion, Dates, Holidays
from rq_scheduler.triggers.legacy import legacy_cron
from rq_scheduler.triggers.pending import Reading, all_zones, read_pending, zones_that_fit
from rq_scheduler.triggers.rrule import RRule

__all__ = [
    "MAX_US",
    "MIN_US",
    "AnyExclusion",
    "AnyOf",
    "AnyTrigger",
    "At",
    "Cron",
    "Dates",
    "Every",
    "Holidays",
    "RRule",
    "Reading",
    "Trigger",
    "all_zones",
    "legacy_cron",
    "read_pending",
    "zones_that_fit",
]
