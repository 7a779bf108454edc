"""How people and spreadsheets write telephone numbers down: one field taken apart into numbers, and a number freed of
what stands around its digits. What the digits mean is `domain.phone`'s matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

#: What people put between the digits of one number. Slashes and line breaks also stand between two numbers.
_BETWEEN: Final = r"\s\-‐-―−ー_.·・()\[\]{}"
_SEPARATORS = re.compile(rf"[{_BETWEEN}/\\]+")
_DIGIT = re.compile("[0-9]")
#: A spreadsheet's ways to keep a number text: '0912 and ="0912".
_WRAPPING = " \t\r\n'\"=`´‘’“”"
#: A number column's 912345678.0 is 912345678 to a person.
_AS_DECIMAL = re.compile(r"(\+?[0-9]{7,15})\.0{1,2}")
_SCIENTIFIC = re.compile(r"\+?([1-9])(?:[.,]([0-9]+))?E\+?([0-9]{1,2})", re.IGNORECASE)
#: An extension, in the words of the tables seen so far. A lone x is no extension: it hides a digit.
_EXTENSION = re.compile(
    r"(?:(?:;\s*ext\s*=|extension|extn?|x|轉接?|转接?|分機|分机|內線|内線|内线|내선|доб|poste|interno|int|durchwahl|dw)"
    r"[\s.:#]*[0-9]{1,7}|#\s*[0-9]{0,7})\s*$",
    re.IGNORECASE,
)
#: Between two numbers in one field; NFKC has made the full-width signs plain before.
_BREAK = re.compile(
    r"[,;、|\n\r/\\&~]+|(?<=[0-9)])\s*(?:或是|或|及|和|與|与|\bor\b|\band\b|\bund\b|\bou\b)\s*(?=[0-9+(])"
)
#: Digits from which on a piece is a number by itself; fewer are an area code, or the shorthand 2345-6789/90.
A_NUMBER = 7
#: A remark: in brackets without digits, or words of other scripts than ours before or behind the digits.
_REMARK = re.compile(
    r"[(\[][^0-9()\[\]]*[^0-9()\[\]\s\-.][^0-9()\[\]]*[)\]]|^[^0-9+(*●○•xX]+|(?<=[0-9])\s*[^\x00-\x7f0-9●○•]+$"
)
#: Digits hidden by an export that protects its people: 0912***678, 0974-xxx-xxx.
_MASK = re.compile(rf"[*●○•]|\?(?=[?0-9])|(?<=[0-9{_BETWEEN}])x{{2,}}|^x{{2,}}", re.IGNORECASE)
_PLUS = re.compile(r"\+{2,}|(?:\+?00)\+|\+00")


def plain(raw: str) -> str:
    """Full-width, Arabic, Devanagari ... digits and signs as ASCII; no invisible marks, no spreadsheet wrapping."""
    if not raw.isascii() or not raw.isprintable():
        raw = unicodedata.normalize("NFKC", raw)
        raw = "".join(str(unicodedata.decimal(sign, sign)) for sign in raw if _is_visible(sign))
    raw = raw.strip(_WRAPPING)
    match = _AS_DECIMAL.fullmatch(raw)
    return match[1] if match else raw


def _is_visible(sign: str) -> bool:
    # Direction marks come along when a number is copied from a phone's address book.
    return sign in "\t\n\r" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Cn")


def scientific(text: str) -> str | None:
    """The digits of 9.12345678E+08; empty where a spreadsheet has rounded them away (8.86912E+11); None: no such
    number."""
    match = _SCIENTIFIC.fullmatch(text)
    if match is None:
        return None
    first, rest, power = match[1], match[2] or "", int(match[3])
    return first + rest if len(rest) == power else ""


def has_digits(text: str) -> bool:
    """Whether there is anything to read."""
    return _DIGIT.search(text) is not None


def pieces(text: str) -> list[str]:
    """The numbers that share a field, each still as it is written; a short end, as in 2345-6789/90, goes with none."""
    found, unfinished = [], ""
    for part in _BREAK.split(_EXTENSION.sub("", text)):
        unfinished += f" {part}" if unfinished else part
        if sum(map(str.isdigit, _EXTENSION.sub("", unfinished))) >= A_NUMBER:
            found.append(unfinished)
            unfinished = ""
    return found or [text]


def bare(piece: str) -> str:
    """Without extension, remarks and separators: `0912345678`, `+886912345678`, or whatever else is left."""
    stripped = _REMARK.sub("", _EXTENSION.sub("", piece.strip())).strip()
    return _PLUS.sub("+", _SEPARATORS.sub("", stripped))


def is_masked(piece: str) -> bool:
    """Whether some of its digits are hidden."""
    return _MASK.search(_EXTENSION.sub("", piece)) is not None


def joined(text: str) -> str:
    """The field as one number that is written with commas or slashes: 912,345,678."""
    return _BREAK.sub("", text)


def other_forms(piece: str, compact: str) -> Iterator[str]:
    """What a piece may mean where it is no number as it stands (`compact`): 00, 011 and 002 lead abroad from most
    places, whatever leads abroad from the default region; and the 0 of +44 (0)20 is not dialled."""
    for prefix in ("00", "011", "002"):
        if compact.startswith(prefix):
            yield f"+{compact.removeprefix(prefix)}"
    if "(0)" in piece:
        yield bare(piece.replace("(0)", ""))
