"""Control commands about people and messages: who customers are, what they press and prefer, what fails, what vanishes,
and what is told by hand.

| request | body | answer |
|---|---|---|
| `POST /_sim/customers` | `customers`: see below; `announce` tells an `opted_out` by webhook | `customers` |
| `POST /_sim/press` | see `pressing.press` | `ids` |
| `POST /_sim/preferences` | `phone` or `user_id`, `value` (`stop`, `resume`, `signup`), `timestamp`? | the person |
| `GET, POST, DELETE /_sim/failures` | `failures`: see `failures.Failure`; `?id=` for one | `failures` in force |
| `GET, POST /_sim/media` | `vanish`, `expire`: ids; `bad_links`: link to 131052, 131053 or null | all of them |
| `POST /_sim/errors` | `errors`: `code`, `title`?, `message`?, `details`? | `ok` |
| `POST /_sim/statuses` | `statuses`: see `_status` | `ids` |
| `POST /_sim/clicks` | `component` (`cta`, `body`), `tracking_token`?, `click_id`? | `ok` |
| `GET, POST /_sim/marketing` | the flags of `marketing.MarketingFlags` | the flags |
| `POST /_sim/callbacks` | `payload` (JSON), `body` (text) or `body_base64`; `signature`?, `times`?, `retry`? | `ok` |

A customer is named by `phone` or `user_id` and may be given a `name`, a `username`, a `parent_user_id`, `hides_phone`
(webhooks omit the phone), `in_contact_book` (they do not), `dead` (not on WhatsApp, 131026), `fails_with` (any code of
a `failed` status), `opted_out` of marketing, an `identity_key_hash`, and `aliases` (more numbers they are reached
under). What is told by hand comes from the first number, or `phone_number_id`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from syncer.simulators.whatsapp.errors import TABLE, status_error
from syncer.simulators.whatsapp.payloads import ACTIONS, ERRORS, PREFERENCES, STATUSES, Update, encode_any
from syncer.simulators.whatsapp.pressing import press
from syncer.simulators.whatsapp.state import BusinessNumber, Customer

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

Body = dict[str, Any]
Command = Callable[["Platform", web.BaseRequest, Body], Awaitable[Any]]
_SETTABLE = (
    "name",
    "username",
    "parent_user_id",
    "hides_phone",
    "in_contact_book",
    "opted_out",
    "fails_with",
    "identity_key_hash",
)
_OPTED_OUT = {"stop": True, "resume": False, "signup": False}


async def _customers(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"customers": [_mark(platform, spec) for spec in body["customers"]]}


def _mark(platform: Platform, spec: Body) -> Body:
    customer = _person(platform, spec)
    for name in _SETTABLE:
        if name in spec:
            setattr(customer, name, spec[name])
    if "dead" in spec:
        customer.fails_with = 131026 if spec["dead"] else None
    platform.world.also_under(customer, [str(number).lstrip("+") for number in spec.get("aliases", ())])
    if "opted_out" in spec and spec.get("announce"):
        choice = "stop" if customer.opted_out else "resume"
        platform.outbox.tell(_preference(customer, _number(platform, spec), choice, spec))
    return customer.row()


def _person(platform: Platform, spec: Body) -> Customer:
    phone = str(spec.get("phone") or "").strip().lstrip("+")
    if phone:
        return platform.world.customer(phone)
    return platform.world.customer_by_user_id(str(spec["user_id"]), create=True)


def _number(platform: Platform, spec: Body) -> BusinessNumber:
    numbers = platform.world.numbers
    return numbers[str(spec.get("phone_number_id") or next(iter(numbers)))]


async def _press(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"ids": press(platform, body)}


async def _preferences(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    customer, choice = _person(platform, body), body.get("value")
    if choice not in _OPTED_OUT:
        raise ValueError(f"'value' is one of {', '.join(_OPTED_OUT)}")
    customer.opted_out = _OPTED_OUT[choice]
    platform.outbox.tell(_preference(customer, _number(platform, body), choice, body))
    return customer.row()


def _preference(customer: Customer, number: BusinessNumber, choice: str, spec: Body) -> Update:
    """The webhook of a customer's marketing choice; the timestamp is an integer here (user_preferences page)."""
    told = {
        **({"wa_id": customer.wa_id} if customer.wa_id else {}),
        "user_id": customer.user_id,
        "detail": spec.get("detail", f"User requested to {choice} marketing messages"),
        "category": "marketing_messages",
        "value": choice,
        "timestamp": int(spec.get("timestamp") or time.time()),
    }
    return Update(PREFERENCES, told, number, customer.contact())


async def _failures(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"failures": platform.failures.rows()}


async def _add_failures(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    for spec in body.get("failures", [body]):
        platform.failures.add(spec)
    return {"failures": platform.failures.rows()}


async def _clear_failures(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    failure_id = request.query.get("id")
    platform.failures.clear(int(failure_id) if failure_id else None)
    return {"failures": platform.failures.rows()}


async def _media(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    store = platform.media
    for media_id in body.get("vanish", ()):
        store.remove(str(media_id))
    for media_id in body.get("expire", ()):
        store.expire(str(media_id))
    for link, code in body.get("bad_links", {}).items():
        if code is None:
            store.bad_links.pop(link, None)
        else:
            store.bad_links[link] = int(code)
    return {"media": store.rows(), "bad_links": store.bad_links}


async def _errors(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    for spec in body["errors"]:
        platform.outbox.tell(Update(ERRORS, _out_of_band(spec), _number(platform, body)))
    return {"ok": True}


def _out_of_band(spec: Body) -> Body:
    code = int(spec["code"])
    title = spec.get("title", TABLE.get(code, (400, "Something went wrong"))[1])
    message = spec.get("message", f"(#{code}) {title}")
    return {"code": code, "title": title, "message": message, "error_data": {"details": spec.get("details", title)}}


async def _statuses(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    updates = [_status(platform, spec, _number(platform, {**body, **spec})) for spec in body["statuses"]]
    for update in updates:
        platform.outbox.tell(update)
    return {"ids": [update.body["id"] for update in updates]}


def _status(platform: Platform, spec: Body, number: BusinessNumber) -> Update:
    """Any status, also of a message that was never sent: `status`, and optionally `id` (made up without), `phone` or
    `user_id`, `timestamp`, `callback_data`, `code` of the error."""
    message = platform.journal.sent_by_wamid(str(spec.get("id")))
    customer = message.customer if message else _person(platform, {"phone": "886900000000", **spec})
    told: Body = {
        "id": spec.get("id") or platform.world.new_wamid(customer.wa_id, incoming=False),
        "status": str(spec["status"]),
        "timestamp": str(int(spec.get("timestamp") or time.time())),
        **({"recipient_id": customer.wa_id} if customer.wa_id else {}),
        "recipient_user_id": customer.user_id,
    }
    data = spec.get("callback_data", message.callback_data if message else None)
    if data is not None:
        told["biz_opaque_callback_data"] = data
    if "code" in spec:
        told["errors"] = [status_error(int(spec["code"]))]
    return Update(STATUSES, told, number, None if told["status"] == "failed" else customer.contact())


async def _clicks(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    data = {
        "click_component": body.get("component", "cta"),
        "click_id": body.get("click_id", "AfhKmW5"),
        "tracking_token": body.get("tracking_token", "simulated"),
    }
    told = {
        "action_type": "marketing_messages_link_click",
        "timestamp": str(int(time.time())),
        "marketing_messages_link_click_data": data,
    }
    platform.outbox.tell(Update(ACTIONS, told, _number(platform, body)))
    return {"ok": True}


async def _marketing(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return platform.marketing.change(body) if body else asdict(platform.marketing)


async def _raw_callback(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    signed = body.get("signature", "valid")
    platform.outbox.tell_raw(
        _raw(body),
        None if signed == "none" else signed,
        times=int(body.get("times", 1)),
        persistent=bool(body.get("retry", True)),
    )
    return {"ok": True}


def _raw(body: Body) -> bytes:
    if "body_base64" in body:
        return base64.b64decode(body["body_base64"], validate=True)
    return body["body"].encode() if "body" in body else encode_any(body["payload"])


COMMANDS: dict[tuple[str, str], Command] = {
    ("POST", "customers"): _customers,
    ("POST", "press"): _press,
    ("POST", "preferences"): _preferences,
    ("GET", "failures"): _failures,
    ("POST", "failures"): _add_failures,
    ("DELETE", "failures"): _clear_failures,
    ("GET", "media"): _media,
    ("POST", "media"): _media,
    ("POST", "errors"): _errors,
    ("POST", "statuses"): _statuses,
    ("POST", "clicks"): _clicks,
    ("GET", "marketing"): _marketing,
    ("POST", "marketing"): _marketing,
    ("POST", "callbacks"): _raw_callback,
}
