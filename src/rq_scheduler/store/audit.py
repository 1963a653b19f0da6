"""The audit: what people and programs did, read. The scripts of what they did write it (`lua/include/audit.lua`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from rq_scheduler.store.base import text
from rq_scheduler.store.command import Commands, Listing, Procedure
from rq_scheduler.store.operation import listing, operation
from rq_scheduler.store.streams import StreamEntry, entries_of, newest_first, place_at, time_of

LOOKED_AT = 400
"""Entries in which one script looks for ids: a millisecond of Redis, and some more now and then."""

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


@dataclass(frozen=True, slots=True)
class FoundAudited:
    """What the audit says of some ids, newest first. since: the moment (us) of the oldest entry that was looked at,
    None where there is none; is_cut: there may be older ones."""

    entries: Sequence[StreamEntry]
    since: int | None
    is_cut: bool


class AuditCommands(Commands):
    """Operations on the audit."""

    @listing
    def read_audit(
        self, since: int | None = None, until: int | None = None, before: str | None = None
    ) -> Listing[StreamEntry]:
        """The entries of [since, until) (microseconds), or of those before a place, newest first, read a page a round
        trip as they are used."""
        return newest_first(self.keys.audit, since, until, before)

    @operation
    def find_audited(self, ids: Sequence[str], since: int | None, most: int) -> Procedure[FoundAudited]:
        """The entries of these ids, of this moment (us) or later, among so many of the newest. Redis tells them apart:
        the others do not travel."""
        oldest, newest = "-" if since is None else place_at(since), "+"
        found, reached = list[StreamEntry](), None
        while most > 0:
            size = min(most, LOOKED_AT)
            count, last, rows = yield from self._script("find_audited", self.keys.audit, newest, oldest, size, *ids)
            found += entries_of(rows)
            reached = time_of(last) if last else reached
            if int(count) < size:
                return FoundAudited(found, reached, is_cut=False)
            newest, most = f"({text(last)}", most - size
        return FoundAudited(found, reached, is_cut=True)
