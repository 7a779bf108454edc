"""Items of kind `status:<status>`: how far a message of ours has come.

Source: page webhooks/reference/messages/status. `conversation` is not read: it is gone since v24 and its id was never
one of a conversation before.
"""

from __future__ import annotations

from typing import Any

from syncer.domain.notice import Unrecognised
from syncer.domain.status import Pricing, Status, StatusUpdate
from syncer.domain.text import storable
from syncer.whatsapp.errors import consequence
from syncer.whatsapp.people import RECIPIENT, bounded, person
from syncer.whatsapp.readable import explanation
from syncer.whatsapp.shapes import first, mapping, text
from syncer.whatsapp.told import Told

STATUSES = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.READ,
    "played": Status.PLAYED,
    "failed": Status.FAILED,
}


def read(told: Told) -> StatusUpdate | Unrecognised:
    """A status of any message, ours by `biz_opaque_callback_data` or not; a word we do not know moves nothing."""
    status = STATUSES.get(text(told.body.get("status")))
    if status is None:
        return Unrecognised(f"an unknown status in {told.item.kind}")
    error = first(told.body.get("errors"))
    code = storable(text(error.get("code")))[:32]
    return StatusUpdate(
        phone_number_id=told.item.phone_number_id,
        wamid=told.item.item_id,
        status=status,
        at=told.item.occurred_at,
        callback_data=storable(text(told.body.get("biz_opaque_callback_data"))) or None,
        error_code=code or None,
        error_detail=bounded(explanation(error)) or None,
        consequence=consequence(code) if status is Status.FAILED else None,
        pricing=_pricing(told.body.get("pricing")),
        recipient=person(told.body, told.contact, RECIPIENT),
    )


def _pricing(value: Any) -> Pricing | None:
    """What is charged; comes with `sent` and with one of `delivered` and `read`."""
    told = mapping(value)
    category, kind, model = (bounded(text(told.get(key))) for key in ("category", "type", "pricing_model"))
    billable = told.get("billable")
    if not category and not kind:
        return None
    return Pricing(category, kind, model, billable if isinstance(billable, bool) else None)
