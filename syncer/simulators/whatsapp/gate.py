"""Who is let in: access tokens, blocks of the account or of one number, and the limits on requests per hour.

Sources: error-codes page (190, 368, 131031, 131042, 131048 ...) and the platform's rate limits (200 management requests
an hour for an account without a registered number, 5,000 with one: 80007; an app's own limit: 4).
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from syncer.simulators.whatsapp.config import AccountRules
from syncer.simulators.whatsapp.errors import DETAILS, TABLE, GraphError

_HOUR = 3_600.0
_INACTIVE_PER_HOUR = 200


@dataclass(slots=True)
class Block:
    """Sends are refused with `code`: all, or those of `phone_number_id`, or only messages of some `types`.

    `until` is a unix second, None for as long as the block stands.
    """

    code: int
    phone_number_id: str | None = None
    types: tuple[str, ...] = ()
    details: str | None = None
    retry_after: float | None = None
    until: float | None = None
    id: int = 0
    hits: int = 0

    def concerns(self, number_id: str, kind: str, now: float) -> bool:
        """Whether it stops a message of this type from this number."""
        if self.until is not None and now >= self.until:
            return False
        return self.phone_number_id in (None, number_id) and (not self.types or kind in self.types)


class Gate:
    """Falsy while no block stands, so that the healthy path pays nothing."""

    def __init__(self, token: str, rules: AccountRules) -> None:
        self._token, self._rules = token, rules
        self.clear()

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def clear(self) -> None:
        """Back to the start: one token, no block, nothing counted."""
        self.tokens: set[str] = {self._token}
        self._expired: dict[str, float] = {}
        self._ends: dict[str, float] = {}
        self._blocks: list[Block] = []
        self._last_id = 0
        self._calls: deque[float] = deque()
        self._managed: deque[float] = deque()

    # --- tokens

    def accept(self, token: str) -> None:
        """From now on this token is good."""
        self.tokens.add(token)
        self._expired.pop(token, None)
        self._ends.pop(token, None)

    def will_expire(self, token: str, at: float) -> None:
        """Announce the unix second at which this token ends."""
        self._ends[token] = at

    def expires_at(self, token: str) -> int:
        """The unix second at which this token ends, 0 for never."""
        return int(self._ends.get(token, 0))

    def expire(self, token: str) -> None:
        """From now on this token is refused as expired."""
        self.tokens.discard(token)
        self._expired[token] = time.time()

    def token_refusal(self, token: str) -> GraphError:
        """Why this token is not accepted (190): expired (subcode 463), or never known."""
        if token not in self._expired:
            return GraphError(190)
        when = time.strftime("%A, %d-%b-%y %H:%M:%S PST", time.gmtime(self._expired[token]))
        text = f"Error validating access token: Session has expired on {when}."
        return GraphError(190, message=text, subcode=463)

    def token_rows(self) -> dict[str, list[str]]:
        """The tokens accepted and those expired."""
        return {"accepted": sorted(self.tokens), "expired": sorted(self._expired)}

    # --- blocks

    def block(self, spec: Mapping[str, Any]) -> Block:
        """Let a block stand; raises `ValueError` naming what is wrong with it."""
        allowed = {item.name for item in fields(Block)} - {"id", "hits", "until"} | {"seconds"}
        if unknown := sorted(set(spec) - allowed):
            raise ValueError(f"a block has no {unknown[0]!r}; it has {', '.join(sorted(allowed))}")
        if spec.get("code") not in TABLE:
            raise ValueError(f"a block needs a 'code' of the platform; {spec.get('code')!r} is none")
        seconds = spec.get("seconds")
        until = None if seconds is None else time.time() + float(seconds)
        values = {name: value for name, value in spec.items() if name != "seconds"}
        self._last_id += 1
        block = Block(**{**values, "types": tuple(spec.get("types") or ()), "until": until, "id": self._last_id})
        self._blocks.append(block)
        return block

    def lift(self, block_id: int | None = None) -> None:
        """Take one block, or all, away."""
        self._blocks = [block for block in self._blocks if block_id is not None and block.id != block_id]

    def block_rows(self) -> list[dict[str, Any]]:
        """Every block that stands, with how many sends it stopped."""
        return [asdict(block) for block in self._blocks]

    def check_send(self, number_id: str, kind: str) -> None:
        """Raise what a block says to a message of this type from this number."""
        now = time.time()
        for block in self._blocks:
            if block.concerns(number_id, kind, now):
                block.hits += 1
                error = GraphError(block.code, block.details or DETAILS.get(block.code) or TABLE[block.code][1])
                error.retry_after = block.retry_after
                raise error

    def standing(self, number_id: str) -> list[Block]:
        """The blocks that stop every message of a number now."""
        now = time.time()
        return [block for block in self._blocks if not block.types and block.concerns(number_id, "", now)]

    # --- requests per hour

    def count(self, *, managing: bool, registered: bool) -> None:
        """Count one request; raises 4 or 80007 beyond the hour's allowance."""
        now = time.time()
        if self._rules.app_calls_per_hour:
            _take(self._calls, self._rules.app_calls_per_hour, now, 4)
        if managing and self._rules.management_per_hour:
            _take(self._managed, self._management_limit(registered), now, 80007)

    def usage(self, registered: bool, waba_id: str) -> dict[str, str]:
        """The headers that tell how much of the allowance is used, in percent."""
        calls = _percent(self._calls, self._rules.app_calls_per_hour)
        managed = _percent(self._managed, self._management_limit(registered))
        spent = {"call_count": managed, "total_cputime": 0, "total_time": 0}
        business = {"type": "whatsapp_business_management", **spent, "estimated_time_to_regain_access": 0}
        return {
            "X-App-Usage": json.dumps({"call_count": calls, "total_cputime": 0, "total_time": 0}),
            "X-Business-Use-Case-Usage": json.dumps({waba_id: [business]}),
        }

    def _management_limit(self, registered: bool) -> int:
        limit = self._rules.management_per_hour
        return limit if registered else min(limit, _INACTIVE_PER_HOUR)


def _take(past: deque[float], limit: int, now: float, code: int) -> None:
    while past and past[0] <= now - _HOUR:
        past.popleft()
    if len(past) >= limit:
        raise GraphError(code, "Too many calls in the last hour. Wait and try again.")
    past.append(now)


def _percent(past: deque[float], limit: int) -> int:
    return min(100 * len(past) // limit, 100) if limit else 0
