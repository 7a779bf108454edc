"""Phone numbers: any way a customer table writes them, turned into E.164 or into a reason why not (R3, R4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from syncer.domain import phone_writing as writing
from syncer.domain.phone_plan import Standing, dialled, resolve
from syncer.domain.phone_variants import variants


class PhoneProblem(StrEnum):
    """Why a value is not a number we could ever send to. `SHARED` is no verdict of `parse`: more rows carry the number
    than one person could have, a switchboard's for instance. These words are stored in databases."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    #: Some digits are hidden: 0912-***-678. Ask for the table without its masks.
    MASKED = "masked"
    #: A spreadsheet has rounded the number: 8.86912E+11. Ask for the table anew, its column formatted as text.
    LOST_DIGITS = "lost_digits"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    IMPOSSIBLE = "impossible"
    #: Valid, but a landline, a freephone number, a pager ...
    NOT_MOBILE = "not_mobile"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Phone:
    """A valid number that can receive. `e164` is `+` and up to 15 digits; `region` the ISO country it belongs to."""

    e164: str
    region: str


class Reading(NamedTuple):
    """What one field says: the first number that can receive, or why there is none; and the E.164 of every other valid
    number in the field, landlines too, each once and in order."""

    phone: Phone | PhoneProblem
    others: tuple[str, ...] = ()


class _Number(NamedTuple):
    problem: PhoneProblem | None
    e164: str = ""
    region: str = ""

    @property
    def is_valid(self) -> bool:
        return self.problem is None or self.problem is PhoneProblem.NOT_MOBILE


#: Gone or made plain in one pass: the separators of nearly all numbers, and full-width signs. A line break, a slash or
#: a comma may part two numbers.
_SIMPLE: Final = str.maketrans("０１２３４５６７８９＋", "0123456789+", " -.()\u3000－–（）")
_PLAIN_EXTENSION = re.compile(r"(?:#|ext)[0-9]{1,7}\Z")
_DIGITS = re.compile(r"\+?[0-9]+")
#: A spreadsheet's decimals: 912345678.0, 912345678.00.
_DECIMALS = (".0", ".00")
#: Signs that what is no number as it stands may be one after all: 00886..., +44 (0)20..., two numbers with a space.
_SECOND_LOOK = re.compile(r"\(0\)|^[^0-9]*0(?:0|11)|[0-9)] +[0-9+(]")
#: A letter after a digit: the library reads letters as a keypad does and would turn a word into a stranger's number.
_LETTER_INSIDE = re.compile(r"\d.*[^\W\d_]", re.DOTALL)
_CAN_RECEIVE = {
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.UNKNOWN,
}
_PARSE_PROBLEMS = {
    NumberParseException.TOO_LONG: PhoneProblem.TOO_LONG,
    NumberParseException.TOO_SHORT_NSN: PhoneProblem.TOO_SHORT,
    NumberParseException.TOO_SHORT_AFTER_IDD: PhoneProblem.TOO_SHORT,
}
_PROBLEMS: Final = {
    Standing.MOBILE: None,
    Standing.OTHER: PhoneProblem.NOT_MOBILE,
    Standing.INVALID: PhoneProblem.IMPOSSIBLE,
    Standing.TOO_SHORT: PhoneProblem.TOO_SHORT,
    Standing.TOO_LONG: PhoneProblem.TOO_LONG,
}
#: Three numbers with their names and extensions; what is longer is a story.
_LONGEST_RAW = 120


def parse(raw: str | None, region: str) -> Phone | PhoneProblem:
    """Read one field; `region` (ISO country) is assumed where the value names no country. Of several numbers in it the
    first that can receive.

    Never raises: whatever cannot be sent to comes back as the reason, so that a report can count it.
    """
    if raw is None:
        return PhoneProblem.EMPTY
    compact = raw.translate(_SIMPLE)
    whole, code = dialled(region)
    match = whole(compact) or whole(_PLAIN_EXTENSION.sub("", compact))
    if match is not None and not raw.endswith(_DECIMALS):
        if match.lastgroup == "mobile":
            return Phone(code + match["mobile"], region)
        if len(variants(code + match["other"])) == 1:
            return PhoneProblem.NOT_MOBILE
    number = _at_sight(raw, compact, region)
    if number is None:
        return _read(raw, region).phone
    return number.problem or Phone(number.e164, number.region)


def read(raw: str | None, region: str) -> Reading:
    """All that one field says; `parse` gives its first part, faster."""
    if raw is None:
        return Reading(PhoneProblem.EMPTY)
    number = _at_sight(raw, raw.translate(_SIMPLE), region)
    return _read(raw, region) if number is None else _reading([number])


def from_wa_id(wa_id: str) -> str:
    """A WhatsApp id (digits with country code, no plus) as E.164. Never re-validated: the platform vouches for it."""
    return wa_id if wa_id.startswith("+") else f"+{wa_id}"


def _at_sight(raw: str, compact: str, region: str) -> _Number | None:
    """A single number of which nothing but digits is left once its separators are gone. None: look closer."""
    if not _DIGITS.fullmatch(compact) or raw.endswith(_DECIMALS):
        return None
    number = _look(compact, region)
    return number if number.is_valid or not _SECOND_LOOK.search(raw) else None


@lru_cache(maxsize=65536)
def _read(raw: str, region: str) -> Reading:
    if len(raw) > _LONGEST_RAW:
        words = any(map(str.isalpha, raw[:_LONGEST_RAW]))
        return Reading(PhoneProblem.NOT_A_NUMBER if words else PhoneProblem.TOO_LONG)
    text = writing.plain(raw)
    if not text:
        return Reading(PhoneProblem.EMPTY)
    digits = writing.scientific(text)
    if digits == "":
        return Reading(PhoneProblem.LOST_DIGITS)
    return _reading(_numbers(digits or text, region))


def _reading(numbers: list[_Number]) -> Reading:
    chosen = next((number for number in numbers if number.problem is None), None)
    valid = dict.fromkeys(number.e164 for number in numbers if number.is_valid)
    if chosen is None:
        return Reading(PhoneProblem.NOT_MOBILE if valid else numbers[0].problem or PhoneProblem.IMPOSSIBLE, (*valid,))
    del valid[chosen.e164]
    return Reading(Phone(chosen.e164, chosen.region), (*valid,))


def _numbers(text: str, region: str) -> list[_Number]:
    """The numbers of a field, at least one. Where the parts are none, they may be one number that is written oddly
    (0911/123456), or several with nothing but spaces between."""
    pieces = writing.pieces(text)
    numbers = [_number(piece, region) for piece in pieces]
    if any(number.is_valid for number in numbers):
        return numbers
    joined = writing.joined(text)
    if joined != text and (whole := _number(joined, region)).is_valid:
        return [whole]
    return _run_together(text.split(), region) or numbers


def _run_together(words: list[str], region: str) -> list[_Number]:
    """Several numbers parted by spaces, if all words belong to valid ones."""
    found, unfinished = [], ""
    for word in words if sum(map(len, words)) >= 2 * writing.A_NUMBER else ():
        unfinished += word
        number = _number(unfinished, region)
        if number.is_valid:
            found.append(number)
            unfinished = ""
    return [] if unfinished else found


def _number(piece: str, region: str) -> _Number:
    """One number as it is written."""
    if writing.is_masked(piece):
        return _Number(PhoneProblem.MASKED if writing.has_digits(piece) else PhoneProblem.NOT_A_NUMBER)
    compact = writing.bare(piece)
    if not writing.has_digits(compact) or _LETTER_INSIDE.search(compact):
        return _Number(PhoneProblem.NOT_A_NUMBER)
    tried = [_look(compact, region)]
    for form in writing.other_forms(piece, compact):
        if tried[-1].is_valid:
            break
        tried.append(_look(form, region))
    return tried[-1] if tried[-1].is_valid else tried[0]


def _look(compact: str, region: str) -> _Number:
    resolved = resolve(compact, region) if _DIGITS.fullmatch(compact) else None
    if resolved is None:
        return _by_library(compact, region)
    problem = _PROBLEMS[resolved.standing]
    if problem is None:
        return _Number(None, resolved.e164, resolved.region)
    return _in_another_form(resolved.e164) or _Number(problem, resolved.e164)


def _by_library(compact: str, region: str) -> _Number:
    try:
        number = phonenumbers.parse(compact, region)
    except NumberParseException as error:
        return _Number(_PARSE_PROBLEMS.get(error.error_type, PhoneProblem.NOT_A_NUMBER))
    problem = _problem(number)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if problem is None:
        return _Number(None, e164, phonenumbers.region_code_for_number(number) or "")
    return _in_another_form(e164) or _Number(problem, e164)


def _problem(number: phonenumbers.PhoneNumber) -> PhoneProblem | None:
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible == phonenumbers.ValidationResult.TOO_SHORT:
        return PhoneProblem.TOO_SHORT
    if possible == phonenumbers.ValidationResult.TOO_LONG:
        return PhoneProblem.TOO_LONG
    if not phonenumbers.is_valid_number(number):
        return PhoneProblem.IMPOSSIBLE
    return None if phonenumbers.number_type(number) in _CAN_RECEIVE else PhoneProblem.NOT_MOBILE


def _in_another_form(e164: str) -> _Number | None:
    """A number that is wrong today and right in the form of yesterday or tomorrow: it stays as it is written, since the
    platform may know its owner by just that (Brazil without the 9, Mexico with the 1)."""
    for form in variants(e164)[1:]:
        number = phonenumbers.parse(form)
        if _problem(number) is None:
            return _Number(None, e164, phonenumbers.region_code_for_number(number) or "")
    return None
