"""`POST /{PHONE_NUMBER_ID}/messages` and `/marketing_messages`: what the platform checks before it says 200, in its
order.

What the platform finds out only afterwards comes as a `failed` status after a 200, as documented: 131047 (free-form
message outside the customer service window), 131026 (not on WhatsApp), 131049, 131050 (stopped marketing), 131053 and
130472. With the setting `statuses.failures_at_once` these are refused in the answer instead, which the platform also
does at times. Everything else is refused at once.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from syncer.simulators.whatsapp import kinds, media
from syncer.simulators.whatsapp.errors import DETAILS, GraphError, required
from syncer.simulators.whatsapp.log import Refusal
from syncer.simulators.whatsapp.marketing import check_category, check_request
from syncer.simulators.whatsapp.numbering import of_united_states
from syncer.simulators.whatsapp.pressing import choices, set_payloads
from syncer.simulators.whatsapp.state import BusinessNumber, Customer, InboundMessage, SentMessage

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

_PUNCTUATION = re.compile(r"[\s\-().]")
_E164 = re.compile(r"\+?[1-9]\d{6,14}$")
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$")
_TYPES = (*kinds.KINDS, "template")
_LONGEST_CALLBACK_DATA = 512
_READABLE_SECONDS = 30 * 86_400
NEWEST_VERSION = 25


def send(
    platform: Platform,
    number: BusinessNumber,
    request: dict[str, Any],
    *,
    lite: bool = False,
    version: int = NEWEST_VERSION,
) -> dict[str, Any]:
    """Accept a message and return the answer of section "response"; raises `GraphError`, logging the refusal.

    `lite`: it came to the Marketing Messages API; `version`: the Graph API's, without the v and the .0.
    """
    try:
        if request.get("messaging_product") != "whatsapp":
            raise required("messaging_product")
        if lite:
            check_request(platform.marketing, request, version)
        elif request.get("status") is not None:
            return _mark_read(platform, number, request)
        return _accept(platform, number, request, lite=lite, version=version)
    except GraphError as error:
        note_refusal(platform, number.id, request, error)
        raise


def note_refusal(platform: Platform, number_id: str, request: Any, error: GraphError, fault: str | None = None) -> None:
    """Log a refused send with whatever its body says."""
    body = request if isinstance(request, dict) else {}
    template = body.get("template")
    platform.journal.refused(
        Refusal(
            refused_at=time.time(),
            code=error.code,
            http=error.http,
            details=error.details or str(error),
            phone_number_id=number_id,
            to=body.get("to") or body.get("recipient"),
            kind=body.get("type"),
            template=template.get("name") if isinstance(template, dict) else None,
            biz_opaque_callback_data=body.get("biz_opaque_callback_data"),
            fault=fault,
        )
    )


def _accept(
    platform: Platform, number: BusinessNumber, request: dict[str, Any], *, lite: bool, version: int
) -> dict[str, Any]:
    kind = _check_common(platform, number, request)
    customer, given, to_phone = _recipient(platform, number, request)
    now = time.time()
    message = SentMessage(
        wamid="",
        phone_number_id=number.id,
        to=customer.wa_id if to_phone else customer.user_id,
        input=given,
        kind=kind,
        text="",
        category="service",
        accepted_at=now,
        in_window=platform.in_window(number, customer, now),
        customer=customer,
        to_phone=to_phone,
        callback_data=request.get("biz_opaque_callback_data"),
        context=_context(platform, request),
        lite=lite,
    )
    _read_content(platform, request, message)
    if message.kind == "template":
        check_category(platform.marketing, message.category, version, lite=lite)
    failure = _failure(platform, message, request)
    if failure is not None and platform.behaviour.statuses.failures_at_once:
        raise GraphError(failure, DETAILS.get(failure, ""))
    _take_limits(platform, number, message, failure)
    message.wamid = platform.world.new_wamid(message.to, incoming=False)
    platform.journal.accepted(message)
    if failure is None:
        message.free_entry = platform.world.told(number.id, customer, now, by_phone=to_phone)
    _count_as_reply(message)
    platform.life.begin(message, failure)
    return _answer(message)


def _check_common(platform: Platform, number: BusinessNumber, request: dict[str, Any]) -> str:
    if number.status not in ("CONNECTED", "FLAGGED"):
        code = 131031 if number.status in ("RESTRICTED", "BANNED") else 133010
        raise GraphError(code, f"The phone number is {number.status.lower()}.")
    if request.get("recipient_type", "individual") != "individual":
        raise GraphError(131009, "Parameter 'recipient_type' must be individual")
    if request.get("category") is not None:
        raise GraphError(139200, "The business is not allowed to send messages without a template.")
    kind = request.get("type", "text")
    if kind not in _TYPES:
        raise GraphError(100, message=f"(#100) Param type must be one of {{{', '.join(_TYPES).upper()}}}.")
    data = request.get("biz_opaque_callback_data")
    if data is not None and (not isinstance(data, str) or len(data) > _LONGEST_CALLBACK_DATA):
        raise GraphError(100, message="(#100) Param biz_opaque_callback_data must be at most 512 characters long.")
    return str(kind)


def _recipient(platform: Platform, number: BusinessNumber, request: dict[str, Any]) -> tuple[Customer, str, bool]:
    """The customer, the text they were named by, and whether by phone; `to` wins over `recipient`."""
    given = request.get("to") or request.get("recipient")
    if not given:
        raise required("to")
    if not request.get("to"):
        if not isinstance(given, str) or not _USER_ID.match(given):
            raise GraphError(131009, "Parameter 'recipient' must be a business-scoped user id")
        return platform.world.customer_by_user_id(given), given, False
    digits = _PUNCTUATION.sub("", given) if isinstance(given, str) else ""
    if not _E164.match(digits):
        raise GraphError(131009, "The phone number is malformed: Please use the format: +1234567890.")
    wa_id = digits.lstrip("+")
    if wa_id == number.wa_id:
        raise GraphError(131021, "Recipient cannot be sender.")
    allowed = platform.config.allowed_recipients
    if allowed is not None and wa_id not in allowed:
        raise GraphError(131030, "Recipient phone number not in allowed list: add it and try again.")
    customer = platform.world.written_to(wa_id)
    _check_identity(customer, request)
    return customer, given, True


def _check_identity(customer: Customer, request: dict[str, Any]) -> None:
    wanted = request.get("recipient_identity_key_hash")
    if wanted is not None and wanted != customer.identity_key_hash:
        raise GraphError(137000, "The recipient's identity key hash does not match: the customer's identity changed.")


def _context(platform: Platform, request: dict[str, Any]) -> str | None:
    context = request.get("context")
    if context is None:
        return None
    wamid = kinds.need(context, "message_id")
    if not platform.journal.knows(wamid):
        raise GraphError(131009, "Parameter 'context.message_id' is not a known message")
    return str(wamid)


def _read_content(platform: Platform, request: dict[str, Any], message: SentMessage) -> None:
    content = request.get(message.kind)
    if message.kind != "template":
        message.text = kinds.read(message.kind, content)
        if message.kind == "interactive":
            message.choices = choices(request["interactive"])
        message.voice = message.kind == "audio" and bool(request["audio"].get("voice"))
        if message.kind == "reaction" and not platform.journal.knows(str(request["reaction"]["message_id"])):
            raise GraphError(131009, "Parameter 'reaction.message_id' is not a known message")
        return
    if not isinstance(content, dict):
        raise required("template")
    message.template = str(kinds.need(content, "name"))
    message.language = str(kinds.need(content, "language", "code"))
    template = platform.catalogue.find(message.template, message.language)
    filled = template.fill(content.get("components"))
    message.text, message.parameters = filled.text, filled.parameters
    message.choices = set_payloads(content.get("components"))
    message.category = template.category.lower()
    if message.category == "authentication" and not message.to_phone:
        raise GraphError(131062, "Authentication templates cannot be sent to a business-scoped user id.")


def _failure(platform: Platform, message: SentMessage, request: dict[str, Any]) -> int | None:
    """The code with which this message will fail after the 200."""
    customer = message.customer
    content = request.get(message.kind)
    unfit = media.problem(platform.media, message, content) if isinstance(content, dict) else None
    if customer.fails_with is not None:
        return customer.fails_with
    planned = platform.failures.pick(message) if platform.failures else None
    if planned is not None and planned.at_once:
        raise GraphError(planned.code, DETAILS.get(planned.code, ""))
    if planned is not None:
        return planned.code
    if message.kind != "template" and not message.in_window:
        return 131047
    if message.category == "marketing" and customer.opted_out:
        return 131050
    if message.category == "marketing" and of_united_states(customer.wa_id, customer.user_id):
        return 131049
    return unfit


def _take_limits(platform: Platform, number: BusinessNumber, message: SentMessage, failure: int | None) -> None:
    limits, now, who = platform.limits, message.accepted_at, message.customer.user_id
    limits.take_throughput(number, now)
    limits.take_pair(message.phone_number_id, who, now)
    if not message.in_window and failure is None:
        limits.take_customer(who, now)


def _count_as_reply(message: SentMessage) -> None:
    """A message of the business answers everything that this customer said before it."""
    message.customer.last_told = message.wamid
    waiting = message.customer.unanswered
    for inbound in waiting:
        inbound.replied_at, inbound.reply_wamid = message.accepted_at, message.wamid
    waiting.clear()


def _answer(message: SentMessage) -> dict[str, Any]:
    who = {"wa_id": message.customer.wa_id} if message.to_phone else {"user_id": message.customer.user_id}
    told = {"id": message.wamid}
    if message.kind == "template":
        told["message_status"] = "accepted"
    return {"messaging_product": "whatsapp", "contacts": [{"input": message.input, **who}], "messages": [told]}


def _mark_read(platform: Platform, number: BusinessNumber, request: dict[str, Any]) -> dict[str, Any]:
    """Blue ticks for a message and every earlier one of that customer; with `typing_indicator` dots until the answer,
    for 25 s at most. Messages older than 30 days are refused (mark-as-read page)."""
    inbound = platform.journal.inbound_by_wamid(str(kinds.need(request, "message_id")))
    if request["status"] != "read" or inbound is None or inbound.phone_number_id != number.id:
        raise GraphError(131009, "Parameter 'message_id' is not a message of a customer")
    now = time.time()
    if now - (inbound.timestamp or now) > _READABLE_SECONDS:
        raise GraphError(131009, "Parameter 'message_id' is a message that is more than 30 days old")
    typing = request.get("typing_indicator")
    if typing is not None and kinds.need(typing, "type") != "text":
        raise GraphError(131009, "Parameter 'typing_indicator.type' must be text")
    _read_up_to(platform, inbound, now)
    if typing is not None:
        inbound.typing_at = now
    return {"success": True}


def _read_up_to(platform: Platform, inbound: InboundMessage, now: float) -> None:
    inbound.marked_read_at = now
    customer = platform.world.customer_by_user_id(inbound.user_id)
    unread = customer.unread or []
    earlier = unread[: unread.index(inbound) + 1] if inbound in unread else []
    for message in earlier:
        message.marked_read_at = message.marked_read_at or now
    customer.unread = [message for message in unread if message.marked_read_at is None]
