"""Identities: what leads to a contact - phones in each form we have met, and the platform's user ids (X3).

A user id is never altered. A phone is kept in every form in which it was seen, and looked up by all forms it can take
(`domain.phone_variants`); where forms belong to different contacts only the exact one counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    select,
    text,
)

from syncer.domain.message import Sender
from syncer.domain.phone_variants import canonical, variants
from syncer.store.base import metadata, moment, primary_key

identities = Table(
    "identities",
    metadata,
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False),
    PrimaryKeyConstraint("kind", "value"),
)
Index("ix_identities_contact_id", identities.c.contact_id)

#: What once led to a contact and, by the platform's own word, no longer does: a number that they gave up.
former_identities = Table(
    "former_identities",
    metadata,
    primary_key(),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False),
    moment("given_up_at", nullable=False),
)
Index("ix_former_identities_contact_id", former_identities.c.contact_id)

PHONE, USER_ID = "phone", "user_id"

Pair = tuple[str, str]
"""(kind, value): one identity."""

_TURN_CLASS = 0x5C04
#: Numbers with several forms share this many locks.
_BUCKETS = 256


def pairs_of(sender: Sender) -> list[Pair]:
    """What a sender is known by, the phone first."""
    return [(kind, value) for kind, value in ((PHONE, sender.phone), (USER_ID, sender.user_id)) if value]


def forms_of(sender: Sender) -> list[Pair]:
    """The same, with every form of the phone."""
    phones = variants(sender.phone) if sender.phone else ()
    return [*((PHONE, form) for form in phones), *([(USER_ID, sender.user_id)] if sender.user_id else [])]


def holders(tx: Connection, pairs: Iterable[Pair], *, lock: bool = False) -> dict[Pair, int]:
    """Who holds these, as far as anybody does; locked, so that nobody takes them away until the transaction ends."""
    wanted = sorted(set(pairs))
    if not wanted:
        return {}
    statement = text(f"""
        select i.kind, i.value, i.contact_id from identities i
        join unnest(cast(:kinds as text[]), cast(:values as text[])) w(kind, value) using (kind, value)
        {"order by i.kind, i.value for key share of i" if lock else ""}""")
    return {(row.kind, row.value): row.contact_id for row in tx.execute(statement, _columns(wanted))}


def holder_of(known: Mapping[Pair, int], phone: str) -> int | None:
    """Whose number this is: of who holds it as it is written, else of the one contact that holds another form of it.
    Of two such, nobody's."""
    exact = known.get((PHONE, phone))
    if exact is not None:
        return exact
    others = {known[PHONE, form] for form in variants(phone) if (PHONE, form) in known}
    return others.pop() if len(others) == 1 else None


def link(tx: Connection, wanted: Mapping[Pair, int]) -> dict[Pair, int]:
    """Give identities to contacts; whoever had one first keeps it. Returns who has each."""
    if not wanted:
        return {}
    statement = text("""
        insert into identities (kind, value, contact_id)
        select kind, value, contact_id from unnest(cast(:kinds as text[]), cast(:values as text[]),
            cast(:contacts as bigint[])) w(kind, value, contact_id) order by kind, value
        on conflict (kind, value) do update set value = excluded.value returning kind, value, contact_id""")
    pairs = sorted(wanted)
    rows = tx.execute(statement, _columns(pairs) | {"contacts": [wanted[pair] for pair in pairs]})
    return {(row.kind, row.value): row.contact_id for row in rows}


def lock_forms(tx: Connection, phones: Iterable[str]) -> None:
    """Nobody else makes a contact for any form of these numbers until the transaction ends. Two workers who each meet
    one form of a new number would otherwise make two, and no unique key would tell them. Numbers that have only one
    form need no lock. Take it before the locks of `holders`."""
    keys = sorted({canonical(phone) for phone in phones if len(variants(phone)) > 1})
    if keys:
        statement = text("""
            with buckets as materialized (
                select distinct abs(hashtext(k) % :buckets) as bucket from unnest(cast(:keys as text[])) k order by 1)
            select pg_advisory_xact_lock(:cls, bucket) from buckets""")
        tx.execute(statement, {"cls": _TURN_CLASS, "buckets": _BUCKETS, "keys": keys})


def by_phone(tx: Connection, phone: str) -> int | None:
    """Whose number this is, in whatever form it is known."""
    return holder_of(holders(tx, [(PHONE, form) for form in variants(phone)]), phone)


def user_ids(tx: Connection, ids: Iterable[int]) -> dict[int, str]:
    """The business-scoped user id of each contact that has one; the address of people who hide their phone."""
    statement = select(identities.c.contact_id, identities.c.value).where(
        identities.c.kind == USER_ID, identities.c.contact_id.in_(sorted(set(ids)))
    )
    return {row.contact_id: row.value for row in tx.execute(statement)}


def held_by(tx: Connection, ids: Collection[int]) -> dict[int, set[Pair]]:
    """Everything that leads to each of these contacts."""
    return _by_contact(tx, "identities", ids)


def given_up_by(tx: Connection, ids: Collection[int]) -> dict[int, set[Pair]]:
    """Everything that once led to each of these contacts and no longer does."""
    return _by_contact(tx, "former_identities", ids)


def _by_contact(tx: Connection, table: str, ids: Collection[int]) -> dict[int, set[Pair]]:
    found: dict[int, set[Pair]] = {contact_id: set() for contact_id in ids}
    statement = text(f"select contact_id, kind, value from {table} where contact_id = any(:ids)")
    for row in tx.execute(statement, {"ids": sorted(found)}) if found else ():
        found[row.contact_id].add((row.kind, row.value))
    return found


def change(tx: Connection, contact_id: int, *, gone: Collection[Pair], come: Collection[Pair], now: datetime) -> None:
    """`gone` leads to this contact no more and is remembered as given up; `come` leads to them from now on, whoever had
    it before."""
    keys = {"contact": contact_id, "now": now}
    wanted = "(kind, value) in (select * from unnest(cast(:kinds as text[]), cast(:values as text[])))"
    lost = text(f"""
        with lost as (delete from identities where contact_id = :contact and {wanted} returning kind, value)
        insert into former_identities (kind, value, contact_id, given_up_at)
        select kind, value, :contact, :now from lost""")
    tx.execute(lost, keys | _columns(sorted(set(gone) - set(come))))
    gained = text("""
        insert into identities (kind, value, contact_id)
        select kind, value, :contact from unnest(cast(:kinds as text[]), cast(:values as text[])) w(kind, value)
        order by kind, value on conflict (kind, value) do update set contact_id = excluded.contact_id""")
    back = text(f"delete from former_identities where contact_id = :contact and {wanted}")
    for statement in (gained, back):
        tx.execute(statement, keys | _columns(sorted(set(come))))


def _columns(pairs: Sequence[Pair]) -> dict[str, list[str]]:
    return {"kinds": [kind for kind, _ in pairs], "values": [value for _, value in pairs]}
