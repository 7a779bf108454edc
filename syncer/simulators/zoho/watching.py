"""Watch channels: who is told of changes, for how long; and the telling, which Zoho does once and unsigned."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import web

from syncer.simulators.zoho import moments
from syncer.simulators.zoho.answers import answer, body_of, encoded, nothing
from syncer.simulators.zoho.errors import ZohoError, invalid, missing
from syncer.simulators.zoho.organisation import Organisation

_LONGEST_TOKEN, _HOUR, _WEEK = 50, 3_600, 7 * 86_400
_EVENTS = {"create": "insert", "edit": "update", "delete": "delete"}
_SECONDS = 5.0


async def serve(place: Organisation, request: web.BaseRequest) -> web.Response:
    """`GET`, `POST`, `PUT`, `PATCH` and `DELETE` of `/actions/watch`."""
    if request.method == "GET":
        wanted = request.query.get("channel_id")
        found = [one for number, one in place.channels.items() if wanted in (None, number) and _alive(one)]
        return answer({"watch": [_shown(one) for one in found]}) if found else nothing()
    if request.method == "DELETE":
        for number in request.query.get("channel_ids", "").split(","):
            place.channels.pop(number, None)
        return answer({"watch": [{"code": "SUCCESS", "status": "success", "message": "deleted", "details": {}}]})
    told = (await body_of(request)).get("watch")
    if not isinstance(told, list) or not told:
        raise invalid("watch", expected_data_type="jsonarray")
    results = [_written(place, row, request.method) for row in told]
    good = sum(one["status"] == "success" for one in results)
    status = 201 if request.method == "POST" else 200
    return answer({"watch": results}, status if good == len(results) else 207 if good else 400)


def _written(place: Organisation, row: Mapping[str, Any], method: str) -> dict[str, Any]:
    try:
        number = str(row.get("channel_id") or "")
        if not number.isdecimal():
            raise missing("channel_id") if not number else invalid("channel_id", expected_data_type="long")
        known = place.channels.get(number)
        if method != "POST" and (known is None or not _alive(known)):
            raise invalid("channel_id", "the channel is not there")
        base = dict(known or {}) if method == "PATCH" else {}
        place.channels[number] = _channel(place, {**base, **row}, number)
    except ZohoError as error:
        return error.body(0)
    events = [{"channel_expiry": moments.shown(place.channels[number]["expires"]), "channel_id": number}]
    return {"code": "SUCCESS", "details": {"events": events}, "message": "Successfully subscribed", "status": "success"}


def _channel(place: Organisation, row: Mapping[str, Any], number: str) -> dict[str, Any]:
    events, url, token = row.get("events"), row.get("notify_url"), str(row.get("token") or "")
    if not isinstance(events, list) or not events:
        raise missing("events")
    for event in events:
        module, _, kind = str(event).partition(".")
        if module not in place.modules or kind not in (*_EVENTS, "all"):
            raise invalid("events", "the event given seems to be invalid")
    if not str(url or "").startswith(("http://", "https://")):
        raise invalid("notify_url", "the URL given seems to be invalid") if url else missing("notify_url")
    if len(token) > _LONGEST_TOKEN:
        raise invalid("token", maximum_length=_LONGEST_TOKEN)
    expires = row.get("expires", moments.now() + _HOUR)
    if row.get("channel_expiry"):
        try:
            expires = moments.parsed(row["channel_expiry"])
        except ValueError:
            raise invalid("channel_expiry", expected_data_type="datetime") from None
    if not moments.now() < expires <= moments.now() + _WEEK:
        raise invalid("channel_expiry", "the channel expiry is not within a week")
    return {"channel_id": number, "events": events, "notify_url": url, "token": token, "expires": expires}


def _alive(channel: Mapping[str, Any]) -> bool:
    return bool(channel["expires"] > moments.now())


def _shown(channel: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in channel.items() if name != "expires"}
    module = str(channel["events"][0]).partition(".")[0]
    expiry = moments.shown(channel["expires"])
    return told | {"channel_expiry": expiry, "resource_name": module, "notify_on_related_action": False}


class Teller:
    """Tells the channels of what was done. Nothing is told twice, and nothing again that did not arrive."""

    def __init__(self, place: Organisation) -> None:
        self._place = place
        self._tasks: set[asyncio.Task[None]] = set()
        place.heard = self.heard

    def heard(self, module: str, operation: str, ids: list[str]) -> None:
        """Something was done to these records."""
        for channel in self._place.channels.values():
            kinds = {str(event).partition(".")[2] for event in channel["events"] if str(event).startswith(f"{module}.")}
            told = {_EVENTS[kind] for kind in kinds if kind in _EVENTS} | ({operation} if "all" in kinds else set())
            if operation in told and _alive(channel):
                self._begin(channel, module, operation, ids)

    def _begin(self, channel: Mapping[str, Any], module: str, operation: str, ids: list[str]) -> None:
        body = {
            "server_time": moments.now() * 1000,
            "affected_values": [],
            "query_params": {},
            "module": module,
            "resource_uri": f"https://www.zohoapis.com/crm/v8/{module}",
            "ids": ids,
            "affected_fields": [],
            "operation": operation,
            "channel_id": channel["channel_id"],
            "token": channel["token"],
        }
        task = asyncio.get_running_loop().create_task(self._tell(str(channel["notify_url"]), body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self, url: str, body: Mapping[str, Any]) -> None:
        fault = self._place.faults.pick("callbacks") if self._place.faults else None
        if fault is not None and fault.kind == "drop":
            return
        if fault is not None and fault.kind in ("delay", "reorder"):
            await asyncio.sleep(fault.seconds or 1.0)
        self._place.requests["callbacks"] += 1
        times = 2 if fault is not None and fault.kind == "duplicate" else 1
        head = {"Content-Type": "application/json"}
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_SECONDS)) as session:
                for _ in range(times):
                    async with session.post(url, data=encoded(body), headers=head) as response:
                        await response.read()
        except (aiohttp.ClientError, TimeoutError):
            self._place.requests["callbacks_lost"] += 1
