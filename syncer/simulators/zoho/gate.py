"""Who is let in and how often: the accounts server's tokens, scopes, the day's credits, requests at a time."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from syncer.simulators.zoho.config import Behaviour, ZohoConfig
from syncer.simulators.zoho.errors import ZohoError

#: First part of a path -> the scope that it takes; anything else takes that of the modules.
_SCOPES = {
    "settings": "ZohoCRM.settings.fields.READ",
    "coql": "ZohoCRM.coql.READ",
    "actions": "ZohoCRM.notifications.ALL",
    "search": "ZohoSearch.securesearch.READ",
}
Refusal = tuple[int, dict[str, str]]


class Gate:
    """The door of the organisation."""

    def __init__(self, config: ZohoConfig, behaviour: Behaviour) -> None:
        self._config, self._behaviour = config, behaviour
        self.scopes = set(config.scopes)
        self.refresh_tokens = {config.refresh_token}
        self.tokens: dict[str, float] = {}
        self.given_out = 0
        self.used = 0
        self._recent: deque[float] = deque()
        self._inside = 0

    # --- the accounts server

    def answer(self, form: Mapping[str, str], domain: str) -> tuple[int, dict[str, Any]]:
        """The answer to a request for a token: refusals have status 200 too, but one of too many has 400."""
        if form.get("client_id") != self._config.client_id:
            return 200, {"error": "invalid_client"}
        if form.get("client_secret") != self._config.client_secret:
            return 200, {"error": "invalid_client_secret"}
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") not in self.refresh_tokens:
            return 200, {"error": "invalid_code"}
        now, limits = time.monotonic(), self._behaviour.limits
        while self._recent and self._recent[0] <= now - limits.token_seconds:
            self._recent.popleft()
        if limits.tokens and len(self._recent) >= limits.tokens:
            text = "You have made too many requests continuously. Please try again after some time."
            return 400, {"error": "Access Denied", "error_description": text, "status": "failure"}
        self._recent.append(now)
        self.given_out += 1
        token = f"1000.{secrets.token_hex(16)}"
        self.tokens[token] = now + self._behaviour.token_life
        life = int(self._behaviour.token_life)
        return 200, {"access_token": token, "expires_in": life, "api_domain": domain, "token_type": "Bearer"}

    def expire(self) -> None:
        """From now on every token that was given out is refused."""
        self.tokens.clear()

    # --- the API

    def check(self, header: str, room: str) -> None:
        """Raise 401 for a token that is not good, or that has not the scope."""
        scheme, _, token = header.partition(" ")
        if scheme != "Zoho-oauthtoken" or self.tokens.get(token, 0.0) <= time.monotonic():
            raise ZohoError(401, "INVALID_TOKEN", "invalid oauth token")
        if _SCOPES.get(room, "ZohoCRM.modules.ALL") not in self.scopes:
            raise ZohoError(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")

    def enter(self, cost: int) -> None:
        """Take credits for one request, and a place. Raises 429 where there is none; leave what was entered."""
        limits = self._behaviour.limits
        if limits.concurrent and self._inside >= limits.concurrent:
            raise ZohoError(429, "TOO_MANY_REQUESTS", "too many requests fired in concurrent")
        if limits.credits and self.used + cost > limits.credits:
            raise ZohoError(429, "TOO_MANY_REQUESTS", "the API credits of the day are used up")
        self.used += cost
        self._inside += 1

    def leave(self) -> None:
        """Give the place back."""
        self._inside -= 1

    def headers(self) -> dict[str, str]:
        """What is left of the credits, once half of them are used."""
        limit = self._behaviour.limits.credits
        return {"X-API-CREDITS-REMAINING": str(limit - self.used)} if limit and self.used * 2 >= limit else {}
