"""Up to a hundred records at once: read, create, update, upsert, archive - each with its own fate (207).

One input that does not hold fails the whole batch, unless every input carries an `objectWriteTraceId` of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from syncer.simulators.hubspot.errors import HubError, invalid, missing_object
from syncer.simulators.hubspot.moments import iso, now_ms
from syncer.simulators.hubspot.objects import answer, body_of, by_property, make
from syncer.simulators.hubspot.portal import Portal
from syncer.simulators.hubspot.records import Collection, Record

Input = Mapping[str, Any]


async def read(portal: Portal, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`POST .../batch/read`: those that are there, and the ids of those that are not."""
    told = await body_of(request)
    inputs, name = inputs_of(portal, told), told.get("idProperty")
    found: dict[int, Record] = {}
    missing = []
    for item in inputs:
        wanted = str(item.get("id"))
        record = by_property(collection, str(name), wanted) if name else collection.alive(wanted)
        if record is None:
            missing.append(wanted)
        else:
            found[record.id] = record
    if not collection.poisoned.isdisjoint(found):
        raise HubError(500, "INTERNAL_ERROR", "internal error")
    errors = []
    if missing:
        text = f"Could not get some {collection.schema.kind.upper()[:-1]} objects, they may be deleted or not exist. "
        lost = HubError(404, "OBJECT_NOT_FOUND", text + "Check that ids are valid.", context={"ids": missing})
        errors = [lost.item(None)]
    names = tuple(told.get("properties") or ())
    return _told([collection.shown(record, names) for record in found.values()], errors, 200)


async def create(portal: Portal, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`POST .../batch/create`."""
    inputs = inputs_of(portal, await body_of(request))
    return _each(collection, inputs, lambda item: (make(portal, collection, item), None), 201)


async def update(portal: Portal, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`POST .../batch/update`."""

    def change(item: Input) -> tuple[Record, None]:
        record = _asked_for(collection, item)
        if record is None:
            raise missing_object(collection.schema.kind, item.get("id"))
        collection.update(record, item.get("properties"))
        return record, None

    inputs = inputs_of(portal, await body_of(request))
    _no_twins(inputs)
    return _each(collection, inputs, change, 200)


async def upsert(portal: Portal, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`POST .../batch/upsert`, by a unique property of each input."""

    def write(item: Input) -> tuple[Record, bool]:
        name, value = str(item.get("idProperty", "")), str(item.get("id", ""))
        record = _asked_for(collection, item)
        if record is None:
            return collection.create({**(item.get("properties") or {}), name: value}), True
        collection.update(record, item.get("properties"))
        return record, False

    inputs = inputs_of(portal, await body_of(request))
    if not all(item.get("idProperty") for item in inputs):
        raise invalid("An upsert needs an idProperty")
    _no_twins(inputs)
    return _each(collection, inputs, write, 200)


async def archive(portal: Portal, collection: Collection, request: web.BaseRequest) -> web.Response:
    """`POST .../batch/archive`."""
    for item in inputs_of(portal, await body_of(request)):
        collection.archive(item.get("id"))
    return web.Response(status=204)


def inputs_of(portal: Portal, told: Mapping[str, Any]) -> list[Input]:
    """The inputs of a batch; raises 400 for none at all, for anything but objects, and for too many."""
    inputs, most = told.get("inputs"), portal.behaviour.limits.batch_most
    if not isinstance(inputs, list) or not inputs or not all(isinstance(item, dict) for item in inputs):
        raise invalid("inputs must be a list of objects")
    if most and len(inputs) > most:
        raise invalid(f"The maximum number of inputs supported in a batch request is {most}")
    return inputs


def _no_twins(inputs: Sequence[Input]) -> None:
    twice = [name for name, times in Counter(str(item.get("id")) for item in inputs).items() if times > 1]
    if twice:
        raise invalid(f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique")


def _asked_for(collection: Collection, item: Input) -> Record | None:
    name = item.get("idProperty")
    return by_property(collection, str(name), str(item.get("id"))) if name else collection.alive(item.get("id"))


def _each(
    collection: Collection, inputs: Sequence[Input], write: Callable[[Input], tuple[Record, bool | None]], status: int
) -> web.Response:
    traces = [item.get("objectWriteTraceId") for item in inputs]
    told_apart = None not in traces and len(set(traces)) == len(traces)
    results, errors = [], []
    for item in inputs:
        trace = item.get("objectWriteTraceId")
        try:
            record, new = write(item)
        except HubError as error:
            if not told_apart:
                raise
            errors.append(error.item(str(trace)))
            continue
        shown = collection.shown(record, tuple(item.get("properties") or ()))
        results.append(
            shown
            | ({} if new is None else {"new": new})
            | ({} if trace is None else {"objectWriteTraceId": str(trace)})
        )
    return _told(results, errors, status)


def _told(results: Sequence[Mapping[str, Any]], errors: Sequence[Mapping[str, Any]], status: int) -> web.Response:
    moment = iso(now_ms())
    told: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": moment, "completedAt": moment}
    if errors:
        told |= {"numErrors": len(errors), "errors": errors}
    return answer(told, 207 if errors else status)
