"""Messages to one customer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field, model_validator

from config.values import ApiKey
from syncer.flows.messages_out import LONGEST_TEXT, TemplateDraft, TextDraft
from syncer.web import parts
from syncer.web.api.shared import Body, IdempotencyKey, Joined, Number, NumberInPath, View, fields
from syncer.web.auth import needs
from syncer.web.problems import absent

router = APIRouter(prefix="/messages", tags=["messages"])
Caller = Annotated[ApiKey, Depends(needs("messages"))]


class Recipient(Body):
    """Exactly one of the two. A phone may be written in any way; without a country code the default region counts."""

    contact_id: Number | None = None
    phone: Annotated[str, Field(max_length=40, examples=["+886912345678"])] | None = None

    @model_validator(mode="after")
    def _one(self) -> Recipient:
        if (self.contact_id is None) == (self.phone is None):
            raise ValueError("name the recipient by contact_id or by phone")
        return self


class Text(Body):
    """A free text; it leaves only inside the customer service window, and names the company at its end."""

    body: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class TemplateMessage(Body):
    """An approved template with one value for each of its placeholders."""

    name: Annotated[str, Field(max_length=512)]
    language: Annotated[str, Field(max_length=16, examples=["zh_TW"])]
    parameters: Annotated[list[Annotated[str, Field(max_length=1024)]], Field(max_length=50)] = []


class Order(Body):
    """What to send to whom; exactly one of `text` and `template`."""

    to: Recipient
    text: Text | None = None
    template: TemplateMessage | None = None

    @model_validator(mode="after")
    def _one(self) -> Order:
        if (self.text is None) == (self.template is None):
            raise ValueError("send either a text or a template")
        return self

    def draft(self) -> TextDraft | TemplateDraft:
        """As the flow takes it."""
        if self.text:
            return TextDraft(self.text.body)
        assert self.template is not None
        return TemplateDraft(self.template.name, self.template.language, tuple(self.template.parameters))


class Planned(View):
    """Taken, and on its way; `state` is as in `Message`."""

    id: int
    state: str


class Message(View):
    """`state`: planned, sending, waiting, unknown, and at the end accepted, failed or skipped, with its reason.
    `status` is the platform's word once it was accepted: accepted, sent, delivered, read or failed."""

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
    failed_at: datetime | None = None


@router.post("", status_code=202, summary="Send a message")
def send(order: Order, caller: Caller, runtime: Joined, idempotency_key: IdempotencyKey) -> Planned:
    """The same `Idempotency-Key` returns the same message, however often it is asked for; with a different message it
    is refused. Consent and the customer service window are checked at the moment of sending."""
    to = order.to.contact_id or order.to.phone or ""
    planned = parts.messages_out(runtime).plan(f"api:{caller.name}:{idempotency_key}", to, order.draft())
    return Planned(id=planned.id, state=planned.state)


@router.get("/{id}", summary="How far a message has come", responses={404: {}})
def show(number: NumberInPath, caller: Caller, runtime: Joined) -> Message:
    """What was planned, and everything the platform has said of it."""
    found = parts.lookups(runtime).message(number)
    if found is None:
        raise absent("message", number)
    planned, record = found
    climbed = ("status", "sent_at", "delivered_at", "read_at", "failed_at")
    ladder = {name: getattr(record, name) for name in climbed} if record is not None else {}
    return Message.model_validate(fields(planned) | ladder)
