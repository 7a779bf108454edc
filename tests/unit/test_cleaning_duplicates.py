"""Rows with the same number find each other, in whatever part of the table they are."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.flows.contacts import cleaning_duplicates
from syncer.flows.contacts.cleaning_duplicates import REFUSED, Ledger, Twins
from syncer.policies.cleaning import DEAD, REFUSES, SHIFT

#: Number (0: none) and marks of a row.
Row = tuple[int, int]


def linked(rows: list[Row]) -> tuple[Twins, list[int]]:
    with Ledger() as ledger:
        for at in range(0, len(rows), 7):
            ledger.add([number << SHIFT | marks for number, marks in rows[at : at + 7]])
        twins = ledger.link()
        found = [link for _, links in ledger for link in links]
    return twins, found


def expected(rows: list[Row]) -> tuple[int, int, int, int, list[int]]:
    """The same the plain way: rows beyond the first, shared numbers, refused elsewhere, spoilt, links."""
    first: dict[int, int] = {}
    counts = Counter(number for number, _ in rows if number)
    refused = {number for number, marks in rows if marks & REFUSES and counts[number] > 1}
    links = []
    for at, (number, _) in enumerate(rows, 1):
        known = first.setdefault(number, at) if number else at
        links.append((known if known != at else 0) | (REFUSED if number in refused else 0))
    fine = [not marks & (REFUSES | DEAD) and number > 0 for number, marks in rows]
    return (
        sum(link & ~REFUSED > 0 for link in links),
        sum(count > 1 for count in counts.values()),
        sum(number in refused and not marks & REFUSES for number, marks in rows),
        sum(link > 0 and good for link, good in zip(links, fine, strict=True)),
        links,
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from([0, 0, REFUSES, DEAD, REFUSES | DEAD])), max_size=40))
def test_links_and_counts_are_those_of_a_search_by_hand(rows: list[Row]) -> None:
    twins, links = linked(rows)
    assert (twins.rows, twins.numbers, twins.refused_elsewhere, twins.spoilt, links) == expected(rows)


def test_a_table_in_many_parts_is_no_different(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(4)
    rows = [(random.randrange(886_900_000_000, 886_900_003_000), random.choice((0, 0, REFUSES))) for _ in range(9_000)]
    whole = linked(rows)
    monkeypatch.setattr(cleaning_duplicates, "_ROWS_AT_ONCE", 500)
    assert linked(rows)[1] == whole[1] == expected(rows)[4]
    assert linked(rows)[0].most_shared[0] == whole[0].most_shared[0]


def test_the_numbers_that_most_rows_share_are_told() -> None:
    twins, _ = linked([(886223456789, 0)] * 500 + [(886912345678, 0)] * 2 + [(n, 0) for n in range(1, 9)])
    assert twins.most_shared == [("+886223456789", 500), ("+886912345678", 2)]
