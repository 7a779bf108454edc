"""The trace of what was said to a provider, fit to be read by others: no secrets, no numbers, no words of people."""

from __future__ import annotations

import logging
import re

import requests

#: Bytes of a body that are shown.
LONGEST = 500
_SECRET = re.compile(r'(?i)((?:token|secret|password|pin)"?\s*[=:]\s*"?|\bcode=|"code"\s*:\s*"(?=\d))[^"&\s,}]+')
#: What people write to each other, one-time codes among it, is no part of a trace.
_WORDS = re.compile(
    r'("(?:text|body|caption|payload|coupon_code|phone|email|formatted_name|first_name|address)"\s*:\s*)'
    r'"(?:[^"\\]|\\.)*(?:"|\\?$)'
)
_LONG_NUMBER = re.compile(r"\+?\d{6,}(?=\d{3})")


def write(
    logger: logging.Logger, prepared: requests.PreparedRequest, status: int, answer: bytes, seconds: float
) -> None:
    """One line for one exchange, at the level of debugging."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    sent = prepared.body or b""
    logger.debug(
        "%s %s %s -> %d in %.0f ms %s",
        prepared.method,
        masked(prepared.url or ""),
        masked(sent[:LONGEST].decode("utf-8", "replace") if isinstance(sent, bytes) else str(sent)[:LONGEST]),
        status,
        seconds * 1000,
        masked(answer[:LONGEST].decode("utf-8", "replace")),
    )


def masked(text: str) -> str:
    """Without secrets and without what people wrote; of long numbers only the last three digits."""
    return _LONG_NUMBER.sub("***", _SECRET.sub(r"\1***", _WORDS.sub(r'\1"***"', text)))
