"""Who is let in and how often: the token endpoint, tokens that end, and the calls of 24 hours."""

from __future__ import annotations

import base64
import binascii
import hmac
import time
import uuid
from collections.abc import Mapping
from json import loads
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from syncer.simulators.salesforce.config import Behaviour, SalesforceConfig
from syncer.simulators.salesforce.errors import LoginError, SalesError
from syncer.simulators.salesforce.moments import now_ms

#: A signed request for a token may be good for so many seconds at most.
_LONGEST_ASSERTION = 180 + 5


class Gate:
    """The door of the org. `allowed` is whether the app may log in at all; `granted` counts the tokens."""

    def __init__(self, config: SalesforceConfig, behaviour: Behaviour) -> None:
        self._config, self._behaviour = config, behaviour
        self._tokens: dict[str, float] = {}
        self.scope = config.scope
        self.allowed = True
        self.granted = 0

    def grant(self, form: Mapping[str, str], url: str) -> dict[str, Any]:
        """A token for a form; raises `LoginError`. `url` is the address of the org itself."""
        match form.get("grant_type"):
            case "client_credentials":
                self._check_secret(form)
            case "urn:ietf:params:oauth:grant-type:jwt-bearer":
                self._check_assertion(form.get("assertion", ""), url)
            case _:
                raise LoginError("unsupported_grant_type", "grant type not supported")
        token = f"{self._config.organisation}!{uuid.uuid4().hex}"
        life = self._behaviour.token_seconds
        self._tokens[token] = time.monotonic() + life if life else float("inf")
        self.granted += 1
        return {
            "access_token": token,
            "signature": "c2lnbmF0dXJl",
            "scope": self.scope,
            "instance_url": url,
            "id": f"https://login.salesforce.com/id/{self._config.organisation}AAA/005000000000001AAA",
            "token_type": "Bearer",
            "issued_at": str(now_ms()),
        }

    def end_tokens(self) -> None:
        """From now on no token that was granted is good."""
        self._tokens.clear()

    def check(self, header: str) -> None:
        """Raise 401 for a token that is not good, 403 beyond the calls of 24 hours. Counts the call."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() not in ("bearer", "oauth") or self._tokens.get(token.strip(), 0.0) < time.monotonic():
            raise SalesError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        most = self._behaviour.calls_most
        if most and self._behaviour.calls_used >= most:
            raise SalesError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self._behaviour.calls_used += 1

    def headers(self) -> dict[str, str]:
        """What is used of the limit."""
        most = self._behaviour.calls_most
        return {"Sforce-Limit-Info": f"api-usage={self._behaviour.calls_used}/{most}"} if most else {}

    def _check_secret(self, form: Mapping[str, str]) -> None:
        if form.get("client_id") != self._config.client_id:
            raise LoginError("invalid_client_id", "client identifier invalid")
        if not hmac.compare_digest(form.get("client_secret", "").encode(), self._config.client_secret.encode()):
            raise LoginError("invalid_client", "invalid client credentials")
        if not self.allowed:
            raise LoginError("invalid_grant", "no client credentials user enabled")

    def _check_assertion(self, assertion: str, url: str) -> None:
        content, _, signature = assertion.rpartition(".")
        try:
            claims = loads(_unpacked(content.partition(".")[2]))
            key = load_pem_public_key(self._config.public_key.encode())
            assert isinstance(key, RSAPublicKey)
            key.verify(_unpacked(signature), content.encode(), PKCS1v15(), SHA256())
        except (ValueError, InvalidSignature, AssertionError, binascii.Error):
            raise LoginError("invalid_grant", "invalid assertion") from None
        if claims.get("iss") != self._config.client_id or claims.get("sub") != self._config.username:
            raise LoginError("invalid_grant", "user hasn't approved this consumer")
        if claims.get("aud") != url:
            raise LoginError("invalid_grant", "audience is invalid")
        if not 0 < int(claims.get("exp", 0)) - time.time() < _LONGEST_ASSERTION:
            raise LoginError("invalid_grant", "expired authorization code")


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
