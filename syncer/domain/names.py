"""A person's whole name and its two parts: which is the family name, and how the two are written together."""

from __future__ import annotations

import re
from collections import Counter

_TWO_CHARACTERS = """
歐陽 歐阳 欧阳 司馬 司马 司徒 司空 上官 諸葛 诸葛 夏侯 皇甫 尉遲 尉迟 公孫 公孙 公羊 公冶
慕容 令狐 長孫 长孙 宇文 軒轅 轩辕 鍾離 钟离 端木 東方 东方 獨孤 独孤 南宮 南宫 西門 西门
申屠 太史 呼延 赫連 赫连 拓跋 完顏 完颜 納蘭 纳兰 澹臺 澹台 濮陽 濮阳 淳于 單于 单于 百里
左丘 東郭 东郭 梁丘 閭丘 闾丘 鮮于 鲜于 第五 張簡 张简 范姜 張廖 남궁 황보 제갈 사공 선우
서문 독고 동방
"""
_BEFORE_A_FAMILY_NAME = (
    "af al ap bin bint d' da dal de del della den der di do dos du el ibn la le les lo ter van vom von y zu"
)
_AFTER_A_NAME = "jr jr. sr sr. ii iii iv phd ph.d. md m.d. esq esq."
#: Surnames of two characters, Taiwan's double surnames and Korea's included. All others have one.
_COMPOUND = frozenset(_TWO_CHARACTERS.split())
_PARTICLES = frozenset(_BEFORE_A_FAMILY_NAME.split())
_SUFFIXES = frozenset(_AFTER_A_NAME.split())
#: Ideographs and Hangul: names that are written family name first, without a space.
_SCRIPT = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af\uac00-\ud7a3"
_FAMILY_FIRST = re.compile(rf"[{_SCRIPT}]+").fullmatch
_TWO_WORDS = re.compile(rf"([{_SCRIPT}]{{1,4}})[ \u3000]+([{_SCRIPT}]{{1,4}})").fullmatch
#: More characters than this are a company or a name taken over from another language.
_LONGEST_FAMILY_FIRST = 4
#: Between the parts of a foreign name in Chinese: 約翰·史密斯.
_DOTS = "·‧・•．"
#: Characters that say nothing of who somebody is.
_LOOSE = re.compile(r"[\s,，]+")


def join(first: str | None, last: str | None) -> str:
    """The whole name: 王小明, Amy Wang. A first name that holds the family name already is left as it is: many a table
    has 王 beside 王小明."""
    given, family = (first or "").strip(), (last or "").strip()
    if not given or not family:
        return given or family
    if given[-1] in _DOTS:
        return given + family
    if given.isascii() or not _FAMILY_FIRST(given + family):
        return f"{given} {family}"
    return given if len(given) > 2 and given.startswith(family) else family + given


def split(full: str) -> tuple[str, str]:
    """(given name, family name), either of them possibly empty. Nothing is lost but spaces and the comma of "Wang,
    Amy": a name of no known shape is a given name as a whole."""
    whole = " ".join(full.split())
    first, last = _parts(whole)
    return (first, last) if _is_same(join(first, last), whole) else (whole, "")


def _is_same(name: str, whole: str) -> bool:
    ours, theirs = _LOOSE.sub("", name), _LOOSE.sub("", whole)
    turned = "," in whole or "，" in whole
    return ours == theirs or (turned and Counter(ours) == Counter(theirs))


def _parts(whole: str) -> tuple[str, str]:
    if spaced := _TWO_WORDS(whole):
        return spaced[2], spaced[1]
    if _FAMILY_FIRST(whole):
        return _in_order(whole)
    dot = max(map(whole.rfind, _DOTS))
    if 0 < dot < len(whole) - 1:
        return whole[: dot + 1], whole[dot + 1 :]
    return _western(whole)


def _in_order(whole: str) -> tuple[str, str]:
    if not 1 < len(whole) <= _LONGEST_FAMILY_FIRST:
        return whole, ""
    length = 2 if len(whole) > 2 and whole[:2] in _COMPOUND else 1
    return whole[length:], whole[:length]


def _western(whole: str) -> tuple[str, str]:
    family, comma, given = (part.strip() for part in whole.replace("，", ",").partition(","))
    if comma and family and given and "," not in given and given.lower() not in _SUFFIXES:
        return given, family
    words = whole.split(" ")
    if len(words) == 1:
        return whole, ""
    at = len(words) - 1
    while at > 1 and words[at].lower() in _SUFFIXES:
        at -= 1
    while at > 1 and words[at - 1].lower() in _PARTICLES:
        at -= 1
    return " ".join(words[:at]), " ".join(words[at:])
