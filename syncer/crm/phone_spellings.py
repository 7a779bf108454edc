"""The usual ways of writing one number, for CRMs that find a value only as it was typed."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from syncer.domain.phone_variants import variants

_NOT_DIGITS = re.compile(r"\D+")


def spellings(e164: str) -> tuple[str, ...]:
    """`+886912345678` -> itself, 0912345678, 0912 345 678, 0912-345-678, (0912) 345 678, +886 912 345 678,
    886912345678, 912345678 ... of every form of the number (`phone_variants`); each once, the number itself first."""
    return tuple(dict.fromkeys(way for form in variants(e164) for way in _ways(form)))


def _ways(e164: str) -> list[str]:
    try:
        number = phonenumbers.parse(e164)
    except NumberParseException:
        return [e164]
    home = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    abroad = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    digits = e164.removeprefix("+")
    return [
        e164,
        _NOT_DIGITS.sub("", home),
        *_parted(home),
        *_parted(abroad),
        digits,
        f"00{digits}",
        phonenumbers.national_significant_number(number),
    ]


def _parted(written: str) -> list[str]:
    """The groups of digits with spaces or dashes between them, and at home the first one in brackets."""
    plus = "+" if written.startswith("+") else ""
    groups = _NOT_DIGITS.split(written.strip("+() "))
    found = [written, *(f"{plus}{mark.join(groups)}" for mark in (" ", "-"))]
    if plus or len(groups) < 2:
        return found
    rest = groups[1:]
    return [*found, *(f"({groups[0]}){gap}{mark.join(rest)}" for gap in (" ", "") for mark in (" ", "-", ""))]
