"""The paths of the API: logins, versions, a bearer token, the limit told in a header, faults, refusals as JSON."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from syncer.simulators.faults import Fault, serve_through
from syncer.simulators.salesforce import bulk, collections_api, querying, soql
from syncer.simulators.salesforce.collections_api import answer
from syncer.simulators.salesforce.config import VERSIONS
from syncer.simulators.salesforce.errors import LoginError, SalesError, malformed, not_there
from syncer.simulators.salesforce.org import Org

_VERSION = re.compile(r"v(\d+)\.0")
#: Bytes of an address: half of what Salesforce takes, since aiohttp drops a longer one without a word.
_LONGEST_ADDRESS = 8_000
#: Code of a planned refusal -> what is said.
REFUSALS: Mapping[int, tuple[int, str]] = {
    1: (403, "REQUEST_LIMIT_EXCEEDED"),
    2: (400, "QUERY_TIMEOUT"),
    3: (503, "SERVER_UNAVAILABLE"),
    4: (400, "REQUEST_RUNNING_TOO_LONG"),
    5: (403, "API_DISABLED_FOR_ORG"),
    6: (401, "INVALID_SESSION_ID"),
}


async def serve_api(org: Org, request: web.BaseRequest) -> web.StreamResponse:
    """Serve one request, through the fault that strikes it if one does."""
    parts = request.path.strip("/").split("/")
    route = _route(request.method, parts)
    org.requests[route] += 1
    if org.behaviour.latency:
        await asyncio.sleep(org.behaviour.latency)
    fault = org.faults.pick(route) if org.faults else None
    if fault is None:
        return await _serve(org, request, parts)

    async def serve() -> web.Response:
        return await _serve(org, request, parts)

    async def refuse(struck: Fault) -> web.Response:
        return _refusal(struck)

    return await serve_through(fault, request, serve, refuse)


def _route(method: str, parts: list[str]) -> str:
    """A request's name for faults and counts: `token`, `query`, `queryAll`, `describe`, `collections.create` ..."""
    if parts == ["services", "oauth2", "token"]:
        return "token"
    rest = parts[3:]
    if parts[:2] != ["services", "data"] or not rest:
        return "unknown"
    if rest[0] == "composite":
        if len(rest) > 2:
            return f"collections.upsert.{rest[2]}"
        return {"POST": "collections.create", "PATCH": "collections.update"}.get(method, "collections.delete")
    if rest[0] == "sobjects":
        return "describe" if rest[-1] == "describe" else "sobjects"
    return rest[0]


async def _serve(org: Org, request: web.BaseRequest, parts: list[str]) -> web.Response:
    try:
        if parts == ["services", "oauth2", "token"] and request.method == "POST":
            return await _login(org, request)
        if len(str(request.rel_url)) > _LONGEST_ADDRESS:
            raise SalesError(414, "URI_TOO_LONG", "the address is too long")
        if parts[:2] != ["services", "data"]:
            return web.Response(
                status=404, text="<html><body>URL No Longer Exists</body></html>", content_type="text/html"
            )
        if len(parts) == 2:
            shown = [{"label": f"v{one}", "url": f"/services/data/v{one}.0", "version": f"{one}.0"} for one in VERSIONS]
            return answer(shown)
        version = _VERSION.fullmatch(parts[2])
        if version is None or int(version[1]) not in VERSIONS:
            raise not_there()
        org.gate.check(request.headers.get("Authorization", ""))
        response = await _room(org, request, parts[3:])
    except SalesError as error:
        response = answer(error.body(), error.status)
    response.headers.update(org.gate.headers())
    return response


async def _login(org: Org, request: web.BaseRequest) -> web.Response:
    form = dict(parse_qsl((await request.read()).decode()))
    try:
        return answer(org.gate.grant(form, f"{request.scheme}://{request.host}"))
    except LoginError as error:
        return answer({"error": error.error, "error_description": error.description}, error.status)


async def _room(org: Org, request: web.BaseRequest, rest: list[str]) -> web.Response:
    method = request.method
    match rest:
        case ["query" | "queryAll" as name] if method == "GET":
            return _query(org, request.query.get("q", ""), deleted=name == "queryAll")
        case ["query" | "queryAll", cursor] if method == "GET":
            return _following(org, cursor)
        case ["limits"] if method == "GET":
            return answer({"DailyApiRequests": _calls(org)})
        case ["composite", "sobjects"] if method in ("POST", "PATCH", "DELETE"):
            write = {"POST": collections_api.created, "PATCH": collections_api.updated}
            return await write.get(method, collections_api.deleted)(org, request)
        case ["composite", "sobjects", kind, by] if method == "PATCH":
            return await collections_api.upserted(org, request, kind, by)
        case ["sobjects", kind, "describe"] if method == "GET":
            return answer(org.collection(kind).schema.described())
        case ["sobjects", kind, *more]:
            return await collections_api.single(org, request, kind, more)
        case ["jobs", "ingest", *more]:
            return await bulk.serve(org, request, more)
    raise not_there()


def _calls(org: Org) -> dict[str, Any]:
    most = org.behaviour.calls_most
    return {"Max": most, "Remaining": max(most - org.behaviour.calls_used, 0)}


def _query(org: Org, text: str, *, deleted: bool) -> web.Response:
    return _page(org, querying.answer(org, soql.parse(text), deleted=deleted))


def _following(org: Org, cursor: str) -> web.Response:
    rows = org.cursors.pop(cursor, None)
    if rows is None:
        raise malformed("invalid query locator", "INVALID_QUERY_LOCATOR")
    return _page(org, rows)


def _page(org: Org, rows: list[bytes]) -> web.Response:
    page, rest = rows[: org.behaviour.page_most], rows[org.behaviour.page_most :]
    head = b'{"totalSize":%d,"done":%s' % (len(rows), b"false" if rest else b"true")
    if rest:
        cursor = f"01g{uuid.uuid4().hex[:15]}-{len(page)}"
        org.cursors[cursor] = rest
        head += f',"nextRecordsUrl":"{org.root}/query/{cursor}"'.encode()
    body = head + b',"records":[' + b",".join(page) + b"]}"
    return web.Response(body=body, headers={"Content-Type": "application/json;charset=UTF-8"})


def _refusal(fault: Fault) -> web.Response:
    """Salesforce's answer for a planned fault; a rate limit is 403 here, and with code 1 that of calls at once."""
    if fault.kind == "rate_limit":
        word = "ConcurrentRequests (Concurrent API Requests)" if fault.code == 1 else "TotalRequests"
        error = SalesError(403, "REQUEST_LIMIT_EXCEEDED", f"{word} Limit exceeded.")
    elif fault.kind == "refuse":
        status, code = REFUSALS.get(int(fault.code or 0), (400, "UNKNOWN_EXCEPTION"))
        error = SalesError(status, code, "Simulated fault.")
    else:
        error = SalesError(int(fault.status or 500), "UNKNOWN_EXCEPTION", "Simulated fault.")
    response = answer(error.body(), error.status)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = f"{fault.retry_after:g}"
    return response
