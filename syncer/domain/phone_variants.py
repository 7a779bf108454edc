"""Phone variants: the ways in which one number is written in countries that have changed their numbering (X3).

WhatsApp goes on calling people by the number they once registered with, so a customer's table and the platform may name
one person differently. Each form is looked up; none is ever put in the place of another.

Sources: the platform's own answers (`contacts[].wa_id` differs from `input` in Brazil and Mexico, page "send
messages"), and the ranges of libphonenumber's metadata for BR, MX, AR and BJ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

#: Mobiles got a 9 in front between 2012 and 2016. Before it they began with 6 to 9; what begins with 2 to 5 without the
#: 9 is a landline, and a stranger.
_BRAZIL = re.compile(r"\+55([1-9]{2})(9?)([6-9][0-9]{7})")
#: Until 2019 a mobile was called from abroad with a 1 in front.
_MEXICO = re.compile(r"\+52(1?)([2-9][0-9]{9})")
#: Since November 2024 every number has a 01 in front.
_BENIN = re.compile(r"\+229(01)?([24-69][0-9]{7})")
#: A mobile has a 9 in front where it is called from abroad, and a 15 behind its area code where it is called at home.
_ARGENTINA = re.compile(r"\+54[1-9][0-9]{9,11}")


def variants(e164: str) -> tuple[str, ...]:
    """Every form of a number, the one given first. Nearly everywhere there is only that one.

    `+5511987654321` -> `+5511987654321`, `+551187654321`; total for any text, valid number or not.
    """
    forms = _COUNTRIES.get(e164[:3])
    return (e164,) if forms is None else forms(e164)


def canonical(e164: str) -> str:
    """One and the same text for all forms of a number: a key to group by, not necessarily a number to write to."""
    return e164 if e164[:3] not in _COUNTRIES else min(variants(e164))


def _brazil(e164: str) -> Iterator[str]:
    if match := _BRAZIL.fullmatch(e164):
        area, _, rest = match.groups()
        yield from (f"+55{area}9{rest}", f"+55{area}{rest}")


def _mexico(e164: str) -> Iterator[str]:
    if match := _MEXICO.fullmatch(e164):
        yield from (f"+52{match[2]}", f"+521{match[2]}")


def _benin(e164: str) -> Iterator[str]:
    if match := _BENIN.fullmatch(e164):
        yield from (f"+22901{match[2]}", f"+229{match[2]}")


def _argentina(e164: str) -> Iterator[str]:
    """The library knows where an area code ends, which is two to four digits; without it the 15 could be anywhere."""
    number = _argentine_mobile(e164) if _ARGENTINA.fullmatch(e164) else None
    if number is None:
        return
    plain = phonenumbers.national_significant_number(number)[1:]
    at_home = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    yield from (f"+549{plain}", f"+54{plain}")
    if match := re.match(r"0([0-9]{2,4}) 15-", at_home):
        area = match[1]
        yield f"+54{area}15{plain.removeprefix(area)}"


def _argentine_mobile(e164: str) -> phonenumbers.PhoneNumber | None:
    """The mobile that is meant: as written, or with the 9 that was left out."""
    for written in (e164, f"+549{e164[3:]}"):
        try:
            number = phonenumbers.parse(written)
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) == PhoneNumberType.MOBILE:
            return number
    return None


def _cached(forms: Callable[[str], Iterator[str]]) -> Callable[[str], tuple[str, ...]]:
    return lru_cache(maxsize=16384)(lambda e164: tuple(dict.fromkeys((e164, *forms(e164)))))


#: By the first three signs, so that numbers of other countries cost one look. `+22` is Benin among others.
_COUNTRIES: Final = {
    "+55": _cached(_brazil),
    "+52": _cached(_mexico),
    "+54": _cached(_argentina),
    "+22": _cached(_benin),
}
