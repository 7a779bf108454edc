"""The control API under `/_sim/`: play the people there, plan faults, read what was written. No token is asked.
Settings and faults are those of every simulator: see `simulators.control`.

| request | body or query | answer |
|---|---|---|
| `GET /_sim/` | | what runs here |
| `POST /_sim/reset` | `contacts`?, `stamp_step`? | back to the start, with that many made-up contacts |
| `POST /_sim/records/{module}` | `values`, `tags`?, `owner`?, `at`? (s) | `id`; as if typed in, at that moment |
| `PATCH /_sim/records/{module}/{id}` | the same | the record |
| `GET /_sim/records/{module}[/{id}]` | | all that were typed in or written, each with all it holds |
| `DELETE /_sim/records/{module}/{id}` | | into the recycle bin |
| `POST /_sim/merge` | `into`, `other` | the record that stays; the other goes into the recycle bin |
| `POST /_sim/bulk` | `first`, `count`, `values`, `at`? (s) | so many made-up contacts changed at one moment |
| `POST /_sim/users` | `id`, `name`, `email` | |
| `POST /_sim/fields/{module}` | `field` (see `schema.made`), `values`? (options) | a new field, or another so called |
| `POST /_sim/rules/{module}` | `required` (names) | what a record must have from now on |
| `POST /_sim/poison/{module}` | `ids` | reading them answers 500 |
| `POST /_sim/lock/{module}` | `ids` | writing them answers RECORD_LOCKED |
| `POST /_sim/tokens` | `expire`?, `accept`?, `revoke`?, `scopes`? | `given_out`: how many access tokens |
| `GET /_sim/channels` | | watch channels |
| `GET /_sim/stats` | | `requests` by route, `credits` used, `workflows` set off |
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from syncer.simulators import control
from syncer.simulators.control import Body, Command
from syncer.simulators.zoho import moments
from syncer.simulators.zoho.errors import ZohoError
from syncer.simulators.zoho.organisation import Organisation
from syncer.simulators.zoho.records import Collection, Record
from syncer.simulators.zoho.seeds import FIRST_ID


async def serve_control(place: Organisation, request: web.BaseRequest, parts: list[str]) -> web.Response:
    """Serve one control request; 400 with a sentence for a wrong one, 404 for an unknown one."""
    return await control.serve(place, _COMMANDS, request, parts, _reason)


def _reason(error: Exception) -> Any:
    return error.body() if isinstance(error, ZohoError) else None


def _overview(place: Organisation, path: list[str], body: Body) -> Any:
    return {"simulates": "zoho", "records": {name: len(collection) for name, collection in place.modules.items()}}


def _reset(place: Organisation, path: list[str], body: Body) -> Any:
    config = place.config
    place.seed(int(body.get("contacts", config.contacts)), int(body.get("stamp_step", config.stamp_step)))
    place.requests.clear()
    return {"ok": True}


def _all(place: Organisation, collection: Collection, row: Record) -> Body:
    told = place.shown(collection, row, list(collection.schema.fields))
    return {name: value for name, value in told.items() if value is not None} | {"deleted": row.deleted is not None}


def _read(place: Organisation, path: list[str], body: Body) -> Any:
    collection = place.module(path[0])
    if len(path) > 1:
        return _all(place, collection, _there(collection, path[1]))
    return {"data": [_all(place, collection, row) for row in collection.held()]}


def _there(collection: Collection, record_id: object) -> Record:
    row = collection.find(record_id)
    if row is None:
        raise ValueError(f"there is no {record_id}")
    return row


def _type_in(place: Organisation, path: list[str], body: Body) -> Any:
    """People type what they like: only an API's values are looked at."""
    collection = place.module(path[0])
    row = collection.create(body.get("values") or {}, int(body.get("at", moments.now())))
    row.tags, row.owner = list(body.get("tags") or ()), str(body.get("owner", "1"))
    place.heard(path[0], "insert", [str(row.id)])
    return {"id": str(row.id)}


def _retype(place: Organisation, path: list[str], body: Body) -> Any:
    collection = place.module(path[0])
    row = _there(collection, path[1])
    collection.update(row, body.get("values") or {}, int(body.get("at", moments.now())))
    row.tags, row.owner = list(body.get("tags", row.tags)), str(body.get("owner", row.owner))
    place.heard(path[0], "update", [str(row.id)])
    return _all(place, collection, row)


def _remove(place: Organisation, path: list[str], body: Body) -> Any:
    collection = place.module(path[0])
    collection.delete(_there(collection, path[1]), moments.now())
    place.heard(path[0], "delete", [path[1]])
    return {"ok": True}


def _merge(place: Organisation, path: list[str], body: Body) -> Any:
    contacts = place.module("Contacts")
    kept, other = _there(contacts, body["into"]), _there(contacts, body["other"])
    contacts.delete(other, moments.now())
    contacts.update(kept, {**other.values, **kept.values}, moments.now())
    place.heard("Contacts", "delete", [str(other.id)])
    place.heard("Contacts", "update", [str(kept.id)])
    return _all(place, contacts, kept)


def _bulk(place: Organisation, path: list[str], body: Body) -> Any:
    contacts, at = place.module("Contacts"), int(body.get("at", moments.now()))
    first = FIRST_ID + int(body.get("first", 0))
    for number in range(first, first + int(body["count"])):
        contacts.update(_there(contacts, number), body.get("values") or {}, at)
    return {"ok": True}


def _user(place: Organisation, path: list[str], body: Body) -> Any:
    place.users[str(body["id"])] = {name: str(body[name]) for name in ("name", "id", "email")}
    return place.users[str(body["id"])]


def _field(place: Organisation, path: list[str], body: Body) -> Any:
    collection = place.module(path[0])
    made = collection.schema.add(str(body["field"]), body.get("values") or ())
    collection.index()
    return made.shown()


def _rules(place: Organisation, path: list[str], body: Body) -> Any:
    place.module(path[0]).schema.required = set(body["required"])
    return {"required": body["required"]}


def _poison(place: Organisation, path: list[str], body: Body) -> Any:
    place.module(path[0]).poisoned = {int(one) for one in body["ids"]}
    return {"poisoned": body["ids"]}


def _lock(place: Organisation, path: list[str], body: Body) -> Any:
    place.module(path[0]).locked = {int(one) for one in body["ids"]}
    return {"locked": body["ids"]}


def _tokens(place: Organisation, path: list[str], body: Body) -> Any:
    if body.get("expire"):
        place.gate.expire()
    if "accept" in body:
        place.gate.refresh_tokens.add(str(body["accept"]))
    if "revoke" in body:
        place.gate.refresh_tokens.discard(str(body["revoke"]))
        place.gate.expire()
    if "scopes" in body:
        place.gate.scopes = set(body["scopes"])
    return {"given_out": place.gate.given_out, "scopes": sorted(place.gate.scopes)}


def _channels(place: Organisation, path: list[str], body: Body) -> Any:
    return {"channels": list(place.channels.values())}


def _stats(place: Organisation, path: list[str], body: Body) -> Any:
    return {"requests": dict(place.requests), "credits": place.gate.used, "workflows": place.workflows}


_COMMANDS: dict[tuple[str, str], Command[Organisation]] = {
    ("GET", ""): _overview,
    ("POST", "reset"): _reset,
    ("GET", "records"): _read,
    ("POST", "records"): _type_in,
    ("PATCH", "records"): _retype,
    ("DELETE", "records"): _remove,
    ("POST", "merge"): _merge,
    ("POST", "bulk"): _bulk,
    ("POST", "users"): _user,
    ("POST", "fields"): _field,
    ("POST", "rules"): _rules,
    ("POST", "poison"): _poison,
    ("POST", "lock"): _lock,
    ("POST", "tokens"): _tokens,
    ("GET", "channels"): _channels,
    ("GET", "stats"): _stats,
}
