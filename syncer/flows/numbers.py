"""Numbers: what the platform and its refusals tell of our business numbers, and by which of them each message leaves
(R11, R12)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.errors import DeliveryError, PauseNumber, StopAccount, TryLater
from syncer.domain.message import Category
from syncer.domain.notice import AccountNotice, NumberNotice
from syncer.flows import number_alerts
from syncer.policies import failover
from syncer.policies.failover import Health, Line, Parcel, SendsBy, Way
from syncer.store import alerts, numbers

log = logging.getLogger(__name__)

#: A notice that much older than our last look at the platform tells nothing new; its clock may differ from ours.
STALE = timedelta(minutes=5)
#: A number that is told to wait this long has used up its rate: its templates go by the other one meanwhile.
LONG_WAIT = timedelta(seconds=60)
#: A paused number or a blocked account is tried again after this long with one set, unless a look shows earlier that it
#: is free.
PROBE = timedelta(hours=1)
#: Limits of the app or the account roll on: after this long a customer's answer is worth another refusal.
LONGEST_HOLD = timedelta(minutes=5)
#: Codes of waits that concern every number of the account: app calls, management calls, maintenance.
_EVERY_NUMBER = frozenset({"4", "80007", "131057"})

#: What the platform's words about a number mean for its row (`phone_number_quality_update` and status changes).
_STATUSES = frozenset(
    {"CONNECTED", "DISCONNECTED", "PENDING", "RESTRICTED", "BANNED", "FLAGGED", "RATE_LIMITED", "DELETED", "MIGRATED"}
)
#: Notices that end a trouble told of before: by field and event, the events that are over then.
_ENDS = {
    ("account_update", "DISABLED_UPDATE:REINSTATE"): ("DISABLED_UPDATE", "ACCOUNT_RESTRICTION"),
    ("account_update", "ACCOUNT_RECONNECTED"): ("ACCOUNT_OFFBOARDED",),
    ("account_review_update", "APPROVED"): ("REJECTED", "DEFERRED"),
}


@dataclass(frozen=True)
class Numbers:
    """Keeps the table of numbers. `primary` and `backup` stand in for each other."""

    primary: str
    backup: str | None = None

    @property
    def hears(self) -> tuple[type, ...]:
        """Notices about numbers and about the account."""
        return NumberNotice, AccountNotice

    def line(self, tx: Connection) -> Line:
        """All numbers as they are now, in one query."""
        rows = numbers.line(tx)
        account = rows[0]
        health = {row.phone_number_id: health_of(row) for row in rows if row.phone_number_id}
        sends_by = SendsBy(account.sends_by or SendsBy.AUTO)
        stopped = account.stopped_reason or ""
        return Line(self.primary, self.backup, health, sends_by, stopped, account.stopped_until)

    def route(
        self,
        tx: Connection,
        rows: Sequence[Row[Any]],
        windows: Mapping[tuple[int, str], datetime],
        now: datetime,
    ) -> dict[int, Way]:
        """The way of each message, by its id. `windows` as `conversations.windows` gives them."""
        line = self.line(tx)
        by_person: dict[int, dict[str, datetime]] = {}
        for (contact_id, number), until in windows.items():
            by_person.setdefault(contact_id, {})[number] = until
        return {row.id: failover.choose(_parcel(row, by_person), line, now) for row in rows}

    def apply(self, tx: Connection, notices: Sequence[NumberNotice | AccountNotice], now: datetime) -> set[str]:
        """What the platform told. The words of notices are few and come in any order, so the platform is asked at once
        what is true: that is `upkeep`'s work."""
        for notice in sorted(notices, key=lambda one: one.at):
            known = numbers.all_of_them(tx, lock=True)
            row = known.get(_number_meant(notice, known) or "")
            if isinstance(notice, NumberNotice):
                self._number_told(tx, row, notice, now)
            else:
                self._account_told(tx, row, notice, now)
        number_alerts.way(tx, self.line(tx), now)
        return {"upkeep"} if notices else set()

    def learn(self, tx: Connection, before: Row[Any] | None, told: Mapping[str, Any], now: datetime) -> None:
        """Enter what the platform says of a number, its id among it, and raise or end the alerts that follow."""
        was = health_of(before) if before is not None else Health(told["phone_number_id"])
        words = {name: told[name] for name in ("status", "quality", "can_send") if name in told}
        now_is = replace(was, **words)
        values = {"changed_at": now, **told}
        if now_is.well and not was.well:
            values["well_since"] = now
        if now_is.status != was.status and before is not None:
            log.warning("number %s was %s and is %s", now_is.id, was.status or "unknown", now_is.status)
        numbers.save(tx, [values])
        number_alerts.health(tx, now_is, told.get("name_status"), now)

    def limit(self, tx: Connection, value: int | None, now: datetime) -> None:
        """The portfolio's messaging limit is `value` people per 24 hours now; None is no limit."""
        before = numbers.limit(tx, value, now)
        number_alerts.limit(tx, before, value, now)

    def heed(self, tx: Connection, answers: Sequence[tuple[str, DeliveryError]], now: datetime) -> set[str]:
        """What the refusals of a set, each with the number it left by, say of numbers and account; each trouble once.
        Refusals that say nothing of them are passed over. Returns the queues that have work."""
        told = {(number, type(error), error.code): error for number, error in answers}
        for (number, _, _), error in sorted(told.items(), key=lambda item: (item[0][0], item[0][2])):
            match error:
                case PauseNumber():
                    self.pause(tx, number, now + PROBE, str(error), now)
                case StopAccount():
                    self.stop_account(tx, str(error), now)
                case TryLater(scope="number", wait_seconds=seconds) if seconds >= LONG_WAIT.total_seconds():
                    self.exhaust(tx, number, now + timedelta(seconds=seconds), str(error), now)
        return {"upkeep"} if any(isinstance(error, PauseNumber | StopAccount) for error in told.values()) else set()

    def pause(self, tx: Connection, number: str, until: datetime, reason: str, now: datetime) -> None:
        """The platform refuses what this number sends; `reason` begins with its code. Messages wait or go by the other
        number until then, until a look shows that it is well, or until a person says so."""
        numbers.pause(tx, number, until, reason, now)
        alerts.sound(tx, number_alerts.paused(number), f"number {number} is paused: {reason}", now)

    def exhaust(self, tx: Connection, number: str, until: datetime, reason: str, now: datetime) -> None:
        """A number's rate or quota is used up until then; what concerns the whole account holds every number."""
        if reason.partition(":")[0] in _EVERY_NUMBER:
            numbers.stop(tx, reason, min(until, now + LONGEST_HOLD), now)
        else:
            numbers.exhaust(tx, number, until, reason, now)

    def stop_account(self, tx: Connection, reason: str, now: datetime, until: datetime | None = None) -> None:
        """The platform blocks the account: nothing leaves before `until` (default: after `PROBE`, one set tries)."""
        numbers.stop(tx, reason, until or now + PROBE, now)
        alerts.sound(tx, number_alerts.STOPPED, f"nothing is sent: {reason}", now, level=alerts.CRITICAL)

    def resume(self, tx: Connection, now: datetime, number: str | None = None) -> bool:
        """A person says: send again at once - from one number, or from all; false when nothing was held. What the
        platform says of a number still counts."""
        ids = list(numbers.all_of_them(tx, lock=True)) if number is None else [number]
        freed = self._free(tx, ids, None, now, account=number is None)
        numbers.refresh(tx, ids, now)
        return freed

    def direct(self, tx: Connection, to: SendsBy, who: str, now: datetime) -> None:
        """A person orders by which number templates go, or leaves it to the engine again."""
        numbers.direct(tx, to, who, now)
        log.warning("%s orders that templates go by: %s", who, to)
        number_alerts.way(tx, self.line(tx), now)

    def _number_told(self, tx: Connection, row: Row[Any] | None, notice: NumberNotice, now: datetime) -> None:
        if notice.messaging_limit is not None:
            self.limit(tx, _people(notice.messaging_limit), now)
        told = {} if row is None or _stale(row, notice) else _told(notice)
        if row is not None and told:
            self.learn(tx, row, {"phone_number_id": row.phone_number_id, **told}, now)
        if row is not None and notice.name_status is not None:
            number_alerts.renamed(tx, row.phone_number_id, notice, now)

    def _account_told(self, tx: Connection, row: Row[Any] | None, notice: AccountNotice, now: datetime) -> None:
        reason = f"{notice.event}: {notice.detail}" if notice.detail else notice.event
        if notice.messaging_limit is not None:
            self.limit(tx, _people(notice.messaging_limit), now)
        ended = _ENDS.get((notice.field, notice.event), ())
        if ended:
            self._free(tx, [row.phone_number_id] if row is not None else [], now, now, account=row is None)
        for event in ended:
            alerts.end(tx, number_alerts.told(replace(notice, event=event)), now)
        if notice.stops and row is not None:
            self.pause(tx, row.phone_number_id, now + PROBE, reason, now)
        elif notice.stops:
            numbers.stop(tx, reason, None, now)
            alerts.sound(tx, number_alerts.STOPPED, f"nothing is sent: {reason}", now, level=alerts.CRITICAL)
        if notice.serious:
            level = alerts.CRITICAL if notice.stops else alerts.WARNING
            alerts.sound(tx, number_alerts.told(notice), f"the platform says: {reason}", now, level=level)

    def _free(
        self, tx: Connection, ids: Sequence[str], well_since: datetime | None, now: datetime, *, account: bool
    ) -> bool:
        freed = numbers.end_pauses(tx, ids, now, now, well_since)
        for number in freed:
            alerts.end(tx, number_alerts.paused(number), now)
        resumed = account and numbers.end_stop(tx, now, now)
        if resumed:
            alerts.end(tx, number_alerts.STOPPED, now)
        return bool(freed) or resumed


def health_of(row: Row[Any]) -> Health:
    """A row of the table as the policy sees it."""
    return Health(
        row.phone_number_id,
        row.status,
        row.quality,
        row.can_send,
        row.paused_until,
        row.paused_reason or "",
        row.exhausted_until,
        row.well_since,
    )


def _parcel(row: Row[Any], windows: Mapping[int, Mapping[str, datetime]]) -> Parcel:
    free_form = row.kind != "template"
    return Parcel(row.phone_number_id, Category(row.category), free_form, windows.get(row.contact_id, {}))


def _number_meant(notice: NumberNotice | AccountNotice, known: Mapping[str, Row[Any]]) -> str | None:
    """The id of the number that a notice is about; the platform names it by id or by its digits."""
    names = {notice.phone_number_id, getattr(notice, "display_phone_number", "")}
    digits = {re.sub(r"\D", "", name) for name in names} - {""}
    return next((k for k, row in known.items() if {k, re.sub(r"\D", "", row.display_phone_number)} & digits), None)


def _stale(row: Row[Any], notice: NumberNotice) -> bool:
    return row.checked_at is not None and notice.at < row.checked_at - STALE


def _told(notice: NumberNotice) -> dict[str, Any]:
    """The columns that a notice changes. A new status voids the health verdict of the last look."""
    status = "CONNECTED" if notice.event == "UNFLAGGED" else notice.event
    told: dict[str, Any] = {"status": status, "can_send": ""} if status in _STATUSES else {}
    if notice.event == "THROUGHPUT_UPGRADE":
        told["throughput"] = "HIGH"
    if notice.quality is not None:
        told["quality"] = notice.quality
    if notice.name_status == "APPROVED":
        told |= {"name_status": "APPROVED"} | ({"verified_name": notice.verified_name} if notice.verified_name else {})
    return told


def _people(limit: int) -> int | None:
    """The platform's -1 is no limit."""
    return limit if limit >= 0 else None
