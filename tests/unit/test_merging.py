"""The golden record and whose row is whose: pure decisions, case by case."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from syncer.domain.consent import Tier, Word
from syncer.domain.contact import GoldenRecord, SourceRecord
from syncer.policies import consent_import, placement
from syncer.policies.merging import golden, reconcile
from syncer.policies.placement import Neighbourhood, Resident, key_of

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def row(crm_id: str, phone: str | None = None, *, year: int | None = None, problem: str | None = None, **fields: Any):
    changed_at = datetime(year, 1, 1, tzinfo=UTC) if year else None
    return SourceRecord("sql", crm_id, crm_id.encode(), fields, phone, problem, changed_at)


def test_the_newest_word_wins_field_by_field() -> None:
    old = row("1", "+886912345678", year=2020, full_name="Old", email="old@example.com")
    new = row("2", "+886912345678", year=2024, full_name="New")
    merged = golden([old, new])
    assert (merged.full_name, merged.email, merged.phone) == ("New", "old@example.com", "+886912345678")


def test_of_rows_changed_at_the_same_time_the_lowest_id_wins() -> None:
    rows = [row("2", full_name="Two"), row("1", full_name="One"), row("3", full_name="Three")]
    assert golden(rows).full_name == "One"


def test_a_row_that_tells_no_time_gives_way_to_one_that_does() -> None:
    assert golden([row("1", full_name="Undated"), row("2", year=1990, full_name="Dated")]).full_name == "Dated"


@pytest.mark.parametrize("empty", ["", None, []])
def test_an_empty_field_takes_nothing_away(empty: Any) -> None:
    rows = [row("1", year=2020, full_name="Name", tags=["vip"]), row("2", year=2024, full_name=empty, tags=empty)]
    assert golden(rows).full_name == "Name"
    assert golden(rows).tags == ("vip",)


def test_tags_are_united_and_one_block_blocks() -> None:
    rows = [row("1", year=2020, tags=["b", "a"], blocked=True), row("2", year=2024, tags=["c", "a"], blocked=False)]
    merged = golden(rows)
    assert merged.tags == ("a", "b", "c")
    assert merged.blocked is True


def test_the_earliest_creation_is_the_persons() -> None:
    rows = [row("1", year=2024, created_at="2010-01-01"), row("2", year=2020, created_at="2015-01-01")]
    assert golden(rows).attributes == {"created_at": "2010-01-01"}


def test_the_record_is_the_same_in_any_order_of_rows() -> None:
    rows = [
        row("1", "+886912345678", year=2020, full_name="A", tags=["x"], city="Taipei"),
        row("2", None, year=2024, problem="empty", full_name="B", blocked=True),
        row("3", "+886912345678", year=2024, email="c@example.com", tags=["y"]),
    ]
    assert len({repr(golden(order)) for order in permutations(rows)}) == 1


def test_what_has_a_place_of_its_own_is_no_attribute() -> None:
    merged = golden([row("1", city="Taipei", external_id="1", updated_at="x", marketing_consent=True, email="a@b.tw")])
    assert merged.attributes == {"city": "Taipei"}


def test_a_shared_number_is_nobodys() -> None:
    merged = golden([row("1", "+886212345678", problem="shared")])
    assert (merged.phone, merged.phone_problem) == (None, "shared")


def test_of_no_rows_there_is_an_empty_record() -> None:
    assert golden([]) == GoldenRecord()


def test_what_the_rows_did_not_change_stays_as_the_engine_has_it() -> None:
    ours = GoldenRecord(
        full_name="WhatsApp name", tags=("complaint", "vip"), attributes={"seat": "12", "city": "Tainan"}
    )
    base = GoldenRecord(tags=("vip",), attributes={"city": "Taipei"})
    theirs = GoldenRecord(tags=("vip", "tea"), attributes={"city": "Taipei", "company": "Formosa"})
    now = reconcile(ours, base, theirs)
    assert now.full_name == "WhatsApp name"
    assert now.tags == ("complaint", "tea", "vip")
    assert now.attributes == {"seat": "12", "city": "Tainan", "company": "Formosa"}


def test_what_the_rows_took_back_is_gone() -> None:
    base = GoldenRecord(full_name="Name", email="a@b.tw", tags=("vip",), attributes={"city": "Taipei"}, blocked=True)
    now = reconcile(base, base, GoldenRecord(full_name="Name"))
    assert now == GoldenRecord(full_name="Name")


def test_a_contact_with_a_phone_has_no_problem_with_it() -> None:
    ours = GoldenRecord(phone="+886912345678")
    assert reconcile(ours, GoldenRecord(), GoldenRecord(phone_problem="empty")) == ours


def test_a_refusal_counts_more_than_a_yes() -> None:
    said = consent_import.said([row("1", marketing_consent=True), row("2", marketing_consent=False)])
    assert said[Tier.MARKETING].word is Word.REVOKED
    assert said[Tier.MARKETING].row.crm_id == "2"
    assert Tier.TRANSACTIONAL not in said


@pytest.mark.parametrize(
    ("imported", "flag", "entered"),
    [
        (Word.UNKNOWN, None, None),
        (Word.UNKNOWN, True, Word.GRANTED),
        (Word.UNKNOWN, False, Word.REVOKED),
        (Word.GRANTED, True, None),
        (Word.GRANTED, False, Word.REVOKED),
        (Word.GRANTED, None, Word.REVOKED),
        (Word.REVOKED, False, None),
        (Word.REVOKED, None, None),
        (Word.REVOKED, True, Word.GRANTED),
    ],
)
def test_marketing_is_entered_when_it_is_news(imported: Word, flag: bool | None, entered: Word | None) -> None:
    said = consent_import.said([row("1", marketing_consent=flag)])
    entries = consent_import.news(7, said, {Tier.MARKETING: imported}, "sql", NOW)
    assert [entry.word for entry in entries] == ([entered] if entered else [])
    assert all(not entry.explicit and entry.source == "crm:sql" and entry.contact_id == 7 for entry in entries)


def test_a_crm_that_falls_silent_does_not_stop_order_notices() -> None:
    assert consent_import.news(7, {}, {Tier.TRANSACTIONAL: Word.GRANTED}, "sql", NOW) == []


A, B = "+886911111111", "+886922222222"


def near(*residents: tuple[int, SourceRecord], **held: int) -> Neighbourhood:
    return Neighbourhood(
        {key_of(record): Resident(contact_id, record) for contact_id, record in residents},
        {{"A": A, "B": B}[name]: contact_id for name, contact_id in held.items()},
    )


def placed(rows: list[SourceRecord], around: Neighbourhood, *, rooted: set[int] = frozenset(), limit: int = 20):
    touched = placement.share({key_of(record): record for record in rows}, around, limit)
    moves = placement.settle(touched, around)
    phoned = set(around.holders.values())
    return placement.house(moves, around, range(100, 200), rooted=rooted & moves.emptied, phoned=phoned)


def homes(housing: placement.Housing) -> dict[str, int]:
    return {crm_id: contact_id for (_, crm_id), contact_id in housing.homes.items()}


def test_new_rows_of_one_number_share_a_new_contact() -> None:
    housing = placed([row("1", A), row("2", B), row("3", A)], near())
    assert homes(housing) == {"1": 100, "2": 101, "3": 100}
    assert housing.made == {100: A, 101: B}
    assert housing.absorbed == [("sql", "3")]


def test_rows_without_a_number_are_persons_of_their_own() -> None:
    housing = placed([row("1", problem="empty"), row("2", problem="empty")], near())
    assert housing.made == {100: None, 101: None}


def test_a_row_joins_whoever_wrote_from_its_number() -> None:
    housing = placed([row("1", A)], near(A=5))
    assert (homes(housing), housing.made, list(housing.absorbed)) == ({"1": 5}, {}, [])


def test_a_corrected_number_keeps_the_contact() -> None:
    housing = placed([row("1", B)], near((5, row("1", A)), A=5))
    assert (homes(housing), housing.kept, housing.removed) == ({"1": 5}, {5: B}, frozenset())


def test_a_new_number_does_not_take_along_a_conversation() -> None:
    housing = placed([row("1", B)], near((5, row("1", A)), A=5), rooted={5})
    assert (homes(housing), housing.made, housing.deserted) == ({"1": 100}, {100: B}, frozenset({5}))


def test_a_person_without_a_number_gets_one_conversation_and_all() -> None:
    housing = placed([row("1", B)], near((5, row("1", problem="empty"))), rooted={5})
    assert (homes(housing), housing.kept) == ({"1": 5}, {5: B})


def test_a_row_that_moves_to_somebody_elses_number_is_absorbed_and_leaves_nothing() -> None:
    housing = placed([row("1", B)], near((5, row("1", A)), (6, row("2", B)), A=5, B=6))
    assert (homes(housing), housing.removed, housing.absorbed) == ({"1": 6}, {5}, [("sql", "1")])


def test_two_who_swap_numbers_swap_contacts() -> None:
    housing = placed([row("1", B), row("2", A)], near((5, row("1", A)), (6, row("2", B)), A=5, B=6))
    assert homes(housing) == {"1": 6, "2": 5}
    assert (housing.absorbed, housing.removed, housing.made) == ([], frozenset(), {})


def test_a_row_that_loses_its_number_leaves_those_it_shared_it_with() -> None:
    housing = placed([row("1", problem="empty")], near((5, row("1", A)), (5, row("2", A)), A=5))
    assert (homes(housing), housing.made) == ({"1": 100}, {100: None})


def test_a_row_without_a_number_stays_where_it_is() -> None:
    learned = SourceRecord("sql", "1", b"", {}, None, None)
    housing = placed([row("1", problem="empty")], near((5, learned), A=5))
    assert homes(housing) == {"1": 5}


def test_a_number_in_too_many_rows_makes_nobody_one() -> None:
    rows = [row(str(number), A) for number in range(4)]
    housing = placed(rows, near(), limit=3)
    assert len(set(homes(housing).values())) == 4
    assert set(housing.made.values()) == {None}
    assert len(set(homes(placed(rows[:3], near(), limit=3)).values())) == 1


def test_the_row_too_many_takes_apart_those_that_were_one() -> None:
    around = near(*((5, row(str(number), A)) for number in range(3)), A=5)
    housing = placed([row("9", A)], around, limit=3)
    assert len(set(homes(housing).values())) == 4
    assert housing.kept == {5: None}


def test_a_number_that_few_rows_are_left_with_makes_them_one_again() -> None:
    around = near(*((number, row(str(number), A, problem="shared")) for number in (1, 2, 3)))
    housing = placed([row("3", B), row("9", A)], around, limit=3)
    assert homes(housing)["1"] == homes(housing)["2"] == homes(housing)["9"] != homes(housing)["3"]
