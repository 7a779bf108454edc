"""The status ladder of an outgoing message: it only climbs (law 7, X2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from syncer.domain.message import Sender


class Status(StrEnum):
    """What the platform says of a message we sent (webhook `statuses[].status`)."""

    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"  #: a voice note was listened to
    FAILED = "failed"


#: `failed` stands beside the ladder: it counts only while nothing higher than `sent` is known.
_RANK = {Status.ACCEPTED: 0, Status.SENT: 1, Status.FAILED: 2, Status.DELIVERED: 3, Status.READ: 4, Status.PLAYED: 5}


class Consequence(StrEnum):
    """What a failure says about the person rather than about the message."""

    UNREACHABLE = "unreachable"  #: the number is not on WhatsApp (131026)
    OUT_OF_WINDOW = "out_of_window"  #: the customer service window was closed when it arrived there (131047)
    OPTED_OUT = "opted_out"  #: they told the platform that they want no marketing (131050)


@dataclass(frozen=True, slots=True)
class Pricing:
    """What the platform charges for a delivered message. `category` marketing, utility, authentication, service ...;
    `type` regular, free_customer_service or free_entry_point; `billable` is being retired and may be unknown."""

    category: str
    type: str = ""
    model: str = ""
    billable: bool | None = None


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """One status notice. `callback_data` is our own `biz_opaque_callback_data`, echoed by the platform; `recipient`
    whom it names, who may be known to us by one of phone and user id only."""

    phone_number_id: str
    wamid: str
    status: Status
    at: datetime
    callback_data: str | None = None
    error_code: str | None = None
    error_detail: str | None = None
    consequence: Consequence | None = None
    pricing: Pricing | None = None
    recipient: Sender | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """How far a message has climbed, with the provider's time of each step."""

    status: Status = Status.ACCEPTED
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    played_at: datetime | None = None
    failed_at: datetime | None = None
    error_code: str | None = None
    error_detail: str | None = None

    def climb(self, update: StatusUpdate) -> Ladder:
        """The ladder after `update`. Late and repeated notices fill in their time but never lower the status."""
        stamped = self._stamp(update)
        if _RANK[update.status] <= _RANK[self.status]:
            return stamped
        if update.status is Status.FAILED:
            return replace(
                stamped, status=update.status, error_code=update.error_code, error_detail=update.error_detail
            )
        return replace(stamped, status=update.status, error_code=None, error_detail=None)

    def _stamp(self, update: StatusUpdate) -> Ladder:
        at = update.at
        match update.status:
            case Status.SENT:
                return replace(self, sent_at=_earliest(self.sent_at, at))
            case Status.DELIVERED:
                return replace(self, delivered_at=_earliest(self.delivered_at, at))
            case Status.READ:
                return replace(self, read_at=_earliest(self.read_at, at))
            case Status.PLAYED:
                return replace(self, played_at=_earliest(self.played_at, at))
            case Status.FAILED:
                return replace(self, failed_at=_earliest(self.failed_at, at))
            case _:
                return self


def _earliest(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else min(known, at)
