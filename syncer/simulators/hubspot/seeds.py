"""Contacts made up from their number: a million of them cost no memory, and each is always the same (see `people`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from syncer.simulators import people
from syncer.simulators.hubspot.moments import iso

#: The id of the first made-up contact; those that are typed in later get ids above the last.
FIRST_ID = 100_001
#: The moment of the first one's last change: 2026-06-01 in milliseconds.
FIRST_STAMP = 1_780_272_000_000

_COMPANIES = ("Formosa Tea", "山海貿易", "Blue Bridge", "大同商行", "Jade Works")
_LANGUAGES = ("zh-tw", "en", "zh-tw", "ja", "zh-tw")
_SOURCES = ("DIRECT_TRAFFIC", "ORGANIC_SEARCH", "OFFLINE", "SOCIAL_MEDIA")

Maker = Callable[[int], str | None]


def _from(words: Sequence[str], step: int = 1) -> Maker:
    return lambda index: words[index // step % len(words)]


#: Property -> what it holds for the contact with this number.
MAKERS: dict[str, Maker] = {
    "lastname": people.family_name,
    "firstname": people.given_name,
    "phone": people.phone,
    "mobilephone": people.second_phone,
    "email": people.email,
    "company": _from(_COMPANIES, 7),
    "city": people.city,
    "address": people.street,
    "date_of_birth": people.birthday,
    "hs_language": _from(_LANGUAGES),
    "hs_analytics_source": _from(_SOURCES, 5),
    "hs_email_optout": lambda index: "true" if index % 29 == 0 else "false",
    "lifecyclestage": _from(("lead", "customer", "customer"), 2),
    "jobtitle": lambda index: None,
}


class Seeds:
    """The made-up contacts `FIRST_ID` to `FIRST_ID + count - 1`."""

    def __init__(self, count: int, step_ms: int = 1_000) -> None:
        self.count, self._step_ms = count, step_ms
        self._templates: dict[tuple[str, ...], tuple[str, tuple[Maker, ...]]] = {}

    def __contains__(self, object_id: int) -> bool:
        return 0 <= object_id - FIRST_ID < self.count

    def stamp(self, object_id: int) -> int:
        """When the contact was last changed, in milliseconds since 1970."""
        return FIRST_STAMP + (object_id - FIRST_ID) * self._step_ms

    def properties(self, object_id: int) -> dict[str, str]:
        """The contact's own properties."""
        index = object_id - FIRST_ID
        return {name: value for name, make in MAKERS.items() if (value := make(index)) is not None}

    def find(self, name: str, value: str) -> list[int]:
        """Contacts with this e-mail or phone, without looking through them all."""
        digits = "".join(filter(str.isdigit, value))
        if name == "email":
            digits = digits if value == f"customer{digits}@example.com" else ""
        else:
            digits = digits[-8:] if digits.startswith("8869") or digits.startswith("09") else ""
        near = [int(digits) + FIRST_ID, int(digits) + 1 + FIRST_ID] if digits else []
        return [number for number in near if number in self]

    def rendered(self, object_ids: Sequence[int], names: tuple[str, ...]) -> list[str]:
        """The contacts as JSON objects with these properties and the three that always come, in alphabetical order."""
        template, makers = self._template(names)
        rows = []
        for object_id in object_ids:
            index = object_id - FIRST_ID
            values = [_quoted(make(index)) for make in makers]
            rows.append(template % (object_id, *values, iso(self.stamp(object_id))))
        return rows

    def _template(self, names: tuple[str, ...]) -> tuple[str, tuple[Maker, ...]]:
        if names not in self._templates:
            always: dict[str, Maker] = {
                "createdate": lambda index: iso(FIRST_STAMP),
                "hs_object_id": lambda index: str(index + FIRST_ID),
                "lastmodifieddate": lambda index: iso(self.stamp(index + FIRST_ID)),
            }
            makers = {**MAKERS, **always}
            asked = sorted({*names, *always})
            inner = ",".join(f'"{name}":%s' if name in makers else f'"{name}":null' for name in asked)
            text = '{"id":"%d","properties":{' + inner + '},"createdAt":"' + iso(FIRST_STAMP)
            known = tuple(makers[name] for name in asked if name in makers)
            self._templates[names] = (text + '","updatedAt":"%s","archived":false}', known)
        return self._templates[names]


def _quoted(value: str | None) -> str:
    # What the makers say needs no escaping.
    return "null" if value is None else f'"{value}"'
