"""One number, several ways to write it: Brazil, Mexico, Argentina, Benin (X3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.contact import SourceRecord
from syncer.domain.phone import Phone, PhoneProblem, parse
from syncer.domain.phone_variants import canonical, variants
from syncer.policies import placement
from syncer.policies.placement import Neighbourhood, Resident

SAME = [
    ("Brazil, with and without the ninth digit", {"+5511987654321", "+551187654321"}),
    ("Brazil, another state", {"+5531996883193", "+553196883193"}),
    ("Mexico, with and without the 1", {"+5215541637145", "+525541637145"}),
    ("Buenos Aires", {"+5491123456789", "+541123456789", "+54111523456789"}),
    ("Argentina, an area code of three digits", {"+5492644472542", "+542644472542", "+54264154472542"}),
    ("Argentina, an area code of four digits", {"+5492966412345", "+542966412345", "+54296615412345"}),
    ("Benin, before and since November 2024", {"+22997123456", "+2290197123456"}),
]
ALONE = [
    ("Taiwan", "+886912345678"),
    ("a landline of São Paulo is a stranger to the mobile with a 9 in front", "+551132345678"),
    ("a mobile whose number without the 9 would be a landline", "+5511932345678"),
    ("Brazilian toll-free", "+5508001234567"),
    ("too short for Mexico", "+52554163714"),
    ("Ivory Coast shares its first digits with Benin", "+2250545123456"),
    ("Argentina, no such area", "+5490000000000"),
    ("nothing", ""),
    ("no number", "US.13491208655302741918"),
]


@pytest.mark.parametrize("forms", [forms for _, forms in SAME], ids=[what for what, _ in SAME])
def test_each_form_knows_all_the_others_and_comes_first_itself(forms: set[str]) -> None:
    for form in forms:
        assert variants(form)[0] == form
        assert set(variants(form)) == forms
        assert len(variants(form)) == len(forms)
    assert len({canonical(form) for form in forms}) == 1


@pytest.mark.parametrize("number", [number for _, number in ALONE], ids=[what for what, _ in ALONE])
def test_every_other_number_has_one_form(number: str) -> None:
    assert variants(number) == (number,)
    assert canonical(number) == number


@given(st.one_of(st.text(), st.from_regex(r"\+(?:5[245]|22)[0-9]{0,14}", fullmatch=True)))
def test_forms_agree_with_each_other_whatever_the_text(text: str) -> None:
    forms = variants(text)
    assert forms[0] == text
    assert all(set(variants(form)) == set(forms) for form in forms)


@pytest.mark.parametrize(
    ("raw", "region", "e164"),
    [
        ("11 8765-4321", "BR", "+551187654321"),
        ("(11) 98765-4321", "BR", "+5511987654321"),
        ("+52 1 55 4163 7145", "TW", "+5215541637145"),
        ("11 2345-6789", "AR", "+541123456789"),
        ("0264 15-447-2542", "AR", "+5492644472542"),
        ("+229 97 12 34 56", "TW", "+22997123456"),
    ],
)
def test_a_number_in_an_older_form_is_a_number_and_stays_as_it_is_written(raw: str, region: str, e164: str) -> None:
    found = parse(raw, region)
    assert isinstance(found, Phone)
    assert found.e164 == e164


def test_a_landline_is_no_mobile_for_that() -> None:
    assert parse("11 3234-5678", "BR") is PhoneProblem.NOT_MOBILE


# Whose row: `policies.placement`

LONG, SHORT = "+5511987654321", "+551187654321"


def row(crm_id: str, phone: str | None, name: str = "Ana") -> SourceRecord:
    return SourceRecord("sql", crm_id, name.encode(), {"full_name": name}, phone, None)


def settled(record: SourceRecord, near: Neighbourhood) -> int | None:
    return placement.settle({placement.key_of(record): record}, near).homes.get(placement.key_of(record))


def test_a_row_finds_the_person_who_is_known_by_the_other_form() -> None:
    assert settled(row("1", LONG), Neighbourhood({}, {SHORT: 7})) == 7


def test_the_exact_form_wins_over_the_other() -> None:
    assert settled(row("1", LONG), Neighbourhood({}, {SHORT: 7, LONG: 8})) == 8


def test_of_two_other_forms_neither_is_guessed() -> None:
    mine, one, other = "+54111523456789", "+5491123456789", "+541123456789"
    assert settled(row("1", mine), Neighbourhood({}, {one: 7, other: 8})) is None


def test_new_rows_in_two_forms_are_one_person() -> None:
    rows = {placement.key_of(record): record for record in (row("1", LONG), row("2", SHORT))}
    assert placement.settle(rows, Neighbourhood({}, {})).needs == [(LONG, [("sql", "1"), ("sql", "2")])]


@pytest.mark.parametrize("holders", [{}, {LONG: 9}], ids=["nobody has it", "somebody else has it now"])
def test_a_row_whose_number_its_person_gave_up_stays_with_the_person(holders: dict[str, int]) -> None:
    before = Resident(7, row("1", LONG))
    assert settled(row("1", LONG, "Ana Maria"), Neighbourhood({("sql", "1"): before}, holders)) == 7
