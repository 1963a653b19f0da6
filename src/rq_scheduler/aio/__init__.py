"""The Scheduler API on an event loop: `AsyncScheduler`, and what is reached through it."""

from rq_scheduler.aio.scheduler import AsyncScheduler

__all__ = ["AsyncScheduler"]
