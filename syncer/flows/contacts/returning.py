"""People who were erased and come in again, because a CRM still has their row: they wanted to be forgotten, and nobody
promotes anything to them until they say so themselves (GDPR Art. 17, 21)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from syncer.domain.contact import SourceRecord
from syncer.policies.erasure import Pair, fingerprints, refusal
from syncer.policies.merging import usable_phone
from syncer.policies.placement import Key, key_of
from syncer.store import consents, erasures


def came_back(tx: Connection, keys: Sequence[bytes], identifiers: Collection[Pair]) -> dict[Pair, datetime]:
    """Those of these identifiers - `("phone", "+886...")`, `("crm:sql", "17")` - whose owner was erased, and when.
    `keys` are all that may have sealed them. One short query where nobody ever was, two where somebody was."""
    if not identifiers or not keys or not erasures.any_at_all(tx):
        return {}
    asked = fingerprints(keys, identifiers)
    return {asked[sealed]: erased_at for sealed, erased_at in erasures.known(tx, asked).items()}


def refuse_for_the_returned(
    tx: Connection, keys: Sequence[bytes], rows: Collection[SourceRecord], homes: Mapping[Key, int], now: datetime
) -> set[int]:
    """Enter their refusal for everybody among these new rows who was erased, and let their contact show what holds;
    returns the contacts. Call it once a page is written, with the rows that were not known before it."""
    if not rows or not keys or not erasures.any_at_all(tx):
        return set()
    leads = {pair: homes[key_of(row)] for row in rows for pair in _pairs(row)}
    returned: dict[int, datetime] = {}
    for pair, erased_at in came_back(tx, keys, leads).items():
        returned[leads[pair]] = max(erased_at, returned.get(leads[pair], erased_at))
    for contact_id, erased_at in sorted(returned.items()):
        consents.record(tx, refusal(contact_id, erased_at), now)
    return set(returned)


def _pairs(row: SourceRecord) -> list[Pair]:
    phone = usable_phone(row)
    return [(f"crm:{row.crm}", row.crm_id), *([("phone", phone)] if phone else [])]
