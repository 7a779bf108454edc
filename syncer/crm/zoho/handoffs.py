"""Handoffs as cases, or as tasks: one per `ref`, given to the contact's owner (R32, R33).

Cases, where the organisation has made the unique field `WA_Ref` there; else tasks with that field; else tasks whose
description ends with the reference, known again by a look at the contact's tasks.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from itertools import chain
from typing import Any

from syncer.crm.side_by_side import all_of, both
from syncer.crm.zoho import errors
from syncer.crm.zoho.call import Api, is_id
from syncer.crm.zoho.lines import read_line, with_line, word
from syncer.crm.zoho.mapping import REF, Module, module_if_any
from syncer.crm.zoho.messages import no_contact
from syncer.crm.zoho.notes import notes_of
from syncer.crm.zoho.record_values import fitted
from syncer.crm.zoho.writing import Outcome, having, read, result, write
from syncer.domain.crm_record import CrmTask, WriteResult
from syncer.domain.errors import FixCredentials

#: Characters of a description.
_LONGEST_TEXT = 30_000
#: Ours -> theirs, the first that the organisation's pick list has.
_PRIORITIES = {
    "low": ("Low",),
    "normal": ("Normal", "Medium"),
    "medium": ("Medium", "Normal"),
    "high": ("High",),
    "urgent": ("Urgent", "Highest", "High"),
}
_STATUSES = ("New", "Not Started", "Open")
_ORIGINS = ("WhatsApp", "Web")
#: Of this process one at a time, where nothing in the organisation keeps two from doing the same.
_TURN = threading.Lock()


@dataclass(frozen=True, slots=True)
class Desk:
    """Where handoffs go: a module, and its field with the contact."""

    module: Module
    contact: str

    @property
    def by_field(self) -> bool:
        """Whether a handoff's reference stands in a field of its own."""
        return self.module.is_unique(REF)


def desk(api: Api) -> Desk:
    """Where this organisation's handoffs go. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
    cases = module_if_any(api, "Cases")
    if cases is not None and cases.is_unique(REF):
        return Desk(cases, cases.contact or "Related_To")
    tasks = module_if_any(api, "Tasks")
    if tasks is not None:
        return Desk(tasks, tasks.contact or "Who_Id")
    raise FixCredentials("the organisation has neither tasks nor cases with WA_Ref that we may see", code="desk")


def write_tasks(api: Api, tasks: Sequence[CrmTask], where: Desk) -> list[WriteResult]:
    """Open what is not open yet, and give it to the contact's owner; what exists belongs to the person who works on it.
    Raises `TryAgain`, `TryLater`, `FixCredentials`."""
    if where.by_field:
        outcomes = _written(api, tasks, where)
    else:
        with _TURN:
            outcomes = _written(api, tasks, where)
    return [result(task.ref, outcomes.get(task.ref)) for task in tasks]


def _written(api: Api, tasks: Sequence[CrmTask], where: Desk) -> dict[str, Outcome]:
    wanted = {task.ref: task for task in tasks}
    contacts = sorted({task.crm_contact_id or "" for task in tasks})
    outcomes, owners = both(partial(_there, api, wanted, where), partial(_owners, api, contacts))
    new = {ref: task for ref, task in wanted.items() if ref not in outcomes}
    rows = {}
    for ref, task in new.items():
        if task.crm_contact_id and task.crm_contact_id not in owners:
            outcomes[ref] = Outcome(error=no_contact(task.crm_contact_id))
        else:
            rows[ref] = fitted(_row(task, where, owners), where.module)
    for ref, outcome in write(api, "POST", where.module.name, rows).items():
        # Another worker was faster: it is there, which is all that was asked for.
        outcomes[ref] = Outcome() if errors.is_duplicate(outcome.error) else outcome
    return outcomes


def _there(api: Api, wanted: Mapping[str, CrmTask], where: Desk) -> dict[str, Outcome]:
    if where.by_field:
        rows = having(api, where.module.name, [REF], list(wanted), [REF])
        return {str(row.get(REF)): Outcome(str(row.get("id"))) for row in rows}
    words = {word(ref): ref for ref in wanted}
    contacts = sorted({contact for task in wanted.values() if is_id(contact := task.crm_contact_id or "")})
    found = {}
    looks = [partial(notes_of, api, contact, where.module.name, ("Description",)) for contact in contacts]
    for row in chain.from_iterable(all_of(looks)):
        line = read_line(str(row.get("Description") or ""))
        if line and line[0] in words:
            found[words[line[0]]] = Outcome(str(row.get("id")))
    return found


def _owners(api: Api, contacts: Sequence[str]) -> dict[str, str | None]:
    """Contact -> the owner to whom its handoffs go, of those that are there."""
    numbers = [one for one in contacts if is_id(one)]
    rows = read(api, "Contacts", numbers, ["Owner"]) if numbers else {}
    owners = {contact: row.get("Owner") for contact, row in rows.items()}
    return {one: str(owner["id"]) if isinstance(owner, dict) else None for one, owner in owners.items()}


def _row(task: CrmTask, where: Desk, owners: Mapping[str, str | None]) -> dict[str, Any]:
    known, text = where.module, task.body[:_LONGEST_TEXT]
    day = task.created_at.astimezone(UTC).date().isoformat()
    told: dict[str, Any] = {
        "Subject": task.subject or "WhatsApp",
        "Description": text if where.by_field else with_line(text, task.ref, {}),
        "Priority": _chosen(known, "Priority", _PRIORITIES.get(task.priority.lower(), ("Normal", "Medium"))),
        "Status": _chosen(known, "Status", _STATUSES),
    }
    told |= {"Due_Date": day} if "Due_Date" in known.fields else {}
    told |= {"Case_Origin": _chosen(known, "Case_Origin", _ORIGINS)} if "Case_Origin" in known.fields else {}
    told |= {REF: task.ref} if where.by_field else {}
    if task.crm_contact_id:
        told[where.contact] = {"id": task.crm_contact_id}
        if owner := owners.get(task.crm_contact_id):
            told["Owner"] = {"id": owner}
    return {name: value for name, value in told.items() if value is not None}


def _chosen(known: Module, name: str, wanted: Sequence[str]) -> str | None:
    """The first of the wanted options that there is; nothing where the list has none of them."""
    options = known.options(name)
    return next((one for one in wanted if not options or one in options), None)
