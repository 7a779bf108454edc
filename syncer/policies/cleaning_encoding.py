"""In which encoding a company's table was exported, told from its bytes alone.

Byte order marks and zero bytes settle Unicode; what is not UTF-8 is one of the double-byte encodings of the region, and
those differ in where their everyday characters lie: the 5,401 of Big5 between A4 and C6, the 3,755 of GB 2312 between
B0 and D7 with both bytes high (https://www.unicode.org/Public/MAPPINGS/ has both tables).
"""

from __future__ import annotations

import codecs
import re

#: The longer mark first: UTF-32's begins like UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PAIR = re.compile(rb"[\x81-\xfe][\x30-\xfe]")
_HIGH = re.compile(rb"[\x80-\xff]")
#: Everyday characters and punctuation, as pairs of bytes.
_EVERYDAY = {
    "cp950": re.compile(rb"[\xa4-\xc6][\x40-\x7e\xa1-\xfe]|[\xa1-\xa2][\x40-\x7e\xa1-\xfe]"),
    "gb18030": re.compile(rb"[\xb0-\xd7][\xa1-\xfe]|[\xa1-\xa3][\xa1-\xfe]"),
    "cp932": re.compile(rb"[\x82\x83][\x40-\xf1]|[\x88-\x97][\x40-\xfc]|\x81[\x40-\xac]"),
}
#: Below it a text is no Chinese or Japanese one, and more than this of it must be readable.
_PLAUSIBLE = 0.4
_WESTERN = "cp1252"
#: Of all bytes, zeros in a text of UTF-16: at least its commas and line breaks have one.
_ZEROS = 0.02
#: One damaged character in so many still leaves a text UTF-8.
_DAMAGE = 0.1


def by_mark(head: bytes) -> str | None:
    """Told by a byte order mark, or by zero bytes that all stand on one side; None: it is some encoding of ASCII's."""
    mark = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if mark is not None:
        return mark
    left, right = head[0::2].count(0), head[1::2].count(0)
    if left + right <= _ZEROS * len(head):
        return None
    if min(left, right) * 10 > max(left, right):
        return None
    return "utf-16-le" if right > left else "utf-16-be"


def by_characters(evidence: bytes) -> str:
    """`evidence`: whole lines that are not all ASCII, of a table that is not valid UTF-8 throughout."""
    text = evidence.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    if damaged <= _DAMAGE * sum(sign > "\x7f" for sign in text):
        return "utf-8"
    scores = {name: _score(evidence, name) for name in _EVERYDAY}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= _PLAUSIBLE else _WESTERN


def _score(evidence: bytes, name: str) -> float:
    """The share of everyday characters, less what would not be readable."""
    pairs = _PAIR.findall(evidence)
    everyday = sum(_EVERYDAY[name].fullmatch(pair) is not None for pair in pairs)
    unreadable = evidence.decode(name, "replace").count("\ufffd")
    return (everyday - 3 * unreadable) / max(len(pairs), len(_HIGH.findall(evidence)) / 2, 1)
