"""Many rows at once: COPY for new ones, one JSON document for everything else.

psycopg2 adapts a statement's parameters one Python object at a time; a document is adapted as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson
import psycopg2
from pydantic_core import to_json
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from syncer.domain.errors import TryAgain
from syncer.domain.text import storable

#: How JSON writes the one character that PostgreSQL's text cannot hold.
_NUL = rb"\u0000"
#: Rows that are sent together: a few tens of kilobytes.
_LINES_AT_ONCE = 100
#: Upper bound of what `_Lines.read` is asked for; it answers in lines, whatever the size.
_BUFFER = 1 << 16
_BEYOND_LIMITS = ("54000", "54001", "54011", "54023")


class Unstorable(Exception):
    """PostgreSQL refuses the content of these very rows; others may be fine."""


def document(rows: Any) -> str:
    """JSON text that PostgreSQL can hold: no NUL, no lone surrogates."""
    try:
        encoded = orjson.dumps(rows, str)
    except TypeError:  # a lone surrogate, a number beyond 64 bits, a key that is no text
        return to_json(_storable(rows), fallback=str).decode()
    return (orjson.dumps(_storable(rows), str) if _NUL in encoded else encoded).decode()


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list | tuple) else value


def _text(value: str) -> str:
    if "\\" in value or "\t" in value or "\n" in value or "\r" in value:
        value = value.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
    return value


@lru_cache(maxsize=4096)
def _array(values: Sequence[str]) -> str:
    """The same few lists of labels come again and again."""
    quoted = ('"' + item.replace("\\", r"\\").replace('"', r"\"") + '"' for item in values)
    return _text("{" + ",".join(quoted) + "}")


def _json(value: Any) -> str:
    # JSON has no raw control characters, so backslashes are all there is to escape.
    encoded = document(value)
    return encoded.replace("\\", r"\\") if "\\" in encoded else encoded


class _Formats(dict[type, Callable[[Any], str]]):
    """The form of each type; a subclass, such as an enumeration of texts, has its parent's."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        self[kind] = next(form for known, form in list(self.items()) if issubclass(kind, known))
        return self[kind]


_FORMATS = _Formats(
    {
        type(None): lambda _: r"\N",
        str: _text,
        bool: lambda value: "t" if value else "f",
        int: int.__str__,
        bytes: lambda value: r"\\x" + value.hex(),
        datetime: datetime.isoformat,
        tuple: _array,
        dict: _json,
    }
)


def _line(row: Sequence[Any]) -> str:
    # Most values are plain text, for which a call would cost more than the look.
    return "\t".join(
        [
            value if type(value) is str and "\\" not in value and value.isprintable() else _FORMATS[type(value)](value)
            for value in row
        ]
    )


class _Lines:
    """The rows as a file that COPY reads from: a part is put into words while PostgreSQL stores the part before."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._lines = map(_line, rows)
        self._first: bytes | None = self._next()
        self.error: Exception | None = None

    def __bool__(self) -> bool:
        return bool(self._first)

    def _next(self) -> bytes:
        lines = list(islice(self._lines, _LINES_AT_ONCE))
        if not lines:
            return b""
        text = "\n".join([*lines, ""])
        try:
            encoded = text.encode()
        except UnicodeEncodeError:
            encoded = b"\0"
        return storable(text).encode() if b"\0" in encoded else encoded

    def read(self, size: int) -> bytes:
        """Some lines; none at the end. psycopg2 would lose what is raised here, so it is kept."""
        first, self._first = self._first, None
        try:
            return self._next() if first is None else first
        except Exception as error:
            self.error = error
            return b""


def copy(tx: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Append rows; a value's Python type decides its form (tuples become text arrays, dicts JSON)."""
    statement = f"copy {table} ({', '.join(columns)}) from stdin"
    lines = _Lines(rows)
    if not lines:
        return
    cursor = tx.connection.cursor()
    try:
        cursor.copy_expert(statement, lines, _BUFFER)
    except psycopg2.Error as error:
        raise DBAPIError.instance(statement, None, error, psycopg2.Error, dialect=tx.dialect) from error
    finally:
        cursor.close()
    if lines.error is not None:
        raise lines.error


@contextmanager
def all_or_nothing(tx: Connection) -> Iterator[None]:
    """A part of a transaction that may fail alone.

    Raises `TryAgain` when somebody else has written the same key meanwhile (the transaction has to be repeated to see
    it), and `Unstorable` when the rows themselves are refused.
    """
    try:
        with tx.begin_nested():
            yield
    except IntegrityError as error:
        if isinstance(error.orig, psycopg2.errors.UniqueViolation | psycopg2.errors.ForeignKeyViolation):
            raise TryAgain(str(error.orig).splitlines()[0], code="conflict") from error
        raise Unstorable(str(error.orig).splitlines()[0]) from error
    except DataError as error:
        raise Unstorable(str(error.orig).splitlines()[0]) from error
    except OperationalError as error:
        # Beyond a limit of PostgreSQL's own: a key longer than an index takes, JSON nested without end.
        if getattr(error.orig, "pgcode", None) not in _BEYOND_LIMITS:
            raise
        raise Unstorable(str(error.orig).splitlines()[0]) from error
