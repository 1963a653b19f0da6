"""The audit: what people and programs did, read. The scripts of what they did write it (`lua/include/audit.lua`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from rq_scheduler.store.command import Commands, Listing
from rq_scheduler.store.operation import listing
from rq_scheduler.store.streams import StreamEntry, newest_first

Changes: TypeAlias = Mapping[str, tuple[str, str]]
"""What another definition changes: by the name of the option, the old text and the new one."""


def changes_text(changes: Changes) -> str:
    """As an entry has them."""
    return msgspec.json.encode(changes).decode()


def read_changes(written: str) -> Changes:
    """Back; none where that cannot be read."""
    try:
        return msgspec.json.decode(written, type=dict[str, tuple[str, str]])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return {}


class AuditCommands(Commands):
    """Operations on the audit."""

    @listing
    def read_audit(
        self, since: int | None = None, until: int | None = None, before: str | None = None
    ) -> Listing[StreamEntry]:
        """The entries of [since, until) (microseconds), or of those before a place, newest first, read a page a round
        trip as they are used."""
        return newest_first(self.keys.audit, since, until, before)
