"""What cleaning a customer table decides about each of its rows, and what is told of all of them (R3, R4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from syncer.domain.phone import Phone, PhoneProblem, parse
from syncer.domain.phone_variants import canonical
from syncer.policies.cleaning_columns import Columns, verdict
from syncer.policies.cleaning_words import says_gone

#: R4: what is to be expected of a raw customer table, in percent of its rows.
USUAL_BAD_PERCENT = 35

#: A row in one word of 64 bits: the digits of its number (0: none that can receive), then these marks.
SHIFT = 8
REASON, REFUSES, DEAD, UNEVEN = (1 << 5) - 1, 1 << 5, 1 << 6, 1 << 7
#: Reasons that are no telephone's: the row ends before the column, and the line is empty.
CUT_SHORT, BLANK = "row_too_short", "blank"
REASONS = ("", *PhoneProblem, CUT_SHORT, BLANK)
_CODES = {reason: code for code, reason in enumerate(REASONS)}
_SAMPLES, _LONGEST_SAMPLE = 5, 60

Words = Callable[[str], bool | None]


@dataclass(slots=True)
class Rows:
    """Judges rows. `samples`: for each reason some of the values that it was given for, with their rows' numbers."""

    region: str
    columns: Columns
    width: int
    answer: Words
    refuses: Callable[[str], bool]
    counts: Counter[int] = field(default_factory=Counter)
    samples: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    _telling: list[tuple[int, Callable[[str], int]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for at, role in self.columns.telling:
            self._telling.append((at, _marks(verdict(role, self.answer, self.refuses, says_gone))))

    def judge(self, rows: Sequence[Sequence[str]], first: int) -> list[int]:
        """One word for each row; `first` is the number of the first of them, as a spreadsheet counts."""
        words = [self._judge(row, number) for number, row in enumerate(rows, first)]
        self.counts.update(word & ((1 << SHIFT) - 1) for word in words)
        return words

    def _judge(self, row: Sequence[str], number: int) -> int:
        if not row:
            return _CODES[BLANK]
        at = self.columns.phone
        found = parse(row[at], self.region) if at < len(row) else None
        if isinstance(found, Phone):
            word = int(canonical(found.e164)) << SHIFT
        else:
            word = self._reject(row[at] if found else "", found or CUT_SHORT, number)
        for place, marks in self._telling:
            if place < len(row):
                word |= marks(row[place])
        return word if len(row) == self.width else word | UNEVEN

    def _reject(self, raw: str, reason: str, number: int) -> int:
        known = self.samples.setdefault(reason, [])
        if len(known) < _SAMPLES and reason != PhoneProblem.EMPTY:
            value = raw[:_LONGEST_SAMPLE]
            if all(value != other for _, other in known):
                known.append((number, value))
        return _CODES[reason]

    def count(self, marks: int) -> int:
        """Rows with any of these marks."""
        return sum(rows for word, rows in self.counts.items() if word & marks)

    def reasons(self) -> dict[str, int]:
        """Rows without a number that can receive, by reason, the commonest first."""
        found: Counter[str] = Counter()
        for word, rows in self.counts.items():
            found[str(REASONS[word & REASON])] += rows
        return {reason: rows for reason, rows in found.most_common() if reason not in ("", BLANK)}

    def rows(self) -> int:
        """All rows but empty lines."""
        return sum(rows for word, rows in self.counts.items() if REASONS[word & REASON] != BLANK)

    def good(self) -> int:
        """Rows that can receive and are neither dead nor refusing, twins not regarded."""
        return sum(rows for word, rows in self.counts.items() if not word & (REASON | REFUSES | DEAD))


def _marks(judge: Callable[[str], tuple[bool, bool]]) -> Callable[[str], int]:
    # Columns of words hold a handful of different ones, over and over.
    @lru_cache(maxsize=4096)
    def marks(word: str) -> int:
        refuses, dead = judge(word)
        return REFUSES * refuses | DEAD * dead

    return marks


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. Shares are of `rows`, in percent. A row may be counted in several of the figures; in `bad` it
    counts once: no number that can receive, or dead, or opted out (also by another row of the same number), or a
    duplicate of an earlier row."""

    file: str
    bytes: int
    encoding: str
    delimiter: str
    header: bool
    region: str
    phone_column: str
    phone_column_found_by: str
    telling_columns: dict[str, str]
    rows: int
    mobile: int
    not_mobile: int
    invalid: dict[str, int]
    duplicates: int
    duplicated_numbers: int
    most_shared: list[tuple[str, int]]
    opted_out: int
    opted_out_elsewhere: int
    dead: int
    usable: int
    samples: dict[str, list[tuple[int, str]]]
    oddities: dict[str, int]
    out: str | None

    @property
    def bad(self) -> int:
        """Rows that a sending would do without."""
        return self.rows - self.usable

    def percent(self, rows: int) -> float:
        """A share of all rows."""
        return round(100 * rows / self.rows, 2) if self.rows else 0.0

    def shares(self) -> dict[str, float]:
        """In percent of all rows."""
        named = ("mobile", "not_mobile", "duplicates", "opted_out", "opted_out_elsewhere", "dead", "bad", "usable")
        shares = {name: self.percent(getattr(self, name)) for name in named}
        return shares | {"invalid": self.percent(sum(self.invalid.values())), "usually_bad": float(USUAL_BAD_PERCENT)}


def reason_of(word: int, link: int, refused: bool) -> str:
    """Why a row had better not be written to; empty: nothing against it. What is wrong with the number goes first."""
    if word & REASON:
        return str(REASONS[word & REASON])
    if word & DEAD:
        return "dead"
    if word & REFUSES or refused:
        return "opted_out"
    return "duplicate" if link else ""
