"""One exchange with a CRM's API, and what all adapters do with its answers.

What is said to a CRM is customers' data: its trace holds an outline only, and every exchange is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from syncer.connections import trace
from syncer.domain.errors import DeliveryError, FixCredentials, Never, OutcomeUnknown, TryAgain, TryLater
from syncer.http import HttpClient, Response

Meter = Callable[[str, str, float], None]
"""Counts an exchange with a CRM: its name, what kind of exchange, and the seconds it took."""

_SEARCHING = frozenset({"search", "query", "queryAll", "coql"})


def client(crm: str, deadline: float, meter: Meter | None = None) -> HttpClient:
    """The connections to the CRM called `crm`; each exchange is over after `deadline` seconds, counted and traced."""

    def witness(told: trace.Exchange) -> None:
        trace.write_outline(told)
        if meter is not None:
            meter(crm, kind_of(told.method, told.url), told.seconds)

    return HttpClient(deadline=deadline, witness=witness)


def kind_of(method: str, url: str) -> str:
    """What an exchange is for, by its method and path: `token`, `search`, `read` or `write`."""
    parts = urlsplit(url).path.strip("/").split("/")
    if "oauth" in parts or "oauth2" in parts:
        return "token"
    if parts[-1] in _SEARCHING:
        return "search"
    return "read" if method == "GET" or parts[-1] == "read" else "write"


def exchange(
    http: HttpClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    params: Mapping[str, str] | None = None,
    data: Mapping[str, str] | bytes | None = None,
) -> Response:
    """Send a request that may be repeated at will, so that no outcome stays unknown; the answer may be a refusal.
    `data` is a form, or bytes. Raises `TryAgain`, `TryLater`, and `FixCredentials` for an address that leads
    nowhere."""
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
