"""An access token as a vendor's authorisation server gives it out: good for about an hour, at one address."""

from __future__ import annotations

from dataclasses import dataclass
from json import dumps, loads


@dataclass(frozen=True, slots=True)
class AccessToken:
    """`value` goes into the header of a request, `domain` is the address of the API that takes it, `expires_at` the
    moment from which it is refused (seconds since 1970)."""

    value: str
    domain: str
    expires_at: float

    def __repr__(self) -> str:
        """Without the value: a token must not reach a log."""
        return f"AccessToken(domain={self.domain!r}, expires_at={self.expires_at!r})"

    def packed(self) -> str:
        """As text, for whatever keeps it for all workers."""
        return dumps([self.value, self.domain, self.expires_at])

    @classmethod
    def unpacked(cls, text: str | bytes | None) -> AccessToken | None:
        """The token of `packed`; None for anything else."""
        try:
            value, domain, expires_at = loads(text or "")
            return cls(str(value), str(domain), float(expires_at))
        except (ValueError, TypeError):
            return None
