"""Access tokens that many threads and processes share, since a vendor gives out only a few.

`Tokens` is what an adapter is given; `ProcessTokens` keeps one for the threads of one process. One that all workers
share is made in another room and handed in. Zoho, for one, gives out ten in ten minutes per refresh token and refuses
for a while whoever asks for more.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from syncer.domain.access_token import AccessToken
from syncer.domain.errors import TryLater

Fetch = Callable[[], AccessToken]
"""Asks the vendor for a new token. Raises `TryAgain`, `TryLater`, `FixCredentials`."""

#: A token is replaced this long (seconds) before it expires, so that none dies on its way.
MARGIN = 60.0
#: Nobody waits longer for another's renewal (seconds; law 8).
PATIENCE = 1.0
#: Renewals in `WINDOW` seconds: below the vendor's ten, since somebody else may use the same refresh token.
MOST, WINDOW = 8, 600.0


class Tokens(Protocol):
    """Where the token in force is kept."""

    def get(self, fetch: Fetch) -> AccessToken:
        """The token in force; fetched where there is none, by one caller at a time. Raises as `fetch`, and `TryLater`
        while another caller takes longer than `PATIENCE`."""

    def renew(self, refused: AccessToken, fetch: Fetch) -> AccessToken:
        """The token in force after the vendor has refused this one: another that somebody has fetched meanwhile, or a
        new one. Raises as `get`."""


class ProcessTokens:
    """Implements `Tokens` for the threads of one process. `most` renewals are made in any ten minutes."""

    def __init__(
        self,
        *,
        most: int = MOST,
        clock: Callable[[], float] = time.time,
        patience: float = PATIENCE,
    ) -> None:
        self._most, self._clock, self._patience = most, clock, patience
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._renewals: deque[float] = deque()

    def get(self, fetch: Fetch) -> AccessToken:
        """As `Tokens.get`."""
        return self._good(None) or self._renewed(None, fetch)

    def renew(self, refused: AccessToken, fetch: Fetch) -> AccessToken:
        """As `Tokens.renew`."""
        return self._good(refused) or self._renewed(refused, fetch)

    def _good(self, refused: AccessToken | None) -> AccessToken | None:
        token = self._token
        if token is None or (refused is not None and token.value == refused.value):
            return None
        return token if token.expires_at - MARGIN > self._clock() else None

    def _renewed(self, refused: AccessToken | None, fetch: Fetch) -> AccessToken:
        if not self._lock.acquire(timeout=self._patience):
            raise busy()
        try:
            found = self._good(refused)
            if found is None:
                self._count()
                self._token = found = fetch()
            return found
        finally:
            self._lock.release()

    def _count(self) -> None:
        now = self._clock()
        while self._renewals and self._renewals[0] <= now - WINDOW:
            self._renewals.popleft()
        if len(self._renewals) >= self._most:
            raise spent(self._renewals[0] + WINDOW - now)
        self._renewals.append(now)


def busy() -> TryLater:
    """Somebody else is renewing the token and takes long."""
    return TryLater("the access token is being renewed", code="token_busy", wait_seconds=2.0)


def spent(seconds: float) -> TryLater:
    """As many renewals as are allowed were made; another is in `seconds`."""
    text = "no more access tokens may be asked for now: they are refused as soon as they are given out"
    return TryLater(text, code="token_limit", wait_seconds=max(seconds, 1.0))
