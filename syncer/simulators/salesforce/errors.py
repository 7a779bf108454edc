"""Salesforce's refusals: of a request (a list with one `errorCode`), of a record (`statusCode`), of a login."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class SalesError(Exception):
    """One refusal. `fields` are those that are blamed; `more` what else a record's refusal says."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: Sequence[str] = (),
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.fields, self.more = list(fields), dict(more or {})

    def body(self) -> list[dict[str, Any]]:
        """The answer of a request that failed as a whole."""
        told: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        return [{**told, **self.more, **({"fields": self.fields} if self.fields else {})}]

    def item(self) -> dict[str, Any]:
        """The place of a record in a collection's answer."""
        error = {"statusCode": self.code, "message": self.message, "fields": self.fields, **self.more}
        return {"success": False, "errors": [error]}


class LoginError(Exception):
    """A refusal of the token endpoint."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.status, self.error, self.description = status, error, description


def refused(code: str, message: str, *fields: str) -> SalesError:
    """A record that is not taken."""
    return SalesError(400, code, message, fields)


def malformed(message: str, code: str = "MALFORMED_QUERY") -> SalesError:
    """A query that is not taken."""
    return SalesError(400, code, message)


def unparsable(message: str) -> SalesError:
    """A body of which one value has a wrong type: Salesforce then takes none of its records."""
    return SalesError(400, "JSON_PARSER_ERROR", message)


def not_there(what: str = "The requested resource does not exist") -> SalesError:
    """An address of nothing (404)."""
    return SalesError(404, "NOT_FOUND", what)
