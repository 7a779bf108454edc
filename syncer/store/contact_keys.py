"""Rows of the CRMs by keys other than their phone: the row of another CRM that they name, their e-mail address (R5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, Index, text

from syncer.store.bulk import document
from syncer.store.contacts import contact_sources

_NAMED = contact_sources.c.fields["same_as"].astext
_EMAIL = contact_sources.c.fields["email"].astext
#: Empty wherever no mapping has the field; whether it is empty is asked once a page.
Index("ix_contact_sources_same_as", _NAMED, postgresql_where=_NAMED.is_not(None))
Index("ix_contact_sources_email", _EMAIL, postgresql_where=_EMAIL.is_not(None))


def carriers(tx: Connection, emails: Collection[str], most: int) -> set[int]:
    """The contacts with a row of one of these addresses, of each address at most `most` rows."""
    if not emails:
        return set()
    statement = text("""
        select distinct s.contact_id from json_array_elements_text(cast(:emails as json)) w(email)
        cross join lateral (
            select contact_id from contact_sources
            where fields ->> 'email' = w.email order by crm, crm_id limit :most) s""")
    return set(tx.execute(statement, {"emails": document(sorted(emails)), "most": most}).scalars())


def set_apart(tx: Connection, keys: Sequence[tuple[str, str]], apart: bool = True) -> list[tuple[str, str]]:
    """These rows (CRM, its id) stay where they are from now on, whatever their keys - or no longer do; returns those of
    which that was not so before."""
    statement = text("""
        update contact_sources s set apart = :apart
        from unnest(cast(:crms as text[]), cast(:ids as text[])) w(crm, crm_id)
        where s.crm = w.crm and s.crm_id = w.crm_id and s.apart <> :apart returning s.crm, s.crm_id""")
    values = {"apart": apart, "crms": [crm for crm, _ in keys], "ids": [crm_id for _, crm_id in keys]}
    return [(row.crm, row.crm_id) for row in tx.execute(statement, values)] if keys else []
