"""Numbering plans: for bare digits they say what the library says, region by region and kind by kind."""

from __future__ import annotations

from functools import cache

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import (
    NumberParseException,
    PhoneMetadata,
    PhoneNumberDesc,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
)

from syncer.domain import phone_plan
from syncer.domain.phone_plan import Standing, dialled, plan, resolve

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
FAST = [region for region in REGIONS if dialled(region)[1]]
KINDS = range(11)
RECEIVING = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}
TOO_SHORT = {NumberParseException.TOO_SHORT_NSN, NumberParseException.TOO_SHORT_AFTER_IDD}


def by_library(digits: str, region: str) -> tuple[Standing, str, str] | None:
    """The library's own answer, asked the long way; None where it finds no number at all."""
    try:
        number = phonenumbers.parse(digits, region)
    except NumberParseException as error:
        if error.error_type == NumberParseException.TOO_LONG:
            return Standing.TOO_LONG, "", ""
        return (Standing.TOO_SHORT, "", "") if error.error_type in TOO_SHORT else None
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible in (ValidationResult.TOO_SHORT, ValidationResult.TOO_LONG):
        standing = Standing.TOO_SHORT if possible == ValidationResult.TOO_SHORT else Standing.TOO_LONG
        return standing, e164, ""
    if not phonenumbers.is_valid_number(number):
        return Standing.INVALID, e164, ""
    receives = phonenumbers.number_type(number) in RECEIVING
    where = phonenumbers.region_code_for_number(number) or ""
    return Standing.MOBILE if receives else Standing.OTHER, e164, where


def agrees(digits: str, region: str) -> None:
    found = resolve(digits, region)
    if found is not None:
        # Of an invalid number nobody asks the region.
        where = "" if found.standing is Standing.INVALID else found.region
        assert (found.standing, found.e164, where) == by_library(digits, region), (digits, region)
    match, code = dialled(region)[0](digits), dialled(region)[1]
    if match is not None and match.lastgroup is not None:
        standing = Standing.MOBILE if match.lastgroup == "mobile" else Standing.OTHER
        assert (standing, code + match[match.lastgroup], region) == by_library(digits, region), (digits, region)


@cache
def examples(region: str) -> list[str]:
    """National numbers, one of each kind that the region has."""
    found = (phonenumbers.example_number_for_type(region, kind) for kind in KINDS)
    return [phonenumbers.national_significant_number(number) for number in found if number is not None]


def spellings(national: str, region: str) -> list[str]:
    trunk, code = PhoneMetadata.metadata_for_region(region).national_prefix or "", plan(region).code
    starts = {
        "",
        trunk,
        "0",
        code,
        f"+{code}",
        f"+{code}{trunk}",
        f"{code}{trunk}",
        f"00{code}",
        f"011{code}",
        f"+00{code}",
    }
    return [start + national for start in sorted(starts)]


@pytest.mark.parametrize("region", REGIONS)
def test_every_kind_of_every_region_is_what_the_library_says_however_it_is_dialled(region: str) -> None:
    for national in examples(region):
        for written in spellings(national, region):
            for home in (region, "TW", "US"):
                agrees(written, home)


def test_nearly_every_region_has_the_fast_way() -> None:
    assert len(FAST) > 190
    assert {"TW", "HK", "SG", "MY", "JP", "US", "GB", "CN", "IN", "KR", "AU", "DE", "FR", "BR", "MX"} <= set(FAST)


@pytest.mark.parametrize("region", ["TW", "HK", "SG", "MY", "JP", "US", "GB", "CN", "IN", "DE", "BR"])
def test_a_mobile_at_home_goes_the_fast_way(region: str) -> None:
    national = phonenumbers.national_significant_number(
        phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    )
    match, code = dialled(region)[0](national), dialled(region)[1]
    assert match is not None
    assert code + match["mobile"] == f"+{plan(region).code}{national}"


@settings(max_examples=400)
@given(st.text("0123456789", min_size=1, max_size=20), st.sampled_from(REGIONS), st.sampled_from(["", "+", "00", "0"]))
def test_any_digits_are_what_the_library_says(digits: str, region: str, start: str) -> None:
    agrees(start + digits, region)


@settings(max_examples=800)
@given(st.data())
def test_a_number_with_some_digits_changed_is_what_the_library_says(data: st.DataObject) -> None:
    region = data.draw(st.sampled_from(REGIONS))
    national = list(data.draw(st.sampled_from(examples(region) or ["912345678"])))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(national) - 1))
        national[place] = data.draw(st.sampled_from(["", *"0123456789", "00", "19"]))
    written = data.draw(st.sampled_from(spellings("".join(national), region)))
    agrees(written, data.draw(st.sampled_from([region, region, "TW", "CA", "GB", "IT", "JP"])))


@pytest.mark.parametrize("region", ["", "ZZ", "tw", "001"])
def test_a_region_that_is_none_is_left_to_the_library(region: str) -> None:
    assert resolve("0912345678", region) is None
    assert dialled(region)[0]("0912345678") is None


def test_a_special_number_among_the_mobiles_is_none() -> None:
    """No region has one today; the library would look for the special kind first."""
    nine, dear = PhoneNumberDesc("9[0-9]{8}", possible_length=(9,)), PhoneNumberDesc("99[0-9]{7}", possible_length=(9,))
    data = PhoneMetadata("ZZ", general_desc=nine, mobile=nine, premium_rate=dear, register=False)
    kinds = phone_plan._kinds(data, 9)
    assert [match.lastgroup for number in ("912345678", "992345678") if (match := kinds.fullmatch(number))] == [
        "mobile",
        "other",
    ]
