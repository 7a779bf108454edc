"""What the ledger means: which word holds (R7, X4).

Each word is weighed by whose it is and by when it was said, never by when it reached us:

- the customer's own (`explicit`) outweighs every import, whatever the import's date;
- of two of the same weight the later one holds, and of two of the same moment the refusal.

The same order is written in SQL in `store.weighing`; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from syncer.domain.consent import ConsentEntry, Tier, Word

#: What a source begins with when the customer said it in WhatsApp, from their own number: it needs no second step.
BY_OWN_HAND = ("whatsapp", "keyword", "button")


def decisive(entries: Iterable[ConsentEntry]) -> dict[Tier, ConsentEntry]:
    """The entry of each tier that holds; a tier of which nobody has said anything is absent."""
    found: dict[Tier, ConsentEntry] = {}
    for entry in entries:
        if entry.tier not in found or _weight(entry) > _weight(found[entry.tier]):
            found[entry.tier] = entry
    return found


def current(entries: Iterable[ConsentEntry]) -> dict[Tier, Word]:
    """The word of each tier that holds; `UNKNOWN` where there is none."""
    found = decisive(entries)
    return {tier: found[tier].word if tier in found else Word.UNKNOWN for tier in Tier}


def confirmed(entries: Iterable[ConsentEntry]) -> dict[Tier, Word]:
    """The same under double opt-in: a yes counts only if the customer gave it in WhatsApp, a no counts always."""
    return current(entry for entry in entries if entry.word is Word.REVOKED or is_confirmed(entry))


def is_confirmed(entry: ConsentEntry) -> bool:
    """Whether the customer said it from their own number: by a word, a button, or the platform's own settings."""
    return entry.explicit and entry.source.split(":", 1)[0] in BY_OWN_HAND


def entered(entry: ConsentEntry, now: datetime) -> tuple[ConsentEntry, ...]:
    """The lines that one word makes. Who wants no notices wants no offers either; a stop of offers leaves the notices.
    Nobody can have said anything later than now: a clock that runs ahead must not outlast later words."""
    line = replace(entry, at=min(entry.at, now))
    if (line.tier, line.word) == (Tier.TRANSACTIONAL, Word.REVOKED):
        return line, replace(line, tier=Tier.MARKETING)
    return (line,)


def _weight(entry: ConsentEntry) -> tuple[bool, datetime, bool]:
    return entry.explicit, entry.at, entry.word is Word.REVOKED
