"""Graph API edges of the business phone numbers: listing, reading, adding, changing, registering."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from syncer.simulators.whatsapp import notices, registration
from syncer.simulators.whatsapp.answers import answer, chosen, graph_parameters, paged
from syncer.simulators.whatsapp.business_number import BusinessNumber
from syncer.simulators.whatsapp.errors import GraphError, required, unknown_object
from syncer.simulators.whatsapp.reviews import DISPLAY_NAME, Review

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

_USUAL = (
    "id",
    "display_phone_number",
    "verified_name",
    "quality_rating",
    "code_verification_status",
    "platform_type",
    "throughput",
    "webhook_configuration",
)
_FIRST_NEW_ID = 106_540_352_900_001
_HIGH_FROM = 80
_SENDING = ("CONNECTED", "FLAGGED")


def number_of(platform: Platform, node: str, method: str) -> BusinessNumber:
    """The number with this id; raises 100/33."""
    number = platform.world.numbers.get(node)
    if number is None:
        raise unknown_object(node, method)
    return number


def number_row(platform: Platform, number: BusinessNumber) -> dict[str, Any]:
    """Every field that a number can be asked for."""
    limit = notices.tier(platform.behaviour.limits.messaging_limit)
    return {
        **{name: getattr(number, name) for name in _PLAIN},
        "quality_score": {"score": number.quality_rating},
        "throughput": {"level": _throughput_level(platform, number)},
        "whatsapp_business_manager_messaging_limit": limit,
        "messaging_limit_tier": limit,
        "is_pin_enabled": number.pin is not None,
        "health_status": _health(platform, number),
        "webhook_configuration": _addresses(platform, number),
        "country_dial_code": None,
        "search_visibility": "NON_VISIBLE",
        "last_onboarded_time": None,
    }


_PLAIN = (
    "id",
    "display_phone_number",
    "verified_name",
    "status",
    "quality_rating",
    "code_verification_status",
    "name_status",
    "new_name_status",
    "new_display_name",
    "platform_type",
    "account_mode",
    "is_official_business_account",
    "is_on_biz_app",
    "username",
)


async def list_numbers(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /{WABA}/phone_numbers`, in pages."""
    platform.need_account(node, request.method)
    rows = [chosen(number_row(platform, one), request.query, _USUAL) for one in platform.world.numbers.values()]
    return answer(paged(request, rows))


async def add_number(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{WABA}/phone_numbers`: a number that is neither verified nor registered; its name goes into review."""
    platform.need_account(node, request.method)
    told = await graph_parameters(request)
    code, local = (re.sub(r"\D", "", str(told.get(name) or "")) for name in ("cc", "phone_number"))
    name = str(told.get("verified_name") or "")
    for field, value in (("cc", code), ("phone_number", local), ("verified_name", name)):
        if not value:
            raise required(field)
    digits = local if local.startswith(code) and len(local) > 10 else code + local.lstrip("0")
    _check_room(platform, digits)
    number = BusinessNumber(
        _new_id(platform), digits, name, status="PENDING", quality_rating="UNKNOWN",
        code_verification_status="NOT_VERIFIED", name_status="PENDING_REVIEW",
    )  # fmt: skip
    platform.world.numbers[number.id] = number
    submit_name(platform, number, name)
    return answer({"id": number.id})


def _check_room(platform: Platform, digits: str) -> None:
    rules = platform.behaviour.account
    most = rules.numbers_verified if rules.verified else rules.numbers_unverified
    if any(number.wa_id == digits for number in platform.world.numbers.values()):
        raise GraphError(100, "This phone number is registered already.", user_title="Phone number already exists")
    if most and len(platform.world.numbers) >= most:
        text = f"A business that is {'' if rules.verified else 'not '}verified may have {most} phone numbers."
        raise GraphError(100, text, user_title="Phone number limit reached")


def _new_id(platform: Platform) -> str:
    return str(max([_FIRST_NEW_ID, *(int(one) + 1 for one in platform.world.numbers if one.isdigit())]))


async def read_number(platform: Platform, request: web.BaseRequest, number: BusinessNumber) -> web.Response:
    """`GET /{PHONE_ID}?fields=...`."""
    return answer(chosen(number_row(platform, number), request.query, _USUAL))


async def change_number(platform: Platform, request: web.BaseRequest, number: BusinessNumber) -> web.Response:
    """`POST /{PHONE_ID}`: the two-step pin, a new display name, an own address for webhooks - whichever is given."""
    told = await graph_parameters(request)
    if not {"pin", "new_display_name", "webhook_configuration"} & set(told):
        raise GraphError(100, message="(#100) One of pin, new_display_name and webhook_configuration is required.")
    if "webhook_configuration" in told:
        await _set_address(platform, number, told["webhook_configuration"])
    if "new_display_name" in told:
        _rename(platform, number, str(told["new_display_name"]))
    if "pin" in told:
        registration.set_pin(number, told)
    return answer({"success": True})


async def _set_address(platform: Platform, number: BusinessNumber, wanted: Any) -> None:
    if not isinstance(wanted, dict):
        raise GraphError(100, message="(#100) Param webhook_configuration must be an object.")
    address = wanted.get("override_callback_uri")
    if address:
        await platform.check_callback(str(address), str(wanted.get("verify_token", "")))
    number.override_callback_uri = str(address) if address else None


def _rename(platform: Platform, number: BusinessNumber, name: str) -> None:
    if not 3 <= len(name) <= 512:
        raise GraphError(100, message="(#100) Param new_display_name must have 3 to 512 characters.")
    number.new_display_name, number.new_name_status = name, "PENDING_REVIEW"
    submit_name(platform, number, name)


def submit_name(platform: Platform, number: BusinessNumber, name: str) -> None:
    """A display name goes into review; the decision is told by `phone_number_name_update`."""
    review = platform.reviews.pick(DISPLAY_NAME, name)
    if review.verdict != "PENDING":
        seconds = platform.config.template_review_seconds if review.seconds is None else review.seconds
        platform.calendar.after(seconds, _name_decided, platform, number, name, review)


def _name_decided(platform: Platform, number: BusinessNumber, name: str, review: Review) -> None:
    asked = number.new_display_name or number.verified_name
    if platform.world.numbers.get(number.id) is not number or name != asked:
        return
    status = {"APPROVED": "APPROVED", "REJECTED": "DECLINED"}.get(review.verdict, "PENDING_REVIEW")
    if number.new_display_name is None:
        number.name_status = status
    else:
        number.new_name_status = status
    if review.verdict == "APPROVED" and number.new_display_name is not None:
        number.verified_name, number.name_status = name, "APPROVED"
        number.new_display_name, number.new_name_status = None, "NONE"
    reason = (review.reason or "NAME_NOT_CONSISTENT") if review.verdict == "REJECTED" else None
    platform.outbox.tell(notices.name_event(number, name, review.verdict, reason))


def _registering(act: Callable[[Platform, BusinessNumber, dict[str, Any]], None]) -> Any:
    async def edge(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
        act(platform, number_of(platform, node, request.method), await graph_parameters(request))
        return answer({"success": True})

    return edge


EDGES: dict[tuple[str, str], Any] = {
    ("GET", "phone_numbers"): list_numbers,
    ("POST", "phone_numbers"): add_number,
    ("POST", "request_code"): _registering(registration.request_code),
    ("POST", "verify_code"): _registering(registration.verify_code),
    ("POST", "register"): _registering(registration.register),
    ("POST", "deregister"): _registering(lambda platform, number, _: registration.deregister(platform, number)),
}


def _throughput_level(platform: Platform, number: BusinessNumber) -> str:
    if number.throughput_level is not None:
        return number.throughput_level
    rate = platform.behaviour.limits.throughput if number.throughput is None else number.throughput
    return "HIGH" if not rate or rate > _HIGH_FROM else "STANDARD"


def _health(platform: Platform, number: BusinessNumber) -> dict[str, Any]:
    """Whether messages can be sent, for each entity in the chain, with the code that stops them."""
    stops = platform.gate.standing(number.id)
    own = [block.code for block in stops if block.phone_number_id is not None]
    account = [block.code for block in stops if block.phone_number_id is None]
    if number.status not in _SENDING:
        own.append(133010 if number.status in ("PENDING", "DISCONNECTED") else 131031)
    limited = number.quality_rating == "RED" or number.status == "FLAGGED"
    entities = [
        _entity("PHONE_NUMBER", number.id, own, limited=limited),
        _entity("WABA", platform.config.waba_id, account),
        _entity("APP", platform.config.app_id, []),
    ]
    states = [entity["can_send_message"] for entity in entities]
    worst = next((state for state in ("BLOCKED", "LIMITED") if state in states), "AVAILABLE")
    return {"can_send_message": worst, "entities": entities}


def _entity(kind: str, entity_id: str, codes: list[int], *, limited: bool = False) -> dict[str, Any]:
    state = "BLOCKED" if codes else "LIMITED" if limited else "AVAILABLE"
    row: dict[str, Any] = {"entity_type": kind, "id": entity_id, "can_send_message": state}
    if codes:
        row["errors"] = [{"error_code": code, "error_description": "Sending is stopped."} for code in codes]
    return row


def _addresses(platform: Platform, number: BusinessNumber) -> dict[str, Any]:
    world = platform.world
    told = {
        "application": platform.config.callback_url,
        "whatsapp_business_account": world.callback_override,
        "phone_number": number.override_callback_uri,
    }
    return {name: address for name, address in told.items() if address}
