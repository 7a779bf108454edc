"""The account's templates as the platform last told us: by polling the catalogue and by its notices (R13).

Whoever changes the table takes its lock first (`lock`): two words on one template are taken one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from syncer.store import bulk
from syncer.store.base import metadata, moment, primary_key
from syncer.store.outgoing import outgoing

#: (name, language).
Key = tuple[str, str]

templates = Table(
    "templates",
    metadata,
    primary_key(),
    Column("name", Text, nullable=False),
    Column("language", Text, nullable=False),
    # The platform's id; a number in its notices, a text in its catalogue.
    Column("template_id", Text, nullable=False, server_default=""),
    Column("category", Text, nullable=False),
    Column("previous_category", Text),
    Column("status", Text, nullable=False),
    Column("quality", Text, nullable=False, server_default="UNKNOWN"),
    Column("parameter_format", Text, nullable=False, server_default="POSITIONAL"),
    Column("components", JSONB, nullable=False, server_default="[]"),
    # The platform's reason (ABUSIVE_CONTENT ...) and its explanation.
    Column("reason", Text),
    Column("detail", Text),
    # Whether the last whole catalogue had it; one that is gone is kept, since messages refer to it.
    Column("listed", Boolean, nullable=False, server_default="true"),
    # The time of the latest word on each: an older notice that comes late changes nothing.
    moment("status_at", nullable=False),
    moment("quality_at"),
    moment("category_at"),
    moment("pulled_at"),
    # Our own stop: sends of it were refused although the platform calls it approved.
    Column("suspended_reason", Text),
    moment("suspended_at"),
    # How often it was stopped without a single message being accepted in between; `suspended_at` is the last time.
    Column("strikes", Integer, nullable=False, server_default="0"),
    UniqueConstraint("name", "language"),
)
Index("ix_templates_template_id", templates.c.template_id)
# What `failing` looks through twice a minute, instead of every message of the hour.
Index(
    "ix_outgoing_template_failed",
    outgoing.c.settled_at,
    postgresql_where=(outgoing.c.kind == "template") & (outgoing.c.state == "failed"),
)

#: First key of the advisory lock of whoever changes the table; any constant of our own.
_LOCK = 0x5C02

_PAIRS = """
    (name, language) in (select * from unnest(cast(:names as text[]), cast(:languages as text[])))"""


def lock(tx: Connection) -> None:
    """Wait for one's turn to change the table; until the end of the transaction."""
    tx.execute(text("select pg_advisory_xact_lock(:key, 0)"), {"key": _LOCK})


def by_keys(tx: Connection, keys: Collection[Key]) -> dict[Key, Row[Any]]:
    """Those of these templates that we know of."""
    if not keys:
        return {}
    found = tx.execute(text(f"select * from templates where {_PAIRS}"), _named(keys))
    return {(row.name, row.language): row for row in found}


def by_names(tx: Connection, names: Collection[str]) -> dict[Key, Row[Any]]:
    """Every language of these templates."""
    found = tx.execute(select(templates).where(templates.c.name.in_(sorted(set(names)))))
    return {(row.name, row.language): row for row in found}


def keys_of(tx: Connection, template_id: str) -> list[Key]:
    """Which template has this id of the platform's, if we know one."""
    columns = templates.c
    found = select(columns.name, columns.language).where(columns.template_id == template_id, columns.template_id != "")
    return [(row.name, row.language) for row in tx.execute(found)]


def everything(tx: Connection) -> dict[Key, Row[Any]]:
    """The whole table, by name and language."""
    found = tx.execute(select(templates).order_by(templates.c.name, templates.c.language))
    return {(row.name, row.language): row for row in found}


def take_catalogue(tx: Connection, listed: Sequence[Mapping[str, Any]], word_at: datetime, now: datetime) -> None:
    """Write down a whole catalogue that speaks for the moment `word_at`; what a later notice has told stays.

    Each item holds name, language, template_id, category, previous_category, status, quality, parameter_format,
    components and reason. The caller holds the lock.
    """
    statement = text("""
        insert into templates as t (name, language, template_id, category, previous_category, status, quality,
            parameter_format, components, reason, status_at, quality_at, category_at, pulled_at)
        select w.name, w.language, w.template_id, w.category, w.previous_category, w.status, w.quality,
            w.parameter_format, w.components, w.reason, :at, :at, :at, :now
        from jsonb_to_recordset(cast(:listed as jsonb)) as w(name text, language text, template_id text, category text,
            previous_category text, status text, quality text, parameter_format text, components jsonb, reason text)
        on conflict (name, language) do update set
            template_id = excluded.template_id, parameter_format = excluded.parameter_format,
            components = excluded.components, listed = t.listed or t.status_at <= :at, pulled_at = excluded.pulled_at,
            previous_category = case when t.category_at > :at then t.previous_category
                when excluded.previous_category is not null then excluded.previous_category
                when t.category not in ('', excluded.category) then t.category else t.previous_category end,
            category = case when t.category_at > :at then t.category else excluded.category end,
            category_at = greatest(t.category_at, :at),
            quality = case when t.quality_at > :at then t.quality else excluded.quality end,
            quality_at = greatest(t.quality_at, :at),
            reason = case when t.status_at > :at then t.reason else excluded.reason end,
            -- The catalogue does not repeat a notice's explanation: it holds for as long as the state does.
            detail = case when t.status_at > :at or t.status = excluded.status then t.detail end,
            status = case when t.status_at > :at then t.status else excluded.status end,
            status_at = greatest(t.status_at, :at)""")
    tx.execute(statement, {"listed": bulk.document(listed), "at": word_at, "now": now})


def unlist(tx: Connection, listed: Collection[Key], word_at: datetime) -> None:
    """Mark what a whole catalogue did not have; what was first heard of later is spared."""
    statement = text(f"update templates set listed = false where listed and status_at <= :at and not {_PAIRS}")
    tx.execute(statement, _named(listed) | {"at": word_at})


def take_words(tx: Connection, words: Sequence[Mapping[str, Any]]) -> None:
    """Write down what notices told, an item per template, each word unless a later one is known already.

    Each item holds name, language, template_id, at, and status with reason and detail, quality, category, each of them
    None where nothing was said. The caller holds the lock.
    """
    statement = text("""
        insert into templates as t (name, language, template_id, category, status, quality, reason, detail, status_at,
            quality_at, category_at)
        select w.name, w.language, w.template_id, coalesce(w.category, ''), coalesce(w.status, ''),
            coalesce(w.quality, 'UNKNOWN'), w.reason, w.detail,
            case when w.status is null then to_timestamp(0) else w.at end,
            case when w.quality is not null then w.at end, case when w.category is not null then w.at end
        from jsonb_to_recordset(cast(:words as jsonb)) as w(name text, language text, template_id text, at timestamptz,
            status text, reason text, detail text, quality text, category text)
        on conflict (name, language) do update set
            template_id = case when excluded.template_id = '' then t.template_id else excluded.template_id end,
            previous_category = case when excluded.category_at is null or t.category_at > excluded.category_at
                or t.category in ('', excluded.category) then t.previous_category else t.category end,
            category = case when excluded.category_at is null or t.category_at > excluded.category_at then t.category
                else excluded.category end,
            category_at = greatest(t.category_at, excluded.category_at),
            quality = case when excluded.quality_at is null or t.quality_at > excluded.quality_at then t.quality
                else excluded.quality end,
            quality_at = greatest(t.quality_at, excluded.quality_at),
            reason = case when t.status_at > excluded.status_at then t.reason else excluded.reason end,
            detail = case when t.status_at > excluded.status_at then t.detail else excluded.detail end,
            status = case when t.status_at > excluded.status_at then t.status else excluded.status end,
            listed = case when t.status_at > excluded.status_at then t.listed
                else excluded.status <> 'DELETED' end,
            status_at = greatest(t.status_at, excluded.status_at)""")
    tx.execute(statement, {"words": bulk.document(words)})


def suspend(tx: Connection, key: Key, reason: str, now: datetime, *, strikes: int) -> None:
    """Our own stop; a template that we know nothing of is entered for it."""
    statement = text("""
        insert into templates (name, language, category, status, status_at, suspended_reason, suspended_at, strikes)
        values (:name, :language, '', '', to_timestamp(0), :reason, :now, :strikes)
        on conflict (name, language) do update set
            suspended_reason = excluded.suspended_reason, suspended_at = excluded.suspended_at,
            strikes = excluded.strikes""")
    values = {"name": key[0], "language": key[1], "reason": reason, "now": now, "strikes": strikes}
    tx.execute(statement, values)


def lift(tx: Connection, keys: Collection[Key], *, forgive: bool) -> None:
    """End our own stop; `forgive` forgets how often it came."""
    if keys:
        strikes = "0" if forgive else "strikes"
        statement = f"update templates set suspended_reason = null, strikes = {strikes} where {_PAIRS}"
        tx.execute(text(statement), _named(keys))


def accepted_since(tx: Connection, key: Key, since: datetime) -> bool:
    """Whether the platform has taken any message with this template since then."""
    statement = text("""
        select exists (select 1 from outgoing where accepted_at > :since and kind = 'template'
            and content ->> 'name' = :name and content ->> 'language' = :language)""")
    return bool(tx.execute(statement, {"since": since, "name": key[0], "language": key[1]}).scalar_one())


def failing(tx: Connection, since: datetime, codes: Sequence[str], least: int) -> dict[Key, tuple[str, str]]:
    """Templates whose last `least` sends since then all failed with one of `codes` (patterns of `like`): the latest
    code and reason."""
    statement = text("""
        with failures as (
            select content ->> 'name' as name, content ->> 'language' as language from outgoing
            where kind = 'template' and state = 'failed' and settled_at > :since and error_code like any(:codes)
            group by 1, 2 having count(*) >= :least)
        select f.name, f.language, l.code, l.reason from failures f cross join lateral (
            select count(*) as number, bool_and(failed) as all_failed, (array_agg(code))[1] as code,
                (array_agg(reason))[1] as reason
            from (select state = 'failed' and error_code like any(:codes) as failed, error_code as code, reason
                from outgoing where kind = 'template' and state in ('accepted', 'failed') and settled_at > :since
                    and content ->> 'name' = f.name and content ->> 'language' = f.language
                order by settled_at desc, id desc limit :least) o) l
        where l.all_failed and l.number >= :least""")
    found = tx.execute(statement, {"since": since, "codes": list(codes), "least": least})
    return {(row.name, row.language): (row.code, row.reason or "") for row in found}


def counts(tx: Connection) -> dict[str, int]:
    """How many listed templates are in each state."""
    statement = select(templates.c.status, func.count()).where(templates.c.listed).group_by(templates.c.status)
    return {row[0]: row[1] for row in tx.execute(statement)}


def _named(keys: Collection[Key]) -> dict[str, Any]:
    ordered = sorted(set(keys))
    return {"names": [name for name, _ in ordered], "languages": [language for _, language in ordered]}
