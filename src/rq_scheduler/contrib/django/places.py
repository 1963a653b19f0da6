"""Which Redis a client speaks to, told from how it was made: two queues of RQ_QUEUES may say the same in other words.
Asks nothing."""

from __future__ import annotations

from typing import Any

from redis.sentinel import SentinelConnectionPool

__all__ = ["place_of"]

_LOCAL = ("127.0.0.1", "::1")


def place_of(client: Any) -> tuple[object, ...]:
    """Equal for clients of the same database of the same server, or of the same master of the same sentinels."""
    pool = client.connection_pool
    given = pool.connection_kwargs
    db = str(given.get("db") or 0)
    if _is_of_sentinels(pool):
        return pool.service_name, frozenset(place_of(each)[:2] for each in pool.sentinel_manager.sentinels), db
    if "path" in given:
        return given["path"], db
    host = str(given.get("host") or "localhost").lower()
    return "localhost" if host in _LOCAL else host, str(given.get("port") or 6379), db


def _is_of_sentinels(pool: Any) -> bool:
    return isinstance(pool, SentinelConnectionPool)
