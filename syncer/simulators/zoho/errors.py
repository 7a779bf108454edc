"""Refusals as Zoho words them: a code, a sentence, and details by field or parameter."""

from __future__ import annotations

from typing import Any


class ZohoError(Exception):
    """One refusal; `status` is HTTP's where a whole request is refused."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, details

    def body(self, place: int | None = None) -> dict[str, Any]:
        """As an answer, or as the part of one record in a batch's, which stands at `place`."""
        details = dict(self.details)
        if place is not None and "api_name" in details:
            details["json_path"] = f"$.data[{place}].{details['api_name']}"
        return {"code": self.code, "details": details, "message": self.message, "status": "error"}


def invalid(name: str, message: str = "invalid data", **details: Any) -> ZohoError:
    """A field of a record does not hold."""
    return ZohoError(400, "INVALID_DATA", message, api_name=name, **details)


def invalid_parameter(name: str, message: str = "invalid data", **details: Any) -> ZohoError:
    """A parameter of a request does not hold."""
    return ZohoError(400, "INVALID_DATA", message, param_name=name, **details)


def missing(name: str) -> ZohoError:
    """A field without which there is no such record."""
    return ZohoError(400, "MANDATORY_NOT_FOUND", "required field not found", api_name=name)


def unknown_id() -> ZohoError:
    """No such record."""
    return invalid("id", "the id given seems to be invalid")
