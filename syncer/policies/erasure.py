"""Erasure: what is kept of a person of whom nothing is kept, and what follows when they come in again (GDPR Art. 17).

A keyed hash tells nothing without the key: telephone numbers are few enough to try them all against a plain one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.phone_variants import canonical

Pair = tuple[str, str]
"""(kind, value): `phone` in E.164, `user_id`, `email`, or `crm:<name>` with the CRM's id of a row."""

SOURCE = "erasure"
_PURPOSE = b"syncer erasure 1"


def fingerprint(key: bytes, pair: Pair) -> bytes:
    """HMAC-SHA256 of one identifier, the same for all forms of a number."""
    kind, value = pair
    value = canonical(value) if kind == "phone" else value.casefold() if kind == "email" else value
    return hmac.digest(key, b"\0".join((_PURPOSE, kind.encode(), value.encode("utf-8", "replace"))), hashlib.sha256)


def fingerprints(keys: Sequence[bytes], pairs: Iterable[Pair]) -> dict[bytes, Pair]:
    """Every identifier under every key: an older key may have sealed it."""
    return {fingerprint(key, pair): pair for pair in pairs for key in keys}


def refusal(contact_id: int, erased_at: datetime) -> ConsentEntry:
    """What is entered when somebody who was erased comes in again from a CRM: who wanted to be forgotten did not want
    to be written to. Their own word, since no import may override it; as old as the erasure, so that a later word of
    theirs does."""
    proof = f"erased on {erased_at:%Y-%m-%d}; the CRM still had the row"
    return ConsentEntry(contact_id, Tier.MARKETING, Word.REVOKED, erased_at, SOURCE, proof, explicit=True)
