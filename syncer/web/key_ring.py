"""The API keys of the database, as this process knows them: read again once a second at most while requests come, so
that a key that is made or revoked is known in every web process within that time, and no request waits for a query of
its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from datetime import datetime, timedelta

from config.values import ApiKey
from syncer.domain.errors import SyncerError
from syncer.flows.api_keys import ApiKeyBook
from syncer.web.health import Cached

log = logging.getLogger(__name__)

#: How old the time of last use may be before it is written again.
COARSE = timedelta(minutes=5)


class KeyRing:
    """The living keys, each with its hash. `pool` has a thread for reading them."""

    def __init__(self, book: ApiKeyBook, pool: Executor) -> None:
        self._book = book
        self._pool = pool
        self._cached = Cached(self._read, pool)
        self._used: dict[bytes, datetime] = {}

    async def keys(self) -> Sequence[tuple[ApiKey, bytes]]:
        """At most a second old. Raises `SyncerError` when the database does not answer."""
        return await self._cached.get()

    def used(self, digest: bytes) -> None:
        """Somebody came with this key: noted in the background, now and then."""
        now, before = self._book.clock.now(), self._used.get(digest)
        if before is None or now - before >= COARSE:
            self._used[digest] = now
            self._pool.submit(self._note, digest)

    def _read(self) -> Sequence[tuple[ApiKey, bytes]]:
        rows = self._book.living()
        return [(ApiKey(row.name, frozenset(row.scopes), row.sha256.hex()), bytes(row.sha256)) for row in rows]

    def _note(self, digest: bytes) -> None:
        try:
            self._book.note_use(digest)
        except SyncerError as error:
            log.warning("when a key was used could not be noted: %s", error)
