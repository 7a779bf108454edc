"""The chronicle: messages exchanged without us, and a customer's second thoughts about theirs (coexistence, R24).

What an agent types in the WhatsApp Business app comes as an echo: it belongs to the conversation and to the CRM, and a
person has attended to the customer. The history that an app hands over is older than the company's use of the engine:
it is recorded for people to read, and not written to the CRMs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from syncer.domain.message import Direction, PastMessage, Revision, Sender
from syncer.domain.status import Status
from syncer.store import conversations, crm_writes, media, messages, recognition
from syncer.store.crm_writes import Topic, Want
from syncer.store.media import Noted

HISTORY = "history"
#: What stands in the place of a message that its writer took back.
TAKEN_BACK = "[deleted by the sender]"


@dataclass(frozen=True)
class Chronicle:
    """Records what needs no answer. Nothing here opens a customer service window."""

    crms: tuple[str, ...]

    hears = (PastMessage, Revision)

    def apply(self, tx: Connection, events: Sequence[PastMessage | Revision], now: datetime) -> set[str]:
        """Record past messages, then revise; returns the queues that have work now."""
        told = [event for event in events if isinstance(event, PastMessage)]
        revisions = [event for event in events if isinstance(event, Revision)]
        past = [message for message in told if not _revises(message)]
        wants = self._record(tx, past, now) if past else []
        wants += self._revise(tx, revisions, now) if revisions else []
        wants += self._revise_ours(tx, [message for message in told if _revises(message)])
        crm_writes.request(tx, self.crms, wants, now)
        ready = {"crm"} if wants else set()
        return ready | ({"realtime"} if any(event.medium for event in past) else set())

    def _record(self, tx: Connection, past: Sequence[PastMessage], now: datetime) -> list[Want]:
        people = recognition.resolve(tx, [message.person for message in past], now)
        opened = conversations.open_for(tx, [(people[m.person], m.phone_number_id) for m in past], now)
        rows = [_as_row(m, people[m.person], opened[people[m.person], m.phone_number_id], now) for m in past]
        new = messages.add(tx, rows)
        self._note_media(tx, past, people, now)
        told = [message for message in past if _ref(message) in new]
        written = [m for m in told if m.origin != HISTORY]
        attended = {opened[people[m.person], m.phone_number_id] for m in written if m.direction is Direction.OUT}
        conversations.attended(tx, sorted(attended))
        persons = {people[m.person] for m in written}
        wants = [Want(Topic.CONTACT, person, person) for person in sorted(persons)]
        return wants + [Want(Topic.MESSAGE, new[_ref(m)], people[m.person]) for m in written]

    def _note_media(
        self,
        tx: Connection,
        past: Sequence[PastMessage],
        people: Mapping[Sender, int],
        now: datetime,
    ) -> None:
        """The files of a history come after its messages, under the same wamids."""
        ids = messages.ids_by_ref(tx, [_ref(m) for m in past if m.medium])
        noted = [
            Noted(ids[_ref(m)], people[m.person], m.phone_number_id, m.medium)
            for m in past
            if m.medium and _ref(m) in ids
        ]
        media.note(tx, noted, now)

    def _revise_ours(self, tx: Connection, past: Sequence[PastMessage]) -> list[Want]:
        """What an agent edits or takes back in the app; of a message that we never had there is nothing to revise."""
        wants = []
        for message in sorted(past, key=lambda one: one.at):
            gone = message.kind == "revoke"
            ref = messages.elsewhere_ref(message.reply_to or "")
            revised = messages.revise(tx, ref, TAKEN_BACK if gone else message.text, message.at, taken_back=gone)
            if revised is not None:
                wants.append(Want(Topic.MESSAGE, revised.id, revised.contact_id))
        return wants

    def _revise(self, tx: Connection, revisions: Sequence[Revision], now: datetime) -> list[Want]:
        """The last word holds. A revision that comes before its message takes its place, and the original then finds
        itself known."""
        people = recognition.resolve(tx, [revision.sender for revision in revisions], now)
        opened = conversations.open_for(tx, [(people[r.sender], r.phone_number_id) for r in revisions], now)
        messages.add(tx, [_placeholder(r, people[r.sender], opened, now) for r in revisions])
        wants = []
        for revision in sorted(revisions, key=lambda one: one.at):
            body = TAKEN_BACK if revision.text is None else revision.text
            ref = messages.inbound_ref(revision.wamid)
            revised = messages.revise(tx, ref, body, revision.at, taken_back=revision.text is None)
            if revised is not None:
                wants.append(Want(Topic.MESSAGE, revised.id, revised.contact_id))
        return wants


def _revises(message: PastMessage) -> bool:
    return message.direction is Direction.OUT and message.kind in ("edit", "revoke")


def _ref(message: PastMessage) -> str:
    if message.direction is Direction.IN:
        return messages.inbound_ref(message.wamid)
    return messages.elsewhere_ref(message.wamid)


def _as_row(message: PastMessage, contact_id: int, conversation_id: int, now: datetime) -> dict[str, Any]:
    return {
        "ref": _ref(message),
        "conversation_id": conversation_id,
        "contact_id": contact_id,
        "direction": message.direction,
        "phone_number_id": message.phone_number_id,
        "wamid": message.wamid,
        "kind": message.kind,
        "body": message.text,
        "payload": message.raw,
        "reply_to": message.reply_to,
        "occurred_at": message.at,
        "recorded_at": now,
        "origin": message.origin,
        "status": Status.ACCEPTED if message.direction is Direction.OUT else None,
    }


def _placeholder(
    revision: Revision, contact_id: int, opened: Mapping[tuple[int, str], int], now: datetime
) -> dict[str, Any]:
    return {
        "ref": messages.inbound_ref(revision.wamid),
        "conversation_id": opened[contact_id, revision.phone_number_id],
        "contact_id": contact_id,
        "direction": Direction.IN,
        "phone_number_id": revision.phone_number_id,
        "wamid": revision.wamid,
        "kind": "text",
        "body": "",
        "occurred_at": revision.at,
        "recorded_at": now,
    }
