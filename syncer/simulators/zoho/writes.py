"""Insert, update, upsert, delete and tags: up to a hundred records at once, each with its own fate (207)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from syncer.simulators.zoho import moments
from syncer.simulators.zoho.answers import answer, body_of
from syncer.simulators.zoho.errors import ZohoError, invalid, missing, unknown_id
from syncer.simulators.zoho.organisation import Organisation
from syncer.simulators.zoho.records import SYSTEM_CHECKS, Collection, Record
from syncer.simulators.zoho.schema import NO_UPSERT, unknown_module
from syncer.simulators.zoho.values import checked

_MOST, _MOST_TAGGED, _LONGEST_TAG, _MOST_TAGS = 100, 500, 25, 10
Written = tuple[Record, str]
"""A record and what was done to it: insert or update."""


async def inserted(place: Organisation, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`POST /{module}`."""
    told = await body_of(request)
    return _each(place, collection, told, lambda row: _insert(place, collection, row), 201)


async def updated(place: Organisation, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`PUT /{module}`."""

    def change(row: Mapping[str, Any]) -> Written:
        if "id" not in row:
            raise missing("id")
        record = collection.find(row["id"])
        if record is None:
            raise unknown_id()
        return _update(place, collection, record, row)

    return _each(place, collection, await body_of(request), change, 200)


async def upserted(place: Organisation, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`POST /{module}/upsert`, by the fields named in `duplicate_check_fields`."""
    told, module = await body_of(request), collection.schema.module
    if module in NO_UPSERT:
        raise unknown_module(module)
    names = told.get("duplicate_check_fields") or [*SYSTEM_CHECKS.get(module, ()), *collection.schema.uniques]
    for name in names:
        if name not in (*collection.schema.uniques, *SYSTEM_CHECKS.get(module, ())):
            raise invalid("duplicate_check_fields", "the field is not unique")

    def write(row: Mapping[str, Any]) -> Written:
        for name in names:
            record = collection.by_unique(name, row[name]) if row.get(name) else None
            if record is not None:
                return _update(place, collection, record, row)
        return _insert(place, collection, row)

    return _each(place, collection, told, write, 201, upsert=True)


async def removed(place: Organisation, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`DELETE /{module}?ids=`."""
    found: list[dict[str, Any]] = []
    for one in request.query.get("ids", "").split(","):
        row = collection.find(one)
        if row is None:
            found.append(unknown_id().body(len(found)))
            continue
        collection.delete(row, moments.now())
        place.heard(collection.schema.module, "delete", [str(row.id)])
        found.append(
            {"code": "SUCCESS", "details": {"id": str(row.id)}, "message": "record deleted", "status": "success"}
        )
    return _told(found, 200)


async def tagged(place: Organisation, collection: Collection, request: web.BaseRequest, verb: str) -> web.Response:
    """`POST /{module}/actions/add_tags` and `remove_tags`."""
    told = await body_of(request)
    labels = [str(tag.get("name") or "") for tag in told.get("tags") or () if isinstance(tag, dict)]
    ids = told.get("ids")
    if not labels or not all(0 < len(label) <= _LONGEST_TAG for label in labels):
        raise invalid("tags", maximum_length=_LONGEST_TAG)
    if not isinstance(ids, list) or not 0 < len(ids) <= _MOST_TAGGED:
        raise invalid("ids")
    found = [_tag(place, collection, one, labels, verb == "add_tags") for one in ids]
    return _told(found, 200)


def _tag(place: Organisation, collection: Collection, one: object, labels: Sequence[str], add: bool) -> dict[str, Any]:
    row = collection.find(one)
    if row is None:
        return unknown_id().body(0)
    kept = [label for label in row.tags if add or label not in labels]
    kept += [label for label in labels if add and label not in kept]
    if len(kept) > _MOST_TAGS:
        return ZohoError(400, "LIMIT_EXCEEDED", "tag limit exceeded", api_name="tags", limit=_MOST_TAGS).body(0)
    row.tags, row.modified = kept, moments.now()
    place.heard(collection.schema.module, "update", [str(row.id)])
    return {
        "code": "SUCCESS",
        "details": {"id": str(row.id), "tags": [{"name": label} for label in kept]},
        "message": "tags updated successfully",
        "status": "success",
    }


def _insert(place: Organisation, collection: Collection, row: Mapping[str, Any]) -> Written:
    kept = checked(collection.schema, row, place.exists, new=True, have={})
    owner = kept.pop("Owner", None)
    record = collection.create(kept, moments.now())
    record.owner = owner["id"] if owner else "1"
    return record, "insert"


def _update(place: Organisation, collection: Collection, record: Record, row: Mapping[str, Any]) -> Written:
    kept = checked(collection.schema, row, place.exists, new=False, have=record.values)
    owner = kept.pop("Owner", None)
    collection.update(record, kept, moments.now())
    record.owner = owner["id"] if owner else record.owner
    return record, "update"


def _each(
    place: Organisation,
    collection: Collection,
    told: Mapping[str, Any],
    write: Callable[[Mapping[str, Any]], Written],
    status: int,
    *,
    upsert: bool = False,
) -> web.Response:
    rows = told.get("data")
    if not isinstance(rows, list) or not rows:
        raise invalid("data", expected_data_type="jsonarray")
    if len(rows) > _MOST:
        raise ZohoError(400, "LIMIT_EXCEEDED", "more records than one call takes", api_name="data", limit=_MOST)
    found: list[dict[str, Any]] = []
    done: dict[str, list[str]] = {"insert": [], "update": []}
    for number, row in enumerate(rows):
        try:
            record, action = write(row)
        except ZohoError as error:
            found.append(error.body(number))
            continue
        done[action].append(str(record.id))
        found.append(_success(record, action, upsert))
    if told.get("trigger") != []:
        place.workflows += sum(map(len, done.values()))
    for action, ids in done.items():
        if ids:
            place.heard(collection.schema.module, action, ids)
    return _told(found, status)


def _success(record: Record, action: str, upsert: bool) -> dict[str, Any]:
    details = {"id": str(record.id), "Created_Time": moments.shown(record.created)}
    details["Modified_Time"] = moments.shown(record.modified)
    message = "record added" if action == "insert" else "record updated"
    told = {"code": "SUCCESS", "details": details, "message": message, "status": "success"}
    return told | ({"action": action, "duplicate_field": None} if upsert else {})


def _told(found: list[dict[str, Any]], status: int) -> web.Response:
    good = sum(one["status"] == "success" for one in found)
    return answer({"data": found}, status if good == len(found) else 207 if good else 400)
