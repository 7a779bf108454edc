"""Hooks: programs outside subscribe to what happens, as Zapier, Make and n8n do (REST hooks)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AliasChoices, Field

from config.values import ApiKey
from syncer import parts
from syncer.domain.hook import HookEvent
from syncer.web.api.shared import Body, Joined, NumberInPath, View, fields
from syncer.web.auth import needs
from syncer.web.problems import absent

router = APIRouter(prefix="/hooks", tags=["hooks"])
Caller = Annotated[ApiKey, Depends(needs("hooks"))]


class Wish(Body):
    """What to hear of, and where: an https address of the open internet. With `batch` several events come in one
    request, as an array; Zapier takes one object at a time."""

    event: HookEvent
    target_url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2048,
            validation_alias=AliasChoices("target_url", "targetUrl"),
            examples=["https://hooks.zapier.com/hooks/standard/1/abc/"],
        ),
    ]
    batch: bool = False


class Subscribed(View):
    """`secret` signs every delivery (docs/hooks.md); it is told once, when the subscription is made."""

    id: int
    event: HookEvent
    target_url: str
    secret: str | None = None


class Subscription(View):
    """`state`: active, or resting after many failures in a row, until it is subscribed again. `waiting` counts the
    deliveries that are still to come, `failures` those in a row that were not taken."""

    id: int
    event: HookEvent
    target_url: str
    batch: bool
    state: str
    reason: str | None
    failures: int
    paused_until: datetime | None
    waiting: int
    created_at: datetime
    last_delivered_at: datetime | None


class Delivery(View):
    """One event on its way: pending, claimed, waiting (for its next try), and at the end done, ignored or dead.
    `answered` is the target's last HTTP status; null when nothing came back."""

    id: int
    event: HookEvent
    event_id: str
    state: str
    attempts: int
    answered: int | None
    answered_at: datetime | None
    reason: str | None
    created_at: datetime
    settled_at: datetime | None


class Tested(View):
    """What the target said to a sample; `error` null means that it took it."""

    delivered: bool
    status: int | None
    seconds: float
    error: str | None


@router.post("", status_code=201, summary="Subscribe", responses={200: {"model": Subscribed}})
def subscribe(wish: Wish, answer: Response, caller: Caller, runtime: Joined) -> Subscribed:
    """The same wish again finds the subscription that is there (200), and wakes it if it rested."""
    made = parts.hook_subscriptions(runtime).subscribe(caller.name, wish.event, wish.target_url, batch=wish.batch)
    answer.status_code = 200 if made.secret is None else 201
    return Subscribed(id=made.id, event=wish.event, target_url=wish.target_url, secret=made.secret)


@router.get("", summary="What this key has subscribed to")
def listing(caller: Caller, runtime: Joined) -> list[Subscription]:
    """The oldest first; what has ended is left out."""
    return [Subscription.model_validate(row) for row in parts.hook_subscriptions(runtime).listing(caller.name)]


@router.get("/samples/{event}", summary="What an event looks like")
def samples(
    event: HookEvent, caller: Caller, runtime: Joined, limit: Annotated[int, Query(ge=1, le=100)] = 3
) -> list[dict[str, Any]]:
    """The newest that have happened, the newest first; where none has, one that is made up."""
    return parts.hook_subscriptions(runtime).samples(event, limit)


@router.delete("/{id}", status_code=204, summary="Unsubscribe")
def unsubscribe(number: NumberInPath, caller: Caller, runtime: Joined) -> None:
    """Nothing more is delivered, not even what waits. May be repeated; what is not there is no error."""
    parts.hook_subscriptions(runtime).unsubscribe(caller.name, number)


@router.post("/{id}/test", summary="Deliver a sample now", responses={404: {}})
def test(number: NumberInPath, caller: Caller, runtime: Joined) -> Tested:
    """Once, signed as every delivery is; it changes nothing about the subscription."""
    answer = parts.hook_subscriptions(runtime).test(caller.name, number)
    if answer is None:
        raise absent("subscription", number)
    error = str(answer.error) if answer.error else None
    return Tested(delivered=error is None, status=answer.status, seconds=round(answer.seconds, 3), error=error)


@router.get("/{id}/deliveries", summary="What happened lately", responses={404: {}})
def deliveries(
    number: NumberInPath, caller: Caller, runtime: Joined, limit: Annotated[int, Query(ge=1, le=1000)] = 50
) -> list[Delivery]:
    """The newest first, without what was in them."""
    rows = parts.hook_subscriptions(runtime).deliveries(caller.name, number, limit)
    if rows is None:
        raise absent("subscription", number)
    return [Delivery.model_validate(fields(row)) for row in rows]
