"""Triggers: pure time arithmetic, which instants a schedule fires at.

`At`, `Every` and `Cron` are immutable msgspec structs; their JSON, tagged by `type`, is the stored form, and
`AnyTrigger` is what to decode it as. Knows no schedule, no Redis and no RQ. Inside, instants are integer
microseconds since the epoch, UTC.
"""

from __future__ import annotations

from rq_scheduler.triggers.at import At
from rq_scheduler.triggers.base import MAX_US, MIN_US, Trigger
from rq_scheduler.triggers.cron import Cron
from rq_scheduler.triggers.every import Every
from rq_scheduler.triggers.legacy import legacy_cron

__all__ = ["MAX_US", "MIN_US", "AnyTrigger", "At", "Cron", "Every", "Trigger", "legacy_cron"]

AnyTrigger = At | Every | Cron
"""Every kind of trigger there is: the type to decode stored ones as."""
