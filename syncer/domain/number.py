"""Business numbers as the platform sees them (R11, R12)."""

from __future__ import annotations

from dataclasses import dataclass

#: Unique people per 24 hours outside customer service windows, by the platform's name of the tier; None is no limit.
#: The 50 and 1K tiers are gone and still stand in old data (messaging-limits page).
TIERS: dict[str, int | None] = {
    "TIER_50": 50,
    "TIER_250": 250,
    "TIER_1K": 1_000,
    "TIER_2K": 2_000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
    "TIER_UNLIMITED": None,
}
#: Messages per second in and out together, by throughput level (throughput page).
THROUGHPUT = {"STANDARD": 80, "HIGH": 1000}


@dataclass(frozen=True, slots=True)
class NumberState:
    """A business number; a field the platform did not name is an empty text.

    `status` CONNECTED, PENDING, RESTRICTED, FLAGGED, BANNED ...; `quality` GREEN, YELLOW, RED or UNKNOWN; `throughput`
    STANDARD or HIGH; `messaging_limit` one of `TIERS`; `can_send` the platform's own health verdict AVAILABLE, LIMITED
    or BLOCKED.
    """

    id: str
    display_phone_number: str = ""
    verified_name: str = ""
    status: str = ""
    quality: str = "UNKNOWN"
    name_status: str = ""
    code_verification_status: str = ""
    throughput: str = ""
    messaging_limit: str = ""
    can_send: str = ""
    on_business_app: bool = False
