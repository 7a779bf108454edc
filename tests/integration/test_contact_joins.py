"""Two contacts that are one person: everything moves, nothing is lost, and the way back is exact (X3, R5)."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text

import syncer.store
from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.message import Sender
from syncer.store import consents, contact_joins, contact_separation, contacts, recognition
from syncer.store.base import metadata
from syncer.store.contact_joins import FOLLOWING
from tests.fakes.messenger import said
from tests.integration.conftest import House

PHONE, UID, OTHER = "+886911111111", "TW.1", "+886922222222"
#: What a join and an undo always leave behind.
_TRACES = {"contact_joins", "crm_writes", "reached", "sweeps", "workers"}


@pytest.fixture
def pair(house: House) -> tuple[int, int]:
    """The same person twice, each with a life of their own."""
    first = live(house, Sender(PHONE, name="王小明"), "a")
    second = live(house, Sender(user_id=UID, name="Ming"), "b")
    house.plan(first, "p1")
    house.plan(second, "p2")
    with house.store.begin() as tx:
        contacts.learn_crm_ids(tx, "sql", {first: house.crm.add(phone=PHONE)}, house.clock.now())
        tx.execute(text("insert into reached values (:id, :now)"), {"id": second, "now": house.clock.now()})
    return first, second


def live(house: House, sender: Sender, mark: str) -> int:
    more = {"user_id": sender.user_id} if sender.user_id else {}
    line = {"phone": sender.phone or "", **more, "name": sender.name or ""}
    at = house.clock.advance(minutes=5)
    house.receive(said(f"{mark}1", "我要客訴", at=at, **line))
    house.receive(said(f"{mark}2", "嗯", at=at, **line))
    contact_id = house.value("select max(id) from contacts")
    word(house, contact_id, Word.GRANTED, at, Tier.TRANSACTIONAL)
    with house.store.begin() as tx:
        contacts.add_tags(tx, contact_id, [f"tag-{mark}"], at)
    return int(contact_id)


def word(house: House, contact_id: int, said: Word, at: datetime, tier: Tier = Tier.MARKETING, **more: Any) -> None:
    entry = ConsentEntry(contact_id, tier, said, at, "form", "signed", **{"explicit": True, **more})
    with house.store.begin() as tx:
        consents.record(tx, entry, at)


def join(house: House, keep: int, absorb: int) -> int:
    with house.store.begin() as tx:
        contact_joins.take_turn(tx)
        return contact_joins.join(tx, keep, absorb, "test", house.clock.now())


def separate(house: House, join_id: int) -> int:
    with house.store.begin() as tx:
        return contact_separation.separate(tx, join_id, house.clock.now())


def everything(house: House) -> dict[str, list[Any]]:
    """Every row of every table, without the stamps that any change moves."""
    without = "- 'revision' - 'updated_at'"
    return {
        table.name: sorted(str(row[0]) for row in house.rows(f"select to_jsonb(t) {without} from {table.name} t"))
        for table in metadata.sorted_tables
        if table.name not in _TRACES
    }


def test_every_table_that_names_a_contact_follows() -> None:
    for module in pkgutil.iter_modules(syncer.store.__path__):
        if module.name != "migrations":
            importlib.import_module(f"syncer.store.{module.name}")
    named = {table.name for table in metadata.sorted_tables if "contact_id" in table.c}
    # The proof of an erasure is about somebody who is not there any more.
    assert named == set(FOLLOWING) | {"conversations", "reached", "erasures"}


def test_everything_that_hangs_on_the_one_hangs_on_the_other(house: House, pair: tuple[int, int]) -> None:
    keep, absorb = pair
    before = {table: house.value(f"select count(*) from {table}") for table in FOLLOWING}
    join(house, keep, absorb)
    for table in FOLLOWING:
        left = "topic <> 'contact' and" if table == "crm_writes" else ""
        assert house.value(f"select count(*) from {table} where {left} contact_id = :id", id=absorb) == 0
        assert house.value(f"select count(*) from {table}") == before[table]
    contact = house.rows("select * from contacts")[0]
    assert (contact.id, contact.full_name, contact.phone) == (keep, "王小明", PHONE)
    assert contact.tags == ["complaint", "tag-a", "tag-b"]
    assert house.value("select count(*) from messages m join conversations c on c.id = m.conversation_id") == 4
    assert house.value("select count(*) from reached where contact_id = :id", id=keep) == 1


def test_two_conversations_with_one_number_become_one(house: House, pair: tuple[int, int]) -> None:
    keep, absorb = pair
    windows = dict(house.rows("select contact_id, window_until from conversations"))
    join(house, keep, absorb)
    conversation = house.rows("select * from conversations")[0]
    assert (conversation.contact_id, conversation.unattended) == (keep, 2)
    assert conversation.window_until == max(windows.values())
    assert conversation.opened_at == min(row[0] for row in house.rows("select recorded_at from messages"))


def test_undone_at_once_a_join_leaves_no_trace_on_either(house: House, pair: tuple[int, int]) -> None:
    before = everything(house)
    assert separate(house, join(house, *pair)) == pair[1]
    assert everything(house) == before


def test_undone_at_once_it_makes_no_difference_which_one_was_kept(house: House, pair: tuple[int, int]) -> None:
    before = everything(house)
    separate(house, join(house, pair[1], pair[0]))
    assert everything(house) == before


def test_what_came_after_the_join_stays_with_the_one_that_was_kept(house: House, pair: tuple[int, int]) -> None:
    keep, absorb = pair
    before = everything(house)
    joined = join(house, keep, absorb)
    at = house.clock.advance(hours=1)
    house.receive(said("later", "還在嗎", at=at, phone=PHONE))
    word(house, keep, Word.REVOKED, at)
    separate(house, joined)
    after = everything(house)
    assert after["outgoing"] == before["outgoing"]
    assert len(after["messages"]) == len(before["messages"]) + 1
    assert set(before["messages"]) < set(after["messages"])
    assert house.value("select contact_id from messages where wamid = 'later'") == keep
    assert [c for c in after["conversations"] if c not in before["conversations"]] == [
        c for c in after["conversations"] if f"'contact_id': {keep}," in c
    ]
    rows = dict(house.rows("select contact_id, unattended from conversations"))
    assert rows == {keep: 2, absorb: 1}
    words = dict(house.rows("select id, marketing from contacts"))
    assert words == {keep: "revoked", absorb: "unknown"}


def test_a_conversation_that_came_whole_and_went_on_is_parted(house: House) -> None:
    keep = house.contact(PHONE)
    absorb = live(house, Sender(user_id=UID, name="Ming"), "b")
    before = everything(house)
    joined = join(house, keep, absorb)
    house.receive(said("later", "還在嗎", at=house.clock.advance(hours=1), phone=PHONE))
    separate(house, joined)
    after = everything(house)
    assert set(before["conversations"]) < set(after["conversations"])
    assert dict(house.rows("select wamid, contact_id from messages")) == {"b1": absorb, "b2": absorb, "later": keep}
    owners = house.rows(
        "select distinct m.contact_id, c.contact_id from messages m join conversations c on c.id = m.conversation_id"
    )
    assert sorted(owners) == [(keep, keep), (absorb, absorb)]


@pytest.mark.parametrize(
    ("first", "second", "holds"),
    [
        ((Word.GRANTED, 1, True), (Word.REVOKED, 2, True), "revoked"),
        ((Word.GRANTED, 2, True), (Word.REVOKED, 1, True), "granted"),
        ((Word.GRANTED, 1, True), (Word.REVOKED, 2, False), "granted"),
        ((Word.REVOKED, 1, False), (Word.GRANTED, 2, False), "revoked"),
        ((Word.GRANTED, 1, False), (Word.REVOKED, 2, False), "revoked"),
    ],
    ids=["the later word", "the later word, here", "their own word", "a refusal", "a refusal, there"],
)
def test_of_two_words_the_ledgers_rule_decides(
    house: House, pair: tuple[int, int], first: Any, second: Any, holds: str
) -> None:
    for contact_id, (what, hours, explicit) in zip(pair, (first, second), strict=True):
        word(house, contact_id, what, house.clock.now() + timedelta(hours=hours), explicit=explicit)
    before = everything(house)
    joined = join(house, *pair)
    assert house.value("select marketing from contacts") == holds
    with house.store.begin() as tx:
        assert consents.current(tx, pair[0], Tier.MARKETING) == holds
    separate(house, joined)
    assert everything(house) == before


def test_a_campaign_that_had_planned_for_both_writes_once(house: House, pair: tuple[int, int]) -> None:
    with house.store.begin() as tx:
        tx.execute(
            text("""insert into campaigns (name, template, language, category, phone_number_id, created_at)
                    values ('c', 't', 'zh_TW', 'utility', '100', now())""")
        )
        campaign = tx.execute(text("select id from campaigns")).scalar_one()
    planned = [house.plan(contact_id, f"c{contact_id}", campaign_id=campaign) for contact_id in pair]
    join(house, *pair)
    assert [house.send_state(one)[0] for one in planned] == ["planned", "skipped"]


def test_the_crm_is_told_and_a_record_it_makes_meanwhile_finds_its_person(house: House, pair: tuple[int, int]) -> None:
    house.crm_writes.drain(house.worker)
    join(house, *pair)
    wanted = house.rows("select subject_id, state from crm_writes where topic = 'contact' and state <> 'done'")
    assert wanted == [(pair[0], "pending")]
    with house.store.begin() as tx:
        contacts.learn_crm_ids(tx, "sql", {pair[1]: "made-late"}, house.clock.now())
    assert house.value("select contact_id from contact_sources where crm_id = 'made-late'") == pair[0]


def test_what_the_platform_tells_of_an_absorbed_contact_is_the_other_ones(house: House, pair: tuple[int, int]) -> None:
    join(house, *pair)
    with house.store.begin() as tx:
        recognition.learn(tx, [(pair[1], Sender(user_id=UID)), (pair[1], Sender(PHONE))], house.clock.now())
        assert recognition.find(tx, Sender(user_id=UID)) == pair[0]


def test_one_that_a_crm_knows_is_kept_and_else_the_older(house: House, pair: tuple[int, int]) -> None:
    third = house.contact("+886933333333")
    with house.store.begin() as tx:
        assert contact_joins.choose(tx, [pair[1], pair[0]]) == list(pair)
        assert contact_joins.choose(tx, [third, pair[1]]) == [pair[1], third]
        contacts.learn_crm_ids(tx, "sql", {third: "000009"}, house.clock.now())
        assert contact_joins.choose(tx, [third, pair[1]]) == [third, pair[1]]


def test_a_chain_of_joins_is_followed_and_undone_from_its_end(house: House, pair: tuple[int, int]) -> None:
    third = house.contact("+886933333333")
    before = everything(house)
    first, second = join(house, pair[1], third), join(house, *pair)
    with house.store.begin() as tx:
        assert contact_joins.survivors(tx, [third, *pair]) == {third: pair[0], pair[1]: pair[0]}
    with pytest.raises(LookupError):
        separate(house, first)
    separate(house, second)
    separate(house, first)
    assert everything(house) == before


@pytest.mark.parametrize("ids", [lambda a, b: (a, a), lambda a, b: (a, 999_999)], ids=["with itself", "with nobody"])
def test_what_cannot_be_joined_is_refused(
    house: House, pair: tuple[int, int], ids: Callable[[int, int], tuple[int, int]]
) -> None:
    with pytest.raises(LookupError):
        join(house, *ids(*pair))


def test_a_join_is_undone_once(house: House, pair: tuple[int, int]) -> None:
    joined = join(house, *pair)
    separate(house, joined)
    with pytest.raises(LookupError):
        separate(house, joined)


def test_messages_that_arrive_during_a_join_end_with_the_person(house: House, pair: tuple[int, int]) -> None:
    """A conversation is heard in another transaction while the two are being joined: it waits, and nothing is lost."""
    heard: list[int] = []
    with house.store.begin() as tx:
        contact_joins.take_turn(tx)
        contact_joins.join(tx, *pair, "test", house.clock.now())
        item = said("meanwhile", "嗯", at=house.clock.now(), phone="", user_id=UID)
        hearing = Thread(target=lambda: heard.append(house.receive(item)))
        hearing.start()
        hearing.join(0.3)
        assert hearing.is_alive()
    hearing.join(10)
    assert heard == [1]
    assert house.value("select contact_id from messages where wamid = 'meanwhile'") == pair[0]
    with house.store.begin() as tx:
        assert recognition.find(tx, Sender(user_id=UID)) == pair[0]
