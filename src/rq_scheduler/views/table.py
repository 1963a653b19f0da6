"""What a screen or a page is made of: tables and lines, as data. Knows no terminal and no schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Cell", "Column", "Paragraph", "Part", "Table", "Typed", "as_it_is"]

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
class Table:
    """A table; without titles, no line of titles. Rows of an iterator are shown as they come."""

    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]] = ()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A text that a narrow screen breaks between words; what follows the first line stands further in by `hanging`."""

    text: str
    style: str = ""
    hanging: int = 0


Typed = Callable[[str], str]
"""How a command line is typed where it is shown: with the options that say where Redis is, if it takes any."""


def as_it_is(command: str) -> str:
    """Without any: the environment says where Redis is, or nobody types it."""
    return command


Part = Table | Paragraph | Cell
"""What a screen is made of."""
