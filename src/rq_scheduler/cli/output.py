"""Tables and lines on a terminal, in a pipe or in a file. Owns widths and colors; knows no schedule.

In a pipe nothing is cut or wrapped: one row is one line. On a terminal that is too narrow, rows are folded: columns
that can be spared, and texts that are too long for theirs, stand below the row, whole. No id is ever cut.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, tzinfo
from itertools import chain, islice
from textwrap import wrap
from typing import Any, cast

import click
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from rq_scheduler.sanitize import plain, plain_json, plain_json_parts
from rq_scheduler.views.table import Cell, Column, Paragraph, Part, Table

__all__ = ["answer", "lines_of"]

COLUMN_GAP = 2
MIN_CUT_WIDTH, MIN_SPARE_WIDTH = 12, 40
"""Columns of a terminal that a text keeps when its column is cut; and where that can be spared, before it is."""

FOLD_INDENT = 4
"""Columns before what is folded."""

BETWEEN = " · "

UNLIMITED_WIDTH = 100_000

ROWS_PER_TABLE = 1_000
"""Rows of which a table knows the widths."""


def answer(
    as_json: bool, serialize: Callable[[], Any], render: Callable[[], Iterable[Part]], zone: tzinfo = UTC
) -> None:
    """Prints what `serialize` gives as one JSON document, or what `render` gives as tables and lines; to a terminal
    also in which `zone` the moments are. An iterator of names and values, and iterators among those, are written as
    they come."""
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
    for part in chain(render(), [] if width is None or zone is UTC else [(f"Times are those of {zone}.", "dim")]):
        for line in lines_of(part, width, console):
            click.echo(line)


def lines_of(part: Part, width: int | None = None, console: Console | None = None) -> Iterator[str]:
    """A part as lines. `width` is the terminal's; None is no limit. Colored only as `console` says."""
    console = console or Console(width=UNLIMITED_WIDTH, no_color=True, force_terminal=False)
    for line in _lines_of(part, width):
        with console.capture() as captured:
            console.print(line)
        yield from (printed.rstrip() for printed in captured.get().splitlines())


def _lines_of(part: Part, width: int | None) -> Iterable[Text]:
    if isinstance(part, Table):
        return _lines(part, width)
    if not isinstance(part, Paragraph):
        return (_text(part),)
    text = plain(part.text)
    if width is None:
        return (_text((text, part.style)),)
    broken = wrap(text, width, subsequent_indent=" " * part.hanging, break_long_words=False, break_on_hyphens=False)
    return (_text((line, part.style)) for line in broken)


def _lines(table: Table, width: int | None) -> Iterator[Text]:
    """The rows are read so many at a time. The first decide which columns there are and how wide they are; where an id
    is longer later, its column widens."""
    columns, rows = table.columns, iter(table.rows)
    page = list(islice(rows, ROWS_PER_TABLE))
    shown, widths = _fit(columns, _natural(columns, page), width)
    if any(columns[index].title for index in shown):
        yield _line(columns, shown, widths, [Text(column.title, "bold") for column in columns])
    while page:
        for row in page:
            cells = [_text(cell) for cell in row]
            if width is None or columns[-1].title:
                yield _line(columns, shown, widths, cells)
                if width is not None:
                    yield from _folded(columns, shown, widths, cells, width)
            else:
                yield from _wrapped(columns, shown, widths, cells, width)
        page = list(islice(rows, ROWS_PER_TABLE))
        natural = _natural(columns, page)
        for index in shown:
            if width is None or not columns[index].cut:
                widths[index] = max(widths[index], natural[index])


def _line(columns: Sequence[Column], shown: Sequence[int], widths: Sequence[int], cells: Sequence[Text]) -> Text:
    line = Text()
    for index in shown:
        cell = cells[index].copy() if cells[index].cell_len <= widths[index] else Text("…")  # it stands below
        if index != shown[0]:
            line.append(" " * COLUMN_GAP)
        if columns[index].right or index != shown[-1]:
            cell.align("right" if columns[index].right else "left", widths[index])
        line.append_text(cell)
    return line


def _folded(
    columns: Sequence[Column], shown: Sequence[int], widths: Sequence[int], cells: Sequence[Text], width: int
) -> Iterator[Text]:
    """What a row does not show, or not whole: each with the name of its column, as many in one line as there is room
    for."""
    line = Text()
    for index, column in enumerate(columns):
        cell = cells[index]
        if (index in shown and cell.cell_len <= widths[index]) or cell.plain in ("", "-"):
            continue
        part = Text(f"{column.title.lower()} ", "dim").append_text(cell)
        if line and line.cell_len + len(BETWEEN) + part.cell_len > width:
            yield from _paragraph(line, width, FOLD_INDENT)
            line = Text()
        line = line.append(BETWEEN, "dim").append_text(part) if line else part
    if line:
        yield from _paragraph(line, width, FOLD_INDENT)


def _wrapped(
    columns: Sequence[Column], shown: Sequence[int], widths: Sequence[int], cells: Sequence[Text], width: int
) -> Iterator[Text]:
    """A row of a table without titles: its last text goes on below itself."""
    *before, last = shown
    indent = sum(widths[index] + COLUMN_GAP for index in before)
    first, *rest = _paragraph(cells[last], width, indent)
    line = _line(columns, before, widths, cells)
    line.align("left", indent)
    yield line.append_text(first[indent:])
    yield from rest


def _paragraph(text: Text, width: int, indent: int) -> Iterator[Text]:
    """A text in lines that begin so far in."""
    for line in text.wrap(Console(width=UNLIMITED_WIDTH), max(width - indent, MIN_CUT_WIDTH)):
        line.rstrip()
        yield Text(" " * indent).append_text(line)


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
    least = [
        min(size, MIN_SPARE_WIDTH if column.spare else MIN_CUT_WIDTH) if column.cut else size
        for column, size in zip(columns, natural, strict=True)
    ]

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
