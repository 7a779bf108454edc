"""Phone numbers: any way a customer table writes them, turned into E.164 or into a reason why not (R3, R4)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from syncer.domain.phone_variants import variants


class PhoneProblem(StrEnum):
    """Why a value is not a number we could ever send to. `SHARED` is no verdict of `parse`: more rows carry the number
    than one person could have, a switchboard's for instance."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    IMPOSSIBLE = "impossible"
    NOT_MOBILE = "not_mobile"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Phone:
    """A valid number. `e164` is `+` and up to 15 digits; `region` the ISO country it belongs to."""

    e164: str
    region: str


#: What people put between digits: spaces, dashes, dots, brackets, slashes.
_SEPARATORS = re.compile(r"[\s\-‐-―.()/]+")
#: The one form that makes up most of a Taiwanese table, recognised without the parser (4.7 M/s against 37 k/s).
#: Ranges as
#: in the library's own metadata for TW, where 99x are personal numbers, which forward calls but hold no WhatsApp.
_TAIWAN_MOBILE = re.compile(r"(?:\+?886|00886|002886)?0?(9[0-8][0-9]{7})")
#: A letter after a digit: the library reads letters as a keypad does and would turn a masked 0974-xxx-xxx into a
#: stranger's number.
_LETTER_INSIDE = re.compile(r"\d.*[^\W\d_]")
_EXTENSION = re.compile(r"(?:;?ext=?|x|#)\d{1,7}$", re.IGNORECASE)
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
_LONGEST_RAW = 40


def parse(raw: str | None, region: str) -> Phone | PhoneProblem:
    """Read one number; `region` (ISO country) is assumed where the value names no country.

    Never raises: whatever cannot be sent to comes back as the reason, so that a report can count it.
    """
    if raw is None or not raw.strip():
        return PhoneProblem.EMPTY
    if len(raw) > _LONGEST_RAW:
        return PhoneProblem.TOO_LONG
    return _parse(raw, region)


@lru_cache(maxsize=65536)
def _parse(raw: str, region: str) -> Phone | PhoneProblem:
    compact = _SEPARATORS.sub("", raw if raw.isascii() else _with_our_digits(raw))
    if region == "TW" and (taiwanese := _TAIWAN_MOBILE.fullmatch(compact)):
        return Phone(f"+886{taiwanese[1]}", "TW")
    if _LETTER_INSIDE.search(_EXTENSION.sub("", compact)):
        return PhoneProblem.NOT_A_NUMBER
    try:
        number = phonenumbers.parse(compact, region)
    except NumberParseException as error:
        return _PARSE_PROBLEMS.get(error.error_type, PhoneProblem.NOT_A_NUMBER)
    return _judge(number)


def _with_our_digits(raw: str) -> str:
    """Full-width, Arabic, Devanagari ... digits as 0 to 9."""
    return "".join(str(unicodedata.decimal(sign, sign)) for sign in unicodedata.normalize("NFKC", raw))


def _judge(number: phonenumbers.PhoneNumber) -> Phone | PhoneProblem:
    problem = _problem(number)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if problem is None:
        return Phone(e164, phonenumbers.region_code_for_number(number) or "")
    return _in_another_form(e164) or problem


def _problem(number: phonenumbers.PhoneNumber) -> PhoneProblem | None:
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible == phonenumbers.ValidationResult.TOO_SHORT:
        return PhoneProblem.TOO_SHORT
    if possible == phonenumbers.ValidationResult.TOO_LONG:
        return PhoneProblem.TOO_LONG
    if not phonenumbers.is_valid_number(number):
        return PhoneProblem.IMPOSSIBLE
    return None if phonenumbers.number_type(number) in _CAN_RECEIVE else PhoneProblem.NOT_MOBILE


def _in_another_form(e164: str) -> Phone | None:
    """A number that is wrong today and right in the form of yesterday or tomorrow: it stays as it is written, since the
    platform may know its owner by just that (Brazil without the 9, Mexico with the 1)."""
    for form in variants(e164)[1:]:
        number = phonenumbers.parse(form)
        if _problem(number) is None:
            return Phone(e164, phonenumbers.region_code_for_number(number) or "")
    return None


def from_wa_id(wa_id: str) -> str:
    """A WhatsApp id (digits with country code, no plus) as E.164. Never re-validated: the platform vouches for it."""
    return wa_id if wa_id.startswith("+") else f"+{wa_id}"
