"""What other schedulers keep in Redis: reads only, for `rqscheduler import`. Values that are too large are not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from redis import Redis, RedisCluster
from redis.exceptions import ResponseError

__all__ = ["apscheduler_jobs", "redbeat_entries"]

_Connection: TypeAlias = Redis | RedisCluster


def redbeat_entries(
    connection: _Connection, prefix: str, most: int
) -> Iterator[tuple[str, bytes | None, bytes | None]]:
    """Of each member of RedBeat's index under its key prefix: the name of its entry, and the texts of `definition` and
    `meta`; empty for what is not there, None for what is longer than `most` bytes. By key."""
    client: Any = connection
    for key in sorted(client.zrange(f"{prefix}:schedule", 0, -1)):
        definition, meta = (_field(client, key, name, most) for name in ("definition", "meta"))
        yield key.decode(errors="replace").removeprefix(prefix), definition, meta


def apscheduler_jobs(connection: _Connection, key: str, most: int) -> Iterator[tuple[str, bytes | None]]:
    """Each job of APScheduler's hash: its id, and its pickle; None for one that is longer than `most` bytes. By id."""
    client: Any = connection
    for id in sorted(client.hkeys(key)):
        yield id.decode(errors="replace"), _field(client, key, id, most)


def _field(client: Any, key: str | bytes, name: str | bytes, most: int) -> bytes | None:
    try:
        return client.hget(key, name) or b"" if client.hstrlen(key, name) <= most else None
    except ResponseError:  # what stands there is no hash
        return b""
