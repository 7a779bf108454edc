"""Up to 200 records at once, each with its own fate, told by its place: `/composite/sobjects`; and single ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from json import dumps, loads
from typing import Any

from aiohttp import web

from syncer.simulators.salesforce import writing
from syncer.simulators.salesforce.errors import SalesError, not_there, refused, unparsable
from syncer.simulators.salesforce.org import Org

_JSON = {"Content-Type": "application/json;charset=UTF-8"}
_SYSTEM = ("JSON_PARSER_ERROR", "INVALID_FIELD", "NOT_FOUND")
Written = Callable[[Mapping[str, Any]], dict[str, Any]]


def answer(value: Any, status: int = 200) -> web.Response:
    """A JSON response."""
    body = dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return web.Response(body=body, status=status, headers=_JSON)


async def body_of(request: web.BaseRequest) -> dict[str, Any]:
    """The JSON object of a request; raises 400 for anything else."""
    try:
        value = loads(await request.read())
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise unparsable("The HTTP entity body is required to be a JSON object")
    return value


async def created(org: Org, request: web.BaseRequest) -> web.Response:
    """`POST /composite/sobjects`."""
    save = _saves_alike(request)
    return _each(
        await _records(org, request), lambda item: _told(writing.create(org, *_split(item), save_alike=save).id)
    )


async def updated(org: Org, request: web.BaseRequest) -> web.Response:
    """`PATCH /composite/sobjects`, by the `Id` in each record."""

    def write(item: Mapping[str, Any]) -> dict[str, Any]:
        kind, values = _split(item)
        record_id = values.pop("Id", values.pop("id", None))
        if not record_id:
            raise refused("MISSING_ARGUMENT", "Id not specified in an update call", "Id")
        return _told(writing.update(org, kind, record_id, values).id)

    items = await _records(org, request)
    _no_twins(items, "Id")
    return _each(items, write)


async def upserted(org: Org, request: web.BaseRequest, kind: str, by: str) -> web.Response:
    """`PATCH /composite/sobjects/{kind}/{external id field}`."""
    save = _saves_alike(request)
    if by not in org.collection(kind).schema.uniques:
        raise not_there(f"Provided external ID field does not exist or is not accessible: {by}")

    def write(item: Mapping[str, Any]) -> dict[str, Any]:
        named, values = _split(item)
        if named != kind:
            raise refused("INVALID_TYPE", f"the record is no {kind}")
        row, new = writing.upsert(org, kind, by, values, save_alike=save)
        return {**_told(row.id), "created": new}

    items = await _records(org, request)
    twice = {str(item.get(by)) for item, times in _counted(items, by) if times > 1}

    def write_one(item: Mapping[str, Any]) -> dict[str, Any]:
        if str(item.get(by)) in twice:
            raise refused("DUPLICATE_VALUE", f"Duplicate external id specified: {item.get(by)}", by)
        return write(item)

    return _each(items, write_one)


async def deleted(org: Org, request: web.BaseRequest) -> web.Response:
    """`DELETE /composite/sobjects?ids=...`."""
    found = []
    for record_id in request.query.get("ids", "").split(","):
        kind = next((one for one, schema in org.schemas.items() if schema.prefix == record_id[:3]), "Contact")
        try:
            found.append(_told(writing.delete(org, kind, record_id).id))
        except SalesError as error:
            found.append(error.item())
    return answer(found)


async def single(org: Org, request: web.BaseRequest, kind: str, rest: Sequence[str]) -> web.Response:
    """`/sobjects/{kind}[/{id}]`, `/sobjects/{kind}/{external id field}/{value}`."""
    collection, method = org.collection(kind), request.method
    if not rest and method == "POST":
        row = writing.create(org, kind, await body_of(request), save_alike=_saves_alike(request))
        return answer({"id": row.id, "success": True, "errors": []}, 201)
    if len(rest) == 2 and method == "PATCH":
        given = {**await body_of(request), rest[0]: rest[1]}
        row, new = writing.upsert(org, kind, rest[0], given, save_alike=_saves_alike(request))
        return answer({"id": row.id, "success": True, "errors": [], "created": new}, 201 if new else 200)
    if len(rest) != 1:
        raise not_there()
    found = collection.find(rest[0])
    if found is None or found.deleted:
        raise not_there("Provided external ID field does not exist or is not accessible")
    match method:
        case "GET":
            names = (
                request.query.get("fields", "").split(",") if "fields" in request.query else collection.schema.fields
            )
            return answer(org.shown(collection, found, list(names)))
        case "PATCH":
            writing.update(org, kind, found.id, await body_of(request))
        case "DELETE":
            writing.delete(org, kind, found.id)
        case _:
            raise SalesError(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed.")
    return web.Response(status=204)


def _each(items: Sequence[Mapping[str, Any]], write: Written) -> web.Response:
    found = []
    for item in items:
        try:
            found.append(write(item))
        except SalesError as error:
            # A value of a wrong type, and a field that there is not, spoil the request as a whole.
            if error.code in _SYSTEM:
                raise
            found.append(error.item())
    return answer(found)


async def _records(org: Org, request: web.BaseRequest) -> list[dict[str, Any]]:
    told = await body_of(request)
    items = told.get("records")
    if told.get("allOrNone") not in (None, False):
        raise SalesError(400, "FUNCTIONALITY_NOT_ENABLED", "allOrNone is not simulated")
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise unparsable("records must be a list of objects")
    if len(items) > org.behaviour.batch_most:
        text = f"record limit reached. cannot submit more than {org.behaviour.batch_most} records in this operation"
        raise SalesError(400, "EXCEEDED_ID_LIMIT", text)
    return items


def _split(item: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    kind = (item.get("attributes") or {}).get("type")
    if not kind:
        raise SalesError(400, "INVALID_INPUT", "attributes must have a type")
    return str(kind), {name: value for name, value in item.items() if name != "attributes"}


def _counted(items: Sequence[Mapping[str, Any]], name: str) -> list[tuple[Mapping[str, Any], int]]:
    times = Counter(str(item.get(name)) for item in items)
    return [(item, times[str(item.get(name))]) for item in items]


def _no_twins(items: Sequence[Mapping[str, Any]], name: str) -> None:
    twice = next((item for item, times in _counted(items, name) if times > 1), None)
    if twice is not None:
        raise SalesError(400, "DUPLICATE_VALUE", f"duplicate id specified: {twice.get(name)}")


def _told(record_id: str) -> dict[str, Any]:
    return {"id": record_id, "success": True, "errors": []}


def _saves_alike(request: web.BaseRequest) -> bool:
    return "allowsave=true" in request.headers.get("Sforce-Duplicate-Rule-Header", "").lower().replace(" ", "")
