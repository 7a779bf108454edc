"""What stands around the numbers: who hears the webhooks, what the token may do, how the business presents itself (R9,
R16).

Source: the platform's pages on webhooks, access tokens and business profiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from syncer.domain.errors import TryAgain
from syncer.whatsapp.call import NOT_THE_PROMISE, Part, node, word
from syncer.whatsapp.shapes import first, mapping, rows

#: What a token must be permitted, or sending (the first) and templates and numbers (the second) are refused.
NEEDED_SCOPES = frozenset({"whatsapp_business_messaging", "whatsapp_business_management"})
PROFILE_FIELDS = "about,address,description,email,profile_picture_url,vertical,websites"


@dataclass(frozen=True, slots=True)
class TokenState:
    """An access token as the platform sees it. `expires_at` None means never; `detail` says why it is not valid."""

    valid: bool
    app_id: str = ""
    expires_at: datetime | None = None
    scopes: frozenset[str] = frozenset()
    detail: str = ""

    @property
    def missing(self) -> frozenset[str]:
        """The permissions of `NEEDED_SCOPES` that it lacks."""
        return NEEDED_SCOPES - self.scopes


@dataclass(frozen=True, slots=True)
class BusinessProfile:
    """What a customer sees about the business; a field that is not filled in is empty."""

    about: str = ""
    address: str = ""
    description: str = ""
    email: str = ""
    vertical: str = ""
    websites: tuple[str, ...] = ()
    picture: str = ""


class GraphBusiness(Part):
    """The account's own affairs. All raise as `ports.Numbers`."""

    def subscribed(self) -> bool:
        """Whether any app receives the account's webhooks; without one we are deaf."""
        apps = self._graph.read(f"{self._graph.account}/subscribed_apps").get("data")
        if not isinstance(apps, list):
            raise TryAgain("a success, but not the list that was asked for", code=NOT_THE_PROMISE)
        return bool(apps)

    def subscribe(self, callback_url: str | None = None, verify_token: str | None = None) -> None:
        """Have our app receive the account's webhooks, at an address of its own if one is given."""
        own = {"override_callback_uri": callback_url, "verify_token": verify_token} if callback_url else {}
        self._graph.change("POST", f"{self._graph.account}/subscribed_apps", json=own)

    def token(self, token: str) -> TokenState:
        """What a token is good for. A bad one is an answer too; only our own being bad raises."""
        told = self._graph.read("debug_token", {"input_token": token}).get("data")
        if not isinstance(told, dict):
            raise TryAgain("a success, but nothing about the token", code=NOT_THE_PROMISE)
        return token_state(told)

    def business_profile(self, phone_number_id: str) -> BusinessProfile:
        """What a number shows of the business."""
        path = f"{node(phone_number_id)}/whatsapp_business_profile"
        told = first(self._graph.read(path, {"fields": PROFILE_FIELDS}).get("data"))
        return BusinessProfile(
            about=word(told, "about"),
            address=word(told, "address"),
            description=word(told, "description"),
            email=word(told, "email"),
            vertical=word(told, "vertical"),
            websites=tuple(map(str, rows(told.get("websites")))),
            picture=word(told, "profile_picture_url"),
        )


def token_state(told: Mapping[str, Any]) -> TokenState:
    """The `data` of an answer to `debug_token`."""
    return TokenState(
        valid=told.get("is_valid") is True,
        app_id=word(told, "app_id"),
        expires_at=_moment(told.get("expires_at")),
        scopes=frozenset(map(str, rows(told.get("scopes")))),
        detail=word(mapping(told.get("error")), "message"),
    )


def _moment(seconds: object) -> datetime | None:
    """A unix time; 0 is how the platform says never."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) and seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
