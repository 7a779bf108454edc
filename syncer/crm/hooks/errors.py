"""What a target's answer means by what to do next (law 14)."""

from __future__ import annotations

from collections.abc import Mapping

from syncer.crm.refusals import Known, made
from syncer.domain.errors import DeliveryError, Never, TryAgain, TryLater

#: Zapier's word (and RFC 9110's) for "whoever wanted this wants it no more".
GONE = 410
#: Seconds that a target is left in peace which says "too many" and not how long.
_PAUSE = 60.0
#: Nobody waits longer than this on a target's word (seconds).
LONGEST_PAUSE = 3600.0

#: Everything else from 300 to 499 is `Never`: the very same request would be refused again.
_KNOWN: Mapping[int, Known] = {
    408: Known(TryAgain),
    425: Known(TryAgain),
    429: Known(TryLater, _PAUSE, "item"),
}


def error_of(status: int, headers: Mapping[str, str]) -> DeliveryError | None:
    """None for a delivery that was taken (2xx)."""
    if 200 <= status < 300:
        return None
    known = _KNOWN.get(status) or Known(TryAgain if status >= 500 or status < 200 else Never, scope="item")
    found = made(known, _detail(status), f"http_{status}", headers)
    if isinstance(found, TryLater):
        found.wait_seconds = min(found.wait_seconds, LONGEST_PAUSE)
    return found


def _detail(status: int) -> str:
    if 300 <= status < 400:
        return f"HTTP {status}: the target leads elsewhere, and redirects are not followed"
    return f"HTTP {status} from the target"
