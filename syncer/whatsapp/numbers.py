"""The business numbers of the account at the platform (R11, R12): their state, registration and name.

Source: the platform's pages on business phone numbers, registration and two-step verification.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.domain.number import NumberState
from syncer.whatsapp.call import Part, node, word
from syncer.whatsapp.shapes import mapping

FIELDS = (
    "id,display_phone_number,verified_name,status,quality_rating,code_verification_status,name_status,throughput,"
    "whatsapp_business_manager_messaging_limit,health_status,is_on_biz_app"
)
_PRODUCT = {"messaging_product": "whatsapp"}


class GraphNumbers(Part):
    """Implements `ports.Numbers`."""

    def phone_numbers(self) -> list[NumberState]:
        """Every number of the account."""
        rows = self._graph.rows(f"{self._graph.account}/phone_numbers", {"fields": FIELDS})
        return [number_state(row) for row in rows]

    def phone_number(self, phone_number_id: str) -> NumberState:
        """State, quality and limits of one number."""
        return number_state(self._graph.read(node(phone_number_id), {"fields": FIELDS}))

    def request_code(self, phone_number_id: str, method: str, language: str) -> None:
        """Have a code sent: `method` SMS or VOICE, `language` as in en_US. Raises `Never` (136024) for a number that is
        verified already."""
        order = {"code_method": method.upper(), "language": language}
        self._graph.change("POST", f"{node(phone_number_id)}/request_code", json=order)

    def verify_code(self, phone_number_id: str, code: str) -> None:
        """Prove with the code that the number is ours; digits, as the customer of the telephone company reads them."""
        self._graph.change("POST", f"{node(phone_number_id)}/verify_code", json={"code": code})

    def register(self, phone_number_id: str, pin: str) -> None:
        """Connect the number, at most ten times in 72 hours (133016). A first registration sets the PIN."""
        self._graph.change("POST", f"{node(phone_number_id)}/register", json={**_PRODUCT, "pin": pin})

    def deregister(self, phone_number_id: str) -> None:
        """Disconnect the number."""
        self._graph.change("POST", f"{node(phone_number_id)}/deregister", json=_PRODUCT)

    def rename(self, phone_number_id: str, display_name: str) -> None:
        """Ask for another display name; it is reviewed, and the answer comes by webhook."""
        order = {**_PRODUCT, "new_display_name": display_name}
        self._graph.change("POST", node(phone_number_id), json=order)

    def set_pin(self, phone_number_id: str, pin: str) -> None:
        """Another six-digit PIN for two-step verification. Raises as `register`."""
        self._graph.change("POST", node(phone_number_id), json={"pin": pin})


def number_state(item: Mapping[str, Any]) -> NumberState:
    """A business number as the platform lists it; what is missing or of another shape stays empty."""
    limit = word(item, "whatsapp_business_manager_messaging_limit") or word(item, "messaging_limit_tier")
    return NumberState(
        id=word(item, "id"),
        display_phone_number=word(item, "display_phone_number"),
        verified_name=word(item, "verified_name"),
        status=word(item, "status"),
        quality=word(item, "quality_rating", "UNKNOWN"),
        name_status=word(item, "name_status"),
        code_verification_status=word(item, "code_verification_status"),
        throughput=word(mapping(item.get("throughput")), "level"),
        messaging_limit=limit,
        can_send=word(mapping(item.get("health_status")), "can_send_message"),
        on_business_app=item.get("is_on_biz_app") is True,
    )
