"""Whose row is whose, for any rows in any order on any pages: the end is what the plain rule says (R5)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.domain.contact import SourceRecord
from syncer.domain.phone_variants import canonical
from tests.unit.placement_world import World, people_of, phones_of

PHONES = ["+886911111111", "+886922222222", "+886933333333", "+5511987654321", "+551187654321"]
EMAILS = ["a@example.com", "b@example.com", "info@example.com"]
CRMS = ["hubspot", "sql"]
NAMES = [f"{crm}:{number}" for crm in CRMS for number in range(5)] + ["sql:gone", "nonsense"]


@st.composite
def versions(draw: st.DrawFn) -> SourceRecord:
    """A row as a CRM may have it at some moment."""
    crm, number = draw(st.sampled_from(CRMS)), draw(st.integers(0, 4))
    phone = draw(st.none() | st.sampled_from(PHONES))
    fields = {"email": draw(st.none() | st.sampled_from(EMAILS)), "same_as": draw(st.none() | st.sampled_from(NAMES))}
    problem = None if phone else "empty"
    return SourceRecord(crm, str(number), b"read", {k: v for k, v in fields.items() if v}, phone, problem)


PAGES = st.lists(st.lists(versions(), min_size=1, max_size=5), min_size=1, max_size=8)


def synced(pages: list[list[SourceRecord]], by_email: bool = True) -> World:
    world = World(by_email)
    for page in pages:
        world.take_in(page)
    return world


@settings(max_examples=200, deadline=None)
@given(PAGES, st.booleans())
def test_after_any_history_they_live_together_whom_the_rule_says(pages: list[list[SourceRecord]], email: bool) -> None:
    world = synced(pages, email)
    last = {(record.crm, record.crm_id): record for page in pages for record in page}
    assert world.people() == people_of(list(last.values()), email)


@settings(max_examples=200, deadline=None)
@given(PAGES)
def test_after_any_history_every_usable_number_leads_to_its_person_and_no_other_number_to_anybody(
    pages: list[list[SourceRecord]],
) -> None:
    world = synced(pages)
    carried = phones_of(world)
    assert all(len(people) == 1 for people in carried.values())
    assert {phone: {who} for phone, who in world.holders.items()}.items() >= carried.items()
    assert {canonical(phone) for phone in world.holders} == {canonical(phone) for phone in carried}


@settings(max_examples=120, deadline=None)
@given(PAGES, PAGES, st.randoms(use_true_random=False))
def test_what_a_person_has_taken_apart_stays_where_it_is(
    before: list[list[SourceRecord]], after: list[list[SourceRecord]], random: object
) -> None:
    world = synced(before)
    key = random.choice(sorted(world.residents))  # type: ignore[attr-defined]
    world.put_apart(key)
    home = world.residents[key].contact_id
    for page in after:
        world.take_in(page)
        assert world.residents[key].contact_id == home


@settings(max_examples=120, deadline=None)
@given(PAGES, PAGES, st.randoms(use_true_random=False))
def test_contacts_with_a_life_of_their_own_lose_no_row_but_one_whose_number_has_moved_on(
    before: list[list[SourceRecord]], after: list[list[SourceRecord]], random: object
) -> None:
    world = synced(before)
    everybody = sorted({resident.contact_id for resident in world.residents.values()})
    world.rooted = set(random.sample(everybody, len(everybody) // 2))  # type: ignore[attr-defined]
    held = {phone: who for phone, who in world.holders.items() if who in world.rooted}
    for page in after:
        world.take_in(page)
        assert held.items() <= world.holders.items()
