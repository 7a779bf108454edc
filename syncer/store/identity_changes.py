"""Changes of number and of user id: the person stays, what leads to them changes (X3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, text

from syncer.domain.message import Sender
from syncer.domain.phone_variants import variants
from syncer.store import contact_joins, identities
from syncer.store.identities import PHONE, USER_ID, Pair, pairs_of
from syncer.store.recognition import find, resolve


def told_before(tx: Connection, refs: Iterable[str]) -> set[str]:
    """Those of these refs under which a message is recorded: notices that were applied already."""
    statement = text("select ref from messages where ref = any(:refs)")
    return set(tx.execute(statement, {"refs": sorted(set(refs))}).scalars())


def person_of(tx: Connection, before: Sender, after: Sender, key: str, now: datetime) -> int:
    """Whose change this is. Whoever is known by the new number or user id is the same person, and becomes one contact
    with them; who is known by neither is a stranger, and made. Ask after `contact_joins.take_turn`."""
    pair = {found for found in (find(tx, before), find(tx, after)) if found is not None}
    if len(pair) == 2:
        keep, absorb = contact_joins.choose(tx, pair)
        contact_joins.join(tx, keep, absorb, key, now)
        return keep
    return pair.pop() if pair else resolve(tx, [after], now)[after]


def take_over(tx: Connection, contact_id: int, before: Sender, after: Sender, now: datetime) -> None:
    """The contact is reached by what `after` says and no longer by what `before` said: its next owner is a stranger.
    What `after` does not speak of stays. Where `before` names no number, it is the one we write to."""
    held = identities.held_by(tx, [contact_id])[contact_id]
    gone: set[Pair] = set()
    if after.phone:
        old = before.phone or _phone(tx, contact_id)
        gone |= {(PHONE, form) for form in variants(old)} if old else set()
        gone -= {(PHONE, form) for form in variants(after.phone)}
    if after.user_id:
        gone |= {pair for pair in held if pair[0] == USER_ID}
    come = pairs_of(after)
    identities.change(tx, contact_id, gone=gone & held, come=come, now=now)
    statement = text("""
        update contacts set phone = coalesce(:phone, phone), unreachable = false, revision = revision + 1,
            phone_problem = case when coalesce(:phone, phone) is null then phone_problem end, updated_at = :now
        where id = :id""")
    tx.execute(statement, {"phone": after.phone, "id": contact_id, "now": now})


def _phone(tx: Connection, contact_id: int) -> str | None:
    phone: str | None = tx.execute(text("select phone from contacts where id = :id"), {"id": contact_id}).scalar_one()
    return phone


def name_nameless(tx: Connection, names: Collection[tuple[int, str]], now: datetime) -> None:
    """Names for those of these contacts that have none."""
    statement = text("""
        update contacts c set full_name = w.name, revision = revision + 1, updated_at = :now
        from (select distinct on (id) id, name
              from unnest(cast(:ids as bigint[]), cast(:names as text[])) w(id, name) order by id) w
        where c.id = w.id and c.full_name = ''""")
    values = {"ids": [contact_id for contact_id, _ in names], "names": [name for _, name in names]}
    if names:
        tx.execute(statement, values | {"now": now})
