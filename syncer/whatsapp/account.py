"""Fields about the whole account, and errors that belong to no message: who has to look, and whether all sending stops.

Source: the pages webhooks/reference/account_update, account_alerts, account_review_update, business_capability_update
and security.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from syncer.domain.errors import AskPerson, FixCredentials, StopAccount
from syncer.domain.notice import AccountNotice, Unrecognised
from syncer.whatsapp.errors import CODES
from syncer.whatsapp.people import bounded
from syncer.whatsapp.readable import explanation
from syncer.whatsapp.shapes import identifier, mapping, people_per_day, plain, rows, text
from syncer.whatsapp.told import Told


class Weight(NamedTuple):
    """What a notice means for us. `serious`: somebody must look. `stops`: nothing can be sent until they have."""

    serious: bool
    stops: bool
    why: str


_LOOK, _STOP, _NOTE = (True, False), (True, True), (False, False)

#: By field and event; of `account_update` some events are told apart by what they hold.
WEIGHTS: dict[tuple[str, str], Weight] = {
    ("account_update", "DISABLED_UPDATE"): Weight(*_STOP, "the account is disabled, as far as the notice says"),
    ("account_update", "DISABLED_UPDATE:DISABLE"): Weight(*_STOP, "the account is disabled: every send is refused"),
    ("account_update", "DISABLED_UPDATE:SCHEDULE_FOR_DISABLE"): Weight(*_LOOK, "it still sends; an appeal may save it"),
    ("account_update", "DISABLED_UPDATE:REINSTATE"): Weight(*_NOTE, "the account may send again"),
    ("account_update", "ACCOUNT_RESTRICTION"): Weight(*_LOOK, "some actions are barred for a time, not all sending"),
    ("account_update", "ACCOUNT_RESTRICTION:MESSAGING"): Weight(*_STOP, "neither replies nor templates may be sent"),
    ("account_update", "ACCOUNT_VIOLATION"): Weight(*_LOOK, "a warning; the next one may bring a restriction"),
    ("account_update", "ACCOUNT_DELETED"): Weight(*_STOP, "there is no account to send from any more"),
    ("account_update", "ACCOUNT_OFFBOARDED"): Weight(*_STOP, "the app's device changed; the API is cut off"),
    ("account_update", "ACCOUNT_RECONNECTED"): Weight(*_NOTE, "the API is back after a change of the app's device"),
    ("account_update", "PARTNER_REMOVED"): Weight(*_LOOK, "a partner lost access; our own may have been theirs"),
    ("account_update", "PARTNER_APP_UNINSTALLED"): Weight(*_LOOK, "an app lost its permissions; it may be ours"),
    ("account_update", "PARTNER_ADDED"): Weight(*_NOTE, "a partner was given access"),
    ("account_update", "PARTNER_APP_INSTALLED"): Weight(*_NOTE, "an app was given permissions"),
    ("account_update", "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE"): Weight(*_NOTE, "a step of the verification"),
    ("account_update", "PARTNER_CLIENT_CERTIFICATION_NEEDED"): Weight(*_LOOK, "the business has to be verified"),
    ("account_update", "VERIFIED_ACCOUNT"): Weight(*_NOTE, "the account is verified"),
    ("account_update", "AD_ACCOUNT_LINKED"): Weight(*_NOTE, "marketing route only"),
    ("account_update", "MM_LITE_TERMS_SIGNED"): Weight(*_NOTE, "marketing route only"),
    ("account_update", "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE"): Weight(*_NOTE, "prices, not sending"),
    ("account_update", "VOLUME_BASED_PRICING_TIER_UPDATE"): Weight(*_NOTE, "prices, not sending"),
    ("account_update", "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE"): Weight(*_NOTE, "prices, not sending"),
    ("account_review_update", "APPROVED"): Weight(*_NOTE, "the account may be used"),
    ("account_review_update", "PENDING"): Weight(*_NOTE, "the review goes on"),
    ("account_review_update", "DEFERRED"): Weight(*_LOOK, "the review waits, often for documents of ours"),
    ("account_review_update", "REJECTED"): Weight(*_STOP, "a rejected account may not be used with the API"),
    ("account_alerts", "INFORMATIONAL"): Weight(*_NOTE, "the platform asks for nothing"),
    ("account_alerts", "WARNING"): Weight(*_LOOK, "the platform may ask for something"),
    ("account_alerts", "CRITICAL"): Weight(*_LOOK, "a limit or a badge is denied; sending goes on"),
    ("business_capability_update", "CAPABILITY_UPDATE"): Weight(*_NOTE, "limits, known from the notice itself"),
    ("security", "PIN_CHANGED"): Weight(*_LOOK, "registering the number again needs the new PIN: was it us?"),
    ("security", "PIN_RESET_REQUEST"): Weight(*_LOOK, "somebody wants two-step verification off: was it us?"),
    ("security", "PIN_REQUEST_SUCCESS"): Weight(*_LOOK, "two-step verification is off: was it us?"),
}
#: A word the platform did not have when this was written.
UNKNOWN = Weight(*_LOOK, "nobody has decided yet what it means")
_LONGEST_NUMBER = 11
_REPLIES_AND_TEMPLATES = {"RESTRICTED_BIZ_INITIATED_MESSAGING", "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"}


def weigh(field: str, event: str) -> Weight:
    """The weight of an event; of one told apart in more detail than we know, that of the event as such."""
    return WEIGHTS.get((field, event)) or WEIGHTS.get((field, event.partition(":")[0]), UNKNOWN)


def update(told: Told) -> AccountNotice | Unrecognised:
    """`account_update`. What names one number never stops the others."""
    event = _told_apart(told.body)
    notice = _notice(told, event, weigh("account_update", event))
    one_number = bool(identifier(told.body.get("phone_number")) or told.item.phone_number_id)
    if isinstance(notice, AccountNotice) and notice.stops and one_number:
        return _notice(told, event, Weight(*_LOOK, "one number only"))
    return notice


def alert(told: Told) -> AccountNotice | Unrecognised:
    """`account_alerts`, weighed by the platform's own severity. Older notices had the details one level higher."""
    info = mapping(told.body.get("alert_info")) or told.body
    weight = weigh("account_alerts", text(info.get("alert_severity")))
    number = told.body.get("entity_id") if told.body.get("entity_type") == "PHONE_NUMBER" else None
    return _notice(told, text(info.get("alert_type")), weight, phone_number_id=identifier(number))


def review(told: Told) -> AccountNotice | Unrecognised:
    """`account_review_update`."""
    decision = text(told.body.get("decision"))
    return _notice(told, decision, weigh("account_review_update", decision))


def security(told: Told) -> AccountNotice | Unrecognised:
    """`security`: the two-step PIN of a number."""
    event = text(told.body.get("event"))
    return _notice(told, event, weigh("security", event))


def capability(told: Told) -> AccountNotice | Unrecognised:
    """`business_capability_update`: the limits of the whole portfolio."""
    limits = ("max_daily_conversations_per_business", "max_daily_conversation_per_phone")
    limit = next(filter(lambda known: known is not None, (people_per_day(told.body.get(key)) for key in limits)), None)
    event = "CAPABILITY_UPDATE" if told.body else ""
    return _notice(told, event, weigh("business_capability_update", event), limit=limit)


def stray_error(told: Told) -> AccountNotice | Unrecognised:
    """An error beside no message, weighed by the table of error codes; `event` is the code."""
    code = text(told.body.get("code"))
    known = CODES.get(int(code)) if _is_number(code) else None
    if not code and not explanation(told.body):
        return Unrecognised("an error that says nothing")
    serious = known is None or issubclass(known.error, FixCredentials | AskPerson)
    weight = Weight(serious, known is not None and issubclass(known.error, StopAccount), "as the table of codes says")
    return _notice(told, code or "unknown", weight, field="errors", detail=explanation(told.body))


def _notice(
    told: Told,
    event: str,
    weight: Weight,
    *,
    field: str | None = None,
    detail: str | None = None,
    limit: int | None = None,
    phone_number_id: str | None = None,
) -> AccountNotice | Unrecognised:
    if not event:
        return Unrecognised(f"{told.field} that does not say what happened")
    return AccountNotice(
        field=field or told.field,
        event=bounded(event),
        at=told.item.occurred_at,
        detail=bounded(_details(told.body) if detail is None else detail),
        serious=weight.serious,
        stops=weight.stops,
        messaging_limit=limit,
        phone_number_id=phone_number_id or told.item.phone_number_id,
    )


def _told_apart(body: Mapping[str, Any]) -> str:
    """The event, with what decides its weight where the event alone does not."""
    event = text(body.get("event"))
    state = text(mapping(body.get("ban_info")).get("waba_ban_state"))
    restricted = {text(mapping(row).get("restriction_type")) for row in rows(body.get("restriction_info"))}
    if event == "DISABLED_UPDATE" and state:
        return f"{event}:{state}"
    if event == "ACCOUNT_RESTRICTION" and restricted >= _REPLIES_AND_TEMPLATES:
        return f"{event}:MESSAGING"
    return event


def _details(body: Mapping[str, Any]) -> str:
    restrictions = [_restriction(mapping(row)) for row in rows(body.get("restriction_info"))]
    rest = {key: value for key, value in body.items() if key not in ("event", "decision", "restriction_info")}
    return "; ".join(filter(None, (*restrictions, plain(rest))))


def _restriction(row: Mapping[str, Any]) -> str:
    """What is barred, until when, and what would help."""
    until, remedy = text(row.get("expiration")), text(row.get("remediation"))
    if _is_number(until):
        until = datetime.fromtimestamp(int(until), UTC).strftime("%Y-%m-%d %H:%M UTC")
    barred = " until ".join(filter(None, (text(row.get("restriction_type")), until)))
    return f"{barred} ({remedy})" if remedy else barred


def _is_number(said: str) -> bool:
    """A code or a time in seconds, and not a number that would be neither."""
    return said.isascii() and said.isdigit() and len(said) <= _LONGEST_NUMBER
