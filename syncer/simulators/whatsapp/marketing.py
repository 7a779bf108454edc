"""The Marketing Messages API: `POST /{PHONE_NUMBER_ID}/marketing_messages`, and the account's two flags about it.

Source: marketing messages pages. Only templates of the category MARKETING travel here: before v23.0 anything else was
refused with 131055, since then with 134100; what is no template at all is code 100.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from syncer.simulators.whatsapp.errors import GraphError

_POLICIES = ("CLOUD_API_FALLBACK", "STRICT")
_OWN_CODE_SINCE = 23
ONBOARDED = "ONBOARDED"


@dataclass(slots=True)
class MarketingFlags:
    """Fields of the WhatsApp Business account, under the Graph API's own names."""

    marketing_messages_onboarding_status: str = ONBOARDED
    disable_marketing_messages_on_cloud_api: bool = False

    def clear(self) -> None:
        """Back to the start."""
        self.marketing_messages_onboarding_status = ONBOARDED
        self.disable_marketing_messages_on_cloud_api = False

    def change(self, values: dict[str, Any]) -> dict[str, Any]:
        """Set flags by name and return all; raises `ValueError` for an unknown one."""
        for name, value in values.items():
            if name not in self.__slots__ or not isinstance(value, type(getattr(self, name))):
                raise ValueError(f"the flags are {', '.join(self.__slots__)}: a string and a boolean")
        for name, value in values.items():
            setattr(self, name, value)
        return asdict(self)


def check_request(flags: MarketingFlags, request: dict[str, Any], version: int) -> None:
    """Refuse what this route does not take, before anything else of the request is read."""
    if flags.marketing_messages_onboarding_status != ONBOARDED:
        raise GraphError(131055, "The business is not onboarded to the Marketing Messages API.")
    if request.get("type") != "template":
        if version < _OWN_CODE_SINCE:
            raise GraphError(131055, "Only marketing template messages can be sent with this API.")
        raise GraphError(100, "Message must be a template message.")
    if request.get("product_policy", _POLICIES[0]) not in _POLICIES:
        raise GraphError(100, message=f"(#100) Param product_policy must be one of {{{', '.join(_POLICIES)}}}.")
    if not isinstance(request.get("message_activity_sharing", True), bool):
        raise GraphError(100, message="(#100) Param message_activity_sharing must be a boolean.")


def check_category(flags: MarketingFlags, category: str, version: int, *, lite: bool) -> None:
    """Refuse a template on the wrong route: anything but marketing here, marketing there once the account said so."""
    if lite and category != "marketing":
        code = 134100 if version >= _OWN_CODE_SINCE else 131055
        raise GraphError(code, "Only templates categorized as MARKETING can be sent with this API.")
    if not lite and category == "marketing" and flags.disable_marketing_messages_on_cloud_api:
        raise GraphError(131063, "Marketing templates must be sent through the Marketing Messages API.")
