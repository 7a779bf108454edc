"""Files: those that customers sent, and those to be sent to them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import FileResponse

from config.values import ApiKey
from syncer import parts
from syncer.bootstrap import Runtime
from syncer.flows.media import place, suggested_name
from syncer.web.api.shared import Joined, NumberInPath, View
from syncer.web.auth import needs
from syncer.web.problems import Problem, absent

router = APIRouter(prefix="/media", tags=["messages"])
Caller = Annotated[ApiKey, Depends(needs("messages"))]


class Uploaded(View):
    """The platform's id of a file; good for 30 days, for the number that sends."""

    id: str


@router.get("/{id}", summary="A file that a customer sent", responses={404: {}}, response_class=FileResponse)
def fetch(number: NumberInPath, caller: Caller, runtime: Joined) -> FileResponse:
    """Always as a download and never shown in place: what a stranger sends may be a page with a script in it."""
    row = parts.lookups(runtime).medium(number)
    if row is None:
        raise absent("file", number)
    path = place(runtime.media_folder, row.sha256 or "")
    if row.fetched_at is None or not path.is_file():
        raise Problem(404, f"file {number} is not here{' yet' if row.fetched_at is None else ''}: {row.state}")
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    kind = row.mime_type or "application/octet-stream"
    return FileResponse(path, media_type=kind, filename=suggested_name(row), headers=headers)


@router.post("", status_code=201, summary="Upload a file to be sent")
async def upload(
    request: Request,
    caller: Caller,
    runtime: Joined,
    filename: Annotated[str, Query(min_length=1, max_length=240)],
    content_type: Annotated[str, Header(max_length=100)] = "application/octet-stream",
) -> Uploaded:
    """The body is the file itself, its type in `Content-Type`. The platform's limits hold: 5 MB for an image, 16 MB for
    audio and video, 100 MB for a document."""
    async with _stored(request) as path:
        media_id = await run_sync(_send, runtime, path, content_type.split(";")[0].strip(), filename)
    return Uploaded(id=media_id)


def _send(runtime: Runtime, path: Path, mime_type: str, filename: str) -> str:
    number = runtime.settings.whatsapp.phone_number_id or ""
    return runtime.platform.upload(number, path, mime_type, filename)


@asynccontextmanager
async def _stored(request: Request) -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="syncer-upload-") as folder:
        path = Path(folder) / "file"
        async with await anyio.open_file(path, "wb") as file:
            async for chunk in request.stream():
                await file.write(chunk)
        yield path
