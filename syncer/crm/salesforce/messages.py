"""Messages as tasks of the contact, or in an object of their own: one record per `ref`, however often written (R23)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from syncer.crm.message_changes import Values, as_written, difference, may_be_there, said
from syncer.crm.salesforce import errors
from syncer.crm.salesforce.call import Api
from syncer.crm.salesforce.mapping import REF, MessageShape
from syncer.crm.salesforce.reading import Reader
from syncer.crm.salesforce.writing import Outcome, Record, read, write
from syncer.crm.side_by_side import both
from syncer.crm.whereabouts import results
from syncer.domain.crm_record import CrmMessage, WriteResult
from syncer.domain.text import shorten, storable

#: Characters of a reference; a longer one is cut, and what makes it unlike others is added.
LONGEST_REF = 255
_SUBJECT = 80


def write_messages(api: Api, reader: Reader, messages: Sequence[CrmMessage], shape: MessageShape) -> list[WriteResult]:
    """Record the messages that are not there, update those that changed. Raises `TryAgain`, `TryLater`,
    `FixCredentials`."""
    wanted = {message.ref: message for message in messages}
    new = {ref: message for ref, message in wanted.items() if not may_be_there(message)}
    old = {ref: message for ref, message in wanted.items() if ref not in new}
    made, kept = both(partial(_make, api, new, shape), partial(_look_and_write, api, old, shape))
    return results(reader, messages, made | kept, errors.is_missing, errors.VENDOR.silence())


def _look_and_write(api: Api, wanted: Mapping[str, CrmMessage], shape: MessageShape) -> dict[str, Outcome]:
    known = _recorded(api, list(wanted), shape)
    new = {ref: message for ref, message in wanted.items() if ref not in known}
    made, updated = both(partial(_make, api, new, shape), partial(_update, api, wanted, known, shape))
    return made | updated


def _make(api: Api, wanted: Mapping[str, CrmMessage], shape: MessageShape) -> dict[str, Outcome]:
    """New records; one that is there after all is updated."""
    made = write(api, shape.known.name, "create", {ref: _new(message, shape) for ref, message in wanted.items()})
    raced = [ref for ref, outcome in made.items() if errors.is_conflict(outcome.error)]
    return made | (_update(api, wanted, _recorded(api, raced, shape), shape) if raced else {})


def _recorded(api: Api, refs: Sequence[str], shape: MessageShape) -> dict[str, dict[str, Any]]:
    """Those that are there already, by ref."""
    keys = {key(ref): ref for ref in refs}
    names = [REF, *shape.roles.values(), *([shape.contact] if shape.contact else [])]
    rows = read(api, shape.known.name, names, REF, keys)
    return {keys[told]: row for row in rows if (told := str(row.get(REF))) in keys}


def _new(message: CrmMessage, shape: MessageShape) -> Record:
    told = {shape.roles[role]: value for role, value in _said(message, shape).items() if value is not None}
    body = storable(message.body)
    record = {
        REF: key(message.ref),
        **told,
        shape.body: shorten(body, shape.known.length(shape.body)),
        **({shape.contact: message.crm_contact_id} if shape.contact and message.crm_contact_id else {}),
    }
    if not shape.is_task:
        return record | {shape.occurred: moment_text(message.occurred_at)}
    standard = {"Status": "Completed", "Priority": "Normal"}
    return record | {
        "Subject": shorten(f"WhatsApp {message.direction}: {' '.join(body.split()) or message.kind}", _SUBJECT),
        shape.occurred: message.occurred_at.astimezone(UTC).date().isoformat(),
        **{name: word for name, word in standard.items() if word in shape.known.options(name)},
    }


def _update(
    api: Api, wanted: Mapping[str, CrmMessage], known: Mapping[str, Mapping[str, Any]], shape: MessageShape
) -> dict[str, Outcome]:
    """Of the messages wanted those that are `known`."""
    records: dict[str, Record] = {}
    outcomes = {}
    for ref, row in known.items():
        message = wanted[ref]
        outcomes[ref] = Outcome(str(row.get("Id")))
        new: Values = {**_said(message, shape), "crm_contact_id": message.crm_contact_id}
        changes = difference(_by_role(row, shape), new)
        if changes:
            fields = {**shape.roles, "crm_contact_id": shape.contact or ""}
            records[ref] = {"Id": row.get("Id"), **{fields[role]: value for role, value in changes.items()}}
    return outcomes | write(api, shape.known.name, "update", records)


def _said(message: CrmMessage, shape: MessageShape) -> Values:
    """Role by role, cut to what each field holds."""
    return said(message, shape.roles, moment_text, lambda role: shape.known.length(shape.roles[role]))


def _by_role(row: Mapping[str, Any], shape: MessageShape) -> dict[str, Any]:
    known = {role: row.get(name) for role, name in shape.roles.items()}
    if shape.contact:
        known["crm_contact_id"] = row.get(shape.contact)
    return known | ({"status_at": as_written(known["status_at"], moment_text)} if "status_at" in known else {})


def key(ref: str) -> str:
    """A reference as a field of 255 characters holds it."""
    plain = storable(ref)
    if plain == ref and len(ref) <= LONGEST_REF:
        return ref
    digest = hashlib.blake2b(ref.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    return f"{plain[:200]}-{digest}"


def moment_text(moment: datetime) -> str:
    """A moment as Salesforce keeps it: to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
