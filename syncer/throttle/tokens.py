"""One access token for all workers, kept in Redis: renewed by one of them at a time, and not too often.

A vendor gives out only a few (Zoho ten in ten minutes per refresh token), whatever the number of workers. While Redis
is away every process keeps a token of its own, with its share of the renewals.

The token lies in Redis in the clear, until it expires, under a name made of the refresh token: whoever gets another
refresh token gets another place.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import secrets
import time
from collections.abc import Callable
from typing import Protocol

import redis

from syncer.domain.access_token import AccessToken
from syncer.domain.errors import TryLater
from syncer.throttle.limiter import PROBE_SECONDS, connect

#: A token is replaced this long (seconds) before it expires.
MARGIN = 60.0
#: Whoever renews and dies keeps the others out for so long (seconds); an answer takes at most the half of it.
LOCK_SECONDS = 20.0
#: Nobody waits longer for another's renewal (seconds; law 8).
PATIENCE = 1.0
_LOOK_EVERY = 0.02
#: Renewals of all workers in `WINDOW` seconds, below Zoho's ten.
MOST, WINDOW = 8, 600.0

#: Takes the lock, unless it is held or the renewals are spent. Answers 1, 0, or minus the milliseconds to wait.
_TAKE = """
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ms - ARGV[3])
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  return math.min(ms - ARGV[3] - oldest[2], -1)
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('ZADD', KEYS[2], ms, ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

Fetch = Callable[[], AccessToken]

logger = logging.getLogger(__name__)


class Keeper(Protocol):
    """What keeps a token for one process while Redis is away."""

    def get(self, fetch: Fetch) -> AccessToken:
        """The token in force."""

    def renew(self, refused: AccessToken, fetch: Fetch) -> AccessToken:
        """The token in force after this one was refused."""


class RedisTokens:
    """The tokens of one refresh token. `name` is the vendor's, `refresh_token` makes the place (only its digest is
    kept), `twin` stands in while Redis is away. Safe to share between threads, and to fork."""

    def __init__(
        self,
        redis_url: str,
        *,
        name: str,
        refresh_token: str,
        twin: Keeper,
        most: int = MOST,
        clock: Callable[[], float] = time.time,
        key_prefix: str = "syncer:token:",
    ) -> None:
        self._client = connect(redis_url)
        self._take, self._release = (self._client.register_script(text) for text in (_TAKE, _RELEASE))
        digest = hashlib.blake2b(refresh_token.encode(), digest_size=12).hexdigest()
        self._key = f"{key_prefix}{name}:{digest}"
        self._twin, self._most, self._clock = twin, most, clock
        self._token: AccessToken | None = None
        self._away_until = 0.0

    def get(self, fetch: Fetch) -> AccessToken:
        """The token in force, fetched where there is none, by one worker at a time. Raises as `fetch`, and `TryLater`
        while another worker takes longer than a second."""
        known = self._good(self._token, None)
        return known if known is not None else self._shared(None, fetch)

    def renew(self, refused: AccessToken, fetch: Fetch) -> AccessToken:
        """The token in force after the vendor has refused this one: another worker's, or a new one. What this process
        remembers may be older than the refused one, so Redis is asked."""
        return self._shared(refused, fetch)

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()

    def _good(self, token: AccessToken | None, refused: AccessToken | None) -> AccessToken | None:
        if token is None or (refused is not None and token.value == refused.value):
            return None
        return token if token.expires_at - MARGIN > self._clock() else None

    def _shared(self, refused: AccessToken | None, fetch: Fetch) -> AccessToken:
        if time.monotonic() >= self._away_until:
            try:
                return self._through_redis(refused, fetch)
            except (redis.RedisError, OSError) as fault:
                logger.warning("the tokens' Redis is away (%s); each process has its own", type(fault).__name__)
                self._away_until = time.monotonic() + PROBE_SECONDS
        self._token = self._twin.get(fetch) if refused is None else self._twin.renew(refused, fetch)
        return self._token

    def _through_redis(self, refused: AccessToken | None, fetch: Fetch) -> AccessToken:
        until = time.monotonic() + PATIENCE
        while True:
            found = self._good(AccessToken.unpacked(self._client.get(self._key)), refused)
            if found is not None:
                self._token = found
                return found
            mine = secrets.token_hex(8)
            if self._locked(mine):
                return self._fetched(mine, refused, fetch)
            if time.monotonic() >= until:
                raise TryLater("the access token is being renewed", code="token_busy", wait_seconds=2.0)
            time.sleep(_LOOK_EVERY)

    def _locked(self, mine: str) -> bool:
        arguments: list[str | int] = [mine, int(LOCK_SECONDS * 1000), int(WINDOW * 1000), self._most]
        answer = int(self._take(keys=[f"{self._key}:lock", f"{self._key}:renewals"], args=arguments))
        if answer < 0:
            text = "no more access tokens may be asked for now: they are refused as soon as they are given out"
            raise TryLater(text, code="token_limit", wait_seconds=max(-answer / 1000, 1.0))
        return answer == 1

    def _fetched(self, mine: str, refused: AccessToken | None, fetch: Fetch) -> AccessToken:
        """Between the look and the lock another worker may have been at it: a renewal that was not needed is one of
        eight, and is given back."""
        try:
            found = self._good(AccessToken.unpacked(self._client.get(self._key)), refused)
            if found is None:
                self._token = found = fetch()
                self._keep(found)
            else:
                self._token = found
                self._client.zrem(f"{self._key}:renewals", mine)
            return found
        finally:
            # Redis gone by now costs the others the lock's time, and us nothing.
            with contextlib.suppress(redis.RedisError, OSError):
                self._release(keys=[f"{self._key}:lock"], args=[mine])

    def _keep(self, token: AccessToken) -> None:
        """A token that cannot be kept for all is still this process's own: it was one of the few."""
        left = int((token.expires_at - MARGIN - self._clock()) * 1000)
        try:
            if left > 0:
                self._client.set(self._key, token.packed(), px=left)
        except (redis.RedisError, OSError) as fault:
            logger.warning("a new token could not be kept for all workers (%s)", type(fault).__name__)
