"""A plan of faults for any vendor's simulator: what breaks, on which route, how often.

A fault hits requests (`REQUEST_KINDS`) or callbacks (`CALLBACK_KINDS`). Routes are the simulator's own names, for
example `messages`; callbacks are `callbacks`, or narrower `callbacks.statuses`. `*` stands for every request route.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from aiohttp import web

REQUEST_KINDS = frozenset(
    {"latency", "rate_limit", "server_error", "refuse", "hang", "cut", "half_answer", "wrong_json", "wrong_shape"}
)
CALLBACK_KINDS = frozenset({"drop", "duplicate", "reorder", "delay", "pause", "repeat"})
BEFORE, AFTER = "before_accept", "after_accept"
_OF_DELIVERIES = ("pause", "repeat")
_FOREVER_SECONDS = 86_400.0
WRONG_BODIES = {
    "truncated": (b'{"messaging_product": "whatsapp", "contacts": [{"inp', "application/json"),
    "html": (b"<!DOCTYPE html><html><body><h1>Sorry, something went wrong.</h1></body></html>", "text/html"),
    "text": (b"OK", "text/plain"),
    "empty": (b"", "application/json"),
}
_OTHER_SHAPE: dict[str, Any] = {"data": []}
_AFTER_BY_DEFAULT = ("wrong_json", "wrong_shape", "half_answer")


@dataclass(slots=True)
class Fault:
    """One line of the plan.

    - `kind`: `latency` (`seconds`), `rate_limit` (429, with Retry-After when `retry_after` is given), `server_error`
      (`status`, 500 by default), `refuse` (the vendor's error `code` with its own status), `hang` (no answer for
      `seconds`, by default none ever; then the connection is cut), `cut` (connection reset), `half_answer` (the
      connection ends in the middle of the answer), `wrong_json` (200 with a body that does not parse: `body` is
      `truncated`, `html`, `text` or `empty`), `wrong_shape` (200 with JSON of another shape, or `answer`); for
      callbacks `drop`, `duplicate` (an item twice, the second time up to `seconds` later), `repeat` (a whole delivery
      twice, byte for byte), `reorder` (held back a random time up to `seconds`), `delay` (`seconds`), `pause` (nothing
      leaves, for `seconds` or until the plan is cleared).
    - `moment`: whether the request is carried out first (`after_accept`) or never (`before_accept`, the default except
      for wrong and half answers). `latency` is a slow request with the first and a slow answer with the second.
    - `share` of the requests that it hits (0..1), at most `count` times, after the first `skip` were left alone.
    - `code`: the vendor's own error code to answer with, where the kind answers with an error.
    """

    route: str
    kind: str
    moment: str = BEFORE
    share: float = 1.0
    count: int | None = None
    skip: int = 0
    seconds: float | None = None
    status: int | None = None
    code: int | None = None
    retry_after: float | None = None
    body: str = "truncated"
    answer: Any = None
    id: int = 0
    seen: int = 0
    hits: int = 0
    since: float = field(default_factory=time.monotonic)

    def row(self) -> dict[str, Any]:
        """The fault as JSON, with `hits` so far."""
        return {key: value for key, value in asdict(self).items() if key != "since" and value is not None}

    def concerns(self, route: str) -> bool:
        """Whether a thing on `route` can be hit: the same route, one below it, or any request for `*`."""
        if self.route == "*":
            return not route.startswith("callbacks")
        return route == self.route or route.startswith(self.route + ".")

    def strikes(self, rng: random.Random) -> bool:
        """Decide for one thing on the route, counting it."""
        self.seen += 1
        spent = self.count is not None and self.hits >= self.count
        if self.seen <= self.skip or spent or (self.share < 1.0 and rng.random() >= self.share):
            return False
        self.hits += 1
        return True


def fault_from(spec: Mapping[str, Any]) -> Fault:
    """A fault from its JSON; raises `ValueError` that names what is wrong with it."""
    allowed = {item.name for item in fields(Fault)} - {"id", "seen", "hits", "since"}
    if unknown := sorted(set(spec) - allowed):
        raise ValueError(f"a fault has no {unknown[0]!r}; it has {', '.join(sorted(allowed))}")
    if "route" not in spec or "kind" not in spec:
        raise ValueError("a fault needs 'route' and 'kind'")
    kinds = CALLBACK_KINDS if str(spec["route"]).startswith("callbacks") else REQUEST_KINDS
    if spec["kind"] not in kinds:
        raise ValueError(f"a fault on {spec['route']!r} is one of {', '.join(sorted(kinds))}")
    if spec.get("body", "truncated") not in WRONG_BODIES:
        raise ValueError(f"'body' is one of {', '.join(WRONG_BODIES)}")
    if spec["kind"] == "refuse" and "code" not in spec:
        raise ValueError("'refuse' needs a 'code'")
    moment = spec.get("moment", AFTER if spec["kind"] in _AFTER_BY_DEFAULT else BEFORE)
    if moment not in (BEFORE, AFTER):
        raise ValueError(f"'moment' is {BEFORE!r} or {AFTER!r}")
    for name in ("share", "count", "skip", "seconds", "status", "code", "retry_after"):
        if not isinstance(spec.get(name, 0), int | float | None):
            raise ValueError(f"{name!r} is a number")
    return Fault(**{**spec, "moment": moment})


class FaultPlan:
    """The faults in force, in order; the first that strikes wins. Falsy while there are none, so that the healthy path
    pays nothing."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._faults: list[Fault] = []
        self._last_id = 0

    def __bool__(self) -> bool:
        return bool(self._faults)

    def add(self, spec: Mapping[str, Any]) -> Fault:
        """Put one more fault in force; raises `ValueError` for a malformed one."""
        fault = fault_from(spec)
        self._last_id += 1
        fault.id = self._last_id
        self._faults.append(fault)
        return fault

    def clear(self, fault_id: int | None = None) -> int:
        """Take one fault, or all, out of force; returns how many."""
        before = len(self._faults)
        self._faults = [fault for fault in self._faults if fault_id is not None and fault.id != fault_id]
        return before - len(self._faults)

    def rows(self) -> list[dict[str, Any]]:
        """Every fault in force as JSON."""
        return [fault.row() for fault in self._faults]

    def pick(self, route: str, *, only: str | None = None) -> Fault | None:
        """The fault that hits this request or callback, if any; those of whole deliveries are asked for by `only`."""
        for fault in self._faults:
            asked = fault.kind == only if only else fault.kind not in _OF_DELIVERIES
            if asked and fault.concerns(route) and fault.strikes(self._rng):
                return fault
        return None

    def paused(self) -> bool:
        """Whether callbacks are held."""
        now = time.monotonic()
        return any(
            fault.kind == "pause" and (fault.seconds is None or now < fault.since + fault.seconds)
            for fault in self._faults
        )


async def serve_through(
    fault: Fault,
    request: web.BaseRequest,
    serve: Callable[[], Awaitable[web.Response]],
    refuse: Callable[[Fault], Awaitable[web.Response]],
) -> web.StreamResponse:
    """Serve one request as `fault` has it: `serve` carries it out, `refuse` renders the vendor's error for the
    fault."""
    answer = await serve() if fault.moment == AFTER else None
    match fault.kind:
        case "latency":
            await asyncio.sleep(fault.seconds or 1.0)
            return answer if answer is not None else await serve()
        case "rate_limit" | "server_error" | "refuse":
            return await refuse(fault)
        case "wrong_json":
            body, content_type = WRONG_BODIES[fault.body]
            return web.Response(body=body, content_type=content_type)
        case "wrong_shape":
            return web.json_response(_OTHER_SHAPE if fault.answer is None else fault.answer)
        case "half_answer":
            return await _half(request, answer if answer is not None else await serve())
        case "hang":
            await asyncio.sleep(fault.seconds or _FOREVER_SECONDS)
    return _cut(request)


async def _half(request: web.BaseRequest, answer: web.Response) -> web.StreamResponse:
    """Send the head and half of the body, then end the connection."""
    body = bytes(answer.body) if isinstance(answer.body, bytes | bytearray) else b""
    stream = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
    stream.content_length = len(body)
    await stream.prepare(request)
    await stream.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return stream


def _cut(request: web.BaseRequest) -> web.Response:
    """Reset the connection; the response is only for the server, which notices that nobody is there."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
