"""What the rooms over simulators share: the client of a running simulator, and a mapping that takes any word."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import requests

from config.object_mapping import ObjectMapping
from syncer.simulators.serving import RunningServer

_TRANSFORMS = {
    "phone": "phone",
    "phone_alt": "phone",
    "email": "email",
    "birthday": "date",
    "gender": "gender",
    "language": "language",
    "tags": "tags",
    "marketing_consent": "bool_words",
    "transactional_consent": "bool_words",
    "blocked": "bool_words",
    "created_at": "timestamp",
    "updated_at": "timestamp",
}
_READ_ONLY = ("external_id", "owner", "notes", "source", "created_at", "updated_at")


def mapping_of(kind: str, unique: str, names: Mapping[str, str]) -> ObjectMapping:
    """The mapping of an object by `names`: contact field -> the vendor's."""
    lines = [
        {
            "crm": crm,
            "contact": contact,
            "direction": "to_contact" if contact in _READ_ONLY else "both",
            "transform": _TRANSFORMS.get(contact, "text"),
        }
        for contact, crm in names.items()
    ]
    return ObjectMapping.model_validate({"contacts": {"object": kind, "unique": unique, "fields": lines}})


def milliseconds(moment: datetime) -> int:
    """A moment as two of the control APIs take it."""
    return round(moment.timestamp() * 1000)


class Simulated:
    """A running simulator and its control API."""

    def __init__(self, server: RunningServer) -> None:
        self.server, self.url = server, server.url
        self._session = requests.Session()
        self._session.trust_env = False

    def close(self) -> None:
        self._session.close()
        self.server.stop()

    def told(self, method: str, path: str, **body: Any) -> Any:
        """One control request."""
        answer = self._session.request(method, f"{self.url}/_sim/{path}", json=body or None)
        assert answer.ok, answer.text
        return answer.json()

    def fault(self, route: str, kind: str, **how: Any) -> None:
        self.told("POST", "faults", route=route, kind=kind, **how)

    def heal(self) -> None:
        self.told("DELETE", "faults")

    def requests(self) -> dict[str, int]:
        """How many there were, by route."""
        found: dict[str, int] = self.told("GET", "stats")["requests"]
        return found
