"""A number that the WhatsApp Business App uses too: its chats, contacts and what an agent types there.

Source: onboarding of WhatsApp Business app users, and the webhook references `history`, `smb_app_state_sync` and
`smb_message_echoes`. Such a number has a fixed 20 messages per second. The app's contacts and its history can each be
asked for once, within 24 hours of the onboarding. What the app's chats open or cost is not shared with the API.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aiohttp import web

from syncer.simulators.whatsapp.answers import answer, graph_parameters
from syncer.simulators.whatsapp.business_number import AppLink, BusinessNumber
from syncer.simulators.whatsapp.errors import GraphError, required
from syncer.simulators.whatsapp.numbers import number_of
from syncer.simulators.whatsapp.payloads import HISTORY, MESSAGE_ECHOES, STATE_SYNC, Update

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

_CONTACTS, _HISTORY = "smb_app_state_sync", "history"
_DAY = 86_400.0
_PHASES = ((1 * _DAY, 0), (90 * _DAY, 1), (180 * _DAY, 2))
_DECLINED = {
    "code": 2593109,
    "title": "History sharing is turned off by the business from the WhatsApp Business App",
    "message": "History sharing is turned off by the business from the WhatsApp Business App",
    "error_data": {"details": "History sharing is turned off by the business from the WhatsApp Business App"},
}


async def start_sync(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{PHONE_ID}/smb_app_data`: raises 2593107 the second time, 2593108 24 hours after the onboarding."""
    number = number_of(platform, node, request.method)
    told = await graph_parameters(request)
    if told.get("messaging_product") != "whatsapp":
        raise required("messaging_product")
    kind = str(told.get("sync_type") or "")
    if kind not in (_CONTACTS, _HISTORY):
        raise GraphError(100, message=f"(#100) Param sync_type must be one of {{{_CONTACTS}, {_HISTORY}}}.")
    link = number.link
    if link is None:
        raise GraphError(100, "The phone number is not in use with the WhatsApp Business App.")
    if kind in link.synchronised:
        raise GraphError(2593107, "This synchronization was asked for already.")
    if time.time() - link.onboarded_at > platform.behaviour.account.sync_window:
        raise GraphError(2593108, "The synchronization must be asked for within 24 hours of the onboarding.")
    link.synchronised.add(kind)
    if kind == _CONTACTS:
        tell_contacts(platform, number, "add", link.contacts.items())
    else:
        _tell_history(platform, number, link)
    return answer({"messaging_product": "whatsapp", "request_id": secrets.token_hex(16)})


def onboard(platform: Platform, number: BusinessNumber, order: Mapping[str, Any]) -> dict[str, int]:
    """Connect the number to the app, with what the app knows; returns how many contacts, threads and messages.

    `contacts`: `phone`, `name`; `threads`: a list of `phone` and `messages` (`text` or `type` and content, `from_me`,
    `timestamp`, `status`), or how many to make up with `messages` each; `share_history` false: the business declines;
    `onboarded_ago`: seconds.
    """
    link = AppLink(time.time() - float(order.get("onboarded_ago") or 0), bool(order.get("share_history", True)))
    link.contacts = {_digits(one["phone"]): str(one.get("name") or "") for one in order.get("contacts") or ()}
    threads = order.get("threads") or ()
    if isinstance(threads, int):
        threads = _made_up(threads, int(order.get("messages") or 4))
    for thread in threads:
        phone = _digits(thread["phone"])
        link.threads[phone] = [_historic(platform, number, phone, message) for message in thread["messages"]]
    number.link, number.is_on_biz_app = link, True
    number.throughput = platform.behaviour.account.app_throughput
    messages = sum(len(thread) for thread in link.threads.values())
    return {"contacts": len(link.contacts), "threads": len(link.threads), "messages": messages}


def type_messages(platform: Platform, number: BusinessNumber, messages: Sequence[Mapping[str, Any]]) -> list[str]:
    """An agent typed these in the app: each is told by `smb_message_echoes`; returns their ids."""
    need_link(number)
    made = [_echo(platform, number, message) for message in messages]
    for body in made:
        platform.outbox.tell(Update(MESSAGE_ECHOES, body, number))
    return [body["id"] for body in made]


def change_contacts(
    platform: Platform, number: BusinessNumber, added: Sequence[Mapping[str, Any]], removed: Sequence[str]
) -> None:
    """An agent saved or deleted contacts in the app; told once the contacts were synchronised."""
    link = need_link(number)
    new = {_digits(one["phone"]): str(one.get("name") or "") for one in added}
    gone = {phone: link.contacts.pop(phone, "") for phone in map(_digits, removed)}
    link.contacts |= new
    if _CONTACTS in link.synchronised:
        tell_contacts(platform, number, "add", new.items())
        tell_contacts(platform, number, "remove", gone.items())


def need_link(number: BusinessNumber) -> AppLink:
    """What ties the number to the app; raises `ValueError` without."""
    if number.link is None:
        raise ValueError(f"{number.id} is not in use with the app: POST /_sim/app/onboard first")
    return number.link


def tell_contacts(platform: Platform, number: BusinessNumber, action: str, contacts: Iterable[tuple[str, str]]) -> None:
    """`smb_app_state_sync`, one element for each contact (phone, name); a removed one has only its number."""
    for phone, name in contacts:
        contact = {"phone_number": phone}
        if action == "add" and name:
            contact = {"full_name": name, "first_name": name.split()[0], **contact}
        metadata = {"timestamp": str(int(time.time()))}
        body = {"type": "contact", "contact": contact, "action": action, "metadata": metadata}
        platform.outbox.tell(Update(STATE_SYNC, body, number))


# --- history


def _tell_history(platform: Platform, number: BusinessNumber, link: AppLink) -> None:
    """The history in chunks, the newest phase first, each with its progress in percent; or that it is not shared."""
    if not link.share_history:
        platform.outbox.tell_together([Update(HISTORY, {"errors": [_DECLINED]}, number)])
        return
    rules = platform.behaviour.account
    chunks = list(_chunks(link, max(int(rules.history_chunk), 1), time.time())) or [(0, [])]
    for place, (phase, threads) in enumerate(chunks, 1):
        metadata = {"phase": phase, "chunk_order": place, "progress": 100 * place // len(chunks)}
        update = Update(HISTORY, {"metadata": metadata, "threads": threads}, number)
        platform.calendar.after(rules.history_gap * place, platform.outbox.tell_together, [update])


def _chunks(link: AppLink, size: int, now: float) -> Iterable[tuple[int, list[dict[str, Any]]]]:
    """(phase, threads) with at most `size` messages each; a long thread goes on in the next chunk."""
    for newest, oldest, phase in _spans(now):
        chunk: dict[str, list[dict[str, Any]]] = {}
        room = size
        for phone, messages in link.threads.items():
            for message in messages:
                if not oldest < float(message["timestamp"]) <= newest:
                    continue
                chunk.setdefault(phone, []).append(message)
                room -= 1
                if not room:
                    yield phase, _threads(chunk)
                    chunk, room = {}, size
        if chunk:
            yield phase, _threads(chunk)


def _spans(now: float) -> Iterable[tuple[float, float, int]]:
    newest = float("inf")
    for age, phase in _PHASES:
        yield newest, now - age, phase
        newest = now - age


def _threads(chunk: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [{"id": phone, "messages": messages} for phone, messages in chunk.items()]


def _made_up(threads: int, messages: int) -> list[dict[str, Any]]:
    """Conversations of the past days, the customer first."""
    now = time.time()
    return [
        {
            "phone": f"88691{person:07d}",
            "messages": [
                {"text": f"message {turn + 1}", "from_me": turn % 2, "timestamp": now - 3_600 * (person + turn + 1)}
                for turn in range(messages)
            ],
        }
        for person in range(threads)
    ]


def _historic(platform: Platform, number: BusinessNumber, phone: str, message: Mapping[str, Any]) -> dict[str, Any]:
    mine = bool(message.get("from_me"))
    body = {"from": number.wa_id, "to": phone} if mine else {"from": phone}
    status = str(message.get("status") or "READ")
    return {**body, **_content(platform, phone, message, incoming=not mine), "history_context": {"status": status}}


def _echo(platform: Platform, number: BusinessNumber, message: Mapping[str, Any]) -> dict[str, Any]:
    phone = _digits(message["to"])
    return {"from": number.wa_id, "to": phone, **_content(platform, phone, message, incoming=False)}


def _content(platform: Platform, phone: str, message: Mapping[str, Any], *, incoming: bool) -> dict[str, Any]:
    kind = str(message.get("type") or "text")
    content = message.get(kind)
    wamid = str(message.get("id") or platform.world.new_wamid(phone, incoming=incoming))
    stamp = str(int(float(message.get("timestamp") or time.time())))
    content = {"body": content} if isinstance(content, str) else content
    return {"id": wamid, "timestamp": stamp, "type": kind} | ({kind: content} if content is not None else {})


def _digits(phone: Any) -> str:
    return str(phone).strip().lstrip("+")
