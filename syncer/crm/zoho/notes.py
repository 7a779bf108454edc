"""Messages in an organisation without a module for them: notes of the contact. Direction, status and reference stand in
the last line of the text.

A note has no unique field, so a message is known again by what this process remembers, and by a look at the contact's
notes. Two processes that write one message in the same second may record it twice; the module has no such gap.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import chain
from typing import Any

from syncer.crm.exchange import reading
from syncer.crm.message_changes import Recorded, Values
from syncer.crm.side_by_side import all_of
from syncer.crm.zoho.call import Api, is_id
from syncer.crm.zoho.lines import flat, read_line, with_line, word
from syncer.crm.zoho.messages import ROLES, Update, moment_text, no_contact, values_of
from syncer.crm.zoho.writing import Outcome, read, write
from syncer.domain.crm_record import CrmMessage
from syncer.domain.errors import Never
from syncer.domain.text import shorten, storable

#: References kept in memory, the newest: what may be written again soon.
_REMEMBERED = 20_000
#: Characters of a note (32,000) and its title, less its last line.
LONGEST_TEXT, _LONGEST_TITLE = 30_000, 120
_FIELDS = ("Note_Title", "Note_Content", "Parent_Id")


class InNotes:
    """Keeps messages as notes of their contacts."""

    def __init__(self) -> None:
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._ids: OrderedDict[str, str] = OrderedDict()

    def sought(self, messages: Iterable[CrmMessage]) -> list[str]:
        """All: nothing in Zoho keeps a note from being written twice."""
        return [message.ref for message in messages]

    def recorded(self, api: Api, wanted: Mapping[str, CrmMessage]) -> dict[str, Recorded]:
        """Those that are there already, by ref."""
        words = {word(ref): ref for ref in wanted}
        with self._lock:
            known = [self._ids[ref] for ref in wanted if ref in self._ids]
            unknown = [message for ref, message in wanted.items() if ref not in self._ids]
        contacts = sorted({contact for one in unknown if is_id(contact := one.crm_contact_id or "")})
        looks = [partial(_by_id, api, known), *(partial(notes_of, api, contact) for contact in contacts)]
        found: dict[str, Recorded] = {}
        for row in chain.from_iterable(all_of(looks)):
            line = read_line(str(row.get("Note_Content") or ""))
            if line and line[0] in words:
                ref = words[line[0]]
                values = {**_as_wanted(line[1], values_of(wanted[ref])), "_text": _text(row)}
                found.setdefault(ref, Recorded(str(row.get("id")), values))
        self.learn({ref: one.id for ref, one in found.items()})
        return found

    def create(self, api: Api, wanted: Mapping[str, CrmMessage]) -> dict[str, Outcome]:
        """Write the notes of those that are not there. A note cannot be without its contact."""
        rows, refused = {}, {}
        for ref, message in wanted.items():
            contact = message.crm_contact_id or ""
            if not is_id(contact):
                refused[ref] = Outcome(error=no_contact(message.crm_contact_id))
                continue
            text = shorten(storable(message.body), LONGEST_TEXT)
            rows[ref] = {
                "Parent_Id": {"module": {"api_name": "Contacts"}, "id": contact},
                "Note_Title": shorten(
                    f"WhatsApp {message.direction} {moment_text(message.occurred_at)}", _LONGEST_TITLE
                ),
                "Note_Content": with_line(text, ref, values_of(message)),
            }
        made = write(api, "POST", "Notes", rows)
        self.learn({ref: outcome.id for ref, outcome in made.items() if outcome.id})
        return refused | made

    def update(self, api: Api, updates: Mapping[str, Update]) -> dict[str, Outcome]:
        """Write new last lines."""
        rows = {}
        for ref, one in updates.items():
            told = {role: one.there.values.get(role) for role in ROLES} | one.changes
            text = str(one.there.values["_text"])
            rows[ref] = {"id": one.there.id, "Note_Content": with_line(text, ref, told)}
        return write(api, "PUT", "Notes", rows)

    def turn(self) -> AbstractContextManager[object]:
        """Of this process one at a time: what one has recorded the next remembers."""
        return self._turn

    def learn(self, ids: Mapping[str, str]) -> None:
        """Messages of these references are recorded in these notes."""
        with self._lock:
            self._ids |= ids
            while len(self._ids) > _REMEMBERED:
                self._ids.popitem(last=False)


def _by_id(api: Api, ids: Sequence[str]) -> list[dict[str, Any]]:
    return list(read(api, "Notes", ids, _FIELDS).values()) if ids else []


def notes_of(api: Api, contact: str, related: str = "Notes", fields: Sequence[str] = _FIELDS) -> list[dict[str, Any]]:
    """What is related to a contact; nothing, where there is no such contact."""
    try:
        return api.rows(f"Contacts/{contact}/{related}", {"fields": ",".join(fields)})
    except Never as error:
        if error.code == "INVALID_DATA":
            return []
        raise reading(error) from error


def _as_wanted(told: Mapping[str, str], wanted: Values) -> dict[str, str | None]:
    """What a line says; a value that only the line could not hold as it is, is the one wanted."""
    return {
        role: value if value is not None and flat(value) == told.get(role) else told.get(role)
        for role, value in wanted.items()
    }


def _text(row: Mapping[str, Any]) -> str:
    return str(row.get("Note_Content") or "")
