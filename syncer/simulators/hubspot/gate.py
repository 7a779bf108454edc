"""Who is let in and how often: tokens, scopes, and the account's rate limits with their headers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable

from syncer.simulators.hubspot.config import Limits
from syncer.simulators.hubspot.errors import HubError

#: Kind of object -> the scopes that reading and writing it take.
_SCOPES = {
    "contacts": ("crm.objects.contacts.read", "crm.objects.contacts.write"),
    "communications": ("sales-email-read", "crm.objects.contacts.write"),
    "notes": ("crm.objects.contacts.read", "crm.objects.contacts.write"),
    "tasks": ("crm.objects.contacts.read", "crm.objects.contacts.write"),
    "tickets": ("tickets", "tickets"),
    "owners": ("crm.objects.owners.read", "crm.objects.owners.read"),
    "pipelines": ("tickets", "tickets"),
    "properties": ("crm.schemas.contacts.read", "crm.schemas.contacts.write"),
    "associations": ("crm.objects.contacts.read", "crm.objects.contacts.write"),
}


class Gate:
    """The door of the portal. `refused` counts the requests beyond a limit."""

    def __init__(self, token: str, scopes: Iterable[str], limits: Limits) -> None:
        self._limits = limits
        self.tokens = {token}
        self.scopes = set(scopes)
        self._expired: set[str] = set()
        self._recent: deque[float] = deque()
        self._searches: deque[float] = deque()
        self._today = 0
        self.refused = 0

    def expire(self, token: str) -> None:
        """From now on the token is refused as expired."""
        self.tokens.discard(token)
        self._expired.add(token)

    def accept(self, token: str) -> None:
        """From now on the token is good."""
        self._expired.discard(token)
        self.tokens.add(token)

    def check(self, header: str, what: str, *, writes: bool) -> None:
        """Raise 401 for a token that is not good, 403 for one without the scope."""
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or token not in self.tokens:
            if token in self._expired:
                raise HubError(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired.")
            raise HubError(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        scope = _SCOPES.get(what, _SCOPES["contacts"])[writes]
        if scope not in self.scopes:
            needed = {"requiredGranularScopes": [scope]}
            detail = {"message": "One or more of the following scopes are required.", "context": needed}
            text = "This app hasn't been granted all required scopes to make this call."
            raise HubError(403, "MISSING_SCOPES", text, errors=[detail])

    def count(self, *, search: bool) -> None:
        """Count one request; raises 429 beyond a limit."""
        try:
            self._count(search)
        except HubError:
            self.refused += 1
            raise

    def _count(self, search: bool) -> None:
        now, limits = time.monotonic(), self._limits
        if search:
            # Searches have a limit of their own, of which no header tells.
            if limits.searches:
                _take(self._searches, limits.searches, 1.0, now, "SECONDLY", "secondly")
            return
        if limits.daily and self._today >= limits.daily:
            raise HubError(429, "RATE_LIMITS", "You have reached your daily limit.", policy="DAILY")
        if limits.burst:
            seconds = limits.interval_seconds
            _take(self._recent, limits.burst, seconds, now, "TEN_SECONDLY_ROLLING", "ten_secondly_rolling")
        self._today += 1

    def headers(self) -> dict[str, str]:
        """What is left of the limits."""
        limits, told = self._limits, {}
        if limits.burst:
            told = {
                "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(limits.interval_seconds * 1000)),
                "X-HubSpot-RateLimit-Max": str(limits.burst),
                "X-HubSpot-RateLimit-Remaining": str(max(limits.burst - len(self._recent), 0)),
            }
        if limits.daily:
            told["X-HubSpot-RateLimit-Daily"] = str(limits.daily)
            told["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(limits.daily - self._today, 0))
        return told


def _take(past: deque[float], limit: int, seconds: float, now: float, policy: str, word: str) -> None:
    while past and past[0] <= now - seconds:
        past.popleft()
    if len(past) >= limit:
        raise HubError(429, "RATE_LIMITS", f"You have reached your {word} limit.", policy=policy)
    past.append(now)
