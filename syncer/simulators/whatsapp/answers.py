"""JSON in and out, with orjson where it is installed."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from syncer.simulators.whatsapp.errors import GraphError

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

_HEADERS = {"Content-Type": "application/json; charset=UTF-8"}


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
