"""Many rows at once: COPY for new ones, one JSON document for everything else.

psycopg2 adapts a statement's parameters one Python object at a time; a document is adapted as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import Any, NoReturn

import orjson
import psycopg2
from pydantic_core import to_json
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from syncer.domain.errors import TryAgain
from syncer.domain.text import storable

#: How JSON writes the one character that PostgreSQL's text cannot hold.
_NUL = rb"\u0000"
#: Rows that are sent together, a few megabytes: before each part the sending thread has to wait for its turn in Python,
#: behind threads that think. With a hundred rows a part that came to a fifth of all the time a first sync takes.
_LINES_AT_ONCE = 5000
#: Upper bound of what `_Lines.read` is asked for; it answers in lines, whatever the size.
_BUFFER = 1 << 16
_BEYOND_LIMITS = ("54000", "54001", "54011", "54023")
#: Ends a table's lines, and the stream.
_END = b""


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


def _parts(rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """What COPY reads: some lines at a time."""
    lines = map(_line, rows)
    while some := list(islice(lines, _LINES_AT_ONCE)):
        text = "\n".join([*some, ""])
        try:
            encoded = text.encode()
        except UnicodeEncodeError:
            encoded = b"\0"
        yield storable(text).encode() if b"\0" in encoded else encoded


class _Lines:
    """The rows as a file that COPY reads from: a part is put into words while PostgreSQL stores the part before."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._parts = _parts(rows)
        self._first: bytes | None = next(self._parts, b"")
        self.error: Exception | None = None

    def __bool__(self) -> bool:
        return bool(self._first)

    def read(self, size: int) -> bytes:
        """Some lines; none at the end. psycopg2 would lose what is raised here, so it is kept."""
        first, self._first = self._first, None
        try:
            return next(self._parts, b"") if first is None else first
        except Exception as error:
            self.error = error
            return b""


class Stream:
    """Rows on their way into one table after the other, sent by a thread of its own: PostgreSQL stores some while the
    next are thought of. From `streaming`."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx
        self._cursor = tx.connection.cursor()
        self._queue: SimpleQueue[str | bytes] = SimpleQueue()
        self._abandoned = False
        self._failed: tuple[str, Exception] | None = None
        self._thread = Thread(target=self._send, name="copy", daemon=True)
        self._thread.start()

    def put(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """One COPY and what it reads; nothing where there are no rows."""
        parts = _parts(rows)
        first = next(parts, None)
        if first is not None:
            for item in (statement, first):
                self._queue.put(item)
            for part in parts:
                self._queue.put(part)
            self._queue.put(_END)

    def _send(self) -> None:
        while isinstance(statement := self._queue.get(), str):
            try:
                self._cursor.copy_expert(statement, self, _BUFFER)
            except Exception as error:
                self._failed = statement, error
                return

    def read(self, size: int) -> bytes:
        """The next lines of the table that is being filled; none at its end. What is raised here fails the COPY."""
        part = self._queue.get()
        if self._abandoned or isinstance(part, str):
            raise InterruptedError
        return part

    def abandon(self) -> None:
        """Send no more; the COPY that is under way fails, so that nothing half can be committed."""
        self._abandoned = True
        self.finish()

    def finish(self) -> None:
        """Wait until all is stored, and give the connection back."""
        self._queue.put(_END)
        self._thread.join()
        self._cursor.close()

    def check(self) -> None:
        """Raise what PostgreSQL said against the rows."""
        if self._failed:
            statement, error = self._failed
            _raise(self._tx, statement, error)


@contextmanager
def streaming(tx: Connection) -> Iterator[Stream]:
    """`copy` to the stream instead of to `tx` within the block, in an order that keeps every reference satisfied. The
    connection is the stream's until the block ends: no other statement may be made in it. What PostgreSQL refuses is
    raised at the end, as `copy` would have raised it; after whatever is raised the transaction has to be rolled back to
    where it was before the block."""
    stream = Stream(tx)
    try:
        yield stream
        stream.finish()
    except BaseException:
        stream.abandon()
        raise
    stream.check()


def copy(to: Connection | Stream, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Append rows; a value's Python type decides its form (tuples become text arrays, dicts JSON)."""
    statement = f"copy {table} ({', '.join(columns)}) from stdin"
    if isinstance(to, Stream):
        to.put(statement, rows)
        return
    lines = _Lines(rows)
    if not lines:
        return
    cursor = to.connection.cursor()
    try:
        cursor.copy_expert(statement, lines, _BUFFER)
    except psycopg2.Error as error:
        _raise(to, statement, error)
    finally:
        cursor.close()
    if lines.error is not None:
        raise lines.error


def _raise(tx: Connection, statement: str, error: Exception) -> NoReturn:
    if isinstance(error, psycopg2.Error):
        raise DBAPIError.instance(statement, None, error, psycopg2.Error, dialect=tx.dialect) from error
    raise error


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
