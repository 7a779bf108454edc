"""Messages as communications on the contact's timeline: one record per `ref`, however often written (R23, R24)."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from syncer.crm.hubspot import errors
from syncer.crm.hubspot.call import Api
from syncer.crm.hubspot.linking import tie
from syncer.crm.hubspot.mapping import MESSAGE_PROPERTIES, REF
from syncer.crm.hubspot.reading import Reader
from syncer.crm.hubspot.writing import Input, Outcome, properties, read, to_contact, write
from syncer.crm.message_changes import Recorded, Values, as_written, difference, may_be_there, said
from syncer.crm.side_by_side import both
from syncer.crm.whereabouts import results
from syncer.domain.crm_record import CrmMessage, WriteResult
from syncer.domain.text import shorten, storable

KIND = "communications"
#: HubSpot's own type of link, from its published table: a communication's to a contact.
_TO_CONTACT = 81
#: Characters that a property of text holds.
LONGEST = 65_536


class Keeping(Protocol):
    """Where a communication keeps what HubSpot itself has no property for: direction, status, our reference."""

    def sought(self, messages: Iterable[CrmMessage]) -> list[str]:
        """The refs of those to look for before anything is written."""

    def recorded(self, api: Api, refs: Sequence[str]) -> dict[str, Recorded]:
        """Those that are there already, by ref."""

    def properties(self, message: CrmMessage, values: Values) -> dict[str, str]:
        """Of a message that says `values`, all but its time and channel."""

    def changes(self, message: CrmMessage, known: Mapping[str, Any], changes: Values) -> dict[str, str]:
        """What to write where `changes` are to be made to what is `known`."""

    def learn(self, ref: str, object_id: str) -> None:
        """A message was recorded."""

    def turn(self) -> AbstractContextManager[object]:
        """Held from the look to the last write."""


class InProperties:
    """In properties of our own, the reference in a unique one: a record that two workers make at once is made once;
    the second finds it and updates."""

    def sought(self, messages: Iterable[CrmMessage]) -> list[str]:
        return [message.ref for message in messages if may_be_there(message)]

    def recorded(self, api: Api, refs: Sequence[str]) -> dict[str, Recorded]:
        rows = read(api, KIND, refs, [REF, *MESSAGE_PROPERTIES.values()], by=REF)
        found = ((str(row.get("id")), properties(row)) for row in rows)
        return {str(told.get(REF)): Recorded(object_id, _by_role(told)) for object_id, told in found}

    def properties(self, message: CrmMessage, values: Values) -> dict[str, str]:
        told = {MESSAGE_PROPERTIES[role]: value for role, value in values.items() if value is not None}
        return told | {REF: message.ref, "hs_communication_body": as_html(message.body)}

    def changes(self, message: CrmMessage, known: Mapping[str, Any], changes: Values) -> dict[str, str]:
        return {MESSAGE_PROPERTIES[role]: value or "" for role, value in changes.items()}

    def learn(self, ref: str, object_id: str) -> None:
        """Nothing: HubSpot itself knows it by its reference."""

    def turn(self) -> AbstractContextManager[object]:
        """Nobody waits for anybody."""
        return nullcontext()


def write_messages(api: Api, reader: Reader, messages: Sequence[CrmMessage], keeping: Keeping) -> list[WriteResult]:
    """Record the messages that are not there, update those that changed. Raises `TryAgain`, `TryLater`,
    `FixCredentials`."""
    with keeping.turn():
        outcomes = _written(api, {message.ref: message for message in messages}, keeping)
    return results(reader, messages, outcomes, errors.may_lack_another, errors.VENDOR.silence())


def _written(api: Api, wanted: Mapping[str, CrmMessage], keeping: Keeping) -> dict[str, Outcome]:
    """Those that are hardly ever there are made while the others are looked for."""
    sought = set(keeping.sought(wanted.values()))
    new = {ref: one for ref, one in wanted.items() if ref not in sought}
    old = {ref: one for ref, one in wanted.items() if ref in sought}
    made, kept = both(partial(_make, api, new, keeping), partial(_look_and_write, api, old, keeping))
    return made | kept


def _look_and_write(api: Api, wanted: Mapping[str, CrmMessage], keeping: Keeping) -> dict[str, Outcome]:
    found = keeping.recorded(api, list(wanted))
    new = {ref: one for ref, one in wanted.items() if ref not in found}
    made, updated = both(partial(_make, api, new, keeping), partial(_update, api, wanted, found, keeping))
    return made | updated


def _make(api: Api, wanted: Mapping[str, CrmMessage], keeping: Keeping) -> dict[str, Outcome]:
    """New records; one that is there after all is updated."""
    made = write(api, KIND, "create", {ref: _new(one, keeping) for ref, one in wanted.items()})
    for ref, outcome in made.items():
        if outcome.id is not None:
            keeping.learn(ref, outcome.id)
    raced = [ref for ref, outcome in made.items() if errors.is_conflict(outcome.error)]
    return made | (_update(api, wanted, keeping.recorded(api, raced), keeping) if raced else {})


def _new(message: CrmMessage, keeping: Keeping) -> Input:
    fixed = {
        "hs_communication_channel_type": "WHATS_APP",
        "hs_communication_logged_from": "CRM",
        "hs_timestamp": moment_text(message.occurred_at),
    }
    told = keeping.properties(message, _said(message)) | fixed
    return {"properties": told, "associations": to_contact(message.crm_contact_id, _TO_CONTACT)}


def _update(
    api: Api, wanted: Mapping[str, CrmMessage], found: Mapping[str, Recorded], keeping: Keeping
) -> dict[str, Outcome]:
    """Of the messages wanted those that are `found`."""
    inputs: dict[str, Input] = {}
    late: dict[str, tuple[str, str]] = {}
    outcomes: dict[str, Outcome] = {}
    for ref, message in wanted.items():
        if ref not in found:
            continue
        there = found[ref]
        outcomes[ref] = Outcome(id=there.id)
        changes = difference(there.values, _said(message))
        if changes:
            inputs[ref] = {"id": there.id, "properties": keeping.changes(message, there.values, changes)}
        if "crm_contact_id" in changes:
            late[ref] = (there.id, str(changes["crm_contact_id"]))
    # The link first: once the record names its contact, nobody would tie it again.
    unlinked = tie(api, KIND, late)
    written = write(api, KIND, "update", {ref: one for ref, one in inputs.items() if ref not in unlinked})
    return outcomes | written | unlinked


def _said(message: CrmMessage) -> Values:
    """What the message says, role by role, as HubSpot keeps it."""
    return said(message, MESSAGE_PROPERTIES, moment_text, lambda role: LONGEST)


def _by_role(found: Mapping[str, Any]) -> dict[str, Any]:
    known = {role: found.get(name) for role, name in MESSAGE_PROPERTIES.items()}
    return known | {"status_at": as_written(known["status_at"], moment_text)}


def as_html(body: str) -> str:
    """A message's text as the timeline shows it: line by line, and no character of it is markup."""
    return html.escape(shorten(storable(body), LONGEST // 8), quote=False).replace("\n", "<br>")


def moment_text(moment: datetime) -> str:
    """A moment as HubSpot writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
