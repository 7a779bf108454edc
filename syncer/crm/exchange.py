"""One exchange with a CRM's API, and what all adapters do with its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.domain.errors import DeliveryError, FixCredentials, Never, OutcomeUnknown, TryAgain, TryLater
from syncer.http import HttpClient, Response


def exchange(
    http: HttpClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    json: Any = None,
    params: Mapping[str, str] | None = None,
    data: bytes | None = None,
) -> Response:
    """Send a request that may be repeated at will, so that no outcome stays unknown; the answer may be a refusal.
    Raises `TryAgain`, `TryLater`, and `FixCredentials` for an address that leads nowhere."""
    try:
        return http.request(method, url, headers=headers, json=json, params=params, data=data, repeatable=True)
    except OutcomeUnknown as doubt:
        raise TryAgain(doubt.detail, code=doubt.code) from doubt
    except DeliveryError as error:
        if isinstance(error, TryAgain | TryLater):
            raise
        raise FixCredentials(error.detail, code=error.code) from error


def reading(error: DeliveryError) -> DeliveryError:
    """A refusal of a read, which no single record is to blame for: a person has to look at the mapping or at the
    rights."""
    return FixCredentials(error.detail, code=error.code) if isinstance(error, Never) else error


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; nothing for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
