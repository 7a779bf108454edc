"""The engine's own API as a client of the company's uses it: over HTTP, with a key."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from syncer.domain.errors import DeliveryError, Unreachable
from syncer.http import HttpClient, Response

_SECONDS = 30.0
#: Contacts of one request, and requests side by side.
_TOGETHER, _AT_ONCE = 100, 2


def new_key() -> tuple[str, str]:
    """A key that may do everything, and the entry of `SYNCER_API_KEYS` that lets it in."""
    key = secrets.token_urlsafe(32)
    return key, f"scenario:*:{hashlib.sha256(key.encode()).hexdigest()}"


class EngineApi:
    """The API of the engine whose web process is at `url`. Every call raises `Unreachable` when nobody answers there,
    `ValueError` for a refusal."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self._http = HttpClient(deadline=_SECONDS)

    def put_contacts(self, contacts: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Hand customers in, as an outside program does: whoever has the key gets the given fields. Returns the answers
        about those that were refused."""
        parts = [list(contacts[start : start + _TOGETHER]) for start in range(0, len(contacts), _TOGETHER)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = pool.map(lambda part: self.call("POST", "contacts", part), parts)
            return [one for answer in answers for one in answer if one["result"] == "refused"]

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """The answer to one request, whatever it says; None where it says nothing. With an idempotency `key` it may be
        asked for again."""
        headers = {"Authorization": f"Bearer {self._key}", **({"Idempotency-Key": key} if key else {})}
        try:
            response: Response = self._http.request(
                method, f"{self._url}/api/v1/{path}", json=body, headers=headers, repeatable=True
            )
        except DeliveryError as error:
            raise Unreachable(f"the engine at {self._url} does not answer: {error}") from error
        if response.status >= 300:
            told = response.body[:300].decode(errors="replace")
            raise ValueError(f"the engine refused {method} {path}: {response.status} {told}")
        return response.json() if response.body else None

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()
