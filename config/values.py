"""How one environment value is read: text in, typed value out, `ValueError` with the problem otherwise.

No message repeats the value, because any value may be a secret that was pasted into the wrong variable.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

import phonenumbers
from pydantic import AfterValidator, BeforeValidator, SecretStr

from config.errors import did_you_mean

CRM_NAMES = ("sql", "hubspot", "salesforce", "zoho")
"""The CRMs with an adapter (R15), in the order the documents name them."""

FERNET_KEY_BYTES = 32
"""Size of a Fernet key: 16 bytes to sign and 16 to encrypt (the Fernet specification)."""


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class ApiKey:
    """A bootstrap API key: what it may do, and the SHA-256 of its text; the text itself is stored nowhere."""

    name: str
    scopes: frozenset[str]
    sha256: str = field(repr=False)


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError("is not a valid URL: the host or port cannot be read") from error
    if not parts.scheme or "://" not in text:
        raise ValueError("is not a URL: it must start with a scheme such as https://")
    return parts


def _stays_inside(host: str) -> bool:
    """Whether traffic to `host` stays on this machine or a private network, where plain http is acceptable."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host


def _http_url(text: str) -> str:
    parts = _split(text)
    if parts.scheme not in ("https", "http"):
        raise ValueError("must start with https://")
    if not parts.hostname:
        raise ValueError("has no host")
    if parts.scheme == "http" and not _stays_inside(parts.hostname):
        raise ValueError("must start with https://; http:// would carry secrets in clear and is for private hosts only")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("must be a plain address without user, query or fragment")
    return text.rstrip("/")


def _my_domain_url(text: str) -> str:
    url = _http_url(text)
    if urlsplit(url).hostname in ("login.salesforce.com", "test.salesforce.com"):
        raise ValueError("must be your own My Domain address; the client-credentials flow is refused on the shared one")
    return url


def _sqlalchemy_url(text: str) -> str:
    scheme = _split(text).scheme
    # SQLAlchemy 2.1 reads a bare postgresql:// as psycopg 3, which is not installed.
    if scheme in ("postgres", "postgresql"):
        return "postgresql+psycopg2" + text[len(scheme) :]
    return text


def _database_url(text: str) -> str:
    url = _sqlalchemy_url(text)
    if not url.startswith("postgresql+psycopg2://"):
        raise ValueError("must be a PostgreSQL address reached through psycopg2")
    return url


def _redis_url(text: str) -> str:
    parts = _split(text)
    if parts.scheme not in ("redis", "rediss"):
        raise ValueError("must start with redis:// or rediss://")
    if not parts.hostname:
        raise ValueError("has no host")
    if not re.fullmatch(r"/?|/\d{1,3}", parts.path):
        raise ValueError("must end with the number of a database, such as /0")
    return text


def _port(text: object) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", str(text)) or not 1 <= int(str(text)) <= 65535:
        raise ValueError("must be a whole number from 1 to 65535")
    return int(str(text))


def _bind(text: str) -> str:
    if text == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("must be an IP address to listen on") from None


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ValueError("names the home of an unknown user") from None


def _token(text: str) -> str:
    if re.search(r"\s", text):
        raise ValueError("contains a space or line break; it was probably cut or pasted wrongly")
    return text


def _words(text: object) -> list[str]:
    """Split `a,b` at the commas; an unset value has no words."""
    if text is None:
        return []
    words = [word.strip() for word in str(text).split(",")]
    if not all(words):
        raise ValueError("has an empty part between commas")
    return words


def _tokens(text: object) -> tuple[SecretStr, ...]:
    return tuple(SecretStr(_token(word)) for word in _words(text))


def _fernet_key(word: str) -> SecretStr:
    try:
        size = len(base64.b64decode(word.encode("ascii"), altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeEncodeError):
        size = 0
    if size != FERNET_KEY_BYTES:
        raise ValueError("must be a Fernet key: 32 bytes in URL-safe base64, 44 characters ending in =")
    return SecretStr(word)


def _fernet_keys(text: object) -> tuple[SecretStr, ...]:
    return tuple(_fernet_key(word) for word in _words(text))


def _api_key(word: str) -> ApiKey:
    shape = re.fullmatch(r"([\w.-]+):([\w.*-]+(?:\+[\w.*-]+)*):([0-9a-fA-F]{64})", word)
    if shape is None:
        raise ValueError("must be name:scope+scope:sha256hex, where the last part has 64 hexadecimal digits")
    return ApiKey(shape[1], frozenset(shape[2].split("+")), shape[3].lower())


def _api_keys(text: object) -> tuple[ApiKey, ...]:
    keys = tuple(_api_key(word) for word in _words(text))
    if len({key.name for key in keys}) < len(keys):
        raise ValueError("names one key twice")
    return keys


def _crm_names(text: object) -> tuple[str, ...]:
    names = tuple(word.lower() for word in _words(text))
    for name in names:
        if name not in CRM_NAMES:
            raise ValueError(f"names an unknown CRM; {did_you_mean(name, CRM_NAMES)}")
    if len(set(names)) < len(names):
        raise ValueError("names one CRM twice")
    return names


def _networks(text: object) -> tuple[Network, ...]:
    try:
        return tuple(map(ipaddress.ip_network, _words(text)))
    except ValueError:
        raise ValueError("must be networks such as 10.20.0.0/16, with commas between them") from None


def _basic_auth(text: str) -> str:
    for pair in _words(text):
        user, _, password = pair.partition(":")
        if not user or not password:
            raise ValueError("must be user:password")
    return text


def _platform_id(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,32}", text):
        raise ValueError("must be the id from the app dashboard, digits only; it is not the telephone number")
    return text


def _graph_version(text: str) -> str:
    if not re.fullmatch(r"v[1-9][0-9]*\.[0-9]+", text):
        raise ValueError("must be a Cloud (Graph) API version; the On-Premises API (2.x) ended on 2025-10-23")
    return text


def _api_version(text: str) -> str:
    if not re.fullmatch(r"v[0-9]+|[0-9]{4}-[0-9]{2}", text):
        raise ValueError("must be a version such as v8 or 2026-09")
    return text


def _region(text: str) -> str:
    region = text.upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("must be an ISO 3166 country of two letters")
    return region


def _company_name(text: str) -> str:
    # A template's footer, which carries the name (R8), holds 60 characters on the platform.
    if len(text) > 60 or not text.isprintable():
        raise ValueError("must be one line of at most 60 characters")
    return text


HttpUrl = Annotated[str, AfterValidator(_http_url)]
MyDomainUrl = Annotated[str, AfterValidator(_my_domain_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
SqlAlchemyUrl = Annotated[str, AfterValidator(_sqlalchemy_url)]
RedisUrl = Annotated[str, AfterValidator(_redis_url)]
Port = Annotated[int, BeforeValidator(_port)]
Bind = Annotated[str, AfterValidator(_bind)]
Folder = Annotated[Path, BeforeValidator(_folder)]
Token = Annotated[SecretStr, BeforeValidator(_token)]
Tokens = Annotated[tuple[SecretStr, ...], BeforeValidator(_tokens)]
FernetKeys = Annotated[tuple[SecretStr, ...], BeforeValidator(_fernet_keys)]
ApiKeys = Annotated[tuple[ApiKey, ...], BeforeValidator(_api_keys)]
CrmNames = Annotated[tuple[str, ...], BeforeValidator(_crm_names)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_networks)]
BasicAuth = Annotated[SecretStr, BeforeValidator(_basic_auth)]
PlatformId = Annotated[str, AfterValidator(_platform_id)]
GraphVersion = Annotated[str, AfterValidator(_graph_version)]
ApiVersion = Annotated[str, AfterValidator(_api_version)]
Region = Annotated[str, AfterValidator(_region)]
CompanyName = Annotated[str, AfterValidator(_company_name)]
Tier = Literal["standard", "enterprise"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
