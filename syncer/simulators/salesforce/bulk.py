"""Bulk API 2.0, ingest: a job is opened, takes one CSV file, works for a while, and tells of each record in files."""

from __future__ import annotations

import csv
import io
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from syncer.simulators.salesforce import writing
from syncer.simulators.salesforce.collections_api import answer, body_of
from syncer.simulators.salesforce.errors import SalesError, not_there
from syncer.simulators.salesforce.org import Org

_OPERATIONS = ("insert", "update", "upsert")
_LARGEST = 150 * 1024 * 1024


@dataclass(slots=True)
class Job:
    """One job."""

    id: str
    kind: str
    operation: str
    by: str | None
    state: str = "Open"
    ready_at: float = 0.0
    file: str = ""
    columns: list[str] = field(default_factory=list)
    done: list[dict[str, str]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.id,
            "object": self.kind,
            "operation": self.operation,
            "state": self.state,
            "contentType": "CSV",
            "lineEnding": "LF",
            "contentUrl": f"services/data/v67.0/jobs/ingest/{self.id}/batches",
            "numberRecordsProcessed": len(self.done) + len(self.failed),
            "numberRecordsFailed": len(self.failed),
        }


async def serve(org: Org, request: web.BaseRequest, rest: Sequence[str]) -> web.Response:
    """`/jobs/ingest[/{id}[/batches|successfulResults|failedResults|unprocessedrecords]]`."""
    if not rest and request.method == "POST":
        return answer(_opened(org, await body_of(request)).shown())
    job = org.jobs.get(rest[0]) if rest else None
    if not isinstance(job, Job):
        raise not_there()
    _work(org, job)
    match request.method, list(rest[1:]):
        case "GET", []:
            return answer(job.shown())
        case "PATCH", []:
            _close(org, job, await body_of(request))
            return answer(job.shown())
        case "PUT", ["batches"]:
            return await _taken_in(job, request)
        case "GET", ["successfulResults" | "failedResults" | "unprocessedrecords" as name]:
            return _file(job, name)
    raise not_there()


def _opened(org: Org, told: Mapping[str, Any]) -> Job:
    kind, operation, by = str(told.get("object")), str(told.get("operation")), told.get("externalIdFieldName")
    schema = org.collection(kind, "INVALIDJOB").schema
    if operation not in _OPERATIONS or told.get("contentType", "CSV") != "CSV":
        raise SalesError(400, "INVALIDJOB", f"unknown operation or contentType: {operation}")
    if operation == "upsert" and by not in schema.uniques:
        raise SalesError(400, "INVALIDJOB", f"Field name: {by} is not an external id")
    job = Job(f"750{uuid.uuid4().hex[:15]}", kind, operation, str(by) if by else None)
    org.jobs[job.id] = job
    return job


async def _taken_in(job: Job, request: web.BaseRequest) -> web.Response:
    body = await request.read()
    if job.state != "Open" or job.file:
        raise SalesError(400, "INVALIDJOBSTATE", "a job takes one file, while it is open")
    if not request.headers.get("Content-Type", "").startswith("text/csv") or len(body) > _LARGEST:
        raise SalesError(400, "INVALIDBATCH", "text/csv of at most 150 MB is needed")
    job.file = body.decode()
    return web.Response(status=201)


def _close(org: Org, job: Job, told: Mapping[str, Any]) -> None:
    if told.get("state") not in ("UploadComplete", "Aborted") or job.state != "Open":
        raise SalesError(400, "INVALIDJOBSTATE", f"no way from {job.state} to {told.get('state')}")
    job.state = str(told["state"])
    job.ready_at = time.monotonic() + org.behaviour.bulk_seconds


def _work(org: Org, job: Job) -> None:
    if job.state not in ("UploadComplete", "InProgress"):
        return
    job.state = "InProgress"
    if time.monotonic() >= job.ready_at:
        rows = csv.DictReader(io.StringIO(job.file, newline=""))
        job.columns = list(rows.fieldnames or ())
        for row in rows:
            _write(org, job, row)
        job.state = "JobComplete"


def _write(org: Org, job: Job, row: dict[str, str]) -> None:
    fields = org.schemas[job.kind].fields
    given: dict[str, Any] = {}
    for name, cell in row.items():
        if cell == "" or name is None:
            continue  # an empty cell leaves the field as it is
        known = fields.get(name)
        value: Any = None if cell == "#N/A" else cell
        given[name] = value == "true" if known and known.type == "boolean" and value else value
    try:
        if job.operation == "update":
            record_id = given.pop("Id", None)
            made, new = writing.update(org, job.kind, record_id, given), False
        elif job.operation == "upsert":
            made, new = writing.upsert(org, job.kind, str(job.by), given, save_alike=True)
        else:
            made, new = writing.create(org, job.kind, given, save_alike=True), True
    except SalesError as error:
        told = f"{error.code}:{error.message}:{' '.join(error.fields)} --"
        job.failed.append({"sf__Id": "", "sf__Error": told, **row})
    else:
        job.done.append({"sf__Id": made.id, "sf__Created": str(new).lower(), **row})


def _file(job: Job, name: str) -> web.Response:
    first = {"successfulResults": ["sf__Id", "sf__Created"], "failedResults": ["sf__Id", "sf__Error"]}.get(name, [])
    rows = {"successfulResults": job.done, "failedResults": job.failed}.get(name, [])
    text = io.StringIO()
    writer = csv.DictWriter(text, [*first, *job.columns], lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return web.Response(body=text.getvalue().encode(), content_type="text/csv")
