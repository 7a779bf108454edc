"""Who could be the same person without a key that proves it: near-matches, for a person to decide (R5).

A name alone says nothing; with a number that differs in one digit, a birthday, a company or an address it does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from types import MappingProxyType

from syncer.policies import kinship

#: How much each agreement says; together they say more (1 - product of the doubts).
WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "one digit of the number": 0.8,
        "two digits of the number swapped": 0.8,
        "birthday": 0.7,
        "e-mail": 0.6,
        "company": 0.5,
        "named by the CRM": 0.9,
        "name": 0.3,
    }
)
#: Below this nobody is asked.
WORTH_ASKING = 0.6
#: Characters frequent in Taiwanese and mainland names whose simplified form differs; the second line is read for the
#: first.
SIMPLIFIED = (
    "张陈刘杨赵黄吴孙马罗郑谢韩许邓冯萧叶苏吕卢蒋贾钟谭陆万钱汤乔贺龚庞颜严庄毕邹丽"
    "华国伟杰强军龙凤兰云东风飞鸿宁尔宝庆晓荣义颖莹贤"
)
TRADITIONAL = (
    "張陳劉楊趙黃吳孫馬羅鄭謝韓許鄧馮蕭葉蘇呂盧蔣賈鍾譚陸萬錢湯喬賀龔龐顏嚴莊畢鄒麗"
    "華國偉傑強軍龍鳳蘭雲東風飛鴻寧爾寶慶曉榮義穎瑩賢"
)
_TO_TRADITIONAL = str.maketrans(SIMPLIFIED, TRADITIONAL)
_BETWEEN = re.compile(r"[\W_]+")
_TITLES = re.compile(r"(先生|小姐|女士|太太|mr|mrs|ms|miss|dr)$")


@dataclass(frozen=True, slots=True)
class Profile:
    """What of a contact is compared. `phone` is E.164."""

    contact_id: int
    full_name: str
    phone: str | None = None
    email: str | None = None
    birthday: str | None = None
    company: str | None = None


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two are: what agrees, and how much it says, from 0 to 1."""

    reasons: tuple[str, ...]
    score: float


@lru_cache(maxsize=8192)
def name_key(name: str) -> str:
    """One text for all ways of writing a name: full-width or not, with or without spaces and a title, simplified or
    traditional, the family name before or after the given name where spaces tell them apart."""
    plain = unicodedata.normalize("NFKC", name).casefold().translate(_TO_TRADITIONAL)
    parts = [part for part in _BETWEEN.split(plain) if part and not _TITLES.fullmatch(part)]
    if any("a" <= letter <= "z" for letter in plain):
        return " ".join(sorted(parts))
    return _TITLES.sub("", "".join(parts))


def compare(one: Profile, other: Profile, *, named: bool = False) -> Likeness | None:
    """How alike two contacts are; None where it is not worth asking. `named`: a row of the one names a row of the
    other as its person."""
    reasons = [*_evidence(one, other), *(["named by the CRM"] if named else [])]
    key = name_key(one.full_name)
    same_name = len(key) > 1 and key == name_key(other.full_name)
    if not reasons or not (same_name or named or "e-mail" in reasons):
        return None
    found = (*reasons, *(["name"] if same_name else []))
    score = round(1 - prod(1 - WEIGHTS[reason] for reason in found), 2)
    return Likeness(found, score) if score >= WORTH_ASKING else None


def _evidence(one: Profile, other: Profile) -> list[str]:
    found = [slip] if (slip := slip_of(one.phone or "", other.phone or "")) else []
    if one.email and one.email == other.email and kinship.is_personal(one.email):
        found.append("e-mail")
    if one.birthday and one.birthday == other.birthday:
        found.append("birthday")
    if one.company and other.company and name_key(one.company) == name_key(other.company):
        found.append("company")
    return found


def slip_of(one: str, other: str) -> str | None:
    """The slip of the pen by which the one number could have become the other."""
    if len(one) != len(other) or one == other:
        return None
    places = [place for place, (mine, theirs) in enumerate(zip(one, other, strict=True)) if mine != theirs]
    if len(places) == 1:
        return "one digit of the number"
    swapped = len(places) == 2 and places[1] == places[0] + 1
    if swapped and one[places[0]] == other[places[1]] and one[places[1]] == other[places[0]]:
        return "two digits of the number swapped"
    return None
