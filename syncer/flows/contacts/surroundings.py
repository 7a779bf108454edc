"""What is stored around some rows of a CRM: everything that could decide whose rows they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from sqlalchemy import Connection

from syncer.domain.contact import SourceRecord
from syncer.domain.phone_variants import variants
from syncer.policies import kinship, placement
from syncer.policies.neighbourhood import Key, Neighbourhood, Resident, Rows, key_of
from syncer.store import contact_keys
from syncer.store import contact_neighbours as stored
from syncer.store.contact_neighbours import Near
from syncer.store.identities import PHONE, given_up_by, lock_forms


def of(tx: Connection, crm: str, asked: Rows, shared_above: int, *, by_email: bool = False) -> Neighbourhood:
    """The neighbourhood of these rows, all of one CRM. Ask after `contact_neighbours.take_turn`, so that it stays as it
    is until the page is written."""
    crm_ids = [crm_id for _, crm_id in asked]
    numbers = {record.phone for record in asked.values() if record.phone}
    phones = _forms(numbers)
    if len(phones) > len(numbers):
        lock_forms(tx, numbers)
    named = sorted({name for record in asked.values() if (name := kinship.named_by(record))})
    # Enough of a shared number's rows to know whether too many are left when all of this page have gone.
    enough = shared_above + 1 + len(asked)
    found = stored.near(tx, crm, crm_ids, phones, enough, named)
    near = Neighbourhood(_residents(found), found.holders, by_email=by_email, most=shared_above)
    near = replace(near, given_up=_given_up(tx, asked, near.residents, near.holders))
    return _with_kin(tx, asked, near)


def of_contacts(tx: Connection, contact_ids: Collection[int]) -> Neighbourhood:
    """All rows of these contacts, and who holds any of their numbers."""
    found = stored.around(tx, contact_ids, ())
    phones = _forms({record.phone for _, record, _ in found.rows if record.phone})
    return Neighbourhood(_residents(found), stored.around(tx, (), phones).holders)


def _forms(numbers: Collection[str]) -> list[str]:
    return sorted({form for number in numbers for form in variants(number)})


def _residents(found: Near) -> dict[Key, Resident]:
    return {key_of(record): Resident(contact_id, record, apart) for contact_id, record, apart in found.rows}


def _with_kin(tx: Connection, asked: Rows, near: Neighbourhood) -> Neighbourhood:
    """The same with what is needed where rows have other keys than their phone, or where a person has placed some; both
    are rare, and nothing more is asked for without."""
    if near.by_email:
        near = _with_addresses(tx, asked, near)
    placed = {r.contact_id for key, r in near.residents.items() if r.apart and key in asked}
    keyed = near.by_email or any(map(kinship.named_by, _all_versions(asked, near)))
    knots = kinship.knots(placement.share(asked, near, near.most), near) if keyed else {}
    if not knots and not placed:
        return near
    contacts = {near.residents[key].contact_id for key in knots if key in near.residents} | placed
    near = _with_rows(tx, near, (), {key: record for key, record in near.after(asked).items() if key in knots})
    stored.lock_phones(tx, contacts)
    rooted = frozenset(stored.rooted(tx, contacts))
    return replace(near, knots=knots, rooted=rooted, open=kinship.openable(near, knots.keys(), rooted))


def _all_versions(asked: Rows, near: Neighbourhood) -> list[SourceRecord]:
    return [*asked.values(), *(resident.record for resident in near.residents.values())]


def _with_addresses(tx: Connection, asked: Rows, near: Neighbourhood) -> Neighbourhood:
    """Whoever has a row with an address that the asked rows have or had."""
    before = [near.residents[key].record for key in asked if key in near.residents]
    emails = {email for record in (*asked.values(), *before) if (email := kinship.address(record))}
    contacts = contact_keys.carriers(tx, emails, kinship.FAMILY + 1 + len(asked))
    return _with_rows(tx, near, contacts, asked)


def _with_rows(tx: Connection, near: Neighbourhood, contacts: Collection[int], rows: Rows) -> Neighbourhood:
    """With all rows of these contacts too, and with who holds the numbers of these rows."""
    missing = set(contacts) - {resident.contact_id for resident in near.residents.values()}
    phones = set(_forms({record.phone for record in rows.values() if record.phone})) - near.holders.keys()
    if not missing and not phones:
        return near
    found = stored.around(tx, missing, phones)
    return replace(near, residents={**near.residents, **_residents(found)}, holders={**near.holders, **found.holders})


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
