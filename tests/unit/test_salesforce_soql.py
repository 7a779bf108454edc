"""Nothing that somebody typed becomes part of a query, and no query is longer than an address may be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.crm.salesforce import soql
from syncer.crm.salesforce.finding import spellings
from syncer.simulators.salesforce.ids import number_of, record_id
from syncer.simulators.salesforce.soql import Comparison, Pattern, matcher, parse


def asked(literal: str) -> object:
    """What a parser of the language reads in a literal."""
    where = parse(f"SELECT Id FROM Contact WHERE LastName = {literal}").where
    assert isinstance(where, Comparison)
    return where.value


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60))
def test_any_text_is_one_literal_and_reads_back_the_same(text: str) -> None:
    assert asked(soql.literal(text)) == text


@pytest.mark.parametrize("text", ["' OR Id != null OR LastName = '", "\\", "\\'", "a\\' OR 'b", "O'Brien\n"])
def test_a_text_that_would_end_the_literal_does_not(text: str) -> None:
    assert asked(soql.literal(text)) == text


def test_a_list_of_texts_holds_each() -> None:
    values = ("a'b", "c,d", ")")
    where = parse(f"SELECT Id FROM Contact WHERE LastName IN {soql.listed(values)}").where
    assert isinstance(where, Comparison)
    assert where.value == values


@given(st.lists(st.text("0123456789%_", min_size=1, max_size=1), min_size=1, max_size=12), st.text("- ()+", max_size=3))
def test_digits_are_found_whatever_stands_between_them(digits: list[str], between: str) -> None:
    pattern = soql.containing("".join(digits))
    where = parse(f"SELECT Id FROM Contact WHERE Phone LIKE {pattern}").where
    assert isinstance(where, Comparison)
    assert isinstance(where.value, Pattern)
    fits = matcher(where.value)
    assert fits(f"+{between.join(digits)} ext")
    assert not fits(between)


@given(st.lists(st.text(min_size=1, max_size=120), max_size=500))
def test_lists_are_cut_to_what_an_address_has_room_for(values: list[str]) -> None:
    parts = list(soql.parts(values))
    assert [value for part in parts for value in part] == list(dict.fromkeys(values))
    assert all(len(part) <= soql.MOST_VALUES for part in parts)
    assert all(len(quote_plus(soql.listed(part))) <= 7_000 for part in parts)


def test_moments_are_told_in_utc_to_the_second() -> None:
    taipei = datetime(2026, 11, 23, 20, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=8)))
    assert soql.moment(taipei) == "2026-11-23T12:00:00Z"
    assert soql.moment(taipei.astimezone(UTC)) == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize(
    ("short", "long"), [("0013000000D6kRV", "0013000000D6kRVAAZ"), ("003D000000QOzkz", "003D000000QOzkzIAD")]
)
def test_the_three_guards_of_an_id_are_those_that_salesforce_gives_it(short: str, long: str) -> None:
    assert soql.long_id(short) == long
    assert soql.is_id(long)
    assert not soql.is_id(long[:-1] + "Q")


@pytest.mark.parametrize(
    "text", ["", "42", "0" * 14, "0" * 16, "9" * 30, "王" * 15, "003D000000QOzk'", "003D000000QO kz"]
)
def test_what_could_be_no_id_never_enters_a_query(text: str) -> None:
    assert not soql.is_id(text)


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_the_simulators_ids_are_ids_and_sort_as_their_numbers(one: int, other: int) -> None:
    first, second = record_id("003", one), record_id("003", other)
    assert soql.is_id(first)
    assert number_of(first) == ("003", one)
    assert (first[:15] < second[:15]) == (one < other)


def test_a_number_is_looked_for_as_people_write_it() -> None:
    usual = {"+886912345678", "886912345678", "0912345678", "0912-345-678", "0912 345 678"}
    assert spellings("+886912345678") == usual
    assert spellings("+99") == {"+99", "99"}
