"""Tables of other schedulers: read as rows, from a file of SQLite or, with SQLAlchemy, any database it knows.

Reads only, and no row that is too long. Knows nothing of what is in the tables.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

from rq_scheduler.client.importing.foreign import MOST_BYTES
from rq_scheduler.errors import InvalidArgument

__all__ = ["Database", "is_file", "open_database"]

_SQLITE = "sqlite:///"


class Database(Protocol):
    """One open database."""

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, by column. Raises InvalidArgument where there is no such table."""
        ...

    def blobs(self, table: str, id: str, blob: str) -> list[tuple[str, bytes | None]]:
        """Two columns of a table, by the first; None for what is larger than MOST_BYTES. Raises InvalidArgument."""
        ...


@contextmanager
def open_database(source: str) -> Generator[Database]:
    """A path of SQLite, `sqlite:///path`, or a database URL of SQLAlchemy. Raises InvalidArgument."""
    path = source.removeprefix(_SQLITE)
    file = re.sub(r"^sqlite\+\w+:///", "", path).partition("?")[0]
    if "://" not in file and not is_file(file):  # which SQLAlchemy would make
        raise InvalidArgument(f"there is no database at {file:.200}: give the path of a SQLite file, or a database URL")
    if "://" not in path:
        try:
            connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)
        except sqlite3.Error as error:
            raise InvalidArgument(f"{path} cannot be opened: {_first_line(error)}; may this user read it?") from None
        connection.text_factory = _decoded  # one bad text would else end all
        with closing(connection):
            yield _Database(connection.execute, sqlite3.Error, path)
        return
    user, _, _ = source.partition("://")[2].rpartition("@")
    if "@" in user or "/" in user:
        raise InvalidArgument("in a user name or password of a database URL, @ is written %40, and / is written %2F")
    try:
        import sqlalchemy  # pyright: ignore[reportMissingImports]  whoever has another database has it
    except ImportError:
        raise InvalidArgument(
            "a database that is no file of SQLite is read by SQLAlchemy: pip install sqlalchemy, and the driver"
        ) from None
    alchemy: Any = sqlalchemy
    shown = re.sub(r"//.*@", "//***@", source).partition("?")[0]
    try:
        engine: Any = alchemy.create_engine(source)
    except Exception as error:  # noqa: BLE001  a missing driver, a wrong URL: each raises something of its own
        raise InvalidArgument(f"{shown} cannot be opened: {type(error).__name__}; is its driver installed?") from None
    try:
        with engine.connect() as connection:
            yield _Database(connection.exec_driver_sql, alchemy.exc.SQLAlchemyError, shown)
    except alchemy.exc.SQLAlchemyError as error:
        raise InvalidArgument(f"{shown} cannot be read: {_first_line(error)}") from None
    finally:
        engine.dispose()


class _Database:
    def __init__(self, execute: Any, error: type[Exception], shown: str) -> None:
        self._execute = execute
        self._error = error
        self._shown = shown

    def rows(self, table: str) -> list[dict[str, Any]]:
        columns, rows = self._query(f"SELECT * FROM {_name(table)}", table)  # noqa: S608  a checked name
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def blobs(self, table: str, id: str, blob: str) -> list[tuple[str, bytes | None]]:
        size = f"length({_name(blob)}) <= {MOST_BYTES}"
        _, rows = self._query(
            f"SELECT {_name(id)}, CASE WHEN {size} THEN {_name(blob)} END FROM {_name(table)} ORDER BY 1",  # noqa: S608
            table,
        )
        return [(_text(key), _blob(value)) for key, value in rows]

    def _query(self, query: str, table: str) -> tuple[list[str], list[Any]]:
        try:
            cursor = self._execute(query)
            columns = [each[0] for each in getattr(cursor, "cursor", cursor).description]
            return columns, cast("list[Any]", cursor.fetchall())
        except self._error as error:
            raise InvalidArgument(f"{self._shown}: the table {table} cannot be read: {_first_line(error)}") from None


def is_file(path: str) -> bool:
    """Whether there is a file at that path, which may be none."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def _text(value: Any) -> str:
    return _decoded(value) if isinstance(value, bytes) else str(value)


def _decoded(text: bytes) -> str:
    return text.decode(errors="replace")


def _blob(value: Any) -> bytes | None:
    """SQLite keeps a number or a text in a column of blobs just as well; no bytes are read of those."""
    return None if value is None else bytes(cast("bytes", value)) if isinstance(value, bytes | memoryview) else b""


def _name(text: str) -> str:
    if not re.fullmatch(r"\w+(\.\w+)?", text, re.ASCII):
        raise InvalidArgument(f"{text!r} will not do as a name in a database: use letters, digits and _")
    return text


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
