"""A business phone number as the Graph API knows it: state, verification, pin, display name, profile, app link."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class VerificationCode:
    """A code that was texted or spoken to a number. Times are unix seconds."""

    phone_number_id: str
    method: str
    language: str
    code: str
    sent_at: float
    expires_at: float
    wrong: int = 0


@dataclass(slots=True)
class AppLink:
    """What ties a number to the WhatsApp Business App (coexistence): since when, what was synchronised already, what
    the app knows."""

    onboarded_at: float
    share_history: bool = True
    synchronised: set[str] = field(default_factory=set)
    contacts: dict[str, str] = field(default_factory=dict)
    threads: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass(slots=True)
class BusinessNumber:
    """A number that the business sends from. Only a CONNECTED or FLAGGED one can.

    `throughput` is messages per second of this number alone, None for the setting `limits.throughput`;
    `throughput_level` the level that is told, None to follow it. `pin` None: two-step verification is off. `held_until`
    is the unix second until which a deleted username is kept for it.
    """

    id: str
    display_phone_number: str
    verified_name: str
    status: str = "CONNECTED"
    quality_rating: str = "GREEN"
    code_verification_status: str = "VERIFIED"
    name_status: str = "APPROVED"
    new_name_status: str = "NONE"
    new_display_name: str | None = None
    platform_type: str = "CLOUD_API"
    account_mode: str = "LIVE"
    is_official_business_account: bool = False
    is_on_biz_app: bool = False
    throughput: float | None = None
    throughput_level: str | None = None
    pin: str | None = None
    username: str | None = None
    username_status: str | None = None
    override_callback_uri: str | None = None
    profile: dict[str, Any] = field(default_factory=dict)
    code: VerificationCode | None = None
    link: AppLink | None = None
    registered_at: list[float] = field(default_factory=list)
    wrong_pins: int = 0

    @property
    def wa_id(self) -> str:
        """The digits of the number."""
        return re.sub(r"\D", "", self.display_phone_number)

    def shown(self) -> dict[str, Any]:
        """The number as the control API shows it, the pin included."""
        row = asdict(self)
        for name in ("code", "link"):
            row.pop(name)
        return row


#: What `POST /_sim/numbers` may set, beside `id`.
SETTABLE = (
    "status",
    "quality_rating",
    "verified_name",
    "code_verification_status",
    "name_status",
    "new_name_status",
    "new_display_name",
    "platform_type",
    "account_mode",
    "is_official_business_account",
    "is_on_biz_app",
    "throughput",
    "throughput_level",
    "pin",
    "username",
    "username_status",
    "override_callback_uri",
)
