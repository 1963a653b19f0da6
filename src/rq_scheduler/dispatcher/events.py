"""What a dispatcher tells the outside: a protocol of no-ops. Knows no Redis.

The log (`log_events.py`), metrics and tests listen.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rq_scheduler.planning import Missed
from rq_scheduler.store.fleet import Look
from rq_scheduler.store.outcomes import Dropped, Fenced, HandedOff, Took
from rq_scheduler.triggers import Reading

__all__ = ["Events"]


class Events:
    """Things that happen in a dispatcher. Times are microseconds of the Redis server's clock."""

    @property
    def wants_each_job(self) -> bool:
        """Whether `handed_off` is to be called for plain one-offs too, of which there may be very many."""
        return True

    @property
    def held_up(self) -> Collection[str]:
        """Those of which `runs_again` is to be told once they run."""
        return ()

    def started(self, name: str) -> None:
        """The dispatcher is known to Redis and begins to serve."""

    def stopped(self, name: str, others: int) -> None:
        """The dispatcher has left; so many others stay."""

    def handed_off(self, jobs: Sequence[HandedOff], at: int) -> None:
        """Jobs have entered their queues."""

    def were_late(self, late: Sequence[Took]) -> None:
        """So late were jobs that have entered their queues, plain one-offs too: told of each batch."""

    def ran(self, durations: Sequence[Took]) -> None:
        """So long took runs whose end was seen."""

    def passed(self, seconds: Mapping[str, float]) -> None:
        """A pass has come to its end: how long each of its phases took."""

    def not_run(self, id: str, nominal: int, outcome: str) -> None:
        """A fire was skipped or put off (buffered), because the previous run is still going."""

    def runs_again(self, id: str) -> None:
        """What was held up by its previous run is not any more."""

    def missed(self, id: str, missed: Missed) -> None:
        """Instants of a schedule passed without a run."""

    def ended(self, id: str) -> None:
        """A recurring job's RQ job was deleted by a caller, and with it the schedule."""

    def paused(self, id: str, reason: str) -> None:
        """A schedule was paused because its runs failed."""

    def resumed(self, id: str) -> None:
        """The pause of a schedule has ended by itself."""

    def not_stopped(self, id: str, error: BaseException) -> None:
        """A run that was to make way for another could not be asked to."""

    def dropped(self, entry: Dropped) -> None:
        """An entry was taken out: canceled through RQ, or quarantined with a reason."""

    def adopted(self, id: str, trigger: str, timezone: str | None) -> None:
        """A recurring job that a 0.14 client wrote is a schedule now."""

    def misread(self, id: str, pending: int, reading: Reading) -> None:
        """The pending time of an adopted cron string was worked out in another zone than the one it is read in."""

    def zone_unnamed(self, problem: str) -> None:
        """A cron string was adopted in UTC, though this host is in another zone, whose name is not known."""

    def swept(self, adopted: Mapping[str | None, int]) -> None:
        """The first look at all pending entries is over: so many were adopted in each zone (None: no cron string)."""

    def put_off(self, id: str, error: BaseException) -> None:
        """An entry cannot be served by this dispatcher now."""

    def unreadable_spec(self, id: str) -> None:
        """A newer version of this package wrote a schedule; this one leaves it alone."""

    def fenced(self, fence: Fenced) -> None:
        """A 0.14 daemon, or an application's lock, keeps this dispatcher from handing off."""

    def unfenced(self) -> None:
        """The fence is free again."""

    def taken_on(self, queues: Sequence[tuple[str, int]]) -> None:
        """RQ's own scheduled jobs of these queues are served from now on; so many of each are held, long overdue."""

    def unattended(self, queues: Sequence[str]) -> None:
        """No worker listens on queues that pending jobs name."""

    def unserved(self, look: Look) -> None:
        """Queues in which jobs have waited for minutes have no worker; or have one again."""

    def name_taken(self, name: str, holder: Mapping[str, str], ttl_ms: int) -> None:
        """Another dispatcher of this name, which has told this of itself, is known for so long, and waited for."""

    def name_taken_over(self, name: str, holder: Mapping[str, str]) -> None:
        """The dispatcher that had this name was on this machine, and is gone."""

    def redis_lost(self, error: BaseException) -> None:
        """Redis cannot be used now."""

    def redis_back(self, seconds: float) -> None:
        """Redis can be used again, after so many seconds."""

    def misfit(self, keys: Sequence[str], error: BaseException) -> None:
        """Keys hold something of another type: what needs them is not served; nothing is lost."""

    def goes_on(self) -> None:
        """The dispatcher is alive: told every few seconds, for whoever counts something by time."""

    def channel_refused(self, error: BaseException) -> None:
        """The wake-up channel cannot be used; entries made for soon wait for the next poll."""
