"""What is stored around some rows of a CRM: everything that could decide whose rows they are."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from syncer.domain.phone_variants import variants
from syncer.policies.placement import Key, Neighbourhood, Resident, Rows, key_of
from syncer.store import contact_neighbours as stored
from syncer.store.identities import PHONE, given_up_by, lock_forms


def of(tx: Connection, crm: str, asked: Rows, shared_above: int) -> Neighbourhood:
    """The neighbourhood of these rows, all of one CRM. Ask after `contact_neighbours.take_turn`, so that it stays as it
    is until the page is written."""
    crm_ids = [crm_id for _, crm_id in asked]
    numbers = {record.phone for record in asked.values() if record.phone}
    phones = sorted({form for number in numbers for form in variants(number)})
    if len(phones) > len(numbers):
        lock_forms(tx, numbers)
    # Enough of a shared number's rows to know whether too many are left when all of this page have gone.
    enough = shared_above + 1 + len(asked)
    near = stored.near(tx, crm, crm_ids, phones, enough)
    residents = {key_of(record): Resident(contact_id, record) for contact_id, record in near.rows}
    return Neighbourhood(residents, near.holders, _given_up(tx, asked, residents, near.holders))


def _given_up(
    tx: Connection, asked: Rows, residents: Mapping[Key, Resident], holders: Mapping[str, int]
) -> dict[int, set[str]]:
    """A row that we made ourselves and read for the first time may name a number that its person has given up since;
    nobody has to be asked about the others."""
    unread = {
        before.contact_id
        for key, record in asked.items()
        if (before := residents.get(key)) and not before.record.digest and record.phone
        if holders.get(record.phone) != before.contact_id
    }
    found = given_up_by(tx, unread) if unread else {}
    return {person: {value for kind, value in pairs if kind == PHONE} for person, pairs in found.items()}
