"""The media that the platform keeps: ids with an end, addresses with an earlier one, what each kind may be.

Types and sizes: media page. An upload lives 30 days, a customer's medium 7 days, an address 5 minutes; all three are
the settings `media.*`.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time
from dataclasses import dataclass
from typing import Any

from syncer.simulators.whatsapp.config import MediaRules
from syncer.simulators.whatsapp.errors import GraphError

MEGABYTE = 1024 * 1024
PATH = "/whatsapp_business/attachments/"
_OFFICE = "application/vnd.openxmlformats-officedocument."
TYPES: dict[str, tuple[str, ...]] = {
    "image": ("image/jpeg", "image/png"),
    "audio": ("audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg", "audio/opus"),
    "video": ("video/mp4", "video/3gp", "video/3gpp"),
    "sticker": ("image/webp",),
    "document": (
        "text/plain",
        "application/pdf",
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        f"{_OFFICE}wordprocessingml.document",
        f"{_OFFICE}spreadsheetml.sheet",
        f"{_OFFICE}presentationml.presentation",
    ),
}
MOST = {"image": 5 * MEGABYTE, "audio": 16 * MEGABYTE, "video": 16 * MEGABYTE, "document": 100 * MEGABYTE}
MOST_STICKER, MOST_ANIMATED_STICKER = 100 * 1024, 500 * 1024
_FIRST_ID = 1_003_383_421_000_000


@dataclass(slots=True)
class Medium:
    """One file. `expires_at` is a unix second; `sender` the business number or the customer that it came from."""

    id: str
    phone_number_id: str
    mime_type: str
    content: bytes
    sha256: bytes
    expires_at: float
    sender: str
    filename: str | None = None

    def row(self) -> dict[str, Any]:
        """The medium as `GET /_sim/media` shows it."""
        return {
            "id": self.id,
            "phone_number_id": self.phone_number_id,
            "mime_type": self.mime_type,
            "file_size": len(self.content),
            "sha256": self.sha256.hex(),
            "expires_at": self.expires_at,
            "sender": self.sender,
            "filename": self.filename,
        }


class MediaStore:
    """Media by id and by address. `base_url` is where this simulator listens."""

    def __init__(self, rules: MediaRules) -> None:
        self._rules = rules
        self._ids = itertools.count(_FIRST_ID)
        self.base_url = ""
        self.clear()

    def clear(self) -> None:
        """Forget every medium and every link."""
        self._media: dict[str, Medium] = {}
        self._addresses: dict[str, tuple[str, float]] = {}
        self.bad_links: dict[str, int] = {}

    def __contains__(self, media_id: str) -> bool:
        return media_id in self._media

    def rows(self) -> list[dict[str, Any]]:
        """Every medium that still lives."""
        return [medium.row() for medium in list(self._media.values()) if self.find(medium.id)]

    def upload(self, phone_number_id: str, mime_type: str, content: bytes, filename: str | None) -> Medium:
        """Keep a file of the business."""
        return self._keep(phone_number_id, mime_type, content, self._rules.upload_seconds, phone_number_id, filename)

    def receive(
        self, phone_number_id: str, mime_type: str, content: bytes, sender: str, filename: str | None = None
    ) -> Medium:
        """Keep a file that a customer sent."""
        return self._keep(phone_number_id, mime_type, content, self._rules.inbound_seconds, sender, filename)

    def find(self, media_id: str, phone_number_id: str | None = None) -> Medium | None:
        """A living medium; with a number, only one that came through it."""
        found = self._media.get(media_id)
        if found is not None and found.expires_at <= time.time():
            self.remove(media_id)
            return None
        if found is None or (phone_number_id is not None and phone_number_id != found.phone_number_id):
            return None
        return found

    def remove(self, media_id: str) -> bool:
        """Let a medium vanish; False when there is none."""
        return self._media.pop(media_id, None) is not None

    def address(self, medium: Medium, base_url: str | None = None) -> str:
        """A fresh address for it; earlier ones live on until their own end."""
        now = time.time()
        ends_at = now + self._rules.url_seconds
        for old in list(itertools.islice(self._addresses, 2)):
            if self._addresses[old][1] < now:
                del self._addresses[old]
        token = secrets.token_urlsafe(18)
        self._addresses[token] = (medium.id, ends_at)
        return f"{base_url or self.base_url}{PATH}?mid={medium.id}&ext={int(ends_at)}&hash={token}"

    def expire(self, media_id: str) -> None:
        """End every address of a medium now."""
        self._addresses = {token: known for token, known in self._addresses.items() if known[0] != media_id}

    def at(self, media_id: str, token: str) -> Medium | None:
        """The medium at an address that has not ended."""
        known, ends_at = self._addresses.get(token, ("", 0.0))
        return self.find(media_id) if known == media_id and ends_at > time.time() else None

    def _keep(
        self, phone_number_id: str, mime_type: str, content: bytes, seconds: float, sender: str, filename: str | None
    ) -> Medium:
        medium = Medium(
            id=str(next(self._ids)),
            phone_number_id=phone_number_id,
            mime_type=mime_type,
            content=content,
            sha256=hashlib.sha256(content).digest(),
            expires_at=time.time() + seconds,
            sender=sender,
            filename=filename,
        )
        self._media[medium.id] = medium
        return medium


def kind_of(mime_type: str) -> str | None:
    """The kind of medium that a MIME type, with or without parameters, belongs to."""
    plain = mime_type.partition(";")[0].strip().lower()
    return next((kind for kind, types in TYPES.items() if plain in types), None)


def fits(kind: str, medium: Medium, *, voice: bool) -> bool:
    """Whether a message of this kind can carry the medium; a voice note is Opus in Ogg, a document any type."""
    if voice and not medium.mime_type.lower().startswith("audio/ogg"):
        return False
    return kind == "document" or kind_of(medium.mime_type) == kind


def check_file(mime_type: str, content: bytes) -> None:
    """Refuse what the upload refuses: an unknown type (100), an empty file (100), one that is too large (131053)."""
    kind = kind_of(mime_type)
    if kind is None:
        known = ", ".join(name for types in TYPES.values() for name in types)
        raise GraphError(
            100,
            message=f"(#100) Param file must be a file with one of the following types: {known}. "
            f"Received file of type '{mime_type}'.",
        )
    if not content:
        raise GraphError(100, message="(#100) Param file must not be empty.")
    if len(content) > (most := _most(kind, content)):
        raise GraphError(131053, f"Media file size too big. Max file size we currently support: {most} bytes.")


def _most(kind: str, content: bytes) -> int:
    if kind != "sticker":
        return MOST[kind]
    # RFC 9649: the second flag of the extended header says that there is an animation.
    animated = content[12:16] == b"VP8X" and bool(content[20] & 0x02)
    return MOST_ANIMATED_STICKER if animated else MOST_STICKER
