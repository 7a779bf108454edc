"""How large a request to the API may be."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncer.web.problems import Problem

#: Bytes: a campaign of 100,000 recipients with three parameters each stays below.
LARGEST_BODY = 16 * 1024 * 1024
#: Bytes of a file that is uploaded: the largest document the platform takes.
LARGEST_FILE = 100 * 1024 * 1024
_UPLOADS = "/media"


class BodyLimit:
    """Counts a request's body while it is read, and answers 413 in the place of an application that reads too much."""

    def __init__(self, app: ASGIApp, largest: int = LARGEST_BODY) -> None:
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, watched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        largest = max(self._largest, LARGEST_FILE) if scope["path"].endswith(_UPLOADS) else self._largest
        left = largest

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                # FastAPI lets only its own kind of error out of the reading of a body.
                raise HTTPException(413, f"larger than {largest} bytes")
            return message

        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > largest:
            await Problem(413, f"larger than {largest} bytes").response()(scope, receive, send)
            return
        await self._app(scope, counted, send)
