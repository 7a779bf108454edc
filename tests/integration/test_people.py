"""What the platform tells of customers besides their messages: new numbers, new user ids, preferences, names (X3)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from syncer.domain.consent import Word
from syncer.domain.contact import FieldRule
from syncer.domain.message import Sender
from syncer.domain.notice import AddressBookEntry, IdentityChange, PreferenceChange
from syncer.flows import crm_records
from syncer.flows.people import Event, People
from syncer.policies.ownership import Law
from syncer.store import contact_separation, contacts, identities, recognition
from tests.fakes.messenger import NUMBER, said
from tests.integration.conftest import House
from tests.integration.contact_desk import Desk, open_desk

OLD, NEW, THIRD = "+886911111111", "+886922222222", "+886933333333"


@pytest.fixture
def people() -> People:
    return People(("sql",))


def tell(house: House, people: People, *events: Event) -> set[str]:
    with house.store.begin() as tx:
        return people.apply(tx, events, house.clock.now())


def moved(
    house: House, before: Sender, after: Sender, *, wamid: str = "notice", at: datetime | None = None
) -> IdentityChange:
    text = f"User changed from {before.key} to {after.key}"
    return IdentityChange(NUMBER, wamid, before, after, at or house.clock.now(), text, raw="{}")


def holder(house: House, value: str) -> int | None:
    found = house.rows("select contact_id from identities where value = :value", value=value)
    return found[0][0] if found else None


def customer(house: House, phone: str = OLD, **more: str) -> int:
    """Somebody with a conversation, tags and a word of consent."""
    house.receive(
        said(f"stop-{phone}", "STOP", phone=phone, **more), said(f"c-{phone}", "我要客訴", phone=phone, **more)
    )
    return int(house.value("select max(id) from contacts"))


# A new number


def test_a_customer_with_a_new_number_stays_who_they_were(house: House, people: People) -> None:
    person = customer(house)
    queues = tell(house, people, moved(house, Sender(OLD), Sender(NEW)))
    house.receive(said("hello", "我換號碼了", phone=NEW, at=house.clock.advance(minutes=1)))
    contact = house.rows("select * from contacts")[0]
    assert (contact.id, contact.phone, contact.marketing, contact.tags) == (person, NEW, "revoked", ["complaint"])
    assert house.value("select count(*) from conversations") == 1
    assert house.value("select contact_id from messages where wamid = 'hello'") == person
    assert queues == {"crm"}


def test_the_next_owner_of_the_old_number_is_a_stranger(house: House, people: People) -> None:
    person = customer(house)
    tell(house, people, moved(house, Sender(OLD), Sender(NEW)))
    house.receive(said("stranger", "你好", phone=OLD, at=house.clock.advance(days=90)))
    stranger = house.value("select contact_id from messages where wamid = 'stranger'")
    assert stranger != person
    assert house.value("select marketing from contacts where id = :id", id=stranger) == "unknown"


def test_no_form_of_the_old_number_leads_to_them(house: House, people: People) -> None:
    customer(house, "+5511987654321")
    house.receive(said("short", "oi", phone="+551187654321"))
    tell(house, people, moved(house, Sender("+551187654321"), Sender(NEW)))
    assert [row.value for row in house.rows("select value from identities")] == [NEW]


def test_the_notice_is_part_of_the_conversation_and_asks_for_nothing(house: House, people: People) -> None:
    person = customer(house)
    before = house.rows("select * from conversations")
    house.clock.advance(hours=20)
    tell(house, people, moved(house, Sender(OLD), Sender(NEW)))
    assert house.rows("select * from conversations") == before
    row = house.rows("select * from messages where kind = 'system'")[0]
    assert (row.contact_id, row.direction, row.body) == (person, "in", f"User changed from {OLD} to {NEW}")
    wants = {(w.topic, w.subject_id) for w in house.rows("select topic, subject_id from crm_writes")}
    assert {("contact", person), ("message", row.id)} <= wants


def test_a_repeated_notice_does_not_move_the_numbers_next_owner(house: House, people: People) -> None:
    person = customer(house)
    notice = moved(house, Sender(OLD), Sender(NEW))
    tell(house, people, notice, notice)
    house.receive(said("stranger", "你好", phone=OLD, at=house.clock.advance(days=1)))
    stranger = holder(house, OLD)
    state = house.rows("select * from contacts order by id"), house.rows("select * from crm_writes order by id")
    assert tell(house, people, notice) == set()
    assert (holder(house, OLD), holder(house, NEW)) == (stranger, person)
    assert (
        house.rows("select * from contacts order by id"),
        house.rows("select * from crm_writes order by id"),
    ) == state


def test_two_moves_in_one_set_are_applied_in_their_order(house: House, people: People) -> None:
    person, now = customer(house), house.clock.now()
    second = moved(house, Sender(NEW), Sender(THIRD), wamid="n2", at=now + timedelta(seconds=2))
    first = moved(house, Sender(OLD), Sender(NEW), wamid="n1", at=now + timedelta(seconds=1))
    tell(house, people, second, first)
    assert house.rows("select id, phone from contacts") == [(person, THIRD)]
    assert [row.value for row in house.rows("select value from identities")] == [THIRD]


def test_who_went_and_came_back_has_given_up_nothing(house: House, people: People) -> None:
    person = customer(house)
    tell(house, people, moved(house, Sender(OLD), Sender(NEW), wamid="n1"))
    tell(house, people, moved(house, Sender(NEW), Sender(OLD), wamid="n2"))
    assert holder(house, OLD) == person
    assert [row.value for row in house.rows("select value from former_identities")] == [NEW]


def test_a_new_number_that_is_known_already_is_the_same_person(house: House, people: People) -> None:
    person = customer(house)
    house.receive(said("early", "我換號碼了", phone=NEW, at=house.clock.advance(minutes=1)))
    tell(house, people, moved(house, Sender(OLD), Sender(NEW)))
    assert house.rows("select id, phone from contacts") == [(person, NEW)]
    assert house.value("select contact_id from messages where wamid = 'early'") == person
    assert house.rows("select kept_id, key from contact_joins") == [(person, "whatsapp:notice")]


def test_that_can_be_taken_apart_again(house: House, people: People) -> None:
    person = customer(house)
    house.receive(said("early", "你好", phone=NEW, at=house.clock.advance(minutes=1)))
    other = holder(house, NEW)
    tell(house, people, moved(house, Sender(OLD), Sender(NEW)))
    with house.store.begin() as tx:
        contact_separation.separate(tx, house.value("select id from contact_joins"), house.clock.now())
    assert (holder(house, NEW), holder(house, OLD)) == (other, None)
    assert house.value("select contact_id from messages where wamid = 'early'") == other
    assert house.value("select count(*) from contacts where id in (:a, :b)", a=person, b=other) == 2


def test_a_number_that_was_dead_lives_again_as_another(house: House, people: People) -> None:
    customer(house)
    with house.store.begin() as tx:
        contacts.mark_unreachable(tx, [house.value("select id from contacts")], house.clock.now())
    tell(house, people, moved(house, Sender(OLD), Sender(NEW)))
    assert house.value("select unreachable from contacts") is False


def test_a_stranger_who_moves_is_known_from_then_on(house: House, people: People) -> None:
    tell(house, people, moved(house, Sender(OLD), Sender(NEW, "TW.2")))
    assert house.rows("select phone from contacts") == [(NEW,)]
    assert (holder(house, OLD), holder(house, NEW)) == (None, holder(house, "TW.2"))


# A new user id


def test_a_new_user_id_takes_the_old_ones_place_and_the_number_stays(house: House, people: People) -> None:
    person = customer(house, user_id="TW.1")
    tell(house, people, moved(house, Sender(user_id="TW.1"), Sender(user_id="TW.2")))
    assert (holder(house, "TW.1"), holder(house, "TW.2"), holder(house, OLD)) == (None, person, person)
    with house.store.begin() as tx:
        assert identities.user_ids(tx, [person]) == {person: "TW.2"}


def test_a_late_status_does_not_bring_the_old_number_back(house: House, people: People) -> None:
    person = customer(house, user_id="TW.1")
    tell(house, people, moved(house, Sender(OLD, "TW.1"), Sender(NEW, "TW.2")))
    with house.store.begin() as tx:
        recognition.learn(tx, [(person, Sender(OLD, "TW.1"))], house.clock.now())
    assert (holder(house, OLD), holder(house, "TW.1")) == (None, None)


# The CRM


def test_the_crm_is_behind_until_it_lists_the_new_number(house: House, people: People) -> None:
    with open_desk(house.store, house.clock) as desk:
        crm_id = desk.crm.add(full_name="王小明", phone=OLD)
        desk.sync()
        person = customer(house)
        assert outdated(desk, person) == set()
        tell(house, people, moved(house, Sender(OLD), Sender(NEW)))
        assert outdated(desk, person) == {person}
        desk.change(crm_id, phone=NEW)
        desk.sync()
        assert outdated(desk, person) == set()
        assert (desk.contact_of(crm_id).id, desk.contact_of(crm_id).phone) == (person, NEW)


def outdated(desk: Desk, person: int) -> set[int]:
    """Whether the CRM would be told another number of them."""
    law = Law({"sql": {"phone": FieldRule()}}, ("sql",))
    with desk.store.begin() as tx:
        told = crm_records.contact_records(tx, "sql", [person], law)
    return {one.contact_id for one in told if "phone" in one.record.fields}


@pytest.mark.parametrize("phone", [OLD, "+5511987654321"])
def test_a_record_that_we_made_and_have_not_read_is_behind_too_and_stays(
    house: House, people: People, phone: str
) -> None:
    with open_desk(house.store, house.clock) as desk:
        person = customer(house, phone)
        crm_id = desk.crm.add(full_name="王小明", phone=phone)
        with house.store.begin() as tx:
            contacts.learn_crm_ids(tx, "sql", {person: crm_id}, house.clock.now())
        tell(house, people, moved(house, Sender(phone), Sender(NEW)))
        assert outdated(desk, person) == {person}
        desk.sync()
        assert (desk.contact_of(crm_id).id, desk.contact_of(crm_id).phone) == (person, NEW)
        assert (holder(house, phone), outdated(desk, person)) == (None, {person})
        desk.change(crm_id, full_name="王大明")
        desk.sync()
        assert (desk.contact_of(crm_id).id, desk.contact_of(crm_id).phone) == (person, NEW)
        assert holder(house, phone) is None


def test_a_sync_before_that_leaves_the_row_with_its_person(house: House, people: People) -> None:
    with open_desk(house.store, house.clock) as desk:
        crm_id = desk.crm.add(full_name="王小明", phone=OLD)
        desk.sync()
        person = customer(house)
        tell(house, people, moved(house, Sender(OLD), Sender(NEW)))
        house.receive(said("stranger", "你好", phone=OLD, at=house.clock.advance(days=1)))
        desk.change(crm_id, full_name="王大明")
        desk.sync()
        contact = desk.contact_of(crm_id)
        assert (contact.id, contact.phone, contact.full_name) == (person, NEW, "王大明")
        assert holder(house, OLD) not in (None, person)


def test_a_joined_person_outlives_every_sync(house: House) -> None:
    with open_desk(house.store, house.clock) as desk:
        rows = [desk.crm.add(full_name="王小明", phone=OLD), desk.other.add(full_name="Ming", phone=NEW)]
        desk.sync()
        desk.sync(crm="hubspot")
        house.receive(said("a", "你好", phone=OLD, user_id="TW.1"))
        person = desk.contact_of(rows[0]).id
        house.receive(said("b", "我", phone=NEW, user_id="TW.1", at=house.clock.advance(minutes=1)))
        for _ in range(2):
            desk.change(rows[0], full_name="王大明", tags="vip")
            desk.other.contacts[rows[1]] |= {"updated_at": house.clock.advance(minutes=1), "tags": "tea"}
            assert desk.sync().merged == 0
            assert desk.sync(crm="hubspot").merged == 0
        assert desk.contact_of(rows[0]).id == desk.contact_of(rows[1], "hubspot").id == person
        assert desk.contact_of(rows[0]).tags == ["tea", "vip"]
        assert house.value("select count(*) from contacts") == 1


# Preferences


def preference(house: House, person: Sender, word: Word, at: datetime | None = None) -> PreferenceChange:
    return PreferenceChange(NUMBER, person, at or house.clock.now(), word, "User requested it")


def test_a_stop_at_the_platform_is_the_customers_own_word(house: House, people: People) -> None:
    person = house.contact(OLD, marketing="granted")
    assert tell(house, people, preference(house, Sender(OLD), Word.REVOKED)) == {"crm"}
    assert house.value("select marketing from contacts") == "revoked"
    entry = house.rows("select * from consents")[0]
    assert (entry.contact_id, entry.source, entry.explicit) == (person, "whatsapp:user_preferences", True)
    assert house.rows("select topic, subject_id from crm_writes") == [("contact", person)]


def test_the_latest_word_holds_in_whatever_order_they_come(house: House, people: People) -> None:
    house.contact(OLD)
    at = house.clock.now()
    tell(house, people, preference(house, Sender(OLD), Word.GRANTED, at))
    tell(house, people, preference(house, Sender(OLD), Word.REVOKED, at - timedelta(hours=1)))
    assert house.value("select marketing from contacts") == "granted"


def test_a_stop_of_a_stranger_is_not_lost(house: House, people: People) -> None:
    tell(house, people, preference(house, Sender(user_id="TW.1"), Word.REVOKED))
    house.receive(said("a", "你好", phone=OLD, user_id="TW.1"))
    assert house.rows("select phone, marketing from contacts") == [(OLD, "revoked")]
    assert holder(house, OLD) == holder(house, "TW.1")


def test_a_repeated_preference_changes_nothing(house: House, people: People) -> None:
    stop = preference(house, Sender(OLD), Word.REVOKED)
    tell(house, people, stop, stop)
    assert tell(house, people, stop) == set()
    assert house.value("select count(*) from consents") == 1


# The address book


def test_the_address_book_names_who_has_no_name_and_makes_nobody_a_customer(house: House, people: People) -> None:
    named, nameless = house.contact(OLD), house.contact(NEW, full_name="")
    entries = [AddressBookEntry(NUMBER, Sender(phone, name="陳"), house.clock.now()) for phone in (OLD, NEW, THIRD)]
    for _ in range(2):
        assert tell(house, people, *entries) == set()
    assert dict(house.rows("select id, full_name from contacts")) == {named: "王小明", nameless: "陳"}
    assert house.value("select revision from contacts where id = :id", id=nameless) == 2
