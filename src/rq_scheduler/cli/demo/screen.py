"""What the person sees: a live table on a terminal, plain lines elsewhere. Owns only looks; computes nothing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from textwrap import shorten
from typing import Protocol

import click
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rq_scheduler.clock import from_us

__all__ = ["LiveScreen", "PlainScreen", "Row", "Screen", "clock", "fitted", "lateness"]

ROWS = 16
EVENTS = 9
FRAMES = 7
"""Lines of title, headings and borders."""
WIDE = 100
"""Columns with room for the moment of the hand-off beside the lateness."""


@dataclass
class Row:
    """One hand-off (or one that a policy skipped), as far as it is known. Microseconds."""

    id: str
    due: int
    what: str
    handed_off: int | None = None
    by: str = "?"
    result: str = ""


class Screen(Protocol):
    """Where the show is shown."""

    def open(self) -> None: ...

    def event(self, text: str, style: str = "") -> None: ...

    def row(self, row: Row) -> None:
        """A new row, or news about one."""
        ...

    def counts(self, text: str) -> None: ...

    def close(self) -> None: ...


def clock(us: int) -> str:
    """The local time of day, to the millisecond."""
    return from_us(us).astimezone().strftime("%H:%M:%S.%f")[:-3]


def lateness(us: int) -> str:
    """Microseconds as people say them."""
    return f"{us / 1000:.1f} ms" if abs(us) < 1_000_000 else f"{us / 1e6:.2f} s"


class PlainScreen:
    """Lines. About one row in ten, each once its result is known; every event."""

    def __init__(self) -> None:
        self._done = 0
        self._notable: set[str] = set()

    def open(self) -> None:
        click.echo(f"{'due':<13} {'what':<34} {'handed off':<13} {'late':>9}  by  result")

    def event(self, text: str, style: str = "") -> None:
        click.echo(f"--- {text}")

    def row(self, row: Row) -> None:
        if not row.result or row.result == "running":
            return
        self._done += 1
        # The first of each kind of outcome is worth a line of its own.
        kind = row.result.split(" ")[0]
        if self._done % 10 != 1 and kind in self._notable:
            return
        self._notable.add(kind)
        handed_off = clock(row.handed_off) if row.handed_off is not None else "-"
        late = lateness(row.handed_off - row.due) if row.handed_off is not None else "-"
        click.echo(f"{clock(row.due):<13} {row.what:<34} {handed_off:<13} {late:>9}  {row.by:<3} {row.result}")

    def counts(self, text: str) -> None:
        pass

    def close(self) -> None:
        pass


class LiveScreen:
    """A table of the latest rows, and what has happened, redrawn in place; as much of both as the terminal holds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: deque[Row] = deque(maxlen=ROWS)
        self._events: list[Text] = []
        self._counts = ""
        self._live = Live(console=console, refresh_per_second=8, get_renderable=self.draw)

    def open(self) -> None:
        self._live.start()

    def event(self, text: str, style: str = "") -> None:
        self._events.append(Text(text, style=style))

    def row(self, row: Row) -> None:
        if not any(shown is row for shown in self._rows):
            self._rows.append(row)

    def counts(self, text: str) -> None:
        self._counts = text

    def close(self) -> None:
        self._live.stop()

    def draw(self) -> Group:
        """What is on the screen now: a line less than the terminal has, each as long as it is wide at most."""
        width, height = self._console.size
        lines = max(2, height - 1 - FRAMES)
        events = min(EVENTS, lines // 2)
        wide = width >= WIDE
        table = Table(expand=True, title=fitted(self._counts, width), title_justify="left", title_style="bold")
        table.add_column("due", no_wrap=True)
        table.add_column("what", ratio=1, no_wrap=True)
        if wide:
            table.add_column("handed off", no_wrap=True)
        table.add_column("late", justify="right", no_wrap=True, min_width=8)
        table.add_column("by", no_wrap=True)
        table.add_column("result", ratio=1, no_wrap=True)
        room = (width - (64 if wide else 42)) // 2
        for row in list(self._rows)[-(lines - events) :]:
            cells = [clock(row.due), fitted(row.what, room)]
            if wide:
                cells.append(clock(row.handed_off) if row.handed_off is not None else "-")
            cells.append(lateness(row.handed_off - row.due) if row.handed_off is not None else "-")
            table.add_row(*cells, row.by, fitted(row.result, room), style=_style(row.result))
        shown = [Text(fitted(event.plain, width - 4), style=event.style) for event in self._most_telling(events)]
        return Group(table, Panel(Group(*shown), title="events", title_align="left"))

    def _most_telling(self, count: int) -> list[Text]:
        """What was done to the system (in bold) stays; of the rest, the latest."""
        done = [event for event in self._events if "bold" in str(event.style)][-count:]
        others = [event for event in self._events if event not in done]
        kept = [*done, *others[len(others) - (count - len(done)) :]] if count > len(done) else done
        return [event for event in self._events if any(event is one for one in kept)]


def fitted(text: str, width: int) -> str:
    """The text if it fits, else as many whole words as do."""
    return text if len(text) <= width else shorten(text, max(width, 1), placeholder=" …")


def _style(result: str) -> str:
    if result.startswith(("skipped", "missed")):
        return "yellow"
    return "red" if result.startswith("failed") else ""
