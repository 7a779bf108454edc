"""People: what the platform tells of customers besides their messages - another number, another user id, what they
think of our marketing, their name in the business app's address book (X3, X4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from syncer.domain.consent import ConsentEntry, Tier
from syncer.domain.message import Direction, Sender
from syncer.domain.notice import AddressBookEntry, IdentityChange, PreferenceChange
from syncer.store import (
    consents,
    contact_joins,
    conversations,
    crm_writes,
    identity_changes,
    messages,
    recognition,
)
from syncer.store.crm_writes import Topic, Want

Event = IdentityChange | PreferenceChange | AddressBookEntry

#: Where a word of consent came from, in the ledger.
PREFERENCES = "whatsapp:user_preferences"


@dataclass(frozen=True)
class People:
    """Keeps who somebody is, and what they told the platform about us."""

    crms: tuple[str, ...]

    hears = (IdentityChange, PreferenceChange, AddressBookEntry)

    def apply(self, tx: Connection, events: Sequence[Event], now: datetime) -> set[str]:
        """Apply events in the order of their time; returns the queues that have work now. A repeat changes nothing."""
        in_order = sorted(events, key=lambda event: event.at)
        wants = self._move(tx, [event for event in in_order if isinstance(event, IdentityChange)], now)
        wants += self._listen(tx, [event for event in in_order if isinstance(event, PreferenceChange)], now)
        self._name(tx, [event for event in in_order if isinstance(event, AddressBookEntry)], now)
        crm_writes.request(tx, self.crms, wants, now)
        return {"crm"} if wants else set()

    def _move(self, tx: Connection, changes: Sequence[IdentityChange], now: datetime) -> list[Want]:
        """A changed number or user id: conversation, consents and tags stay with the person. The notice itself is the
        key that keeps a repeat from moving the number's next owner."""
        if not changes:
            return []
        contact_joins.take_turn(tx)
        told = identity_changes.told_before(tx, [messages.inbound_ref(change.wamid) for change in changes])
        wants = []
        for change in changes:
            if messages.inbound_ref(change.wamid) not in told:
                wants += self._move_one(tx, change, now)
                told.add(messages.inbound_ref(change.wamid))
        return wants

    def _move_one(self, tx: Connection, change: IdentityChange, now: datetime) -> list[Want]:
        person = identity_changes.person_of(tx, change.before, change.after, f"whatsapp:{change.wamid}", now)
        identity_changes.take_over(tx, person, change.before, change.after, now)
        opened = conversations.open_for(tx, [(person, change.phone_number_id)], now)
        new = messages.add(tx, [_as_row(change, person, opened[person, change.phone_number_id], now)])
        return [Want(Topic.CONTACT, person, person), *(Want(Topic.MESSAGE, row, person) for row in new.values())]

    def _listen(self, tx: Connection, changes: Sequence[PreferenceChange], now: datetime) -> list[Want]:
        """The customer's own word on marketing. A stranger becomes a contact, so that a stop is never lost."""
        people = recognition.resolve(tx, [change.person for change in changes], now) if changes else {}
        entries = [_as_entry(change, people) for change in changes]
        wants = []
        for entry in entries:
            if entry not in _entered(tx, entry.contact_id):
                consents.record(tx, entry, now)
                wants.append(Want(Topic.CONTACT, entry.contact_id, entry.contact_id))
        return wants

    def _name(self, tx: Connection, entries: Sequence[AddressBookEntry], now: datetime) -> None:
        """A name for people whom we know and who have none; an address book makes nobody a customer."""
        known = [(recognition.find(tx, entry.person), entry.person.name) for entry in entries if entry.person.name]
        names = [(contact_id, name) for contact_id, name in known if contact_id is not None and name]
        identity_changes.name_nameless(tx, names, now)


def _as_entry(change: PreferenceChange, people: Mapping[Sender, int]) -> ConsentEntry:
    person = people[change.person]
    return ConsentEntry(person, Tier.MARKETING, change.word, change.at, PREFERENCES, change.proof, explicit=True)


def _entered(tx: Connection, contact_id: int) -> list[ConsentEntry]:
    return [
        ConsentEntry(row.contact_id, row.tier, row.word, row.at, row.source, row.proof, row.explicit)
        for row in consents.history(tx, contact_id)
    ]


def _as_row(change: IdentityChange, contact_id: int, conversation_id: int, now: datetime) -> dict[str, Any]:
    """The notice as part of the conversation. It is no message of the customer's: it opens no window, asks for no
    answer and leaves nobody unattended."""
    return {
        "ref": messages.inbound_ref(change.wamid),
        "conversation_id": conversation_id,
        "contact_id": contact_id,
        "direction": Direction.IN,
        "phone_number_id": change.phone_number_id,
        "wamid": change.wamid,
        "kind": "system",
        "body": change.text,
        "payload": change.raw,
        "reply_to": None,
        "occurred_at": change.at,
        "recorded_at": now,
    }
