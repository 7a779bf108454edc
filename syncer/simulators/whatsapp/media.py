"""Graph API edges of media: upload, look-up, removal, and the download itself (media page)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import BodyPartReader, hdrs, web

from syncer.simulators.whatsapp.answers import answer
from syncer.simulators.whatsapp.errors import GraphError, required, unknown_object
from syncer.simulators.whatsapp.media_store import MEGABYTE, MediaStore, check_file, fits
from syncer.simulators.whatsapp.state import SentMessage

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

_MOST_UPLOAD = 101 * MEGABYTE
_HEADER_KINDS = ("image", "video", "document")


async def upload(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{PHONE_NUMBER_ID}/media`: `messaging_product`, `file`, and `type` where the file names none."""
    if node not in platform.world.numbers:
        raise unknown_object(node, request.method)
    fields, content, mime_type, filename = await _form(request)
    if fields.get("messaging_product") != "whatsapp":
        raise required("messaging_product")
    if content is None:
        raise required("file")
    mime_type = fields.get("type") or mime_type
    check_file(mime_type, content)
    return answer({"id": platform.media.upload(node, mime_type, content, filename).id})


async def look_up(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`GET /{MEDIA_ID}[?phone_number_id=]`: what it is and a fresh address; 100/33 when it is not there (any more)."""
    medium = platform.media.find(node, request.query.get("phone_number_id"))
    if medium is None:
        raise unknown_object(node, request.method)
    told: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "url": platform.media.address(medium, str(request.url.origin())),
        "mime_type": medium.mime_type,
        "sha256": medium.sha256.hex(),
        "file_size": len(medium.content),
        "id": medium.id,
    }
    return answer(told)


async def remove(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`DELETE /{MEDIA_ID}[?phone_number_id=]`."""
    if platform.media.find(node, request.query.get("phone_number_id")) is None:
        raise unknown_object(node, request.method)
    platform.media.remove(node)
    return answer({"success": True})


async def download(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """The bytes at an address that `look_up` or a webhook gave; 404 once it, or the medium, has ended."""
    query = request.query
    medium = platform.media.at(query.get("mid", ""), query.get("hash", ""))
    if medium is None:
        return web.Response(status=404, text="URL signature expired")
    headers = {hdrs.CONTENT_TYPE: medium.mime_type}
    if medium.filename:
        headers[hdrs.CONTENT_DISPOSITION] = f"attachment; filename*=utf-8''{quote(medium.filename)}"
    return web.Response(body=medium.content, headers=headers)


def problem(store: MediaStore, message: SentMessage, content: dict[str, Any]) -> int | None:
    """The code with which a message fails once the platform fetches its media, if it will.

    Raises 131009 at once for an id that does not exist, is another account's, or has expired.
    """
    for kind, medium in _carried(message.kind, content):
        if medium.get("link") in store.bad_links:
            return store.bad_links[medium["link"]]
        if medium.get("id"):
            found = store.find(str(medium["id"]))
            if found is None:
                raise GraphError(131009, f"Media id {medium['id']} does not exist or has expired.")
            if not fits(kind, found, voice=bool(medium.get("voice"))):
                return 131053
    return None


def _carried(kind: str, content: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The media objects of a message with the kind each must be of."""
    if kind == "interactive":
        headers = [content.get("header")]
    elif kind == "template":
        parts = [part for part in content.get("components") or [] if str(part.get("type", "")).lower() == "header"]
        headers = [parameter for part in parts for parameter in part.get("parameters") or []]
    else:
        return [(kind, content)]
    return [
        (name, header[name])
        for header in headers
        if isinstance(header, dict) and (name := str(header.get("type", "")).lower()) in _HEADER_KINDS
        if isinstance(header.get(name), dict)
    ]


async def _form(request: web.BaseRequest) -> tuple[dict[str, str], bytes | None, str, str | None]:
    """The plain fields and the file (content, MIME type, name) of a multipart body."""
    if not request.content_type.startswith("multipart/"):
        raise required("file")
    fields: dict[str, str] = {}
    content, mime_type, filename = None, "", None
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "file":
                content = await _bytes(part)
                mime_type, filename = part.headers.get(hdrs.CONTENT_TYPE, "application/octet-stream"), part.filename
            else:
                fields[str(part.name)] = await part.text()
    except (ValueError, AssertionError) as error:
        raise GraphError(100, message=f"(#100) The request body is no multipart form: {error}") from None
    return fields, content, mime_type, filename


async def _bytes(part: BodyPartReader) -> bytes:
    """The file, as far as it can be kept at all: the rest of a larger one is read and dropped."""
    kept = bytearray()
    while chunk := await part.read_chunk(65_536):
        if len(kept) <= _MOST_UPLOAD:
            kept += chunk
    return bytes(kept)
