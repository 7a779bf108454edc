"""Writing batches: each input with its own fate, whatever way HubSpot tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from syncer.crm.batches import chunks, written
from syncer.crm.exchange import objects, reading
from syncer.crm.hubspot import errors
from syncer.crm.hubspot.call import BATCH, Api
from syncer.domain.errors import DeliveryError, Never

Input = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one input: the record's id, or why there is none."""

    id: str | None = None
    error: DeliveryError | None = None


def write(api: Api, kind: str, verb: str, inputs: Mapping[str, Input]) -> dict[str, Outcome]:
    """Create, update or upsert; `inputs` by our own reference, which travels as `objectWriteTraceId`.

    A batch that is refused whole is halved until the one to blame stands alone. Raises `TryAgain`, `TryLater`,
    `FixCredentials` when HubSpot itself does not serve; what was written by then may be written again.
    """
    return written(inputs, BATCH, partial(_part, api, kind, verb), lambda error: Outcome(error=error))


def _part(api: Api, kind: str, verb: str, inputs: Mapping[str, Input]) -> dict[str, Outcome]:
    # Short and plain, since the vendor names no limit for it, and our references may be long.
    traces = {str(place): ref for place, ref in enumerate(inputs)}
    told = [{**inputs[ref], "objectWriteTraceId": trace} for trace, ref in traces.items()]
    return _outcomes(api.batch(kind, verb, {"inputs": told}), traces, told)


def _outcomes(answer: Mapping[str, Any], traces: Mapping[str, str], told: Sequence[Input]) -> dict[str, Outcome]:
    by_id = {str(item["id"]): str(item["objectWriteTraceId"]) for item in told if "id" in item}
    found = {ref: Outcome(error=errors.VENDOR.silence()) for ref in traces.values()}
    for row in objects(answer.get("results")):
        trace = str(row.get("objectWriteTraceId") or by_id.get(str(row.get("id")), ""))
        if trace in traces:
            found[traces[trace]] = Outcome(id=str(row.get("id")))
    for item in objects(answer.get("errors")):
        error = errors.from_item(item)
        for trace in _concerned(item, by_id):
            if trace in traces:
                found[traces[trace]] = Outcome(error=error)
    return found


def _concerned(item: Mapping[str, Any], by_id: Mapping[str, str]) -> list[str]:
    context = item.get("context")
    if not isinstance(context, dict):
        return []
    traces = [str(one) for one in _listed(context.get("objectWriteTraceId"))]
    return traces or [by_id.get(str(one), "") for one in _listed(context.get("ids"))]


def read(api: Api, kind: str, ids: Sequence[str], names: Sequence[str], by: str | None = None) -> list[dict[str, Any]]:
    """The records with these ids, or with these values of the unique property `by`; those that are not there are left
    out. Raises as `write`."""
    rows: list[dict[str, Any]] = []
    for part in chunks(list(dict.fromkeys(ids)), BATCH):
        body: dict[str, Any] = {"properties": list(names), "inputs": [{"id": one} for one in part]}
        try:
            answer = api.batch(kind, "read", body | ({"idProperty": by} if by else {}))
        except Never as error:
            if errors.is_missing(error):
                continue
            raise reading(error) from error
        rows += objects(answer.get("results"))
    return rows


def properties(row: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a record; none of them is an empty text."""
    told = row.get("properties")
    return {name: value or None for name, value in told.items()} if isinstance(told, dict) else {}


def to_contact(crm_id: str | None, kind: int) -> list[dict[str, Any]]:
    """A new record's link to a contact; `kind` is HubSpot's own number of it."""
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}]
    return [{"to": {"id": crm_id}, "types": types}] if crm_id else []


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
