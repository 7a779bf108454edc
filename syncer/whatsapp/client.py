"""The messaging port over the Graph API, and beside it all else that one client of the platform does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncer.domain.errors import DeliveryError, OutcomeUnknown, TryLater
from syncer.domain.inbox import InboxItem
from syncer.domain.message import Accepted, Category, SendRequest
from syncer.domain.template import TemplateContent
from syncer.http import HttpClient
from syncer.ports import Event
from syncer.whatsapp import events, payloads
from syncer.whatsapp.business import GraphBusiness
from syncer.whatsapp.call import NOT_THE_PROMISE, Graph, node
from syncer.whatsapp.catalogue import GraphCatalogue
from syncer.whatsapp.errors import MARKETING_ROUTE_ONLY, PAIR_RATE
from syncer.whatsapp.media import GraphMedia
from syncer.whatsapp.numbers import GraphNumbers
from syncer.whatsapp.pairs import PairWaits
from syncer.whatsapp.usage import Usage


class WhatsAppMessenger(GraphMedia, GraphCatalogue, GraphNumbers, GraphBusiness):
    """Implements `ports.Messenger`, and by its parts `ports.Media`, `ports.Catalogue` and `ports.Numbers`.

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
        super().__init__(
            Graph(http, base_url=base_url, version=version, access_token=access_token, account=business_account_id)
        )
        self._pairs = PairWaits()
        self._marketing_apart = False

    def send(self, request: SendRequest) -> Accepted:
        """Ask for one message. There is no idempotency key: whatever leaves a doubt is `OutcomeUnknown` (law 6).

        Marketing templates go by the route for marketing once the platform has refused one on the common route; that
        refusal proves that nothing was sent. Raises the errors of `ports.Messenger.send`.
        """
        if self._marketing_apart and _is_marketing(request):
            return self._send_marketing(request)
        try:
            return self._post(request, "messages", payloads.message(request))
        except DeliveryError as refused:
            if refused.code != MARKETING_ROUTE_ONLY or not _is_marketing(request):
                raise
        self._marketing_apart = True
        return self._send_marketing(request)

    def mark_read(self, phone_number_id: str, wamid: str, *, typing: bool = False) -> None:
        """Show the customer that their message was read, and optionally that an answer is being typed."""
        receipt = payloads.read_receipt(wamid, typing=typing)
        self._graph.call("POST", f"{node(phone_number_id)}/messages", json=receipt, repeatable=True)

    def read(self, item: InboxItem) -> Event:
        """What an inbox item says. Never raises."""
        return events.read(item)

    def usage(self) -> dict[str, Usage]:
        """How much of the platform's allowances is used up, by its latest word on each; empty before the first."""
        return self._graph.usage.latest()

    def _send_marketing(self, request: SendRequest) -> Accepted:
        return self._post(request, "marketing_messages", payloads.marketing_message(request))

    def _post(self, request: SendRequest, edge: str, body: dict[str, Any]) -> Accepted:
        try:
            response = self._graph.call("POST", f"{node(request.phone_number_id)}/{edge}", json=body)
        except TryLater as refused:
            if refused.code == PAIR_RATE:
                grown = self._pairs.refused(request.phone_number_id, request.to)
                refused.wait_seconds = max(refused.wait_seconds, grown)
            raise
        try:
            promise = payloads.accepted(response.json())
        except ValueError as strange:
            raise OutcomeUnknown(f"HTTP {response.status}, but {strange}", code=NOT_THE_PROMISE) from strange
        self._pairs.accepted(request.phone_number_id, request.to)
        return promise


def _is_marketing(request: SendRequest) -> bool:
    return request.category is Category.MARKETING and isinstance(request.content, TemplateContent)
