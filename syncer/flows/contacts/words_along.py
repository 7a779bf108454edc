"""Rows that leave a contact take along the words of consent that were imported from them (R7): another person's yes or
no is not left behind. The customer's own words stay where they were said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from syncer.policies.placement import Housing, Key, Neighbourhood, Rows
from syncer.store import row_separation
from syncer.store.row_separation import Taken


def take_words(tx: Connection, rows: Rows, near: Neighbourhood, housing: Housing) -> Sequence[Taken]:
    """Take them out, before anything is written. A contact that all rows have left, but not its conversation, keeps
    them."""
    gone: list[tuple[Key, int]] = [
        (key, before.contact_id)
        for key in rows
        if (before := near.residents.get(key)) and before.contact_id not in (housing.homes[key], *housing.deserted)
    ]
    return row_separation.take_words(tx, gone) if gone else ()


def give_words(tx: Connection, taken: Sequence[Taken], housing: Housing, now: datetime) -> None:
    """Enter them where the rows live now, and let both show what holds, once the contacts are there."""
    if taken:
        row_separation.give_words(tx, [(housing.homes[one.row], one.word) for one in taken], now)
        row_separation.show_words(tx, {one.contact_id for one in taken} | {housing.homes[one.row] for one in taken})
