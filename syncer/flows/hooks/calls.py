"""Parcels: claimed deliveries as the requests that they leave in."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Row

from syncer.domain.hook import HookCall, HookEvent
from syncer.policies.lanes import in_groups


@dataclass(frozen=True, slots=True)
class Parcel:
    """One request, and the deliveries in it."""

    rows: Sequence[Row[Any]]
    call: HookCall


def parcels(
    subscription: Row[Any], secret: str, rows: Sequence[Row[Any]], batch_size: int
) -> list[tuple[Hashable, Parcel]]:
    """(line, request) for claimed deliveries: one each, whose line is its person; or arrays of up to `batch_size`, in
    one line, since each array holds many people's."""
    if subscription.batch:
        groups = in_groups(rows, batch_size)
        return [(None, Parcel(group, _call(subscription, secret, group, _array(group)))) for group in groups]
    return [(row.contact_id, Parcel([row], _call(subscription, secret, [row], row.payload))) for row in rows]


def _array(rows: Sequence[Row[Any]]) -> str:
    return f"[{','.join(row.payload for row in rows)}]"


def _call(subscription: Row[Any], secret: str, rows: Sequence[Row[Any]], body: str) -> HookCall:
    return HookCall(
        target_url=subscription.target_url,
        event=HookEvent(subscription.event),
        delivery=name([row.id for row in rows]),
        body=body.encode(),
        secret=secret,
    )


def name(ids: Sequence[int]) -> str:
    """What a request is called, the same whenever it holds the same deliveries."""
    if len(ids) == 1:
        return str(ids[0])
    return f"{ids[0]}-{sha256(','.join(map(str, ids)).encode()).hexdigest()[:16]}"
