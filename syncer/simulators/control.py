"""The part of a CRM simulator's control API (`/_sim/`) that is the same for every vendor.

| request | body | answer |
|---|---|---|
| `GET, POST /_sim/settings` | see `config.Behaviour` | settings now |
| `GET, POST, DELETE /_sim/faults[/{id}]` | one fault or `faults` (see `faults.Fault`) | `faults` in force |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from json import dumps, loads
from typing import Any, Protocol, TypeVar

from aiohttp import web

from syncer.simulators.faults import FaultPlan

Body = dict[str, Any]


class Site(Protocol):
    """A simulated account, whatever the vendor calls it."""

    @property
    def behaviour(self) -> Any:
        """Its settings: a dataclass that knows how to `change`."""

    @property
    def faults(self) -> FaultPlan:
        """What is to go wrong."""


Place = TypeVar("Place", bound=Site)
Command = Callable[[Place, list[str], Body], Any]


async def serve(
    place: Place,
    commands: Mapping[tuple[str, str], Command[Place]],
    request: web.BaseRequest,
    parts: list[str],
    reason: Callable[[Exception], Any],
) -> web.Response:
    """Serve one control request; 400 with a sentence for a wrong one, 404 for an unknown one. `reason` is what a
    refusal of the vendor's own says, None for any other error."""
    key = (request.method, parts[0] if parts else "")
    handler = commands.get(key) or _SHARED.get(key)
    if handler is None:
        return _answer({"error": f"no {request.method} /_sim/{'/'.join(parts)}"}, 404)
    try:
        body = await _body_of(request) if request.method != "GET" else {}
        return _answer(handler(place, parts[1:], body))
    except Exception as error:
        told = reason(error)
        if told is None and not isinstance(error, ValueError | KeyError | TypeError | IndexError):
            raise
        return _answer({"error": repr(error) if told is None else told}, 400)


async def _body_of(request: web.BaseRequest) -> Body:
    raw = await request.read()
    body = loads(raw) if raw else {}
    if not isinstance(body, dict):
        raise ValueError("the body is a JSON object")
    return body


def _answer(value: Any, status: int = 200) -> web.Response:
    body = dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return web.Response(body=body, status=status, headers={"Content-Type": "application/json;charset=utf-8"})


def _settings(place: Site, path: list[str], body: Body) -> Any:
    place.behaviour.change(body)
    return asdict(place.behaviour)


def _faults(place: Site, path: list[str], body: Body) -> Any:
    for spec in body.get("faults", [body] if body else []):
        place.faults.add(spec)
    return {"faults": place.faults.rows()}


def _clear_faults(place: Site, path: list[str], body: Body) -> Any:
    place.faults.clear(int(path[0]) if path else None)
    return {"faults": place.faults.rows()}


_SHARED: dict[tuple[str, str], Callable[[Any, list[str], Body], Any]] = {
    ("GET", "settings"): _settings,
    ("POST", "settings"): _settings,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _faults,
    ("DELETE", "faults"): _clear_faults,
}
