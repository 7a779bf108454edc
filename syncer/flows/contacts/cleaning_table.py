"""A table as a company's programs export it: opened, its encoding and its dialect recognised, read record by record.

Nothing but a few records is ever held in memory. A quotation mark that is never closed costs its own line, not the rest
of the table.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from syncer.domain.errors import SyncerError
from syncer.policies import cleaning_encoding

Progress = Callable[[int], None]

_BLOCK = 1 << 20
_HEAD = 1 << 16
#: Enough lines that are not ASCII to know an encoding by its characters.
_EVIDENCE = 1 << 18
_DELIMITERS = ",;\t|"
_SAMPLE = 2000
#: No address and no remark has so many lines; a record that goes on for longer lacks a closing quotation mark.
_LONGEST_RECORD = 200
_LONGEST_FIELD = 1 << 20


class UnreadableTable(SyncerError):
    """The file is no table: empty, or not text."""


class _Runaway(Exception):
    """A record does not end."""


@dataclass(frozen=True, slots=True)
class Table:
    """How to read a file. `skipped`: lines before the first record (a spreadsheet's `sep=;`)."""

    path: Path
    size: int
    modified_ns: int
    encoding: str
    delimiter: str
    width: int
    skipped: int
    sample: tuple[list[str], ...]

    def is_unchanged(self) -> bool:
        """Whether the file is still the one that was recognised."""
        now = self.path.stat()
        return (now.st_size, now.st_mtime_ns) == (self.size, self.modified_ns)


@dataclass(slots=True)
class Oddities:
    """What was wrong with the file itself: lines whose quotation mark is never closed, that hold zero bytes, or
    characters that are none in the file's encoding."""

    unclosed_quotes: int = 0
    zero_bytes: int = 0
    unreadable: int = 0


@dataclass(slots=True)
class Records:
    """The records of some lines, each a list of cells; an empty line is an empty list. `width` is what they should
    have; 0: not known."""

    lines: Iterator[str]
    delimiter: str
    width: int = 0
    oddities: Oddities = field(default_factory=Oddities)
    _again: deque[str] = field(default_factory=deque)
    _record: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[list[str]]:
        while True:
            try:
                for row in csv.reader(self._feed(), delimiter=self.delimiter):
                    if len(self._record) > 1 and 0 < self.width != len(row):
                        # Lines that were swallowed between two stray quotation marks.
                        raise _Runaway
                    self._record.clear()
                    yield row
            except (_Runaway, csv.Error):
                yield self._first_line_alone()
            else:
                return

    def _feed(self) -> Iterator[str]:
        while True:
            line = self._again.popleft() if self._again else next(self.lines, None)
            if line is None:
                if self._record:
                    raise _Runaway
                return
            if "\0" in line:
                line = line.replace("\0", "")
                self.oddities.zero_bytes += 1
            if "\ufffd" in line:
                self.oddities.unreadable += 1
            self._record.append(line)
            if len(self._record) > _LONGEST_RECORD:
                raise _Runaway
            yield line

    def _first_line_alone(self) -> list[str]:
        """The line where it went wrong, its quotation marks taken for letters; the others are read anew."""
        first, *others = self._record
        self._again.extendleft(reversed(others))
        self._record.clear()
        self.oddities.unclosed_quotes += 1
        return [cell.strip('"') for cell in first.rstrip("\r\n").split(self.delimiter)]


def recognise(path: Path, encoding: str | None = None, progress: Progress | None = None) -> Table:
    """Read the file once for its encoding (unless told) and its first records for the rest. Raises `UnreadableTable`,
    `OSError`."""
    stat = path.stat()
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.strip(b"\0\r\n\t "):
        raise UnreadableTable(f"{path} is empty")
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise UnreadableTable(f"{path} is a spreadsheet's own file; save it as CSV first")
    known = encoding or cleaning_encoding.by_mark(head) or _by_reading(path, progress)
    with _lines(path, known) as (lines, _):
        first = list(islice(lines, _SAMPLE))
    skipped, delimiter = _delimiter(first)
    sample = tuple(islice(Records(iter(first[skipped:]), delimiter), _SAMPLE // 2))
    widths = Counter(len(row) for row in sample if row)
    if not widths:
        raise UnreadableTable(f"{path} has no records")
    return Table(path, stat.st_size, stat.st_mtime_ns, known, delimiter, widths.most_common(1)[0][0], skipped, sample)


@contextmanager
def records(table: Table) -> Iterator[tuple[Records, Callable[[], int]]]:
    """The table's records from the first, and how many bytes of the file have been read by now."""
    with _lines(table.path, table.encoding) as (lines, position):
        for _ in range(table.skipped):
            next(lines, None)
        yield Records(lines, table.delimiter, table.width), position


@contextmanager
def _lines(path: Path, encoding: str) -> Iterator[tuple[Iterator[str], Callable[[], int]]]:
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        with path.open("rb", buffering=0) as raw:
            buffered = io.BufferedReader(raw, _BLOCK)
            yield iter(io.TextIOWrapper(buffered, encoding, errors="replace", newline="")), raw.tell
    finally:
        csv.field_size_limit(before)


def _by_reading(path: Path, progress: Progress | None) -> str:
    """UTF-8 if all of it is; else what the lines that are not ASCII look like."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    evidence = bytearray()
    is_utf8, done = True, 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if len(evidence) < _EVIDENCE and not block.isascii():
                evidence += b"\n".join(line for line in block.splitlines() if not line.isascii())
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                is_utf8 = False
            if not is_utf8 and len(evidence) >= _EVIDENCE:
                break
            done += len(block)
            if progress is not None:
                progress(done)
    return "utf-8" if is_utf8 else cleaning_encoding.by_characters(bytes(evidence[:_EVIDENCE]))


def _delimiter(lines: list[str]) -> tuple[int, str]:
    """Lines to skip, and the sign that gives the most records one and the same number of cells above one."""
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].rstrip("\r\n")) == len("sep=") + 1:
        return 1, lines[0][len("sep=")]

    def evenness(delimiter: str) -> tuple[float, int]:
        widths = Counter(len(row) for row in Records(iter(lines), delimiter) if row)
        width, rows = max(((w, n) for w, n in widths.items() if w > 1), key=lambda item: item[1], default=(1, 0))
        return rows / max(widths.total(), 1), width

    best = max(_DELIMITERS, key=evenness)
    return 0, best if evenness(best)[0] > 0 else ","
