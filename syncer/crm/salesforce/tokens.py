"""Access tokens: asked for once per process, shared by its threads, renewed when Salesforce has had enough of one.

Sources: "OAuth 2.0 client credentials flow" and "OAuth 2.0 JWT bearer flow" for External Client Apps. Both are asked on
the org's own My Domain address; an answer names no hour at which the token ends.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import dumps

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from config.errors import ConfigurationError
from syncer.crm.exchange import exchange
from syncer.crm.refusals import json_of
from syncer.crm.salesforce import errors
from syncer.domain.errors import FixCredentials
from syncer.http import HttpClient

#: Seconds until a signed request for a token is worth nothing; Salesforce takes three minutes at most.
ASSERTION_SECONDS = 120
_SCOPES = frozenset({"api", "full"})

Grant = Callable[[], Mapping[str, str]]
"""The form that is sent for a token, made anew each time."""


@dataclass(frozen=True, slots=True)
class Token:
    """`instance_url` is where the org's data is served; `organisation` its id, of 18 characters."""

    access: str
    instance_url: str
    organisation: str


def client_credentials(client_id: str, client_secret: str) -> Grant:
    """The app itself asks; Salesforce lets it act as the user that the app's owner has set."""
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    return lambda: form


def jwt_bearer(
    client_id: str, username: str, audience: str, private_key: str, now: Callable[[], float] = time.time
) -> Grant:
    """A request signed with a key whose certificate the app knows, for the user `username`. `private_key` is PEM (RSA);
    raises `ConfigurationError` for any other."""
    key = _rsa(private_key)

    def form() -> Mapping[str, str]:
        claims = {"iss": client_id, "sub": username, "aud": audience, "exp": int(now()) + ASSERTION_SECONDS}
        content = f"{_packed({'alg': 'RS256'})}.{_packed(claims)}"
        signature = key.sign(content.encode(), PKCS1v15(), SHA256())
        assertion = f"{content}.{_plain64(signature)}"
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}

    return form


def _rsa(private_key: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(private_key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        text = "must be the RSA key itself in PEM, not encrypted: -----BEGIN PRIVATE KEY----- ..."
        raise ConfigurationError("SALESFORCE_PRIVATE_KEY", text)
    return key


def _packed(value: Mapping[str, object]) -> str:
    return _plain64(dumps(value, separators=(",", ":")).encode())


def _plain64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Tokens:
    """The tokens of one org. Safe to share between threads."""

    def __init__(self, http: HttpClient, login_url: str, grant: Grant) -> None:
        self._http, self._login_url, self._grant = http, login_url.rstrip("/"), grant
        self._lock = threading.Lock()
        self._token: Token | None = None

    def current(self) -> Token:
        """The token in use, asked for if there is none. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
        return self._token or self.after(None)

    def after(self, stale: Token | None) -> Token:
        """A token other than `stale`; of many threads that met the same refusal one asks. Raises as `current`."""
        with self._lock:
            if self._token is None or self._token is stale:
                self._token = None
                self._token = self._asked()
            return self._token

    def _asked(self) -> Token:
        response = exchange(self._http, "POST", f"{self._login_url}/services/oauth2/token", data=self._grant())
        if response.status != 200:
            raise errors.from_login(response.status, response.headers, response.body)
        told = json_of(response.body)
        if not isinstance(told, dict) or not told.get("access_token"):
            raise errors.VENDOR.not_promised(response.status, response.body)
        return self._token_of(told)

    def _token_of(self, told: Mapping[str, object]) -> Token:
        scopes = set(str(told.get("scope") or "api").split())
        if not scopes & _SCOPES:
            text = f"the app has the scopes {', '.join(sorted(scopes))}, but not 'api' (manage user data via APIs)"
            raise FixCredentials(text, code="scope")
        where = str(told.get("instance_url") or self._login_url).rstrip("/")
        # https://login.salesforce.com/id/00D.../005...
        _, _, identity = str(told.get("id") or "").partition("/id/")
        return Token(str(told["access_token"]), where, identity.partition("/")[0])
