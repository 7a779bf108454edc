"""The webhooks about the account and its numbers: fields, values, and a documented example of every other field.

Source: the webhook reference of each field. Their `value` has no `metadata`; the entry carries `time`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncer.simulators.whatsapp.business_number import BusinessNumber
from syncer.simulators.whatsapp.payloads import Update

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

QUALITY, NAME, CAPABILITY = "phone_number_quality_update", "phone_number_name_update", "business_capability_update"
ACCOUNT, USERNAME = "account_update", "business_username_update"
TIERS = {250: "TIER_250", 2_000: "TIER_2K", 10_000: "TIER_10K", 100_000: "TIER_100K"}
_DAY = 86_400
_CAPPED = 250


def tier(limit: int) -> str:
    """The name of a messaging limit in customers per 24 h; 0 is unlimited."""
    return TIERS.get(limit, "TIER_UNLIMITED")


def quality_event(number: BusinessNumber, event: str, limit: int, old_limit: int | None = None) -> Update:
    """`phone_number_quality_update`: ONBOARDING and THROUGHPUT_UPGRADE, formerly UPGRADE, DOWNGRADE, FLAGGED and
    UNFLAGGED; `old_limit` where the limit changed."""
    body: dict[str, Any] = {"display_phone_number": number.display_phone_number, "event": event}
    if old_limit is not None:
        body["old_limit"] = tier(old_limit)
    body |= {"current_limit": tier(limit), "max_daily_conversations_per_business": limit or -1}
    return Update(QUALITY, body)


def name_event(number: BusinessNumber, name: str, decision: str, reason: str | None) -> Update:
    """`phone_number_name_update`: what became of a display name."""
    body = {
        "display_phone_number": number.display_phone_number,
        "decision": decision,
        "requested_verified_name": name,
        "rejection_reason": reason,
    }
    return Update(NAME, body)


def capability_event(platform: Platform) -> Update:
    """`business_capability_update`: how many customers a day, and how many numbers, the portfolio may have."""
    rules = platform.behaviour.account
    numbers = rules.numbers_verified if rules.verified else rules.numbers_unverified
    body = {
        "max_daily_conversations_per_business": platform.behaviour.limits.messaging_limit or -1,
        "max_phone_numbers_per_business": numbers,
        "max_phone_numbers_per_waba": numbers,
    }
    return Update(CAPABILITY, body)


def username_event(number: BusinessNumber, status: str) -> Update:
    """`business_username_update`: approved, reserved or deleted."""
    body = {"display_phone_number": number.display_phone_number, "username": number.username, "status": status}
    return Update(USERNAME, body)


def account_event(event: str, value: Mapping[str, Any], number: BusinessNumber | None = None) -> Update:
    """`account_update` with the documented parts of this event, `value` merged in; `number` where it is about one."""
    now = int(time.time())
    body: dict[str, Any] = {"event": event}
    if number is not None:
        body["phone_number"] = number.display_phone_number
    match event:
        case "DISABLED_UPDATE":
            body["ban_info"] = {"waba_ban_state": "DISABLE", "waba_ban_date": time.strftime("%B %d, %Y")}
        case "ACCOUNT_RESTRICTION":
            restriction = {"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": now + _DAY}
            body["restriction_info"] = [restriction]
        case "ACCOUNT_VIOLATION":
            body["violation_info"] = {"violation_type": "SPAM"}
    return Update(ACCOUNT, {**body, **value})


def changes(
    platform: Platform, before: Mapping[str, Any], number: BusinessNumber, *, old_events: bool = False
) -> list[Update]:
    """What the platform tells of a number that was changed from `before`.

    The quality rating alone has no webhook of its own any more; with `old_events` it is told as FLAGGED and UNFLAGGED.
    """
    limit, told = platform.behaviour.limits.messaging_limit, []
    if before["status"] != number.status:
        told.append(_status_event(number, before["status"], limit))
    if before["quality_rating"] != number.quality_rating and old_events:
        flagged = number.quality_rating == "RED"
        told.append(quality_event(number, "FLAGGED" if flagged else "UNFLAGGED", limit))
    if (before["throughput"], before["throughput_level"]) != (number.throughput, number.throughput_level):
        told.append(quality_event(number, "THROUGHPUT_UPGRADE", limit))
    if before["verified_name"] != number.verified_name:
        told.append(name_event(number, number.verified_name, "APPROVED", None))
    return told


def _status_event(number: BusinessNumber, before: str, limit: int) -> Update:
    match number.status:
        case "FLAGGED":
            return quality_event(number, "FLAGGED", limit)
        case "CONNECTED" if before == "FLAGGED":
            return quality_event(number, "UNFLAGGED", limit)
        case "CONNECTED" if before in ("PENDING", "DISCONNECTED"):
            return quality_event(number, "ONBOARDING", limit)
        case "CONNECTED":
            return account_event("DISABLED_UPDATE", {"ban_info": {"waba_ban_state": "REINSTATE"}}, number)
        case "RESTRICTED":
            return account_event("ACCOUNT_RESTRICTION", {}, number)
        case "BANNED":
            return account_event("DISABLED_UPDATE", {}, number)
    return account_event("PHONE_NUMBER_REMOVED", {}, number)


def example(platform: Platform, field: str, number: BusinessNumber) -> dict[str, Any]:
    """A documented value of a field, {} for one that nobody documented."""
    limit, display = platform.behaviour.limits.messaging_limit, number.display_phone_number
    made = {
        QUALITY: lambda: quality_event(number, "ONBOARDING", limit),
        NAME: lambda: name_event(number, number.verified_name, "APPROVED", None),
        CAPABILITY: lambda: capability_event(platform),
        ACCOUNT: lambda: account_event("ACCOUNT_VIOLATION", {}),
        USERNAME: lambda: username_event(number, "approved"),
    }
    if field in made:
        return made[field]().body
    return {name: number.id if value == "{id}" else value for name, value in _EXAMPLES.get(field, {}).items()} | (
        {"display_phone_number": display} if field == "security" else {}
    )


_EXAMPLES: dict[str, dict[str, Any]] = {
    "account_alerts": {
        "entity_type": "PHONE_NUMBER",
        "entity_id": "{id}",
        "alert_info": {
            "alert_severity": "WARNING",
            "alert_status": "ACTIVE",
            "alert_type": "INCREASED_CAPABILITIES_ELIGIBILITY_NEED_MORE_INFO",
            "alert_description": "Additional verification is required before the messaging limit can be increased.",
        },
    },
    "account_review_update": {"decision": "APPROVED"},
    "security": {"event": "PIN_CHANGED", "requester": "61555822107539"},
    "flows": {
        "event": "FLOW_STATUS_CHANGE",
        "message": "Flow Webhook 1 changed status from DRAFT to PUBLISHED",
        "flow_id": "6627390910605886",
        "old_status": "DRAFT",
        "new_status": "PUBLISHED",
    },
    "payment_configuration_update": {
        "configuration_name": "shop",
        "provider_name": "razorpay",
        "status": "Active",
        "created_timestamp": 1748827100,
        "updated_timestamp": 1748827200,
    },
    "partner_solutions": {"event": "SOLUTION_CREATED", "solution_id": "774485461512", "solution_status": "INITIATED"},
}
