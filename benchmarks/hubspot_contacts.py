"""The contacts that `hubspot_source` serves: a Taiwanese customer table as dirty as real ones are, written as HubSpot's
API writes it.

Every row is made of its number alone (a hash of it), so a table is a prefix of every longer one, and a duplicate's
person may lie anywhere before it. A million rows take some ten seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from config.contact_fields import FieldMap
from syncer.acceptance import customer_names as words
from syncer.acceptance import customer_phones as phones

#: Raise it when other rows are made: cached files are told apart by it.
VERSION = 1
#: One row in so many is somebody's second or third (18 %), has no number that could be reached (10 %), ...
DUPLICATES, DEAD, LANDLINES = 0.18, 0.10, 0.20
FIRST_ID = 100_000_000_001
_NEWEST = datetime(2026, 11, 1, tzinfo=UTC)
_WAYS = next(phones.numbers(Random(1), foreign_share=0)).ways
#: How many different subscriber numbers there are, and a factor that visits each of them once.
_NUMBERS, _STRIDE = 80_000_000, 48_271_933


def properties(fields: Sequence[FieldMap], unique: str) -> list[dict[str, Any]]:
    """The account's property list, as `GET /crm/properties/{version}/contacts` tells it."""
    listed = [
        _property(item.crm, *_KINDS.get(item.transform, _TEXT), list((item.values or {}).values())) for item in fields
    ]
    return [*listed, _property(unique, *_TEXT, [])]


def _property(name: str, kind: str, shown: str, options: Sequence[str]) -> dict[str, Any]:
    listed = [{"label": option, "value": option, "hidden": False} for option in options]
    described = {"name": name, "label": name, "type": kind, "fieldType": shown, "groupName": "contactinformation"}
    return {**described, "options": listed, "hasUniqueValue": name == "wa_external_id"}


_TEXT = ("string", "text")
_KINDS = {
    "phone": ("string", "phonenumber"),
    "bool": ("bool", "booleancheckbox"),
    "bool_words": ("enumeration", "select"),
    "picklist": ("enumeration", "radio"),
    "timestamp": ("datetime", "date"),
}


def pages(rows: int, size: int, names: Mapping[str, str]) -> Iterator[tuple[bytes, str]]:
    """The body of each page without its `ending`, and the `after` of the page behind it (empty: the last). `rows` is a
    multiple of `size`."""
    shape, order = _shape(names)
    for first in range(0, rows, size):
        found = [shape % row for row in _rows(range(first, first + size), order)]
        after = str(FIRST_ID + 7 * (first + size - 1)) if first + size < rows else ""
        yield ('{"results":[' + ",".join(found) + "]").encode(), after


def ending(after: str) -> bytes:
    """What follows the results of a page."""
    if not after:
        return b"}"
    link = f"https://api.hubapi.com/crm/objects/2026-09/contacts?limit=100&after={after}"
    return f',"paging":{{"next":{{"after":"{after}","link":"{link}"}}}}}}'.encode()


_COLUMNS = (
    *("first_name", "last_name", "full_name", "phone", "phone_alt", "email", "company", "job_title"),
    *("city", "state", "country", "address", "postal_code", "birthday", "gender", "language"),
    *("tags", "owner", "source", "lifecycle_stage", "custom.membership_level"),
    *("marketing_consent", "transactional_consent", "blocked", "email_opt_out"),
    *("external_id", "created_at", "updated_at"),
)
_ALWAYS = {"hs_object_id": "external_id", "createdate": "created_at", "lastmodifieddate": "updated_at"}


def _shape(names: Mapping[str, str]) -> tuple[str, Sequence[int]]:
    """How a row is written, and the columns in the order of their properties' names, which is HubSpot's."""
    column = {name: number for number, name in enumerate(_COLUMNS)}
    placed = {prop: column.get(contact) for contact, prop in names.items()}
    placed |= {prop: column[contact] for prop, contact in _ALWAYS.items()}
    known = sorted(placed)
    inside = ",".join(f'"{name}":{"null" if placed[name] is None else "%s"}' for name in known)
    shape = f'{{"id":%s,"properties":{{{inside}}},"createdAt":%s,"updatedAt":%s,"archived":false}}'
    inner = [number for name in known if (number := placed[name]) is not None]
    return shape, [column["external_id"], *inner, column["created_at"], column["updated_at"]]


def _rows(numbers: range, order: Sequence[int]) -> Iterator[tuple[str, ...]]:
    for number in numbers:
        row = _row(number)
        yield tuple([row[column] for column in order])


def _row(number: int) -> tuple[str, ...]:
    """Every value as JSON, in the order of `_COLUMNS`."""
    random = _Bits(number)
    person = _person(number)
    whose = _Bits(-1 - person)
    surname, given = whose.of(_SURNAMES), whose.of(_GIVEN)
    city, streets, postal_code = whose.of(_CITIES)
    house = whose.below(400)
    national = f"9{10_000_000 + person * _STRIDE % _NUMBERS}"
    mail = f'"c{person:08d}@{whose.of(words.MAIL_HOSTS)}"' if whose.below(10) < 6 else "null"
    dead = random.below(100) < 100 * DEAD
    phone = _text(phones.dead(Random(number))) if dead else _text(random.of(_WAYS)(national))
    created = random.below(5 * 365 * 24 * 60)
    updated = max(0, created - random.below(400) * 24 * 60)
    title = random.of(_TITLES) if person != number else ""
    return (
        f'"{given}{title}"',
        f'"{surname}"',
        f'"{surname}{given}{title}"',
        phone,
        f'"02-23{random.below(100):02d}-{random.below(10_000):04d}"' if random.below(10) < 10 * LANDLINES else "null",
        mail,
        random.of(_COMPANIES),
        random.of(_JOBS),
        city,
        "null",
        random.of(_COUNTRIES),
        f'"{streets[house % len(streets)]}{house + 1}號"',
        postal_code,
        f'"{1940 + whose.below(68)}-{1 + whose.below(12):02d}-{1 + whose.below(28):02d}"',
        random.of(_GENDERS),
        random.of(_LANGUAGES),
        random.of(_TAGS),
        random.of(_OWNERS),
        random.of(_SOURCES),
        random.of(_STAGES),
        random.of(_LEVELS),
        *random.of(_ANSWERS),
        random.of(_MAIL_OUT),
        f'"{FIRST_ID + 7 * number}"',
        _moment(created),
        _moment(updated),
    )


def _person(number: int) -> int:
    """Whose row this is: for 18 in 100 somebody who has a row before it."""
    random = _Bits(number ^ 0x5EED)
    return random.below(number) if number and random.below(100) < 100 * DUPLICATES else number


class _Bits:
    """Choices made of a number: the same for the same number, and cheaper than seeding a generator."""

    __slots__ = ("_bits",)

    def __init__(self, number: int) -> None:
        mixed = (number + 0x9E3779B97F4A7C15) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ mixed >> 29) * 0x94D049BB133111EB % 2**64
        self._bits = mixed ^ mixed >> 32

    def below(self, limit: int) -> int:
        """One of `range(limit)`."""
        self._bits = (self._bits * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self._bits >> 33) % limit

    def of(self, values: Sequence[Any]) -> Any:
        """One of these."""
        return values[self.below(len(values))]


def _text(value: str | None) -> str:
    """As JSON; HubSpot has no empty values, only null."""
    return json.dumps(value, ensure_ascii=False) if value else "null"


def _moment(minutes_ago: int) -> str:
    day, hour, minute = minutes_ago // 1440, minutes_ago // 60 % 24, minutes_ago % 60
    return f'"{_DAYS[day]}T{hour:02d}:{minute:02d}:07.{minutes_ago % 1000:03d}Z"'


_DAYS = [(_NEWEST - timedelta(days=day)).date().isoformat() for day in range(5 * 366)]
_SURNAMES, _GIVEN, _TITLES = words.SURNAMES, words.GIVEN, ("", "", *words.TITLES)
_CITIES = [
    (_text(city), [city + street for street in streets], f'"{100 + 37 * place}"')
    for place, (city, streets) in enumerate(words.CITIES.items())
]
_COMPANIES = [_text(value) for value in words.COMPANIES]
_GENDERS = [_text(value) for value in ("男", "女", "M", "F", "先生", "小姐", "", None)]
_TAGS = [_text(value.replace(",", ";").replace("、", ";")) for value in words.TAGS]
_OWNERS = [_text(f"{40_000_000 + number}" if number else None) for number in range(6)]
_JOBS = [_text(value) for value in ("", "", "", "店長", "採購", "負責人", "會計", "業務經理")]
_COUNTRIES = [_text(value) for value in ("台灣", "Taiwan", "TW", "", "")]
_LANGUAGES = [_text(value) for value in ("zh-tw", "zh-tw", "zh-tw", "", "en", "ja")]
_SOURCES = [_text(value) for value in ("OFFLINE", "DIRECT_TRAFFIC", "ORGANIC_SEARCH", "SOCIAL_MEDIA", "PAID_SEARCH")]
_STAGES = [_text(value) for value in ("lead", "lead", "customer", "customer", "subscriber", "opportunity")]
_LEVELS = [_text(value) for value in ("", "", "", "金卡", "銀卡")]
_MAIL_OUT = [_text(value) for value in (*("",) * 9, "true")]
_IN, _OUT, _YES, _NO, _NULL = (_text(value) for value in ("opted_in", "opted_out", "true", "false", None))
#: Agreed to promotions, agreed to messages about orders, must not be written to: half agree, 5 % refuse, 2 % block.
_ANSWERS = [
    *((_IN, _IN if number % 2 else _NULL, _NULL) for number in range(46)),
    *((_NULL, _NULL, _NO if number % 3 else _NULL) for number in range(47)),
    *((_OUT, _NULL if number else _OUT, _NULL) for number in range(5)),
    *((_NULL, _NULL, _YES) for _ in range(2)),
]
