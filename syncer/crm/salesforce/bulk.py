"""Thousands of records at once: a job of Bulk API 2.0 in place of dozens of collections.

Source: "Bulk API 2.0 and Bulk API developer guide", ingest. A job takes one CSV file; an empty cell leaves a field as
it is, `#N/A` empties it. What became of each record is told in files when the job has ended.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping, Sequence
from typing import Any

from syncer.crm.batches import chunks
from syncer.crm.refusals import HALF_ANSWER
from syncer.crm.salesforce import errors
from syncer.crm.salesforce.call import Api, parsed
from syncer.crm.salesforce.writing import HEADERS, Outcome, Record
from syncer.domain.errors import FixCredentials, Never, TryAgain, TryLater
from syncer.domain.text import storable

#: More records than these go by a job (the vendor's own advice).
ABOVE = 2_000
#: Records of one job: far below its 150 MB, and its files are read whole.
MOST = 10_000
#: A job that has not ended after so many seconds is left alone: whoever writes again changes nothing twice.
PATIENCE = 300.0
_EMPTIED = "#N/A"


def write(
    api: Api, kind: str, verb: str, records: Mapping[str, Record], *, by: str | None = None
) -> dict[str, Outcome]:
    """As `writing.write`, for `update` and `upsert`. Also raises `TryLater` for a job that takes too long."""
    column = by or "Id"
    silence = Outcome(error=TryAgain("the job says nothing of this record", code=HALF_ANSWER))
    found: dict[str, Outcome] = {}
    for part in chunks(list(records), MOST):
        keys = {str(records[ref][column]): ref for ref in part}
        job = _started(api, kind, verb, [records[ref] for ref in part], by)
        _await_end(api, job)
        told = _results(api, job, column)
        found |= {ref: told.get(key, silence) for key, ref in keys.items()}
    return found


def _started(api: Api, kind: str, verb: str, records: Sequence[Record], by: str | None) -> str:
    asked = {"object": kind, "operation": verb, "contentType": "CSV", "lineEnding": "LF"}
    if by:
        asked["externalIdFieldName"] = by
    try:
        job = str(parsed(api.call("POST", "jobs/ingest", json=asked, headers=HEADERS)).get("id"))
        file = as_csv(records)
        api.call("PUT", f"jobs/ingest/{job}/batches", data=file, headers={"Content-Type": "text/csv; charset=UTF-8"})
        api.call("PATCH", f"jobs/ingest/{job}", json={"state": "UploadComplete"})
    except Never as error:
        # No single record is to blame for a job that is refused.
        raise FixCredentials(error.detail, code=error.code) from error
    return job


def as_csv(records: Sequence[Record]) -> bytes:
    """The records as a job takes them; a field that a record does not have stays as it is."""
    names = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(record[name]) if name in record else "" for name in names] for record in records)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None or value == "":
        return _EMPTIED
    if isinstance(value, bool):
        return "true" if value else "false"
    return storable(str(value))


def _await_end(api: Api, job: str) -> None:
    until = time.monotonic() + PATIENCE
    pause = 0.1
    while time.monotonic() < until:
        told = parsed(api.get(f"jobs/ingest/{job}"))
        match told.get("state"):
            case "JobComplete":
                return
            case "Failed" | "Aborted" as state:
                # What was done by then is told record by record; the rest stands among the unprocessed.
                if told.get("numberRecordsProcessed"):
                    return
                raise TryAgain(f"the job {job} ended as {state}: {told.get('errorMessage')}", code=str(state))
        api.pace.wait(pause)
        pause *= 2
    raise TryLater(f"the job {job} has not ended after {PATIENCE:g} s", code="bulk", wait_seconds=60.0)


def _results(api: Api, job: str, column: str) -> dict[str, Outcome]:
    """What became of each record, by its value of `column`."""
    found = {row[column]: Outcome(row["sf__Id"]) for row in _file(api, job, "successfulResults", column)}
    for row in _file(api, job, "failedResults", column):
        found[row[column]] = Outcome(error=errors.from_bulk(row.get("sf__Error") or ""))
    return found


def _file(api: Api, job: str, name: str, column: str) -> list[dict[str, str]]:
    response = api.call("GET", f"jobs/ingest/{job}/{name}", headers={"Accept": "text/csv"})
    rows = csv.DictReader(io.StringIO(response.body.decode("utf-8", "replace"), newline=""))
    if not {"sf__Id", column} <= set(rows.fieldnames or ()):
        raise errors.VENDOR.not_promised(response.status, response.body)
    return list(rows)
