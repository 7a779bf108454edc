"""Campaigns: one template to many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from pydantic import Field

from config.values import ApiKey
from syncer import parts
from syncer.domain.campaign import Recipient
from syncer.domain.text import storable
from syncer.web.api.contents import Button, Medium, Parameter, Short, TemplateMessage
from syncer.web.api.shared import Body, Joined, Number, NumberInPath, View
from syncer.web.auth import needs
from syncer.web.problems import Problem, absent

router = APIRouter(prefix="/campaigns", tags=["campaigns"])
Caller = Annotated[ApiKey, Depends(needs("campaigns"))]


class Person(Body):
    """Who gets it, with that person's values: for the body's variables in order or by name, for the header, and for the
    buttons."""

    contact_id: Number
    parameters: Annotated[list[Parameter], Field(max_length=50)] | dict[Short, Parameter] = []
    header: Parameter | Medium | None = None
    buttons: Annotated[list[Button], Field(max_length=10)] = []

    def recipient(self) -> Recipient:
        """As the flow takes it."""
        given = TemplateMessage(name="", language="", **{name: getattr(self, name) for name in _VALUES}).draft()
        values = given.parameters
        plain = (
            {name: storable(value) for name, value in values.items()}
            if isinstance(values, Mapping)
            else tuple(storable(value) for value in values)
        )
        return Recipient(self.contact_id, plain, given.header, given.buttons)


_VALUES = ("parameters", "header", "buttons")


class Plan(Body):
    """A campaign; a contact named twice gets one message."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    template: Annotated[str, Field(max_length=512)]
    language: Annotated[str, Field(max_length=16, examples=["zh_TW"])]
    recipients: Annotated[list[Person], Field(min_length=1, max_length=100_000)]


class Campaign(View):
    """`state` is running, paused, held (its template may not be sent now, see `held_reason`) or done. `language` is the
    one that goes, `asked_language` the one that was asked for where it is another. `sends` counts messages by send
    state, `statuses` those the platform has taken by their status."""

    id: int
    name: str
    template: str
    language: str
    asked_language: str | None = None
    state: str
    held_reason: str | None = None
    sends: dict[str, int]
    statuses: dict[str, int]


class Retried(View):
    """Recipients: `planned` once more, failed for good (`never`), to be asked for again `later`, since the platform
    wants time to pass, and of `unknown` outcome, which evidence or a person settles."""

    planned: int
    never: int
    later: int
    unknown: int
    campaign: Campaign


@router.post("", status_code=202, summary="Plan a campaign")
def plan(
    wanted: Plan,
    caller: Caller,
    runtime: Joined,
    idempotency_key: Annotated[str | None, Header(alias="Idempotency-Key", max_length=255)] = None,
) -> Campaign:
    """Frozen as a whole and sent in batches. Nothing is planned if any recipient is unknown or lacks a parameter. The
    same `Idempotency-Key` plans nothing new; without one, every request is a campaign of its own."""
    strangers = parts.lookups(runtime).unknown_contacts({person.contact_id for person in wanted.recipients})
    if strangers:
        raise Problem(422, f"there are no contacts {', '.join(map(str, strangers[:10]))}")
    people = [person.recipient() for person in wanted.recipients]
    key = f"api:{caller.name}:{storable(idempotency_key)}" if idempotency_key else None
    number = runtime.campaigns.plan(storable(wanted.name), wanted.template, wanted.language, people, key=key)
    return _progress(runtime, number)


@router.get("/{id}", summary="How far a campaign has come", responses={404: {}})
def show(number: NumberInPath, caller: Caller, runtime: Joined) -> Campaign:
    """Its messages by state and status."""
    return _progress(runtime, number)


@router.post("/{id}/pause", summary="Pause a campaign", responses={404: {}, 409: {}})
def pause(number: NumberInPath, caller: Caller, runtime: Joined) -> Campaign:
    """Nothing more leaves after the few messages that are leaving now. Pausing a paused campaign changes nothing."""
    return _in_state(runtime, number, "paused", moved=runtime.campaigns.pause(number))


@router.post("/{id}/resume", summary="Resume a campaign", responses={404: {}, 409: {}})
def resume(number: NumberInPath, caller: Caller, runtime: Joined) -> Campaign:
    """It goes on where it was paused. Resuming a running campaign changes nothing."""
    return _in_state(runtime, number, "running", moved=runtime.campaigns.resume(number))


@router.post("/{id}/retry-failed", status_code=202, summary="Try failed recipients once more", responses={404: {}})
def retry_failed(number: NumberInPath, caller: Caller, runtime: Joined) -> Retried:
    """Those whom the campaign's message did not reach for a reason that a second try may heal; not those who are not on
    WhatsApp or want no message, and not sends of unknown outcome. Asking again plans nobody twice."""
    try:
        found = parts.second_tries(runtime).retry_failed(number)
    except LookupError:
        raise absent("campaign", number) from None
    return Retried.model_validate({**asdict(found), "campaign": _progress(runtime, number)})


def _in_state(runtime: Joined, number: int, wanted: str, *, moved: bool) -> Campaign:
    campaign = _progress(runtime, number)
    if not moved and campaign.state != wanted:
        raise Problem(409, f"campaign {number} is {campaign.state}")
    return campaign


def _progress(runtime: Joined, number: int) -> Campaign:
    found = runtime.campaigns.progress(number)
    if found is None:
        raise absent("campaign", number)
    return Campaign.model_validate(found)
