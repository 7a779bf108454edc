"""Our rows as a CRM should have them: contacts, messages and tasks, read as they stand now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.consent import Word
from syncer.domain.crm_record import CrmContact, CrmMessage, CrmTask
from syncer.domain.text import shorten
from syncer.store import contacts, conversations, identities, media, messages

_AS_BOOLEAN = {Word.GRANTED: True, Word.REVOKED: False, Word.UNKNOWN: None}


def contact_records(tx: Connection, crm: str, ids: Sequence[int]) -> dict[int, CrmContact]:
    """Contacts by number, with the CRM's own id where it has one."""
    known = contacts.crm_ids(tx, crm, ids)
    moved = identities.outdated(tx, crm, ids)
    return {
        key: CrmContact(
            ref=f"contact-{key}",
            crm_id=known.get(key),
            fields=_fields(row, known=key in known) | ({"phone": row.phone} if key in moved and row.phone else {}),
        )
        for key, row in contacts.by_ids(tx, ids).items()
    }


def _fields(row: Row[Any], *, known: bool) -> dict[str, Any]:
    """What conversations change: tags and consent. Name and phone only for a person the CRM does not have yet - the way
    a company writes them in its own table is its own, unless the number is another one now. A word nobody has said is
    not written."""
    said = {
        "tags": list(row.tags) or None,
        "marketing_consent": _AS_BOOLEAN[Word(row.marketing)],
        "transactional_consent": _AS_BOOLEAN[Word(row.transactional)],
    }
    introduced = {} if known else {"full_name": row.full_name, "phone": row.phone, "source": "whatsapp"}
    return {name: value for name, value in (introduced | said).items() if value is not None}


def message_records(tx: Connection, crm: str, ids: Sequence[int], files_at: str = "") -> dict[int, CrmMessage]:
    """Messages by number, in their present state; their files are fetched from below the address `files_at`."""
    rows = messages.by_ids(tx, ids)
    files = media.of_messages(tx, rows)
    people = contacts.by_ids(tx, [row.contact_id for row in rows.values()])
    known = contacts.crm_ids(tx, crm, people)
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
        )
        for key, row in rows.items()
    }


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
