"""One change of a delivery, divided into inbox items.

What may be divided is a list in `value`; every row of it is an item, and so is whatever else stands there. Kinds:
`message`, `status:<status>`, `echo` (typed in the business app), `history` (a message of a thread), `history:messages`
and `history:message_echoes` (the same messages again, with their files), and `other:<list or field>` for all the rest,
known or not. An echo, a message of the history and their statuses share a wamid; their kinds tell them apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from syncer.domain.inbox import InboxItem
from syncer.whatsapp.json_text import canonical, dump
from syncer.whatsapp.messages import former_user_id
from syncer.whatsapp.people import FROM, NAMED, RECIPIENT, TO, key_of
from syncer.whatsapp.shapes import dialled, identifier, mapping

SOURCE = "whatsapp"
#: How far a provider's clock may run ahead of ours (seconds); a time beyond is no time.
CLOCK_TOLERANCE = 300.0
#: WhatsApp exists since 2009: an earlier time is no time.
_EARLIEST = datetime(2009, 1, 1, tzinfo=UTC).timestamp()
_BESIDE = frozenset({"messaging_product", "metadata", "contacts"})
_NOBODY: Mapping[str, Any] = {}
_LONGEST_NAME = 32
#: A tuple, since a union is made anew at every call.
_TIMES = (str, int, float)


class Scene:
    """What surrounds the items of one change: the business number, the people, the time. `received` is in seconds."""

    __slots__ = ("_by_id", "_value", "entry_time", "field", "metadata", "phone_number_id", "received")

    def __init__(self, field: str, value: Mapping[str, Any], entry_time: Any, received: float) -> None:
        metadata = value.get("metadata")
        self.field = field
        self.metadata = metadata
        named = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
        self.phone_number_id = identifier(named) or ""
        self.entry_time = entry_time
        self.received = received
        self._value = value
        self._by_id: dict[str, dict[str, Any]] | None = None

    def items(self) -> list[InboxItem]:
        """Everything the change tells, nothing left out."""
        readers = _LISTS.get(self.field)
        return [self.other(self.field, self._value)] if readers is None else self._divide(readers)

    def other(
        self, name: str, row: Any, contact: Any = None, order_key: str | None = None, at: Any = None
    ) -> InboxItem:
        """Kept raw; the key is a hash of what and when, the platform's own advice for notices without an id."""
        digest = blake2b(canonical([self.field, name, row, self.entry_time]), digest_size=16).hexdigest()
        moment = at or mapping(row).get("timestamp") or self.entry_time
        return self._item(row, f"other:{name[:_LONGEST_NAME]}", digest, order_key or digest, moment, contact)

    def _divide(self, readers: Mapping[str, Reader | None]) -> list[InboxItem]:
        items: list[InboxItem] = []
        unknown = {}
        for key, rows in self._value.items():
            if key in readers and rows is not None:
                items += self._rows(key, readers[key], rows)
            elif key not in _BESIDE and key not in readers:
                unknown[key] = rows
        if unknown or not items:
            items.append(self.other(self.field, unknown or self._value))
        return items

    def _rows(self, key: str, reader: Reader | None, rows: Any) -> Iterable[InboxItem]:
        if not isinstance(rows, list):
            return [self.other(key, rows)]
        if reader is None:
            return self._chunks(rows)
        alone = len(rows) == 1
        return [reader(self, row, alone) if isinstance(row, dict) else self.other(key, row) for row in rows]

    def _message(self, row: dict[str, Any], alone: bool) -> InboxItem:
        contact = self._contact(row, FROM, alone)
        who = key_of(row, contact or _NOBODY) or former_user_id(row)
        return self._said("message", "messages", row, contact, who)

    def _status(self, row: dict[str, Any], alone: bool) -> InboxItem:
        wamid, status = identifier(row.get("id")), identifier(row.get("status"))
        contact = self._contact(row, RECIPIENT, alone)
        who = key_of(row, contact or _NOBODY, RECIPIENT)
        if wamid is None or status is None:
            return self.other("statuses", row, contact, who)
        kind = f"status:{status[:_LONGEST_NAME]}"
        return self._item(row, kind, wamid, who or wamid, row.get("timestamp"), contact)

    def _echo(self, row: dict[str, Any], alone: bool) -> InboxItem:
        contact = self._contact(row, TO, alone)
        return self._said("echo", "message_echoes", row, contact, key_of(row, contact or _NOBODY, TO))

    def _history_received(self, row: dict[str, Any], alone: bool) -> InboxItem:
        contact = self._contact(row, FROM, alone)
        return self._said("history:messages", "messages", row, contact, key_of(row, contact or _NOBODY))

    def _history_sent(self, row: dict[str, Any], alone: bool) -> InboxItem:
        contact = self._contact(row, TO, alone)
        who = key_of(row, contact or _NOBODY, TO)
        return self._said("history:message_echoes", "message_echoes", row, contact, who)

    def _chunks(self, chunks: list[Any]) -> Iterator[InboxItem]:
        for chunk in chunks:
            if isinstance(chunk, dict):
                yield from self._chunk(chunk)
            else:
                yield self.other("history", chunk)

    def _chunk(self, row: dict[str, Any]) -> Iterator[InboxItem]:
        """A piece of the history: threads of messages, or why there are none, and how far it has come."""
        rest = dict(row)
        if isinstance(row.get("threads"), list):
            for thread in rest.pop("threads"):
                yield from self._thread(thread)
        if isinstance(row.get("errors"), list):
            yield from (self.other("errors", error) for error in rest.pop("errors"))
        if rest or not row:
            yield self.other("history", rest)

    def _thread(self, thread: Any) -> Iterator[InboxItem]:
        rows = thread.get("messages") if isinstance(thread, dict) else None
        if not isinstance(rows, list) or not rows:
            yield self.other("history", thread)
            return
        contact = _owner(thread)
        who = key_of(_NOBODY, contact)
        for row in rows:
            if isinstance(row, dict):
                yield self._said("history", "history", row, contact, who or key_of(row, _NOBODY))
            else:
                yield self.other("history", row, contact)

    def _preference(self, row: dict[str, Any], alone: bool) -> InboxItem:
        contact = self._contact(row, NAMED, alone)
        return self.other("user_preferences", row, contact, key_of(row, contact or _NOBODY, NAMED))

    def _entry(self, row: dict[str, Any], alone: bool) -> InboxItem:
        who = mapping(row.get("contact"))
        order_key = dialled(who.get("phone_number")) or identifier(who.get("user_id"))
        return self.other("state_sync", row, None, order_key, mapping(row.get("metadata")).get("timestamp"))

    def _error(self, row: dict[str, Any], alone: bool) -> InboxItem:
        return self.other("errors", row)

    def _said(self, kind: str, name: str, row: dict[str, Any], contact: Any, order_key: str | None) -> InboxItem:
        """An item under the wamid that it names; without one it is only kept."""
        wamid = identifier(row.get("id"))
        if wamid is None:
            return self.other(name, row, contact, order_key)
        return self._item(row, kind, wamid, order_key or wamid, row.get("timestamp"), contact)

    def _item(self, row: Any, kind: str, item_id: str, order_key: str, at: Any, contact: Any) -> InboxItem:
        payload = {"item": row, "contact": contact, "metadata": self.metadata, "field": self.field}
        return InboxItem(
            SOURCE, self.phone_number_id, item_id, kind, order_key, _moment(at, self.received), dump(payload)
        )

    def _contact(self, row: Mapping[str, Any], keys: tuple[str, str], alone: bool) -> dict[str, Any] | None:
        """The `contacts[]` entry of this person. One contact beside one row belongs to it, even when the phone is
        another: a wa_id may differ from the number (Brazil, Mexico). Another user id is another person."""
        contacts = self._value.get("contacts")
        if not isinstance(contacts, list) or not contacts:
            return None
        if alone and len(contacts) == 1:
            return _only(contacts[0], row, keys)
        if self._by_id is None:
            self._by_id = _indexed(contacts)
        return self._by_id.get(_name(row.get(keys[0]))) or self._by_id.get(_name(row.get(keys[1])))


Reader = Callable[[Scene, dict[str, Any], bool], InboxItem]

#: The lists of each field that can be divided, and how; None for the one whose rows hold many items each.
_LISTS: dict[str, dict[str, Reader | None]] = {
    "messages": {"messages": Scene._message, "statuses": Scene._status, "errors": Scene._error},
    "user_preferences": {"user_preferences": Scene._preference, "errors": Scene._error},
    "smb_message_echoes": {"message_echoes": Scene._echo, "errors": Scene._error},
    "smb_app_state_sync": {"state_sync": Scene._entry, "errors": Scene._error},
    "history": {
        "history": None,
        "messages": Scene._history_received,
        "message_echoes": Scene._history_sent,
        "errors": Scene._error,
    },
}


def _owner(thread: Mapping[str, Any]) -> dict[str, Any]:
    """Whose thread it is, in the form of a `contacts[]` entry: `id` and `context` name them."""
    rest = {key: told for key, told in thread.items() if key not in ("messages", "context")}
    context = mapping(thread.get("context"))
    name = {"profile": {"username": context["username"]}} if context.get("username") else {}
    return {**rest, **context, **name, "wa_id": context.get("wa_id") or thread.get("id")}


def _only(contact: Any, row: Mapping[str, Any], keys: tuple[str, str]) -> dict[str, Any] | None:
    if not isinstance(contact, dict):
        return None
    theirs, user_id = contact.get("user_id"), row.get(keys[1])
    if not theirs or not user_id or theirs == user_id:
        return contact
    return contact if row.get(keys[0]) and row.get(keys[0]) == contact.get("wa_id") else None


def _indexed(contacts: Sequence[Any]) -> dict[str, dict[str, Any]]:
    by_id: dict[str, dict[str, Any]] = {}
    for contact in contacts:
        if isinstance(contact, dict):
            by_id[_name(contact.get("wa_id"))] = by_id[_name(contact.get("user_id"))] = contact
    by_id.pop("", None)
    return by_id


def _name(value: Any) -> str:
    """An id to look somebody up by; empty for none."""
    return value if isinstance(value, str) else identifier(value) or ""


def _moment(value: Any, received: float) -> datetime:
    """A time in seconds, given as text or number; `received` for anything that cannot have been the time."""
    try:
        seconds = float(value) if isinstance(value, _TIMES) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not _EARLIEST <= seconds <= received + CLOCK_TOLERANCE:
        seconds = received
    return datetime.fromtimestamp(seconds, UTC)
