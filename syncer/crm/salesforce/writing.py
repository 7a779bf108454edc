"""Writing collections: each record with its own fate, told by its place in the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from syncer.crm.batches import written
from syncer.crm.refusals import HALF_ANSWER
from syncer.crm.salesforce import errors, soql
from syncer.crm.salesforce.call import BATCH, Api, listed
from syncer.crm.side_by_side import all_of
from syncer.domain.errors import DeliveryError, Never, TryAgain

Record = Mapping[str, Any]

#: Where the org's rules for duplicates only warn, records are saved; those that block still do.
HEADERS = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
#: How often a record that somebody else works on is tried again at once, and the seconds before.
_LOCK_PAUSES = (0.2, 0.8)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record: its id, or why there is none. `fields` are those that are blamed, `alike` the records
    that a rule takes for the same."""

    id: str | None = None
    error: DeliveryError | None = None
    fields: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()


def write(
    api: Api, kind: str, verb: str, records: Mapping[str, Record], *, by: str | None = None
) -> dict[str, Outcome]:
    """`create`, `update` (with `Id`), or `upsert` by the external id `by`; records by our own reference.

    A record that is locked is tried again at once; a collection that is refused whole is halved until the one to blame
    stands alone. Raises `TryAgain`, `TryLater`, `FixCredentials` when Salesforce itself does not serve; what was
    written by then may be written again.
    """
    send = partial(_part, api, kind, verb, by)
    found = written(records, BATCH, send, _refused)
    for pause in _LOCK_PAUSES:
        locked = [ref for ref, outcome in found.items() if errors.is_locked(outcome.error)]
        if not locked:
            break
        api.pace.wait(pause)
        found |= written({ref: records[ref] for ref in locked}, BATCH, send, _refused)
    return found


def _part(api: Api, kind: str, verb: str, by: str | None, records: Mapping[str, Record]) -> dict[str, Outcome]:
    told = [{"attributes": {"type": kind}, **record} for record in records.values()]
    path = f"composite/sobjects/{kind}/{by}" if verb == "upsert" else "composite/sobjects"
    method = "POST" if verb == "create" else "PATCH"
    items = listed(api.call(method, path, json={"allOrNone": False, "records": told}, headers=HEADERS))
    if len(items) != len(records):
        raise TryAgain("Salesforce does not say what became of each record", code=HALF_ANSWER)
    return {ref: _outcome(item) for ref, item in zip(records, items, strict=True)}


def _refused(error: Never) -> Outcome:
    return Outcome(error=error)


def _outcome(item: Mapping[str, Any]) -> Outcome:
    if item.get("success") and item.get("id"):
        return Outcome(str(item["id"]))
    told = [one for one in item.get("errors") or () if isinstance(one, dict)]
    if not told:
        return Outcome(error=errors.VENDOR.silence())
    fields = tuple(str(name) for one in told for name in one.get("fields") or ())
    return Outcome(error=errors.from_item(told[0]), fields=fields, alike=tuple(_alike(told[0])))


def _alike(error: Mapping[str, Any]) -> Iterable[str]:
    """The ids of the records that a rule for duplicates names. Salesforce itself misspells the word."""
    told = error.get("duplicateResult") or error.get("duplicateResut")
    for result in told.get("matchResults") or () if isinstance(told, dict) else ():
        for match in result.get("matchRecords") or () if isinstance(result, dict) else ():
            record = match.get("record") if isinstance(match, dict) else None
            if isinstance(record, dict) and record.get("Id"):
                yield str(record["Id"])


def read(api: Api, kind: str, names: Sequence[str], column: str, values: Iterable[str]) -> list[dict[str, Any]]:
    """The records that have one of these values in `column`; those that are not there are left out. Raises as
    `write`."""
    asked = f"SELECT {','.join(dict.fromkeys(('Id', *names)))} FROM {kind} WHERE {column} IN"
    looks = [partial(api.rows, f"{asked} {soql.listed(part)}") for part in soql.parts(values)]
    return [row for rows in all_of(looks) for row in rows]
