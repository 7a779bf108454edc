"""Pairs of contacts that could be one person, and what somebody has decided about them (R5).

Candidates are found by blocks: contacts that share a name and a part of their number, a name and a birthday, a name and
a company, or an address. A block with too many contacts says nothing and is left out, so the work grows with the number
of contacts and not with that of pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Numeric,
    Row,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from syncer.store.base import metadata, moment, primary_key
from syncer.store.bulk import document

merge_suggestions = Table(
    "merge_suggestions",
    metadata,
    primary_key(),
    Column("one_id", BigInteger, nullable=False),
    Column("other_id", BigInteger, nullable=False),
    Column("reasons", ARRAY(Text), nullable=False),
    Column("score", Numeric(3, 2), nullable=False),
    moment("found_at", nullable=False),
    moment("decided_at"),
    Column("decision", Text),
    Column("decided_by", Text),
    UniqueConstraint("one_id", "other_id"),
    CheckConstraint("one_id < other_id", name="ck_merge_suggestions_in_order"),
)
Index("ix_merge_suggestions_other_id", merge_suggestions.c.other_id)

MERGED, REJECTED = "merged", "rejected"
_AT_ONCE = 2_000

#: The ways of writing a name made one, as far as SQL can cheaply; `policies.suggestions.name_key` judges.
_NAME = r"""
    case when plain ~ '[a-z]'
         then array_to_string(array(select part from regexp_split_to_table(plain, '[[:punct:][:space:]　]+') part
            where part <> '' order by part), ' ')
         else regexp_replace(plain, '[[:punct:][:space:]　·・‧]+|(先生|小姐|女士|太太)$', '', 'g') end"""
_CANDIDATES = f"""
    with people as materialized (
        select id, phone, lower(email) as email, nullif(attributes ->> 'birthday', '') as birthday,
            nullif(lower(attributes ->> 'company'), '') as company, {_NAME} as name
        from (select *, translate(lower(normalize(full_name, nfkc)), :simplified, :traditional) as plain
              from contacts) c),
    blocks as (
        select id, most, hashtextextended(block, most) as block from people cross join lateral (values
            (12, left(phone, length(phone) / 2) || '-' || length(phone)),
            (13, right(phone, -length(phone) / 2) || '-' || length(phone)),
            (14, left(phone, length(phone) / 2 - 1) || '-' || right(phone, -length(phone) / 2 - 1)),
            (6, birthday),
            (3, company)) b(most, more)
        cross join lateral (select name || ' ' || more as block) k
        where length(name) > 1 and more is not null
        union all select id, :family, hashtextextended(email, 0) from people where email is not null),
    groups as (
        select array_agg(id order by id) as ids from blocks group by block, most having count(*) between 2 and most),
    pairs as (
        select a.id as one_id, b.id as other_id, false as named from groups
        cross join lateral unnest(ids) a(id) cross join lateral unnest(ids) b(id) where a.id < b.id
        union select least(s.contact_id, t.contact_id), greatest(s.contact_id, t.contact_id), true
        from contact_sources s join contact_sources t
            on t.crm = split_part(s.fields ->> 'same_as', ':', 1)
           and t.crm_id = substr(s.fields ->> 'same_as', strpos(s.fields ->> 'same_as', ':') + 1)
        where s.fields ->> 'same_as' is not null and s.contact_id <> t.contact_id),
    open as (
        select one_id, other_id, bool_or(named) as named from pairs p
        where not exists (select 1 from merge_suggestions d
                where d.one_id = p.one_id and d.other_id = p.other_id and d.decided_at is not null)
          and not exists (select 1 from contact_joins j where j.undone_at is not null
                and (j.kept_id, j.absorbed_id) in ((p.one_id, p.other_id), (p.other_id, p.one_id)))
          and not exists (select 1 from row_separations r
                where (r.kept_id, r.apart_id) in ((p.one_id, p.other_id), (p.other_id, p.one_id)))
        group by one_id, other_id)
    select o.one_id, o.other_id, o.named, a.full_name as one_name, a.phone as one_phone, a.email as one_email,
        a.attributes ->> 'birthday' as one_birthday, a.attributes ->> 'company' as one_company,
        b.full_name as other_name, b.phone as other_phone, b.email as other_email,
        b.attributes ->> 'birthday' as other_birthday, b.attributes ->> 'company' as other_company
    from open o join contacts a on a.id = o.one_id join contacts b on b.id = o.other_id"""


def candidates(tx: Connection, family: int, simplified: str, traditional: str) -> Iterator[Sequence[Row[Any]]]:
    """Pairs that share a block and that nobody has decided about or taken apart, in portions. At most `family`
    contacts share an address, twelve or so a name and most of a number, six a name and a birthday, three a name and a
    company: of more a person would not look at the pairs. In names the characters `simplified` are read as
    `traditional`. At a million contacts it takes longer than a statement usually may, and more memory."""
    tx.execute(text("set local statement_timeout = '15min'; set local work_mem = '64MB'; set local jit = off"))
    statement = text(_CANDIDATES).execution_options(yield_per=_AT_ONCE)
    values = {"simplified": simplified, "traditional": traditional, "family": family}
    yield from tx.execute(statement, values).partitions()


def keep(tx: Connection, found: Iterable[tuple[int, int, Sequence[str], float]], now: datetime) -> None:
    """Enter suggestions (one, other, reasons, score), or what is known about them now."""
    rows = [{"one": one, "other": other, "reasons": reasons, "score": score} for one, other, reasons, score in found]
    statement = text("""
        insert into merge_suggestions as s (one_id, other_id, reasons, score, found_at)
        select one, other, reasons, score, :now
        from jsonb_to_recordset(cast(:rows as jsonb)) r(one bigint, other bigint, reasons text[], score numeric)
        order by one, other
        on conflict (one_id, other_id) do update set reasons = excluded.reasons, score = excluded.score,
            found_at = excluded.found_at where s.decided_at is null""")
    if rows:
        tx.execute(statement, {"rows": document(rows), "now": now})


def forget(tx: Connection, found_before: datetime) -> int:
    """Drop what was not found again, and what is about contacts that are not there any more; decisions about contacts
    that are there stay. Returns how many."""
    statement = text("""
        delete from merge_suggestions s where (decided_at is null and found_at < :before)
            or (decision is distinct from 'merged'
                and (select count(*) from contacts where id in (s.one_id, s.other_id)) < 2)""")
    return tx.execute(statement, {"before": found_before}).rowcount


def undecided(tx: Connection, limit: int) -> Sequence[Row[Any]]:
    """What a person has to decide, the likeliest first: `id`, `one_id`, `other_id`, `reasons`, `score`, `found_at`, and
    of each of the two `name`, `phone` and `email`."""
    statement = text("""
        select s.id, s.one_id, s.other_id, s.reasons, s.score, s.found_at,
            a.full_name as one_name, a.phone as one_phone, a.email as one_email,
            b.full_name as other_name, b.phone as other_phone, b.email as other_email
        from merge_suggestions s join contacts a on a.id = s.one_id join contacts b on b.id = s.other_id
        where s.decided_at is null order by s.score desc, s.id limit :limit""")
    return tx.execute(statement, {"limit": limit}).fetchall()


def one(tx: Connection, suggestion_id: int) -> Row[Any] | None:
    """A suggestion that waits for a decision, held until the transaction ends."""
    statement = text("select * from merge_suggestions where id = :id and decided_at is null for update")
    return tx.execute(statement, {"id": suggestion_id}).one_or_none()


def decide(tx: Connection, suggestion_id: int, decision: str, by: str, now: datetime) -> None:
    """What somebody has decided is never asked again."""
    statement = text("""
        update merge_suggestions set decision = :decision, decided_by = :by, decided_at = :now where id = :id""")
    tx.execute(statement, {"id": suggestion_id, "decision": decision, "by": by, "now": now})
