"""Hooks, the inner half: what happens becomes deliveries for whoever wants to hear of it, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.contact import SourceRecord
from syncer.domain.hook import HookEvent
from syncer.flows.consent import Consent
from syncer.flows.contacts import page
from syncer.flows.hooks.samples import sample
from syncer.store import contact_joins, contact_separation, crm_writes
from syncer.store.crm_writes import HOOKS, Topic, Want
from tests.fakes.messenger import said, status
from tests.integration.conftest import House
from tests.integration.hook_desk import TOLD, Desk, desk

#: Nothing is posted here: an address that only has to be allowed.
ANYWHERE = "https://127.0.0.1/hook"


@pytest.fixture
def hooked(house: House) -> Iterator[Desk]:
    with desk(house) as made:
        yield made


def events(hooked: Desk) -> list[dict[str, Any]]:
    return [json.loads(row.payload) for row in hooked.house.rows("select payload from hook_deliveries order by id")]


def told(hooked: Desk) -> list[str]:
    hooked.telling.tell(hooked.house.worker)
    return [one["id"] for one in events(hooked)]


def subscribe(hooked: Desk, *wanted: HookEvent) -> None:
    for event in wanted:
        hooked.subscribe(event, ANYWHERE)
    hooked.house.clock.advance(seconds=1)


def take_in(house: House, *rows: tuple[str, str, str]) -> None:
    """A page of a CRM's contacts: (row, phone, name)."""
    records = [
        SourceRecord("sql", row, name.encode().ljust(16)[:16], {"full_name": name, "phone": phone}, phone, None)
        for row, phone, name in rows
    ]
    with house.store.begin() as tx:
        page.take_in(tx, "sql", records, house.clock.now(), shared_above=20)


def test_a_customers_message_is_told_with_everything_that_is_known_of_it(hooked: Desk) -> None:
    subscribe(hooked, HookEvent.MESSAGE_RECEIVED)
    hooked.hear(said("wamid.1", "hello", name="王小明", at=hooked.house.clock.now()))
    (event,) = events(hooked)
    number = hooked.house.value("select id from messages")
    assert event["id"] == f"message-{number}"
    assert event["event"] == "message.received"
    assert event["occurred_at"] == "2026-11-23T10:00:01.000Z"
    assert (event["body"], event["kind"], event["direction"]) == ("hello", "text", "in")
    assert (event["wamid"], event["phone"], event["full_name"]) == ("wamid.1", "+886912345678", "王小明")
    assert event["contact_id"] == hooked.house.value("select id from contacts")


def test_what_was_before_a_subscription_is_not_told(hooked: Desk) -> None:
    hooked.house.receive(said("wamid.1", "before"))
    hooked.house.clock.advance(seconds=1)
    subscribe(hooked, HookEvent.MESSAGE_RECEIVED)
    hooked.hear(said("wamid.2", "after", at=hooked.house.clock.now()))
    assert [one["body"] for one in events(hooked)] == ["after"]


def test_an_old_message_whose_file_comes_is_not_told_as_a_new_one(hooked: Desk) -> None:
    hooked.house.receive(said("wamid.1", "before"))
    hooked.house.clock.advance(seconds=1)
    subscribe(hooked, HookEvent.MESSAGE_RECEIVED, HookEvent.MESSAGE_UPDATED)
    message = hooked.house.rows("update messages set edited_at = occurred_at returning id, contact_id")[0]
    with hooked.house.store.begin() as tx:
        want = Want(Topic.MESSAGE, message.id, message.contact_id)
        crm_writes.request(tx, TOLD, [want], hooked.house.clock.now())
    told(hooked)
    assert [one["event"] for one in events(hooked)] == ["message.updated"]


def test_without_subscribers_nothing_is_asked_for(hooked: Desk) -> None:
    hooked.house.receive(said("wamid.1", "hello"))
    subscribe(hooked, HookEvent.HANDOFF_CREATED)
    hooked.house.receive(said("wamid.2", "hello again"))
    assert hooked.house.value("select count(*) from crm_writes where crm = 'hooks'") == 0
    assert hooked.house.value("select count(*) from crm_writes where crm = 'sql'") > 0


def test_telling_twice_makes_no_second_delivery(hooked: Desk) -> None:
    subscribe(hooked, HookEvent.MESSAGE_RECEIVED, HookEvent.CONTACT_CREATED)
    hooked.hear(said("wamid.1", "hello", at=hooked.house.clock.now()))
    before = told(hooked)
    hooked.house.rows("update crm_writes set state = 'pending', written_revision = 0, settled_at = null returning id")
    assert told(hooked) == before
    assert len(before) == 2


def test_a_wish_repeated_after_its_deliveries_are_forgotten_is_not_told_again(hooked: Desk) -> None:
    subscribe(hooked, HookEvent.MESSAGE_RECEIVED, HookEvent.CONTACT_CREATED)
    hooked.hear(said("wamid.1", "hello", at=hooked.house.clock.now()))
    hooked.house.rows("delete from hook_deliveries returning id")
    hooked.house.clock.advance(days=8)
    row = hooked.house.rows("select id, contact_id from messages")[0]
    wants = [Want(Topic.MESSAGE, row.id, row.contact_id), Want(Topic.CONTACT, row.contact_id, row.contact_id)]
    with hooked.house.store.begin() as tx:
        crm_writes.request(tx, TOLD, wants, hooked.house.clock.now())
    assert told(hooked) == []


def test_each_step_of_ours_is_told_once_and_only_upwards(hooked: Desk) -> None:
    subscribe(hooked, HookEvent.MESSAGE_STATUS, HookEvent.MESSAGE_SENT)
    hooked.house.plan(hooked.house.contact(), "k1")
    hooked.house.sending.drain_live(hooked.house.worker)
    number = hooked.house.value("select id from messages")
    assert told(hooked) == [f"message-{number}"]
    at = hooked.house.clock.now()
    hooked.hear(status("wamid.1", "delivered", at=at))
    hooked.hear(status("wamid.1", "sent", at=at))
    hooked.hear(status("wamid.1", "read", at=at))
    assert told(hooked)[1:] == [f"message-{number}-delivered", f"message-{number}-read"]
    assert events(hooked)[1]["status"] == "delivered"
    assert events(hooked)[1]["outgoing_id"] == hooked.house.value("select id from outgoing")


def test_statuses_that_come_together_are_told_as_the_highest(hooked: Desk) -> None:
    subscribe(hooked, HookEvent.MESSAGE_STATUS)
    hooked.house.plan(hooked.house.contact(), "k1")
    hooked.house.sending.drain_live(hooked.house.worker)
    at = hooked.house.clock.now()
    hooked.hear(*[status("wamid.1", word, at=at) for word in ("sent", "delivered", "read")])
    assert [one["status"] for one in events(hooked)] == ["read"]


def test_a_handoff_comes_with_what_was_said(hooked: Desk) -> None:
    subscribe(hooked, HookEvent.HANDOFF_CREATED)
    hooked.hear(said("wamid.1", "I have a complaint", at=hooked.house.clock.now()))
    (event,) = events(hooked)
    assert (event["reason"], event["body"], event["phone"]) == ("complaint", "I have a complaint", "+886912345678")


def test_a_stop_is_told_as_a_word_of_consent(hooked: Desk) -> None:
    subscribe(hooked, HookEvent.CONSENT_CHANGED)
    hooked.hear(said("wamid.1", "STOP", at=hooked.house.clock.now()))
    (event,) = events(hooked)
    assert (event["tier"], event["word"], event["holds"]) == ("marketing", "revoked", "revoked")
    hooked.house.clock.advance(hours=5)
    person = hooked.house.value("select id from contacts")
    flow = Consent(hooked.house.store, TOLD, hooked.house.clock, hooked.house.jobs)
    entry = ConsentEntry(person, Tier.MARKETING, Word.GRANTED, hooked.house.clock.now(), "api:form", "p", explicit=True)
    flow.record(entry)
    assert told(hooked)[1:] == [
        f"consent-{row.id}" for row in hooked.house.rows("select id from consents order by id offset 1")
    ]


def test_contacts_of_a_sync_are_told_new_and_changed(hooked: Desk) -> None:
    take_in(hooked.house, ("old", "+886911111111", "Before"))
    hooked.house.clock.advance(seconds=1)
    subscribe(hooked, HookEvent.CONTACT_CREATED, HookEvent.CONTACT_UPDATED)
    take_in(hooked.house, ("a", "+886912345678", "A"), ("b", "+886922345678", "B"))
    told(hooked)
    assert sorted(one["full_name"] for one in events(hooked)) == ["A", "B"]
    assert {one["event"] for one in events(hooked)} == {"contact.created"}
    hooked.house.clock.advance(seconds=1)
    take_in(hooked.house, ("a", "+886912345678", "A2"), ("b", "+886922345678", "B"), ("old", "+886911111111", "Late"))
    told(hooked)
    changed = [one for one in events(hooked) if one["event"] == "contact.updated"]
    assert sorted(one["full_name"] for one in changed) == ["A2", "Late"]
    assert all(one["crm_ids"].keys() == {"sql"} for one in changed)


def test_a_sync_tells_nobody_of_contacts_where_nobody_asked_for_contacts(hooked: Desk) -> None:
    subscribe(hooked, HookEvent.MESSAGE_RECEIVED)
    take_in(hooked.house, ("a", "+886912345678", "A"))
    assert hooked.house.value("select count(*) from crm_writes where crm = 'hooks'") == 0


def test_a_join_is_a_change_of_the_contact_that_stays_and_names_the_other(hooked: Desk) -> None:
    one, other = hooked.house.contact("+886911111111"), hooked.house.contact("+886922222222")
    subscribe(hooked, HookEvent.CONTACT_UPDATED)
    with hooked.house.store.begin() as tx:
        contact_joins.take_turn(tx)
        join = contact_joins.join(tx, one, other, "by hand", hooked.house.clock.now())
    told(hooked)
    assert [(event["contact_id"], event["merged_contact_ids"]) for event in events(hooked)] == [(one, [other])]
    hooked.house.clock.advance(seconds=1)
    with hooked.house.store.begin() as tx:
        contact_separation.separate(tx, join, hooked.house.clock.now())
    told(hooked)
    assert [(event["contact_id"], event["merged_contact_ids"]) for event in events(hooked)[1:]] == [(one, [])]


def test_every_sample_has_the_fields_of_the_real_event(hooked: Desk) -> None:
    subscribe(hooked, *HookEvent)
    hooked.hear(said("wamid.in1", "I have a complaint", at=hooked.house.clock.now()))
    hooked.hear(said("wamid.in2", "STOP", at=hooked.house.clock.now()))
    hooked.house.plan(hooked.house.contact(), "k1")
    hooked.house.sending.drain_live(hooked.house.worker)
    hooked.hear(status("wamid.1", "delivered", at=hooked.house.clock.now()))
    hooked.house.clock.advance(seconds=1)
    person = hooked.house.rows("update contacts set full_name = 'X', updated_at = now() returning id")[0].id
    message = hooked.house.rows("update messages set edited_at = now() where direction = 'in' returning id")[0].id
    wants = [Want(Topic.CONTACT, person, person), Want(Topic.MESSAGE, message, person)]
    with hooked.house.store.begin() as tx:
        crm_writes.request(tx, [HOOKS], wants, hooked.house.clock.now())
    told(hooked)
    seen = {one["event"]: one for one in events(hooked)}
    assert seen.keys() == set(HookEvent)
    for event in HookEvent:
        assert list(seen[event]) == list(sample(event)), event


def test_newest_shows_what_really_happened_in_the_shape_of_the_event(hooked: Desk) -> None:
    subscribe(hooked, HookEvent.MESSAGE_RECEIVED)
    for number in range(3):
        hooked.hear(said(f"wamid.{number}", f"text {number}", at=hooked.house.clock.now()))
        hooked.house.clock.advance(seconds=1)
    shown = hooked.subscriptions.samples(HookEvent.MESSAGE_RECEIVED, 2)
    assert [one["body"] for one in shown] == ["text 2", "text 1"]
    assert shown == [json.loads(json.dumps(one)) for one in reversed(events(hooked)[1:])]
    assert hooked.subscriptions.samples(HookEvent.CONSENT_CHANGED, 3) == [sample(HookEvent.CONSENT_CHANGED)]


def test_one_odd_row_does_not_keep_the_others_from_being_told(hooked: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(hooked, HookEvent.MESSAGE_RECEIVED)
    from syncer.flows.hooks import events as shapes

    real = shapes.message

    def odd(event: Any, row: Any, *more: Any) -> Any:
        if row.body == "odd":
            raise ValueError("odd")
        return real(event, row, *more)

    monkeypatch.setattr(shapes, "message", odd)
    at = hooked.house.clock.now()
    hooked.hear(*[said(f"wamid.{n}", "odd" if n == 3 else f"text {n}", at=at) for n in range(6)])
    assert [one["body"] for one in events(hooked)] == [f"text {n}" for n in (0, 1, 2, 4, 5)]
    monkeypatch.undo()
    hooked.house.clock.advance(seconds=1)
    with hooked.house.store.begin() as tx:
        tx.execute(text("update crm_writes set state = 'pending' where crm = 'hooks' and state = 'waiting'"))
    told(hooked)
    assert sorted(one["body"] for one in events(hooked)) == sorted(["odd", *(f"text {n}" for n in (0, 1, 2, 4, 5))])
