"""Files that came with messages: fetched at once, since the platform forgets them after seven days (R24)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Index, Row, Table, Text, select, text
from sqlalchemy.dialects.postgresql import insert

from syncer.domain.message import Medium
from syncer.ports import Download
from syncer.store.base import claim_columns, metadata, moment, primary_key
from syncer.store.claims import Claimable

media = Table(
    "media",
    metadata,
    primary_key(),
    Column("message_id", BigInteger, ForeignKey("messages.id"), nullable=False, unique=True),
    Column("contact_id", BigInteger, nullable=False),
    Column("phone_number_id", Text, nullable=False),
    Column("media_id", Text, nullable=False),
    Column("mime_type", Text, nullable=False, server_default=""),
    Column("filename", Text),
    # Hexadecimal; the file's name in the media folder once it is there.
    Column("sha256", Text),
    Column("size", BigInteger),
    moment("noted_at", nullable=False),
    moment("fetched_at"),
    *claim_columns("pending"),
)
Index("ix_media_ready", media.c.id, postgresql_where=media.c.state == "pending")
Index("ix_media_held", media.c.lease_until, postgresql_where=media.c.state == "claimed")

MEDIA = Claimable(media, turn=4, order="id")


@dataclass(frozen=True, slots=True)
class Noted:
    """A medium of a recorded message."""

    message_id: int
    contact_id: int
    phone_number_id: str
    medium: Medium


def note(tx: Connection, noted: Sequence[Noted], now: datetime) -> None:
    """These files are to be fetched; a message's file is noted once."""
    rows = [
        {
            "message_id": one.message_id,
            "contact_id": one.contact_id,
            "phone_number_id": one.phone_number_id,
            "media_id": one.medium.id,
            "mime_type": one.medium.mime_type,
            "filename": one.medium.filename,
            "noted_at": now,
        }
        for one in noted
    ]
    if rows:
        tx.execute(insert(media).on_conflict_do_nothing(index_elements=["message_id"]), rows)


def keep(tx: Connection, worker: int, fetched: Sequence[tuple[Row[Any], Download]], now: datetime) -> set[int]:
    """These files are in the folder; returns those of them that were still ours to say so."""
    if not fetched:
        return set()
    statement = text("""
        update media m set state = 'done', sha256 = w.sha256, size = w.size, fetched_at = :now, settled_at = :now,
            mime_type = coalesce(nullif(m.mime_type, ''), w.mime_type), claimed_by = null, lease_until = null
        from unnest(cast(:ids as bigint[]), cast(:sha256 as text[]), cast(:size as bigint[]), cast(:types as text[]))
            w(id, sha256, size, mime_type)
        where m.id = w.id and m.state = 'claimed' and m.claimed_by = :worker returning m.id""")
    values: dict[str, Any] = {
        "ids": [row.id for row, _ in fetched],
        "sha256": [found.sha256 for _, found in fetched],
        "size": [found.size for _, found in fetched],
        "types": [found.mime_type for _, found in fetched],
    }
    return set(tx.execute(statement, values | {"now": now, "worker": worker}).scalars())


def of_messages(tx: Connection, message_ids: Iterable[int]) -> dict[int, Row[Any]]:
    """The file of each of these messages that has one, fetched or not, by message."""
    statement = select(media).where(media.c.message_id.in_(sorted(set(message_ids))))
    return {row.message_id: row for row in tx.execute(statement)}


def by_id(tx: Connection, media_id: int) -> Row[Any] | None:
    """One file by our number."""
    return tx.execute(select(media).where(media.c.id == media_id)).one_or_none()
