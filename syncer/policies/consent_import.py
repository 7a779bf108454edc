"""What a CRM's flags say about consent, and whether that is worth a line in the ledger (R7, X4).

An import is never the customer's own word: it is entered with `explicit=False`, and the ledger lets every explicit word
stand above it. Where rows of one person contradict each other a refusal counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.contact import SourceRecord

#: The canonical field of each tier.
FIELDS: Mapping[Tier, str] = {Tier.TRANSACTIONAL: "transactional_consent", Tier.MARKETING: "marketing_consent"}

#: What a yes that is no longer there becomes: nothing promotional without consent, ever. A transactional message needs
#: no yes, so there the silence of a CRM takes nothing away.
_WITHDRAWN: Mapping[Tier, Word | None] = {Tier.TRANSACTIONAL: None, Tier.MARKETING: Word.REVOKED}


@dataclass(frozen=True, slots=True)
class Said:
    """One tier, as a person's rows have it; `row` is the one that decides."""

    word: Word
    row: SourceRecord


def said(sources: Sequence[SourceRecord]) -> dict[Tier, Said]:
    """The word of each tier that any of a person's rows speaks about."""
    found: dict[Tier, Said] = {}
    for tier, name in FIELDS.items():
        for source in sources:
            flag = source.fields.get(name)
            if flag is False:
                found[tier] = Said(Word.REVOKED, source)
                break
            if flag is True and tier not in found:
                found[tier] = Said(Word.GRANTED, source)
    return found


def news(
    contact_id: int, now_said: Mapping[Tier, Said], imported: Mapping[Tier, Word], crm: str, now: datetime
) -> list[ConsentEntry]:
    """The entries to make, given the word each tier was last imported with. `at` is the moment of the import: when the
    CRM's user ticked the box nobody knows."""
    entries = []
    for tier, name in FIELDS.items():
        before = imported.get(tier, Word.UNKNOWN)
        if (new := now_said.get(tier)) is not None:
            if new.word is not before:
                proof = f"{new.row.crm}:{new.row.crm_id} {name}={new.word is Word.GRANTED}".lower()
                entries.append(_entry(contact_id, tier, new.word, f"crm:{new.row.crm}", proof, now))
        elif before is Word.GRANTED and (word := _WITHDRAWN[tier]):
            entries.append(_entry(contact_id, tier, word, f"crm:{crm}", f"{name} is no longer said", now))
    return entries


def _entry(contact_id: int, tier: Tier, word: Word, source: str, proof: str, now: datetime) -> ConsentEntry:
    return ConsentEntry(contact_id, tier, word, now, source, proof, explicit=False)


def refuses(source: SourceRecord) -> bool:
    """Whether this row says that its person must not get promotional messages, or none at all (R6)."""
    return source.fields.get(FIELDS[Tier.MARKETING]) is False or source.fields.get("blocked") is True
