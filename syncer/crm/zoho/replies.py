"""Messages that people write in the company's module to be sent (R22): records with the status `to_send`. Once taken,
each is the record of the message that it became. Where messages are notes: see `note_replies`.

Which there are is asked of the database (COQL); what they say is read by id, with the names of those who wrote them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from syncer.crm import moments
from syncer.crm.agent_messages import MOST, TO_SEND, plain, taking, waits
from syncer.crm.exchange import reading
from syncer.crm.zoho.call import Api, is_id
from syncer.crm.zoho.lines import flat
from syncer.crm.zoho.mapping import BODY, MESSAGE_FIELDS, REF, REPLY_FIELDS, Module
from syncer.crm.zoho.messages import LONGEST_VALUE, as_ref
from syncer.crm.zoho.record_values import fitted
from syncer.crm.zoho.writing import quoted, read, write
from syncer.domain.crm_record import AgentReply, TakenReply, WriteResult
from syncer.domain.errors import Never
from syncer.domain.text import shorten, storable

#: The code of a record that is not there.
GONE = "INVALID_DATA"
WRITTEN, AUTHOR = "Created_Time", "Created_By"
#: What taking one looks at and writes.
_TAKING = {"ref": REF, "status": MESSAGE_FIELDS["status"], "error": MESSAGE_FIELDS["error"]}

Row = Mapping[str, Any]


class Replying(Protocol):
    """Where people write what they want sent."""

    def waiting(self, api: Api, record_ids: Sequence[str] | None) -> list[AgentReply]:
        """Of these records, or whatever there is, the oldest first. Raises `TryAgain`, `TryLater`,
        `FixCredentials`."""

    def take(self, api: Api, taken: Sequence[TakenReply]) -> list[WriteResult]:
        """Write on each which message it became, or why it will not leave. Raises as `waiting`."""


class FromModule:
    """In the company's module of messages; `module` says which of the fields there are."""

    def __init__(self, module: Module) -> None:
        self._module, self._contact = module, str(module.contact)
        self._more = {role: name for role, name in REPLY_FIELDS.items() if name in module.fields}

    def waiting(self, api: Api, record_ids: Sequence[str] | None) -> list[AgentReply]:
        """The records that say so and are nobody's yet."""
        status, direction = MESSAGE_FIELDS["status"], MESSAGE_FIELDS["direction"]
        names = [REF, self._contact, BODY, MESSAGE_FIELDS["reply_to"], *self._more.values(), WRITTEN, AUTHOR]
        rows = read_in_order(api, self._module.name, self._ids(api, record_ids), [status, direction, *names])
        return [self._reply(row) for row in rows if waits(row.get(status), row.get(REF), row.get(direction))]

    def take(self, api: Api, taken: Sequence[TakenReply]) -> list[WriteResult]:
        """By id, and by id only: none is made anew."""
        rows = read(api, self._module.name, ids_of(taken), list(_TAKING.values()))
        known = {one: {role: row.get(name) for role, name in _TAKING.items()} for one, row in rows.items()}
        found = taking([cut(one) for one in taken], known, GONE, as_ref)
        inputs = {one: {"id": one, **self._fields(changes)} for one, changes in found.changes.items()}
        outcomes = write(api, "PUT", self._module.name, inputs)
        return found.results(taken, {one: outcome.error for one, outcome in outcomes.items()})

    def _ids(self, api: Api, record_ids: Sequence[str] | None) -> list[str]:
        if record_ids is not None:
            return [one for one in record_ids if is_id(one)]
        status = MESSAGE_FIELDS["status"]
        options = self._module.options(status)
        if options and TO_SEND not in map(plain, options):
            return []
        where = f"{status} = {quoted(TO_SEND)} and {REF} is null"
        select = f"select id from {self._module.name} where {where} order by id asc limit 0, {MOST}"
        try:
            return [str(row["id"]) for row in api.query(select) if "id" in row]
        except Never as error:
            raise reading(error) from error

    def _reply(self, row: Row) -> AgentReply:
        told = {role: _text(row.get(name)) for role, name in self._more.items()}
        return AgentReply(
            record_id=str(row["id"]),
            crm_contact_id=id_of(row.get(self._contact)),
            phone=told.get("phone"),
            body=str(row.get(BODY) or ""),
            template=told.get("template"),
            language=told.get("language"),
            reply_to=_text(row.get(MESSAGE_FIELDS["reply_to"])),
            **origin(row),
        )

    def _fields(self, changes: Row) -> dict[str, Any]:
        """A word that the pick list does not have is left out: the field is emptied, so that the record waits no
        more."""
        found = {_TAKING[role]: value for role, value in changes.items()}
        options = self._module.options(_TAKING["status"])
        if options and "status" in changes and changes["status"] not in options:
            found[_TAKING["status"]] = None
        return fitted(found, self._module)


def read_in_order(api: Api, module: str, ids: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
    """The records that are there, the oldest first: ids are given out in the order of time."""
    rows = read(api, module, ids, names) if ids else {}
    return [rows[one] for one in sorted(rows, key=int)]


def ids_of(taken: Sequence[TakenReply]) -> list[str]:
    """The records that these could be."""
    return [one.record_id for one in taken if is_id(one.record_id)]


def cut(one: TakenReply) -> TakenReply:
    """With the error as it is kept, so that one that stands there already is known again."""
    return one if one.error is None else replace(one, error=flat(shorten(storable(one.error), LONGEST_VALUE)))


def origin(row: Row) -> dict[str, Any]:
    """When it was written, and by whom."""
    author = row.get(AUTHOR)
    return {
        "written_at": moments.moment(row[WRITTEN]) if row.get(WRITTEN) else None,
        "author": _text(author.get("name")) if isinstance(author, dict) else None,
    }


def id_of(value: object) -> str | None:
    """What a lookup leads to."""
    found = value.get("id") if isinstance(value, dict) else value
    return _text(found)


def _text(value: object) -> str | None:
    return str(value) if value else None
