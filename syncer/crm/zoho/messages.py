"""Messages on record: one per `ref`, however often written (R23, R24), in a module of the company's own.

Where there is no such module they become notes: see `notes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from syncer.crm.message_changes import Recorded, Values, as_written, difference, may_be_there, said
from syncer.crm.side_by_side import both
from syncer.crm.zoho import errors
from syncer.crm.zoho.call import Api, is_id
from syncer.crm.zoho.mapping import BODY, MESSAGE_FIELDS, OCCURRED, REF, Module
from syncer.crm.zoho.record_values import fitted
from syncer.crm.zoho.writing import Outcome, having, result, write
from syncer.domain.crm_record import CrmMessage, WriteResult
from syncer.domain.errors import Never
from syncer.domain.text import shorten, storable

#: Roles of a message, the contact included.
ROLES = (*MESSAGE_FIELDS, "crm_contact_id")
#: The text of a moment or a wamid never comes near it; an error's might.
LONGEST_VALUE = 255
#: Characters of a record's name.
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Update:
    """What is to change of a message that is there."""

    message: CrmMessage
    there: Recorded
    changes: Values


class Keeping(Protocol):
    """Where messages are kept."""

    def sought(self, messages: Iterable[CrmMessage]) -> list[str]:
        """The refs of those to look for before anything is written."""

    def recorded(self, api: Api, wanted: Mapping[str, CrmMessage]) -> dict[str, Recorded]:
        """Those that are there already, by ref."""

    def create(self, api: Api, wanted: Mapping[str, CrmMessage]) -> dict[str, Outcome]:
        """Record those that are not."""

    def update(self, api: Api, updates: Mapping[str, Update]) -> dict[str, Outcome]:
        """Change those that are."""

    def turn(self) -> AbstractContextManager[object]:
        """Held from the look to the last write."""


def write_messages(api: Api, messages: Sequence[CrmMessage], keeping: Keeping) -> list[WriteResult]:
    """Record the messages that are not there, update those that changed. Raises `TryAgain`, `TryLater`,
    `FixCredentials`."""
    wanted = {message.ref: message for message in messages}
    with keeping.turn():
        outcomes = _written(api, wanted, keeping)
    return [result(message.ref, outcomes.get(message.ref)) for message in messages]


def _written(api: Api, wanted: Mapping[str, CrmMessage], keeping: Keeping) -> dict[str, Outcome]:
    """Those that are hardly ever there are made while the others are looked for."""
    sought = set(keeping.sought(wanted.values()))
    new = {ref: one for ref, one in wanted.items() if ref not in sought}
    old = {ref: one for ref, one in wanted.items() if ref in sought}
    made, kept = both(partial(_made, api, new, keeping), partial(_looked_for, api, old, keeping))
    return made | kept


def _looked_for(api: Api, wanted: Mapping[str, CrmMessage], keeping: Keeping) -> dict[str, Outcome]:
    found = keeping.recorded(api, wanted) if wanted else {}
    new = {ref: one for ref, one in wanted.items() if ref not in found}
    made, updated = both(partial(_made, api, new, keeping), partial(_updated, api, wanted, found, keeping))
    return made | updated


def _made(api: Api, wanted: Mapping[str, CrmMessage], keeping: Keeping) -> dict[str, Outcome]:
    """New records; one that is there after all is updated."""
    made = keeping.create(api, wanted)
    raced = {ref: wanted[ref] for ref, outcome in made.items() if errors.is_duplicate(outcome.error)}
    return made | (_updated(api, raced, keeping.recorded(api, raced), keeping) if raced else {})


def _updated(
    api: Api, wanted: Mapping[str, CrmMessage], found: Mapping[str, Recorded], keeping: Keeping
) -> dict[str, Outcome]:
    """Of the messages wanted those that are `found`."""
    updates = {
        ref: Update(wanted[ref], there, changes)
        for ref, there in found.items()
        if (changes := difference(there.values, values_of(wanted[ref])))
    }
    return {ref: Outcome(there.id) for ref, there in found.items()} | keeping.update(api, updates)


class InModule:
    """In the company's module, the reference in a unique field: a record that two workers make at once is made once;
    the second finds it and updates."""

    def __init__(self, module: Module) -> None:
        self._module, self._contact = module, str(module.contact)

    def sought(self, messages: Iterable[CrmMessage]) -> list[str]:
        """Those to which something has happened: of the others Zoho itself says which are there."""
        return [message.ref for message in messages if may_be_there(message)]

    def recorded(self, api: Api, wanted: Mapping[str, CrmMessage]) -> dict[str, Recorded]:
        """Those that are there already, by ref."""
        names = [REF, self._contact, *MESSAGE_FIELDS.values()]
        rows = having(api, self._module.name, [REF], [as_ref(ref) for ref in wanted], names)
        refs = {as_ref(ref): ref for ref in wanted}
        known = ((refs.get(str(row.get(REF))), row) for row in rows)
        return {ref: Recorded(str(row["id"]), self._by_role(row)) for ref, row in known if ref is not None}

    def create(self, api: Api, wanted: Mapping[str, CrmMessage]) -> dict[str, Outcome]:
        """Insert those that are not there."""
        rows, refused = {}, {}
        for ref, message in wanted.items():
            if message.crm_contact_id and not is_id(message.crm_contact_id):
                refused[ref] = Outcome(error=no_contact(message.crm_contact_id))
                continue
            fixed = {
                "Name": _name(message),
                REF: as_ref(ref),
                BODY: message.body,
                OCCURRED: moment_text(message.occurred_at),
            }
            rest = {name: value for name, value in self._fields(values_of(message)).items() if value is not None}
            rows[ref] = fitted(fixed | rest, self._module)
        return refused | write(api, "POST", self._module.name, rows)

    def update(self, api: Api, updates: Mapping[str, Update]) -> dict[str, Outcome]:
        """Write what has changed, and nothing else."""
        rows, refused = {}, {}
        for ref, one in updates.items():
            contact = one.changes.get("crm_contact_id")
            if contact and not is_id(contact):
                refused[ref] = Outcome(error=no_contact(contact))
                continue
            rows[ref] = {"id": one.there.id, **fitted(self._fields(one.changes), self._module)}
        return refused | write(api, "PUT", self._module.name, rows)

    def turn(self) -> AbstractContextManager[object]:
        """Nobody waits for anybody."""
        return nullcontext()

    def _fields(self, values: Mapping[str, str | None]) -> dict[str, Any]:
        told: dict[str, Any] = {MESSAGE_FIELDS[role]: value for role, value in values.items() if role in MESSAGE_FIELDS}
        contact = values.get("crm_contact_id")
        return told | ({self._contact: {"id": contact}} if contact else {})

    def _by_role(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A moment comes back in the organisation's own zone, the contact as a record."""
        known = {role: row.get(name) for role, name in MESSAGE_FIELDS.items()}
        contact = row.get(self._contact)
        owner = contact.get("id") if isinstance(contact, dict) else contact
        return known | {
            "status_at": as_written(known["status_at"], moment_text),
            "crm_contact_id": None if owner is None else str(owner),
        }


def values_of(message: CrmMessage) -> Values:
    """What the message says, role by role, as Zoho keeps it."""
    return said(message, ROLES, moment_text, lambda role: LONGEST_VALUE)


def no_contact(crm_id: str | None) -> Never:
    """The contact that a record should belong to is none."""
    return Never(f"there is no contact '{crm_id}'", code="INVALID_DATA")


def moment_text(moment: datetime) -> str:
    """A moment as Zoho takes it: whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _name(message: CrmMessage) -> str:
    """What people see in a list of messages."""
    words = " ".join(storable(message.body).split()) or message.kind
    return shorten(f"WhatsApp {message.direction}: {words}", _LONGEST_NAME)


def as_ref(ref: str) -> str:
    """A reference as its field holds it."""
    return shorten(storable(ref), LONGEST_VALUE)
