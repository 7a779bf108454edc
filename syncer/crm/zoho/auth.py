"""The refresh-token flow: one access token for all workers, good for an hour at the address that came with it.

Source: "access and refresh tokens". Refusals come with HTTP 200 and `{"error": ...}`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from syncer.crm.exchange import exchange
from syncer.crm.refusals import object_of
from syncer.crm.tokens import Tokens
from syncer.crm.zoho import errors
from syncer.crm.zoho.datacentres import named
from syncer.domain.access_token import AccessToken
from syncer.domain.errors import FixCredentials
from syncer.http import HttpClient

#: A refused client or refresh token is not asked about again for so long (seconds): nothing heals it but a person.
REFUSED_SECONDS = 120.0
#: What a token is good for where the answer does not say (seconds).
_USUAL_SECONDS = 3600.0


class Auth:
    """The token of one client and its refresh token. `api_url` is used where the answer names no address."""

    def __init__(
        self,
        http: HttpClient,
        tokens: Tokens,
        *,
        accounts_url: str,
        api_url: str,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.accounts_url, self.api_url = accounts_url.rstrip("/"), api_url.rstrip("/")
        self._http, self._tokens, self._clock = http, tokens, clock
        self._form = {
            "refresh_token": refresh_token,
            "client_id": client_id,
            "client_secret": client_secret,
            "grant_type": "refresh_token",
        }
        self._refusal: FixCredentials | None = None
        self._refused_until = 0.0

    def token(self, refused: AccessToken | None = None) -> AccessToken:
        """The token in force; another one where the API has refused this. Raises `TryAgain`, `TryLater`,
        `FixCredentials`."""
        if self._refusal is not None and self._clock() < self._refused_until:
            raise FixCredentials(self._refusal.detail, code=self._refusal.code)
        if refused is None:
            return self._tokens.get(self._fetch)
        return self._tokens.renew(refused, self._fetch)

    def _fetch(self) -> AccessToken:
        try:
            found = self._asked()
        except FixCredentials as refusal:
            self._refusal, self._refused_until = refusal, self._clock() + REFUSED_SECONDS
            raise
        self._refusal = None
        return found

    def _asked(self) -> AccessToken:
        answer = exchange(self._http, "POST", f"{self.accounts_url}/oauth/v2/token", data=self._form)
        told = object_of(answer.body)
        value = (told or {}).get("access_token")
        if told is None or not value:
            raise errors.from_accounts(answer.status, answer.headers, answer.body, named(self.accounts_url))
        return AccessToken(str(value), self._domain(told.get("api_domain")), self._clock() + _seconds(told))

    def _domain(self, told: object) -> str:
        """Where the token is good, by the accounts server's word; the configured address where that is no address."""
        domain = str(told or "").rstrip("/")
        parts = urlsplit(domain)
        plain = parts.scheme == "http" and urlsplit(self.api_url).scheme == "http"
        return domain if parts.hostname and (parts.scheme == "https" or plain) else self.api_url


def _seconds(told: dict[str, object]) -> float:
    try:
        return float(str(told.get("expires_in")))
    except ValueError:
        return _USUAL_SECONDS
