"""The paths of the API: date-versioned, a bearer token, rate limits told in headers, faults, refusals as JSON."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from syncer.simulators.faults import Fault, serve_through
from syncer.simulators.hubspot import batches, links, objects, people
from syncer.simulators.hubspot.config import VERSIONS
from syncer.simulators.hubspot.errors import HubError, invalid
from syncer.simulators.hubspot.objects import answer, body_of
from syncer.simulators.hubspot.portal import Portal
from syncer.simulators.hubspot.schema import ACTIVITIES

_BATCHES = {
    "read": batches.read,
    "create": batches.create,
    "update": batches.update,
    "upsert": batches.upsert,
    "archive": batches.archive,
}
_SINGLE = {"GET": objects.shown, "PATCH": objects.changed, "DELETE": objects.archived}


async def serve_api(portal: Portal, request: web.BaseRequest) -> web.StreamResponse:
    """Serve one request, through the fault that strikes it if one does."""
    parts = request.path.strip("/").split("/")
    route = _route(request.method, parts)
    portal.requests[route] += 1
    if portal.behaviour.latency:
        await asyncio.sleep(portal.behaviour.latency)
    fault = portal.faults.pick(route) if portal.faults else None
    if fault is None:
        return await _serve(portal, request, parts, route)

    async def serve() -> web.Response:
        return await _serve(portal, request, parts, route)

    async def refuse(struck: Fault) -> web.Response:
        return _refusal(portal, struck)

    return await serve_through(fault, request, serve, refuse)


def _route(method: str, parts: list[str]) -> str:
    """A request's name for faults and counts: `contacts.list`, `contacts.batch_read`, `properties`, `owners` ..."""
    if len(parts) < 3 or parts[0] != "crm":
        return "unknown"
    if parts[1] != "objects":
        return parts[1]
    kind, rest = (parts[3] if len(parts) > 3 else ""), parts[4:]
    if not rest:
        return f"{kind}.list" if method == "GET" else f"{kind}.create"
    if rest[0] == "batch":
        return f"{kind}.batch_{rest[-1]}"
    if "associations" in rest:
        return "associations"
    plain = rest[0] if rest[0] in ("search", "merge") else {"GET": "read", "PATCH": "update"}.get(method, "archive")
    return f"{kind}.{plain}"


async def _serve(portal: Portal, request: web.BaseRequest, parts: list[str], route: str) -> web.Response:
    try:
        if len(parts) < (3 if route == "owners" else 4) or parts[0] != "crm" or parts[2] not in VERSIONS:
            raise HubError(404, "OBJECT_NOT_FOUND", "resource not found")
        what = parts[3] if parts[1] == "objects" else parts[1]
        writes = request.method != "GET" and not route.endswith(("search", "batch_read"))
        portal.gate.check(request.headers.get("Authorization", ""), what, writes=writes)
        portal.gate.count(search=route.endswith(".search"))
        response = await _ROOMS.get(parts[1], _nowhere)(portal, request, parts[3:])
    except HubError as error:
        response = answer(error.body(), error.status)
    if not route.endswith(".search"):
        response.headers.update(portal.gate.headers())
    return response


async def _objects(portal: Portal, request: web.BaseRequest, parts: list[str]) -> web.Response:
    collection, rest, method = portal.collection(parts[0]), parts[1:], request.method
    if not rest:
        return await (objects.listed if method == "GET" else objects.created)(portal, collection, request)
    if rest[0] == "batch" and len(rest) == 2 and rest[1] in _BATCHES and method == "POST":
        return await _BATCHES[rest[1]](portal, collection, request)
    if rest == ["search"] and method == "POST":
        return await objects.searched(portal, collection, request)
    if rest == ["merge"] and method == "POST" and collection.schema.kind == "contacts":
        return await objects.merged(portal, collection, request)
    if rest[1:3] == ["associations", "default"] and len(rest) == 5 and method == "PUT":
        made = links.default_link(portal, collection.schema.kind, rest[0], rest[3], rest[4])
        return answer({"status": "COMPLETE", "results": [made]})
    if len(rest) == 1 and method in _SINGLE:
        return await _SINGLE[method](portal, collection, request, rest[0])
    return await _nowhere(portal, request, parts)


async def _properties(portal: Portal, request: web.BaseRequest, parts: list[str]) -> web.Response:
    schema = portal.collection(parts[0]).schema
    if len(parts) == 2 and request.method == "GET":
        if parts[1] not in schema.properties:
            raise HubError(404, "OBJECT_NOT_FOUND", f"No property named {parts[1]} for {parts[0]}")
        return answer(schema.properties[parts[1]].shown())
    if len(parts) == 1 and request.method == "GET":
        return answer({"results": [item.shown() for item in schema.properties.values()]})
    if len(parts) == 1 and request.method == "POST":
        if schema.kind in ACTIVITIES and not portal.behaviour.custom_properties:
            raise invalid(f"Custom properties are not supported for {schema.kind} in this account")
        return answer(schema.add(await body_of(request)).shown(), 201)
    return await _nowhere(portal, request, parts)


async def _owners(portal: Portal, request: web.BaseRequest, parts: list[str]) -> web.Response:
    email = request.query.get("email")
    rows = [owner.shown() for owner in portal.owners.values() if email in (None, owner.email)]
    return answer({"results": rows})


async def _pipelines(portal: Portal, request: web.BaseRequest, parts: list[str]) -> web.Response:
    return answer({"results": people.pipelines() if parts[0] == "tickets" else []})


async def _associations(portal: Portal, request: web.BaseRequest, parts: list[str]) -> web.Response:
    """`POST /crm/associations/{version}/{from}/{to}/batch/...`: `associate/default` ties, `read` tells what is tied."""
    if parts[2:] not in (["batch", "associate", "default"], ["batch", "read"]):
        return await _nowhere(portal, request, parts)
    inputs = batches.inputs_of(portal, await body_of(request))
    found, errors = (links.read_all if parts[3] == "read" else links.link_all)(portal, parts[0], parts[1], inputs)
    made: dict[str, Any] = {"status": "COMPLETE", "results": found}
    return answer(made | ({"numErrors": len(errors), "errors": errors} if errors else {}), 207 if errors else 200)


async def _nowhere(portal: Portal, request: web.BaseRequest, parts: list[str]) -> web.Response:
    raise HubError(404, "OBJECT_NOT_FOUND", "resource not found")


_ROOMS = {
    "objects": _objects,
    "properties": _properties,
    "owners": _owners,
    "pipelines": _pipelines,
    "associations": _associations,
}


def _refusal(portal: Portal, fault: Fault) -> web.Response:
    """HubSpot's answer for a planned fault: 429 by default of the ten seconds' limit, 423 and 477 as they come."""
    if fault.kind == "rate_limit":
        policy = "DAILY" if fault.code == 1 else "TEN_SECONDLY_ROLLING"
        error = HubError(429, "RATE_LIMITS", "You have reached your limit.", policy=policy)
    else:
        error = HubError(int(fault.status or 500), "INTERNAL_ERROR", "Simulated fault.")
    response = answer(error.body(), error.status)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = f"{fault.retry_after:g}"
    return response
