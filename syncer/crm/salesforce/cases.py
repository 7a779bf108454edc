"""Handoffs as cases: one per `ref`, given to the contact's owner unless the org has rules of its own (R32, R33)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from syncer.crm.salesforce import errors, soql
from syncer.crm.salesforce.call import Api
from syncer.crm.salesforce.mapping import REF, Described
from syncer.crm.salesforce.messages import key
from syncer.crm.salesforce.reading import Reader
from syncer.crm.salesforce.writing import Outcome, Record, read, write
from syncer.crm.side_by_side import both
from syncer.crm.whereabouts import results
from syncer.domain.crm_record import CrmTask, WriteResult
from syncer.domain.text import shorten, storable

#: Where a case came from, the first word that the org's list has.
ORIGINS = ("WhatsApp", "Web")
#: How urgent, where the org's list does not have the very word.
_PRIORITIES = {"low": "Low", "normal": "Medium", "medium": "Medium", "high": "High", "urgent": "High"}
#: An owner who has left takes no cases.
_NO_OWNER = ("INACTIVE_OWNER_OR_USER", "OP_WITH_INACTIVE_USER_EXCEPTION")


def write_tasks(
    api: Api, reader: Reader, tasks: Sequence[CrmTask], known: Described, contact: str | None
) -> list[WriteResult]:
    """Open a case for each task that has none; one that exists belongs to the person who works on it. `contact` is the
    field that points to the customer. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
    wanted = {key(task.ref): task for task in tasks}
    owned = [task.crm_contact_id for task in tasks if task.crm_contact_id] if contact == "ContactId" else []
    rows, owners = both(partial(read, api, "Case", [REF], REF, wanted), partial(_owners, api, owned))
    there = {str(row.get(REF)) for row in rows}
    outcomes = {task.ref: Outcome("") for told, task in wanted.items() if told in there}
    new = [task for told, task in wanted.items() if told not in there]
    records = {task.ref: _new(task, known, contact, owners) for task in new}
    made = write(api, "Case", "create", records)
    again = {
        ref: {name: value for name, value in records[ref].items() if name != "OwnerId"}
        for ref, one in made.items()
        if one.error is not None and getattr(one.error, "code", "") in _NO_OWNER
    }
    made |= write(api, "Case", "create", again)
    # Another worker was faster: the case is there, which is all that was asked for.
    outcomes |= {ref: Outcome("") if errors.is_conflict(one.error) else one for ref, one in made.items()}
    return results(reader, tasks, outcomes, errors.is_missing, errors.VENDOR.silence())


def _owners(api: Api, contacts: Sequence[str]) -> dict[str, str]:
    """Contact -> the owner to whom its cases go."""
    ids = [soql.long_id(one) for one in contacts if soql.is_id(one)]
    rows = read(api, "Contact", ["OwnerId"], "Id", ids)
    return {str(row.get("Id")): str(row["OwnerId"]) for row in rows if row.get("OwnerId")}


def _new(task: CrmTask, known: Described, contact: str | None, owners: Mapping[str, str]) -> Record:
    record = {
        REF: key(task.ref),
        "Subject": shorten(storable(task.subject), known.length("Subject")),
        "Description": shorten(storable(task.body), known.length("Description")),
    }
    chosen = {
        "Origin": next((word for word in ORIGINS if word in known.options("Origin")), None),
        "Status": "New" if "New" in known.options("Status") else None,
        "Priority": _priority(task.priority, known.options("Priority")),
    }
    record |= {name: word for name, word in chosen.items() if word is not None}
    if contact and task.crm_contact_id:
        record[contact] = task.crm_contact_id
        if owner := owners.get(soql.long_id(task.crm_contact_id)):
            record["OwnerId"] = owner
    return record


def _priority(word: str, options: Sequence[str]) -> str | None:
    """The org's own word if it has it, else the nearest of those that every org begins with."""
    same = next((option for option in options if option.lower() == word.lower()), None)
    usual = _PRIORITIES.get(word.lower(), "Medium")
    return same or (usual if usual in options else None)
