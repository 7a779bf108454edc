"""What the company's people write in a CRM leaves as a message, once, and the CRM is told what became of it (R22).

A record is planned under the key `crm:<crm>:<record id>`, and noted in the same transaction: however often it is seen,
by polling or by notice, and wherever a worker dies, it is one message. What cannot be sent is noted as well, with the
reason, and told to the CRM the same way, so that whoever wrote it sees why.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from syncer.domain.change_notice import Kind
from syncer.domain.content import TextContent
from syncer.domain.crm_record import AgentReply
from syncer.domain.errors import DeliveryError, Refused, Unreachable
from syncer.domain.template_button import TemplateMismatch
from syncer.domain.text import shorten, storable
from syncer.flows.crm_standing import CrmStanding
from syncer.flows.messages_out import Draft, MessagesOut, TemplateDraft
from syncer.ports import CRM, Clock, Jobs
from syncer.store import agent_replies, contacts, conversations, crm_notices, crm_writes, departures, messages
from syncer.store.crm_writes import Topic, Want
from syncer.store.session import Store

log = logging.getLogger(__name__)

#: What the questions are about, for the breaker.
ABOUT = "replies"
#: Seconds between two questions to a CRM of which the configuration says nothing.
OTHERWISE_EVERY = 30.0
#: A CRM that still shows what it was told to have been taken gets so long for its index, before it is told again.
PATIENCE = timedelta(seconds=60)
#: So many at once may not have been all there was.
FULL_PAGE = 100
_LONGEST_ERROR = 500


@dataclass(frozen=True)
class AgentReplies:
    """Takes what the CRMs' people wrote. `every` says for each CRM how many seconds lie between two questions;
    `every_otherwise` how many while it tells of such records by itself, as it did within `trusted`."""

    store: Store
    crms: Mapping[str, CRM]
    messages: MessagesOut
    clock: Clock
    jobs: Jobs
    standing: CrmStanding
    every: Mapping[str, float]
    every_otherwise: float = OTHERWISE_EVERY
    trusted: timedelta = timedelta(hours=1)

    def poll(self, crm: str) -> int:
        """Ask one CRM, if it has rung, or if it is time to and no other worker does; returns how many messages were
        planned. One that does not serve is left in peace. Raises `Unreachable`."""
        if not (self.crms[crm].rings() or self._my_turn(crm)) or not self.standing.may_ask(crm):
            return 0
        try:
            planned = self.take(crm)
        except Unreachable:
            raise
        except Exception as error:
            self.standing.failed(crm, error, ABOUT)
            if not isinstance(error, DeliveryError):
                raise
            log.info("%s was not asked for its people's messages: %s", crm, error)
            return 0
        self.standing.served(crm, ABOUT)
        return planned

    def take(self, crm: str, record_ids: Sequence[str] | None = None) -> int:
        """Plan what waits in the CRM, or of it these records; returns how many messages are new. Raises `TryAgain`,
        `TryLater`, `FixCredentials` when the CRM does not serve, and `Unreachable`: the next look does the rest."""
        found = self.crms[crm].replies(record_ids)
        if not found:
            return 0
        with self.store.begin() as tx:
            known = agent_replies.known(tx, crm, [reply.record_id for reply in found])
        new = [reply for reply in found if reply.record_id not in known]
        phones = self._phones(crm, new)
        planned = sum(self._take_one(crm, reply, phones.get(reply.crm_contact_id)) for reply in new)
        full = record_ids is None and bool(new) and len(found) >= FULL_PAGE
        self._after(crm, [row.id for row in known.values()], full=full)
        if new:
            self.jobs.ring("realtime")
            self.jobs.ring("crm")
        return planned

    def _my_turn(self, crm: str) -> bool:
        """A little less than the interval, so that a lone worker who looks that often asks every time."""
        now = self.clock.now()
        with self.store.begin() as tx:
            if not agent_replies.is_time_to_ask(tx, crm, now):
                return False
            next_at = now + timedelta(seconds=0.9 * self._interval(tx, crm, now))
            return agent_replies.my_turn_to_ask(tx, crm, now, next_at)

    def _interval(self, tx: Connection, crm: str, now: datetime) -> float:
        """Seconds. What tells of itself need not be asked so often; nobody can promise that it goes on telling."""
        told_at = crm_notices.last_told(tx, crm, Kind.REPLY)
        asked = self.every.get(crm, self.every_otherwise)
        tells = told_at is not None and now - told_at < self.trusted
        return max(asked, self.every_otherwise) if tells else asked

    def _phones(self, crm: str, replies: Sequence[AgentReply]) -> dict[str | None, str | None]:
        """The numbers of contacts that no sync has told us of yet, by the CRM's own word."""
        wanted = {reply.crm_contact_id for reply in replies if reply.crm_contact_id and not reply.phone}
        with self.store.begin() as tx:
            strangers = sorted(wanted - departures.homes(tx, crm, wanted).keys())
        if not strangers:
            return {}
        adapter = self.crms[crm]
        fates = adapter.look_up(strangers)
        moved = {fate.crm_id: fate.into for fate in fates if fate.into}
        fates += adapter.look_up(sorted(set(moved.values()))) if moved else []
        told = {one.crm_id: one.phone for one in adapter.translate([fate.row for fate in fates if fate.row])}
        return {crm_id: told.get(moved.get(crm_id, crm_id)) for crm_id in strangers}

    def _take_one(self, crm: str, reply: AgentReply, phone: str | None) -> int:
        """One record in a transaction of its own: a bad one holds up nobody else's."""
        try:
            return self._planned_or_refused(crm, reply, phone)
        except Unreachable:
            raise
        except Exception:
            log.exception("record %s of %s is not planned yet; the next look tries again", reply.record_id, crm)
            return 0

    def _planned_or_refused(self, crm: str, reply: AgentReply, phone: str | None) -> int:
        try:
            return self.store.run(lambda tx: self._plan(tx, crm, reply, phone))
        except (Refused, TemplateMismatch) as refusal:
            error = shorten(str(refusal), _LONGEST_ERROR)
        self.store.run(lambda tx: self._note(tx, crm, reply, ref=f"refused-{uuid4()}", error=error))
        return 0

    def _plan(self, tx: Connection, crm: str, reply: AgentReply, phone: str | None) -> int:
        if agent_replies.known(tx, crm, [reply.record_id]):
            return 0
        out = replace(self.messages, source=f"crm:{crm}")
        to = self._addressee(tx, crm, reply, phone)
        key = f"crm:{crm}:{reply.record_id}"
        row, created = out.plan_within(tx, key, to, _draft(tx, to, reply), reply_to=reply.reply_to)
        known_as = messages.outbound_ref(row.ref)
        self._note(tx, crm, reply, contact_id=row.contact_id, outgoing_id=row.id, ref=known_as)
        conversations.attended_people(tx, [row.contact_id])
        return int(created)

    def _addressee(self, tx: Connection, crm: str, reply: AgentReply, phone: str | None) -> int | str:
        homes = departures.homes(tx, crm, [reply.crm_contact_id]) if reply.crm_contact_id else {}
        if reply.crm_contact_id in homes:
            return homes[reply.crm_contact_id]
        if to := reply.phone or phone:
            return to
        if reply.crm_contact_id:
            raise Refused(f"the contact {reply.crm_contact_id} has no phone number that can be written to")
        raise Refused("it names neither a contact nor a phone number")

    def _note(self, tx: Connection, crm: str, reply: AgentReply, **found: Any) -> None:
        """Beside what was planned of it: one record is one message for ever, and its CRM hears of it. One that another
        worker has noted stays as it is."""
        now = self.clock.now()
        row = {"contact_id": None, "outgoing_id": None, "error": None, **found}
        about = {"crm": crm, "record_id": reply.record_id, "author": reply.author, "written_at": reply.written_at}
        new = agent_replies.add(tx, [row | about | {"planned_at": now}])
        crm_writes.request(tx, [crm], [Want(Topic.REPLY, one.id, one.contact_id or 0) for one in new], now)

    def _after(self, crm: str, known: Sequence[int], *, full: bool) -> None:
        """What was taken long ago and is still shown was not told, or its record was changed back: tell it again. Where
        there may be more, look again at once."""
        now = self.clock.now()
        with self.store.begin() as tx:
            stale = agent_replies.told_before(tx, known, now - PATIENCE) if known else []
            crm_writes.request(tx, [crm], [Want(Topic.REPLY, row.id, row.contact_id or 0) for row in stale], now)
            if full:
                agent_replies.ask_again(tx, crm, now)


def _draft(tx: Connection, to: int | str, reply: AgentReply) -> Draft:
    body = storable(reply.body).strip()
    if reply.template:
        spoken = contacts.by_ids(tx, [to])[to].language if isinstance(to, int) else None
        values = tuple(line.strip() for line in body.splitlines())
        return TemplateDraft(reply.template, reply.language or spoken or "", values)
    if not body:
        raise Refused("there is nothing to send: it has no text")
    return TextContent(body)
