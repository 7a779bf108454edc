"""The control API under `/_sim/`: play customers, plan faults, change settings, read what happened. No token is asked.

| request | body or query | answer |
|---|---|---|
| `GET /_sim/` | | what runs here, backlog |
| `POST /_sim/inbound` | see `inbound.play` | `ids` (wamids) |
| `GET, POST, DELETE /_sim/faults` | one fault or `faults` (see `faults.Fault`); `?id=` for one | `faults` in force |
| `GET, POST /_sim/settings` | sections of `config.Behaviour` | settings now |
| templates, reviews, numbers, blocks, tokens ... | see `account_control` | |
| `POST /_sim/handshake` | `verify_token`? `url`? | `ok`, `status`, `answer` |
| `GET /_sim/log/sends, /log/callbacks, /log/inbound` | `offset`, `limit` (100,000) | see `log` |
| `GET /_sim/stats` | `recipients=0` leaves the long list out | see `log.Journal.stats` |
| `POST /_sim/reset` | | back to the start |

People and messages have their commands in `playing`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from syncer.simulators.whatsapp import account_control, inbound, playing
from syncer.simulators.whatsapp.answers import answer, parsed

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

Body = dict[str, Any]


async def serve_control(platform: Platform, request: web.BaseRequest, command: str) -> web.Response:
    """Serve one control request; 400 with a sentence for a wrong one, 404 for an unknown one."""
    handler = _COMMANDS.get((request.method, command))
    if handler is None:
        return answer({"error": f"no {request.method} /_sim/{command}"}, 404)
    try:
        raw = await request.read()
        body = parsed(raw) if raw else {}
        if not isinstance(body, dict):
            raise ValueError("the body is a JSON object")
        return answer(await handler(platform, request, body))
    except (ValueError, KeyError, TypeError) as error:
        return answer({"error": str(error)}, 400)


async def _overview(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {
        "simulates": "whatsapp",
        "waba_id": platform.config.waba_id,
        "phone_number_ids": list(platform.world.numbers),
        "callback_url": platform.world.callback_url,
        "templates": len(platform.catalogue),
        "scheduled": len(platform.schedule),
        **platform.outbox.backlog(),
    }


async def _inbound(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"ids": inbound.play(platform, body)}


async def _faults(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return {"faults": platform.faults.rows()}


async def _add_faults(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    for spec in body.get("faults", [body]):
        fault = platform.faults.add(spec)
        if fault.kind == "pause" and fault.seconds is not None:
            platform.schedule.after(fault.seconds + 0.01, platform.outbox.pump)
    return {"faults": platform.faults.rows()}


async def _clear_faults(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    fault_id = request.query.get("id")
    platform.faults.clear(int(fault_id) if fault_id else None)
    platform.outbox.pump()
    return {"faults": platform.faults.rows()}


async def _settings(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return asdict(platform.behaviour)


async def _change_settings(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    platform.behaviour.change(body)
    platform.outbox.pump()
    return asdict(platform.behaviour)


async def _handshake(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    url = body.get("url") or platform.world.callback_url
    if not url:
        raise ValueError("no callback address is configured")
    ok, status, said = await platform.outbox.handshake(url, str(body.get("verify_token", platform.config.verify_token)))
    return {"ok": ok, "status": status, "answer": said}


async def _log_sends(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return platform.journal.sends_page(request.query)


async def _log_callbacks(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return platform.journal.callbacks_page(request.query)


async def _log_inbound(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    return platform.journal.inbound_page(request.query)


async def _stats(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    stats = platform.journal.stats(recipients=request.query.get("recipients") != "0")
    return {**stats, "backlog": platform.outbox.backlog() | {"scheduled": len(platform.schedule)}}


async def _reset(platform: Platform, request: web.BaseRequest, body: Body) -> Any:
    platform.reset()
    return {"ok": True}


_COMMANDS: dict[tuple[str, str], Callable[[Platform, web.BaseRequest, Body], Awaitable[Any]]] = {
    ("GET", ""): _overview,
    ("POST", "inbound"): _inbound,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "settings"): _settings,
    ("POST", "settings"): _change_settings,
    **account_control.COMMANDS,
    ("POST", "handshake"): _handshake,
    ("GET", "log/sends"): _log_sends,
    ("GET", "log/callbacks"): _log_callbacks,
    ("GET", "log/inbound"): _log_inbound,
    ("GET", "stats"): _stats,
    ("POST", "reset"): _reset,
    **playing.COMMANDS,
}
