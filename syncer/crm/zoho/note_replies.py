"""Messages that people write as notes to be sent (R22): notes of a contact with the title `WhatsApp to send`, in an
organisation without a module of messages. Once taken, each is the note of the message that it became.

Queries do not reach notes, so they are searched for; that index lags behind by seconds. What they say is read by id, so
that none is listed that was taken a moment ago. Zoho tells of notes by no channel: they are found by asking only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncer.crm import moments
from syncer.crm.agent_messages import TO_SEND, plain, taking
from syncer.crm.exchange import objects, reading
from syncer.crm.zoho.call import PAGE, Api, is_id, parsed
from syncer.crm.zoho.lines import read_line, with_line, word
from syncer.crm.zoho.messages import moment_text
from syncer.crm.zoho.notes import LONGEST_TEXT, InNotes
from syncer.crm.zoho.replies import AUTHOR, GONE, WRITTEN, Row, cut, id_of, ids_of, origin, read_in_order
from syncer.crm.zoho.writing import read, write
from syncer.domain.crm_record import AgentReply, TakenReply, WriteResult
from syncer.domain.errors import FixCredentials, Never
from syncer.domain.text import shorten, storable

#: The title of a note that is to be sent, and nothing else in it.
TITLE = "WhatsApp to send"
#: The scope without which notes cannot be searched, and the code where it is missing.
SEARCH_SCOPE, NO_SCOPE = "ZohoSearch.securesearch.READ", "OAUTH_SCOPE_MISMATCH"
_FIELDS = ("Note_Title", "Note_Content", "Parent_Id", WRITTEN, AUTHOR)


class FromNotes:
    """As notes of the contacts, which are known by their title; the message that one becomes is recorded in it."""

    def __init__(self, notes: InNotes) -> None:
        self._notes = notes

    def waiting(self, api: Api, record_ids: Sequence[str] | None) -> list[AgentReply]:
        """The notes with the title that carry no reference of ours."""
        ids = found(api) if record_ids is None else [one for one in record_ids if is_id(one)]
        return [
            AgentReply(str(row["id"]), _contact(row), None, _text(row), **origin(row))
            for row in read_in_order(api, "Notes", ids, _FIELDS)
            if plain(row.get("Note_Title")) == plain(TITLE) and read_line(_text(row)) is None
        ]

    def take(self, api: Api, taken: Sequence[TakenReply]) -> list[WriteResult]:
        """The title becomes that of our own notes, and the last line says what those say."""
        rows = read(api, "Notes", ids_of(taken), _FIELDS)
        known = {one: _said(row) for one, row in rows.items()}
        found = taking([cut(one) for one in taken], known, GONE, word)
        refs = {one.record_id: one.ref for one in taken}
        inputs = {one: _signed(rows[one], refs[one], {**known[one], **new}) for one, new in found.changes.items()}
        outcomes = write(api, "PUT", "Notes", inputs)
        results = found.results(taken, {one: outcome.error for one, outcome in outcomes.items()})
        self._notes.learn({result.ref: str(result.crm_id) for result in results if result.error is None})
        return results


def found(api: Api) -> list[str]:
    """The notes that the index has; none, where the application may not search. Raises `TryAgain`, `TryLater`,
    `FixCredentials`."""
    try:
        return searched(api)
    except FixCredentials as error:
        if error.code != NO_SCOPE:
            raise
        return []


def searched(api: Api) -> list[str]:
    """As `found`, but where it may not search, that is told."""
    asked = {"criteria": f"(Note_Title:equals:{TITLE})", "fields": "id", "per_page": str(PAGE)}
    try:
        told = parsed(api.get("Notes/search", asked))
    except Never as error:
        raise reading(error) from error
    return [str(row["id"]) for row in objects(told.get("data")) if "id" in row]


def _said(row: Row) -> dict[str, str | None]:
    """What a note's last line says, the reference as the word that stands for it; a note without one waits."""
    line = read_line(_text(row))
    told: dict[str, str | None] = {"ref": None, "status": None, "error": None}
    return {**told, "status": TO_SEND} if line is None else {**told, **line[1], "ref": line[0]}


def _text(row: Row) -> str:
    return str(row.get("Note_Content") or "")


def _signed(row: Row, ref: str, told: Mapping[str, str | None]) -> dict[str, Any]:
    """The note as one of ours."""
    written = moments.moment(row[WRITTEN]) if row.get(WRITTEN) else None
    told = {role: value for role, value in told.items() if role != "ref"}
    values = {"direction": "out", "kind": "text", **told, "crm_contact_id": _contact(row)}
    text = shorten(storable(_text(row)), LONGEST_TEXT)
    title = f"WhatsApp out {moment_text(written)}" if written else "WhatsApp out"
    return {"id": str(row["id"]), "Note_Title": title, "Note_Content": with_line(text, ref, values)}


def _contact(row: Row) -> str | None:
    """The contact that a note belongs to; a note of a deal or of a lead is to nobody."""
    parent = row.get("Parent_Id")
    module = parent.get("module") if isinstance(parent, dict) else None
    kind = module.get("api_name") if isinstance(module, dict) else None
    return id_of(parent) if kind in (None, "Contacts") else None
