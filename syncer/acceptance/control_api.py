"""A simulator's control API (`/_sim/`), as a play uses it: over HTTP, as anybody could."""

from __future__ import annotations

from typing import Any

from syncer.domain.errors import DeliveryError, Unreachable
from syncer.http import HttpClient

_SECONDS = 20.0


class ControlApi:
    """A simulator that listens at `url`; `who` it plays is what errors say."""

    def __init__(self, url: str, who: str) -> None:
        self.url, self._who = url, who
        self._http = HttpClient(deadline=_SECONDS)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to one command. Raises `Unreachable` when nobody answers there, `ValueError` when the simulator
        refuses the command."""
        try:
            response = self._http.request(method, f"{self.url}/_sim/{path}", json=body, repeatable=method == "GET")
        except DeliveryError as error:
            raise Unreachable(f"{self._who} at {self.url} does not answer: {error}") from error
        if response.status != 200:
            raise ValueError(f"{self._who} refused {path}: {response.body[:300].decode(errors='replace')}")
        return response.json()

    def close(self) -> None:
        """Close the idle connections."""
        self._http.close()
