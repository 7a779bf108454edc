"""Our rows as a CRM should have them: contacts, messages and tasks, read as they stand now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.consent import Word
from syncer.domain.crm_record import CrmContact, CrmMessage, CrmTask, TakenReply
from syncer.domain.text import shorten
from syncer.policies import telling
from syncer.policies.consent_import import FIELDS
from syncer.policies.ownership import LONG_AGO, Law
from syncer.policies.telling import ConsentSaid, Person
from syncer.store import agent_replies, contact_words, contacts, conversations, identities, media, messages

_AS_BOOLEAN = {Word.GRANTED: True, Word.REVOKED: False, Word.UNKNOWN: None}


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """What one row of a CRM has to be told of a contact. `digest` is that of the row as we know it (None: it is yet to
    be made), `stamps` the moments of the words that are written."""

    contact_id: int
    record: CrmContact
    digest: bytes | None
    stamps: Mapping[str, datetime]


def contact_records(tx: Connection, crm: str, ids: Collection[int], law: Law) -> list[ContactRecord]:
    """One for each row of these contacts in this CRM that lacks something, and for each contact that it does not know
    and should: whoever talks with us, and everybody else's master."""
    rows, people = contacts.by_ids(tx, ids), _people(tx, ids)
    found: list[ContactRecord] = []
    strangers = [key for key, person in people.items() if not person.rows_of(crm)]
    expected = contact_words.in_conversation(tx, strangers)
    for key, person in people.items():
        if key not in strangers:
            found += _lacking(key, person, crm, law)
        elif key in expected or law.is_master(crm):
            fields = _introduced(rows[key], person, crm, law)
            record = CrmContact(f"contact-{key}", None, fields)
            found.append(ContactRecord(key, record, None, {}))
    return found


def lacking(tx: Connection, ids: Collection[int], law: Law) -> dict[str, list[int]]:
    """CRM -> those of these contacts of whom a row there lacks something."""
    found: dict[str, list[int]] = {}
    for key, person in _people(tx, ids).items() if law.rules else ():
        for crm in law.rules:
            if telling.due(person, crm, law):
                found.setdefault(crm, []).append(key)
    return found


def _people(tx: Connection, ids: Collection[int]) -> dict[int, Person]:
    rows = contacts.by_ids(tx, ids)
    stored: dict[int, list[contact_words.StoredRow]] = {key: [] for key in rows}
    for one in contact_words.rows_of(tx, rows):
        stored[one.contact_id].append(one)
    consents = contact_words.consents_of(tx, rows)
    given_up = identities.given_up_by(tx, rows)
    return {
        key: Person(
            rows=[one.record for one in stored[key]],
            phone=row.phone,
            tags=row.tags,
            consents=_consents(row, consents.get(key, [])),
            edits=contact_words.as_edits(row.edits),
            said={(o.record.crm, o.record.crm_id): o.said_at for o in stored[key] if o.said_at is not None},
            given_up={value for kind, value in given_up[key] if kind == identities.PHONE},
            unread={(o.record.crm, o.record.crm_id) for o in stored[key] if not o.record.digest},
        )
        for key, row in sorted(rows.items())
    }


def _consents(row: Row[Any], held: Sequence[contact_words.Holding]) -> dict[str, ConsentSaid]:
    """What a contact's present words are, tier by tier; the ledger tells how they came. A word that nobody has said is
    not written."""
    found = {}
    for tier, name in FIELDS.items():
        granted = _AS_BOOLEAN[Word(getattr(row, tier.value))]
        entry = next((one for one in held if one.tier == tier), None)
        if granted is not None:
            own = entry is None or entry.own
            found[name] = ConsentSaid(granted, own, entry.at if entry else row.updated_at)
    return found


def _lacking(key: int, person: Person, crm: str, law: Law) -> list[ContactRecord]:
    rows = person.rows_of(crm)
    due = telling.due(person, crm, law)
    found = []
    for row in rows:
        words = due.get(row.crm_id, {})
        if words:
            ref = f"contact-{key}" if row is rows[0] else f"contact-{key}-{row.crm_id}"
            record = CrmContact(ref, row.crm_id, {name: word.value for name, word in words.items()})
            stamps = {name: word.at for name, word in words.items() if word.at > LONG_AGO}
            found.append(ContactRecord(key, record, row.digest, stamps))
    return found


def _introduced(row: Row[Any], person: Person, crm: str, law: Law) -> dict[str, Any]:
    """Name and number, what conversations change (tags and consent), and what was said on our side or by the master."""
    said = {
        "full_name": row.full_name,
        "phone": row.phone,
        "source": "whatsapp",
        "tags": list(row.tags) or None,
        **{name: one.granted for name, one in person.consents.items()},
    }
    told = telling.introduction(person, crm, law)
    return {name: value for name, value in (said | told).items() if value is not None}


def message_records(tx: Connection, crm: str, ids: Sequence[int], files_at: str = "") -> dict[int, CrmMessage]:
    """Messages by number, in their present state; their files are fetched from below the address `files_at`."""
    rows = messages.by_ids(tx, ids)
    files = media.of_messages(tx, rows)
    people = contacts.by_ids(tx, [row.contact_id for row in rows.values()])
    known = contacts.crm_ids(tx, crm, people)
    theirs = agent_replies.written_in(tx, crm, [row.outgoing_id for row in rows.values() if row.outgoing_id])
    return {
        key: CrmMessage(
            ref=row.ref,
            crm_contact_id=known.get(row.contact_id),
            phone=people[row.contact_id].phone,
            direction=row.direction,
            kind=row.kind,
            body=row.body,
            wamid=row.wamid,
            status=row.status,
            status_at=row.played_at or row.read_at or row.delivered_at or row.failed_at or row.sent_at,
            occurred_at=row.occurred_at,
            error=f"{row.error_code}: {row.error_detail or ''}".strip() if row.error_code else None,
            reply_to=row.reply_to,
            media_url=f"{files_at}/{files[key].id}" if key in files and files[key].fetched_at else None,
            media_type=files[key].mime_type if key in files else None,
            written_there=row.outgoing_id in theirs,
        )
        for key, row in rows.items()
    }


def reply_records(tx: Connection, crm: str, ids: Sequence[int]) -> dict[int, TakenReply]:
    """What became of agents' messages, by the number of our note of each."""
    rows = agent_replies.by_ids(tx, ids)
    return {key: TakenReply(row.record_id, row.ref, row.error) for key, row in rows.items() if row.crm == crm}


def task_records(tx: Connection, crm: str, ids: Sequence[int]) -> dict[int, CrmTask]:
    """Handoffs by number, as work for a person: what was said and why it is theirs now."""
    rows = conversations.handoffs_by_ids(tx, ids)
    said = messages.by_ids(tx, [row.message_id for row in rows.values()])
    known = contacts.crm_ids(tx, crm, [row.contact_id for row in rows.values()])
    return {
        key: CrmTask(
            ref=f"handoff-{row.rule}-{said[row.message_id].wamid}",
            crm_contact_id=known.get(row.contact_id),
            subject=shorten(f"WhatsApp: {row.reason}", 200),
            body=said[row.message_id].body,
            priority=row.priority,
            created_at=row.created_at,
        )
        for key, row in rows.items()
    }
