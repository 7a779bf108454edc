"""The control API under `/_sim/`: play the org's people, plan faults, read what was written. No token is asked.
Settings and faults are those of every simulator: see `simulators.control`.

| request | body or query | answer |
|---|---|---|
| `GET /_sim/` | | what runs here |
| `POST /_sim/reset` | `contacts`?, `stamp_step_ms`? | back to the start, with that many made-up contacts |
| `POST /_sim/objects/{kind}` | `fields`, `at`? (ms) | `id`; as if typed in, at that moment |
| `PATCH /_sim/objects/{kind}/{id}` | `fields`, `at`? (ms) | the record |
| `GET /_sim/objects/{kind}[/{id}]` | | all that were typed in or written, each with all it holds |
| `DELETE /_sim/objects/{kind}/{id}[/purge]` | | into the recycle bin, or out of it too |
| `POST /_sim/merge` | `kind`?, `master`, `other` | the record that stays |
| `POST /_sim/bulk` | `first`, `count`, `fields`, `at`? (ms) | so many made-up contacts changed at one moment |
| `POST /_sim/fields/{kind}` | `field` (see `schema.made`), `values`? (of a picklist) | one more, or in its place |
| `DELETE /_sim/fields/{kind}/{name}` | | one field less |
| `POST /_sim/rules/{kind}` | `needed`?, `alike`?, `blocks`? | what the company asks for from now on |
| `POST /_sim/locks/{kind}` | `ids`, `times` | so often is each found locked |
| `POST /_sim/poison/{kind}` | `ids` | reading them answers 500 |
| `POST /_sim/tokens` | `end`?, `scope`?, `allowed`? | |
| `POST /_sim/outbound` | `url`?, `rules`? (see `telling.WANTED`) | whom changes are told from now on |
| `GET /_sim/stats` | | `requests` by route, `tokens` granted, `calls` used |
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from syncer.simulators import control
from syncer.simulators.control import Body, Command
from syncer.simulators.salesforce import writing
from syncer.simulators.salesforce.errors import SalesError
from syncer.simulators.salesforce.ids import record_id
from syncer.simulators.salesforce.org import Org
from syncer.simulators.salesforce.records import Collection, Record
from syncer.simulators.salesforce.seeds import FIRST


async def serve_control(org: Org, request: web.BaseRequest, parts: list[str]) -> web.Response:
    """Serve one control request; 400 with a sentence for a wrong one, 404 for an unknown one."""
    return await control.serve(org, _COMMANDS, request, parts, _reason)


def _reason(error: Exception) -> Any:
    return f"{error.code}: {error.message}" if isinstance(error, SalesError) else None


def _overview(org: Org, path: list[str], body: Body) -> Any:
    held = {kind: len(collection) for kind, collection in org.objects.items()}
    return {"simulates": "salesforce", "organisation": org.config.organisation, "objects": held}


def _reset(org: Org, path: list[str], body: Body) -> Any:
    config = org.config
    org.seed(int(body.get("contacts", config.contacts)), int(body.get("stamp_step_ms", config.stamp_step_ms)))
    org.requests.clear()
    return {"ok": True}


def _all(collection: Collection, row: Record) -> Body:
    """Everything of a record."""
    names = [name for name in collection.schema.fields if collection.value(row, name) is not None]
    return {"id": row.id, "deleted": row.deleted, "fields": {name: collection.value(row, name) for name in names}}


def _read(org: Org, path: list[str], body: Body) -> Any:
    collection = org.collection(path[0])
    if len(path) > 1:
        return _all(collection, writing.there(collection, path[1]))
    return {"records": [_all(collection, row) for _, row in sorted(collection.rows.items())]}


def _type_in(org: Org, path: list[str], body: Body) -> Any:
    fields = body.get("fields") or {}
    return {"id": writing.create(org, path[0], fields, save_alike=True, typed=True, at=body.get("at")).id}


def _retype(org: Org, path: list[str], body: Body) -> Any:
    row = writing.update(org, path[0], path[1], body.get("fields") or {}, typed=True, at=body.get("at"))
    return _all(org.collection(path[0]), row)


def _remove(org: Org, path: list[str], body: Body) -> Any:
    collection = org.collection(path[0])
    row = writing.there(collection, path[1])
    if path[2:] == ["purge"]:
        collection.purge(row)
    else:
        collection.delete(row)
    return {"ok": True}


def _merge(org: Org, path: list[str], body: Body) -> Any:
    kind = str(body.get("kind", "Contact"))
    return _all(org.collection(kind), writing.merge(org, kind, body["master"], body["other"]))


def _bulk(org: Org, path: list[str], body: Body) -> Any:
    first = FIRST + int(body.get("first", 0))
    for number in range(first, first + int(body["count"])):
        writing.update(org, "Contact", record_id("003", number), body.get("fields") or {}, at=body.get("at"))
    return {"ok": True}


def _field(org: Org, path: list[str], body: Body) -> Any:
    schema = org.collection(path[0]).schema
    return schema.add(str(body["field"]), body if "values" in body else None).described()


def _no_field(org: Org, path: list[str], body: Body) -> Any:
    del org.collection(path[0]).schema.fields[path[1]]
    return {"ok": True}


def _rules(org: Org, path: list[str], body: Body) -> Any:
    schema = org.collection(path[0]).schema
    schema.needed = set(body.get("needed", schema.needed))
    schema.alike = tuple(body.get("alike", schema.alike))
    schema.blocks = bool(body.get("blocks", schema.blocks))
    return {"needed": sorted(schema.needed), "alike": schema.alike, "blocks": schema.blocks}


def _locks(org: Org, path: list[str], body: Body) -> Any:
    collection = org.collection(path[0])
    for one in body["ids"]:
        collection.locked[writing.there(collection, one).number] = int(body.get("times", 1))
    return {"ok": True}


def _poison(org: Org, path: list[str], body: Body) -> Any:
    collection = org.collection(path[0])
    collection.poisoned = {writing.there(collection, one).number for one in body["ids"]}
    return {"poisoned": body["ids"]}


def _tokens(org: Org, path: list[str], body: Body) -> Any:
    if body.get("end"):
        org.gate.end_tokens()
    org.gate.scope = str(body.get("scope", org.gate.scope))
    org.gate.allowed = bool(body.get("allowed", org.gate.allowed))
    return {"scope": org.gate.scope, "allowed": org.gate.allowed}


def _outbound(org: Org, path: list[str], body: Body) -> Any:
    org.outbound_url = str(body.get("url", org.outbound_url))
    org.outbound_rules = list(body.get("rules", org.outbound_rules))
    return {"url": org.outbound_url, "rules": list(org.outbound_rules)}


def _stats(org: Org, path: list[str], body: Body) -> Any:
    return {"requests": dict(org.requests), "tokens": org.gate.granted, "calls": org.behaviour.calls_used}


_COMMANDS: dict[tuple[str, str], Command[Org]] = {
    ("GET", ""): _overview,
    ("POST", "reset"): _reset,
    ("GET", "objects"): _read,
    ("POST", "objects"): _type_in,
    ("PATCH", "objects"): _retype,
    ("DELETE", "objects"): _remove,
    ("POST", "merge"): _merge,
    ("POST", "bulk"): _bulk,
    ("POST", "fields"): _field,
    ("DELETE", "fields"): _no_field,
    ("POST", "rules"): _rules,
    ("POST", "locks"): _locks,
    ("POST", "poison"): _poison,
    ("POST", "tokens"): _tokens,
    ("POST", "outbound"): _outbound,
    ("GET", "stats"): _stats,
}
