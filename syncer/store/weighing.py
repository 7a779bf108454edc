"""How the words of the consent ledger are weighed, in SQL; `policies.consent` says why, and a test holds the two
against each other."""

from __future__ import annotations

from syncer.domain.consent import Tier

#: The heaviest word first: the customer's own before an import, then the later one, of one moment the refusal; of
#: equals the last to be entered.
HEAVIEST = "explicit desc, at desc, (word = 'revoked') desc, id desc"


def holding(tier: Tier, contact: str) -> str:
    """The word of one tier that holds, as an expression; null when there is none. `contact` is SQL for its number."""
    return f"""(select word from consents where contact_id = {contact} and tier = '{tier}'
        order by {HEAVIEST} limit 1)"""
