"""Admission: at the moment of sending, who may get this message, and from which number (law 10).

Consent, reachability, the customer service window and its fallback (X6), the template's state (R13), the number's
health (R12), and the budgets: pairs, people in 24 hours, the day's templates (R14, X5). Whoever may not get it is
settled with the reason; what may leave later waits without spending an attempt (law 8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.consent import Word
from syncer.domain.message import Category, Lane
from syncer.domain.work import SendState, Subject
from syncer.flows import reply_fates
from syncer.flows.numbers import Numbers
from syncer.flows.recipients import Recipients
from syncer.flows.sieve import Admitted, Sieve, Sifted
from syncer.flows.templates import Templates
from syncer.policies import admission, consent, second_try
from syncer.policies.admission import SkipReason, Standing
from syncer.policies.failover import Leave, Refuse, Wait
from syncer.store import claims, consents, contacts, conversations, identities, outgoing, retries, second_tries
from syncer.store.outgoing import BULK
from syncer.store.retries import Appointment

#: How long to leave alone what no budget or template lets go now; a person or the platform may end it any time.
_LOOK_AGAIN = timedelta(seconds=60)
_QUOTA_WAIT = timedelta(minutes=10)
#: By then the number is known to be used up, and another one may take the message.
_SOON = timedelta(seconds=5)


@dataclass(frozen=True)
class Admission:
    """Asks every question for a whole set. `daily_templates` is R14's quota per number and 24 hours; `double_opt_in`
    wants every yes to marketing said through WhatsApp (R7)."""

    templates: Templates
    numbers: Numbers
    recipients: Recipients
    daily_templates: int = 1000
    double_opt_in: bool = False

    def sift(self, tx: Connection, worker: int, rows: Sequence[Row[Any]], now: datetime) -> Sifted:
        """Which of these claimed messages may leave now; all others are settled or handed back."""
        sieve = self._sieve(tx, rows, now)
        questions = (self._earlier, self._number, self._template, self._person, self._pair, self._people, self._quota)
        for question in questions:
            if sieve.candidates:
                question(sieve)
        outgoing.move(
            tx, {key: (one.phone_number_id, one.category) for key, one in sieve.candidates.items() if _changed(one)}
        )
        self._settle(tx, sieve)
        until = self._hand_back(tx, worker, sieve, {row.id: row for row in rows})
        return Sifted(sieve.candidates, until)

    def _sieve(self, tx: Connection, rows: Sequence[Row[Any]], now: datetime) -> Sieve:
        people = contacts.by_ids(tx, [row.contact_id for row in rows])
        user_ids = identities.user_ids(tx, [key for key, person in people.items() if not person.phone])
        standings = {row.id: _standing(people[row.contact_id], user_ids) for row in rows}
        candidates = {row.id: _candidate(row, standings[row.id]) for row in rows}
        return Sieve(tx, now, candidates, standings, conversations.windows(tx, list(people)))

    def _earlier(self, sieve: Sieve) -> None:
        """A second try whose first has arrived after all is not sent (law 6)."""
        repeats = [row.id for row in sieve.rows(_is_second_try)]
        for key in second_tries.overtaken(sieve.tx, repeats) if repeats else ():
            sieve.skip(key, second_try.ARRIVED_AFTER_ALL)

    def _number(self, sieve: Sieve) -> None:
        """From which number each leaves, and whether it has to be a template there."""
        routes = self.numbers.route(sieve.tx, sieve.rows(), sieve.windows, sieve.now)
        closed = [key for key, route in routes.items() if isinstance(route, Leave) and route.as_template]
        replaced = {row.id: row for row in outgoing.fall_back(sieve.tx, closed)}
        for key, route in routes.items():
            match route:
                case Wait(until=until, reason=reason):
                    sieve.wait(key, until, reason)
                case Refuse(reason=reason):
                    sieve.skip(key, reason)
                case Leave() if route.as_template and key not in replaced:
                    _without_window(sieve, key, route)
                case Leave(by=by):
                    row = replaced.get(key, sieve.candidates[key].row)
                    sieve.becomes(key, row=row, phone_number_id=by, category=Category(row.category))

    def _template(self, sieve: Sieve) -> None:
        """Only what the platform has approved can be sent, and it counts as what the platform says it is. A campaign is
        held; a single message must not wait for a review that may never come."""
        rows = sieve.rows(_is_template)
        found = self.templates.sendable(sieve.tx, {_named(row) for row in rows})
        held: dict[tuple[str, str], str] = {}
        for row in rows:
            sendability = found[_named(row)]
            if sendability.obstacle is None:
                sieve.becomes(row.id, category=_category(sendability.category, row))
            elif row.batch_id:
                held[_named(row)] = sendability.obstacle
                sieve.wait(row.id, sieve.now + _LOOK_AGAIN, f"its template {sendability.obstacle}")
            else:
                sieve.skip(row.id, f"its template {sendability.obstacle}")
        self.templates.withhold(sieve.tx, held, sieve.now)

    def _person(self, sieve: Sieve) -> None:
        """Consent, reachability, window: the policy's words. Who takes their consent back while this is asked waits for
        our answer, and then takes back what it let through."""
        marketing = {one.contact_id for one in sieve.candidates.values() if one.category is Category.MARKETING}
        words = consents.hold_still(sieve.tx, marketing) if marketing else {}
        confirmed = self._confirmed(sieve.tx, marketing)
        for one in list(sieve.candidates.values()):
            standing = replace(sieve.standings[one.id], window_until=sieve.window(one.id))
            if one.contact_id in words:
                standing = replace(standing, marketing=words[one.contact_id], confirmed=one.contact_id in confirmed)
            reason = admission.refusal(one.category, standing, sieve.now)
            if reason is not None:
                sieve.skip(one.id, reason)

    def _confirmed(self, tx: Connection, ids: set[int]) -> set[int]:
        """Those of these people who have said yes through WhatsApp; without double opt-in that is not asked for."""
        return consents.confirmed(tx, ids, consent.BY_OWN_HAND) if self.double_opt_in and ids else ids

    def _pair(self, sieve: Sieve) -> None:
        """One message per 6 seconds to one person, with 45 borrowed ahead (131056); a batch holds nobody twice."""
        for key, until in self.recipients.over_pair_rate(sieve.tx, sieve.live(), sieve.now).items():
            sieve.wait(key, until, "too many messages to this person in a short time")

    def _people(self, sieve: Sieve) -> None:
        """Different people per 24 hours outside their windows, over all numbers of the company."""
        outside = [row for row in sieve.rows(_is_template) if not _open(sieve.window(row.id), sieve.now)]
        if not outside:
            return
        lane = Lane(outside[0].lane)
        budget = self.recipients.budget(sieve.tx, [row.contact_id for row in outside], sieve.now, lane)
        for row in outside:
            if row.contact_id not in budget.may_go:
                until = budget.wait_until or sieve.now + _LOOK_AGAIN
                sieve.wait(row.id, until, "the limit of people per 24 hours is reached")

    def _quota(self, sieve: Sieve) -> None:
        """Non-promotional templates beyond a number's quota of the last 24 hours; those being sent count."""
        counted = [one for one in sieve.candidates.values() if _counts(one)]
        for number in sorted({one.phone_number_id for one in counted}):
            mine = [one.id for one in counted if one.phone_number_id == number]
            used = outgoing.accepted_since(sieve.tx, number, sieve.now - timedelta(hours=24), without=mine)
            over = mine[max(0, self.daily_templates - used) :]
            for key in over:
                sieve.wait(key, sieve.now + _SOON, "daily template quota is used up")
            if over:
                reason = "daily template quota is used up"
                self.numbers.exhaust(sieve.tx, number, sieve.now + _QUOTA_WAIT, reason, sieve.now)

    def _settle(self, tx: Connection, sieve: Sieve) -> None:
        outcomes = [
            {"id": key, "state": SendState.SKIPPED, "reason": reason, "now": sieve.now}
            for key, reason in sieve.skips.items()
        ]
        ended = outgoing.write_outcomes(tx, outcomes, from_states=[SendState.CLAIMED])
        reply_fates.tell(tx, {key: sieve.skips[key] for key in ended}, sieve.now)

    def _hand_back(self, tx: Connection, worker: int, sieve: Sieve, rows: Mapping[int, Row[Any]]) -> datetime | None:
        """Each that waits gets an appointment. Where nothing of a batch's set may leave now, the batch rests as a whole
        instead, until the first of them may."""
        rests = not sieve.candidates and all(row.batch_id for row in rows.values())
        resting = list(sieve.waits) if rests else []
        claims.release(tx, BULK, worker, resting)
        waiting = [key for key in sieve.waits if not rests]
        claims.release(tx, BULK, worker, waiting, state=SendState.WAITING)
        due = [Appointment(key, 0, sieve.waits[key].until, sieve.waits[key].reason) for key in waiting]
        retries.plan(tx, Subject.OUTGOING, due, sieve.now)
        return min((sieve.waits[key].until for key in resting), default=None)


def _without_window(sieve: Sieve, key: int, route: Leave) -> None:
    if route.otherwise is not None:
        sieve.wait(key, route.otherwise.until, route.otherwise.reason)
    else:
        sieve.skip(key, SkipReason.WINDOW_CLOSED)


def _standing(person: Row[Any], user_ids: Mapping[int, str]) -> Standing:
    return Standing(
        address=person.phone or user_ids.get(person.id),
        blocked=person.blocked,
        unreachable=person.unreachable,
        marketing=Word(person.marketing),
        transactional=Word(person.transactional),
        window_until=None,
    )


def _is_second_try(row: Row[Any]) -> bool:
    return bool(row.idempotency_key.startswith(second_tries.AGAIN))


def _is_template(row: Row[Any]) -> bool:
    return bool(row.kind == "template")


def _counts(one: Admitted) -> bool:
    return _is_template(one.row) and one.category is not Category.MARKETING


def _candidate(row: Row[Any], standing: Standing) -> Admitted:
    return Admitted(row, standing.address or "", row.phone_number_id, Category(row.category))


def _changed(one: Admitted) -> bool:
    return (one.phone_number_id, one.category) != (one.row.phone_number_id, one.row.category)


def _category(told: str | None, row: Row[Any]) -> Category:
    """What the platform has made of the template since it was planned; a category of its own invention changes
    nothing."""
    return Category(told) if told in set(Category) else Category(row.category)


def _named(row: Row[Any]) -> tuple[str, str]:
    return row.content["name"], row.content["language"]


def _open(window_until: datetime | None, now: datetime) -> bool:
    return window_until is not None and now < window_until
