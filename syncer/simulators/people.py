"""People made up from their number, alike in every CRM's simulator: a million of them cost no memory.

A tenth of the phones is written in the national form, a few are no mobile numbers, one in fifty is missing; every
fortieth person has the phone of the one before: a duplicate.
"""

from __future__ import annotations

_FAMILY = ("王", "李", "張", "陳", "林", "黃", "吳", "劉", "蔡", "楊", "許", "鄭", "謝")
_GIVEN = ("小明", "美玲", "志豪", "淑芬", "家豪", "雅婷", "俊傑", "怡君", "冠宇", "欣怡", "建宏")
_CITIES = ("台北市", "新北市", "桃園市", "台中市", "台南市", "高雄市", "新竹市")


def family_name(index: int) -> str:
    """The family name of the person with this number."""
    return _FAMILY[index % len(_FAMILY)]


def given_name(index: int) -> str:
    """The given name."""
    return _GIVEN[index // 13 % len(_GIVEN)]


def phone(index: int) -> str | None:
    """The phone as it was typed."""
    if index % 50 == 7:
        return None
    owner = index - 1 if index % 40 == 39 else index
    digits = f"{owner % 100_000_000:08d}"
    if index % 97 == 3:
        return f"02-2345-{owner % 10_000:04d}"
    return f"09{digits[:2]}-{digits[2:5]}-{digits[5:]}" if index % 10 == 4 else f"+8869{digits}"


def second_phone(index: int) -> str | None:
    """A second phone, which one in nine has."""
    return f"+8869{index % 90_000_000 + 10_000_000:08d}" if index % 9 == 2 else None


def email(index: int) -> str | None:
    """The e-mail address, which one in three lacks."""
    return f"customer{index}@example.com" if index % 3 else None


def city(index: int) -> str:
    """The city."""
    return _CITIES[index // 3 % len(_CITIES)]


def street(index: int) -> str:
    """Street and floor."""
    return f"中山路{index % 900 + 1}號{index % 12 + 1}樓"


def birthday(index: int) -> str:
    """The birthday, as ISO 8601."""
    return f"19{index % 50 + 50}-{index % 12 + 1:02d}-{index % 28 + 1:02d}"
