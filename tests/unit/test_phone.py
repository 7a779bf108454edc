"""Phone numbers: every way a customer table writes them, and every reason why a value is none (R3, R4)."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.phone import Phone, PhoneProblem, from_wa_id, parse

TAIWANESE = "+886912345678"
E164 = re.compile(r"\+[1-9][0-9]{6,14}")


@pytest.mark.parametrize(
    "raw",
    [
        "0912345678",
        "0912-345-678",
        "0912 345 678",
        "0912.345.678",
        "(0912) 345 678",
        "(0912)345-678",
        "0912–345–678",
        "0912\u3000345\u3000678",
        "  0912345678\t",
        "０９１２３４５６７８",
        "０９１２－３４５－６７８",
        "912345678",
        "912-345-678",
        "886912345678",
        "886-912-345-678",
        "8860912345678",
        "+886912345678",
        "+886 912 345 678",
        "+886-912-345-678",
        "+886 0912 345 678",
        "+886 (0) 912-345-678",
        "＋８８６９１２３４５６７８",
        "00886912345678",
        "002886912345678",
        "0912-345-678 ext. 12",
        "0912-345-678 #12",
        "0912345678;ext=5",
        "tel:0912345678",
        "٠٩١٢٣٤٥٦٧٨",
        "9١٢٣٤٥٦٧٨",
    ],
)
def test_a_taiwanese_mobile_is_one_number_however_it_is_written(raw: str) -> None:
    assert parse(raw, "TW") == Phone(TAIWANESE, "TW")


@pytest.mark.parametrize(
    ("raw", "region", "e164", "country"),
    [
        ("+852 9123 4567", "TW", "+85291234567", "HK"),
        ("+81 90-1234-5678", "TW", "+819012345678", "JP"),
        ("+1 (415) 555-2671", "TW", "+14155552671", "US"),
        ("+86 138 1234 5678", "TW", "+8613812345678", "CN"),
        ("0081 90 1234 5678", "GB", "+819012345678", "JP"),
        ("9123 4567", "HK", "+85291234567", "HK"),
        ("090-1234-5678", "JP", "+819012345678", "JP"),
        ("(415) 555-2671", "US", "+14155552671", "US"),
        ("+886 912 345 678", "US", TAIWANESE, "TW"),
    ],
)
def test_a_number_belongs_to_the_country_it_names_and_else_to_the_default_region(
    raw: str, region: str, e164: str, country: str
) -> None:
    assert parse(raw, region) == Phone(e164, country)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (None, PhoneProblem.EMPTY),
        ("", PhoneProblem.EMPTY),
        (" \t\u3000", PhoneProblem.EMPTY),
        ("-", PhoneProblem.NOT_A_NUMBER),
        ("無", PhoneProblem.NOT_A_NUMBER),
        ("test", PhoneProblem.NOT_A_NUMBER),
        ("\x00", PhoneProblem.NOT_A_NUMBER),
        ("wang@example.com", PhoneProblem.NOT_A_NUMBER),
        ("+999 123 456 789", PhoneProblem.NOT_A_NUMBER),
        ("0974-xxx-xxx", PhoneProblem.NOT_A_NUMBER),
        ("+1-800-FLOWERS", PhoneProblem.NOT_A_NUMBER),
        ("119", PhoneProblem.TOO_SHORT),
        ("09123", PhoneProblem.TOO_SHORT),
        ("0912-345-678 / 0922-333-444", PhoneProblem.TOO_LONG),
        ("9" * 41, PhoneProblem.TOO_LONG),
        ("0" * 10_000, PhoneProblem.TOO_LONG),
        ("0000000000", PhoneProblem.IMPOSSIBLE),
        ("1234567890", PhoneProblem.IMPOSSIBLE),
        ("0912-345-67", PhoneProblem.IMPOSSIBLE),
        ("09123456789", PhoneProblem.IMPOSSIBLE),
        ("02-2345-6789", PhoneProblem.NOT_MOBILE),
        ("(04) 2222-3333", PhoneProblem.NOT_MOBILE),
        ("+886 2 2345 6789", PhoneProblem.NOT_MOBILE),
        ("0800-123-456", PhoneProblem.NOT_MOBILE),
        ("070-1012-3456", PhoneProblem.NOT_MOBILE),
    ],
)
def test_what_cannot_be_sent_to_comes_back_as_the_reason(raw: str | None, problem: PhoneProblem) -> None:
    assert parse(raw, "TW") is problem


def test_every_problem_of_a_single_number_can_occur() -> None:
    samples = (None, "無", "119", "9" * 41, "0000000000", "02-2345-6789")
    assert {parse(sample, "TW") for sample in samples} == set(PhoneProblem) - {PhoneProblem.SHARED}


@pytest.mark.parametrize("raw", ["0990-000-000", "0999999999"])
def test_a_personal_number_is_no_mobile_on_the_fast_path_too(raw: str) -> None:
    assert parse(raw, "TW") is PhoneProblem.NOT_MOBILE


@given(st.text(max_size=60), st.sampled_from(["TW", "US", "HK", "ZZ", ""]))
def test_no_text_makes_it_raise_and_every_number_is_plain_e164(raw: str, region: str) -> None:
    found = parse(raw, region)
    assert isinstance(found, PhoneProblem) or E164.fullmatch(found.e164)


@given(st.text(alphabet=string.digits + "+-() ０１２٠٩١", max_size=18))
def test_a_parsed_number_parses_to_itself(raw: str) -> None:
    found = parse(raw, "TW")
    if isinstance(found, Phone):
        assert parse(found.e164, "TW") == found


def test_a_whatsapp_id_is_the_number_without_its_plus() -> None:
    assert from_wa_id("886912345678") == TAIWANESE
    assert from_wa_id(TAIWANESE) == TAIWANESE
