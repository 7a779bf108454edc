"""Customers speak: their messages, when they say them, and how they travel to the webhook."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syncer.simulators.whatsapp.incoming_kinds import (
    AD_CLICK,
    MEDIA,
    PRODUCT,
    compose,
    errors_of,
    webhook_type,
)
from syncer.simulators.whatsapp.payloads import MESSAGES, Update
from syncer.simulators.whatsapp.state import BusinessNumber, Customer, InboundMessage

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

_MOST_UNREAD = 200


@dataclass(slots=True)
class Planned:
    """A message that will be said: what was asked for, by whom, to which number, and its content."""

    item: Mapping[str, Any]
    number: BusinessNumber
    customer: Customer
    record: InboundMessage
    content: Any


def play(platform: Platform, order: Mapping[str, Any]) -> list[str]:
    """Play `messages` and return their wamids, in order, before anything is delivered.

    Each message: `from` (phone) or `user_id`, `name`, `type` (default text; also the names of
    `incoming_kinds.SHORT_NAMES`), the content under the type's own key (for text also a plain string; left out, a
    realistic one is made, with a small file for media), optionally `context`, `reply_to` (wamid), `forwarded` and
    `frequently_forwarded` (true), `product` and `referral` (true or the object), `errors`, `phone_number_id`,
    `timestamp` (unix seconds the payload shows and the window counts from; default: the moment it is said) and `at`
    (seconds from now). For the whole: `rate` per second, with `spread` seconds of random lateness each, and `batch`
    messages in one delivery of their own (left out, the usual batching window decides). Raises `ValueError` before
    anything is played.
    """
    messages = order.get("messages")
    if not isinstance(messages, Sequence) or not all(isinstance(item, Mapping) for item in messages):
        raise ValueError("'messages' is a list of objects")
    planned = [_plan(platform, item, order) for item in messages]
    rate, spread = float(order.get("rate") or 0.0), float(order.get("spread") or 0.0)
    together = int(order.get("batch") or 0)
    for start in range(0, len(planned), together or 1):
        group = planned[start : start + (together or 1)]
        delay = max(float(each.item.get("at") or 0.0) for each in group)
        delay += start / rate if rate else 0.0
        delay += platform.rng.uniform(0.0, spread) if spread else 0.0
        for each in group:
            each.record.planned_at += delay
        platform.schedule.after(delay, _say, platform, group, bool(together))
    for each in planned:
        platform.journal.spoken(each.record)
    return [each.record.wamid for each in planned]


def _plan(platform: Platform, item: Mapping[str, Any], order: Mapping[str, Any]) -> Planned:
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
    kind, number = webhook_type(str(item.get("type", "text"))), world.numbers[number_id]
    content = compose(platform, item, customer, number)
    wamid = world.new_wamid(digits or customer.user_id, incoming=True)
    record = InboundMessage(
        wamid, digits or customer.user_id, customer.user_id, number_id, kind, _text(content), time.time()
    )
    customer.last_said = wamid
    return Planned(item, number, customer, record, content)


def _text(content: Any) -> str:
    """What a person would call the message, for the log."""
    for step in ("button_reply", "list_reply", "nfm_reply"):
        if isinstance(content, Mapping) and step in content:
            content = content[step]
    if not isinstance(content, Mapping):
        return ""
    return str(
        next((content[key] for key in ("body", "text", "title", "caption", "emoji", "name") if key in content), "")
    )


def _say(platform: Platform, group: Sequence[Planned], together: bool) -> None:
    updates = [_update(platform, planned) for planned in group]
    if together:
        platform.outbox.tell_together(updates)
    else:
        for update in updates:
            platform.outbox.tell(update)


def _update(platform: Platform, planned: Planned) -> Update:
    item, number, customer, record = planned.item, planned.number, planned.customer, planned.record
    now = time.time()
    said_at = record.timestamp = float(item.get("timestamp") or now)
    platform.world.heard_from(number.id, customer, said_at, from_ad=bool(item.get("referral")))
    platform.limits.take_throughput(number, now, incoming=True)
    _note_waiting(customer, record)
    shown = platform.world.shows_phone(number.id, customer, now)
    body: dict[str, Any] = {"from": customer.wa_id} if shown else {}
    body |= {"from_user_id": customer.user_id, "id": record.wamid, "timestamp": str(int(said_at)), "type": record.type}
    if customer.parent_user_id is not None:
        body["from_parent_user_id"] = customer.parent_user_id
    content = _final_content(platform, planned)
    if content is not None:
        body[record.type] = content
    body |= _surroundings(platform, item, number)
    contact = customer.contact(show_phone=shown) if record.type != "system" else None
    return Update(MESSAGES, body, number, contact, record)


def _note_waiting(customer: Customer, record: InboundMessage) -> None:
    customer.unanswered.append(record)
    if customer.unread is None:
        customer.unread = []
    customer.unread.append(record)
    if len(customer.unread) > _MOST_UNREAD:
        del customer.unread[: _MOST_UNREAD // 2]


def _final_content(platform: Platform, planned: Planned) -> Any:
    """The content as it is told now: with an address that begins to age, or after the change that it speaks of."""
    content = planned.content
    if planned.record.type == "system":
        return _change(platform, planned.customer, content)
    if planned.record.type in MEDIA and (medium := platform.media.find(str(content.get("id")))) is not None:
        return {**content, "url": platform.media.address(medium)}
    return content


def _change(platform: Platform, customer: Customer, wanted: dict[str, Any]) -> dict[str, Any]:
    """Carry out a change of number or user id and tell it (system messages page)."""
    told = dict(wanted)
    if wanted["type"] == "user_changed_number":
        old = customer.wa_id
        new = str(wanted.get("wa_id") or _next_number(platform, old)).lstrip("+")
        previous = platform.world.move(customer, new, wanted.get("user_id"))
        told |= {"body": wanted.get("body", f"User {customer.name} changed from {old} to {new}"), "wa_id": new}
    elif wanted["type"] == "user_changed_user_id":
        previous = platform.world.rename(customer, wanted.get("user_id"))
    else:
        return told
    return told | {"user_id": customer.user_id, "previous_user_id": previous}


def _next_number(platform: Platform, old: str) -> str:
    """The first free number that ends on other digits."""
    stem = old[:-4] or "8869870"
    return next(new for tail in range(10_000) if (new := f"{stem}{tail:04d}") not in platform.world.customers)


def _surroundings(platform: Platform, item: Mapping[str, Any], number: BusinessNumber) -> dict[str, Any]:
    """`context`, `referral` and `errors`, as given or made."""
    found: dict[str, Any] = {}
    context = dict(item.get("context") or {})
    if item.get("reply_to"):
        context |= _quoted(platform, str(item["reply_to"]), number)
    context |= {name: True for name in ("forwarded", "frequently_forwarded") if item.get(name)}
    if item.get("product"):
        context["referred_product"] = PRODUCT if item["product"] is True else item["product"]
    if context:
        found["context"] = context
    if item.get("referral"):
        found["referral"] = AD_CLICK if item["referral"] is True else item["referral"]
    errors = errors_of(item)
    return found | ({"errors": errors} if errors is not None else {})


def _quoted(platform: Platform, wamid: str, number: BusinessNumber) -> dict[str, str]:
    """The quoted message and who wrote it: the business, unless it is a customer's."""
    theirs = platform.journal.inbound_by_wamid(wamid)
    if theirs is None:
        return {"from": number.wa_id, "id": wamid}
    author = {"from": theirs.sender} if theirs.sender.isdigit() else {"from_user_id": theirs.user_id}
    return {**author, "id": wamid}
