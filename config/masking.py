"""What must not be read in a log: secrets vanish, telephone numbers keep their last three digits."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

import phonenumbers

HIDDEN = "***"

SHORTEST_SECRET = 6
"""A shorter text is not masked by value: it would blank out ordinary words."""

SECRET_PATTERNS = (
    # Authorization headers: Bearer (Graph, HubSpot, Salesforce), Zoho's own scheme, basic auth.
    (re.compile(r"\b(Bearer|Basic|Zoho-oauthtoken)\s+[\w.~+/=|-]{6,}", re.I), rf"\1 {HIDDEN}"),
    # access_token=..., "app_secret": "...", client_secret%3D...: in query strings, JSON and representations.
    (
        re.compile(
            r"""\b([\w.-]{0,40}?(?:token|secret|secret_?key|api_?key|appsecret_proof|password|passwd|pin|otp|authorization)"""
            r"""["']?\s*(?:=|:|%3D)\s*["']?)(?!Bearer |Basic |Zoho-|\*\*\*)[^\s"'&,;)}\]]+""",
            re.I,
        ),
        rf"\1{HIDDEN}",
    ),
    # Graph API tokens wherever they stand.
    (re.compile(r"\bEAA[A-Za-z0-9]{16,}"), HIDDEN),
    # user:password@ in addresses.
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
)

BEFORE = r"(?<![A-Za-z0-9_+-])(?<!\d\.)"
AFTER = r"(?![A-Za-z0-9_-]|\.\d)"
"""A number inside a word, a decimal fraction or a hyphenated id is no telephone number. Latin letters only: Chinese
is written without spaces, so a number follows its word at once."""

INTERNATIONAL = re.compile(rf"{BEFORE}(?:\+|%2B|00)[1-9](?:[ ().-]{{0,2}}\d){{6,14}}(?!\d)", re.I)
"""E.164 and the ways people write it: with separators, with 00, or escaped in an address."""

TRUNK_ZERO = r"\(?0\d{1,3}\)?[ -]?\d{3,4}[ -]?\d{3,4}"
CHINA_MOBILE = r"1[3-9]\d{9}"
NORTH_AMERICA = r"\d{3}-\d{3}-\d{4}|\(\d{3}\) ?\d{3}-\d{4}"
NATIONAL = re.compile(f"{BEFORE}(?:{TRUNK_ZERO}|{CHINA_MOBILE}|{NORTH_AMERICA}){AFTER}")
"""With a trunk 0 (TW, JP, GB ...), mainland Chinese mobiles, and North American numbers with separators."""

BARE = re.compile(rf"{BEFORE}[1-9]\d{{9,14}}{AFTER}")
"""Digits alone, as in a wa_id; masked only if they are a valid number, because ids and times look alike."""


class Mask:
    """Masks texts; made with the secrets in use, so that they are found wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        words = sorted({word for word in secrets if len(word) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, words))) if words else None

    def __call__(self, text: str) -> str:
        """`text` without its secrets and with its telephone numbers shortened to their last three digits."""
        if self._secrets:
            text = self._secrets.sub(HIDDEN, text)
        for pattern, replacement in SECRET_PATTERNS:
            text = pattern.sub(replacement, text)
        text = INTERNATIONAL.sub(_shortened, text)
        text = NATIONAL.sub(_shortened, text)
        return BARE.sub(lambda match: _shortened(match) if _is_phone(match[0]) else match[0], text)


def _shortened(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    return f"{'+' if match[0].startswith('+') else ''}{HIDDEN}{digits[-3:]}"


@functools.lru_cache(maxsize=1024)
def _is_phone(digits: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return False
