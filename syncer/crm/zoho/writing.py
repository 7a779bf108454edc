"""Writing batches: each record with its own fate, told by its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from syncer.crm.batches import chunks, written
from syncer.crm.exchange import objects, reading
from syncer.crm.side_by_side import all_of
from syncer.crm.zoho import errors
from syncer.crm.zoho.call import BATCH, Api, parsed
from syncer.domain.crm_record import WriteResult
from syncer.domain.errors import DeliveryError, Never

Row = Mapping[str, Any]
#: Values in one `in` of a query.
IN = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record: its id, or why there is none. `told` is Zoho's own word."""

    id: str | None = None
    error: DeliveryError | None = None
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def existing(self) -> str | None:
        """The record that has a value already which only one may have."""
        return errors.existing_id(self.told) if self.error else None

    @property
    def is_gone(self) -> bool:
        """Whether there is no record of the id written to."""
        name = errors.details(self.told).get("api_name")
        return isinstance(self.error, Never) and self.error.code == "INVALID_DATA" and name == "id"


def write(api: Api, method: str, path: str, rows: Mapping[str, Row], **extra: Any) -> dict[str, Outcome]:
    """Insert (POST), update (PUT) or upsert; `rows` by our own reference. No workflow of the organisation is set off:
    what we write must not come back to us as somebody's work.

    A batch that is refused whole is halved until the one to blame stands alone. Raises `TryAgain`, `TryLater`,
    `FixCredentials` when Zoho itself does not serve; what was written by then may be written again.
    """
    return written(rows, BATCH, partial(_part, api, method, path, extra), lambda error: Outcome(error=error))


def _part(api: Api, method: str, path: str, extra: Mapping[str, Any], rows: Mapping[str, Row]) -> dict[str, Outcome]:
    told = api.batch(method, path, {"data": list(rows.values()), "trigger": [], **extra})
    padded = [*told, *([{}] * (len(rows) - len(told)))]
    return {ref: outcome(item) for ref, item in zip(rows, padded, strict=False)}


def outcome(item: Mapping[str, Any]) -> Outcome:
    """What Zoho's word on one record means."""
    if item.get("status") == "success":
        crm_id = errors.details(item).get("id")
        return Outcome(None if crm_id is None else str(crm_id), told=item)
    if not item.get("code"):
        return Outcome(error=errors.VENDOR.silence())
    return Outcome(error=errors.from_item(item), told=item)


def read(api: Api, module: str, ids: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The records with these ids, by id; those that are not there are left out. Raises as `write`."""
    found: dict[str, dict[str, Any]] = {}
    for part in chunks(list(dict.fromkeys(ids)), BATCH):
        found |= _read(api, module, part, ",".join(names))
    return found


def _read(api: Api, module: str, ids: Sequence[str], fields: str) -> dict[str, dict[str, Any]]:
    try:
        told = parsed(api.get(module, {"ids": ",".join(ids), "fields": fields}))
    except Never as error:
        if error.code != "INVALID_DATA":
            raise reading(error) from error
        # An id that no record could have spoils the question for all.
        if len(ids) == 1:
            return {}
        half = len(ids) // 2
        return _read(api, module, ids[:half], fields) | _read(api, module, ids[half:], fields)
    return {str(row.get("id")): row for row in objects(told.get("data"))}


def having(
    api: Api, module: str, names: Sequence[str], values: Sequence[str], wanted: Sequence[str]
) -> list[dict[str, Any]]:
    """The records with one of `values` in one of the fields `names`, each with its id and the fields `wanted`. Asked of
    the database itself: no index of searches lags behind. Raises as `write`."""
    parts = chunks(list(dict.fromkeys(values)), IN)
    found = all_of([partial(_having, api, module, names, part, wanted) for part in parts])
    return list({str(row.get("id")): row for rows in found for row in rows}.values())


def _having(
    api: Api, module: str, names: Sequence[str], values: Sequence[str], wanted: Sequence[str]
) -> list[dict[str, Any]]:
    listed = ", ".join(map(quoted, values))
    # Conditions come in pairs, each pair in brackets of its own.
    where = f"{names[0]} in ({listed})"
    for name in names[1:]:
        where = f"({where} or {name} in ({listed}))"
    select = f"select {', '.join(dict.fromkeys(['id', *wanted]))} from {module} where {where} order by id asc"
    try:
        return api.query(f"{select} limit 0, 200")
    except Never as error:
        raise reading(error) from error


def quoted(text: str) -> str:
    """A text as COQL takes it: a quote inside of it stands twice (Kaizen #171)."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def result(ref: str, found: Outcome | None) -> WriteResult:
    """An outcome as the flows are told of it."""
    return WriteResult(ref, error=errors.VENDOR.silence() if found is None else found.error)
