"""An inbox item, opened: what was told, about whom, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from json import loads
from typing import Any

from syncer.domain.inbox import InboxItem
from syncer.whatsapp.shapes import mapping, text


@dataclass(frozen=True, slots=True)
class Told:
    """`body` is the row as the platform sent it, `contact` its `contacts[]` entry, `metadata` the business number it
    came to, `field` the webhook field; each is empty where the delivery had none."""

    item: InboxItem
    body: Mapping[str, Any]
    contact: Mapping[str, Any]
    metadata: Mapping[str, Any]
    field: str

    @classmethod
    def of(cls, item: InboxItem) -> Told:
        """Raises `ValueError` or `RecursionError` when the payload is not JSON."""
        payload = mapping(loads(item.payload))
        return cls(
            item,
            mapping(payload.get("item")),
            mapping(payload.get("contact")),
            mapping(payload.get("metadata")),
            text(payload.get("field")),
        )
