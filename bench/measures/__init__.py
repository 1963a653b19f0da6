"""One measurement a module: each a function from a stage to lines of the table."""

from __future__ import annotations

from collections.abc import Callable

from bench.measures import client, fires, hand_off, herd, idle, lateness, many, million, reading
from bench.stage import Stage
from bench.table import Line

MEASURES: dict[str, Callable[[Stage], list[Line]]] = {
    "hand-off": hand_off.measure,
    "fires": fires.measure,
    "herd": herd.measure,
    "lateness": lateness.measure,
    "client": client.measure,
    "million": million.measure,
    "reading": reading.measure,
    "many": many.measure,
    "idle": idle.measure,
}
