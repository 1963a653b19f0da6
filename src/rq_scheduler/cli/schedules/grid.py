"""Tables and lines on a terminal, in a pipe or in a file. Owns widths and colors; knows no schedule.

In a pipe nothing is cut or wrapped: one row is one line. A terminal that is too narrow first loses the columns that can
be spared, then the ends of long texts; never part of an id.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rq_scheduler.texts import plain, plain_json

__all__ = ["Cell", "Column", "Grid", "Part", "answer", "lines_of"]

GAP = 2
SHORTEST = 12
"""Columns of a terminal that a text keeps when its column is cut."""

UNLIMITED = 100_000

Cell = str | tuple[str, str]
"""A text, or a text and its style (rich's)."""


@dataclass(frozen=True, slots=True)
class Column:
    """`right`: aligned to the right. `cut`: its texts may lose their end. `spare`: the higher, the sooner it is left
    out; 0 is never."""

    title: str
    right: bool = False
    cut: bool = False
    spare: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; without titles, no line of titles."""

    columns: Sequence[Column]
    rows: list[Sequence[Cell]] = field(default_factory=list[Sequence[Cell]])


Part = Grid | Cell
"""What a screen is made of."""


def answer(as_json: bool, form: Callable[[], Any], screen: Callable[[], Iterable[Part]]) -> None:
    """Print the form as one JSON document, or the screen."""
    if as_json:
        click.echo(plain_json(form(), indent=2))
        return
    out = Console(file=sys.stdout)
    width = out.width if out.is_terminal else None
    # A console as wide as it takes: rich itself never cuts or wraps, `_fit` has done that.
    console = Console(file=sys.stdout, width=UNLIMITED, highlight=False, emoji=False)
    for part in screen():
        for line in lines_of(part, width, console):
            click.echo(line)


def lines_of(part: Part, width: int | None = None, console: Console | None = None) -> list[str]:
    """A part as lines. `width` is the terminal's; None is no limit. Colored only as `console` says."""
    console = console or Console(width=UNLIMITED, no_color=True, force_terminal=False)
    with console.capture() as captured:
        console.print(_table(part, width) if isinstance(part, Grid) else _text(part))
    return [line.rstrip() for line in captured.get().splitlines()]


def _table(grid: Grid, width: int | None) -> Table:
    shown, widths = _fit(grid, width)
    columns = [grid.columns[index] for index in shown]
    table = Table(
        box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=any(one.title for one in columns),
        header_style="bold",
    )  # fmt: skip
    for column in columns:
        table.add_column(column.title, justify="right" if column.right else "left", no_wrap=True)
    for row in grid.rows:
        cells = [_text(row[index]) for index in shown]
        for cell, limit in zip(cells, widths, strict=True):
            cell.truncate(limit, overflow="ellipsis")
        table.add_row(*cells)
    return table


def _fit(grid: Grid, width: int | None) -> tuple[list[int], list[int]]:
    """The columns that are shown, and how wide each is."""
    natural = [
        max([cell_len(column.title), *(cell_len(_text(row[index]).plain) for row in grid.rows)])
        for index, column in enumerate(grid.columns)
    ]
    shown = list(range(len(grid.columns)))
    if width is None:
        return shown, natural
    least = [min(size, SHORTEST) if grid.columns[index].cut else size for index, size in enumerate(natural)]

    def needed(sizes: list[int]) -> int:
        return sum(sizes[index] for index in shown) + GAP * (len(shown) - 1)

    for index in sorted(shown, key=lambda index: -grid.columns[index].spare):
        if needed(least) <= width or grid.columns[index].spare == 0:
            break
        shown.remove(index)
    # What is left over goes to the texts that were cut, from the left.
    left = max(0, width - needed(least))
    for index in shown:
        more = min(left, natural[index] - least[index])
        least[index] += more
        left -= more
    return shown, [least[index] for index in shown]


def _text(cell: Cell) -> Text:
    text, style = cell if isinstance(cell, tuple) else (cell, "")
    return Text(plain(text), style=style)
