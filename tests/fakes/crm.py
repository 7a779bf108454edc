"""A CRM in memory: the whole port, with its insides open to tests. It passes the same suite as the real adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from config.contact_fields import CONTACT_FIELDS, READ_ONLY, FieldMap
from syncer.crm.base import Translator, digester, rules
from syncer.domain.contact import FieldRule, SourceRecord
from syncer.domain.crm_record import (
    AgentReply,
    CrmCheck,
    CrmContact,
    CrmMessage,
    CrmTask,
    Fate,
    RawRow,
    SourcePage,
    TakenReply,
    WriteResult,
)
from syncer.domain.errors import Never
from syncer.domain.phone import Phone, parse
from syncer.domain.status import Ladder, Status, StatusUpdate

_TRANSFORMS = {
    "phone": "phone",
    "phone_alt": "phone",
    "email": "email",
    "birthday": "date",
    "language": "language",
    "gender": "gender",
    "tags": "tags",
    "marketing_consent": "bool_words",
    "transactional_consent": "bool_words",
    "blocked": "bool_words",
    "created_at": "timestamp",
    "updated_at": "timestamp",
}
#: Fields of which only the CRM's people say what they hold, as in config/mappings/sql.toml.
_THEIRS = READ_ONLY | {"owner", "notes", "source"}
_CONTENT = tuple(name for name in CONTACT_FIELDS if name != "updated_at")
_MAPPING = tuple(
    FieldMap(crm=name, contact=name, direction="to_contact", transform=_TRANSFORMS.get(name, "text"))
    for name in (*_CONTENT, "updated_at")
)
RULES = rules([item if item.contact in _THEIRS else item.model_copy(update={"direction": "both"}) for item in _MAPPING])


@dataclass
class Typed:
    """A message that one of the CRM's people typed in; `to_send` when it is to leave. Once taken it is the record of
    `messages` that has its ref."""

    reply: AgentReply
    to_send: bool
    ref: str | None = None


class FakeCRM:
    """`contacts` holds raw values by canonical field name, `merged` which id became part of which, `messages` and
    `tasks` what was written, by ref, `typed` what its people wrote, by record id. `has_line` says that it tells of
    them itself, `lags` that its index goes on showing what was taken.

    `on_call` is run first by every method with the method's name and may raise; refs in `refuses` are `Never`.
    """

    def __init__(self, name: str = "sql", region: str = "TW") -> None:
        self.name = name
        self.contacts: dict[str, dict[str, Any]] = {}
        self.merged: dict[str, str] = {}
        self.messages: dict[str, CrmMessage] = {}
        self.tasks: dict[str, CrmTask] = {}
        self.typed: dict[str, Typed] = {}
        self.has_line = False
        self.lags = False
        self.calls: list[tuple[str, int]] = []
        self.refuses: set[str] = set()
        self.on_call: Callable[[str], None] = lambda method: None
        self._region = region
        self._digest = digester(_MAPPING[: len(_CONTENT)], region)
        self._translator = Translator(name, _MAPPING, region)
        self._numbers = count(1)
        self._rung = False

    def add(self, changed_at: datetime | None = None, **fields: Any) -> str:
        """Put a customer there, as the company's people would; returns its id."""
        crm_id = f"{next(self._numbers):06d}"
        self.contacts[crm_id] = {"updated_at": changed_at or datetime.now(UTC), **fields}
        return crm_id

    def merge(self, crm_id: str, into: str) -> None:
        """Two customers become one, as the company's people would have it."""
        del self.contacts[crm_id]
        self.merged[crm_id] = into

    def write_reply(self, body: str, *, crm_id: str | None = None, phone: str | None = None, **more: Any) -> str:
        """One of the CRM's people writes a message to be sent; returns the record's id."""
        self._rung = self.has_line
        return self._type(AgentReply(f"r{next(self._numbers):06d}", crm_id, phone, body, **more), to_send=True)

    def log_message(self, crm_id: str, body: str) -> str:
        """One of them notes a message that they have sent elsewhere."""
        return self._type(AgentReply(f"r{next(self._numbers):06d}", crm_id, None, body), to_send=False)

    def _type(self, reply: AgentReply, *, to_send: bool) -> str:
        self.typed[reply.record_id] = Typed(reply, to_send)
        return reply.record_id

    @property
    def rules(self) -> Mapping[str, FieldRule]:
        return RULES

    def look_up(self, crm_ids: Sequence[str]) -> list[Fate]:
        self._called("look_up", len(crm_ids))
        return [self._fate(crm_id) for crm_id in crm_ids]

    def _fate(self, crm_id: str) -> Fate:
        if crm_id in self.contacts:
            return Fate(crm_id, self._row(crm_id))
        into = self.merged.get(crm_id)
        while into in self.merged:
            into = self.merged[into]
        return Fate(crm_id, into=into)

    def pages(
        self, cursor: str | None, *, page_size: int, changed_since: datetime | None = None
    ) -> Iterator[SourcePage]:
        self._called("pages", page_size)
        while True:
            left = [key for key in sorted(self.contacts) if cursor is None or key > cursor]
            left = [key for key in left if changed_since is None or self._changed(key, changed_since)]
            page = left[:page_size]
            cursor = page[-1] if len(left) > page_size else None
            yield SourcePage([self._row(key) for key in page], cursor)
            if cursor is None:
                return

    def _changed(self, crm_id: str, since: datetime) -> bool:
        return bool(self.contacts[crm_id]["updated_at"] >= since)

    def _row(self, crm_id: str) -> RawRow:
        fields = self.contacts[crm_id]
        values = tuple(fields.get(item.contact) for item in _MAPPING)
        return RawRow(crm_id, self._digest(values[: len(_CONTENT)]), (*values, fields["updated_at"]))

    def translate(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        return self._translator.records(rows)

    def write_messages(self, messages: Sequence[CrmMessage]) -> list[WriteResult]:
        self._called("write_messages", len(messages))
        return [self._result(message.ref, self._refused(message) or self._keep(message)) for message in messages]

    def _keep(self, message: CrmMessage) -> None:
        old = self.messages.get(message.ref)
        if old is not None:
            given = {name: getattr(message, name) or getattr(old, name) for name in CrmMessage.__slots__}
            message = replace(message, **{**given, "error": message.error})
            if _falls(old, message):
                message = replace(message, status=old.status, status_at=old.status_at, error=old.error)
        self.messages[message.ref] = message

    def write_tasks(self, tasks: Sequence[CrmTask]) -> list[WriteResult]:
        self._called("write_tasks", len(tasks))
        results = []
        for task in tasks:
            refused = self._refused(task)
            if not refused:
                self.tasks.setdefault(task.ref, task)
            results.append(self._result(task.ref, refused))
        return results

    def write_contacts(self, contacts: Sequence[CrmContact]) -> list[WriteResult]:
        self._called("write_contacts", len(contacts))
        return [self._write_contact(contact) for contact in contacts]

    def _write_contact(self, contact: CrmContact) -> WriteResult:
        into = self._fate(contact.crm_id).into if contact.crm_id else None
        known = into or contact.crm_id
        if contact.ref in self.refuses:
            return self._result(contact.ref, Never("not acceptable"))
        if known and known not in self.contacts:
            return WriteResult(contact.ref, error=Never("there is no such customer"), gone=True)
        crm_id = known or self._find(contact.fields.get("phone")) or self.add()
        record = self.contacts[crm_id]
        for name, value in contact.fields.items():
            if name not in _THEIRS:
                record[name] = None if value is None else _merged(name, record.get(name), value, self._region)
        return WriteResult(contact.ref, crm_id=crm_id, into=into)

    def _find(self, phone: str | None) -> str | None:
        numbers = {key: parse(record.get("phone"), self._region) for key, record in sorted(self.contacts.items())}
        found = (key for key, number in numbers.items() if isinstance(number, Phone) and number.e164 == phone)
        return next(found, None)

    def replies(self, record_ids: Sequence[str] | None = None) -> list[AgentReply]:
        self._called("replies", len(record_ids or ()))
        asked = self.typed if record_ids is None else dict.fromkeys(record_ids)
        found = [self.typed[key] for key in asked if key in self.typed]
        return [typed.reply for typed in found if typed.to_send and (typed.ref is None or self.lags)]

    def take_replies(self, taken: Sequence[TakenReply]) -> list[WriteResult]:
        self._called("take_replies", len(taken))
        return [self._take(one) for one in taken]

    def _take(self, one: TakenReply) -> WriteResult:
        typed = self.typed.get(one.record_id)
        if typed is None or one.ref in self.refuses:
            return WriteResult(one.ref, error=Never("there is no such record"), gone=typed is None)
        if typed.ref is None:
            typed.ref = one.ref
            self.messages.setdefault(one.ref, _as_message(typed.reply, one.ref))
        if typed.ref == one.ref and one.error is not None:
            self._keep(replace(_as_message(typed.reply, one.ref), status="failed", error=one.error))
        return WriteResult(one.ref, one.record_id)

    def rings(self) -> bool:
        rung, self._rung = self._rung, False
        return rung

    def check(self) -> list[CrmCheck]:
        return [CrmCheck("reachable", True)]

    def _called(self, method: str, size: int) -> None:
        self.calls.append((method, size))
        self.on_call(method)

    def _refused(self, item: CrmMessage | CrmTask) -> Never | None:
        nobody = item.crm_contact_id is not None and item.crm_contact_id not in self.contacts
        return Never("not acceptable") if nobody or item.ref in self.refuses else None

    def _result(self, ref: str, error: Never | None) -> WriteResult:
        return WriteResult(ref, error=error)


def _as_message(reply: AgentReply, ref: str) -> CrmMessage:
    return CrmMessage(
        ref, reply.crm_contact_id, reply.phone, "out", "text", reply.body, None, None, None, datetime.now(UTC)
    )


def _falls(old: CrmMessage, new: CrmMessage) -> bool:
    if old.status is None or new.status is None or (old.wamid is None and new.wamid is not None):
        return False
    update = StatusUpdate("", "", Status(new.status), old.occurred_at)
    return Ladder(Status(old.status)).climb(update).status != new.status


def _merged(name: str, old: Any, new: Any, region: str) -> Any:
    if name == "tags":
        labels = [label for label in str(old or "").split(",") if label]
        return ",".join(dict.fromkeys([*labels, *new]))
    same = name == "phone" and isinstance(found := parse(old, region), Phone) and found.e164 == new
    return old if same else new
