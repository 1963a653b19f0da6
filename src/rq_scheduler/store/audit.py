"""The audit: what people and programs did, read. The scripts of what they did write it (`lua/include/audit.lua`)."""

from __future__ import annotations

from rq_scheduler.store.command import Commands, Listing
from rq_scheduler.store.operation import listing
from rq_scheduler.store.streams import StreamEntry, newest_first


class AuditCommands(Commands):
    """Operations on the audit."""

    @listing
    def read_audit(self, since: int | None = None, until: int | None = None) -> Listing[StreamEntry]:
        """The entries of [since, until) (microseconds), newest first, read a page a round trip as they are used."""
        return newest_first(self.keys.audit, since, until)
