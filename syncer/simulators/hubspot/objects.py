"""Single records and lists of them: `/crm/objects/{version}/{kind}[/{id}]`, search and merge."""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps, loads
from typing import Any

from aiohttp import web

from syncer.simulators.hubspot import links, searching
from syncer.simulators.hubspot.errors import HubError, invalid, missing_object
from syncer.simulators.hubspot.index import Index
from syncer.simulators.hubspot.portal import Portal
from syncer.simulators.hubspot.records import Collection, Record

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]

_JSON = {"Content-Type": "application/json;charset=utf-8"}
_USUAL_PAGE, _LONGEST_PAGE = 10, 100


def encoded(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    return dumps(value, ensure_ascii=False, separators=(",", ":")).encode() if orjson is None else orjson.dumps(value)


def answer(value: Any, status: int = 200) -> web.Response:
    """A JSON response."""
    return web.Response(body=encoded(value), status=status, headers=_JSON)


async def body_of(request: web.BaseRequest) -> dict[str, Any]:
    """The JSON object of a request; raises 400 for anything else."""
    try:
        value = loads(await request.read())
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise HubError(400, "VALIDATION_ERROR", "Invalid input JSON")
    return value


def names_of(query: Mapping[str, str]) -> tuple[str, ...]:
    """The `properties` asked for in an address."""
    return tuple(sorted({name for name in query.get("properties", "").split(",") if name}))


async def listed(portal: Portal, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`GET /crm/objects/{version}/{kind}`: one page in the order of the ids, whose `after` is the last id."""
    query = request.query
    limit = query.get("limit", str(_USUAL_PAGE))
    if not limit.isdigit() or not 0 < int(limit) <= _LONGEST_PAGE:
        raise invalid(f"limit must be between 1 and {_LONGEST_PAGE}")
    after = query.get("after", "0")
    if not after.isdigit():
        raise invalid("after is not a cursor of this list")
    ids, more = collection.page(int(after), int(limit), archived=query.get("archived") == "true")
    if not collection.poisoned.isdisjoint(ids):
        raise HubError(500, "INTERNAL_ERROR", "internal error")
    rows = _rendered(collection, ids, _known(collection, names_of(query)))
    tail = b"]}"
    if more:
        link = f"{request.url.with_query({**query, 'after': str(ids[-1])})}"
        tail = b'],"paging":' + encoded({"next": {"after": str(ids[-1]), "link": link}}) + b"}"
    return web.Response(body=b'{"results":[' + rows + tail, headers=_JSON)


def _known(collection: Collection, names: tuple[str, ...]) -> tuple[str, ...]:
    """Unknown properties are passed over; without any, those that always come."""
    usual = ("email", "firstname", "lastname") if collection.schema.kind == "contacts" else ()
    return tuple(name for name in names or usual if name in collection.schema.properties)


def _rendered(collection: Collection, ids: list[int], names: tuple[str, ...]) -> bytes:
    """Made-up contacts are written straight from their number, which is five times as fast."""
    rows = collection.rows
    if rows.keys().isdisjoint(ids):
        return ",".join(collection.seeds.rendered(ids, names)).encode() if ids else b""
    made = [
        encoded(collection.shown(rows[number], names))
        if number in rows
        else collection.seeds.rendered([number], names)[0].encode()
        for number in ids
    ]
    return b",".join(made)


async def created(portal: Portal, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`POST /crm/objects/{version}/{kind}`."""
    return answer(collection.shown(make(portal, collection, await body_of(request)), None), 201)


def make(portal: Portal, collection: Collection, told: Mapping[str, Any]) -> Record:
    """A new record with its links; raises 400 and 409, and then nothing was made."""
    others = links.wanted(portal, collection.schema.kind, told.get("associations"))
    record = collection.create(told.get("properties"))
    links.link(collection.schema.kind, record, others)
    return record


def one(collection: Collection, object_id: str, query: Mapping[str, str]) -> Record:
    """The record of an address, by id or by a unique property; raises 404."""
    name = query.get("idProperty")
    record = collection.alive(object_id) if not name else by_property(collection, name, object_id)
    if record is None:
        raise missing_object(collection.schema.kind, object_id)
    return record


def by_property(collection: Collection, name: str, value: str) -> Record | None:
    """The record with this value; raises 400 for a property that may be shared."""
    if name not in collection.schema.uniques:
        raise invalid(f"{name} is not a unique property of {collection.schema.kind}")
    return collection.by_unique(name, value.lower() if name == "email" else value)


async def shown(portal: Portal, collection: Collection, request: web.BaseRequest, object_id: str) -> web.Response:
    """`GET .../{id}`; the id of a merged record answers with the one it was merged into."""
    told = collection.shown(one(collection, object_id, request.query), names_of(request.query))
    return answer(told)


async def changed(portal: Portal, collection: Collection, request: web.BaseRequest, object_id: str) -> web.Response:
    """`PATCH .../{id}`."""
    record = one(collection, object_id, request.query)
    collection.update(record, (await body_of(request)).get("properties"))
    return answer(collection.shown(record, None))


async def archived(portal: Portal, collection: Collection, request: web.BaseRequest, object_id: str) -> web.Response:
    """`DELETE .../{id}`."""
    collection.archive(object_id)
    return web.Response(status=204)


async def merged(portal: Portal, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`POST .../merge`: the first keeps its id."""
    told = await body_of(request)
    record = collection.merge(told.get("primaryObjectId"), told.get("objectIdToMerge"))
    return answer(collection.shown(record, None))


async def searched(portal: Portal, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`POST .../search`."""
    searching.check_size(await request.read())
    told = await body_of(request)
    index = portal.index[collection.schema.kind]
    hits = searching.search(index, collection.schema, told, portal.behaviour.limits.hits_most)
    names = _known(collection, tuple(sorted(set(told.get("properties") or ()))))
    rows = b",".join(_found(collection, index, number, names) for number in hits.ids)
    tail = b"]"
    if hits.after is not None:
        tail += b',"paging":' + encoded({"next": {"after": str(hits.after)}})
    return web.Response(body=b'{"total":%d,"results":[' % hits.total + rows + tail + b"}", headers=_JSON)


def _found(collection: Collection, index: Index, number: int, names: tuple[str, ...]) -> bytes:
    """A hit as the index knows it."""
    if index.made_up(number):
        return collection.seeds.rendered([number], names)[0].encode()
    known = index.document(number)
    return encoded(collection.shown(Record(number, known.properties, known.created, known.updated), names))
