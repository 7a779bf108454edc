"""A plan of messages that fail although they were accepted: which, with which code, how often."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from syncer.simulators.whatsapp.state import SentMessage

_COUNTED = ("id", "seen", "hits")


@dataclass(slots=True)
class Failure:
    """One line of the plan: `code` of the `failed` status for a `share` (0..1) of the messages that fit, at most
    `count` times, after the first `skip` were left alone. A message fits when it has the `kind`, `category`, `template`
    name, `to` (phone or user id), `phone_number_id` and `callback_data` given. With `at_once` it is refused in the
    answer."""

    code: int
    share: float = 1.0
    count: int | None = None
    skip: int = 0
    kind: str | None = None
    category: str | None = None
    template: str | None = None
    to: str | None = None
    phone_number_id: str | None = None
    callback_data: str | None = None
    at_once: bool = False
    id: int = 0
    seen: int = 0
    hits: int = 0

    def row(self) -> dict[str, Any]:
        """The line as JSON, with `hits` so far."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}

    def strikes(self, message: SentMessage, rng: random.Random) -> bool:
        """Decide for one message, counting it when it fits."""
        if not self._fits(message):
            return False
        self.seen += 1
        spent = self.count is not None and self.hits >= self.count
        if self.seen <= self.skip or spent or (self.share < 1.0 and rng.random() >= self.share):
            return False
        self.hits += 1
        return True

    def _fits(self, message: SentMessage) -> bool:
        if self.to is not None and self.to.lstrip("+") not in (message.customer.wa_id, message.customer.user_id):
            return False
        return all(
            wanted is None or wanted == getattr(message, name)
            for name in ("kind", "category", "template", "phone_number_id", "callback_data")
            for wanted in (getattr(self, name),)
        )


class FailurePlan:
    """The failures in force, in order; the first that strikes wins. Falsy while there are none."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._failures: list[Failure] = []
        self._last_id = 0

    def __bool__(self) -> bool:
        return bool(self._failures)

    def add(self, spec: Mapping[str, Any]) -> Failure:
        """Put one more in force; raises `ValueError` for a malformed one."""
        allowed = [item.name for item in fields(Failure) if item.name not in _COUNTED]
        if unknown := sorted(set(spec) - set(allowed)):
            raise ValueError(f"a failure has no {unknown[0]!r}; it has {', '.join(allowed)}")
        for name in ("code", "share", "count", "skip"):
            if not isinstance(spec.get(name, 0), int | float | None):
                raise ValueError(f"{name!r} is a number")
        if not spec.get("code"):
            raise ValueError("a failure needs a 'code'")
        self._last_id += 1
        self._failures.append(Failure(**spec, id=self._last_id))
        return self._failures[-1]

    def clear(self, failure_id: int | None = None) -> None:
        """Take one, or all, out of force."""
        self._failures = [item for item in self._failures if failure_id is not None and item.id != failure_id]

    def rows(self) -> list[dict[str, Any]]:
        """Every failure in force as JSON."""
        return [failure.row() for failure in self._failures]

    def pick(self, message: SentMessage) -> Failure | None:
        """The failure that hits this message, if any."""
        return next((failure for failure in self._failures if failure.strikes(message, self._rng)), None)
