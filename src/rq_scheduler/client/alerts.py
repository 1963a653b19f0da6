"""What a person may do about alerts: have a receiver forgotten. (`client/health.py` reads how they stand.)"""

from __future__ import annotations

from rq_scheduler.client.base import SchedulerBase, context_of
from rq_scheduler.errors import check_texts

__all__ = ["forget_receiver"]


def forget_receiver(scheduler: SchedulerBase, name: str) -> bool:
    """Forget a receiver of alerts; False where none of that name is remembered. One that a dispatcher still sends to
    begins anew, with what happens from then on."""
    check_texts(name=name)
    return context_of(scheduler).store.forget_alert_receiver(name)
