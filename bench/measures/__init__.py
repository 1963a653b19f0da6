"""One measurement a module: each a function from a harness to lines of the table."""

from __future__ import annotations

from collections.abc import Callable

from bench.harness import Harness
from bench.measures import (
    awaited,
    client,
    fires,
    following,
    hand_off,
    idle,
    late,
    lateness,
    many,
    million,
    reading,
    web,
    web_load,
    web_pages,
)
from bench.table import Line

MEASURES: dict[str, Callable[[Harness], list[Line]]] = {
    "hand-off": hand_off.measure,
    "fires": fires.measure,
    "herd": fires.measure_herd,
    "peers": fires.measure_peers,
    "rediscron": fires.measure_rediscron,
    "following": following.measure,
    "late": late.measure,
    "lateness": lateness.measure,
    "client": client.measure,
    "asyncio": awaited.measure,
    "memory": idle.measure_memory,
    "memory-of-runs": idle.measure_memory_of_runs,
    "idle": idle.measure,
    "million": million.measure,
    "reading": reading.measure,
    "many": many.measure,
    "web": web.measure,
    "web-load": web_load.measure,
    "web-pages": web_pages.measure,
}
