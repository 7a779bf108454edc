"""What the ledger means: which word holds (R7, X4), what one word enters, and what an import is worth."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.contact import SourceRecord
from syncer.policies import consent, consent_import

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
YES, NO, NOTHING = Word.GRANTED, Word.REVOKED, Word.UNKNOWN
MARKETING, NOTICES = Tier.MARKETING, Tier.TRANSACTIONAL
OWN, CRM = True, False


def said(
    word: Word, day: float, explicit: bool = OWN, tier: Tier = MARKETING, source: str = "form:shop"
) -> ConsentEntry:
    return ConsentEntry(7, tier, word, NOW + timedelta(days=day), source, "proof", explicit)


@pytest.mark.parametrize(
    ("entries", "holds"),
    [
        pytest.param([], NOTHING, id="nobody has said anything"),
        pytest.param([said(YES, 1)], YES, id="a yes"),
        pytest.param([said(YES, 1, CRM)], YES, id="an accepted import"),
        pytest.param([said(YES, 1), said(NO, 2)], NO, id="the later word"),
        pytest.param([said(NO, 1), said(YES, 2)], YES, id="a change of mind"),
        pytest.param([said(NO, 1), said(YES, 9, CRM)], NO, id="no import outlasts the customer's no"),
        pytest.param([said(YES, 1), said(NO, 9, CRM)], YES, id="nor their yes"),
        pytest.param([said(NO, 1, CRM), said(YES, 1, CRM)], NO, id="of two imports of one moment the refusal"),
        pytest.param([said(YES, 1), said(NO, 1)], NO, id="of two words of one moment the refusal"),
        pytest.param([said(YES, 1, tier=NOTICES)], NOTHING, id="a yes to notices is none to offers"),
    ],
)
def test_the_heaviest_word_holds_in_whatever_order_they_come(entries: list[ConsentEntry], holds: Word) -> None:
    for order in itertools.permutations(entries):
        assert consent.current(order)[MARKETING] is holds


def test_the_entry_that_decides_is_the_proof() -> None:
    first, last = said(YES, 1, CRM), said(YES, 0)
    assert consent.decisive([first, last])[MARKETING] is last
    assert NOTICES not in consent.decisive([first, last])


def test_a_stop_of_offers_leaves_the_notices_and_a_stop_of_notices_ends_both() -> None:
    assert consent.entered(said(NO, -1), NOW) == (said(NO, -1),)
    assert consent.entered(said(YES, -1, tier=NOTICES), NOW) == (said(YES, -1, tier=NOTICES),)
    assert consent.entered(said(NO, -1, tier=NOTICES), NOW) == (said(NO, -1, tier=NOTICES), said(NO, -1))


def test_nobody_can_have_said_anything_later_than_now() -> None:
    assert consent.entered(said(YES, 3), NOW) == (said(YES, 0),)


@pytest.mark.parametrize(
    ("source", "explicit", "counts"),
    [
        ("whatsapp:double_opt_in", OWN, True),
        ("whatsapp:user_preferences", OWN, True),
        ("keyword:start", OWN, True),
        ("api:shop:form", OWN, False),
        ("api:shop:whatsapp:double_opt_in", OWN, False),
        ("cli:root:call", OWN, False),
        ("whatsapp", CRM, False),
        ("crm:sql", CRM, False),
    ],
)
def test_a_confirmed_yes_was_said_in_whatsapp_itself(source: str, explicit: bool, counts: bool) -> None:
    assert consent.confirmed([said(YES, 1, explicit, source=source)])[MARKETING] is (YES if counts else NOTHING)


@pytest.mark.parametrize(
    ("entries", "holds"),
    [
        ([said(YES, 1, source="whatsapp:double_opt_in"), said(YES, 2)], YES),
        ([said(YES, 1, source="whatsapp:double_opt_in"), said(NO, 2), said(YES, 3)], NO),
        ([said(YES, 1, source="whatsapp:double_opt_in"), said(NO, 2, CRM)], YES),
        ([said(YES, 1, CRM), said(NO, 2, CRM)], NO),
    ],
)
def test_a_later_single_step_neither_confirms_nor_takes_back(entries: Sequence[ConsentEntry], holds: Word) -> None:
    assert consent.confirmed(entries)[MARKETING] is holds


# Imports


def row(crm_id: str = "1", **fields: object) -> SourceRecord:
    return SourceRecord("sql", crm_id, b"", dict(fields), None, None)


def entered(
    now: SourceRecord, *, before: SourceRecord | None = None, imported: Word = NOTHING, own: Word | None = None
) -> list[tuple[Tier, Word]]:
    entries = consent_import.news(
        7,
        consent_import.said([now]),
        {MARKETING: imported},
        "sql",
        NOW,
        explicit={MARKETING: own} if own else {},
        before=consent_import.said([before] if before else []),
    )
    assert not any(entry.explicit for entry in entries)
    return [(entry.tier, entry.word) for entry in entries]


NONE, TICKED, UNTICKED = row(), row(marketing_consent=True), row(marketing_consent=False)


@pytest.mark.parametrize(
    ("before", "now", "own", "imported", "expected"),
    [
        pytest.param(TICKED, UNTICKED, NO, YES, [], id="the echo of a stop"),
        pytest.param(NONE, UNTICKED, NO, NOTHING, [], id="the echo of a stop that no import came before"),
        pytest.param(UNTICKED, TICKED, YES, NO, [], id="the echo of a yes"),
        pytest.param(UNTICKED, TICKED, NO, NO, [(MARKETING, YES)], id="somebody ticks it against a stop"),
        pytest.param(UNTICKED, TICKED, NO, YES, [(MARKETING, YES)], id="likewise, ticked once before"),
        pytest.param(TICKED, UNTICKED, YES, YES, [(MARKETING, NO)], id="somebody unticks a customer's yes"),
        pytest.param(TICKED, NONE, YES, YES, [(MARKETING, NO)], id="somebody empties it"),
        pytest.param(TICKED, TICKED, NO, YES, [], id="another field changed before the CRM was told"),
        pytest.param(TICKED, TICKED, None, YES, [], id="nothing changed"),
        pytest.param(TICKED, UNTICKED, None, YES, [(MARKETING, NO)], id="without a word of their own the flag counts"),
        pytest.param(NONE, TICKED, None, YES, [], id="the flag came over with another row"),
    ],
)
def test_an_import_is_entered_once_when_it_begins_to_say_something_of_its_own(
    before: SourceRecord, now: SourceRecord, own: Word | None, imported: Word, expected: list[tuple[Tier, Word]]
) -> None:
    assert entered(now, before=before, imported=imported, own=own) == expected


def test_who_wants_no_notices_wants_no_offers_whatever_the_other_box_says() -> None:
    both = row(marketing_consent=True, transactional_consent=False)
    assert entered(both) == [(NOTICES, NO), (MARKETING, NO)]
    (_, offers) = consent_import.news(7, consent_import.said([both]), {}, "sql", NOW)
    assert offers.proof == "sql:1 transactional_consent=false"


def test_a_row_that_wants_no_notices_counts_as_opted_out() -> None:
    assert consent_import.refuses(row(transactional_consent=False))
    assert not consent_import.refuses(row(transactional_consent=True))
