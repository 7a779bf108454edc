"""How much of the platform's hourly allowance is used up, as its answers' headers tell (X-App-Usage,
X-Business-Use-Case-Usage).

Their shape is not documented for this platform: whatever is not understood is passed over, and nothing fails on it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import loads
from typing import Any

#: Percent from which on an operator hears of it.
ALARMING = 80.0
_SHARES = ("call_count", "total_cputime", "total_time")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Usage:
    """The highest share of an allowance that is used up, in percent, and the seconds until calls are answered again
    (0 while they are)."""

    percent: float
    regain_seconds: float = 0.0


class UsageMeter:
    """Keeps the latest word on each allowance; all threads of a process share one."""

    def __init__(self) -> None:
        self._latest: dict[str, Usage] = {}

    def latest(self) -> dict[str, Usage]:
        """By allowance: `app`, or a business account's id and the kind of calls."""
        return dict(self._latest)

    def note(self, headers: Mapping[str, str]) -> None:
        """Read an answer's headers; says so once when an allowance runs short. Never raises."""
        for allowance, usage in _told(headers):
            before = self._latest.get(allowance)
            self._latest[allowance] = usage
            if usage.percent >= ALARMING and (before is None or before.percent < ALARMING):
                logger.warning(
                    "%.0f %% of the platform's allowance %s is used up; calls are answered again in %.0f s",
                    usage.percent,
                    allowance,
                    usage.regain_seconds,
                )


def _told(headers: Mapping[str, str]) -> Iterator[tuple[str, Usage]]:
    app = _json(headers.get("X-App-Usage"))
    if isinstance(app, dict) and any(name in app for name in _SHARES):
        yield "app", _usage(app)
    business = _json(headers.get("X-Business-Use-Case-Usage"))
    for account, uses in business.items() if isinstance(business, dict) else ():
        for use in uses if isinstance(uses, list) else ():
            if isinstance(use, dict):
                yield f"{account} {use.get('type', 'calls')}", _usage(use)


def _usage(told: Mapping[str, Any]) -> Usage:
    """`estimated_time_to_regain_access` is in minutes."""
    shares = [_number(told.get(name)) for name in _SHARES]
    return Usage(max(shares), _number(told.get("estimated_time_to_regain_access")) * 60)


def _json(text: str | None) -> Any:
    try:
        return loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _number(value: object) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) else 0.0
