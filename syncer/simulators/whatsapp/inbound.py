"""Customers speak: their messages, when they say them, and how they travel to the webhook."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from syncer.simulators.whatsapp.payloads import MESSAGES, Update
from syncer.simulators.whatsapp.state import BusinessNumber, Customer, InboundMessage

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

_PASSED_ON = ("context", "referral", "errors")


def play(platform: Platform, order: Mapping[str, Any]) -> list[str]:
    """Play `messages` and return their wamids, in order, before anything is delivered.

    Each message: `from` (phone) or `user_id`, `name`, `type` (default text), the content under the type's own key (for
    text also a plain string), optionally `context`, `referral`, `errors`, `phone_number_id`, `timestamp` (unix seconds
    the payload shows and the window counts from; default: the moment it is said) and `at` (seconds from now). For the
    whole: `rate` per second, with `spread` seconds of random lateness each, and `batch` messages in one delivery of
    their own (left out, the usual batching window decides). Raises `ValueError` before anything is played.
    """
    messages = order.get("messages")
    if not isinstance(messages, Sequence) or not all(isinstance(item, Mapping) for item in messages):
        raise ValueError("'messages' is a list of objects")
    planned = [_plan(platform, item, order) for item in messages]
    rate, spread = float(order.get("rate") or 0.0), float(order.get("spread") or 0.0)
    together = int(order.get("batch") or 0)
    for start in range(0, len(planned), together or 1):
        group = planned[start : start + (together or 1)]
        delay = max(float(item.get("at") or 0.0) for item, _, _, _ in group)
        delay += start / rate if rate else 0.0
        delay += platform.rng.uniform(0.0, spread) if spread else 0.0
        for _, _, _, message in group:
            message.planned_at += delay
        platform.schedule.after(delay, _say, platform, group, bool(together))
    for _, _, _, message in planned:
        platform.journal.spoken(message)
    return [message.wamid for _, _, _, message in planned]


_Planned = tuple[Mapping[str, Any], BusinessNumber, Customer, InboundMessage]


def _plan(platform: Platform, item: Mapping[str, Any], order: Mapping[str, Any]) -> _Planned:
    world = platform.world
    number_id = item.get("phone_number_id") or order.get("phone_number_id") or next(iter(world.numbers))
    if number_id not in world.numbers:
        raise ValueError(f"no business number {number_id!r}")
    digits = str(item.get("from") or "").strip().lstrip("+")
    if not digits and not item.get("user_id"):
        raise ValueError("a message needs 'from' or 'user_id'")
    customer = world.customer(digits) if digits else world.customer_by_user_id(str(item["user_id"]), create=True)
    if item.get("name"):
        customer.name = str(item["name"])
    kind = str(item.get("type", "text"))
    wamid = world.new_wamid(digits or customer.user_id, incoming=True)
    text = _text(kind, item)
    record = InboundMessage(wamid, digits or customer.user_id, customer.user_id, number_id, kind, text, time.time())
    return item, world.numbers[number_id], customer, record


def _text(kind: str, item: Mapping[str, Any]) -> str:
    """What a person would call the message, for the log."""
    content = item.get(kind)
    if isinstance(content, str):
        return content
    for step in ("button_reply", "list_reply", "nfm_reply"):
        if isinstance(content, Mapping) and step in content:
            content = content[step]
    if not isinstance(content, Mapping):
        return ""
    return str(
        next((content[key] for key in ("body", "text", "title", "caption", "emoji", "name") if key in content), "")
    )


def _say(platform: Platform, group: Sequence[_Planned], together: bool) -> None:
    updates = [_update(platform, *planned) for planned in group]
    if together:
        platform.outbox.tell_together(updates)
    else:
        for update in updates:
            platform.outbox.tell(update)


def _update(
    platform: Platform, item: Mapping[str, Any], number: BusinessNumber, customer: Customer, record: InboundMessage
) -> Update:
    now = time.time()
    said_at = float(item.get("timestamp") or now)
    platform.world.heard_from(number.id, customer, said_at)
    platform.limits.take_throughput(number.id, now, incoming=True)
    customer.unanswered.append(record)
    body: dict[str, Any] = {} if customer.hides_phone else {"from": customer.wa_id}
    body |= {"from_user_id": customer.user_id, "id": record.wamid, "timestamp": str(int(said_at)), "type": record.type}
    content = item.get(record.type)
    if content is not None:
        body[record.type] = {"body": content} if isinstance(content, str) else content
    body |= {key: item[key] for key in _PASSED_ON if key in item}
    return Update(MESSAGES, body, number, customer.contact(show_phone=not customer.hides_phone), record)
