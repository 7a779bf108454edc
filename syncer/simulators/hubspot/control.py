"""The control API under `/_sim/`: play the portal's people, plan faults, read what was written. No token is asked.
Settings and faults are those of every simulator: see `simulators.control`.

| request | body or query | answer |
|---|---|---|
| `GET /_sim/` | | what runs here |
| `POST /_sim/reset` | `contacts`?, `stamp_step_ms`? | back to the start, with that many made-up contacts |
| `POST /_sim/objects/{kind}` | `properties`, `at`? (ms), `links`? by kind | `id`; as if typed in, at that moment |
| `PATCH /_sim/objects/{kind}/{id}` | `properties`, `at`? (ms) | the record |
| `GET /_sim/objects/{kind}[/{id}]` | | all that were typed in or written, each with all it holds |
| `DELETE /_sim/objects/{kind}/{id}` | | into the recycling bin |
| `POST /_sim/merge` | `primary`, `other` | the record that stays |
| `POST /_sim/bulk` | `first`, `count`, `properties`, `at`? (ms) | so many made-up contacts changed at one moment |
| `POST /_sim/owners` | `id`, `email`, `first_name`, `last_name` | |
| `POST /_sim/properties/{kind}` | one property as the API takes it | |
| `POST /_sim/rules/{kind}` | `required` (names) | what a record must have from now on |
| `POST /_sim/poison/{kind}` | `ids` | reading them answers 500 |
| `POST /_sim/tokens` | `accept`?, `expire`?, `scopes`? | |
| `POST /_sim/webhooks` | `url`?, `secret`?, `subscriptions`? (see `telling.WANTED`) | whom changes are told |
| `GET /_sim/stats` | | `requests` by route, `refused` by a rate limit |
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from syncer.simulators import control
from syncer.simulators.control import Body, Command
from syncer.simulators.hubspot import links
from syncer.simulators.hubspot.errors import HubError
from syncer.simulators.hubspot.people import Owner
from syncer.simulators.hubspot.portal import Portal
from syncer.simulators.hubspot.records import Collection, Record
from syncer.simulators.hubspot.seeds import FIRST_ID


async def serve_control(portal: Portal, request: web.BaseRequest, parts: list[str]) -> web.Response:
    """Serve one control request; 400 with a sentence for a wrong one, 404 for an unknown one."""
    return await control.serve(portal, _COMMANDS, request, parts, _reason)


def _reason(error: Exception) -> Any:
    return error.message if isinstance(error, HubError) else None


def _overview(portal: Portal, path: list[str], body: Body) -> Any:
    held = {kind: len(collection) for kind, collection in portal.objects.items()}
    return {"simulates": "hubspot", "portal_id": portal.config.portal_id, "objects": held}


def _reset(portal: Portal, path: list[str], body: Body) -> Any:
    config = portal.config
    portal.seed(int(body.get("contacts", config.contacts)), int(body.get("stamp_step_ms", config.stamp_step_ms)))
    portal.requests.clear()
    return {"ok": True}


def _all(collection: Collection, record: Record) -> Body:
    """Everything of a record."""
    told = collection.shown(record, tuple(collection.schema.properties))
    told["properties"] = {name: value for name, value in told["properties"].items() if value is not None}
    return told | {"links": {kind: [str(one) for one in sorted(ids)] for kind, ids in record.links.items()}}


def _read(portal: Portal, path: list[str], body: Body) -> Any:
    collection = portal.collection(path[0])
    if len(path) > 1:
        return _all(collection, _there(collection, path[1]))
    return {"results": [_all(collection, record) for record in collection.held()]}


def _there(collection: Collection, object_id: str) -> Record:
    record = collection.find(object_id)
    if record is None:
        raise ValueError(f"there is no {object_id}")
    return record


def _type_in(portal: Portal, path: list[str], body: Body) -> Any:
    at = body.get("at")
    record = portal.collection(path[0]).create(body.get("properties") or {}, at=None if at is None else int(at))
    for kind, others in (body.get("links") or {}).items():
        for one in others:
            links.default_link(portal, path[0], record.id, kind, one)
    return {"id": str(record.id)}


def _retype(portal: Portal, path: list[str], body: Body) -> Any:
    collection = portal.collection(path[0])
    record, at = _there(collection, path[1]), body.get("at")
    collection.update(record, body.get("properties") or {}, at=None if at is None else int(at), force=True)
    return _all(collection, record)


def _remove(portal: Portal, path: list[str], body: Body) -> Any:
    portal.collection(path[0]).archive(path[1])
    return {"ok": True}


def _merge(portal: Portal, path: list[str], body: Body) -> Any:
    contacts = portal.objects["contacts"]
    return _all(contacts, contacts.merge(body["primary"], body["other"]))


def _bulk(portal: Portal, path: list[str], body: Body) -> Any:
    contacts, at = portal.objects["contacts"], body.get("at")
    first = FIRST_ID + int(body.get("first", 0))
    for number in range(first, first + int(body["count"])):
        record = _there(contacts, str(number))
        contacts.update(record, body.get("properties") or {}, at=None if at is None else int(at), force=True)
    return {"ok": True}


def _owner(portal: Portal, path: list[str], body: Body) -> Any:
    owner = Owner(int(body["id"]), str(body["email"]), str(body["first_name"]), str(body["last_name"]))
    portal.owners[owner.id] = owner
    return owner.shown()


def _property(portal: Portal, path: list[str], body: Body) -> Any:
    return portal.collection(path[0]).schema.add(body).shown()


def _rules(portal: Portal, path: list[str], body: Body) -> Any:
    portal.collection(path[0]).schema.required = set(body["required"])
    return {"required": body["required"]}


def _poison(portal: Portal, path: list[str], body: Body) -> Any:
    portal.collection(path[0]).poisoned = {int(one) for one in body["ids"]}
    return {"poisoned": body["ids"]}


def _tokens(portal: Portal, path: list[str], body: Body) -> Any:
    if "accept" in body:
        portal.gate.accept(str(body["accept"]))
    if "expire" in body:
        portal.gate.expire(str(body["expire"]))
    if "scopes" in body:
        portal.gate.scopes = set(body["scopes"])
    return {"scopes": sorted(portal.gate.scopes)}


def _webhooks(portal: Portal, path: list[str], body: Body) -> Any:
    portal.webhook_url = str(body.get("url", portal.webhook_url))
    portal.webhook_secret = str(body.get("secret", portal.webhook_secret))
    portal.subscriptions = list(body.get("subscriptions", portal.subscriptions))
    return {"url": portal.webhook_url, "subscriptions": list(portal.subscriptions)}


def _stats(portal: Portal, path: list[str], body: Body) -> Any:
    return {"requests": dict(portal.requests), "refused": portal.gate.refused}


_COMMANDS: dict[tuple[str, str], Command[Portal]] = {
    ("GET", ""): _overview,
    ("POST", "reset"): _reset,
    ("GET", "objects"): _read,
    ("POST", "objects"): _type_in,
    ("PATCH", "objects"): _retype,
    ("DELETE", "objects"): _remove,
    ("POST", "merge"): _merge,
    ("POST", "bulk"): _bulk,
    ("POST", "owners"): _owner,
    ("POST", "properties"): _property,
    ("POST", "rules"): _rules,
    ("POST", "poison"): _poison,
    ("POST", "tokens"): _tokens,
    ("POST", "webhooks"): _webhooks,
    ("GET", "stats"): _stats,
}
