"""The Graph API's paths: `/{version}/{node}[/{edge}]`, bearer token, faults, and errors in the platform's envelope."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from syncer.simulators.faults import Fault, serve_through
from syncer.simulators.whatsapp import account, media, sending
from syncer.simulators.whatsapp.answers import answer, graph_object, parsed, refusal
from syncer.simulators.whatsapp.errors import GraphError, unknown_object
from syncer.simulators.whatsapp.media_store import PATH
from syncer.simulators.whatsapp.state import BusinessNumber

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

Handler = Callable[["Platform", web.BaseRequest, str], Awaitable[web.Response]]
_VERSION = re.compile(r"v(\d{1,2})\.0$")
_OLDEST_VERSION, _NEWEST_VERSION = 17, 26
_FAULT_CODES = {"rate_limit": 130429, "server_error": 131000}
_FAULT_STATUS = {"rate_limit": 429, "server_error": 500}
_SENDS = ("messages", "marketing_messages")
_MEDIA_NODE: dict[str, Handler] = {"GET": media.look_up, "DELETE": media.remove}


async def post_message(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{PHONE_NUMBER_ID}/messages` and `/marketing_messages`."""
    number = platform.world.numbers.get(node)
    if number is None:
        error = unknown_object(node, request.method)
        sending.note_refusal(platform, node, _loose(await request.read()), error)
        raise error
    told = await graph_object(request)
    if platform.gate:
        _check_blocks(platform, number, told)
    version, _, edge = request.path.strip("/").split("/")
    lite = edge == "marketing_messages"
    response = answer(sending.send(platform, number, told, lite=lite, version=int(version[1:-2])))
    response.headers["X-Business-Use-Case-Usage"] = platform.limits.usage(platform.config.waba_id, number)
    return response


def _check_blocks(platform: Platform, number: BusinessNumber, told: dict[str, Any]) -> None:
    """Raise what a block of the account or of this number says, logging the refusal."""
    try:
        platform.gate.check_send(number.id, str(told.get("type", "text")))
    except GraphError as error:
        sending.note_refusal(platform, number.id, told, error)
        raise


_EDGES: dict[tuple[str, str], Handler] = {
    ("POST", "messages"): post_message,
    ("POST", "marketing_messages"): post_message,
    ("POST", "media"): media.upload,
    **account.EDGES,
}
"""Handlers by method and edge. An edge's name is also the route by which faults find it; a bare node is `node`, a
download `media_download`."""
_MESSAGING = frozenset({post_message, media.upload, media.look_up, media.remove, media.download})


async def serve_graph(platform: Platform, request: web.BaseRequest, parts: list[str]) -> web.StreamResponse:
    """Serve one Graph request, through the fault that strikes it if one does."""
    route = parts[2] if len(parts) >= 3 else "debug_token" if parts[-1] == "debug_token" else "node"
    route = "media_download" if request.path == PATH else route
    fault = platform.faults.pick(route) if platform.faults else None
    if fault is None:
        return await _serve(platform, request, parts)

    async def serve() -> web.Response:
        return await _serve(platform, request, parts)

    async def refuse(struck: Fault) -> web.Response:
        return await _refuse(platform, request, parts, struck)

    return await serve_through(fault, request, serve, refuse)


async def _serve(platform: Platform, request: web.BaseRequest, parts: list[str]) -> web.Response:
    try:
        handler, node = _find(platform, request, parts)
        _check_token(platform, request)
        managing = handler not in _MESSAGING
        if managing or platform.behaviour.account.app_calls_per_hour:
            platform.gate.count(managing=managing, registered=platform.registered())
        response = await handler(platform, request, node)
        if managing:
            response.headers.update(platform.gate.usage(platform.registered(), platform.config.waba_id))
        return response
    except GraphError as error:
        return refusal(error)


def _find(platform: Platform, request: web.BaseRequest, parts: list[str]) -> tuple[Handler, str]:
    if request.path == PATH:
        return media.download, ""
    if parts[-1] == "debug_token" and len(parts) <= 2:
        return account.debug_token, ""
    version = _VERSION.match(parts[0])
    known = version is not None and _OLDEST_VERSION <= int(version[1]) <= _NEWEST_VERSION
    if not known or not 2 <= len(parts) <= 4:
        raise GraphError(2500, message=f"Unknown path components: /{'/'.join(parts)}")
    if len(parts) == 2 and parts[1] in platform.media and request.method in _MEDIA_NODE:
        return _MEDIA_NODE[request.method], parts[1]
    if len(parts) == 2 and request.method == "GET":
        return account.read_node, parts[1]
    if len(parts) == 2 and request.method == "POST":
        return account.change_node, parts[1]
    handler = _EDGES.get((request.method, "/".join(parts[2:]))) if len(parts) > 2 else None
    if handler is None:
        raise unknown_object(parts[1], request.method)
    return handler, parts[1]


def _check_token(platform: Platform, request: web.BaseRequest) -> None:
    header = request.headers.get("Authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        token = request.query.get("access_token", "")
    if token.strip() not in platform.gate.tokens:
        raise platform.gate.token_refusal(token.strip())


async def _refuse(platform: Platform, request: web.BaseRequest, parts: list[str], fault: Fault) -> web.Response:
    """The platform's error for a fault; for a send that was not carried out it is in the log of refusals too."""
    code = int(fault.code or _FAULT_CODES[fault.kind])
    error = GraphError(code, "Simulated fault.", http=int(fault.status or _FAULT_STATUS.get(fault.kind, 0)) or None)
    error.retry_after = fault.retry_after
    if parts[-1] in _SENDS and fault.moment == "before_accept":
        sending.note_refusal(platform, parts[-2], _loose(await request.read()), error, fault.kind)
    return refusal(error)


def _loose(body: bytes) -> object:
    try:
        return parsed(body)
    except ValueError:
        return None
