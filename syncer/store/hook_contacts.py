"""Customers that outside programs have told us of: rows of the source `hooks`, and who has an e-mail address."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Index, Row, func, text

from syncer.store.bulk import document
from syncer.store.contacts import contacts
from syncer.store.crm_writes import HOOKS

#: Addresses that somebody has said on our side; nearly empty. Those that a CRM says are found by its rows.
_SAID_HERE = func.jsonb_exists(contacts.c.edits, "email")
Index("ix_contacts_said_email", contacts.c.email, postgresql_where=_SAID_HERE)


def rows(tx: Connection, keys: Collection[str]) -> dict[str, Row[Any]]:
    """The rows of this source by their ids: fields, and the contact as `contact_id`."""
    statement = text("select crm_id, contact_id, fields from contact_sources where crm = :crm and crm_id = any(:keys)")
    return {row.crm_id: row for row in tx.execute(statement, {"crm": HOOKS, "keys": sorted(keys)})}


def last_contact(tx: Connection) -> int:
    """The highest number that a contact has."""
    return int(tx.execute(text("select coalesce(max(id), 0) from contacts")).scalar_one())


def stamp(tx: Connection, moments: Mapping[str, Mapping[str, datetime]]) -> None:
    """When each field of these new rows was said."""
    statement = text("""
        update contact_sources s set stamps = r.stamps
        from jsonb_to_recordset(cast(:rows as jsonb)) r(crm_id text, stamps jsonb)
        where s.crm = :crm and s.crm_id = r.crm_id""")
    told = [
        {"crm_id": key, "stamps": {name: at.isoformat() for name, at in stamps.items()}}
        for key, stamps in sorted(moments.items())
    ]
    if told:
        tx.execute(statement, {"rows": document(told), "crm": HOOKS})


def changed(tx: Connection, since: datetime | None, limit: int) -> list[int]:
    """The contacts that changed last (after `since`), the latest change first. An index would cost every change of
    every contact more than this question, asked every few minutes, costs in all."""
    statement = text("""
        select id from contacts where cast(:since as timestamptz) is null or updated_at > :since
        order by updated_at desc, id desc limit :limit""")
    return list(tx.execute(statement, {"since": since, "limit": limit}).scalars())


def by_email(tx: Connection, email: str, most: int = 10) -> list[int]:
    """The contacts with this address, at most so many: by any CRM's word, or said on our side."""
    statement = text("""
        (select contact_id as id from contact_sources where fields ->> 'email' = :email limit :most)
        union (select id from contacts where jsonb_exists(edits, 'email') and email = :email limit :most)
        order by id limit :most""")
    return list(tx.execute(statement, {"email": email, "most": most}).scalars())


def by_external_id(tx: Connection, crms: Sequence[str], crm_id: str) -> list[int]:
    """The contacts whose row has this id in any of these CRMs."""
    statement = text("""
        select distinct contact_id from contact_sources where crm = any(:crms) and crm_id = :id order by 1""")
    return list(tx.execute(statement, {"crms": list(crms), "id": crm_id}).scalars())


def any_row(tx: Connection, contact_id: int) -> str | None:
    """A row of this contact as other rows name it (`sql:4711`), one of this source before all others."""
    statement = text("""
        select crm || ':' || crm_id from contact_sources where contact_id = :id
        order by crm = :crm desc, crm, crm_id limit 1""")
    return tx.execute(statement, {"id": contact_id, "crm": HOOKS}).scalar_one_or_none()


def unknown_to(tx: Connection, crms: Sequence[str], contact_ids: Collection[int]) -> list[int]:
    """Those of these contacts of whom none of these CRMs has a row."""
    statement = text("""
        select c from unnest(cast(:ids as bigint[])) c where not exists (
            select 1 from contact_sources s where s.contact_id = c and s.crm = any(:crms)) order by c""")
    return list(tx.execute(statement, {"ids": sorted(contact_ids), "crms": list(crms)}).scalars())


def durably(tx: Connection) -> None:
    """Let the commit wait for the disk after all: what was answered must not be lost (law 1)."""
    tx.execute(text("select set_config('synchronous_commit', 'on', true)"))
