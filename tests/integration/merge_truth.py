"""A made-up company with two CRMs, and the truth about who is who in them (R5). The same seed makes the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from syncer.acceptance import customer_names as names
from syncer.acceptance import customer_phones as phones
from tests.fakes.crm import FakeCRM

Way = Callable[[str], str]

#: Ways of writing a Taiwanese number that customer tables hold besides those of `customer_phones`.
_MORE_WAYS: tuple[Way, ...] = (
    lambda n: f"002886{n}",
    lambda n: f"00 886 {n}",
    lambda n: f"+886 (0) {n}",
    lambda n: f"＋８８６　{n}",
)
#: One number in all the forms that its country has known.
_FORMS: tuple[tuple[str, Callable[[str], tuple[str, ...]]], ...] = (
    ("BR", lambda d: (f"+55 11 9{d}", f"+5511{d}", f"0055 11 9{d[:4]}-{d[4:]}")),
    ("MX", lambda d: (f"+52 55 {d}", f"+52 1 55 {d}")),
    ("AR", lambda d: (f"+54 9 11 {d}", f"+54 11 15 {d}", f"+5411{d}")),
)
#: Rows that share a switchboard's number; above the sync's limit of 20.
SWITCHBOARD = 23


@dataclass
class Company:
    """`truth` numbers the person of every row (CRM, its id)."""

    crms: dict[str, FakeCRM]
    random: Random
    truth: dict[tuple[str, str], int] = field(default_factory=dict)
    persons: int = 0

    def person(self) -> int:
        """One more."""
        self.persons += 1
        return self.persons

    def row(self, person: int, crm: str | None = None, **fields: Any) -> str:
        """A row of a person, in one of the CRMs."""
        crm = crm or self.random.choice(sorted(self.crms))
        more = {
            "full_name": self.random.choice(names.SURNAMES) + self.random.choice(names.GIVEN),
            "tags": self.random.choice(names.TAGS),
            "city": self.random.choice(tuple(names.CITIES)),
            "marketing_consent": self.random.choice(("Y", "N", None)),
            "transactional_consent": self.random.choice(("Y", "N", None, None)),
            "blocked": self.random.choice((None, None, None, None, "N", "Y")),
        }
        crm_id = self.crms[crm].add(**more | fields)
        self.truth[crm, crm_id] = person
        return crm_id

    @property
    def people(self) -> set[frozenset[tuple[str, str]]]:
        """The rows of each person."""
        found: dict[int, set[tuple[str, str]]] = {}
        for key, person in self.truth.items():
            found.setdefault(person, set()).add(key)
        return {frozenset(keys) for keys in found.values()}


def make(crms: dict[str, FakeCRM], size: int, seed: int) -> Company:
    """About `size` rows: people with one row or several, in every way of writing a number; and whatever could make two
    people look like one, or one like two."""
    company = Company(crms, Random(seed))
    numbers = phones.numbers(company.random, foreign_share=0.02)
    kinds = (_plain, _plain, _plain, _several_forms, _named, _by_address, _family, _namesakes, _neighbours, _dead)
    for _ in range(2):
        _switchboard(company, numbers)
    while len(company.truth) < size:
        company.random.choice(kinds)(company, numbers)
    return company


def _written(company: Company, number: phones.Number) -> str:
    way = company.random.choice(_MORE_WAYS) if company.random.random() < 0.2 else None
    return way(number.national) if way and number.e164.startswith("+886") else number.written(company.random)


def _plain(company: Company, numbers: Iterator[phones.Number]) -> None:
    person, number = company.person(), next(numbers)
    email = f"p{person}@example.com"
    for _ in range(company.random.choice((1, 1, 2, 2, 3, 4))):
        company.row(person, phone=_written(company, number), email=company.random.choice((email, "")))


def _several_forms(company: Company, numbers: Iterator[phones.Number]) -> None:
    person = company.person()
    _, forms = company.random.choice(_FORMS)
    for form in forms(f"{company.random.randrange(61_000_000, 69_000_000)}"):
        company.row(person, phone=form)


def _named(company: Company, numbers: Iterator[phones.Number]) -> None:
    """The ERP's number of the customer stands in HubSpot, which has another phone of theirs or none."""
    person = company.person()
    ours = company.row(person, "sql", phone=_written(company, next(numbers)))
    other = company.random.choice((_written(company, next(numbers)), "", "無"))
    company.row(person, "hubspot", phone=other, same_as=f"sql:{ours}")
    if other.strip("無"):
        company.row(person, phone=other)


def _by_address(company: Company, numbers: Iterator[phones.Number]) -> None:
    person = company.person()
    company.row(person, phone=_written(company, next(numbers)), email=f"p{person}@example.com")
    company.row(person, phone=phones.dead(company.random), email=f"P{person}@Example.com ")


def _family(company: Company, numbers: Iterator[phones.Number]) -> None:
    """Two with a number each and one without share an address: nobody knows whose the third row is."""
    email = f"family{company.persons}@example.com"
    for _ in range(2):
        company.row(company.person(), phone=_written(company, next(numbers)), email=email)
    company.row(company.person(), phone="", email=email)


def _namesakes(company: Company, numbers: Iterator[phones.Number]) -> None:
    for _ in range(2):
        company.row(company.person(), full_name="陳怡君", city="台北市", phone=_written(company, next(numbers)))


def _neighbours(company: Company, numbers: Iterator[phones.Number]) -> None:
    """Two numbers that differ in one digit, or in the order of two."""
    digits = f"9{company.random.randrange(10_000_000, 89_999_998)}"
    for national in (digits, digits[:-1] + str((int(digits[-1]) + 1) % 10)):
        company.row(company.person(), phone=f"0{national}", email="info@example.com")


def _dead(company: Company, numbers: Iterator[phones.Number]) -> None:
    for _ in range(2):
        company.row(company.person(), phone=phones.dead(company.random), email="service@example.com")


def _switchboard(company: Company, numbers: Iterator[phones.Number]) -> None:
    number = next(numbers)
    for _ in range(SWITCHBOARD):
        company.row(company.person(), phone=_written(company, number))
