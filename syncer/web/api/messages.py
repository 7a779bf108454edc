"""Messages to one customer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field, model_validator

from config.values import ApiKey
from syncer import parts
from syncer.flows.messages_out import Draft
from syncer.web.api.contents import (
    Buttons,
    Cards,
    Form,
    LinkButton,
    Location,
    MediaFile,
    Menu,
    Question,
    Reaction,
    TemplateMessage,
    Text,
)
from syncer.web.api.shared import Body, IdempotencyKey, Joined, Number, NumberInPath, View, fields
from syncer.web.auth import needs
from syncer.web.problems import Problem, absent

router = APIRouter(prefix="/messages", tags=["messages"])
Caller = Annotated[ApiKey, Depends(needs("messages"))]


Given = Text | MediaFile | Location | Cards | Reaction | Buttons | Menu | LinkButton | Form | Question
_FREE_FORM = ("text", "media", "location", "contacts", "reaction", "buttons", "list", "link", "flow", "question")


class Recipient(Body):
    """Exactly one of the three. A phone may be written in any way; without a country code the default region counts.
    A `user_id` is the platform's business-scoped one, of people who hide their phone."""

    contact_id: Number | None = None
    phone: Annotated[str, Field(max_length=40, examples=["+886912345678"])] | None = None
    user_id: Annotated[str, Field(pattern=r"^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$")] | None = None

    @model_validator(mode="after")
    def _one(self) -> Recipient:
        if sum(name is not None for name in (self.contact_id, self.phone, self.user_id)) != 1:
            raise ValueError("name the recipient by contact_id, by phone or by user_id")
        return self


class Order(Body):
    """What to send to whom: exactly one kind of content. `reply_to` is the wamid of the message to quote; `fallback`
    the template that goes instead of free-form content when the customer service window has closed by then."""

    to: Recipient
    text: Text | None = None
    template: TemplateMessage | None = None
    media: MediaFile | None = None
    location: Location | None = None
    contacts: Cards | None = None
    reaction: Reaction | None = None
    buttons: Buttons | None = None
    list: Menu | None = None
    link: LinkButton | None = None
    flow: Form | None = None
    question: Question | None = None
    reply_to: Annotated[str, Field(max_length=256)] | None = None
    fallback: TemplateMessage | None = None

    @model_validator(mode="after")
    def _one(self) -> Order:
        given = [name for name in _FREE_FORM if getattr(self, name) is not None]
        if len(given) + (self.template is not None) != 1:
            raise ValueError(f"send exactly one of template, {', '.join(_FREE_FORM)}")
        if self.fallback is not None and self.template is not None:
            raise ValueError("a template needs no fallback")
        return self

    def draft(self) -> Draft:
        """As the flow takes it."""
        if self.template is not None:
            return self.template.draft()
        given: Given = next(found for name in _FREE_FORM if (found := getattr(self, name)) is not None)
        return given.content()


class Receipt(Body):
    """`wamid` of a customer's message; `typing` shows for up to 25 seconds that an answer is being written."""

    wamid: Annotated[str, Field(min_length=1, max_length=256)]
    typing: bool = False


class Planned(View):
    """Taken, and on its way; `state` is as in `Message`."""

    id: int
    state: str


class Message(View):
    """`state`: planned, sending, waiting, unknown, and at the end accepted, failed or skipped, with its reason.
    `status` is the platform's word once it was accepted: accepted, sent, delivered, read, played or failed. `kind` and
    `body` are those of the fallback once it has taken the message's place."""

    id: int
    state: str
    reason: str | None
    error_code: str | None
    contact_id: int
    kind: str
    body: str
    wamid: str | None
    planned_at: datetime
    accepted_at: datetime | None
    status: str | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    played_at: datetime | None = None
    failed_at: datetime | None = None


@router.post("", status_code=202, summary="Send a message")
def send(order: Order, caller: Caller, runtime: Joined, idempotency_key: IdempotencyKey) -> Planned:
    """The same `Idempotency-Key` returns the same message, however often it is asked for; with a different message it
    is refused. Consent and the customer service window are checked at the moment of sending."""
    to = order.to.contact_id or order.to.phone or order.to.user_id or ""
    planned = parts.messages_out(runtime).plan(
        f"api:{caller.name}:{idempotency_key}",
        to,
        order.draft(),
        reply_to=order.reply_to,
        fallback=order.fallback.draft() if order.fallback else None,
    )
    return Planned(id=planned.id, state=planned.state)


@router.post("/read", status_code=204, summary="Mark a customer's message as read", responses={404: {}})
def read(receipt: Receipt, caller: Caller, runtime: Joined) -> None:
    """The customer sees the blue ticks, under this and all earlier messages of the conversation. May be repeated."""
    try:
        parts.receipts(runtime).read(receipt.wamid, typing=receipt.typing)
    except LookupError:
        raise Problem(404, "there is no message of a customer with this wamid") from None


@router.get("/{id}", summary="How far a message has come", responses={404: {}})
def show(number: NumberInPath, caller: Caller, runtime: Joined) -> Message:
    """What was planned, and everything the platform has said of it."""
    found = parts.lookups(runtime).message(number)
    if found is None:
        raise absent("message", number)
    planned, record = found
    climbed = ("status", "sent_at", "delivered_at", "read_at", "played_at", "failed_at")
    ladder = {name: getattr(record, name) for name in climbed} if record is not None else {}
    return Message.model_validate(fields(planned) | ladder)
