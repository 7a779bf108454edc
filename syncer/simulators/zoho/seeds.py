"""Contacts made up from their number: a million of them cost no memory, and each is always the same.

A tenth of the phones is written in the national form, a few are no mobile numbers, one in fifty is missing; every
fortieth contact has the phone of the one before: a duplicate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: The id of the first made-up contact; those that are typed in later get ids above the last.
FIRST_ID = 4_150_868_000_000_100_001
#: The moment of the first one's last change: 2026-06-01 in seconds.
FIRST_STAMP = 1_780_272_000

_FAMILY = ("王", "李", "張", "陳", "林", "黃", "吳", "劉", "蔡", "楊", "許", "鄭", "謝")
_GIVEN = ("小明", "美玲", "志豪", "淑芬", "家豪", "雅婷", "俊傑", "怡君", "冠宇", "欣怡", "建宏")
_CITIES = ("台北市", "新北市", "桃園市", "台中市", "台南市", "高雄市", "新竹市")
_LANGUAGES = ("繁體中文", "English", "繁體中文")
_SOURCES = ("Web", "Chat", "Advertisement")


def phone_number(index: int) -> str | None:
    """The phone of a made-up contact as it was typed."""
    if index % 50 == 7:
        return None
    owner = index - 1 if index % 40 == 39 else index
    digits = f"{owner % 100_000_000:08d}"
    if index % 97 == 3:
        return f"02-2345-{owner % 10_000:04d}"
    return f"09{digits[:2]}-{digits[2:5]}-{digits[5:]}" if index % 10 == 4 else f"+8869{digits}"


class Seeds:
    """The made-up contacts `FIRST_ID` to `FIRST_ID + count - 1`."""

    def __init__(self, count: int, step: int = 1) -> None:
        self.count, self._step = count, step

    def __contains__(self, record_id: int) -> bool:
        return 0 <= record_id - FIRST_ID < self.count

    def stamp(self, record_id: int) -> int:
        """When the contact was last changed, in seconds since 1970."""
        return FIRST_STAMP + (record_id - FIRST_ID) * self._step

    def since(self, moment: int) -> range:
        """The ids of those changed at this moment or later."""
        if self._step == 0:
            start = 0 if moment <= FIRST_STAMP else self.count
        else:
            start = min(max(-(-(moment - FIRST_STAMP) // self._step), 0), self.count)
        return range(FIRST_ID + start, FIRST_ID + self.count)

    def values(self, record_id: int) -> dict[str, Any]:
        """The contact's own fields."""
        index = record_id - FIRST_ID
        told: dict[str, Any] = {
            "Last_Name": _FAMILY[index % len(_FAMILY)],
            "First_Name": _GIVEN[index // 13 % len(_GIVEN)],
            "Mobile": phone_number(index),
            "Email": f"customer{index}@example.com" if index % 3 else None,
            "Mailing_City": _CITIES[index // 3 % len(_CITIES)],
            "Mailing_Street": f"中山路{index % 900 + 1}號",
            "Date_of_Birth": f"19{index % 50 + 50}-{index % 12 + 1:02d}-{index % 28 + 1:02d}",
            "WA_Language": _LANGUAGES[index % len(_LANGUAGES)],
            "WA_Lifecycle_Stage": "Lead" if index % 3 else "Customer",
            "Lead_Source": _SOURCES[index // 5 % len(_SOURCES)],
            "Email_Opt_Out": index % 29 == 0,
            "WA_Blocked": False,
        }
        return {name: value for name, value in told.items() if value is not None}

    def near(self, values: Sequence[str]) -> set[int]:
        """The ids of those who may have one of these phones, without looking through them all."""
        found: set[int] = set()
        for value in values:
            digits = "".join(filter(str.isdigit, str(value)))
            if digits.startswith(("8869", "09")):
                number = int(digits[-8:])
                found |= {FIRST_ID + number, FIRST_ID + number + 1}
        return {one for one in found if one in self}
