"""Importing from other schedulers: readers that make drafts of their entries, and what these are with us.

A reader knows one store, and nothing of Redis or of files; `sources` opens what it reads. `found` makes paused
schedules of drafts, and lays the instants of both side by side; `writing` puts them.
"""

from __future__ import annotations

from rq_scheduler.client.importing.found import Difference, Found, settle
from rq_scheduler.client.importing.mapping import Mappings, read_mappings
from rq_scheduler.client.importing.sources import SOURCES, Read, Source, read
from rq_scheduler.client.importing.writing import Written, write

__all__ = [
    "SOURCES",
    "Difference",
    "Found",
    "Mappings",
    "Read",
    "Source",
    "Written",
    "read",
    "read_mappings",
    "settle",
    "write",
]
