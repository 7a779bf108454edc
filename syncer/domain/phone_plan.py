"""Numbering plans: what a bare row of digits is, exactly as `phonenumbers` would say it and some ten times as fast.

A customer table is millions of plain digits, and for those the library's general parser spends its time on spellings
that are not there. Each region's plan is compiled here, on its first use, from the library's own metadata; the rules
are those of `phonenumbers.parse`, `is_possible_number_with_reason`, `is_valid_number` and `number_type`. Where a number
needs more than digits and one plus sign, `resolve` gives None and the library is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from re import Match, Pattern
from typing import Final, NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneMetadata, PhoneNumberDesc


class Standing(IntEnum):
    """What a number is. `OTHER`: valid, and of a kind that holds no WhatsApp by itself: landline, freephone, pager."""

    MOBILE = 0
    OTHER = 1
    INVALID = 2
    TOO_SHORT = 3
    TOO_LONG = 4


class Resolved(NamedTuple):
    """`e164` and `region` are empty where the digits are too few or too many to make a number at all."""

    standing: Standing
    e164: str = ""
    region: str = ""


class _Fit(IntEnum):
    POSSIBLE = 0
    SHORT = 1
    LONG = 2
    ODD = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """How numbers are dialled in one region. `fits` judges a national number by its length."""

    code: str
    abroad: Pattern[str] | None
    trunk: Pattern[str] | None
    rule: str | None
    groups: int
    general: Pattern[str]
    fits: tuple[_Fit, ...]
    #: By length: matches valid numbers; the group `mobile` those that can receive.
    kinds: dict[int, Pattern[str]]
    leading: Pattern[str] | None

    def without_trunk(self, number: str) -> str:
        """The number without its national prefix, unless that would spoil a number which is right with it."""
        match = self.trunk.match(number) if self.trunk is not None else None
        if match is None or self.trunk is None:
            return number
        if self.rule is None or match[self.groups] is None:
            rest = number[match.end() :]
        else:
            rest = self.trunk.sub(self.rule, number, count=1)
        viable = self.general.fullmatch
        return rest if viable(rest) or not viable(number) else number

    def kind(self, number: str) -> Standing:
        """Mobile, other or invalid: a national significant number by itself."""
        known = self.kinds.get(len(number))
        match = known.fullmatch(number) if known is not None else None
        if match is None:
            return Standing.INVALID
        return Standing.OTHER if match["mobile"] is None else Standing.MOBILE


#: Limits of the library itself (`_MIN_LENGTH_FOR_NSN`, `_MAX_LENGTH_FOR_NSN`).
_SHORTEST, _LONGEST = 2, 17
#: Digits in a row that are worth a look here; fewer or more are the library's.
_FEWEST, _MOST = 3, 24
_SPECIAL = (*("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail"),)
_NOWHERE: Final = "001"
_MAIN: Final = {
    str(code): regions[0] for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if regions[0] != _NOWHERE
}


def resolve(digits: str, region: str) -> Resolved | None:
    """Digits, or a plus sign and digits; `region` is assumed where they name no country. None: ask the library."""
    if not _FEWEST < len(digits) < _MOST or region not in SUPPORTED_REGIONS:
        return None
    located = _locate(digits, plan(region))
    if located is None or isinstance(located, Standing):
        return None if located is None else Resolved(located)
    code, national = located
    fit = plan(_MAIN[code]).fits[len(national)]
    if fit is _Fit.SHORT or fit is _Fit.LONG:
        standing = Standing.TOO_SHORT if fit is _Fit.SHORT else Standing.TOO_LONG
        return Resolved(standing, f"+{code}{national}")
    where, standing = _judge(code, national)
    return Resolved(standing, f"+{code}{national}", where)


@cache
def dialled(region: str) -> tuple[Callable[[str], Match[str] | None], str]:
    """The commonest form by itself: valid numbers of `region`, as they are dialled at home or after its plus sign and
    country code. The last group is the national significant number, `mobile` or `other`; beside it plus sign and code.

    Only for the region that comes first under its country code, whose numbers need not be told from a neighbour's; one
    pattern then decides what `resolve` does in many steps. Elsewhere it matches nothing.
    """
    home = plan(region) if region in SUPPORTED_REGIONS else None
    if home is None or _MAIN[home.code] != region or home.leading:
        return re.compile("(?!)").fullmatch, ""
    data = _metadata(region)
    abroad = home.abroad.pattern if home.abroad is not None else "(?!)"
    start = rf"(?:\+{home.code}|(?!{home.code}|(?:{abroad})))"
    mobile, other = ("|".join(kind(data, length) for length in home.kinds) for kind in (_mobile, _other))
    return re.compile(rf"{start}{_trunk(home)}(?:(?P<mobile>{mobile})|(?P<other>{other}))").fullmatch, f"+{home.code}"


def _trunk(home: Plan) -> str:
    """The national prefix, taken as the library takes it: at the first match, and only where nothing is rewritten."""
    if home.trunk is None:
        return ""
    plain = rf"(?({home.groups})(?!))" if home.rule else ""
    return rf"(?:(?>{home.trunk.pattern}){plain}|(?!{home.trunk.pattern}))"


def _locate(digits: str, home: Plan) -> tuple[str, str] | Standing | None:
    """Country code and national significant number."""
    rest = _from_abroad(digits, home)
    if rest is not None:
        if len(rest) <= _SHORTEST:
            return Standing.TOO_SHORT
        code = next((rest[:length] for length in (1, 2, 3) if rest[:length] in _MAIN), None)
        return None if code is None else _national(code, rest[len(code) :], plan(_MAIN[code]))
    if digits.startswith(home.code):
        inner = home.without_trunk(digits[len(home.code) :])
        viable = home.general.fullmatch
        if (viable(inner) and not viable(digits)) or home.fits[len(digits)] is _Fit.LONG:
            return _national(home.code, inner, plan(_MAIN[home.code]))
    return _national(home.code, digits, home)


def _from_abroad(digits: str, home: Plan) -> str | None:
    """What follows a plus sign or the prefix for calls abroad; None for a call at home."""
    if digits[0] == "+":
        return digits[1:]
    match = home.abroad.match(digits) if home.abroad is not None else None
    # No country code begins with 0, so what does is a number at home.
    return None if match is None or digits[match.end() : match.end() + 1] == "0" else digits[match.end() :]


def _national(code: str, number: str, rules: Plan) -> tuple[str, str] | Standing:
    if len(number) < _SHORTEST:
        return Standing.TOO_SHORT
    stripped = rules.without_trunk(number)
    if rules.fits[len(stripped)] in (_Fit.POSSIBLE, _Fit.LONG):
        number = stripped
    return (code, number) if len(number) <= _LONGEST else Standing.TOO_LONG


def _judge(code: str, national: str) -> tuple[str, Standing]:
    """The region among those that share a country code, and the number's standing there."""
    members = _members(code)
    if len(members) == 1:
        region, rules = members[0]
        return region, rules.kind(national)
    for region, rules in members:
        if rules.leading is not None:
            if rules.leading.match(national):
                return region, rules.kind(national)
        elif (standing := rules.kind(national)) is not Standing.INVALID:
            return region, standing
    return "", Standing.INVALID


@cache
def _members(code: str) -> tuple[tuple[str, Plan], ...]:
    return tuple((region, plan(region)) for region in COUNTRY_CODE_TO_REGION_CODE[int(code)])


@cache
def plan(region: str) -> Plan:
    """The plan of one of the library's regions (ISO country)."""
    data = _metadata(region)
    trunk = re.compile(data.national_prefix_for_parsing) if data.national_prefix_for_parsing else None
    return Plan(
        code=str(data.country_code),
        abroad=re.compile(data.international_prefix) if data.international_prefix else None,
        trunk=trunk,
        rule=data.national_prefix_transform_rule or None,
        groups=trunk.groups if trunk else 0,
        general=re.compile(_general(data).national_number_pattern or "(?!)"),
        fits=tuple(_fit(length, _general(data)) for length in range(2 * _MOST)),
        kinds={length: _kinds(data, length) for length in _general(data).possible_length},
        leading=re.compile(data.leading_digits) if data.leading_digits else None,
    )


def _metadata(region: str) -> PhoneMetadata:
    data = PhoneMetadata.metadata_for_region(region)
    if data is None:
        raise KeyError(region)
    return data


def _general(data: PhoneMetadata) -> PhoneNumberDesc:
    if data.general_desc is None:
        raise KeyError(data.id)
    return data.general_desc


def _fit(length: int, general: PhoneNumberDesc) -> _Fit:
    possible: tuple[int, ...] = general.possible_length
    if length in general.possible_length_local_only:
        return _Fit.ODD
    if length < possible[0]:
        return _Fit.SHORT
    return _Fit.LONG if length > possible[-1] else _Fit.POSSIBLE if length in possible else _Fit.ODD


def _kinds(data: PhoneMetadata, length: int) -> Pattern[str]:
    """Of numbers of one length. A special kind goes before a mobile one, and that before a fixed line."""
    return re.compile(rf"(?P<mobile>{_mobile(data, length)})|(?P<other>{_other(data, length)})")


def _mobile(data: PhoneMetadata, length: int) -> str:
    """Where landlines and mobiles cannot be told apart, the library counts both as what can receive, and so do we."""
    kind = "fixed_line" if data.same_mobile_and_fixed_line_pattern else "mobile"
    special, general = _pattern(data, length, *_SPECIAL), _general(data).national_number_pattern
    return rf"(?=[0-9]{{{length}}}\Z)(?=(?:{general})\Z)(?!(?:{special})\Z)(?:{_pattern(data, length, kind)})"


def _other(data: PhoneMetadata, length: int) -> str:
    general = _general(data).national_number_pattern
    return rf"(?=[0-9]{{{length}}}\Z)(?=(?:{general})\Z)(?:{_pattern(data, length, *_SPECIAL, 'fixed_line')})"


def _pattern(data: PhoneMetadata, length: int, *kinds: str) -> str:
    known = (getattr(data, kind) for kind in kinds)
    fitting = (item for item in known if item is not None and item.national_number_pattern)
    texts = [i.national_number_pattern for i in fitting if not i.possible_length or length in i.possible_length]
    return "|".join(f"(?:{text})" for text in texts) or "(?!)"
