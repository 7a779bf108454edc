"""Phone numbers: every way a customer table writes them, and every reason why a value is none (R3, R4)."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncer.domain.phone import Phone, PhoneProblem, from_wa_id, parse, read

TAIWANESE, SECOND, TAIPEI = "+886912345678", "+886922333444", "+886223456789"
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
        "'0912345678",
        '="0912345678"',
        '"0912-345-678"',
        "912345678.0",
        "0912345678.00",
        "912,345,678",
        "9.12345678E+08",
        "8.86912345678E+11",
        "011886912345678",
        "++886912345678",
        "+00886912345678",
        "0912-345-678轉5",
        "手機：0912-345-678",
        "0912-345-678（媽媽）",
        "0912345678 王先生",
        "0912/345/678",
        "0912345678/1",
        "\u202a+886 912 345 678\u202c",
        "https://wa.me/886912345678",
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
        ("+44 (0)7400 123456", "TW", "+447400123456", "GB"),
        ("+852 (0) 9123 4567", "TW", "+85291234567", "HK"),
        ("(0)7400 123456", "GB", "+447400123456", "GB"),
        ("416-555-0123", "CA", "+14165550123", "CA"),
        ("090ー1234ー5678", "JP", "+819012345678", "JP"),
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
        ("\x00", PhoneProblem.EMPTY),
        ('=""', PhoneProblem.EMPTY),
        ("-", PhoneProblem.NOT_A_NUMBER),
        ("無", PhoneProblem.NOT_A_NUMBER),
        ("test", PhoneProblem.NOT_A_NUMBER),
        ("wang@example.com", PhoneProblem.NOT_A_NUMBER),
        ("+999 123 456 789", PhoneProblem.NOT_A_NUMBER),
        ("#REF!", PhoneProblem.NOT_A_NUMBER),
        ("0912-345-67x", PhoneProblem.NOT_A_NUMBER),
        ("0974-xxx-xxx", PhoneProblem.MASKED),
        ("0912***678", PhoneProblem.MASKED),
        ("●●●●-345-678", PhoneProblem.MASKED),
        ("8.86912E+11", PhoneProblem.LOST_DIGITS),
        ("9.1234567e+08", PhoneProblem.LOST_DIGITS),
        ("+1-800-FLOWERS", PhoneProblem.NOT_A_NUMBER),
        ("119", PhoneProblem.TOO_SHORT),
        ("09123", PhoneProblem.TOO_SHORT),
        ("9" * 41, PhoneProblem.TOO_LONG),
        ("0" * 10_000, PhoneProblem.TOO_LONG),
        ("客戶說下午再打 0912-345-678 " * 8, PhoneProblem.NOT_A_NUMBER),
        ("0000000000", PhoneProblem.IMPOSSIBLE),
        ("1234567890", PhoneProblem.IMPOSSIBLE),
        ("0912-345-67", PhoneProblem.IMPOSSIBLE),
        ("09123456789", PhoneProblem.IMPOSSIBLE),
        ("02-2345-6789", PhoneProblem.NOT_MOBILE),
        ("(04) 2222-3333", PhoneProblem.NOT_MOBILE),
        ("+886 2 2345 6789", PhoneProblem.NOT_MOBILE),
        ("02-2345-6789 #123", PhoneProblem.NOT_MOBILE),
        ("(02)2345-6789轉12", PhoneProblem.NOT_MOBILE),
        ("02-2345-6789 分機12", PhoneProblem.NOT_MOBILE),
        ("02-2345-6789/90", PhoneProblem.NOT_MOBILE),
        ("0800-123-456", PhoneProblem.NOT_MOBILE),
        ("070-1012-3456", PhoneProblem.NOT_MOBILE),
    ],
)
def test_what_cannot_be_sent_to_comes_back_as_the_reason(raw: str | None, problem: PhoneProblem) -> None:
    assert parse(raw, "TW") is problem


def test_every_problem_of_a_single_number_can_occur() -> None:
    samples = (None, "無", "0912***678", "8.86912E+11", "119", "9" * 41, "0000000000", "02-2345-6789")
    assert {parse(sample, "TW") for sample in samples} == set(PhoneProblem) - {PhoneProblem.SHARED}


@pytest.mark.parametrize("raw", ["0990-000-000", "0999999999"])
def test_a_personal_number_is_no_mobile_on_the_fast_path_too(raw: str) -> None:
    assert parse(raw, "TW") is PhoneProblem.NOT_MOBILE


@pytest.mark.parametrize(
    ("raw", "first", "others"),
    [
        ("0912-345-678", TAIWANESE, ()),
        ("0912-345-678 / 02-2345-6789", TAIWANESE, (TAIPEI,)),
        ("02-2345-6789、0912-345-678", TAIWANESE, (TAIPEI,)),
        ("0912345678,0922333444", TAIWANESE, (SECOND,)),
        ("0912345678；0922333444", TAIWANESE, (SECOND,)),
        ("0912345678\r\n0922333444", TAIWANESE, (SECOND,)),
        ("0912345678 0922333444", TAIWANESE, (SECOND,)),
        ("0912 345 678 0922 333 444", TAIWANESE, (SECOND,)),
        ("0912345678或0922333444", TAIWANESE, (SECOND,)),
        ("0912345678 or 0922333444", TAIWANESE, (SECOND,)),
        ("公司 02-2345-6789 手機 0912-345-678", TAIWANESE, (TAIPEI,)),
        ("02-2345-6789 #12 / 0912-345-678 #5 / +886 922 333 444", TAIWANESE, (TAIPEI, SECOND)),
        ("無 / 0912-345-678", TAIWANESE, ()),
        ("0912-345-678, 0912345678", TAIWANESE, ()),
        ("０９１２－３４５－６７８／０２－２３４５－６７８９", TAIWANESE, (TAIPEI,)),
        ("02-2345-6789", PhoneProblem.NOT_MOBILE, (TAIPEI,)),
        ("02-2345-6789 / 無", PhoneProblem.NOT_MOBILE, (TAIPEI,)),
        ("0912***678 / 0922***444", PhoneProblem.MASKED, ()),
    ],
)
def test_of_several_numbers_the_first_that_can_receive_is_taken_and_the_others_kept(
    raw: str, first: str | PhoneProblem, others: tuple[str, ...]
) -> None:
    found = read(raw, "TW")
    assert (found.phone.e164 if isinstance(found.phone, Phone) else found.phone) == first
    assert found.others == others
    assert parse(raw, "TW") == found.phone


@given(
    st.text(alphabet=string.digits + "+-() ./,#x０１２ｅE\n", max_size=30),
    st.sampled_from(["TW", "US", "DE", "JP", "BR"]),
)
@example("0171234567.0", "DE")
@example("00447400123456", "TW")
@example("0912345678 0922333444", "TW")
def test_the_short_ways_through_a_value_lead_where_the_long_one_does(raw: str, region: str) -> None:
    assert parse(raw, region) == read(raw, region).phone


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
