"""Words that customer tables use for yes and no, for a gender and for a language - read, and written back in the same
spelling."""

from __future__ import annotations

import re
import unicodedata

#: Every spelling known, (yes, no); the first is written where a row gives none to follow.
_ANSWERS = (
    ("Y", "N"),
    ("y", "n"),
    ("1", "0"),
    ("T", "F"),
    ("t", "f"),
    ("Yes", "No"),
    ("YES", "NO"),
    ("yes", "no"),
    ("True", "False"),
    ("TRUE", "FALSE"),
    ("true", "false"),
    ("On", "Off"),
    ("ON", "OFF"),
    ("on", "off"),
    ("是", "否"),
    ("有", "無"),
    ("要", "不要"),
    ("同意", "不同意"),
    ("接受", "不接受"),
    ("願意", "不願意"),
    ("允許", "不允許"),
    ("开", "关"),
    ("開", "關"),
    ("V", "X"),
    ("v", "x"),
    ("✓", "✗"),
    ("○", "×"),
)
#: (yes, no) as they are written where nothing shows how.
DEFAULT_ANSWER = _ANSWERS[0]
#: (f, m, x)
_GENDERS = (
    ("F", "M", "X"),
    ("f", "m", "x"),
    ("Female", "Male", "Other"),
    ("female", "male", "other"),
    ("女", "男", "其他"),
    ("女性", "男性", "不公開"),
    ("女士", "先生", ""),
    ("小姐", "先生", ""),
    ("Ms.", "Mr.", "Mx."),
    ("Ms", "Mr", "Mx"),
    ("2", "1", "0"),  # the second digit of a Taiwanese identity number
)
DEFAULT_GENDER = _GENDERS[0]
_MORE_YES = ("ok", "agree", "agreed", "可", "可以", "勾選", "已同意", "オン", "はい")
_MORE_NO = ("不", "沒有", "不可", "不可以", "未勾選", "未同意", "none", "オフ", "いいえ")
#: Words that mean no where a column asks for consent, and yes where it asks whether somebody is blocked.
_REFUSALS = (
    *("拒絕", "拒收", "退訂", "取消訂閱", "黑名單", "封鎖", "停用"),
    *("refused", "blocked", "opt-out", "opted out", "stop"),
)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


_YES = {_plain(yes) for yes, _ in _ANSWERS} | {_plain(word) for word in _MORE_YES}
_NO = {_plain(no) for _, no in _ANSWERS} | {_plain(word) for word in _MORE_NO}
_GENDER = {_plain(word): letter for words in _GENDERS for word, letter in zip(words, "fmx", strict=True) if word}
_LANGUAGE = {
    _plain(word): code
    for code, words in {
        "zh_TW": "zh zh-tw zh-hant zh-hant-tw zh-mo 中文 繁中 繁體 繁體中文 正體中文 國語 華語 chinese mandarin",
        "zh_CN": "zh-cn zh-hans zh-hans-cn zh-sg 简中 簡中 简体 簡體 简体中文 簡體中文 普通话",
        "zh_HK": "zh-hk zh-hant-hk 粵語 廣東話 cantonese",
        "en": "en english eng 英文 英語 英语",
        "ja": "ja jp ja-jp japanese 日文 日語 日本語",
        "ko": "ko kr ko-kr korean 韓文 韓語 한국어",
        "vi": "vi vn vi-vn vietnamese 越南文 越語",
        "id": "id id-id indonesian 印尼文 印尼語",
        "th": "th th-th thai 泰文 泰語",
        "fil": "fil tl tagalog 菲律賓文",
    }.items()
    for word in words.split()
}
_CODE = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{2}))?")

#: The words for no, as the database itself can compare them: lower case, trimmed.
NO_WORDS = tuple(sorted(_NO | {""}))


def answer(text: str) -> bool | None:
    """Yes, no, or None where the word is neither."""
    word = _plain(text)
    return True if word in _YES else False if word in _NO else None


def refuses(text: str) -> bool:
    """Whether the word says that somebody does not want to be written to, whatever its column asks."""
    return _plain(text) in _REFUSALS


def gender(text: str) -> str | None:
    """`f`, `m`, `x`, or None where the word is none of them."""
    return _GENDER.get(_plain(text))


def language(text: str) -> str | None:
    """A code as WhatsApp's templates spell it (`zh_TW`, `en`, `en_US`), or None where the text names no language."""
    word = _plain(text).replace("_", "-")
    if known := _LANGUAGE.get(word):
        return known
    shape = _CODE.fullmatch(word)
    if shape is None:
        return None
    return f"{shape[1]}_{shape[2].upper()}" if shape[2] else shape[1]


def spell_answer(value: bool, old: str | None, otherwise: tuple[str, str] = DEFAULT_ANSWER) -> str:
    """Yes or no in the spelling of `old`, the word that stands there now; as in `otherwise` where it gives none."""
    yes, no = next((pair for pair in _ANSWERS if old in pair), otherwise)
    return yes if value else no


def spell_gender(value: str, old: str | None) -> str:
    """A gender in the spelling of `old`; a capital letter where it gives none."""
    words = next((words for words in _GENDERS if old and old in words), _GENDERS[0])
    return dict(zip("fmx", words, strict=True)).get(value) or value.upper()


def spell_language(value: str, old: str | None) -> str:
    """A code in the spelling of `old`: zh-TW beside en-US, zh-tw beside en-us; as we write it where it gives none."""
    if old is None or _CODE.fullmatch(_plain(old)) is None or "_" in old:
        return value
    code = value.replace("_", "-") if "-" in old else value
    return code.lower() if "-" in old and old == old.lower() else code
