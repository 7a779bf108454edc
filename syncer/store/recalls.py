"""Recalls: messages that were about to leave to somebody who has just taken back their consent.

Admission has let them through, but they are not on their way yet. Their claims end here, so that nobody can send them,
and they are asked about again like any other planned message (law 10).
"""

from __future__ import annotations

from sqlalchemy import Connection, text


def hand_back(tx: Connection, contact_id: int) -> None:
    """Take this person's templates from the workers that hold them. What is `sending` has left. Whoever lets a message
    through holds the contact still meanwhile (`consents.hold_still`), so none slips by between the two."""
    statement = text("""
        update outgoing set state = 'planned', claimed_by = null, lease_until = null
        where contact_id = :id and state = 'claimed' and category <> 'service'""")
    tx.execute(statement, {"id": contact_id})
