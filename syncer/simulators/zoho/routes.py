"""The paths of the accounts server and of the API: a token, credits, faults, refusals as JSON."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from aiohttp import web

from syncer.simulators.faults import Fault, serve_through
from syncer.simulators.zoho import coql, listing, searching, watching, writes
from syncer.simulators.zoho.answers import answer, body_of, nothing
from syncer.simulators.zoho.errors import ZohoError, invalid_parameter
from syncer.simulators.zoho.organisation import Organisation

VERSION = "v8"
_VERBS = {"GET": "list", "POST": "insert", "PUT": "update", "DELETE": "delete"}


async def serve_api(place: Organisation, request: web.BaseRequest) -> web.StreamResponse:
    """Serve one request, through the fault that strikes it if one does."""
    parts = request.path.strip("/").split("/")
    route = _route(request.method, parts)
    place.requests[route] += 1
    if place.behaviour.latency:
        await asyncio.sleep(place.behaviour.latency)
    fault = place.faults.pick(route) if place.faults else None
    if fault is None:
        return await _serve(place, request, parts, route)

    async def serve() -> web.Response:
        return await _serve(place, request, parts, route)

    async def refuse(struck: Fault) -> web.Response:
        return _refusal(struck)

    return await serve_through(fault, request, serve, refuse)


def _route(method: str, parts: list[str]) -> str:
    """A request's name for faults and counts: `token`, `coql`, `fields`, `watch`, `Contacts.list`, `Contacts.upsert`,
    `Contacts.insert`, `Contacts.update`, `Contacts.add_tags`, `Contacts.Notes`, `Notes.search` ..."""
    if parts[0] == "oauth":
        return "token"
    rest = parts[2:]
    if parts[0] != "crm" or not rest:
        return "unknown"
    if rest[0] in ("coql", "settings", "actions"):
        return {"settings": "fields", "actions": "watch"}.get(rest[0], rest[0])
    if len(rest) == 1:
        return f"{rest[0]}.{_VERBS[method]}" if method in _VERBS else "unknown"
    return f"{rest[0]}.{rest[-1] if not rest[-1].isdecimal() else 'read'}"


async def _serve(place: Organisation, request: web.BaseRequest, parts: list[str], route: str) -> web.Response:
    if route == "token":
        form = dict(parse_qsl(await request.text()))
        domain = place.config.api_domain or f"{request.scheme}://{request.host}"
        status, told = place.gate.answer(form, domain)
        return answer(told, status)
    entered = False
    try:
        if len(parts) < 3 or parts[0] != "crm" or parts[1] != VERSION:
            raise _nowhere()
        place.gate.check(request.headers.get("Authorization", ""), parts[2])
        if parts[-1] == "search":
            place.gate.check(request.headers.get("Authorization", ""), "search")
        place.gate.enter(1)
        entered = True
        response = await _room(place, request, parts[2:])
    except ZohoError as error:
        response = answer(error.body(), error.status)
    finally:
        if entered:
            place.gate.leave()
    response.headers.update(place.gate.headers())
    return response


async def _room(place: Organisation, request: web.BaseRequest, parts: list[str]) -> web.Response:
    match parts:
        case ["coql"] if request.method == "POST":
            found = coql.run(place, (await body_of(request)).get("select_query"))
            return nothing() if found is None else answer(found)
        case ["settings", "fields"] if request.method == "GET":
            schema = place.module(_wanted(request, "module")).schema
            return answer({"fields": [one.shown() for one in schema.fields.values() if one.name != "id"]})
        case ["actions", "watch"]:
            return await watching.serve(place, request)
        case [module, *rest]:
            return await _records(place, request, module, rest)
    raise _nowhere()


async def _records(place: Organisation, request: web.BaseRequest, module: str, rest: list[str]) -> web.Response:
    collection = place.module(module)
    match (request.method, rest):
        case ("GET", []):
            return await listing.listed(place, collection, request)
        case ("POST", []):
            return await writes.inserted(place, collection, request)
        case ("PUT", []):
            return await writes.updated(place, collection, request)
        case ("DELETE", []):
            return await writes.removed(place, collection, request)
        case ("POST", ["upsert"]):
            return await writes.upserted(place, collection, request)
        case ("POST", ["actions", "add_tags" | "remove_tags" as verb]):
            return await writes.tagged(place, collection, request, verb)
        case ("GET", ["search"]):
            return await searching.searched(place, collection, request)
        case ("GET", ["deleted"]):
            return await listing.deleted(place, collection, request)
        case ("GET", [record_id]):
            return await listing.one(place, collection, request, record_id)
        case ("GET", [record_id, other]):
            return await listing.related(place, collection, request, record_id, other)
    raise _nowhere()


def _wanted(request: web.BaseRequest, name: str) -> str:
    if name not in request.query:
        raise invalid_parameter(name)
    return request.query[name]


def _nowhere() -> ZohoError:
    return ZohoError(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")


def _refusal(fault: Fault) -> web.Response:
    """Zoho's answer for a planned fault; `answer` is a body of its own, such as `{"code": "NO_PERMISSION"}`."""
    if fault.kind == "rate_limit":
        told, status = ZohoError(429, "TOO_MANY_REQUESTS", "too many requests").body(), 429
    else:
        status = int(fault.status or (400 if fault.kind == "refuse" else 500))
        told = ZohoError(status, "INTERNAL_ERROR", "Internal Server Error").body()
    if isinstance(fault.answer, dict):
        told = {"details": {}, "message": "simulated", "status": "error", **fault.answer}
    response = answer(told, status)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = f"{fault.retry_after:g}"
    return response
