"""HubSpot's refusals: a status, a category, a sentence, and details by property or by input."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any


class HubError(Exception):
    """One refusal. `errors` are its details, `context` says what it concerns; `policy` names the rate limit that was
    passed."""

    def __init__(
        self,
        status: int,
        category: str,
        message: str,
        *,
        context: Mapping[str, Any] | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        policy: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.category, self.message = status, category, message
        self.context, self.errors, self.policy = dict(context or {}), list(errors), policy

    def body(self) -> dict[str, Any]:
        """The answer of a request that failed as a whole."""
        told: dict[str, Any] = {"status": "error", "message": self.message, "correlationId": str(uuid.uuid4())}
        if self.policy is not None:
            return told | {"errorType": "RATE_LIMIT", "policyName": self.policy}
        return told | self._details()

    def item(self, trace_id: str | None) -> dict[str, Any]:
        """One entry of a batch's `errors`."""
        context = dict(self.context)
        if trace_id is not None:
            context["objectWriteTraceId"] = [trace_id]
        return {"status": "error", "message": self.message, **self._details(), "context": context}

    def _details(self) -> dict[str, Any]:
        told: dict[str, Any] = {"category": self.category}
        if self.context:
            told["context"] = self.context
        if self.errors:
            told["errors"] = self.errors
        return told


def invalid(message: str, code: str = "", name: str = "") -> HubError:
    """A property or a request that does not hold (400 VALIDATION_ERROR)."""
    if not code:
        return HubError(400, "VALIDATION_ERROR", message)
    detail = {"message": message, "code": code, "context": {"propertyName": [name]}}
    text = (
        f'Property values were not valid: [{{"isValid":false,"message":"{message}","error":"{code}","name":"{name}"}}]'
    )
    return HubError(400, "VALIDATION_ERROR", text, errors=[detail])


def missing_object(kind: str, object_id: object) -> HubError:
    """No such record (404)."""
    return HubError(
        404,
        "OBJECT_NOT_FOUND",
        f"Object not found. objectId are usually numeric. ({kind})",
        context={"ids": [str(object_id)]},
    )


def conflict(message: str, existing: object) -> HubError:
    """The record is there already (409); the message names it."""
    return HubError(409, "CONFLICT", f"{message} Existing ID: {existing}")
