"""Rows of a CRM that a person takes out of the contact a sync has merged them into: what the journal says of them, what
goes along, and what is written down (R5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Row, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from syncer.store.base import metadata, moment, primary_key
from syncer.store.bulk import document
from syncer.store.contact_joins import WORDS

#: `kept` is the contact that the row has left, before and after; `apart` the one that it got.
row_separations = Table(
    "row_separations",
    metadata,
    primary_key(),
    Column("crm", Text, nullable=False),
    Column("crm_id", Text, nullable=False),
    Column("kept_id", BigInteger, nullable=False),
    Column("apart_id", BigInteger, nullable=False),
    Column("kept_before", JSONB, nullable=False),
    Column("kept_after", JSONB, nullable=False),
    Column("apart", JSONB, nullable=False),
    Column("by", Text, nullable=False),
    moment("separated_at", nullable=False),
)
Index("ix_row_separations_kept", row_separations.c.kept_id)
Index("ix_row_separations_apart", row_separations.c.apart_id)


def absorbed(tx: Connection, contact_id: int) -> Sequence[Row[Any]]:
    """The rows that a sync has merged into a contact and that are still there, the latest first, each with what shows
    that it is the same person: `id`, `crm`, `crm_id`, `key`, `merged_at`, `full_name`, `phone`."""
    statement = text("""
        select * from (
            select distinct on (m.crm, m.crm_id) m.id, m.crm, m.crm_id, m.key, m.merged_at,
                s.fields ->> 'full_name' as full_name, s.phone
            from merges m join contact_sources s using (crm, crm_id, contact_id)
            where m.contact_id = :id and m.undone_at is null and exists (
                select 1 from contact_sources o
                where o.contact_id = m.contact_id and (o.crm, o.crm_id) <> (m.crm, m.crm_id))
            order by m.crm, m.crm_id, m.id desc) found
        order by id desc""")
    return tx.execute(statement, {"id": contact_id}).fetchall()


def home_of(tx: Connection, crm: str, crm_id: str) -> int | None:
    """The contact that a row lives with."""
    statement = text("select contact_id from contact_sources where crm = :crm and crm_id = :crm_id")
    found: int | None = tx.execute(statement, {"crm": crm, "crm_id": crm_id}).scalar_one_or_none()
    return found


def former_number(tx: Connection, crm: str, crm_id: str, contact_id: int) -> int | None:
    """The number of the contact that the row had to itself before it was merged into this one, if nobody else has it
    now and no join could bring it back."""
    statement = text("""
        select former from (
            select cast(before ->> 'contact_id' as bigint) as former from merges
            where crm = :crm and crm_id = :crm_id and contact_id = :contact and undone_at is null
            order by id desc limit 1) m
        where not exists (select 1 from contacts where id = former)
          and not exists (select 1 from contact_joins where former in (absorbed_id, kept_id))""")
    values = {"crm": crm, "crm_id": crm_id, "contact": contact_id}
    found: int | None = tx.execute(statement, values).scalar_one_or_none()
    return found


@dataclass(frozen=True, slots=True)
class Taken:
    """A word of a contact's ledger, as it was entered, and the row that it came from."""

    row: tuple[str, str]
    contact_id: int
    word: Mapping[str, Any]


def take_words(tx: Connection, rows: Collection[tuple[tuple[str, str], int]]) -> list[Taken]:
    """Take out of the ledgers of contacts what was imported from these rows ((CRM, its id), contact), and with the last
    yes that somebody has taken back its end."""
    imported = text("""
        delete from consents c using jsonb_to_recordset(cast(:rows as jsonb)) r(crm text, crm_id text, contact bigint)
        where c.contact_id = r.contact and not explicit and source = 'crm:' || r.crm
            and starts_with(proof, lower(r.crm || ':' || r.crm_id) || ' ')
        returning r.crm, r.crm_id, c.contact_id, to_jsonb(c) as word""")
    ended = text("""
        delete from consents c using jsonb_to_recordset(cast(:rows as jsonb)) r(crm text, crm_id text, contact bigint)
        where c.contact_id = r.contact and not explicit and starts_with(c.source, 'crm:')
            and right(c.proof, 14) = 'no longer said' and not exists (
                select 1 from consents g where g.contact_id = c.contact_id and g.tier = c.tier
                    and not g.explicit and g.word = 'granted')
        returning r.crm, r.crm_id, c.contact_id, to_jsonb(c) as word""")
    values = {"rows": document([{"crm": row[0], "crm_id": row[1], "contact": contact} for row, contact in rows])}
    found = [*tx.execute(imported, values), *tx.execute(ended, values)]
    return sorted(
        (Taken((row.crm, row.crm_id), row.contact_id, row.word) for row in found), key=lambda one: one.word["id"]
    )


def give_words(tx: Connection, words: Sequence[tuple[int, Mapping[str, Any]]], now: datetime) -> None:
    """Put words (contact, word) into the ledgers as they were; what was entered there just now to the same end is not
    needed besides."""
    rows = document([dict(word) | {"contact_id": contact_id} for contact_id, word in words])
    again = text("""
        delete from consents c where not explicit and recorded_at = :now and contact_id = any(:contacts) and word = (
            select w.word from jsonb_populate_recordset(null::consents, cast(:words as jsonb)) w
            where w.contact_id = c.contact_id and w.tier = c.tier order by w.at desc, w.id desc limit 1)""")
    tx.execute(again, {"words": rows, "now": now, "contacts": sorted({contact_id for contact_id, _ in words})})
    entered = text("""
        insert into consents (contact_id, tier, word, at, source, proof, explicit, recorded_at)
        select contact_id, tier, word, at, source, proof, explicit, recorded_at
        from jsonb_populate_recordset(null::consents, cast(:words as jsonb)) order by id""")
    tx.execute(entered, {"words": rows})


def show_words(tx: Connection, contact_ids: Collection[int]) -> None:
    """Contacts show the word that their ledger holds now."""
    statement = text(f"update contacts k set {WORDS} where id = any(:ids)")
    tx.execute(statement, {"ids": sorted(contact_ids)})


def show_number(tx: Connection, contact_ids: Collection[int]) -> None:
    """Contacts without a number have the one that leads to them, if any does."""
    statement = text("""
        update contacts k set phone = i.phone, phone_problem = null
        from (select contact_id, min(value) as phone from identities
              where kind = 'phone' and contact_id = any(:ids) group by contact_id) i
        where k.id = i.contact_id and k.phone is null""")
    tx.execute(statement, {"ids": sorted(contact_ids)})


def give_number(tx: Connection, phones: Collection[str], giver: int, taker: int) -> None:
    """What of these numbers led to the one leads to the other."""
    statement = text("""
        update identities set contact_id = :taker
        where kind = 'phone' and contact_id = :giver and value = any(:phones)""")
    tx.execute(statement, {"giver": giver, "taker": taker, "phones": sorted(phones)})


def picture(tx: Connection, contact_id: int) -> dict[str, Any]:
    """A contact as the journal keeps it."""
    found: dict[str, Any] = tx.execute(
        text("select to_jsonb(c) from contacts c where id = :id for update"), {"id": contact_id}
    ).scalar_one()
    return found


def note(
    tx: Connection, row: tuple[str, str], kept: tuple[int, Mapping[str, Any]], apart_id: int, by: str, now: datetime
) -> int:
    """Write it down, after everything else; `kept` is the contact left and how it was before."""
    statement = text("""
        insert into row_separations (crm, crm_id, kept_id, apart_id, kept_before, kept_after, apart, by, separated_at)
        select :crm, :crm_id, k.id, a.id, cast(:before as jsonb), to_jsonb(k), to_jsonb(a), :by, :now
        from contacts k, contacts a where k.id = :kept and a.id = :apart returning id""")
    values = {"crm": row[0], "crm_id": row[1], "kept": kept[0], "before": document(dict(kept[1]))}
    return int(tx.execute(statement, values | {"apart": apart_id, "by": by, "now": now}).scalar_one())
