"""Redis Data Store: the only package that knows a key. `Store` is its face; `lua/` holds the atomic operations."""

from rq_scheduler.store.entries import NewEntry, StoredJob
from rq_scheduler.store.store import Store

__all__ = ["NewEntry", "Store", "StoredJob"]
