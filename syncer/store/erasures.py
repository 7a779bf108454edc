"""Erasures: the proof that a person was erased, and by what they are recognised if a CRM brings them in again.

The proof holds no personal data: when, by whom, why, how many rows of which table, and keyed hashes of what led to the
person (`policies.erasure`). `files` are those still to be removed from the disk, which follows the commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, LargeBinary, Row, Table, Text, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB

from syncer.store.base import metadata, moment, primary_key

erasures = Table(
    "erasures",
    metadata,
    primary_key(),
    Column("contact_id", BigInteger, nullable=False),
    moment("erased_at", nullable=False),
    Column("erased_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("counts", JSONB, nullable=False),
    # Names below the media folder, with `*` for what a download may have left; emptied once they are gone.
    Column("files", JSONB, nullable=False, server_default="[]"),
)

#: HMACs of phones, user ids, e-mail addresses and CRM rows; of one that was erased twice the last time counts.
erased_identifiers = Table(
    "erased_identifiers",
    metadata,
    Column("fingerprint", LargeBinary, primary_key=True),
    Column("erasure_id", BigInteger, ForeignKey("erasures.id"), nullable=False),
)


@dataclass(frozen=True, slots=True)
class Proof:
    """What is written down of an erasure. `counts` by table."""

    contact_id: int
    erased_at: datetime
    erased_by: str
    reason: str
    counts: Mapping[str, int]
    files: Sequence[str] = field(default=())


def record(tx: Connection, proof: Proof, fingerprints: Collection[bytes]) -> int:
    """Keep the proof, in the transaction that erases; returns its number."""
    values = {name: getattr(proof, name) for name in ("contact_id", "erased_at", "erased_by", "reason")}
    values |= {"counts": dict(proof.counts), "files": list(proof.files)}
    erasure_id = int(tx.execute(insert(erasures).values(values).returning(erasures.c.id)).scalar_one())
    statement = text("""
        insert into erased_identifiers (fingerprint, erasure_id) select f, :id from unnest(cast(:prints as bytea[])) f
        order by f on conflict (fingerprint) do update set erasure_id = excluded.erasure_id""")
    tx.execute(statement, {"id": erasure_id, "prints": sorted(set(fingerprints))})
    return erasure_id


def any_at_all(tx: Connection) -> bool:
    """Whether anybody was ever erased; if not, nothing has to be hashed."""
    return bool(tx.execute(text("select exists (select 1 from erased_identifiers)")).scalar_one())


def known(tx: Connection, fingerprints: Collection[bytes]) -> dict[bytes, datetime]:
    """Those of these that are of somebody who was erased, and when."""
    statement = text("""
        select i.fingerprint, e.erased_at from erased_identifiers i join erasures e on e.id = i.erasure_id
        where i.fingerprint = any(cast(:prints as bytea[]))""")
    rows = tx.execute(statement, {"prints": sorted(fingerprints)})
    return {bytes(row.fingerprint): row.erased_at for row in rows}


def unfinished(tx: Connection) -> Sequence[Row[Any]]:
    """Erasures whose files are still to be removed, kept for the caller until the transaction ends; those that another
    is at are left out."""
    statement = select(erasures).where(erasures.c.files != text("'[]'::jsonb")).order_by(erasures.c.id)
    return tx.execute(statement.with_for_update(skip_locked=True)).fetchall()


def files_left(tx: Connection, erasure_id: int, files: Sequence[str]) -> None:
    """These are still to be removed."""
    values: dict[str, Any] = {"files": list(files)}
    tx.execute(erasures.update().where(erasures.c.id == erasure_id).values(values))


def being_fetched(tx: Connection) -> bool:
    """Whether a worker is fetching a file at this moment: which one it is will only be known when it is there."""
    return bool(tx.execute(text("select exists (select 1 from media where state = 'claimed')")).scalar_one())


def hashes_in_use(tx: Connection, hashes: Sequence[str]) -> set[str]:
    """Those of these files that others have sent too."""
    return set(tx.execute(text("select sha256 from media where sha256 = any(:h)"), {"h": list(hashes)}).scalars())


def latest_of(tx: Connection, contact_id: int) -> Row[Any] | None:
    """The erasure of the contact that had this number."""
    statement = select(erasures).where(erasures.c.contact_id == contact_id).order_by(erasures.c.id.desc()).limit(1)
    return tx.execute(statement).one_or_none()
