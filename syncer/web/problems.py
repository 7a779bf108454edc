"""Errors as RFC 9457 problem details: one shape for everything that goes wrong, for people and for programs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from syncer.domain.errors import DeliveryError, Never, OutcomeUnknown, Refused, TryAgain, TryLater, Unreachable
from syncer.domain.template import TemplateMismatch

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class ProblemDetails(BaseModel):
    """RFC 9457. `errors` names the parts of a request that were not accepted."""

    type: str = "about:blank"
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str | None = Field(None, examples=["there is no message 17"])
    errors: list[dict[str, str]] | None = None


class Problem(Exception):
    """Raise it anywhere in a route; `headers` go out with the answer."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer."""
        content: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            content["errors"] = self.errors
        return Response(json.dumps(content), self.status, self.headers, MEDIA_TYPE)


def absent(noun: str, key: object) -> Problem:
    """404: nothing by that number."""
    return Problem(404, f"there is no {noun} {key}")


def install(app: FastAPI) -> None:
    """Let every error of `app` leave it as a problem."""
    handlers: dict[Any, Any] = {
        Problem: _problem,
        HTTPException: _http,
        RequestValidationError: _validation,
        Refused: _refused,
        TemplateMismatch: _refused,
        Unreachable: _unreachable,
        DeliveryError: _provider,
        Exception: _defect,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _problem(request: Request, error: Problem) -> Response:
    return error.response()


async def _http(request: Request, error: HTTPException) -> Response:
    return Problem(error.status_code, str(error.detail), headers=error.headers).response()


async def _validation(request: Request, error: RequestValidationError) -> Response:
    """Where and why, but never the value: it may be a customer's."""
    errors = [{"at": ".".join(str(part) for part in one["loc"]), "detail": one["msg"]} for one in error.errors()]
    malformed = any(one["type"] == "json_invalid" or one["loc"][0] == "header" for one in error.errors())
    return Problem(400 if malformed else 422, "the request is not of the documented form", errors=errors).response()


async def _refused(request: Request, error: Exception) -> Response:
    return Problem(422, str(error)).response()


async def _unreachable(request: Request, error: Exception) -> Response:
    return Problem(503, "the database does not answer now", headers={"Retry-After": "5"}).response()


async def _provider(request: Request, error: Exception) -> Response:
    """Somebody we had to ask said no, or nothing: whose turn it is now depends on what they said."""
    if isinstance(error, Never):
        return Problem(422, str(error)).response()
    if isinstance(error, TryAgain | TryLater | OutcomeUnknown):
        wait = error.wait_seconds if isinstance(error, TryLater) else 5
        return Problem(503, str(error), headers={"Retry-After": f"{wait:.0f}"}).response()
    return Problem(502, str(error)).response()


async def _defect(request: Request, error: Exception) -> Response:
    log.error("%s %s ended in a defect", request.method, request.url.path, exc_info=error)
    return Problem(500, "a defect of ours; it is in the log").response()


#: For the OpenAPI document: what a route may answer beside its own.
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemDetails, "description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {}}}
    for status in (401, 403, 422, 503)
}
