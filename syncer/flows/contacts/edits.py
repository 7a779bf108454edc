"""Words on our side: what an API client, an agent or a person at the console says of a contact. It is remembered with
its moment, shown at once, and told to the CRMs that know the person; which word stands later is
`policies.ownership`'s matter."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.contact import Edit
from syncer.domain.errors import Refused
from syncer.domain.message import Sender
from syncer.policies.editing import accept
from syncer.policies.ownership import Law, same, winner, words
from syncer.ports import Clock, Jobs
from syncer.store import contact_joins, contact_words, contacts, crm_writes, identities, identity_changes, recognition
from syncer.store.crm_writes import HOOKS, Topic, Want
from syncer.store.session import Store

#: Fields with a column of their own; the others are attributes.
_COLUMNS = frozenset({"full_name", "email", "language", "tags", "blocked"})
_NEXT = timedelta(microseconds=1)
#: What an emptied column holds; the others hold nothing.
_EMPTY: Mapping[str, Any] = {"full_name": "", "tags": [], "blocked": False}


class PhoneTaken(Refused):
    """The number is another contact's: `holder`."""

    def __init__(self, holder: int) -> None:
        super().__init__(f"the number belongs to contact {holder}")
        self.holder = holder


@dataclass(frozen=True)
class ContactEdits:
    """`names` are the contact fields that may be said, `region` (ISO country) is assumed for numbers without a country
    code, `law` knows the CRMs and whose word stands."""

    store: Store
    law: Law
    names: Collection[str]
    region: str
    clock: Clock
    jobs: Jobs

    def edit(self, contact_id: int, fields: Mapping[str, Any], by: str) -> None:
        """Say these fields; None empties one, and what is so already changes nothing. All of them or none.

        Raises `LookupError` (no such contact), `NotAcceptable`, `PhoneTaken`, and `Refused` for a field on which a
        CRM's word stands by its mapping."""
        values = accept(fields, self.names, self.region)
        if self.store.run(lambda tx: self.say(tx, contact_id, values, by)):
            self.jobs.ring("crm")

    def put(self, fields: Mapping[str, Any], by: str) -> tuple[int, bool]:
        """The contact whose `phone` this is, with these fields; made if nobody has the number. Returns it, and whether
        it was made. Raises `NotAcceptable` and `Refused` as `edit`."""
        values = accept({"phone": None, **fields}, self.names, self.region)
        contact_id, made = self.store.run(lambda tx: self._put(tx, values, by))
        self.jobs.ring("crm")
        return contact_id, made

    def _put(self, tx: Connection, values: dict[str, Any], by: str) -> tuple[int, bool]:
        now, sender = self.clock.now(), Sender(phone=values["phone"])
        contact_joins.take_turn(tx)
        known = recognition.find(tx, sender)
        contact_id = known if known is not None else recognition.resolve(tx, [sender], now)[sender]
        rest = {name: value for name, value in values.items() if name != "phone"}
        if not self.say(tx, contact_id, rest, by) and known is None:
            self._tell(tx, contact_id, now)
        return contact_id, known is None

    def say(self, tx: Connection, contact_id: int, values: Mapping[str, Any], by: str, *, again: bool = False) -> bool:
        """The same in a transaction, for values that were accepted; returns whether anything is new. `again`: say also
        what is so already. Ring for the CRM writes after the commit."""
        now = self.clock.now()
        if "phone" in values:
            _free(tx, contact_id, values["phone"])
        contact = contacts.lock(tx, contact_id)
        if contact is None:
            raise LookupError(contact_id)
        new = {name: value for name, value in values.items() if again or not same(_held(contact, name), value)}
        said = self._said(tx, contact_id, new, by, now)
        if "phone" in new and new["phone"] != contact.phone:
            identity_changes.take_over(tx, contact_id, Sender(phone=contact.phone), Sender(phone=new["phone"]), now)
        columns = {name: _EMPTY.get(name) if new[name] is None else new[name] for name in _COLUMNS & new.keys()}
        attributes = {name: value for name, value in new.items() if name not in _COLUMNS and name != "phone"}
        contacts.change_fields(tx, contact_id, columns, attributes, now)
        contact_words.remember_edits(tx, contact_id, said)
        if new:
            self._tell(tx, contact_id, now)
        return bool(new)

    def _said(self, tx: Connection, contact_id: int, new: Mapping[str, Any], by: str, now: datetime) -> dict[str, Edit]:
        """The words, each later than every word that we have heard from a CRM. Raises `Refused` where a CRM's stands
        all the same. Labels are a set that both sides add to; there is no one word on them to remember."""
        rows = contact_words.rows_of(tx, [contact_id])
        sources = [one.record for one in rows]
        first = {(one.record.crm, one.record.crm_id): one.said_at for one in rows if one.said_at is not None}
        said = {}
        for name in sorted(new.keys() - {"tags"}):
            heard = words(sources, name, {}, first)
            edit = Edit(new[name], max([now, *(word.at + _NEXT for word in heard)]), by)
            stands = winner(name, words(sources, name, {name: edit}, first), self.law)
            if name not in ("phone", "blocked") and stands and stands.crm and not same(stands.value, edit.value):
                raise Refused(f"'{name}' is what the CRM '{stands.crm}' says; it has to be changed there")
            said[name] = edit
        return said

    def _tell(self, tx: Connection, contact_id: int, now: datetime) -> None:
        """The CRMs that know the person; of whom no CRM knows, the master is told."""
        known = {one.record.crm for one in contact_words.rows_of(tx, [contact_id])}
        told = [crm for crm in self.law.crms if crm in known] or list(self.law.crms[:1])
        crm_writes.request(tx, [*told, HOOKS], [Want(Topic.CONTACT, contact_id, contact_id)], now)


def _held(contact: Row[Any], name: str) -> Any:
    if name == "phone" or name in _COLUMNS:
        return getattr(contact, name)
    return contact.attributes.get(name)


def _free(tx: Connection, contact_id: int, phone: str) -> None:
    """Nobody else has this number, nor gets it until the transaction ends. Identities are locked before contacts, by
    everybody. Raises `PhoneTaken`."""
    contact_joins.take_turn(tx)
    identities.lock_forms(tx, [phone])
    known = contacts.by_ids(tx, [contact_id]).get(contact_id)
    if known is not None and known.phone:
        recognition.find(tx, Sender(phone=known.phone))
    holder = recognition.find(tx, Sender(phone=phone))
    if holder is not None and holder != contact_id:
        raise PhoneTaken(holder)
