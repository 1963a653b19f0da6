"""What people see: a live table on a terminal, plain lines elsewhere. Owns only looks; counts nothing."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import click
from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rq_scheduler.cli.demo.account import late
from rq_scheduler.clock import from_us

__all__ = ["Display"]

COLUMNS = {"due": 12, "what": 26, "handed off": 12, "     late": 9, "by": 2, "result": 27}
"""Headings and least widths. Where they do not all fit, the moment of the hand-off stands back: lateness says it."""
FRAME = 4
"""Lines that are neither a row nor an event."""


@dataclass
class _Row:
    """A hand-off, or an instant that a policy left out (`at` 0), as far as it is known. Microseconds."""

    what: str = ""
    due: int = 0
    at: int = 0
    by: str = "?"
    result: str = ""

    def cells(self) -> list[str]:
        due, at = (from_us(us).astimezone().strftime("%H:%M:%S.%f")[:-3] if us else "-" for us in (self.due, self.at))
        return [due, self.what, at, f"{late(self.at - self.due) if self.at else '-':>9}", self.by, self.result]


class Display:
    """On a terminal, the latest rows and events, redrawn in place; else each event, and one row in ten."""

    def __init__(self, console: Console, plain: bool) -> None:
        self._console = console
        self._rows: dict[str, _Row] = {}
        self._events: list[tuple[str, str]] = []
        self._kinds: set[str] = set()
        self.status = ""
        self._live = None if plain else Live(console=console, refresh_per_second=8, get_renderable=self.draw)

    def open(self) -> None:
        if self._live:
            self._live.start()

    def close(self) -> None:
        if self._live:
            self._live.stop()

    def event(self, text: str, style: str = "") -> None:
        """Something has happened. What was done to the system is bold, and stays in sight."""
        self._events.append((text, style))
        if not self._live:
            click.echo(f"--- {text}")

    def row(self, id: str, *, done: bool = False, **news: Any) -> None:
        """News of a row. In plain lines, the first of each kind of result has one when it is done, and each tenth."""
        row = self._rows.setdefault(id, _Row())
        for name, value in news.items():
            setattr(row, name, value)
        kind = row.result.partition(",")[0]
        if not self._live and done and (kind not in self._kinds or len(self._rows) % 10 == 0):
            self._kinds.add(kind)
            click.echo(" ".join(f"{cell:<{width}}" for cell, width in zip(row.cells(), COLUMNS.values(), strict=True)))

    def draw(self) -> Group:
        """The screen as it is now: a line less than the terminal has, none wider than it."""
        width, height = self._console.size
        lines = max(2, height - 1 - FRAME)
        events = min(len(self._events), lines // 2)
        narrow = width < sum(COLUMNS.values()) + len(COLUMNS)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, expand=True, padding=0)
        shown = [heading for heading in COLUMNS if not (narrow and heading == "handed off")]
        for heading in shown:
            table.add_column(heading, no_wrap=True, min_width=COLUMNS[heading])
        for row in list(self._rows.values())[events - lines :]:
            cells = dict(zip(COLUMNS, row.cells(), strict=True))
            style = "red" if "fail" in row.result else "" if row.at else "yellow"
            table.add_row(*(cells[heading] for heading in shown), style=style)
        # What was done to the system, and of the rest the latest: so many, in order.
        telling = sorted(enumerate(self._events), key=lambda each: ("bold" in each[1][1], each[0]))[-events:]
        texts = [Text(_fitted(text, width), style=style) for _, (text, style) in sorted(telling)]
        return Group(Text(_fitted(self.status, width), style="bold"), table, Text("─" * width, style="dim"), *texts)


def _fitted(text: str, width: int) -> str:
    """The text, or as many whole words of it as fit."""
    return text if len(text) <= width else shorten(text, width, placeholder=" …")
