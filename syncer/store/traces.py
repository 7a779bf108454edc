"""Traces: everything by which rows are recognised as one person's, wherever they stand (GDPR Art. 15 and 17).

A number counts for the time it was theirs: what came from it before or after is another's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from syncer.domain.phone_variants import variants


@dataclass(frozen=True, slots=True)
class Traces:
    """What leads to the rows of one person. `ids`: the contact's number, and those of contacts it was made of. `phones`
    in every form, and `user_ids`, as far as they lead to them today; `crms` and `crm_ids` pair by pair. `refs` and
    `wamids` of their messages; `inbox`, `outgoing`, `crm_writes`, `crm_notices`, `media` and
    `hook_deliveries` are numbers of rows."""

    ids: list[int]
    phones: list[str] = field(default_factory=list)
    user_ids: list[str] = field(default_factory=list)
    crms: list[str] = field(default_factory=list)
    crm_ids: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    refs: list[str] = field(default_factory=list)
    wamids: list[str] = field(default_factory=list)
    inbox: list[int] = field(default_factory=list)
    outgoing: list[int] = field(default_factory=list)
    crm_writes: list[int] = field(default_factory=list)
    crm_notices: list[int] = field(default_factory=list)
    media: list[int] = field(default_factory=list)
    hook_deliveries: list[int] = field(default_factory=list)

    def values(self) -> dict[str, Any]:
        """By name, as parameters of a statement."""
        return asdict(self)

    def identifiers(self) -> set[tuple[str, str]]:
        """(kind, value) of what leads to the person today."""
        rows = {(f"crm:{crm}", crm_id) for crm, crm_id in zip(self.crms, self.crm_ids, strict=True)}
        named = (("phone", self.phones), ("user_id", self.user_ids), ("email", self.emails))
        return rows | {(kind, value) for kind, values in named for value in values}


#: In the order in which all who change contacts lock them (see `contact_joins`); the inbox last, as intake does.
_LOCKS = (
    "select 1 from identities where contact_id = any(:ids) order by kind, value for update",
    "select 1 from outgoing where contact_id = any(:ids) order by id for update",
    "select 1 from messages where contact_id = any(:ids) order by id for update",
    "select 1 from conversations where contact_id = any(:ids) order by id for update",
    "select 1 from contacts where id = any(:ids) order by id for update",
    "select 1 from crm_writes where contact_id = any(:ids) order by id for update",
    "select 1 from media where contact_id = any(:ids) order by id for update",
    "select 1 from hook_deliveries where contact_id = any(:ids) order by id for update",
)


def lock(tx: Connection, contact_id: int) -> None:
    """Nobody says, sends or learns anything of this person until the transaction ends. Ask after
    `contact_joins.take_turn`."""
    for statement in _LOCKS:
        tx.execute(text(statement), {"ids": [contact_id]})


def of(tx: Connection, contact_id: int, *, locked: bool = False) -> Traces:
    """What leads to this person's rows; `locked`: those of the inbox are kept from everybody else. Raises
    `LookupError` when there is no such contact, not even in the journal of rows that their CRM has deleted."""
    if not _is_held(tx, contact_id):
        raise LookupError(f"there is no contact {contact_id}")
    traces = Traces(_ids(tx, contact_id))
    known = _spans(tx, traces.ids)
    _collect(tx, traces)
    traces.emails.extend(_emails(tx, traces.ids))
    held = [span for span in known if span[4]]
    traces.phones.extend(sorted({form for kind, value, *_ in held if kind == "phone" for form in variants(value)}))
    traces.user_ids.extend(sorted({value for kind, value, *_ in held if kind == "user_id"}))
    traces.inbox.extend(_inbox(tx, traces.wamids, known, locked))
    traces.crm_notices.extend(_notices(tx, traces))
    return traces


def _is_held(tx: Connection, contact_id: int) -> bool:
    statement = text("""
        select exists (select 1 from contacts where id = :id)
            or exists (select 1 from departed_sources where contact_id = :id)""")
    return bool(tx.execute(statement, {"id": contact_id}).scalar_one())


def departed(tx: Connection, phone: str) -> int | None:
    """The number that a contact with this telephone had, of whom only the journal of deleted rows is left."""
    statement = text("""
        select contact_id from departed_sources d where phone = any(:phones)
          and not exists (select 1 from contacts c where c.id = d.contact_id) order by id desc limit 1""")
    found: int | None = tx.execute(statement, {"phones": list(variants(phone))}).scalar_one_or_none()
    return found


def _ids(tx: Connection, contact_id: int) -> list[int]:
    statement = text("""
        with recursive made_of as (
            select cast(:id as bigint) as id
            union select j.absorbed_id from made_of m
            join contact_joins j on j.kept_id = m.id and j.undone_at is null)
        select id from made_of order by id""")
    return list(tx.execute(statement, {"id": contact_id}).scalars())


def _emails(tx: Connection, ids: Sequence[int]) -> list[str]:
    statement = text("""
        select email from contacts where id = any(:ids) and email <> ''
        union select fields ->> 'email' from contact_sources
        where contact_id = any(:ids) and fields ->> 'email' <> ''
        union select fields ->> 'email' from departed_sources
        where contact_id = any(:ids) and fields ->> 'email' <> '' order by 1""")
    return list(tx.execute(statement, {"ids": list(ids)}).scalars())


_Span = tuple[str, str, Any, Any, bool]


def _spans(tx: Connection, ids: Sequence[int]) -> list[_Span]:
    """(kind, value, from, until, held today) of everything that leads or led to the person. It was another's before
    they gave it up."""
    statement = text("""
        with mine as (
            select kind, value, cast('infinity' as timestamptz) as until, true as held from identities
            where contact_id = any(:ids)
            union all select kind, value, given_up_at, false from former_identities where contact_id = any(:ids))
        select kind, value, coalesce((
                select max(o.given_up_at) from former_identities o
                where o.kind = m.kind and o.value = m.value and o.given_up_at < m.until and not o.contact_id = any(:ids)
            ), '-infinity')::text, until::text, held
        from mine m""")
    return [tuple(row) for row in tx.execute(statement, {"ids": list(ids)})]


def _collect(tx: Connection, traces: Traces) -> None:
    statement = text("""
        select 'crm', crm, crm_id, cast(null as bigint) from contact_sources where contact_id = any(:ids)
        union all select distinct 'crm', crm, crm_id, cast(null as bigint) from departed_sources d
            where contact_id = any(:ids)
              and not exists (select 1 from contact_sources s where s.crm = d.crm and s.crm_id = d.crm_id)
        union all select 'message', ref, wamid, null from messages where contact_id = any(:ids)
        union all select 'outgoing', ref, wamid, id from outgoing where contact_id = any(:ids)
        union all select 'crm_write', null, null, id from crm_writes where contact_id = any(:ids)
        union all select 'media', null, null, id from media where contact_id = any(:ids)
        union all select 'hook_delivery', null, null, id from hook_deliveries where contact_id = any(:ids)
        order by 1, 2, 3, 4""")
    for kind, one, other, number in tx.execute(statement, {"ids": traces.ids}):
        if kind == "crm":
            traces.crms.append(one)
            traces.crm_ids.append(other)
            continue
        traces.refs.extend([one] if one else [])
        traces.wamids.extend([other] if other else [])
        numbers = {
            "outgoing": traces.outgoing,
            "crm_write": traces.crm_writes,
            "media": traces.media,
            "hook_delivery": traces.hook_deliveries,
        }.get(kind)
        if numbers is not None:
            numbers.append(number)


def _inbox(tx: Connection, wamids: Sequence[str], spans: Sequence[_Span], locked: bool) -> list[int]:
    """Deliveries that came from the person or speak of one of their messages. One in nobody's line - its key is its own
    - is theirs if it names them."""
    statement = text(f"""
        with spans as materialized (
            select value, since, until, '"' || value || '"' as quoted, '"' || ltrim(value, '+') || '"' as plain
            from unnest(cast(:values as text[]), cast(:sinces as timestamptz[]), cast(:untils as timestamptz[]))
                w(value, since, until))
        select t.id from inbox t
        where t.item_id = any(:wamids) or exists (
            select 1 from spans s where t.occurred_at > s.since and t.occurred_at <= s.until
            and (t.order_key = s.value or t.order_key = t.item_id
                and (position(s.quoted in t.payload) > 0 or position(s.plain in t.payload) > 0)))
        order by t.id {"for update" if locked else ""}""")
    forms = [(form, *span[2:]) for span in spans for form in (variants(span[1]) if span[0] == "phone" else [span[1]])]
    values = {
        "values": [form for form, *_ in forms],
        "sinces": [form[1] for form in forms],
        "untils": [form[2] for form in forms],
        "wamids": sorted(set(wamids)),
    }
    return list(tx.execute(statement, values).scalars())


def _notices(tx: Connection, traces: Traces) -> list[int]:
    """What CRMs told of the person's rows, and of messages that an agent wrote to them."""
    statement = text("""
        select n.id from crm_notices n
        where n.kind = 'contact' and (n.crm, n.record_id) in (
                select * from unnest(cast(:crms as text[]), cast(:crm_ids as text[])))
            or n.kind = 'reply' and (n.crm, n.record_id) in (
                select crm, record_id from agent_replies where contact_id = any(:ids))
        order by n.id""")
    values = {"crms": traces.crms, "crm_ids": traces.crm_ids, "ids": traces.ids}
    return list(tx.execute(statement, values).scalars())


#: What a worker is doing at this moment with something of theirs.
_BUSY = text("""
    select 'outgoing' from outgoing where id = any(:outgoing) and state in ('claimed', 'sending')
    union all select 'inbox' from inbox where id = any(:inbox) and state = 'claimed'
    union all select 'crm_writes' from crm_writes where id = any(:crm_writes) and state = 'claimed'
    union all select 'crm_notices' from crm_notices where id = any(:crm_notices) and state = 'claimed'
    union all select 'media' from media where id = any(:media) and state = 'claimed'
    union all select 'hook_deliveries' from hook_deliveries where id = any(:hook_deliveries) and state = 'claimed'""")


def in_flight(tx: Connection, traces: Traces) -> list[str]:
    """Tables in which a worker holds a row of theirs, once for each row."""
    names = ("outgoing", "inbox", "crm_writes", "crm_notices", "media", "hook_deliveries")
    return list(tx.execute(_BUSY, {name: traces.values()[name] for name in names}).scalars())


def open_batches(tx: Connection, traces: Traces) -> list[int]:
    """Batches of campaigns that these people are part of."""
    statement = text("select distinct batch_id from outgoing where id = any(:ids) and batch_id is not null order by 1")
    return list(tx.execute(statement, {"ids": traces.outgoing}).scalars())


def files(tx: Connection, traces: Traces) -> list[tuple[int, str | None]]:
    """(medium, hash) of the files they sent; without a hash it was never fetched."""
    statement = text("select id, sha256 from media where id = any(:ids) order by id")
    return [(row.id, row.sha256) for row in tx.execute(statement, {"ids": traces.media})]
