"""A test message to each receiver, by hand: whether they answer, before anything happens."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from rq_scheduler.alerts.alerts import Alerts
from rq_scheduler.alerts.attempt import Attempt
from rq_scheduler.alerts.receivers import Message
from rq_scheduler.views.alerts import Told, Trial

__all__ = ["try_all"]


def try_all(alerts: Alerts) -> list[Trial]:
    """Sends one message to each receiver now, and waits for what they answer."""
    text = "This is a test, made by `rqscheduler alert test`: nothing has happened."
    told = Told({}, (), (), alerts.site)
    title = f"[{alerts.site}] rq-scheduler: a test" if alerts.site else "rq-scheduler: a test"
    data: dict[str, object] = {"site": alerts.site, "title": title, "text": text, "test": True}
    message = Message(f"msg_{uuid.uuid4().hex}", title, text, datetime.now(UTC), told, data)
    attempts = [(receiver.name, Attempt(receiver, message)) for receiver in alerts.receivers]
    found: list[Trial] = []
    for name, attempt in attempts:
        attempt.wait()
        attempt.is_over()
        error = attempt.error
        found.append(Trial(name, error is None, attempt.answer if error is None else error))
    return found
