"""How often something was done, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """Exchanges with `crm` of one `kind`: how many, the seconds of all together, and how many took no longer than each
    of some bounds (seconds)."""

    crm: str
    kind: str
    count: int
    seconds: float
    within: Mapping[float, int]
