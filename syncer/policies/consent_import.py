"""What a CRM's flags say about consent, and whether that is worth a line in the ledger (R7, X4).

An import is never the customer's own word: it is entered with `explicit=False`, and the ledger lets every explicit word
stand above it. Where rows of one person contradict each other a refusal counts, and who wants no notices wants no
offers either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.contact import SourceRecord

#: The canonical field of each tier.
FIELDS: Mapping[Tier, str] = {Tier.TRANSACTIONAL: "transactional_consent", Tier.MARKETING: "marketing_consent"}

_NOTICES, _OFFERS = FIELDS[Tier.TRANSACTIONAL], FIELDS[Tier.MARKETING]

#: What a yes that is no longer there becomes: nothing promotional without consent, ever. A transactional message needs
#: no yes, so there the silence of a CRM takes nothing away.
_WITHDRAWN: Mapping[Tier, Word | None] = {Tier.TRANSACTIONAL: None, Tier.MARKETING: Word.REVOKED}


@dataclass(slots=True)
class Said:
    """One tier, as a person's rows have it; `row` is the one that decides, by this field of its. Where that is another
    tier's field, `flag` is what the rows have in this one's own."""

    word: Word
    row: SourceRecord
    field: str
    flag: Said | None = None


def said(sources: Sequence[SourceRecord]) -> dict[Tier, Said]:
    """The word of each tier that any of a person's rows speaks about."""
    notices, offers = _of_field(sources, _NOTICES), _of_field(sources, _OFFERS)
    if notices and notices.word is Word.REVOKED and not (offers and offers.word is Word.REVOKED):
        offers = replace(notices, flag=offers)
    return {tier: one for tier, one in ((Tier.TRANSACTIONAL, notices), (Tier.MARKETING, offers)) if one}


def _of_field(sources: Sequence[SourceRecord], name: str) -> Said | None:
    granted = None
    for source in sources:
        flag = source.fields.get(name)
        if flag is False:
            return Said(Word.REVOKED, source, name)
        if flag is True and granted is None:
            granted = source
    return Said(Word.GRANTED, granted, name) if granted is not None else None


def news(
    contact_id: int,
    now_said: Mapping[Tier, Said],
    imported: Mapping[Tier, Word],
    crm: str,
    now: datetime,
    *,
    explicit: Mapping[Tier, Word] | None = None,
    before: Mapping[Tier, Said] | None = None,
) -> list[ConsentEntry]:
    """The entries to make, given the word each tier was last imported with. `at` is the moment of the import: when the
    CRM's user ticked the box nobody knows.

    `explicit` has the customer's own word that holds, where there is one: a CRM that says the same is our own echo
    (law 13), or agrees, and needs no line. What it says against that word is entered once, when it begins to say so;
    `before` is what the same person's rows said until now.
    """
    if not imported and not explicit:
        return [_entry(contact_id, tier, one, now) for tier, one in now_said.items()]
    own, until_now = explicit or {}, before or {}
    entries = []
    for tier, name in FIELDS.items():
        if tier in own:  # the customer may well want offers and no notices, so each box is compared by itself
            old, new = _word(_flag(until_now, tier)), _flag(now_said, tier)
        else:
            old, new = imported.get(tier, Word.UNKNOWN), now_said.get(tier)
        word = new.word if new else (_WITHDRAWN[tier] if old is Word.GRANTED else None)
        if word is None or word is old or word is own.get(tier):
            continue
        if new:
            entries.append(_entry(contact_id, tier, new, now))
        else:
            proof = f"{name} is no longer said"
            entries.append(ConsentEntry(contact_id, tier, word, now, f"crm:{crm}", proof, explicit=False))
    return entries


def _entry(contact_id: int, tier: Tier, said: Said, now: datetime) -> ConsentEntry:
    return ConsentEntry(contact_id, tier, said.word, now, f"crm:{said.row.crm}", _proof(said), explicit=False)


def _flag(said: Mapping[Tier, Said], tier: Tier) -> Said | None:
    found = said.get(tier)
    return found if found is None or found.field == FIELDS[tier] else found.flag


def _word(said: Said | None) -> Word:
    return said.word if said else Word.UNKNOWN


def _proof(said: Said) -> str:
    return f"{said.row.crm}:{said.row.crm_id} {said.field}={said.word is Word.GRANTED}".lower()


def refuses(source: SourceRecord) -> bool:
    """Whether this row says that its person must not get promotional messages, or none at all (R6)."""
    said = source.fields.get
    return said(_NOTICES) is False or said(_OFFERS) is False or said("blocked") is True
