"""Tying records to contacts that were not known when they were recorded: a hundred with one request.

Source: "Associations API", `batch/associate/default`. The answer lists what is tied now, and an error for each record
or contact that is not there; whatever it is silent about is tied on its own, and then told clearly.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from syncer.crm.batches import written
from syncer.crm.exchange import objects
from syncer.crm.hubspot import errors
from syncer.crm.hubspot.call import BATCH, Api, is_id, parsed
from syncer.crm.hubspot.writing import Outcome
from syncer.domain.errors import DeliveryError, Never

Pairs = Mapping[str, tuple[str, str]]
"""Our reference -> the record's id and the contact's."""


def tie(api: Api, kind: str, pairs: Pairs) -> dict[str, Outcome]:
    """Tie records of this kind to their contacts; returns those that could not be tied. Raises `TryAgain`, `TryLater`,
    `FixCredentials`; what was tied by then may be tied again."""
    possible = {ref: pair for ref, pair in pairs.items() if is_id(pair[1])}
    outcomes = written(possible, BATCH, partial(_part, api, kind), lambda error: Outcome(error=error))
    for ref, (_, contact) in pairs.items():
        if ref not in possible:
            outcomes[ref] = Outcome(error=Never(f"there is no contact '{contact}'", code="OBJECT_NOT_FOUND"))
    return {ref: outcome for ref, outcome in outcomes.items() if outcome.error is not None}


def _part(api: Api, kind: str, pairs: Pairs) -> dict[str, Outcome]:
    inputs = [{"from": {"id": record}, "to": {"id": contact}} for record, contact in pairs.values()]
    path = f"associations/{kind}/contacts/batch/associate/default"
    answer = parsed(api.call("POST", path, json={"inputs": inputs}))
    tied = {(_end(row, "from"), _end(row, "to")) for row in objects(answer.get("results"))}
    refused = {one: errors.from_item(item) for item in objects(answer.get("errors")) for one in _named(item)}
    return {ref: Outcome() if pair in tied else _left(api, kind, pair, refused) for ref, pair in pairs.items()}


def _left(api: Api, kind: str, pair: tuple[str, str], refused: Mapping[str, DeliveryError]) -> Outcome:
    """One that the answer does not list as tied."""
    error = next((refused[one] for one in pair if one in refused), None)
    return Outcome(error=error) if error is not None else _alone(api, kind, *pair)


def _alone(api: Api, kind: str, record: str, contact: str) -> Outcome:
    try:
        api.call("PUT", f"objects/{kind}/{record}/associations/default/contacts/{contact}")
    except Never as error:
        return Outcome(error=error)
    return Outcome()


def _end(row: Mapping[str, Any], which: str) -> str:
    told = row.get(which)
    return str(told.get("id")) if isinstance(told, dict) else ""


def _named(item: Mapping[str, Any]) -> list[str]:
    """The ids that an error is about."""
    context = item.get("context")
    told = (context.get("id") or context.get("ids")) if isinstance(context, dict) else None
    return [str(one) for one in told] if isinstance(told, list) else []
