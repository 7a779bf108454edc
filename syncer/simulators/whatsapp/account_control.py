"""Control commands of the account half: templates, reviews, numbers, blocks, tokens, notices, the app on a telephone.

docs/simulators.md lists every command with its fields.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from syncer.simulators.whatsapp import coexistence, lifecycle, notices, template_events
from syncer.simulators.whatsapp.business_number import SETTABLE, BusinessNumber
from syncer.simulators.whatsapp.payloads import Update
from syncer.simulators.whatsapp.templates import Template

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

Body = dict[str, Any]
_STOPS = {"DISABLED_UPDATE": 131031, "ACCOUNT_RESTRICTION": 368}
_REINSTATED = "REINSTATE"
_CAPABILITIES = ("verified", "numbers_verified", "numbers_unverified")


def _number(platform: Platform, body: Body, key: str = "phone_number_id") -> BusinessNumber:
    """The number a command names, the first one by default; raises `ValueError`."""
    number_id = str(body.get(key) or next(iter(platform.world.numbers)))
    number = platform.world.numbers.get(number_id)
    if number is None:
        raise ValueError(f"no business number {number_id!r}")
    return number


def _named(platform: Platform, body: Body) -> list[Template]:
    found = platform.catalogue.by_name(str(body["name"]), body.get("language"))
    if not found:
        raise ValueError(f"no template {body['name']!r} in {body.get('language') or 'any language'}")
    return found


# --- templates


async def _templates(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    put = []
    for spec in body["templates"]:
        before = platform.catalogue.get(str(spec.get("name", "")), str(spec.get("language", "")))
        put.append((before, platform.catalogue.put(spec)))
    if body.get("announce"):
        for before, after in put:
            for update in template_events.changes(before, after, odd=bool(body.get("odd"))):
                platform.outbox.tell(update)
    return {"templates": [after.row() for _, after in put]}


async def _pause(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    seconds = body.get("seconds")
    templates = _named(platform, body)
    for template in templates:
        lifecycle.pause(platform, template, None if seconds is None else float(seconds))
    return {"templates": [{**template.row(), "pause_ends_at": template.pause_ends_at} for template in templates]}


async def _reviews(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"rules": platform.reviews.rows()}


async def _add_reviews(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    for spec in body.get("rules", [body]):
        platform.reviews.add(spec)
    return {"rules": platform.reviews.rows()}


async def _clear_reviews(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    platform.reviews.clear()
    return {"rules": []}


# --- numbers


async def _list_numbers(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"numbers": [number.shown() for number in platform.world.numbers.values()]}


async def _change_number(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    number = _number(platform, body, "id")
    if unknown := sorted(set(body) - {"id", "announce", "old_events", *SETTABLE}):
        raise ValueError(f"a number has no {unknown[0]!r}; it has {', '.join(SETTABLE)}")
    before = number.shown()
    for name in SETTABLE:
        if name in body:
            setattr(number, name, body[name])
    if body.get("announce"):
        for update in notices.changes(platform, before, number, old_events=bool(body.get("old_events"))):
            platform.outbox.tell(update)
    return number.shown()


async def _codes(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"codes": platform.codes.rows(request.query.get("phone_number_id"))}


async def _capability(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    limits, rules = platform.behaviour.limits, platform.behaviour.account
    old = limits.messaging_limit
    change: dict[str, dict[str, Any]] = {"account": {name: body[name] for name in _CAPABILITIES if name in body}}
    if "messaging_limit" in body:
        change["limits"] = {"messaging_limit": body["messaging_limit"]}
    platform.behaviour.change(change)
    if body.get("announce", True):
        platform.outbox.tell(notices.capability_event(platform))
        if limits.messaging_limit != old:
            _tell_limit(platform, old, old_events=bool(body.get("old_events")))
    return {"messaging_limit": limits.messaging_limit, **{name: getattr(rules, name) for name in _CAPABILITIES}}


def _tell_limit(platform: Platform, old: int, *, old_events: bool) -> None:
    new = platform.behaviour.limits.messaging_limit
    event = "ONBOARDING"
    if old_events:
        event = "UPGRADE" if (new or float("inf")) > (old or float("inf")) else "DOWNGRADE"
    for number in platform.world.numbers.values():
        platform.outbox.tell(notices.quality_event(number, event, new, old))


# --- account


async def _account(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    event, value = str(body["event"]), dict(body.get("value") or {})
    update = notices.account_event(event, value)
    lifted = update.body.get("ban_info", {}).get("waba_ban_state") == _REINSTATED
    code = body.get("code", _STOPS.get(event))
    if lifted:
        platform.gate.lift()
    elif code:
        platform.gate.block({"code": code, "seconds": body.get("seconds"), "details": body.get("details")})
    if body.get("announce", True):
        platform.outbox.tell(update)
    return {"value": update.body, "blocks": platform.gate.block_rows()}


async def _blocks(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"blocks": platform.gate.block_rows()}


async def _add_block(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    for spec in body.get("blocks", [body]):
        if spec.get("phone_number_id") is not None:
            _number(platform, spec)
        platform.gate.block(spec)
    return {"blocks": platform.gate.block_rows()}


async def _lift(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    block_id = request.query.get("id")
    platform.gate.lift(int(block_id) if block_id else None)
    return {"blocks": platform.gate.block_rows()}


async def _tokens(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return platform.gate.token_rows()


async def _change_tokens(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    gate, seconds = platform.gate, body.get("expire_in")
    for token in body.get("accept") or ():
        gate.accept(str(token))
    for token in body.get("expire") or ():
        if seconds is None:
            gate.expire(str(token))
        else:
            gate.will_expire(str(token), time.time() + float(seconds))
            platform.calendar.after(float(seconds), gate.expire, str(token))
    return gate.token_rows()


async def _notice(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    field, number = str(body["field"]), _number(platform, body)
    value = notices.example(platform, field, number)
    for template in platform.catalogue.page({"limit": "1"})[0]:
        value = value or template_events.example(field, template)
    value |= dict(body.get("value") or {})
    if body.get("phone_number_id") is not None:
        metadata = {"display_phone_number": number.display_phone_number, "phone_number_id": number.id}
        value = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    platform.outbox.tell(Update(field, value))
    return {"field": field, "value": value}


# --- the app on a telephone


async def _onboard(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return coexistence.onboard(platform, _number(platform, body), body)


async def _app_messages(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"ids": coexistence.type_messages(platform, _number(platform, body), body["messages"])}


async def _app_contacts(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    number = _number(platform, body)
    coexistence.change_contacts(platform, number, body.get("add") or (), body.get("remove") or ())
    return {"contacts": asdict(coexistence.need_link(number))["contacts"]}


COMMANDS: dict[tuple[str, str], Callable[[Platform, web.BaseRequest, Body], Awaitable[Any]]] = {
    ("POST", "templates"): _templates,
    ("POST", "templates/pause"): _pause,
    ("GET", "reviews"): _reviews,
    ("POST", "reviews"): _add_reviews,
    ("DELETE", "reviews"): _clear_reviews,
    ("GET", "numbers"): _list_numbers,
    ("POST", "numbers"): _change_number,
    ("GET", "codes"): _codes,
    ("POST", "capability"): _capability,
    ("POST", "account"): _account,
    ("GET", "blocks"): _blocks,
    ("POST", "blocks"): _add_block,
    ("DELETE", "blocks"): _lift,
    ("GET", "tokens"): _tokens,
    ("POST", "tokens"): _change_tokens,
    ("POST", "notices"): _notice,
    ("POST", "app/onboard"): _onboard,
    ("POST", "app/messages"): _app_messages,
    ("POST", "app/contacts"): _app_contacts,
}
