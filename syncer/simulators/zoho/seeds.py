"""Contacts made up from their number: a million of them cost no memory, and each is always the same (see `people`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncer.simulators import people

#: The id of the first made-up contact; those that are typed in later get ids above the last.
FIRST_ID = 4_150_868_000_000_100_001
#: The moment of the first one's last change: 2026-06-01 in seconds.
FIRST_STAMP = 1_780_272_000

_LANGUAGES = ("繁體中文", "English", "繁體中文")
_SOURCES = ("Web", "Chat", "Advertisement")


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
            "Last_Name": people.family_name(index),
            "First_Name": people.given_name(index),
            "Mobile": people.phone(index),
            "Email": people.email(index),
            "Mailing_City": people.city(index),
            "Mailing_Street": f"中山路{index % 900 + 1}號",
            "Date_of_Birth": people.birthday(index),
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
