"""A made-up company's customer database, as dirty as real ones are, with the truth about it (R3 to R6).

The same seed always makes the same rows. `Expected` is counted while the rows are made, never by reading them with the
engine's own parser, so that a test or the tour can hold the engine against it. The words are in `customer_names`, the
ways of writing a number in `customer_phones`, the tables in `customer_tables`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Engine, insert

from syncer.acceptance import customer_names as names
from syncer.acceptance import customer_phones as phones
from syncer.acceptance.customer_tables import customers, metadata

DEFAULT_ROWS = 10_000
DEFAULT_SEED = 20_261_123

#: Shares of all rows; together the 35 % that are bad in a raw customer table (R4).
DUPLICATES, DEAD, OPTED_OUT, BLOCKED = 0.18, 0.10, 0.05, 0.02
FOREIGN = 0.005
#: One in so many duplicated people has three rows, the others two.
TRIPLED = 4
#: Pairs of different people who share one number: couples, shops.
SHARED_PAIRS = 5
#: Of the people who said nothing against it, how many agreed to promotions.
AGREEING = 0.5
_NEWEST = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Expected:
    """The truth about the rows. Every row is an original, a duplicate, dead, opted out or blocked, and one only."""

    rows: int
    #: With a number that a message could reach.
    valid: int
    #: Second and third rows of somebody who has a row already.
    duplicates: int
    #: Whose number is empty, wrong, too short or long, or a landline.
    dead: int
    #: Who refuse promotions; some of them refuse every message.
    opted_out: int
    blocked: int
    #: Rows without the duplicates.
    unique_people: int
    #: E.164 of everybody who may get an order confirmation, each once.
    reachable: tuple[str, ...]
    #: E.164 of everybody who agreed to promotions, each once.
    promotable: tuple[str, ...]
    #: How many different valid numbers there are; below `unique_people` less `dead`, since some people share one.
    unique_phones: int

    @property
    def share_bad(self) -> float:
        """About 0.35 (R4)."""
        return (self.duplicates + self.dead + self.opted_out + self.blocked) / self.rows


@dataclass(slots=True)
class _Company:
    """The rows as they are made."""

    random: Random
    numbers: Iterator[phones.Number]
    rows: list[dict[str, Any]] = field(default_factory=list)
    all_phones: set[str] = field(default_factory=set)
    reachable: dict[str, None] = field(default_factory=dict)
    promotable: dict[str, None] = field(default_factory=dict)


def rebuild(engine: Engine, *, rows: int = DEFAULT_ROWS, seed: int = DEFAULT_SEED) -> Expected:
    """Make the three tables anew and fill them, in one transaction: whoever looks sees the old database or the new."""
    made, expected = make(rows=rows, seed=seed)
    with engine.begin() as tx:
        metadata.drop_all(tx)
        metadata.create_all(tx)
        tx.execute(insert(customers), made)
    return expected


def make(*, rows: int = DEFAULT_ROWS, seed: int = DEFAULT_SEED) -> tuple[list[dict[str, Any]], Expected]:
    """The rows of `customers`, in the order of their keys, and the truth about them. At least 200 rows."""
    random = Random(seed)
    company = _Company(random, phones.numbers(random, foreign_share=FOREIGN))
    duplicates, dead, opted_out, blocked = (round(rows * share) for share in (DUPLICATES, DEAD, OPTED_OUT, BLOCKED))
    originals = rows - duplicates - dead - opted_out - blocked
    _add_originals(company, originals, duplicates)
    _add_refusing(company, opted_out, blocked)
    company.rows += [_row(random, _name(random), phones.dead(random), phones.landline(random)) for _ in range(dead)]
    random.shuffle(company.rows)
    return company.rows, Expected(
        rows=rows,
        valid=rows - dead,
        duplicates=duplicates,
        dead=dead,
        opted_out=opted_out,
        blocked=blocked,
        unique_people=rows - duplicates,
        reachable=tuple(company.reachable),
        promotable=tuple(company.promotable),
        unique_phones=len(company.all_phones),
    )


def _add_originals(company: _Company, originals: int, duplicates: int) -> None:
    for _ in range(SHARED_PAIRS):
        number = next(company.numbers)
        for _ in range(2):
            _add_person(company, _name(company.random), number, agrees=True, copies=0)
    for name in names.NASTY_NAMES:
        _add_person(company, name, next(company.numbers), agrees=True, copies=0)
    for index in range(originals - 2 * SHARED_PAIRS - len(names.NASTY_NAMES)):
        copies = min(duplicates, 2 if index % TRIPLED == 0 else 1)
        duplicates -= copies
        agrees = company.random.random() < AGREEING
        _add_person(company, _name(company.random), next(company.numbers), agrees, copies)


def _add_person(company: _Company, name: str, number: phones.Number, agrees: bool, copies: int) -> None:
    random = company.random
    company.all_phones.add(number.e164)
    company.reachable[number.e164] = None
    if agrees:
        company.promotable[number.e164] = None
    answers = {
        "accepts_marketing": random.choice(names.YES) if agrees else random.choice(("", None)),
        "accepts_service": random.choice((*names.YES, "", None)),
        "blacklisted": random.choice((*names.NO, "", None)),
    }
    first = _row(random, name, number.written(random), **answers)
    company.rows.append(first)
    for _ in range(copies):
        again = _row(random, _misspelt(random, name), number.written(random), **answers)
        kept = ("email", "birthday", "city") if random.random() < 0.5 else ("email",)
        company.rows.append(again | {column: first[column] for column in kept})


def _add_refusing(company: _Company, opted_out: int, blocked: int) -> None:
    random = company.random
    for index in range(opted_out + blocked):
        number = next(company.numbers)
        company.all_phones.add(number.e164)
        is_blocked, wants_nothing = index >= opted_out, index % 5 == 0
        if not is_blocked and not wants_nothing:
            company.reachable[number.e164] = None
        answers = {
            "accepts_marketing": random.choice(("", *names.YES) if is_blocked else names.NO),
            "accepts_service": random.choice(names.NO if wants_nothing and not is_blocked else ("", *names.YES)),
            "blacklisted": random.choice(names.YES if is_blocked else ("", *names.NO)),
        }
        company.rows.append(_row(random, _name(random), number.written(random), **answers))


def _name(random: Random) -> str:
    return random.choice(names.SURNAMES) + random.choice(names.GIVEN)


def _misspelt(random: Random, name: str) -> str:
    ways: tuple[str, ...] = (name, f" {name}", f"{name[:1]} {name[1:]}", name + random.choice(names.TITLES))
    return random.choice(ways)


def _row(
    random: Random, name: str, mobile: str | None, tel: str | None = None, **answers: str | None
) -> dict[str, Any]:
    city = random.choice(tuple(names.CITIES))
    created = _NEWEST - timedelta(minutes=random.randrange(5 * 365 * 24 * 60))
    return {
        "name": name,
        "mobile": mobile,
        "tel": tel if tel is not None or random.random() < 0.8 else phones.landline(random),
        "email": f"c{random.randrange(10**9):09d}@{random.choice(names.MAIL_HOSTS)}" if random.random() < 0.6 else "",
        "company": random.choice(names.COMPANIES),
        "city": city,
        "address": f"{city}{random.choice(names.CITIES[city])}{random.randrange(1, 400)}號",
        "birthday": _birthday(random),
        "gender": random.choice(("男", "女", "M", "F", "先生", "小姐", "", None)),
        "language": random.choice(names.LANGUAGES),
        "tags": random.choice(names.TAGS),
        "sales_rep": random.choice(names.REPS),
        "remark": random.choice(names.REMARKS),
        "channel": random.choice(names.CHANNELS),
        "accepts_marketing": None,
        "accepts_service": None,
        "blacklisted": None,
        "created_at": created,
        "updated_at": min(_NEWEST, created + timedelta(days=random.randrange(400))),
        **answers,
    }


def _birthday(random: Random) -> str | None:
    year, month, day = random.randrange(1940, 2008), random.randrange(1, 13), random.randrange(1, 29)
    common_era = (f"{year}-{month:02}-{day:02}", f"{year}/{month}/{day}", f"{year}{month:02}{day:02}")
    minguo = (f"民國{year - 1911}年{month}月{day}日", f"{year - 1911}/{month:02}/{day:02}")
    return random.choice((*common_era, *minguo, "0000-00-00", "", None))
