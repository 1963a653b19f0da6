"""Tables and lines on a terminal, in a pipe or in a file. Owns widths and colors; knows no schedule.

In a pipe nothing is cut or wrapped: one row is one line. A terminal that is too narrow first loses the columns that can
be spared, then the ends of long texts; never part of an id.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, cast

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from rq_scheduler.sanitize import plain, plain_json, plain_json_parts
from rq_scheduler.views.table import Cell, Column, Part, Table

__all__ = ["answer", "lines_of"]

COLUMN_GAP = 2
MIN_CUT_WIDTH = 12
"""Columns of a terminal that a text keeps when its column is cut."""

UNLIMITED_WIDTH = 100_000

ROWS_PER_TABLE = 1_000
"""Rows of which a table knows the widths."""


def answer(as_json: bool, serialize: Callable[[], Any], render: Callable[[], Iterable[Part]]) -> None:
    """Prints what `serialize` gives as one JSON document, or what `render` gives as tables and lines. An iterator of
    names and values, and iterators among those, are written as they come."""
    if as_json:
        made = serialize()
        parts = plain_json_parts(cast("Iterator[Any]", made)) if isinstance(made, Iterator) else None
        for part in parts or [plain_json(made, indent=2)]:
            click.echo(part, nl=False)
        click.echo()
        return
    out = Console(file=sys.stdout)
    width = out.width if out.is_terminal else None
    # A console as wide as it takes: rich itself never cuts or wraps, `_fit` has done that.
    console = Console(file=sys.stdout, width=UNLIMITED_WIDTH, highlight=False, emoji=False)
    for part in render():
        for line in lines_of(part, width, console):
            click.echo(line)


def lines_of(part: Part, width: int | None = None, console: Console | None = None) -> Iterator[str]:
    """A part as lines. `width` is the terminal's; None is no limit. Colored only as `console` says."""
    console = console or Console(width=UNLIMITED_WIDTH, no_color=True, force_terminal=False)
    for printed in _tables(part, width) if isinstance(part, Table) else (_text(part),):
        with console.capture() as captured:
            console.print(printed)
        yield from (line.rstrip() for line in captured.get().splitlines())


def _tables(table: Table, width: int | None) -> Iterator[RichTable]:
    """A table of so many rows at a time. The first decides which columns there are and what is cut; the others are as
    wide, or wider where an id is longer."""
    rows = iter(table.rows)
    page = list(islice(rows, ROWS_PER_TABLE))
    shown, widths = _fit(table.columns, _natural(table.columns, page), width)
    yield _table(table.columns, shown, widths, page, titles=any(table.columns[index].title for index in shown))
    while page := list(islice(rows, ROWS_PER_TABLE)):
        natural = _natural(table.columns, page)
        for index in shown:
            if width is None or not table.columns[index].cut:
                widths[index] = max(widths[index], natural[index])
        yield _table(table.columns, shown, widths, page, titles=False)


def _table(
    columns: Sequence[Column], shown: Sequence[int], widths: Sequence[int], rows: Sequence[Sequence[Cell]], titles: bool
) -> RichTable:
    table = RichTable(box=None, pad_edge=False, padding=(0, COLUMN_GAP, 0, 0), show_header=titles, header_style="bold")
    for index in shown:
        column = columns[index]
        table.add_column(column.title, justify="right" if column.right else "left", no_wrap=True)
    for row in rows:
        cells = [_text(row[index]) for index in shown]
        for cell, index in zip(cells, shown, strict=True):
            cell.truncate(widths[index], overflow="ellipsis")
            # As wide as before, also where these texts are shorter than those.
            if columns[index].right:
                cell.align("right", widths[index])
            elif index != shown[-1]:
                cell.align("left", widths[index])
        table.add_row(*cells)
    return table


def _natural(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[int]:
    """How wide the columns are where nothing is cut."""
    return [
        max([cell_len(column.title), *(cell_len(_text(row[index]).plain) for row in rows)])
        for index, column in enumerate(columns)
    ]


def _fit(columns: Sequence[Column], natural: list[int], width: int | None) -> tuple[list[int], list[int]]:
    """The columns that are shown, and how wide each column is."""
    shown = list(range(len(columns)))
    if width is None:
        return shown, natural
    least = [min(size, MIN_CUT_WIDTH) if columns[index].cut else size for index, size in enumerate(natural)]

    def needed(sizes: list[int]) -> int:
        return sum(sizes[index] for index in shown) + COLUMN_GAP * (len(shown) - 1)

    for index in sorted(shown, key=lambda index: -columns[index].spare):
        if needed(least) <= width or columns[index].spare == 0:
            break
        shown.remove(index)
    # What is left over goes to the texts that were cut, from the left.
    left = max(0, width - needed(least))
    for index in shown:
        more = min(left, natural[index] - least[index])
        least[index] += more
        left -= more
    return shown, least


def _text(cell: Cell) -> Text:
    text, style = cell if isinstance(cell, tuple) else (cell, "")
    return Text(plain(text), style=style)
