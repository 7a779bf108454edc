"""What an answer of a CRM's API means by what to do next (law 14), as far as it is the same for every vendor.

A vendor's own codes stand in its `errors`. Here is the rest: statuses, `Retry-After`, and bodies that are no JSON, so
they were said by something between us and the vendor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from json import loads
from typing import Any

from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater
from syncer.domain.text import shorten, storable

#: Nobody waits longer than this on the word of a header (seconds).
LONGEST_WAIT = 24 * 3600.0
#: The code of an answer that is a success and yet not what was promised: cut off, or of another shape.
HALF_ANSWER = "half_answer"
#: The code of an answer that is no JSON at all.
NOT_JSON = "not_json"
_LONGEST_DETAIL = 500
_BODY_IS_PAGE = re.compile(rb"^\s*(?:\xef\xbb\xbf)?\s*<", re.IGNORECASE)
_ASKS_TO_LOG_IN = re.compile(rb"log[ -]?in|sign[ -]?in|password|captcha|single sign-on", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Known:
    """The error that a code becomes; where time cures it, the seconds to wait, and for whom."""

    error: type[DeliveryError]
    wait: float = 0.0
    scope: str = "number"


@dataclass(frozen=True, slots=True)
class Vendor:
    """Who speaks: `name` as people know it, `address` the variable that says where it is, `statuses` what each HTTP
    status means where no code is known."""

    name: str
    address: str
    statuses: Mapping[int, Known]

    def by_status(self, status: int) -> Known | None:
        """What the status alone means."""
        return self.statuses.get(status) or (Known(TryAgain) if status >= 500 else None)

    def not_promised(self, status: int, body: bytes) -> DeliveryError:
        """What a success means that is not what was promised: a page of somebody else's, or half an answer. Returned,
        not raised, as by the others."""
        if not _BODY_IS_PAGE.match(body):
            text = f"HTTP {status}: the answer ends too early or is none of {self.name}'s"
            return TryAgain(text, code=HALF_ANSWER)
        if _ASKS_TO_LOG_IN.search(body[:20_000]):
            text = f"HTTP {status}: a page that asks to log in, not {self.name}'s answer"
            return FixCredentials(text, code=NOT_JSON)
        text = f"HTTP {status}: a web page, not {self.name}'s answer"
        return TryLater(text, code=NOT_JSON, wait_seconds=60.0)

    def unspoken(self, status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError:
        """No JSON: something between us and the vendor spoke, or the vendor broke down before it could."""
        code = f"http_{status}"
        if 300 <= status < 400:
            return FixCredentials(f"HTTP {status}: led elsewhere; is {self.address} right?", code=code)
        if status < 300:
            return self.not_promised(status, body)
        if status == 404:
            return FixCredentials(f"HTTP 404: not {self.name}'s answer; is {self.address} right?", code=code)
        known = self.by_status(status)
        if known is None or known.error is Never:
            known = Known(TryLater, 60.0)
        return made(known, f"HTTP {status} without a reason", code, headers)

    def silence(self, what: str = "this record") -> TryAgain:
        """An answer that leaves something out."""
        return TryAgain(f"{self.name} says nothing of {what}", code=HALF_ANSWER)


def made(known: Known, detail: str, code: str, headers: Mapping[str, str]) -> DeliveryError:
    """The error itself; a header that asks to wait is obeyed."""
    wait = _retry_after(headers)
    if known.error is TryLater or (known.error is TryAgain and wait is not None):
        seconds = known.wait if wait is None else wait
        return TryLater(detail, code=code, wait_seconds=seconds, scope=known.scope)
    return known.error(detail, code=code)


def object_of(body: bytes) -> dict[str, Any] | None:
    """The JSON object of an answer; None for anything else."""
    told = json_of(body)
    return told if isinstance(told, dict) else None


def json_of(body: bytes) -> Any:
    """The JSON of an answer; None for what is none."""
    try:
        return loads(body)
    except (ValueError, RecursionError):
        return None


def sentence(parts: Iterable[object]) -> str:
    """What is told of a refusal, each part once."""
    return shorten(storable("; ".join(dict.fromkeys(str(part) for part in parts if part))), _LONGEST_DETAIL)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the header asks for, at most `LONGEST_WAIT`."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return min(max(float(text), 0.0), LONGEST_WAIT)
    except ValueError:
        return None
