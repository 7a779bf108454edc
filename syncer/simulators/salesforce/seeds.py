"""Contacts made up from their number: a million of them cost no memory, and each is always the same (see `people`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from json import dumps
from typing import Any

from syncer.simulators import people
from syncer.simulators.salesforce.ids import record_id
from syncer.simulators.salesforce.moments import shown

#: The number of the first made-up contact; those that are typed in later get numbers above the last.
FIRST = 1_000_001
#: The moment of the first one's last change: 2026-06-01 in milliseconds.
FIRST_STAMP = 1_780_272_000_000
#: The user who owns what nobody else does: the one that the engine acts as.
OWNER = record_id("005", 1)

_LANGUAGES = ("zh_TW", "en", "zh_TW", "ja", "zh_TW")

Maker = Callable[[int], Any]


#: Field -> what it holds for the contact with this number.
MAKERS: dict[str, Maker] = {
    "LastName": people.family_name,
    "FirstName": people.given_name,
    "MobilePhone": people.phone,
    "Phone": people.second_phone,
    "Email": people.email,
    "MailingCity": people.city,
    "MailingStreet": people.street,
    "Birthdate": people.birthday,
    "WA_Language__c": lambda index: _LANGUAGES[index % len(_LANGUAGES)],
    "WA_Lifecycle_Stage__c": lambda index: ("Lead", "Customer", "Customer")[index // 2 % 3],
    "WA_Blocked__c": lambda index: False,
    "DoNotCall": lambda index: index % 31 == 0,
    "HasOptedOutOfEmail": lambda index: index % 29 == 0,
    "IsDeleted": lambda index: False,
    "OwnerId": lambda index: OWNER,
    "CreatedDate": lambda index: shown(FIRST_STAMP),
}


class Seeds:
    """The made-up contacts `FIRST` to `FIRST + count - 1`."""

    def __init__(self, count: int, step_ms: int = 1_000) -> None:
        self.count, self._step_ms = count, step_ms

    def __contains__(self, number: int) -> bool:
        return 0 <= number - FIRST < self.count

    def stamp(self, number: int) -> int:
        """When the contact was last changed, in milliseconds since 1970."""
        return FIRST_STAMP + (number - FIRST) * self._step_ms

    def values(self, number: int) -> dict[str, Any]:
        """The contact's own fields."""
        index = number - FIRST
        own = {name: make(index) for name, make in MAKERS.items() if name not in ("IsDeleted", "CreatedDate")}
        return {name: value for name, value in own.items() if value is not None}

    def near(self, texts: Sequence[str]) -> set[int]:
        """The numbers of those who may have one of these phones, without looking through them all."""
        found = set()
        for text in texts:
            digits = "".join(filter(str.isdigit, text))[-8:]
            if len(digits) == 8:
                found |= {number for one in (0, 1) if (number := FIRST + int(digits) + one) in self}
                found |= {number for shift in (10_000_000,) if (number := FIRST + int(digits) - shift) in self}
        return found

    def rendered(self, numbers: Sequence[int], names: Sequence[str], root: str) -> list[bytes]:
        """The contacts as JSON, with these fields in this order; lookups lead to the owner only."""
        template, makers = self._template(names, root)
        return [(template % tuple(make(number) for make in makers)).encode() for number in numbers]

    def _template(self, names: Sequence[str], root: str) -> tuple[str, list[Maker]]:
        makers: list[Maker] = [_identity]
        parts = ['{"attributes":{"type":"Contact","url":"' + root + '/sobjects/Contact/%s"}']
        for name in names:
            if name == "Id":
                makers.append(_identity)
                parts.append('"Id":"%s"')
            elif name == "SystemModstamp" or name == "LastModifiedDate":
                makers.append(lambda number: shown(self.stamp(number)))
                parts.append(f'"{name}":"%s"')
            elif name in MAKERS:
                makers.append(_quoted(MAKERS[name]))
                parts.append(f'"{name}":%s')
            elif name == "Owner.Name":
                owner = {"attributes": {"type": "User", "url": f"{root}/sobjects/User/{OWNER}"}, "Name": "Syncer"}
                parts.append('"Owner":' + dumps(owner, separators=(",", ":")).replace("%", "%%"))
            else:
                parts.append(f'"{name.partition(".")[0]}":null')
        return ",".join(parts) + "}", makers


def _identity(number: int) -> str:
    return record_id("003", number)


def _quoted(make: Maker) -> Maker:
    # What the makers say needs no escaping.
    def quoted(number: int) -> str:
        value = make(number - FIRST)
        if isinstance(value, bool):
            return "true" if value else "false"
        return "null" if value is None else f'"{value}"'

    return quoted
