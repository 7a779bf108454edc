"""Handoffs as tickets: one per `ref`, given to the contact's owner (R32, R33)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncer.crm.hubspot import errors
from syncer.crm.hubspot.call import Api, is_id
from syncer.crm.hubspot.mapping import REF, Stage
from syncer.crm.hubspot.messages import LONGEST, moment_text
from syncer.crm.hubspot.reading import Reader
from syncer.crm.hubspot.writing import Input, Outcome, properties, read, to_contact, write
from syncer.crm.whereabouts import results
from syncer.domain.crm_record import CrmTask, WriteResult
from syncer.domain.errors import Never
from syncer.domain.text import shorten, storable

#: HubSpot's own type of link, from its published table: a ticket's to a contact.
_TO_CONTACT = 16
#: Characters of a ticket's subject.
_LONGEST_SUBJECT = 255
_PRIORITIES = {"low": "LOW", "normal": "MEDIUM", "medium": "MEDIUM", "high": "HIGH", "urgent": "URGENT"}


def write_tasks(
    api: Api, reader: Reader, tasks: Sequence[CrmTask], stage: Stage, priorities: Sequence[str]
) -> list[WriteResult]:
    """Open a ticket for each task that has none, and give it to the contact's owner; one that exists belongs to the
    person who works on it. They are not looked for first: the reference is unique, so HubSpot says which are there.
    Raises `TryAgain`, `TryLater`, `FixCredentials`."""
    wanted = {task.ref: task for task in tasks}
    owners = _owners(api, [task.crm_contact_id for task in wanted.values() if task.crm_contact_id])
    new = {ref: _new_ticket(task, stage, priorities, owners) for ref, task in wanted.items()}
    made = write(api, "tickets", "create", new)
    outcomes = {ref: Outcome() if errors.is_conflict(one.error) else one for ref, one in made.items()}
    outcomes |= _there(api, [ref for ref, one in outcomes.items() if isinstance(one.error, Never)])
    return results(reader, tasks, outcomes, errors.may_lack_another, errors.VENDOR.silence())


def _there(api: Api, refused: Sequence[str]) -> dict[str, Outcome]:
    """Of the tickets that cannot be made those that exist: what has become of their contact since is no matter."""
    rows = read(api, "tickets", refused, [REF], by=REF)
    return {str(properties(row).get(REF)): Outcome(id=str(row.get("id"))) for row in rows}


def _owners(api: Api, contacts: Sequence[str]) -> dict[str, str]:
    """Contact -> the owner to whom its tickets go."""
    numbers = [one for one in contacts if is_id(one)]
    rows = read(api, "contacts", numbers, ["hubspot_owner_id"]) if numbers else []
    told = {str(row.get("id")): properties(row).get("hubspot_owner_id") for row in rows}
    return {contact: str(owner) for contact, owner in told.items() if owner}


def _new_ticket(task: CrmTask, stage: Stage, priorities: Sequence[str], owners: Mapping[str, str]) -> Input:
    priority = _PRIORITIES.get(task.priority.lower(), "MEDIUM")
    values = {
        REF: task.ref,
        "subject": shorten(storable(task.subject), _LONGEST_SUBJECT),
        "content": shorten(storable(task.body), LONGEST),
        "hs_pipeline": stage.pipeline,
        "hs_pipeline_stage": stage.stage,
        "hs_ticket_priority": priority if priority in priorities or not priorities else "HIGH",
        "createdate": moment_text(task.created_at),
    }
    owner = owners.get(task.crm_contact_id or "")
    if owner:
        values["hubspot_owner_id"] = owner
    return {"properties": values, "associations": to_contact(task.crm_contact_id, _TO_CONTACT)}
