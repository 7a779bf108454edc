"""Contacts made up from their number: a million of them cost no memory, and each is always the same.

A tenth of the phones is written in the national form, a few are no mobile numbers, one in fifty is missing; every
fortieth contact has the phone of the one before: a duplicate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from syncer.simulators.hubspot.moments import iso

#: The id of the first made-up contact; those that are typed in later get ids above the last.
FIRST_ID = 100_001
#: The moment of the first one's last change: 2026-06-01 in milliseconds.
FIRST_STAMP = 1_780_272_000_000

_FAMILY = ("王", "李", "張", "陳", "林", "黃", "吳", "劉", "蔡", "楊", "許", "鄭", "謝")
_GIVEN = ("小明", "美玲", "志豪", "淑芬", "家豪", "雅婷", "俊傑", "怡君", "冠宇", "欣怡", "建宏")
_CITIES = ("台北市", "新北市", "桃園市", "台中市", "台南市", "高雄市", "新竹市")
_COMPANIES = ("Formosa Tea", "山海貿易", "Blue Bridge", "大同商行", "Jade Works")
_LANGUAGES = ("zh-tw", "en", "zh-tw", "ja", "zh-tw")
_SOURCES = ("DIRECT_TRAFFIC", "ORGANIC_SEARCH", "OFFLINE", "SOCIAL_MEDIA")

Maker = Callable[[int], str | None]


def phone_number(index: int) -> str | None:
    """The phone of a made-up contact as it was typed."""
    if index % 50 == 7:
        return None
    owner = index - 1 if index % 40 == 39 else index
    digits = f"{owner % 100_000_000:08d}"
    if index % 97 == 3:
        return f"02-2345-{owner % 10_000:04d}"
    return f"09{digits[:2]}-{digits[2:5]}-{digits[5:]}" if index % 10 == 4 else f"+8869{digits}"


def _from(words: Sequence[str], step: int = 1) -> Maker:
    return lambda index: words[index // step % len(words)]


#: Property -> what it holds for the contact with this number.
MAKERS: dict[str, Maker] = {
    "lastname": _from(_FAMILY),
    "firstname": _from(_GIVEN, 13),
    "phone": phone_number,
    "mobilephone": lambda index: f"+8869{index % 90_000_000 + 10_000_000:08d}" if index % 9 == 2 else None,
    "email": lambda index: f"customer{index}@example.com" if index % 3 else None,
    "company": _from(_COMPANIES, 7),
    "city": _from(_CITIES, 3),
    "address": lambda index: f"中山路{index % 900 + 1}號{index % 12 + 1}樓",
    "date_of_birth": lambda index: f"19{index % 50 + 50}-{index % 12 + 1:02d}-{index % 28 + 1:02d}",
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
