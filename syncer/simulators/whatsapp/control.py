"""The control API under `/_sim/`: play customers, plan faults, change settings, read what happened. No token is asked.

| request | body or query | answer |
|---|---|---|
| `GET /_sim/` | | what runs here, backlog |
| `POST /_sim/inbound` | see `inbound.play` | `ids` (wamids) |
| `POST /_sim/customers` | `customers` (see below) | `customers` |
| `GET, POST, DELETE /_sim/faults` | one fault or `faults` (see `faults.Fault`); `?id=` for one | `faults` in force |
| `GET, POST /_sim/settings` | sections of `config.Behaviour` | settings now |
| `POST /_sim/templates` | `templates` in the Graph API's shape; `announce` tells it by webhook | `templates` |
| `POST /_sim/numbers` | `id`, `status`, `quality_rating` | the number |
| `POST /_sim/handshake` | `verify_token`? `url`? | `ok`, `status`, `answer` |
| `POST /_sim/callbacks` | `payload`: any JSON, delivered signed as it is | `ok` |
| `GET /_sim/log/sends, /log/callbacks, /log/inbound` | `offset`, `limit` (100,000) | see `log` |
| `GET /_sim/stats` | `recipients=0` leaves the long list out | see `log.Journal.stats` |
| `POST /_sim/reset` | | back to the start |

A customer is named by `phone` or `user_id` and may be given a `name`, a `username`, `hides_phone` (webhooks omit the
phone), `dead` (not on WhatsApp, 131026), `fails_with` (any code of a `failed` status), `opted_out` of marketing (with
`announce` the webhook of field `user_preferences` tells it).
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from syncer.simulators.whatsapp import inbound
from syncer.simulators.whatsapp.account import template_update
from syncer.simulators.whatsapp.answers import answer, parsed
from syncer.simulators.whatsapp.payloads import PREFERENCES, Update
from syncer.simulators.whatsapp.state import BusinessNumber, Customer

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

Body = dict[str, Any]


async def serve_control(platform: Platform, request: web.BaseRequest, command: str) -> web.Response:
    """Serve one control request; 400 with a sentence for a wrong one, 404 for an unknown one."""
    handler = _COMMANDS.get((request.method, command))
    if handler is None:
        return answer({"error": f"no {request.method} /_sim/{command}"}, 404)
    try:
        raw = await request.read()
        body = parsed(raw) if raw else {}
        if not isinstance(body, dict):
            raise ValueError("the body is a JSON object")
        return answer(await handler(platform, request, body))
    except (ValueError, KeyError, TypeError) as error:
        return answer({"error": str(error)}, 400)


async def _overview(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {
        "simulates": "whatsapp",
        "waba_id": platform.config.waba_id,
        "phone_number_ids": list(platform.world.numbers),
        "callback_url": platform.world.callback_url,
        "templates": len(platform.catalogue),
        "scheduled": len(platform.schedule),
        **platform.outbox.backlog(),
    }


async def _inbound(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"ids": inbound.play(platform, body)}


async def _customers(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"customers": [_mark(platform, spec) for spec in body["customers"]]}


def _mark(platform: Platform, spec: Body) -> Body:
    world = platform.world
    phone = str(spec.get("phone") or "").strip().lstrip("+")
    customer = world.customer(phone) if phone else world.customer_by_user_id(str(spec["user_id"]), create=True)
    for name in ("name", "username", "hides_phone", "opted_out", "fails_with"):
        if name in spec:
            setattr(customer, name, spec[name])
    if "dead" in spec:
        customer.fails_with = 131026 if spec["dead"] else None
    if "opted_out" in spec and spec.get("announce"):
        number = world.numbers[str(spec.get("phone_number_id") or next(iter(world.numbers)))]
        platform.outbox.tell(_preference(customer, number))
    row = asdict(customer)
    row.pop("unanswered")
    return row


def _preference(customer: Customer, number: BusinessNumber) -> Update:
    """The webhook of a customer's marketing choice (field `user_preferences`)."""
    choice = "stop" if customer.opted_out else "resume"
    body = {
        "wa_id": customer.wa_id,
        "user_id": customer.user_id,
        "detail": f"User requested to {choice} marketing messages",
        "category": "marketing_messages",
        "value": choice,
        "timestamp": int(time.time()),
    }
    return Update(PREFERENCES, body, number, customer.contact())


async def _faults(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"faults": platform.faults.rows()}


async def _add_faults(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    for spec in body.get("faults", [body]):
        fault = platform.faults.add(spec)
        if fault.kind == "pause" and fault.seconds is not None:
            platform.schedule.after(fault.seconds + 0.01, platform.outbox.pump)
    return {"faults": platform.faults.rows()}


async def _clear_faults(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    fault_id = request.query.get("id")
    platform.faults.clear(int(fault_id) if fault_id else None)
    platform.outbox.pump()
    return {"faults": platform.faults.rows()}


async def _settings(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return asdict(platform.behaviour)


async def _change_settings(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    platform.behaviour.change(body)
    platform.outbox.pump()
    return asdict(platform.behaviour)


async def _templates(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    templates = [platform.catalogue.put(spec) for spec in body["templates"]]
    if body.get("announce"):
        for template in templates:
            platform.outbox.tell(template_update(template))
    return {"templates": [template.row() for template in templates]}


async def _numbers(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    number = platform.world.numbers[str(body["id"])]
    for name in ("status", "quality_rating", "verified_name"):
        if name in body:
            setattr(number, name, str(body[name]))
    return asdict(number)


async def _handshake(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    url = body.get("url") or platform.world.callback_url
    if not url:
        raise ValueError("no callback address is configured")
    ok, status, said = await platform.outbox.handshake(url, str(body.get("verify_token", platform.config.verify_token)))
    return {"ok": ok, "status": status, "answer": said}


async def _raw_callback(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    platform.outbox.tell_raw(body["payload"])
    return {"ok": True}


async def _log_sends(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return platform.journal.sends_page(request.query)


async def _log_callbacks(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return platform.journal.callbacks_page(request.query)


async def _log_inbound(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return platform.journal.inbound_page(request.query)


async def _stats(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    stats = platform.journal.stats(recipients=request.query.get("recipients") != "0")
    return {**stats, "backlog": platform.outbox.backlog() | {"scheduled": len(platform.schedule)}}


async def _reset(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    platform.reset()
    return {"ok": True}


_COMMANDS: dict[tuple[str, str], Callable[[Platform, web.BaseRequest, Body], Awaitable[Any]]] = {
    ("GET", ""): _overview,
    ("POST", "inbound"): _inbound,
    ("POST", "customers"): _customers,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _change_settings,
    ("POST", "templates"): _templates,
    ("POST", "numbers"): _numbers,
    ("POST", "handshake"): _handshake,
    ("POST", "callbacks"): _raw_callback,
    ("GET", "log/sends"): _log_sends,
    ("GET", "log/callbacks"): _log_callbacks,
    ("GET", "log/inbound"): _log_inbound,
    ("GET", "stats"): _stats,
    ("POST", "reset"): _reset,
}
