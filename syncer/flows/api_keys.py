"""API keys: made, renewed and revoked without a restart. The text of a key is shown once and stored nowhere."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Row

from syncer.domain.errors import Refused
from syncer.ports import Clock
from syncer.store import api_keys
from syncer.store.session import Store

#: So that a key that has strayed into a repository or a log is recognised by whoever looks for such.
PREFIX = "syncer_"
#: 256 random bits: nobody guesses one, so a plain hash of it needs no salt and no slowness.
_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class ApiKeyBook:
    """The keys in the database. `taken` are names that the environment gives to keys of its own (`SYNCER_API_KEYS`)."""

    store: Store
    clock: Clock
    taken: Collection[str] = ()

    def create(self, name: str, scopes: Sequence[str]) -> str:
        """A new key for `name`; returns its text, for this one time. Raises `Refused` when the name has a key."""
        if not _NAME.fullmatch(name):
            raise Refused("a key's name is up to 64 letters, digits, '.', '_' and '-'")
        if name in self.taken:
            raise Refused(f"SYNCER_API_KEYS has a key named {name} already")
        token = PREFIX + secrets.token_urlsafe(_BYTES)
        with self.store.begin() as tx:
            made = api_keys.add(tx, name, sorted(set(scopes)), hash_of(token), self.clock.now())
        if not made:
            raise Refused(f"{name} has a key already; revoke it first, or choose another name to change over in peace")
        return token

    def revoke(self, name: str) -> None:
        """The key opens nothing any more. Raises `LookupError` when there is none, `Refused` for one of the
        environment's."""
        if name in self.taken:
            raise Refused(f"the key {name} stands in SYNCER_API_KEYS; it ends when it is taken out there")
        with self.store.begin() as tx:
            if not api_keys.revoke(tx, name, self.clock.now()):
                raise LookupError(name)

    def listing(self) -> Sequence[Row[Any]]:
        """Every key, revoked ones too, the newest first."""
        with self.store.begin() as tx:
            return api_keys.listing(tx)

    def living(self) -> Sequence[Row[Any]]:
        """The keys that open. Raises `Unreachable`."""
        with self.store.begin() as tx:
            return api_keys.living(tx)

    def note_use(self, sha256: bytes) -> None:
        """This key was used now. Raises `Unreachable`."""
        with self.store.begin() as tx:
            api_keys.note_use(tx, [sha256], self.clock.now())


def hash_of(token: str) -> bytes:
    """What is kept of a key's text."""
    return sha256(token.encode()).digest()
