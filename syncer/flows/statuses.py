"""Statuses: echoes settle sends, ladders climb, what came too early waits, and the CRM hears of it (R23, X1, X2)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain import callback
from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.message import Direction, Sender
from syncer.domain.status import Consequence, Ladder, Status, StatusUpdate
from syncer.domain.work import SendState, Subject
from syncer.flows import reply_fates
from syncer.ports import Clock
from syncer.store import (
    agent_replies,
    campaigns,
    consents,
    contacts,
    conversations,
    crm_writes,
    dead_letters,
    early_statuses,
    messages,
    outgoing,
    recognition,
    retries,
)
from syncer.store.crm_writes import Topic, Want

log = logging.getLogger(__name__)

#: A send in any of these has not been settled for good; the platform's own word settles it, even a failure of ours.
UNSETTLED = (
    SendState.PLANNED,
    SendState.CLAIMED,
    SendState.SENDING,
    SendState.WAITING,
    SendState.UNKNOWN,
    SendState.FAILED,
)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Proof that the platform took a message: its answer to our request, or an echo of our mark."""

    outgoing: Row[Any]
    wamid: str
    at: datetime


@dataclass(frozen=True)
class Statuses:
    """Everything that moves after the platform has taken a message."""

    crms: tuple[str, ...]
    clock: Clock

    hears = (StatusUpdate,)

    def apply(self, tx: Connection, events: Sequence[StatusUpdate], now: datetime) -> set[str]:
        """Echoes settle what is in doubt, then ladders climb."""
        self._settle_by_echo(tx, events, now)
        queues, named = self._climb(tx, events, now)
        recognition.learn(tx, named, now)
        return queues

    def accept(self, tx: Connection, accepted: Sequence[Acceptance], now: datetime) -> None:
        """Record that the platform took these: the send is settled, the conversation has the message, and statuses that
        were faster than the answer are applied. Sends that are settled already are left alone."""
        outcomes = [
            {"id": a.outgoing.id, "state": SendState.ACCEPTED, "wamid": a.wamid, "accepted_at": a.at, "now": now}
            for a in accepted
        ]
        moved = set(outgoing.write_outcomes(tx, outcomes, from_states=UNSETTLED))
        settled = [a for a in accepted if a.outgoing.id in moved]
        if not settled:
            return
        self._forget_trouble(tx, [a.outgoing for a in settled], now)
        self._record_messages(tx, settled, now)
        campaigns.close_finished(tx, now, sorted({a.outgoing.batch_id for a in settled if a.outgoing.batch_id}))
        self._climb(tx, early_statuses.collect(tx, [a.wamid for a in settled]), now)

    def reunite(self, tx: Connection, now: datetime) -> int:
        """Apply statuses in the waiting room whose message has come by now; returns how many."""
        waiting = early_statuses.collect(tx, early_statuses.reunitable(tx))
        self._climb(tx, waiting, now)
        return len(waiting)

    def _settle_by_echo(self, tx: Connection, updates: Sequence[StatusUpdate], now: datetime) -> None:
        """The rows are locked before anything is decided: a sender that is just now giving one up as unknown either did
        so before, and we see it, or does so afterwards, and finds the echo."""
        echoes = {ref: update for update in updates if (ref := callback.ref_of(update.callback_data))}
        rows = outgoing.by_refs(tx, echoes)
        _cry_if_doubled(rows, echoes)
        unsettled = [row for row in rows.values() if row.state in UNSETTLED]
        self.accept(tx, [Acceptance(row, echoes[row.ref].wamid, echoes[row.ref].at) for row in unsettled], now)

    def _climb(
        self, tx: Connection, updates: Sequence[StatusUpdate], now: datetime
    ) -> tuple[set[str], list[tuple[int, Sender]]]:
        """Returns the queues that have work now, and what the platform calls the recipients of known messages."""
        if not updates:
            return set(), []
        rows = messages.by_wamid(tx, [(u.phone_number_id, u.wamid) for u in updates])
        ladders = {row.id: messages.ladder(row) for row in rows.values()}
        before = dict(ladders)
        early, known = [], []
        for update in sorted(updates, key=lambda item: item.at):
            row = rows.get((update.phone_number_id, update.wamid))
            if row is None:
                early.append(update)
            else:
                known.append((row, update))
                ladders[row.id] = ladders[row.id].climb(update)
        early_statuses.keep(tx, early)
        changed = {key: ladder for key, ladder in ladders.items() if ladder != before[key]}
        messages.write_ladders(tx, changed)
        messages.write_prices(tx, {row.id: update.pricing for row, update in known if update.pricing})
        owners = {row.id: row.contact_id for row in rows.values()}
        risen = [key for key in changed if changed[key].status is not before[key].status]
        crm_writes.request(tx, self.crms, [Want(Topic.MESSAGE, key, owners[key]) for key in risen], now)
        failed = {row.outgoing_id: changed[row.id] for row in rows.values() if row.id in risen and row.outgoing_id}
        reply_fates.tell(tx, {key: _why(one) for key, one in failed.items() if one.status is Status.FAILED}, now)
        named = [(row.contact_id, update.recipient) for row, update in known if update.recipient]
        return ({"crm"} if risen else set()) | self._consequences(tx, known, now), named

    def _consequences(self, tx: Connection, known: Sequence[tuple[Row[Any], StatusUpdate]], now: datetime) -> set[str]:
        """What the statuses say about the people; returns the queues that have work because of it."""
        queues: set[str] = set()
        for row, update in known:
            match update.consequence:
                case Consequence.UNREACHABLE:
                    contacts.mark_unreachable(tx, [row.contact_id], now)
                case Consequence.OPTED_OUT:
                    consents.record(tx, _opt_out(row.contact_id, update), now)
                case Consequence.OUT_OF_WINDOW if row.outgoing_id:
                    queues |= {"realtime"} if outgoing.plan_instead(tx, [row.outgoing_id], now) else set()
                case _:
                    continue
            crm_writes.request(tx, self.crms, [Want(Topic.CONTACT, row.contact_id, row.contact_id)], now)
        return queues

    def record_failed(self, tx: Connection, failed: Sequence[tuple[Row[Any], str, str]], now: datetime) -> None:
        """A send that ended without the platform taking it still belongs to the conversation and the CRM: (row, code,
        reason) each."""
        rows = [
            recorded | {"status": Status.FAILED, "failed_at": now, "error_code": code, "error_detail": reason}
            for recorded, (_, code, reason) in zip(
                self._rows(tx, [row for row, _, _ in failed], now), failed, strict=True
            )
        ]
        self._want(tx, messages.add(tx, rows), rows, now)
        reply_fates.tell(tx, {row.id: f"{code}: {reason}" for row, code, reason in failed}, now)

    def _record_messages(self, tx: Connection, settled: Sequence[Acceptance], now: datetime) -> None:
        rows = [
            recorded | {"wamid": a.wamid, "occurred_at": a.at, "status": Status.ACCEPTED}
            for recorded, a in zip(self._rows(tx, [a.outgoing for a in settled], now), settled, strict=True)
        ]
        new = messages.add(tx, rows)
        revived = messages.revive(tx, [row for row in rows if row["ref"] not in new])
        self._want(tx, new | revived, rows, now)

    def _rows(self, tx: Connection, sent: Sequence[Row[Any]], now: datetime) -> list[dict[str, Any]]:
        """Our messages in their conversations, as rows to be recorded."""
        owners = outgoing.owners(tx, [row.id for row in sent])
        opened = conversations.open_for(tx, [(owners[row.id], row.phone_number_id) for row in sent], now)
        return [_as_row(row, owners[row.id], opened[owners[row.id], row.phone_number_id], now) for row in sent]

    def _want(self, tx: Connection, new: dict[str, int], rows: Sequence[dict[str, Any]], now: datetime) -> None:
        wants = [Want(Topic.MESSAGE, new[row["ref"]], row["contact_id"]) for row in rows if row["ref"] in new]
        crm_writes.request(tx, self.crms, wants, now)

    def _forget_trouble(self, tx: Connection, rows: Sequence[Row[Any]], now: datetime) -> None:
        """Appointments and dead letters of these are pointless now; a first attempt that went well has none."""
        ids = [row.id for row in rows if row.attempts > 1 or row.state != SendState.SENDING]
        retries.cancel(tx, Subject.OUTGOING, ids)
        dead_letters.resolve_for(tx, Subject.OUTGOING, ids, "settled", now)
        agent_replies.revive(tx, ids)


def _why(ladder: Ladder) -> str:
    return f"{ladder.error_code or ''}: {ladder.error_detail or 'failed'}".removeprefix(": ")


def _opt_out(contact_id: int, update: StatusUpdate) -> ConsentEntry:
    proof = f"{update.wamid}: {update.error_code} {update.error_detail or ''}".strip()
    return ConsentEntry(contact_id, Tier.MARKETING, Word.REVOKED, update.at, "whatsapp:status", proof, explicit=True)


def _cry_if_doubled(rows: Mapping[str, Row[Any]], echoes: Mapping[str, StatusUpdate]) -> None:
    """Two wamids under one mark would mean that the customer got it twice. It must not happen; if it does, be loud."""
    for ref, row in rows.items():
        if row.wamid is not None and row.wamid != echoes[ref].wamid:
            log.error("message %d was taken twice by the platform: %s and %s", row.id, row.wamid, echoes[ref].wamid)


def _as_row(row: Row[Any], contact_id: int, conversation_id: int, now: datetime) -> dict[str, Any]:
    return {
        "ref": messages.outbound_ref(row.ref),
        "conversation_id": conversation_id,
        "contact_id": contact_id,
        "direction": Direction.OUT,
        "phone_number_id": row.phone_number_id,
        "wamid": None,
        "kind": row.kind,
        "body": row.body,
        "reply_to": row.reply_to,
        "outgoing_id": row.id,
        "occurred_at": now,
        "recorded_at": now,
    }
