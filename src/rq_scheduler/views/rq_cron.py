"""What `check` and `status` say of `rq cron` processes that are alive. Owns only words."""

from __future__ import annotations

from rq_scheduler.client.health import RqCron

__all__ = ["notice"]


def notice(one: RqCron) -> str:
    """That it is alive, and what this means for whoever syncs its file."""
    place = "".join(
        part for part in (one.host and f" on {one.host}", one.pid and f", pid {one.pid}", one.file and f", {one.file}")
    )
    return (
        f"rq cron is alive ({one.name}{place}) and enqueues the jobs of its file itself: stop it before rqscheduler "
        "sync takes that file, or each runs twice"
    )
