"""Consent between the ledger and a CRM: echoes are no news, and nobody ticks a box over the customer's own word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from syncer.domain.consent import Word
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.integration.contact_desk import A, Desk, open_desk


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[Desk]:
    with open_desk(store, clock) as desk:
        yield desk


def ledger(desk: Desk) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in desk.rows("select word, explicit from consents where tier = 'marketing' order by id")]


def told(desk: Desk) -> int:
    """Writes of contacts that the CRM is asked for."""
    return int(
        desk.value("select coalesce(sum(revision), 0) from crm_writes where topic = 'contact' and state = 'pending'")
    )


@pytest.mark.parametrize("ticked", [True, None])
def test_the_echo_of_our_own_word_makes_no_entry(desk: Desk, ticked: bool | None) -> None:
    row = desk.crm.add(full_name="王小明", phone=A, marketing_consent=ticked)
    desk.sync()
    desk.says(desk.contact_of(row).id, Word.REVOKED)
    before = ledger(desk)
    desk.change(row, marketing_consent=False)
    desk.sync()
    assert ledger(desk) == before
    desk.change(row, marketing_consent=False, full_name="王大明")
    desk.sync()
    assert ledger(desk) == before


@pytest.mark.parametrize(("own", "box"), [(Word.REVOKED, True), (Word.GRANTED, False), (Word.GRANTED, None)])
def test_somebody_who_changes_the_box_against_the_customer_is_entered_once_and_overruled(
    desk: Desk, own: Word, box: bool | None
) -> None:
    row = desk.crm.add(full_name="王小明", phone=A)
    desk.sync()
    person = desk.contact_of(row).id
    desk.says(person, own)
    desk.change(row, marketing_consent=own is Word.GRANTED)
    desk.sync()
    asked = told(desk)
    desk.change(row, marketing_consent=box)
    desk.sync()
    against = Word.GRANTED if box else Word.REVOKED
    assert ledger(desk) == [(own, True), (against, False)]
    assert desk.contact_of(row).marketing == own
    assert told(desk) > asked
    desk.change(row, full_name="王大明")
    desk.sync()
    assert len(ledger(desk)) == 2


def test_without_a_word_of_their_own_the_box_counts_both_ways(desk: Desk) -> None:
    row = desk.crm.add(full_name="王小明", phone=A, marketing_consent=True)
    for box, word in ((True, "granted"), (False, "revoked"), (True, "granted"), (None, "revoked")):
        desk.change(row, marketing_consent=box)
        desk.sync()
        assert desk.contact_of(row).marketing == word
    assert len(ledger(desk)) == 4
