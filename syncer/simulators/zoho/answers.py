"""Answers and bodies: JSON in, JSON out."""

from __future__ import annotations

from json import dumps, loads
from typing import Any

from aiohttp import web

from syncer.simulators.zoho.errors import ZohoError

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

_JSON = {"Content-Type": "application/json;charset=UTF-8"}


def encoded(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    return dumps(value, ensure_ascii=False, separators=(",", ":")).encode() if orjson is None else orjson.dumps(value)


def answer(value: Any, status: int = 200) -> web.Response:
    """A JSON response."""
    return web.Response(body=encoded(value), status=status, headers=_JSON)


def nothing(status: int = 204) -> web.Response:
    """An answer without a body: no such records (204), none changed since (304)."""
    return web.Response(status=status)


async def body_of(request: web.BaseRequest) -> dict[str, Any]:
    """The JSON object of a request; raises 400 for anything else."""
    try:
        value = loads(await request.read())
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ZohoError(400, "INVALID_DATA", "body", expected_data_type="jsonobject")
    return value
