"""A customer presses a button of a message that the business sent, or answers its list, flow or request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncer.simulators.whatsapp import inbound
from syncer.simulators.whatsapp.errors import GraphError
from syncer.simulators.whatsapp.state import SentMessage

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

Choice = dict[str, Any]


def choices(interactive: Mapping[str, Any]) -> list[Choice]:
    """What a customer can do with an interactive message that passed its check; each has at least `kind`."""
    action = interactive.get("action") or {}
    match interactive["type"]:
        case "button":
            return [{"kind": "button_reply", **_only(button["reply"], "id", "title")} for button in action["buttons"]]
        case "list":
            rows = [row for section in action["sections"] for row in section["rows"]]
            return [{"kind": "list_reply", **_only(row, "id", "title", "description")} for row in rows]
        case "flow":
            parameters = action["parameters"]
            token = parameters.get("flow_token", "unused")
            return [{"kind": "nfm_reply", "id": token, "title": parameters["flow_cta"]}]
        case "location_request_message":
            return [{"kind": "location", "title": "Send location"}]
        case "request_contact_info":
            return [{"kind": "contacts", "title": "Share contact info"}]
        case "product" | "product_list" | "catalog_message":
            return _products(action)
    return []


def set_payloads(components: Any) -> list[Choice] | None:
    """What a template's request set for its quick replies: `index` and `payload`; None when it set none."""
    found = [
        {"index": int(part.get("index", 0)), "payload": str(parameter.get("payload"))}
        for part in components or ()
        if str(part.get("type", "")).lower() == "button" and str(part.get("sub_type", "")).lower() == "quick_reply"
        for parameter in (part.get("parameters") or [])[:1]
    ]
    return found or None


def press(platform: Platform, order: Mapping[str, Any]) -> list[str]:
    """Play the answer to the sent message `message_id`; returns the wamid of the answer.

    `choice` is the number of the button or row, its id, title, text or payload (default: the first); `text` replaces
    what a flow's form shows, `response` what it holds. `from` is another customer than the one written to; `at`,
    `timestamp` as for `inbound.play`. Raises `ValueError` when there is nothing to press.
    """
    message = platform.journal.sent_by_wamid(str(order.get("message_id")))
    if message is None:
        raise ValueError(f"no message {order.get('message_id')!r} was sent")
    offered = _quick_replies(platform, message) if message.kind == "template" else message.choices or []
    kind, content = _answer(_pick(offered, order.get("choice", 0)), order, message)
    who = {"from": order["from"]} if "from" in order else _recipient(message)
    passed_on = {name: order[name] for name in ("at", "timestamp") if name in order}
    item = {**who, "type": kind, kind: content, "reply_to": message.wamid, **passed_on}
    return inbound.play(platform, {"messages": [item], "phone_number_id": message.phone_number_id})


def _recipient(message: SentMessage) -> dict[str, str]:
    customer = message.customer
    return {"from": customer.wa_id} if customer.wa_id else {"user_id": customer.user_id}


def _quick_replies(platform: Platform, message: SentMessage) -> list[Choice]:
    """The quick replies of the template as it is now, each with the payload of the request or, without one, its
    text."""
    try:
        template = platform.catalogue.find(str(message.template), str(message.language))
    except GraphError:
        return []
    given = {choice["index"]: choice["payload"] for choice in message.choices or []}
    buttons = [button for part in template.components for button in part.get("buttons") or []]
    return [
        {"kind": "button", "title": button["text"], "payload": given.get(index, button["text"])}
        for index, button in enumerate(buttons)
        if str(button.get("type", "")).upper() == "QUICK_REPLY"
    ]


def _pick(offered: list[Choice], wanted: Any) -> Choice:
    if isinstance(wanted, int) and 0 <= wanted < len(offered):
        return offered[wanted]
    for choice in offered:
        if wanted in (choice.get("id"), choice.get("title"), choice.get("payload")):
            return choice
    raise ValueError(f"the message offers no choice {wanted!r}; it offers {offered}")


def _answer(choice: Choice, order: Mapping[str, Any], message: SentMessage) -> tuple[str, Any]:
    """Type and content of the customer's message."""
    kind = choice["kind"]
    body = {name: value for name, value in choice.items() if name != "kind"}
    match kind:
        case "button":
            return "button", {"payload": choice["payload"], "text": choice["title"]}
        case "button_reply" | "list_reply":
            return "interactive", {"type": kind, kind: body}
        case "nfm_reply":
            response = json.dumps({"flow_token": choice["id"], **order.get("response", {})}, ensure_ascii=False)
            reply = {"name": "flow", "body": order.get("text", "Sent"), "response_json": response}
            return "interactive", {"type": kind, kind: reply}
        case "contacts":
            return "contacts", [_own_card(message)]
        case "order":
            item = {"product_retailer_id": choice["id"], "quantity": 1, "item_price": 350, "currency": "TWD"}
            return "order", {"catalog_id": choice["catalog_id"], "text": order.get("text", ""), "product_items": [item]}
    return kind, None


def _own_card(message: SentMessage) -> dict[str, Any]:
    customer = message.customer
    phone = {"phone": f"+{customer.wa_id}", "wa_id": customer.wa_id, "type": "CELL"}
    return {"origin": "contact_request", "name": {"formatted_name": customer.name}, "phones": [phone]}


def _products(action: Mapping[str, Any]) -> list[Choice]:
    catalog = str(action.get("catalog_id", "194836987003835"))
    items = [item for section in action.get("sections") or [] for item in section.get("product_items") or []]
    ids = [item["product_retailer_id"] for item in items] or [
        action.get("product_retailer_id")
        or (action.get("parameters") or {}).get("thumbnail_product_retailer_id")
        or "TEA-01"
    ]
    return [{"kind": "order", "id": each, "title": each, "catalog_id": catalog} for each in ids]


def _only(item: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: item[name] for name in names if item.get(name)}
