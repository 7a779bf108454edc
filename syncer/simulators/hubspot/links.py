"""Associations between records: by type id at creation, or by default at their own endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from syncer.simulators.hubspot.errors import HubError, invalid
from syncer.simulators.hubspot.portal import Portal
from syncer.simulators.hubspot.records import Record

Told = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""The results and the errors of a batch."""

#: (from, type id) -> to; HUBSPOT_DEFINED.
TYPES = {
    ("communications", 81): "contacts",
    ("communications", 83): "tickets",
    ("notes", 202): "contacts",
    ("tasks", 204): "contacts",
    ("tickets", 16): "contacts",
    ("contacts", 15): "tickets",
    ("contacts", 82): "communications",
    ("contacts", 203): "tasks",
}


def wanted(portal: Portal, kind: str, told: object) -> list[tuple[str, Record]]:
    """The records that a new one of this kind is to be linked with, each with its kind; raises 400 for what cannot be
    linked."""
    told = told or []
    if not isinstance(told, list):
        raise invalid("associations must be a list")
    found = []
    for item in told:
        object_id = (item.get("to") or {}).get("id")
        for one in item.get("types") or []:
            to = TYPES.get((kind, one.get("associationTypeId")))
            if to is None or one.get("associationCategory") != "HUBSPOT_DEFINED":
                raise invalid(f"One or more association types are not valid for {kind}")
            other = portal.objects[to].alive(object_id)
            if other is None:
                raise HubError(
                    400,
                    "VALIDATION_ERROR",
                    f"One or more associations are not valid. {to} {object_id} does not exist",
                    context={"associatedIds": [str(object_id)]},
                )
            found.append((to, other))
    return found


def link(kind: str, record: Record, others: Iterable[tuple[str, Record]]) -> None:
    """Tie a record of this kind to others, both ways."""
    for to, other in others:
        record.links.setdefault(to, set()).add(other.id)
        other.links.setdefault(kind, set()).add(record.id)


def default_link(portal: Portal, kind: str, object_id: object, to: str, to_id: object) -> dict[str, Any]:
    """The default association of two records; raises 404 where one is not there, 400 where the kinds have none."""
    number = next((number for (one, number), other in TYPES.items() if (one, other) == (kind, to)), None)
    if number is None:
        raise invalid(f"No default association from {kind} to {to}")
    record, other = portal.collection(kind).alive(object_id), portal.collection(to).alive(to_id)
    if record is None or other is None:
        raise _lost(kind, object_id) if record is None else _lost(to, to_id)
    link(kind, record, [(to, other)])
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}
    return {"from": {"id": str(record.id)}, "to": {"id": str(other.id)}, "associationSpec": spec}


def link_all(portal: Portal, kind: str, to: str, inputs: Sequence[Mapping[str, Any]]) -> Told:
    """The default association of pairs of records. Raises 400, and then nothing was tied: the kinds have none, or an
    input does not name both ends."""
    pairs = [(_end(item, "from"), _end(item, "to")) for item in inputs]
    return _each(lambda pair: default_link(portal, kind, pair[0], to, pair[1]), pairs)


def read_all(portal: Portal, kind: str, to: str, inputs: Sequence[Mapping[str, Any]]) -> Told:
    """What records are tied to; raises 400 where the kinds have no association."""
    return _each(lambda one: read(portal, kind, one, to), [item.get("id") for item in inputs])


def _end(item: Mapping[str, Any], which: str) -> object:
    end = item.get(which)
    if not isinstance(end, dict) or not isinstance(end.get("id"), str):
        raise invalid(f"Invalid input JSON: {which} must be an object with an id")
    return end["id"]


def _each(do: Callable[[Any], dict[str, Any]], items: Sequence[Any]) -> Told:
    found, errors = [], []
    for item in items:
        try:
            found.append(do(item))
        except HubError as error:
            if error.status != 404:
                raise
            errors.append(error.item(None))
    return found, errors


def _lost(kind: str, object_id: object) -> HubError:
    """As associations tell it: with the kind and the id of the one that is not there."""
    context = {"objectType": [kind.removesuffix("s")], "id": [str(object_id)]}
    text = f"No {kind.removesuffix('s')} with ID {object_id} exists"
    return HubError(404, "OBJECT_NOT_FOUND", text, context=context)


def read(portal: Portal, kind: str, object_id: object, to: str) -> dict[str, Any]:
    """What a record is tied to; raises 404 where it is not there, 400 where the kinds have no association."""
    number = next((number for (one, number), other in TYPES.items() if (one, other) == (kind, to)), None)
    if number is None:
        raise invalid(f"No association from {kind} to {to}")
    record = portal.collection(kind).alive(object_id)
    if record is None:
        raise _lost(kind, object_id)
    types = [{"category": "HUBSPOT_DEFINED", "typeId": number, "label": None}]
    others = [portal.collection(to).alive(one) for one in sorted(record.links.get(to, ()))]
    there = list(dict.fromkeys(str(other.id) for other in others if other is not None))
    return {"from": {"id": str(record.id)}, "to": [{"toObjectId": one, "associationTypes": types} for one in there]}
