"""The messaging port over the Graph API."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from syncer.domain.errors import OutcomeUnknown, TryAgain
from syncer.domain.inbox import InboxItem
from syncer.domain.message import Accepted, InboundMessage, SendRequest, Unrecognised
from syncer.domain.status import StatusUpdate
from syncer.http import HttpClient, Response
from syncer.whatsapp import errors, events, payloads
from syncer.whatsapp.payloads import ListedTemplate, NumberState

#: Rows per page asked of a listing.
PAGE_SIZE = 100
#: A listing that goes on for longer is going in circles: 6,000 templates are the most an account may have.
MOST_PAGES = 200

logger = logging.getLogger(__name__)


class WhatsAppMessenger:
    """Implements `ports.Messenger`, and reads what the platform knows of templates, numbers and the subscription.

    `access_token` is called for every request, so a renewed token is used without a restart (R16).
    `business_account_id` is the WhatsApp Business Account (WABA).
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        base_url: str,
        version: str,
        access_token: Callable[[], str],
        business_account_id: str = "",
    ) -> None:
        self._http = http
        self._root = f"{base_url.rstrip('/')}/{version}"
        self._access_token = access_token
        self._account = business_account_id

    def send(self, request: SendRequest) -> Accepted:
        """Ask for one message. There is no idempotency key: whatever leaves a doubt is `OutcomeUnknown` (law 6).

        Raises the errors of `ports.Messenger.send`.
        """
        path = f"{quote(request.phone_number_id, safe='')}/messages"
        response = self._call("POST", path, json=payloads.message(request))
        try:
            return payloads.accepted(response.json())
        except ValueError as strange:
            raise OutcomeUnknown(f"HTTP {response.status}, but {strange}", code="not_the_promise") from strange

    def read(self, item: InboxItem) -> InboundMessage | StatusUpdate | Unrecognised:
        """What an inbox item says. Never raises."""
        return events.read(item)

    def templates(self) -> list[ListedTemplate]:
        """The account's whole catalogue, every state (R13). Raises `TryAgain`, `TryLater`, `FixCredentials`,
        `AskPerson`, `Never`."""
        return list(self._listed())

    def phone_number(self, phone_number_id: str) -> NumberState:
        """State, quality and limits of a business number. Raises as `templates`."""
        return payloads.number_state(self._get(quote(phone_number_id, safe=""), {"fields": payloads.NUMBER_FIELDS}))

    def subscribed(self) -> bool:
        """Whether any app receives this account's webhooks; without one we are deaf. Raises as `templates`."""
        return bool(self._get(f"{self._account}/subscribed_apps", {}).get("data"))

    def _listed(self) -> Iterator[ListedTemplate]:
        params = {"fields": payloads.TEMPLATE_FIELDS, "limit": str(PAGE_SIZE)}
        for _ in range(MOST_PAGES):
            page = self._get(f"{self._account}/message_templates", params)
            yield from _templates_of(page)
            after = _next_cursor(page)
            if after is None or after == params.get("after"):
                return
            params["after"] = after
        logger.warning("template catalogue: stopped after %d pages", MOST_PAGES)

    def _get(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        response = self._call("GET", path, params=params)
        try:
            body = response.json()
        except ValueError as strange:
            raise TryAgain(f"HTTP {response.status}, but not JSON", code="not_the_promise") from strange
        if not isinstance(body, dict):
            raise TryAgain(f"HTTP {response.status}, but no object", code="not_the_promise")
        return body

    def _call(self, method: str, path: str, *, json: Any = None, params: Mapping[str, str] | None = None) -> Response:
        headers = {"Authorization": f"Bearer {self._access_token()}"}
        response = self._http.request(method, f"{self._root}/{path}", headers=headers, json=json, params=params)
        if 200 <= response.status < 300:
            return response
        raise errors.from_response(response.status, response.headers, response.body, safe=method == "GET")


def _templates_of(page: Mapping[str, Any]) -> Iterator[ListedTemplate]:
    rows = page.get("data")
    for row in rows if isinstance(rows, list) else []:
        try:
            yield payloads.listed_template(row)
        except (KeyError, AttributeError, TypeError, ValueError) as strange:
            logger.warning("template catalogue: a row was skipped: %r", strange)


def _next_cursor(page: Mapping[str, Any]) -> str | None:
    """Where the next page starts. Only `paging.next` says that there is one; the cursor alone is always given."""
    match page.get("paging"):
        case {"next": str(), "cursors": {"after": str(after)}}:
            return after
        case _:
            return None
