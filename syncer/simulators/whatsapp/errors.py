"""The platform's errors: one table of codes, and the two shapes in which it tells them.

Source: the platform's error-codes page. HTTP statuses of 130429, 131056 (429) and 132001 (404) are those seen in the
field.
"""

from __future__ import annotations

import secrets
from typing import Any

_HREF = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"

TABLE: dict[int, tuple[int, str]] = {
    1: (400, "API Unknown"),
    2: (503, "Service temporarily unavailable"),
    4: (429, "Application request limit reached"),
    33: (400, "Parameter value is not valid"),
    100: (400, "Invalid parameter"),
    190: (401, "Invalid OAuth access token - Cannot parse access token"),
    368: (403, "Temporarily blocked for policies violations"),
    2200: (400, "Callback verification failed"),
    2500: (400, "Unknown path components"),
    80007: (429, "Rate limit issues"),
    130403: (400, "The user has blocked this business"),
    130429: (429, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    131000: (500, "Something went wrong"),
    131008: (400, "Required parameter is missing"),
    131005: (403, "Access denied"),
    131009: (400, "Parameter value is not valid"),
    131016: (500, "Service unavailable"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131030: (400, "Recipient phone number not in allowed list"),
    131031: (403, "Business Account locked"),
    131037: (400, "Display name approval needed"),
    131042: (400, "Business eligibility payment issue"),
    131045: (500, "Message failed to send because of a phone number registration error"),
    131047: (400, "Re-engagement message"),
    131048: (429, "Spam rate limit hit"),
    131049: (400, "This message was not delivered to maintain healthy ecosystem engagement."),
    131050: (400, "User has stopped receiving marketing messages from your business"),
    131051: (400, "Unsupported message type"),
    131052: (400, "Media download error"),
    131053: (400, "Media upload error"),
    131055: (400, "Method not allowed"),
    131056: (429, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: (400, "Account in maintenance mode"),
    131062: (400, "Business-scoped user id is not supported for this message"),
    131063: (400, "Marketing templates are disabled on Cloud API"),
    131064: (429, "Template classification violations"),
    132000: (400, "Number of parameters does not match the expected number of params"),
    132001: (404, "Template name does not exist in the translation"),
    132005: (400, "Translated text too long"),
    132012: (400, "Parameter format does not match format in the created template"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
    132018: (400, "There's an issue with the parameters in your template"),
    133005: (400, "Two step verification PIN mismatch"),
    133006: (400, "Phone number re-verification needed"),
    133008: (400, "Too many two step verification PIN guesses"),
    133009: (400, "Two step verification PIN guessed too fast"),
    133010: (400, "Phone number is not registered"),
    133015: (400, "Please wait a few minutes before attempting to register this phone number"),
    133016: (400, "Account register or deregister rate limit exceeded"),
    134100: (400, "Only marketing messages supported"),
    134101: (400, "Template is syncing"),
    134102: (400, "Template is not available"),
    136024: (400, "Request code error"),
    136025: (400, "Verify code error"),
    137000: (400, "Recipient identity key hash mismatch"),
    139200: (400, "Direct send is not available"),
    147001: (400, "Username is not available"),
    147002: (400, "Username is not valid"),
    147003: (400, "Business is not eligible for this username"),
    147004: (400, "Username could not be set"),
    2593107: (400, "Synchronization request limit exceeded"),
    2593108: (400, "Synchronization request made outside of allowed time window"),
}

DETAILS: dict[int, str] = {
    130472: "Failed to send message because this user's phone number is part of an experiment",
    131026: "Message Undeliverable.",
    131047: "Message failed to send because more than 24 hours have passed since the customer last replied to this "
    "number.",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131050: "Unable to deliver the message. This user has asked to stop receiving marketing messages from your "
    "business.",
    131052: "Failed to download the media from the sender.",
    131053: "Failed to download the media from the link, or its type or size is not supported.",
}
"""What the platform says beyond the title, where a `failed` status or a refusal needs it."""


class GraphError(Exception):
    """A refusal as the Graph API gives it. `code` decides; `http` defaults to the table's status for it."""

    def __init__(
        self,
        code: int,
        details: str = "",
        *,
        message: str | None = None,
        http: int | None = None,
        subcode: int | None = None,
        kind: str = "OAuthException",
        user_title: str | None = None,
    ) -> None:
        status, title = TABLE.get(code, (400, "Something went wrong"))
        super().__init__(f"{code}: {details or title}")
        self.code = code
        self.details = details
        self.http = http or status
        self.retry_after: float | None = None
        self._message = message or (title if code == 190 else f"(#{code}) {title}")
        self._subcode, self._kind, self._user_title = subcode, kind, user_title

    def envelope(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        error: dict[str, Any] = {"message": self._message, "type": self._kind, "code": self.code}
        if self._subcode is not None:
            error["error_subcode"] = self._subcode
        if self._user_title is not None:
            error |= {"is_transient": False, "error_user_title": self._user_title, "error_user_msg": self.details}
        elif self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        error["fbtrace_id"] = "A" + secrets.token_urlsafe(16)
        return {"error": error}


def unknown_object(object_id: str, method: str) -> GraphError:
    """What the Graph API says of an id that does not exist or is not ours (100, subcode 33)."""
    text = (
        f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation."
    )
    return GraphError(100, message=text, subcode=33, kind="GraphMethodException")


def required(name: str) -> GraphError:
    """A top-level field of the request is missing (100)."""
    return GraphError(100, message=f"(#100) The parameter {name} is required.")


def status_error(code: int) -> dict[str, Any]:
    """The error as a `failed` status carries it."""
    title = TABLE.get(code, (400, "Something went wrong"))[1]
    details = DETAILS.get(code, title)
    return {"code": code, "title": title, "message": title, "error_data": {"details": details}, "href": _HREF}
