"""The vault: secrets that have to be read again are stored encrypted (R16)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from syncer.domain.errors import Refused


class Vault:
    """`keys` are Fernet keys, newest first: the first closes, all open."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._box = MultiFernet([Fernet(key) for key in keys]) if keys else None

    def close(self, secret: str) -> str:
        """Encrypted. Raises `Refused` where there is no key."""
        if self._box is None:
            raise Refused("SYNCER_SECRET_KEY is not set: the signing secrets of hooks are not stored without it")
        return self._box.encrypt(secret.encode()).decode()

    def open(self, stored: str) -> str:
        """Decrypted. Raises `Refused` where no key of ours fits."""
        if self._box is None:
            raise Refused("SYNCER_SECRET_KEY is not set: the signing secrets of hooks cannot be read without it")
        try:
            return self._box.decrypt(stored.encode()).decode()
        except InvalidToken:
            raise Refused("no key of SYNCER_SECRET_KEY opens this secret: unsubscribe, and subscribe anew") from None


def new_secret() -> str:
    """A signing secret: 256 bits."""
    return f"whsec_{secrets.token_urlsafe(32)}"
