"""Near-matches: what is worth asking a person about, case by case."""

from __future__ import annotations

import pytest

from syncer.policies.suggestions import SIMPLIFIED, TRADITIONAL, Profile, compare, name_key, slip_of

A = "+886912345678"


def pair(one: dict[str, str], other: dict[str, str]) -> tuple[Profile, Profile]:
    return Profile(1, **{"full_name": "王小明", **one}), Profile(2, **{"full_name": "王小明", **other})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("王小明", "王 小明"),
        ("王小明", "王小明先生"),
        ("張偉", "张伟"),
        ("ＷＡＮＧ Ming", "wang ming"),
        ("Wang Ming", "MING, Wang"),
        ("Mr. Ming Wang", "Wang Ming"),
        ("José Silva", "JOSÉ  SILVA"),
    ],
)
def test_one_name_in_two_writings_is_one_name(one: str, other: str) -> None:
    assert name_key(one) == name_key(other) != ""


@pytest.mark.parametrize(("one", "other"), [("王小明", "王大明"), ("王小明", "明小王"), ("Wang Ming", "Wang Mei")])
def test_two_names_are_two(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


def test_every_simplified_character_has_its_traditional_one() -> None:
    assert len(SIMPLIFIED) == len(TRADITIONAL) == len(set(SIMPLIFIED))
    assert not set(SIMPLIFIED) & set(TRADITIONAL)


@pytest.mark.parametrize(
    ("other", "slip"),
    [
        ("+886912345679", "one digit of the number"),
        ("+886912345687", "two digits of the number swapped"),
        ("+886912354678", "two digits of the number swapped"),
        ("+886912345688", "one digit of the number"),
        ("+886912345699", None),
        ("+88691234567", None),
        (A, None),
        ("", None),
    ],
)
def test_a_slip_of_the_pen_is_one_digit_or_two_swapped(other: str, slip: str | None) -> None:
    assert slip_of(A, other) == slip_of(other, A) == slip


@pytest.mark.parametrize(
    ("one", "other", "reasons"),
    [
        ({"phone": A}, {"phone": "+886912345679"}, ("one digit of the number", "name")),
        ({"phone": A, "birthday": "1990-01-01"}, {"birthday": "1990-01-01"}, ("birthday", "name")),
        ({"company": "Formosa Tea"}, {"company": "FORMOSA  TEA"}, ("company", "name")),
        ({"email": "a@x.tw", "phone": A}, {"email": "a@x.tw", "full_name": "林"}, ("e-mail",)),
        ({"email": "a@x.tw"}, {"email": "a@x.tw"}, ("e-mail", "name")),
    ],
)
def test_what_is_worth_asking_and_why(one: dict[str, str], other: dict[str, str], reasons: tuple[str, ...]) -> None:
    found = compare(*pair(one, other))
    assert found is not None
    assert found.reasons == reasons
    assert 0.6 <= found.score < 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"phone": A}, {"phone": "+886987654321"}),
        ({"phone": A}, {"phone": "+886912345679", "full_name": "林美麗"}),
        ({"birthday": "1990-01-01"}, {"birthday": "1990-01-01", "full_name": "林美麗"}),
        ({"email": "info@x.tw"}, {"email": "info@x.tw"}),
        ({"full_name": "王", "birthday": "1990-01-01"}, {"full_name": "王", "birthday": "1990-01-01"}),
    ],
    ids=["a name", "other numbers", "a stranger", "a birthday", "a desk's address", "a surname"],
)
def test_what_is_not_worth_asking(one: dict[str, str], other: dict[str, str]) -> None:
    assert compare(*pair(one, other)) is None


def test_more_agreement_says_more() -> None:
    some = compare(*pair({"email": "a@x.tw"}, {"email": "a@x.tw"}))
    more = compare(*pair({"email": "a@x.tw", "company": "T"}, {"email": "a@x.tw", "company": "T"}))
    assert some is not None
    assert more is not None
    assert more.score > some.score
