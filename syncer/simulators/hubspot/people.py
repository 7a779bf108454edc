"""The portal's users, who own records, and the pipelines of its tickets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from syncer.simulators.hubspot.moments import iso
from syncer.simulators.hubspot.seeds import FIRST_STAMP

#: The stages of the one pipeline that every portal has.
STAGES = (("1", "New", False), ("2", "Waiting on contact", False), ("3", "Waiting on us", False), ("4", "Closed", True))


@dataclass(frozen=True, slots=True)
class Owner:
    """A user who can own records."""

    id: int
    email: str
    first_name: str
    last_name: str

    def shown(self) -> dict[str, Any]:
        """As the owners API shows it."""
        return {
            "id": str(self.id),
            "email": self.email,
            "type": "PERSON",
            "firstName": self.first_name,
            "lastName": self.last_name,
            "userId": self.id + 900,
            "createdAt": iso(FIRST_STAMP),
            "updatedAt": iso(FIRST_STAMP),
            "archived": False,
        }


def owners() -> dict[int, Owner]:
    """A fresh portal's."""
    first = Owner(41_001, "lin@example.com", "業務", "林")
    second = Owner(41_002, "service@example.com", "Mei", "Chen")
    return {first.id: first, second.id: second}


def pipelines() -> list[dict[str, Any]]:
    """The pipelines of tickets, as the pipelines API shows them."""
    stages = [
        {
            "id": number,
            "label": label,
            "displayOrder": place,
            "metadata": {"ticketState": "CLOSED" if closed else "OPEN", "isClosed": str(closed).lower()},
            "archived": False,
        }
        for place, (number, label, closed) in enumerate(STAGES)
    ]
    return [{"id": "0", "label": "Support Pipeline", "displayOrder": 0, "stages": stages, "archived": False}]
