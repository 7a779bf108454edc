"""The Graph API's paths: `/{version}/{node}[/{edge}]`, bearer token, faults, and errors in the platform's envelope."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from syncer.simulators.faults import Fault, serve_through
from syncer.simulators.whatsapp import account, sending
from syncer.simulators.whatsapp.answers import answer, graph_object, parsed, refusal
from syncer.simulators.whatsapp.errors import GraphError, unknown_object

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

Handler = Callable[["Platform", web.BaseRequest, str], Awaitable[web.Response]]
_VERSION = re.compile(r"v(\d{1,2})\.0$")
_OLDEST_VERSION, _NEWEST_VERSION = 17, 26
_FAULT_CODES = {"rate_limit": 130429, "server_error": 131000}
_FAULT_STATUS = {"rate_limit": 429, "server_error": 500}


async def post_message(platform: Platform, request: web.BaseRequest, node: str) -> web.Response:
    """`POST /{PHONE_NUMBER_ID}/messages`."""
    number = platform.world.numbers.get(node)
    if number is None:
        error = unknown_object(node, request.method)
        sending.note_refusal(platform, node, _loose(await request.read()), error)
        raise error
    return answer(sending.send(platform, number, await graph_object(request)))


_EDGES: dict[tuple[str, str], Handler] = {
    ("POST", "messages"): post_message,
    ("GET", "message_templates"): account.list_templates,
    ("POST", "message_templates"): account.create_template,
    ("DELETE", "message_templates"): account.delete_template,
    ("GET", "phone_numbers"): account.list_numbers,
    ("GET", "subscribed_apps"): account.subscriptions,
    ("POST", "subscribed_apps"): account.subscribe,
    ("DELETE", "subscribed_apps"): account.unsubscribe,
}
"""Handlers by method and edge. An edge's name is also the route by which faults find it; a bare node is `node`."""


async def serve_graph(platform: Platform, request: web.BaseRequest, parts: list[str]) -> web.Response:
    """Serve one Graph request, through the fault that strikes it if one does."""
    route = parts[-1] if len(parts) == 3 or parts[-1] == "debug_token" else "node"
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
        handler, node = _find(request, parts)
        _check_token(platform, request)
        return await handler(platform, request, node)
    except GraphError as error:
        return refusal(error)


def _find(request: web.BaseRequest, parts: list[str]) -> tuple[Handler, str]:
    if parts[-1] == "debug_token" and len(parts) <= 2:
        return account.debug_token, ""
    version = _VERSION.match(parts[0])
    known = version is not None and _OLDEST_VERSION <= int(version[1]) <= _NEWEST_VERSION
    if not known or not 2 <= len(parts) <= 3:
        raise GraphError(2500, message=f"Unknown path components: /{'/'.join(parts)}")
    if len(parts) == 2 and request.method == "GET":
        return account.read_node, parts[1]
    handler = _EDGES.get((request.method, parts[-1])) if len(parts) == 3 else None
    if handler is None:
        raise unknown_object(parts[1], request.method)
    return handler, parts[1]


def _check_token(platform: Platform, request: web.BaseRequest) -> None:
    header = request.headers.get("Authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        token = request.query.get("access_token", "")
    if token.strip() != platform.config.access_token:
        raise GraphError(190)


async def _refuse(platform: Platform, request: web.BaseRequest, parts: list[str], fault: Fault) -> web.Response:
    """The platform's error for a fault; for a send that was not carried out it is in the log of refusals too."""
    code = fault.code or _FAULT_CODES[fault.kind]
    error = GraphError(code, "Simulated fault.", http=fault.status or _FAULT_STATUS[fault.kind])
    error.retry_after = fault.retry_after
    if parts[-1] == "messages" and fault.moment == "before_accept":
        sending.note_refusal(platform, parts[-2], _loose(await request.read()), error, fault.kind)
    return refusal(error)


def _loose(body: bytes) -> object:
    try:
        return parsed(body)
    except ValueError:
        return None
