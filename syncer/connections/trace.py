"""The trace of what was said to a provider, fit to be read by others: no secrets, no numbers, no words of people."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

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
#: Parts of a path that are neither words of an API nor a record's own id: addresses, keys made of a person's number.
_OF_PEOPLE = re.compile(r"(?i)[^a-z0-9_.-]|^[a-z]+[-_]?\d{7,}$")
#: A record's own id in an answer. HubSpot's and Zoho's are digits, Salesforce's 15 or 18 letters and digits.
_ID = re.compile(rb'"(?:id|Id)"\s*:\s*"(\d{3,20}|[0-9A-Za-z]{15}|[0-9A-Za-z]{18})"')
_MOST_IDS = 5

logger = logging.getLogger("syncer.http")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it. `sent` is the body, or something that says what it is; `failure` why there was
    no answer, and the status is 0 then."""

    method: str
    url: str
    sent: object
    seconds: float
    status: int = 0
    answer: bytes = b""
    failure: str = ""

    @classmethod
    def of(
        cls,
        prepared: requests.PreparedRequest,
        seconds: float,
        status: int = 0,
        answer: bytes = b"",
        failure: str = "",
    ) -> Exchange:
        """Of a request that was made ready."""
        return cls(prepared.method or "", prepared.url or "", prepared.body or b"", seconds, status, answer, failure)


Witness = Callable[[Exchange], None]
"""Whoever hears of every exchange."""


def write(told: Exchange) -> None:
    """One line for one exchange, at the level of debugging."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    if told.failure:
        logger.debug("%s %s failed: %s", told.method, urlsplit(told.url).netloc, told.failure)
        return
    sent = told.sent[:LONGEST].decode("utf-8", "replace") if isinstance(told.sent, bytes) else str(told.sent)[:LONGEST]
    answer = told.answer[:LONGEST].decode("utf-8", "replace")
    line = (told.method, masked(told.url), masked(sent), told.status, told.seconds * 1000, masked(answer))
    logger.debug("%s %s %s -> %d in %.0f ms %s", *line)


def write_outline(told: Exchange) -> None:
    """As `write`, where any value may be a person's: only the path, sizes in bytes and the ids of records."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    size = len(told.sent) if isinstance(told.sent, bytes | str) else 0
    ids = [one.decode() for one in _ID.findall(told.answer)]
    more = "" if len(ids) <= _MOST_IDS else f" and {len(ids) - _MOST_IDS} more"
    logger.debug(
        "%s %s (%d bytes) -> %s in %.0f ms (%d bytes) ids %s%s",
        told.method,
        named(told.url),
        size,
        told.failure or told.status,
        told.seconds * 1000,
        len(told.answer),
        ",".join(ids[:_MOST_IDS]) or "-",
        more,
    )


def named(url: str) -> str:
    """Host and path without the query; what may name a person in the path is masked."""
    parts = urlsplit(url)
    path = "/".join("***" if _OF_PEOPLE.search(part) else part for part in parts.path.split("/"))
    return f"{parts.netloc}{path}"


def masked(text: str) -> str:
    """Without secrets and without what people wrote; of long numbers only the last three digits."""
    return _LONG_NUMBER.sub("***", _SECRET.sub(r"\1***", _WORDS.sub(r'\1"***"', text)))
