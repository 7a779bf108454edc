"""Events, read from what the database holds now: for telling, for the polling lists and for the samples."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.hook import HookEvent
from syncer.flows.hooks import events
from syncer.flows.hooks.events import Body, File, Person
from syncer.store import conversations, hook_reading, media, messages


def people(tx: Connection, ids: Collection[int]) -> dict[int, Person]:
    """Contacts by number; who is not there any more is absent."""
    rows = hook_reading.people(tx, ids)
    return {key: Person(row, row.user_id, row.crm_ids or {}, row.merged) for key, row in rows.items()}


def files(tx: Connection, message_ids: Collection[int], files_at: str) -> dict[int, File]:
    """The files of these messages, by message, to be fetched from below the address `files_at` once they are here."""
    rows = media.of_messages(tx, message_ids) if message_ids else {}
    return {key: File(row, f"{files_at}/{row.id}" if row.fetched_at else None) for key, row in rows.items()}


def about_messages(tx: Connection, event: HookEvent, ids: Collection[int], files_at: str) -> dict[int, Body]:
    """One event of this kind about each of these messages."""
    rows = messages.by_ids(tx, ids)
    whose, with_file = people(tx, {row.contact_id for row in rows.values()}), files(tx, rows, files_at)
    return {
        key: events.message(event, row, whose[row.contact_id], with_file.get(key))
        for key, row in rows.items()
        if row.contact_id in whose
    }


def about_contacts(tx: Connection, event: HookEvent, ids: Collection[int]) -> dict[int, Body]:
    """One event of this kind about each of these contacts."""
    return {key: events.contact(event, person) for key, person in people(tx, ids).items()}


def about_words(tx: Connection, ids: Collection[int]) -> dict[int, Body]:
    """One event about each of these words of the consent ledger."""
    rows = hook_reading.words(tx, ids)
    return {row.id: body for row, body in said(tx, list(rows.values()))}


def said(tx: Connection, rows: Sequence[Row[Any]]) -> list[tuple[Row[Any], Body]]:
    """Words of the ledger, each with its event."""
    whose = people(tx, {row.contact_id for row in rows})
    return [(row, events.consent(row, whose[row.contact_id])) for row in rows if row.contact_id in whose]


def about_handoffs(tx: Connection, ids: Collection[int]) -> dict[int, Body]:
    """One event about each of these handoffs."""
    rows = conversations.handoffs_by_ids(tx, ids)
    with_words = messages.by_ids(tx, {row.message_id for row in rows.values()})
    whose = people(tx, {row.contact_id for row in rows.values()})
    return {
        key: events.handoff(row, with_words[row.message_id], whose[row.contact_id])
        for key, row in rows.items()
        if row.contact_id in whose and row.message_id in with_words
    }


def newest(tx: Connection, event: HookEvent, limit: int, files_at: str = "") -> list[Body]:
    """The newest events of a kind, the newest first: what a polling list or an editor's sample shows."""
    ids = hook_reading.newest(tx, event, limit)
    found = about(tx, event, ids, files_at)
    return [found[key] for key in ids if key in found]


def about(tx: Connection, event: HookEvent, ids: Collection[int], files_at: str = "") -> Mapping[int, Body]:
    """One event of this kind about each of these: messages, contacts, words or handoffs, as the event asks."""
    if event in (HookEvent.CONTACT_CREATED, HookEvent.CONTACT_UPDATED):
        return about_contacts(tx, event, ids)
    if event is HookEvent.CONSENT_CHANGED:
        return about_words(tx, ids)
    if event is HookEvent.HANDOFF_CREATED:
        return about_handoffs(tx, ids)
    return about_messages(tx, event, ids, files_at)
