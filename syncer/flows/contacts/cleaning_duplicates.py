"""Rows that have the same number, found in a table of any size with the memory for a quarter of a million of its rows.

Each row is one word of 64 bits (`policies.cleaning`). The words of one table are parted by their number into files, so
that equal numbers meet in the same one; each is then looked through by itself.
"""

from __future__ import annotations

import mmap
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from heapq import nlargest
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from syncer.policies.cleaning import DEAD, REFUSES, SHIFT

#: The marks that make a row unusable by itself, its number aside.
_UNUSABLE = REFUSES | DEAD
#: In the links: somebody with this number refuses, by whichever row.
REFUSED = 1 << 31
_ROWS_AT_ONCE = 250_000
#: Words are given back in blocks of so many rows.
BLOCK = 4096
_WORST = 5


@dataclass(slots=True)
class Twins:
    """Rows beyond the first of their number, the numbers that more than one row has, the worst of them, rows whose
    refusal was said in another row only - and rows that are unusable for nothing but these two reasons."""

    rows: int = 0
    numbers: int = 0
    most_shared: list[tuple[str, int]] = field(default_factory=list)
    refused_elsewhere: int = 0
    spoilt: int = 0


class Ledger:
    """One word per row of the table in its order, in files without a name: they vanish with the process."""

    def __init__(self, folder: Path | None = None) -> None:
        self._files = ExitStack()
        self._folder = folder
        self._words = self._file()
        self._links: mmap.mmap | None = None
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._links is not None:
            self._links.close()
        self._files.close()

    def _file(self) -> IO[bytes]:
        return self._files.enter_context(tempfile.TemporaryFile(dir=self._folder))

    def add(self, words: list[int]) -> None:
        """The next rows' words; 0 in the upper part for a row without a number that can receive."""
        array("Q", words).tofile(self._words)
        self.rows += len(words)

    def __iter__(self) -> Iterator[tuple[list[int], list[int]]]:
        """Words and links, by and by, from the first row on. A link is the first row (from 1) with the same number, 0
        for that one itself, with `REFUSED` beside it."""
        if self._links is None:
            raise RuntimeError("the links are not made yet")
        links = memoryview(self._links).cast("I")
        try:
            at = 0
            for words in self._stored(self._words):
                yield list(words), links[at : at + len(words)].tolist()
                at += len(words)
        finally:
            links.release()

    def link(self) -> Twins:
        """Find the rows with the same number."""
        parts = [self._file() for _ in range(self.rows // _ROWS_AT_ONCE + 1)]
        self._part(parts)
        size = self._file()
        size.truncate(max(self.rows, 1) * 4)
        self._links = mmap.mmap(size.fileno(), 0)
        twins = Twins()
        links = memoryview(self._links).cast("I")
        try:
            for part in parts:
                self._link(part, links, twins)
                part.close()
        finally:
            links.release()
        return twins

    def _part(self, parts: list[IO[bytes]]) -> None:
        """Pairs of word and row."""
        count, row = len(parts), 0
        for words in self._stored(self._words):
            pairs: list[array[int]] = [array("Q") for _ in parts]
            for row, word in enumerate(words, row + 1):  # noqa: B020 - goes on from the last block
                if word >> SHIFT:
                    pairs[(word >> SHIFT) % count].extend((word, row))
            for part, found in zip(parts, pairs, strict=True):
                found.tofile(part)

    def _link(self, part: IO[bytes], links: memoryview, twins: Twins) -> None:
        first: dict[int, int] = {}
        more: dict[int, int] = {}
        refused: set[int] = set()
        for block in self._stored(part):
            for word, row in zip(block[0::2], block[1::2], strict=True):
                number = word >> SHIFT
                known = first.setdefault(number, row)
                if known != row:
                    links[row - 1] = known
                    more[number] = more.get(number, 0) + 1
                    twins.spoilt += not word & _UNUSABLE
                if word & REFUSES:
                    refused.add(number)
        twins.rows += sum(more.values())
        twins.numbers += len(more)
        worst = [*twins.most_shared, *((f"+{number}", rows + 1) for number, rows in more.items())]
        twins.most_shared = nlargest(_WORST, worst, key=lambda item: item[1])
        refused &= more.keys()
        if refused:
            self._spread(part, links, refused, twins)

    def _spread(self, part: IO[bytes], links: memoryview, refused: set[int], twins: Twins) -> None:
        """A person's refusal counts for every row that has the number."""
        for block in self._stored(part):
            for word, row in zip(block[0::2], block[1::2], strict=True):
                if word >> SHIFT in refused:
                    elsewhere = not word & REFUSES
                    twins.refused_elsewhere += elsewhere
                    twins.spoilt += elsewhere and not links[row - 1] and not word & _UNUSABLE
                    links[row - 1] |= REFUSED

    @staticmethod
    def _stored(file: IO[bytes]) -> Iterator[array[int]]:
        file.seek(0)
        while stored := file.read(BLOCK * 8):
            words = array("Q")
            words.frombytes(stored)
            yield words
