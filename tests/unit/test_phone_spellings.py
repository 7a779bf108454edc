"""The ways in which people write one number."""

from __future__ import annotations

import pytest

from syncer.crm import transforms
from syncer.crm.phone_spellings import spellings
from syncer.domain.phone import Phone


@pytest.mark.parametrize(
    ("number", "typed"),
    [
        ("+886912345678", ["0912345678", "0912-345-678", "0912 345 678", "(0912) 345 678", "+886 912 345 678"]),
        ("+886912345678", ["886912345678", "912345678", "00886912345678", "(0912)345-678", "+886-912-345-678"]),
        ("+85291234567", ["9123 4567", "91234567", "+852 9123 4567", "9123-4567"]),
        ("+12015550123", ["(201) 555-0123", "201-555-0123", "2015550123", "+1 201-555-0123"]),
    ],
)
def test_the_usual_ways_of_writing_a_number_are_known(number: str, typed: list[str]) -> None:
    ways = spellings(number)
    assert ways[0] == number
    assert set(typed) <= set(ways)
    assert len(ways) == len(set(ways)) <= 25


@pytest.mark.parametrize(
    ("number", "region"), [("+886912345678", "TW"), ("+85291234567", "HK"), ("+5511987654321", "BR")]
)
def test_every_way_means_that_number(number: str, region: str) -> None:
    numbers = {found.e164 for way in spellings(number) if isinstance(found := transforms.phone(way, region), Phone)}
    assert number in numbers
    assert all(one[-8:] == number[-8:] for one in numbers)
