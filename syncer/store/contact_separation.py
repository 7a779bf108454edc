"""Separation: a join of two contacts is undone (X3). Both are again what they were, as far as nobody has changed them
since; what came after the join stays with the contact that was kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from syncer.domain.consent import Tier
from syncer.store import crm_writes
from syncer.store.base import metadata
from syncer.store.bulk import document
from syncer.store.contact_joins import FOLLOWING, take_turn
from syncer.store.crm_writes import HOOKS, Topic, Want
from syncer.store.weighing import holding

#: Columns that are not simply what they were before: counters, stamps, and what a later word decides.
_OWN_RULE = frozenset({"id", "revision", "updated_at", "transactional", "marketing", "tags"})


def separate(tx: Connection, join_id: int, now: datetime) -> int:
    """Undo one join; returns the number of the contact that is there again. Raises `LookupError` when there is no such
    join, it was undone, or its contact was itself joined to another since: then that join has to be undone first."""
    take_turn(tx)
    joined = _lock(tx, join_id)
    keep, absorb = joined.kept_id, joined.absorbed_id
    _insert(tx, "contacts", joined.absorbed)
    for table, keys in FOLLOWING.items():
        _return(tx, table, keys, joined.moved.get(table, ()), keep, absorb)
    for number, opened in joined.conversations.items():
        _part(tx, number, opened, keep, absorb)
    tx.execute(text("delete from consents where id = any(:ids)"), {"ids": joined.moved["refusals"]})
    _restore(tx, joined, now)
    tx.execute(text("update contact_joins set undone_at = :now where id = :id"), {"now": now, "id": join_id})
    crms = tx.execute(
        text("select distinct crm from crm_writes where contact_id = any(:ids) order by crm"), {"ids": [keep, absorb]}
    ).scalars()
    told = [*(crm for crm in crms if crm != HOOKS), HOOKS]
    crm_writes.request(tx, told, [Want(Topic.CONTACT, one, one) for one in (keep, absorb)], now)
    return int(absorb)


def joined_into(tx: Connection, contact_id: int) -> Sequence[Row[Any]]:
    """The joins that a contact was kept in and that are not undone, the latest first, each with whether it can be
    undone as it is: `id`, `absorbed_id`, `key`, `by`, `joined_at`, `full_name`, `phone`."""
    statement = text("""
        select id, absorbed_id, key, by, joined_at, absorbed ->> 'full_name' as full_name, absorbed ->> 'phone' as phone
        from contact_joins where kept_id = :id and undone_at is null order by id desc""")
    return tx.execute(statement, {"id": contact_id}).fetchall()


def one(tx: Connection, join_id: int) -> Row[Any] | None:
    """A join: `kept_id`, `absorbed_id`, `moved`, `undone_at`, the labels of both before, and `first`: the join of the
    kept contact to another that has to be undone before this one."""
    statement = text("""
        select j.kept_id, j.absorbed_id, j.moved, j.undone_at, j.kept -> 'tags' as kept_tags,
            j.absorbed -> 'tags' as absorbed_tags, (
            select max(f.id) from contact_joins f where f.absorbed_id = j.kept_id and f.undone_at is null) as first
        from contact_joins j where j.id = :id""")
    return tx.execute(statement, {"id": join_id}).one_or_none()


def sign(tx: Connection, join_id: int, by: str, placed: Sequence[tuple[str, str]]) -> None:
    """A person made this join, and these rows (CRM, its id) stay where they are because of it."""
    statement = text("""
        update contact_joins set by = :by, moved = moved || jsonb_build_object('placed', cast(:placed as jsonb))
        where id = :id""")
    tx.execute(statement, {"id": join_id, "by": by, "placed": document(placed)})


def sign_undone(tx: Connection, join_id: int, by: str) -> None:
    """A person undid it."""
    tx.execute(text("update contact_joins set undone_by = :by where id = :id"), {"id": join_id, "by": by})


def _lock(tx: Connection, join_id: int) -> Row[Any]:
    statement = text("""
        select j.* from contact_joins j join contacts c on c.id = j.kept_id
        where j.id = :id and j.undone_at is null for update""")
    found = tx.execute(statement, {"id": join_id}).one_or_none()
    if found is None:
        raise LookupError(f"there is no join {join_id} that can be undone")
    return found


def _insert(tx: Connection, table: str, row: Mapping[str, Any]) -> None:
    """Put a row back as it was; columns that have come since keep their defaults."""
    columns = ", ".join(column.name for column in metadata.tables[table].c if column.name in row)
    statement = text(f"""
        insert into {table} ({columns})
        select {columns} from jsonb_populate_record(null::{table}, cast(:row as jsonb))""")
    tx.execute(statement, {"row": document(row)})


def _return(tx: Connection, table: str, keys: Sequence[str], moved: Sequence[Any], keep: int, absorb: int) -> None:
    """Rows that have left the kept contact since, for whatever reason, are left where they are."""
    values: dict[str, Any] = {"keep": keep, "absorb": absorb}
    if len(keys) == 1:
        condition = f"{keys[0]} = any(:moved)"
        values["moved"] = list(moved)
    else:
        arrays = ", ".join(f"cast(:{key}s as text[])" for key in keys)
        condition = f"({', '.join(keys)}) in (select * from unnest({arrays}))"
        values |= {f"{key}s": [item[place] for item in moved] for place, key in enumerate(keys)}
    statement = text(f"update {table} set contact_id = :absorb where contact_id = :keep and {condition}")
    if moved:
        tx.execute(statement, values)


def _part(tx: Connection, number: str, opened: Mapping[str, Any], keep: int, absorb: int) -> None:
    """A number's conversation becomes two again, or goes back whole where the kept contact had none."""
    own = opened["absorbed"]["id"]
    if "kept" in opened:
        _insert(tx, "conversations", opened["absorbed"])
        _rewind(tx, opened["kept"], opened["after"])
    else:
        _leave_behind(tx, own, opened["absorbed"], keep, absorb)
    pairs = {"absorb": absorb, "own": own, "number": number}
    tx.execute(
        text("""update messages set conversation_id = :own
                where contact_id = :absorb and phone_number_id = :number and conversation_id <> :own"""),
        pairs,
    )
    tx.execute(
        text("""update handoffs h set conversation_id = m.conversation_id from messages m
                where m.id = h.message_id and h.contact_id = :absorb and m.conversation_id = :own"""),
        pairs,
    )


def _rewind(tx: Connection, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """What only the join had changed is as before; of messages nobody has attended to, the later ones are left."""
    now = tx.execute(
        text("select to_jsonb(c) from conversations c where id = :id for update"), {"id": before["id"]}
    ).scalar_one()
    restored = {name: value if now[name] == after[name] else now[name] for name, value in before.items()}
    restored["unattended"] = max(0, now["unattended"] - (after["unattended"] - before["unattended"]))
    _overwrite(tx, "conversations", restored)


def _leave_behind(tx: Connection, own: int, absorbed: Mapping[str, Any], keep: int, absorb: int) -> None:
    """The conversation goes back as it was. If it went on after the join, the kept contact gets one for the rest."""
    values = {"own": own, "keep": keep, "absorb": absorb}
    later = text("select exists (select 1 from messages where conversation_id = :own and contact_id = :keep)")
    went_on = tx.execute(later, values).scalar_one()
    tx.execute(text("update conversations set contact_id = :absorb where id = :own"), values)
    if not went_on:
        return
    copy = text("""
        insert into conversations (contact_id, phone_number_id, opened_at, last_inbound_at, window_until, unattended,
            handed_over_at)
        select :keep, phone_number_id, opened_at, last_inbound_at, window_until, unattended, handed_over_at
        from conversations where id = :own returning id""")
    values["rest"] = tx.execute(copy, values).scalar_one()
    for table in ("messages", "handoffs"):
        statement = f"update {table} set conversation_id = :rest where conversation_id = :own and contact_id = :keep"
        tx.execute(text(statement), values)
    _overwrite(tx, "conversations", absorbed)


def _restore(tx: Connection, joined: Row[Any], now: datetime) -> None:
    """The kept contact without what the join gave it. Consent is what its own part of the ledger says; a row of its own
    that forbids writing still does."""
    before, after = joined.kept, joined.after
    found = tx.execute(text("select to_jsonb(c) from contacts c where id = :id for update"), {"id": joined.kept_id})
    present = found.scalar_one()
    restored = {
        name: _restored(value, after.get(name), present[name])
        for name, value in before.items()
        if name not in _OWN_RULE
    }
    gained = set(after["tags"]) - set(before["tags"])
    restored |= {"id": joined.kept_id, "tags": sorted(set(present["tags"]) - gained)}
    _overwrite(tx, "contacts", restored)
    words = ", ".join(f"{tier} = coalesce({holding(tier, 'k.id')}, :{tier})" for tier in Tier)
    statement = text(f"""
        update contacts k set revision = k.revision + 1, updated_at = :now, {words}, blocked = k.blocked or exists (
            select 1 from contact_sources s where s.contact_id = k.id and s.fields -> 'blocked' = 'true'::jsonb)
        where k.id = :id""")
    said = {tier: before[tier] for tier in ("transactional", "marketing")}
    tx.execute(statement, said | {"id": joined.kept_id, "now": now})


def _restored(before: Any, after: Any, present: Any) -> Any:
    """A value as it was, unless it has changed since; of a document each of its values."""
    if isinstance(before, dict) and isinstance(after, dict) and isinstance(present, dict):
        names = [*before, *(name for name in present if name not in before)]
        found = {name: _restored(before.get(name), after.get(name), present.get(name)) for name in names}
        return {name: value for name, value in found.items() if value is not None}
    return before if present == after else present


def _overwrite(tx: Connection, table: str, row: Mapping[str, Any]) -> None:
    columns = [column.name for column in metadata.tables[table].c if column.name in row and column.name != "id"]
    changes = ", ".join(f"{name} = r.{name}" for name in columns)
    statement = text(f"""
        update {table} t set {changes} from jsonb_populate_record(null::{table}, cast(:row as jsonb)) r
        where t.id = r.id""")
    tx.execute(statement, {"row": document(row)})
