"""The definitions that a schedule has and had, as the scripts that write and delete schedules keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rq_scheduler.store.base import moment, pairs, text, whole
from rq_scheduler.store.command import Command, Commands
from rq_scheduler.store.operation import operation
from rq_scheduler.store.schedules import Stored

_FIELDS: tuple[str, ...] = (
    "version",
    "updated",
    "by",
    "spec",
    "func",
    "call",
    "queue",
    "owner",
    "tags",
    "slow",
    "paused",
    "note",
)
"""As in `lua/include/versions.lua`."""


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A definition, with its job: none where that was too large. `since` and `until` are microseconds, None where the
    record does not say, and `until` for the present one."""

    number: int
    since: int | None
    until: int | None
    by: str
    stored: Stored


class VersionCommands(Commands):
    """Operations on definitions that were."""

    @operation
    def read_versions(self, id: str) -> Command[tuple[str, list[StoredVersion]]]:
        """The kind of what has the id now, empty for nothing, and the definitions of that schedule, newest first: the
        present one, if there is one, and those before."""

        def read(reply: Sequence[Any]) -> tuple[str, list[StoredVersion]]:
            kind, *rows = reply
            return text(kind), [_version(id, row) for row in rows]

        return self._script("read_versions", self.keys.due_schedules, id, read=read)


def _version(id: str, row: Sequence[bytes]) -> StoredVersion:
    fields: dict[str, bytes] = dict(zip(_FIELDS, row, strict=False))
    ends, *job = row[len(_FIELDS) :]
    stored = Stored(id, "schedule", None, "", fields, pairs(job))
    return StoredVersion(
        whole(fields["version"]) or 0, moment(fields["updated"]), moment(ends), text(fields["by"]), stored
    )
