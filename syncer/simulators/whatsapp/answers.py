"""JSON in and out, with orjson where it is installed."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from syncer.simulators.whatsapp.errors import GraphError

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

_HEADERS = {"Content-Type": "application/json; charset=UTF-8"}
_USUAL_PAGE, _LONGEST_PAGE = 25, 1_000
_FORM = "application/x-www-form-urlencoded"


def dumps(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    if orjson is None:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return orjson.dumps(value)


def parsed(body: bytes) -> Any:
    """The JSON of a request body; raises `ValueError`."""
    return json.loads(body) if orjson is None else orjson.loads(body)


def answer(value: Any, status: int = 200) -> web.Response:
    """A JSON response."""
    return web.Response(body=dumps(value), status=status, headers=_HEADERS)


def refusal(error: GraphError) -> web.Response:
    """The response for a refusal, with `Retry-After` where it names a time."""
    response = answer(error.envelope(), error.http)
    if error.retry_after is not None:
        response.headers["Retry-After"] = f"{error.retry_after:g}"
    return response


async def graph_object(request: web.BaseRequest) -> dict[str, Any]:
    """The JSON object of a Graph request, {} for an empty body; raises code 100 for anything else."""
    body = await request.read()
    try:
        value = parsed(body) if body else {}
    except ValueError:
        raise GraphError(100, message="(#100) The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise GraphError(100, message="(#100) The request body must be a JSON object.")
    return value


async def graph_parameters(request: web.BaseRequest) -> dict[str, Any]:
    """The parameters of a management request, from wherever the Graph API takes them: query, form or JSON body.

    In a query or a form objects and lists are JSON texts, everything else is a string. The token is left out.
    """
    told: dict[str, Any] = {key: _loose(value) for key, value in request.query.items()}
    if request.content_type == _FORM:
        pairs = parse_qsl((await request.read()).decode("utf-8", "replace"), keep_blank_values=True)
        told |= {key: _loose(value) for key, value in pairs}
    else:
        told |= await graph_object(request)
    told.pop("access_token", None)
    return told


def chosen(row: Mapping[str, Any], query: Mapping[str, str], usual: Iterable[str]) -> dict[str, Any]:
    """The asked-for `fields`, always with the id; an unknown field is refused as the Graph API does."""
    wanted = [name.strip() for name in query["fields"].split(",")] if query.get("fields") else list(usual)
    for name in wanted:
        if name not in row:
            raise GraphError(100, message=f"(#100) Tried accessing nonexisting field ({name}) on node type")
    return {name: row[name] for name in dict.fromkeys([*wanted, "id"]) if row[name] is not None}


def paged(request: web.BaseRequest, rows: Sequence[Any]) -> dict[str, Any]:
    """One page of a short listing for `limit`, `after` and `before`, with the cursors and the address of the next."""
    query, most = request.query, page_limit(request.query.get("limit"))
    end = _place(query["before"]) if "before" in query else len(rows)
    start = max(end - most, 0) if "before" in query else _place(query["after"]) + 1 if "after" in query else 0
    end = min(end, start + most)
    result: dict[str, Any] = {"data": list(rows[start:end])}
    if start < end:
        cursors = {"before": _cursor(start), "after": _cursor(end - 1)}
        result["paging"] = {"cursors": cursors}
        if end < len(rows):
            result["paging"]["next"] = next_address(request, cursors["after"])
    return result


def next_address(request: web.BaseRequest, cursor: str) -> str:
    """The address of the page after this cursor."""
    return str(request.url.without_query_params("before").update_query(after=cursor))


def page_limit(text: str | None) -> int:
    """The `limit` of a listing, 25 by default; raises 100 for what is no number from 1 to 1,000."""
    if text is None:
        return _USUAL_PAGE
    if not text.isdigit() or not 1 <= int(text) <= _LONGEST_PAGE:
        raise GraphError(100, message="(#100) Param limit must be a number between 1 and 1000.")
    return int(text)


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def _place(cursor: str) -> int:
    try:
        return max(int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))), 0)
    except (ValueError, binascii.Error):
        raise GraphError(100, message="(#100) Invalid cursors values: the cursor is not one of this list.") from None


def _loose(text: str) -> Any:
    if text[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
