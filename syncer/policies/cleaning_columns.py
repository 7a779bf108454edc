"""Which column of an unknown table holds the telephone number, and which ones say who must not be written to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncer.domain.errors import SyncerError
from syncer.domain.phone import Phone, PhoneProblem, parse
from syncer.policies.cleaning_words import Role, plain, role

Row = Sequence[str]
#: Of the filled cells of a column without a telling header, so many must be numbers for it to be the one.
_MOSTLY = 0.5
#: A column called mobile is it, unless another one holds so many times its mobile numbers.
_FAR_MORE = 5
#: Digits that no header has.
_DIGITS = 7
#: Rows in which a header is looked for.
_TITLES = 10


class NoSuchColumn(SyncerError):
    """The table has no column of the name or number that was asked for."""


class NoPhoneColumn(SyncerError):
    """Neither a header nor the content of any column looks like telephone numbers."""


@dataclass(frozen=True, slots=True)
class Columns:
    """`phone` counts from 0; `found_by` says how: `name`, `header` or `content`. `telling`: columns with a word about
    the customer."""

    phone: int
    found_by: str
    telling: tuple[tuple[int, Role], ...]


@dataclass(frozen=True, slots=True)
class _Content:
    """How many cells of a sample are filled, are valid numbers, and can receive."""

    filled: int
    valid: int
    mobile: int

    @property
    def is_numbers(self) -> bool:
        return self.mobile > 0 and self.valid >= _MOSTLY * self.filled


def header_at(rows: Sequence[Row]) -> int | None:
    """Which of the first rows names the columns; a title may stand above it. None: the table has no header.

    A header holds no number and a word that headers are made of - or, in the very first row, nothing but words that
    never come again in their columns.
    """
    width = max((len(row) for row in rows), default=0)
    for at, row in enumerate(rows[:_TITLES]):
        if any(sum(map(str.isdigit, cell)) >= _DIGITS for cell in row):
            break
        is_title = width > 1 and sum(bool(cell.strip()) for cell in row) < 2
        if not is_title and any(role(cell) is not None for cell in row):
            return at
    return 0 if rows and _is_unlike_the_others(rows[0], rows[1:]) else None


def _is_unlike_the_others(first: Row, others: Sequence[Row]) -> bool:
    words = all(cell.strip() and not any(map(str.isdigit, cell)) for cell in first)
    if not first or not others or not words or len(set(first)) < len(first):
        return False
    return not any(cell in row[at : at + 1] for row in others for at, cell in enumerate(first))


def find(header: Row | None, sample: Sequence[Row], region: str, asked: str | None = None) -> Columns:
    """`sample` are rows without the header. `asked` is a column's name, or its number from 1. Raises `NoSuchColumn`,
    `NoPhoneColumn`."""
    width = max((len(row) for row in ([header] if header else []) + list(sample)), default=0)
    roles = [role(header[at]) if header and at < len(header) else None for at in range(width)]
    telling = tuple((at, said) for at, said in enumerate(roles) if said in _TELLING)
    if asked is not None:
        return Columns(_asked(asked, header, width), "name", telling)
    phone, found_by = _by_sight(roles, sample, region)
    return Columns(phone, found_by, telling)


_TELLING = {Role.OPTED_OUT, Role.OPTED_IN, Role.DEAD, Role.ALIVE, Role.STATUS}


def _asked(asked: str, header: Row | None, width: int) -> int:
    names = [plain(name) for name in header or ()]
    if plain(asked) in names:
        return names.index(plain(asked))
    if asked.isdecimal() and 1 <= int(asked) <= width:
        return int(asked) - 1
    known = ", ".join(name for name in header or () if name.strip()) or f"1 to {width}"
    raise NoSuchColumn(f"there is no column '{asked}'; the table has: {known}")


def _by_sight(roles: Sequence[Role | None], sample: Sequence[Row], region: str) -> tuple[int, str]:
    contents = [_content([row[at] for row in sample if at < len(row)], region) for at in range(len(roles))]

    def best(columns: Sequence[int]) -> int | None:
        return max(columns, key=lambda at: (contents[at].mobile, contents[at].valid, -at), default=None)

    named = best([at for at, said in enumerate(roles) if said is Role.MOBILE])
    phones = best([at for at, said in enumerate(roles) if said in (Role.MOBILE, Role.PHONE)])
    if named is not None and phones is not None and contents[phones].mobile > _FAR_MORE * contents[named].mobile:
        named = phones
    named = phones if named is None else named
    if named is not None and contents[named].valid:
        return named, "header"
    unnamed = best([at for at, said in enumerate(roles) if said in (None, Role.PHONE) and contents[at].is_numbers])
    if unnamed is not None:
        return unnamed, "content"
    if named is not None:
        return named, "header"
    raise NoPhoneColumn("no column looks like telephone numbers; name it with --phone")


def _content(cells: Sequence[str], region: str) -> _Content:
    filled = [cell for cell in cells if cell.strip()]
    found = [parse(cell, region) for cell in filled]
    mobile = sum(isinstance(item, Phone) for item in found)
    return _Content(len(filled), mobile + sum(item is PhoneProblem.NOT_MOBILE for item in found), mobile)


def verdict(
    said: Role, answer: Callable[[str], bool | None], refuses: Callable[[str], bool], gone: Callable[[str], bool]
) -> Callable[[str], tuple[bool, bool]]:
    """What a cell of a telling column means: (opted out, dead). Empty cells and unknown words mean neither."""

    def judge(word: str) -> tuple[bool, bool]:
        if not word.strip():
            return False, False
        if said in (Role.OPTED_OUT, Role.OPTED_IN):
            return answer(word) is (said is Role.OPTED_OUT) or refuses(word), False
        if said is Role.STATUS:
            return refuses(word) and not gone(word), gone(word)
        return False, answer(word) is (said is Role.DEAD) or gone(word)

    return judge
