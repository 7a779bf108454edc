"""The platform's files: ours go up, customers' come down - streamed, bounded and checked.

Source: the platform's page on media. An uploaded file lasts 30 days, a customer's file 7 days, a file's address 5
minutes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from syncer.connections.form import FilePart
from syncer.domain.content import LARGEST_FILE, MediaKind
from syncer.domain.errors import AskPerson, DeliveryError, Never, TryAgain
from syncer.http import Response
from syncer.ports import Download
from syncer.whatsapp import errors
from syncer.whatsapp.call import NOT_THE_PROMISE, Part, node, word
from syncer.whatsapp.shapes import mapping

#: Where the platform keeps files; only there, and at the configured address itself, may our token be shown.
_HOSTS = ("facebook.com", "fbsbx.com", "whatsapp.net")
_LARGEST = max(LARGEST_FILE.values())
_PIECE = 1024 * 1024


class GraphMedia(Part):
    """Implements `ports.Media`."""

    def upload(self, phone_number_id: str, path: Path, mime_type: str, filename: str) -> str:
        """The platform's id of the uploaded file. Raises `Never` for a file that it would not take."""
        _check(path, mime_type)
        try:
            response = self._graph.http.upload(
                f"{self._graph.root}/{node(phone_number_id)}/media",
                FilePart("file", path, filename, mime_type),
                fields={"messaging_product": "whatsapp", "type": mime_type},
                headers=self._graph.authorisation(),
                repeatable=True,
            )
        except OSError as fault:
            raise _unreadable(fault) from fault
        media_id = _id(self._graph.checked(response, safe=True))
        if not media_id:
            raise TryAgain("the answer to an upload names no id", code=NOT_THE_PROMISE)
        return media_id

    def download(self, media_id: str, phone_number_id: str, into: Path) -> Download:
        """Fetch a file into `into`, which appears only once it is whole and right. An address that has expired on the
        way is asked for anew, once."""
        told = self._look_up(media_id, phone_number_id)
        try:
            return self._fetch(told, into)
        except _AddressGone:
            told = self._look_up(media_id, phone_number_id)
        try:
            return self._fetch(told, into)
        except _AddressGone as gone:
            raise Never(gone.detail, code=gone.code) from None

    def _look_up(self, media_id: str, phone_number_id: str) -> Mapping[str, Any]:
        try:
            return self._graph.read(node(media_id), {"phone_number_id": phone_number_id})
        except DeliveryError as refused:
            if errors.is_missing_object(refused):
                raise Never(f"the file has vanished: {refused.detail}", code=refused.code) from refused
            raise

    def _fetch(self, told: Mapping[str, Any], into: Path) -> Download:
        address, size = word(told, "url"), _size(told)
        if not is_the_platforms(address, self._graph.base_url):
            raise AskPerson("the platform names an address for a file that is not its own", code="address")
        if size is not None and size > _LARGEST:
            raise Never(f"the file has {size} bytes, {_LARGEST} are the most", code="size")
        with _whole_or_nothing(into) as sink:
            response = self._graph.http.download(
                address, sink, largest=_LARGEST if size is None else size, headers=self._graph.authorisation()
            )
            if response.status in (404, 410):
                raise _AddressGone("the file's address leads nowhere, twice", code=f"http_{response.status}")
            self._graph.checked(response, safe=True)
            length, digest = _measure(sink)
            _compare(told, response, length, digest)
        return Download(into, word(told, "mime_type", "application/octet-stream"), length, digest.hex())


class _AddressGone(Never):
    """The address of a file has expired."""


def is_the_platforms(address: str, base_url: str) -> bool:
    """Whether our token may be shown to an address: https and one of the platform's hosts, or the configured origin.
    Whatever two parsers could read differently is refused."""
    if not address.isascii() or not address.isprintable() or set(address) & set("\\@ "):
        return False
    try:
        parts, base = urlsplit(address), urlsplit(base_url)
        origin, own = (parts.scheme, parts.hostname, parts.port), (base.scheme, base.hostname, base.port)
    except ValueError:
        return False
    host = parts.hostname or ""
    named = any(host == name or host.endswith(f".{name}") for name in _HOSTS)
    return origin == own or (parts.scheme == "https" and named and parts.port in (None, 443))


def _check(path: Path, mime_type: str) -> None:
    """Raises `Never` for what the platform would refuse (131053), before a byte has left."""
    kind = _kind(mime_type)
    try:
        size = path.stat().st_size
    except OSError as fault:
        raise _unreadable(fault) from fault
    if not 0 < size <= LARGEST_FILE[kind]:
        raise Never(f"a file of kind {kind} has 1 to {LARGEST_FILE[kind]} bytes, this one {size}", code="size")


def _kind(mime_type: str) -> MediaKind:
    plain = mime_type.partition(";")[0].strip().lower()
    family = plain.partition("/")[0]
    if plain == "image/webp":
        return MediaKind.STICKER
    if family == "image" and plain not in ("image/jpeg", "image/png"):
        raise Never(f"the platform takes images as JPEG or PNG, not as {plain}", code="mime_type")
    return MediaKind(family) if family in ("image", "audio", "video") else MediaKind.DOCUMENT


def _unreadable(fault: OSError) -> Never:
    return Never(f"the file cannot be read: {fault.strerror or type(fault).__name__}", code="file")


def _id(response: Response) -> str:
    try:
        return word(mapping(response.json()), "id")
    except ValueError:
        return ""


def _size(told: Mapping[str, Any]) -> int | None:
    text = word(told, "file_size")
    return int(text) if text.isascii() and text.isdigit() else None


@contextmanager
def _whole_or_nothing(into: Path) -> Iterator[BinaryIO]:
    """A file beside `into` that takes its name once all went well; a process that dies leaves a `.part` behind."""
    with tempfile.NamedTemporaryFile(dir=into.parent, prefix=f".{into.name}.", suffix=".part", delete=False) as sink:
        try:
            yield sink  # type: ignore[misc]  # its wrapper has all that a BinaryIO has
            sink.flush()
            os.fsync(sink.fileno())
            os.replace(sink.name, into)
        except BaseException:
            with suppress(OSError):
                os.unlink(sink.name)
            raise


def _measure(sink: BinaryIO) -> tuple[int, bytes]:
    """Bytes and SHA-256 of what was written."""
    length, digest = sink.tell(), hashlib.sha256()
    sink.seek(0)
    while piece := sink.read(_PIECE):
        digest.update(piece)
    return length, digest.digest()


def _compare(told: Mapping[str, Any], response: Response, length: int, digest: bytes) -> None:
    """Raises `TryAgain` for a file that is not the one that was announced. Its hash comes in hexadecimal or base64."""
    size, said = _size(told), word(told, "sha256").strip()
    if response.status != 200 or size not in (None, length):
        raise TryAgain(f"HTTP {response.status} with {length} bytes instead of {size}", code="size")
    written = {64: digest.hex(), 44: base64.b64encode(digest).decode(), 43: base64.b64encode(digest).decode()[:43]}
    if len(said) in written and written[len(said)] != (said.lower() if len(said) == 64 else said):
        raise TryAgain("the file is not the one that the platform's hash is of", code="sha256")
