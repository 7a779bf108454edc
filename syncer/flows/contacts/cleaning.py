"""`syncer contacts clean`: a customer table is read, judged and written again, before anything is connected (R3, R4).

The table is read twice, never held: first every row is judged, then its twins are found (`cleaning_duplicates`), and
then the rows are written with what was found. Works on the file alone; there is no database and no setting it needs.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from syncer.domain.errors import SyncerError
from syncer.domain.phone import Phone, PhoneProblem, parse, read
from syncer.domain.phone_variants import variants
from syncer.flows.contacts.cleaning_duplicates import BLOCK, REFUSED, Ledger, Twins
from syncer.flows.contacts.cleaning_table import Records, Table, recognise, records
from syncer.policies.cleaning import DEAD, REASON, REFUSES, SHIFT, UNEVEN, Report, Rows, Words, reason_of
from syncer.policies.cleaning_columns import find, header_at

#: Put before a table's own columns, so that rows with too few or too many cells keep theirs as they are.
ADDED = ("phone_e164", "phone_reason", "phone_duplicate_of", "phone_others")
#: Two numbers do not fit into fewer characters.
_ROOM_FOR_TWO = 15
#: Step, how much is done, of how much.
Progress = Callable[[str, int, int], None]


class Refusal(SyncerError):
    """The cleaned file must not be where it was wished to be."""


class Changed(SyncerError):
    """Somebody wrote to the table while it was read."""


def _silent(step: str, done: int, total: int) -> None:
    """Nobody looks."""


@dataclass(frozen=True, slots=True)
class Cleaning:
    """`answer` and `refuses` read the words of yes/no columns; `region` is assumed where a number names no country."""

    region: str
    answer: Words
    refuses: Callable[[str], bool]
    progress: Progress = _silent

    def run(
        self, source: Path, out: Path | None = None, *, phone: str | None = None, encoding: str | None = None
    ) -> Report:
        """Report on a table, and write the cleaned one to `out`, which then is there whole or not at all.

        Raises `OSError` and, with a text for the operator: `UnreadableTable`, `NoSuchColumn`, `NoPhoneColumn`,
        `Refusal`, `Changed`.
        """
        if out is not None and out.exists() and out.samefile(source):
            raise Refusal(f"{out} is the table itself; the cleaned one needs a place of its own")
        size = source.stat().st_size
        table = recognise(source, encoding, lambda done: self.progress("recognising", done, size))
        at = header_at(table.sample)
        start, header = (0, None) if at is None else (at + 1, table.sample[at])
        columns = find(header, table.sample[start:], self.region, phone)
        rows = Rows(self.region, columns, table.width, self.answer, self.refuses)
        with Ledger(out.parent if out is not None else None) as ledger:
            oddities = self._judge(table, start, rows, ledger)
            twins = ledger.link()
            report = _report(table, header, rows, twins, self.region, out, oddities)
            if out is not None:
                self._write(table, start, columns.phone, ledger, out)
        if not table.is_unchanged():
            raise Changed(f"{source} has changed while it was read")
        return report

    def _judge(self, table: Table, start: int, rows: Rows, ledger: Ledger) -> dict[str, int]:
        with records(table) as (found, position):
            number = 1 + len(list(islice(found, start)))
            for batch in _batches(found):
                ledger.add(rows.judge(batch, number))
                number += len(batch)
                self.progress("reading", position(), table.size)
            return {name: count for name, count in asdict(found.oddities).items() if count}

    def _write(self, table: Table, start: int, phone: int, ledger: Ledger, out: Path) -> None:
        marked = "utf-8" if table.encoding == "utf-8" else "utf-8-sig"
        with records(table) as (found, position), _whole(out, marked) as file:
            writer = csv.writer(file, delimiter=table.delimiter)
            above = list(islice(found, start))
            writer.writerows(["" for _ in ADDED] + row for row in above[:-1])
            writer.writerows([*ADDED, *row] for row in above[-1:])
            written = 0
            for batch, (words, links) in zip(_batches(found), ledger, strict=False):
                if len(batch) == len(words):
                    writer.writerows(self._cleaned(batch, words, links, phone, start))
                    written += len(batch)
                self.progress("writing", position(), table.size)
            if written != ledger.rows or not table.is_unchanged():
                raise Changed(f"{table.path} has changed while it was read")

    def _cleaned(
        self, rows: Sequence[list[str]], words: list[int], links: list[int], at: int, start: int
    ) -> Iterator[list[str]]:
        for row, word, link in zip(rows, words, links, strict=True):
            if not row:
                continue
            first, refused = link & ~REFUSED, bool(link & REFUSED)
            raw = row[at] if at < len(row) else ""
            e164 = f"+{word >> SHIFT}" if word >> SHIFT else ""
            if e164 and len(variants(e164)) > 1:
                e164 = _as_written(raw, self.region)
            reason = reason_of(word, first, refused)
            several = len(raw) >= _ROOM_FOR_TWO if e164 else reason == PhoneProblem.NOT_MOBILE
            others = " ".join(read(raw, self.region).others) if several else ""
            yield [e164, reason, str(first + start) if first else "", others, *row]


def _as_written(raw: str, region: str) -> str:
    """Where a country has two forms of its numbers, rows meet by one of them and each keeps its own."""
    found = parse(raw, region)
    return found.e164 if isinstance(found, Phone) else ""


def _batches(found: Records) -> Iterator[list[list[str]]]:
    rows = iter(found)
    while batch := list(islice(rows, BLOCK)):
        yield batch


@contextmanager
def _whole(path: Path, encoding: str) -> Iterator[TextIO]:
    """A file that takes its place when it is complete. Only its owner may read it: it holds customers' numbers."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding=encoding, newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _report(
    table: Table,
    header: Sequence[str] | None,
    rows: Rows,
    twins: Twins,
    region: str,
    out: Path | None,
    oddities: dict[str, int],
) -> Report:
    def name(at: int) -> str:
        return header[at] if header and at < len(header) else str(at + 1)

    invalid = rows.reasons()
    total = rows.rows()
    uneven = {"uneven_rows": rows.count(UNEVEN)} if rows.count(UNEVEN) else {}
    return Report(
        file=str(table.path),
        bytes=table.size,
        encoding=table.encoding,
        delimiter=table.delimiter,
        header=header is not None,
        region=region,
        phone_column=name(rows.columns.phone),
        phone_column_found_by=rows.columns.found_by,
        telling_columns={name(at): role.value for at, role in rows.columns.telling},
        rows=total,
        not_mobile=invalid.pop("not_mobile", 0),
        invalid=invalid,
        mobile=sum(count for word, count in rows.counts.items() if not word & REASON),
        duplicates=twins.rows,
        duplicated_numbers=twins.numbers,
        most_shared=twins.most_shared,
        opted_out=rows.count(REFUSES),
        opted_out_elsewhere=twins.refused_elsewhere,
        dead=rows.count(DEAD),
        usable=rows.good() - twins.spoilt,
        samples=rows.samples,
        oddities=uneven | oddities,
        out=None if out is None else str(out),
    )
